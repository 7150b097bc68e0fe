"""Whatever people hand in, a stage ends in one line and exit code 1 with nothing written, or in a
right result.
"""

import contextlib
import copy
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stages import import_traces, questions
from stages.core import chat, records, tokens
from stages.core.program import command
from stages.core.program.errors import StageError
from stages.core.questions import patterns
from stages.core.records import Question, Response
from tests.made import question

# Checks of each kind: few in every run, many behind make test-slow
EXAMPLES = [
    pytest.param(40),
    pytest.param(1500, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
]

PIECES = (
    "1 + 1 = 2|<think>|</think>|\n|<|im_end|>|[THINK]|analysis|assistantfinal"
    "|\x1b[31m|\u202e|\0|\\|{q}|\ufeff|2|no"
)
TEXTS = st.lists(st.sampled_from(PIECES.split("|")) | st.text(max_size=4), max_size=5).map("".join)
HALVES = st.sampled_from(["\ud83d", "a\udc00"])
NUMBERS = st.sampled_from(
    [0, 1, 2, -1, 2**31, 2**63, 10**30, 0.5, 2.0, 1e300, math.nan, math.inf, -math.inf]
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
TURNS = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool"]), "content": TEXTS | SCALARS}
)
SHAREGPT = st.fixed_dictionaries(
    {"from": st.sampled_from(["human", "gpt", "system", 7]), "value": TEXTS | SCALARS}
)
PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "thinking", "image"]), "text": TEXTS | SCALARS}
)
NESTED = st.recursive(
    SCALARS | HALVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
)
VALUES = (
    TEXTS
    | SCALARS
    | NESTED
    | st.lists(TURNS | SHAREGPT | PARTS, max_size=3)
    | st.lists(TEXTS, max_size=3)
)
NAMES = ["id", "q", "a", "more", "nested"]
ROWS = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, VALUES)), max_size=4)
FIELD = st.sampled_from([*NAMES, "nested.a", "{q} {a}", "{none}", "", "{", "id.x"])


def mostly(
    right: st.SearchStrategy[Any], other: st.SearchStrategy[Any], often: int = 15
) -> st.SearchStrategy[Any]:
    """Draws of `right`, but for one of `often`."""
    return st.integers(1, often).flatmap(lambda number: other if number == often else right)


# Rows of which most values are as they should be
ASKED = st.sampled_from([0, 1, "0", "1", "q0", "What is 1 + 1?", "What\u00a0is 0 + 1?", "other"])
ANSWERS = (
    TEXTS | st.integers(0, 9).map(str) | st.lists(TEXTS, max_size=3) | st.lists(PARTS, max_size=2)
)
LIKELY = st.fixed_dictionaries(
    {
        "id": mostly(ASKED, VALUES),
        "q": mostly(TEXTS, VALUES),
        "a": mostly(ANSWERS | st.integers(0, 9), VALUES),
        "more": mostly(st.none() | st.sampled_from(["stop", "length"]), VALUES),
    }
)


@st.composite
def columns(draw: st.DrawFn) -> pa.Table:
    """A Parquet table: each column of a type of its own."""
    kinds: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
        (pa.string(), TEXTS),
        (pa.large_string(), TEXTS),
        (pa.int64(), st.integers(-2, 2)),
        (pa.uint64(), st.just(2**63)),
        (pa.float64(), st.floats()),
        (pa.bool_(), st.booleans()),
        (pa.binary(), st.binary(max_size=4)),
        (pa.list_(pa.string()), st.lists(TEXTS, max_size=3)),
        (
            pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
            st.lists(TURNS.filter(_plain), max_size=3),
        ),
        (pa.struct({"text": pa.string()}), st.fixed_dictionaries({"text": TEXTS})),
        (pa.map_(pa.string(), pa.int64()), st.just([("x", 1)])),
        (pa.timestamp("ns"), st.integers(0, 10**18)),
        (pa.decimal128(5, 2), st.none()),
        (pa.null(), st.none()),
    ]
    size, arrays = draw(st.integers(0, 3)), []
    names = draw(mostly(st.just(NAMES), st.lists(st.sampled_from(NAMES), min_size=1, max_size=5)))
    for _ in names:
        kind, values = draw(st.sampled_from(kinds))
        arrays.append(
            pa.array(draw(st.lists(values | st.none(), min_size=size, max_size=size)), kind)
        )
    return pa.table(arrays, names=names)


def _plain(turn: dict[str, Any]) -> bool:
    return isinstance(turn["content"], str)


@st.composite
def contents(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file's ending and its bytes, some of them damaged."""
    ending = draw(st.sampled_from(["jsonl", "jsonl", "json", "parquet"]))
    if ending == "parquet":
        buffer = pa.BufferOutputStream()
        pq.write_table(draw(columns()), buffer, write_page_checksum=True)
        found = buffer.getvalue().to_pybytes()
    else:
        rows = draw(mostly(st.lists(LIKELY, min_size=1, max_size=4), ROWS))
        lines = (
            "\n".join(json.dumps(row) for row in rows) if ending == "jsonl" else json.dumps(rows)
        )
        found = lines.encode()
    if found and draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(found) - 1))
        found = found[:place] + draw(st.binary(max_size=3)) + found[place + 1 :]
    return ending, found


@contextlib.contextmanager
def folder(**sections: Any) -> Iterator[Path]:
    """A project of its own."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        Path("params.yaml").write_text(yaml.safe_dump({"profile": "test"} | sections))
        now = time.time_ns()
        os.utime("params.yaml", ns=(now, now))  # params are cached by this time
        yield Path(name)


def ended(root: Path, main: Any, *options: str) -> bool:
    """Whether the command ended well. Where not: in one printable line, and with no file that was
    not there.
    """
    before = {path for path in root.rglob("*") if path.is_file()}
    done = CliRunner().invoke(main, ["--profile", "test", *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    lines = [line for line in done.output.splitlines() if not line.startswith("warning: ")]
    made = {path for path in root.rglob("*") if path.is_file()} - before
    if done.exit_code == 0:
        assert (lines, bool(made)) == ([], True)
        return True
    assert (done.exit_code, len(lines), made) == (1, 1, set())
    assert lines[0].startswith("error: ")
    assert lines[0].isprintable()
    assert len(lines[0]) < 1500
    return False


@pytest.fixture(autouse=True)
def _no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that was imported before ours has them on where no terminal is."""
    monkeypatch.setattr(command, "progress", lambda items, *_, **__: items)


def check(run: Callable[..., None], examples: int, *drawn: st.SearchStrategy[Any]) -> None:
    """Runs `run` with that many draws. What fails is shown as it was drawn: to shrink it takes
    minutes.
    """
    quick = settings(
        max_examples=examples, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
    )
    quick(given(*drawn)(run))()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_traces(examples: int) -> None:
    known = [question(0), question(1), question(2, split="test")]
    maps = st.fixed_dictionaries(
        {"question_id": st.just("id") | FIELD, "answer": st.sampled_from(["a", "q"]) | FIELD},
        optional=dict.fromkeys(
            ("reasoning", "finish_reason", "sample", "completion_tokens", "correct"), FIELD
        ),
    )
    formats = st.sampled_from(["fields", "fields", "messages"])

    def run(file: tuple[str, bytes], fields: dict[str, str], form: str) -> None:
        ending, written = file
        own = {"messages": "q"} if form == "messages" else fields
        teacher = {
            "files": [f"a.{ending}"],
            "fields": own,
            "format": form,
            "model": "m",
            "unknown_questions": "drop",
        }
        with folder(teachers={"mine": teacher}) as root:
            (root / "data/imports/traces").mkdir(parents=True)
            (root / f"data/imports/traces/a.{ending}").write_bytes(written)
            records.write(root / "data/test/questions.parquet", known, Question)
            if ended(root, import_traces.main, "--teacher", "mine"):
                found = list(records.read(root / "data/test/responses/mine.parquet", Response))
                assert {row.question_id for row in found} <= {"q0", "q1"}
                assert not [
                    row
                    for row in found
                    if row.answer.startswith(("{'", "[{", "['", "b'", "None", "nan"))
                ]

    check(run, examples, contents(), maps, formats)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_questions(examples: int) -> None:
    maps = st.fixed_dictionaries(
        {
            "question": mostly(st.sampled_from(["q", "{q} {id}"]), FIELD),
            "gold": mostly(st.just("a"), FIELD),
        },
        optional={
            "id": mostly(st.just("id"), FIELD),
            "difficulty": mostly(st.just("more"), FIELD),
            "choices": mostly(st.just(["q", "id"]), FIELD | st.lists(FIELD, max_size=3)),
        },
    )
    switches = st.fixed_dictionaries(
        {"grader": st.sampled_from(["numeric", "exact", "choice", "boolean"])},
        optional={
            "missing_gold": st.just("drop"),
            "unreadable_gold": st.just("drop"),
            "duplicates": st.just("drop"),
            "gold_is": mostly(st.just("said"), st.sampled_from(["letter", "place", "flags"]), 4),
            "gold_pattern": mostly(
                st.just("(.*)"), st.sampled_from([r"(\d)", r"(x)?", r"(?:a|(b))", "("]), 4
            ),
            "where": mostly(st.just({"more": ["None", "stop"]}), st.just({"off": "x"})),
            "shuffle": mostly(st.just(False), st.just(True), 4),
        },
    )

    def run(file: tuple[str, bytes], fields: dict[str, Any], switched: dict[str, Any]) -> None:
        ending, written = file
        entry = {
            "kind": "file",
            "group": "in_distribution",
            "sizes": {"train": None},
            "files": {"train": f"a.{ending}"},
        }
        sets = {"mine": entry | {"fields": fields} | switched}
        with folder(questions={"sets": sets, "decontaminate": {}}) as root:
            (root / "data/imports/questions").mkdir(parents=True)
            (root / f"data/imports/questions/a.{ending}").write_bytes(written)
            if ended(root, questions.main):
                found = list(records.read(root / "data/test/questions.parquet", Question))
                assert found
                assert all(row.question and row.gold and row.source_id != "None" for row in found)

    check(run, examples, contents(), maps, switches)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_patterns(examples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.05)
    atoms = st.sampled_from(
        [
            "a",
            "(",
            ")",
            "+",
            "*",
            "?",
            "|",
            "[",
            "]",
            "^",
            "$",
            "\\",
            "{",
            "}",
            "1",
            ",",
            "(a+)+",
            "(?P<n>",
        ]
    )

    def run(pattern: str, text: str) -> None:
        with contextlib.suppress(StageError):
            patterns.search(pattern, text, "row 1")

    check(
        run,
        5 * examples,
        st.lists(atoms, max_size=12).map("".join),
        st.sampled_from(["", "aaa", "a" * 40 + "!", "{1}"]),
    )


PROMPTS = [
    "{{ messages[0].content }}",
    "{{",
    "}}",
    "{% for m in messages %}",
    "{{ m.role }}",
    "{% endfor %}",
    "<think>",
    "\n",
]
PROMPTS += [
    "{% if add_generation_prompt %}",
    "{% endif %}",
    "{{ raise_exception('no') }}",
    "{{ x.y.z }}",
    "{{ bos_token }}",
]


@pytest.mark.parametrize("examples", EXAMPLES)
def test_templates(examples: int, tokenizer: Any) -> None:
    own = copy.copy(tokenizer)
    special = set(tokenizer.all_special_ids)

    def run(template: str, asked: str, given_template: bool) -> None:
        own.chat_template = template
        text = template.replace("messages[0].content", "question") if given_template else None
        try:
            found = chat.prompt(own, text, asked)
        except StageError:
            return
        bare = chat.plain(own, asked).strip()
        assert given_template or bare in found
        assert not special & set(tokens.ids(own, bare))

    run("{{ messages[0].content }}", "<|im_end|>", False)
    check(
        run,
        3 * examples,
        st.lists(st.sampled_from(PROMPTS), max_size=6).map("".join),
        TEXTS,
        st.booleans(),
    )
