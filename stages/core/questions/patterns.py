"""Regular expressions that users write: checked when they are read, and searched for under a time
limit.

They keep the meaning that they have in `re`, which has no limit of its own; its search can be
interrupted by a signal.
"""

import contextlib
import re
import signal
import threading
import types
from collections.abc import Iterator

from stages.core.program.errors import StageError, shown

SECONDS = 5.0  # for one text; a good expression takes some microseconds


class _TimeUpError(Exception):
    pass


def compiled(pattern: str) -> re.Pattern[str]:
    """The expression. Raises StageError where it is none."""
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        raise StageError(
            f"'{shown(pattern)}' is no regular expression: {error or type(error).__name__}"
        ) from error


def search(pattern: str, text: str, place: str) -> re.Match[str] | None:
    """As re.search. Raises StageError where it takes longer than SECONDS, as some expressions would
    for years.
    """
    with _limited():
        try:
            return compiled(pattern).search(text)
        except _TimeUpError:
            raise StageError(
                f"{place}: '{shown(pattern)}' takes more than {SECONDS:g} s on this row; "
                "write it without repeats inside repeats"
            ) from None


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raises _TimeUpError in the block after SECONDS. Stages run in the main thread, which alone
    gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _time_up)
    # and again after as long: a finalizer that runs just then would swallow the first one
    left, interval = signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, before)


def _time_up(number: int, frame: types.FrameType | None) -> None:
    raise _TimeUpError
