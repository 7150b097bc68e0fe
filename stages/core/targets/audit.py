"""Audit of a compressed trace: what is odd about it, as flags that are counted and may drop it.

Every check reads plain text and knows no compressor. Numbers are compared as values, words in lower
case.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field

from stages.core.program.errors import StageError
from stages.core.records import Trace
from stages.core.targets.compressors import LONGEST_TRACE
from stages.core.targets.compressors.sentences import Passage, numbers, passage_of, words

# Worst first: the first one that drops a row is its drop reason
FLAGS = {
    "over_context": "its prompt left the compressor no room; it was not asked",
    "refused": "the compressor's server answered no, or not at all",
    "cut_at_limit": "ended at the token limit, or with the compressor's context",
    "unfinished": "ended for another reason than by itself",
    "oversized": f"its source has more than {LONGEST_TRACE:,} characters; it was not compressed",
    "empty": "nothing was written",
    "tags": "holds think tags, or the marks of the compressor's prompt",
    "refusal": "declines the task",
    "about_the_task": "talks about shortening instead of only reasoning",
    "other_language": "written in another language or script than its source",
    "answer_lost": "does not state the answer, though its source does",
    "answer_first": "states the answer before most of what the source derives it from",
    "invented_numbers": "has numbers that are in neither question nor source",
    "verbatim": "the source word for word",
    "longer": "longer than its source",
}
# What makes a target wrong or unusable. The rest is counted: a merged step may need a new number,
# and a copy is valid
DROP = (
    *("over_context", "refused", "cut_at_limit", "unfinished", "empty"),
    *("tags", "refusal", "about_the_task", "other_language", "answer_lost"),
)
ALWAYS_DROPPED = ("oversized",)  # there is no text, whatever the params say
_ENDED = {
    "oversized": "oversized",
    "too_long": "over_context",
    "refused": "refused",
    "failed": "refused",
    "length": "cut_at_limit",
    "context": "cut_at_limit",
}
_NOT = r"(?:cannot|can['\u2019]?t|won['\u2019]?t|will not|unable to|not able to)"
_TO = r"(?:(?:help|assist|comply|fulfil)\b|(?:provide|do|create|write|shorten|rewrite) (?:this|that|the|an?|your)\b)"
_REFUSAL = re.compile(
    r"\A[^\w]{0,20}(?:i['\u2019]?m sorry|i am sorry|i apologi[sz]e|sorry,|as an ai\b"
    rf"|(?:unfortunately,? )?i(?:['\u2019]m| am)? {_NOT} {_TO})",
    re.IGNORECASE,
)
_SHORT = r"(?:shorten|shorter|compress|condens|summari[sz]|concise|abridg)\w*"
_TASK = re.compile(
    rf"\b{_SHORT}\s+(?:\w+\s+){{0,2}}(?:reasoning|version|trace|solution|explanation|text)\b"
    r"|\b(?:reasoning|trace|solution|text)\s+(?:above|below|provided|given above|you (?:gave|provided))\b"
    r"|^[^\w\n]{0,20}note: i (?:removed|omitted|shortened|kept|left out|condensed)\b",
    re.MULTILINE,
)
# One of them is in whatever the pattern finds, and plain search is many times faster
_TASK_MARKS = (
    "short",
    "compress",
    "condens",
    "summar",
    "concise",
    "abridg",
    "above",
    "below",
    "provided",
    "gave",
    "note:",
)
_OPENING = re.compile(
    r"[^\w\n]{0,20}(?:(?:sure|certainly|of course)\b[^\n]{0,80}[:.!]"
    r"|here(?:['\u2019]s| is)\b[^\n]{0,60}\b(?:reasoning|version|summary|trace)\b[^\n]{0,20}:)"
)
_TAGS = re.compile(
    r"</?think>|<\|\w+\|>|\[[0-9a-f]{8} (?:question|reasoning|answer) (?:begins|ends)\]"
)
_WORD, _ASCII_WORD = re.compile(r"[^\W\d_]{2,}"), re.compile("[a-z]{2,}")
UNSPACED = {
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
}  # scripts without spaces between words
_BARE = (
    "true",
    "false",
    "yes",
    "no",
)  # reasoning says these in other ways, so they are not looked for
FEW, KNOWN = (
    8,
    0.3,
)  # words below which no language is told; least share of them that a text's source has


@dataclass(frozen=True)
class Audit:
    """Which flags drop a row."""

    drop: list[str] = field(default_factory=lambda: list(DROP))

    def __post_init__(self) -> None:
        if odd := sorted(set(self.drop) - set(FLAGS)):
            raise StageError(f"drop: {odd[0]!r} is no flag; known: {', '.join(FLAGS)}")

    def reason(self, flags: Iterable[str]) -> str | None:
        """The first of `flags` that drops a row, None where it is kept."""
        return next((flag for flag in flags if flag in self.drop or flag in ALWAYS_DROPPED), None)


def audit(trace: Trace, text: str, finish_reason: str) -> tuple[str, ...]:
    """The flags of `text`, a shorter form of the trace's reasoning, in the order of FLAGS."""
    ended = _ENDED.get(finish_reason, "unfinished") if finish_reason != "stop" else ""
    if not text.strip():
        return tuple(flag for flag in FLAGS if flag == (ended or "empty"))
    source = trace.reasoning
    new = (
        passage_of(text).numbers()
        - passage_of(source).numbers()
        - numbers(trace.question)
        - numbers(trace.answer)
    )
    found = {
        ended: True,
        "tags": bool(_TAGS.search(text)),
        "refusal": bool(_REFUSAL.search(text)),
        "about_the_task": _about_the_task(text) and not _about_the_task(source),
        "other_language": other_language(text, f"{trace.question}\n{source}\n{trace.answer}"),
        "answer_lost": _lost(trace, text),
        "answer_first": answer_first(trace, text),
        "invented_numbers": bool(new),
        "verbatim": text.split(maxsplit=9)[:9] == source.split(maxsplit=9)[:9]
        and text.split() == source.split(),
        "longer": len(text) > len(source),
    }
    return tuple(flag for flag in FLAGS if found.get(flag))


def _about_the_task(text: str) -> bool:
    small = text.lower()
    if _OPENING.match(small):
        return True
    return any(mark in small for mark in _TASK_MARKS) and _TASK.search(small) is not None


def _lost(trace: Trace, text: str) -> bool:
    """Whether the source states the answer and `text` does not, nor names its option's letter."""
    if states(text, trace.stated, _read) or not states(trace.reasoning, trace.stated, _read):
        return False
    if (
        trace.parsed.isdecimal()
        and 0 < int(trace.parsed) < 27
        and trace.parsed not in numbers(trace.stated)
    ):
        letter = chr(ord("A") + int(trace.parsed) - 1)
        return not re.search(
            rf"(?:answer|option|choice)\W+(?:is\W+)?{letter}\b|\b{letter}\W*\Z", text
        )
    return True


def _read(text: str) -> Set[str]:
    """The numbers of a text that is read anyway."""
    return passage_of(text).numbers()


def states(text: str, answer: str, find: Callable[[str], Set[str]] = numbers) -> bool:
    """Whether `text` says `answer`: its numbers where it has some, else half of its words, or
    itself as written.

    `find` reads numbers.
    """
    plain = _plain(answer)
    if plain in _BARE:
        return True
    if wanted := _values(answer):
        return wanted <= _values(text, find) or (not plain.isdecimal() and plain in _plain(text))
    if meant := words(answer):
        return 2 * len(meant & words(text)) >= len(meant)
    if plain.isalnum():  # a name or a letter
        return re.search(rf"(?<![^\W_]){re.escape(plain)}(?![^\W_])", text.lower()) is not None
    return bool(plain) and plain in _plain(text)


def _values(text: str, find: Callable[[str], Set[str]] = numbers) -> Set[str]:
    """Its numbers, with thousands as LaTeX separates them and decimals without a zero before the
    point.
    """
    plain = re.sub(
        r"\.(?<!\d\.)(?=\d)", "0.", text.replace("\\,", "").replace("{,}", "")
    )  # what is found fast first
    return find(plain)


def _plain(text: str) -> str:
    """Without case, spacing, LaTeX's spaces and dollar signs."""
    return re.sub(r"[\s$]|\\[,;! ]", "", text.lower()).replace("\\dfrac", "\\frac")


def answer_first(trace: Trace, text: str) -> bool:
    """Whether the compressed text states the answer before most of what the source derives it from
    (a leak).

    What the source derives it from are the numbers, or where it has none the words, that it
    introduces before its first statement of the answer and that are not in the question; the text
    is asked where it introduces those of them that it has.
    """
    source, short = passage_of(trace.reasoning), passage_of(text)
    stated, restated = (_first(each, trace.stated) for each in (source, short))
    if stated is None or restated is None:
        return False
    new = source.numbers() - numbers(trace.question) - numbers(trace.stated)
    find, of = (numbers, Passage.numbers) if new else (words, Passage.words)
    before = of(source, stated) & of(short) - find(trace.question) - find(trace.stated)
    return 2 * len(before - of(short, restated + 1)) > len(before)


def _first(text: Passage, answer: str) -> int | None:
    """The place of the first sentence that states `answer`."""
    said = enumerate(text.texts)
    if len(wanted := numbers(answer)) == 1 and wanted <= text.numbers():
        number = min(wanted)
        return next(
            place
            for place, each in said
            if number in each.replace(",", "") and wanted <= numbers(each)
        )
    return next((place for place, each in said if states(each, answer)), None)


def other_language(text: str, source: str) -> bool:
    """Whether `text` uses letters of a script that `source` has not, or words most of which
    `source` has not.

    A shorter form of a text is made of the text's own words: 30% is far below what rewriting
    leaves.
    """
    ascii_only = text.isascii() and source.isascii()
    if not ascii_only and _foreign_letters(text, source) > 0.1 * sum(map(str.isalpha, text)):
        return True
    pattern = _ASCII_WORD if ascii_only else _WORD
    said = pattern.findall(text.lower())
    if not ascii_only:
        said = [word for word in said if word.isascii() or _script(word[0]) not in UNSPACED]
    if len(said) < FEW:
        return False
    # Most texts are known by the words that stand between spaces; only what is not is searched for
    # all words
    return all(
        sum(map(set(words_in(source.lower())).__contains__, said)) < KNOWN * len(said)
        for words_in in (str.split, pattern.findall)
    )


def _foreign_letters(text: str, source: str) -> int:
    """How many letters of `text` are of a script that `source` has not."""
    scripts = {_script(letter) for letter in set(source)}
    return sum(
        text.count(letter)
        for letter in set(text)
        if letter.isalpha() and _script(letter) not in scripts
    )


def _script(letter: str) -> str:
    """The first word of a character's Unicode name: LATIN, CJK, CYRILLIC, HANGUL."""
    return (
        "LATIN"
        if letter.isascii() and letter.isalpha()
        else unicodedata.name(letter, "?").split()[0]
    )
