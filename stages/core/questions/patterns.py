"""Regular expressions that users write: checked when they are read, searched under a time limit.

They are Python's own (`re`). That library has no time limit, but a signal can interrupt its search.
"""

import contextlib
import re
import signal
import threading
import types
from collections.abc import Iterator

from stages.core.program.errors import StageError, shown

SECONDS = 5.0  # the time limit for one text; a good expression takes some microseconds


class _TimeUpError(Exception):
    pass


def compiled(pattern: str) -> re.Pattern[str]:
    """The compiled expression. Raises StageError where `pattern` is no regular expression."""
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        raise StageError(
            f"'{shown(pattern)}' is no regular expression: {error or type(error).__name__}"
        ) from error


def search(pattern: str, text: str, location: str) -> re.Match[str] | None:
    """As re.search. Raises StageError after SECONDS: some expressions would search for years."""
    with _limited():
        try:
            return compiled(pattern).search(text)
        except _TimeUpError:
            raise StageError(
                f"{location}: '{shown(pattern)}' takes more than {SECONDS:g} s on this row; "
                "write it without repeats inside repeats"
            ) from None


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raises _TimeUpError in the block after SECONDS.

    Only the main thread gets signals. Stages run in it; other threads have no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous_handler = signal.signal(signal.SIGALRM, _raise_time_up)
    # The alarm repeats, because a finalizer that runs just then would swallow the first one
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, remaining, interval)
        signal.signal(signal.SIGALRM, previous_handler)


def _raise_time_up(number: int, frame: types.FrameType | None) -> None:
    raise _TimeUpError
