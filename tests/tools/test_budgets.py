"""Budgets: one entry, one name and one target for each; bad ones end in one line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.program.errors import StageError
from tests.composing import Composer, declared
from tools.budgets import expanded

HALVES = {"kind": "extractive", "trim": True}
GRID = {"compressors": ["mild", "x"], "shorteners": ["cut"], "targets": ["raw", "x", "cut"]}


def study(**changed: Any) -> dict[str, Any]:
    """Sections with one compressor and one shortener of two budgets each."""
    sections = {
        "grid": GRID,
        "compressors": {"mild": HALVES | {"ratio": 0.5}, "x": HALVES | {"budgets": [0.1, 0.3]}},
        "shorteners": {"cut": {"kind": "cut", "keep": "tail", "budgets": [1, 0.05]}},
    }
    return sections | changed


def test_each_budget_is_an_entry_and_the_grid_names_them() -> None:
    assert expanded(study()) == {
        "grid": {
            "compressors": ["mild", "x_10", "x_30"],
            "shorteners": ["cut_100", "cut_5"],
            "targets": ["raw", "x_10", "x_30", "cut_100", "cut_5"],
        },
        "compressors": {
            "mild": HALVES | {"ratio": 0.5},
            "x_10": HALVES | {"ratio": 0.1},
            "x_30": HALVES | {"ratio": 0.3},
        },
        "shorteners": {
            "cut_100": {"kind": "cut", "keep": "tail", "ratio": 1},
            "cut_5": {"kind": "cut", "keep": "tail", "ratio": 0.05},
        },
    }


def test_the_order_of_entries_stays() -> None:
    entries = {"x": {"budgets": [0.3, 0.1]}, "mild": HALVES}
    result = expanded(study(compressors=entries))
    assert result is not None
    assert list(result["compressors"]) == ["x_30", "x_10", "mild"]


@given(per_cents=st.lists(st.integers(1, 100), min_size=1, max_size=9, unique=True))
def test_names_say_whole_per_cent(per_cents: list[int]) -> None:
    entry = {"budgets": [number / 100 for number in per_cents]}
    result = expanded({"compressors": {"x": entry}})
    assert result is not None
    assert list(result["compressors"]) == [f"x_{number}" for number in per_cents]


@pytest.mark.parametrize("params", [{}, {"compressors": {"mild": HALVES}}, {"compressors": None}])
def test_params_without_budgets_stay(params: dict[str, Any]) -> None:
    assert expanded(params) is None


X = {"kind": "extractive", "budgets": [0.1]}


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"compressors": {"x": {"budgets": 0.1}}}, "compressors.x.budgets: 0.1: expected a list"),
        ({"compressors": {"x": {"budgets": []}}}, "compressors.x.budgets: []: expected a list"),
        ({"compressors": {"x": {"budgets": [0.125]}}}, "compressors.x.budgets: 0.125: expected a"),
        ({"compressors": {"x": {"budgets": [0]}}}, "compressors.x.budgets: 0: expected a share"),
        ({"compressors": {"x": {"budgets": [30]}}}, "compressors.x.budgets: 30: expected a share"),
        ({"compressors": {"x": {"budgets": [True]}}}, "budgets: True: expected a share"),
        ({"compressors": {"x": {"budgets": [float("nan")]}}}, "budgets: nan: expected a share"),
        ({"compressors": {"x": {"budgets": ["0.1"]}}}, "budgets: '0.1': expected a share"),
        ({"compressors": {"x": {"budgets": [0.1, 0.10]}}}, "budgets: 0.1 stands there twice"),
        ({"compressors": {"x": X | {"kind": "llm"}}}, "compressors.x.budgets: a model keeps no"),
        ({"compressors": {"x": X | {"ratio": 0.5}}}, "compressors.x: has ratio and budgets;"),
        ({"compressors": {"x": X | {"max_ratio": 0.5}}}, "compressors.x: has max_ratio and budget"),
        ({"shorteners": {"x": X | {"budget_of": "mild"}}}, "shorteners.x: has budget_of and"),
        ({"compressors": {"x": X, "x_10": HALVES}}, "x.budgets: 'x_10' is the name of something"),
        ({"compressors": {"x": X}, "shorteners": {"x_10": {}}}, "x.budgets: 'x_10' is the name of"),
        ({"compressors": {"x": X}, "shorteners": {"x": {}}}, "x.budgets: 'x' is the name of"),
        ({"compressors": {"x": X}, "shorteners": {"x": X}}, "x.budgets: 'x' is the name of"),
        ({"compressors": {"x": X}, "targets": {"x_10": {}}}, "x.budgets: 'x_10' is the name of"),
        ({"compressors": {"raw": X}}, "raw.budgets: 'raw' is the name of something else too"),
    ],
)
def test_bad_budgets_are_refused(params: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StageError) as error:
        expanded(params)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> Composer:
    """A copy of conf/, with a profile whose truncation has two budgets."""
    composer = Composer(tmp_path_factory.mktemp("budgets"))
    text = """# @package _global_
defaults: [smoke, _self_]
profile: mine
grid: {profiles: [mine], shorteners: [tail], targets: [raw, tail]}
shorteners: {tail: {kind: cut, keep: tail, budgets: [0.1, 0.3]}}
"""
    composer.profile("mine", text)
    return composer


def test_a_profile_with_budgets_is_composed(composer: Composer) -> None:
    assert composer.run("mine").stderr == ""
    assert composer.params["grid"]["targets"] == ["raw", "tail_10", "tail_30"]
    assert composer.params["shorteners"]["tail_30"] == {"kind": "cut", "keep": "tail", "ratio": 0.3}
    rest = set(composer.params) - {"grid", "shorteners"}
    smoke = declared("smoke") | {"profile": "mine"}
    assert {name: composer.params[name] for name in rest} == {name: smoke[name] for name in rest}


def test_a_clash_ends_in_one_line(composer: Composer) -> None:
    done = composer.run("mine", "+shorteners.tail_10={kind: cut, keep: head, ratio: 0.5}")
    assert done.stderr == (
        "error: profile mine: tail.budgets: 'tail_10' is the name of something else too; rename one\n"
    )
