"""Qwen3-8B's answers to the 160 items that have a gold, against the rule that their file names for
each.

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
    """Its own rule on what follows the last "Answer:": the number, one of the texts whole, or for a
    choice its word.
    """
    said = [
        part.strip(" *.")
        for part in re.findall(r"answer:(?!.*answer:)(.*)", content, re.IGNORECASE)
    ]
    if not said:
        return False
    golds = [item["answer"], *item["accept"]]
    if item["grader"] == "numeric":
        numbers = re.findall(r"-?\d[\d,]*(?:\.\d+)?", said[-1])
        return bool(numbers) and numbers[0].replace(",", "") in golds
    if item["grader"] == "choice":
        return item["answer"].casefold() in re.findall(r"\w+", said[-1].casefold())
    return said[-1].casefold() in (gold.casefold() for gold in golds)


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
    return any(one.outcome == "correct" for one in verdicts), any(one.second for one in verdicts)


@pytest.mark.parametrize("thinking", ["on", "off"])
def test_disagreements_are_those_that_were_read_by_eye(thinking: str) -> None:
    if not TRACES.is_dir():
        pytest.skip(f"{TRACES} is absent")
    items = {item["id"]: item for item in json.loads((TRACES / "items.json").read_text())}
    rows = [
        json.loads(line)
        for line in (TRACES / f"qwen3-8b__think-{thinking}.jsonl").read_text().splitlines()
    ]
    found, graded = {}, 0
    for row in rows:
        item = items[row["item_id"]]
        if not item["answer"]:
            continue
        graded += 1
        own, (first, second) = by_the_file(item, row["content"]), ours(item, row["content"])
        if len({own, first, second}) > 1:
            found[item["id"]] = {"file": own, "first": first, "second": second}
    known = json.loads(READ_BY_EYE.read_text())[thinking]
    assert graded == 160
    assert found == {
        item: {name: one[name] for name in ("file", "first", "second")}
        for item, one in known.items()
    }


def test_our_first_grader_accepts_nothing_that_a_person_finds_wrong() -> None:
    known = json.loads(READ_BY_EYE.read_text())
    assert [
        item
        for rows in known.values()
        for item, one in rows.items()
        if one["first"] and not one["right"]
    ] == []
