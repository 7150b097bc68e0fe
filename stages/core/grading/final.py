"""Finding the final answer in the text of a response. Every search is one pass: an answer may have megabytes."""

import re

# "answer is", "answer: ", "final answer = ", "answer to the question is", "#### " with any emphasis around them
_SAID = re.compile(
    r"\banswers?[\s*_)\]]*(?:to\s+(?:\w+\s+){1,4}?)?(?:is|are|:|=|would be|must be|should be)(?!\w)[\s:=*_]*"
    r"|^[ \t]*####[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
# Weaker words for it, asked where none of the above is in the text
_MEANT = re.compile(
    r"\b(?:result|solution|choice|option|value|conclusion)[\s*_]*(?:is|are|:|=)(?!\w)[\s:=*_]*", re.IGNORECASE
)
_MARKS = re.compile(r"\\(?:boxed|fbox)\s*\{|\\[{}\\]|[{}]")
_JOINED = re.compile(r"[\s$]*(?:,|;|(?:,\s*)?\b(?:and|or)\b)[\s$]*", re.IGNORECASE)
_FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$((?:\\.|[^$\\])+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
# What follows says more about the answer, and has other numbers and formulas
_ASIDE = re.compile(
    r"\.\s|\s*,\s*(?:and\s+)?not\b|\s*[,;(]?\s*\b(?:because|since|which|where|as|so|given|after|when|if)\b",
    re.IGNORECASE,
)
# Words before an answer that is not stated as one: "So x = 5."
_HENCE = re.compile(
    r"^\W*(?:(?:so|thus|hence|therefore|then|finally|and|that|we (?:get|have|find|obtain)|this gives)\b[,:]?\s*)+",
    re.IGNORECASE,
)
_DISPLAY = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}
_JOIN = 40  # characters that can stand between two boxes of one answer


def after_thinking(text: str) -> str | None:
    """What follows the reasoning; None where the reasoning was never closed, so that there is no answer."""
    if "</think>" in text:
        return text.rpartition("</think>")[2]
    return None if "<think>" in text else text


def stated(text: str) -> str | None:
    """The last box's content, else what follows the last "answer is"; None where there is neither.

    Boxes joined by a comma, "and" or "or" are one answer. A last box that is never closed states nothing.
    """
    found = boxed(text)
    return _said(text) if found is None else found


def final(text: str) -> str:
    """The final answer in `text`: the one stated, else all of it. Without emphasis and closing full stop."""
    found = stated(text)
    return bare(text if found is None else found)


def mathematics(text: str) -> str:
    """The final answer's mathematics: the box, what is stated up to its first clause's end, or the last line's formula.

    "" where there is none.
    """
    found = boxed(text)
    if found is not None:
        return found.strip()
    said = _said(text)
    if said is not None:
        return ", ".join(_formulas(clause(said))) or bare(clause(said))
    lines = text.strip().splitlines()
    if formulas := _formulas(lines[-1]) if lines else []:
        return formulas[-1]
    return bare(_HENCE.sub("", re.split(r"\b(?:is|are|equals)\b", lines[-1])[-1])) if lines else ""


def clause(text: str) -> str:
    """`text` up to where it starts to say why, or to its first sentence's end; formulas are not cut."""
    hidden = _FORMULA.sub(lambda match: "\0" * len(match[0]), text)
    aside = _ASIDE.search(hidden)
    return text[: aside.start()] if aside else text


def _formulas(text: str) -> list[str]:
    return [next(filter(None, match.groups())).strip() for match in _FORMULA.finditer(text)]


def bare(text: str) -> str:
    """Without the space, the emphasis and the full stop around it."""
    return text.strip().strip("*_` ").removesuffix(".").strip().strip("*_`").strip()


def boxed(text: str) -> str | None:
    r"""What the last \boxed{} in `text` holds, with those that it is joined to; None where there is no box."""
    boxes, opened = [], list[int]()  # (begin, end) with the command; for each open brace, where its box begins, or -1
    for mark in _MARKS.finditer(text):
        if mark[0] == "}" and opened:
            begin = opened.pop()
            if begin >= 0:
                boxes.append((begin, mark.end()))
        elif mark[0][-1] == "{" and mark[0] != "\\{":
            opened.append(mark.start() if mark[0] != "{" else -1)
    last = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if any(begin >= last for begin in opened if begin >= 0):
        return ""
    outer = _outermost(boxes)
    if not outer:
        return None
    found = [outer.pop()]
    while outer and outer[-1][1] >= found[0][0] - _JOIN and _JOINED.fullmatch(text, outer[-1][1], found[0][0]):
        found.insert(0, outer.pop())
    contents = (text[begin:end].partition("{")[2][:-1].strip() for begin, end in found)
    return ", ".join(dict.fromkeys(contents))


def _outermost(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of `spans`, which are nested or apart, that are in no other, in order."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if not found or begin >= found[-1][1]:
            found.append((begin, end))
    return found


def _said(text: str) -> str | None:
    """What follows the last lead that something follows, up to its line's end or the next lead."""
    for pattern in (_SAID, _MEANT):
        after = len(text)
        for lead in reversed(list(pattern.finditer(text))):
            found = _line(text, lead.end(), after)
            if found.strip(" \t*_.$\\()[]"):
                return found
            after = lead.start()
    return None


def _line(text: str, begin: int, end: int) -> str:
    """From `begin` to the line's end, a formula that spans lines as a whole, `end` at most."""
    closing = _DISPLAY.get(text[begin : begin + 2])
    close = text.find(closing, begin + 2, end) if closing else -1
    stop = text.find("\n", max(begin, close), end)
    return text[begin : stop if stop >= 0 else end]
