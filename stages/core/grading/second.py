r"""A second opinion that shares no code with the first: what stands last in the answer, as text or
as a float.

The first grader reads what an answer states and compares it exactly, mathematics by math-verify.
This one takes the last thing of the wanted kind in the text and compares

- numeric: as floats, to one part in a million;
- math: the last box, formula or line's end, as a string without spacing, styles and units, else as floats;
- choice: the option whose label, letter or text is named last;
- boolean: the last true, false, yes or no;
- exact: the words that the text ends with.

Where the two disagree a person should look: the stages verify and score list those rows.
"""

import math
import re

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?|-?\.\d+")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_STYLES = re.compile(
    r"\\(?:left|right|displaystyle|quad|[bB]igg?[lr]?)(?![A-Za-z])|\\[,!;: ]|[\s$~]|\^\{?\\circ\}?|\u00b0|\\?%|degrees?"
)
_WRAPPED = re.compile(r"\\(?:text|mbox|mathrm|textbf|mathbf)\{([^{}]*)\}")
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
# In the last line: a denial, a bound, a scale
_DOUBT = re.compile(
    r"n't\b|\b(?:not|never|cannot|wrong|except|million|thousand|hundred|dozen|half|twice|(?:more|less) than|least)\b",
    re.IGNORECASE,
)
_LONGEST = 2000  # characters at the end of an answer that are looked at for a formula


def agrees(answer: str, gold: str, kind: str, choices: tuple[str, ...]) -> bool:
    """Whether `answer` gives `gold`, as this grader sees it."""
    answer = answer.rpartition("</think>")[2]
    if "<think>" in answer or not answer.strip() or _DOUBT.search(answer.strip().splitlines()[-1]):
        return False
    if kind == "numeric":
        found = _NUMBER.findall(_plain(answer))
        return bool(found) and _close(found[-1], _plain(gold))
    if kind == "math":
        return _same_formula(_formula(answer), gold)
    if kind == "choice":
        return _choice(answer, choices) == _choice(gold, choices) != 0
    if kind == "boolean":
        said, wanted = (
            [_TRUTH[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _TRUTH]
            for text in (answer, gold)
        )
        return bool(said) and bool(wanted) and said[-1] == wanted[-1]
    said, wanted = re.findall(r"\w+", answer.casefold()), re.findall(r"\w+", gold.casefold())
    return bool(wanted) and said[-len(wanted) :] == wanted


def _plain(text: str) -> str:
    """Signs and fractions as a keyboard has them."""
    text = re.sub(
        r"\\[dt]?frac\{(\d+)\}\{(\d+)\}", r"\1/\2", text.replace("\u2212", "-").replace("{,}", ",")
    )
    return text.replace("\\$", "").replace("$", "").replace("\\,", "").replace("\\!", "")


def _value(text: str) -> float | None:
    top, _, bottom = text.replace(",", "").partition("/")
    try:
        return float(top) / float(bottom or 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def _close(one: str, other: str) -> bool:
    values = _value(one), _value(other)
    return None not in values and math.isclose(*values, rel_tol=1e-6)  # type: ignore[arg-type]


def _formula(answer: str) -> str:
    """The last box's content, else the last formula of the last line, else that line's end."""
    start = answer.rfind("\\boxed{")
    if start >= 0:
        depth, begin = 1, start + len("\\boxed{")
        for mark in re.finditer(r"\\?[{}]", answer[begin:]):
            depth += {"{": 1, "}": -1}.get(mark[0], 0)
            if not depth:
                return answer[begin : begin + mark.start()]
        return ""
    end = answer[-_LONGEST:].strip().rstrip("*_. ")
    if not end:
        return ""
    formulas = [next(filter(None, found)) for found in _FORMULA.findall(end)]
    last = end.splitlines()[-1].lstrip("# ")
    if formulas and end.rstrip("$])\\ \n").endswith(formulas[-1].strip()):
        return formulas[-1]
    return re.split(r"(?:\bis\b|:|=)\s*", last)[-1]


def _same_formula(found: str, gold: str) -> bool:
    found, gold = _canonical(found), _canonical(gold)
    if not found or not gold:
        return False
    lists = (
        sorted(text.split(",")) if not re.search(r"[()\[\]]", text) else [text]
        for text in (found, gold)
    )
    return found == gold or len(set(map(tuple, lists))) == 1 or _close(found, gold)


def _canonical(text: str) -> str:
    text = re.sub(r"(?<=\d),(?:\\!)?\s?(?=\d{3}(?!\d))", "", text.replace("\\$", ""))
    text = (
        _STYLES.sub("", _WRAPPED.sub(r"\1", text)).replace("dfrac", "frac").replace("tfrac", "frac")
    )
    text = re.sub(
        r"\\frac(\d)(\d)", r"\1/\2", re.sub(r"\\frac\{(\w+)\}\{?(\w+)\}?", r"\1/\2", text)
    )
    text = re.sub(r"^[A-Za-z](?:=|\\in)|\.$", "", text)
    text = re.sub(r"(?<=\d)[A-Za-z]{3,}(?:\^\{?\d\}?)?$", "", text)  # a unit
    return re.sub(r"(?<!\d)\.(?=\d)", "0.", re.sub(r"\{(\w)\}", r"\1", text)).strip(
        "()" if text.isalpha() else ""
    )


def _choice(text: str, choices: tuple[str, ...]) -> int:
    """The option named last, from 1; 0 where none is."""
    small, named = text.casefold(), dict[int, int]()
    for match in re.finditer(
        r"(?:answer|option|solution|ending|choice)\s*(\d)\b|option (\d\d)\b", small
    ):
        named[int(match[1] or match[2])] = match.start()
    for match in re.finditer(r"(?<![\w'])([A-Z])(?=[).:*,]|\s*$)|\(([A-Z])\)", text):
        named[ord(match[1] or match[2]) - ord("A") + 1] = match.start()
    for place, option in enumerate(choices, 1):
        at = small.rfind(option.casefold().strip(" ."))
        if at >= 0 and len(option.strip()) > 1:
            named[place] = max(at, named.get(place, -1))
    return max(named, key=lambda place: named[place], default=0)
