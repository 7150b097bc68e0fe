"""A stage gets the sections that it declares, checked, and an error that names the bad entry."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stages.core.program import params
from stages.core.program.errors import StageError
from tests.conftest import Project

DECLARED = {"teacher": "teachers.{teacher}", "lengths": "students.{student}.text"}
SECTIONS = {
    "teachers": {"solver": {"samples": 2}, "guesser": {"samples": 1}},
    "students": {"tiny": {"text": {"max_tokens": 9}}, "flat": 3},
}


@dataclass(frozen=True)
class Config:
    """A section with one entry of each kind."""

    name: str
    rate: float
    size: int
    on: bool = False
    cap: int | None = None
    parts: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


def test_reads_the_declared_sections_of_the_cell(project: Project) -> None:
    project(**SECTIONS)
    found = params.read(DECLARED, "test", teacher="solver", student="tiny")
    assert found == {"teacher": {"samples": 2}, "lengths": {"max_tokens": 9}}


@pytest.mark.parametrize(
    ("profile", "teacher", "student", "complaint"),
    [
        (
            "paper",
            "solver",
            "tiny",
            "profile 'paper': params.yaml is composed for 'test'; run `make params PROFILE=paper`",
        ),
        (
            "test",
            "oracle",
            "tiny",
            "teachers.oracle: no entry 'oracle'; known: guesser, solver; add it in conf/profile/",
        ),
        ("test", "solver", "huge", "students.huge.text: no entry 'huge'; known: flat, tiny"),
        ("test", "solver", "flat", "students.flat.text: no entry 'text'; known: none"),
    ],
)
def test_unknown_name_is_answered_with_the_known_ones(
    project: Project, profile: str, teacher: str, student: str, complaint: str
) -> None:
    project(**SECTIONS)
    with pytest.raises(StageError) as error:
        params.read(DECLARED, profile, teacher=teacher, student=student)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        (None, "no such file; compose it with `make params PROFILE=default`"),
        (b"", "expected a mapping"),
        (b"- a\n- b\n", "expected a mapping"),
        (b"a: [1, 2\n", "not YAML"),
        (b"\x00\xff\xfe", "not YAML"),
    ],
)
def test_unreadable_params_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents: bytes | None, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if contents is not None:
        params.FILE.write_bytes(contents)
    with pytest.raises(StageError, match=f"params.yaml: {complaint}"):
        params.read({}, "test")


def test_rewritten_params_are_read_again(project: Project) -> None:
    project(one=1)
    assert params.read({"one": "one"}, "test") == {"one": 1}
    project(one=2)
    assert params.read({"one": "one"}, "test") == {"one": 2}


GOOD: dict[str, Any] = {"name": "a", "rate": 0.5, "size": 3}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"rate": 1},
        {"on": True},
        {"cap": 4},
        {"cap": None},
        {"parts": ["x"]},
        {"options": {"any": [1, None]}},
    ],
)
def test_good_section_becomes_its_dataclass(more: dict[str, Any]) -> None:
    assert params.section(Config, GOOD | more, "here") == Config(**(GOOD | more))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (None, "here: expected a mapping, found None"),
        ([1], "here: expected a mapping"),
        ({"name": "a", "rate": 0.5}, "here.size: missing"),
        (GOOD | {"sise": 3}, "here.sise: unknown entry; known: cap, name, on"),
        (GOOD | {"size": "3"}, "here.size: '3' is not int"),
        (GOOD | {"size": 3.0}, "here.size: 3.0 is not int"),
        (GOOD | {"size": True}, "here.size: True is not int"),
        (GOOD | {"rate": True}, "here.rate: True is not float"),
        (GOOD | {"rate": "0.5"}, "here.rate: '0.5' is not float"),
        (GOOD | {"on": 1}, "here.on: 1 is not bool"),
        (GOOD | {"name": None}, "here.name: None is not str"),
        (GOOD | {"cap": "all"}, "here.cap: 'all' is not int or NoneType"),
        (GOOD | {"parts": "x"}, "here.parts: 'x' is not list"),
        (GOOD | {"parts": ["x", 1]}, "here.parts.1: 1 is not str"),
        (GOOD | {"options": [1]}, "here.options: .* is not dict"),
    ],
)
def test_bad_section_is_refused_by_the_entrys_name(value: Any, complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        params.section(Config, value, "here")
