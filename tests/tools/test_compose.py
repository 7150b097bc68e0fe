"""Bad params as whoever composes them meets them: one line, exit code 1, params.yaml as it was,
nothing left.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.composing import Composer
from tests.imports import ROOT
from tests.readme import blocks

HEAD = "# @package _global_\ndefaults: [smoke, _self_]\nprofile: mine\n"
GRID = "grid: {profiles: [mine]}\n"


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> Composer:
    """A copy of conf/."""
    return Composer(tmp_path_factory.mktemp("compose"))


def refused(composer: Composer, *arguments: str) -> str:
    """The one line that it says."""
    before = (composer.root / "params.yaml").read_bytes()
    done = composer.run(*arguments)
    assert done.code == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 700
    assert (composer.root / "params.yaml").read_bytes() == before
    assert composer.files() == ["params.yaml"]
    return done.stderr


NUMBERS = [
    ("evaluate.temperature=nan", "evaluate.temperature: nan: input should be a finite number"),
    (
        "evaluate.temperature=-0.1",
        "evaluate.temperature: -0.1: input should be greater than or equal to 0",
    ),
    ("evaluate.top_p=0", "evaluate.top_p: 0: input should be greater than 0"),
    (
        "evaluate.max_new_tokens=0",
        "evaluate.max_new_tokens: 0: input should be greater than or equal to 1",
    ),
    ("evaluate.example_questions=-1", "evaluate.example_questions: -1"),
    ("evaluate.samples=1.5", "evaluate.samples: 1.5 is not int"),
    ("evaluate.split=train", "evaluate.split: 'train' is unknown; known: validation, test"),
    (
        "methods.lora.learning_rate=nan",
        "methods.lora.learning_rate: nan: input should be a finite number",
    ),
    (
        "methods.lora.learning_rate=inf",
        "methods.lora.learning_rate: inf: input should be a finite number",
    ),
    ("methods.lora.max_grad_norm=nan", "methods.lora.max_grad_norm: nan"),
    ("methods.lora.weight_decay=-1", "methods.lora.weight_decay: -1"),
    ("methods.lora.epochs=1e9", "methods.lora.epochs: 1000000000.0 is not int"),
    ("methods.lora.lora.rank='8'", "methods.lora.lora.rank: '8' is not int"),
    ("methods.lora.lora.rank=0", "methods.lora.lora.rank: 0"),
    ("~methods.lora.lora.rank", "methods.lora.lora.rank: missing"),
    ("methods.lora.lora.dropout=1", "methods.lora.lora.dropout: 1"),
    ("methods.lora.lora.target_modules='('", "lora.target_modules: '(' is no regular expression"),
    (
        "+methods.lora.lora.bias=all",
        "methods.lora.lora.bias: unknown entry; known: alpha, dropout, rank",
    ),
    (
        "methods.lora.scheduler=zigzag",
        "methods.lora.scheduler: 'zigzag' is unknown; known: linear, cosine",
    ),
    (
        "methods.lora.optimizer=adam",
        "methods.lora.optimizer: 'adam' is unknown; known: adamw_torch",
    ),
    (
        "students.tiny.inference.dtype=int8",
        "dtype: 'int8' is unknown; expected bfloat16, float16 or float32",
    ),
    (
        "students.tiny.inference.attention=flash",
        "students.tiny.inference.attention: 'flash' is unknown",
    ),
    ("students.tiny.inference.engine=scripted", "students.tiny.inference."),
    (
        "students.tiny.training.attention=row",
        "students.tiny.training.attention: 'row' is unknown; known: rows, eager",
    ),
    (
        "+students.tiny.training.processes=2",
        "methods.*.accumulation: 1 batches a step cannot be shared evenly by 2",
    ),
    (
        "students.tiny.text.prompt_template=''",
        "prompt_template: '': without {question} every prompt is the same",
    ),
    (
        "students.tiny.text.prompt_template='{Question}'",
        "without {question} every prompt is the same",
    ),
    ("students.tiny.text.max_tokens=0", "students.tiny.text.max_tokens: 0"),
    (
        "+students.tiny.source.config.hiden_size=32",
        "source.config.hiden_size: unknown entry; known: hidden_size",
    ),
    (
        "+students.tiny.source.config.vocab_size=300",
        "source.config.vocab_size: unknown entry; known: hidden_size",
    ),
    ("~students.tiny.source.config.hidden_size", "config.hidden_size: missing"),
    ("students.tiny.source.config.hidden_size=30", "hidden_size = n x num_attention_heads"),
    (
        "students.tiny.source.config.intermediate_size=90000000",
        "random weights, expected at most 100,000,000",
    ),
    ("students.tiny.source.kind=wheel", "package: missing for kind wheel"),
    ("students.tiny.source.kind=cloud", "students.tiny.source.kind: 'cloud' is unknown"),
    *(
        (f"seeds.s0={seed}", "seeds.s0: ")
        for seed in ("null", "text", "-1", "1.5", str(2**40), "[0]", "true", "nan")
    ),
    ("report.seed=-1", "report.seed: -1"),
    (
        "report.resamples=100000000",
        "report.resamples: 100000000: input should be less than or equal to 100000",
    ),
    ("report.confidence=1", "expected resamples of 1 or more and 0 < confidence < 1"),
    ("report.examples=0", "report.examples: 0"),
    ("assemble.traces_per_question=-1", "assemble.traces_per_question: -1"),
    ("questions.sets.products.sizes.train=-1", "questions.sets.products.sizes.train: -1"),
    ("questions.sets.products.sizes.train=null", "sizes: null is for sets that end"),
    (
        "questions.sets.products.sizes.train=900000000",
        "sizes: more than 1,000,000 questions of a reasoning_gym task",
    ),
    ("questions.sets.products.seed=-1", "questions.sets.products.seed: -1"),
    ("questions.sets.products.config.min_terms=0", "task 'products': min_terms must be"),
    ("questions.sets.products.config.min_terms=two", "config.min_terms: 'two' is not int"),
    ("+questions.sets.products.config.minterms=2", "config.minterms: unknown entry"),
    ("questions.sets.products.task=product", "task 'product': reasoning_gym has none of that name"),
    (
        "+questions.sets.products.fields.dificulty=x",
        "products.fields.dificulty: unknown entry; known: id",
    ),
    (
        "questions.sets.products.grader=fuzzy",
        "questions.sets.products.grader: 'fuzzy' is unknown; known: numeric",
    ),
    ("questions.decontaminate.threshold=nan", "questions.decontaminate.threshold: nan"),
    ("questions.decontaminate.threshold=2", "expected shares between 0 and 1"),
    ("teachers.scripted.samples=0", "samples is 0, expected 1 or more"),
    ("teachers.scripted.inference.wrong_rate=nan", "teachers.scripted.inference.wrong_rate: nan"),
    (
        "+teachers.scripted.inference.rong_rate=0",
        "teachers.scripted.inference.rong_rate: unknown entry",
    ),
    ("compressors.strong.max_ratio=nan", "compressors.strong.max_ratio: nan"),
    ("audit.drop=[short]", "drop: 'short' is no flag"),
]
NAMES = [
    ("grid.seeds=[]", "grid.seeds: []: value should have at least 1 item"),
    ("grid.seeds=[s0,s0]", "grid.seeds: 's0' stands there twice"),
    ("+grid.seed=[s0]", "grid.seed: unknown entry; known: compressors"),
    ("+evalute={}", "evalute: unknown entry; known: assemble, audit, compressors"),
    ("+compressor={}", "compressor: unknown entry"),
    (
        "+evaluate.max_new_token=9",
        "evaluate.max_new_token: unknown entry; known: example_questions, max_new_tokens",
    ),
    ("+methods.lora.optimiser=x", "methods.lora.optimiser: unknown entry"),
    ("methods.lora.budget=equal_epoch", "budget: 'equal_epoch' is unknown; known: equal_epochs"),
    (
        "grid.targets=[raw,best]",
        "grid.targets: 'best' is unknown; known: raw, mild, strong, truncated_mild, tail_to_mild,",
    ),
    (
        "grid.targets=[truncated_strong]",
        "grid.targets: 'truncated_strong' is unknown",
    ),
    (
        "grid.targets=[raw,shortest]",
        "targets.shortest: it goes by all K attempts, and teachers.scripted stops at the first "
        "correct one; set teachers.scripted.stop_at_first_correct: false",
    ),
    ("+targets.mild={kind: answer, text: stated}", "targets.mild: the grid has another target of"),
    ("+targets.raw={kind: answer, text: stated}", "'raw': this name has another meaning"),
    ("targets.half.kind=blend", "targets.half.kind: 'blend' is unknown; known: answer, mix, sel"),
    ("targets.half.parts.raw=0.4", "targets.half: parts: 2 targets with shares of 0.9 together"),
    ("targets=null", "targets: None is not dict"),
    ("~targets", "targets: missing"),
    (
        "+teachers.scripted.instruction=Briefly",
        "teachers.scripted: instruction: the scripted teacher is a program that reads the question",
    ),
    ("grid.shorteners=[none]", "grid.shorteners: 'none' is not in shorteners"),
    ("grid.students=[huge]", "grid.students: 'huge' is not in students; known: smollm2, tiny"),
    ("grid.methods=[magic]", "grid.methods: 'magic' is not in methods"),
    ("grid.imported=[scripted]", "grid.teachers: 'scripted': expected each teacher in one of"),
    ("grid.generated=[]", "grid.teachers: 'scripted': expected each teacher in one of"),
    ("grid.profiles=[default]", "grid.profiles: ['default']: expected the profile itself, [smoke]"),
    (
        "report.headline.method=full",
        "report.headline.method: 'full' is not in grid.methods; known: lora",
    ),
    ("~report.headline.method", "report.headline.method: missing"),
    ("+report.headline.mehtod=lora", "report.headline.mehtod: unknown entry"),
    ("teachers=[scripted]", ""),
    ("teachers=null", "teachers: None is not dict"),
    ("methods.lora=null", "methods.lora: None is not dict"),
    ("students.tiny.text=null", "students.tiny.text: None is not dict"),
    (
        "+compressors.raw={kind: extractive, max_ratio: 0.5, trim: true}",
        "'raw': this name has another meaning",
    ),
    (
        "+shorteners.raw={kind: cut, keep: head, ratio: 0.5}",
        "'raw': this name has another meaning",
    ),
    (
        "+shorteners.mild={kind: cut, keep: head, ratio: 0.5}",
        "shorteners.mild: a compressor has this name too; rename one",
    ),
    (
        "shorteners.truncated_mild.budget_of=moderate",
        "shorteners.truncated_mild.budget_of: 'moderate' is not in grid.compressors; known: mild",
    ),
    (
        "+shorteners.truncated_mild.ratio=0.5",
        "shorteners.truncated_mild: expected exactly one of ratio, a share of the raw tokens",
    ),
    (
        "+compressors.answer_only={kind: extractive, max_ratio: 0.5, trim: true}",
        "'answer_only': this name has another",
    ),
    ("profile='$(touch x)'", "profile"),
    (
        "+seeds.S1=1",
        "seeds.S1: its name: name 'S1': a name consists of small letters, digits and _",
    ),
    ("+questions.sets.a-b={kind: file}", "a name consists of small letters, digits and _"),
    ("+questions.sets.all={kind: file}", "'all': this name has another meaning"),
    (
        "report.paper='${oc.env:HOME}'",
        "${oc.env:HOME}: would put what this machine knows into a file that git holds",
    ),
    (
        "+teachers.scripted.model='x${oc.decode:${oc.env:HOME}}'",
        "would put what this machine knows",
    ),
    ("+teachers.scripted.model='${now:%Y}'", "would put what this machine knows"),
    ("report.paper='\\\\${oc.env:HOME}'", "would put what this machine knows"),
    ("report.paper='\\${oc.env:HOME}'", "would put what this machine knows"),
    ("report.paper='${nowhere.at.all}'", "cannot be composed: "),
]


@pytest.mark.parametrize(("override", "complaint"), NUMBERS + NAMES)
def test_bad_value_is_refused(composer: Composer, override: str, complaint: str) -> None:
    assert complaint in refused(composer, "smoke", override)


PROFILES = {
    "empty": ("", "profile: {} is not str"),
    "null": ("null", ""),
    "list": ("- a\n- b\n", ""),
    "text": ("just words", ""),
    "tab": (f"{HEAD}grid:\n\tprofiles: [mine]\n", "cannot be composed"),
    "open": (f"{HEAD}grid: {{profiles: [mine]\n", "cannot be composed"),
    "duplicate": (f"{HEAD}{GRID}seeds: {{s0: 1}}\nseeds: {{s0: 2}}\n", "duplicate key"),
    "no default": (HEAD.replace("smoke", "smok") + GRID, "smok"),
    "list for map": (f"{HEAD}{GRID}methods: [lora]\n", ""),
    "group for entry": (f"{HEAD}{GRID}evaluate: 3\n", ""),
    "slash": (
        HEAD.replace("mine", "../evil") + GRID,
        "a name consists of small letters, digits and _",
    ),
    "shell": (
        HEAD.replace("profile: mine", "profile: $(touch x)") + GRID,
        "a name consists of small letters",
    ),
    "folder": (
        HEAD.replace("mine", "imports") + "grid: {profiles: [imports]}\n",
        "this name has another meaning",
    ),
    "newline": (f'{HEAD}{GRID}seeds: {{"s\\n1": 1}}\n', "a name consists of small letters"),
    "formula": (f'{HEAD}{GRID}methods: {{"=HYPERLINK(1)": null}}\n', ""),
    "environment": (
        f"{HEAD}{GRID}teachers: {{scripted: {{model: '${{oc.env:HOME}}'}}}}\n",
        "would put what",
    ),
    "missing value": (f"{HEAD}{GRID}teachers: {{scripted: {{model: '???'}}}}\n", "scripted.model"),
    "own cycle": (f"{HEAD}{GRID}report: {{seed: '${{report.seed}}'}}\n", "cannot be composed"),
}


@pytest.mark.parametrize("name", PROFILES)
def test_bad_file_is_refused(composer: Composer, name: str) -> None:
    text, complaint = PROFILES[name]
    composer.profile("mine", text)
    assert complaint in refused(composer, "mine")


MINE = next(block for block in blocks("yaml") if "profile: mine" in block)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "finish_reason: done_reason",
            "finish_reson: done_reason",
            "fields.finish_reson: unknown entry",
        ),
        (
            "reasoning: thinking",
            "reasonning: thinking",
            "teachers.qwen.fields.reasonning: unknown entry",
        ),
        (
            "[traces.jsonl]",
            "[traces.jsonl, ./traces.jsonl]",
            "files: 'traces.jsonl' is named twice",
        ),
        (
            "[traces.jsonl]",
            "[/tmp/traces.jsonl]",
            "'/tmp/traces.jsonl': DVC watches data/imports/ alone",
        ),
        ("[traces.jsonl]", "[a/../../traces.jsonl]", "DVC watches data/imports/ alone"),
        ("[traces.jsonl]", "[]", "teachers.qwen.files: []"),
        ("[traces.jsonl]", "traces.jsonl", "teachers.qwen.files: 'traces.jsonl' is not list"),
        ("model: qwen3-8b", "model: ''", "teachers.qwen.model: ''"),
        ("test: gsm8k_test.jsonl", "test: ../gsm8k_test.jsonl", "DVC watches data/imports/ alone"),
        ("test: gsm8k_test.jsonl", "test: gsm8k_train.jsonl", "'gsm8k_train.jsonl' is named twice"),
        (
            "test: gsm8k_test.jsonl",
            "tset: gsm8k_test.jsonl",
            "files.tset: unknown entry; known: train",
        ),
        (
            "{train: 1000, test: null}",
            "{train: 1000}",
            "sizes: files has split 'test', sizes has not",
        ),
        ("{train: 1000, test: null}", "{}", "sizes: no question of any split is asked for"),
        (
            "{train: 1000, test: null}",
            "{train: 0, test: null}",
            "no set has a size for split train",
        ),
        ("'####\\s*(.+)$'", "'(('", "is no regular expression"),
        (
            "grader: numeric",
            "grader: numeric, difficulty: x",
            "questions.sets.gsm8k.difficulty: unknown entry",
        ),
        (
            "kind: file",
            "kind: files",
            "questions.sets.gsm8k.kind: 'files' is unknown; known: reasoning_gym, file, hub",
        ),
        (
            "imported: [qwen]",
            "imported: []",
            "grid.teachers: 'qwen': expected each teacher in one of",
        ),
    ],
)
def test_what_the_readme_adds_is_checked(
    composer: Composer, old: str, new: str, complaint: str
) -> None:
    assert MINE.count(old) == 1
    composer.profile("mine", MINE.replace(old, new))
    assert complaint in refused(composer, "mine")


DOCUMENTED = {
    "stages/core/training/README.md": "grid: {profiles: [mine], methods: [lora, lora_tokens, lora_steps]}",
    "stages/core/asking/engines/README.md": "grid: {profiles: [mine], teachers: [qwen], generated: [qwen]}",
    "docs/other_programs.md": "grid: {profiles: [mine], teachers: [mine], generated: [], imported: [mine]}",
}


@pytest.mark.parametrize("path", DOCUMENTED)
def test_what_the_other_pages_add_is_composed(composer: Composer, path: str) -> None:
    text = (ROOT / path).read_text()
    examples = re.search(r"```yaml\n((?:grid|teachers):.*?)```", text, re.DOTALL)
    assert examples
    grid = DOCUMENTED[path]
    teacher = re.search(r"teachers: \[(\w+)\]", grid)
    headline = f"report: {{headline: {{teacher: {teacher[1]}}}}}\n" if teacher else ""
    profile_text = re.sub(r"^grid:.*\n", "", examples[1], flags=re.MULTILINE)
    composer.profile("mine", f"{HEAD}{grid}\n{headline}{profile_text}".replace("smoke", "default"))
    assert composer.run("mine").stderr == ""


@pytest.mark.parametrize(
    "text",
    [
        "first: '\\${oc.env:HOME}'\nsecond: ${first}",
        "first: $\nsecond: '${first}{oc.env:HOME}'\nthird: ${second}",
        "first: oc\nsecond: env\nthird: '${${first}.${second}:HOME}'",
        "first: {second: oc.env}\nthird: second\nfourth: '${${first.${third}}:HOME}'",
    ],
    ids=["escaped", "spelt by a reference", "named by two", "named by a nested one"],
)
def test_resolver_that_only_references_show_is_refused(composer: Composer, text: str) -> None:
    composer.profile("mine", f"{HEAD}{GRID}{text}")
    assert "would put what this machine knows" in refused(composer, "mine")


@given(text=st.text(alphabet="abc:{}[]-?!&*%@#'\"\\$.,<>|\t\n 01", max_size=60))
def test_any_file_is_composed_or_refused_in_one_line(composer: Composer, text: str) -> None:
    composer.profile("mine", HEAD + GRID + text)
    done = composer.run("mine")
    assert done.code == 0 or done.stderr.startswith("error: profile mine: ")
    assert done.stderr.count("\n") == done.code
    assert composer.files() == ["params.yaml"]


def test_option_that_vllm_does_not_have_is_named(composer: Composer) -> None:
    pytest.importorskip("vllm.envs")
    line = refused(composer, "paper", "+students.qwen08b.inference.options.max_model_length=9")
    assert "options.max_model_length: not an option of vLLM; near it: max_model_len" in line


def test_profiles_and_examples_are_composed_as_dvc_does(composer: Composer, tmp_path: Path) -> None:
    from dvc.utils.hydra import compose_and_dump

    examples = {
        name: next(block for block in blocks("yaml") if f"profile: {name}\n" in block)
        for name in ("half", "listed", "larger", "others")
    }
    for name, text in {"mine": MINE, **examples}.items():
        composer.profile(name, text)
    for name in ("default", "smoke", "calibrate", "paper", "mine", *examples):
        assert composer.run(name).stderr == ""
        target = tmp_path / "params.yaml"
        compose_and_dump(
            target, str(composer.root / "conf"), None, "config", None, [f"profile={name}"]
        )
        assert (composer.root / "params.yaml").read_bytes() == target.read_bytes()


def test_command_says_it_on_stderr() -> None:
    before = (ROOT / "params.yaml").read_bytes()
    command = [sys.executable, "-m", "tools.compose", "smoke", "seeds.s0=-1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == "error: profile smoke: seeds.s0: -1: input should be greater than or equal to 0\n"
    )
    assert (ROOT / "params.yaml").read_bytes() == before
    assert not (ROOT / ".params.new.yaml").exists()
