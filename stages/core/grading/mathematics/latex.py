r"""One way to write a formula: LaTeX without layout, with the same commands for the same things.

Spacing, delimiters, currency, degree signs, units and thousands separators go. A mixed number
becomes a sum. What changes a value stays: scales ("million"), clock and compass, and words that are
no unit.
"""

import re

from stages.core.grading.mathematics import symbols
from stages.core.grading.statement import words

_LAYOUT_WORDS = "left right displaystyle textstyle limits [bB]igg?[lrm]? bf rm it cal"
_LAYOUT = re.compile(
    rf"\\{words.any_of(_LAYOUT_WORDS)}(?![A-Za-z])"  # \left, \displaystyle, \Bigl
    r"|(?<!\\)\\[()\[\]]|\\!"  # \( \) \[ \] around a formula, and a negative space
    r"|\\(?:phantom|hspace)\{[^{}]*\}"  # \hspace{1cm}
    r"|\\?\$|[\u20ac\u00a3\u00a5\u20b9]|\\(?:textdollar|dollar)"  # currency
    r"|\\(?:text)?color ?\{[^{}]*\}"  # \color{red}
    r"|\^ ?\{? ?\\(?:circ|degree) ?\}?|\\degree|\u00b0"  # 30^\circ
)
# `\,`, `\quad`, `~`
_SPACE = re.compile(r"(?<!\\)\\[,;: ]|\\(?:q?quad|enspace|thinspace)(?![A-Za-z])|[~\s]+")
# `\\[2pt]`
_ROW_SKIP = re.compile(r"\\\\ ?\[[^\[\]]{1,10}\]")
# `{1, 2}`, a set without its backslashes
_BARE_SET = re.compile(r"\{[^{}\\]*,[^{}\\]*\}")
# `!=`, and not the one of `4!=24`
_NOT_EQUAL = re.compile(r"(?<![\w)}\]])!=")
# `\begin{bmatrix}`
_MATRIX_IN_BRACKETS = re.compile(r"\\(begin|end)\{(?:bmatrix|Bmatrix)\}")
# `\left( \begin{array}{cc} 1 & 2 \end{array} \right)`: a matrix by its brackets
_ARRAY = re.compile(
    r"\\left ?[(\[] ?\\begin\{(?:array\}\{[^{}]*|matrix|smallmatrix)\}(.*?)"
    r"\\end\{(?:array|matrix|smallmatrix)\} ?\\right ?[)\]]"
)

_UNIT = rf"{words.UNIT}\.?"
# A unit or a noun stands after a number: after "5", "\pi", "\frac{1}{2}", "(3+4)", "3i", "5!", "8%"
_NUMBER_BEFORE = r"(?:(?<=[\d})i!\]%])|(?<=pi)) ?"
# `^2` and `^{-1}` at the text's end
_POWER_AFTER = r"(?: ?\^ ?\{? ?-?\d ?\}?)?$"
# "5 cm", "3 square feet", "2 m^2", "\text{ inches}^2"; not "5 x" or "2 pi"
_UNITS = re.compile(
    rf"{_NUMBER_BEFORE}(?:\\text\{{ ?)?(?:{_UNIT}|(?<=\d )(?<!\^\d )[mgshLNWJVA])"
    rf"(?:(?: |/| per )(?:{_UNIT}|[mgs]))* ?\}}?{_POWER_AFTER}"
)
# "12 \text{ marbles}"
_NOUN = re.compile(
    rf"{_NUMBER_BEFORE}\\text ?\{{ ?-?"
    rf"(?P<noun>[A-Za-z][A-Za-z .,/()'\u00b7-]*?(?:\^?[23])?) ?\}}{_POWER_AFTER}"
)
# The 2 of "864 \text{ inches}^2" and "864 cm^2"
_UNIT_POWER = re.compile(
    r"(?:\\(?:text|mbox|mathrm)\{[^{}]*\}|(?<![A-Za-z\\])[A-Za-z]{2,}) ?\^ ?\{? ?(\d) ?\}?$"
)
# Words after a number that are part of its value
_CLOCK_AND_COMPASS = r"a\.?m|p\.?m|east|west|north|south|[EWNS]"
_CHANGING = words.any_of(
    "hundred thousand million billion trillion dozen percent_of or to and more less least most "
    "not squared cubed factorial base power \\w{2,}ths thirds quarters mod remainder half pi "
    "over minus plus times_\\d if for when where of_\\d"
)
_PART_OF_THE_VALUE = re.compile(rf"\b(?:{_CLOCK_AND_COMPASS}|{_CHANGING})\b|^[a-zA-Z]$")

_THOUSANDS = re.compile(
    # 1,000; 1{,}000; 1,\!000
    r"(?<![\d.,])\d{1,3}(?:(?:,|\{,\}|,? ?\\[,!] ?)\d{3})+(?![\d,])"
    # 1 000
    r"|(?<![\d.,^_])\d{1,3}(?: \d{3})+(?![\d,.])"
)
_BRACED = r"\{(?:[^{}]|\{[^{}]*\})*\}"  # braces at most two deep
# \frac{1}{2}, \frac12, \frac x y, \frac\pi{2}; the second part may be missing
_FRACTION = re.compile(
    rf"\\frac ?(?:(\d)|({_BRACED})|(\\[a-z]+|[a-z])) ?"
    rf"(?:(\d)|({_BRACED})|(\\[a-z]+|[a-z](?![a-z])))?"
)
_MIXED = re.compile(
    r"(?<![\w.}^])(\d+) ?\\frac\{(\d+)\}\{(\d+)\}"  # 3\frac{1}{2}
    r"|(?<![\w.}/^])(\d+)[ -](\d+)/(\d+)(?![\d/])"  # 3 1/2
)
# 1.5e-3
_SCIENTIFIC = re.compile(r"(?<![\w.])(-?\d*\.?\d+)[eE]([+-]?\d{1,3})(?![\w.])")
_ROOT = re.compile(
    r"\u221a ?(?:\{([^{}]*)\}|\(([^()]*)\)|(\d+|[a-z]))"  # the root sign before (2), {2}, 2 or x
    r"|(?<![\\A-Za-z])sqrt ?(?:\(([^()]*)\)|\{([^{}]*)\}|(\d+))"  # sqrt(2), sqrt 2
)
# "3 \pmod{7}", "3 (mod 7)"
_MODULUS = re.compile(r" ?(?:\\pmod ?(?:\{[^{}]*\}|\d)|\(?\\?mod ?\{? ?\d+\}? ?\)?)$")
_STYLES = words.any_of(
    "math(?:bf|it|rm|sf) text(?:bf|rm|normal)? boldsymbol bm vec mbox emph underline"
)
# `\mathrm{cm}`, `\text{ even }`
_STYLED = re.compile(rf"\\{_STYLES}(?![A-Za-z]) ?\{{ ?([^{{}}]*?) ?\}}")


def simple(text: str) -> str:
    """The formula `text` in its one form. A list keeps its commas."""
    # Symbols and commands get one name
    text = _NOT_EQUAL.sub(r"\\ne ", text)
    if _BARE_SET.fullmatch(text.strip()):
        text = rf"\{text.strip()[:-1]}\}}"
    text = symbols.renamed(_ROW_SKIP.sub(r"\\\\", text))
    text = _ARRAY.sub(r"\\begin{pmatrix}\1\\end{pmatrix}", text)
    text = _MATRIX_IN_BRACKETS.sub(r"\\\1{pmatrix}", text)
    text = symbols.with_plain_scripts(text)
    if not re.search(r"[(\[]|\\\{", text):  # else (0,100) is a pair
        text = _THOUSANDS.sub(_digits_alone, re.sub(r",\s*\\!\s*", ",", text))
    text = re.sub(r"\\bigcup(?! ?[_^])", r"\\cup ", text)  # without limits it joins two sets
    # Layout goes
    text = _LAYOUT.sub("", text)
    text = _SPACE.sub(" ", text).strip(" *_").rstrip(". ")
    text = _ROOT.sub(_root, text)
    text = _STYLED.sub(_upright, text)
    text = re.sub(r"(?<![A-Za-z\\])pi(?![A-Za-z])", r"\\pi", text)
    # Units go, and numbers are written in one way
    text = _MODULUS.sub("", _without_units(text))
    text = _MIXED.sub(_sum, _FRACTION.sub(_fraction, text))
    text = _SCIENTIFIC.sub(r"\1 \\times 10^{\2}", text)
    text = re.sub(r"\\sqrt\[2\]", r"\\sqrt", text)
    return re.sub(r"\\sqrt ?(\d)(?!\d)", r"\\sqrt{\1}", text).strip()


def canonical(text: str) -> str:
    """A text that two spellings of the same simple formula share.

    It has no spaces but those between letters, and no braces around one character.
    """
    text = re.sub(r"(?<=[A-Za-z]) (?=[A-Za-z])", "\0", text)
    text = re.sub(r"\\(?:cdot|times) ?", "*", text.replace(" ", "")).replace("\0", " ")
    return re.sub(r"(?<=[\^_])\{(\w)\}", r"\1", text)


def unit_power(text: str) -> str:
    r"""The power of the unit at the end of `text`: "2" of `864 \text{ inches}^2`, "" for none."""
    match = _UNIT_POWER.search(text.strip("$ ."))
    return match[1] if match else ""


def _digits_alone(number: re.Match[str]) -> str:
    return re.sub(r"\D", "", number[0])


def _root(match: re.Match[str]) -> str:
    radicand = next(filter(None, match.groups()), "")
    return rf"\sqrt{{{radicand}}}"


def _upright(match: re.Match[str]) -> str:
    """What stands upright as it is meant: as mathematics or as text.

    Numbers, signs and single letters are mathematics. Words and options stay text.
    """
    inner = match[1].strip()
    if re.fullmatch(r"and|or|,", inner, re.IGNORECASE):
        return f" {inner} "
    is_option = "text" in match[0][:6] and re.fullmatch(r"\(?[A-Za-z]\)?", inner)
    has_word = re.search(r"[A-Za-z]{2}", inner)
    joins_numbers = re.fullmatch(r"[-+]?\d+ (?:and|or) [-+]?\d+", inner)  # "2 and 3"
    if is_option or (has_word and not joins_numbers):
        return rf"\text{{{inner}}}"
    return inner


def _without_units(text: str) -> str:
    """A formula without the units and nouns at its end, unless one is part of the value."""
    while True:
        unit, noun = _UNITS.search(text), _NOUN.search(text)
        if noun is not None and not _PART_OF_THE_VALUE.search(noun["noun"]):
            unit = unit or noun
        if unit is None:
            return text
        text = text[: unit.start()].rstrip()


def _fraction(match: re.Match[str]) -> str:
    r"""A fraction with braces: \frac{1}{2} for \frac12."""
    top, bottom = match[1] or match[2] or match[3], match[4] or match[5] or match[6]
    if bottom is None:
        return match[0]
    return rf"\frac{{{_without_braces(top)}}}{{{_without_braces(bottom)}}}"


def _without_braces(part: str) -> str:
    return part[1:-1].strip() if part.startswith("{") else part.strip()


def _sum(match: re.Match[str]) -> str:
    r"""A mixed number as a sum: (3+\frac{1}{2}) for 3 1/2."""
    integer = match[1] or match[4]
    top, bottom = match[2] or match[5], match[3] or match[6]
    return rf"({integer}+\frac{{{top}}}{{{bottom}}})"
