"""A run can be watched while it goes on; its curve counts what was trained on."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from stages.core.program.errors import StageError
from stages.core.records import Example
from stages.core.training import progress, run
from tests.core.training.conftest import Train
from tests.made import FULL, PLAIN


def test_live_curve_shows_loss_rate_speed_and_tokens(
    tiny: Path, tokenizer: Any, examples: list[Example], tmp_path: Path
) -> None:
    done = run.train(tiny, examples, tokenizer, FULL, PLAIN, 0, tmp_path)
    shown = {}
    for path in (tmp_path / "live/plots/metrics").glob("*.tsv"):
        with path.open() as file:
            shown[path.stem] = [
                (int(row["step"]), float(row[path.stem]))
                for row in csv.DictReader(file, delimiter="\t")
            ]
    assert set(shown) == {"loss", "learning_rate", "tokens", "tokens_per_second"}
    assert shown["loss"] == [(row["step"], pytest.approx(row["loss"])) for row in done.curve]
    assert shown["tokens"] == [(row["step"], row["tokens"]) for row in done.curve]
    assert all(speed > 0 for _, speed in shown["tokens_per_second"])
    assert not (tmp_path / "live/dvc.yaml").exists()


@pytest.mark.parametrize(
    ("changes", "steps", "examples_seen"),
    [
        ({"epochs": 1}, 5, 20),
        ({"epochs": 2}, 10, 40),
        ({"epochs": 1, "batch_size": 2, "accumulation": 2}, 5, 20),
        ({"epochs": 1, "budget": "equal_steps", "steps": 7}, 7, 28),
    ],
)
def test_curve_counts_the_tokens_of_every_step(
    tiny: Path,
    tokenizer: Any,
    examples: list[Example],
    tmp_path: Path,
    changes: Any,
    steps: int,
    examples_seen: int,
) -> None:
    method = dataclasses.replace(FULL, **changes)
    done = run.train(tiny, examples, tokenizer, method, PLAIN, 0, tmp_path)
    assert (done.steps, done.examples) == (steps, examples_seen)
    tokens = [row["tokens"] for row in done.curve]
    assert tokens == sorted(tokens)
    assert tokens[-1] == done.prompt_tokens + done.completion_tokens
    if examples_seen % 20 == 0:
        tokens_of_a_pass = sum(row.prompt_tokens + row.completion_tokens for row in examples)
        assert tokens[-1] == examples_seen // 20 * tokens_of_a_pass


def test_short_targets_repeat_until_raws_tokens(
    tiny: Path, tokenizer: Any, examples: list[Example], tmp_path: Path
) -> None:
    rows = [dataclasses.replace(row, raw_tokens=3 * row.completion_tokens) for row in examples]
    method = dataclasses.replace(FULL, epochs=1, budget="equal_tokens")
    done = run.train(tiny, rows, tokenizer, method, PLAIN, 0, tmp_path)
    budget = sum(row.raw_tokens for row in rows)
    assert budget <= done.completion_tokens < budget + max(row.completion_tokens for row in rows)
    assert done.steps == 15


def test_run_that_diverges_ends(
    tiny: Path, tokenizer: Any, examples: list[Example], tmp_path: Path
) -> None:
    method = dataclasses.replace(FULL, learning_rate=1e9)
    with pytest.raises(
        StageError, match=r"step \d+: the loss is nan; give all arms a lower learning rate"
    ):
        run.train(tiny, examples, tokenizer, method, PLAIN, 0, tmp_path)


@pytest.mark.parametrize("steps", [1, 99, 100, 101, 199, 1000])
def test_curve_has_a_hundred_points_at_most(tmp_path: Path, steps: int) -> None:
    args = run.arguments(FULL, PLAIN, False, 0, tmp_path, 4 * steps)
    assert -(-steps // args.logging_steps) <= progress.POINTS


def test_last_step_is_logged(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "POINTS", 7)
    done = train()
    assert [row["step"] for row in done.curve] == [3, 6, 9, 12, 15]
    monkeypatch.setattr(progress, "POINTS", 4)
    again = train()
    assert [row["step"] for row in again.curve] == [4, 8, 12, 15]
    assert again.curve[-1]["tokens"] == again.prompt_tokens + again.completion_tokens
    assert again.curve[0]["loss"] != pytest.approx(
        done.curve[0]["loss"]
    )  # means since the line before
    assert 0 < (done.costs.first_step_seconds or 0) < done.costs.step_seconds
