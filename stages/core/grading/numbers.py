r"""Reading the number that an answer states, as an exact fraction.

Thousands may be separated by commas or as LaTeX does it, `3 1/2` is a mixed number, `2 \times 10^5` its value;
currency, percent and degree signs are not looked at, nor what is counted ("18 apples"). All of a stated answer must be
understood: a letter, an operator or a word that would make the number another one ("18x", "18!", "18 million", "more
than 18") leaves it without a number.
"""

import re
from fractions import Fraction

from stages.core.grading import final, plain

_LONGEST = 400  # characters of a number, and of an answer that is one
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+(?:/\d+)?"
_ONE = re.compile(rf"(?<![\w.,/])(-?)({_NUMBER})(?![\d/]|\.\d|,\d{{3}}(?!\d))")
_VULGAR = {"\u00bd": "1/2", "\u00bc": "1/4", "\u00be": "3/4", "\u2153": "1/3", "\u2154": "2/3"}
# Of at most so many digits, for else a text of digits alone is searched anew from each of them
_MIXED = re.compile(
    r"(?<![\w./^])(-?)(\d{1,30})(?: | ?(?=\\))"
    r"(?:(\d{1,30})/(\d{1,30})|\\[dtc]?frac ?\{(\d{1,30})\} ?\{(\d{1,30})\})(?![\d/])"
)
_FRACTION = re.compile(r"\\[dtc]?frac ?(?:\{(-?\d{1,30})\}|(\d)) ?(?:\{(\d{1,30})\}|(\d))")
_POWER = re.compile(
    r"(?<![\w.,])(-?[\d,]{0,30}\.?\d{1,30})"
    r"(?: ?(?:\\times|\\cdot|[\u00d7*x]) ?10 ?\^ ?(?:\{ ?([+-]?\d{1,3}) ?\}|([+-]?\d{1,3}))|[eE]([+-]?\d{1,3})\b)"
)
_SIGNS = re.compile(
    r"\\?[$%]|[\u20ac\u00a3\u00a5\u20b9\u00b0]|\^ ?\{? ?\\circ ?\}?|\\degree"
    r"|\\(?:left|right|displaystyle|quad)(?![A-Za-z])|\\[()\[\]]|[*_`\"]"
)
_UNIT = rf"(?:{'|'.join(plain.UNITS)}|[msghl])"
_UNITS = re.compile(
    rf"(?<=\d) ?{_UNIT}(?:(?:/| per | ){_UNIT})*(?: ?\^ ?\{{? ?[23] ?\}}?|[\u00b2\u00b3])?(?![\w^])", re.IGNORECASE
)
_SPLIT = re.compile(r",(?!\d{3})|,(?=\d{4})|;|\b(?:or|and)\b", re.IGNORECASE)
_PROSE = re.compile(r"[A-Za-z\u00c0-\u024f' ,.:()]*")  # what may stand beside a number, if no word of it changes it
_LETTER = re.compile(r"(?<![A-Za-z'])[B-HJ-Zb-z](?![A-Za-z'])")
_RELATION = re.compile(r"[<>~\u2248\u2260\u2264\u2265]|!=|\\(?:neq?|geq?|leq?|approx|sim|pm|mp)(?![A-Za-z])")


def written(text: str) -> list[str]:
    """The different numbers of the final answer, as they are written: none, one, or several that contradict.

    Where nothing is stated it is the last number of the last sentence.
    """
    said = final.stated(text)
    if said is None:
        return _last(_plain(final.last_sentence(text)))
    return _values(said if final.boxed(text) is not None else final.clause(said))


def gold(text: str) -> Fraction | None:
    """The number that `text` is as a whole; None where it is not one number."""
    found = _values(text)
    return value(found[0]) if len(found) == 1 else None


def value(number: str) -> Fraction | None:
    """What a written number is; None for one divided by zero, or with more digits than are read."""
    try:
        return Fraction(number.replace(",", "")) if len(number) <= _LONGEST else None
    except (ValueError, ZeroDivisionError):
        return None


def _values(text: str) -> list[str]:
    """The different numbers of an answer; none where a part of it is not understood."""
    found: dict[Fraction | None, str] = {}
    whole = _plain(text[: _LONGEST + 1])
    if len(text) > _LONGEST or plain.changed(whole) or _RELATION.search(whole):
        return []
    for part in _SPLIT.split(whole):
        side = _UNITS.sub(" ", part.rpartition("=")[2])
        if not _harmless(_ONE.sub(" ", side)):
            return []
        found |= {value(one[0]): one[0] for one in _ONE.finditer(side) if value(one[0]) not in found}
    return list(found.values())


def _last(sentence: str) -> list[str]:
    """The last number of a sentence that does not deny it, provided that nothing makes it another one."""
    sentence = _UNITS.sub(" ", sentence.removeprefix("- "))
    numbers = list(_ONE.finditer(sentence))
    if not numbers or plain.DENIED.search(sentence) or sentence.endswith("?"):
        return []
    before, after = sentence[: numbers[-1].start()], sentence[numbers[-1].end() :]
    beside = " ".join(before.split()[-3:])
    if re.search(r"[+*/^\u00b1\u00d7\u00b7\\{(-] ?$", before) or _RELATION.search(beside) or plain.changed(beside):
        return []
    return [numbers[-1][0]] if _harmless(after) and not plain.changed(after) else []


def _harmless(beside: str) -> bool:
    """Whether it is plain words, and nothing of a formula."""
    beside = re.sub(r"(?<=[A-Za-z])-(?=[A-Za-z])", " ", beside)
    if re.search(r"[A-Za-z]\(", beside) or _LETTER.search(beside):  # a function, a variable
        return False
    return _PROSE.fullmatch(beside) is not None


def _plain(text: str) -> str:
    r"""Signs, separators, fractions and powers of ten as plain text has them: \frac{7}{2} is 7/2, 1{,}000 is 1,000."""
    text = " ".join(_SIGNS.sub("", plain.TEXT.sub(r" \1 ", text)).split())
    text = re.sub("[" + "".join(_VULGAR) + "]", lambda sign: " " + _VULGAR[sign[0]], text)
    text = re.sub(r"(?<=\d)(?:\{,\}|,?\\[,!] ?|, ?\\!)(?=\d{3})", ",", text)
    text = re.sub(r"[\u2212\u2013]|\b(?:negative|minus)\b(?= ?[\d\\])", "-", text)
    text = re.sub(r"(^|[=:(] ?|\b(?:is|are) )- ?\(?(?=[\d.\\])", r"\1-", text)
    text = _POWER.sub(_power, _MIXED.sub(_sum, text))
    return _FRACTION.sub(lambda match: f"{match[1] or match[2]}/{match[3] or match[4]}", text)


def _sum(match: re.Match[str]) -> str:
    top, bottom = int(match[3] or match[5]), int(match[4] or match[6])
    return f"{match[1]}{int(match[2]) * bottom + top}/{bottom}"


def _power(match: re.Match[str]) -> str:
    return str(Fraction(match[1].replace(",", "")) * Fraction(10) ** int(match[2] or match[3] or match[4]))
