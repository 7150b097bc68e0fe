"""All of params.yaml: each section as its stages check it, and what concerns several of them.

No stage imports this file: a stage checks the sections that it declares. It is for whoever writes
params.yaml.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.assemble import Assemble
from stages.compress import compressor_of
from stages.core.asking import answering
from stages.core.chat import Text
from stages.core.grid import Grid
from stages.core.program import params
from stages.core.program.errors import StageError
from stages.core.program.params import TRUNCATED
from stages.core.questions.contamination import Decontaminate
from stages.core.questions.items import QuestionSet
from stages.core.report.study import Settings
from stages.core.targets.audit import Audit
from stages.core.training import launch
from stages.core.training.settings import Method, Training
from stages.evaluate import Evaluate, language_model
from stages.generate import Teacher
from stages.import_traces import ImportedTeacher
from stages.models import Source

Section = Mapping[str, Any]


@dataclass(frozen=True)
class Study:
    """The sections of params.yaml, those of one entry for each name as they are."""

    profile: params.Profile
    grid: dict[str, Any]
    report: dict[str, Any]
    questions: dict[str, Any]
    audit: dict[str, Any]
    teachers: dict[params.Name, dict[str, Any]]
    compressors: dict[params.Compressor, dict[str, Any]]
    assemble: dict[str, Any]
    students: dict[params.Name, dict[str, Any]]
    methods: dict[params.Name, dict[str, Any]]
    seeds: dict[params.Name, params.Seed]
    evaluate: dict[str, Any]


@dataclass(frozen=True)
class Questions:
    """The question sets; null for one that a profile leaves out."""

    sets: dict[params.QuestionSetName, dict[str, Any] | None]
    decontaminate: dict[str, Any]


@dataclass(frozen=True)
class Student:
    """What each stage wants to know of a student."""

    source: dict[str, Any]
    text: dict[str, Any]
    training: dict[str, Any]
    inference: dict[str, Any]


def check(whole: Section) -> None:
    """Raises StageError for the first entry of params.yaml that no stage would take, or that fits
    no other.
    """
    study = params.section(Study, whole, "")
    grid = params.section(Grid, study.grid, "grid")
    evaluate = params.section(Evaluate, study.evaluate, "evaluate")
    params.section(Audit, study.audit, "audit")
    params.section(Assemble, study.assemble, "assemble")
    check_names(study, grid)
    params.section(Settings, study.report, "report")
    check_headline(study.report["headline"], grid)
    check_questions(study.questions, evaluate)
    for name, teacher in study.teachers.items():
        check_teacher(
            teacher, f"teachers.{name}", name in grid.imported or name not in grid.generated
        )
    for name, compressor in study.compressors.items():
        compressor_of(compressor, f"compressors.{name}")
    training = {
        name: check_student(one, f"students.{name}", evaluate)
        for name, one in study.students.items()
    }
    methods = {
        name: params.section(Method, one, f"methods.{name}") for name, one in study.methods.items()
    }
    for method, student in itertools.product(grid.methods, grid.students):
        launch.check(methods[method], training[student])


def check_names(study: Study, grid: Grid) -> None:
    """Raises StageError for a grid that names what is not there."""
    if grid.profiles != [study.profile]:
        raise StageError(
            f"params.yaml: grid.profiles: {grid.profiles}: expected the profile itself, [{study.profile}]"
        )
    for axis in ("teachers", "compressors", "students", "methods", "seeds"):
        _among(getattr(grid, axis), getattr(study, axis), f"grid.{axis}", axis)
    _among(grid.truncate_to, grid.compressors, "grid.truncate_to", "grid.compressors")
    targets = [
        "raw",
        *grid.compressors,
        *(TRUNCATED + name for name in grid.truncate_to),
        "answer_only",
    ]
    _among(grid.targets, targets, "grid.targets", "the targets of this grid")
    origins = grid.generated + grid.imported
    if sorted(origins) != sorted(grid.teachers):
        odd = min(
            {*origins, *grid.teachers},
            key=lambda name: origins.count(name) == grid.teachers.count(name),
        )
        raise StageError(
            f"params.yaml: grid.teachers: {odd!r}: expected each teacher in one of grid.generated and grid.imported"
        )


def _among(names: Iterable[str], known: Iterable[str], place: str, where: str) -> None:
    for name in names:
        if name not in known:
            raise StageError(
                f"params.yaml: {place}: {name!r} is not in {where}; known: {', '.join(known)}"
            )


def check_headline(headline: Section, grid: Grid) -> None:
    """Raises StageError for a headline of cells that the grid does not have."""
    for axis, name in headline.items():
        _among([name], getattr(grid, f"{axis}s"), f"report.headline.{axis}", f"grid.{axis}s")


def check_questions(section: Section, evaluate: Evaluate) -> None:
    """Raises StageError for sets that cannot be read, or that leave nothing to train on or to
    evaluate.
    """
    questions = params.section(Questions, section, "questions")
    params.section(Decontaminate, questions.decontaminate, "questions.decontaminate")
    sizes = [
        params.section(QuestionSet, one, f"questions.sets.{name}").sizes
        for name, one in questions.sets.items()
        if one is not None
    ]
    for split in ("train", evaluate.split):
        if all(one.get(split, 0) == 0 for one in sizes):
            raise StageError(
                f"params.yaml: questions.sets: no set has a size for split {split}; give one a size"
            )


def check_teacher(section: Section, place: str, imported: bool) -> None:
    """Raises StageError for a teacher whose responses can be neither read nor asked for."""
    if imported and ("files" in section or "inference" not in section):
        params.section(ImportedTeacher, section, place)
    else:
        answering.settings(params.section(Teacher, section, place), place)


def check_student(section: Section, place: str, evaluate: Evaluate) -> Training:
    """How a student is trained. Raises StageError for one that cannot be made, spoken to, trained
    or asked.
    """
    student = params.section(Student, section, place)
    params.section(Source, student.source, f"{place}.source")
    params.section(Text, student.text, f"{place}.text")
    language_model(
        Path("models"), {"text": student.text, "inference": student.inference}, evaluate, place
    )
    return params.section(Training, student.training, f"{place}.training")
