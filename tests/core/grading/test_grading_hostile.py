"""Answers that no model should write, and some will: no hang, no crash, no memory kept."""

import gc
import time

import psutil
import pytest

from stages.core import grading

KINDS = ("numeric", "math", "choice", "boolean", "exact")
OUTCOMES = {"correct", "wrong", "no_answer", "unreadable_gold"}
MEGABYTES = 5
SIZE = MEGABYTES << 20
HUGE = {
    "letters": "x" * SIZE,
    "digits": "1" * SIZE,
    "spaces": " " * SIZE,
    "leads": "the answer is " * (SIZE // 14),
    "hashes": "####\n" * (SIZE // 5),
    "boxes": "\\boxed{" * (SIZE // 7),
    "dollars": "$" * SIZE,
    "commas": "1,000" * (SIZE // 5),
    "lines": "A.\n" * (SIZE // 3),
    "backslashes": "\\" * SIZE,
    "words": "so it is true " * (SIZE // 14),
    "spaces after a lead": "The answer is 1" + " " * SIZE + "2",
    "brackets after a lead": "The answer is " + "\\(" * (SIZE // 2) + "1",
    "joined boxes": "\\boxed{1}, " * (SIZE // 11),
    "formulas": "$1$ and " * (SIZE // 8),
    "stars": "answer" + "*" * SIZE + " is 1",
    "digits after a lead": "The answer is " + "1," * (SIZE // 2),
}
UNUSUAL = {
    "tower": r"\boxed{9**9**9**9}",
    "latex tower": r"\boxed{9^{9^{9^{9}}}}",
    "factorials": r"\boxed{100000!!}",
    "braces": "\\boxed{" + "{" * 10_000 + "1" + "}" * 10_000 + "}",
    "few braces": "\\boxed{" + "{" * 10 + "1" + "}" * 10 + "}",
    "brackets": "The answer is " + "(" * 10_000 + "1" + ")" * 10_000,
    "product": "\\boxed{" + "*".join(f"(x+{term})" for term in range(1000)) + "}",
    "short product": "\\boxed{" + "".join(f"(x+{term})" for term in range(60)) + "}",
    "boxed": "\\boxed{1} " * 5000,
    "surrogates": "The answer is \ud800\udfff 1 \udc00",
    "nuls": "The answer is \0 1\0",
    "right to left": "\u0627\u0644\u062c\u0648\u0627\u0628 \u0647\u0648 18 \u202e18\u202c",
    "controls": "".join(map(chr, range(32))),
    "open": "\\boxed{\\frac{1}{",
    "thinking": "<think> the answer is 1",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", HUGE)
def test_huge_answer_is_read_in_one_pass(name: str, kind: str) -> None:
    start_seconds = time.process_time()
    assert grading.grade(HUGE[name], "1", kind).outcome in OUTCOMES
    # It takes some 0.1 s; a second pass for each character would take hours
    assert time.process_time() - start_seconds < 15


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_answer_gets_an_outcome(name: str, kind: str) -> None:
    gold = "true" if kind == "boolean" else "2"
    assert grading.grade(UNUSUAL[name], gold, kind).outcome in ("wrong", "no_answer")


@pytest.mark.parametrize(
    "gold", [r"\frac{1}{", r"\sqrt[", "\\begin{pmatrix} 1", "\\", "{{{", "\ud800", "9" * 1000, "\0"]
)
def test_gold_that_cannot_be_read_is_named_so_or_matches_nothing(gold: str) -> None:
    assert grading.grade(r"\boxed{1}", gold, "math").outcome in {
        "unreadable_gold",
        "wrong",
        "no_answer",
    }


def test_unusual_rows_spoil_no_others_and_no_memory_stays_taken() -> None:
    plain_rows = [(rf"\boxed{{{number}}}", "7", "math", None) for number in range(40)]
    unusual_answers = (*UNUSUAL.values(), HUGE["boxes"], HUGE["dollars"])
    unusual_rows = [(answer, "7", "math", None) for answer in unusual_answers]
    rows = [row for pair in zip(unusual_rows, plain_rows, strict=False) for row in pair]
    rows += plain_rows
    list(grading.grade_many(plain_rows))  # the workers are there
    gc.collect()
    bytes_before = psutil.Process().memory_info().rss
    outcomes = [verdict.outcome for verdict in grading.grade_many(rows)]
    assert [outcome for row, outcome in zip(rows, outcomes, strict=True) if row in plain_rows] == [
        "correct" if row[0] == r"\boxed{7}" else "wrong" for row in rows if row in plain_rows
    ]
    gc.collect()
    assert psutil.Process().memory_info().rss - bytes_before < 64 << 20


def test_answer_that_is_given_up_says_why() -> None:
    reasons = {
        "x" * 1000: "longer than 500 characters",
        "(" * 40 + "1" + ")" * 40: "more than 12 brackets within brackets",
    }
    for answer, reason in reasons.items():
        verdict = grading.grade(rf"\boxed{{{answer}}}", "7", "math")
        assert (verdict.outcome, verdict.reason) == ("no_answer", reason)
