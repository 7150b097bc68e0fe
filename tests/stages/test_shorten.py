"""Shortened traces: of no more tokens than their budgets, which are shares of the raw tokens or the
tokens of the compressed form.
"""

import contextlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from stages.core import records, tokens
from stages.core.program.errors import StageError
from stages.core.records import Trace, Variant
from stages.core.targets.lengths import LastEncodings
from stages.core.targets.shorteners import kinds
from stages.core.targets.shorteners.budgets import Budget, shares
from stages.shorten import Pair, Shortened, ShorteningTally, main, paired, shorten
from tests.conftest import Project
from tests.made import leftovers, trace, variant

TEXT = st.text(min_size=1, max_size=30)
HEAD = {"kind": "cut", "keep": "head"}


def shortened(tokenizer: Any, config: dict[str, Any], pairs: Sequence[Pair]) -> list[Shortened]:
    """What the shortener that `config` describes makes of pairs."""
    kind, settings = kinds.settings_of(config, "shorteners.x")
    student = kinds.Student(
        tokenizer=tokenizer,
        encodings=LastEncodings(tokenizer),
        model_folder=Path("models"),
        store_folder=Path("store"),
    )
    with kind.open(settings, student, "shorteners.x") as shortener:
        return list(shorten(pairs, settings, shortener, student))


def cut_to_short(tokenizer: Any, raw: str, compressed: Variant) -> Shortened:
    """A raw trace, cut to the budget of its compressed form."""
    pair = Pair(trace(0, reasoning=raw), compressed)
    (row,) = shortened(tokenizer, HEAD | {"budget_of": "short"}, [pair])
    return row


@given(raw=TEXT, short=TEXT)
def test_shortened_has_no_more_tokens_than_the_compressed_form(
    tokenizer: Any, raw: str, short: str
) -> None:
    row, budget = cut_to_short(tokenizer, raw, variant(0, reasoning=short))
    assert raw.startswith(row.reasoning)
    assert budget == tokens.count(tokenizer, short)
    assert tokens.count(tokenizer, row.reasoning) == row.tokens
    assert (row.tokens or 0) <= budget
    assert row.kept == bool(row.reasoning.strip())


@pytest.mark.parametrize(
    ("raw", "short", "expected", "drop_reason"),
    [
        ("one two three", "12345", "one t", None),
        ("one", "longer than it", "one", None),
        ("one", "two", "one", None),
        ("漢字", "abcd", "漢", None),
        ("漢字", "ab", "", "empty"),  # less than its first character
        ("\n\none", "ab", "\n\n", "empty"),
    ],
)
def test_cut_to_a_compressed_form(
    tokenizer: Any, raw: str, short: str, expected: str, drop_reason: str | None
) -> None:
    row, _ = cut_to_short(tokenizer, raw, variant(0, reasoning=short))
    assert (row.reasoning, row.drop_reason) == (expected, drop_reason)
    assert (row.chars, row.rho) == (len(expected), len(expected) / len(raw))
    assert row.raw_tokens == tokens.count(tokenizer, raw)
    assert row.answer == trace(0).answer


def test_what_the_compressor_dropped_stays_dropped(tokenizer: Any) -> None:
    gone = variant(
        0, reasoning="cut in mid", kept=False, drop_reason="cut_at_limit", finish_reason="length"
    )
    row, _ = cut_to_short(tokenizer, trace(0).reasoning, gone)
    assert (row.kept, row.drop_reason) == (False, "cut_at_limit")


@pytest.mark.parametrize(
    ("ratio", "expected"), [(0.5, "one t"), (0.01, "o"), (0.29, "on"), (1.0, "one two tr")]
)
def test_cut_to_a_share_of_the_raw_tokens(tokenizer: Any, ratio: float, expected: str) -> None:
    pair = Pair(trace(0, reasoning="one two tr"), None)
    ((row, budget),) = shortened(tokenizer, HEAD | {"ratio": ratio}, [pair])
    assert (row.reasoning, row.tokens, budget) == (expected, len(expected), len(expected))
    assert (row.kept, row.finish_reason, row.flags) == (True, "stop", ())


@given(sizes=st.lists(st.integers(0, 10**6)), ratio=st.floats(0.001, 1))
def test_a_share_is_of_whole_tokens_and_at_least_one(sizes: list[int], ratio: float) -> None:
    for size, budget in zip(sizes, shares(sizes, ratio), strict=True):
        assert budget <= max(1, ratio * size + 1e-6)
        assert budget > ratio * size - 1
        assert (budget > 0) == (size > 0)


def test_a_share_in_per_cent_is_not_rounded_down_by_its_binary_form() -> None:
    assert shares([100], 0.29) == [29]  # 0.29 * 100 is 28.999999999999996


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"keep": "head"}, "shorteners.x.kind: None is unknown; known: cut, prune"),
        ({"kind": ["cut"]}, "shorteners.x.kind: ['cut'] is unknown; known: cut, prune"),
        (HEAD, "shorteners.x: expected exactly one of ratio"),
        (HEAD | {"ratio": 0.5, "budget_of": "mild"}, "expected exactly one of ratio"),
        (HEAD | {"ratio": 0.0}, "shorteners.x.ratio: 0.0"),
        (HEAD | {"ratio": 1.5}, "shorteners.x.ratio: 1.5"),
        (HEAD | {"budget_of": "raw"}, "'raw': this name has another meaning"),
        (HEAD | {"ratio": 0.5, "trim": True}, "shorteners.x.trim: unknown entry; known: budget_of"),
        ({"kind": "cut", "ratio": 0.5}, "shorteners.x.keep: missing"),
        ({"kind": "cut", "keep": "middle", "ratio": 0.5}, "keep: 'middle' is unknown; known: head"),
        ([], "shorteners.x: expected a mapping, found []"),
    ],
)
def test_bad_params_are_refused(config: Any, complaint: str) -> None:
    with pytest.raises(StageError) as error:
        kinds.settings_of(config, "shorteners.x")
    assert complaint in str(error.value)


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


def test_what_is_dropped_or_over_its_budget_is_counted() -> None:
    rows = [
        Shortened(variant(0, tokens=4), 5),
        Shortened(variant(1, tokens=9), 7),
        Shortened(variant(2, tokens=0, kept=False, drop_reason="empty"), 1),
    ]
    tally = ShorteningTally()
    assert list(tally.watch(rows)) == [row for row, _ in rows]
    assert tally.summary() == {
        "traces": 3,
        "kept": 2,
        "dropped": {"empty": 1},
        "over_budget": 1,
        "mean_tokens": 6.5,
        "mean_budget": 6.0,
    }


CELL = ("--profile", "test", "--teacher", "solver", "--shortener", "cut", "--student", "tiny")


def built(project: Project, tiny: Path, budget: dict[str, Any], variants: list[Variant]) -> Path:
    """A project with two traces, their compressed forms and the tiny student."""
    root = project(shorteners={"cut": HEAD | budget})
    shutil.copytree(tiny, root / "data/test/models/tiny")
    records.write(root / "data/test/traces/solver.parquet", [trace(0), trace(1)], Trace)
    records.write(root / "data/test/compressed/solver/short.parquet", variants, Variant)
    return root


def test_command_writes_variants_and_means(project: Project, tiny: Path) -> None:
    gone = variant(1, reasoning="", kept=False, drop_reason="empty")
    variants = [variant(0, reasoning="twelve chars"), gone]
    root = built(project, tiny, {"budget_of": "short"}, variants)
    assert CliRunner().invoke(main, CELL, catch_exceptions=False).exit_code == 0
    rows = list(records.read(root / "data/test/shortened/solver/tiny/cut.parquet", Variant))
    assert [(row.reasoning, row.kept) for row in rows] == [
        (trace(0).reasoning[:12], True),
        ("", False),
    ]
    assert json.loads((root / "metrics/test/shorten/solver-cut-tiny.json").read_text()) == {
        "teacher": "solver",
        "shortener": "cut",
        "student": "tiny",
        "budget_of": "short",
        "ratio": None,
        "traces": 2,
        "kept": 1,
        "dropped": {"empty": 1},
        "over_budget": 0,
        "mean_tokens": 12.0,
        "mean_budget": 12.0,
    }


def test_command_with_a_ratio_needs_no_compressed_file(project: Project, tiny: Path) -> None:
    root = built(project, tiny, {"ratio": 0.5}, [])
    shutil.rmtree(root / "data/test/compressed")
    assert CliRunner().invoke(main, CELL, catch_exceptions=False).exit_code == 0
    rows = list(records.read(root / "data/test/shortened/solver/tiny/cut.parquet", Variant))
    assert [row.tokens for row in rows] == [(row.raw_tokens or 0) // 2 for row in rows]


@pytest.mark.parametrize(
    ("budget", "complaint"),
    [
        ({"budget_of": "short"}, "compressed/solver/short.parquet: not made from these traces"),
        ({"budget_of": "long"}, "data/test/compressed/solver/long.parquet: no such file"),
        ({}, "params.yaml: shorteners.cut: expected exactly one of ratio"),
    ],
)
def test_command_ends_in_one_line_and_leaves_nothing(
    project: Project, tiny: Path, budget: dict[str, Any], complaint: str
) -> None:
    root = built(project, tiny, budget, [variant(0)])
    done = CliRunner().invoke(main, CELL, catch_exceptions=False)
    assert done.exit_code == 1
    assert complaint in done.output
    assert not list((root / "data/test").rglob("shortened/**/*.parquet"))
    assert leftovers(root) == []


class FirstWords:
    """The toy of a new kind: it keeps the first word, whatever the budget."""

    def shorten(self, traces: Sequence[Trace], budgets: Sequence[int]) -> list[str]:
        """The first word of each trace."""
        return [row.reasoning.split()[0] for row in traces]


def test_a_new_kind_is_one_entry(
    monkeypatch: pytest.MonkeyPatch, project: Project, tiny: Path
) -> None:
    toy = kinds.Kind(Budget, lambda *_: contextlib.nullcontext(FirstWords()))
    monkeypatch.setitem(kinds.KINDS, "first_word", toy)
    root = built(project, tiny, {}, [])
    project(shorteners={"cut": {"kind": "first_word", "ratio": 0.01}})
    assert CliRunner().invoke(main, CELL, catch_exceptions=False).exit_code == 0
    rows = list(records.read(root / "data/test/shortened/solver/tiny/cut.parquet", Variant))
    assert [row.reasoning for row in rows] == [trace(n).reasoning.split()[0] for n in (0, 1)]
    metrics = json.loads((root / "metrics/test/shorten/solver-cut-tiny.json").read_text())
    assert metrics["over_budget"] == 2
