"""The paper profile's field maps, on rows of our own in the form of each data set (tests/hub)."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core.grading.choice import options
from stages.core.program import params
from stages.core.questions.items import QuestionSet
from stages.core.records import Question
from stages.questions import collect
from tests.composing import Composer
from tests.hub import folders
from tests.imports import ROOT
from tools import set_sizes

SETS: dict[str, Any] = yaml.safe_load((ROOT / "conf/profile/paper.yaml").read_text())["questions"][
    "sets"
]
OPTIONS = {"boolq": 0, "gsm8k": 0, "multiarith": 0, "math": 0, "aqua_rat": 5, "commonsense_qa": 5}
OPTIONS |= {"piqa": 2, "winogrande": 2}  # the others have four


def collected(folder: Path, source: str) -> tuple[list[Question], dict[str, int]]:
    """The questions of the set's stand-in, read by the profile's entry, and what was dropped."""
    entry = copy.deepcopy(SETS[source])
    folders.data_set(folder / source, source, entry)
    half = folders.ROWS // 2 if "pool" in entry["files"] else folders.ROWS
    sizes = {
        split: half if size or "where" in entry else size for split, size in entry["sizes"].items()
    }
    changed = entry | {"dataset": str(folder / source), "sizes": sizes}
    return collect(source, params.section(QuestionSet, changed, f"questions.sets.{source}"))


@pytest.mark.parametrize("source", SETS)
def test_every_row_becomes_a_question_with_its_gold(tmp_path: Path, source: str) -> None:
    questions, dropped = collected(tmp_path, source)
    assert dropped == {}
    by_split = {
        split: sum(row.split == split for row in questions) for split in SETS[source]["sizes"]
    }
    assert set(by_split.values()) == {
        folders.ROWS // 2 if "pool" in SETS[source]["files"] else folders.ROWS
    }
    assert len({row.question for row in questions}) == len(questions)
    assert {len(row.choices) for row in questions} == {OPTIONS.get(source, 4)}
    for row in questions:
        lines = row.question.splitlines()
        assert lines[len(lines) - len(row.choices) :] == [
            f"{letter}. {text}" for letter, text in zip("ABCDE", row.choices, strict=False)
        ]


@pytest.mark.parametrize(
    "source", [name for name, entry in SETS.items() if entry["grader"] == "choice"]
)
def test_gold_is_the_right_option(tmp_path: Path, source: str) -> None:
    for row in collected(tmp_path, source)[0]:
        first, second = (
            int(word)
            for word in row.question.partition("What is ")[2].partition(" =")[0].split(" + ")
        )
        option_number = options.gold(row.gold, row.choices)
        assert option_number
        assert row.choices[option_number - 1] == str(first + second)


LETTERS = [
    ("B", "A", "AB", "O"),
    ("D", "C", "B", "A"),
    ("C only", "A and B", "A", "none"),
    ("A", "B", "C", "D"),
]


@pytest.mark.parametrize("source", ["medqa", "aqua_rat"])
def test_options_whose_texts_are_letters_keep_their_gold(tmp_path: Path, source: str) -> None:
    """In these sets a gold is a letter, and no field holds the letters: each row is kept, with the
    option it names.
    """
    forms = {
        "medqa": lambda number, gold, texts: {
            "question": f"Which of {number}?",
            "answer": texts["ABCD".index(gold)],
            "options": dict(zip("ABCD", texts, strict=True)),
            "meta_info": "step2",
            "answer_idx": gold,
            "metamap_phrases": [],
        },
        "aqua_rat": lambda number, gold, texts: {
            "question": f"Which of {number}?",
            "options": [f"{letter}){text}" for letter, text in zip("ABCD", texts, strict=True)],
            "rationale": "Letters.",
            "correct": gold,
        },
    }
    pairs = [(gold, texts) for texts in LETTERS for gold in "ABCD"]
    rows = [forms[source](number, *pair) for number, pair in enumerate(pairs)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    changed = SETS[source] | {
        "dataset": str(tmp_path),
        "name": None,
        "files": {"test": "train"},
        "sizes": {"test": None},
    }
    questions, dropped = collect(source, params.section(QuestionSet, changed, source))
    assert dropped == {}
    right = {}
    for question in questions:
        option_number = options.gold(question.gold, question.choices)
        assert option_number
        right[question.question.splitlines()[0]] = question.choices[option_number - 1]
    assert right == {
        f"Which of {number}?": texts["ABCD".index(gold)]
        for number, (gold, texts) in enumerate(pairs)
    }


def test_options_of_aqua_lose_their_own_letters(tmp_path: Path) -> None:
    questions, _ = collected(tmp_path, "aqua_rat")
    assert all(option.isdigit() for row in questions for option in row.choices)


def test_rows_of_the_training_splits_are_the_papers_number() -> None:
    trained = {name: set_sizes.rows(name, entry)[0] for name, entry in SETS.items()}
    assert 285_000 < sum(trained.values()) < 295_000
    documented = {"multiarith", "arc_challenge", "gpqa_diamond"}
    assert documented <= {name for name, count in trained.items() if count}
    assert {SETS[name]["group"] for name, count in trained.items() if count} == {"in_distribution"}
    assert all("test" in entry["sizes"] for entry in SETS.values())


def test_no_split_is_trained_on_and_tested() -> None:
    for name, entry in SETS.items():
        assert len(set(entry["files"].values())) == len(entry["files"]), name
    of_mmlu = {name: entry for name, entry in SETS.items() if entry["dataset"] == "cais/mmlu"}
    subjects = [subject for entry in of_mmlu.values() for subject in entry["where"]["subject"]]
    assert len(subjects) == len(set(subjects)) == 57


def test_subjects_that_are_trained_on_are_in_distribution() -> None:
    """MedMCQA and MedQA train on medicine."""
    taught = {
        "anatomy",
        "clinical_knowledge",
        "college_medicine",
        "medical_genetics",
        "professional_medicine",
        "virology",
    }
    outside = [entry for entry in SETS.values() if entry["group"] == "ood_knowledge"]
    assert not taught & {subject for entry in outside for subject in entry["where"]["subject"]}
    assert taught == set(SETS["mmlu_medicine"]["where"]["subject"])
    assert SETS["mmlu_medicine"]["group"] == "in_distribution"


def test_small_profile_leaves_out_sets_and_nothing_else(tmp_path: Path) -> None:
    composer = Composer(tmp_path)
    assert composer.run("paper").code == 0
    paper = composer.params
    assert composer.run("paper_small").code == 0
    small = composer.params
    sets = {name: entry for name, entry in small["questions"]["sets"].items() if entry}
    assert sum(set_sizes.rows(name, entry)[0] for name, entry in sets.items()) == 9_111
    assert {name for name, entry in sets.items() if entry["group"] != "in_distribution"} == {
        name for name, entry in SETS.items() if entry["group"] != "in_distribution"
    }
    assert sets.items() <= paper["questions"]["sets"].items()
    changed = {"profile", "questions", "grid"}
    assert {name: value for name, value in small.items() if name not in changed} == {
        name: value for name, value in paper.items() if name not in changed
    }
    assert small["grid"] == paper["grid"] | {"profiles": ["paper_small"]}
