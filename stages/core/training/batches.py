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

WINDOW = 8  # batches whose rows are sorted by length together
_SEED_STEP = 1_000_003  # between the seeds of two passes of one run


def batch_order(lengths: Sequence[int], batch_size: int, seed: int) -> list[int]:
    """Returns the indices of all rows, shuffled, with rows of like length in each batch.

    Rows are shuffled. Then they are sorted by length, shorter ones first, within windows of WINDOW
    batches. Then the batches are shuffled again. Called with the raw traces' lengths it gives all
    arms the same questions in every batch, in the same order.
    """
    generator = random.Random(seed)
    shuffled = generator.sample(range(len(lengths)), len(lengths))
    sorted_in_windows: list[int] = []
    # Within a window the order is by length, so that little is padded
    for window in _slices(shuffled, WINDOW * batch_size):
        sorted_in_windows += sorted(window, key=lambda row_index: lengths[row_index])
    batches = _slices(sorted_in_windows, batch_size)
    # a batch that is not full stays last
    partial_batch = batches.pop() if len(sorted_in_windows) % batch_size else []
    generator.shuffle(batches)
    return list(itertools.chain(*batches, partial_batch))


def _slices(row_indices: list[int], size: int) -> list[list[int]]:
    """Returns slices of `size` indices one after the other; the last one may be shorter."""
    starts = range(0, len(row_indices), size)
    return [row_indices[start : start + size] for start in starts]


def plan(examples: Sequence[Example], method: Method, seed: int) -> list[int]:
    """Returns the indices of all examples in the order of training, as the method's budget allows.

    Every pass has an order of its own, the same for all arms. A budget of tokens is used up by the
    example that reaches it.

    All rows of one optimizer step are of like length, not only those of one batch. Processes that
    share a student go through their batches in lockstep, so all of them wait for the longest row
    among them. The order does not depend on the number of processes.
    """
    # of the raw traces, whatever the target: all arms get the same order
    raw_lengths = [example.raw_tokens for example in examples]
    step_size = method.batch_size * method.accumulation
    endless_order = _passes(raw_lengths, step_size, seed)
    if method.budget == "equal_steps":
        count = (method.steps or 0) * step_size
        return list(itertools.islice(endless_order, count))
    if method.budget == "equal_epochs":
        return list(itertools.islice(endless_order, method.epochs * len(examples)))
    # equal_tokens: as many completion tokens as `epochs` passes over the raw traces have
    tokens_left = method.epochs * sum(raw_lengths)
    order: list[int] = []
    while tokens_left > 0:
        row_index = next(endless_order)
        order.append(row_index)
        tokens_left -= examples[row_index].completion_tokens
    return order


def _passes(lengths: Sequence[int], step_size: int, seed: int) -> Iterator[int]:
    """Yields the indices of pass after pass, without end. The first pass has the seed itself."""
    for pass_number in itertools.count():
        yield from batch_order(lengths, step_size, seed + _SEED_STEP * pass_number)


def dataset(examples: Sequence[Example], tokenizer: Any, cache: Path) -> Dataset:
    """Returns rows of input_ids and labels, tokenized once into a file below `cache`.

    The file is not read into memory. Only the completion has labels, and it ends with the EOS.
    Prompts are made of ids as the engines make them.

    Raises StageError if a completion does not come back from the tokenizer, because another text
    would be learned. Raises it too if a completion has a special token before its end.
    """
    token_ids = List(Value("int32"))
    try:
        return Dataset.from_generator(
            lambda: (_row(example, tokenizer) for example in examples),
            features=Features({"input_ids": token_ids, "labels": token_ids}),
            cache_dir=str(cache),
            # of the run; the library's own would read all examples to make one
            fingerprint=cache.name,
        )
    except DatasetGenerationError as error:
        raise error.__cause__ or error from None


def _row(example: Example, tokenizer: Any) -> dict[str, list[int]]:
    """Returns the ids and the labels of one example. Raises StageError as `dataset` says."""
    prompt_ids = tokens.ids(tokenizer, example.prompt)
    completion_ids = tokens.ids(tokenizer, example.completion)
    # Ids that decode to another text would teach that text
    ends_with_eos = completion_ids[-1] == tokenizer.eos_token_id
    if not ends_with_eos or tokenizer.decode(completion_ids) != example.completion:
        raise StageError(
            f"question {example.question_id}: its completion does not come back from the "
            f"tokenizer as it went in, or does not end with {tokenizer.eos_token!r}; "
            "check the student's tokenizer"
        )
    inner_special_ids = tokens.special_ids(tokenizer).intersection(completion_ids[:-1])
    if inner_special_ids:
        special_token = tokenizer.decode([min(inner_special_ids)])
        raise StageError(
            f"question {example.question_id}: its completion has {special_token!r} within, "
            "which the student would learn to end its turn with; run assemble again, "
            "which drops such traces and counts them"
        )
    labels = [IGNORED] * len(prompt_ids) + completion_ids  # the prompt is given, not learned
    return {"input_ids": prompt_ids + completion_ids, "labels": labels}


def stop_ids(model: Any) -> set[int]:
    """Returns the token ids that generation stops on, of the model's generation config."""
    eos_ids = model.generation_config.eos_token_id
    return set(eos_ids if isinstance(eos_ids, list) else [eos_ids]) - {None}


def check_batch(
    batch: dict[str, Any], examples: Sequence[Example], tokenizer: Any, stops: set[int]
) -> None:
    """Raises StageError unless the rows of a batch are `examples` as inference will see them.

    `batch` is what the model gets, `stops` what generation stops on. Checked of every row:
    the ids before the labels are those of the prompt as the engines make them. The labels are
    exactly the completion, and decode to it. The last label is what generation stops on.
    """
    rows = list(_rows(batch))
    if len(rows) != len(examples):
        raise StageError(
            f"first batch: {len(rows)} rows instead of {len(examples)}; nothing was trained"
        )
    for (ids, labels), example in zip(rows, examples, strict=True):
        first_label = _first_label(labels)
        prompt_ids = tokens.ids(tokenizer, example.prompt)
        completion_ids = ids[first_label:]
        if (
            labels[first_label:] != completion_ids
            or ids[:first_label] != prompt_ids
            or tokenizer.decode(completion_ids) != example.completion
        ):
            raise StageError(
                "first batch: its prompts and labels are not those of its examples; "
                "nothing was trained"
            )
        if ids[-1] != tokenizer.eos_token_id or ids[-1] not in stops:
            raise StageError(
                "first batch: a completion does not end with what generation stops on "
                f"({sorted(stops)}, the tokenizer's EOS is {tokenizer.eos_token_id}); "
                "nothing was trained, check the student's configs"
            )


def _first_label(labels: Sequence[int]) -> int:
    """Returns the position of the first label that is learned, or the length where there is
    none.
    """
    positions = (position for position, label in enumerate(labels) if label != IGNORED)
    return next(positions, len(labels))


def _rows(batch: dict[str, Any]) -> Iterator[tuple[list[int], list[int]]]:
    """Yields (ids, labels) of each row of a padded or a packed batch."""
    ids, labels = batch["input_ids"], batch["labels"]
    if "attention_mask" in batch:  # padded: (rows, tokens), with the padding at the end
        row_lengths = batch["attention_mask"].sum(1).tolist()
        for row_ids, row_labels, length in zip(ids, labels, row_lengths, strict=True):
            yield row_ids[:length].tolist(), row_labels[:length].tolist()
        return
    # packed: (1, tokens), where a row begins wherever positions begin anew
    starts = (batch["position_ids"][0] == 0).nonzero().flatten().tolist()
    for start, end in itertools.pairwise([*starts, ids.shape[1]]):
        yield ids[0, start:end].tolist(), labels[0, start:end].tolist()
