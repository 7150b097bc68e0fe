"""Run the parts of a check one after the other, and time each.

A failure is noted, and the next part begins. No part begins after the time is used up.
"""

import contextlib
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from stages.core.program import command
from stages.core.program.files import write_json

Numbers = dict[str, Any]


class SkippedError(Exception):
    """A part that cannot be done here, and why."""


class OutOfTime(BaseException):
    """The time is used up. It is not an Exception, because libraries catch those and go on."""


class Parts:
    """Runs parts, and writes all results to `path` after each, so that a kill loses none."""

    def __init__(self, path: Path, budget: float, header: Numbers) -> None:
        self.path, self.budget, self.header, self.began = path, budget, header, time.monotonic()
        self.found: dict[str, Numbers] = {}

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.budget - (time.monotonic() - self.began)

    def run(self, name: str, body: Callable[[], Numbers]) -> None:
        """Run one part and note its outcome: ok, failed, skipped or left out."""
        began = time.monotonic()
        result = self._outcome(body)
        self.found[name] = result | {"seconds": round(time.monotonic() - began, 2)}
        self.write()
        click.echo(
            f"{name}: { {key: value for key, value in self.found[name].items() if key != 'curve'} }"
        )

    def _outcome(self, body: Callable[[], Numbers]) -> Numbers:
        if self.left <= 0:
            return {"outcome": "left out", "why": f"the {self.budget:g} s were used up"}
        try:
            with _alarm(self.left):
                return {"outcome": "ok"} | body()
        except SkippedError as reason:
            return {"outcome": "skipped", "why": str(reason)}
        except OutOfTime:
            return {"outcome": "left out", "why": f"the {self.budget:g} s ended in it"}
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            return {
                "outcome": "failed",
                "error": command.one_line(f"{type(error).__name__}: {error}"),
            }

    def of(self, name: str) -> Numbers:
        """The numbers of a part. Raises SkippedError where it has none."""
        numbers = self.found.get(name, {"outcome": "not asked for"})
        if numbers["outcome"] != "ok":
            raise SkippedError(f"{name}: {numbers['outcome']}")
        return numbers

    def with_outcome(self, *outcomes: str) -> list[str]:
        """Names of the parts that ended with one of these outcomes."""
        return [name for name, part in self.found.items() if part["outcome"] in outcomes]

    def write(self) -> None:
        """Write everything so far."""
        spent = {
            "seconds": round(time.monotonic() - self.began, 1),
            "failed": self.with_outcome("failed"),
        }
        write_json(self.path, self.header | spent | {"parts": self.found})


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raises OutOfTime in the main thread after so many seconds."""

    def ring(number: int, frame: Any) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
