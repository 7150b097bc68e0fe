"""verify: grade every response and keep the correct ones as traces.

A response that did not end by itself is never kept. It was cut at the token limit or refused, so
its answer, if any, is not its last word.

The verdict of the first grader counts. That of the second one is a column of the traces, and a page
lists the responses on which the two disagree.

responses, questions
    -> data/<profile>/traces/<teacher>.parquet,
       data/<profile>/disagreements/verify/<teacher>.md,
       metrics/<profile>/verify/<teacher>.json
Run: python -m stages.verify --profile default --teacher scripted
"""

import collections
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stages.core import grading, paths, records
from stages.core.grading import Verdict
from stages.core.grading.disagreements import Page, disagree
from stages.core.grading.keeping import worth_keeping
from stages.core.grading.selection import Selection
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import write_json, write_text
from stages.core.records import Question, Response, Trace

PARAMS: dict[str, str] = {}


class VerdictTally:
    """Counts per question set, gathered while responses stream past, so that no text is held."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = collections.defaultdict(Counter)
        self.attempted: dict[str, set[str]] = collections.defaultdict(set)  # question ids
        self.kept: dict[str, set[str]] = collections.defaultdict(set)  # question ids
        self.selection: dict[str, Selection] = collections.defaultdict(Selection)

    def add(self, question: Question, response: Response, verdict: Verdict, kept: bool) -> None:
        """Counts one response to `question`. The first response to a question comes first."""
        source = question.source
        is_correct = verdict.outcome == "correct"
        is_finished = response.finish_reason == "stop"
        is_first = response.question_id not in self.attempted[source]
        counts = self.counts[source]
        counts["attempts"] += 1
        counts[verdict.outcome] += 1
        counts["disagreements"] += disagree(verdict)
        counts["gave_up"] += bool(verdict.reason)
        # A cut answer may hold the right number all the same: only a finished one is correct
        counts["first_correct"] += is_first and is_finished and is_correct
        counts["first_correct_by_second"] += is_first and is_finished and verdict.second
        counts["cut"] += response.finish_reason == "length"
        counts["unanswered"] += response.finish_reason in ("too_long", "refused", "failed")
        counts["unfinished"] += is_correct and not kept and not is_finished
        counts["without_reasoning"] += is_correct and not kept and is_finished
        self.attempted[source].add(response.question_id)
        if kept:
            counts["traces_kept"] += 1
            counts["kept_chars"] += len(response.reasoning)
            self.kept[source].add(response.question_id)
        self.selection[source].add(question, response, kept)

    def summary(self) -> list[dict[str, Any]]:
        """Per question set: questions, attempts, correct ones, and what was kept.

        `mean_chars` are the characters of a kept trace's reasoning. `accuracy` is that of each
        question's first attempt (pass@1). Where sampling stops at the first correct attempt, later
        attempts are of the harder questions alone. An attempt that was cut counts as wrong.

        Correct attempts are not kept where they were cut (`correct_unfinished`), else where they
        show no reasoning. `disagreement_rate` is over all attempts. `gave_up` counts what could not
        be graded.
        """
        return [self._summary_of(source) for source in sorted(self.counts)]

    def _summary_of(self, source: str) -> dict[str, Any]:
        counts = self.counts[source]
        questions = len(self.attempted[source])
        attempts = counts["attempts"]
        traces_kept = counts["traces_kept"]
        return {
            "source": source,
            "questions": questions,
            "attempts": attempts,
            "correct": counts["correct"],
            "correct_unfinished": counts["unfinished"],
            "correct_without_reasoning": counts["without_reasoning"],
            "no_answer": counts["no_answer"],
            "cut": counts["cut"],
            "unanswered": counts["unanswered"],
            "gave_up": counts["gave_up"],
            "accuracy": round(counts["first_correct"] / questions, 6),
            "accuracy_second_grader": round(counts["first_correct_by_second"] / questions, 6),
            "disagreements": counts["disagreements"],
            "disagreement_rate": round(counts["disagreements"] / attempts, 6),
            "questions_kept": len(self.kept[source]),
            "traces_kept": traces_kept,
            "mean_chars": round(counts["kept_chars"] / traces_kept, 2) if traces_kept else None,
            "selection": self.selection[source].summary(),
        }

    def complaint(self) -> str:
        """Why no response at all is kept."""
        total = sum(self.counts.values(), Counter[str]())
        if not total["correct"]:
            return "not one of its responses is correct; check the teacher and the graders"
        return (
            f"none of its {total['correct']} correct responses can be kept: "
            f"{total['without_reasoning']} show no reasoning, {total['unfinished']} did not end by "
            "themselves; check its reasoning and finish_reason"
        )


def keep(
    responses: Iterable[Response],
    questions: Mapping[str, Question],
    tally: VerdictTally,
    page: Page,
) -> Iterator[Trace]:
    """Yields the traces of the responses that are worth keeping, in order.

    `questions` are by question_id. `tally` counts all responses, and `page` notes those on which
    the graders disagree. Raises StageError for a response to a question that is not there.
    """
    # The graders read some batches ahead of the rows that are waiting for their verdicts
    ahead, rows = itertools.tee(_with_questions(responses, questions))
    verdicts = grading.grade_many(
        (response.answer, question.gold, question.grader, question) for response, question in ahead
    )
    for (response, question), verdict in zip(rows, verdicts, strict=True):
        kept = worth_keeping(verdict, response.finish_reason, response.reasoning)
        tally.add(question, response, verdict, kept)
        page.add(question, response.sample, response.answer, verdict)
        if kept:
            yield _trace(question, response, verdict)


def _with_questions(
    responses: Iterable[Response], questions: Mapping[str, Question]
) -> Iterator[tuple[Response, Question]]:
    for response in responses:
        if response.question_id not in questions:
            raise StageError(
                f"response to question {response.question_id}: no such question; rerun its "
                "teacher's stage"
            )
        yield response, questions[response.question_id]


def _trace(question: Question, response: Response, verdict: Verdict) -> Trace:
    """The record of a kept response."""
    return Trace(
        question_id=response.question_id,
        sample=response.sample,
        source=question.source,
        question=question.question,
        gold=question.gold,
        reasoning=response.reasoning,
        answer=response.answer,
        stated=grading.stated(response.answer, verdict, question),
        parsed=verdict.parsed,
        second=verdict.second,
        request_key=response.request_key,
        seed=response.seed,
        model=response.model,
        finish_reason=response.finish_reason,
        prompt_tokens=response.prompt_tokens,
        completion_tokens=response.completion_tokens,
    )


@command.stage("profile", "teacher")
def main(profile: str, teacher: str) -> None:
    """Keep one teacher's correct responses as data/<profile>/traces/<teacher>.parquet."""
    # Load
    params.read(PARAMS, profile, teacher=teacher)
    data = paths.data(profile)
    all_questions = records.read(data.questions, Question)
    questions = {question.question_id: question for question in all_questions}
    responses = command.progress(records.read(data.responses(teacher), Response), "verify")

    # Grade, and keep what is right
    tally = VerdictTally()
    page = Page(f"the responses of {teacher}")
    traces_path = data.traces(teacher)
    trace_count = records.write(traces_path, keep(responses, questions, tally, page), Trace)
    if trace_count == 0:
        traces_path.unlink()  # an empty file would only fail in a later stage
        raise StageError(f"teacher {teacher}: {tally.complaint()}")

    # Save what is beside the traces
    write_text(data.disagreements("verify", teacher), page.text())
    metrics = {"teacher": teacher, "sets": tally.summary()}
    write_json(paths.metric(profile, "verify", teacher), metrics)


if __name__ == "__main__":
    main()
