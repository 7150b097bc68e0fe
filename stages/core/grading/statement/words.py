"""Words as patterns, units and scales, and the text within LaTeX."""

import re


def any_of(*patterns: str) -> str:
    """A pattern for any of the words in `patterns`.

    Spaces separate the words; `_` in a word stands for a space.
    """
    words = " ".join(patterns).split()
    return f"(?:{'|'.join(word.replace('_', ' ') for word in words)})"


UNITS = (
    "cm mm km dm nm kgs? mg ml cl dl ft in inch inches foot feet yards? yd miles? mi meters? "
    "metres? centimet(?:er|re)s? millimet(?:er|re)s? kilomet(?:er|re)s? square cubic sq cu units? "
    "degrees? deg radians? rad dollars? cents? usd eur gbp euros? pounds? lbs? ounces? oz grams? "
    "kilograms? tons? lit(?:er|re)s? gallons? hours? hrs? minutes? mins? seconds? secs? days? "
    "weeks? months? years? mph kph kmh per mol joules? newtons? watts? volts? amps? ohms? k?hz mhz"
)
UNIT = any_of(UNITS)
SCALES = {
    **dict.fromkeys(("hundred", "hundreds"), 100),
    **dict.fromkeys(("thousand", "thousands", "k"), 1000),
    **dict.fromkeys(("million", "millions", "mn"), 10**6),
    **dict.fromkeys(("billion", "billions", "bn"), 10**9),
    **dict.fromkeys(("trillion", "trillions"), 10**12),
    **dict.fromkeys(("dozen", "dozens"), 12),
}

_STYLES = any_of(
    "text mbox mathrm textbf textrm textit textsf mathbf mathit mathsf bm boldsymbol "
    "operatorname emph underline"
)
# `\text{even}`, `\mathrm {cm}`
_STYLED = re.compile(rf"\\{_STYLES} ?\{{([^{{}}]{{0,400}})\}}")


def has_text(formula: str) -> bool:
    r"""Whether \text{} or the like stands in a formula."""
    return _STYLED.search(formula) is not None


def without_text(formula: str, space: str = " ") -> str:
    r"""A formula with what \text{} and the like hold in their place, `space` around it.

    They are replaced two levels deep.
    """
    for _ in range(2):
        formula = _STYLED.sub(rf"{space}\1{space}", formula)
    return formula
