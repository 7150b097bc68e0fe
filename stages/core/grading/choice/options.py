"""The options of a question: how its text lists them, which one its gold is, and one spelling for
their texts.
"""

import functools
import re

from stages.core.grading.statement import visible, words

NAMES = r"(?:answer|option|solution|ending|choice)"
_LISTED = re.compile(rf"\b({NAMES})\s*([1-9])\s*[:.)]\s*", re.IGNORECASE)
_FORMAT = re.compile(rf"\s*{NAMES} format:.*", re.IGNORECASE | re.DOTALL)
_LONGEST = 2000  # characters of a statement that are compared with options


def listed(question: str) -> tuple[str, ...]:
    """The options that a question lists in its own text, as "Answer1: ... Answer2: ...", empty
    where it lists none.
    """
    text = _FORMAT.sub("", question)
    labels = list(_LISTED.finditer(text))
    if not labels or [int(label[2]) for label in labels] != list(range(1, len(labels) + 1)):
        return ()
    ends = [label.start() for label in labels[1:]] + [len(text)]
    return tuple(text[label.end() : end].strip() for label, end in zip(labels, ends, strict=True))


def gold(text: str, options: tuple[str, ...]) -> int | None:
    """The place, from 1, of the option that is right: given by its label, its letter, or else its
    text.
    """
    text = text.strip()
    label, letter = (
        re.fullmatch(rf"(?i:{NAMES})\s?\(?([1-9]\d?)\)?", text),
        re.fullmatch(r"\(?([A-Z])\)?", text),
    )
    if label or letter:
        place = int(label[1]) if label else place_of(letter[1])  # type: ignore[index]
        return place if place <= len(options or range(26)) else None
    same = [place for place, option in enumerate(options, 1) if option.strip() == text]
    if not same and re.fullmatch("[1-9]", text) and int(text) <= len(options or range(9)):
        same = [int(text)]
    return same[0] if len(same) == 1 else None


def written(place: int, options: tuple[str, ...]) -> str:
    """How the option in a place, from 1, is named as a gold: by its letter, or "option 2" where
    another's text is that.

    `gold` reads both as the place, whatever the options' texts are.
    """
    letter = chr(ord("A") - 1 + place)
    others = (option for number, option in enumerate(options, 1) if number != place)
    return f"option {place}" if any(_reads_as(option, letter) for option in others) else letter


def _reads_as(option: str, letter: str) -> bool:
    """Whether an option's text is a letter, in brackets or not, as which an answer would name it."""
    return re.sub(r"[\W_]", "", option).casefold() == letter.casefold()


def place_of(letter: str) -> int:
    """The place of the option with this letter, from 1."""
    return ord(letter.upper()) - ord("A") + 1


def unwrapped(text: str) -> str:
    r"""Without \text{}, formula signs, emphasis and quotes."""
    text = words.without_text(visible.characters(text[:_LONGEST]).replace("\\ ", " "))
    text = re.sub(r"\\[dt]?frac ?\{(\d+)\} ?\{(\d+)\}", r"\1/\2", text)
    text = re.sub(r"\[+([A-Za-z])\]+", r"(\1)", text)
    text = re.sub(r"[*_`$\"{}]|\\[()\[\]]|(?<!\w)'|'(?!\w)", "", text)
    return " ".join(text.split())


def exact(text: str) -> str | None:
    """A text's words in lower case, without emphasis, quotes, article and closing punctuation; None
    for no words.
    """
    plain = unwrapped(text).casefold().strip(" *_`\"'").rstrip(".!").strip(" *_`\"'")
    return re.sub(r"^(?:the|an?) (?=\S)", "", plain) or None


@functools.lru_cache(maxsize=4096)
def pattern(option: str) -> re.Pattern[str]:
    """What finds an option's text, whatever its case, spacing and article; `23.65` is not in
    `1023.65`.
    """
    parts = re.findall(r"\w+|[^\w\s]", exact(option) or "")
    body = r"\s*".join(map(re.escape, parts))
    return re.compile(rf"(?:(?:the|an?)\s)?{body}(?!\w|[.,]\d)", re.IGNORECASE)
