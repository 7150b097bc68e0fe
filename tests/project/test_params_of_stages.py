"""Each stage's command refuses bad params, because `dvc exp run -S` composes without our checks.

The folder holds params.yaml and nothing else, so that a refusal comes before anything is read or
made.
"""

import copy
import importlib
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from stages.core.program import params_file
from stages.core.program.errors import StageError
from tests.composing import Composer
from tests.conftest import Project
from tools import sections

ARM = (
    "--student",
    "tiny",
    "--teacher",
    "scripted",
    "--target",
    "raw",
    "--method",
    "lora",
    "--seed",
    "s0",
)
COMMANDS: dict[str, tuple[str, ...]] = {
    "models": ("--student", "tiny"),
    "questions": (),
    "generate": ("--teacher", "scripted"),
    "import_traces": ("--teacher", "brought"),
    "verify": ("--teacher", "scripted"),
    "compress": ("--teacher", "scripted", "--compressor", "mild"),
    "shorten": ("--teacher", "scripted", "--shortener", "truncated_mild", "--student", "tiny"),
    "assemble": ("--teacher", "scripted", "--student", "tiny"),
    "example_questions": ("--student", "tiny"),
    "train": ARM,
    "evaluate": ARM,
    "score": ARM,
    "examples": (),
    "report": (),
}
BROUGHT = {
    "model": "m",
    "files": ["a.jsonl"],
    "fields": {"question_id": "id", "answer": "said", "finish_reason": "why"},
}
LLM = {
    "kind": "llm",
    "model": "m",
    "context": 100,
    "sampling": {"max_new_tokens": 9},
    "inference": {"engine": "openai", "base_url": "http://127.0.0.1:9/v1"},
}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The smoke profile's params, with a teacher from files and a compressor that is a model."""
    composer = Composer(tmp_path_factory.mktemp("composed"))
    assert composer.run("smoke").code == 0
    study_params = composer.params
    study_params["teachers"] |= {"brought": BROUGHT, "served": {**LLM, "samples": 1, "seed": 0}}
    for name in ("kind", "context"):
        del study_params["teachers"]["served"][name]
    study_params["compressors"]["model"] = LLM
    sections.check(study_params)
    return study_params


def put(study_params: dict[str, Any], params_path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at `params_path`; the value `...` removes the entry."""
    changed = copy.deepcopy(study_params)
    *path, last = params_path.split("/")
    held = changed
    for part in path:
        held = held[part]
    if value is ...:
        del held[last]
    else:
        held[last] = value
    return changed


def ended(stage: str, *options: str, profile: str = "test") -> str:
    """The one line that the command ends with. Checks that it left no file."""
    main = importlib.import_module(f"stages.{stage}").main
    done = CliRunner().invoke(main, ["--profile", profile, *options])
    assert type(done.exception) is SystemExit, repr(done.exception)
    assert done.exit_code == 1
    line = str(
        done.exception.code
    )  # of the output, which may hold a progress bar, what click writes last
    assert line.startswith("error: ")
    assert "\n" not in line
    assert [path.name for path in Path.cwd().rglob("*") if path.is_file()] == ["params.yaml"]
    return line


MODEL = ("--teacher", "scripted", "--compressor", "model")
SERVED = ("--teacher", "served")


@pytest.mark.parametrize(
    ("stage", "options", "params_path", "value", "complaint"),
    [
        (
            "models",
            None,
            "students/tiny/source/config/hiden_size",
            32,
            "source.config.hiden_size: unknown entry; known:",
        ),
        (
            "models",
            None,
            "students/tiny/source/config/vocab_size",
            300,
            "source.config.vocab_size: unknown entry",
        ),
        ("models", None, "students/tiny/source/config", {}, "config.hidden_size: missing"),
        (
            "models",
            None,
            "students/tiny/source/seed",
            None,
            "students.tiny.source.seed: None is not int",
        ),
        (
            "models",
            None,
            "students/tiny/source/special_tokens",
            ["<s>"],
            "special_tokens: ['<s>'] is not dict",
        ),
        (
            "questions",
            None,
            "questions/sets/legs/fields",
            {"dificulty": "x"},
            "legs.fields.dificulty: unknown entry",
        ),
        (
            "questions",
            None,
            "questions/sets/legs/sizes",
            {},
            "sizes: no question of any split is asked for",
        ),
        (
            "questions",
            None,
            "questions/sets/legs/sizes/test",
            -4,
            "questions.sets.legs.sizes.test: -4",
        ),
        (
            "questions",
            None,
            "questions/sets/LEGS",
            {},
            "question set 'LEGS': a name consists of small letters",
        ),
        (
            "questions",
            None,
            "questions/sets/all",
            {},
            "question set 'all': this name has another meaning",
        ),
        (
            "questions",
            None,
            "questions/sets",
            ["legs"],
            "questions.sets: expected a mapping, found ['legs']",
        ),
        (
            "questions",
            None,
            "questions/decontaminate/words",
            2.5,
            "questions.decontaminate.words: 2.5 is not int",
        ),
        (
            "generate",
            None,
            "teachers/scripted/seed",
            2**40,
            "teachers.scripted.seed: 1099511627776: input should be less",
        ),
        (
            "generate",
            None,
            "teachers/scripted/inference/wrong_rate",
            math.nan,
            "inference.wrong_rate: nan",
        ),
        (
            "generate",
            SERVED,
            "teachers/served/sampling/temperature",
            math.nan,
            "sampling.temperature: nan",
        ),
        (
            "generate",
            SERVED,
            "teachers/served/sampling/presence_penalty",
            3.0,
            "sampling.presence_penalty: 3.0",
        ),
        (
            "generate",
            SERVED,
            "teachers/served/sampling/max_new_token",
            3,
            "sampling.max_new_token: unknown entry",
        ),
        ("generate", SERVED, "teachers/served/model", ..., "teachers.served.model: missing"),
        ("generate", SERVED, "teachers/served/instruction", "", "teachers.served.instruction: ''"),
        (
            "generate",
            None,
            "teachers/scripted/instruction",
            "Be brief.",
            "teachers.scripted: instruction: the scripted teacher is a program",
        ),
        (
            "generate",
            SERVED,
            "teachers/served/prompt_template",
            "",
            "prompt_template: '': without {question}",
        ),
        (
            "generate",
            SERVED,
            "teachers/served/inference/base_url",
            "gpu1:8000",
            "base_url: 'gpu1:8000': expected",
        ),
        (
            "generate",
            SERVED,
            "teachers/served/inference/timeout",
            0,
            "inference.timeout: 0: input should be",
        ),
        (
            "generate",
            SERVED,
            "teachers/served/inference/extra",
            {"seed": 1},
            "extra.seed: set elsewhere",
        ),
        (
            "generate",
            SERVED,
            "teachers/served/inference/extra",
            {"x": math.inf},
            "inference.extra: ",
        ),
        (
            "import_traces",
            None,
            "teachers/brought/fields/finish_reson",
            "why",
            "fields.finish_reson: unknown entry",
        ),
        (
            "import_traces",
            None,
            "teachers/brought/files",
            ["a.jsonl", "a.jsonl"],
            "files: 'a.jsonl' is named twice",
        ),
        (
            "import_traces",
            None,
            "teachers/brought/files",
            ["/a.jsonl"],
            "'/a.jsonl': DVC watches data/imports/ alone",
        ),
        (
            "import_traces",
            None,
            "teachers/brought/files",
            ["../a.jsonl"],
            "'../a.jsonl': DVC watches data/imports/ alone",
        ),
        (
            "import_traces",
            None,
            "teachers/brought/unknown_questions",
            "skip",
            "unknown_questions: 'skip' is unknown",
        ),
        (
            "compress",
            None,
            "compressors/mild/max_ratio",
            math.nan,
            "compressors.mild.max_ratio: nan",
        ),
        (
            "compress",
            None,
            "compressors/mild/ratio",
            0.5,
            "compressors.mild: compressor: expected one of max_ratio",
        ),
        ("compress", None, "audit/drop", "tags", "audit.drop: 'tags' is not list"),
        (
            "compress",
            MODEL,
            "compressors/model/prompt",
            "conf/prompts/steps.yaml",
            "compressors.model: prompt: 'conf/prompts/steps.yaml': without {reasoning}",
        ),
        ("compress", MODEL, "compressors/model/retries", -1, "compressors.model.retries: -1"),
        ("compress", MODEL, "compressors/model/context", 0, "compressors.model.context: 0"),
        (
            "compress",
            MODEL,
            "compressors/model/sampling/temperature",
            math.inf,
            "sampling.temperature: inf",
        ),
        (
            "compress",
            ("--teacher", "scripted", "--compressor", "raw"),
            "audit",
            {},
            "'raw': this name has another",
        ),
        (
            "shorten",
            ("--teacher", "../x", *COMMANDS["shorten"][2:]),
            "audit",
            {},
            "teacher '../x': a name",
        ),
        (
            "verify",
            ("--teacher", "$(touch x)"),
            "audit",
            {},
            "teacher '$(touch x)': a name consists of small",
        ),
        (
            "score",
            (*ARM[:-1], "s\n0"),
            "audit",
            {},
            r"seed 's\n0': a name consists of small letters",
        ),
        ("assemble", None, "assemble/traces_per_question", 0, "assemble.traces_per_question: 0"),
        ("assemble", None, "targets/half/by", "size", "targets.half.by: 'size'"),
        ("assemble", None, "targets/half/kind", "blend", "targets.half.kind: 'blend' is unknown"),
        ("assemble", None, "targets/half", None, "targets.half: None is not dict"),
        ("assemble", None, "targets/raw", {}, "'raw': this name has another meaning"),
        ("assemble", None, "targets/some/seed", 2**40, "targets.some.seed: 1099511627776"),
        ("assemble", None, "targets/half/parts/raw", 0.6, "targets.half: parts: 2 targets with"),
        (
            "assemble",
            None,
            "grid/targets",
            ["raw", "shortest"],
            "targets.shortest: it goes by all K attempts, and teachers.scripted stops at the first",
        ),
        ("assemble", None, "grid/targets", ["raw", "best"], "grid.targets: 'best' is unknown"),
        (
            "assemble",
            None,
            "grid/compressors",
            ["raw"],
            "grid.compressors.0: compressor 'raw': this name has another",
        ),
        (
            "assemble",
            None,
            "grid/targets",
            ["../raw"],
            "grid.targets.0: name '../raw': a name consists of small",
        ),
        (
            "assemble",
            None,
            "students/tiny/text/prompt_template",
            "Q:",
            "prompt_template: 'Q:': without {question}",
        ),
        (
            "example_questions",
            None,
            "evaluate/example_questions",
            True,
            "evaluate.example_questions: True: expected a number",
        ),
        ("example_questions", None, "grid/teachers", [], "grid.teachers: []"),
        ("train", None, "methods/lora/learning_rate", math.nan, "methods.lora.learning_rate: nan"),
        ("train", None, "methods/lora/lora", {"alpha": 3}, "methods.lora.lora.rank: missing"),
        ("train", None, "methods/lora/lora/rank", "8", "methods.lora.lora.rank: '8' is not int"),
        ("train", None, "methods/lora/optimiser", "sgd", "methods.lora.optimiser: unknown entry"),
        ("train", None, "seeds/s0", None, "seeds.s0: None is not int"),
        ("train", None, "seeds/s0", "zero", "seeds.s0: 'zero' is not int"),
        ("train", None, "seeds/s0", [0], "seeds.s0: [0] is not int"),
        ("train", None, "seeds/s0", -1, "seeds.s0: -1: input should be greater than or equal to 0"),
        ("train", None, "seeds/s0", 1.5, "seeds.s0: 1.5 is not int"),
        (
            "train",
            None,
            "seeds/s0",
            2**32,
            "seeds.s0: 4294967296: input should be less than 4294967296",
        ),
        (
            "train",
            None,
            "students/tiny/training/attention",
            "magic",
            "training.attention: 'magic' is unknown",
        ),
        (
            "train",
            None,
            "students/tiny/training/packed",
            False,
            "attention: rows is for packed rows alone",
        ),
        ("train", None, "students/tiny/text/max_tokens", 0, "students.tiny.text.max_tokens: 0"),
        ("evaluate", None, "evaluate/temperature", math.nan, "evaluate.temperature: nan"),
        (
            "evaluate",
            None,
            "evaluate/split",
            "train",
            "evaluate.split: 'train' is unknown; known: validation, test",
        ),
        ("evaluate", None, "evaluate/max_new_token", 3, "evaluate.max_new_token: unknown entry"),
        (
            "evaluate",
            None,
            "students/tiny/inference/dtype",
            "int8",
            "dtype: 'int8' is unknown; expected bfloat16",
        ),
        (
            "evaluate",
            None,
            "students/tiny/inference",
            None,
            "students.tiny.inference: expected a mapping, found None",
        ),
        (
            "evaluate",
            None,
            "students/tiny/text/prompt_template",
            "",
            "without {question} every prompt is the same",
        ),
        ("examples", None, "report/examples", True, "report.examples: True: expected a number"),
        ("examples", None, "evaluate/split", "train", "evaluate.split: 'train' is unknown"),
        ("examples", None, "grid/seed", ["s0"], "grid.seed: unknown entry"),
        ("report", None, "report/seed", -1, "report.seed: -1"),
        (
            "report",
            None,
            "report/resamples",
            10**8,
            "report.resamples: 100000000: input should be less than or equal",
        ),
        ("report", None, "grid/seed", ["s0"], "grid.seed: unknown entry; known: compressors"),
        (
            "report",
            None,
            "report/headline/student",
            "huge",
            "report.headline.student: 'huge' is none of tiny",
        ),
        (
            "report",
            None,
            "evaluate/max_new_tokens",
            "many",
            "evaluate.max_new_tokens: 'many' is not int",
        ),
    ],
)
def test_bad_value_ends_the_stage(
    project: Project,
    smoke: dict[str, Any],
    stage: str,
    options: tuple[str, ...] | None,
    params_path: str,
    value: Any,
    complaint: str,
) -> None:
    project(**put(smoke, params_path, value) | {"profile": "test"})
    assert complaint in ended(stage, *(COMMANDS[stage] if options is None else options))


@pytest.mark.parametrize("stage", COMMANDS)
@pytest.mark.parametrize("profile", ["../evil", "$(touch x)", "Test", "", "store", "a-b", "a\nb"])
def test_profile_is_a_name(
    project: Project, smoke: dict[str, Any], stage: str, profile: str
) -> None:
    project(**smoke | {"profile": profile})
    assert "profile" in ended(stage, *COMMANDS[stage], profile=profile)


@pytest.mark.parametrize("stage", COMMANDS)
@pytest.mark.parametrize("params_path", ["compressors/strong", "shorteners/truncated_mild"])
def test_budgets_that_no_one_expanded_end_every_stage(
    project: Project, smoke: dict[str, Any], stage: str, params_path: str
) -> None:
    project(**put(smoke, f"{params_path}/budgets", [0.1]))
    entry = params_path.replace("/", ".")
    assert ended(stage, *COMMANDS[stage], profile="smoke") == (
        f"error: params.yaml: {entry}.budgets: `dvc exp run` does not expand budgets; "
        "run `make params PROFILE=smoke`, then `dvc repro`"
    )


def test_key_that_stands_twice_is_named(project: Project) -> None:
    root = project()
    (root / "params.yaml").write_text("profile: test\nprofile: test\n")
    assert "params.yaml: not YAML: key 'profile' stands there twice" in ended("questions")


WRONG = [
    None,
    True,
    "",
    "x",
    -1,
    0,
    1,
    1.5,
    math.nan,
    math.inf,
    -math.inf,
    10**30,
    -(2**63),
    [],
    [1],
    {},
    {"x": 1},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all entries below `value`."""
    parts = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [paths for key, part in parts for paths in [(*path, key), *places(part, (*path, key))]]


def mutated(study_params: dict[str, Any], draw: st.DataObject) -> dict[str, Any]:
    """A copy with one entry dropped, misspelt, or of another value."""
    changed = copy.deepcopy(study_params)
    path = draw.draw(st.sampled_from(places(changed)))
    held: Any = changed
    for part in path[:-1]:
        held = held[part]
    mutation = draw.draw(st.sampled_from(["drop", "misspell", "change"]))
    if mutation == "change":
        held[path[-1]] = draw.draw(st.sampled_from(WRONG))
    else:
        old = held.pop(path[-1])
        if mutation == "misspell" and isinstance(held, dict):
            held[
                draw.draw(
                    st.sampled_from([f"{path[-1]}s", str(path[-1])[1:], path[-1].upper(), 7, "\n"])
                )
            ] = old
    return changed


def said(study_params: dict[str, Any]) -> str:
    """The error of the check of all params, or "" where they pass."""
    try:
        sections.check(study_params)
    except StageError as error:
        return str(error)
    return ""


@given(data=st.data())
def test_any_other_params_pass_or_are_refused_in_one_line(
    smoke: dict[str, Any], data: st.DataObject
) -> None:
    whole = mutated(smoke, data)
    whole = params_file.parsed(yaml.safe_dump(whole))
    line = said(whole)
    assert "\n" not in line
    assert len(line) < 700


@given(data=st.data())
def test_any_other_params_end_each_stage_in_one_line(
    smoke: dict[str, Any], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Even params that pass, because the files that a stage reads are missing."""
    stage = data.draw(
        st.sampled_from([name for name in COMMANDS if name not in ("models", "questions")])
    )
    study_params = mutated(smoke, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("stage"))
        Path("params.yaml").write_text(yaml.safe_dump(study_params))
        assert ended(stage, *COMMANDS[stage], profile="smoke")


@given(text=st.text(max_size=40))
@example(text="\x00")
@example(text="a: &x [*x]")
def test_any_text_as_params_ends_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("text"))
        Path("params.yaml").write_text(f"profile: test\n{text}", encoding="utf-8")
        assert ended("questions")
