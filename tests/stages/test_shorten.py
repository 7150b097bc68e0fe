"""The length-matched control: the raw reasoning's start, never longer than the compressed form in
tokens.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from stages.truncate import cut, main, paired

from stages.core import records, tokens
from stages.core.program.errors import StageError
from stages.core.records import Trace, Variant
from tests.conftest import Project
from tests.made import leftovers, trace, variant

TEXT = st.text(min_size=1, max_size=30)


@given(raw=TEXT, short=TEXT)
def test_truncated_is_a_start_within_the_compressed_forms_tokens(
    tokenizer: Any, raw: str, short: str
) -> None:
    ((truncated, budget),) = cut(
        [(trace(0, reasoning=raw), variant(0, reasoning=short))], tokenizer
    )
    assert raw.startswith(truncated.reasoning)
    assert budget == tokens.count(tokenizer, short)
    assert tokens.count(tokenizer, truncated.reasoning) == truncated.tokens
    assert (truncated.tokens or 0) <= budget
    assert truncated.kept == bool(truncated.reasoning)


@pytest.mark.parametrize(
    ("raw", "short", "expected", "drop_reason"),
    [
        ("one two three", "12345", "one t", None),
        ("one", "longer than it", "one", None),
        ("one", "two", "one", None),
        ("漢字", "abcd", "漢", None),
        ("漢字", "ab", "", "empty"),  # less than its first character
    ],
)
def test_cut(tokenizer: Any, raw: str, short: str, expected: str, drop_reason: str | None) -> None:
    ((truncated, _),) = cut([(trace(0, reasoning=raw), variant(0, reasoning=short))], tokenizer)
    assert (truncated.reasoning, truncated.drop_reason) == (expected, drop_reason)
    assert (truncated.chars, truncated.rho) == (len(expected), len(expected) / len(raw))
    assert truncated.raw_tokens == tokens.count(tokenizer, raw)
    assert truncated.answer == trace(0).answer


def test_what_the_compressor_dropped_stays_dropped(tokenizer: Any) -> None:
    gone = variant(
        0, reasoning="cut in mid", kept=False, drop_reason="cut_at_limit", finish_reason="length"
    )
    ((truncated, _),) = cut([(trace(0), gone)], tokenizer)
    assert (truncated.kept, truncated.drop_reason) == (False, "cut_at_limit")


@pytest.mark.parametrize(
    ("traces", "variants"),
    [([0, 1], [0, 2]), ([0, 1], [0]), ([0], [0, 1]), ([], [0]), ([0, 1], [1, 0])],
)
def test_files_of_different_rows_are_refused(traces: list[int], variants: list[int]) -> None:
    with pytest.raises(
        StageError, match=r"x\.parquet: not made from these traces .question q\d.; rerun compress"
    ):
        list(paired(map(trace, traces), map(variant, variants), Path("x.parquet")))


def test_files_of_the_same_rows_are_paired() -> None:
    pairs = list(paired([trace(0), trace(1, 3)], [variant(0), variant(1, 3)], Path("x.parquet")))
    assert pairs == [(trace(0), variant(0)), (trace(1, 3), variant(1, 3))]


CELL = ("--profile", "test", "--teacher", "solver", "--compressor", "short", "--student", "tiny")


def built(project: Project, tiny: Path, variants: list[Variant]) -> Path:
    """A project with two traces, their compressed forms and the tiny student."""
    root = project()
    shutil.copytree(tiny, root / "data/test/models/tiny")
    records.write(root / "data/test/traces/solver.parquet", [trace(0), trace(1)], Trace)
    records.write(root / "data/test/compressed/solver/short.parquet", variants, Variant)
    return root


def test_command_writes_variants_and_means(project: Project, tiny: Path) -> None:
    gone = variant(1, reasoning="", kept=False, drop_reason="empty")
    root = built(project, tiny, [variant(0, reasoning="twelve chars"), gone])
    assert CliRunner().invoke(main, CELL, catch_exceptions=False).exit_code == 0
    variants = list(records.read(root / "data/test/truncated/solver/tiny/short.parquet", Variant))
    assert [(row.reasoning, row.kept) for row in variants] == [
        (trace(0).reasoning[:12], True),
        ("", False),
    ]
    assert json.loads((root / "metrics/test/truncate/solver-short-tiny.json").read_text()) == {
        "teacher": "solver",
        "compressor": "short",
        "student": "tiny",
        "traces": 2,
        "kept": 1,
        "mean_tokens": 12.0,
        "mean_budget": 12.0,
    }


def test_command_refuses_a_stale_compressed_file(project: Project, tiny: Path) -> None:
    root = built(project, tiny, [variant(0)])
    done = CliRunner().invoke(main, CELL, catch_exceptions=False)
    assert done.exit_code == 1
    assert "data/test/compressed/solver/short.parquet: not made from these traces" in done.output
    assert not list((root / "data/test/truncated").rglob("*.parquet"))
    assert leftovers(root) == []
