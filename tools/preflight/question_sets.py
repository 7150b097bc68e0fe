"""Question sets by their first rows: that they are there, that the field map fits, that golds can
be read.
"""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages import questions
from stages.core import grading
from stages.core.program import params
from stages.core.program.errors import shown
from stages.core.questions import dealing
from stages.core.questions.items import Item, QuestionSet, RowFilter
from stages.core.records import Question
from tools.preflight import fetching
from tools.preflight.lines import Report, counted

FIRST = 20  # rows of each split
LOOKED = 20_000  # rows among which those of a set with `where` are looked for


def entries(section: Mapping[str, Any]) -> dict[str, QuestionSet]:
    """The sets that the params do not leave out, by name."""
    return {
        name: params.section(QuestionSet, value, f"questions.sets.{name}")
        for name, value in section["sets"].items()
        if value is not None
    }


def check(sets: Mapping[str, QuestionSet], report: Report) -> str:
    """Adds the lines of every set, and returns the longest question that was seen."""
    longest = ""
    for name, entry in sets.items():
        subject = f"questions.{name}"
        if entry.kind == "hub" and not Path(entry.dataset or "").is_dir():
            repository(entry, report, subject)
        with report.errors_of(subject, "rows"):
            wanted = RowFilter(entry.where)
            rows = [
                dealing.question(name, entry, split, item) for split, item in _first(entry, wanted)
            ]
            _golds(entry, rows, report, subject)
            _seen(entry, wanted, report, subject)
            longest = max([longest, *(row.question for row in rows)], key=len)
    return longest


def repository(entry: QuestionSet, report: Report, subject: str) -> None:
    """Adds whether the data set is there at a commit, and open to this token."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HTTPError

    repo = entry.dataset or ""
    try:
        info = HfApi().dataset_info(repo, revision=entry.revision)
        fetching.pinned(repo, entry.revision, info.sha, report, subject)
        HfApi().auth_check(repo, repo_type="dataset")
        fetching.gated(info.gated, report, subject)
    except GatedRepoError:
        fetching.closed(f"https://huggingface.co/datasets/{repo}", report, subject)
    except (OSError, ValueError, HTTPError) as error:
        fetching.unreachable(repo, error, report, subject)


def _first(entry: QuestionSet, wanted: RowFilter) -> Iterator[tuple[str, Item]]:
    """Yields (split, item) of the first rows of each split that have a gold, and reads on for what
    `wanted` lacks.
    """
    if entry.kind == "reasoning_gym":
        yield from (
            (split, item)
            for split, item in itertools.islice(questions.from_reasoning_gym(entry), FIRST)
        )
        return
    for split, name in entry.files.items():
        golden = filter(None, questions.of_split(entry, name, wanted, LOOKED))
        yield from ((split, item) for item in itertools.islice(golden, FIRST))
        while wanted.unseen and next(golden, None) is not None:
            pass


def _seen(entry: QuestionSet, wanted: RowFilter, report: Report, subject: str) -> None:
    """Adds the values of `where` that no row has: an error where all rows were looked through."""
    if not wanted.unseen:
        return
    remedy = "mend or leave out the value in conf/profile/"
    finding = f"where: none of the {wanted.looked:,} rows looked through has {wanted.listed()}"
    if wanted.looked < LOOKED:  # so every split ended
        report.error(
            subject, "where", finding.replace("rows looked through", "rows there are"), remedy
        )
    else:
        report.warning(subject, "where", finding, f"others may: look, or {remedy}")


def _golds(entry: QuestionSet, rows: list[Question], report: Report, subject: str) -> None:
    """Adds whether there are rows that the field map fits, and whether their golds can be read."""
    if not rows:
        finding = f"none of the first {LOOKED:,} rows is a question with a gold"
        report.error(subject, "rows", finding, "mend files, where, keep or fields in conf/profile/")
        return
    unread = [
        row.gold for row, fine in zip(rows, grading.readable(iter(rows)), strict=True) if not fine
    ]
    fitting, read = counted(len(rows), "row"), counted(len(rows) - len(unread), "gold")
    finding = f"field map fitted by {fitting}; grader {entry.grader} reads {read}"
    if not unread:
        report.ok(subject, "rows", f"{finding}: '{shown(rows[0].gold)}'")
        return
    finding = f"{finding}, not '{shown(unread[0])}'"
    if entry.unreadable_gold == "error":
        report.error(
            subject,
            "rows",
            finding,
            "mend gold, grader or gold_pattern, or set unreadable_gold: drop",
        )
    else:
        report.warning(
            subject,
            "rows",
            finding,
            "such questions are dropped: mend gold or grader if they are many",
        )
