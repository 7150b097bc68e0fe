"""Finding the final answer in a text, and reading it as a number, a choice, a truth value or plain text."""

import re
from fractions import Fraction

# "answer is", "answer:", "answer =" with any emphasis around it; the answer runs to the end of its line
_LEAD = re.compile(r"answer[\s*_]*(?:is|:|=)[\s:*_]*(.*)", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])-?\$?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.])-?\$?\d*\.?\d+(?:/\d+)?")
_TRUTH = {"true": "true", "yes": "true", "false": "false", "no": "false"}
_LETTER = re.compile(r"(?<![A-Za-z0-9'])\(?([A-Z])\)?(?![A-Za-z0-9'])")
_LABEL = re.compile(r"\b(?:answer|option|solution|ending|choice)\s*([1-9])\b", re.IGNORECASE)


def final(text: str) -> str:
    """The final answer in `text`: the last \\boxed{}, else what follows the last "answer is", else all of it."""
    found = boxed(text)
    if found is None:
        leads = [lead for lead in _LEAD.findall(text) if lead.strip(" *_.$")]
        found = leads[-1] if leads else text
    return found.strip().strip("*_ ").removesuffix(".").strip()


def boxed(text: str) -> str | None:
    """What the last closed \\boxed{} in `text` holds, None where there is none."""
    start = text.rfind("\\boxed{")
    depth, begin = 0, start + len("\\boxed{")
    for place in range(begin, len(text)) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth < 0:
            return text[begin:place]
    return None


def number(text: str) -> str | None:
    """The last number of the final answer as a reduced fraction, None where there is none."""
    found = _NUMBER.findall(final(text).replace("\u2212", "-").replace("\\$", "$"))
    if not found:
        return None
    try:
        return str(Fraction(found[-1].replace(",", "").replace("$", "")))
    except (ValueError, ZeroDivisionError):
        return None


def choice(text: str, choices: tuple[str, ...]) -> str | None:
    """The option that the final answer names, as its place from "1"; None where it names none or several."""
    answer = final(text)
    if answer.isdigit() and 1 <= int(answer) <= max(len(choices), 9):
        return answer
    labels = set(_LABEL.findall(answer if _LABEL.search(answer) else text))
    letters = {str(ord(letter) - ord("A") + 1) for letter in _LETTER.findall(answer)}
    words = {str(place) for place, option in enumerate(choices, 1) if exact(option) == exact(answer)}
    for named in (labels, words, letters):
        if named:
            return named.pop() if len(named) == 1 else None
    return None


def boolean(text: str) -> str | None:
    """The truth value that the final answer names, "true" or "false"; None where it names none or both."""
    named = {_TRUTH[word] for word in re.findall(r"[a-z]+", final(text).lower()) if word in _TRUTH}
    return named.pop() if len(named) == 1 else None


def exact(text: str) -> str | None:
    """The final answer's words in lower case, without emphasis and closing punctuation; None where empty."""
    return " ".join(final(text).casefold().split()).strip(" .*_`\"'") or None
