"""One function decides whether an answer is right: `grade`. Which rule applies is the question set's `grader`.

- numeric: the final number, compared as an exact fraction (units, thousands separators, percent signs dropped);
  a stated answer with several numbers counts as none.
- math: mathematical equality by math-verify.
- choice: the letter, the label (`answer3`, `option1`) or the option's text that the answer names last.
- boolean: true/yes against false/no.
- exact: the final answer's text, ignoring case, spacing and closing punctuation.

Only the text after the thinking is graded. The final answer is the last `\\boxed{}`, else what follows the last
"answer is" or "Answer:", else, for numbers, the last number of the answer, and for the rest its whole text.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stages.core.errors import StageError
from stages.core.grading import read
from stages.core.grading.equal import math_equal
from stages.core.records import Question


@dataclass(frozen=True)
class Verdict:
    """`outcome` is correct, wrong, no_answer or unreadable_gold; `parsed` the answer as it was read."""

    outcome: str
    parsed: str = ""


def grade(answer: str, gold: str, kind: str, *, question: Question | None = None) -> Verdict:
    """Grade `answer` against `gold` by the rule `kind`; `choice` finds the options' texts in `question`.

    Raises StageError for an unknown `kind`.
    """
    if kind not in _GRADERS:
        raise StageError(f"grader {kind!r}: unknown; known: {', '.join(sorted(_GRADERS))}")
    return _GRADERS[kind](answer, gold, question.choices if question else ())


def readable(gold: str, kind: str, question: Question | None = None) -> bool:
    """Whether the rule `kind` can read `gold` at all: a correct answer that repeats it must grade correct."""
    return bool(gold.strip()) and grade(f"The answer is {gold}.", gold, kind, question=question).outcome == "correct"


def stated(answer: str, verdict: Verdict, question: Question) -> str:
    """The final answer in the words of `answer`, which was graded `verdict`; of a choice, its option's text."""
    if question.grader == "choice" and question.choices and verdict.parsed:
        return question.choices[int(verdict.parsed) - 1]
    return (read.written(answer) if question.grader == "numeric" else None) or read.final(answer)


def _by(
    reader: Callable[[str, tuple[str, ...]], str | None],
) -> Callable[[str, str, tuple[str, ...]], Verdict]:
    """A grader that reads answer and gold in the same way and compares what it read."""

    def graded(answer: str, gold: str, choices: tuple[str, ...]) -> Verdict:
        wanted, found = reader(gold, choices), reader(answer, choices)
        if wanted is None:
            return Verdict("unreadable_gold")
        if found is None:
            return Verdict("no_answer")
        return Verdict("correct" if found == wanted else "wrong", found)

    return graded


def _math(answer: str, gold: str, choices: tuple[str, ...]) -> Verdict:
    found = read.final(answer)
    if not found:
        return Verdict("no_answer")
    equal = math_equal(found, gold)
    if equal is None:
        return Verdict("unreadable_gold")
    return Verdict("correct" if equal else "wrong", found)


_GRADERS: dict[str, Callable[[str, str, tuple[str, ...]], Verdict]] = {
    "numeric": _by(lambda text, choices: read.number(text)),
    "math": _math,
    "choice": _by(read.choice),
    "boolean": _by(lambda text, choices: read.boolean(text)),
    "exact": _by(lambda text, choices: read.exact(text)),
}
