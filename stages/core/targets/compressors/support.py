"""The support of an answer: the sentences of a reasoning that the answer rests on.

The search goes from the answer backwards. The sentence that derives the answer's quantity is the
first, then those that derive the quantities it uses, and so on down to the question's own numbers.
Where no sentence derives a number of the answer, two sentences are chosen by the rare words that
they share with answer and question.

Sentences are named by their number in the passage, their index.
"""

import bisect
import dataclasses
import functools
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stages.core.targets.compressors.sentences import (
    Passage,
    Sentence,
    core,
    numbers,
    passage_of,
    words,
)


@dataclass(frozen=True, slots=True)
class Support:
    """The sentences of a reasoning, and how far from the answer those lie that it rests on.

    `distances`, by index: 0 for a sentence that derives a number of the answer, 1 for one that
    derives a number which such a sentence uses, and so on. `has_derivation` is False where
    sentences were chosen by words.
    """

    sentences: Sequence[Sentence]
    distances: Mapping[int, int]
    has_derivation: bool


# Cached, because compression and the count of kept steps read the same trace
@functools.lru_cache(maxsize=4)
def support_of(question: str, reasoning: str, answer: str) -> Support:
    """What `answer` rests on in `reasoning`. It is empty for a reasoning without a sentence alone."""
    passage = passage_of(reasoning)
    sentences = _without_restatements(passage.sentences, question)
    distances = _support_of_answer(sentences, numbers(answer), numbers(question))
    if distances:
        return Support(sentences, distances, has_derivation=True)
    return Support(sentences, _by_words(passage, question, answer), has_derivation=False)


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
) -> dict[int, int]:
    """The sentences that the answer's numbers rest on, with their distances from the answer.

    It is empty where no sentence derives one. Several sentences may derive a number. Then the one
    is taken whose support covers most of the question's numbers, `given`: it is the solution. The
    others are partial sums, or checks that happen to give the same.
    """
    # The sentences that derive each number, in order
    derivations: dict[str, list[int]] = defaultdict(list)
    for index, sentence in enumerate(sentences):
        for number in sentence.derived:
            derivations[number].append(index)

    def preference(support: Mapping[int, int]) -> tuple[int, int]:
        """Higher for a support that covers more given numbers, then for one that ends earlier."""
        used = frozenset[str]().union(*(sentences[index].operands for index in support))
        return len(used & given), -max(support)  # its last sentence is the one that derives

    distances: dict[int, int] = {}
    for number in answer_numbers:
        supports = [
            _support(sentences, derivations, index, given) for index in derivations.get(number, ())
        ]
        if supports:
            solution: dict[int, int] = max(supports, key=preference)
            for index, distance in solution.items():
                distances[index] = min(distance, distances.get(index, distance))
    return distances


def _support(
    sentences: Sequence[Sentence],
    derivations: Mapping[str, list[int]],
    index: int,
    given: frozenset[str],
) -> dict[int, int]:
    """The sentence `index` and those that it rests on, with their distances from it.

    For each number that a sentence uses it is the last sentence before that derives the number, and
    so on.
    """
    distances, unexplained = {index: 0}, [index]
    for current in unexplained:  # which grows: nearer sentences come first
        for number in sentences[current].operands:
            source = _source(sentences, derivations.get(number, []), number, current, given)
            if source is not None and source not in distances:
                distances[source] = distances[current] + 1
                unexplained.append(source)
    return distances


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


def _by_words(passage: Passage, question: str, answer: str) -> dict[int, int]:
    """Two sentences at most, with distances as if the first one used the second.

    The first one shares most with the answer, the last of equals. The second one shares most with
    question and answer together, the first of equals.
    """
    answer_words, topic = words(answer), words(answer) | words(question)
    sharing = passage.sharing(topic)
    rarity = rarity_of(sharing)

    def weight(index: int, wanted_words: frozenset[str]) -> float:
        shared = math.fsum(rarity[word] for word in sharing[index] & wanted_words)
        # A doubtful sentence counts half, so that a firm one is preferred
        return shared * (0.5 if passage.sentences[index].doubtful else 1.0)

    indices = range(len(sharing))
    if not indices:
        return {}
    says_answer = max(indices, key=lambda index: (weight(index, answer_words), index))
    says_topic = max(indices, key=lambda index: (weight(index, topic), -index))
    return {says_topic: 1} | {says_answer: 0}


def rarity_of(sharing: list[set[str]]) -> dict[str, float]:
    """Inverse sentence frequency of each word: log(n / n_word) + 1.

    n is the number of sentences, n_word that of sentences with the word. Add the values by fsum,
    because sets have no fixed order.
    """
    counts = Counter(itertools.chain.from_iterable(sharing))
    return {word: math.log(len(sharing) / count) + 1 for word, count in counts.items()}
