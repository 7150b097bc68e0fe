"""The rooms of stages/core: who may import whom.

A room imports those that are named before it. So a reader who knows one room need not know those
after it.
"""

import itertools

import pytest

from tests.imports import ROOT, imported

CORE = ROOT / "stages" / "core"
LAYERS = (  # rooms of one layer do not import each other
    ("program", "machine"),
    ("records", "cells", "reasoning_marks", "tokens"),
    ("chat", "grid", "paths"),
    ("statistics", "students"),
    ("grading", "asking", "imports"),
    ("questions", "targets", "training", "report"),
)
ORDER = {room: layer for layer, rooms in enumerate(LAYERS) for room in rooms}
ROOMS = sorted(ORDER)


def rooms_of_core() -> set[str]:
    """The names of the folders and files in stages/core."""
    return {path.relative_to(CORE).parts[0].removesuffix(".py") for path in CORE.rglob("*.py")} - {
        "__init__"
    }


def imports_of(room: str) -> set[str]:
    """The other rooms that a room's files import."""
    files = (
        [CORE / f"{room}.py"]
        if (CORE / f"{room}.py").is_file()
        else sorted((CORE / room).rglob("*.py"))
    )
    targets = itertools.chain.from_iterable(imported(file) for file in files)
    inside = [
        target.relative_to(CORE).parts[0].removesuffix(".py")
        for target in targets
        if target.is_relative_to(CORE)
    ]
    return set(inside) - {room, "__init__"}


def test_every_room_has_its_layer() -> None:
    assert rooms_of_core() == set(ORDER)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_earlier_layers_alone(room: str) -> None:
    assert {other for other in imports_of(room) if ORDER[other] >= ORDER[room]} == set()


def test_core_imports_no_stage_and_no_tool() -> None:
    files = itertools.chain.from_iterable(imported(path) for path in CORE.rglob("*.py"))
    assert {file for file in files if not file.is_relative_to(CORE)} == set()
