"""The lines of the table: what was looked at, how it is, and what to do about it."""

import contextlib
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from stages.core.program.errors import StageError

OK, WARNING, ERROR = "ok", "warning", "error"
NARROWEST = 40  # characters of a finding, however narrow the terminal is


@dataclass(frozen=True)
class Line:
    """One finding. `remedy` is empty where there is nothing to do."""

    status: str
    subject: str  # the entry of the params: students.qwen9b
    check: str
    finding: str
    remedy: str = ""


@dataclass
class Report:
    """The lines so far, in the order in which they were found."""

    lines: list[Line] = field(default_factory=list)

    def ok(self, subject: str, check: str, finding: str) -> None:
        """Adds what is as it should be."""
        self.lines.append(Line(OK, subject, check, finding))

    def warning(self, subject: str, check: str, finding: str, remedy: str) -> None:
        """Adds what may be meant so."""
        self.lines.append(Line(WARNING, subject, check, finding, remedy))

    def error(self, subject: str, check: str, finding: str, remedy: str) -> None:
        """Adds what would stop the study, or spoil it."""
        self.lines.append(Line(ERROR, subject, check, finding, remedy))

    def judge(self, fine: bool, subject: str, check: str, finding: str, remedy: str) -> None:
        """Adds an ok or, where it is not fine, an error with its remedy."""
        self.lines.append(
            Line(OK, subject, check, finding)
            if fine
            else Line(ERROR, subject, check, finding, remedy)
        )

    @contextlib.contextmanager
    def errors_of(self, subject: str, check: str) -> Iterator[None]:
        """Makes a line of an error in the block and skips what follows there; a StageError's last
        clause is its remedy.

        What libraries make of files that they do not know is of any kind, and must not hide the
        lines of the others.
        """
        try:
            yield
        except StageError as error:
            finding, _, remedy = str(error).rpartition("; ")
            self.error(
                subject, check, finding or remedy, remedy if finding else "mend it in conf/profile/"
            )
        except Exception as error:
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

    def count(self, status: str) -> int:
        """Lines of that status."""
        return sum(line.status == status for line in self.lines)

    def table(self, width: int = 0) -> str:
        """All lines, aligned, remedies below; then how many there are of each status.

        With a `width`, findings and remedies go on below themselves where they would be longer.
        """
        widths = [
            max((len(getattr(line, name)) for line in self.lines), default=0)
            for name in ("subject", "check")
        ]
        rows = []
        for line in self.lines:
            head = f"{line.status:<7}  {line.subject:<{widths[0]}}  {line.check:<{widths[1]}}  "
            room = max(NARROWEST, width - len(head)) if width else 0
            texts = [
                *_wrapped(line.finding, "", room),
                *(_wrapped(line.remedy, "-> ", room) if line.remedy else []),
            ]
            rows += [f"{start}{text}" for start, text in zip(_starts(head), texts, strict=False)]
        counts = ", ".join(
            [f"{self.count(OK)} ok", *(counted(self.count(one), one) for one in (WARNING, ERROR))]
        )
        return "\n".join([*rows, f"\n{counts}"])


def counted(number: int, noun: str) -> str:
    """A number and its noun: "1 row", "2 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _starts(head: str) -> Iterator[str]:
    """Yields a line's head, then blanks as wide."""
    yield head
    while True:
        yield " " * len(head)


def _wrapped(text: str, mark: str, room: int) -> list[str]:
    """A text in lines of at most `room` characters, 0 for any, all below what follows its `mark`."""
    if not room:
        return [mark + text]
    blanks = " " * len(mark)
    return textwrap.wrap(
        text, room, initial_indent=mark, subsequent_indent=blanks, break_on_hyphens=False
    ) or [mark]
