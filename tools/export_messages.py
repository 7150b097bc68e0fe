"""Write a teacher's traces as jsonl in the messages form, for other trainers.

With --target the file holds what that target makes of the traces.

Run: python -m tools.export_messages --profile default --teacher scripted [--target mild]
traces.jsonl
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from stages.core import paths, records
from stages.core.imports import messages
from stages.core.paths import DataPaths
from stages.core.program import command
from stages.core.program.errors import StageError
from stages.core.program.files import replacing
from stages.core.records import Trace, Variant


def rows(
    data: DataPaths, teacher: str, target: str, student: str | None, form: str
) -> Iterator[dict[str, Any]]:
    """Yields the rows of one target in the order of their questions, with one row group in memory.

    A target that is neither raw, answer_only nor a compressor is a shortener's. Raises StageError
    for one of those without a student.
    """
    traces = records.read(data.traces(teacher), Trace)
    origin = {"teacher": teacher, "target": target}
    if target == "raw":
        for trace in traces:
            yield messages.written(trace, trace.reasoning, form) | origin | _token_counts(trace)
        return
    if target == "answer_only":
        for trace in traces:
            yield messages.written(trace, None, form) | origin
        return
    path = _variants_path(data, teacher, target, student)
    if not path.exists():
        raise StageError(
            f"{path}: no such file; run `dvc repro` or `dvc pull {path}`. Targets that are made in "
            "assemble are in data/<profile>/sft/ alone"
        )
    # Both files are sorted by question and sample. Traces without a kept variant are left out
    for trace, variant in messages.rewritten(traces, records.read(path, Variant)):
        yield messages.written(trace, variant.reasoning, form) | origin | {"rho": variant.rho}


def _variants_path(data: DataPaths, teacher: str, target: str, student: str | None) -> Path:
    """The file of a compressor's or shortener's variants.

    Raises StageError where it is a shortener's and no student is named.
    """
    if student is not None:
        shortened_path = data.shortened(teacher, student, target)
        if shortened_path.exists():
            return shortened_path
    elif any(data.folder.glob(f"shortened/{teacher}/*/{target}.parquet")):
        raise StageError(
            f"--target {target}: shortened to the tokens of a student; name it with --student"
        )
    return data.compressed(teacher, target)


def _token_counts(trace: Trace) -> dict[str, int | None]:
    """The teacher's own counts, which are those of the raw trace alone."""
    return {
        "prompt_tokens": trace.prompt_tokens,
        "completion_tokens": trace.completion_tokens,
    }


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
    """Write one teacher's traces to OUT, a .jsonl file. A target other than raw is what that target
    makes of them.
    """
    if out.suffix != ".jsonl":
        raise StageError(f"{out}: expected a name that ends with .jsonl, as its readers do")
    count = 0
    with replacing(out) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        exported = rows(paths.data(profile), teacher, target or "raw", student, reasoning)
        for row in command.progress(exported, "export"):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    click.echo(f"{out}: {count} rows")


if __name__ == "__main__":
    main()
