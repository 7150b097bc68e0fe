"""Fine-tuning one student on one target's examples with TRL and peft.

Weights that are trained are kept in fp32 and multiplied in bf16 (autocast) where the hardware has
it: at these learning rates an update to a bf16 weight is mostly rounded away, and nothing is
learned. Weights that LoRA freezes are held in bf16 there: no update of theirs can be lost, and they
take half the memory. What flows between the layers is then rounded to bf16 too.
"""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft.helpers import disable_input_dtype_casting
from transformers import PrinterCallback, set_seed
from trl import SFTConfig, SFTTrainer

from stages.core.machine import hardware
from stages.core.program import command
from stages.core.program.errors import StageError
from stages.core.records import Example
from stages.core.training import (
    adapters,
    batches,
    checkpoints,
    launch,
    lora,
    packing,
    progress,
    shards,
)
from stages.core.training.head import CompletionTrainer
from stages.core.training.saved import saving
from stages.core.training.settings import Method, Training


@dataclass(frozen=True)
class Student:
    """What is known of a student before it is trained."""

    trainable: int  # parameters
    parameters: int  # of the whole student, its adapter left out
    active: int  # of them those that one token goes through: of fused experts the chosen ones alone
    packed: bool
    contamination: (
        float | None
    )  # of packed rows, see packing.py; None where they were not asked for


@dataclass(frozen=True)
class Costs:
    """What a run took on its machine."""

    step_seconds: float
    first_step_seconds: (
        float | None
    )  # of them; what is compiled is compiled there. None where a run was resumed
    device: str
    threads: int
    peak_memory_gb: float  # of the process that took most


@dataclass(frozen=True)
class Result:
    """What a run leaves: the trained model (LoRA still apart), its log and its costs."""

    model: Any  # of several processes the first one's alone
    reference: saving.Reference  # its logits on the first batch
    student: Student
    costs: Costs
    curve: list[
        dict[str, Any]
    ]  # step, mean loss since the row before, learning_rate, tokens, seconds
    steps: int
    examples: int  # trained on, repeats counted
    prompt_tokens: int
    completion_tokens: int


def train(
    folder: Path,
    examples: Sequence[Example],
    tokenizer: Any,
    method: Method,
    training: Training,
    seed: int,
    scratch: Path,
) -> Result:
    """Fine-tune the student in `folder`; goes on from a checkpoint in `scratch` where there is a
    whole one.

    Raises StageError where weights cannot be loaded, parameters are missed, or the first batch is
    not what inference will see.
    """
    adapters.check_kernels(folder)
    set_seed(seed)  # what an adapter begins with is drawn before the trainer sets it
    order = batches.plan(examples, method, seed)
    rows = launch.in_turn(lambda: batches.dataset(examples, tokenizer, scratch)).select(order)
    model = shards.load(folder, training.attention, frozen=method.lora is not None)
    student = _student(model, method, training)
    first = order[: method.batch_size]
    watch = progress.Progress(_seen(examples, order, method), scratch / "live")
    trainer = _trainer(model, rows, tokenizer, method, training, student.packed, seed, scratch)
    trainer.add_callback(watch)
    trainer.add_callback(checkpoints.Checkpoints(training.checkpoint_minutes))
    adapters.check_trained(trainer.model, student.trainable)
    _check_first(trainer, [examples[place] for place in first], tokenizer)
    # The adapter's products are made in bf16 under autocast: no need to bring their input to the
    # weights' fp32 first
    with (
        disable_input_dtype_casting(trainer.model)
        if trainer.args.bf16
        else contextlib.nullcontext()
    ):
        trainer.train(resume_from_checkpoint=launch.first(lambda: checkpoints.newest(scratch)))
    reference = saving.reference(
        trainer, [trainer.train_dataset[place]["input_ids"] for place in range(len(first))]
    )
    return Result(
        model=shards.whole(trainer.model, folder, method, training),
        reference=reference,
        student=student,
        costs=_costs(watch),
        curve=progress.curve(trainer.state.log_history),
        steps=trainer.state.global_step,
        examples=len(order),
        prompt_tokens=sum(examples[place].prompt_tokens for place in order),
        completion_tokens=sum(examples[place].completion_tokens for place in order),
    )


def _student(model: Any, method: Method, training: Training) -> Student:
    packed, leak = packing.allowed(model, training)
    return Student(
        trainable=adapters.expected_trainable(model, method),
        parameters=sum(one.numel() for one in model.parameters()),
        active=adapters.active(model),
        packed=packed,
        contamination=leak,
    )


def _costs(watch: progress.Progress) -> Costs:
    return Costs(
        step_seconds=watch.seconds,
        first_step_seconds=watch.first,
        device=launch.together(hardware.device()),
        threads=sum(launch.all_of(torch.get_num_threads())),
        peak_memory_gb=max(launch.all_of(hardware.peak())),
    )


def _trainer(
    model: Any,
    rows: Dataset,
    tokenizer: Any,
    method: Method,
    training: Training,
    packed: bool,
    seed: int,
    scratch: Path,
) -> SFTTrainer:
    """TRL's trainer, or ours, over the student with its adapter."""
    try:
        args = arguments(method, training, packed, seed, scratch, len(rows))
        shards.begin(args)
        adapted = adapters.attach(model, method)
    except ValueError as error:  # an unknown scheduler, optimizer or module
        raise StageError(f"methods: {error}; mend it in conf/profile/") from error
    if training.own_products:
        lora.hasten(adapted)
    fed = shards.padded(rows, method.batch_size)
    kind = CompletionTrainer if training.own_products else SFTTrainer
    trainer = kind(adapted, args=args, train_dataset=fed, processing_class=tokenizer)
    shards.precision(trainer)
    trainer.remove_callback(
        PrinterCallback
    )  # where there is no progress bar it prints every log line
    return trainer


def _check_first(trainer: SFTTrainer, examples: Sequence[Example], tokenizer: Any) -> None:
    """Raises StageError unless the first batch, as the trainer makes it, is `examples` and its loss
    the model's own.
    """
    batch = trainer.data_collator([trainer.train_dataset[place] for place in range(len(examples))])
    batches.check_batch(batch, examples, tokenizer, batches.stops(trainer.model))
    if isinstance(trainer, CompletionTrainer):
        trainer.check_loss(batch)


def _seen(examples: Sequence[Example], order: Sequence[int], method: Method) -> list[int]:
    """Tokens of all examples up to each step."""
    sizes = (examples[place].prompt_tokens + examples[place].completion_tokens for place in order)
    seen = list(itertools.accumulate(sizes))
    step = method.batch_size * method.accumulation
    return [seen[min(end, len(seen)) - 1] for end in range(step, len(seen) + step, step)]


def arguments(
    method: Method, training: Training, packed: bool, seed: int, scratch: Path, examples: int
) -> SFTConfig:
    """TRL's config; what it does not name here has no effect on the result or is TRL's own default."""
    steps = -(-examples // (method.batch_size * method.accumulation))
    args = SFTConfig(
        output_dir=str(scratch),
        seed=seed,
        data_seed=seed,
        learning_rate=method.learning_rate,
        num_train_epochs=1,  # repeats are in the plan already
        per_device_train_batch_size=method.batch_size,
        gradient_accumulation_steps=method.accumulation // launch.world(),
        lr_scheduler_type=method.scheduler,
        warmup_steps=method.warmup,  # below 1 it is a share
        weight_decay=method.weight_decay,
        max_grad_norm=method.max_grad_norm,
        optim=method.optimizer,
        use_cpu=not torch.cuda.is_available(),
        bf16=hardware.bf16_supported(),
        gradient_checkpointing=training.checkpointing,
        max_length=None,  # over-long rows have left before: nothing may be cut here
        packing=False,
        padding_free=packed,
        # in the plan's order; by its own lengths each arm would have another one
        train_sampling_strategy="sequential",
        # exactly the completion is in the loss, of mixtures of experts too
        router_aux_loss_coef=0.0,
        logging_steps=max(1, -(-steps // progress.POINTS)),
        logging_nan_inf_filter=False,  # it would show a mean in place of a loss that is none
        save_strategy="no",  # checkpoints.py asks for them
        save_total_limit=2,  # while the newer one is being written the older one is the whole one
        report_to="none",
        disable_tqdm=command.quiet(),
        dataloader_pin_memory=torch.cuda.is_available(),
        **shards.settings(),
    )
    args._n_gpu = min(1, args.n_gpu)  # a process has one GPU, however many the machine has
    return args
