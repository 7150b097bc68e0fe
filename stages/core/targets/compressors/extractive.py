"""Extractive compression: keep the sentences that the answer rests on, without any model.

What the answer rests on, its support, is found in support.py. With `max_ratio` all of it is kept,
and the room that is left goes to the most telling others. With `ratio` the budget is strict, and the
sentences are ranked:

1. Those of the support, from the answer backwards: the sentence that derives the answer, then those
   that derive the numbers it uses, and so on. Of equally near ones the later comes first.
2. The other sentences, most telling first.

The first ones are kept that fit. So the sentences that are farthest from the answer go first, and
the step that states the answer stays longest. Whatever is left of the support still leads to the
answer: each kept step is used by another kept one. A larger budget keeps all that a smaller one
keeps.

Sentences are named by their number in the passage, their index.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from stages.core.program.errors import StageError
from stages.core.targets.compressors.sentences import Sentence, core, numbers, passage_of, words
from stages.core.targets.compressors.support import Support, rarity_of, support_of


@dataclass(frozen=True)
class Extractive:
    """How much is kept: exactly one of `max_ratio` and `ratio` is given.

    `max_ratio`: the support is kept. Further sentences are added while the text stays under this
    share of the raw characters.

    `ratio`: the text never exceeds this share of the raw characters, even if that drops steps.

    `trim`: cut each kept sentence down to its equation or its main clause.
    """

    max_ratio: float | None = None
    trim: bool = False
    ratio: float | None = None

    def __post_init__(self) -> None:
        if (self.max_ratio is None) == (self.ratio is None):
            raise StageError(
                "compressor: expected one of max_ratio, which keeps all that the answer rests on, "
                "and ratio, which drops steps for a smaller share"
            )
        if self.max_ratio is not None and not 0 <= self.max_ratio <= 1:
            raise StageError(
                f"compressor: max_ratio is {self.max_ratio}, expected a share between 0 and 1"
            )
        if self.ratio is not None and not 0 < self.ratio <= 1:
            raise StageError(
                f"compressor: ratio is {self.ratio}, expected a share above 0 and up to 1"
            )


def compress(question: str, reasoning: str, answer: str, strength: Extractive) -> str:
    """A shorter reasoning made of sentences of `reasoning`, in their order.

    It is never empty for a reasoning that is not. With `ratio`, a budget that is too small for any
    sentence gets the end of the last step, and one of no character gets one.
    """
    support = support_of(question, reasoning, answer)
    if strength.ratio is not None:
        ranking = _ranking(support, question, reasoning, answer)
        budget = max(1, math.floor(strength.ratio * len(reasoning)))
        return _first_that_fit(support.sentences, ranking, budget, strength.trim)

    assert strength.max_ratio is not None  # the settings have one of the two
    kept = set(support.distances)
    budget = round(strength.max_ratio * len(reasoning))
    kept |= _filling(support, question, reasoning, answer, budget)
    return _written([support.sentences[index] for index in sorted(kept)], strength.trim)


def _written(sentences: Sequence[Sentence], trim: bool) -> str:
    """The sentences as lines; each text once, where it stands first."""
    texts = [sentence.text for sentence in sentences]
    if trim:
        texts = [core(text) for text in texts]
    return "\n".join(dict.fromkeys(texts))


def _ranking(support: Support, question: str, reasoning: str, answer: str) -> list[int]:
    """All sentences, those first that are kept longest: the support, then the most telling."""
    distances = support.distances
    ranked_support = sorted(distances, key=lambda index: (distances[index], -index))
    scores = _telling_scores(support, question, reasoning, answer)
    return ranked_support + _most_telling(scores)


def _first_that_fit(
    sentences: Sequence[Sentence], ranking: Sequence[int], budget: int, trim: bool
) -> str:
    """The first sentences of `ranking` that fit `budget` characters together, in their order.

    Where not even the first one fits, it is the end of that one.
    """
    texts = set[str]()
    kept: list[int] = []
    length = -1  # no line end comes before the first line
    for index in ranking:
        text = core(sentences[index].text) if trim else sentences[index].text
        if text not in texts:
            length += 1 + len(text)
        if length > budget:
            break
        texts.add(text)
        kept.append(index)
    if ranking and not kept:
        return _end_of(core(sentences[ranking[0]].text), budget)
    return _written([sentences[index] for index in sorted(kept)], trim)


def _end_of(text: str, budget: int) -> str:
    """The last words of `text` that fit `budget` characters, at least its last characters.

    A step's result stands at its end.
    """
    end = text[-budget:]
    is_within_word = len(text) > budget and not text[-budget - 1].isspace()
    if is_within_word:
        _, space, rest = end.partition(" ")
        end = rest if space else end
    return end.strip() or text[-budget:].strip() or text[-1]


def _filling(support: Support, question: str, reasoning: str, answer: str, budget: int) -> set[int]:
    """Further sentences, most telling first, while the text stays within `budget` characters.

    Sentences that tell nothing are never added.
    """
    sentences = support.sentences
    length = sum(len(sentences[index].text) for index in support.distances)
    if length >= budget:
        return set()
    scores = _telling_scores(support, question, reasoning, answer)
    added: set[int] = set()
    for index in _most_telling(scores):
        length += len(sentences[index].text) + 1  # with the line end before it
        if length > budget or scores[index] <= 0:
            break
        added.add(index)
    return added


def _most_telling(scores: dict[int, float]) -> list[int]:
    """The sentences by falling score, the first of equals first."""
    return sorted(scores, key=lambda index: (-scores[index], index))


def _telling_scores(
    support: Support, question: str, reasoning: str, answer: str
) -> dict[int, float]:
    """How much each sentence outside of the support would tell, by index.

    Two points for each number that neither the question nor the support has, two for a conclusion
    that states the answer. Rare words of question and answer count by their share of the sentence's
    words. Ten points are taken off for doubt.
    """
    sentences = support.sentences
    kept: Collection[int] = support.distances
    sharing = passage_of(reasoning).sharing(words(answer) | words(question))
    rarity = rarity_of(sharing)
    answer_numbers = numbers(answer)
    known_numbers = set(numbers(question))
    for index in kept:
        known_numbers |= sentences[index].results | sentences[index].operands

    def score(index: int) -> float:
        sentence = sentences[index]
        new_numbers = (sentence.results | sentence.operands) - known_numbers
        is_conclusion = bool(sentence.results & answer_numbers) and not sentence.operands
        word_score = 0.0
        if sharing[index]:
            shared = math.fsum(rarity[word] for word in sharing[index])
            word_score = shared / (1 + len(words(sentence.text)))
        return 2 * len(new_numbers) + 2 * is_conclusion + word_score - 10 * sentence.doubtful

    return {index: score(index) for index in range(len(sentences)) if index not in kept}
