"""The study's tables, as Markdown and LaTeX, from measured runs and the data stages' metrics."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.runs import ALL, MAIN, Comparison, Result, Run, label
from stages.core.stats import Estimate

Sets = Sequence[Mapping[str, Any]]
_TEX = {character: f"\\{character}" for character in "&%$#_{}"}
_TEX |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_WHO = ("teacher", "student", "method", "seed", "target")


@dataclass(frozen=True)
class Table:
    """Cells as text; `notes` are lines below the table."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()


def number(value: float | None, digits: int = 0) -> str:
    """A number with thousands separated, "-" for None."""
    return "-" if value is None else f"{value:,.{digits}f}"


def significant(value: float | None, digits: int = 3) -> str:
    """A number to `digits` significant digits, without an exponent."""
    if value is None or value == 0:
        return number(value)
    return number(value, min(6, max(0, digits - 1 - int(f"{value:e}".split("e")[1]))))


def interval(one: Estimate, digits: int = 1, sign: str = "") -> str:
    """`62.5 [55.2, 69.8]`, or as much of it as there is."""
    if one.value is None:
        return "-"
    form = f"{sign}z.{digits}f"  # z: a difference that rounds to nothing is +0.0, never -0.0
    if one.low is None or one.high is None:
        return format(one.value, form)
    return f"{one.value:{form}} [{one.low:{form}}, {one.high:{form}}]"


def percent(one: Estimate, sign: str = "") -> str:
    """A fraction's estimate in per cent."""
    return interval(one.scaled(100), 1, sign)


def share(value: float | None) -> str:
    """A fraction in per cent, without an interval."""
    return "-" if value is None else number(100 * value, 1)


def _p(value: float | None) -> str:
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _left(table: Table) -> list[bool]:
    """Whether each column holds text, and so is aligned left."""
    return [any(row[place][:1].isalpha() for row in table.rows) for place in range(len(table.columns))]


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (table.columns, *table.rows)]
    cells.insert(1, [":---" if left else "---:" for left in _left(table)])
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([f"**{table.title}**", "", *lines, *(f"\n{note}" for note in table.notes)]) + "\n"


def latex(table: Table) -> str:
    """The table as a plain LaTeX `table`, for `\\input`."""
    body = [" & ".join(_escaped(cell) for cell in row) + r" \\" for row in table.rows]
    heads = " & ".join(_escaped(cell) for cell in table.columns) + r" \\"
    kinds = "".join("l" if left else "r" for left in _left(table))
    notes = [f"\\par\\footnotesize {_escaped(note)}" for note in table.notes]
    opening = [r"\begin{table}", r"\centering", f"\\caption{{{_escaped(table.title)}}}"]
    lines = [*opening, f"\\begin{{tabular}}{{{kinds}}}", r"\hline", heads, r"\hline", *body, r"\hline"]
    return "\n".join([*lines, r"\end{tabular}", *notes, r"\end{table}"]) + "\n"


def _escaped(text: str) -> str:
    text = "".join(_TEX.get(character, character) for character in text)
    text = re.sub(r"(?<![\w.])-(?=\d)", "$-$", text)  # a minus, not a hyphen
    return text.replace("<", "$<$").replace(">", "$>$")


def _columns(heads: str) -> tuple[str, ...]:
    return tuple(heads.split(", "))


def datasets(sets: Sets) -> Table:
    """Table 1: the data sets."""
    kinds, counts = "source, group, kind, grader", "train, validation, test, near_test"
    rows = [(*(str(one[name]) for name in _columns(kinds)), *_numbers(one, counts)) for one in sets]
    title = "Table 1. Data sets: questions by split; near test: training questions found to be nearly a test question."
    return Table(title, _columns(f"{kinds}, {counts}".replace("_", " ")), rows)


def _numbers(values: Mapping[str, Any], names: str, digits: int = 0) -> tuple[str, ...]:
    return tuple(number(values[name], digits) for name in _columns(names))


def traces(verified: Sequence[Mapping[str, Any]]) -> Table:
    """Table 2: what the teachers got right."""
    rows = [
        (
            *(
                found["teacher"],
                one["source"],
                *_numbers(one, "questions, attempts, correct"),
                share(one["accuracy"]),
            ),
            *_numbers(one, "questions_kept, traces_kept, mean_chars"),
        )
        for found in verified
        for one in found["sets"]
    ]
    heads = "teacher, source, questions, attempts, correct, accuracy %, questions kept, traces kept, chars"
    title = "Table 2. Trace generation: accuracy of first attempts, and the kept traces' mean characters (chars)."
    return Table(title, _columns(heads), rows)


def selection(verified: Sequence[Mapping[str, Any]]) -> Table:
    """Table 2b: what a second grader says, and which questions' traces are kept."""
    rows = [
        (
            *(found["teacher"], one["source"], share(one["accuracy"]), share(one["accuracy_second_grader"])),
            *(share(one["disagreement_rate"]), share(one["questions_kept"] / one["questions"])),
            *(
                _difference(one["selection"][name])
                for name in ("question_chars", "difficulty", "first_reasoning_chars")
            ),
        )
        for found in verified
        for one in found["sets"]
    ]
    heads = (
        "teacher, source, accuracy %, by second grader %, graders disagree %, questions kept %, "
        "kept - left out: question chars, difficulty, reasoning chars"
    )
    title = (
        "Table 2b. Grading and selection: accuracy of first attempts by both graders, their disagreement over all "
        "attempts, and by how much the kept questions differ from those left out: in characters, in difficulty as "
        "their set gives it, and in the characters of the teacher's first reasoning (95% intervals, Welch's t)."
    )
    return Table(title, _columns(heads), rows)


def _difference(found: Mapping[str, float | None] | None) -> str:
    return interval(Estimate(found["difference"], found["low"], found["high"]), 1, "+") if found else "-"


def compression(found: Sequence[Mapping[str, Any]]) -> Table:
    """Table 3: how much the compressors removed."""
    rows = [
        (
            *(arm["teacher"], arm["compressor"], one["source"], *_numbers(one, "traces, kept")),
            *_numbers(one, "rho_mean, rho_median, rho_q1, rho_q3", 3),
            *(number(one["mean_chars"]), reasons(one["dropped"])),
        )
        for arm in found
        for one in arm["sets"]
    ]
    heads = "teacher, compressor, source, traces, kept, rho mean, median, q1, q3, mean chars, dropped"
    title = "Table 3. Compression: rho = compressed / raw characters of a trace's reasoning."
    return Table(title, _columns(heads), rows)


def reasons(dropped: Mapping[str, int]) -> str:
    """Counts by reason in one cell."""
    return ", ".join(f"{name} {count}" for name, count in sorted(dropped.items()) if count) or "none"


def identity(run: Run) -> tuple[str, ...]:
    """A run's cells: what was trained on what."""
    return tuple(part or "-" for part in (run.teacher, run.student, run.method, run.seed, label(run.target)))


def accuracy(results: Sequence[Result], confidence: float) -> Table:
    """Table 4: every run's accuracy, over all questions and by group."""
    groups = [group for group, source in results[0].scopes if source == ALL]
    sampled = any(one.whole.sampled.value is not None for one in results)
    rows = [
        (
            *(*identity(one.run), *(percent(one.scopes[group, ALL].accuracy) for group in groups)),
            *([percent(one.whole.sampled)] if sampled else []),
            *(percent(one.whole.difference, "+"), _p(one.whole.p), number(one.whole.quartiles[1])),
            *(share(one.whole.hit_cap), share(one.whole.no_answer)),
        )
        for one in results
    ]
    scores = [f"{group} %" for group in groups] + (["sampled %"] if sampled else [])
    heads = (*_WHO, *scores, *_columns("less raw (points), McNemar p, median tokens, hit cap %, no answer %"))
    note = (
        f"Greedy answers; differences from raw, tokens and outcomes on {results[0].whole.questions} "
        f"{_main(results)}questions; in brackets the {100 * confidence:g} % "
        "interval of a bootstrap over questions, which has no width where every answer, or none, is right."
    )
    return Table("Table 4. Accuracy of every run.", heads, rows, (note,))


def _main(results: Sequence[Result]) -> str:
    """Which questions `whole` is about, as an adjective."""
    return "in-distribution " if (MAIN, ALL) in results[0].scopes else ""


def costs(results: Sequence[Result], assembled: Sequence[Mapping[str, Any]]) -> Table:
    """Table 6: training tokens and time."""
    known = [(one.run, one.cost) for one in results if one.cost]
    rows = [
        (
            *(*identity(run), number(cost.examples), number(cost.tokens), significant(cost.relative_tokens)),
            *(significant(cost.seconds), significant(cost.relative_seconds, 2), times(cost.relative_seconds, 2)),
        )
        for run, cost in known
    ]
    notes = [
        f"{one['teacher']}, {one['student']}: {one['examples']} examples from {one['questions']} questions; "
        f"dropped from all targets together: {reasons(one['dropped'])}."
        for one in assembled
    ]
    notes += [f"{run.name}: no ratio of seconds: {cost.why}." for run, cost in known if cost.why]
    heads = "examples, completion tokens, tokens / raw, step seconds, seconds / raw, times faster"
    return Table("Table 6. Training cost.", (*_WHO, *_columns(heads)), rows, tuple(notes))


def times(fraction: float | None, digits: int = 3) -> str:
    """How many times less a fraction is: `4.00x` for 0.25."""
    return f"{significant(1 / fraction, digits)}x" if fraction else "-"


def truncation(comparisons: Sequence[Comparison]) -> Table:
    """Table 7: compression against truncation."""
    rows = [
        (
            *(*identity(one.run), percent(one.compressed.accuracy), percent(one.truncated.accuracy)),
            *(percent(one.compressed.difference, "+"), _p(one.compressed.p)),
            *(number(one.tokens, 1), number(one.budget, 1)),
        )
        for one in comparisons
    ]
    heads = "compressor, compressed %, truncated %, difference (points), McNemar p, mean tokens, mean budget"
    title = "Table 7. Compressed traces against raw traces cut to the same token budget."
    notes = () if rows else ("No target of this grid is truncated to a compressor that it has.",)
    return Table(title, (*_WHO[:4], *_columns(heads)), rows, notes)


def retention(results: Sequence[Result]) -> Table:
    """Table 8: what is kept of raw's accuracy, and at which length."""
    rows = [
        (
            *(*identity(one.run), percent(one.whole.retention), interval(one.whole.output, 3)),
            *(times(one.whole.output.value), interval(one.whole.efficiency, 2)),
        )
        for one in results
        if one.cost
    ]
    heads = (*_WHO, *_columns("retention %, output tokens / raw, times shorter, efficiency / raw"))
    notes = ("Retention is accuracy / raw accuracy; efficiency is accuracy per generated token.",)
    return Table("Table 8. Retention and per-token efficiency, relative to raw.", heads, rows, notes)


def headline(results: Sequence[Result], confidence: float) -> Table:
    """The README's table, for the runs of one teacher, student and seed, and the untrained student."""
    others = [group for group, source in results[0].scopes if source == ALL and group not in (ALL, MAIN)]
    rows = [
        (
            *(one.run.method or "-", label(one.run.target), percent(one.whole.accuracy)),
            *(percent(one.scopes[group, ALL].accuracy) for group in others),
            *(percent(one.whole.retention), interval(one.whole.tokens, 0), interval(one.whole.efficiency, 2)),
            *(significant(value, digits) for value, digits in zip(one.spent, (3, 2), strict=True)),
        )
        for one in results
    ]
    heads = (
        *("method", "target", "accuracy %", *(f"{group} %" for group in others), "retention %", "output tokens"),
        *_columns("efficiency / raw, training tokens / raw, training seconds / raw"),
    )
    run, asked = results[0].run, results[0].whole.questions
    title = f"{run.student} taught by {run.teacher}, seed {run.seed}"
    where = f"{asked} {_main(results)}questions"
    further = "".join(f"; {group} on {results[0].scopes[group, ALL].questions}" for group in others)
    note = f"Accuracy, retention, output and efficiency on {where}{further}; {100 * confidence:g} % intervals."
    return Table(title, heads, rows, (note,))
