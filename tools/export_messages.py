"""Write a teacher's traces, or what a target makes of them, as jsonl in the messages form, for
other trainers.

Run: python -m tools.export_messages --profile default --teacher scripted [--target mild]
traces.jsonl
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from stages.core import paths, records
from stages.core.cells import TRUNCATED
from stages.core.imports import messages
from stages.core.paths import DataPaths
from stages.core.program import command
from stages.core.program.errors import StageError
from stages.core.program.files import replacing
from stages.core.records import Trace, Variant


def rows(
    data: DataPaths, teacher: str, target: str, student: str | None, form: str
) -> Iterator[dict[str, Any]]:
    """The rows of one target, in the order of their questions; one row group is held at a time."""
    traces = records.read(data.traces(teacher), Trace)
    about = {"teacher": teacher, "target": target}
    if target in ("raw", "answer_only"):
        for trace in traces:
            reasoning = trace.reasoning if target == "raw" else None
            counts = {
                "prompt_tokens": trace.prompt_tokens,
                "completion_tokens": trace.completion_tokens,
            }
            yield (
                messages.written(trace, reasoning, form)
                | about
                | (counts if target == "raw" else {})
            )
        return
    path = data.compressed(teacher, target)
    if target.startswith(TRUNCATED):
        if student is None:
            raise StageError(
                f"--target {target}: cut to the tokens of a student; name it with --student"
            )
        path = data.truncated(teacher, student, target.removeprefix(TRUNCATED))
    for trace, variant in messages.rewritten(traces, records.read(path, Variant)):
        yield messages.written(trace, variant.reasoning, form) | about | {"rho": variant.rho}


@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--reasoning",
    type=click.Choice(messages.FORMS),
    default=messages.TAGS,
    help="in think tags of the content, or as the field reasoning_content",
    show_default=True,
)
@command.stage("profile", "teacher", optional=("target", "student"))
def main(
    profile: str, teacher: str, target: str | None, student: str | None, reasoning: str, out: Path
) -> None:
    """Write one teacher's traces to OUT, a .jsonl file. A target other than raw is theirs as that
    target has them.
    """
    if out.suffix != ".jsonl":
        raise StageError(f"{out}: expected a name that ends with .jsonl, as its readers do")
    count = 0
    with replacing(out) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        found = rows(paths.data(profile), teacher, target or "raw", student, reasoning)
        for row in command.progress(found, "export"):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    click.echo(f"{out}: {count} rows")


if __name__ == "__main__":
    main()
