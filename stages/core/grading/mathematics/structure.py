r"""What a formula is made of, outside in: lists, sets, tuples and intervals, unions, relations,
matrices, terms.

Commas, relation signs and unions count only outside all brackets, so that `\sum_{k=1}^{n} k` is one
term.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\\begin\{\w+\*?\}|\\end\{\w+\*?\}|\\[A-Za-z]+|\\.|.", re.DOTALL)
_NAMES_OF_RELATIONS = "le ge ne approx equiv in sim simeq cong propto mid ll gg to subset not nleq ngeq nless ngtr lesssim gtrsim notin"
_RELATIONS = {"=", "<", ">", ":="} | {f"\\{name}" for name in _NAMES_OF_RELATIONS.split()}
_IN_BRACES = re.compile(r"\\\{.*?\\\}")
_AND_OR = re.compile(
    r"(?<![A-Za-z\\])(?:\\text\{ ?)?(?:,? ?\b(?:and|or)\b)(?: ?\})?(?![A-Za-z])", re.IGNORECASE
)


@dataclass(frozen=True)
class Node:
    r"""A part of a formula. `kind` is list, set, tuple, union, relation, matrix or term.

    `text` is its source; `parts` what it joins; `signs` the brackets of a tuple, or the relations
    between its parts.
    """

    kind: str
    text: str
    parts: tuple["Node", ...] = ()
    signs: tuple[str, ...] = ()


def parsed(text: str) -> Node:
    """The structure of a simple formula (see latex.py)."""
    text = text.strip()
    items = split(_AND_OR.sub(",", text), ",;")
    items = [item for item in items if item]
    if len(items) > 1:
        return Node("list", text, tuple(part for item in items for part in _both_signs(item)))
    text = items[0] if items else ""
    if r"\pm" in _IN_BRACES.sub("", text):  # each member of a set has its own signs
        both = signed(text)
        if len(both) > 1:
            return Node("list", text, tuple(map(parsed, both)))
    return _related(text)


def _both_signs(item: str) -> tuple[Node, ...]:
    """A member of a list; both where it has two signs."""
    node = parsed(item)
    return node.parts if node.kind == "list" else (node,)


def _related(text: str) -> Node:
    sides, signs = relation(text)
    if signs:
        return Node("relation", text, tuple(_united(side) for side in sides), tuple(signs))
    return _united(text)


def _united(text: str) -> Node:
    parts = split(text, (r"\cup",))
    if len(parts) > 1:
        return Node("union", text, tuple(map(_bracketed, parts)))
    return _bracketed(text)


def _bracketed(text: str) -> Node:
    text = text.strip()
    matrix = re.fullmatch(r"\\begin\{(\w*matrix)\}(.*)\\end\{\1\}", text, re.DOTALL)
    if matrix:
        rows = [row for row in matrix[2].split(r"\\") if row.strip()]
        parts = tuple(
            Node("list", row, tuple(parsed(cell) for cell in row.split("&"))) for row in rows
        )
        return Node("matrix", text, parts, (matrix[1],))
    if text.startswith(r"\{") and text.endswith(r"\}") and _closes(text):
        inner = text[2:-2].strip()
        builder = re.fullmatch(r"[a-z] ?(?:\\in ?\\mathbb ?\{?R\}? ?)?(?::|\\mid|\|) ?(.+)", inner)
        if builder:
            return _related(builder[1])
        members = parsed(inner)
        return Node(
            "set", text, members.parts if members.kind == "list" else (members,) if inner else ()
        )
    if text[:1] in "([" and text[-1:] in ")]" and len(text) > 2 and _closes(text):
        items = split(text[1:-1], ",;")
        if len(items) > 1:
            return Node("tuple", text, tuple(map(parsed, items)), (text[0], text[-1]))
        if text[0] == "(" and text[-1] == ")":
            return parsed(text[1:-1])
    return Node("term", text)


def split(text: str, separators: str | tuple[str, ...]) -> list[str]:
    """The parts of `text` between `separators` that stand in no bracket."""
    parts, begin = [], 0
    for start, token, depth in _tokens(text):
        if depth <= 0 and token in separators:
            parts.append(text[begin:start])
            begin = start + len(token)
    return [part.strip() for part in (*parts, text[begin:])]


def relation(text: str) -> tuple[list[str], list[str]]:
    """The sides of a chain of relations, and the signs between them."""
    sides, signs, begin = [], [], 0
    for start, token, depth in _tokens(text):
        if depth <= 0 and token in _RELATIONS:
            sides.append(text[begin:start].strip())
            signs.append(token)
            begin = start + len(token)
    return [*sides, text[begin:].strip()], signs


def signed(text: str) -> list[str]:
    r"""Both values of `a \pm b`; of several signs, every combination."""
    if r"\pm" not in text or text.count(r"\pm") > 3 or r"\mp" in text:
        return [text]
    plus, minus = (re.sub(r"\\pm ?", sign, text, count=1) for sign in "+-")
    return signed(plus) + signed(minus)


def _tokens(text: str) -> list[tuple[int, str, int]]:
    """(start, token, depth): brackets are deep as what they hold. Intervals close with the other
    bracket: `[1, 2)`.
    """
    found, depth = [], 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in ("(", "[", "{", r"\{") or token.startswith(r"\begin"):
            depth += 1
        found.append((match.start(), token, depth))
        if token in (")", "]", "}", r"\}") or token.startswith(r"\end"):
            depth -= 1
    return found


def _closes(text: str) -> bool:
    """Whether the bracket that `text` begins with is closed by the one that it ends with."""
    closing = (")", "]", "}", r"\}")
    ends = [start for start, token, depth in _tokens(text) if depth == 1 and token in closing]
    return len(ends) == 1 and text.rstrip().endswith(text[ends[0] :].strip())


def depth(text: str) -> int:
    """How many brackets stand within each other at most."""
    return max((level for _, _, level in _tokens(text)), default=0)


def whole(text: str) -> bool:
    """Whether what it opens is closed; of a formula that breaks off, math-verify reads what there
    is.
    """
    plain = re.sub(r"\\[{}]", "", text)
    return plain.count("{") == plain.count("}") and text.count(r"\begin") == text.count(r"\end")
