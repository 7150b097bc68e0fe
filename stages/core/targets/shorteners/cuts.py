"""Cutting a trace to its budget: the simplest controls that a compressor must beat.

`head` is the truncation that the paper compares with. `ends` leaves the middle out and puts the two
ends together without any mark, as LongBench does with long prompts (Bai et al. 2023, arXiv
2308.14508).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stages.core.records import Trace
from stages.core.targets.lengths import LastEncodings, counts, end, start
from stages.core.targets.shorteners.budgets import Budget

Keep = Literal["head", "tail", "ends"]


@dataclass(frozen=True, kw_only=True)
class Cut(Budget):
    """`keep`: what stays of a trace, its beginning, its end, or half the budget of both."""

    keep: Keep


class Cutter:
    """Cuts traces in one student's tokens."""

    def __init__(self, settings: Cut, tokenizer: Any, encodings: LastEncodings) -> None:
        self.keep = settings.keep
        self.tokenizer = tokenizer
        self.encodings = encodings

    def shorten(self, traces: Sequence[Trace], budgets: Sequence[int]) -> list[str]:
        """What stays of each trace, of no more tokens than its budget.

        It is cut at the ends of tokens, and between characters. So it is empty where a budget does
        not hold the first, or last, character.
        """
        texts = [trace.reasoning for trace in traces]
        encodings = self.encodings.of(texts)
        kept_texts = [
            kept(text, encoding, budget, self.keep)
            for text, encoding, budget in zip(texts, encodings, budgets, strict=True)
        ]
        sizes = self.encodings.counts(kept_texts)
        for index, (size, budget) in enumerate(zip(sizes, budgets, strict=True)):
            if size > budget:
                kept_texts[index] = self._within(texts[index], encodings[index], budget, size)
        return kept_texts

    def _within(self, text: str, encoding: Any, budget: int, size: int) -> str:
        """What stays of a text whose part has `size` tokens, more than its budget.

        What stands beside a word can change its tokens, e.g. where two ends meet.
        """
        allowed = budget
        kept_text = ""
        while size > budget:
            allowed -= size - budget
            kept_text = kept(text, encoding, allowed, self.keep)
            (size,) = counts(self.tokenizer, [kept_text])
        return kept_text


def kept(text: str, encoding: Any, budget: int, keep: Keep) -> str:
    """What stays of `text` within `budget` of the tokens of its `encoding`."""
    if len(encoding) <= budget:
        return text
    from_end = {"head": 0, "tail": budget, "ends": budget // 2}[keep]
    return start(encoding, text, budget - from_end) + end(encoding, text, from_end)
