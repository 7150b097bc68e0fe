"""The questions of a set: each text once, dealt to disjoint splits."""

import collections
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from stages.core.program.errors import StageError
from stages.core.questions.items import Item, QuestionSet
from stages.core.records import Question

SPLITS = ("test", "validation", "train")  # where a question could be in several, the first keeps it


def identity(entry: QuestionSet, text: str) -> str:
    """What tells a question from the others of its set: its words, or its numbers in any order."""
    if entry.distinct_by == "numbers":
        return " ".join(sorted(re.findall(r"\d+", text)))
    return " ".join(text.split())


def unique(
    source: str,
    entry: QuestionSet,
    candidates: Iterable[tuple[str, Item | None]],
    dropped: collections.Counter[str],
) -> dict[str, list[Item]]:
    """Items by split, each text once over all splits.

    `candidates` yields (split or "pool", item), the item None where a row has no gold. Items that
    are left out are counted in `dropped`. A text that is in several splits stays in the first of
    SPLITS, so that a test question stays out of training. Raises StageError for a duplicate, unless
    the set drops duplicates.
    """
    items_by_split = _by_split(candidates, dropped)
    # Where each text, and each id of a split, was met first. Ids are those of a split, because
    # rows without ids are numbered from 0 in each.
    location_by_text: dict[str, str] = {}
    location_by_id: dict[tuple[str, str], str] = {}
    kept: dict[str, list[Item]] = collections.defaultdict(list)
    for split in sorted(items_by_split, key=(*SPLITS, "pool").index):
        for item in items_by_split[split]:
            text = identity(entry, item.question)
            split_and_id = (split, item.source_id)
            first_location = location_by_id.get(split_and_id) or location_by_text.get(text)
            if first_location and entry.duplicates != "drop":
                raise StageError(
                    f"{item.location}: duplicate of {first_location} (same id or text); remove it, "
                    "or set duplicates: drop"
                )
            if first_location:
                dropped["duplicate"] += 1
                continue
            location_by_text[text] = item.location
            location_by_id[split_and_id] = item.location
            kept[split].append(item)
    return kept


def _by_split(
    candidates: Iterable[tuple[str, Item | None]], dropped: collections.Counter[str]
) -> dict[str, list[Item]]:
    """The items by split. Those that are None are counted in `dropped`."""
    items_by_split: dict[str, list[Item]] = collections.defaultdict(list)
    for split, candidate in candidates:
        items = items_by_split[split]  # a split is noted even if none of its rows has a gold
        if candidate is None:
            dropped["no_gold"] += 1
        else:
            items.append(candidate)
    return items_by_split


def deal(
    source: str, entry: QuestionSet, items: Mapping[str, list[Item]]
) -> Iterator[tuple[Item, Question]]:
    """Yields (item, question) of each split, as many as `sizes` asks for.

    A split takes the items of its own files first, then items of the pool. Both are in the order of
    a seeded hash of their text. Raises StageError where there are too few.
    """

    # A hash of the text: a row that a source adds or drops leaves the order of the others
    def rank(item: Item) -> str:
        return hashlib.sha256(f"{entry.seed}\n{item.question}".encode()).hexdigest()

    pool = sorted(items.get("pool", []), key=rank)
    for split in SPLITS:
        size = entry.sizes.get(split, 0)
        of_split = sorted(items.get(split, []), key=rank)
        taken = (of_split + pool)[:size]
        taken_from_pool = max(0, len(taken) - len(of_split))
        pool = pool[taken_from_pool:]
        if size is not None and len(taken) < size:
            raise StageError(
                f"questions.sets.{source}: {len(taken)} questions for split {split}, {size} "
                "wanted; ask for fewer"
            )
        for item in taken:
            yield item, question(source, entry, split, item)


def question(source: str, entry: QuestionSet, split: str, item: Item) -> Question:
    """The record of an item; its id is a hash of its set and text."""
    question_id = hashlib.sha256(f"{source}\n{item.question}".encode()).hexdigest()[:16]
    return Question(
        question_id=question_id,
        source=source,
        source_id=item.source_id,
        group=entry.group,
        split=split,
        question=item.question,
        choices=item.choices,
        gold=item.gold,
        grader=entry.grader,
        difficulty=item.difficulty,
    )
