"""questions: collect every question set into one file, with disjoint splits.

A set is made by reasoning-gym (seeded, with known answers), read from files in
data/imports/questions/, or loaded with `datasets` from the hub. Every gold answer must be readable
by its set's grader.

Training questions that are nearly a test or validation question of any set are listed and, by
params, removed.

questions -> data/<profile>/questions.parquet, data/<profile>/near_duplicates.jsonl,
metrics/<profile>/questions.json Run: python -m stages.questions --profile default
"""

import collections
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stages.core import grading, paths, records
from stages.core.imports import sources
from stages.core.program import command, params
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError, shown
from stages.core.program.files import write_json, write_text
from stages.core.questions import dealing, patterns, reading
from stages.core.questions.contamination import Decontaminate, NearDuplicate, near_duplicates
from stages.core.questions.dealing import SPLITS
from stages.core.questions.items import Item, QuestionSet, RowFilter
from stages.core.records import GROUPS, Question

PARAMS = {"sets": "questions.sets", "decontaminate": "questions.decontaminate"}
_TOLD = ("question_id", "source", "question")  # of both sides of a near-duplicate


def from_reasoning_gym(entry: QuestionSet) -> Iterator[tuple[str, Item]]:
    """Yields ("pool", item) until the sizes are met; of duplicates the first alone."""
    import reasoning_gym

    wanted = sum(size or 0 for size in entry.sizes.values())
    try:
        made = reasoning_gym.create_dataset(
            entry.task, size=100 * wanted, seed=entry.seed, **entry.config
        )
    except (ValueError, TypeError, AssertionError) as error:
        raise StageError(
            f"questions.sets: task {entry.task!r}: {error}; mend task or config"
        ) from error
    seen: set[str] = set()
    for number, row in enumerate(made):
        text = row["question"].strip()
        key = dealing.identity(entry, text)
        place = f"{entry.task} {number}"
        if key not in seen and patterns.search(entry.keep or "", text, place):
            seen.add(key)
            yield (
                "pool",
                Item(
                    place,
                    str(number),
                    text,
                    (),
                    str(row["answer"]),
                    reading.difficulty(entry, row, place),
                ),
            )
        if len(seen) == wanted:
            return
    raise StageError(
        f"questions.sets: {entry.task}: only {len(seen)} different questions in {100 * wanted} draws, "
        f"{wanted} wanted; ask for fewer or widen its config"
    )


def from_files(entry: QuestionSet) -> Iterator[tuple[str, Item | None]]:
    """Yields (split or "pool", item) of the files or hub data set; None for a row that is dropped:
    it has no gold.

    Raises StageError at the end for a wanted value that no row has.
    """
    wanted = RowFilter(entry.where)
    for split, name in entry.files.items():
        yield from ((split, item) for item in of_split(entry, name, wanted))
    if wanted.unseen:
        raise StageError(
            f"questions.sets: {entry.dataset or ', '.join(entry.files.values())}: where: no row has {wanted.listed()}; "
            "mend or leave out the value"
        )


def of_split(
    entry: QuestionSet, name: str, wanted: RowFilter, first: int | None = None
) -> Iterator[Item | None]:
    """Yields the items of one file, or of one split of a hub data set, see `from_files`; of its
    `first` rows alone.
    """
    if entry.kind == "hub":
        placed = sources.hub_rows(
            entry.dataset or "", entry.name, name, entry.revision, streaming=first is not None
        )
    else:
        placed = sources.rows(sources.QUESTIONS / name)
    for number, (place, row) in enumerate(itertools.islice(placed, first)):
        if not wanted.takes(row):
            continue
        found = reading.read(entry, place, number, row)
        if found is None or not entry.keep or patterns.search(entry.keep, found.question, place):
            yield found


_KINDS = {"reasoning_gym": from_reasoning_gym, "file": from_files, "hub": from_files}


def collect(source: str, entry: QuestionSet) -> tuple[list[Question], dict[str, int]]:
    """The set's questions, split, and how many were dropped for which reason. Raises StageError for
    bad input.
    """
    if entry.kind not in _KINDS or entry.group not in GROUPS:
        raise StageError(
            f"questions.sets.{source}: kind {entry.kind!r} or group {entry.group!r} is unknown; "
            f"known: {', '.join(_KINDS)}; {', '.join(GROUPS)}"
        )
    if entry.distinct_by not in ("text", "numbers"):
        raise StageError(
            f"questions.sets.{source}.distinct_by: {entry.distinct_by!r} is unknown; known: text, numbers"
        )
    if odd := (entry.sizes.keys() - {*SPLITS}) | (entry.files.keys() - {*SPLITS, "pool"}):
        raise StageError(
            f"questions.sets.{source}: split {min(odd)!r} is unknown; known: {', '.join(SPLITS)}"
        )
    dropped: collections.Counter[str] = collections.Counter()
    unique = dealing.unique(source, entry, _KINDS[entry.kind](entry), dropped)
    reading.check_numbers(item for own in unique.values() for item in own)
    if entry.unreadable_gold == "drop":
        unique = _readable(source, entry, unique, dropped)
    found = list(dealing.deal(source, entry, unique))
    if not found:
        rows = (
            ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))
            or "none dropped"
        )
        raise StageError(
            f"questions.sets.{source}: no question is left ({rows}); check sizes, files, where and keep"
        )
    _check_golds(entry, found)
    return [question for _, question in found], dict(dropped)


def _check_golds(entry: QuestionSet, found: Iterable[tuple[Item, Question]]) -> None:
    """Raises StageError for a gold that the set's grader cannot read."""
    pairs, again = itertools.tee(found)
    readable = grading.readable(question for _, question in again)
    for (item, question), fine in zip(pairs, readable, strict=True):
        if not fine:
            raise StageError(
                f"{item.place}: grader {entry.grader} cannot read the gold '{shown(question.gold)}'; "
                "choose another grader or mend the gold, or set unreadable_gold: drop"
            )


def _readable(
    source: str,
    entry: QuestionSet,
    unique: Mapping[str, list[Item]],
    dropped: collections.Counter[str],
) -> dict[str, list[Item]]:
    """The items whose gold the grader can read; before sizes are met, so that others come in their
    place.
    """
    placed = [(split, item) for split, own in unique.items() for item in own]
    readable = grading.readable(
        dealing.question(source, entry, split, item) for split, item in placed
    )
    left: dict[str, list[Item]] = {split: [] for split in unique}
    for (split, item), fine in zip(placed, readable, strict=True):
        left[split].extend([item] if fine else [])
        dropped.update([] if fine else ["unreadable_gold"])
    return left


def _same_text(near: NearDuplicate) -> bool:
    """Whether the two are one question, which is never trained on."""
    return near.train.question.split() == near.test.question.split()


def listing(near: Iterable[NearDuplicate]) -> str:
    """One JSON object a line for each near-duplicate, the most similar first."""
    lines = (
        {"similarity": one.similarity}
        | {f"train_{name}": getattr(one.train, name) for name in _TOLD}
        | {f"test_{name}": getattr(one.test, name) for name in _TOLD}
        for one in sorted(near, key=lambda one: (-one.similarity, one.train.question_id))
    )
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def summary(
    sets: Mapping[str, QuestionSet],
    questions: Iterable[Question],
    dropped: Mapping[str, dict[str, int]],
    near: Iterable[NearDuplicate],
) -> list[dict[str, Any]]:
    """Per set its group, grader, kind, questions in each split, and how many were dropped or are
    near a test.
    """
    similar = collections.Counter(one.train.source for one in near)
    sizes = collections.Counter((question.source, question.split) for question in questions)
    return [
        {"source": source, "group": entry.group, "grader": entry.grader, "kind": entry.kind}
        | {split: sizes[source, split] for split in SPLITS}
        | {"near_test": similar[source], "dropped": dropped[source]}
        for source, entry in sets.items()
    ]


def _none_empty(sets: Iterable[str], questions: Iterable[Question]) -> None:
    """Raises StageError for a set of which every question was near one of another set's test."""
    left = {question.source for question in questions}
    for source in sets:
        if source not in left:
            raise StageError(
                f"questions.sets.{source}: no question is left: all are nearly test or validation questions; "
                "leave the set out, or see questions.decontaminate"
            )


@command.stage("profile")
def main(profile: str) -> None:
    """Collect every question set of the profile into data/<profile>/questions.parquet."""
    declared = params.read(PARAMS, profile)
    if not isinstance(declared["sets"], dict):
        raise StageError(
            f"params.yaml: questions.sets: expected a mapping, found {quoted(declared['sets'])}"
        )
    sets = {
        params.named("question set", name): params.section(
            QuestionSet, value, f"questions.sets.{name}"
        )
        for name, value in declared["sets"].items()
        if value is not None  # how a profile leaves out a set that it inherits
    }
    rules = params.section(Decontaminate, declared["decontaminate"], "questions.decontaminate")
    found: dict[str, Question] = {}
    dropped = {}
    for source, entry in command.progress(sets.items(), "questions", unit="set"):
        questions, dropped[source] = collect(source, entry)
        found |= {question.question_id: question for question in questions}
    near = list(near_duplicates([found[key] for key in sorted(found)], rules))
    removed = [one.train for one in near if rules.remove or _same_text(one)]
    for question in removed:
        del found[question.question_id]
        dropped[question.source]["near_test"] = dropped[question.source].get("near_test", 0) + 1
    _none_empty(sets, found.values())
    write_text(paths.data(profile).near_duplicates, listing(near))
    records.write(paths.data(profile).questions, (found[key] for key in sorted(found)), Question)
    write_json(
        paths.metrics(profile) / "questions.json",
        {"sets": summary(sets, found.values(), dropped, near)},
    )


if __name__ == "__main__":
    main()
