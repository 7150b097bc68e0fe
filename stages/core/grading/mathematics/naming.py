r"""What the sides of an equation are to each other: a name and its value, or to be solved.

`f(3) = 5` and `m\angle A = 40` name the value on their right. `2x = 10` and `-x = 24` do not: they
have still to be solved, so that 10 and 24 are no answers.
"""

import re
from collections.abc import Sequence

from stages.core.grading.mathematics.structure import Node
from stages.core.grading.mathematics.terms import FUNCTION, same_term
from stages.core.grading.statement import words

# `x`, `x_1`, `f'`, `\theta`
SYMBOL = re.compile(r"[A-Za-z](?:_\{?\w+\}?)?'*|\\[a-z]+(?:_\{?\w\}?)?")
# `cos x` is to be solved; `\sin A` names a number
_FUNCTION_OF_A_VARIABLE = re.compile(rf"{FUNCTION.pattern} ?[({{]? ?[a-z](?![a-z])")
_COMPUTING_COMMANDS = words.any_of(
    "sqrt frac cdot times div binom pi sin cos tan log ln gcd lcm max min [lr]floor [lr]ceil"
)
# `12 + 3`, `\frac{3}{4} \cdot 8`: a computation without any symbol
_ARITHMETIC = re.compile(
    rf"[^A-Za-z]+|[^A-Za-z]*(?:\\{_COMPUTING_COMMANDS}(?![A-Za-z])[^A-Za-z]*)+"
)
_DECORATIONS = words.any_of(
    "angle triangle bar widehat hat vec overrightarrow mathbb mathcal lfloor rfloor"
)
# What may stand beside a name without changing that it is one
_BESIDE_A_NAME = re.compile(
    r"(?<=[A-Za-z'}]) ?\((?:[^()]|\([^()]*\))*\)"  # arguments: `f(3)`
    r"|_\{[^{}]*\}|_\w"  # subscripts: `S_{ABC}`, `a_1`
    rf"|\\{_DECORATIONS}(?![A-Za-z])"  # decorations: `\angle A`
    r"|[{}| ']"  # bars: `|AB|`; primes: `A'`
)
# `BC^2`, `f^{-1}(3)`
_POWER_OF_AN_OBJECT = re.compile(
    r"(?<=[A-Z])\^ ?(?:\{[^{}]*\}|\w)|(?<=[a-z])\^ ?\{?-1\}?(?= ?\()",
)
# `ABC`, `m\angle A` without its decoration (it has an m), `x`, `\alpha`
_NAME = r"(?:[A-Z]{1,4}|m?[A-Z]{1,3}|[a-z]|\\[a-z]+)"
# `A`, `-AB`, `x+y`
_SUM_OF_NAMES = re.compile(rf"[-+]?{_NAME}(?:[-+](?:[A-Z]{{1,2}}|[a-z]|\\[a-z]+))*")
# `\text{the area}`, `the area`
_ONLY_WORDS = re.compile(r"(?:\\text\{[^{}]*\}|[A-Za-z ]+)")


def names_only(text: str) -> bool:
    """Whether a text consists of words or of names."""
    return _ONLY_WORDS.fullmatch(text.strip()) is not None


def is_equality(node: Node) -> bool:
    """Whether a node is a chain of equations, with no other relation in it."""
    return node.kind == "relation" and set(node.signs) == {"="}


def member_letters(node: Node) -> set[str]:
    """The letters that name the members of a list: x of `x_1 = 3, x_2 = -3`."""
    return {part.parts[0].text.strip()[:1] for part in node.parts if is_equality(part)}


def member_values(node: Node) -> list[Node]:
    """The members of a list, each without the name that it may have: 3 of `x = 3`."""
    return [
        part.parts[-1] if is_equality(part) and names_its_value(part) else part
        for part in node.parts
    ]


def names_its_value(relation: Node) -> bool:
    """Whether the sides before the last name it or compute it; in `2x = 10` they do not."""
    if len(relation.parts) > 2 and SYMBOL.fullmatch(relation.parts[0].text.strip()):
        return True  # `A = \\pi r^2 = 9\\pi` says what A is
    return all(is_name(side) for side in relation.parts[:-1]) or _same_chain(relation.parts)


def is_name(side: Node) -> bool:
    """Whether one side of an equation names or computes a value, and is not to be solved."""
    text = side.text
    if re.fullmatch(r"- ?[A-Za-z]", text):
        return False  # `-x = 24` is to be solved
    if side.kind == "tuple":
        return all(SYMBOL.fullmatch(part.text.strip()) for part in side.parts)
    if words.has_text(text) or re.fullmatch(r"[A-Za-z]{3,}(?: [A-Za-z]{2,}){0,5}", text):
        return not FUNCTION.search(text)
    if _ARITHMETIC.fullmatch(text):
        return True
    if _FUNCTION_OF_A_VARIABLE.search(text):
        return False
    if re.match(r"\\(?:sum|prod|int|lim)(?![a-z])", text):
        return True
    real_text = re.sub(r"(?<![A-Za-z])i(?![A-Za-z])", "1", text)  # the imaginary unit is a number
    return _ARITHMETIC.fullmatch(real_text) is not None or _is_plain_name(text)


def _is_plain_name(text: str) -> bool:
    """Whether a text is a name once arguments and decorations are gone, or has several unknowns."""
    name = _BESIDE_A_NAME.sub("", FUNCTION.sub("", _POWER_OF_AN_OBJECT.sub("", text)))
    if _SUM_OF_NAMES.fullmatch(name):
        return True
    unknowns = set(re.findall(r"(?<![A-Za-z\\])[a-z]|(?<=[a-z])[a-z](?![A-Za-z])", name))
    # With several unknowns it is no equation for one of them
    return len(unknowns) > 1 and not re.search(r"[A-Za-z]{3}", name)


def _same_chain(sides: Sequence[Node]) -> bool:
    """Whether all sides are equal whatever the symbols are: `x^2 - 1 = (x+1)(x-1)`."""
    if not all(side.kind == "term" for side in sides):
        return False
    return all(same_term(sides[-1].text, side.text) for side in sides[:-1])
