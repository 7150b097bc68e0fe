r"""Whether an answer's formula equals the gold's formula.

Both are brought to one spelling (latex.py), taken apart (structure.py), and compared from the
outside in (comparison.py). Three things are decided here, before any structure is looked at:

- Words are compared as words, and a number that names its base is compared digit by digit.
- A percent sign may stand in one of the two alone, with exceptions for golds between 0 and 1.
- Units of different powers make a formula wrong: square feet are no cubic feet.
"""

import re

from stages.core.grading.mathematics import latex, literal, structure
from stages.core.grading.mathematics.comparison import same_nodes
from stages.core.grading.mathematics.rationals import rational
from stages.core.grading.mathematics.structure import Node
from stages.core.grading.mathematics.terms import GaveUpError
from stages.core.grading.mathematics.terms import readable as readable_term

LONGEST = 500  # characters of a formula; the longest gold of MATH-500 has 53
DEEPEST = 12  # brackets within brackets


def math_equal(answer: str, gold: str) -> bool | None:
    """Whether two mathematical texts are equal; None where `gold` cannot be read.

    Raises GaveUpError where a text is too long or too deep, or a comparison takes too long.
    """
    if max(len(answer), len(gold)) > LONGEST:
        raise GaveUpError(f"longer than {LONGEST} characters")
    gold_words = literal.spelled(gold)
    if gold_words is not None:
        answer = answer.replace(r"\emptyset", r"\text{no solution}")
        return literal.spelled(answer, letter=True) == gold_words
    if literal.based(gold) or (literal.based(answer) and "=" not in answer):
        return literal.same_digits(answer, gold)
    answer, gold = _alike_in_percent(answer, gold)
    simple_answer, simple_gold = latex.simple(answer), latex.simple(gold)
    if max(structure.depth(simple_answer), structure.depth(simple_gold)) > DEEPEST:
        raise GaveUpError(f"more than {DEEPEST} brackets within brackets")
    if not readable(gold):
        return None
    if not same_units(answer, gold) or not structure.is_complete(simple_answer):
        return False
    return same_nodes(structure.parsed(simple_answer), structure.parsed(simple_gold))


def same_scale(answer: str, gold: str) -> bool:
    """Whether no percent sign stands in the answer alone; where the gold is no share, one may."""
    return "%" not in answer or "%" in gold or not _is_share(gold)


def same_units(answer: str, gold: str) -> bool:
    """Whether the two name no units of different powers, and not degrees beside radians."""
    if re.search(r"\\circ|degree|\u00b0", gold) and re.search(r"\brad(?:ian)?s?\b", answer):
        return False
    named_powers = {latex.unit_power(answer), latex.unit_power(gold)} - {""}
    return len(named_powers) < 2


def readable(gold: str) -> bool:
    """Whether a gold can be compared with answers."""
    if literal.spelled(gold) is not None or literal.based(gold):
        return True
    simple_gold = latex.simple(gold)
    return structure.is_complete(simple_gold) and _readable_node(structure.parsed(simple_gold))


def _readable_node(node: Node) -> bool:
    if node.kind == "term":
        return readable_term(node.text)
    return bool(node.parts) and all(map(_readable_node, node.parts))


def _alike_in_percent(answer: str, gold: str) -> tuple[str, str]:
    """The two texts without percent signs, where only one of them has such signs."""
    if ("%" in answer) == ("%" in gold):
        return answer, gold
    if _is_share(gold) and "%" in answer:  # 87.5% answers a question whose gold is 7/8
        answer = rf"\frac{{{latex.simple(_without_percent(answer))}}}{{100}}"
    # 50 answers a question whose gold is 50%
    return _without_percent(answer), _without_percent(gold)


def _without_percent(text: str) -> str:
    return text.replace("\\%", "").replace("%", "")


def _is_share(gold: str) -> bool:
    """Whether a gold is a number between 0 and 1."""
    value = rational(latex.simple(gold)) if "%" not in gold else None
    return value is not None and 0 < value < 1
