"""preflight: find what in a profile would stop the study or spoil it, before anything is paid for.

It reads the profile, the config and tokenizer of each model (some MB) and the first rows of each
data set, and it changes nothing. The table has a line for each check: ok, warning or error, with
what to do about it.

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
from tools.preflight import asked_models, budget, question_sets, students
from tools.preflight.lines import Report
from tools.preflight.memory import GB, Room

WIDTH = 120  # columns where there is no terminal


def examine(params: Mapping[str, Any], room: Room) -> Report:
    """The lines of a whole profile. `sections.check` must have accepted its params."""
    report = Report()
    grid = params["grid"]
    sets = question_sets.entries(params["questions"])
    longest_question = question_sets.check(sets, report)

    # Models that are asked: how long a compressor's prompts are depends on what teachers may write
    teachers = {name: params["teachers"][name] for name in grid["generated"]}
    trace_tokens = asked_models.longest_trace(teachers.values())
    cached_bytes = 0
    for name, teacher in teachers.items():
        cached_bytes += asked_models.check_teacher(
            teacher, longest_question, room, report, f"teachers.{name}"
        )
    for name in grid["compressors"]:
        compressor = params["compressors"][name]
        cached_bytes += asked_models.check_compressor(
            compressor, longest_question, trace_tokens, room, report, f"compressors.{name}"
        )

    # Students, which are trained and asked
    trained = {}
    for name in grid["students"]:
        sizes = students.check(name, params, longest_question, room, report)
        if sizes is not None:
            trained[name] = sizes

    # Totals over all of them
    budget.check_questions(params, sets, report)
    answer_tokens = budget.check_hours(params, report)
    budget.check_disk(params, trained, cached_bytes, answer_tokens, report)
    return report


def params_of(profile: str, overrides: list[str]) -> dict[str, Any]:
    """The params of a profile.

    Raises StageError where they do not compose, or no stage takes them.
    """
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
    options = parser.parse_args()
    _quiet()
    try:
        params = params_of(options.profile, options.overrides)
        machine_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        room = Room(gpu=options.gpu_gb, machine=machine_bytes / GB)
        with contextlib.redirect_stdout(sys.stderr):  # what libraries print is no line of the table
            report = examine(params, room)
    except StageError as error:
        sys.exit(f"error: profile {options.profile}: {error}")
    print(f"profile {options.profile}, for GPUs of {options.gpu_gb:g} GB\n")
    print(report.table(shutil.get_terminal_size((WIDTH, 0)).columns))
    sys.exit(report.failed)


def _quiet() -> None:
    """Keeps harmless messages of libraries off the screen."""
    import datasets
    from transformers.utils import logging

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore")
    datasets.disable_progress_bars()
    logging.set_verbosity_error()
    logging.disable_progress_bar()


if __name__ == "__main__":
    main()
