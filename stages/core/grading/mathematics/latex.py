r"""One way to write a formula: LaTeX without layout, with the same commands for the same things.

Spacing, delimiters, currency, degree signs, units and thousands separators go; a mixed number
becomes a sum. What changes a value stays: scales ("million"), clock and compass, and words that are
no unit.
"""

import re

from stages.core.grading.statement import words

_LAYOUT_WORDS = "left right displaystyle textstyle limits [bB]igg?[lrm]? bf rm it cal"
_LAYOUT = re.compile(
    rf"\\{words.any_of(_LAYOUT_WORDS)}(?![A-Za-z])|(?<!\\)\\[()\[\]]|\\!|\\(?:phantom|hspace)\{{[^{{}}]*\}}"
    r"|\\?\$|[\u20ac\u00a3\u00a5\u20b9]|\\(?:textdollar|dollar)"
    r"|\\(?:text)?color ?\{[^{}]*\}|\^ ?\{? ?\\(?:circ|degree) ?\}?|\\degree|\u00b0"
)
_SPACE = re.compile(r"(?<!\\)\\[,;: ]|\\(?:q?quad|enspace|thinspace)(?![A-Za-z])|[~\s]+")
_ROW_SKIP = re.compile(r"\\\\ ?\[[^\[\]]{1,10}\]")
_SYMBOLS = {
    **{
        "\u00d7": r"\times ",
        "\u00b7": r"\cdot ",
        "\u22c5": r"\cdot ",
        "\u00f7": r"\div ",
        "\u00b1": r"\pm ",
    },
    **{"\u2264": r"\le ", "\u2265": r"\ge ", "\u2260": r"\ne ", "<=": r"\le ", ">=": r"\ge "},
    **{
        "\u222a": r"\cup ",
        "\u2229": r"\cap ",
        "\u2208": r"\in ",
        "\u2205": r"\emptyset ",
        "\u211d": r"\mathbb{R}",
    },
    **{
        "\u03c0": r"\pi ",
        "\u03b8": r"\theta ",
        "\u03b1": r"\alpha ",
        "\u03b2": r"\beta ",
        "\u03bb": r"\lambda ",
    },
    **{"\u00bd": r"\frac{1}{2}", "\u00bc": r"\frac{1}{4}", "\u00be": r"\frac{3}{4}"},
    **{
        "\u2153": r"\frac{1}{3}",
        "\u2154": r"\frac{2}{3}",
        "\u221e": r"\infty ",
        "\u2220": r"\angle ",
    },
    **{"\u2248": r"\approx ", "\u2211": r"\sum ", "\u2013": "-", "\u2014": "-"},
}
_SYMBOL = re.compile("|".join(map(re.escape, _SYMBOLS)))
_NAMES = (
    {
        "leq": "le",
        "geq": "ge",
        "leqslant": "le",
        "geqslant": "ge",
        "neq": "ne",
        "lt": "<",
        "gt": ">",
        "bmatrix": "pmatrix",
        "implies": "Rightarrow",
    }
    | dict.fromkeys(("dfrac", "tfrac", "cfrac", "sfrac", "nicefrac"), "frac")
    | dict.fromkeys(("dbinom", "tbinom"), "binom")
    | dict.fromkeys(("dots", "cdots", "dotsc", "dotsb"), "ldots")
    | dict.fromkeys(("vert", "lvert", "rvert"), "|")
    | {
        "varnothing": "emptyset",
        "lbrace": "{",
        "rbrace": "}",
        "cdotp": "cdot",
        "ast": "cdot",
        "colon": ":",
    }
    | {"overline": "bar"}
)
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_SUPERSCRIPT = re.compile("[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b\u207f]+")
_SUPERSCRIPTS = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207f", "0123456789-n"
)
_SUBSCRIPT = re.compile("[\u2080-\u2089]+")
_SUBSCRIPTS = str.maketrans(
    "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089", "0123456789"
)
_UNIT = rf"{words.UNIT}\.?"
_NUMBER_BEFORE = r"(?:(?<=[\d})i!\]%])|(?<=pi)) ?"
_POWER_AFTER = r"(?: ?\^ ?\{? ?-?\d ?\}?)?$"
_UNITS = re.compile(  # "5 cm", "3 square feet", "2 m^2", "\text{ inches}^2"; not "5 x" or "2 pi"
    rf"{_NUMBER_BEFORE}(?:\\text\{{ ?)?(?:{_UNIT}|(?<=\d )(?<!\^\d )[mgshLNWJVA])"
    rf"(?:(?: |/| per )(?:{_UNIT}|[mgs]))* ?\}}?{_POWER_AFTER}"
)
_NOUN = re.compile(
    rf"{_NUMBER_BEFORE}\\text ?\{{ ?-?(?P<noun>[A-Za-z][A-Za-z .,/()'\u00b7-]*?(?:\^?[23])?) ?\}}{_POWER_AFTER}"
)
_UNIT_POWER = re.compile(
    r"(?:\\(?:text|mbox|mathrm)\{[^{}]*\}|(?<![A-Za-z\\])[A-Za-z]{2,}) ?\^ ?\{? ?(\d) ?\}?$"
)
# Words after a number that are part of its value
_CLOCK_AND_COMPASS = r"a\.?m|p\.?m|east|west|north|south|[EWNS]"
_CHANGING = words.any_of(
    "hundred thousand million billion trillion dozen percent_of or to and more less least most not squared cubed "
    "factorial base power \\w{2,}ths thirds quarters mod remainder half pi over minus plus "
    "times_\\d if for when where of_\\d"
)
_PART_OF_THE_VALUE = re.compile(rf"\b(?:{_CLOCK_AND_COMPASS}|{_CHANGING})\b|^[a-zA-Z]$")
_THOUSANDS = re.compile(
    r"(?<![\d.,])\d{1,3}(?:(?:,|\{,\}|,? ?\\[,!] ?)\d{3})+(?![\d,])|(?<![\d.,^_])\d{1,3}(?: \d{3})+(?![\d,.])"
)
_BRACED = r"\{(?:[^{}]|\{[^{}]*\})*\}"
_FRACTION = re.compile(
    rf"\\frac ?(?:(\d)|({_BRACED})|(\\[a-z]+|[a-z])) ?(?:(\d)|({_BRACED})|(\\[a-z]+|[a-z](?![a-z])))?"
)
_MIXED = re.compile(
    r"(?<![\w.}^])(\d+) ?\\frac\{(\d+)\}\{(\d+)\}|(?<![\w.}/^])(\d+)[ -](\d+)/(\d+)(?![\d/])"
)
_SCIENTIFIC = re.compile(r"(?<![\w.])(-?\d*\.?\d+)[eE]([+-]?\d{1,3})(?![\w.])")
_ROOT = re.compile(
    r"\u221a ?(?:\{([^{}]*)\}|\(([^()]*)\)|(\d+|[a-z]))|(?<![\\A-Za-z])sqrt ?(?:\(([^()]*)\)|\{([^{}]*)\}|(\d+))"
)
_MODULUS = re.compile(r" ?(?:\\pmod ?(?:\{[^{}]*\}|\d)|\(?\\?mod ?\{? ?\d+\}? ?\)?)$")
_STYLED = re.compile(
    rf"\\{words.any_of('math(?:bf|it|rm|sf) text(?:bf|rm|normal)? boldsymbol bm vec mbox emph underline')}"
    r"(?![A-Za-z]) ?\{ ?([^{}]*?) ?\}"
)
_ARRAY = re.compile(  # a matrix by its brackets
    r"\\left ?[(\[] ?\\begin\{(?:array\}\{[^{}]*|matrix|smallmatrix)\}(.*?)"
    r"\\end\{(?:array|matrix|smallmatrix)\} ?\\right ?[)\]]"
)


def simple(text: str) -> str:
    """The formula `text` in its one form. A list keeps its commas."""
    text = re.sub(r"(?<![\w)}\]])!=", r"\\ne ", text)  # and not of `4!=24`
    if re.fullmatch(r"\{[^{}\\]*,[^{}\\]*\}", text.strip()):  # a set without its backslashes
        text = rf"\{text.strip()[:-1]}\}}"
    text = _ROW_SKIP.sub(r"\\\\", text)
    text = _COMMAND.sub(
        lambda match: _renamed(match[1]), _SYMBOL.sub(lambda match: _SYMBOLS[match[0]], text)
    )
    text = re.sub(
        r"\\(begin|end)\{(?:bmatrix|Bmatrix)\}",
        r"\\\1{pmatrix}",
        _ARRAY.sub(r"\\begin{pmatrix}\1\\end{pmatrix}", text),
    )
    text = _SUPERSCRIPT.sub(lambda match: f"^{{{match[0].translate(_SUPERSCRIPTS)}}}", text)
    text = _SUBSCRIPT.sub(lambda match: f"_{{{match[0].translate(_SUBSCRIPTS)}}}", text)
    if not re.search(r"[(\[]|\\\{", text):  # else (0,100) is a pair
        text = _THOUSANDS.sub(
            lambda match: re.sub(r"\D", "", match[0]), re.sub(r",\s*\\!\s*", ",", text)
        )
    text = re.sub(r"\\bigcup(?! ?[_^])", r"\\cup ", text)  # without limits it joins two sets
    text = _LAYOUT.sub("", text)
    text = _SPACE.sub(" ", text).strip(" *_").rstrip(". ")
    text = _ROOT.sub(lambda match: rf"\sqrt{{{next(filter(None, match.groups()), '')}}}", text)
    text = _STYLED.sub(_upright, text)
    text = re.sub(r"(?<![A-Za-z\\])pi(?![A-Za-z])", r"\\pi", text)
    text = _MODULUS.sub("", _without_units(text))
    text = _MIXED.sub(_sum, _FRACTION.sub(_fraction, text))
    text = _SCIENTIFIC.sub(r"\1 \\times 10^{\2}", text)
    return re.sub(
        r"\\sqrt ?(\d)(?!\d)", r"\\sqrt{\1}", re.sub(r"\\sqrt\[2\]", r"\\sqrt", text)
    ).strip()


def canonical(text: str) -> str:
    """A text that two spellings of the same simple formula share: no spaces, no braces around one
    character.
    """
    text = re.sub(r"(?<=[A-Za-z]) (?=[A-Za-z])", "\0", text)
    text = re.sub(r"\\(?:cdot|times) ?", "*", text.replace(" ", "")).replace("\0", " ")
    return re.sub(r"(?<=[\^_])\{(\w)\}", r"\1", text)


def unit_power(text: str) -> str:
    r"""The power of the unit that `text` ends with, "2" of `864 \text{ inches}^2`; "" where it
    names none.
    """
    match = _UNIT_POWER.search(text.strip("$ ."))
    return match[1] if match else ""


def _renamed(name: str) -> str:
    name = _NAMES.get(name, name)
    return name if name in "<>|:" else f"\\{name}"


def _upright(match: re.Match[str]) -> str:
    """Letters set upright: numbers, signs and single letters are mathematics, words and options
    stay text.
    """
    inner = match[1].strip()
    if re.fullmatch(r"and|or|,", inner, re.IGNORECASE):
        return f" {inner} "
    is_option = "text" in match[0][:6] and re.fullmatch(r"\(?[A-Za-z]\)?", inner)
    if is_option or (
        re.search(r"[A-Za-z]{2}", inner)
        and not re.fullmatch(r"[-+]?\d+ (?:and|or) [-+]?\d+", inner)
    ):
        return rf"\text{{{inner}}}"
    return inner


def _without_units(text: str) -> str:
    """Without the unit or the noun after a number, unless it is part of the value."""
    while True:
        unit, noun = _UNITS.search(text), _NOUN.search(text)
        if noun is not None and not _PART_OF_THE_VALUE.search(noun["noun"]):
            unit = unit or noun
        if unit is None:
            return text
        text = text[: unit.start()].rstrip()


def _fraction(match: re.Match[str]) -> str:
    top, bottom = match[1] or match[2] or match[3], match[4] or match[5] or match[6]
    if bottom is None:
        return match[0]
    parts = (part if part.startswith("{") else f"{{{part}}}" for part in (top, bottom))
    return r"\frac" + "".join("{" + part[1:-1].strip() + "}" for part in parts)


def _sum(match: re.Match[str]) -> str:
    whole, top, bottom = (match[one] or match[other] for one, other in ((1, 4), (2, 5), (3, 6)))
    return rf"({whole}+\frac{{{top}}}{{{bottom}}})"
