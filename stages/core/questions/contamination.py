"""Near-duplicates of test questions among training questions.

Candidates are found by MinHash and locality-sensitive hashing, then compared exactly. Two questions
are near when they have the same numbers, and when their Jaccard similarity reaches `threshold`.
That is the share of shingles (runs of words) that both have, among those that either has.

The similarity is the lower of two: over all shingles, and over those that are not the wording of a
set. So "Answer with a letter" makes no two questions alike, nor does one template with other
numbers. Options that follow a question are compared sorted and without their letters, so their
order makes no difference.
"""

import collections
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from stages.core.program.errors import StageError
from stages.core.program.params import LARGEST_COUNT
from stages.core.questions.items import lettered
from stages.core.records import Question

_TOKEN = re.compile(r"\w+|[^\w\s]")  # a word, or one sign
_NUMBER = re.compile(r"\d+(?:\.\d+)?")  # 12, 0.5
# Of the MinHash, whose error is about 1/sqrt(128) = 9%: all that it finds is compared exactly
PERMUTATIONS = 128
# Candidates are searched at this share of the threshold, so that few near ones are missed
SLACK = 0.7
SMALL = 50  # a set with fewer questions is too small to tell its wording
FEW = 3  # this many questions of any set may share a shingle that is not its wording


@dataclass(frozen=True)
class Decontaminate:
    """What counts as near, and whether such training questions are removed.

    They are counted and listed in any case.
    """

    remove: bool = True
    threshold: float = 0.8
    words: Annotated[int, Field(le=LARGEST_COUNT)] = 3  # in a shingle
    # A shingle is wording of a set where more than this share of the set's questions have it
    common: float = 0.02

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1 or self.words < 1 or not 0 <= self.common <= 1:
            raise StageError(
                f"threshold {self.threshold}, words {self.words}, common {self.common}: "
                "expected shares between 0 and 1 and at least one word"
            )


@dataclass(frozen=True)
class NearDuplicate:
    """A training question and the test or validation question that it resembles most."""

    train: Question
    test: Question
    similarity: float


def near_duplicates(questions: Sequence[Question], rules: Decontaminate) -> Iterator[NearDuplicate]:
    """Yields each training question near a test or validation question, with the nearest one."""
    from datasketch import MinHash, MinHashLSH  # a second of imports, for this stage alone

    # Shingles of each question, all of them and without the wording of its set
    shingles = [_shingles(_compared(question), rules.words) for question in questions]
    own_shingles = _without_wording(questions, shingles, rules)
    numbers = [_numbers(question.question) for question in questions]

    # Test and validation questions go into the index, training questions are looked up in it
    sketches = MinHash.generator(map(_bytes, own_shingles), num_perm=PERMUTATIONS)
    index = MinHashLSH(threshold=max(0.05, SLACK * rules.threshold), num_perm=PERMUTATIONS)
    training = []
    for row_index, sketch in enumerate(sketches):
        if questions[row_index].split == "train":
            training.append((row_index, sketch))
        else:
            index.insert(row_index, sketch)

    for row_index, sketch in training:
        nearest, highest = 0, 0.0
        for other in sorted(index.query(sketch)):  # of equally similar ones the first counts
            if numbers[row_index] != numbers[other]:
                continue
            similarity = min(
                _jaccard(shingles[row_index], shingles[other]),
                _jaccard(own_shingles[row_index], own_shingles[other]),
            )
            if similarity > highest:
                nearest, highest = other, similarity
        if highest >= rules.threshold:
            yield NearDuplicate(questions[row_index], questions[nearest], round(highest, 4))


def _without_wording(
    questions: Sequence[Question], shingles: Sequence[frozenset[str]], rules: Decontaminate
) -> list[frozenset[str]]:
    """Each question's shingles that are not the wording of its set.

    A question that has none left gets one shingle: its text.
    """
    sizes = collections.Counter(question.source for question in questions)
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    for question, of_question in zip(questions, shingles, strict=True):
        counts.update((question.source, shingle) for shingle in of_question)
    wording = set()
    for (source, shingle), count in counts.items():
        if sizes[source] >= SMALL and count > max(FEW, rules.common * sizes[source]):
            wording.add(shingle)
    remaining = []
    for question, of_question in zip(questions, shingles, strict=True):
        text = " ".join(_compared(question).split())
        remaining.append(of_question - wording or frozenset([text]))
    return remaining


def _compared(row: Question) -> str:
    """The question with its options sorted by their texts, and a dash for each option's letter."""
    listed = lettered(row.choices)
    if not row.choices or not row.question.endswith(listed):
        return row.question
    ordered = sorted(" ".join(option.casefold().split()) for option in row.choices)
    return row.question.removesuffix(listed) + "\n".join(f"-. {option}" for option in ordered)


def _shingles(text: str, words: int) -> frozenset[str]:
    """All runs of this many words in a text; a shorter text is one run."""
    tokens = _TOKEN.findall(text.casefold())
    starts = range(max(1, len(tokens) - words + 1))
    return frozenset(" ".join(tokens[start : start + words]) for start in starts)


def _numbers(text: str) -> list[str]:
    """The numbers in a text, sorted. 1,000 is one number."""
    return sorted(_NUMBER.findall(text.replace(",", "")))


def _bytes(shingles: frozenset[str]) -> list[bytes]:
    return [shingle.encode("utf-8", "surrogatepass") for shingle in shingles]


def _jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right)
