"""The lines of the table: what was looked at, how it is, and what to do about it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from stages.core.errors import StageError

OK, WARNING, ERROR = "ok", "warning", "error"


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
        self.lines.append(Line(OK, subject, check, finding) if fine else Line(ERROR, subject, check, finding, remedy))

    @contextlib.contextmanager
    def errors_of(self, subject: str, check: str) -> Iterator[None]:
        """Makes a line of an error in the block and skips what follows there; a StageError's last clause is its remedy.

        What libraries make of files that they do not know is of any kind, and must not hide the lines of the others.
        """
        try:
            yield
        except StageError as error:
            finding, _, remedy = str(error).rpartition("; ")
            self.error(subject, check, finding or remedy, remedy if finding else "mend it in conf/profile/")
        except Exception as error:
            reason = str(StageError(f"{type(error).__name__}: {error}"))[:300]
            self.error(subject, check, reason, "its files are none that the libraries know: another model or revision")

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(line.status == ERROR for line in self.lines)

    def count(self, status: str) -> int:
        """Lines of that status."""
        return sum(line.status == status for line in self.lines)

    def table(self) -> str:
        """All lines, aligned, remedies below; then how many there are of each status."""
        widths = [max((len(getattr(line, name)) for line in self.lines), default=0) for name in ("subject", "check")]
        rows = []
        for line in self.lines:
            rows.append(f"{line.status:<7}  {line.subject:<{widths[0]}}  {line.check:<{widths[1]}}  {line.finding}")
            if line.remedy:
                rows.append(f"{'':<7}  {'':<{widths[0]}}  {'':<{widths[1]}}  -> {line.remedy}")
        counts = ", ".join(f"{self.count(status)} {status}" for status in (OK, WARNING, ERROR))
        return "\n".join([*rows, f"\n{counts}"])
