"""Check question sets by their first rows.

They must exist, the field map must fit them, and their golds must be readable.
"""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.core.grading import readability
from stages.core.program import params
from stages.core.program.errors import shown
from stages.core.questions import dealing, loading
from stages.core.questions.items import Item, QuestionSet, RowFilter
from stages.core.records import Question
from tools.preflight import fetching
from tools.preflight.lines import Report, counted

FIRST = 20  # rows of each split
MOST_SEARCHED = 20_000  # rows of a set with `where`, in which its values are searched


def entries(section: Mapping[str, Any]) -> dict[str, QuestionSet]:
    """The sets that the params do not leave out, by name."""
    question_sets = {}
    for set_name, value in section["sets"].items():
        if value is not None:
            question_sets[set_name] = params.section(
                QuestionSet, value, f"questions.sets.{set_name}"
            )
    return question_sets


def check(sets: Mapping[str, QuestionSet], report: Report) -> str:
    """Adds the lines of every set, and returns the longest question that was read."""
    longest_question = ""
    for set_name, entry in sets.items():
        subject = f"questions.{set_name}"
        if entry.kind == "hub" and not Path(entry.dataset or "").is_dir():
            repository(entry, report, subject)
        with report.errors_of(subject, "rows"):
            row_filter = RowFilter(entry.where)
            questions = []
            for split, item in _first_items(entry, row_filter):
                questions.append(dealing.question(set_name, entry, split, item))
            _check_golds(entry, questions, report, subject)
            _check_where(row_filter, report, subject)
            for question in questions:
                longest_question = max(longest_question, question.question, key=len)
    return longest_question


def repository(entry: QuestionSet, report: Report, subject: str) -> None:
    """Adds whether a data set of the hub exists, is named at a commit, and is open to us."""
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


def _first_items(entry: QuestionSet, row_filter: RowFilter) -> Iterator[tuple[str, Item]]:
    """Yields (split, item) of the first rows with a gold in each split.

    After those it reads on until `row_filter` has met every value of the set's `where`.
    """
    if entry.kind == "reasoning_gym":
        yield from itertools.islice(loading.from_reasoning_gym(entry), FIRST)
        return
    for split, name in entry.files.items():
        items = filter(None, loading.of_split(entry, name, row_filter, MOST_SEARCHED))
        for item in itertools.islice(items, FIRST):
            yield split, item
        # Reading a row tells `row_filter` the row's values
        while row_filter.unseen and next(items, None) is not None:
            pass


def _check_where(row_filter: RowFilter, report: Report, subject: str) -> None:
    """Adds the values of `where` that no row has.

    It is an error where every row was read, and a warning where the reading stopped before the end.
    """
    if not row_filter.unseen:
        return
    remedy = "mend or leave out the value in conf/profile/"
    finding = (
        f"where: none of the {row_filter.looked:,} rows looked through has {row_filter.listed()}"
    )
    if row_filter.looked < MOST_SEARCHED:  # so every split ended
        report.error(
            subject, "where", finding.replace("rows looked through", "rows there are"), remedy
        )
    else:
        report.warning(subject, "where", finding, f"others may: look, or {remedy}")


def _check_golds(entry: QuestionSet, rows: list[Question], report: Report, subject: str) -> None:
    """Adds whether there are rows that the field map fits, and whether their golds can be read."""
    if not rows:
        finding = f"none of the first {MOST_SEARCHED:,} rows is a question with a gold"
        report.error(subject, "rows", finding, "mend files, where, keep or fields in conf/profile/")
        return
    unread_golds = []
    for row, is_readable in zip(rows, readability.readable(iter(rows)), strict=True):
        if not is_readable:
            unread_golds.append(row.gold)
    rows_read = counted(len(rows), "row")
    golds_read = counted(len(rows) - len(unread_golds), "gold")
    finding = f"field map fitted by {rows_read}; grader {entry.grader} reads {golds_read}"
    if not unread_golds:
        report.ok(subject, "rows", f"{finding}: '{shown(rows[0].gold)}'")
        return
    finding = f"{finding}, not '{shown(unread_golds[0])}'"
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
