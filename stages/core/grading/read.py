"""Finding the final answer in a text, and reading it as a number, a choice, a truth value or plain text."""

import re
from fractions import Fraction

# "answer is", "answer:", "answer =" with any emphasis around it; the answer runs to the next one or the line's end
_SAID = r"answer[\s*_]*(?:is|:|=)"
_LEAD = re.compile(rf"{_SAID}[\s:*_]*((?:(?!{_SAID}).)*)", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])-?\$?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.])-?\$?\d*\.?\d+(?:/\d+)?")
_TRUTH = {"true": "true", "yes": "true", "false": "false", "no": "false"}
# A letter by itself; "A" and "I" before a word are an article and a pronoun
_LETTER = re.compile(
    r"(?<![A-Za-z0-9'])(?:\(([A-Z])\)|(?![AI] (?!because|since|as |is |and |or )[a-z])([A-Z])(?![A-Za-z0-9']))"
)
_LABEL = re.compile(r"\b(?:answer|option|solution|ending|choice)\s*([1-9])\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:[Nn]ot|[Nn]or|[Nn]either)\s+(?:\(?[A-Z]\b|(?i:answer|option|solution|ending|choice)\s*\d)")
_UNTRUE = re.compile(r"(?:\bnot|\bnever|n't)\s+(?:\w+\s+)?(?:true|false)\b")
# Powers, roots, a denial: the numbers beside them are not the answer's value
_BEYOND = re.compile(r"\bnot\b|\d[eE][+-]?\d|\^(?!\{?\\circ)|[\u221a\u03c0\u00d7]|\\(?:times|cdot|sqrt|pi)(?![a-z])")


def stated(text: str) -> str | None:
    """What the last \\boxed{} holds, else what follows the last "answer is"; None where there is neither."""
    found = boxed(text)
    if found is not None:
        return found
    return next((lead for lead in reversed(_LEAD.findall(text)) if lead.strip(" *_.$")), None)


def final(text: str) -> str:
    """The final answer in `text`: the one stated, else all of it."""
    found = stated(text)
    return (text if found is None else found).strip().strip("*_ ").removesuffix(".").strip()


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
    """The number of the final answer as a reduced fraction, None where `written` finds none."""
    found = written(text)
    try:
        return str(Fraction(found.replace(",", "").replace("$", ""))) if found else None
    except (ValueError, ZeroDivisionError):
        return None


def written(text: str) -> str | None:
    """The number of the final answer as it is written, None where there is none or no telling which.

    A stated answer, boxed or after "answer is", is its first sentence, right of its last equals sign: it must hold one
    number alone. Where none is stated it is the last number of the text.
    """
    answer = _plain(final(text))
    if stated(text) is not None:
        answer = re.split(r"\.\s", answer)[0].rpartition("=")[2]
        if len(set(_NUMBER.findall(answer))) > 1 or _BEYOND.search(answer):
            return None
    found: list[str] = _NUMBER.findall(answer)
    return found[-1] if found else None


def _plain(text: str) -> str:
    """Signs, separators and fractions as plain text has them: \\frac{7}{2} is 7/2, 1{,}000 is 1,000."""
    text = re.sub(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}", r"\1/\2", text.replace("\\$", "$"))
    text = re.sub(r"(?<=\d)(?:\{,\}|\\[,!])(?=\d{3})", ",", text)
    return re.sub(r"[\u2212\u2013]|^- |\bnegative\s+(?=\$?\d)", "-", text)


def choice(text: str, choices: tuple[str, ...]) -> str | None:
    """The option that the final answer names, as its place from "1"; None where it names none or several."""
    answer = final(text)
    labels = set(_LABEL.findall(answer))
    words = {str(place) for place, option in enumerate(choices, 1) if exact(option) == exact(answer)}
    if re.fullmatch("[1-9]", answer) and int(answer) <= (len(choices) or 9):
        words.add(answer)  # a digit that is the text of another option too names both
    letters = {str(ord(bare or bracketed) - ord("A") + 1) for bracketed, bare in _LETTER.findall(answer)}
    for named in (labels, words, letters):
        if named:
            return named.pop() if len(named) == 1 and not _DENIED.search(answer) else None
    return None


def boolean(text: str) -> str | None:
    """The truth value that the final answer names, "true" or "false"; None where it names none, both, or denies one."""
    answer = final(text).lower()
    named = {_TRUTH[word] for word in re.findall(r"[a-z]+", answer) if word in _TRUTH}
    return named.pop() if len(named) == 1 and not _UNTRUE.search(answer) else None


def exact(text: str) -> str | None:
    """The final answer's words in lower case, without emphasis and closing punctuation; None where empty."""
    return " ".join(final(text).casefold().split()).strip(" .*_`\"'") or None
