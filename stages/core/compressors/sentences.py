"""Sentences of a reasoning trace and what general features of text say about them.

Nothing here knows any teacher's phrases: a sentence is read for its numbers, for the relation sign that makes
some of them results of the others, for its words, and for the marks of doubt that people and models use alike.
"""

import re
from dataclasses import dataclass

_PLAIN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_RELATION = re.compile(r"=|\u2248|\u2192|\\approx|\bequals?\b|\bgives?\b|\bmakes?\b|\bis\b|\bare\b|\bbecomes?\b")
_DOUBT = re.compile(
    r"\?\s*$|\b(?:wait|hmm|maybe|perhaps|guess|not right|wrong|mistake|oops|i think|redo|suppose)\b",
    re.IGNORECASE,
)
# A run of numbers, operators, brackets and one-letter names: what an equation is written with
_MATHS = re.compile(r"(?:(?<![A-Za-z])[a-z](?![A-Za-z])|\\[a-z]+|[\d.,+\-*/^=()\[\]{}$%\u00d7\u00f7\u2212\u2248 ])+")
_END = re.compile(r"(?<=[.!?])([\"')\]*]*)\s+(?=[\"'(\[*$\\A-Z0-9-])|\n+")
_COMMON = frozenset(
    "about after again all also and any are because been before but can check does each else first for from get "
    "gives going good had has have here how into its just know let like look make means more must need next not "
    "now once one only other our out over same see should since some step still such sure take than that the "
    "their them then there these they thing this time too two use using very was way well were what when where "
    "which while will with would yes you your".split()
)


@dataclass(frozen=True)
class Sentence:
    """`results` are the numbers right of its last relation sign, or all where it has none; `operands` the others."""

    text: str
    operands: frozenset[str]
    results: frozenset[str]
    words: frozenset[str]
    doubtful: bool

    @property
    def derives(self) -> bool:
        """Whether it gets a number from at least one other."""
        return bool(self.results and self.operands) and not self.doubtful


def numbers(text: str) -> frozenset[str]:
    """The magnitudes in `text`: signs dropped, because `9 - -3` and `9 + 3` speak of the same quantities."""
    found = (match.replace(",", "").lstrip("0") or "0" for match in _PLAIN.findall(text))
    return frozenset(number.rstrip("0").rstrip(".") if "." in number else number for number in found)


def words(text: str) -> frozenset[str]:
    """The words of at least three letters that carry meaning, in lower case."""
    return frozenset(re.findall(r"[a-z]{3,}", text.lower())) - _COMMON


def read(text: str) -> Sentence:
    """One sentence's features."""
    cut = max((match.end() for match in _RELATION.finditer(text)), default=0)
    return Sentence(text, numbers(text[:cut]), numbers(text[cut:]), words(text), bool(_DOUBT.search(text)))


def split(text: str) -> list[Sentence]:
    """The sentences of `text`, in order; lines end a sentence too."""
    parts = [*_END.split(text), ""]  # text and what closes it (quotes, brackets) by turns
    whole = (f"{part}{closing or ''}".strip() for part, closing in zip(parts[::2], parts[1::2], strict=True))
    return [read(sentence) for sentence in whole if sentence]


def core(sentence: Sentence) -> str:
    """The sentence without its lead-in: its equation, where it has one, else what it says after a lead-in clause."""
    spans = [match[0].strip(" .,") for match in _MATHS.finditer(sentence.text)]
    equations = [span for span in spans if "=" in span and len(numbers(span)) > 1]
    if equations:
        return min(max(equations, key=len) + ".", sentence.text, key=len)
    lead, comma, rest = sentence.text.partition(", ")
    return rest if comma and not numbers(lead) and len(words(lead)) < 2 else sentence.text
