"""generate: sample every training question up to K times from a teacher.

Every attempt is kept, right or wrong. Answers are paid for once and kept in the store (data/store),
from which the out is written at the end. Interrupt the stage at any time and run it again: it asks
only what has no answer yet.

Seconds are in a metrics file of their own, because they differ from run to run.

questions, teachers.<teacher>
    -> data/<profile>/responses/<teacher>.parquet, metrics/<profile>/generate/<teacher>.json,
       metrics/<profile>/cost/<teacher>.json
Run: python -m stages.generate --profile default --teacher scripted
"""

import collections
import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from stages.core import grading, paths, records

# Deliberately no dependency of this stage: grading decides here only how many samples are drawn,
# verify alone decides what counts, and a change of it must not throw a teacher's answers away.
from stages.core.asking import costs, engines
from stages.core.asking.answering import Asker
from stages.core.asking.answers import Answer, AnswerHandle
from stages.core.asking.engines import Request
from stages.core.asking.language_model import LanguageModel, model_settings
from stages.core.asking.reuse import RepeatableRequests
from stages.core.asking.store import FOLDER, Store
from stages.core.grading.keeping import worth_keeping
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import write_metrics
from stages.core.program.params import NotEmpty, Seed
from stages.core.records import Question, Response

PARAMS = {"teacher": "teachers.{teacher}"}
AttemptKey = tuple[str, int]  # question_id, sample


@dataclass(frozen=True, kw_only=True)
class Teacher(LanguageModel):
    """A model that makes at most `samples` attempts (the K of the study) at each question.

    Each attempt has a seed that derives from `seed`. With an `instruction`, such as one to be brief,
    the same model is another teacher.
    """

    samples: Annotated[int, Field(le=params.LARGEST_COUNT)]
    seed: Seed
    stop_at_first_correct: bool = True  # else all K are drawn
    # What the user's turn says before the question. Part of the prompt, and so of an answer's key
    instruction: NotEmpty | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.samples < 1:
            raise StageError(f"samples is {self.samples}, expected 1 or more")
        replica = self.inference.get("run")
        served = replica if isinstance(replica, dict) else self.inference
        if self.instruction and served.get("engine") == "scripted":
            raise StageError(
                "instruction: the scripted teacher is a program that reads the question alone; for "
                "brief traces set its false_start_rate and check_rate to 0"
            )

    def message(self, question: str) -> str:
        """The user's turn that asks `question`."""
        return f"{self.instruction}\n\n{question}" if self.instruction else question


def sample(
    asker: Asker, teacher: Teacher, questions: Sequence[Question]
) -> dict[AttemptKey, AnswerHandle]:
    """Asks the teacher, and returns the handle of each attempt.

    With `stop_at_first_correct` there are at most K rounds. Each asks the questions that have no
    correct answer yet. Without it, all K attempts are asked at once.
    """
    # Handles, not answers: the texts stay in the store, because all of them may not fit into memory
    handles: dict[AttemptKey, AnswerHandle] = {}
    open_questions = list(questions)
    samples_per_round = 1 if teacher.stop_at_first_correct else teacher.samples
    for first_sample in range(0, teacher.samples, samples_per_round):
        samples = range(first_sample, first_sample + samples_per_round)
        label = "generate"
        if teacher.stop_at_first_correct:
            label = f"generate, sample {samples.stop}"
        requests = functools.partial(_requests, asker, teacher, open_questions, samples, handles)
        asker.ask(RepeatableRequests(requests), label, len(open_questions) * len(samples))
        if teacher.stop_at_first_correct:
            open_questions = _unsolved(asker, open_questions, first_sample, handles)
    return handles


def _requests(
    asker: Asker,
    teacher: Teacher,
    questions: Sequence[Question],
    samples: range,
    handles: dict[AttemptKey, AnswerHandle],
) -> Iterator[Request]:
    """Yields the requests for `samples` of `questions`, and puts their handles into `handles`."""
    # Sample by sample, so that an interrupted run has some answers to every question
    for sample_number in samples:
        for question in questions:
            seed = engines.derived_seed(teacher.seed, question.question_id, sample_number)
            message = teacher.message(question.question)
            handle, request = asker.request(message, seed, sample_number)
            handles[question.question_id, sample_number] = handle
            yield request


def _unsolved(
    asker: Asker,
    questions: Sequence[Question],
    sample_number: int,
    handles: Mapping[AttemptKey, AnswerHandle],
) -> list[Question]:
    """The questions whose attempt of this number is not enough."""
    attempts = (handles[question.question_id, sample_number] for question in questions)
    verdicts = solved(map(asker.answer, attempts), questions)
    unsolved = []
    for question, is_solved in zip(questions, verdicts, strict=True):
        if not is_solved:
            unsolved.append(question)
    return unsolved


def solved(answers: Iterable[Answer], questions: Iterable[Question]) -> Iterator[bool]:
    """Yields for each answer to one of `questions` whether no further sample is needed."""
    # Two passes over the answers, which grade_many reads ahead of the loop below
    to_grade, to_judge = itertools.tee(answers)
    verdicts = grading.grade_many(
        (answer.text, question.gold, question.grader, question)
        for answer, question in zip(to_grade, questions, strict=True)
    )
    for answer, verdict in zip(to_judge, verdicts, strict=True):
        yield worth_keeping(verdict, answer.finish_reason, answer.reasoning)


class ResponseCounts:
    """Counts of the responses that pass through it, by question set."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """`sources` has the question set of each question_id."""
        self.sources = sources
        self.counts = collections.defaultdict[str, Counter[str]](Counter)
        self.finish_reasons = collections.defaultdict[str, Counter[str]](Counter)
        # The responses come in order of question, so it is enough to hold the texts of one question
        self._question_id = ""
        self._texts = set[tuple[str, str]]()  # (reasoning, answer)

    def watch(self, responses: Iterator[Response]) -> Iterator[Response]:
        """Counts `responses`, which are in order of question, and passes them on."""
        for response in responses:
            if response.question_id != self._question_id:
                self._question_id = response.question_id
                self._texts = set()
            source = self.sources[response.question_id]
            text = (response.reasoning, response.answer)
            # Two requests that were refused have no text, and are no repetition
            is_repeated = text in self._texts and text != ("", "")
            self.counts[source]["questions"] += not self._texts
            self.counts[source].update(attempts=1, identical=is_repeated)
            self.finish_reasons[source][response.finish_reason] += 1
            self._texts.add(text)
            yield response

    def summary(self) -> list[dict[str, Any]]:
        """The counts of each question set.

        `identical` counts the samples that repeat an earlier one of their question word for word.
        """
        summaries: list[dict[str, Any]] = []
        for source, counts in sorted(self.counts.items()):
            finish_reasons = dict(self.finish_reasons[source])
            summaries.append({"source": source, **counts, "finish_reasons": finish_reasons})
        return summaries


def responses(
    asker: Asker, handles: Mapping[AttemptKey, AnswerHandle], cost: costs.ModelCost
) -> Iterator[Response]:
    """Yields every attempt in order of question and sample, and adds what it took to `cost`."""
    for question_id, sample_number in sorted(handles):
        handle = handles[question_id, sample_number]
        answer = asker.answer(handle)
        cost.add(answer)
        yield Response(
            question_id=question_id,
            sample=sample_number,
            request_key=handle.key,
            seed=handle.seed,
            model=asker.name,
            reasoning=answer.reasoning,
            answer=answer.text,
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
        )


@command.stage("profile", "teacher")
def main(profile: str, teacher: str) -> None:
    """Sample every training question into data/<profile>/responses/<teacher>.parquet."""
    # Load: the params are checked before any question is read
    params_path = f"teachers.{teacher}"
    section = params.read(PARAMS, profile, teacher=teacher)["teacher"]
    config = params.section(Teacher, section, params_path)
    model_settings(config, params_path)
    data = paths.data(profile)
    all_questions = records.read(data.questions, Question)
    questions = [question for question in all_questions if question.split == "train"]
    if not questions:
        raise StageError(f"{data.questions}: no question in split train; give a set a train size")

    # Ask, and write all answers from the store
    counts = ResponseCounts({question.question_id: question.source for question in questions})
    cost = costs.ModelCost()
    with Store(FOLDER) as store:
        asker = Asker(config, store, params_path)
        handles = sample(asker, config, questions)
        if len(asker.refused) == len(handles):
            first_refusal = next(iter(asker.refused.values()))
            raise StageError(f"{params_path}: every request was refused: {first_refusal.text}")
        counted = counts.watch(responses(asker, handles, cost))
        records.write(data.responses(teacher), counted, Response)

    # Save the metrics
    set_metrics = {"teacher": teacher, "sets": counts.summary()}
    write_metrics(paths.metric(profile, "generate", teacher), set_metrics)
    write_metrics(paths.metric(profile, "cost", teacher), {"teacher": teacher} | cost.summary())


if __name__ == "__main__":
    main()
