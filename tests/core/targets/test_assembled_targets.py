"""Targets that assemble makes from others: which rows they take, in exact cases and by properties."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.program.errors import StageError
from stages.core.targets.assembly import usage
from stages.core.targets.assembly.kinds import KINDS, AssembledTarget, kind_of
from stages.core.targets.assembly.kinds.answer import AnswerTarget
from stages.core.targets.assembly.kinds.interface import (
    ATTEMPTS,
    STATED,
    MatchedSet,
    OwnRows,
    Plan,
    RowOf,
)
from stages.core.targets.assembly.kinds.mix import MixTarget, apportioned
from stages.core.targets.assembly.kinds.select import SelectTarget
from stages.core.targets.assembly.planning import plans
from stages.core.targets.assembly.sources import Key

KNOWN = ("raw", "answer_only", "mild", "strong")  # targets with a file


def matched(
    attempt_lengths: Mapping[Key, int],
    *,
    per_question: int = 1,
    right_shares: Mapping[str, float] | None = None,
) -> MatchedSet:
    """The first attempts of each question as the matched set, with raw and mild as targets."""
    keys: list[Key] = []
    taken: Counter[str] = Counter()
    for key in sorted(attempt_lengths):
        if taken[key[0]] < per_question:
            keys.append(key)
            taken[key[0]] += 1
    return MatchedSet(
        keys=keys,
        raw_lengths={key: attempt_lengths[key] for key in keys},
        attempt_lengths=dict(sorted(attempt_lengths.items())),
        right_shares=right_shares or {},
        plans={name: OwnRows(name, keys) for name in ("raw", "mild")},
    )


def sources_of(plan: Plan) -> list[str]:
    """The source of each key's row, in order."""
    return [plan[key].source for key in plan]


# ---- select ----

ATTEMPT_LENGTHS = {("a", 0): 30, ("a", 1): 10, ("a", 3): 20, ("b", 2): 5}


@pytest.mark.parametrize(
    ("choose", "per_question", "expected"),
    [
        ("shortest", 1, {("a", 0): ("a", 1), ("b", 2): ("b", 2)}),
        ("longest", 1, {("a", 0): ("a", 0), ("b", 2): ("b", 2)}),
        # The two shortest take the question's two keys in the order of their samples
        ("shortest", 2, {("a", 0): ("a", 1), ("a", 1): ("a", 3), ("b", 2): ("b", 2)}),
        ("longest", 2, {("a", 0): ("a", 0), ("a", 1): ("a", 3), ("b", 2): ("b", 2)}),
    ],
)
def test_select_golden_example(choose: Any, per_question: int, expected: dict[Key, Key]) -> None:
    plan = SelectTarget(choose).plan(matched(ATTEMPT_LENGTHS, per_question=per_question))
    assert {key: row.key for key, row in plan.items()} == expected
    assert set(sources_of(plan)) == {ATTEMPTS}


def test_of_equal_lengths_the_lower_sample_is_selected() -> None:
    study = matched({("a", 0): 7, ("a", 1): 7})
    for choose in ("shortest", "longest"):
        assert SelectTarget(choose).plan(study)[("a", 0)].key == ("a", 0)


def test_metrics_of_select_say_what_there_was() -> None:
    study, target = matched(ATTEMPT_LENGTHS), SelectTarget("shortest")
    assert target.metrics(target.plan(study), study) == {
        "attempts_to_choose_from": 4,
        "mean_reasoning_of_these": 16.25,
        "mean_reasoning_selected": 7.5,
    }


LENGTHS = st.dictionaries(
    st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 7)), st.integers(1, 40), min_size=1
)


@given(
    LENGTHS,
    st.integers(1, 4),
    st.sampled_from(["shortest", "longest", "random"]),
    st.integers(0, 9),
)
def test_select_takes_distinct_attempts_of_the_same_questions(
    lengths: dict[Key, int], per_question: int, choose: Any, seed: int
) -> None:
    study = matched(lengths, per_question=per_question)
    plan = SelectTarget(choose, seed).plan(study)
    rows = [row.key for row in plan.values()]
    assert list(plan) == list(study.keys)
    assert [key[0] for key in plan] == [row[0] for row in rows]
    assert rows == sorted(set(rows))
    assert SelectTarget(choose, seed).plan(study) == plan


@given(LENGTHS)
def test_shortest_is_at_most_and_longest_at_least_what_any_other_choice_takes(
    lengths: dict[Key, int],
) -> None:
    study = matched(lengths)
    for key in study.keys:
        of_question = [length for other, length in lengths.items() if other[0] == key[0]]
        assert lengths[SelectTarget("shortest").plan(study)[key].key] == min(of_question)
        assert lengths[SelectTarget("longest").plan(study)[key].key] == max(of_question)


def test_random_choice_does_not_depend_on_other_questions() -> None:
    lengths = {(f"q{number}", sample): 9 for number in range(30) for sample in range(4)}
    part = {key: length for key, length in lengths.items() if key[0] < "q2"}
    all_rows = SelectTarget("random", 5).plan(matched(lengths))
    assert all(
        all_rows[key] == row for key, row in SelectTarget("random", 5).plan(matched(part)).items()
    )
    assert len({row.key[1] for row in all_rows.values()}) == 4
    assert SelectTarget("random", 6).plan(matched(lengths)) != all_rows


# ---- mix ----

TEN = {(f"q{number}", 0): 10 * number for number in range(10)}


def test_mix_by_length_golden_example() -> None:
    target = MixTarget({"mild": 0.7, "raw": 0.3}, "length", ["raw", "mild"])
    study = matched(TEN)
    plan = target.plan(study)
    assert sources_of(plan) == ["mild"] * 7 + ["raw"] * 3
    assert plan[("q8", 0)] == RowOf("raw", ("q8", 0))
    assert target.metrics(plan, study)["parts"] == {
        "raw": {"questions": 3, "share": 0.3, "examples": 3, "mean_raw_reasoning": 80.0},
        "mild": {"questions": 7, "share": 0.7, "examples": 7, "mean_raw_reasoning": 30.0},
    }


def test_mix_by_difficulty_golden_example() -> None:
    shares = {f"q{number}": 1 - number / 10 for number in range(10)}
    target = MixTarget({"mild": 0.8, "raw": 0.2}, "difficulty", ["mild", "raw"])
    study = matched(TEN, right_shares=shares)
    plan = target.plan(study)
    assert sources_of(plan) == ["raw"] * 2 + ["mild"] * 8  # the questions that are mostly right
    assert target.metrics(plan, study)["parts"]["raw"]["mean_right_share"] == 0.95


def test_equal_difficulty_everywhere_is_an_error() -> None:
    target = MixTarget({"mild": 0.5, "raw": 0.5}, "difficulty", ["mild", "raw"])
    with pytest.raises(StageError, match="the same share of attempts is right for all questions"):
        target.plan(matched(TEN, right_shares=dict.fromkeys((key[0] for key in TEN), 1.0)))


def test_order_of_the_mapping_does_not_count() -> None:
    """DVC does not see it."""
    study = matched(TEN)
    one = MixTarget({"mild": 0.5, "raw": 0.5}, "random", seed=4)
    other = MixTarget({"raw": 0.5, "mild": 0.5}, "random", seed=4)
    assert one.plan(study) == other.plan(study)
    assert one.plan(study) != MixTarget({"mild": 0.5, "raw": 0.5}, "random", seed=5).plan(study)


def test_part_may_be_a_selection() -> None:
    used: dict[str, AssembledTarget] = {
        "shortest": SelectTarget("shortest"),
        "both": MixTarget({"raw": 0.5, "shortest": 0.5}, "length", ["shortest", "raw"]),
    }
    study = matched({("a", 0): 30, ("a", 1): 10, ("b", 0): 20, ("b", 1): 5})
    assert plans(used, study)["both"] == {
        ("a", 0): RowOf(ATTEMPTS, ("a", 1)),
        ("b", 0): RowOf("raw", ("b", 0)),
    }


@given(
    LENGTHS,
    st.lists(st.integers(1, 9), min_size=2, max_size=2),
    st.sampled_from(["random", "length"]),
    st.integers(0, 9),
    st.integers(1, 3),
)
def test_shares_of_a_mixture_are_kept(
    lengths: dict[Key, int], weights: list[int], by: Any, seed: int, per_question: int
) -> None:
    study = matched(lengths, per_question=per_question)
    parts = {
        name: weight / sum(weights) for name, weight in zip(("raw", "mild"), weights, strict=True)
    }
    order = [] if by == "random" else ["raw", "mild"]
    target = MixTarget(parts, by, order, seed)
    plan = target.plan(study)
    assert list(plan) == list(study.keys)
    assert all(row.key == key for key, row in plan.items())
    part_by_question = {key[0]: row.source for key, row in plan.items()}
    assert all(row.source == part_by_question[key[0]] for key, row in plan.items())
    for name, share in parts.items():
        count = sum(part == name for part in part_by_question.values())
        assert abs(count - share * len(part_by_question)) < 1
    assert MixTarget(parts, by, order, seed).plan(study) == plan
    if by == "length" and per_question == 1:
        raw = [study.raw_lengths[key] for key, row in plan.items() if row.source == "raw"]
        mild = [study.raw_lengths[key] for key, row in plan.items() if row.source == "mild"]
        assert not raw or not mild or min(raw) >= max(mild)


@given(st.integers(0, 500), st.lists(st.integers(1, 99), min_size=1, max_size=6))
def test_apportioned_numbers_are_all_and_within_one_of_their_share(
    count: int, weights: list[int]
) -> None:
    shares = [weight / sum(weights) for weight in weights]
    numbers = apportioned(count, shares)
    assert sum(numbers) == count
    for number, share in zip(numbers, shares, strict=True):
        assert abs(number - share * count) < 1 + 1e-9


@pytest.mark.parametrize(
    ("count", "shares", "expected"),
    [
        (10, [0.3, 0.7], [3, 7]),
        (24, [0.3, 0.7], [7, 17]),  # 7.2 and 16.8
        (3, [0.5, 0.5], [2, 1]),
        (1, [0.2, 0.8], [0, 1]),
        (100, [0.29, 0.71], [29, 71]),  # 0.29 * 100 is below 29
        (3, [0.333333, 0.333333, 0.333334], [1, 1, 1]),
    ],
)
def test_apportioned(count: int, shares: list[float], expected: list[int]) -> None:
    assert apportioned(count, shares) == expected


# ---- answer ----


def test_answer_takes_the_stated_answers_of_all_keys() -> None:
    study = matched(TEN)
    plan = AnswerTarget("stated").plan(study)
    assert list(plan) == list(study.keys)
    assert plan[("q3", 0)] == RowOf(STATED, ("q3", 0))


# ---- params ----


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ([], "params.yaml: targets.x: expected a mapping, found []"),
        ({}, "targets.x.kind: None is unknown; known: answer, mix, select"),
        ({"kind": "blend"}, "targets.x.kind: 'blend' is unknown; known: answer, mix, select"),
        ({"kind": "select"}, "targets.x.choose: missing"),
        ({"kind": "select", "choose": "best"}, "targets.x.choose: 'best'"),
        ({"kind": "select", "choose": "random", "seed": -1}, "targets.x.seed: -1"),
        ({"kind": "select", "choose": "random", "k": 3}, "targets.x.k: unknown entry"),
        ({"kind": "answer", "text": "bare"}, "targets.x.text: 'bare'"),
        ({"kind": "mix", "parts": {"raw": 1.0}, "by": "random"}, "targets.x.parts.raw: 1.0"),
        (
            {"kind": "mix", "parts": {"raw": 0.5, "mild": 0.4}, "by": "random"},
            "targets.x: parts: 2 targets with shares of 0.9 together; expected two or more, and 1",
        ),
        (
            {"kind": "mix", "parts": {"raw": 0.5}, "by": "random"},
            "targets.x: parts: 1 targets with shares of 0.5 together; expected two or more, and 1",
        ),
        (
            {"kind": "mix", "parts": {"raw": 0.5, "mild": 0.5}, "by": "length"},
            "targets.x: hardest_first: empty: by: length needs the parts in order, the hardest",
        ),
        (
            {
                "kind": "mix",
                "parts": {"raw": 0.5, "mild": 0.5},
                "by": "random",
                "hardest_first": ["raw", "mild"],
            },
            "targets.x: hardest_first: by: random knows no harder questions; leave it out",
        ),
        (
            {
                "kind": "mix",
                "parts": {"raw": 0.5, "mild": 0.5},
                "by": "length",
                "hardest_first": ["raw", "strong"],
            },
            "targets.x: hardest_first: raw, strong: by: length needs the parts",
        ),
    ],
)
def test_bad_entry_ends_in_one_line(config: Any, complaint: str) -> None:
    with pytest.raises(StageError) as raised:
        kind_of(config, "targets.x")
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


SHORTEST = {"kind": "select", "choose": "shortest"}
HALF = {"kind": "mix", "parts": {"raw": 0.5, "mild": 0.5}, "by": "random"}


@pytest.mark.parametrize(
    ("targets", "entries", "complaint"),
    [
        (
            ["raw", "nope"],
            {},
            "grid.targets: 'nope' is unknown; known: raw, answer_only, mild, strong",
        ),
        (["raw"], {"mild": SHORTEST}, "targets.mild: the grid has another target of this name"),
        (
            ["raw"],
            {"raw": SHORTEST},
            "assembled target 'raw': this name has another meaning; rename it",
        ),
        (["raw"], {"A B": SHORTEST}, "a name consists of small letters, digits and _"),
        (
            ["half"],
            {"half": HALF | {"parts": {"raw": 0.5, "answer_only": 0.5}}},
            "targets.half: its part 'answer_only' is no target of this grid that has reasoning of its",
        ),
        (
            ["x"],
            {"half": HALF, "x": HALF | {"parts": {"raw": 0.5, "half": 0.5}}},
            "targets.x: its part 'half' is no target of this grid that has reasoning of its own; "
            "known: raw, mild, strong",
        ),
    ],
)
def test_target_that_the_grid_cannot_have_is_one_line(
    targets: list[str], entries: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(StageError) as raised:
        usage.in_use(targets, usage.assembled_targets(entries), KNOWN)
    assert complaint in str(raised.value)


def test_parts_come_before_what_they_are_parts_of() -> None:
    entries = {
        "both": HALF | {"parts": {"raw": 0.5, "shortest": 0.5}},
        "shortest": SHORTEST,
        "unused": SHORTEST,
    }
    used = usage.in_use(["both", "raw"], usage.assembled_targets(entries), KNOWN)
    assert list(used) == ["shortest", "both"]


DIFFICULT = HALF | {"by": "difficulty", "hardest_first": ["raw", "mild"]}


@pytest.mark.parametrize("entry", [SHORTEST, DIFFICULT])
@pytest.mark.parametrize(
    ("teacher", "complaint"),
    [
        (
            {"samples": 4},
            "params.yaml: targets.x: it goes by all K attempts, and teachers.t stops at the first "
            "correct one; set teachers.t.stop_at_first_correct: false",
        ),
        ({"samples": 4, "stop_at_first_correct": True}, "teachers.t stops at the first correct"),
        (
            {"samples": 1, "stop_at_first_correct": False},
            "teachers.t makes one; set teachers.t.samples to 2 or more",
        ),
        ({"samples": 4, "stop_at_first_correct": False}, None),
        ({"files": ["a.jsonl"], "model": "m"}, None),  # nobody here knows how they were drawn
    ],
)
def test_attempts_must_all_have_been_drawn(
    entry: dict[str, Any], teacher: dict[str, Any], complaint: str | None
) -> None:
    used = usage.in_use(["x"], usage.assembled_targets({"x": entry}), KNOWN)
    if complaint is None:
        usage.check_attempts(used, "t", teacher, 1)
        return
    with pytest.raises(StageError) as raised:
        usage.check_attempts(used, "t", teacher, 1)
    assert complaint in str(raised.value)


def test_nothing_is_left_to_choose_where_every_attempt_is_taken() -> None:
    used = {"x": SelectTarget("shortest")}
    teacher = {"samples": 4, "stop_at_first_correct": False}
    with pytest.raises(StageError, match="traces_per_question is null, so every attempt is taken"):
        usage.check_attempts(used, "t", teacher, None)


def test_targets_that_go_by_no_attempts_do_without_them() -> None:
    entries = {"half": HALF, "stated": {"kind": "answer", "text": "stated"}}
    used = usage.in_use(list(entries), usage.assembled_targets(entries), KNOWN)
    usage.check_attempts(used, "t", {"samples": 4}, None)


# ---- a kind of one's own ----


def test_toy_kind_is_one_file_and_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.core.targets.toy_kind import EveryOther

    monkeypatch.setitem(KINDS, "every_other", EveryOther)
    target: AssembledTarget = kind_of({"kind": "every_other", "target": "mild"}, "targets.x")
    used = usage.in_use(["x"], {"x": target}, KNOWN)
    assert sources_of(plans(used, matched(TEN))["x"]) == ["raw", "mild"] * 5
