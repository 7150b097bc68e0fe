"""The rows that a student sees: labels, order, budgets, and what the first batch is checked for."""

import dataclasses
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from stages.core import tokens
from stages.core.program.errors import StageError
from stages.core.records import Example
from stages.core.training import batches
from stages.core.training.settings import IGNORED
from tests.made import FULL, example


def test_only_completions_have_labels_and_end_with_the_eos(
    tokenizer: Any, examples: list[Example], tmp_path: Path
) -> None:
    rows = batches.dataset(examples, tokenizer, tmp_path)
    assert len(rows) == len(examples)
    for row, source in zip(rows, examples, strict=True):
        labels = [label for label in row["labels"] if label != IGNORED]
        assert tokenizer.decode(row["input_ids"]) == source.prompt + source.completion
        assert tokenizer.decode(labels) == source.completion
        assert row["labels"][: source.prompt_tokens] == [IGNORED] * source.prompt_tokens
        assert len(labels) == source.completion_tokens
        assert row["input_ids"][-1] == row["labels"][-1] == tokenizer.eos_token_id


@given(st.lists(st.integers(1, 500), max_size=200), st.integers(1, 9), st.integers(0, 99))
def test_batch_order_is_a_shuffle_of_batches_of_like_length(
    lengths: list[int], batch: int, seed: int
) -> None:
    order = batches.batch_order(lengths, batch, seed)
    assert sorted(order) == list(range(len(lengths)))
    assert batches.batch_order(lengths, batch, seed) == order


def test_batch_order_pads_little_and_runs_from_short_to_long_nowhere() -> None:
    lengths = random.Random(0).choices(range(100, 300), k=400)

    def padded(order: Sequence[int]) -> float:
        batches = [[lengths[place] for place in order[at : at + 4]] for at in range(0, 400, 4)]
        return sum(4 * max(one) for one in batches) / sum(lengths)

    order = batches.batch_order(lengths, 4, 0)
    assert padded(order) < 1.05 < 1.15 < padded(range(400))
    longest = [max(lengths[place] for place in order[at : at + 4]) for at in range(0, 400, 4)]
    assert abs(scipy.stats.spearmanr(range(100), longest).statistic) < 0.25


@pytest.mark.parametrize(("batch", "processes", "most"), [(1, 8, 1.25), (2, 4, 1.4), (1, 16, 1.6)])
def test_processes_in_lockstep_wait_little_for_the_longest_row(
    batch: int, processes: int, most: float
) -> None:
    """Rank r takes the r-th batch of each `processes` in a row (accelerate's BatchSamplerShard)."""
    draw = random.Random(0)
    sizes = [
        min(32768, round(draw.lognormvariate(8, 1))) for _ in range(4000)
    ]  # as reasoning traces: a long tail
    rows = [
        Example(
            question_id=f"q{place}",
            sample=0,
            prompt="2?",
            completion="4",
            prompt_tokens=2,
            completion_tokens=size,
            raw_tokens=size,
        )
        for place, size in enumerate(sizes)
    ]
    method = dataclasses.replace(FULL, epochs=1, batch_size=batch, accumulation=16)
    together = batch * processes

    def wait(order: Sequence[int]) -> float:
        """Time over what it would take if no process waited and nothing was padded."""
        groups = [
            [sizes[place] for place in order[at : at + together]] for at in range(0, 4000, together)
        ]
        return sum(together * max(group) for group in groups) / sum(sizes)

    assert (
        wait(batches.batch_order(sizes, batch, 0)) > 2
    )  # what order by batch alone costs: 2.95 for the paper's 8
    assert wait(batches.plan(rows, method, 0)) < most


def test_order_without_accumulation_is_by_batch_as_committed_runs_have_it() -> None:
    rows = [
        Example(
            question_id=f"q{place}",
            sample=0,
            prompt="2?",
            completion="4",
            prompt_tokens=2,
            completion_tokens=size,
            raw_tokens=size,
        )
        for place, size in enumerate([9, 3, 7, 1, 8, 2, 6, 4, 5])
    ]
    method = dataclasses.replace(FULL, epochs=1, batch_size=4, accumulation=1)
    assert batches.plan(rows, method, 0) == batches.batch_order(
        [row.raw_tokens for row in rows], 4, 0
    )


@pytest.mark.parametrize("completion", ["4", "<|im_end|>4", "4<|im_end|>\n"])
def test_completion_without_the_eos_at_its_end_is_refused(
    tokenizer: Any, completion: str, tmp_path: Path
) -> None:
    with pytest.raises(StageError, match=r"question q1: its completion .* does not end with"):
        batches.dataset(
            [
                Example(
                    question_id="q1",
                    sample=0,
                    prompt="2 + 2?",
                    completion=completion,
                    prompt_tokens=6,
                    completion_tokens=2,
                    raw_tokens=2,
                )
            ],
            tokenizer,
            tmp_path,
        )


@pytest.mark.parametrize("inside", ["<|im_end|>", "<|im_start|>"])
def test_completion_with_a_special_token_within_is_refused(
    tokenizer: Any, inside: str, tmp_path: Path
) -> None:
    text = f"The user's turn ends with {inside}.<|im_end|>"
    with pytest.raises(
        StageError, match=rf"question q1: its completion has '{re.escape(inside)}' within"
    ):
        batches.dataset(
            [
                Example(
                    question_id="q1",
                    sample=0,
                    prompt="2 + 2?",
                    completion=text,
                    prompt_tokens=6,
                    completion_tokens=40,
                    raw_tokens=40,
                )
            ],
            tokenizer,
            tmp_path,
        )


def test_completion_that_the_tokenizer_changes_is_refused(tiny: Path, tmp_path: Path) -> None:
    lower = tokens.load(tiny)
    lower.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(StageError, match="does not come back from the tokenizer"):
        batches.dataset(
            [
                example(3, lower.eos_token),
                Example(
                    question_id="q9",
                    sample=0,
                    prompt="",
                    completion="Four<|im_end|>",
                    prompt_tokens=0,
                    completion_tokens=5,
                    raw_tokens=5,
                ),
            ],
            lower,
            tmp_path,
        )


@pytest.mark.parametrize(
    ("method", "rows", "tokens_at_least"),
    [
        ({"epochs": 1}, 20, None),
        ({"epochs": 3}, 60, None),
        ({"epochs": 1, "budget": "equal_tokens"}, None, 400),
        ({"epochs": 2, "budget": "equal_tokens"}, None, 800),
        ({"epochs": 1, "budget": "equal_steps", "steps": 7}, 28, None),
        ({"epochs": 1, "budget": "equal_steps", "steps": 7, "accumulation": 2}, 56, None),
    ],
)
def test_plan_ends_with_its_budget(
    method: dict[str, Any], rows: int | None, tokens_at_least: int | None
) -> None:
    short = [
        Example(
            question_id=f"q{place:02}",
            sample=0,
            prompt="2?",
            completion="4",
            prompt_tokens=2,
            completion_tokens=3 + place % 5,
            raw_tokens=20,
        )
        for place in range(20)
    ]
    order = batches.plan(short, dataclasses.replace(FULL, **method), 0)
    if rows is not None:
        assert len(order) == rows
    if tokens_at_least is not None:  # reached by the last example, not before
        used = [short[place].completion_tokens for place in order]
        assert sum(used[:-1]) < tokens_at_least <= sum(used)
    counts = [order.count(place) for place in range(20)]
    assert max(counts) - min(counts) <= 1


def test_raw_has_the_same_plan_under_equal_epochs_and_equal_tokens() -> None:
    raw = [
        Example(
            question_id=f"q{place:02}",
            sample=0,
            prompt="2?",
            completion="4",
            prompt_tokens=2,
            completion_tokens=5 + place,
            raw_tokens=5 + place,
        )
        for place in range(20)
    ]
    plans = [
        batches.plan(raw, dataclasses.replace(FULL, budget=budget), 3)
        for budget in ("equal_epochs", "equal_tokens")
    ]
    assert plans[0] == plans[1]


def test_passes_differ_from_each_other_and_the_first_is_that_of_one_pass() -> None:
    rows = [
        Example(
            question_id=f"q{place:02}",
            sample=0,
            prompt="2?",
            completion="4",
            prompt_tokens=2,
            completion_tokens=5,
            raw_tokens=5 + place,
        )
        for place in range(20)
    ]
    one, three = (
        batches.plan(rows, dataclasses.replace(FULL, epochs=epochs), 0) for epochs in (1, 3)
    )
    assert three[:20] == one
    assert three[20:40] != one
    assert sorted(three[20:40]) == sorted(one)


@pytest.fixture(params=[True, False], ids=["packed", "padded"])
def batch(
    request: pytest.FixtureRequest, tokenizer: Any, examples: list[Example], tmp_path: Path
) -> dict[str, Any]:
    """Five examples of other lengths, as the trainer's collator puts them together."""
    rows = batches.dataset(examples[:5], tokenizer, tmp_path)
    made: dict[str, Any] = DataCollatorForLanguageModeling(
        tokenizer.pad_token_id, padding_free=request.param
    )(list(rows))
    return made


def test_first_batch_as_it_should_be_passes(
    batch: dict[str, Any], tokenizer: Any, examples: list[Example]
) -> None:
    batches.check_batch(batch, examples[:5], tokenizer, {tokenizer.eos_token_id})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("prompt learned", "not those of its examples"),
        ("completion masked", "not those of its examples"),
        ("eos masked", "not those of its examples"),
        ("other prompt", "not those of its examples"),
        ("other label", "not those of its examples"),
        ("other stop", "does not end with what generation stops on"),
    ],
)
def test_first_batch_that_inference_would_not_see_is_refused(
    batch: dict[str, Any], tokenizer: Any, examples: list[Example], change: str, complaint: str
) -> None:
    ids, labels = batch["input_ids"], batch["labels"]
    begin = examples[0].prompt_tokens
    end = begin + examples[0].completion_tokens
    ends = {tokenizer.eos_token_id}
    match change:
        case "prompt learned":
            labels[0, begin - 1] = ids[0, begin - 1]
        case "completion masked":
            labels[0, begin] = IGNORED
        case "eos masked":
            labels[0, end - 1] = IGNORED
        case "other prompt":
            ids[0, 1] += 1
        case "other label":
            labels[0, begin] += 1
        case _:
            ends = {1}
    with pytest.raises(StageError, match=complaint):
        batches.check_batch(batch, examples[:5], tokenizer, ends)


@pytest.mark.parametrize(
    "wanted", [slice(0, 4), slice(0, 6), slice(4, None, -1)], ids=["more", "fewer", "order"]
)
def test_first_batch_has_its_examples_in_order(
    batch: dict[str, Any], tokenizer: Any, examples: list[Example], wanted: slice
) -> None:
    with pytest.raises(StageError, match=r"not those of its examples|5 rows instead of"):
        batches.check_batch(batch, examples[wanted], tokenizer, {tokenizer.eos_token_id})


@pytest.mark.parametrize(("named", "found"), [(7, {7}), ([7, 9], {7, 9}), (None, set())])
def test_generation_stops_on_what_its_config_names(named: Any, found: set[int]) -> None:
    model = torch.nn.Module()
    model.generation_config = type("Config", (), {"eos_token_id": named})  # type: ignore[assignment]
    assert batches.stop_ids(model) == found
