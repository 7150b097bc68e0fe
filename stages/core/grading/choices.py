"""Reading an answer as one of several options, as a truth value, or as plain words."""

import re

from stages.core.grading import final

_TRUTH = {"true": "true", "yes": "true", "false": "false", "no": "false"}
# A letter by itself; "A" and "I" before a word are an article and a pronoun
_LETTER = re.compile(
    r"(?<![A-Za-z0-9'])(?:\(([A-Z])\)|(?![AI] (?!because|since|as |is |and |or )[a-z])([A-Z])(?![A-Za-z0-9']))"
)
_NAMES = r"(?:answer|option|solution|ending|choice)"
_LABEL = re.compile(rf"\b{_NAMES}\s*([1-9])\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:[Nn]ot|[Nn]or|[Nn]either)\s+(?:\(?[A-Z]\b|(?i:answer|option|solution|ending|choice)\s*\d)")
_UNTRUE = re.compile(r"(?:\bnot|\bnever|n't)\s+(?:\w+\s+)?(?:true|false)\b")
_LISTED = re.compile(rf"\b({_NAMES})\s*([1-9])\s*[:.)]\s*", re.IGNORECASE)
_FORMAT = re.compile(rf"\s*{_NAMES} format:.*", re.IGNORECASE | re.DOTALL)


def listed(question: str) -> tuple[str, ...]:
    """The options that a question lists in its own text, as "Answer1: ... Answer2: ...", empty where it lists none."""
    text = _FORMAT.sub("", question)
    labels = list(_LISTED.finditer(text))
    if not labels or [int(label[2]) for label in labels] != list(range(1, len(labels) + 1)):
        return ()
    ends = [label.start() for label in labels[1:]] + [len(text)]
    return tuple(text[label.end() : end].strip() for label, end in zip(labels, ends, strict=True))


def choice(text: str, choices: tuple[str, ...]) -> str | None:
    """The option that the final answer names, as its place from "1"; None where it names none or several."""
    answer = final.final(text)
    labels = set(_LABEL.findall(answer))
    words = _same(answer, choices)
    if re.fullmatch("[1-9]", answer) and int(answer) <= (len(choices) or 9):
        words.add(answer)  # a digit that is the text of another option too names both
    letters = {str(ord(bare or bracketed) - ord("A") + 1) for bracketed, bare in _LETTER.findall(answer)}
    for named in (labels, words, letters):
        if named:
            return named.pop() if len(named) == 1 and not _DENIED.search(answer) else None
    return None


def _same(answer: str, choices: tuple[str, ...]) -> set[str]:
    """The places of the options that `answer` repeats: to the letter, or else ignoring case."""
    alike = {str(place): option for place, option in enumerate(choices, 1) if exact(option) == exact(answer)}
    return {place for place, option in alike.items() if option.strip(" .") == answer} or set(alike)


def boolean(text: str) -> str | None:
    """The truth value that the final answer names, "true" or "false"; None where it names none, both, or denies one."""
    answer = final.final(text).lower()
    named = {_TRUTH[word] for word in re.findall(r"[a-z]+", answer) if word in _TRUTH}
    return named.pop() if len(named) == 1 and not _UNTRUE.search(answer) else None


def exact(text: str) -> str | None:
    """The final answer's words in lower case, without emphasis, quotes, article and closing punctuation; or None."""
    words = " ".join(final.final(text).casefold().split()).strip(" .*_`\"'")
    return re.sub(r"^(?:the|an?) (?=\S)", "", words) or None
