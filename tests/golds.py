"""Grade the golds of real question sets in five phrases, and wrong values of the same kind in the
same phrases.

Run: python -m tests.golds        grades them all and writes metrics/grading.json
"""

import collections
import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import grading
from stages.core.program.files import write_json
from stages.core.records import Question
from tests.core.grading.test_grading_faults import graded
from tests.made import SHARED, question

OUT = Path("metrics/grading.json")
# Other numbers, letters and truth values stand before the answer, as they do in what models write
PHRASES = (
    "The answer is {}.",
    "At first 7 looked right, and so did option1. So the final answer is **{}**.",
    "We check (A) and 3 + 4 = 7. Therefore, the correct answer is: {}",
    "That is not true of 12.\n\nAnswer: {}",
    "Putting it together, we get $\\boxed{{{}}}$ in the end.",
)

# Texts that give no answer, or another one: the gold beside a second one, denied, or taken back
SPOILED = (
    "The answer is not {right}.",
    "The answer is {right} or {wrong}.",
    "The answer is {wrong}, or {right}.",
    "The answer is {right}. Wait, that is wrong: it is {wrong}.",
    "It is not true that the answer is {right}.",
)


@dataclass(frozen=True)
class GoldSet:
    """A question set of ../shared/data."""

    files: tuple[str, ...]
    kind: str  # its grader
    gold: Callable[[dict[str, Any]], str]  # of a row of its files
    wrong: Callable[[str], list[str]]  # wrong values that are like a gold
    text: str = "instruction"  # the field of the question


def _said(row: dict[str, Any]) -> str:
    return str(row["answer"])


def _after_hashes(row: dict[str, Any]) -> str:
    return _said(row).partition("####")[2].strip()


def _next_digits(gold: str) -> list[str]:
    """A number with its first digit, its last digit, or its sign changed."""
    places = [match.start() for match in re.finditer(r"\d", gold)]
    changed = [
        f"{gold[:position]}{int(gold[position]) % 9 + 1}{gold[position + 1 :]}"
        for position in dict.fromkeys((places[0], places[-1]))
    ]
    signed = gold.removeprefix("-") if gold.startswith("-") else f"-{gold}"
    return [*changed, *([signed] if float(gold.replace(",", "")) else [])]


def _next_of(*labels: str) -> Callable[[str], list[str]]:
    return lambda gold: [labels[(labels.index(gold) + 1) % len(labels)]]


SETS = {
    "gsm8k": GoldSet(
        ("gsm8k/train.jsonl", "gsm8k/test.jsonl"),
        "numeric",
        _after_hashes,
        _next_digits,
        "question",
    ),
    "math500": GoldSet(
        ("math500/test.jsonl",), "math", _said, lambda gold: wrong_formulas(gold), "problem"
    ),
    "multiarith": GoldSet(("multiarith/test.json",), "numeric", _said, _next_digits),
    "arc_challenge": GoldSet(
        ("arc_challenge/train.json", "arc_challenge/test.json"),
        "choice",
        _said,
        _next_of(*(f"answer{number}" for number in range(1, 6))),
    ),
    "boolq": GoldSet(("boolq/test.json",), "boolean", _said, _next_of("true", "false")),
    "piqa": GoldSet(("piqa/test.json",), "choice", _said, _next_of("solution1", "solution2")),
    "winogrande": GoldSet(
        ("winogrande/test.json",), "choice", _said, _next_of("option1", "option2")
    ),
}


def wrong_formulas(gold: str) -> list[str]:
    """A formula with its first digit, its last digit, or its first sign changed; another word for a
    word.
    """
    digits = [match.start() for match in re.finditer(r"\d", gold)]
    places = dict.fromkeys((digits[0], digits[-1])) if digits else ()
    changed = [
        f"{gold[:position]}{(int(gold[position]) + 1) % 10}{gold[position + 1 :]}"
        for position in places
    ]
    if sign := re.search(r"[+-](?!\\?infty)", gold):
        changed.append(gold[: sign.start()] + {"+": "-", "-": "+"}[sign[0]] + gold[sign.end() :])
    elif digits and "\\pm" not in gold and gold != "0":
        changed.append(
            f"-{gold}"
            if not gold.startswith(("(", "[", "\\left", "\\{", "\\begin", "x", "y"))
            else f"2{gold}"
        )
    if not changed:
        changed.append(
            {"\\text{Evelyn}": "\\text{Carla}"}.get(
                gold, "\\text{west}" if "text" in gold else f"2{gold}"
            )
        )
    return [text for text in changed if text != gold]


def rows(name: str) -> Iterator[Question]:
    """The set's questions. Raises FileNotFoundError where ../shared/data is absent."""
    entry = SETS[name]
    for file in entry.files:
        text = (SHARED / "questions" / file).read_text(encoding="utf-8")
        read = (
            [json.loads(line) for line in text.splitlines()]
            if file.endswith("l")
            else json.loads(text)
        )
        for row_index, row in enumerate(read):
            yield question(
                row_index,
                question_id=f"{file}:{row_index}",
                question=row[entry.text],
                gold=entry.gold(row),
                grader=entry.kind,
            )


def options_said(row: Question) -> list[str]:
    """The names of a gold: its label, and for choices also the letter and the option's text."""
    if row.grader != "choice":
        return [f"${row.gold}$" if row.grader == "math" else row.gold]
    option_index = int(row.gold[-1]) - 1
    options = grading.options.listed(row.question)
    return [
        row.gold,
        f"({chr(ord('A') + option_index)})",
        *options[option_index : option_index + 1],
    ]


@dataclass
class GradedGolds:
    """How many right and wrong answers of a set were graded, and which of them wrongly."""

    questions: int
    right: int
    wrong: int
    rejected: list[tuple[str, str]]  # (gold, question id): answers hold other people's sentences
    accepted: list[tuple[str, str]]
    graded: collections.Counter[tuple[str, bool]]  # (gold, whether the answer is right)

    def summary(self) -> dict[str, Any]:
        """Counts and rates, and what was graded wrongly."""
        return {
            "questions": self.questions,
            "right_answers": self.right,
            "wrong_answers": self.wrong,
            "false_rejects": len(self.rejected),
            "false_reject_rate": round(len(self.rejected) / self.right, 6),
            "false_accepts": len(self.accepted),
            "false_accept_rate": round(len(self.accepted) / self.wrong, 6),
            "rejected": sorted({question_id for _, question_id in self.rejected}),
            "accepted": sorted({question_id for _, question_id in self.accepted}),
        }

    def by_gold(self) -> dict[str, dict[str, float]]:
        """False rejects and false accepts for each gold: a grader must not prefer a side or a
        place.
        """
        rejected = collections.Counter(gold for gold, _ in self.rejected)
        accepted = collections.Counter(gold for gold, _ in self.accepted)
        return {
            gold: {
                "false_reject_rate": round(rejected[gold] / self.graded[gold, True], 6),
                "false_accept_rate": round(accepted[gold] / self.graded[gold, False], 6),
            }
            for gold in sorted({gold for gold, _ in self.graded})
        }


def _spoiled(phrase: str, row: Question, wrong: str) -> str:
    right, wrong = (f"${text}$" if row.grader == "math" else text for text in (row.gold, wrong))
    return phrase.format(right=right, wrong=wrong)


def check(name: str) -> GradedGolds:
    """Grades every gold of a set and wrong values, each named in every way and in every phrase."""
    tally, cases = (
        GradedGolds(0, 0, 0, [], [], collections.Counter()),
        list[tuple[str, Question, bool]](),
    )
    for row in rows(name):
        tally.questions += 1
        phrasings = [(text, True) for text in options_said(row)]
        others = [dataclasses.replace(row, gold=other) for other in SETS[name].wrong(row.gold)]
        phrasings += [(text, False) for other in others for text in options_said(other)]
        wrong = others[0].gold
        cases += [(_spoiled(phrase, row, wrong), row, False) for phrase in SPOILED]
        for text, right in phrasings:
            for phrase in PHRASES:
                inner = text.strip("$") if "boxed" in phrase and row.grader == "math" else text
                cases.append((phrase.format(inner), row, right))
    verdicts = grading.grade_many((answer, row.gold, row.grader, row) for answer, row, _ in cases)
    for (_, row, right), verdict in zip(cases, verdicts, strict=True):
        tally.right += right
        tally.graded[row.gold, right] += 1
        tally.wrong += not right
        if right and verdict.outcome != "correct":
            tally.rejected.append((row.gold, row.question_id))
        if not right and verdict.outcome == "correct":
            tally.accepted.append((row.gold, row.question_id))
    return tally


def attacks() -> dict[str, dict[str, int]]:
    """Counts of ../shared/faults, by file: right answers, those refused, wrong ones, those
    accepted.
    """
    counts = {}
    for path in sorted((SHARED.parent / "faults").glob("*.jsonl")):
        count = collections.Counter(right=0, refused=0, wrong=0, accepted=0)
        for row, outcome in graded(path):
            right, correct = row["expected"] == "correct", outcome == "correct"
            count.update(
                right=right,
                refused=right and not correct,
                wrong=not right,
                accepted=correct and not right,
            )
        if count.total():
            counts[path.stem] = dict(count)
    return counts


if __name__ == "__main__":
    summaries = {}
    for set_name, gold_set in SETS.items():
        result = check(set_name)
        summaries[set_name] = result.summary()
        if gold_set.kind in ("boolean", "choice"):
            summaries[set_name]["by_gold"] = result.by_gold()
        print(set_name, summaries[set_name])
    write_json(OUT, {"phrases": len(PHRASES), "sets": summaries, "attacks": attacks()})
