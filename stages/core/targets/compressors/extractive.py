"""Extractive compression: keep the sentences that the answer rests on, without any model.

From the answer backwards: the sentence that derives the answer's quantity is kept, then those that
derive the quantities it uses, and so on down to the question's own numbers. Where an answer has no
number, sentences are ranked by the rare words they share with answer and question. What room is
left goes to the most telling others.
"""

import bisect
import dataclasses
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from stages.core.program.errors import StageError
from stages.core.targets.compressors.sentences import Passage, Sentence, core, numbers, read, words


@dataclass(frozen=True)
class Extractive:
    """`max_ratio`: sentences beyond the support are added while the text stays under this share of
    the characters.

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
    """A shorter reasoning made of sentences of `reasoning`, in their order. Never empty for a
    non-empty reasoning.
    """
    given = numbers(question)
    passage = read(reasoning)
    sentences = _freed(passage.sentences, question)
    kept = _support_of_answer(sentences, numbers(answer), given) or _by_words(
        passage, question, answer
    )
    kept |= _filling(
        passage, sentences, kept, question, answer, round(strength.max_ratio * len(reasoning))
    )
    found = [
        core(sentences[place].text) if strength.trim else sentences[place].text
        for place in sorted(kept)
    ]
    return "\n".join(dict.fromkeys(found))


def _freed(sentences: Iterable[Sentence], question: str) -> list[Sentence]:
    """`sentences`; those that repeat an equation of the question derive nothing, and so are without
    operands.
    """
    given = numbers(question)
    found = list(sentences)
    for place, sentence in enumerate(found):
        new = sentence.results and given.isdisjoint(
            sentence.results
        )  # most are, and this shows it fastest
        if sentence.operands and not new and core(sentence.text).rstrip(".") in question:
            found[place] = dataclasses.replace(sentence, operands=frozenset())
    return found


def _support_of_answer(
    sentences: Sequence[Sentence], wanted: Iterable[str], given: frozenset[str]
) -> set[int]:
    """Places of the sentences that the answer's numbers rest on, empty where no sentence derives
    one.

    Where several sentences derive a number, the one whose support covers most of the question's
    numbers is taken: it is the solution, the others are partial sums or checks that happen to give
    the same.
    """
    derivations: dict[str, list[int]] = defaultdict(list)
    for place, sentence in enumerate(sentences):
        for number in sentence.derived:
            derivations[number].append(place)
    kept: set[int] = set()
    for number in wanted:
        supports = [
            _support(sentences, derivations, place, given) for place in derivations.get(number, ())
        ]
        if supports:
            kept |= max(
                supports, key=lambda support: (_covered(sentences, support, given), -max(support))
            )
    return kept


def _covered(sentences: Sequence[Sentence], support: Set[int], given: frozenset[str]) -> int:
    used = frozenset[str]().union(*(sentences[place].operands for place in support))
    return len(used & given)


def _support(
    sentences: Sequence[Sentence],
    derivations: Mapping[str, list[int]],
    place: int,
    given: frozenset[str],
) -> set[int]:
    """`place` and, for each number it uses, the last sentence before it that derives the number,
    and so on.
    """
    found, open_places = {place}, [place]
    while open_places:
        current = open_places.pop()
        for number in sentences[current].operands:
            source = _source(sentences, derivations.get(number, []), number, current, given)
            if source is not None and source not in found:
                found.add(source)
                open_places.append(source)
    return found


def _source(
    sentences: Sequence[Sentence],
    derivations: list[int],
    number: str,
    before: int,
    given: frozenset[str],
) -> int | None:
    """The last earlier sentence that derives `number`; for one that nothing derives or gives, its
    first mention.
    """
    earlier = bisect.bisect_left(derivations, before)
    if earlier:
        return derivations[earlier - 1]
    if number in given:
        return None
    mentions = (place for place in range(before) if number in sentences[place].results)
    return next((place for place in mentions if not sentences[place].doubtful), None)


def _by_words(passage: Passage, question: str, answer: str) -> set[int]:
    """The sentence that says the answer best, and the one before the last that shares most with
    question and answer.
    """
    said, asked = words(answer), words(question)
    sharing = passage.sharing(said | asked)
    weight = _rarity(sharing)

    def shared(place: int, with_words: frozenset[str]) -> float:
        doubt = 0.5 if passage.sentences[place].doubtful else 1.0
        return doubt * math.fsum(weight[word] for word in sharing[place] & with_words)

    places = range(len(sharing))
    last = max(places, key=lambda place: (shared(place, said), place), default=None)
    if last is None:
        return set()
    return {last, max(places, key=lambda place: (shared(place, said | asked), -place))}


def _rarity(sharing: list[set[str]]) -> dict[str, float]:
    """Inverse sentence frequency of each word, log(n / n_word) + 1. Add them by fsum: sets have no
    fixed order.
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
    """Further places, most telling first, while the text stays within `budget` characters."""
    length = sum(len(sentences[place].text) for place in kept)
    if length >= budget:
        return set()
    sharing = passage.sharing(words(answer) | words(question))
    weight = _rarity(sharing)
    stated = numbers(answer)
    known = numbers(question).union(
        *(sentences[place].results | sentences[place].operands for place in kept)
    )

    def telling(place: int) -> float:
        sentence = sentences[place]
        new = (sentence.results | sentence.operands) - known
        conclusion = bool(sentence.results & stated) and not sentence.operands
        shared = (
            math.fsum(weight[word] for word in sharing[place]) / (1 + len(words(sentence.text)))
            if sharing[place]
            else 0.0
        )
        return 2 * len(new) + 2 * conclusion + shared - 10 * sentence.doubtful

    scores = {place: telling(place) for place in range(len(sentences)) if place not in kept}
    added: set[int] = set()
    for place in sorted(scores, key=lambda place: (-scores[place], place)):
        length += len(sentences[place].text) + 1
        if length > budget or scores[place] <= 0:
            break
        added.add(place)
    return added
