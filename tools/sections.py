"""Check all of params.yaml: each section as its stages check it, and how sections fit together.

It is for the programs that write params.yaml. No stage imports this file, because a stage checks
only the sections that it declares.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.assemble import Assemble
from stages.compress import compressor_of
from stages.core.asking.language_model import model_settings
from stages.core.cells import FORCED
from stages.core.chat import Text
from stages.core.grid import Grid
from stages.core.program import params
from stages.core.program.errors import StageError
from stages.core.questions.contamination import Decontaminate
from stages.core.questions.items import QuestionSet
from stages.core.report.study import Settings
from stages.core.students.origins import StudentSource
from stages.core.targets.assembly import usage
from stages.core.targets.assembly.sources import file_targets
from stages.core.targets.audit import Audit
from stages.core.targets.shorteners.kinds import settings_of
from stages.core.training import launch
from stages.core.training.settings import Method, Training
from stages.evaluate import Evaluate, language_model
from stages.generate import Teacher
from stages.import_traces import ImportedTeacher

Section = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StudySections:
    """The sections of params.yaml. Those with an entry for each name are mappings by name."""

    profile: params.Profile
    grid: dict[str, Any]
    report: dict[str, Any]
    questions: dict[str, Any]
    audit: dict[str, Any]
    teachers: dict[params.Name, dict[str, Any]]
    compressors: dict[params.Compressor, dict[str, Any]]
    shorteners: dict[params.Shortener, dict[str, Any]]
    targets: dict[params.Target, dict[str, Any]]
    assemble: dict[str, Any]
    students: dict[params.Name, dict[str, Any]]
    methods: dict[params.Name, dict[str, Any]]
    seeds: dict[params.Name, params.Seed]
    evaluate: dict[str, Any]


@dataclass(frozen=True)
class QuestionsSection:
    """The question sets, by name; null for one that a profile leaves out."""

    sets: dict[params.QuestionSetName, dict[str, Any] | None]
    decontaminate: dict[str, Any]


@dataclass(frozen=True)
class StudentSections:
    """A student's entry: a section for each stage that uses it."""

    source: dict[str, Any]
    text: dict[str, Any]
    training: dict[str, Any]
    inference: dict[str, Any]


def check(study_params: Section) -> None:
    """Raises StageError for the first entry of params.yaml that is wrong.

    It is one that no stage would take, or that does not fit another entry.
    """
    # Sections of their own, and the names of the grid, which the rest looks up
    study = params.section(StudySections, study_params, "")
    grid = params.section(Grid, study.grid, "grid")
    evaluate = params.section(Evaluate, study.evaluate, "evaluate")
    params.section(Audit, study.audit, "audit")
    check_names(study, grid)
    check_targets(study, grid)
    check_forced(grid)
    params.section(Settings, study.report, "report")
    check_headline(study.report["headline"], grid)
    check_questions(study.questions, evaluate)

    # Entries by name, those that the grid does not use included
    for name, teacher in study.teachers.items():
        imported = name in grid.imported or name not in grid.generated
        check_teacher(teacher, f"teachers.{name}", imported)
    for name, compressor in study.compressors.items():
        compressor_of(compressor, f"compressors.{name}")
    for name, shortener in study.shorteners.items():
        check_shortener(name, shortener, grid)
    training_by_student = {}
    for name, student in study.students.items():
        training_by_student[name] = check_student(student, f"students.{name}", evaluate)
    method_by_name = {}
    for name, entry in study.methods.items():
        method_by_name[name] = params.section(Method, entry, f"methods.{name}")

    # Pairs: the processes of a student must share the batches of a method evenly
    for method_name, student_name in itertools.product(grid.methods, grid.students):
        launch.check(method_by_name[method_name], training_by_student[student_name])


def check_names(study: StudySections, grid: Grid) -> None:
    """Raises StageError for a grid that names something that params.yaml does not have."""
    if grid.profiles != [study.profile]:
        raise StageError(
            f"params.yaml: grid.profiles: {grid.profiles}: "
            f"expected the profile itself, [{study.profile}]"
        )
    for axis in ("teachers", "compressors", "shorteners", "students", "methods", "seeds"):
        _check_known(getattr(grid, axis), getattr(study, axis), f"grid.{axis}", axis)
    for name in study.compressors:
        if name in study.shorteners:
            raise StageError(
                f"params.yaml: shorteners.{name}: a compressor has this name too; rename one"
            )
    _check_origins(grid)


def check_forced(grid: Grid) -> None:
    """Raises StageError for lengths that no arm of the grid has, and for a name that is taken.

    Raw's students answer, so raw must be a target. Raw itself closes nothing at its own length, and
    answer_only has no reasoning.
    """
    if grid.forced and "raw" not in grid.targets:
        raise StageError(
            "params.yaml: grid.forced: it closes the thinking of raw's students; "
            "add raw to grid.targets"
        )
    with_lengths = [target for target in grid.targets if target not in ("raw", "answer_only")]
    _check_known(grid.forced, with_lengths, "grid.forced", "the shortened targets of grid.targets")
    for name in grid.forced:
        if FORCED + name in grid.targets:
            raise StageError(
                f"params.yaml: grid.targets: {FORCED + name!r} is the name of raw with its thinking "
                f"closed at the length of {name}; rename it"
            )


def check_targets(study: StudySections, grid: Grid) -> None:
    """Raises StageError for a target of the grid that is none, or that `assemble` cannot make."""
    assemble = params.section(Assemble, study.assemble, "assemble")
    assembled = usage.assembled_targets(study.targets)
    used = usage.in_use(grid.targets, assembled, file_targets(study.grid))
    for teacher in grid.teachers:
        section = study.teachers[teacher]
        usage.check_attempts(used, teacher, section, assemble.traces_per_question)


def _check_origins(grid: Grid) -> None:
    """Raises StageError unless every teacher is either generated or imported."""
    origins = grid.generated + grid.imported
    if sorted(origins) == sorted(grid.teachers):
        return
    # A name that is not in both lists as often
    for teacher in origins + grid.teachers:
        if origins.count(teacher) != grid.teachers.count(teacher):
            raise StageError(
                f"params.yaml: grid.teachers: {teacher!r}: "
                "expected each teacher in one of grid.generated and grid.imported"
            )


def _check_known(
    names: Iterable[str], known_names: Iterable[str], params_path: str, known_from: str
) -> None:
    """Raises StageError for a name at `params_path` that is not among `known_names`.

    `known_from` says where the known ones stand.
    """
    for name in names:
        if name not in known_names:
            raise StageError(
                f"params.yaml: {params_path}: {name!r} is not in {known_from}; "
                f"known: {', '.join(known_names)}"
            )


def check_shortener(name: str, section: Section, grid: Grid) -> None:
    """Raises StageError for a shortener that cannot be made, and for one of the grid whose budgets
    are those of a compressor that the grid does not have.
    """
    _, settings = settings_of(section, f"shorteners.{name}")
    if name in grid.shorteners and settings.budget_of is not None:
        params_path = f"shorteners.{name}.budget_of"
        _check_known([settings.budget_of], grid.compressors, params_path, "grid.compressors")


def check_headline(headline: Section, grid: Grid) -> None:
    """Raises StageError for a headline of cells that the grid does not have."""
    for axis, name in headline.items():
        _check_known([name], getattr(grid, f"{axis}s"), f"report.headline.{axis}", f"grid.{axis}s")


def check_questions(section: Section, evaluate: Evaluate) -> None:
    """Raises StageError for sets that cannot be read, or that leave a split empty.

    There must be something to train on, and something to evaluate.
    """
    questions = params.section(QuestionsSection, section, "questions")
    params.section(Decontaminate, questions.decontaminate, "questions.decontaminate")
    sizes_of_sets = []
    for set_name, entry in questions.sets.items():
        if entry is not None:
            question_set = params.section(QuestionSet, entry, f"questions.sets.{set_name}")
            sizes_of_sets.append(question_set.sizes)
    for split in ("train", evaluate.split):
        if all(sizes.get(split, 0) == 0 for sizes in sizes_of_sets):
            raise StageError(
                f"params.yaml: questions.sets: no set has a size for split {split}; give one a size"
            )


def check_teacher(section: Section, params_path: str, imported: bool) -> None:
    """Raises StageError for a teacher whose responses can be neither read nor asked for."""
    if imported and ("files" in section or "inference" not in section):
        params.section(ImportedTeacher, section, params_path)
    else:
        model_settings(params.section(Teacher, section, params_path), params_path)


def check_student(section: Section, params_path: str, evaluate: Evaluate) -> Training:
    """How a student is trained.

    Raises StageError for a student that cannot be made, spoken to, trained or asked.
    """
    student = params.section(StudentSections, section, params_path)
    params.section(StudentSource, student.source, f"{params_path}.source")
    params.section(Text, student.text, f"{params_path}.text")
    # Any folder will do, because nothing is loaded from it
    declared = {"text": student.text, "inference": student.inference}
    language_model(Path("models"), declared, evaluate, params_path)
    return params.section(Training, student.training, f"{params_path}.training")
