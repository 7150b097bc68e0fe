"""Every trace gets one shorter form, kept or dropped for a reason that is counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from stages.compress import Tally, shorten, variant
from stages.core import records, tokens
from stages.core.compressors import llm
from stages.core.errors import StageError
from stages.core.records import Trace, Variant
from tests.conftest import Project
from tests.made import run, trace

STRONG = {"kind": "extractive", "max_ratio": 0.0, "trim": True}
TRACES = [trace(number) for number in range(3)]


def model_compressor(tiny: Path, **changes: Any) -> dict[str, Any]:
    """A compressor that asks the tiny model, which writes nonsense: its path is what counts."""
    return {
        "kind": "llm",
        "model": str(tiny),
        "context": 4000,
        "seed": 0,
        "prompt_template": "{question}\n",
        "sampling": {"max_new_tokens": 8},
        "inference": {"engine": "transformers", "dtype": "float32", "batch_size": 2, "attention": "eager"},
    } | changes


def test_extractive_keeps_what_derives_the_answer() -> None:
    found = list(shorten(TRACES, STRONG, "compressors.strong"))
    assert [row.reasoning for row in found] == ["0 + 1 = 1.", "1 + 1 = 2.", "2 + 1 = 3."]
    assert [(row.question_id, row.answer) for row in found] == [(row.question_id, row.answer) for row in TRACES]
    assert found[1].raw_chars == len(TRACES[1].reasoning)
    assert found[1].chars == len("1 + 1 = 2.")
    assert found[1].rho == pytest.approx(found[1].chars / found[1].raw_chars)


@pytest.mark.parametrize(
    ("text", "finish_reason", "kept", "drop_reason"),
    [
        ("short", "stop", True, None),
        ("", "stop", False, "empty"),
        ("cut in mid", "length", False, "cut_at_limit"),
        ("", "length", False, "cut_at_limit"),
        ("", "too_long", False, "over_context"),
    ],
)
def test_what_is_dropped_and_why(text: str, finish_reason: str, kept: bool, drop_reason: str | None) -> None:
    found = variant(TRACES[0], text, finish_reason)
    assert (found.kept, found.drop_reason, found.chars) == (kept, drop_reason, len(text))


def test_counts_are_of_the_kept_and_the_dropped() -> None:
    tally, long = Tally(), trace(0, reasoning="x" * 100)
    rows = [
        variant(long, "y" * chars, reason)
        for chars, reason in ((10, "stop"), (30, "stop"), (99, "length"), (0, "stop"))
    ]
    other = variant(trace(1, source="words", reasoning="x" * 100), "", "stop")
    assert list(tally.watch([*rows, other])) == [*rows, other]
    sums, words = tally.summary()
    assert sums == {
        "source": "sums",
        "traces": 4,
        "kept": 2,
        "dropped": {"cut_at_limit": 1, "empty": 1},
        "rho_mean": 0.2,
        "mean_chars": 20.0,
        "rho_q1": 0.15,
        "rho_median": 0.2,
        "rho_q3": 0.25,
    }
    assert (words["kept"], words["rho_mean"], words["rho_median"]) == (0, None, None)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"kind": "magic"}, "compressors.mine.kind: 'magic' is unknown; known: extractive, llm"),
        ({}, "compressors.mine.kind: None is unknown"),
        ({"kind": "extractive"}, "compressors.mine.max_ratio: missing"),
        ({"kind": "extractive", "max_ratio": 2.0, "trim": True}, "expected a share between 0 and 1"),
        ({"kind": "extractive", "max_ratio": 0.5, "trim": True, "trims": 1}, "compressors.mine.trims: unknown entry"),
        ({"kind": "llm", "model": "m", "seed": 0}, "compressors.mine.context: missing"),
    ],
)
def test_bad_compressor_is_refused(config: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        list(shorten(TRACES, config, "compressors.mine"))


def test_prompt_holds_question_trace_and_answer_as_they_are() -> None:
    odd = trace(0, question="{reasoning} of {x}?", reasoning="{answer} \\frac{1}{2} {question}", answer="{} 3")
    text = llm.render(odd)
    places = [text.index(part) for part in (odd.question, odd.reasoning, odd.answer)]
    assert places == sorted(places)
    prompt = llm.PROMPT.read_text()
    assert text == prompt.replace("{question}", "%Q").replace("{reasoning}", "%R").replace("{answer}", "%A").replace(
        "%Q", odd.question
    ).replace("%R", odd.reasoning).replace("%A", odd.answer)


def test_material_is_set_apart_from_the_instructions() -> None:
    before, between, middle, after = llm.render(trace(0, question="\n%\n", reasoning="\n%\n", answer="\n%\n")).split(
        "\n%\n"
    )
    for left, right in ((before, between), (between, middle), (middle, after)):
        opened, closed = left.rstrip().splitlines()[-1], right.strip().splitlines()[0]
        assert (opened[:3], closed[-3:], opened[3:]) == ("<<<", ">>>", closed[:-3])


def test_model_shortens_every_trace_in_order(tiny: Path) -> None:
    found = list(shorten(TRACES, model_compressor(tiny), "compressors.mine"))
    assert [row.question_id for row in found] == ["q0", "q1", "q2"]
    assert {row.finish_reason for row in found} <= {"stop", "length"}
    assert all(row.kept == (row.finish_reason == "stop" and bool(row.reasoning)) for row in found)
    assert list(shorten(TRACES, model_compressor(tiny), "compressors.mine")) == found


def test_trace_that_leaves_no_room_is_dropped_and_never_cut(tiny: Path, tokenizer: Any) -> None:
    traces = [TRACES[0], trace(1, reasoning="x" * 300), TRACES[2]]
    room = tokens.count(tokenizer, llm.render(TRACES[0]) + "\n") + 8
    found = list(shorten(traces, model_compressor(tiny, context=room), "compressors.mine"))
    assert [row.drop_reason == "over_context" for row in found] == [False, True, False]
    assert (found[1].reasoning, found[1].kept) == ("", False)
    tight = list(shorten(traces, model_compressor(tiny, context=room - 1), "compressors.mine"))
    assert {row.drop_reason for row in tight} == {"over_context"}


@pytest.mark.parametrize(
    ("stated", "reasoning", "kept"),
    [
        ("22.5", "I like shirts. 45 shirts are many. 25 - 2.5 = 22.5 dollars. Fine.", "25 - 2.5 = 22.5."),
        (
            "blue",
            "I had 1 + 1 = 2 coffees. Air scatters the short waves. So the sky looks blue.",
            "So the sky looks blue.",
        ),
    ],
)
def test_answer_is_looked_for_in_the_words_it_is_stated_in(stated: str, reasoning: str, kept: str) -> None:
    made = trace(0, question="How much, or which?", reasoning=reasoning, stated=stated, parsed="2")
    (found,) = shorten([made], STRONG, "compressors.mine")
    assert kept in found.reasoning
    assert "coffees" not in found.reasoning


def test_command_writes_variants_and_counts(project: Project) -> None:
    root = project(compressors={"strong": STRONG})
    records.write(root / "data/test/traces/solver.parquet", TRACES, Trace)
    done = run("stages.compress", "--profile", "test", "--teacher", "solver", "--compressor", "strong", cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    found = list(records.read(root / "data/test/compressed/solver/strong.parquet", Variant))
    assert found == list(shorten(TRACES, STRONG, ""))
    counted = json.loads((root / "metrics/test/compress/solver-strong.json").read_text())
    assert (counted["teacher"], counted["compressor"], counted["sets"][0]["kept"]) == ("solver", "strong", 3)
