"""What every stage's command shares: its options, one-line errors and progress bars."""

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


# No library that a stage uses reports its use to its makers, neither in this process nor in those
# that it starts. A variable that the user has set stays as it is
_NO_TELEMETRY = {
    "DO_NOT_TRACK": "1",  # Hugging Face's libraries, TRL's trainers among them, and vLLM
    "RAY_USAGE_STATS_ENABLED": "0",
    "DVC_NO_ANALYTICS": "1",
}
for name, value in _NO_TELEMETRY.items():
    os.environ.setdefault(name, value)
if quiet():
    # tqdm reads this when it is imported, here and by every library that a stage uses
    os.environ.setdefault("TQDM_DISABLE", "1")

from tqdm import tqdm  # noqa: E402

Item = TypeVar("Item")
LONGEST_LINE = 2000  # characters of an error; its end, which says what to do, is kept
SECRET_LENGTH = 6  # characters; shorter values are words like "none" and "false"
# Found in the name of an environment variable that holds a secret, e.g. OPENAI_API_KEY
_SECRET = re.compile("KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)
_PATH_TAKEN = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY)
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)
_REMEDIES = {
    **dict.fromkeys(_NO_SPACE + _NO_ACCESS, "; make room or rights there"),
    **dict.fromkeys(_PATH_TAKEN, "; move away what is in its place"),
    **dict.fromkeys(_TOO_MANY_FILES, "; allow more open files (`ulimit -n`)"),
    errno.ENOENT: "; `dvc repro` or `dvc pull` what is missing",
    errno.ENAMETOOLONG: "; give shorter names",
    errno.ENOMEM: "; run it where there is more memory",
}
_OPTION_HELP = {
    "profile": "the profile that params.yaml is composed for",
    "teacher": "an entry of teachers in params.yaml",
    "compressor": "an entry of compressors in params.yaml",
    "shortener": "an entry of shorteners in params.yaml",
    "student": "an entry of students in params.yaml",
    "target": "raw, answer_only, a compressor, a shortener, or an entry of targets",
    "forced": "in place of target: raw's student, its thinking closed at the length of this arm's",
    "method": "an entry of methods in params.yaml",
    "seed": "an entry of seeds in params.yaml",
}


def stage(
    *names: str, optional: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], click.Command]:
    """A decorator that makes `main` a command whose options say which cell of the grid it runs.

    The options `names` are required, those in `optional` may be left out and are None then.
    """

    def wrap(main: Callable[..., None]) -> click.Command:
        def run(**cell: str) -> None:
            # A stage that outlives its dvc would write beside the next one
            if "DVC_STAGE" in os.environ:
                end_with_parent(signal.SIGTERM)
            guarded(lambda: main(**cell))

        command: Callable[..., None] = run
        for name in reversed(names + optional):
            option = click.option(f"--{name}", required=name in names, help=_OPTION_HELP[name])
            command = option(command)
        return click.command(help=main.__doc__)(command)

    return wrap


def guarded(body: Callable[[], None]) -> None:
    """Runs `body`. An error that its user can mend becomes one line on stderr and exit code 1.

    Other errors, which are our own mistakes, keep their traceback.
    """
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
        filename = getattr(error, "filename", None)
        path = filename if isinstance(filename, str) else Path.cwd()
        problem = getattr(error, "strerror", None) or os.strerror(number)
        remedy = _REMEDIES.get(number, "; mend that")
        fail(f"{path}: {problem}{remedy}, then run the stage again")


class Group(click.Group):
    """Commands that are no stages, but end with one-line errors as stages do."""

    def invoke(self, context: click.Context) -> None:
        """Runs the command that was asked for."""
        guarded(lambda: super(Group, self).invoke(context))


def fail(text: str) -> NoReturn:
    """Ends the program with `text` as its one line on stderr."""
    sys.exit(f"error: {one_line(text)}")


def one_line(text: str) -> str:
    """`text` as a terminal may show it: one line of bounded length, without control characters and
    without secrets.
    """
    line = " ".join(_without_secrets(text).split())
    if len(line) > LONGEST_LINE:
        half = LONGEST_LINE // 2
        line = f"{line[:half]} ... {line[-half:]}"
    return "".join(map(_printable, line))


def _printable(character: str) -> str:
    """A character as it is, or its escape where it cannot be printed."""
    if character.isprintable():
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()


def _without_secrets(text: str) -> str:
    """`text` with the names of environment variables that hold secrets in place of their values.

    Servers repeat keys in their messages.
    """
    for name, value in os.environ.items():
        if _SECRET.search(name) and len(value) >= SECRET_LENGTH:
            text = text.replace(value, f"[{name}]")
    return text


def progress(
    items: Iterable[Item], description: str, total: int | None = None, unit: str = "row"
) -> "tqdm[Item]":
    """`items` behind a progress bar on stderr."""
    return tqdm(items, desc=description, total=total, unit=unit, leave=False)
