r"""One name for each symbol and command of LaTeX: `\le` for `\leq`, for `<=`, and for the sign."""

import re

_OPERATORS = {
    "\u00d7": r"\times ",
    "\u00b7": r"\cdot ",
    "\u22c5": r"\cdot ",
    "\u00f7": r"\div ",
    "\u00b1": r"\pm ",
    "\u2211": r"\sum ",
    "\u2013": "-",
    "\u2014": "-",
}
_RELATIONS = {
    "\u2264": r"\le ",
    "\u2265": r"\ge ",
    "\u2260": r"\ne ",
    "\u2248": r"\approx ",
    "<=": r"\le ",
    ">=": r"\ge ",
}
_SETS = {
    "\u222a": r"\cup ",
    "\u2229": r"\cap ",
    "\u2208": r"\in ",
    "\u2205": r"\emptyset ",
    "\u211d": r"\mathbb{R}",
}
_LETTERS = {
    "\u03c0": r"\pi ",
    "\u03b8": r"\theta ",
    "\u03b1": r"\alpha ",
    "\u03b2": r"\beta ",
    "\u03bb": r"\lambda ",
    "\u221e": r"\infty ",
    "\u2220": r"\angle ",
}
_FRACTIONS = {
    "\u00bd": r"\frac{1}{2}",
    "\u00bc": r"\frac{1}{4}",
    "\u00be": r"\frac{3}{4}",
    "\u2153": r"\frac{1}{3}",
    "\u2154": r"\frac{2}{3}",
}
_SYMBOLS = _OPERATORS | _RELATIONS | _SETS | _LETTERS | _FRACTIONS
_SYMBOL = re.compile("|".join(map(re.escape, _SYMBOLS)))

_COMMANDS = {
    "leq": "le",
    "geq": "ge",
    "leqslant": "le",
    "geqslant": "ge",
    "neq": "ne",
    "lt": "<",
    "gt": ">",
    "colon": ":",
    "vert": "|",
    "lvert": "|",
    "rvert": "|",
    "lbrace": "{",
    "rbrace": "}",
    "implies": "Rightarrow",
    "varnothing": "emptyset",
    "overline": "bar",
    "bmatrix": "pmatrix",
    "cdotp": "cdot",
    "ast": "cdot",
    "dfrac": "frac",
    "tfrac": "frac",
    "cfrac": "frac",
    "sfrac": "frac",
    "nicefrac": "frac",
    "dbinom": "binom",
    "tbinom": "binom",
    "dots": "ldots",
    "cdots": "ldots",
    "dotsc": "ldots",
    "dotsb": "ldots",
}
_COMMAND = re.compile(r"\\([A-Za-z]+)")

_SUPERSCRIPT = re.compile("[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b\u207f]+")
_SUPERSCRIPTS = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207f", "0123456789-n"
)
_SUBSCRIPT = re.compile("[\u2080-\u2089]+")
_SUBSCRIPTS = str.maketrans(
    "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089", "0123456789"
)


def renamed(text: str) -> str:
    """A formula with one name for each symbol and command."""
    text = _SYMBOL.sub(lambda match: _SYMBOLS[match[0]], text)
    return _COMMAND.sub(lambda match: _command(match[1]), text)


def with_plain_scripts(text: str) -> str:
    """A formula with `^{2}` and `_{2}` for the small characters."""
    text = _SUPERSCRIPT.sub(lambda match: f"^{{{match[0].translate(_SUPERSCRIPTS)}}}", text)
    return _SUBSCRIPT.sub(lambda match: f"_{{{match[0].translate(_SUBSCRIPTS)}}}", text)


def _command(name: str) -> str:
    name = _COMMANDS.get(name, name)
    return name if name in "<>|:" else f"\\{name}"
