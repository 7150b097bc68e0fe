"""The costs of the paper's grid follow from its params, and the formulas have a closed form."""

import copy
from typing import Any

import pytest

from stages.core.report.paper import RHO
from tools import costs, set_sizes

PAPER: dict[str, Any] = costs.profile("paper")
STUDY = costs.StudyCosts(PAPER, costs.PAPERS_TRACES)


def test_every_model_and_set_of_the_profile_has_its_numbers() -> None:
    grid = PAPER["grid"]
    assert set(grid["teachers"]) == set(costs.RAW_CHARS) == set(costs.WRITTEN) - {"student"}
    assert {(teacher, name) for teacher in grid["teachers"] for name in grid["compressors"]} == set(
        costs.RHO
    )
    assert set(grid["compressors"]) == set(costs.READ_AND_WRITTEN)
    assert set(grid["students"]) == set(costs.PARAMETERS) == set(costs.SHARE_OF_PEAK)
    assert set(PAPER["questions"]["sets"]) == set(set_sizes.QUESTIONS)
    assert (min(costs.RHO.values()), max(costs.RHO.values())) == RHO


def test_parts_are_those_of_closed_form() -> None:
    raw = 10_242 / 3.45
    attempts = 283_000 / 0.836
    assert STUDY.generate("qwen397b").hours == pytest.approx(attempts * (raw + 100) / 1_417 / 3600)
    assert STUDY.target_tokens("qwen397b", "answer_only") == 100
    assert STUDY.target_tokens("qwen397b", "truncated_llama70b") == pytest.approx(raw * 0.142 + 100)
    read = 2 * (240 + 100) + 1.5 * raw + 200 + raw * (0.142 + 0.210 / 2) + 200
    assert STUDY.compress("llama70b").hours == pytest.approx(283_000 * read / (537 * 9) / 3600)
    of_qwen, of_gptoss = (
        1 + 2 * 0.142 + 0.086,
        1 + 2 * 0.210 + 0.147,
    )  # raw, compressed twice, truncated
    taught = raw * of_qwen + raw / 2 * of_gptoss + 10 * (100 + 100)
    learned = STUDY.train("llama8b")
    assert learned.tokens == pytest.approx(2 * 283_000 * taught)  # LoRA and full
    assert learned.hours == pytest.approx(6 * 8.03e9 * learned.tokens / (989e12 * 0.33) / 3600)
    answers = 41_170 * 5  # test questions, each greedy once and drawn four times
    written = answers * (8 * (taught - 10 * 100) + 4 * (raw + 100))
    assert STUDY.evaluate().tokens == pytest.approx(written)


def test_own_sets_give_fewer_traces_than_questions() -> None:
    assert 9_111 * 0.99 < costs.trace_count(costs.profile("paper_small")) < 9_111
    assert 293_775 * 0.99 < costs.trace_count(PAPER) < 293_775


def test_size_that_is_given_counts_instead_of_the_rows_that_there_are() -> None:
    assert set_sizes.rows("medmcqa", {"sizes": {"train": None, "test": 5}}) == (182_822, 5)


@pytest.mark.parametrize(
    ("sizes", "counted"), [({"train": 0, "test": None}, (0, 4_183)), ({"train": 7}, (7, 0))]
)
def test_split_that_is_not_taken_counts_nothing(
    sizes: dict[str, int | None], counted: tuple[int, int]
) -> None:
    assert set_sizes.rows("medmcqa", {"sizes": sizes}) == counted


def test_a_second_seed_doubles_learning_alone() -> None:
    params = copy.deepcopy(PAPER)
    params["grid"]["seeds"] = ["s0", "s1"]
    twice = costs.StudyCosts(params, costs.PAPERS_TRACES)
    assert twice.train("qwen9b").hours == pytest.approx(2 * STUDY.train("qwen9b").hours)
    assert twice.generate("qwen397b") == STUDY.generate("qwen397b")
    assert STUDY.evaluate().hours < twice.evaluate().hours < 2 * STUDY.evaluate().hours


def test_sums_are_of_all_parts() -> None:
    parts = STUDY.parts()
    *kinds, total = costs.together(parts)
    assert [kind.part for kind in kinds] == [
        "teachers answer",
        "compressors rewrite",
        "students learn",
        "students answer",
    ]
    assert total.hours == pytest.approx(sum(kind.hours for kind in kinds))
    assert total.hours == pytest.approx(sum(part.hours for part in parts))
