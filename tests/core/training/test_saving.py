"""What is saved is what was trained: of every student of the paper, by one process and two,
adapters too.
"""

import copy
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from stages.core import tokens
from stages.core.program.errors import StageError
from stages.core.training import run as runs
from stages.core.training.saved import saving, tensors
from stages.train import main
from tests.composing import students
from tests.core.training.conftest import Train
from tests.core.training.students import ARM, CELL, METHODS, TRAINING, curve, project, started
from tests.made import LORA
from tests.miniatures import build

# Largest difference of a loss of about 6.5, before anything was learned (the rate of the first step
# is 0), and after: it then falls by 0.5 or more, and AdamW's first updates make much of rounding.
# How bf16 rounds depends on the CPU; one rounding of such a loss may be 0.4% of it, 0.025.
BEFORE, AFTER = 0.01, 0.03
ROUNDING = 0.02  # distance of logits; saving.TOLERANCE names it
NAMES = ["qwen08b", "qwen9b", "llama8b", "gptoss20b"]
SLOW = [("qwen9b", "lora"), ("llama8b", "lora")]
QUICK_PAIRS = [("qwen9b", "full"), ("gptoss20b", "lora")]

Cell = Callable[[str, str, int], Path]


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Cell:
    """Where a student was trained by a method in so many processes."""
    root_by_cell: dict[tuple[str, str, int], Path] = {}

    def run(name: str, method: str, processes: int) -> Path:
        key = name, method, processes
        if key not in root_by_cell:
            training = dataclasses.replace(TRAINING, processes=processes)
            root = project(name, tmp_path_factory.mktemp(name), METHODS[method], training)
            if processes > 1:
                done = started(root)
                assert done.returncode == 0, done.stderr
            else:
                with pytest.MonkeyPatch.context() as patch:
                    patch.chdir(root)
                    assert (
                        CliRunner()
                        .invoke(main, ["--profile", "test", *ARM], catch_exceptions=False)
                        .exit_code
                        == 0
                    )
            root_by_cell[key] = root
        return root_by_cell[key]

    return run


def logits(model: Any) -> torch.Tensor:
    """What a model says about a fixed text."""
    with torch.inference_mode():
        values: torch.Tensor = model.eval()(torch.arange(40, 60)[None]).logits
    return values.float()


def read(folder: Path) -> Any:
    """The model of a folder, in bf16, as the transformers engine reads it."""
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, attn_implementation="eager"
    )


def check(root: Path, adapter: bool) -> None:
    """The files have the base's tensors, in bf16; they hold another student; base and adapter are
    the same student.
    """
    base, out = root / "data/test/models/mine", root / "data/test/checkpoints" / CELL
    assert tensors.stored(out) == tensors.stored(base)
    assert {dtype for _, dtype in tensors.stored(out).values()} == {"BF16"}
    assert not list((root / "data/scratch").iterdir())
    after, before = logits(read(out)), logits(read(base))
    learned = saving.logit_distance(after[0], before[0])
    assert learned > 5 * ROUNDING
    assert (out / "adapter").exists() == adapter
    if adapter:
        apart = logits(PeftModel.from_pretrained(read(base), out / "adapter"))
        assert saving.logit_distance(apart[0], after[0]) < ROUNDING


@pytest.mark.parametrize(
    ("name", "method"),
    [
        pytest.param(name, method, marks=pytest.mark.slow if (name, method) in SLOW else [])
        for name in NAMES
        for method in METHODS
    ],
)
def test_one_process_saves_what_it_trained(name: str, method: str, cell: Cell) -> None:
    check(cell(name, method, 1), adapter=method == "lora")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "method"),
    [
        pytest.param(name, method, marks=[] if (name, method) in QUICK_PAIRS else pytest.mark.slow)
        for name in NAMES
        for method in METHODS
    ],
)
def test_two_processes_learn_and_save_what_one_does(name: str, method: str, cell: Cell) -> None:
    root, other = cell(name, method, 2), cell(name, method, 1)
    check(root, adapter=method == "lora")
    for (step, tokens_seen, loss, rate), other_point in zip(curve(root), curve(other), strict=True):
        assert [step, tokens_seen, rate] == [other_point[0], other_point[1], other_point[3]]
        assert loss == pytest.approx(other_point[2], abs=BEFORE if step <= 2 else AFTER), step


@pytest.mark.parametrize("name", NAMES)
def test_checkpoints_ask_by_their_template_what_training_asked(name: str, cell: Cell) -> None:
    root = cell(name, "full", 1)
    tokenizer = tokens.load(root / "data/test/checkpoints" / CELL)
    template = students("paper")[name]["text"]["prompt_template"]
    for question in ("What is 2 + 2?", " {{ x }} \n'\"\\ {question} %}\n"):
        turn = [{"role": "user", "content": question}]
        ids = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=False)
        assert ids == tokens.ids(tokenizer, template.replace("{question}", question))


def spoil(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, torch.Tensor]], Any], kind: type
) -> None:
    """Has the weights that a model or an adapter writes changed on their way into the file."""
    save = kind.save_pretrained  # type: ignore[attr-defined]

    def saved(self: Any, folder: Path, *rest: Any, **named: Any) -> None:
        save(self, folder, *rest, **named)
        (path,) = Path(folder).glob("*.safetensors")
        state = load_file(path)
        change(state)
        save_file(state, path, metadata={"format": "pt"})

    monkeypatch.setattr(kind, "save_pretrained", saved)


def scale(state: dict[str, torch.Tensor], part: str, factor: float) -> None:
    """Multiplies the tensors whose names have `part` in them."""
    state.update({name: tensor * factor for name, tensor in state.items() if part in name})


DOWN = "model.layers.1.mlp.down_proj.weight"
UP = "base_model.model.model.layers.1.mlp.up_proj.lora_B.weight"
FAULTS: dict[str, tuple[type, Callable[[dict[str, torch.Tensor]], Any], str]] = {
    "lost": (
        PreTrainedModel,
        lambda state: state.pop(DOWN),
        f"{DOWN}: saved with shape none, expected",
    ),
    "renamed": (
        PreTrainedModel,
        lambda state: state.update({"down_proj$": state.pop(DOWN)}),
        "down_proj$: saved with shape (32, 64), expected none",
    ),
    "wide": (
        PreTrainedModel,
        lambda state: state.update({DOWN: state[DOWN].float()}),
        f"{DOWN}: saved as F32, expected BF16",
    ),
    "changed": (
        PreTrainedModel,
        lambda state: scale(state, DOWN, 1.01),
        f"{DOWN}: read back it is not what was",
    ),
    "adapter": (
        PeftModel,
        lambda state: scale(state, "layers.1.mlp.up_proj.lora_B", 1.01),
        f"{UP}: read back it is",
    ),
}


@pytest.fixture(scope="module")
def learned(train: Train) -> runs.TrainingResult:
    """The tiny student after a run with LoRA."""
    return train(LORA)


@pytest.mark.parametrize("fault", FAULTS)
def test_folder_that_is_not_what_was_trained_is_refused(
    fault: str,
    learned: runs.TrainingResult,
    tiny: Path,
    tokenizer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind, change, complaint = FAULTS[fault]
    spoil(monkeypatch, change, kind)
    with pytest.raises(StageError, match=re.escape(complaint)) as caught:
        saving.save(copy.deepcopy(learned.model), learned.reference, tokenizer, tiny, tmp_path)
    assert "\n" not in str(caught.value)


def test_adapter_that_was_not_merged_is_refused(
    learned: runs.TrainingResult,
    tiny: Path,
    tokenizer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PeftModel, "merge_and_unload", lambda self: self.unload(), raising=False)
    with pytest.raises(StageError, match="read back it is another student"):
        saving.save(copy.deepcopy(learned.model), learned.reference, tokenizer, tiny, tmp_path)


def test_experts_that_are_lost_leave_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project("gptoss20b", tmp_path, METHODS["lora"])
    monkeypatch.chdir(root)
    spoil(
        monkeypatch,
        lambda state: state.pop("model.layers.0.mlp.experts.gate_up_proj"),
        PreTrainedModel,
    )
    done = CliRunner().invoke(main, ["--profile", "test", *ARM], catch_exceptions=False)
    assert done.exit_code == 1
    line = f"error: data/test/checkpoints/{CELL}: model.layers.0.mlp.experts.gate_up_proj: saved with shape none, "
    assert (
        line + "expected (4, 32, 64) as in data/test/models/mine; nothing was kept" in done.output
    )
    assert not [path for path in (root / "data/test/checkpoints").rglob("*") if path.is_file()]
    assert not (root / "metrics").exists()
    assert list((root / "data/scratch").iterdir())  # the run goes on from its last checkpoint


def test_quantised_student_is_refused_before_it_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project("gptoss20b", tmp_path, METHODS["lora"])
    folder = root / "data/test/models/mine"
    folder.rename(root / "plain")
    build("openai/gpt-oss-20b", folder)
    monkeypatch.chdir(root)
    done = CliRunner().invoke(main, ["--profile", "test", *ARM], catch_exceptions=False)
    assert done.exit_code == 1
    assert "would be saved under another name or in another shape" in done.output
