"""Extractive compression: keep the sentences that the answer rests on, without any model.

It goes from the answer backwards. The sentence that derives the answer's quantity is kept, then
those that derive the quantities it uses, and so on down to the question's own numbers. Where no
sentence derives a number of the answer, two sentences are chosen by the rare words that they share
with answer and question. The room that is left goes to the most telling others.

Sentences are named by their number in the passage, their index.
"""

import bisect
import dataclasses
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stages.core.program.errors import StageError
from stages.core.targets.compressors.sentences import (
    Passage,
    Sentence,
    core,
    numbers,
    passage_of,
    words,
)


@dataclass(frozen=True)
class Extractive:
    """`max_ratio`: further sentences are added while the text stays under this share of the raw
    characters.

    `trim`: cut each kept sentence down to its equation or its main clause.
    """

    max_ratio: float
    trim: bool

    def __post_init__(self) -> None:
        if not 0 <= self.max_ratio <= 1:
            raise StageError(
                f"compressor: max_ratio is {self.max_ratio}, expected a share between 0 and 1"
            )


def compress(question: str, reasoning: str, answer: str, strength: Extractive) -> str:
    """A shorter reasoning made of sentences of `reasoning`, in their order.

    It is never empty for a reasoning that is not.
    """
    given = numbers(question)
    passage = passage_of(reasoning)
    sentences = _without_restatements(passage.sentences, question)

    # Keep what the answer rests on
    kept = _support_of_answer(sentences, numbers(answer), given)
    if not kept:
        kept = _by_words(passage, question, answer)

    # Fill the room that is left
    budget = round(strength.max_ratio * len(reasoning))
    kept |= _filling(passage, sentences, kept, question, answer, budget)

    # Write the kept sentences in their order
    texts = [sentences[index].text for index in sorted(kept)]
    if strength.trim:
        texts = [core(text) for text in texts]
    return "\n".join(dict.fromkeys(texts))  # each text once, in order


def _without_restatements(sentences: Iterable[Sentence], question: str) -> list[Sentence]:
    """`sentences`, those without operands that repeat an equation of the question.

    Such a sentence derives nothing.
    """
    given = numbers(question)
    checked = list(sentences)
    for index, sentence in enumerate(checked):
        # Most sentences have results that the question does not give, and this shows it fastest
        has_new_results = sentence.results and given.isdisjoint(sentence.results)
        if not sentence.operands or has_new_results:
            continue
        if core(sentence.text).rstrip(".") in question:
            checked[index] = dataclasses.replace(sentence, operands=frozenset())
    return checked


def _support_of_answer(
    sentences: Sequence[Sentence], answer_numbers: Iterable[str], given: frozenset[str]
) -> set[int]:
    """The sentences that the answer's numbers rest on, empty where no sentence derives one.

    Several sentences may derive a number. Then the one is taken whose support covers most of the
    question's numbers, `given`: it is the solution. The others are partial sums, or checks that
    happen to give the same.
    """
    # The sentences that derive each number, in order
    derivations: dict[str, list[int]] = defaultdict(list)
    for index, sentence in enumerate(sentences):
        for number in sentence.derived:
            derivations[number].append(index)

    def preference(support: set[int]) -> tuple[int, int]:
        """Higher for a support that covers more given numbers, then for one that ends earlier."""
        used = frozenset[str]().union(*(sentences[index].operands for index in support))
        return len(used & given), -max(support)  # its last sentence is the one that derives

    kept: set[int] = set()
    for number in answer_numbers:
        supports = [
            _support(sentences, derivations, index, given) for index in derivations.get(number, ())
        ]
        if supports:
            solution: set[int] = max(supports, key=preference)
            kept |= solution
    return kept


def _support(
    sentences: Sequence[Sentence],
    derivations: Mapping[str, list[int]],
    index: int,
    given: frozenset[str],
) -> set[int]:
    """The sentence `index` and those that it rests on.

    For each number that a sentence uses it is the last sentence before that derives the number, and
    so on.
    """
    support, unexplained = {index}, [index]
    while unexplained:
        current = unexplained.pop()
        for number in sentences[current].operands:
            source = _source(sentences, derivations.get(number, []), number, current, given)
            if source is not None and source not in support:
                support.add(source)
                unexplained.append(source)
    return support


def _source(
    sentences: Sequence[Sentence],
    derivations: list[int],
    number: str,
    before: int,
    given: frozenset[str],
) -> int | None:
    """The last sentence before the sentence `before` that derives `number`.

    For a number that nothing derives or gives, it is the first sentence that mentions it without
    doubt. None where there is none.
    """
    earlier_count = bisect.bisect_left(derivations, before)
    if earlier_count:
        return derivations[earlier_count - 1]
    if number in given:
        return None
    for index in range(before):
        if number in sentences[index].results and not sentences[index].doubtful:
            return index
    return None


def _by_words(passage: Passage, question: str, answer: str) -> set[int]:
    """Two sentences at most: the one that shares most with the answer, the last of equals, and the
    one that shares most with question and answer together, the first of equals.
    """
    answer_words, topic = words(answer), words(answer) | words(question)
    sharing = passage.sharing(topic)
    rarity = _rarity(sharing)

    def weight(index: int, wanted_words: frozenset[str]) -> float:
        shared = math.fsum(rarity[word] for word in sharing[index] & wanted_words)
        # A doubtful sentence counts half, so that a firm one is preferred
        return shared * (0.5 if passage.sentences[index].doubtful else 1.0)

    indices = range(len(sharing))
    if not indices:
        return set()
    says_answer = max(indices, key=lambda index: (weight(index, answer_words), index))
    says_topic = max(indices, key=lambda index: (weight(index, topic), -index))
    return {says_answer, says_topic}


def _rarity(sharing: list[set[str]]) -> dict[str, float]:
    """Inverse sentence frequency of each word: log(n / n_word) + 1.

    n is the number of sentences, n_word that of sentences with the word. Add the values by fsum,
    because sets have no fixed order.
    """
    counts = Counter(itertools.chain.from_iterable(sharing))
    return {word: math.log(len(sharing) / count) + 1 for word, count in counts.items()}


def _filling(
    passage: Passage,
    sentences: list[Sentence],
    kept: set[int],
    question: str,
    answer: str,
    budget: int,
) -> set[int]:
    """Further sentences, most telling first, while the text stays within `budget` characters."""
    length = sum(len(sentences[index].text) for index in kept)
    if length >= budget:
        return set()
    scores = _telling_scores(passage, sentences, kept, question, answer)
    added: set[int] = set()
    for index in sorted(scores, key=lambda index: (-scores[index], index)):
        length += len(sentences[index].text) + 1  # with the line end before it
        if length > budget or scores[index] <= 0:
            break
        added.add(index)
    return added


def _telling_scores(
    passage: Passage, sentences: list[Sentence], kept: set[int], question: str, answer: str
) -> dict[int, float]:
    """How much each sentence that is not kept would tell, by index.

    Two points for each number that neither the question nor the kept sentences have, two for a
    conclusion that states the answer. Rare words of question and answer count by their share of the
    sentence's words. Ten points are taken off for doubt.
    """
    sharing = passage.sharing(words(answer) | words(question))
    rarity = _rarity(sharing)
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
