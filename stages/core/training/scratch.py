"""The scratch of training runs: their checkpoints, which a run removes when it has ended well.

A run that failed leaves its folder behind. So does a run that was killed and whose params were
changed afterwards. The folder of a run that goes on has a lock.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from stages.core.program.errors import StageError

# Ignored by git. Put it elsewhere for workspaces that come and go, as those of DVC's queue do.
FOLDER = Path(os.environ.get("COMPRESS_DISTILL_SCRATCH", "data/scratch"))
LOCK = "lock"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Locks `folder`, which it makes, for this process.

    Raises StageError if another process trains the same cell.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("ab") as lock_file:
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageError(
                f"{folder}: another process trains this cell; "
                "wait for its end, or kill it, then run the stage again"
            ) from error
        yield
