"""Sentences of a reasoning trace and what general features of text say about them.

Nothing here knows any teacher's phrases: a sentence is read for its numbers, for the relation sign
that makes some of them results of the others, for its words, and for the marks of doubt that people
and models use alike.
"""

import bisect
import functools
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

_PLAIN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
# Relation signs but the equals sign. This pattern and the next begin with a set of characters:
# found many times faster
_RELATION = re.compile(
    r"[\u2248\u2192\\egmiab](?:(?<=[\u2248\u2192])|(?<=\\)approx"
    r"|(?<!\w[a-z])(?:(?<=e)quals?|(?<=g)ives?|(?<=m)akes?|(?<=i)s|(?<=a)re|(?<=b)ecomes?)\b)"
)
_END = re.compile(r"[.!?\n](?:(?<=\n)\n*|(?<!\n)([\"')\]*]*)\s+(?=[\"'(\[*$\\A-Z0-9-]))")
_DOUBTS = (
    "wait",
    "hmm",
    "maybe",
    "perhaps",
    "guess",
    "not right",
    "wrong",
    "mistake",
    "oops",
    "i think",
    "redo",
    "suppose",
)
_NONE = frozenset[str]()
_WORD_CHARACTER = re.compile(r"\w")
# A run of numbers, operators, brackets and one-letter names: what an equation is written with
_MATHS = re.compile(
    r"(?:(?<![A-Za-z])[a-z](?![A-Za-z])|\\[a-z]+|[\d.,+\-*/^=()\[\]{}$%\u00d7\u00f7\u2212\u2248 ])+"
)
_LONG = re.compile(r"[a-z]{3,}")
_COMMON = frozenset(
    "about after again all also and any are because been before but can check does each else first for from get "
    "gives going good had has have here how into its just know let like look make means more must need next not "
    "now once one only other our out over same see should since some step still such sure take than that the "
    "their them then there these they thing this time too two use using very was way well were what when where "
    "which while will with would yes you your".split()
)


@dataclass(slots=True)
class Sentence:
    """A sentence, with the numbers left and right of its last relation sign; all are results where
    it has none.
    """

    text: str
    operands: Set[str]
    results: Set[str]
    doubtful: bool  # marked by doubt

    @property
    def derived(self) -> Set[str]:
        """The numbers that it gets from at least one other."""
        return self.results if self.operands and not self.doubtful else frozenset()


class Passage:
    """The sentences of a text. What is asked of them is read when it is first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._spans = list(_spans(text))
        self._ends = [end for _, end in self._spans]

    @functools.cached_property
    def texts(self) -> list[str]:
        """The sentences as they are written."""
        return [self.text[start:end] for start, end in self._spans]

    @functools.cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences, read."""
        text, ends, find = self.text, self._ends, _PLAIN.findall
        cuts = [
            text.rfind("=", start, end) + 1 for start, end in self._spans
        ]  # where the last relation sign ends
        for match in _RELATION.finditer(text):
            place = bisect.bisect_right(ends, match.start())
            cuts[place] = max(cuts[place], match.end())
        cut_spans = [*zip(self._spans, cuts, strict=True)]
        left = [
            set(map(_magnitude, find(text, start, cut))) if cut else _NONE
            for (start, _), cut in cut_spans
        ]
        right = [
            set(map(_magnitude, find(text, cut or start, end))) for (start, end), cut in cut_spans
        ]
        doubtful = self._doubtful()
        return tuple(
            map(
                Sentence, self.texts, left, right, (place in doubtful for place in range(len(cuts)))
            )
        )

    def numbers(self, before: int | None = None) -> Set[str]:
        """Its numbers, or those of the sentences before a place."""
        if "sentences" in vars(self):  # they have been read: no need to search the text again
            read = self.sentences[:before]
            return set[str]().union(
                *(each.operands for each in read), *(each.results for each in read)
            )
        return numbers(
            self.text if before is None else self.text[: self._ends[before - 1] if before else 0]
        )

    def words(self, before: int | None = None) -> Set[str]:
        """Its words that carry meaning, or those of the sentences before a place."""
        return words("\n".join(self.texts[:before]))

    def _place(self, at: int) -> int:
        return bisect.bisect_right(self._ends, at)

    def _doubtful(self) -> set[int]:
        """The places of the sentences marked by doubt."""
        found = {place for place, end in enumerate(self._ends) if self.text[end - 1] == "?"}
        small = _lower(self.text)
        if present := [
            doubt for doubt in _DOUBTS if doubt in small
        ]:  # plain search is many times faster
            starts = (match.start() for match in _doubts("|".join(present)).finditer(small))
            found.update(
                self._place(at)
                for at in starts
                if not at or not _WORD_CHARACTER.match(small, at - 1)
            )
        return found

    def sharing(self, topic: Set[str]) -> list[set[str]]:
        """For each sentence, which of the words `topic` it has."""
        found = [set[str]() for _ in self._spans]
        for match in _LONG.finditer(_lower(self.text)) if topic else ():
            if match[0] in topic:
                found[self._place(match.start())].add(match[0])
        return found


# Compression and audit read the same text
read = functools.lru_cache(maxsize=4)(Passage)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each sentence without the space around it; lines end a sentence too."""
    start = 0
    for match in _END.finditer(text):
        end = (
            match.start() if match[1] is None else match.end(1)
        )  # quotes and brackets that close it belong to it
        if start < end and not (text[start].isspace() or text[end - 1].isspace()):
            yield start, end
        elif sentence := text[start:end].strip():
            start = text.index(sentence[0], start)
            yield start, start + len(sentence)
        start = match.end()
    if sentence := text[start:].strip():
        start = text.index(sentence[0], start)
        yield start, start + len(sentence)


@functools.cache
def _doubts(some: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{some})\b")


def _lower(text: str) -> str:
    """In lower case and of the same length: the one letter whose lower case is longer is replaced."""
    return text.replace("\u0130", "I").lower()


@functools.lru_cache(maxsize=256)
def numbers(text: str) -> frozenset[str]:
    """The magnitudes in `text`: signs dropped, because `9 - -3` and `9 + 3` speak of the same
    quantities.
    """
    return frozenset(map(_magnitude, set(_PLAIN.findall(text))))


@functools.lru_cache(maxsize=65536)
def _magnitude(written: str) -> str:
    number = written.replace(",", "").lstrip("0") or "0"
    return number.rstrip("0").rstrip(".") or "0" if "." in number else number


def words(text: str) -> frozenset[str]:
    """The words of at least three letters that carry meaning, in lower case."""
    return frozenset(_LONG.findall(text.lower())) - _COMMON


def core(sentence: str) -> str:
    """A sentence without its lead-in: its equation, where it has one, else what it says after a
    lead-in clause.
    """
    spans = (
        [match[0].strip(" .,") for match in _MATHS.finditer(sentence)] if "=" in sentence else []
    )
    equations = [span for span in spans if "=" in span and len(numbers(span)) > 1]
    if equations:
        return min(max(equations, key=len) + ".", sentence, key=len)
    lead, comma, rest = sentence.partition(", ")
    return rest if comma and not numbers(lead) and len(words(lead)) < 2 else sentence
