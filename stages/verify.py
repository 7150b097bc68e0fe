"""verify: grade every response and keep the correct ones as traces.

A response that did not end by itself (cut at the token limit, refused) is never kept: its answer, if any, is not its
last word.

responses, questions -> data/<profile>/traces/<teacher>.parquet, metrics/<profile>/verify/<teacher>.json
Run: python -m stages.verify --profile default --teacher scripted
"""

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.core import command, grading, params, records
from stages.core.errors import StageError
from stages.core.files import write_json
from stages.core.records import Question, Response, Trace

PARAMS: dict[str, str] = {}
# what a trace takes from its response as it is
_SAME = [item.name for item in dataclasses.fields(Response)]


class Tally:
    """Counts per question set, gathered while responses stream past, so that no text is held."""

    def __init__(self) -> None:
        self.counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.asked: dict[str, set[str]] = collections.defaultdict(set)
        self.answered: dict[str, set[str]] = collections.defaultdict(set)

    def add(self, source: str, response: Response, outcome: str, kept: bool) -> None:
        """Counts one response of question set `source`."""
        counts = self.counts[source]
        counts.update(["attempts", outcome])
        counts["cut"] += response.finish_reason == "length"
        counts["unanswered"] += response.finish_reason in ("too_long", "refused", "failed")
        counts["first"] += outcome == "correct" and response.question_id not in self.asked[source]
        counts["traces_kept"] += kept
        counts["chars"] += len(response.reasoning) if kept else 0
        self.asked[source].add(response.question_id)
        if kept:
            self.answered[source].add(response.question_id)

    def summary(self) -> list[dict[str, Any]]:
        """Per question set: questions, attempts, correct ones, kept traces and their mean reasoning characters.

        accuracy is that of each question's first attempt (pass@1): where sampling stops at the first correct one,
        the later attempts are of the harder questions alone. A correct attempt that was cut, or that shows no
        reasoning, is not kept.
        """
        return [
            {
                "source": source,
                "questions": len(self.asked[source]),
                "attempts": counts["attempts"],
                "correct": counts["correct"],
                "no_answer": counts["no_answer"],
                "cut": counts["cut"],
                "unanswered": counts["unanswered"],
                "accuracy": round(counts["first"] / len(self.asked[source]), 6),
                "questions_kept": len(self.answered[source]),
                "traces_kept": counts["traces_kept"],
                "mean_chars": round(counts["chars"] / kept, 2) if (kept := counts["traces_kept"]) else None,
            }
            for source, counts in sorted(self.counts.items())
        ]


def keep(responses: Iterable[Response], questions: Mapping[str, Question], tally: Tally) -> Iterator[Trace]:
    """The traces of correct, finished responses that show their reasoning, in order; `tally` counts them all."""
    for row in responses:
        question = questions.get(row.question_id)
        if question is None:
            raise StageError(f"response to question {row.question_id}: no such question; rerun its teacher's stage")
        verdict = grading.grade(row.answer, question.gold, question.grader, question=question)
        kept = verdict.outcome == "correct" and row.finish_reason == "stop" and bool(row.reasoning.strip())
        tally.add(question.source, row, verdict.outcome, kept)
        if kept:
            yield Trace(
                source=question.source,
                question=question.question,
                gold=question.gold,
                stated=grading.stated(row.answer, verdict, question),
                parsed=verdict.parsed,
                **{name: getattr(row, name) for name in _SAME},
            )


@command.stage("profile", "teacher")
def main(profile: str, teacher: str) -> None:
    """Keep one teacher's correct responses as data/<profile>/traces/<teacher>.parquet."""
    params.read(PARAMS, profile)
    data, tally = Path("data") / profile, Tally()
    questions = {row.question_id: row for row in records.read(data / "questions.parquet", Question)}
    responses = records.read(data / "responses" / f"{teacher}.parquet", Response)
    out = data / "traces" / f"{teacher}.parquet"
    kept = records.write(out, keep(command.progress(responses, "verify"), questions, tally), Trace)
    if not kept:
        out.unlink()
        raise StageError(f"teacher {teacher}: not one of its responses is correct; check the teacher and the graders")
    result = {"teacher": teacher, "sets": tally.summary()}
    write_json(Path("metrics") / profile / "verify" / f"{teacher}.json", result)


if __name__ == "__main__":
    main()
