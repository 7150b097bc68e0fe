"""Sentences of a reasoning trace and what general features of text say about them.

Nothing here knows any teacher's phrases: a sentence is read for its numbers, for the relation sign that makes
some of them results of the others, for its words, and for the marks of doubt that people and models use alike.
"""

import bisect
import functools
import re
from dataclasses import dataclass

_PLAIN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
# Up to the last relation sign: greedy, so that it is looked for from the end
_RELATION = re.compile(
    r".*(?:=|\u2248|\u2192|\\approx|\bequals?\b|\bgives?\b|\bmakes?\b|\bis\b|\bare\b|\bbecomes?\b)", re.DOTALL
)
_DOUBTS = "wait|hmm|maybe|perhaps|guess|not right|wrong|mistake|oops|i think|redo|suppose"
_DOUBT = re.compile(rf"\?\s*$|\b(?:{_DOUBTS})\b", re.IGNORECASE)
# A run of numbers, operators, brackets and one-letter names: what an equation is written with
_MATHS = re.compile(r"(?:(?<![A-Za-z])[a-z](?![A-Za-z])|\\[a-z]+|[\d.,+\-*/^=()\[\]{}$%\u00d7\u00f7\u2212\u2248 ])+")
_END = re.compile(r"(?<=[.!?])([\"')\]*]*)\s+(?=[\"'(\[*$\\A-Z0-9-])|\n+")
_LONG = re.compile(r"[a-z]{3,}")
_COMMON = frozenset(
    "about after again all also and any are because been before but can check does each else first for from get "
    "gives going good had has have here how into its just know let like look make means more must need next not "
    "now once one only other our out over same see should since some step still such sure take than that the "
    "their them then there these they thing this time too two use using very was way well were what when where "
    "which while will with would yes you your".split()
)


@dataclass(frozen=True)
class Sentence:
    """A sentence; what it says is read when it is asked for, once."""

    text: str
    restated: bool = False  # an equation of the question, which derives nothing and so has no operands

    @functools.cached_property
    def _cut(self) -> int:
        """Where its last relation sign ends."""
        found = _RELATION.match(self.text)
        return found.end() if found else 0

    @functools.cached_property
    def operands(self) -> frozenset[str]:
        """The numbers left of its last relation sign."""
        return frozenset() if self.restated else numbers(self.text[: self._cut])

    @functools.cached_property
    def results(self) -> frozenset[str]:
        """The numbers right of its last relation sign, all where it has none."""
        return numbers(self.text[self._cut :])

    @functools.cached_property
    def words(self) -> frozenset[str]:
        """Its words that carry meaning."""
        return words(self.text)

    @functools.cached_property
    def doubtful(self) -> bool:
        """Whether it is marked by doubt."""
        small = self.text.lower()  # plain search first: the pattern takes ten times as long, and finds something seldom
        return ("?" in small or any(doubt in small for doubt in _DOUBTS.split("|"))) and bool(_DOUBT.search(self.text))

    @functools.cached_property
    def derived(self) -> frozenset[str]:
        """The numbers that it gets from at least one other."""
        return self.results if self.operands and self.results and not self.doubtful else frozenset()


def numbers(text: str) -> frozenset[str]:
    """The magnitudes in `text`: signs dropped, because `9 - -3` and `9 + 3` speak of the same quantities."""
    return frozenset(map(_magnitude, set(_PLAIN.findall(text))))


def _magnitude(written: str) -> str:
    if written[0] != "0" and written.isdecimal():
        return written
    number = written.replace(",", "").lstrip("0") or "0"
    return number.rstrip("0").rstrip(".") if "." in number else number


def placed(text: str, kind: str) -> dict[str, int]:
    """The number of the sentence that each of the text's `kind`, numbers or words, first stands in."""
    written: dict[str, int] = {}
    for match in _PLAIN.finditer(text) if kind == "numbers" else _LONG.finditer(text.lower()):
        written.setdefault(match[0], match.start())
    found: dict[str, int] = {}
    for item, at in written.items():
        found.setdefault(_magnitude(item) if kind == "numbers" else item, at)
    ends = [match.end() for match in _END.finditer(text)]
    return {item: bisect.bisect_right(ends, at) for item, at in found.items() if item not in _COMMON}


def words(text: str) -> frozenset[str]:
    """The words of at least three letters that carry meaning, in lower case."""
    return frozenset(_LONG.findall(text.lower())) - _COMMON


def texts(text: str) -> list[str]:
    """The sentences of `text`, in order; lines end a sentence too."""
    parts = [*_END.split(text), ""]  # text and what closes it (quotes, brackets) by turns
    whole = (f"{part}{closing or ''}".strip() for part, closing in zip(parts[::2], parts[1::2], strict=True))
    return [sentence for sentence in whole if sentence]


def split(text: str) -> list[Sentence]:
    """Likewise, to be read."""
    return [Sentence(sentence) for sentence in texts(text)]


def core(sentence: str) -> str:
    """A sentence without its lead-in: its equation, where it has one, else what it says after a lead-in clause."""
    spans = [match[0].strip(" .,") for match in _MATHS.finditer(sentence)] if "=" in sentence else []
    equations = [span for span in spans if "=" in span and len(numbers(span)) > 1]
    if equations:
        return min(max(equations, key=len) + ".", sentence, key=len)
    lead, comma, rest = sentence.partition(", ")
    return rest if comma and not numbers(lead) and len(words(lead)) < 2 else sentence
