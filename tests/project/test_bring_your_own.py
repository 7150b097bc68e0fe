"""Params alone make question sets of the shared real sets: a field map, a grader, a rule or two."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from stages.core.program import params
from stages.core.questions.items import QuestionSet
from stages.core.records import Question
from stages.questions import collect
from tests.made import SHARED

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")
SETS: dict[str, dict[str, Any]] = {
    "gsm8k": {
        "group": "in_distribution",
        "grader": "numeric",
        "files": {"train": "train.jsonl", "test": "test.jsonl"},
        "fields": {"question": "question", "gold": "answer"},
        "gold_pattern": r"####\s*(.+)$",
        "sizes": {"train": None, "test": None},
    },
    "math500": {
        "group": "ood_reasoning",
        "grader": "math",
        "files": {"test": "test.jsonl"},
        "fields": {"id": "unique_id", "question": "problem", "gold": "answer"},
        "sizes": {"test": None},
    },
    "arc_challenge": {
        "group": "ood_knowledge",
        "grader": "choice",
        "files": {"train": "train.json", "test": "test.json"},
        "fields": {"question": "instruction", "gold": "answer"},
        "duplicates": "drop",
        "sizes": {"train": None, "test": None},
    },
    "multiarith": {
        "group": "ood_reasoning",
        "grader": "numeric",
        "files": {"pool": "test.json"},
        "fields": {"question": "instruction", "gold": "answer"},
        "duplicates": "drop",
        "sizes": {"train": None, "test": 200},
    },
}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Collects one of the sets from a copy of its files in data/imports/questions/."""
    monkeypatch.chdir(tmp_path)

    def loaded(name: str) -> tuple[list[Question], dict[str, int]]:
        files = {split: f"questions/{name}/{file}" for split, file in SETS[name]["files"].items()}
        for file in files.values():
            target = tmp_path / "data/imports/questions" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SHARED / file, target)
        entry = params.section(
            QuestionSet, SETS[name] | {"kind": "file", "files": files}, f"questions.sets.{name}"
        )
        return collect(name, entry)

    return loaded


@pytest.mark.parametrize(
    ("name", "sizes", "dropped", "gold"),
    [
        ("gsm8k", {"train": 7473, "test": 1319}, {}, "18"),
        ("math500", {"test": 500}, {}, r"\left( 3, \frac{\pi}{2} \right)"),
        ("arc_challenge", {"train": 1118, "test": 1172}, {"duplicate": 1}, "answer3"),
        ("multiarith", {"train": 380, "test": 200}, {"duplicate": 20}, "15.0"),
    ],
)
def test_real_set_loads(
    load: Any, name: str, sizes: dict[str, int], dropped: dict[str, int], gold: str
) -> None:
    questions, lost = load(name)
    assert lost == dropped
    assert {split: sum(row.split == split for row in questions) for split in sizes} == sizes
    assert len(questions) == sum(sizes.values()) == len({row.question_id for row in questions})
    assert len({row.question for row in questions}) == len(questions)
    assert {(row.source, row.grader) for row in questions} == {(name, SETS[name]["grader"])}
    assert gold in {row.gold for row in questions}
