"""A scripted teacher: it solves arithmetic questions in the long-winded way of a reasoning model.

It stands in for a teacher model where there is none. It reads the question's text, works it out
step by step, and writes the steps with the habits that make reasoning traces long: it restates the
task, talks to itself, corrects false starts, and checks results. At a seeded rate a step goes wrong
unnoticed. Then the final answer is wrong, and `verify` has something to reject.
"""

import functools
import hashlib
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stages.core.asking.engines import phrases
from stages.core.asking.engines.interface import Model, Output, Request
from stages.core.program.errors import StageError


@dataclass(frozen=True)
class ScriptedSettings:
    """Rates per sample (wrong_rate, false_start_rate per step, check_rate), each in [0, 1]."""

    wrong_rate: float
    false_start_rate: float
    check_rate: float
    renders = True  # it reads the question itself

    def __post_init__(self) -> None:
        for name, rate in vars(self).items():
            if not 0 <= rate <= 1:
                raise StageError(f"{name} is {rate}, expected a rate between 0 and 1")

    def shape(self) -> dict[str, Any]:
        """What shapes an answer: the rates, and the script itself."""
        return asdict(self) | {"script": _version()}


@functools.cache
def _version() -> str:
    """A hash of the code that writes, so that no stored answer outlives a change of it."""
    files = (Path(__file__), Path(phrases.__file__))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


@dataclass(frozen=True)
class Step:
    """One line of working: `left` = `value`, with an equation that confirms it."""

    left: str  # "12 + 40"
    value: int  # 52
    check: str  # "52 - 40 = 12"


@dataclass(frozen=True)
class Worked:
    """A solved question: the task, the steps in order, the unknown's name and its value."""

    task: str
    steps: tuple[Step, ...]
    unknown: str
    answer: int


class _Arithmetic:
    """Does the sums of one attempt; at most one of them, number `slip_at`, comes out wrong."""

    def __init__(self, rng: random.Random, slip_at: int | None) -> None:
        self.rng, self.slip_at, self.done = rng, slip_at, 0

    def __call__(self, left: str, value: int, check: Callable[[int], str]) -> Step:
        if self.done == self.slip_at:
            value += self.rng.choice((-10, -2, -1, 1, 2, 10))
        self.done += 1
        return Step(left, value, check(value))


def _apply(a: int, op: str, b: int) -> int:
    return {"+": a + b, "-": a - b, "*": a * b}[op]


def _undo(op: str, b: int, a: int) -> Callable[[int], str]:
    """The inverse sum that confirms `a op b = value`."""
    if op == "+":
        return lambda value: f"{value} - {b} = {value - b}"
    if op == "-":
        return lambda value: f"{value} + {b} = {value + b}"
    return lambda value: f"{b} * {a} = {value}"


def _steps(a: int, op: str, b: int, sums: _Arithmetic) -> list[Step]:
    """The steps for `a op b`: one, but three for a product that is not in the times table."""
    low, high = sorted((a, b))
    if op != "*" or high < 10 or low > 9 or high % 10 == 0:
        return [sums(f"{a} {op} {b}", _apply(a, op, b), _undo(op, b, a))]
    tens, units = (
        sums(f"{part} * {low}", part * low, _undo("*", low, part))
        for part in (high - high % 10, high % 10)
    )
    sum_of_parts = f"{a} * {b} = {tens.value} + {units.value}"
    total = sums(sum_of_parts, tens.value + units.value, _undo("+", units.value, tens.value))
    return [tens, units, total]


def _chain(expression: str, sums: _Arithmetic) -> Worked:
    """Left to right through a chain of + and - or a chain of *, as in `12 + 40 - 7`."""
    head, *rest = re.findall(r"-?\d+|[+*-]", expression.replace("- -", "+ "))
    value, steps = int(head), list[Step]()
    for op, number in zip(rest[::2], rest[1::2], strict=True):
        steps += _steps(value, op, int(number), sums)
        value = steps[-1].value
    return Worked(expression, tuple(steps), "the result", value)


def _equation(text: str, sums: _Arithmetic) -> Worked | None:
    """A linear equation in one letter, as in `7 - 12*h = -125`: collect the constant, then divide.

    None where it has several letters or no whole solution.
    """
    left, right = text.split(" = ")
    terms = re.findall(r"([+-]?)\s*(\d+)?\*?([a-z])?(?=\s|$)", left)
    names = {letter for _, _, letter in terms if letter}
    coefficient = constant = 0
    for sign, number, letter in terms:
        amount = int(number or bool(letter)) * (-1 if sign == "-" else 1)
        coefficient, constant = (
            (coefficient + amount, constant) if letter else (coefficient, constant + amount)
        )
    if len(names) != 1 or not coefficient or (int(right) - constant) % coefficient:
        return None
    value, steps = int(right), []
    if constant:
        op, b = ("-", constant) if constant > 0 else ("+", -constant)
        steps.append(sums(f"{value} {op} {b}", _apply(value, op, b), _undo(op, b, value)))
        value = steps[-1].value
    if coefficient != 1:
        quotient = value // coefficient
        steps.append(
            sums(
                f"{value} / {coefficient}",
                quotient,
                lambda v: f"{coefficient} * {v} = {coefficient * v}",
            )
        )
    return Worked(text, tuple(steps), names.pop(), steps[-1].value if steps else value)


# A chain is complete: no part of a longer expression comes before or after it
_BEGIN, _END = r"(?<![\d.(*/+-])(?<![*/+-] )", r"(?: =|\.(?!\d)|$)"
_TERM = r"(?:(?:\d+\*)?[a-z]|\d+)"
# An equation ends the question, as in "Solve for h: 7 - 12*h = -125"
_READERS: tuple[tuple[re.Pattern[str], Callable[[str, _Arithmetic], Worked | None]], ...] = (
    (re.compile(rf"(?:^|: )((?=.*[a-z])-?{_TERM}(?: [+-] {_TERM})* = -?\d+)$"), _equation),
    (re.compile(rf"{_BEGIN}(-?\d+(?: [+-] -?\d+)+){_END}"), _chain),
    (re.compile(rf"{_BEGIN}(-?\d+(?: \* -?\d+)+){_END}"), _chain),
)


def solve(question: str, rng: random.Random, wrong_rate: float) -> Worked:
    """Read and solve `question`; with probability `wrong_rate` one step is wrong.

    Raises StageError for a question that no reader understands.
    """
    for pattern, read in _READERS:
        match = pattern.search(question.strip())
        worked = read(match[1], _Arithmetic(rng, None)) if match else None
        if match and worked:
            steps = len(worked.steps)
            slip_at = rng.randrange(steps) if steps and rng.random() < wrong_rate else None
            return read(match[1], _Arithmetic(rng, slip_at)) or worked
    raise StageError(
        f"scripted teacher: cannot read question {question[:80]!r}; it solves chains of + and -, "
        "products and linear equations: use another engine for this question set"
    )


def write(question: str, teacher: ScriptedSettings, seed: int) -> tuple[str, str]:
    """One attempt at `question`: (reasoning, answer), the same for the same arguments."""
    rng = random.Random(seed)
    worked = solve(question, rng, teacher.wrong_rate)
    lines = [rng.choice(phrases.OPEN).format(task=worked.task, steps=max(1, len(worked.steps)))]
    for number, step in enumerate(worked.steps):
        lines.extend(_tell(step, number, rng, teacher))
    if worked.steps and rng.random() < teacher.check_rate:
        last = worked.steps[-1]
        lines.append(rng.choice(phrases.CHECK).format(check=last.check))
    lines.append(rng.choice(phrases.CLOSE).format(name=worked.unknown, value=worked.answer))
    return "\n".join(lines), f"The answer is {worked.answer}."


def _tell(step: Step, number: int, rng: random.Random, teacher: ScriptedSettings) -> list[str]:
    """The sentences for one step: an announcement, perhaps a false start, the sum."""
    lines = []
    if rng.random() < teacher.false_start_rate:
        wrong = step.value + rng.choice((-10, -1, 1, 10))
        lines.append(rng.choice(phrases.FALSE_START).format(left=step.left, value=wrong))
    lead = rng.choice(phrases.FIRST if number == 0 else phrases.NEXT)
    lines.append(f"{lead} {step.left} = {step.value}.")
    return lines


class ScriptedEngine:
    """The teacher behind the interface of all engines; token counts are unknown, because it has no
    tokens.
    """

    def __init__(self, model: Model, settings: ScriptedSettings) -> None:
        self.settings = settings

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output) in the order of the requests; their sampling means nothing to a
        script.
        """
        for request in requests:
            reasoning, answer = write(str(request.prompt), self.settings, request.seed)
            yield request, Output(answer, "stop", reasoning=reasoning)
