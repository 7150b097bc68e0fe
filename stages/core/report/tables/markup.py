"""What every table is made of: numbers as text, a run's own columns, and the markup: Markdown and
LaTeX.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stages.core.cells import Cell, label
from stages.core.report.results import Result
from stages.core.statistics.measures import Estimate

_TEX = {character: f"\\{character}" for character in "&%$#_{}"}
_TEX |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
WHO = ("teacher", "student", "method", "seed", "target")


@dataclass(frozen=True)
class Table:
    """Cells as text; `notes` are lines below the table."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()

    @property
    def text_columns(self) -> list[bool]:
        """Whether each column holds text, and so is aligned left."""
        return [
            any(row[index][:1].isalpha() for row in self.rows)
            for index in range(len(self.headings))
        ]


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands separated, "-" for None."""
    return "-" if value is None else f"{value:,.{digits}f}"


def significant(value: float | None, digits: int = 3) -> str:
    """A number to `digits` significant digits, without an exponent."""
    if value is None or value == 0:
        return number(value)
    return number(value, min(6, max(0, digits - 1 - int(f"{value:e}".split("e")[1]))))


def interval(one: Estimate, digits: int = 1, sign: str = "") -> str:
    """`62.5 [55.2, 69.8]`, `62.5 [55.2, -]` without an upper end, or as much of it as there is."""
    if one.value is None:
        return "-"
    form = f"{sign}z.{digits}f"  # z: a difference that rounds to nothing is +0.0, never -0.0
    if one.low is None:
        return format(one.value, form)
    high = "-" if one.high is None else format(one.high, form)
    return f"{one.value:{form}} [{one.low:{form}}, {high}]"


def percent(one: Estimate, sign: str = "") -> str:
    """A fraction's estimate in per cent."""
    return interval(one.scaled(100), 1, sign)


def share(value: float | None) -> str:
    """A fraction in per cent, without an interval."""
    return "-" if value is None else number(100 * value, 1)


def p_value(value: float | None) -> str:
    """A p to three digits."""
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def noted(table: Table, note: str) -> Table:
    """The table with one more note below it, if that says something."""
    return dataclasses.replace(table, notes=(*table.notes, note)) if note else table


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (table.headings, *table.rows)]
    cells.insert(1, [":---" if text else "---:" for text in table.text_columns])
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return (
        "\n".join([f"**{table.title}**", "", *lines, *(f"\n{note}" for note in table.notes)]) + "\n"
    )


def latex(table: Table) -> str:
    """The table as a plain LaTeX `table`, for `\\input`."""
    body = [" & ".join(_escaped(cell) for cell in row) + r" \\" for row in table.rows]
    heads = " & ".join(_escaped(cell) for cell in table.headings) + r" \\"
    kinds = "".join("l" if text else "r" for text in table.text_columns)
    notes = [f"\\par\\footnotesize {_escaped(note)}" for note in table.notes]
    opening = [r"\begin{table}", r"\centering", f"\\caption{{{_escaped(table.title)}}}"]
    lines = [
        *opening,
        f"\\begin{{tabular}}{{{kinds}}}",
        r"\hline",
        heads,
        r"\hline",
        *body,
        r"\hline",
    ]
    return "\n".join([*lines, r"\end{tabular}", *notes, r"\end{table}"]) + "\n"


def _escaped(text: str) -> str:
    text = "".join(_TEX.get(character, character) for character in text)
    text = re.sub(r"(?<![\w.])-(?=\d)", "$-$", text)  # a minus, not a hyphen
    return text.replace("<", "$<$").replace(">", "$>$")


def files(made: Mapping[str, Table]) -> dict[str, bytes]:
    """Every table in both markups, by file name."""
    texts = {f"{name}.md": markdown(table) for name, table in made.items()}
    texts |= {f"{name}.tex": latex(table) for name, table in made.items()}
    return {name: text.encode() for name, text in texts.items()}


def columns(heads: str) -> tuple[str, ...]:
    """Heads that stand in one text."""
    return tuple(heads.split(", "))


def reasons(dropped: Mapping[str, int]) -> str:
    """Counts by reason in one cell."""
    return (
        ", ".join(f"{name} {count}" for name, count in sorted(dropped.items()) if count) or "none"
    )


def times(fraction: float | None, digits: int = 3) -> str:
    """How many times less a fraction is: `4.00x` for 0.25."""
    return f"{significant(1 / fraction, digits)}x" if fraction else "-"


def identity(run: Cell, seeds: Sequence[str] = ()) -> tuple[str, ...]:
    """A run's cells: what was trained on what; `seeds` are those of an arm that has several."""
    seed = run.seed or " ".join(seeds)
    return tuple(
        part or "-" for part in (run.teacher, run.student, run.method, seed, label(run.target))
    )


def called(run: Cell) -> str:
    """A run's or arm's name in a note."""
    return "-".join(
        part for part in (run.teacher, run.target, run.student, run.method, run.seed) if part
    )


def refusals(results: Sequence[Result]) -> list[str]:
    """A note for each run whose seconds are not divided by raw's."""
    return [
        f"{called(one.cell)}: no ratio of seconds: {one.cost.seconds_note}."
        for one in results
        if one.cost and one.cost.seconds_note
    ]


def every_seed(results: Sequence[Result]) -> list[str]:
    """The seeds that arms are pooled from."""
    return sorted({seed for one in results for seed in one.seeds})


def lacking(results: Sequence[Result]) -> list[str]:
    """A note for each reason why arms have no ratio to raw, and one for each arm that lacks seeds
    of others.
    """
    without: dict[str, list[str]] = {}
    for one in results:
        if one.main.no_ratio_reason and one.cell.target != "raw":
            without.setdefault(one.main.no_ratio_reason.format("raw"), []).append(called(one.cell))
    fewer = [one for one in results if one.seeds and len(one.seeds) < len(every_seed(results))]
    return [
        *(f"No ratio where {why}: {', '.join(names)}." for why, names in without.items()),
        *(f"{called(one.cell)} has only seed {' and '.join(one.seeds)} so far." for one in fewer),
        *(["Arms are compared over the seeds that both have."] if fewer else []),
    ]
