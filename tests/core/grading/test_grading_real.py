"""Qwen3-8B's answers to the 160 items that have a gold, beside the rule that their file names.

Every disagreement was read by a person; the fixture says who is right. It holds no text, only items
and verdicts.
"""

import json
import re
from typing import Any

import pytest

from stages.core import grading
from tests.imports import ROOT
from tests.made import SHARED, question

TRACES = SHARED / "traces" / "qwen3-8b"
READ_BY_EYE = ROOT / "tests/fixtures/qwen3_disagreements.json"


def by_the_file(item: dict[str, Any], content: str) -> bool:
    """Whether an answer is right by the file's own rule on what follows the last "Answer:".

    That must be the number, exactly one of the texts, or for a choice have its word.
    """
    answers = [
        part.strip(" *.")
        for part in re.findall(r"answer:(?!.*answer:)(.*)", content, re.IGNORECASE)
    ]
    if not answers:
        return False
    golds = [item["answer"], *item["accept"]]
    if item["grader"] == "numeric":
        numbers = re.findall(r"-?\d[\d,]*(?:\.\d+)?", answers[-1])
        return bool(numbers) and numbers[0].replace(",", "") in golds
    if item["grader"] == "choice":
        return item["answer"].casefold() in re.findall(r"\w+", answers[-1].casefold())
    return answers[-1].casefold() in (gold.casefold() for gold in golds)


# What the file's choice items choose from
OPTIONS = (
    ("feathers", "lead"),
    ("first", "second", "third", "fourth", "fifth"),
    ("candle", "lamp", "fire", "match"),
)


def ours(item: dict[str, Any], content: str) -> tuple[bool, bool]:
    """What our two graders find, with any of the accepted golds."""
    kind = {"text": "exact"}.get(item["grader"], item["grader"])
    golds = [
        gold for gold in (item["answer"], *item["accept"]) if kind != "numeric" or gold.isdecimal()
    ]
    options = next((options for options in OPTIONS if item["answer"] in options), ())
    asked = question(0, choices=options)
    verdicts = [grading.grade(content, gold, kind, question=asked) for gold in golds]
    first = any(verdict.outcome == "correct" for verdict in verdicts)
    return first, any(verdict.second for verdict in verdicts)


@pytest.mark.parametrize("thinking", ["on", "off"])
def test_disagreements_are_those_that_were_read_by_eye(thinking: str) -> None:
    if not TRACES.is_dir():
        pytest.skip(f"{TRACES} is absent")
    items = {item["id"]: item for item in json.loads((TRACES / "items.json").read_text())}
    rows = [
        json.loads(line)
        for line in (TRACES / f"qwen3-8b__think-{thinking}.jsonl").read_text().splitlines()
    ]
    disagreements: dict[str, dict[str, bool]] = {}
    graded_items = 0
    for row in rows:
        item = items[row["item_id"]]
        if not item["answer"]:
            continue
        graded_items += 1
        by_file = by_the_file(item, row["content"])
        first, second = ours(item, row["content"])
        if len({by_file, first, second}) > 1:
            disagreements[item["id"]] = {"file": by_file, "first": first, "second": second}
    read_by_eye = json.loads(READ_BY_EYE.read_text())[thinking]
    assert graded_items == 160
    assert disagreements == {
        item_id: {name: opinions[name] for name in ("file", "first", "second")}
        for item_id, opinions in read_by_eye.items()
    }


def test_our_first_grader_accepts_nothing_that_a_person_finds_wrong() -> None:
    read_by_eye = json.loads(READ_BY_EYE.read_text())
    assert [
        item_id
        for rows in read_by_eye.values()
        for item_id, opinions in rows.items()
        if opinions["first"] and not opinions["right"]
    ] == []
