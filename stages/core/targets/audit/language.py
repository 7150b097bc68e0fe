"""Whether a compressed trace is written in the language and script of its source."""

import re
import unicodedata

_WORD = re.compile(r"[^\W\d_]{2,}")
_ASCII_WORD = re.compile("[a-z]{2,}")  # of lower case alone: many times faster
# Scripts without spaces between words, by the first word of their characters' Unicode names
UNSPACED = {"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR"}
FEW_WORDS = 8  # of a text with fewer words no language is told
LEAST_KNOWN = 0.3  # a text in its source's language has at least this share of words from it
MOST_FOREIGN = 0.1  # and at most this share of letters in a script that the source has not


def other_language(text: str, source: str) -> bool:
    """Whether `text` uses letters of a script that `source` has not, or words most of which
    `source` has not.

    A shorter form of a text is made of the text's own words. LEAST_KNOWN, 30%, is far below what
    rewriting leaves.
    """
    ascii_only = text.isascii() and source.isascii()
    if not ascii_only:
        letter_count = sum(map(str.isalpha, text))
        if _foreign_letters(text, source) > MOST_FOREIGN * letter_count:
            return True
    pattern = _ASCII_WORD if ascii_only else _WORD
    words = pattern.findall(text.lower())
    if not ascii_only:
        words = [word for word in words if word.isascii() or _script(word[0]) not in UNSPACED]
    if len(words) < FEW_WORDS:
        return False
    lower_source = source.lower()
    # Most texts are known by the words that stand between spaces. Only for the others the source is
    # searched for all its words
    if not _mostly_unknown(words, set(lower_source.split())):
        return False
    return _mostly_unknown(words, set(pattern.findall(lower_source)))


def _mostly_unknown(words: list[str], source_words: set[str]) -> bool:
    known_count = sum(word in source_words for word in words)
    return known_count < LEAST_KNOWN * len(words)


def _foreign_letters(text: str, source: str) -> int:
    """How many letters of `text` are of a script that `source` has not."""
    source_scripts = {_script(letter) for letter in set(source)}
    foreign = [
        letter for letter in set(text) if letter.isalpha() and _script(letter) not in source_scripts
    ]
    return sum(text.count(letter) for letter in foreign)


def _script(letter: str) -> str:
    """The first word of a character's Unicode name: LATIN, CJK, CYRILLIC, HANGUL."""
    if letter.isascii() and letter.isalpha():
        return "LATIN"
    return unicodedata.name(letter, "?").split()[0]
