"""generate: sample every training question up to K times from a teacher; every attempt is kept,
right or wrong.

Answers are paid for once and kept in the store (data/store), from which the out is written at the
end: interrupt the stage at any time, run it again, and it asks only what has no answer yet.

questions, teachers.<teacher> -> data/<profile>/responses/<teacher>.parquet, metrics/<profile>/generate/<teacher>.json,
    metrics/<profile>/cost/<teacher>.json (apart, because its seconds differ from run to run)
Run: python -m stages.generate --profile default --teacher scripted
"""

import collections
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from stages.core import grading, paths, records

# Deliberately no dependency of this stage: grading decides here only how many samples are drawn,
# verify alone decides what counts, and a change of it must not throw a teacher's answers away.
from stages.core.asking import answering, costs, engines
from stages.core.asking.answering import Answer, AnswerHandle, Asker, LanguageModel
from stages.core.asking.engines import Request
from stages.core.asking.reuse import RepeatableRequests
from stages.core.asking.store import FOLDER, Store
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import write_metrics
from stages.core.program.params import Seed
from stages.core.records import Question, Response

PARAMS = {"teacher": "teachers.{teacher}"}
Slot = tuple[str, int]  # question_id, sample


@dataclass(frozen=True, kw_only=True)
class Teacher(LanguageModel):
    """A model with `samples`, K attempts for each question at most, each with a seed that derives
    from `seed`.
    """

    samples: Annotated[int, Field(le=params.MOST)]
    seed: Seed
    stop_at_first_correct: bool = True  # else all K are drawn

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.samples < 1:
            raise StageError(f"samples is {self.samples}, expected 1 or more")


def sample(
    asker: Asker, teacher: Teacher, questions: Sequence[Question]
) -> dict[Slot, AnswerHandle]:
    """Asks, and returns what was asked: in K rounds of those not yet answered correctly, or all at
    once.
    """
    asked: dict[Slot, AnswerHandle] = {}
    waiting, stop = list(questions), teacher.stop_at_first_correct
    step = 1 if stop else teacher.samples
    for start in range(0, teacher.samples, step):
        numbers = range(start, start + step)
        what = f"generate, sample {numbers.stop}" if stop else "generate"
        requests = functools.partial(_requests, asker, teacher, waiting, numbers, asked)
        asker.ask(RepeatableRequests(requests), what, len(waiting) * len(numbers))
        if stop:
            answers = (asker.answer(asked[row.question_id, start]) for row in waiting)
            waiting = [
                row for row, done in zip(waiting, solved(answers, waiting), strict=True) if not done
            ]
    return asked


def _requests(
    asker: Asker,
    teacher: Teacher,
    questions: Sequence[Question],
    samples: range,
    asked: dict[Slot, AnswerHandle],
) -> Iterator[Request]:
    """Yields the requests for `samples` of `questions`, and notes them in `asked`."""
    for number in samples:
        for row in questions:
            seed = engines.derived_seed(teacher.seed, row.question_id, number)
            slot, request = asker.request(row.question, seed, number)
            asked[row.question_id, number] = slot
            yield request


def solved(answers: Iterable[Answer], questions: Iterable[Question]) -> Iterator[bool]:
    """Whether no further sample is needed, for each answer to one of `questions`."""
    usable, answers = itertools.tee(answers)
    verdicts = grading.grade_many(
        (answer.text, question.gold, question.grader, question)
        for answer, question in zip(usable, questions, strict=True)
    )
    for answer, verdict in zip(answers, verdicts, strict=True):
        yield (
            verdict.outcome == "correct"
            and answer.finish_reason == "stop"
            and bool(answer.reasoning)
        )


class ResponseCounts:
    """Counts per question set of what passes."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """`sources`: question set by question_id."""
        self.sources = sources
        self.counts: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        self.reasons: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        self._question, self._seen = "", set[tuple[str, str]]()  # texts of one question at a time

    def watch(self, responses: Iterator[Response]) -> Iterator[Response]:
        """Passes `responses`, which are in order of question, on and counts them."""
        for row in responses:
            if row.question_id != self._question:
                self._question, self._seen = row.question_id, set()
            counts, text = self.counts[self.sources[row.question_id]], (row.reasoning, row.answer)
            counts["questions"] += not self._seen
            counts.update(attempts=1, identical=text in self._seen and text != ("", ""))
            self.reasons[self.sources[row.question_id]][row.finish_reason] += 1
            self._seen.add(text)
            yield row

    def summary(self) -> list[dict[str, Any]]:
        """Per question set; identical are the samples that repeat an earlier one of their question
        word for word.
        """
        return [
            {"source": source, **counts, "finish_reasons": dict(self.reasons[source])}
            for source, counts in sorted(self.counts.items())
        ]


def responses(
    asker: Asker, asked: Mapping[Slot, AnswerHandle], cost: costs.ModelCost
) -> Iterator[Response]:
    """Every attempt in order; `cost` adds up what they took."""
    for question_id, number in sorted(asked):
        slot = asked[question_id, number]
        answer = asker.answer(slot)
        cost.add(answer)
        yield Response(
            question_id=question_id,
            sample=number,
            request_key=slot.key,
            seed=slot.seed,
            model=asker.name,
            reasoning=answer.reasoning,
            answer=answer.text,
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
        )


@command.stage("profile", "teacher")
def main(profile: str, teacher: str) -> None:
    """Sample every training question from one teacher into
    data/<profile>/responses/<teacher>.parquet.
    """
    place = f"teachers.{teacher}"
    config = params.section(
        Teacher, params.read(PARAMS, profile, teacher=teacher)["teacher"], place
    )
    answering.settings(config, place)
    data = paths.data(profile)
    questions = [row for row in records.read(data.questions, Question) if row.split == "train"]
    if not questions:
        raise StageError(f"{data.questions}: no question in split train; give a set a train size")
    tally, cost = (
        ResponseCounts({row.question_id: row.source for row in questions}),
        costs.ModelCost(),
    )
    with Store(FOLDER) as store:
        asker = Asker(config, store, place)
        asked = sample(asker, config, questions)
        if len(asker.refused) == len(asked):
            raise StageError(
                f"{place}: every request was refused: {next(iter(asker.refused.values())).text}"
            )
        found = tally.watch(responses(asker, asked, cost))
        records.write(data.responses(teacher), found, Response)
    write_metrics(
        paths.metric(profile, "generate", teacher), {"teacher": teacher, "sets": tally.summary()}
    )
    write_metrics(paths.metric(profile, "cost", teacher), {"teacher": teacher} | cost.summary())


if __name__ == "__main__":
    main()
