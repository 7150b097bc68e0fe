"""What a student sees, and in which order: token ids, labels, and the plan of all examples of a
run.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, List, Value
from datasets.exceptions import DatasetGenerationError

from stages.core import tokens
from stages.core.program.errors import StageError
from stages.core.records import Example
from stages.core.training.settings import IGNORED, Method

WINDOW = 8  # steps whose rows are sorted by length together


def batch_order(lengths: Sequence[int], batch: int, seed: int) -> list[int]:
    """Places of the rows, shuffled, but so that each `batch` in a row are of like length, shorter
    ones first.

    Rows are shuffled, sorted by length within windows of WINDOW batches, and the batches shuffled
    again. Called with the raw traces' lengths it gives all arms the same questions in every batch,
    in the same order.
    """
    shuffle = random.Random(seed)
    places = shuffle.sample(range(len(lengths)), len(lengths))
    windows = [places[at : at + WINDOW * batch] for at in range(0, len(places), WINDOW * batch)]
    alike = [
        place for window in windows for place in sorted(window, key=lambda place: lengths[place])
    ]
    batches = [alike[at : at + batch] for at in range(0, len(alike), batch)]
    rest = batches.pop() if len(alike) % batch else []  # a batch that is not full stays last
    shuffle.shuffle(batches)
    return [place for one in [*batches, rest] for place in one]


def plan(examples: Sequence[Example], method: Method, seed: int) -> list[int]:
    """Places of all examples in the order of training, as many as the method's budget allows.

    Every pass has an order of its own, the same for all arms. A budget of tokens is used up by the
    example that reaches it.

    Rows of one optimizer step are alike in length, not of one batch alone: processes that share a
    student go through their batches in lockstep, so all wait for the longest row among them. The
    order is theirs whatever their number.
    """
    raw = [row.raw_tokens for row in examples]
    step = method.batch_size * method.accumulation
    whole = _passes(raw, step, seed)
    if method.budget == "equal_steps":
        count = (method.steps or 0) * step
        return [place for place, _ in zip(whole, range(count), strict=False)]
    if method.budget == "equal_epochs":
        return [place for place, _ in zip(whole, range(method.epochs * len(raw)), strict=False)]
    left, places = method.epochs * sum(raw), []
    while left > 0:
        places.append(next(whole))
        left -= examples[places[-1]].completion_tokens
    return places


def _passes(lengths: Sequence[int], batch: int, seed: int) -> Iterator[int]:
    """Pass after pass, without end; the first has the seed itself."""
    number = 0
    while True:
        yield from batch_order(lengths, batch, seed + 1_000_003 * number)
        number += 1


def dataset(examples: Sequence[Example], tokenizer: Any, cache: Path) -> Dataset:
    """Rows of input_ids and labels, tokenized once into a file below `cache`, which is not read
    into memory.

    Only the completion has labels, and it ends with the EOS. Raises StageError where a completion
    does not come back from the tokenizer: another text would be learned, and where it has a special
    token before its end. Prompts are made of ids as the engines make them.
    """
    ids = List(Value("int32"))
    try:
        return Dataset.from_generator(
            lambda: (_row(example, tokenizer) for example in examples),
            features=Features({"input_ids": ids, "labels": ids}),
            cache_dir=str(cache),
            # of the run; the library's own would read all examples to make one
            fingerprint=cache.name,
        )
    except DatasetGenerationError as error:
        raise error.__cause__ or error from None


def _row(example: Example, tokenizer: Any) -> dict[str, list[int]]:
    prompt, completion = (
        tokens.ids(tokenizer, text) for text in (example.prompt, example.completion)
    )
    if (
        completion[-1] != tokenizer.eos_token_id
        or tokenizer.decode(completion) != example.completion
    ):
        raise StageError(
            f"question {example.question_id}: its completion does not come back from the tokenizer as "
            f"it went in, or does not end with {tokenizer.eos_token!r}; check the student's tokenizer"
        )
    if marks := tokens.special_ids(tokenizer).intersection(completion[:-1]):
        raise StageError(
            f"question {example.question_id}: its completion has {tokenizer.decode([min(marks)])!r} within, which the "
            "student would learn to end its turn with; run assemble again, which drops such traces and counts them"
        )
    return {"input_ids": prompt + completion, "labels": [IGNORED] * len(prompt) + completion}


def stops(model: Any) -> set[int]:
    """The token ids that generation stops on, of the model's generation config."""
    given = model.generation_config.eos_token_id
    return set(given if isinstance(given, list) else [given]) - {None}


def check_batch(
    batch: dict[str, Any], examples: Sequence[Example], tokenizer: Any, ends: set[int]
) -> None:
    """Raises StageError unless the rows of a batch, as the model gets them, are `examples` as
    inference will see them.

    Of every row: the ids before the labels are those of the prompt as the engines make them; the
    labels are exactly the completion, and decode to it; the last of them is what generation stops
    on.
    """
    rows = list(_rows(batch))
    wanted = [(tokens.ids(tokenizer, row.prompt), row.completion) for row in examples]
    if len(rows) != len(wanted):
        raise StageError(
            f"first batch: {len(rows)} rows instead of {len(wanted)}; nothing was trained"
        )
    for (ids, labels), example in zip(rows, wanted, strict=True):
        begin = next((place for place, label in enumerate(labels) if label != IGNORED), len(labels))
        if labels[begin:] != ids[begin:] or (ids[:begin], tokenizer.decode(ids[begin:])) != example:
            raise StageError(
                "first batch: its prompts and labels are not those of its examples; nothing was trained"
            )
        if ids[-1] != tokenizer.eos_token_id or ids[-1] not in ends:
            raise StageError(
                f"first batch: a completion does not end with what generation stops on ({sorted(ends)}, the "
                f"tokenizer's EOS is {tokenizer.eos_token_id}); nothing was trained, check the student's configs"
            )


def _rows(batch: dict[str, Any]) -> Iterator[tuple[list[int], list[int]]]:
    """(ids, labels) of each row of a padded or a packed batch."""
    ids, labels = batch["input_ids"], batch["labels"]
    if "attention_mask" in batch:
        sizes = batch["attention_mask"].sum(1).tolist()
        yield from (
            (one[:size].tolist(), two[:size].tolist())
            for one, two, size in zip(ids, labels, sizes, strict=True)
        )
        return
    edges = [*(batch["position_ids"][0] == 0).nonzero().flatten().tolist(), ids.shape[1]]
    for start, end in itertools.pairwise(edges):
        yield ids[0, start:end].tolist(), labels[0, start:end].tolist()
