"""Which questions the report's page shows as examples, and how much of each text."""

import collections
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from stages.core.grid import Grid
from stages.core.records import GROUPS, Question

LONGEST = 6000  # characters of one text at most; what is longer is cut, and says so
SHORTEST = 1000  # characters of a text that is cut: rather fewer questions than less of each text
LARGEST = 10_000_000  # characters of all texts together, which stand in git and in one page


def choose(
    questions: Iterable[Question],
    ids_by_split: Mapping[str, Collection[str]],
    count: int,
    preferred_ids: Collection[str] = (),
) -> list[Question]:
    """`count` questions of each set and split, evenly spaced by question_id.

    `ids_by_split` are the ids of questions that have something to show. Others are left out.
    Training questions come first. `preferred_ids` are taken before any others.
    """
    by_set: dict[tuple[int, str, bool, str], list[Question]] = collections.defaultdict(list)
    for question in questions:
        if question.question_id in ids_by_split.get(question.split, ()):
            is_evaluated = question.split != "train"
            group_rank = GROUPS.index(question.group)
            by_set[group_rank, question.source, is_evaluated, question.split].append(question)
    chosen = []
    for _, set_questions in sorted(by_set.items()):
        preferred = [row for row in set_questions if row.question_id in preferred_ids][:count]
        others = [row for row in set_questions if row.question_id not in preferred_ids]
        chosen += preferred + _evenly_spaced(others, count - len(preferred))
    return chosen


def _evenly_spaced(questions: list[Question], count: int) -> list[Question]:
    """`count` of `questions`, or all of them where there are fewer."""
    count = min(count, len(questions))
    return [questions[index * len(questions) // count] for index in range(count)]


@dataclass(frozen=True)
class Limits:
    """How much the page shows."""

    questions: int  # of each set and split
    characters: int  # of one text


def limits(grid: Grid, train_sets: int, evaluated_sets: int, count: int) -> Limits:
    """Limits that keep all texts together below LARGEST.

    `train_sets` and `evaluated_sets` are the numbers of sets with training and with evaluated
    questions, `count` are the questions that are wanted of each. A question has the texts of all
    its traces and versions, and of all cells' answers. Every evaluated question has answers, and
    so has every training question that is shown.
    """
    versions = len(grid.compressors) + len(grid.shorteners) * len(grid.students)
    trace_texts = len(grid.teachers) * (2 + versions)
    answer_texts = 2 * len(grid.cells())
    train_texts = train_sets * (1 + trace_texts + answer_texts)
    evaluated_texts = evaluated_sets * (1 + answer_texts)
    texts = max(1, train_texts + evaluated_texts)  # for one question of each set
    count = max(1, min(count, LARGEST // (SHORTEST * texts)))
    return Limits(count, min(LONGEST, LARGEST // (count * texts)))


def shorten(text: str, longest: int) -> str:
    """The text, or its first `longest` characters with a word on the rest."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]} ... {len(text) - longest} characters more"
