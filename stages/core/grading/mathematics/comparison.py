r"""Whether two formulas that were taken apart are the same, from the outside in.

Lists and sets have no order. Tuples and intervals have an order and keep their brackets. An
equation is compared side by side, or as a multiple of the other one. Where the gold is no equation,
the value that the answer's names get is compared. Relations keep their direction and strictness.
terms.py compares what is inside.
"""

import re
from collections.abc import Sequence

from stages.core.grading.mathematics import latex, structure
from stages.core.grading.mathematics.intervals import (
    described_set,
    interval,
    is_membership,
    readings,
)
from stages.core.grading.mathematics.naming import (
    is_name,
    member_letters,
    member_values,
    names_its_value,
    names_only,
)
from stages.core.grading.mathematics.structure import Node
from stages.core.grading.mathematics.terms import STRUCTURAL, proportional, same_term

_MOST_MEMBERS = 40  # of a list: each one may be compared with all members of the other list
# `V(5, -1)`, `P = (5, -1)`
_NAMED_POINT = re.compile(r"[A-Z] ?=? ?(\(.*\))")
# `x < -5 or x > 1`; not the command `\or`
_OR = re.compile(r"(?<![A-Za-z\\])or(?![A-Za-z])")


def same_nodes(answer: Node, gold: Node) -> bool:
    """Whether an answer's formula is the gold's. Raises GaveUpError."""
    if latex.canonical(answer.text) == latex.canonical(gold.text):
        return True
    if gold.kind == "relation":
        return _same_relation(answer, gold)
    if answer.kind == "relation":
        return _gives(answer, gold)
    if gold.kind in ("list", "set"):
        return _same_collection(answer, gold)
    if gold.kind == "tuple":
        return _same_tuple(answer, gold)
    if gold.kind == "union":
        return _same_union(answer, gold)
    if answer.kind != gold.kind:
        return False
    if gold.kind == "matrix":
        return answer.signs == gold.signs and _same_items(answer.parts, gold.parts)
    return same_term(answer.text, gold.text)


def _same_collection(answer: Node, gold: Node) -> bool:
    """Whether an answer has the members of a list or a set."""
    if answer.kind not in ("list", "set"):
        return False
    # `x = 1, y = 2` is a point, and not the list 1, 2
    most_letters = 2 if len(member_letters(gold)) > 1 else 1
    if len(member_letters(answer)) > most_letters:
        return False
    return _same_members(member_values(answer), member_values(gold))


def _same_tuple(answer: Node, gold: Node) -> bool:
    """Whether an answer is a tuple, also as a named point or as the list of its coordinates."""
    if answer.kind == "list":
        return _same_coordinates(answer, gold)
    if point := _NAMED_POINT.fullmatch(answer.text.strip()):
        return same_nodes(structure.parsed(point[1]), gold)
    if answer.kind != "tuple" or answer.signs != gold.signs:
        return False
    return _same_items(answer.parts, gold.parts)


def _same_coordinates(answer: Node, gold: Node) -> bool:
    """Whether a list such as `x = 2, y = -1` is the point (2, -1)."""
    names = [part.parts[0].text.strip() for part in answer.parts if part.kind == "relation"]
    all_named = len(names) == len(answer.parts) and len(set(names)) == len(names)
    if not all_named or names != sorted(names) or gold.signs != ("(", ")"):
        return False
    return _same_items(member_values(answer), gold.parts)


def _same_union(answer: Node, gold: Node) -> bool:
    r"""Whether an answer is a union of sets, also as inequalities: `x < -5 or x \ge 1`."""
    if answer.kind == "list" and _OR.search(answer.text):
        parts = [interval(part) or part for part in answer.parts]
        return _same_members(parts, gold.parts)
    return answer.kind == "union" and _same_members(answer.parts, gold.parts)


def _same_items(answer: Sequence[Node], gold: Sequence[Node]) -> bool:
    """Whether two sequences are the same in their order. The rows of a matrix have an order too."""
    if len(answer) != len(gold):
        return False
    are_rows = all(part.kind == "list" for part in (*answer, *gold))
    pairs = zip(answer, gold, strict=True)
    if are_rows:
        return all(
            _same_items(answer_part.parts, gold_part.parts) for answer_part, gold_part in pairs
        )
    return all(same_nodes(answer_part, gold_part) for answer_part, gold_part in pairs)


def _same_members(answer: Sequence[Node], gold: Sequence[Node]) -> bool:
    """Whether two lists have the same members, each as often. Lists with dots keep their order."""
    if len(answer) != len(gold) or len(answer) > _MOST_MEMBERS:
        return False
    if any(r"\ldots" in part.text or "..." in part.text for part in gold):
        return all(
            same_nodes(answer_part, gold_part)
            for answer_part, gold_part in zip(answer, gold, strict=True)
        )
    unmatched = list(gold)
    for member in answer:
        match = next((other for other in unmatched if same_nodes(member, other)), None)
        if match is None:
            return False
        unmatched.remove(match)
    return True


def _gives(answer: Node, gold: Node) -> bool:
    r"""Whether a relation gives a gold that is none: `x = 5`, `x \in [2, 5)`, `2 \le x < 5`."""
    if answer.signs[-1] == r"\approx" and answer.parts[0].text:
        return same_nodes(_before_approximation(answer), gold) or same_nodes(answer.parts[-1], gold)
    signs = set(answer.signs)
    if signs == {r"\in"} and len(answer.parts) == 2:
        return is_name(answer.parts[0]) and same_nodes(answer.parts[1], gold)
    if signs <= {"=", r"\equiv"}:
        return _equation_gives(answer, gold)
    has_brackets_of_an_interval = gold.kind == "tuple" and (
        "[" in gold.signs or "]" in gold.signs or "infty" in gold.text
    )
    described = interval(answer)
    # (2, 5) may be a point, so no inequality gives it
    if described is None or not (gold.kind == "union" or has_brackets_of_an_interval):
        return False
    return same_nodes(described, gold)


def _before_approximation(answer: Node) -> Node:
    r"""What an approximation is made of: `5\sqrt{2}` of `5\sqrt{2} \approx 7.07`."""
    if len(answer.parts) > 2:
        return Node("relation", answer.text, answer.parts[:-1], answer.signs[:-1])
    return answer.parts[0]


def _equation_gives(answer: Node, gold: Node) -> bool:
    """Whether an equation gives the value `gold`: `x = 5`, or `5 = total` with words at its end."""
    if names_its_value(answer) and same_nodes(answer.parts[-1], gold):
        return True
    if len(answer.parts) != 2:
        return False
    right = answer.parts[1].text
    if re.search(r"\d", right) or not names_only(right):
        return False
    return same_nodes(answer.parts[0], gold)


def _same_relation(answer: Node, gold: Node) -> bool:
    """Whether an answer is the relation `gold`, or gives what it describes."""
    if set(gold.signs) == {r"\in"} and len(gold.parts) == 2:
        return same_nodes(described_set(answer), gold.parts[1])
    if set(gold.signs) <= {"="}:
        if answer.kind != "relation":
            return is_name(gold.parts[0]) and same_nodes(answer, gold.parts[-1])
        return set(answer.signs) <= {"="} and _same_equation(answer, gold)
    if answer.kind == "relation":
        for sides, signs in readings(answer):
            if signs == gold.signs and _same_items(sides, gold.parts):
                return True
        answer = described_set(answer) if is_membership(answer) else answer
    described = interval(gold)
    return described is not None and same_nodes(answer, described)


def _same_equation(answer: Node, gold: Node) -> bool:
    """Whether two equations are the same side by side, or one is a multiple of the other.

    An equation `a = b` is a multiple of another where a - b is a number times the other's a - b.
    """
    answer_sides, gold_sides = answer.parts, gold.parts
    if len(gold_sides) != 2:
        same_ends = same_nodes(answer_sides[-1], gold_sides[-1])
        return same_ends and same_nodes(answer_sides[0], gold_sides[0])
    if same_nodes(answer_sides[0], gold_sides[0]) and is_name(answer_sides[0]):
        return same_nodes(answer_sides[-1], gold_sides[1])  # two values of the same name
    if len(answer_sides) != 2:
        return False
    pairs = zip(answer_sides, gold_sides, strict=True)
    if all(same_nodes(answer_part, gold_part) for answer_part, gold_part in pairs):
        return True
    for side in (*answer_sides, *gold_sides):
        if side.kind != "term" or STRUCTURAL.search(side.text):
            return False
    return proportional(_difference(answer_sides), _difference(gold_sides))


def _difference(sides: tuple[Node, ...]) -> str:
    """What an equation of two sides says to be zero."""
    left, right = sides
    return rf"({left.text})-({right.text})"
