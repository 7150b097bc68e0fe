"""Finding the final answer in the text of a response. Every search is one pass: an answer may have megabytes."""

import re

# "answer is", "answer: ", "final answer = ", "answer to the question is", "#### " with any emphasis around them
_SAID = re.compile(
    r"\banswers?[\s*_)\]]{0,9}(?:to\s(?:\w+\s){1,4}?)?(?:is|are|:|=|would be|must be|should be)(?!\w)[\s:=*_]*"
    r"|^[ \t]*####[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
# Weaker words for it, asked where none of the above is in the text
_MEANT = re.compile(
    r"\b(?:results?|solutions?|roots?|choice|option|value|conclusion)[\s*_]{0,9}(?:is|are|:|=)(?!\w)[\s:=*_]*",
    re.IGNORECASE,
)
_DENIED_LEAD = re.compile(
    r"(?:\bnot\b|n't\b|\bnever\b|\bneither\b|\bunless\b|\bwhether\b|\bif\b)[^.\n]{0,60}$", re.IGNORECASE
)
# What takes a statement back, where it follows it
_TAKEN_BACK = re.compile(
    r"\b(?:wait|actually|correction)[,.:!]|\b(?:scratch that|i was wrong|i made a mistake|on second thought)\b"
    r"|(?:\bno, |\b(?:that|this|it)(?:'s| is| was) (?:wrong|incorrect|not right|not correct)\b|\bit should be\b)",
    re.IGNORECASE,
)
_MARKS = re.compile(r"\\+(?:boxed|fbox)\s*\{|\\[{}\\]|[{}]")
_ANY_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])")
_JOINED = re.compile(
    r"(?:[\s$]|\\text\{|\\quad|\\\\|\})*(?:,|;|\b(?:and|or)\b)+"
    r"(?:[\s$]|\}|\\quad|\b(?:and|or|also|either)\b)*(?:\w{1,9}\s?=\s?)?",
    re.IGNORECASE,
)
# A box is but a part of a formula where a sign stands before it, or a factor or a scale after it
_SIGNED = re.compile(
    r"(?:[+/^\u2212\u00b1\u00b7\u00d7]|(?<!\*)\*|(?<=[^\n])-|-(?=$)|\\(?:pm|mp|times|cdot|sqrt|neq?|geq?|leq?)|[<>\u2260])"
    r"[ $({]*$"
)
_FACTOR = re.compile(
    r"[\s$)]{0,3}(?:[0-9^!/*+]|-\s?[\d\\]|\\(?!text|mbox|mathrm|\)|\]|,|;|!| |\\|quad|%|\$|circ|end|right))|[A-Za-z]"
)
_SCALED = re.compile(
    r"[\s$)]*(?:\\text\{)?\s*(?:million|billion|thousand|hundred|dozen|percent of|or (?!so\b)\w)", re.IGNORECASE
)
FORMULA = re.compile(
    r"\$\$([^$]{1,2000})\$\$|(?<!\\)\$((?:\\.|[^$\\]){1,2000})\$|\\\(((?:[^\\]|\\(?!\))){1,2000})\\\)"
    r"|\\\[((?:[^\\]|\\(?!\])){1,2000})\\\]"
)
# What follows says why, or what it is not
_ASIDE = re.compile(r"\.\s|[,;]?\s?\(?\b(?:because|since|which|where)\b|, (?:and )?not\b", re.IGNORECASE)
_DISPLAY = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}
_JOIN, _MOST = 40, 20  # characters that can stand between two boxes of one answer, and how many boxes it may have
_LONGEST = 2000  # characters of a stated answer that are read


def after_thinking(text: str) -> str | None:
    """What follows the reasoning; None where a reasoning was opened and never closed, so that there is no answer."""
    after = text.rpartition("</think>")[2]
    return None if "<think>" in after else after


def stated(text: str) -> str | None:
    """The last box's content, else what follows the last "answer is"; None where there is neither.

    Boxes joined by a comma, "and" or "or" are one answer. "" where the statement is denied or taken back, where its
    box is never closed, or is but a part of a formula.
    """
    found = boxed(text)
    return _said(text) if found is None else found


def final(text: str) -> str:
    """The final answer in `text`: the one stated, else all of it. Without emphasis and closing full stop."""
    found = stated(text)
    return bare(text if found is None else found)


def clause(text: str) -> str:
    """`text` up to where it starts to say why, or to its first sentence's end; formulas are not cut."""
    text = " ".join(text[:_LONGEST].split())
    hidden = FORMULA.sub(lambda match: "\0" * len(match[0]), text)
    aside = _ASIDE.search(hidden)
    return text[: aside.start()] if aside else text


def bare(text: str) -> str:
    """Without the space, the emphasis and the full stop around it."""
    return text.strip().strip("*_` ").removesuffix(".").strip().strip("*_`").strip()


def last_sentence(text: str) -> str:
    """The last sentence of the last line that has letters or digits."""
    lines = [line for line in text[-_LONGEST:].splitlines() if re.search(r"\w", line)]
    return re.split(r"(?<=[.!?])\s+(?=\S)", lines[-1].strip())[-1] if lines else ""


def boxed(text: str) -> str | None:
    r"""What the last \boxed{} in `text` holds, with those that it is joined to; None where there is no box."""
    last = max((match.start() for match in _ANY_BOX.finditer(text)), default=-1)
    if last < 0:
        return None
    outer = _outermost(_boxes(text))
    if not outer or outer[-1][1] <= last:  # the last one is never closed, or has no braces
        return ""
    found = [outer.pop()]
    while outer and len(found) < _MOST and _joined(text, outer[-1][1], found[-1][0]):
        found.append(outer.pop())
    begin, end = found[-1][0], found[0][1]
    if _SIGNED.search(text[max(0, begin - 20) : begin]) or _FACTOR.match(text, end):
        return ""
    if _TAKEN_BACK.search(text, end) or _SCALED.match(text, end):
        return ""
    contents = (text[begin:end].partition("{")[2][:-1].strip() for begin, end in reversed(found))
    return ", ".join(dict.fromkeys(contents))


def _joined(text: str, end: int, begin: int) -> bool:
    return begin - end <= _JOIN and _JOINED.fullmatch(text, end, begin) is not None


def _boxes(text: str) -> list[tuple[int, int]]:
    """(begin, end) of every closed box, command and braces included."""
    found, opened = [], list[int]()  # for each open brace, where its box begins, or -1
    for mark in _MARKS.finditer(text):
        if mark[0] == "}" and opened:
            begin = opened.pop()
            if begin >= 0:
                found.append((begin, mark.end()))
        elif mark[0][-1] == "{" and mark[0] != "\\{":
            opened.append(mark.start() if mark[0] != "{" else -1)
    return found


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
                end = lead.end() + len(clause(found))
                denied = _DENIED_LEAD.search(text[max(0, lead.start() - 80) : lead.start()])
                return "" if denied or _TAKEN_BACK.search(text, end) else found
            after = lead.start()
    return None


def _line(text: str, begin: int, end: int) -> str:
    """From `begin` to the line's end, a formula that spans lines as a whole, `end` at most; without a bullet."""
    closing = _DISPLAY.get(text[begin : begin + 2])
    close = text.find(closing, begin + 2, end) if closing else -1
    stop = text.find("\n", max(begin, close), end)
    found = text[begin : stop if stop >= 0 else end]
    return re.sub(r"^[-*] (?=\S)", "", found) if text[begin - 1 : begin] == "\n" else found
