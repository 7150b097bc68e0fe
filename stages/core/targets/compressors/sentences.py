"""Sentences of a reasoning trace, and what general features of text say about them.

Nothing here knows the phrases of any teacher. A sentence is read for its numbers, for the relation
sign that makes some of them results of the others, and for its words. It is read also for the marks
of doubt that people and models use alike.
"""

import bisect
import functools
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")  # e.g. 12, 1,200 or 3.50; signs are left out

# The next two patterns begin with a set of characters, because these are found many times faster.
# What follows looks back at the character that was found.

# A relation sign other than the equals sign: ≈, →, \approx, or one of some verbs, e.g. "gives" in
# "12 plus 7 gives 19"
_RELATION = re.compile(
    r"[\u2248\u2192\\egmiab]"
    r"(?:(?<=[\u2248\u2192])"
    r"|(?<=\\)approx"
    r"|(?<!\w[a-z])"  # a verb begins a word
    r"(?:(?<=e)quals?|(?<=g)ives?|(?<=m)akes?|(?<=i)s|(?<=a)re|(?<=b)ecomes?)\b"
    r")"
)
# The end of a sentence: line ends, or a mark before what a sentence may begin with, e.g. `.) ` in
# "(It is 12.) Then". The group has the quotes and brackets that close the sentence
_END = re.compile(
    r"[.!?\n]"
    r"(?:(?<=\n)\n*"
    r"|(?<!\n)([\"')\]*]*)\s+(?=[\"'(\[*$\\A-Z0-9-])"
    r")"
)
# Words and phrases that mark a sentence by doubt; a question mark at its end does so too
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
_NO_NUMBERS = frozenset[str]()
_WORD_CHARACTER = re.compile(r"\w")
# What an equation is written with: a run of numbers, operators, brackets, one-letter names and
# LaTeX commands, e.g. "3 * x + \frac{1}{2} = 5"
_EQUATION_RUN = re.compile(
    r"(?:(?<![A-Za-z])[a-z](?![A-Za-z])"
    r"|\\[a-z]+"
    r"|[\d.,+\-*/^=()\[\]{}$%\u00d7\u00f7\u2212\u2248 ]"
    r")+"
)
_LONG_WORD = re.compile(r"[a-z]{3,}")
# Words that carry no meaning of their own
_COMMON = frozenset(
    "about after again all also and any are because been before but can check does each else first for from get "
    "gives going good had has have here how into its just know let like look make means more must need next not "
    "now once one only other our out over same see should since some step still such sure take than that the "
    "their them then there these they thing this time too two use using very was way well were what when where "
    "which while will with would yes you your".split()
)


@dataclass(slots=True)
class Sentence:
    """A sentence, with the numbers left and right of its last relation sign.

    `operands` are the numbers left of it, `results` those right of it. In a sentence without a
    relation sign all numbers are results.
    """

    text: str
    operands: Set[str]
    results: Set[str]
    doubtful: bool  # has a mark of doubt

    @property
    def derived(self) -> Set[str]:
        """The numbers that it gets from at least one other."""
        return self.results if self.operands and not self.doubtful else frozenset()


class Passage:
    """The sentences of a text, numbered from 0. Each property is computed when it is first read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._spans = list(spans(text))
        self._ends = [end for _, end in self._spans]

    @functools.cached_property
    def texts(self) -> list[str]:
        """The sentences as they are written."""
        return [self.text[start:end] for start, end in self._spans]

    @functools.cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences with their numbers and marks of doubt."""
        doubtful = self._doubtful()
        find_numbers = _NUMBER.findall
        sentences = []
        for index, relation_end in enumerate(self._relation_ends()):
            start, end = self._spans[index]
            operands: Set[str] = _NO_NUMBERS
            if relation_end:
                operands = set(map(_magnitude, find_numbers(self.text, start, relation_end)))
            results = set(map(_magnitude, find_numbers(self.text, relation_end or start, end)))
            sentences.append(Sentence(self.texts[index], operands, results, index in doubtful))
        return tuple(sentences)

    def _relation_ends(self) -> list[int]:
        """Where in the text the last relation sign of each sentence ends, 0 where it has none."""
        relation_ends = [self.text.rfind("=", start, end) + 1 for start, end in self._spans]
        for match in _RELATION.finditer(self.text):
            index = self._index_at(match.start())
            relation_ends[index] = max(relation_ends[index], match.end())
        return relation_ends

    def numbers(self, before: int | None = None) -> Set[str]:
        """The numbers of all sentences, or of those before the sentence numbered `before`."""
        if "sentences" in vars(self):  # they have been computed: no need to search the text again
            all_numbers = set[str]()
            for sentence in self.sentences[:before]:
                all_numbers |= sentence.operands
                all_numbers |= sentence.results
            return all_numbers
        if before is None:
            return numbers(self.text)
        return numbers(self.text[: self._ends[before - 1] if before else 0])

    def words(self, before: int | None = None) -> Set[str]:
        """The words with a meaning of all sentences, or of those before the sentence `before`."""
        return words("\n".join(self.texts[:before]))

    def _index_at(self, position: int) -> int:
        """The number of the sentence at a position in the text."""
        return bisect.bisect_right(self._ends, position)

    def _doubtful(self) -> set[int]:
        """The numbers of the sentences that have a mark of doubt."""
        doubtful = {index for index, end in enumerate(self._ends) if self.text[end - 1] == "?"}
        lower_text = _lower(self.text)
        # Plain search is many times faster than the pattern, and most texts have few of the phrases
        present = [phrase for phrase in _DOUBTS if phrase in lower_text]
        if not present:
            return doubtful
        for match in _phrases_pattern("|".join(present)).finditer(lower_text):
            start = match.start()
            begins_word = start == 0 or not _WORD_CHARACTER.match(lower_text, start - 1)
            if begins_word:
                doubtful.add(self._index_at(start))
        return doubtful

    def sharing(self, topic: Set[str]) -> list[set[str]]:
        """For each sentence, which of the words `topic` it has."""
        shared = [set[str]() for _ in self._spans]
        if not topic:
            return shared
        for match in _LONG_WORD.finditer(_lower(self.text)):
            if match[0] in topic:
                shared[self._index_at(match.start())].add(match[0])
        return shared


# Cached, because compression and audit read the same text
passage_of = functools.lru_cache(maxsize=4)(Passage)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Yields (start, end) of each sentence without the space around it; lines end a sentence too."""
    start = 0
    for match in _END.finditer(text):
        # Quotes and brackets that close the sentence belong to it
        end = match.start() if match[1] is None else match.end(1)
        yield from _trimmed(text, start, end)
        start = match.end()
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yields the span without the space around it, and nothing where there is only space."""
    if start < end and not (text[start].isspace() or text[end - 1].isspace()):
        yield start, end
        return
    sentence = text[start:end].strip()
    if sentence:
        trimmed_start = text.index(sentence[0], start)
        yield trimmed_start, trimmed_start + len(sentence)


@functools.cache
def _phrases_pattern(alternatives: str) -> re.Pattern[str]:
    """Finds phrases, separated by `|`, that end a word."""
    return re.compile(rf"(?:{alternatives})\b")


def _lower(text: str) -> str:
    """`text` in lower case and of the same length.

    One letter, the dotted capital I, has a longer lower case; it becomes an I before.
    """
    return text.replace("\u0130", "I").lower()


@functools.lru_cache(maxsize=256)
def numbers(text: str) -> frozenset[str]:
    """The magnitudes in `text`.

    Signs are dropped, because `9 - -3` and `9 + 3` speak of the same quantities.
    """
    return frozenset(map(_magnitude, set(_NUMBER.findall(text))))


@functools.lru_cache(maxsize=65536)
def _magnitude(written: str) -> str:
    """A number in one spelling: 1,200 as 1200, 3.50 as 3.5, 007 as 7."""
    number = written.replace(",", "").lstrip("0") or "0"
    return number.rstrip("0").rstrip(".") or "0" if "." in number else number


def words(text: str) -> frozenset[str]:
    """The words of at least three letters that carry meaning, in lower case."""
    return frozenset(_LONG_WORD.findall(text.lower())) - _COMMON


def core(sentence: str) -> str:
    """A sentence without its lead-in: its longest equation, else what follows a lead-in clause.

    "To begin with, 1 + 4 = 5." becomes "1 + 4 = 5.".
    """
    if "=" in sentence:
        runs = (match[0].strip(" .,") for match in _EQUATION_RUN.finditer(sentence))
        equations = [run for run in runs if "=" in run and len(numbers(run)) > 1]
        if equations:
            return min(max(equations, key=len) + ".", sentence, key=len)
    lead_in, comma, rest = sentence.partition(", ")
    says_little = not numbers(lead_in) and len(words(lead_in)) < 2
    return rest if comma and says_little else sentence
