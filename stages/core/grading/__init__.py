r"""One function decides whether an answer is right: `grade`.

The question's `grader` says which rule applies. README.md in this folder has the grammar in one
screen. In short: `visible` gives the graded text, `final` finds where the text states its final
value and whether it takes that back, and a reader for each kind says what the value is.

- numeric: one number, as an exact fraction (numeric/);
- math: a formula, compared by structure and term by term (mathematics/);
- choice: an option, named by letter, label or text (choice/);
- boolean: true or yes against false or no (truth.py);
- exact: the final answer's text, ignoring case, spacing, emphasis, a leading article and closing
  punctuation (exact.py).

A false accept is worse than a false reject: what is not understood is not right.

Mathematics runs in worker processes. One that hangs or takes too much memory is killed; the answer
is then no_answer, and the verdict's `reason` says why. A second grader, which shares no code with
the first, gives its own opinion with every verdict.
"""

import atexit
import functools
import itertools
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, TypeVar

from stages.core.grading import exact, second, truth
from stages.core.grading.choice import choices, options
from stages.core.grading.choice.mentions import Options
from stages.core.grading.mathematics import equal, literal
from stages.core.grading.mathematics.formulas import Formula, FormulaReader
from stages.core.grading.mathematics.terms import GaveUpError
from stages.core.grading.numeric import numbers
from stages.core.grading.numeric.reading import NumberReader
from stages.core.grading.statement import candidates, final, visible, words
from stages.core.grading.statement.candidates import UnclearError
from stages.core.grading.workers import Workers
from stages.core.program.errors import StageError
from stages.core.records import Question

Outcome = Literal["correct", "wrong", "no_answer", "unreadable_gold"]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Verdict:
    """What the graders say of an answer. `parsed` is the answer as it was read.

    `reason` says why a comparison was given up; mostly it is "". `second` says whether the second
    grader finds the answer right.
    """

    outcome: Outcome
    parsed: str = ""
    reason: str = ""
    second: bool = False


Row = tuple[str, str, str, Question | None]  # answer, gold, kind, question


def grade(answer: str, gold: str, kind: str, *, question: Question | None = None) -> Verdict:
    """The verdict on `answer` beside `gold` by the rule `kind`.

    `choice` finds the options' texts in `question`. Raises StageError for an unknown `kind`.
    """
    return next(grade_many([(answer, gold, kind, question)]))


def grade_many(rows: Iterable[Row]) -> Iterator[Verdict]:
    """Yields the verdicts on (answer, gold, kind, question) in order.

    It holds only some batches of rows at a time. The rows up to the first mathematical one are
    graded here, so that sets without mathematics start no workers.
    """
    checked_rows = map(_with_known_kind, rows)
    for row in checked_rows:
        kind = row[2]
        if kind == "math":
            yield from _workers().map(itertools.chain([row], checked_rows))
        else:
            yield _judge(row)


def stated(answer: str, verdict: Verdict, question: Question) -> str:
    """The final answer in the words of `answer`, which was graded `verdict`.

    Of a choice it is its option's text.
    """
    option_texts = _options(question)
    if question.grader == "choice" and option_texts and verdict.parsed:
        return option_texts[int(verdict.parsed) - 1]
    text = visible.visible(answer) or ""
    words = candidates.in_its_words(text)
    if question.grader != "numeric":
        return words
    if not verdict.parsed:
        return ""
    value = Fraction(verdict.parsed)
    # In the words alone a box is opened: as part of the text, \boxed{72} reads as no number
    return numbers.in_the_words_of(text, value) or numbers.in_the_words_of(words, value)


def _with_known_kind(row: Row) -> Row:
    kind = row[2]
    if kind not in _GRADERS:
        raise StageError(f"grader {kind!r}: unknown; known: {', '.join(sorted(_GRADERS))}")
    return row


@functools.cache
def _workers() -> Workers[Row, Verdict]:
    workers = Workers(_judge, functools.partial(Verdict, "no_answer", ""))
    atexit.register(workers.close)
    return workers


def _judge(row: Row) -> Verdict:
    """The verdict of both graders on a row."""
    answer, gold, kind, question = row
    text, option_texts = visible.visible(answer), _options(question)
    if text is None:
        return Verdict("no_answer", reason="the thinking was never closed")
    verdict = _GRADERS[kind](text, gold, option_texts)
    parsed = verdict.parsed[: equal.LONGEST]  # what is longer is no answer worth keeping
    second_agrees = second.agrees(answer, gold, kind, option_texts)
    return replace(verdict, parsed=parsed, second=second_agrees)


def _options(question: Question | None) -> tuple[str, ...]:
    """The texts of a question's options, from its own field or from its text."""
    if question is None:
        return ()
    return question.choices or options.listed(question.question)


def _numeric(text: str, gold: str, option_texts: tuple[str, ...]) -> Verdict:
    return _compared(text, numbers.gold(gold), NumberReader(), numbers.same)


def _choice(text: str, gold: str, option_texts: tuple[str, ...]) -> Verdict:
    gold_position = options.gold(gold, option_texts)
    # An answer that is an option and nothing else counts whatever words the option has
    position = _option_alone(text, option_texts)
    if position is not None and gold_position is not None:
        return Verdict("correct" if position == gold_position else "wrong", str(position))
    return _compared(text, gold_position, choices.ChoiceReader(option_texts))


def _option_alone(text: str, option_texts: tuple[str, ...]) -> int | None:
    """The option whose text, letter or number `text` repeats and nothing else; None for several."""
    try:
        return Options(option_texts).same(options.unwrapped(text))
    except UnclearError:
        return None


def _boolean(text: str, gold: str, option_texts: tuple[str, ...]) -> Verdict:
    return _compared(text, truth.gold(gold), truth.TruthReader())


def _exact(text: str, gold: str, option_texts: tuple[str, ...]) -> Verdict:
    return _compared(text, options.exact(gold), exact.ExactReader(), exact.same)


def _compared(
    text: str,
    gold_value: Value | None,
    reader: candidates.Reader[Value],
    same: Callable[[Value, Value], bool] = operator.eq,
) -> Verdict:
    """The verdict of a kind whose values are equal or not."""
    if gold_value is None:
        return Verdict("unreadable_gold")
    value = _final_value(text, reader)
    if value is None:
        return Verdict("no_answer")
    parsed = str(value).lower() if isinstance(value, bool) else str(value)
    return Verdict("correct" if same(value, gold_value) else "wrong", parsed)


def _final_value(text: str, reader: candidates.Reader[Value]) -> Value | None:
    """The value that `text` states; None where there is none or it is unclear."""
    try:
        return final.final_value(text, reader)
    except UnclearError:
        return None


# A gold that is an option: `\text{(C)}`, `(C)`, `C`
_LETTER = re.compile(r"\\(?:text|mathrm|textbf)\{ ?\(?([A-Z])\)? ?\}|\(([A-Z])\)|([A-E])")


def _math(text: str, gold: str, option_texts: tuple[str, ...]) -> Verdict:
    """The verdict on a formula; a gold may also be an option's letter, or words."""
    letter = _LETTER.fullmatch(gold.strip(" $"))
    if letter:
        return _option_letter(text, letter[1] or letter[2] or letter[3])
    gold_words = literal.spelled(gold) if words.has_text(gold) else None
    if gold_words:
        gold_text = " ".join(gold_words)
        only_option = choices.ChoiceReader((gold_text,), labelled=False)
        if _final_value(text, only_option) == 1:
            return Verdict("correct", gold_text)
    reader = FormulaReader(gold)
    formula = _final_value(text, reader)
    if formula is None:
        return Verdict("no_answer" if equal.readable(gold) else "unreadable_gold")
    return _formula_verdict(formula, gold, reader.gold)


def _option_letter(text: str, gold_letter: str) -> Verdict:
    """The verdict on an answer that names an option, whose texts are unknown, by its letter."""
    verdict = _compared(text, options.position_of(gold_letter), choices.ChoiceReader(()))
    if not verdict.parsed:
        return verdict
    return replace(verdict, parsed=chr(ord("A") - 1 + int(verdict.parsed)))


def _formula_verdict(formula: Formula, gold: str, gold_number: Fraction | None) -> Verdict:
    """The verdict on an answer's formula, or on the number that its words give."""
    try:
        same = equal.math_equal(formula.text, gold)
    except GaveUpError as reason:
        return Verdict("no_answer", formula.text, str(reason))
    if same is None:
        return Verdict("unreadable_gold")
    if not same and formula.number is not None and formula.number == gold_number:
        same = equal.same_units(formula.text, gold) and equal.same_scale(formula.text, gold)
    parsed = formula.text or str(formula.number)
    return Verdict("correct" if same else "wrong", parsed)


_GRADERS: dict[str, Callable[[str, str, tuple[str, ...]], Verdict]] = {
    "numeric": _numeric,
    "math": _math,
    "choice": _choice,
    "boolean": _boolean,
    "exact": _exact,
}
