"""Leaving out units in a given order, until a text fits its budget of tokens.

How many tokens a text has is known only by tokenizing it, because tokens at the seams change. So
the number of units to leave out is searched for. The texts of many traces are tokenized together.
"""

import bisect
import itertools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.targets import lengths
from stages.core.targets.pruning.settings import Unit
from stages.core.targets.pruning.units import Span, joined

ESTIMATES = 6  # guesses from the units' own tokens, before the search halves what is open


@dataclass(frozen=True)
class Ranked:
    """A trace's text, the spans of its units, and `order`: their indices, what goes first first."""

    text: str
    spans: Sequence[Span]
    order: Sequence[int]
    unit: Unit

    def left(self, removed: int) -> str:
        """The text without the first `removed` units of the order."""
        return joined(self.text, self.spans, sorted(self.order[removed:]), self.unit)


class Search:
    """The search for the number of units that one text must lose.

    It ends with a number whose text fits, where one unit fewer does not fit. More tokens may follow
    from fewer units, so there can be several such numbers; the search ends with one of them.
    """

    def __init__(self, ranked: Ranked, unit_tokens: Sequence[int], budget: int) -> None:
        self.ranked = ranked
        self.budget = budget
        self.too_few = -1  # so many are too few
        self.enough = len(ranked.order)  # so many are enough: no text is left
        # The tokens that each number of removed units leaves, were there no seams (1 + units)
        remaining = list(itertools.accumulate(unit_tokens[index] for index in ranked.order[::-1]))
        self._estimates = [*remaining[::-1], 0]
        self._guesses = 0
        self.guess = self._first_within(budget)

    @property
    def is_over(self) -> bool:
        """Whether `enough` is the number."""
        return self.enough - self.too_few == 1

    def tell(self, tokens: int) -> None:
        """Takes the number of tokens that the text of `guess` has, and makes the next guess."""
        if tokens <= self.budget:
            self.enough = self.guess
        else:
            self.too_few = self.guess
        self._guesses += 1
        if self._guesses < ESTIMATES:
            excess = tokens - self.budget
            self.guess = self._first_within(self._estimates[self.guess] - excess)
        else:
            self.guess = (self.too_few + self.enough) // 2
        self.guess = min(max(self.guess, self.too_few + 1), self.enough - 1)

    def _first_within(self, tokens: int) -> int:
        """The least number of removed units whose estimate is at most `tokens`; one unit stays."""
        removed = bisect.bisect_left(self._estimates, -tokens, key=operator.neg)
        return max(min(removed, len(self._estimates) - 2), 0)


def shortened(
    ranked_texts: Sequence[Ranked],
    unit_tokens: Sequence[Sequence[int]],
    budgets: Sequence[int],
    tokenizer: Any,
) -> list[str]:
    """Each text with at most its budget of tokens.

    `unit_tokens` are the tokens of each unit of each text, as an estimate. Where not even the best
    unit fits, it is cut at the budget.
    """
    searches = list(map(Search, ranked_texts, unit_tokens, budgets))
    running = [search for search in searches if not search.is_over]
    while running:
        texts = [search.ranked.left(search.guess) for search in running]
        for search, tokens in zip(running, lengths.counts(tokenizer, texts), strict=True):
            search.tell(tokens)
        running = [search for search in running if not search.is_over]
    return [_result(search, tokenizer) for search in searches]


def _result(search: Search, tokenizer: Any) -> str:
    """The text that a search ended with; where it has no unit, the head of the best one."""
    text = search.ranked.left(search.enough)
    if text:
        return text
    # A unit whose first character has more tokens than the budget has no head: then the next best
    for index in reversed(search.ranked.order):
        start, end = search.ranked.spans[index]
        [(head, _)] = lengths.firsts(tokenizer, [search.ranked.text[start:end]], [search.budget])
        if fitting_head := _fitting(head, search.budget, tokenizer):
            return fitting_head
    return ""


def _fitting(head: str, budget: int, tokenizer: Any) -> str:
    """`head` without the characters at its end that make it more than `budget` tokens.

    A cut at the end of a token can change the tokens before it.
    """
    while lengths.counts(tokenizer, [head])[0] > budget:
        head = head[:-1]
    return head.rstrip()
