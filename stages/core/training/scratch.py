"""The scratch of training runs: their checkpoints, which a run removes when it has ended well.

A run that failed, or whose params were changed after it was killed, leaves its folder behind. A
folder of a run that goes on has a lock.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from stages.core.program.errors import StageError

# Ignored by git; to be put elsewhere for workspaces that come and go, as those of DVC's queue
FOLDER = Path(os.environ.get("COMPRESS_DISTILL_SCRATCH", "data/scratch"))
LOCK = "lock"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Makes `folder` this process's own. Raises StageError where another process trains the same
    cell.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageError(
                f"{folder}: another process trains this cell; wait for its end, or kill it, then run the stage again"
            ) from error
        yield
