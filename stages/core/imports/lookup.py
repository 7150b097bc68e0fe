"""Which question a row answers, by an id or by its text.

Training questions come first, because teachers are asked these. In sets without ids the rows are
numbered from 0 in each split. So a training question and a test question may have the same id.
"""

import collections
import unicodedata
from collections.abc import Iterable, Sequence

from stages.core.program.errors import StageError, shown
from stages.core.records import Question

# How a question was found
MATCHED_BY = ("question_id", "text", "normal_form")


def normal(text: str) -> str:
    """A text's normal form: NFKC, each run of white space as one space, nothing invisible."""
    if not text.isascii():
        compatible = unicodedata.normalize("NFKC", text)
        # Cf: marks that format, such as the zero-width space
        text = "".join(char for char in compatible if unicodedata.category(char) != "Cf")
    return " ".join(text.split())


class Lookup:
    """The questions of a study, or of one of its sets, by their ids and texts."""

    def __init__(self, questions: Iterable[Question], teacher: str) -> None:
        """`teacher` is for errors, where a row's question is ambiguous."""
        self.teacher = teacher
        self.by_question_id: dict[str, Question] = {}
        self._by_source_id = collections.defaultdict[str, list[Question]](list)
        self._by_text = collections.defaultdict[str, list[Question]](list)
        self._by_normal_form = collections.defaultdict[str, list[Question]](list)
        for question in questions:
            self.by_question_id[question.question_id] = question
            self._by_source_id[question.source_id].append(question)
            self._by_text[question.question.strip()].append(question)
            self._by_normal_form[normal(question.question)].append(question)

    def by_id(self, key: str, location: str) -> tuple[Question, str] | None:
        """The question of that id, and how it was found (MATCHED_BY); None where there is none.

        The id is the question's in its source, else our question_id, else the question's text.
        """
        if same_id := self._by_source_id.get(key):
            training = [question for question in same_id if question.split == "train"]
            candidates = training or same_id[:1]
            return self._single(candidates, f"question_id {shown(key)}", location), "question_id"
        if key in self.by_question_id:
            return self.by_question_id[key], "question_id"
        return self.by_text(key, location)

    def by_text(self, text: str, location: str) -> tuple[Question, str] | None:
        """The question of that text, else of its normal form, and how it was found.

        None where there is none.
        """
        tables = (
            ("text", self._by_text, text.strip()),
            ("normal_form", self._by_normal_form, normal(text)),
        )
        for matched_by, table, table_key in tables:
            if same_text := table.get(table_key):
                has_training = any(question.split == "train" for question in same_text)
                candidates = same_text if has_training else same_text[:1]
                label = f"question '{shown(text.strip())}'"
                return self._single(candidates, label, location), matched_by
        return None

    def _single(self, candidates: Sequence[Question], label: str, location: str) -> Question:
        """The only candidate. Raises StageError, which says how to tell them apart, for several."""
        if len(candidates) == 1:
            return candidates[0]
        first, second = candidates[:2]
        both = f"{_described(first)} and {_described(second)}"
        if first.source != second.source:
            remedy = f"is in two question sets; name one as source of teachers.{self.teacher}"
        else:
            remedy = (
                f"is two questions of {first.source}; map an id of its own in "
                f"questions.sets.{first.source}.fields"
            )
        raise StageError(f"{location}: {label} {remedy}: {both}")


def _described(question: Question) -> str:
    origin = f"id {shown(question.source_id)} of {question.source}, {question.split}"
    return f"'{shown(question.question)}' ({origin})"
