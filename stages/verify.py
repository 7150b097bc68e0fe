"""verify: grade every response and keep the correct ones as traces.

A response that did not end by itself (cut at the token limit, refused) is never kept: its answer,
if any, is not its last word.

What counts is the first grader's verdict; the second one's is a column, and where they disagree a
page lists the rows.

responses, questions -> data/<profile>/traces/<teacher>.parquet, data/<profile>/disagreements/verify/<teacher>.md,
    metrics/<profile>/verify/<teacher>.json
Run: python -m stages.verify --profile default --teacher scripted
"""

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stages.core import grading, paths, records
from stages.core.grading import Verdict
from stages.core.grading.disagreements import Page, disagree
from stages.core.grading.selection import Selection
from stages.core.program import command, params
from stages.core.program.errors import StageError
from stages.core.program.files import write_json, write_text
from stages.core.records import Question, Response, Trace

PARAMS: dict[str, str] = {}
# what a trace takes from its response as it is
_SAME = [item.name for item in dataclasses.fields(Response)]


class Tally:
    """Counts per question set, gathered while responses stream past, so that no text is held."""

    def __init__(self) -> None:
        self.counts: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        self.asked: dict[str, set[str]] = collections.defaultdict(set)
        self.answered: dict[str, set[str]] = collections.defaultdict(set)
        self.selection: dict[str, Selection] = collections.defaultdict(Selection)

    def add(self, question: Question, response: Response, verdict: Verdict, kept: bool) -> None:
        """Counts one response to `question`."""
        source, right = question.source, verdict.outcome == "correct"
        first = response.finish_reason == "stop" and response.question_id not in self.asked[source]
        self.selection[source].add(question, response, kept)
        counts = self.counts[source]
        counts.update(["attempts", verdict.outcome])
        counts.update(disagreements=disagree(verdict), gave_up=bool(verdict.reason))
        counts.update(first=first and right, first_by_second=first and verdict.second)
        counts["cut"] += response.finish_reason == "length"
        counts["unanswered"] += response.finish_reason in ("too_long", "refused", "failed")
        counts["traces_kept"] += kept
        if right and not kept:
            counts["unfinished" if response.finish_reason != "stop" else "without_reasoning"] += 1
        counts["chars"] += len(response.reasoning) if kept else 0
        self.asked[source].add(response.question_id)
        if kept:
            self.answered[source].add(response.question_id)

    def summary(self) -> list[dict[str, Any]]:
        """Per question set: questions, attempts, correct ones, kept traces and their mean reasoning
        characters.

        accuracy is that of each question's first attempt (pass@1): where sampling stops at the
        first correct one, the later attempts are of the harder questions alone. One that was cut
        counts as wrong. Correct attempts are not kept where they were cut (correct_unfinished),
        else where they show no reasoning. disagreement_rate is over all attempts; gave_up counts
        what could not be graded.
        """
        return [
            {
                "source": source,
                "questions": len(self.asked[source]),
                "attempts": counts["attempts"],
                "correct": counts["correct"],
                "correct_unfinished": counts["unfinished"],
                "correct_without_reasoning": counts["without_reasoning"],
                "no_answer": counts["no_answer"],
                "cut": counts["cut"],
                "unanswered": counts["unanswered"],
                "gave_up": counts["gave_up"],
                "accuracy": round(counts["first"] / len(self.asked[source]), 6),
                "accuracy_second_grader": round(
                    counts["first_by_second"] / len(self.asked[source]), 6
                ),
                "disagreements": counts["disagreements"],
                "disagreement_rate": round(counts["disagreements"] / counts["attempts"], 6),
                "questions_kept": len(self.answered[source]),
                "traces_kept": counts["traces_kept"],
                "mean_chars": round(counts["chars"] / kept, 2)
                if (kept := counts["traces_kept"])
                else None,
                "selection": self.selection[source].summary(),
            }
            for source, counts in sorted(self.counts.items())
        ]

    def complaint(self) -> str:
        """Why no response at all is kept."""
        whole = sum(self.counts.values(), collections.Counter[str]())
        if not whole["correct"]:
            return "not one of its responses is correct; check the teacher and the graders"
        return (
            f"none of its {whole['correct']} correct responses can be kept: {whole['without_reasoning']} show no "
            f"reasoning, {whole['unfinished']} did not end by themselves; check its reasoning and finish_reason"
        )


def keep(
    responses: Iterable[Response], questions: Mapping[str, Question], tally: Tally, page: Page
) -> Iterator[Trace]:
    """The traces of correct, finished responses that show their reasoning, in order.

    `tally` counts all responses, and `page` notes those on which the graders disagree.
    """
    ahead, rows = itertools.tee(_asked(responses, questions))  # the graders read some batches ahead
    verdicts = grading.grade_many(
        (row.answer, asked.gold, asked.grader, asked) for row, asked in ahead
    )
    for (row, question), verdict in zip(rows, verdicts, strict=True):
        kept = (
            verdict.outcome == "correct"
            and row.finish_reason == "stop"
            and bool(row.reasoning.strip())
        )
        tally.add(question, row, verdict, kept)
        page.add(question, row.sample, row.answer, verdict)
        if kept:
            yield Trace(
                source=question.source,
                question=question.question,
                gold=question.gold,
                stated=grading.stated(row.answer, verdict, question),
                parsed=verdict.parsed,
                second=verdict.second,
                **{name: getattr(row, name) for name in _SAME},
            )


def _asked(
    responses: Iterable[Response], questions: Mapping[str, Question]
) -> Iterator[tuple[Response, Question]]:
    for row in responses:
        if row.question_id not in questions:
            raise StageError(
                f"response to question {row.question_id}: no such question; rerun its teacher's stage"
            )
        yield row, questions[row.question_id]


@command.stage("profile", "teacher")
def main(profile: str, teacher: str) -> None:
    """Keep one teacher's correct responses as data/<profile>/traces/<teacher>.parquet."""
    params.read(PARAMS, profile, teacher=teacher)
    data, tally, page = paths.data(profile), Tally(), Page(f"the responses of {teacher}")
    questions = {row.question_id: row for row in records.read(data.questions, Question)}
    responses = records.read(data.responses(teacher), Response)
    out = data.traces(teacher)
    kept = records.write(
        out, keep(command.progress(responses, "verify"), questions, tally, page), Trace
    )
    if not kept:
        out.unlink()
        raise StageError(f"teacher {teacher}: {tally.complaint()}")
    write_text(data.disagreements("verify", teacher), page.text())
    result = {"teacher": teacher, "sets": tally.summary()}
    write_json(paths.metric(profile, "verify", teacher), result)


if __name__ == "__main__":
    main()
