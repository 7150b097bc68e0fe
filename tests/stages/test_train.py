"""The train command: one cell's weights, its costs, and apart from them the seconds."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import ModelCard
from transformers import AutoModelForCausalLM

from stages.core import records
from stages.core.records import Example
from stages.train import main
from tests.conftest import Project
from tests.made import FULL, LORA, LORA_PARAMETERS, PLAIN, TEMPLATE, TEXT, example, leftovers

CELL = "solver-raw-tiny-how-s0"
ARM = [
    "--teacher",
    "solver",
    "--target",
    "raw",
    "--student",
    "tiny",
    "--method",
    "how",
    "--seed",
    "s0",
]


def train(
    project: Project, tiny: Path, examples: list[Example], method: dict[str, Any]
) -> tuple[Path, Result]:
    """The command over those examples."""
    students = {"tiny": {"text": TEXT, "training": dataclasses.asdict(PLAIN)}}
    root = project(students=students, methods={"how": method}, seeds={"s0": 3})
    shutil.copytree(tiny, root / "data/test/models/tiny")
    records.write(root / "data/test/sft/solver/tiny/raw.parquet", examples, Example)
    return root, CliRunner().invoke(main, ["--profile", "test", *ARM], catch_exceptions=False)


@pytest.mark.parametrize(("method", "adapter"), [(FULL, False), (LORA, True)], ids=["full", "lora"])
def test_cell_leaves_weights_costs_and_seconds(
    project: Project, tiny: Path, tokenizer: Any, method: Any, adapter: bool
) -> None:
    examples = [example(number, tokenizer.eos_token) for number in range(1, 11)]
    root, done = train(project, tiny, examples, dataclasses.asdict(method))
    assert done.exit_code == 0
    out = root / "data/test/checkpoints" / CELL
    model = AutoModelForCausalLM.from_pretrained(out)
    assert (out / "adapter").exists() == adapter
    card = ModelCard.load(out / "README.md")
    assert card.data.library_name == "transformers"
    assert "| optimizer steps | 8, of 4 examples |" in card.text
    assert f"```\n{TEMPLATE}\n```" in card.text
    assert ("| LoRA | alpha 8, dropout 0.0, rank 4, " in card.text) == adapter
    if adapter:
        alone = ModelCard.load(out / "adapter/README.md")
        assert alone.data.library_name == "peft"
        assert "| optimizer steps | 8, of 4 examples |" in alone.text
    metrics = json.loads((root / f"metrics/test/train/{CELL}.json").read_text())[0]
    curve = metrics.pop("curve")
    assert (
        metrics
        == {
            "teacher": "solver",
            "target": "raw",
            "student": "tiny",
            "method": "how",
            "seed": "s0",
            "examples": 10,
            "prompt_tokens": 3 * sum(row.prompt_tokens for row in examples),
            "completion_tokens": 3 * sum(row.completion_tokens for row in examples),
            "steps": 8,  # 3 epochs of 10 examples, 4 at a time
            "trainable_params": LORA_PARAMETERS if adapter else model.num_parameters(),
            "final_loss": curve[-1][2],
            "flops_6n": 6 * model.num_parameters() * sum(row[1] for row in curve[-1:]),
            "passes": 3.0,
            "packed": False,
            "contamination": None,
        }
    )
    timing = json.loads((root / f"metrics/test/timing/{CELL}.json").read_text())[0]
    assert timing["cell"] == CELL
    assert 0 < timing["step_seconds"] < timing["total_seconds"]
    assert leftovers(root) == []


@pytest.mark.parametrize(
    ("changes", "count", "complaint"),
    [
        ({}, 0, "data/test/sft/solver/tiny/raw.parquet: no examples to train on; rerun assemble"),
        ({"learning_rate": "1e-3"}, 3, "methods.how.learning_rate: '1e-3' is not float"),
        ({"lr": 0.1}, 3, "methods.how.lr: unknown entry"),
        ({"scheduler": "zigzag"}, 3, "zigzag"),
    ],
)
def test_bad_cell_leaves_nothing(
    project: Project,
    tiny: Path,
    tokenizer: Any,
    changes: dict[str, Any],
    count: int,
    complaint: str,
) -> None:
    examples = [example(number, tokenizer.eos_token) for number in range(1, 1 + count)]
    root, done = train(project, tiny, examples, dataclasses.asdict(FULL) | changes)
    assert done.exit_code == 1
    assert complaint in done.output
    assert not (root / "data/test/checkpoints").exists()
    assert not (root / "metrics").exists()
