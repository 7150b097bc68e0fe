"""preflight: what of a profile would stop the study or spoil it, before anything is paid for.

It reads the profile, of each model its config and tokenizer (some MB), of each data set its first
rows, and changes nothing. The table has a line for each thing that was looked at: ok, warning or
error, with what to do about it.

Run: python -m tools.preflight PROFILE [--gpu-gb 141] [group.key=value ...]
"""

import argparse
import contextlib
import os
import shutil
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.core.program.errors import StageError
from tools import sections
from tools.compose import composed
from tools.preflight import asked, budget, question_sets, students
from tools.preflight.lines import Report
from tools.preflight.memory import GB, Room

WIDTH = 120  # columns where there is no terminal


def examine(params: Mapping[str, Any], room: Room) -> Report:
    """The lines of a whole profile, whose params `sections.check` has taken."""
    report, grid = Report(), params["grid"]
    sets = question_sets.entries(params["questions"])
    longest = question_sets.check(sets, report)
    teachers = {name: params["teachers"][name] for name in grid["generated"]}
    written, cached = asked.longest_trace(teachers.values()), 0
    for name, section in teachers.items():
        cached += asked.check_teacher(section, longest, room, report, f"teachers.{name}")
    for name in grid["compressors"]:
        subject = f"compressors.{name}"
        cached += asked.check_compressor(
            params["compressors"][name], longest, written, room, report, subject
        )
    trained = {
        name: students.check(name, params, longest, room, report) for name in grid["students"]
    }
    budget.check_questions(params, sets, report)
    tokens = budget.check_hours(params, report)
    budget.check_disk(
        params, {name: cells for name, cells in trained.items() if cells}, cached, tokens, report
    )
    return report


def params_of(profile: str, overrides: list[str]) -> dict[str, Any]:
    """The params of a profile. Raises StageError for what does not compose, or fits no stage."""
    if not (Path("conf/profile") / f"{profile}.yaml").is_file():
        raise StageError(
            f"profile {profile!r}: no conf/profile/{profile}.yaml; name another, or add it"
        )
    params: dict[str, Any] = yaml.safe_load(composed(profile, overrides))
    sections.check(params)
    return params


def main() -> None:
    """Print the table of a profile; exit with 1 where it has an error."""
    parser = argparse.ArgumentParser(prog="preflight")
    parser.add_argument("profile")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument(
        "--gpu-gb", type=float, default=141.0, help="memory of one GPU; an H200 has 141"
    )
    given = parser.parse_args()
    _quiet()
    try:
        params = params_of(given.profile, given.overrides)
        with contextlib.redirect_stdout(sys.stderr):  # what libraries print is no line of the table
            report = examine(
                params,
                Room(given.gpu_gb, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GB),
            )
    except StageError as error:
        sys.exit(f"error: profile {given.profile}: {error}")
    print(f"profile {given.profile}, for GPUs of {given.gpu_gb:g} GB\n")
    print(report.table(shutil.get_terminal_size((WIDTH, 0)).columns))
    sys.exit(report.failed)


def _quiet() -> None:
    """Keeps what libraries say of no concern off the table."""
    import datasets
    from transformers.utils import logging

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore")
    datasets.disable_progress_bars()
    logging.set_verbosity_error()
    logging.disable_progress_bar()


if __name__ == "__main__":
    main()
