"""The answers on which the two graders disagree, as a page for people: whom to believe is theirs to
say.
"""

import collections

from stages.core.grading import Verdict
from stages.core.records import Question

MOST = 200  # rows of a question set that are shown
SHOWN = 600  # characters of a question's and an answer's end


class Page:
    """Gathers disagreements and writes them down in the order of their coming."""

    def __init__(self, title: str) -> None:
        self._parts = [f"# Where the two graders disagree: {title}\n"]
        self._counts: collections.Counter[str] = collections.Counter()

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, question: Question, sample: int, answer: str, verdict: Verdict) -> None:
        """Notes the answer if the verdict is no agreement."""
        self._counts[question.source] += disagree(verdict)
        if disagree(verdict) and self._counts[question.source] <= MOST:
            self._parts.append(
                f"## {question.source} {question.question_id}, sample {sample}\n\n"
                f"- gold: {_line(question.gold)} ({question.grader})\n"
                f"- first grader: {verdict.outcome}, read {_line(verdict.parsed) or 'nothing'}"
                f"{f' ({verdict.reason})' if verdict.reason else ''}\n"
                f"- second grader: {'correct' if verdict.second else 'not correct'}\n\n"
                f"Question:\n\n{_quoted(question.question)}\n\nAnswer:\n\n{_quoted(answer)}\n"
            )

    def text(self) -> str:
        """The page as Markdown."""
        left_out = [
            f"{count - MOST} more of {source}.\n"
            for source, count in self._counts.items()
            if count > MOST
        ]
        return (
            "\n".join((*self._parts, *left_out)) if len(self) else f"{self._parts[0]}\nNowhere.\n"
        )


def disagree(verdict: Verdict) -> bool:
    """Whether one of the two graders finds the answer right and the other does not."""
    return (verdict.outcome == "correct") != verdict.second


def _line(text: str) -> str:
    return " ".join(text.split())[:SHOWN]


def _quoted(text: str) -> str:
    """Its end as a code block, whose fence nothing in it can close."""
    return "\n".join(
        f"    {line}"
        for line in ("... " + text[-SHOWN:] if len(text) > SHOWN else text).splitlines()
    )
