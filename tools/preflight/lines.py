"""The lines of the table: what was checked, what came out, and what to do about it."""

import contextlib
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from stages.core.program.errors import StageError

Status = Literal["ok", "warning", "error"]
OK: Status = "ok"
WARNING: Status = "warning"
ERROR: Status = "error"
NARROWEST = 40  # characters of a finding, however narrow the terminal is


@dataclass(frozen=True)
class Line:
    """One finding. `remedy` is empty where there is nothing to do."""

    status: Status
    subject: str  # the entry of the params: students.qwen9b
    check: str
    finding: str
    remedy: str = ""


@dataclass
class Report:
    """The lines so far, in the order of the checks."""

    lines: list[Line] = field(default_factory=list)

    def ok(self, subject: str, check: str, finding: str) -> None:
        """Adds a line for something that is as it should be."""
        self.lines.append(Line(OK, subject, check, finding))

    def warning(self, subject: str, check: str, finding: str, remedy: str) -> None:
        """Adds a line for something that may be a mistake, or may be meant."""
        self.lines.append(Line(WARNING, subject, check, finding, remedy))

    def error(self, subject: str, check: str, finding: str, remedy: str) -> None:
        """Adds a line for something that would stop the study, or spoil it."""
        self.lines.append(Line(ERROR, subject, check, finding, remedy))

    def judge(self, passed: bool, subject: str, check: str, finding: str, remedy: str) -> None:
        """Adds an ok where the check passed, and an error with its remedy where it did not."""
        if passed:
            self.ok(subject, check, finding)
        else:
            self.error(subject, check, finding, remedy)

    @contextlib.contextmanager
    def errors_of(self, subject: str, check: str) -> Iterator[None]:
        """Turns an error that the block raises into a line. What follows in the block is skipped.

        The last clause of a StageError is the remedy. Libraries raise errors of any kind for files
        that they do not know, and those must not hide the lines of other entries.
        """
        try:
            yield
        except StageError as error:
            finding, _, last_clause = str(error).rpartition("; ")
            if finding:
                self.error(subject, check, finding, last_clause)
            else:
                self.error(subject, check, last_clause, "mend it in conf/profile/")
        except Exception as error:
            # As a StageError shows it: on one line, and without characters that move the cursor
            reason = str(StageError(f"{type(error).__name__}: {error}"))[:300]
            self.error(
                subject,
                check,
                reason,
                "its files are none that the libraries know: another model or revision",
            )

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(line.status == ERROR for line in self.lines)

    def count(self, status: Status) -> int:
        """How many lines have that status."""
        return sum(line.status == status for line in self.lines)

    def table(self, width: int = 0) -> str:
        """All lines, aligned, each remedy below its finding; then how many lines have each status.

        `width` is the width of the terminal in characters: longer findings and remedies are
        wrapped. With 0 nothing is wrapped.
        """
        subject_width = max((len(line.subject) for line in self.lines), default=0)
        check_width = max((len(line.check) for line in self.lines), default=0)
        rows = []
        for line in self.lines:
            subject = f"{line.subject:<{subject_width}}"
            check = f"{line.check:<{check_width}}"
            head = f"{line.status:<7}  {subject}  {check}  "
            text_width = max(NARROWEST, width - len(head)) if width else 0
            texts = _wrapped(line.finding, "", text_width)
            if line.remedy:
                texts += _wrapped(line.remedy, "-> ", text_width)
            # Further lines of the finding and the remedy stand below its beginning
            blank_head = " " * len(head)
            rows.append(head + texts[0])
            rows += [blank_head + text for text in texts[1:]]
        warnings = counted(self.count(WARNING), WARNING)
        errors = counted(self.count(ERROR), ERROR)
        rows.append(f"\n{self.count(OK)} ok, {warnings}, {errors}")
        return "\n".join(rows)


def counted(number: int, noun: str) -> str:
    """A number and its noun: "1 row", "2 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _wrapped(text: str, mark: str, width: int) -> list[str]:
    """A text in lines of at most `width` characters; 0 does not limit them.

    The first line begins with `mark`, and the others are indented by as much.
    """
    if not width:
        return [mark + text]
    indent = " " * len(mark)
    lines = textwrap.wrap(
        text, width, initial_indent=mark, subsequent_indent=indent, break_on_hyphens=False
    )
    return lines or [mark]
