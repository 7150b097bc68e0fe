r"""The form of a mathematical answer that equality is asked about.

Spacing, delimiters, currency, degrees, units and thousands separators go; a mixed number becomes a sum, `a \pm b` a
list of both, "or", "and" and semicolons commas.
"""

import re

from stages.core.grading import plain

FUNCTIONS = set("sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log exp sqrt lim mod".split())
_ONLY_TEXT = re.compile(r"(?:(?:the|an?) )?(?:[^\W\d_]|['-])+(?: (?:[^\W\d_]|['-])+)*|\(?[A-Z]\)?", re.IGNORECASE)
_SPACE = re.compile(r"(?<!\\)\\[,!;: ]|\\(?:quad|qquad)(?![A-Za-z])|[~\s]+")
_NOTHING = re.compile(
    r"\\(?:left|right|displaystyle|[bB]igg?[lr]?)(?![A-Za-z])|(?<!\\)\\[()\[\]]|\\?\$|[\u20ac\u00a3\u00a5\u20b9]|\\!"
    r"|\^\s*\{?\s*\\(?:circ|degree)\s*\}?|\\degree|\u00b0"
)
_LIST = re.compile(r"\s*,?\s*(?:(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])|;)\s*|\s*,\s*", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_ONE = rf"(?:{'|'.join(plain.UNITS)})\.?"
_UNIT = re.compile(  # "5 cm", "3 square feet", "2 m^2", "\text{ inches}^2"; not "5 x" or "2 pi"
    rf"(?<=[\d}})i])(?: ?(?:\\text\{{ ?)?(?:{_ONE}|(?<= )[mgsh])(?:(?: |/| per )(?:{_ONE}|[mgsh]))* ?\}}?)"
    r"(?: ?\^ ?\{? ?\d ?\}?|[\u00b2\u00b3])?$",
    re.IGNORECASE,
)
_UNIT_POWER = re.compile(r"(?:\\(?:text|mbox|mathrm)\{[^{}]*\}|(?<![A-Za-z\\])[A-Za-z]{2,}) ?\^ ?\{? ?(\d) ?\}?$")
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{(\d+)\}|(\d))\s*(?:\{(\d+)\}|(\d))")
_MIXED = re.compile(r"(?<![\w.}^])(\d+) ?\\frac\{(\d+)\}\{(\d+)\}|(?<![\w.}/^])(\d+) (\d+)/(\d+)(?![\d/])")
_MEMBER = re.compile(r"^[A-Za-z] ?(?:\\in(?![A-Za-z])|\u2208) ?")
_NAME = re.compile(r"^(?:\\text\{[^{}]*\}|[A-Za-z]{3,}(?: [A-Za-z]{3,}){0,2}) ?[=:] ?")  # "Area = 5"
_SCIENTIFIC = re.compile(r"^(-?\d*\.?\d+)[eE]([+-]?\d{1,3})$")
_BASE = re.compile(r"([0-9A-F]+) ?(?:_ ?\{? ?(\d+) ?\}?|\(?(?:in )?base[ -](\d+)\)?)", re.IGNORECASE)
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


def words(text: str, letter: bool = False) -> list[str] | None:
    r"""Its words in lower case where `text` is nothing but words, or a letter within \text: `\text{(C)}`, `Evelyn`.

    With `letter`, a letter by itself is such a word too.
    """
    bare = plain.TEXT.sub(r"\1", text).strip().strip("$ .")
    if not _ONLY_TEXT.fullmatch(bare):
        return None
    if not plain.TEXT.search(text) and len(bare) < 4 and not (letter and len(bare.strip("()")) == 1):
        return None  # xy is a product
    found = re.findall(r"(?:[^\W\d_]|['-])+", bare.casefold())
    return [word for word in found if word not in ("the", "a", "an")] if len(found) > 1 else found


def based(text: str) -> tuple[str, str] | None:
    """(digits, base) of a number that names its base: `52_8`, `52 (base 8)`."""
    match = _BASE.fullmatch(plain.TEXT.sub(r"\1", text).strip().strip("$ ."))
    digits, base = (match[1].upper(), match[2] or match[3]) if match else ("", "0")
    return (digits, base) if 2 <= int(base) <= 36 and all(int(digit, 36) < int(base) for digit in digits) else None


def unit_power(text: str) -> str:
    r"""The power of the unit that `text` ends with, "2" of `864 \text{ inches}^2`; "" where it names none."""
    match = _UNIT_POWER.search(text.strip("$ ."))
    return match[1] if match else ""


def formula(text: str) -> str:
    r"""The mathematics of `text` in the form that is compared, its list joined by commas."""
    text = _SPACE.sub(" ", _NOTHING.sub("", re.sub(r",\s*\\!\s*", ",", text))).strip(" *_").rstrip(".")
    text = re.sub(r"\\(begin|end)\{[bB]matrix\}", r"\\\1{pmatrix}", text)
    text = re.sub(r"\\text\{\s*(and|or)\s*\}", r" \1 ", re.sub(r"\\(?:mbox|mathrm|textrm)(?=\s*\{)", r"\\text", text))
    text = _UNIT.sub("", text)
    if not re.search(r"[(\[]|\\\{", text):  # else (0,100) is a pair
        text = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)
    text = _FRACTION.sub(lambda match: rf"\frac{{{match[1] or match[2]}}}{{{match[3] or match[4]}}}", text)
    text = _MIXED.sub(_sum, text)
    name = _NAME.match(text)
    if name and not plain.changed(name[0]) and name[0].split()[0] not in FUNCTIONS:
        text = text[name.end() :]
    text = _SCIENTIFIC.sub(r"\1 \\times 10^{\2}", text)
    text = _MEMBER.sub("", text.replace("\u2212", "-").replace("\u00d7", r"\times ").replace("\u03c0", r"\pi "))
    return ", ".join(part for item in split(_LIST.sub(",", text)) for part in _signs(item))


def _sum(match: re.Match[str]) -> str:
    whole, top, bottom = (match[one] or match[other] for one, other in ((1, 4), (2, 5), (3, 6)))
    return rf"({whole}+\frac{{{top}}}{{{bottom}}})"


def split(text: str) -> list[str]:
    """The parts between the commas that stand in no bracket. Intervals close with the other bracket: `[1, 2)`."""
    parts, depth, begin = [], 0, 0
    for place, letter in enumerate(text):
        depth += letter in _BRACKETS
        depth -= letter in _BRACKETS.values()
        if letter == "," and depth <= 0:
            parts.append(text[begin:place])
            begin = place + 1
    return [part.strip() for part in (*parts, text[begin:])]


def _signs(text: str) -> list[str]:
    r"""Both values of `a \pm b`, in a set all in their place; of several signs, every combination."""
    text = text.replace("\u00b1", r"\pm ")
    if r"\pm" not in text:
        return [text]
    if text.startswith(r"\{") and text.endswith(r"\}"):
        return [r"\{" + ", ".join(sign for item in split(text[2:-2]) for sign in _signs(item)) + r"\}"]
    if text.count(r"\pm") > 3 or r"\mp" in text:
        return [text]
    return [sign for way in "+-" for sign in _signs(text.replace(r"\pm", way, 1))]
