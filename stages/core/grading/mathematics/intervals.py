r"""Inequalities and memberships as the sets that they describe.

`2 \le x < 5` describes the interval `[2, 5)`, and so does `x \in [2, 5)`.
"""

from stages.core.grading.mathematics.naming import SYMBOL, is_name
from stages.core.grading.mathematics.structure import Node

# The sides of a relation, and the signs between them
Reading = tuple[tuple[Node, ...], tuple[str, ...]]
# Where an interval ends, and its bracket there
End = tuple[Node, str]

_MIRRORED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", "=": "="}


def is_membership(node: Node) -> bool:
    r"""Whether a node is a relation with no other sign than `\in`."""
    return node.kind == "relation" and set(node.signs) == {r"\in"}


def readings(node: Node) -> list[Reading]:
    """A relation as it reads from the left and, where its signs can be mirrored, from the right."""
    both = [(node.parts, node.signs)]
    if all(sign in _MIRRORED for sign in node.signs):
        mirrored_signs = tuple(_MIRRORED[sign] for sign in node.signs[::-1])
        both.append((node.parts[::-1], mirrored_signs))
    return both


def interval(node: Node) -> Node | None:
    r"""The interval that an inequality describes, `[2, 5)` of `2 \le x < 5`.

    It is None for other relations, and where no side or more than one is a symbol.
    """
    for sides, signs in readings(node):
        if not all(sign in ("<", r"\le") for sign in signs):
            continue
        symbol_index = _symbol_index(sides)
        if symbol_index is None:
            continue
        low: End = (Node("term", r"-\infty"), "(")
        if symbol_index > 0:
            low = (sides[0], "[" if signs[0] == r"\le" else "(")
        high: End = (Node("term", r"\infty"), ")")
        if symbol_index < len(sides) - 1:
            high = (sides[-1], "]" if signs[-1] == r"\le" else ")")
        return _joined(low, high)
    return None


def described_set(node: Node) -> Node:
    """The set that a membership or an inequality describes; any other node as it is."""
    if is_membership(node) and is_name(node.parts[0]):
        return node.parts[1]
    if node.kind != "relation":
        return node
    return interval(node) or node


def _symbol_index(sides: tuple[Node, ...]) -> int | None:
    """The index of the one side that is a symbol; None for no such side.

    In an inequality of three sides only the middle one may be a symbol.
    """
    indices = [
        index
        for index, side in enumerate(sides)
        if SYMBOL.fullmatch(side.text) and side.text != r"\infty"
    ]
    if len(indices) != 1 or len(sides) > 3:
        return None
    if len(sides) == 3 and indices[0] != 1:
        return None
    return indices[0]


def _joined(low: End, high: End) -> Node:
    """The interval between two ends."""
    low_node, low_bracket = low
    high_node, high_bracket = high
    text = f"{low_bracket}{low_node.text},{high_node.text}{high_bracket}"
    return Node("tuple", text, (low_node, high_node), (low_bracket, high_bracket))
