r"""The contents of `\boxed{}`, and whether what stands beside a box makes it but a part of a
formula.
"""

import re
from dataclasses import dataclass

from stages.core.grading.statement import words

# $...$, $$...$$, \\(...\\), \\[...\\]
FORMULA = re.compile(
    r"\$\$([^$]{1,2000})\$\$|(?<!\\)\$((?:\\.|[^$\\\n]|\n(?!\s*\n)){1,2000})\$(?!\d)|\\\(((?:[^\\]|\\(?!\))){1,2000})\\\)"
    r"|\\\[((?:[^\\]|\\(?!\])){1,2000})\\\]"
)
_OPENING, _CLOSING = re.compile(r"^(?:\$\$?|\\[\[(])"), re.compile(r"(?:\$\$?|\\[\])])$")
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_UNBRACED = re.compile(r"\\?[A-Za-z]+|\d[\d.,/]*\d|\d")
_MOST, _JOIN = 20, 60  # boxes of one answer, and characters that can stand between two of them
_JOINED = re.compile(
    r"(?:[\s$]|\\text\{|\\quad|\\[()\[\]]|\})*(?:,|;|\b(?:and|or)\b)+"
    r"(?:[\s$]|\}|\\text\{|\\quad|\\[()\[\]]|\b(?:and|or|also|either)\b)*(?:\w{1,9}\s?=\s?)?",
    re.IGNORECASE,
)
# In a formula nothing but these may stand before a box and after it
_LEADS_TO = words.any_of(
    "equiv in implies Rightarrow Longrightarrow iff to q?quad therefore displaystyle left [Ll]arge LARGE "
    "[Hh]uge color\\{\\w+\\} [,;:!]"
)
_LEFT_IN_FORMULA = re.compile(
    rf"(?:^|[=:,;&(\[]|(?<=[=-])>|\\\\|\\{_LEADS_TO}|\\ |\\text ?\{{[^{{}}]*\}})\s*$"
)
_RIGHT_IN_FORMULA = re.compile(
    r"(?:\s|\\[,;:! ]|\\q?quad|[.,;:!)\]]|\\%|\^ ?\{? ?\\circ ?\}?|\\(?:text|mbox|mathrm|textbf) ?\{[^{}]*\}"
    r"|\\approx ?[\d.]+|\\[pb]?mod ?(?:\{[^{}]*\}|\d+)|\\\\|&|\\right)*"
)
# In a sentence: what touches a box on its left or right, and operators between it and another term
_BESIDE_LEFT = re.compile(
    r"(?:[\w)}\]^_/*+\u00b1\u00d7\u00b7<\u2264\u2265\u2260\u221a~|!-]|(?<![=-])>)$"
    r"|(?:[+/^*\u00d7\u00b7\u00b1<\u2264\u2265\u2260]|(?<![=-])>|(?:\d|\b[A-Za-z]|[)}]) ?-"
    r"|\\(?:pm|mp|times|cdot|sqrt|neq?|geq?|leq?)|!=) ?[({]?$"
)
_BESIDE_RIGHT = re.compile(
    r"[\w^_{(/\u00b2\u00b3]|\\(?:pi|sqrt|[dt]?frac|cdot|times|pm|left|log|ln|div|neq?|leq?|geq?)(?![A-Za-z])"
    r"| ?(?:[+*/^\u00d7\u00b7] ?[\w\\$(]|- ?[\d\\$(]|\\(?:times|cdot|div|pm|pi|sqrt)(?![A-Za-z]))"
)
_SCALES = words.any_of(*words.SCALES, "percent_of squared cubed factorial times_\\d")
_CHANGED = re.compile(
    rf"[\s$)]*(?:\\[)\]])?\s*(?:\\text\{{)?\s*(?:{_SCALES}\b|\\?%\$? ?(?:\\text\{{ ?)?of\b"
    r"|or (?!so\b|equivalently\b)(?:\w|\$|\\))"
    r"|\s*(?:is|was) (?:not|n't|wrong|incorrect|false|what (?!we|you|is))\b",
    re.IGNORECASE,
)
# the content of a box that is empty, cut off, or but a part of a formula: no value of any kind
UNREADABLE = "?"


@dataclass(frozen=True)
class Box:
    """A box or several joined ones: what they hold, joined by commas, and where they stand."""

    content: str
    begin: int
    end: int


def groups(text: str) -> list[Box]:
    """The boxes in `text`, joined ones together; one that is but a part of a formula is UNREADABLE."""
    spans = _outermost(_spans(text))
    found: list[list[tuple[int, int]]] = []
    for span in spans[-_MOST:]:
        if found and _joined(text, found[-1][-1][1], span[0]):
            found[-1].append(span)
        else:
            found.append([span])
    return [_group(text, group) for group in found]


def _group(text: str, spans: list[tuple[int, int]]) -> Box:
    begin, end = spans[0][0], spans[-1][1]
    contents = dict.fromkeys(_content(text[start:stop]) for start, stop in spans)
    content = ", ".join(contents)
    if not content or _part_of_a_formula(text, begin, end):
        content = UNREADABLE
    around = _formula_around(text, begin, end)
    return Box(content, begin, around.end() if around else end)


def _content(box: str) -> str:
    inner = _BOX.sub("", box, count=1)
    return inner[1:-1].strip() if inner.startswith("{") else inner


def _part_of_a_formula(text: str, begin: int, end: int) -> bool:
    """Whether the box from `begin` to `end` is a factor, a term or an exponent of something larger,
    or is denied.
    """
    formula = _formula_around(text, begin, end)
    if formula is None:
        return _changed_beside(text, begin, end)
    left = _OPENING.sub("", text[formula.start() : begin])
    right = _CLOSING.sub("", text[end : formula.end()])
    if (
        not _LEFT_IN_FORMULA.search(left)
        or not _RIGHT_IN_FORMULA.fullmatch(right)
        or _CHANGED.match(right)
    ):
        return True
    if "%" in right and re.match(r"\s*of\b", text[formula.end() :]):
        return True
    # Words before the formula concern what it begins with
    begin = formula.end() if left.strip() else formula.start()
    return _changed_beside(text, begin, formula.end())


def _changed_beside(text: str, begin: int, end: int) -> bool:
    """Whether what stands in the line before `begin` or after `end` changes the value between them."""
    left, right = text[:begin].rpartition("\n")[2], text[end : end + 80].partition("\n")[0]
    if begin == end:  # only what follows
        left = ""
    return any((_BESIDE_LEFT.search(left), _BESIDE_RIGHT.match(right), _CHANGED.match(right)))


def _formula_around(text: str, begin: int, end: int) -> re.Match[str] | None:
    """The formula that a box stands in."""
    return next(
        (part for part in FORMULA.finditer(text) if part.start() < begin and end < part.end()), None
    )


def _joined(text: str, end: int, begin: int) -> bool:
    return begin - end <= _JOIN and _JOINED.fullmatch(text, end, begin) is not None


def _spans(text: str) -> list[tuple[int, int]]:
    """(begin, end) of every box; the end of one that is never closed is the text's."""
    found = []
    marks = {match.start(): match.end() for match in _BOX.finditer(text)}
    opened: list[int] = []  # for each open brace, where its box begins, or -1
    box_at = {end: begin for begin, end in marks.items()}
    for mark in _BRACE.finditer(text):
        if mark[0] == "{":
            opened.append(box_at.pop(mark.start(), -1))
        elif mark[0] == "}" and opened and (begin := opened.pop()) >= 0:
            found.append((begin, mark.end()))
    for end, begin in box_at.items():  # without braces: one word or number
        token = _UNBRACED.match(text, end)
        found.append((begin, token.end() if token else end))
    return found + [(begin, len(text)) for begin in opened if begin >= 0]


def _outermost(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of `spans` that are in no other, in order."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not found or begin >= found[-1][1]:
            found.append((begin, end))
    return found
