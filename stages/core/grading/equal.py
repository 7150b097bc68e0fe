"""Mathematical equality by math-verify, which reads LaTeX and plain expressions."""

import functools
from typing import Any

# Parsing and comparing are cut off after this many seconds each; math-verify uses a signal for it.
SECONDS = 5


@functools.cache
def _verify() -> tuple[Any, Any]:
    """math-verify's parse and verify, imported late: sympy takes a second that other graders need not wait."""
    import math_verify

    return math_verify.parse, math_verify.verify


def _parse(text: str) -> list[Any]:
    # A bare `\dfrac97` or `\text{Evelyn}` parses to nothing, so everything is put in a box first.
    parsed: list[Any] = _verify()[0](f"$\\boxed{{{text}}}$", parsing_timeout=SECONDS)
    return parsed


def math_equal(answer: str, gold: str) -> bool | None:
    """Whether two mathematical texts are equal, None where `gold` cannot be read."""
    if ("%" in answer) != ("%" in gold):  # 50 answers a question whose gold is 50%
        answer, gold = (text.replace("\\%", "").replace("%", "") for text in (answer, gold))
    wanted = _parse(gold.strip().strip("$"))
    if not wanted:
        return None
    found = _parse(answer.strip().strip("$"))
    return bool(_verify()[1](wanted, found, timeout_seconds=SECONDS))
