"""Tables 6 and 6b."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.runs import Result
from stages.core.tables import WHO, Table, columns, identity, number, reasons, significant, times


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
    return Table("Table 6. Training cost.", (*WHO, *columns(heads)), rows, tuple(notes))
