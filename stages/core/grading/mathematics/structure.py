r"""What a formula is made of, from the outside in.

The kinds of parts are lists, sets, tuples and intervals, unions, relations, matrices, and terms.
Commas, relation signs and unions count only outside all brackets, so that `\sum_{k=1}^{n} k` is one
term.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["list", "set", "tuple", "union", "relation", "matrix", "term"]

# A whole `\begin{...}` or `\end{...}`, a command such as `\frac`, an escape such as `\{`, or a
# character
_TOKEN = re.compile(r"\\begin\{\w+\*?\}|\\end\{\w+\*?\}|\\[A-Za-z]+|\\.|.", re.DOTALL)
_RELATION_NAMES = (
    "le ge ne approx equiv in sim simeq cong propto mid ll gg to subset "
    "not nleq ngeq nless ngtr lesssim gtrsim notin"
)
_RELATIONS = {"=", "<", ">", ":="} | {f"\\{name}" for name in _RELATION_NAMES.split()}
# `\{-2, \pm 3\}`
_IN_BRACES = re.compile(r"\\\{.*?\\\}")
# `2 and 3`, `2, \text{ or } 3`
_AND_OR = re.compile(
    r"(?<![A-Za-z\\])(?:\\text\{ ?)?(?:,? ?\b(?:and|or)\b)(?: ?\})?(?![A-Za-z])", re.IGNORECASE
)
# `\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}`
_MATRIX = re.compile(r"\\begin\{(\w*matrix)\}(.*)\\end\{\1\}", re.DOTALL)
# Inside braces: `x \in \mathbb{R} : x > 2`, `x \mid x > 2`
_SET_BUILDER = re.compile(r"[a-z] ?(?:\\in ?\\mathbb ?\{?R\}? ?)?(?::|\\mid|\|) ?(.+)")


@dataclass(frozen=True)
class Node:
    r"""A part of a formula.

    `text` is its source, and `parts` are what it joins. `signs` are the brackets of a tuple, the
    name of a matrix, or the relations between the parts.
    """

    kind: Kind
    text: str
    parts: tuple["Node", ...] = ()
    signs: tuple[str, ...] = ()


def parsed(text: str) -> Node:
    """The structure of a simple formula (see latex.py)."""
    text = text.strip()
    items = [item for item in split(_AND_OR.sub(",", text), ",;") if item]
    if len(items) > 1:
        members = tuple(part for item in items for part in _members_of(item))
        return Node("list", text, members)
    text = items[0] if items else ""
    if r"\pm" in _IN_BRACES.sub("", text):  # each member of a set has its own signs
        both_values = signed(text)
        if len(both_values) > 1:
            return Node("list", text, tuple(map(parsed, both_values)))
    return _relation_or_union(text)


def _members_of(item: str) -> tuple[Node, ...]:
    """A member of a list; both of its values where it has two signs."""
    node = parsed(item)
    return node.parts if node.kind == "list" else (node,)


def _relation_or_union(text: str) -> Node:
    sides, signs = relation(text)
    if signs:
        return Node("relation", text, tuple(map(_union_or_bracket, sides)), tuple(signs))
    return _union_or_bracket(text)


def _union_or_bracket(text: str) -> Node:
    parts = split(text, (r"\cup",))
    if len(parts) > 1:
        return Node("union", text, tuple(map(_bracketed, parts)))
    return _bracketed(text)


def _bracketed(text: str) -> Node:
    """A matrix, a set, or what stands in brackets; anything else is a term."""
    text = text.strip()
    if matrix := _MATRIX.fullmatch(text):
        rows = tuple(_matrix_row(row) for row in matrix[2].split(r"\\") if row.strip())
        return Node("matrix", text, rows, (matrix[1],))
    if text.startswith(r"\{") and text.endswith(r"\}") and _closes(text):
        return _set(text)
    if text[:1] in "([" and text[-1:] in ")]" and len(text) > 2 and _closes(text):
        items = split(text[1:-1], ",;")
        if len(items) > 1:
            return Node("tuple", text, tuple(map(parsed, items)), (text[0], text[-1]))
        if text[0] == "(" and text[-1] == ")":
            return parsed(text[1:-1])
    return Node("term", text)


def _matrix_row(row: str) -> Node:
    return Node("list", row, tuple(map(parsed, row.split("&"))))


def _set(text: str) -> Node:
    r"""The members between `\{` and `\}`, or the relation that describes them."""
    inner = text[2:-2].strip()
    if builder := _SET_BUILDER.fullmatch(inner):
        return _relation_or_union(builder[1])
    members = parsed(inner)
    if members.kind == "list":
        return Node("set", text, members.parts)
    return Node("set", text, (members,) if inner else ())


def split(text: str, separators: str | tuple[str, ...]) -> list[str]:
    """The parts of `text` between `separators` that stand in no bracket."""
    parts: list[str] = []
    begin = 0
    for start, token, token_depth in _tokens(text):
        if token_depth <= 0 and token in separators:
            parts.append(text[begin:start])
            begin = start + len(token)
    parts.append(text[begin:])
    return [part.strip() for part in parts]


def relation(text: str) -> tuple[list[str], list[str]]:
    """The sides of a chain of relations, and the signs between them."""
    sides: list[str] = []
    signs: list[str] = []
    begin = 0
    for start, token, token_depth in _tokens(text):
        if token_depth <= 0 and token in _RELATIONS:
            sides.append(text[begin:start].strip())
            signs.append(token)
            begin = start + len(token)
    sides.append(text[begin:].strip())
    return sides, signs


def signed(text: str) -> list[str]:
    r"""Both values of `a \pm b`; of several signs, every combination."""
    if r"\pm" not in text or text.count(r"\pm") > 3 or r"\mp" in text:
        return [text]
    plus, minus = (re.sub(r"\\pm ?", sign, text, count=1) for sign in "+-")
    return signed(plus) + signed(minus)


def depth(text: str) -> int:
    """How many brackets stand within each other at most."""
    return max((token_depth for _, _, token_depth in _tokens(text)), default=0)


def is_complete(text: str) -> bool:
    """Whether everything that a formula opens is closed.

    math-verify reads what there is of a formula that breaks off, so this must be asked first.
    """
    plain = re.sub(r"\\[{}]", "", text)
    return plain.count("{") == plain.count("}") and text.count(r"\begin") == text.count(r"\end")


def _tokens(text: str) -> list[tuple[int, str, int]]:
    """(start, token, depth) of every token; a bracket is as deep as what it holds.

    Any closing bracket closes any opening one, for intervals close with the other: `[1, 2)`.
    """
    tokens: list[tuple[int, str, int]] = []
    open_brackets = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in ("(", "[", "{", r"\{") or token.startswith(r"\begin"):
            open_brackets += 1
        tokens.append((match.start(), token, open_brackets))
        if token in (")", "]", "}", r"\}") or token.startswith(r"\end"):
            open_brackets -= 1
    return tokens


def _closes(text: str) -> bool:
    """Whether the bracket that `text` begins with is closed by the one that it ends with."""
    closing = (")", "]", "}", r"\}")
    ends = [start for start, token, level in _tokens(text) if level == 1 and token in closing]
    return len(ends) == 1 and text.rstrip().endswith(text[ends[0] :].strip())
