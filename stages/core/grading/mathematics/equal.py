r"""Whether two formulas are the same, compared by their structure, outside in; terms.py compares
what is inside.

Lists and sets have no order, tuples and intervals do, and keep their brackets. An equation is
compared side by side or as a multiple of the other; where the gold is no equation, what the
answer's names equal is compared. Relations keep their direction and strictness. Words are compared
as words, and a number that names its base digit by digit.
"""

import re
from collections.abc import Sequence

from stages.core.grading.mathematics import latex, literal, structure
from stages.core.grading.mathematics.structure import Node
from stages.core.grading.mathematics.terms import (
    FUNCTION,
    STRUCTURAL,
    GaveUpError,
    proportional,
    rational,
    same_term,
)
from stages.core.grading.mathematics.terms import readable as readable_term
from stages.core.grading.statement import words

LONGEST, DEEPEST = (
    500,
    12,
)  # characters, and brackets within brackets; the longest gold of MATH-500 has 53
_SYMBOL = re.compile(r"[A-Za-z](?:_\{?\w+\}?)?'*|\\[a-z]+(?:_\{?\w\}?)?")
_OF_A_VARIABLE = re.compile(
    rf"{FUNCTION.pattern} ?[({{]? ?[a-z](?![a-z])"
)  # `cos x`; `\sin A` names a number
_COMPUTING = words.any_of(
    "sqrt frac cdot times div binom pi sin cos tan log ln gcd lcm max min [lr]floor [lr]ceil"
)
_ARITHMETIC = re.compile(rf"[^A-Za-z]+|[^A-Za-z]*(?:\\{_COMPUTING}(?![A-Za-z])[^A-Za-z]*)+")
_DECORATION = words.any_of(
    "angle triangle bar widehat hat vec overrightarrow mathbb mathcal lfloor rfloor"
)
# Arguments, subscripts and decorations of a name: `f(3)`, `S_{ABC}`, `\angle A`, `|AB|`
_BESIDE_A_NAME = re.compile(
    rf"(?<=[A-Za-z'}}]) ?\((?:[^()]|\([^()]*\))*\)|_\{{[^{{}}]*\}}|_\w|\\{_DECORATION}(?![A-Za-z])|[{{}}| ']"
)
_POWER_OF_AN_OBJECT = re.compile(
    r"(?<=[A-Z])\^ ?(?:\{[^{}]*\}|\w)|(?<=[a-z])\^ ?\{?-1\}?(?= ?\()"
)  # `BC^2`, `f^{-1}(3)`
_NAME = r"(?:[A-Z]{1,4}|m?[A-Z]{1,3}|[a-z]|\\[a-z]+)"  # `m\angle A` has an m
_SUM_OF_NAMES = re.compile(rf"[-+]?{_NAME}(?:[-+](?:[A-Z]{{1,2}}|[a-z]|\\[a-z]+))*")
_POINT = re.compile(r"[A-Z] ?=? ?(\(.*\))")
_OR = re.compile(r"(?<![A-Za-z\\])or(?![A-Za-z])")
_FLIPPED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", "=": "="}


def math_equal(answer: str, gold: str) -> bool | None:
    """Whether two mathematical texts are equal, None where `gold` cannot be read. Raises
    GaveUpError.
    """
    if max(len(answer), len(gold)) > LONGEST:
        raise GaveUpError(f"longer than {LONGEST} characters")
    wanted = literal.spelled(gold)
    if wanted is not None:
        return (
            literal.spelled(answer.replace(r"\emptyset", r"\text{no solution}"), letter=True)
            == wanted
        )
    if literal.based(gold) or (literal.based(answer) and "=" not in answer):
        return literal.same_digits(answer, gold)
    if ("%" in answer) != ("%" in gold):
        if _is_share(gold) and "%" in answer:
            answer = (
                rf"\frac{{{latex.simple(_without_percent(answer))}}}{{100}}"  # 87.5% answers 7/8
            )
        answer, gold = (
            _without_percent(answer),
            _without_percent(gold),
        )  # 50 answers a question whose gold is 50%
    said, meant = latex.simple(answer), latex.simple(gold)
    if max(structure.depth(said), structure.depth(meant)) > DEEPEST:
        raise GaveUpError(f"more than {DEEPEST} brackets within brackets")
    if not readable(gold):
        return None
    if not same_units(answer, gold) or not structure.whole(said):
        return False
    return _same(structure.parsed(said), structure.parsed(meant))


def same_scale(answer: str, gold: str) -> bool:
    """Whether no percent sign stands in the answer alone; where the gold is no share, one may."""
    return "%" not in answer or "%" in gold or not _is_share(gold)


def _without_percent(text: str) -> str:
    return text.replace("\\%", "").replace("%", "")


def _is_share(gold: str) -> bool:
    """Whether a gold is a number between 0 and 1."""
    value = rational(latex.simple(gold)) if "%" not in gold else None
    return value is not None and 0 < value < 1


def same_units(answer: str, gold: str) -> bool:
    """Whether neither names a unit of another power than the other: square feet are no cubic feet."""
    if re.search(r"\\circ|degree|\u00b0", gold) and re.search(r"\brad(?:ian)?s?\b", answer):
        return False
    return len({latex.unit_power(answer), latex.unit_power(gold)} - {""}) < 2


def readable(gold: str) -> bool:
    """Whether a gold can be compared with answers."""
    if literal.spelled(gold) is not None or literal.based(gold):
        return True
    simple = latex.simple(gold)
    return structure.whole(simple) and _readable(structure.parsed(simple))


def _readable(node: Node) -> bool:
    if node.kind == "term":
        return readable_term(node.text)
    return bool(node.parts) and all(map(_readable, node.parts))


def _same(said: Node, meant: Node) -> bool:
    if latex.canonical(said.text) == latex.canonical(meant.text):
        return True
    if meant.kind == "relation":
        return _same_relation(said, meant)
    if said.kind == "relation":
        return _given(said, meant)
    if meant.kind in ("list", "set"):
        if said.kind not in ("list", "set") or len(_letters(said)) > 1 + (len(_letters(meant)) > 1):
            return False  # also `x = 1, y = 2`, which is a point, for 1 and 2
        return _same_members(
            [_value(part) for part in said.parts], [_value(part) for part in meant.parts]
        )
    if meant.kind == "tuple" and said.kind == "list":  # `x = 2, y = -1` for (2, -1)
        names = [part.parts[0].text.strip() for part in said.parts if part.kind == "relation"]
        in_order = (
            len(names) == len(said.parts)
            and len(set(names)) == len(names)
            and names == sorted(names)
        )
        return (
            in_order
            and meant.signs == ("(", ")")
            and _same_items([_value(part) for part in said.parts], meant.parts)
        )
    if meant.kind == "tuple" and (point := _POINT.fullmatch(said.text.strip())):  # `V(5, -1)`
        return _same(structure.parsed(point[1]), meant)
    if (
        meant.kind == "union" and said.kind == "list" and _OR.search(said.text)
    ):  # `x < -5 or x \\ge 1`
        return _same_members([_interval(part) or part for part in said.parts], meant.parts)
    if said.kind != meant.kind:
        return False
    if meant.kind == "union":
        return _same_members(said.parts, meant.parts)
    if meant.kind in ("tuple", "matrix"):
        return said.signs == meant.signs and _same_items(said.parts, meant.parts)
    return same_term(said.text, meant.text)


def _same_items(said: Sequence[Node], meant: Sequence[Node]) -> bool:
    """Pairwise; a row of a matrix is a list that has an order."""
    if len(said) != len(meant):
        return False
    rows = all(part.kind == "list" for part in (*said, *meant))
    return all(
        _same_items(one.parts, other.parts) if rows else _same(one, other)
        for one, other in zip(said, meant, strict=True)
    )


def _same_members(said: Sequence[Node], meant: Sequence[Node]) -> bool:
    """The same members, each as often. Lists with dots keep their order."""
    if len(said) != len(meant) or len(said) > 40:
        return False
    if any(r"\ldots" in part.text or "..." in part.text for part in meant):
        return all(_same(one, other) for one, other in zip(said, meant, strict=True))
    left = list(meant)
    for member in said:
        match = next((other for other in left if _same(member, other)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _letters(node: Node) -> set[str]:
    """The letters that name the members of a list: x of `x_1 = 3, x_2 = -3`."""
    names = [
        part.parts[0].text.strip()
        for part in node.parts
        if part.kind == "relation" and set(part.signs) == {"="}
    ]
    return {name[:1] for name in names}


def _value(node: Node) -> Node:
    """What a member of a list is, without its name: 3 of `x = 3`."""
    return (
        node.parts[-1]
        if node.kind == "relation" and set(node.signs) == {"="} and _names(node)
        else node
    )


def _given(said: Node, meant: Node) -> bool:
    """Whether a relation gives the value `meant`, which is none: `x = 5`, `x \\in [2, 5)`, `2 \\le
    x < 5`.
    """
    if said.signs[-1] == r"\approx" and said.parts[0].text:  # "= 5\sqrt{2} \approx 7.07"
        exact = (
            Node("relation", said.text, said.parts[:-1], said.signs[:-1])
            if len(said.parts) > 2
            else said.parts[0]
        )
        return _same(exact, meant) or _same(said.parts[-1], meant)
    signs = set(said.signs)
    if signs == {r"\in"} and len(said.parts) == 2:
        return _is_name(said.parts[0]) and _same(said.parts[1], meant)
    if signs <= {"=", r"\equiv"}:
        value = said.parts[-1]
        if _names(said) and _same(value, meant):
            return True
        return (
            len(said.parts) == 2
            and not re.search(r"\d", said.parts[1].text)
            and _names_only(said.parts[1].text)
            and _same(said.parts[0], meant)
        )
    interval = _interval(said)
    unmistakable = meant.kind == "union" or (
        meant.kind == "tuple"
        and ("[" in meant.signs or "]" in meant.signs or "infty" in meant.text)
    )
    return interval is not None and unmistakable and _same(interval, meant)


def _names_only(text: str) -> bool:
    return re.fullmatch(r"(?:\\text\{[^{}]*\}|[A-Za-z ]+)", text.strip()) is not None


def _names(said: Node) -> bool:
    """Whether the sides before the last name it or compute it; in `2x = 10` they leave it to be
    solved.
    """
    if len(said.parts) > 2 and _SYMBOL.fullmatch(said.parts[0].text.strip()):
        return True  # `A = \\pi r^2 = 9\\pi` says what A is
    return all(_is_name(side) for side in said.parts[:-1]) or _same_chain(said.parts)


def _is_name(side: Node) -> bool:
    text = side.text
    if re.fullmatch(r"- ?[A-Za-z]", text):
        return False  # `-x = 24` is to be solved
    if side.kind == "tuple":
        return all(_SYMBOL.fullmatch(part.text.strip()) for part in side.parts)
    if words.has_text(text) or re.fullmatch(r"[A-Za-z]{3,}(?: [A-Za-z]{2,}){0,5}", text):
        return not FUNCTION.search(text)
    if _ARITHMETIC.fullmatch(text):
        return True
    if _OF_A_VARIABLE.search(text):
        return False
    if re.match(r"\\(?:sum|prod|int|lim)(?![a-z])", text) or _ARITHMETIC.fullmatch(
        re.sub(r"(?<![A-Za-z])i(?![A-Za-z])", "1", text)
    ):
        return True
    name = _BESIDE_A_NAME.sub("", FUNCTION.sub("", _POWER_OF_AN_OBJECT.sub("", text)))
    if _SUM_OF_NAMES.fullmatch(name):
        return True
    unknowns = set(re.findall(r"(?<![A-Za-z\\])[a-z]|(?<=[a-z])[a-z](?![A-Za-z])", name))
    return len(unknowns) > 1 and not re.search(r"[A-Za-z]{3}", name)  # no equation for one of them


def _same_chain(sides: Sequence[Node]) -> bool:
    """Whether all sides of an equation are equal whatever its symbols are: `x^2 - 1 = (x+1)(x-1)`."""
    return all(side.kind == "term" for side in sides) and all(
        same_term(sides[-1].text, side.text) for side in sides[:-1]
    )


def _same_relation(said: Node, meant: Node) -> bool:
    if set(meant.signs) == {r"\in"} and len(meant.parts) == 2:
        return _same(_set_of(said), meant.parts[1])
    if set(meant.signs) <= {"="}:
        if said.kind != "relation":
            return _is_name(meant.parts[0]) and _same(said, meant.parts[-1])
        return set(said.signs) <= {"="} and _same_equation(said, meant)
    if said.kind == "relation":
        if any(
            signs == meant.signs and _same_items(sides, meant.parts)
            for sides, signs in _directions(said)
        ):
            return True
        said = _set_of(said) if set(said.signs) == {r"\in"} else said
    interval = _interval(meant)
    return interval is not None and _same(said, interval)


def _set_of(said: Node) -> Node:
    if said.kind == "relation" and set(said.signs) == {r"\in"} and _is_name(said.parts[0]):
        return said.parts[1]
    return (_interval(said) or said) if said.kind == "relation" else said


def _directions(node: Node) -> list[tuple[tuple[Node, ...], tuple[str, ...]]]:
    """A relation read from the left and from the right."""
    found = [(node.parts, node.signs)]
    if all(sign in _FLIPPED for sign in node.signs):
        found.append((node.parts[::-1], tuple(_FLIPPED[sign] for sign in node.signs[::-1])))
    return found


def _interval(node: Node) -> Node | None:
    r"""The interval of one symbol's inequality: `[2, 5)` of `2 \le x < 5`."""
    for sides, signs in _directions(node):
        if not all(sign in ("<", r"\le") for sign in signs):
            continue
        at = [
            place
            for place, side in enumerate(sides)
            if _SYMBOL.fullmatch(side.text) and side.text != r"\infty"
        ]
        if len(at) != 1 or len(sides) > 3 or (len(sides) == 3 and at[0] != 1):
            continue
        low = (
            (sides[0], "[" if signs[0] == r"\le" else "(")
            if at[0] > 0
            else (Node("term", r"-\infty"), "(")
        )
        high = (
            (sides[-1], "]" if signs[-1] == r"\le" else ")")
            if at[0] < len(sides) - 1
            else (Node("term", r"\infty"), ")")
        )
        return Node(
            "tuple",
            f"{low[1]}{low[0].text},{high[0].text}{high[1]}",
            (low[0], high[0]),
            (low[1], high[1]),
        )
    return None


def _same_equation(said: Node, meant: Node) -> bool:
    """Side by side, or as wholes: what is to be zero in one is a number times what is to be zero in
    the other.
    """
    one, other = said.parts, meant.parts
    if len(other) != 2:
        return _same(one[-1], other[-1]) and _same(one[0], other[0])
    if _same(one[0], other[0]) and _is_name(one[0]):  # what the same name is
        return _same(one[-1], other[1])
    if len(one) == 2 and all(_same(left, right) for left, right in zip(one, other, strict=True)):
        return True
    if len(one) != 2 or any(
        side.kind != "term" or STRUCTURAL.search(side.text) for side in (*one, *other)
    ):
        return False
    return proportional(*(rf"({left.text})-({right.text})" for left, right in (one, other)))
