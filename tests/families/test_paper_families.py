"""Miniatures of the paper profile's models run once through their stages, by the profile's params."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from dvc.utils.hydra import compose_and_dump

from stages import assemble, compress, evaluate, generate, models, shorten, train
from stages.core import records
from stages.core.paths import DataPaths
from stages.core.records import Example, Prediction, Question, Response, Trace, Variant
from stages.core.students import sums
from tests.imports import ROOT
from tests.made import question, trace
from tests.miniatures import paper

TEACHER = "qwen397b"
# Each student by one method, and each method with families of both kinds. The tests of training
# have all pairs
STUDENTS = [("qwen08b", "full"), ("qwen9b", "lora"), ("llama8b", "full"), ("gptoss20b", "lora")]
TAUGHT = 3
ASKED = [*(question(number) for number in range(TAUGHT)), question(TAUGHT, split="test")]
# As little as shows that it works, because vocabularies have their real sizes
SHORT = ["methods.lora.accumulation=2", "methods.full.accumulation=2"] + [
    f"teachers.{name}.{entry}"
    for name in paper.profile()["teachers"]
    for entry in ("samples=1", "sampling.max_new_tokens=12")
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The current folder, with the paper's params for miniatures, questions and a teacher's traces."""
    torch.set_num_threads(1)  # more only get into each other's way at this size
    folder = tmp_path_factory.mktemp("paper")
    changes = [*paper.overrides(folder / "hub"), *SHORT]
    compose_and_dump(
        folder / "params.yaml",
        str(ROOT / "conf"),
        None,
        "config",
        None,
        ["profile=paper", *changes],
    )
    records.write(folder / "data/paper/questions.parquet", ASKED, Question)
    records.write(
        folder / f"data/paper/traces/{TEACHER}.parquet",
        [trace(number) for number in range(TAUGHT)],
        Trace,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def run(stage: Any, **cell: str) -> None:
    """One stage's command."""
    options = [
        word
        for name, value in ({"profile": "paper"} | cell).items()
        for word in (f"--{name}", value)
    ]
    done = CliRunner().invoke(stage.main, options, catch_exceptions=False)
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def compressed(root: Path) -> dict[str, list[Variant]]:
    """What each compressor made of the traces."""
    by_compressor = {}
    for name in paper.profile()["compressors"]:
        run(compress, teacher=TEACHER, compressor=name)
        by_compressor[name] = list(
            records.read(root / f"data/paper/compressed/{TEACHER}/{name}.parquet", Variant)
        )
    return by_compressor


@pytest.mark.parametrize("name", paper.profile()["teachers"])
def test_teacher_answers(root: Path, name: str) -> None:
    run(generate, teacher=name)
    given = list(records.read(root / f"data/paper/responses/{name}.parquet", Response))
    assert len({(row.reasoning, row.answer) for row in given} - {("", "")}) == len(given) == TAUGHT
    assert {row.finish_reason for row in given} <= {"stop", "length"}


def test_compressors_rewrite_each_in_its_own_words(compressed: dict[str, list[Variant]]) -> None:
    for variants in compressed.values():
        assert len(variants) == TAUGHT
        assert all(row.kept and row.reasoning.strip() for row in variants)
    first, second = compressed.values()
    assert {row.reasoning for row in first}.isdisjoint(row.reasoning for row in second)


@pytest.mark.parametrize(("name", "method"), STUDENTS)
def test_student_is_made_trained_and_asked(
    root: Path, compressed: dict[str, list[Variant]], name: str, method: str
) -> None:
    data = root / "data/paper"
    run(models, student=name)
    run(shorten, teacher=TEACHER, shortener="truncated_llama70b", student=name)
    run(assemble, teacher=TEACHER, student=name)
    examples = list(records.read(data / f"sft/{TEACHER}/{name}/raw.parquet", Example))
    assert len(examples) == TAUGHT
    cell = {"teacher": TEACHER, "target": "raw", "student": name, "method": method, "seed": "s0"}
    run(train, **cell)
    out = data / "checkpoints" / "-".join(cell.values())
    assert sums.damaged(out) is None
    records.write(DataPaths(data).example_questions(name), [], Question)
    run(evaluate, **cell)
    given = list(records.read(data / f"predictions/{out.name}.parquet", Prediction))
    assert [row.sample for row in given] == [0, 1]
    assert all(row.think_tokens + row.answer_tokens > 0 for row in given)
