r"""One function decides whether an answer is right: `grade`. Which rule applies is the question set's `grader`.

Only the text after the thinking is graded; where a thinking was never closed there is no answer.

The final answer is the last `\boxed{}`, with the boxes that a comma, "and" or "or" join to it, else what follows the
last "answer is", "Answer:" or "####", else what follows "result is", "solutions are" and the like. One that is denied
("it is not true that the answer is 5"), taken back ("wait, that is wrong") or but a part of a formula (`-\boxed{5}`) is
none. Where nothing is stated so, numeric and math read the last sentence, and the rest the whole text.

All of a final answer must be understood: what stands beside the value must leave it as it is. plain.py has the words
that do not ("million", "more than", "not").

- numeric: one number, as an exact fraction. Currency, units, percent and degree signs are not looked at. Thousands may
  be separated (1,000; 1{,}000), fractions written in any way (7/2, \frac72, 3 1/2, 3.5); a decimal equals a fraction
  only where it is exact. Several different numbers are wrong.
- math: mathematical equality by math-verify; equal.py lists where it is guarded. An equation for one symbol is also its
  right side; lists and sets have no order, tuples and intervals do; units, currency and degrees are not looked at;
  text in \text{} is compared as words. Several different answers are a list, and so wrong where one is wanted.
- choice: the option that is named by its letter, its label (`answer3`, `option1`) or its text. Two named are no answer.
- boolean: true or yes against false or no, as the first word of what is said. Both named are no answer.
- exact: the final answer's text, ignoring case, spacing, emphasis, a leading article and closing punctuation.

A false accept is worse than a false reject: what is not understood is not right.

Mathematics runs in worker processes, which are killed where it hangs or takes too much memory; the answer is then
no_answer, and the verdict's `reason` says why. A second grader, which shares no code with the first, gives its own
opinion with every verdict.
"""

import atexit
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from stages.core.errors import StageError
from stages.core.grading import choices, equal, final, formulas, numbers, second
from stages.core.grading.workers import Workers
from stages.core.records import Question


@dataclass(frozen=True)
class Verdict:
    """`outcome` is correct, wrong, no_answer or unreadable_gold; `parsed` the answer as it was read.

    `reason`: why a comparison was given up, mostly "". `second`: whether the second grader finds the answer right.
    """

    outcome: str
    parsed: str = ""
    reason: str = ""
    second: bool = False


Row = tuple[str, str, str, Question | None]  # answer, gold, kind, question


def grade(answer: str, gold: str, kind: str, *, question: Question | None = None) -> Verdict:
    """Grade `answer` against `gold` by the rule `kind`; `choice` finds the options' texts in `question`.

    Raises StageError for an unknown `kind`.
    """
    return next(grade_many([(answer, gold, kind, question)]))


def grade_many(rows: Iterable[Row]) -> Iterator[Verdict]:
    """Yields the verdicts on (answer, gold, kind, question) in order, and holds only some batches of rows at a time.

    The rows up to the first mathematical one are graded here, so that sets without mathematics start no workers.
    """
    waiting = map(_known, rows)
    for row in waiting:
        if row[2] == "math":
            yield from _workers().map(itertools.chain([row], waiting))
        else:
            yield _judge(row)


def _known(row: Row) -> Row:
    if row[2] not in _GRADERS:
        raise StageError(f"grader {row[2]!r}: unknown; known: {', '.join(sorted(_GRADERS))}")
    return row


@functools.cache
def _workers() -> Workers[Row, Verdict]:
    workers = Workers(_judge, functools.partial(Verdict, "no_answer", ""))
    atexit.register(workers.close)
    return workers


def readable(questions: Iterable[Question]) -> Iterator[bool]:
    """For each question, whether its grader can read its gold: a correct answer that repeats it must grade correct."""
    asked, again = itertools.tee(questions)
    said = ((rf"\boxed{{{row.gold}}}" if row.grader == "math" else f"The answer is {row.gold}.", row) for row in again)
    verdicts = grade_many((answer, row.gold, row.grader, row) for answer, row in said)
    for row, verdict in zip(asked, verdicts, strict=True):
        yield bool(row.gold.strip()) and verdict.outcome == "correct"


def stated(answer: str, verdict: Verdict, question: Question) -> str:
    """The final answer in the words of `answer`, which was graded `verdict`; of a choice, its option's text."""
    options = _options(question)
    if question.grader == "choice" and options and verdict.parsed:
        return options[int(verdict.parsed) - 1]
    text = final.after_thinking(answer) or ""
    return next(iter(numbers.written(text)), "") if question.grader == "numeric" else final.final(text)


def _judge(row: Row) -> Verdict:
    answer, gold, kind, question = row
    text, options = final.after_thinking(answer), _options(question)
    if text is None:
        return Verdict("no_answer", reason="the thinking was never closed")
    verdict = _GRADERS[kind](text, gold, options)
    parsed = verdict.parsed[: equal.LONGEST]  # what is longer is no answer worth keeping
    return replace(verdict, parsed=parsed, second=second.agrees(text, gold, kind, options))


def _options(question: Question | None) -> tuple[str, ...]:
    return (question.choices or choices.listed(question.question)) if question else ()


def _by(
    wanted_by: Callable[[str, tuple[str, ...]], str | None], found_by: Callable[[str, tuple[str, ...]], str | None]
) -> Callable[[str, str, tuple[str, ...]], Verdict]:
    """A grader that reads the gold in one way, the answer in another, and compares what it read."""

    def graded(answer: str, gold: str, options: tuple[str, ...]) -> Verdict:
        wanted, found = wanted_by(gold, options), found_by(answer, options)
        if wanted is None:
            return Verdict("unreadable_gold")
        if found is None:
            return Verdict("no_answer")
        return Verdict("correct" if found == wanted else "wrong", found)

    return graded


def _numeric(answer: str, gold: str, options: tuple[str, ...]) -> Verdict:
    wanted, found = numbers.gold(gold), [numbers.value(number) for number in numbers.written(answer)]
    if wanted is None:
        return Verdict("unreadable_gold")
    if not found or None in found:
        return Verdict("no_answer")
    return Verdict("correct" if found == [wanted] else "wrong", ", ".join(map(str, found)))


def _math(answer: str, gold: str, options: tuple[str, ...]) -> Verdict:
    found = formulas.stated(answer)
    if not found:
        return Verdict("no_answer")
    try:
        same = equal.math_equal(found, gold)
    except equal.GaveUpError as reason:
        return Verdict("no_answer", found, str(reason))
    return Verdict("unreadable_gold" if same is None else "correct" if same else "wrong", found)


_GRADERS: dict[str, Callable[[str, str, tuple[str, ...]], Verdict]] = {
    "numeric": _numeric,
    "math": _math,
    "choice": _by(choices.gold, choices.choice),
    "boolean": _by(lambda text, options: choices.boolean(text), lambda text, options: choices.boolean(text)),
    "exact": _by(lambda text, options: choices.exact(text), lambda text, options: choices.exact(text)),
}
