"""Fine-tuning one student on one target's examples with TRL and peft.

Weights that are trained are kept in fp32 and multiplied in bf16 (autocast) where the hardware has
it. At these learning rates an update to a bf16 weight is mostly rounded away, and nothing is
learned. Weights that LoRA freezes are held in bf16 there: no update of theirs can be lost, and they
take half the memory. What flows between the layers is then rounded to bf16 too.
"""

import contextlib
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
    lora,
    packing,
    process_group,
    progress,
    shards,
)
from stages.core.training.head import CompletionTrainer
from stages.core.training.saved import saving
from stages.core.training.settings import Method, Training


@dataclass(frozen=True, kw_only=True)
class StudentFacts:
    """What is known of a student before it is trained. Numbers are numbers of parameters."""

    trainable: int
    parameters: int  # of the whole student, its adapter left out
    active: int  # those that one token goes through: of fused experts the chosen ones alone
    packed: bool  # whether its batches are packed
    # of packed rows, see packing.py; None where packed rows were not asked for
    contamination: float | None


@dataclass(frozen=True, kw_only=True)
class TrainingCosts:
    """What a run took on its machine."""

    step_seconds: float
    # a part of step_seconds, in which all compiling is done; None where a run was resumed
    first_step_seconds: float | None
    device: str
    threads: int
    peak_memory_gb: float  # of the process that took most


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a run leaves: the trained model (LoRA still apart), its log and its costs."""

    model: Any  # of several processes the first one's alone
    reference: saving.Reference  # its logits on the first batch
    student: StudentFacts
    costs: TrainingCosts
    # rows of step, mean loss since the row before, learning_rate, tokens, seconds
    curve: list[dict[str, Any]]
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
) -> TrainingResult:
    """Fine-tunes the student in `folder`, and returns the trained model with its log.

    It goes on from a checkpoint in `scratch` if there is a complete one. Raises StageError if
    weights cannot be loaded, if other parameters than expected would be trained, or if the first
    batch is not what inference will see.
    """
    # Load the examples and the student
    adapters.check_kernels(folder)
    set_seed(seed)  # an adapter's first weights are drawn before the trainer sets the seed
    order = batches.plan(examples, method, seed)
    dataset = process_group.first_before_others(
        lambda: batches.dataset(examples, tokenizer, scratch)
    )
    rows = dataset.select(order)
    model = shards.load(folder, training.attention, frozen=method.lora is not None)
    student = _student_facts(model, method, training)

    # Prepare the trainer, and check what it is about to learn
    ordered_examples = [examples[row_index] for row_index in order]
    first_batch = ordered_examples[: method.batch_size]
    trainer = _trainer(model, rows, tokenizer, method, training, student.packed, seed, scratch)
    tokens_by_step = progress.tokens_by_step(ordered_examples, method)
    watch = progress.Progress(tokens_by_step, scratch / "live")
    trainer.add_callback(watch)
    trainer.add_callback(checkpoints.Checkpoints(training.checkpoint_minutes))
    adapters.check_trained(trainer.model, student.trainable)
    _check_first_batch(trainer, first_batch, tokenizer)

    # Train, and note what the trained model says before it is saved
    _run_trainer(trainer, scratch)
    first_ids = [trainer.train_dataset[index]["input_ids"] for index in range(len(first_batch))]
    reference = saving.reference_logits(trainer, first_ids)
    return TrainingResult(
        model=shards.gathered(trainer.model, folder, method, training),
        reference=reference,
        student=student,
        costs=_costs(watch),
        curve=progress.curve(trainer.state.log_history),
        steps=trainer.state.global_step,
        examples=len(order),
        prompt_tokens=sum(example.prompt_tokens for example in ordered_examples),
        completion_tokens=sum(example.completion_tokens for example in ordered_examples),
    )


def _run_trainer(trainer: SFTTrainer, scratch: Path) -> None:
    """Trains, from the newest checkpoint if there is one."""
    # The adapter's products are in bf16 under autocast: no need to bring their input to the
    # weights' fp32 first
    with contextlib.ExitStack() as stack:
        if trainer.args.bf16:
            stack.enter_context(disable_input_dtype_casting(trainer.model))
        checkpoint = process_group.from_first(lambda: checkpoints.newest(scratch))
        trainer.train(resume_from_checkpoint=checkpoint)


def _student_facts(model: Any, method: Method, training: Training) -> StudentFacts:
    packed, contamination = packing.decide(model, training)
    return StudentFacts(
        trainable=adapters.expected_trainable(model, method),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        active=adapters.active_parameters(model),
        packed=packed,
        contamination=contamination,
    )


def _costs(watch: progress.Progress) -> TrainingCosts:
    return TrainingCosts(
        step_seconds=watch.seconds,
        first_step_seconds=watch.first_step_seconds,
        device=process_group.device_name(hardware.device()),
        threads=sum(process_group.gather(torch.get_num_threads())),
        peak_memory_gb=max(process_group.gather(hardware.peak_memory_gb())),
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
    """Returns TRL's trainer, or ours, over the student with its adapter."""
    try:
        args = arguments(method, training, packed, seed, scratch, len(rows))
        shards.allow_sharding_on_cpus(args)
        adapted = adapters.attach(model, method)
    except ValueError as error:  # an unknown scheduler, optimizer or module
        raise StageError(f"methods: {error}; mend it in conf/profile/") from error
    if training.own_products:
        lora.use_lora_product(adapted)
    padded_rows = shards.padded(rows, method.batch_size)
    trainer_class = CompletionTrainer if training.own_products else SFTTrainer
    trainer = trainer_class(
        adapted, args=args, train_dataset=padded_rows, processing_class=tokenizer
    )
    shards.set_precision(trainer)
    # Where there is no progress bar it prints every log line
    trainer.remove_callback(PrinterCallback)
    return trainer


def _check_first_batch(trainer: SFTTrainer, examples: Sequence[Example], tokenizer: Any) -> None:
    """Raises StageError unless the first batch, as the trainer makes it, is `examples`.

    Raises it too if the loss on it is not the model's own.
    """
    rows = [trainer.train_dataset[index] for index in range(len(examples))]
    batch = trainer.data_collator(rows)
    batches.check_batch(batch, examples, tokenizer, batches.stop_ids(trainer.model))
    if isinstance(trainer, CompletionTrainer):
        trainer.check_loss(batch)


def arguments(
    method: Method, training: Training, packed: bool, seed: int, scratch: Path, examples: int
) -> SFTConfig:
    """Returns TRL's config for so many examples, repeats counted.

    What is not named here has no effect on the result or is TRL's own default.
    """
    steps = -(-examples // (method.batch_size * method.accumulation))  # rounded up
    args = SFTConfig(
        output_dir=str(scratch),
        seed=seed,
        data_seed=seed,
        learning_rate=method.learning_rate,
        num_train_epochs=1,  # repeats are in the plan's order already
        per_device_train_batch_size=method.batch_size,
        gradient_accumulation_steps=method.accumulation // process_group.world_size(),
        lr_scheduler_type=method.scheduler,
        warmup_steps=method.warmup,  # below 1 it is a share
        weight_decay=method.weight_decay,
        max_grad_norm=method.max_grad_norm,
        optim=method.optimizer,
        use_cpu=not torch.cuda.is_available(),
        bf16=hardware.bf16_supported(),
        gradient_checkpointing=training.checkpointing,
        max_length=None,  # assemble dropped rows that are too long: nothing may be cut here
        packing=False,
        padding_free=packed,
        # in the plan's order; sorted by its own lengths each arm would have another one
        train_sampling_strategy="sequential",
        # exactly the completion is in the loss, of mixtures of experts too
        router_aux_loss_coef=0.0,
        logging_steps=max(1, -(-steps // progress.POINTS)),
        logging_nan_inf_filter=False,  # it would show a mean in place of a loss that is none
        save_strategy="no",  # checkpoints.py asks for them
        save_total_limit=2,  # the older one is complete while the newer one is being written
        report_to="none",
        disable_tqdm=command.quiet(),
        dataloader_pin_memory=torch.cuda.is_available(),
        **shards.trainer_settings(),
    )
    args._n_gpu = min(1, args.n_gpu)  # a process has one GPU, however many the machine has
    return args
