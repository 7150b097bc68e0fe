r"""The contents of `\boxed{}`, and whether a box is only a part of a formula."""

import re
from dataclasses import dataclass

from stages.core.grading.statement import words

Span = tuple[int, int]  # begin and end in a text

FORMULA = re.compile(
    r"\$\$([^$]{1,2000})\$\$"  # $$...$$
    r"|(?<!\\)\$((?:\\.|[^$\\\n]|\n(?!\s*\n)){1,2000})\$(?!\d)"  # $...$
    r"|\\\(((?:[^\\]|\\(?!\))){1,2000})\\\)"  # \(...\)
    r"|\\\[((?:[^\\]|\\(?!\])){1,2000})\\\]"  # \[...\]
)
_OPENING = re.compile(r"^(?:\$\$?|\\[\[(])")
_CLOSING = re.compile(r"(?:\$\$?|\\[\])])$")
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
# What a box without braces holds: `\boxed 5`, `\boxed\pi`
_UNBRACED = re.compile(r"\\?[A-Za-z]+|\d[\d.,/]*\d|\d")
_MOST_BOXES = 20  # of one answer
_LONGEST_JOIN = 60  # characters that can stand between two joined boxes
# "$, and $", ", \text{ or } x = " between two boxes
_JOINED = re.compile(
    r"(?:[\s$]|\\text\{|\\quad|\\[()\[\]]|\})*(?:,|;|\b(?:and|or)\b)+"
    r"(?:[\s$]|\}|\\text\{|\\quad|\\[()\[\]]|\b(?:and|or|also|either)\b)*(?:\w{1,9}\s?=\s?)?",
    re.IGNORECASE,
)
_LEADING_COMMANDS = words.any_of(
    "equiv in implies Rightarrow Longrightarrow iff to q?quad therefore displaystyle left "
    "[Ll]arge LARGE [Hh]uge color\\{\\w+\\} [,;:!]"
)
# In a formula nothing but these may stand before a box: "x =", "=>", `\implies`, `\text{so}`
_LEFT_IN_FORMULA = re.compile(
    rf"(?:^|[=:,;&(\[]|(?<=[=-])>|\\\\|\\{_LEADING_COMMANDS}|\\ |\\text ?\{{[^{{}}]*\}})\s*$"
)
# And nothing but these after it: ".", `\%`, `^\circ`, `\text{ cm}`, `\approx 7.07`, `\pmod{7}`
_RIGHT_IN_FORMULA = re.compile(
    r"(?:\s|\\[,;:! ]|\\q?quad|[.,;:!)\]]|\\%|\^ ?\{? ?\\circ ?\}?"
    r"|\\(?:text|mbox|mathrm|textbf) ?\{[^{}]*\}"
    r"|\\approx ?[\d.]+|\\[pb]?mod ?(?:\{[^{}]*\}|\d+)|\\\\|&|\\right)*"
)
# In a sentence: what touches a box on its left, and operators between it and another term
_BESIDE_LEFT = re.compile(
    r"(?:[\w)}\]^_/*+\u00b1\u00d7\u00b7<\u2264\u2265\u2260\u221a~|!-]|(?<![=-])>)$"
    r"|(?:[+/^*\u00d7\u00b7\u00b1<\u2264\u2265\u2260]|(?<![=-])>|(?:\d|\b[A-Za-z]|[)}]) ?-"
    r"|\\(?:pm|mp|times|cdot|sqrt|neq?|geq?|leq?)|!=) ?[({]?$"
)
# The same on its right
_BESIDE_RIGHT = re.compile(
    r"[\w^_{(/\u00b2\u00b3]"
    r"|\\(?:pi|sqrt|[dt]?frac|cdot|times|pm|left|log|ln|div|neq?|leq?|geq?)(?![A-Za-z])"
    r"| ?(?:[+*/^\u00d7\u00b7] ?[\w\\$(]|- ?[\d\\$(]"
    r"|\\(?:times|cdot|div|pm|pi|sqrt)(?![A-Za-z]))"
)
_SCALES = words.any_of(*words.SCALES, "percent_of squared cubed factorial times_\\d")
# What after a box changes its value
_CHANGED = re.compile(
    # " million", "% of", " or 6"; not " or equivalently"
    rf"[\s$)]*(?:\\[)\]])?\s*(?:\\text\{{)?\s*(?:{_SCALES}\b|\\?%\$? ?(?:\\text\{{ ?)?of\b"
    r"|or (?!so\b|equivalently\b)(?:\w|\$|\\))"
    # " is not", " is what they say"; not " is what we want"
    r"|\s*(?:is|was) (?:not|n't|wrong|incorrect|false|what (?!we|you|is))\b",
    re.IGNORECASE,
)
# The content of a box that is empty, cut off, or a part of a formula: no value of any kind
UNREADABLE = "?"


@dataclass(frozen=True)
class Box:
    """A box or several joined ones: what they hold, joined by commas, and where they stand."""

    content: str
    begin: int
    end: int


def groups(text: str) -> list[Box]:
    """The boxes in `text`, joined ones together; a part of a formula is UNREADABLE."""
    joined_spans: list[list[Span]] = []
    for span in _outermost(_spans(text))[-_MOST_BOXES:]:
        if joined_spans and _joined(text, joined_spans[-1][-1][1], span[0]):
            joined_spans[-1].append(span)
        else:
            joined_spans.append([span])
    return [_box(text, spans) for spans in joined_spans]


def _box(text: str, spans: list[Span]) -> Box:
    """The box that several joined spans make."""
    begin, end = spans[0][0], spans[-1][1]
    contents = dict.fromkeys(_content(text[start:stop]) for start, stop in spans)
    content = ", ".join(contents)
    if not content or _part_of_a_formula(text, begin, end):
        content = UNREADABLE
    formula = _formula_around(text, begin, end)
    return Box(content, begin, formula.end() if formula else end)


def _content(box: str) -> str:
    content = _BOX.sub("", box, count=1)
    return content[1:-1].strip() if content.startswith("{") else content


def _part_of_a_formula(text: str, begin: int, end: int) -> bool:
    """Whether a box is a factor, a term or an exponent of something larger, or is denied."""
    formula = _formula_around(text, begin, end)
    if formula is None:
        return _changed_beside(text, begin, end)
    left = _OPENING.sub("", text[formula.start() : begin])
    right = _CLOSING.sub("", text[end : formula.end()])
    if not _LEFT_IN_FORMULA.search(left) or not _RIGHT_IN_FORMULA.fullmatch(right):
        return True
    if _CHANGED.match(right):
        return True
    if "%" in right and re.match(r"\s*of\b", text[formula.end() :]):
        return True
    # Words before the formula concern what it begins with
    begin = formula.end() if left.strip() else formula.start()
    return _changed_beside(text, begin, formula.end())


def _changed_beside(text: str, begin: int, end: int) -> bool:
    """Whether what stands in the line before `begin` or after `end` changes the value between."""
    left = text[:begin].rpartition("\n")[2]
    right = text[end : end + 80].partition("\n")[0]
    if begin == end:  # only what follows
        left = ""
    if _BESIDE_LEFT.search(left) or _BESIDE_RIGHT.match(right):
        return True
    return _CHANGED.match(right) is not None


def _formula_around(text: str, begin: int, end: int) -> re.Match[str] | None:
    """The formula that a box stands in."""
    for formula in FORMULA.finditer(text):
        if formula.start() < begin and end < formula.end():
            return formula
    return None


def _joined(text: str, end: int, begin: int) -> bool:
    """Whether what stands between two boxes joins them."""
    return begin - end <= _LONGEST_JOIN and _JOINED.fullmatch(text, end, begin) is not None


def _spans(text: str) -> list[Span]:
    """(begin, end) of every box; the end of one that is never closed is the text's."""
    spans: list[Span] = []
    begin_of_box = {match.end(): match.start() for match in _BOX.finditer(text)}
    open_braces: list[int] = []  # for each open brace, where its box begins, or -1
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            open_braces.append(begin_of_box.pop(brace.start(), -1))
        elif brace[0] == "}" and open_braces:
            begin = open_braces.pop()
            if begin >= 0:
                spans.append((begin, brace.end()))
    for end, begin in begin_of_box.items():  # without braces: one word or number
        token = _UNBRACED.match(text, end)
        spans.append((begin, token.end() if token else end))
    return spans + [(begin, len(text)) for begin in open_braces if begin >= 0]


def _outermost(spans: list[Span]) -> list[Span]:
    """Those of `spans` that are in no other, in order."""
    outermost: list[Span] = []
    for begin, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not outermost or begin >= outermost[-1][1]:
            outermost.append((begin, end))
    return outermost
