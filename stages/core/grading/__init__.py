r"""One function decides whether an answer is right: `grade`. Which rule applies is the question
set's `grader`.

README.md in this folder has the grammar in one screen. In short: `visible` gives the graded text,
`statements` where it states its final value and whether it takes that back, and one reader for each
kind what the value is.

- numeric: one number, as an exact fraction (numbers.py);
- math: a formula, compared by structure and term by term (mathematics/);
- choice: an option, named by letter, label or text (choices.py);
- boolean: true or yes against false or no (truth.py);
- exact: the final answer's text, ignoring case, spacing, emphasis, a leading article and closing punctuation.

A false accept is worse than a false reject: what is not understood is not right.

Mathematics runs in worker processes, which are killed where it hangs or takes too much memory; the
answer is then no_answer, and the verdict's `reason` says why. A second grader, which shares no code
with the first, gives its own opinion with every verdict.
"""

import atexit
import functools
import itertools
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

from stages.core.grading import exact, second, truth
from stages.core.grading.choice import choices, options
from stages.core.grading.mathematics import equal, literal
from stages.core.grading.mathematics.formulas import FormulaReader
from stages.core.grading.mathematics.terms import GaveUpError
from stages.core.grading.numeric import numbers
from stages.core.grading.statement import candidates, final, visible, words
from stages.core.grading.statement.candidates import UnclearError
from stages.core.grading.workers import Workers
from stages.core.program.errors import StageError
from stages.core.records import Question

Value = TypeVar("Value")


@dataclass(frozen=True)
class Verdict:
    """`outcome` is correct, wrong, no_answer or unreadable_gold; `parsed` the answer as it was
    read.

    `reason`: why a comparison was given up, mostly "". `second`: whether the second grader finds
    the answer right.
    """

    outcome: str
    parsed: str = ""
    reason: str = ""
    second: bool = False


Row = tuple[str, str, str, Question | None]  # answer, gold, kind, question


def grade(answer: str, gold: str, kind: str, *, question: Question | None = None) -> Verdict:
    """Grade `answer` against `gold` by the rule `kind`; `choice` finds the options' texts in
    `question`.

    Raises StageError for an unknown `kind`.
    """
    return next(grade_many([(answer, gold, kind, question)]))


def grade_many(rows: Iterable[Row]) -> Iterator[Verdict]:
    """Yields the verdicts on (answer, gold, kind, question) in order, and holds only some batches
    of rows at a time.

    The rows up to the first mathematical one are graded here, so that sets without mathematics
    start no workers.
    """
    waiting = map(_of_a_grader, rows)
    for row in waiting:
        if row[2] == "math":
            yield from _workers().map(itertools.chain([row], waiting))
        else:
            yield _judge(row)


def _of_a_grader(row: Row) -> Row:
    if row[2] not in _GRADERS:
        raise StageError(f"grader {row[2]!r}: unknown; known: {', '.join(sorted(_GRADERS))}")
    return row


@functools.cache
def _workers() -> Workers[Row, Verdict]:
    workers = Workers(_judge, functools.partial(Verdict, "no_answer", ""))
    atexit.register(workers.close)
    return workers


def readable(questions: Iterable[Question]) -> Iterator[bool]:
    """For each question, whether its grader can read its gold: a correct answer that repeats it
    must grade correct.
    """
    asked, again = itertools.tee(questions)
    repeated = (
        (rf"\boxed{{{row.gold}}}" if row.grader == "math" else f"The answer is {row.gold}.", row)
        for row in again
    )
    verdicts = grade_many((answer, row.gold, row.grader, row) for answer, row in repeated)
    for row, verdict in zip(asked, verdicts, strict=True):
        yield bool(row.gold.strip()) and verdict.outcome == "correct"


def stated(answer: str, verdict: Verdict, question: Question) -> str:
    """The final answer in the words of `answer`, which was graded `verdict`; of a choice, its
    option's text.
    """
    listed = _options(question)
    if question.grader == "choice" and listed and verdict.parsed:
        return listed[int(verdict.parsed) - 1]
    text = visible.visible(answer) or ""
    if question.grader == "numeric":
        return numbers.in_the_words_of(text, Fraction(verdict.parsed)) if verdict.parsed else ""
    return candidates.in_its_words(text)


def _judge(row: Row) -> Verdict:
    answer, gold, kind, question = row
    text, listed = visible.visible(answer), _options(question)
    if text is None:
        return Verdict("no_answer", reason="the thinking was never closed")
    verdict = _GRADERS[kind](text, gold, listed)
    parsed = verdict.parsed[: equal.LONGEST]  # what is longer is no answer worth keeping
    return replace(verdict, parsed=parsed, second=second.agrees(answer, gold, kind, listed))


def _options(question: Question | None) -> tuple[str, ...]:
    return (question.choices or options.listed(question.question)) if question else ()


def _numeric(text: str, gold: str, listed: tuple[str, ...]) -> Verdict:
    return _compared(text, numbers.gold(gold), numbers.NumberReader(), numbers.same)


def _choice(text: str, gold: str, listed: tuple[str, ...]) -> Verdict:
    return _compared(text, options.gold(gold, listed), choices.ChoiceReader(listed))


def _boolean(text: str, gold: str, listed: tuple[str, ...]) -> Verdict:
    return _compared(text, truth.gold(gold), truth.TruthReader())


def _exact(text: str, gold: str, listed: tuple[str, ...]) -> Verdict:
    return _compared(text, options.exact(gold), exact.ExactReader(), exact.same)


def _compared(
    text: str,
    wanted: Value | None,
    reader: candidates.Reader[Value],
    same: Callable[[Value, Value], bool] = operator.eq,
) -> Verdict:
    """The verdict of a kind whose values are equal or not."""
    if wanted is None:
        return Verdict("unreadable_gold")
    value = _final_value(text, reader)
    if value is None:
        return Verdict("no_answer")
    outcome = "correct" if same(value, wanted) else "wrong"
    return Verdict(outcome, str(value).lower() if isinstance(value, bool) else str(value))


def _final_value(text: str, reader: candidates.Reader[Value]) -> Value | None:
    """The value that `text` states; None where there is none or it is unclear."""
    try:
        return final.final_value(text, reader)
    except UnclearError:
        return None


_LETTER = re.compile(
    r"\\(?:text|mathrm|textbf)\{ ?\(?([A-Z])\)? ?\}|\(([A-Z])\)|([A-E])"
)  # a gold that is an option


def _math(text: str, gold: str, listed: tuple[str, ...]) -> Verdict:
    letter = _LETTER.fullmatch(gold.strip(" $"))
    if letter:
        verdict = _compared(
            text, options.place_of(letter[1] or letter[2] or letter[3]), choices.ChoiceReader(())
        )
        return replace(
            verdict, parsed=chr(ord("A") - 1 + int(verdict.parsed)) if verdict.parsed else ""
        )
    named = literal.spelled(gold) if words.has_text(gold) else None
    if named and _final_value(text, choices.ChoiceReader((" ".join(named),), labelled=False)) == 1:
        return Verdict("correct", " ".join(named))
    reader = FormulaReader(gold)
    formula = _final_value(text, reader)
    if formula is None:
        return Verdict("no_answer" if equal.readable(gold) else "unreadable_gold")
    try:
        same = equal.math_equal(formula.text, gold)
    except GaveUpError as reason:
        return Verdict("no_answer", formula.text, str(reason))
    if same is None:
        return Verdict("unreadable_gold")
    same_number = formula.number is not None and formula.number == reader.gold
    same_number = (
        same_number
        and equal.same_units(formula.text, gold)
        and equal.same_scale(formula.text, gold)
    )
    return Verdict(
        "correct" if same or same_number else "wrong", formula.text or str(formula.number)
    )


_GRADERS: dict[str, Callable[[str, str, tuple[str, ...]], Verdict]] = {
    "numeric": _numeric,
    "math": _math,
    "choice": _choice,
    "boolean": _boolean,
    "exact": _exact,
}
