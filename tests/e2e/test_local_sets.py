"""A student answers the real question sets of ../shared/data, which only params name."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from stages.core import records
from stages.core.records import Prediction, Question, Score
from tests.e2e.project import Project
from tests.made import SHARED

FILES = {  # of each set, its file and what of it is asked
    "gsm8k": (
        "gsm8k/test.jsonl",
        {"question": "question", "gold": "answer"},
        "numeric",
        "in_distribution",
    ),
    "multiarith": (
        "multiarith/test.json",
        {"question": "instruction", "gold": "answer"},
        "numeric",
        "in_distribution",
    ),
    "arc": (
        "arc_challenge/test.json",
        {"question": "instruction", "gold": "answer"},
        "choice",
        "in_distribution",
    ),
    "math500": (
        "math500/test.jsonl",
        {"id": "unique_id", "question": "problem", "gold": "answer", "difficulty": "level"},
        "math",
        "ood_reasoning",
    ),
    "boolq": (
        "boolq/test.json",
        {"question": "instruction", "gold": "answer"},
        "boolean",
        "ood_reasoning",
    ),
    "piqa": (
        "piqa/test.json",
        {"question": "instruction", "gold": "answer"},
        "choice",
        "ood_knowledge",
    ),
    "winogrande": (
        "winogrande/test.json",
        {"question": "instruction", "gold": "answer"},
        "choice",
        "ood_knowledge",
    ),
}
ASKED = 3  # questions of each set


def profile() -> str:
    """The smoke profile with the real sets as its test questions."""
    sets: dict[str, object] = dict.fromkeys(("products", "equations", "mixed", "legs"))
    sets["chain_sum"] = {
        "sizes": {"train": 8, "validation": 2, "test": 0}
    }  # for the scripted teacher
    for name, (file, fields, grader, group) in FILES.items():
        sets[name] = {
            "kind": "file",
            "group": group,
            "grader": grader,
            "files": {"test": name + Path(file).suffix},
            "fields": fields,
            "sizes": {"test": ASKED},
            "duplicates": "drop",
        }
    sets["gsm8k"]["gold_pattern"] = r"####\s*(.+)$"  # type: ignore[index]
    changes = {"profile": "real", "grid": {"profiles": ["real"]}, "questions": {"sets": sets}}
    changes["students"] = {"tiny": {"source": {"config": {"max_position_embeddings": 4096}}}}
    return "# @package _global_\n" + yaml.safe_dump(
        {"defaults": ["smoke", "_self_"]} | changes, sort_keys=False
    )


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")
def test_real_sets_are_answered_and_graded(tmp_path: Path) -> None:
    project = Project(tmp_path / "real")
    for name, (file, *_) in FILES.items():
        target = project.root / "data/imports/questions" / (name + Path(file).suffix)
        shutil.copy(SHARED / "questions" / file, target)
    (project.root / "conf/profile/real.yaml").write_text(profile())
    project.compose("real")
    project.repro("score_untrained@real-tiny")
    questions = {
        row.question_id: row
        for row in records.read(project.root / "data/real/questions.parquet", Question)
    }
    scores = list(records.read(project.root / "data/real/scores/untrained-tiny.parquet", Score))
    greedy = [questions[row.question_id] for row in scores if row.sample == 0]
    assert {name: sum(row.source == name for row in greedy) for name in FILES} == dict.fromkeys(
        FILES, ASKED
    )
    assert {row.source: (row.grader, row.group) for row in greedy} == {
        name: entry[2:] for name, entry in FILES.items()
    }
    assert len(scores) == len(FILES) * (ASKED + 2)  # two of each set are drawn once besides
    right = [
        Prediction(
            question_id=one.question_id,
            sample=0,
            reasoning="",
            answer=f"The answer is {one.gold}.",
            finish_reason="stop",
            think_tokens=0,
            answer_tokens=9,
        )
        for one in greedy
    ]
    records.write(project.root / "data/real/predictions/untrained-tiny.parquet", right, Prediction)
    project.run("python", "-m", "stages.score", "--profile", "real", "--student", "tiny")
    cell = json.loads((project.root / "metrics/real/cells/untrained-tiny.json").read_text())
    assert {
        name: entry["greedy"]["accuracy"] for name, entry in cell["sets"].items()
    } == dict.fromkeys(FILES, 1.0)
