"""Near-duplicates of test questions among training questions, found by MinHash and
locality-sensitive hashing.

Two questions are near when they have the same numbers, and when the shingles (runs of words) that
they share are at least `threshold` of those that either has (Jaccard), both over all shingles and
over those that are not the wording of a set: "Answer with a letter" makes no two questions alike,
nor does one template with other numbers.

The order of the options that follow a question makes no difference: they are compared sorted,
without their letters.
"""

import collections
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from stages.core.program.errors import StageError
from stages.core.program.params import MOST
from stages.core.questions.items import lettered
from stages.core.records import Question

_TOKEN, _NUMBER = re.compile(r"\w+|[^\w\s]"), re.compile(r"\d+(?:\.\d+)?")
# of the MinHash: its error is about 1/sqrt(128) = 9%, so all that it finds is checked exactly
PERMUTATIONS = 128
# candidates are looked for at this share of the threshold, so that few near ones are missed
SLACK = 0.7
SMALL = 50  # questions in a set that is too small to tell its wording
FEW = 3  # questions that may share a shingle in any set


@dataclass(frozen=True)
class Decontaminate:
    """What counts as near, and whether such training questions are removed; they are counted and
    listed in any case.
    """

    remove: bool = True
    threshold: float = 0.8
    words: Annotated[int, Field(le=MOST)] = 3  # of a shingle
    common: float = (
        0.02  # a shingle that more than this share of a set's questions has is its wording
    )

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
    """Yields every training question that is near one of the others, with the nearest of these."""
    from datasketch import MinHash, MinHashLSH  # a second of imports, for this stage alone

    whole = [_runs(_compared(row), rules.words) for row in questions]
    own = _without_wording(questions, whole, rules)
    numbers = [sorted(_NUMBER.findall(row.question.replace(",", ""))) for row in questions]
    sketches = MinHash.generator(map(_bytes, own), num_perm=PERMUTATIONS)
    index = MinHashLSH(threshold=max(0.05, SLACK * rules.threshold), num_perm=PERMUTATIONS)
    trained = []
    for place, sketch in enumerate(sketches):
        if questions[place].split == "train":
            trained.append((place, sketch))
        else:
            index.insert(place, sketch)
    for place, sketch in trained:
        similar = [
            (min(_jaccard(of[place], of[other]) for of in (whole, own)), -other)
            for other in index.query(sketch)
            if numbers[place] == numbers[other]
        ]
        similarity, other = max(similar, default=(0.0, 0))
        if similarity >= rules.threshold:
            yield NearDuplicate(questions[place], questions[-other], round(similarity, 4))


def _without_wording(
    questions: Sequence[Question], whole: Sequence[frozenset[str]], rules: Decontaminate
) -> list[frozenset[str]]:
    """Each question's shingles that its set does not share; a question that has none of its own is
    one by itself.
    """
    sizes = collections.Counter(row.source for row in questions)
    counts = collections.Counter(
        (row.source, one) for row, has in zip(questions, whole, strict=True) for one in has
    )
    wording = {
        one
        for (source, one), count in counts.items()
        if sizes[source] >= SMALL and count > max(FEW, rules.common * sizes[source])
    }
    texts = (" ".join(_compared(row).split()) for row in questions)
    return [has - wording or frozenset([text]) for text, has in zip(texts, whole, strict=True)]


def _compared(row: Question) -> str:
    """The question with its options in an order that their texts alone give; a sign stands for each
    one's letter.
    """
    listed = lettered(row.choices)
    if not row.choices or not row.question.endswith(listed):
        return row.question
    ordered = sorted(" ".join(option.casefold().split()) for option in row.choices)
    return row.question.removesuffix(listed) + "\n".join(f"-. {option}" for option in ordered)


def _runs(text: str, words: int) -> frozenset[str]:
    tokens = _TOKEN.findall(text.casefold())
    return frozenset(
        " ".join(tokens[at : at + words]) for at in range(max(1, len(tokens) - words + 1))
    )


def _bytes(shingles: frozenset[str]) -> list[bytes]:
    return [shingle.encode("utf-8", "surrogatepass") for shingle in shingles]


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)
