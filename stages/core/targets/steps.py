"""How many steps of a trace's solution are still in a shorter text.

A trace of the scripted teacher is measured exactly. Its steps are worked out again from the
question, and a step is kept where its equation stands in the text. Of any other trace the numbers
are counted that its solution derives: the results of the sentences that the answer rests on, without
the question's own numbers. Texts of every kind are measured alike: compressed, pruned, cut.
"""

import collections
import functools
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from stages.core.asking.engines import scripted
from stages.core.targets.compressors.sentences import numbers, passage_of
from stages.core.targets.compressors.support import support_of

# A digit or point before a number, digits or decimals after one: it is part of a longer number
_LONGER_BEFORE = re.compile(r"[\d.,](?=[\d-])")
_LONGER_AFTER = re.compile(r"[.,]?\d")
_OPERATOR = re.compile(r" ?([-+*/=]) ?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
# How others write the signs of the scripted teacher
_SIGNS = (("\u00d7", "*"), ("\u00b7", "*"), ("\\times", "*"), ("\\cdot", "*"), ("\u2212", "-"))


@dataclass(frozen=True, slots=True)
class StepsKept:
    """Of the steps of a solution, or of the numbers that it derives, how many a text has."""

    steps: int  # at least 1
    kept: int
    exact: bool  # steps were counted, and not numbers

    @property
    def share(self) -> float:
        """The share that is kept."""
        return self.kept / self.steps


class StepCounts:
    """Counts of steps by question set, over the texts that are measured."""

    def __init__(self) -> None:
        self.steps: dict[str, list[int]] = collections.defaultdict(list)
        self.shares: dict[str, list[float]] = collections.defaultdict(list)
        self.exact: Counter[str] = Counter()

    def add(self, source: str, kept: StepsKept | None) -> None:
        """Adds what one text of the set `source` keeps; None adds nothing."""
        if kept is None:
            return
        self.steps[source].append(kept.steps)
        self.shares[source].append(kept.share)
        self.exact[source] += kept.exact

    def of(self, source: str) -> dict[str, float | None]:
        """The counts of one question set, as a metrics file holds them.

        `steps` is the mean number of steps of a solution, or of numbers that it derives, and
        `steps_kept` the mean share of them that a text keeps. Both are means over `steps_measured`
        texts, of which `steps_exact` were measured by equations.
        """
        steps, shares = self.steps[source], self.shares[source]
        return {
            "steps": round(fmean(steps), 2) if steps else None,
            "steps_kept": round(fmean(shares), 6) if shares else None,
            "steps_measured": len(steps),
            "steps_exact": self.exact[source],
        }


def steps_kept(question: str, reasoning: str, stated: str, text: str) -> StepsKept | None:
    """How much of the solution in `reasoning` is in `text`, a shorter form of it.

    `stated` is the answer as the trace states it. None where no step is known: the answer is no
    number, or the reasoning derives it from none.
    """
    equations = _written_steps(question, reasoning)
    if equations:
        return StepsKept(len(equations), _count_in(equations, text), exact=True)
    derived = _derived_numbers(question, reasoning, stated)
    if not derived:
        return None
    return StepsKept(len(derived), len(derived & passage_of(text).numbers()), exact=False)


# Cached, because several texts of one trace are measured one after the other
@functools.lru_cache(maxsize=4)
def _written_steps(question: str, reasoning: str) -> Sequence[str]:
    """The equations of the scripted teacher's steps, e.g. "12 + 40 = 52", in order.

    They are empty for a question that it cannot read, and for a reasoning that lacks one of them:
    other teachers solve such questions too, in steps of their own. Of "17 * 6 = 60 + 42 = 102",
    which sums up the parts of a product, the equation is "60 + 42 = 102".
    """
    steps = [f"{step.left.rpartition('= ')[2]} = {step.value}" for step in _solved(question)]
    equations = tuple(dict.fromkeys(steps))  # a step that comes twice is one
    return equations if not _missing(equations, reasoning) else ()


def _solved(question: str) -> Sequence[scripted.Step]:
    """The scripted teacher's steps without a slip, empty for a question that it cannot read.

    Its own `solve` is not called, because it does each sum twice for the slip. That time would be
    missed on questions of hundreds of sums, as tests/bench/extractive.py has them.
    """
    for pattern, read in scripted._READERS:
        match = pattern.search(question.strip())
        worked = read(match[1], scripted._Arithmetic(random.Random(0), None)) if match else None
        if worked:
            return worked.steps
    return ()


@functools.lru_cache(maxsize=4)
def _derived_numbers(question: str, reasoning: str, stated: str) -> frozenset[str]:
    """The numbers that the support of the answer derives, without those of the question."""
    support = support_of(question, reasoning, stated)
    if not support.has_derivation:
        return frozenset()
    derived = (support.sentences[index].derived for index in support.distances)
    return frozenset[str]().union(*derived) - numbers(question)


def _count_in(equations: Sequence[str], text: str) -> int:
    """How many of `equations` stand in `text`, in whatever spacing and with whatever signs."""
    missing = _missing(equations, text)
    if missing:
        missing = _missing([_squeezed(equation) for equation in missing], _squeezed(text))
    return len(equations) - len(missing)


def _missing(equations: Sequence[str], text: str) -> list[str]:
    """Those of `equations` that are not in `text`, or only as part of longer numbers.

    They are looked for in their order, because most texts have them so.
    """
    missing = []
    position = 0
    for equation in equations:
        end = _end_of(equation, text, position)
        if not end and position:
            end = _end_of(equation, text, 0)
        if end:
            position = end
        else:
            missing.append(equation)
    return missing


def _end_of(equation: str, text: str, position: int) -> int:
    """Where in `text`, from `position` on, the equation ends; 0 where it is not."""
    start = text.find(equation, position)
    while start >= 0:
        end = start + len(equation)
        is_longer = start and _LONGER_BEFORE.match(text, start - 1)
        if not is_longer and not _LONGER_AFTER.match(text, end):
            return end
        start = text.find(equation, start + 1)
    return 0


def _squeezed(text: str) -> str:
    """`text` with the scripted teacher's signs, and without spaces around them."""
    for sign, plain_sign in _SIGNS:
        text = text.replace(sign, plain_sign)
    return _OPERATOR.sub(r"\1", _THOUSANDS.sub("", text))
