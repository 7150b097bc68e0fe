"""The smoke profile's cells and sft sets, unchanged, in programs that others would use."""

import dataclasses
import json
import math
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import load_dataset
from huggingface_hub import ModelCard

from stages.core import chat, records
from stages.core.records import Example, Prediction, Question
from stages.core.students.origins import StudentSource, random_weights
from tests.e2e.project import Project
from tests.e2e.serve import serving
from tests.imports import ROOT
from tests.made import LORA, PLAIN, SHAPE, TEXT, example, load, params_file, run

BASE, SFT = "data/smoke/models/tiny", "data/smoke/sft/scripted/tiny"
CELL = "data/smoke/checkpoints/scripted-strong-tiny-lora-s0"
README = (ROOT / "docs/other_programs.md").read_text()
# In the precision in which transformers answers here
SERVED = "--max-model-len 256 --dtype float32 --enforce-eager"
NEW = 24


def prompts(root: Path, count: int) -> list[str]:
    """Prompts that the cell was trained with."""
    return [row.prompt for row in records.read(root / SFT / "strong.parquet", Example)][:count]


def greedy(model: Any, folder: Path, text: str, count: int = NEW) -> tuple[list[int], list[float]]:
    """The ids that transformers' greedy search adds to a prompt, and their log probabilities."""
    import torch
    from transformers import AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(text, add_special_tokens=False, return_tensors="pt")
    output = model.generate(
        **ids,
        do_sample=False,
        max_new_tokens=count,
        return_dict_in_generate=True,
        output_logits=True,
    )
    new = output.sequences[0, ids["input_ids"].shape[1] :].tolist()
    log_probabilities = [
        torch.log_softmax(step[0], -1)[token_id].item()
        for step, token_id in zip(output.logits, new, strict=True)
    ]
    return new, log_probabilities


def test_cell_answers_with_transformers_what_the_study_stored(smoked: Project) -> None:
    """With model, tokenizer and EOS of the folder alone, and no code of this project."""
    from transformers import AutoTokenizer

    cell, data = smoked.root / CELL, smoked.root / "data/smoke"
    model, tokenizer = load(cell), AutoTokenizer.from_pretrained(cell)
    questions = {
        row.question_id: row.question for row in records.read(data / "questions.parquet", Question)
    }
    stored = records.read(data / "predictions" / f"{cell.name}.parquet", Prediction)
    rows = [row for row in stored if row.sample == 0]
    assert len(rows) > 10
    for row in rows:
        new, _ = greedy(model, cell, f"{questions[row.question_id]}\n", count=8)
        assert chat.split(tokenizer.decode(new, skip_special_tokens=True)) == (
            row.reasoning,
            row.answer,
        )
        assert len(new) == row.think_tokens + row.answer_tokens


def test_adapter_on_the_student_is_the_merged_cell(smoked: Project) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smoked.root / CELL)
    ids = tokenizer(prompts(smoked.root, 1), add_special_tokens=False, return_tensors="pt")
    with torch.no_grad():
        base, merged = (load(smoked.root / name)(**ids).logits for name in (BASE, CELL))
        adapted = PeftModel.from_pretrained(
            load(smoked.root / BASE), smoked.root / CELL / "adapter"
        ).eval()
        apart = adapted(**ids).logits
    learned = torch.linalg.norm(merged - base)
    assert learned > 1
    assert (
        torch.linalg.norm(merged - apart) < 0.01 * learned
    )  # the merged weights are rounded to bf16


def test_card_says_what_the_params_and_metrics_say(smoked: Project) -> None:
    card = ModelCard.load(smoked.root / CELL / "README.md")
    assert (card.data.library_name, card.data.pipeline_tag) == ("transformers", "text-generation")
    assert {"compress-distill", "sft"} <= set(card.data.tags)
    card_rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]*?) \|$", card.text, re.MULTILINE))
    metrics = json.loads(
        (smoked.root / "metrics/smoke/train" / f"{Path(CELL).name}.json").read_text()
    )[0]
    params = yaml.safe_load((smoked.root / "params.yaml").read_text())["methods"]["lora"]
    assert card_rows["teacher"] == "scripted"
    assert card_rows["examples"] == f"{metrics['examples']}, 1 passes"
    assert card_rows["tokens trained on"].startswith(
        f"{metrics['completion_tokens']:,} of completions"
    )
    assert card_rows["mean loss at the end"] == str(metrics["final_loss"])
    assert card_rows["learning rate"].startswith(
        f"{params['learning_rate']:g}, {params['scheduler']}"
    )
    assert f"rank {params['lora']['rank']}" in card_rows["LoRA"]


def test_sft_sets_open_with_datasets(smoked: Project, tmp_path: Path) -> None:
    for path in sorted((smoked.root / SFT).glob("*.parquet")):
        opened = load_dataset(
            "parquet", data_files=str(path), split="train", cache_dir=str(tmp_path)
        )
        assert [Example(**row) for row in opened] == list(records.read(path, Example))
        assert {"prompt", "completion"} <= set(opened.column_names)


def test_sft_set_trains_with_trls_command_line(smoked: Project, tmp_path: Path) -> None:
    """By the config of docs/: TRL trains on as many tokens as we count, none twice and none cut."""
    config = next(
        yaml.safe_load(text)
        for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
        if "parquet" in text
    )
    assert config["datasets"][0]["data_files"].startswith("data/default/sft/")
    path = smoked.root / SFT / "strong.parquet"
    config["datasets"][0]["data_files"] = str(path)
    (tmp_path / "sft.yaml").write_text(yaml.safe_dump(config))
    options = f"--output_dir {tmp_path / 'out'} --num_train_epochs 1"
    options += " --per_device_train_batch_size 4 --logging_steps 1"
    options += (
        f" --model_name_or_path {smoked.root / BASE} --use_cpu true --bf16 false --report_to none"
    )
    options += " --learning_rate 1e-3 --save_strategy no"
    done = subprocess.run(
        ["trl", "sft", "--config", str(tmp_path / "sft.yaml"), *options.split()],
        env=smoked.env | {"HF_HOME": str(tmp_path / "hub"), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    logged = [
        float(number)
        for number in re.findall(r"'num_tokens': '([\d.e+]+)'", done.stdout + done.stderr)
    ]
    rows = list(records.read(path, Example))
    assert len(logged) == math.ceil(len(rows) / 4)
    # TRL prints four digits
    assert logged[-1] == pytest.approx(
        sum(row.prompt_tokens + row.completion_tokens for row in rows), rel=1e-3
    )
    losses = [
        float(number) for number in re.findall(r"'loss': '([\d.]+)'", done.stdout + done.stderr)
    ]
    assert losses[-1] < losses[0]
    load(tmp_path / "out")


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a cell that has learned its examples, of heads as wide as vLLM's attention on
    a CPU wants them.
    """
    root = tmp_path_factory.mktemp("learned")
    student = {"text": TEXT, "training": dataclasses.asdict(PLAIN)}
    method = dataclasses.asdict(dataclasses.replace(LORA, epochs=20))
    params_file(root, students={"tiny": student}, methods={"m": method}, seeds={"s0": 0})
    random_weights(
        StudentSource(kind="random", config=SHAPE | {"head_dim": 32}),
        root / "data/test/models/tiny",
    )
    rows = [example(number, "<|im_end|>") for number in range(1, 9)]
    records.write(root / "data/test/sft/t/tiny/raw.parquet", rows, Example)
    cell = (
        "--teacher",
        "t",
        "--target",
        "raw",
        "--student",
        "tiny",
        "--method",
        "m",
        "--seed",
        "s0",
    )
    done = run("stages.train", "--profile", "test", *cell, cwd=root)
    assert done.returncode == 0, done.stderr[-2000:]
    return root / "data/test"


def agree(url: str, name: str, model: Any, folder: Path) -> list[list[int]]:
    """What a server's model adds to four prompts, id by id what transformers adds."""
    from openai import OpenAI

    client, answers = OpenAI(base_url=url, api_key="none"), []
    assert name in [model_entry.id for model_entry in client.models.list()]
    for number in range(4, 8):
        text = f"Count to {number}.\n"
        extra: dict[str, Any] = {"add_special_tokens": False, "return_token_ids": True}
        completion = client.completions.create(
            model=name, prompt=text, temperature=0, max_tokens=NEW, logprobs=1, extra_body=extra
        ).choices[0]
        new, likely = greedy(model, folder, text)
        assert completion.token_ids == new
        assert completion.logprobs.token_logprobs == pytest.approx(likely, abs=2e-3)
        answers.append(new)
    return answers


@pytest.mark.slow
@pytest.mark.vllm
@pytest.mark.timeout(900)
def test_cell_served_by_vllm_answers_as_transformers(learned: Path, tmp_path: Path) -> None:
    cell = learned / "checkpoints/t-raw-tiny-m-s0"
    with serving(cell, tmp_path, "--served-model-name", "cell", *SERVED.split()) as url:
        agree(url, "cell", load(cell), cell)


@pytest.mark.slow
@pytest.mark.vllm
@pytest.mark.timeout(900)
def test_adapter_served_by_vllm_answers_as_peft(learned: Path, tmp_path: Path) -> None:
    """On the student's own folder, which goes on answering as itself."""
    from peft import PeftModel

    base, adapter = learned / "models/tiny", learned / "checkpoints/t-raw-tiny-m-s0/adapter"
    options = (
        f"--served-model-name student --enable-lora --max-lora-rank 8 --lora-modules cell={adapter}"
    )
    with serving(base, tmp_path, *SERVED.split(), *options.split()) as url:
        before = agree(url, "student", load(base), base)
        after = agree(url, "cell", PeftModel.from_pretrained(load(base), adapter).eval(), base)
    assert before != after
