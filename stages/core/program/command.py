"""What every stage's command shares: one-line errors, the repository's root, and progress bars."""

import errno
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from stages.core.program.errors import StageError
from stages.core.program.files import error_number
from stages.core.program.lifetime import end_with_parent


def quiet() -> bool:
    """Whether progress bars are off: in CI, or where stderr is no terminal."""
    return bool(os.environ.get("CI")) or not sys.stderr.isatty()


# No library that a stage uses, in this process or in those that it starts, tells its makers that it
# is used: of what is not said otherwise, Hugging Face's (TRL's trainers too) and vLLM's, Ray's, and
# DVC's
for name, value in {
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DVC_NO_ANALYTICS": "1",
}.items():
    os.environ.setdefault(name, value)
if quiet():
    # Read by tqdm when it is imported, here and by every library that a stage uses
    os.environ.setdefault("TQDM_DISABLE", "1")

from tqdm import tqdm  # noqa: E402

Item = TypeVar("Item")
LONGEST_LINE = 2000  # characters of an error; its end, which says what to do, is kept
SECRET_LENGTH = 6  # characters; shorter values are words like "none" and "false"
_SECRET = re.compile(
    "KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL"
)  # in the name of an environment variable
_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)
_TAKEN = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY)
_OPEN = (errno.EMFILE, errno.ENFILE)
_REMEDIES = {
    **dict.fromkeys(_ROOM, "; make room or rights there"),
    **dict.fromkeys(_TAKEN, "; move away what is in its place"),
    **dict.fromkeys(_OPEN, "; allow more open files (`ulimit -n`)"),
    errno.ENOENT: "; `dvc repro` or `dvc pull` what is missing",
    errno.ENAMETOOLONG: "; give shorter names",
    errno.ENOMEM: "; run it where there is more memory",
}
_CELL = {
    "profile": "the profile that params.yaml is composed for",
    "teacher": "an entry of teachers in params.yaml",
    "compressor": "an entry of compressors in params.yaml",
    "student": "an entry of students in params.yaml",
    "target": "raw, answer_only, a compressor, or truncated_<compressor>",
    "method": "an entry of methods in params.yaml",
    "seed": "an entry of seeds in params.yaml",
}


def stage(
    *names: str, optional: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], click.Command]:
    """Makes `main` a command whose options, `names` required, say which cell of the grid it runs."""

    def wrap(main: Callable[..., None]) -> click.Command:
        def run(**cell: str) -> None:
            if (
                "DVC_STAGE" in os.environ
            ):  # a stage that outlives its dvc would write beside the next one
                end_with_parent(signal.SIGTERM)
            guarded(lambda: main(**cell))

        command: Callable[..., None] = run
        for name in reversed(names + optional):
            command = click.option(f"--{name}", required=name in names, help=_CELL[name])(command)
        return click.command(help=main.__doc__)(command)

    return wrap


def guarded(body: Callable[[], None]) -> None:
    """Runs `body`; what its user can mend becomes one line on stderr and exit code 1."""
    try:
        body()
    except StageError as error:
        fail(str(error))
    except MemoryError:
        fail(
            "out of memory; ask for less at a time or run it where there is more, then run the stage again"
        )
    except Exception as error:
        number = error_number(error)
        if number is None:
            raise
        name = getattr(error, "filename", None)
        where = name if isinstance(name, str) else Path.cwd()
        problem = getattr(error, "strerror", None) or os.strerror(number)
        fail(f"{where}: {problem}{_REMEDIES.get(number, '; mend that')}, then run the stage again")


class Group(click.Group):
    """Commands that are no stages and end as stages do."""

    def invoke(self, context: click.Context) -> None:
        """Runs the command that was asked for."""
        guarded(lambda: super(Group, self).invoke(context))


def fail(text: str) -> NoReturn:
    """Ends the program with `text` as its one line on stderr."""
    sys.exit(f"error: {one_line(text)}")


def one_line(text: str) -> str:
    """`text` as a terminal may show it: one line, no control characters, no secrets, and of bounded
    length.
    """
    line = " ".join(_without_secrets(text).split())
    if len(line) > LONGEST_LINE:
        half = LONGEST_LINE // 2
        line = f"{line[:half]} ... {line[-half:]}"
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in line
    )


def _without_secrets(text: str) -> str:
    """`text` without the values of environment variables that hold secrets: servers repeat keys in
    their messages.
    """
    for name, value in os.environ.items():
        if _SECRET.search(name) and len(value) >= SECRET_LENGTH:
            text = text.replace(value, f"[{name}]")
    return text


def progress(
    items: Iterable[Item], what: str, total: int | None = None, unit: str = "row"
) -> "tqdm[Item]":
    """`items` behind a progress bar on stderr."""
    return tqdm(items, desc=what, total=total, unit=unit, leave=False)
