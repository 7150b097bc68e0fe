"""The answers on which the two graders disagree, as a page for people.

Whom to believe is theirs to say.
"""

import collections

from stages.core.grading import Verdict
from stages.core.records import Question

MOST = 200  # rows of a question set that are shown
SHOWN = 600  # characters of a question's and an answer's end


class Page:
    """Gathers disagreements and writes them down in the order in which they come."""

    def __init__(self, title: str) -> None:
        self._parts = [f"# Where the two graders disagree: {title}\n"]
        self._counts: collections.Counter[str] = collections.Counter()

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, question: Question, sample: int, answer: str, verdict: Verdict) -> None:
        """Notes the answer if the graders disagree on it."""
        self._counts[question.source] += disagree(verdict)
        if not disagree(verdict) or self._counts[question.source] > MOST:
            return
        first_parsed = _line(verdict.parsed) or "nothing"
        first_reason = f" ({verdict.reason})" if verdict.reason else ""
        second_outcome = "correct" if verdict.second else "not correct"
        self._parts.append(
            f"## {question.source} {question.question_id}, sample {sample}\n\n"
            f"- gold: {_line(question.gold)} ({question.grader})\n"
            f"- first grader: {verdict.outcome}, read {first_parsed}{first_reason}\n"
            f"- second grader: {second_outcome}\n\n"
            f"Question:\n\n{_quoted(question.question)}\n\nAnswer:\n\n{_quoted(answer)}\n"
        )

    def text(self) -> str:
        """The page as Markdown."""
        if not len(self):
            return f"{self._parts[0]}\nNowhere.\n"
        left_out = [
            f"{count - MOST} more of {source}.\n"
            for source, count in self._counts.items()
            if count > MOST
        ]
        return "\n".join((*self._parts, *left_out))


def disagree(verdict: Verdict) -> bool:
    """Whether one of the two graders finds the answer right and the other does not."""
    return (verdict.outcome == "correct") != verdict.second


def _line(text: str) -> str:
    """The beginning of a text in one line."""
    return " ".join(text.split())[:SHOWN]


def _quoted(text: str) -> str:
    """The end of a text as a code block, which nothing in it can close."""
    end = "... " + text[-SHOWN:] if len(text) > SHOWN else text
    return "\n".join(f"    {line}" for line in end.splitlines())
