r"""A second opinion that shares no code with the first: what stands last in the answer.

The first grader reads what an answer states and compares it exactly, mathematics by math-verify.
This one takes the last thing of the wanted kind in the text and compares

- numeric: as floats, to one part in a million;
- math: the last box, formula or line's end, as a string without spacing, styles and units, else as
  floats;
- choice: the option whose label, letter or text is named last;
- boolean: the last true, false, yes or no;
- exact: the words that the text ends with.

Where the two disagree a person should look: the stages verify and score list those rows.
"""

import math
import re

# -1,250.5, 7/2, .5
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?|-?\.\d+")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
# What a formula may lose: `\left`, `\,`, `$`, `^\circ`, `\%`
_STYLES = re.compile(
    r"\\(?:left|right|displaystyle|quad|[bB]igg?[lr]?)(?![A-Za-z])|\\[,!;: ]|[\s$~]"
    r"|\^\{?\\circ\}?|\u00b0|\\?%|degrees?"
)
_WRAPPED = re.compile(r"\\(?:text|mbox|mathrm|textbf|mathbf)\{([^{}]*)\}")
# $$...$$, $...$, \(...\), \[...\]
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
# In the last line: a denial, a bound, a scale
_DOUBT = re.compile(
    r"n't\b|\b(?:not|never|cannot|wrong|except|million|thousand|hundred|dozen|half|twice"
    r"|(?:more|less) than|least)\b",
    re.IGNORECASE,
)
# "option 2", "answer2", "option 12"; of a text in lower case
_NUMBERED_LABEL = re.compile(r"(?:answer|option|solution|ending|choice)\s*(\d)\b|option (\d\d)\b")
# "B.", "(B)"
_LETTER = re.compile(r"(?<![\w'])([A-Z])(?=[).:*,]|\s*$)|\(([A-Z])\)")
_BOX = "\\boxed{"
_LONGEST = 2000  # characters at the end of an answer that are looked at for a formula


def agrees(answer: str, gold: str, kind: str, choices: tuple[str, ...]) -> bool:
    """Whether `answer` gives `gold`, as this grader sees it."""
    answer = answer.rpartition("</think>")[2]
    if "<think>" in answer or not answer.strip():
        return False
    if _DOUBT.search(answer.strip().splitlines()[-1]):
        return False
    if kind == "numeric":
        numbers = _NUMBER.findall(_plain(answer))
        return bool(numbers) and _close(numbers[-1], _plain(gold))
    if kind == "math":
        return _same_formula(_formula(answer), gold)
    if kind == "choice":
        return _choice(answer, choices) == _choice(gold, choices) != 0
    if kind == "boolean":
        answer_values, gold_values = _truth_values(answer), _truth_values(gold)
        return bool(answer_values and gold_values) and answer_values[-1] == gold_values[-1]
    answer_words = re.findall(r"\w+", answer.casefold())
    gold_words = re.findall(r"\w+", gold.casefold())
    return bool(gold_words) and answer_words[-len(gold_words) :] == gold_words


def _truth_values(text: str) -> list[bool]:
    """The truth values that a text names, in order."""
    return [_TRUTH[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _TRUTH]


def _plain(text: str) -> str:
    """Signs and fractions as a keyboard has them."""
    text = text.replace("\u2212", "-").replace("{,}", ",")
    text = re.sub(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}", r"\1/\2", text)
    return text.replace("\\$", "").replace("$", "").replace("\\,", "").replace("\\!", "")


def _value(text: str) -> float | None:
    """The value of a number or a fraction; None for anything else."""
    numerator, _, denominator = text.replace(",", "").partition("/")
    try:
        return float(numerator) / float(denominator or 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def _close(text: str, other: str) -> bool:
    """Whether two texts are numbers that agree to one part in a million."""
    value, other_value = _value(text), _value(other)
    if value is None or other_value is None:
        return False
    return math.isclose(value, other_value, rel_tol=1e-6)


def _formula(answer: str) -> str:
    """The last box's content, else the last formula of the last line, else that line's end."""
    box_start = answer.rfind(_BOX)
    if box_start >= 0:
        return _box_content(answer[box_start + len(_BOX) :])
    end = answer[-_LONGEST:].strip().rstrip("*_. ")
    if not end:
        return ""
    formulas = [next(filter(None, groups)) for groups in _FORMULA.findall(end)]
    if formulas and end.rstrip("$])\\ \n").endswith(formulas[-1].strip()):
        return formulas[-1]
    last_line = end.splitlines()[-1].lstrip("# ")
    return re.split(r"(?:\bis\b|:|=)\s*", last_line)[-1]


def _box_content(text: str) -> str:
    """What stands before the brace that closes a box; "" where none does."""
    depth = 1
    for brace in re.finditer(r"\\?[{}]", text):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if not depth:
            return text[: brace.start()]
    return ""


def _same_formula(formula: str, gold: str) -> bool:
    """Whether two formulas are the same strings, the same lists in any order, or close numbers."""
    formula, gold = _canonical(formula), _canonical(gold)
    if not formula or not gold:
        return False
    return formula == gold or _items(formula) == _items(gold) or _close(formula, gold)


def _items(formula: str) -> list[str]:
    """The items of a list in one order; a formula with brackets is one item."""
    return [formula] if re.search(r"[()\[\]]", formula) else sorted(formula.split(","))


def _canonical(text: str) -> str:
    """A formula without spacing, styles, a name on its left, and a unit on its right."""
    text = re.sub(r"(?<=\d),(?:\\!)?\s?(?=\d{3}(?!\d))", "", text.replace("\\$", ""))
    text = _STYLES.sub("", _WRAPPED.sub(r"\1", text))
    text = text.replace("dfrac", "frac").replace("tfrac", "frac")
    text = re.sub(r"\\frac\{(\w+)\}\{?(\w+)\}?", r"\1/\2", text)
    text = re.sub(r"\\frac(\d)(\d)", r"\1/\2", text)
    text = re.sub(r"^[A-Za-z](?:=|\\in)|\.$", "", text)
    text = re.sub(r"(?<=\d)[A-Za-z]{3,}(?:\^\{?\d\}?)?$", "", text)  # a unit
    brackets = "()" if text.isalpha() else ""
    text = re.sub(r"\{(\w)\}", r"\1", text)
    return re.sub(r"(?<!\d)\.(?=\d)", "0.", text).strip(brackets)


def _choice(text: str, choices: tuple[str, ...]) -> int:
    """The option named last, from 1; 0 where none is."""
    lower_text = text.casefold()
    last_start = dict[int, int]()  # for each option, where it is named last
    for match in _NUMBERED_LABEL.finditer(lower_text):
        last_start[int(match[1] or match[2])] = match.start()
    for match in _LETTER.finditer(text):
        last_start[ord(match[1] or match[2]) - ord("A") + 1] = match.start()
    for number, option in enumerate(choices, 1):
        start = lower_text.rfind(option.casefold().strip(" ."))
        if start >= 0 and len(option.strip()) > 1:
            last_start[number] = max(start, last_start.get(number, -1))
    return max(last_start, key=lambda number: last_start[number], default=0)
