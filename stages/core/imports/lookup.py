"""Which question a row answers: by an id, or by its text. Training questions come first, for they
are what is asked.

Sets whose rows have no id are numbered from 0 in each split, so that an id may be a training and a
test question's.
"""

import collections
import unicodedata
from collections.abc import Iterable, Sequence

from stages.core.program.errors import StageError, shown
from stages.core.records import Question

HOW = ("question_id", "text", "normal_form")  # by what a question was found


def normal(text: str) -> str:
    """A text's normal form: compatible characters are one (NFKC), white space is one space, nothing
    is invisible.
    """
    if not text.isascii():
        text = "".join(
            char
            for char in unicodedata.normalize("NFKC", text)
            if unicodedata.category(char) != "Cf"
        )
    return " ".join(text.split())


class Lookup:
    """The questions of a study, or of one of its sets, by their ids and texts."""

    def __init__(self, questions: Iterable[Question], teacher: str) -> None:
        """`teacher` is named where a row's question is not clear."""
        self.teacher = teacher
        self.own: dict[str, Question] = {}
        self.ids, self.texts, self.normal = (
            collections.defaultdict[str, list[Question]](list) for _ in range(3)
        )
        for question in questions:
            self.own[question.question_id] = question
            self.ids[question.source_id].append(question)
            self.texts[question.question.strip()].append(question)
            self.normal[normal(question.question)].append(question)

    def by_id(self, key: str, place: str) -> tuple[Question, str] | None:
        """The question of that id in its source, else of our id or its text, and by what it was
        found.
        """
        if there := self.ids.get(key):
            trained = [question for question in there if question.split == "train"]
            return self._one(
                trained or there[:1], f"question_id {shown(key)}", place
            ), "question_id"
        if key in self.own:
            return self.own[key], "question_id"
        return self.by_text(key, place)

    def by_text(self, text: str, place: str) -> tuple[Question, str] | None:
        """The question of that text, else of its normal form, and by what it was found."""
        for how, table, key in (
            ("text", self.texts, text.strip()),
            ("normal_form", self.normal, normal(text)),
        ):
            if there := table.get(key):
                trained = any(question.split == "train" for question in there)
                return self._one(
                    there if trained else there[:1], f"question '{shown(text.strip())}'", place
                ), how
        return None

    def _one(self, there: Sequence[Question], what: str, place: str) -> Question:
        if len(there) == 1:
            return there[0]
        first, second = there[:2]
        told = " and ".join(
            f"'{shown(one.question)}' (id {shown(one.source_id)} of {one.source}, {one.split})"
            for one in (first, second)
        )
        if first.source != second.source:
            remedy = f"is in two question sets; name one as source of teachers.{self.teacher}"
        else:
            remedy = f"is two questions of {first.source}; map an id of its own in questions.sets.{first.source}.fields"
        raise StageError(f"{place}: {what} {remedy}: {told}")
