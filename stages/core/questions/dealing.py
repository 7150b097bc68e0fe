"""Which questions of a set there are: each text once, dealt to disjoint splits."""

import collections
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from stages.core.program.errors import StageError
from stages.core.questions.items import Item, QuestionSet
from stages.core.records import Question

SPLITS = ("test", "validation", "train")  # where a question could be in several, the first keeps it


def identity(entry: QuestionSet, text: str) -> str:
    """What makes a question another one than others of its set."""
    return " ".join(
        sorted(re.findall(r"\d+", text)) if entry.distinct_by == "numbers" else text.split()
    )


def unique(
    source: str,
    entry: QuestionSet,
    placed: Iterable[tuple[str, Item | None]],
    dropped: collections.Counter[str],
) -> dict[str, list[Item]]:
    """Items by split, each text once over all splits; a test question stays out of training."""
    splits: dict[str, list[Item]] = collections.defaultdict(list)
    for split, one in placed:
        splits[split].extend([one] if one else [])
        dropped.update([] if one else ["no_gold"])
    texts: dict[str, str] = {}
    ids: dict[tuple[str, str], str] = {}
    first: dict[str, list[Item]] = collections.defaultdict(list)
    for split in sorted(splits, key=(*SPLITS, "pool").index):
        for item in splits[split]:
            text = identity(entry, item.question)
            twice = ids.get((split, item.source_id)) or texts.get(text)
            if twice and entry.duplicates != "drop":
                raise StageError(
                    f"{item.place}: duplicate of {twice} (same id or text); remove it, or set duplicates: drop"
                )
            if twice:
                dropped["duplicate"] += 1
                continue
            texts[text] = ids[split, item.source_id] = item.place
            first[split].append(item)
    return first


def deal(
    source: str, entry: QuestionSet, items: Mapping[str, list[Item]]
) -> Iterator[tuple[Item, Question]]:
    """Pool items are dealt to the splits in the order of a seeded hash of their text, the rest stay
    where they are.
    """

    def rank(item: Item) -> str:
        return hashlib.sha256(f"{entry.seed}\n{item.question}".encode()).hexdigest()

    pool = sorted(items.get("pool", []), key=rank)
    for split in SPLITS:
        size = entry.sizes.get(split, 0)
        own = sorted(items.get(split, []), key=rank)
        taken = (own + pool)[:size]
        pool = pool[max(0, len(taken) - len(own)) :]
        if size is not None and len(taken) < size:
            raise StageError(
                f"questions.sets.{source}: {len(taken)} questions for split {split}, {size} wanted; ask for fewer"
            )
        for item in taken:
            yield item, question(source, entry, split, item)


def question(source: str, entry: QuestionSet, split: str, item: Item) -> Question:
    """The record of an item; its id is a hash of its set and text."""
    key = hashlib.sha256(f"{source}\n{item.question}".encode()).hexdigest()[:16]
    return Question(
        question_id=key,
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
