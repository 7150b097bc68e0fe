"""The options of a question: how its text lists them, which is its gold, and how they are spelled.

The position of an option is its number in the question, from 1.
"""

import functools
import re

from stages.core.grading.statement import visible, words

NAMES = r"(?:answer|option|solution|ending|choice)"
# "Answer1: ", "option 2) "
_LISTED = re.compile(rf"\b({NAMES})\s*([1-9])\s*[:.)]\s*", re.IGNORECASE)
# "Answer format: answer1/answer2", at a question's end
_FORMAT = re.compile(rf"\s*{NAMES} format:.*", re.IGNORECASE | re.DOTALL)
_LONGEST = 2000  # characters of a statement that are compared with options
# "option 2", "Answer (2)"
_GOLD_LABEL = re.compile(rf"(?i:{NAMES})\s?\(?([1-9]\d?)\)?")
# "B", "(B)"
_GOLD_LETTER = re.compile(r"\(?([A-Z])\)?")
_ALPHABET = 26
_DIGITS = 9


def listed(question: str) -> tuple[str, ...]:
    """The options that a question lists in its own text, as "Answer1: ... Answer2: ...".

    The result is empty where it lists none.
    """
    text = _FORMAT.sub("", question)
    labels = list(_LISTED.finditer(text))
    numbers = [int(label[2]) for label in labels]
    if not labels or numbers != list(range(1, len(labels) + 1)):
        return ()
    ends = [label.start() for label in labels[1:]] + [len(text)]
    return tuple(text[label.end() : end].strip() for label, end in zip(labels, ends, strict=True))


def gold(text: str, options: tuple[str, ...]) -> int | None:
    """The position of the option that is right; None where `text` names no one option.

    It is given by its label, its letter, or else its text.
    """
    text = text.strip()
    if label := _GOLD_LABEL.fullmatch(text):
        return _position_within(int(label[1]), options)
    if letter := _GOLD_LETTER.fullmatch(text):
        return _position_within(position_of(letter[1]), options)
    same_text = [position for position, option in enumerate(options, 1) if option.strip() == text]
    if same_text:
        return same_text[0] if len(same_text) == 1 else None
    if re.fullmatch("[1-9]", text) and int(text) <= (len(options) or _DIGITS):
        return int(text)
    return None


def written(position: int, options: tuple[str, ...]) -> str:
    """How the option in a position is named as a gold: by its letter, or as "option 2".

    The latter is used where another option's text is that letter. `gold` reads both as the
    position, whatever the options' texts are.
    """
    letter = chr(ord("A") - 1 + position)
    others = (option for number, option in enumerate(options, 1) if number != position)
    return f"option {position}" if any(_reads_as(option, letter) for option in others) else letter


def position_of(letter: str) -> int:
    """The position of the option with this letter."""
    return ord(letter.upper()) - ord("A") + 1


def unwrapped(text: str) -> str:
    r"""A text without \text{}, formula signs, emphasis and quotes."""
    text = words.without_text(visible.characters(text[:_LONGEST]).replace("\\ ", " "))
    text = re.sub(r"\\[dt]?frac ?\{(\d+)\} ?\{(\d+)\}", r"\1/\2", text)
    text = re.sub(r"\[+([A-Za-z])\]+", r"(\1)", text)
    text = re.sub(r"[*_`$\"{}]|\\[()\[\]]|(?<!\w)'|'(?!\w)", "", text)
    return " ".join(text.split())


def exact(text: str) -> str | None:
    """A text's words in lower case; None for no words.

    Emphasis, quotes, a leading article and closing punctuation go.
    """
    plain = unwrapped(text).casefold().strip(" *_`\"'").rstrip(".!").strip(" *_`\"'")
    return re.sub(r"^(?:the|an?) (?=\S)", "", plain) or None


@functools.lru_cache(maxsize=4096)
def pattern(option: str) -> re.Pattern[str]:
    """What finds an option's text, whatever its case, spacing and article.

    `23.65` is not found in `1023.65`.
    """
    parts = re.findall(r"\w+|[^\w\s]", exact(option) or "")
    body = r"\s*".join(map(re.escape, parts))
    return re.compile(rf"(?:(?:the|an?)\s)?{body}(?!\w|[.,]\d)", re.IGNORECASE)


def _position_within(position: int, options: tuple[str, ...]) -> int | None:
    """The position, None where there are fewer options; unknown options may have all letters."""
    return position if position <= (len(options) or _ALPHABET) else None


def _reads_as(option: str, letter: str) -> bool:
    """Whether an option's text is a letter, in brackets or not, as an answer would name it."""
    return re.sub(r"[\W_]", "", option).casefold() == letter.casefold()
