"""Traces as messages: what other trainers read, and the same traces when they come back."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st

from stages import import_traces, verify
from stages.core import chat, records
from stages.core.imports import messages
from stages.core.imports.messages import FIELD, FORMS, TAGS
from stages.core.program.errors import StageError
from stages.core.records import Question, Response, Trace, Variant
from tests.conftest import Project
from tests.imports import ROOT
from tests.made import question, trace, variant
from tools.export_messages import main

# What both readers are told and look for, and what a row must not be called by accident
README = (ROOT / "docs/other_programs.md").read_text()
SHAREGPT = {
    "role_tag",
    "content_tag",
    "user_tag",
    "assistant_tag",
    "system_tag",
    "observation_tag",
    "function_tag",
}
AXOLOTL = {
    "path",
    "ds_type",
    "type",
    "roles_to_train",
    "field_messages",
    "message_property_mappings",
    "split_thinking",
}
TAKEN_BY_READERS = {
    "system",
    "tools",
    "images",
    "videos",
    "audios",
    "chosen",
    "rejected",
    "kto_tag",
    "conversations",
}
MESSAGE = {TAGS: {"role", "content"}, FIELD: {"role", "content", "reasoning_content"}}
ROW = {
    "messages",
    "question_id",
    "sample",
    "source",
    "gold",
    "model",
    "reasoning_chars",
    "teacher",
    "target",
}
COUNTS = {"prompt_tokens", "completion_tokens"}

PIECES = [
    "<think>",
    "</think>",
    "\n</think>\n\n",
    "<think>\n",
    "\n",
    "\r\n",
    "\u2028",
    "\x85",
    "\0",
    "ß",
    "😀",
    '"',
    "\\",
]
# as every stage writes them, stripped
TEXT = (
    st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=8).map("".join).map(str.strip)
)


def through(
    root: Path, rows: list[dict[str, Any]], *questions: Question, **teacher: Any
) -> list[Response]:
    """What the import stage makes of a file of those rows."""
    (root / "data/imports/traces").mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii="\\ud83d" in repr(row)) + "\n" for row in rows)
    (root / "data/imports/traces/a.jsonl").write_text(text, encoding="utf-8")
    return list(imported(root, *questions, **teacher))


def imported(root: Path, *questions: Question, **teacher: Any) -> list[Response]:
    """The import command over data/imports/traces/a.jsonl, in the current folder."""
    (root / "params.yaml").unlink(missing_ok=True)
    settings = {"files": ["a.jsonl"], "model": "teacher", "format": "messages"} | teacher
    (root / "params.yaml").write_text(
        json.dumps({"profile": "test", "teachers": {"back": settings}})
    )
    records.write(
        root / "data/test/questions.parquet",
        sorted(questions, key=lambda one: one.question_id),
        Question,
    )
    done = CliRunner().invoke(
        import_traces.main, ["--profile", "test", "--teacher", "back"], catch_exceptions=False
    )
    if done.exit_code:
        raise StageError(done.output.strip())
    return list(records.read(root / "data/test/responses/back.parquet", Response))


def export(*options: str) -> Result:
    """The export command for teacher `t`."""
    where = ["--profile", "test", "--teacher", "t", "out/rows.jsonl"]
    return CliRunner().invoke(main, [*options, *where], catch_exceptions=False)


def exported(root: Path) -> list[dict[str, Any]]:
    """The rows that it wrote."""
    return [
        json.loads(line)
        for line in (root / "out/rows.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    ]


@given(TEXT, TEXT.filter(bool), TEXT, st.sampled_from(FORMS))
def test_every_text_comes_back(asked: str, reasoning: str, answer: str, form: str) -> None:
    row = messages.written(
        trace(question=asked, reasoning=reasoning, answer=answer), reasoning, form
    )
    back = messages.read(json.loads(json.dumps(row)), row["messages"], "a")
    assert (back["question"], back["reasoning"], back["answer"], back["sample"]) == (
        asked,
        reasoning,
        answer,
        0,
    )


@pytest.mark.parametrize("form", FORMS)
def test_exported_traces_are_imported_as_they_were(project: Project, form: str) -> None:
    """Export, import, verify: the same traces, less what only the asking knows."""
    root = project()
    hostile = "A </think> B <think>\nC\n</think>\n\nthe answer is 9\u2028 😀"
    traces = [
        trace(0),
        trace(1, 1, reasoning=hostile, prompt_tokens=3, completion_tokens=8),
        trace(1, 4, reasoning=hostile),  # a teacher may say the same twice
        trace(2, answer="Counted on:\n\n2 → 3\nThe answer is 3."),
    ]
    records.write(root / "data/test/traces/t.parquet", traces, Trace)
    assert export("--reasoning", form).stdout == "out/rows.jsonl: 4 rows\n"
    (root / "data/imports/traces").mkdir(parents=True)
    (root / "out/rows.jsonl").rename(root / "data/imports/traces/a.jsonl")
    imported(root, *(question(number) for number in range(3)))
    done = CliRunner().invoke(
        verify.main, ["--profile", "test", "--teacher", "back"], catch_exceptions=False
    )
    assert done.exit_code == 0
    back = records.read(root / "data/test/traces/back.parquet", Trace)
    assert [dataclasses.replace(row, request_key="key", seed=7) for row in back] == traces


@pytest.mark.parametrize("form", FORMS)
def test_rows_have_the_keys_that_readers_know(project: Project, form: str) -> None:
    root = project()
    records.write(root / "data/test/traces/t.parquet", [trace(0), trace(1)], Trace)
    assert export("--reasoning", form).exit_code == 0
    rows = exported(root)
    assert [set(row) for row in rows] == [ROW | COUNTS] * 2
    assert not (ROW | COUNTS) & TAKEN_BY_READERS
    user, said = rows[1]["messages"]
    assert user == {"role": "user", "content": "What is 1 + 1?"}
    assert (set(said), said["role"]) == (MESSAGE[form], "assistant")
    reasoning = trace(1).reasoning
    apart = {TAGS: f"<think>\n{reasoning}\n</think>\n\nThe answer is 2.", FIELD: "The answer is 2."}
    assert said["content"] == apart[form]
    assert said.get("reasoning_content") == (reasoning if form == FIELD else None)
    # both trainers open files so
    loaded = load_dataset(
        "json",
        data_files=str(root / "out/rows.jsonl"),
        split="train",
        cache_dir=str(root / "cache"),
    )
    assert list(loaded) == rows


def snippets(language: str) -> list[Any]:
    """What the README's blocks of a language hold."""
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return [yaml.safe_load("{" + text + "}" if language == "json" else text) for text in found]


def test_readme_tells_readers_where_rows_hold_what(project: Project) -> None:
    root = project()
    records.write(root / "data/test/traces/t.parquet", [trace(1)], Trace)
    assert export().exit_code == 0
    (row,) = exported(root)
    (entry,) = snippets("json")
    told, tags = entry["traces"], entry["traces"]["tags"]
    assert (set(told), told["formatting"]) == (
        {"file_name", "formatting", "columns", "tags"},
        "sharegpt",
    )
    assert set(tags) <= SHAREGPT
    asked, said = row[told["columns"]["messages"]]
    assert [one[tags["role_tag"]] for one in (asked, said)] == [
        tags["user_tag"],
        tags["assistant_tag"],
    ]
    assert said[tags["content_tag"]].startswith("<think>\n")
    one = next(found for found in snippets("yaml") if "datasets" in found)["datasets"][0]
    assert set(one) <= AXOLOTL
    assert (one["type"], one["roles_to_train"]) == ("chat_template", [said["role"]])
    assert {"messages", "role", "content"} <= set(row) | set(said)  # its defaults
    back = next(found for found in snippets("yaml") if "teachers" in found)["teachers"]["mine"]
    assert import_traces.ImportedTeacher(**back).format == "messages"


def test_row_renders_as_the_students_learn_it(project: Project, tokenizer: Any) -> None:
    """With a template as Qwen3's, both forms are one text, which ends as our own completions do."""
    template = (
        "{% for m in messages %}{{ m.role }}: {% if m.reasoning_content is string %}<think>\n"
        "{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}{{ eos_token }}{% endfor %}"
    )
    texts = [
        tokenizer.apply_chat_template(
            messages.written(trace(1), "I count.", form)["messages"],
            chat_template=template,
            tokenize=False,
        )
        for form in FORMS
    ]
    assert texts[0] == texts[1]
    assert texts[0].endswith(
        "assistant: " + chat.completion("I count.", "The answer is 2.", tokenizer.eos_token)
    )


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("mild", "compressed/t/mild.parquet"),
        ("truncated_mild", "shortened/t/tiny/truncated_mild.parquet"),
    ],
)
def test_kept_variants_are_written_with_their_questions(
    project: Project, target: str, place: str
) -> None:
    root = project()
    records.write(
        root / "data/test/traces/t.parquet", [trace(number) for number in range(4)], Trace
    )
    dropped = variant(1, kept=False, drop_reason="longer")
    records.write(
        root / "data/test" / place,
        [dropped, variant(2, reasoning="2 + 1 = 3."), variant(3)],
        Variant,
    )
    assert export("--target", target, "--student", "tiny").stdout == "out/rows.jsonl: 2 rows\n"
    rows = exported(root)
    assert [row["question_id"] for row in rows] == ["q2", "q3"]
    assert set(rows[0]) == ROW | {"rho"}
    assert rows[0]["messages"][0]["content"] == "What is 2 + 1?"
    assert rows[0]["messages"][1]["content"] == "<think>\n2 + 1 = 3.\n</think>\n\nThe answer is 3."
    assert (rows[0]["target"], rows[0]["gold"]) == (target, "3")


def test_answers_alone_have_no_think_block(project: Project) -> None:
    root = project()
    records.write(root / "data/test/traces/t.parquet", [trace(1)], Trace)
    assert export("--target", "answer_only").exit_code == 0
    assert exported(root)[0]["messages"][1] == {"role": "assistant", "content": "The answer is 2."}


@pytest.mark.parametrize(
    ("options", "out", "complaint"),
    [
        ((), "rows.json", "rows.json: expected a name that ends with .jsonl"),
        (
            ("--target", "truncated_mild"),
            "rows.jsonl",
            "--target truncated_mild: shortened to the tokens of a student; name",
        ),
        (("--target", "mild"), "rows.jsonl", "data/test/compressed/t/mild.parquet: no such file"),
        (
            ("--target", "stray"),
            "rows.jsonl",
            "question q1, sample 0: rewritten, but no trace; rerun compress",
        ),
    ],
)
def test_bad_export_leaves_nothing(
    project: Project, options: tuple[str, ...], out: str, complaint: str
) -> None:
    root = project()
    records.write(root / "data/test/traces/t.parquet", [trace(0), trace(2)], Trace)
    records.write(root / "data/test/compressed/t/stray.parquet", [variant(0), variant(1)], Variant)
    shortened_path = root / "data/test/shortened/t/tiny/truncated_mild.parquet"
    records.write(shortened_path, [variant(0)], Variant)
    done = CliRunner().invoke(main, ["--profile", "test", "--teacher", "t", *options, out])
    assert done.exit_code == 1
    assert f"error: {complaint}" in done.output
    assert [path.name for path in root.iterdir() if "rows" in path.name] == []


def row(content: Any, asked: Any = "What is 1 + 1?", **said: Any) -> dict[str, Any]:
    """A row of someone else's."""
    return {
        "messages": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": content} | said,
        ]
    }


SAYS = {
    "gpt": "<think>I count.</think>2",
    "assistant": "I count.</think>2",
    "system": "Think first.",
}


def sharegpt(*speakers: str) -> dict[str, Any]:
    """A row in ShareGPT's form."""
    return {
        "conversations": [
            {"from": name, "value": SAYS.get(name, "What is 1 + 1?")} for name in speakers
        ]
    }


@pytest.mark.parametrize(
    ("found", "reasoning", "answer"),
    [
        (row("2", reasoning_content=" I count. "), "I count.", "2"),
        (row("2", reasoning="I count."), "I count.", "2"),
        (row("2", thinking="I count."), "I count.", "2"),
        (row("<think>I count.</think>2"), "I count.", "2"),
        (row("I count.\n</think>\n\n2"), "I count.", "2"),  # the prompt's own tag
        (row("<think>\nI count.\n</think>\n\n2", reasoning_content=None), "I count.", "2"),
        (
            row("</think> is a tag: 2", reasoning_content="I count."),
            "I count.",
            "</think> is a tag: 2",
        ),
        (row("2", asked=" What is 1 + 1?\n"), "", "2"),
        (row(None, reasoning_content="I count."), "I count.", ""),
        (row(float("nan"), reasoning_content="I count."), "I count.", ""),
        (
            row("<think>\nI count.\n</think>\n\n2") | {"reasoning_chars": 3},
            "I count.",
            "2",
        ),  # edited since
        (row("<think>\nI count.\n</think>\n\n2") | {"reasoning_chars": "8"}, "I count.", "2"),
        (
            row("<think>I count.</think>2", reasoning_content=" "),
            "I count.",
            "2",
        ),  # a parser that found nothing
        (
            row("<think>I count.</think>2", reasoning="", thinking="I count."),
            "I count.",
            "2",
        ),  # both say the same
        (
            row("<think>I count.</think>2", reasoning_content="<think>\nI count.\n</think>"),
            "I count.",
            "2",
        ),
        (row("2<|im_end|>", reasoning_content="I count."), "I count.", "2"),
        (
            row(
                [{"type": "text", "text": "<think>I count.</think>"}, {"type": "text", "text": "2"}]
            ),
            "I count.",
            "2",
        ),
        (
            row([{"type": "thinking", "thinking": "I count."}, {"type": "text", "text": "2"}]),
            "I count.",
            "2",
        ),
        (
            row("2", asked=[{"type": "text", "text": "What is 1 + 1?"}], reasoning="I count."),
            "I count.",
            "2",
        ),
        (
            row("2", asked="What\u200b is\u00a01\r\n+\t\uff11\uff1f", reasoning="I count."),
            "I count.",
            "2",
        ),
        (sharegpt("human", "gpt"), "I count.", "2"),
        (sharegpt("user", "assistant"), "I count.", "2"),
        (sharegpt("system", "human", "gpt"), "I count.", "2"),
    ],
)
def test_other_peoples_rows(
    project: Project, found: dict[str, Any], reasoning: str, answer: str
) -> None:
    (back,) = through(project(), [found], question(1))
    assert (back.question_id, back.sample, back.reasoning, back.answer) == (
        "q1",
        0,
        reasoning,
        answer,
    )


def test_question_is_found_by_our_id_its_own_or_its_text(project: Project) -> None:
    root = project()
    system = {"role": "system", "content": "Think."}
    rows = [
        row("2", asked="Solve: 1 + 1") | {"question_id": "q1"},
        row("3", asked="What is 2 + 1?") | {"question_id": "someone else's"},
        {"messages": [system, *row("4", asked="What is 3 + 1?")["messages"]]},
    ]
    questions = [question(number) for number in range(1, 4)]
    assert [one.question_id for one in through(root, rows, *questions)] == ["q1", "q2", "q3"]
    named = [row("2", asked="x") | {"item": {"id": 1}}]
    (back,) = through(root, named, *questions, fields={"question_id": "item.id"})
    assert back.question_id == "q1"
    (back,) = through(
        root, [{"chat": row("2")["messages"]}], *questions, fields={"messages": "chat"}
    )
    assert back.answer == "2"


def test_what_a_row_says_of_its_attempt(project: Project) -> None:
    says = {"sample": 3, "finish_reason": "length", "prompt_tokens": 4, "completion_tokens": 5}
    (back,) = through(project(), [row("2") | says], question(1))
    assert (back.sample, back.finish_reason, back.prompt_tokens, back.completion_tokens) == (
        3,
        "length",
        4,
        5,
    )
    # of another kind they are not ours
    (back,) = through(project(), [row("2") | {"sample": "a text", "finish_reason": 1}], question(1))
    assert (back.sample, back.finish_reason) == (0, "stop")


def turned(change: Callable[[list[dict[str, Any]]], Any]) -> dict[str, Any]:
    """A row with other messages."""
    return {"messages": change(row("2")["messages"])}


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        (
            turned(lambda turns: turns[::-1]),
            "expected the roles user, assistant, or these after system; found assistant,",
        ),
        (
            turned(lambda turns: turns * 2),
            "found user, assistant, user, assistant; bring one question and its answer",
        ),
        (turned(lambda turns: turns[:1]), "found user; bring"),
        (turned(lambda turns: []), "found none; bring"),
        (
            turned(lambda turns: [{"role": "tool", "content": ""}, turns[1]]),
            "found tool, assistant; bring",
        ),
        (turned(lambda turns: [{"from": "human", "value": "x"}]), "found user; bring"),
        (
            turned(lambda turns: [{"by": "human", "says": "x"}]),
            "message 1 has no role but by, says; name it role",
        ),
        (
            turned(lambda turns: "What is"),
            "messages: expected a list of objects with role and content",
        ),
        (
            turned(lambda turns: ["What is"]),
            "messages: expected a list of objects with role and content",
        ),
        ({"conversations": []}, "found none; bring"),
        ({"chat": []}, "messages: expected a list of objects with role and content"),
        (
            row([{"type": "image", "url": "x"}]),
            "answer: expected parts of type text alone, found list of 1",
        ),
        (
            row(["2", "3"]),
            "messages: assistant's content: expected text, found list of 2: ['2', '3']; mend",
        ),
        (row(True), "messages: assistant's content: expected text, found bool: True; mend"),
        (
            row("2", asked={"text": "x"}),
            "messages: user's content: expected text, found dict of 1: {'text': 'x'}; mend",
        ),
        (
            row("2", reasoning_content=["a", "b"]),
            "messages: reasoning_content: expected text, found list of 2",
        ),
        (
            row("2", reasoning_content="I \ud83d."),
            "messages: reasoning_content: character 3 is \\ud83d, half of a",
        ),
        (
            row("2") | {"sample": -1},
            "sample: -1 is not between 0 and 9223372036854775807; mend the file",
        ),
        (
            row("2") | {"completion_tokens": 2**63},
            "completion_tokens: 9223372036854775808 is not between 0 and",
        ),
        (
            row("2") | {"finish_reason": "perhaps"},
            "finish_reason: 'perhaps' is no end that is known; write stop, length",
        ),
        (
            row("<think>I guess.</think>2", reasoning_content="I count."),
            "the answer begins with another reasoning than its field holds; map one of them",
        ),
        (
            row("2", asked="What is 8 + 1?"),
            "question 'What is 8 + 1?' is in no question set; add the set",
        ),
        (
            row("5"),
            "the same question, reasoning and answer as data/imports/traces/a.jsonl: row 1; remove one",
        ),
        (
            row("6") | {"sample": 0},
            "the same question and sample as data/imports/traces/a.jsonl: row 1; remove one",
        ),
    ],
)
def test_bad_row_is_refused_by_file_and_row(
    project: Project, found: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(StageError) as refused:
        through(project(), [row("5"), found], question(1))
    assert str(refused.value).startswith("error: data/imports/traces/a.jsonl: row 2")
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_text_of_two_sets_needs_a_source(project: Project) -> None:
    root = project()
    both = [question(1), dataclasses.replace(question(1), question_id="z1", source="others")]
    with pytest.raises(
        StageError, match=r"is in two question sets; name one as source of teachers\.back"
    ):
        through(root, [row("2")], *both)
    assert through(root, [row("2")], *both, source="others")[0].question_id == "z1"
    assert through(root, [row("2") | {"question_id": "z1"}], *both)[0].question_id == "z1"


def test_unknown_format_is_refused(project: Project) -> None:
    with pytest.raises(
        StageError,
        match=r"params.yaml: teachers.back: format: 'chat' is unknown; known: fields, messages",
    ):
        through(project(), [row("2")], question(1), format="chat")
