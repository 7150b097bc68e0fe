"""What a run cost: sums over seeds, and ratios to raw where they mean something."""

import dataclasses
import math
from typing import Any

import pytest

from stages.core.report.results import TrainingCost, training_cost
from stages.core.statistics.measures import Estimate


def spent(*, seeds: int = 1, device: str = "cpu", threads: int = 2, **values: Any) -> TrainingCost:
    """The cost of an arm whose seeds are all alike."""
    trained = {
        "examples": 10,
        "passes": 2.0,
        "steps": 5,
        "prompt_tokens": 100,
        "completion_tokens": 300,
    }
    trained |= {"flops_6n": 2400, "packed": False}
    timed = {"device": device, "threads": threads, "step_seconds": 8.0, "peak_memory_gb": 1.5}
    return training_cost([trained | values] * seeds, [timed | values] * seeds)


def test_seeds_are_summed_but_not_passes_and_memory() -> None:
    cost = spent(seeds=2)
    assert (cost.examples, cost.steps, cost.tokens, cost.total_tokens, cost.flops) == (
        20,
        10,
        600,
        800,
        4800,
    )
    assert (cost.passes, cost.peak_memory_gb, cost.seconds, cost.tokens_per_second) == (
        2.0,
        1.5,
        16.0,
        50.0,
    )
    assert cost.devices == ("cpu (2 threads)",)


def test_ratios_on_one_device() -> None:
    one = spent(completion_tokens=150, flops_6n=1500, step_seconds=4.0).against(spent(), 0.95)
    assert (one.relative_tokens, one.relative_flops, one.seconds_note) == (0.5, 0.625, None)
    assert one.relative_seconds == Estimate(0.5)


def test_seconds_of_several_seeds_have_an_interval() -> None:
    """Ratios of 1/2, 1/4 and 1/8 have the mean 1/4; ln 2 is their logarithms' deviation, 4.303 is t
    for two degrees.
    """
    trained = dict.fromkeys(
        "examples passes steps prompt_tokens completion_tokens flops_6n packed".split(), 1
    )
    timed = [
        {"device": "cpu", "threads": 1, "step_seconds": s, "peak_memory_gb": 1}
        for s in (4.0, 2.0, 1.0)
    ]
    raw = training_cost([trained] * 3, [one | {"step_seconds": 8.0} for one in timed])
    actual = training_cost([trained] * 3, timed).against(raw, 0.95).relative_seconds
    half = 4.30265 * math.log(2) / math.sqrt(3)
    expected = [0.25, 0.25 / math.exp(half), 0.25 * math.exp(half)]
    assert dataclasses.astuple(actual) == pytest.approx(expected, rel=1e-5)
    assert raw.against(raw, 0.95).relative_seconds == Estimate(1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"device": "gpu"}, "timed on gpu (2 threads), raw on cpu (2 threads)"),
        ({"threads": 4}, "timed on cpu (4 threads), raw on cpu (2 threads)"),
    ],
)
def test_seconds_of_different_devices_or_threads_are_not_divided(
    other: dict[str, Any], reason: str
) -> None:
    one = spent(**other).against(spent(), 0.95)
    assert (one.relative_seconds, one.seconds_note) == (Estimate(), reason)
    assert (one.relative_tokens, one.relative_flops) == (1.0, 1.0)


def test_an_arm_on_two_devices_has_no_ratio_even_to_such_a_raw() -> None:
    rows = [
        {"device": device, "threads": 1, "step_seconds": 8.0, "peak_memory_gb": 1}
        for device in ("cpu", "gpu")
    ]
    trained = dict.fromkeys(
        "examples passes steps prompt_tokens completion_tokens flops_6n packed".split(), 1
    )
    cost = training_cost([trained] * 2, rows)
    assert cost.against(cost, 0.95).relative_seconds == Estimate()
    assert cost.against(cost, 0.95).seconds_note is not None


def test_nothing_is_divided_by_nothing() -> None:
    idle = spent(completion_tokens=0, flops_6n=0, step_seconds=0.0)
    one = spent().against(idle, 0.95)
    assert (one.relative_tokens, one.relative_flops, one.relative_seconds) == (
        None,
        None,
        Estimate(),
    )
    assert idle.tokens_per_second is None
