"""Fine-tuning one student on one target's examples with TRL and peft.

Weights that are trained are kept in fp32 and multiplied in bf16 (autocast) where the hardware has it: at these learning
rates an update to a bf16 weight is mostly rounded away, and nothing is learned. Weights that LoRA freezes are held in
bf16 there: no update of theirs can be lost, and they take half the memory (on a CPU a step took 0.86 to 1.01 of the
time that it took with fp32 ones). What flows between the layers is then rounded to bf16 too.
"""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from safetensors import SafetensorError
from torch.nn import functional
from transformers import AutoModelForCausalLM, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from stages.core import command, machine, tokens
from stages.core.errors import StageError
from stages.core.records import Example

IGNORED = -100  # the label that the loss leaves out
WINDOW = 8  # batches whose rows are sorted by length together


@dataclass(frozen=True)
class Method:
    """How a student is fine-tuned. All arms share these values; `lora` is None for full fine-tuning."""

    learning_rate: float
    epochs: int
    batch_size: int
    accumulation: int
    warmup: float  # share of the steps
    scheduler: str
    weight_decay: float
    max_grad_norm: float
    optimizer: str
    lora: dict[str, Any] | None


@dataclass(frozen=True)
class Training:
    """How a student is loaded for training. `checkpointing` trades time for activation memory."""

    attention: str = "sdpa"
    checkpointing: bool = False
    fused_head: bool = True  # TRL's tiled LM head: less memory for large vocabularies, slower on a CPU


@dataclass
class StepClock(TrainerCallback):
    """Adds up the seconds inside optimizer steps, without start-up, logging and saving."""

    seconds: float = 0.0
    began: float = field(default=0.0)

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        self.began = machine.clock()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.seconds += machine.clock() - self.began


class CompletionTrainer(SFTTrainer):
    """SFTTrainer with the plain cross-entropy over the positions from the batch's first completion token on.

    TRL's tiled head computes log-probabilities again in the backward pass and adds an entropy: on this
    project's CPU profile that was 1.8 times slower over the whole step. The loss is the same.
    """

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Sum of -log p over the completion tokens / their number in the whole (accumulated) batch."""
        labels = inputs.pop("labels")
        begin = int((labels != IGNORED).any(0).nonzero()[0])
        keep = torch.arange(begin - 1, labels.shape[1] - 1, device=labels.device)
        outputs = model(**inputs, logits_to_keep=keep, use_cache=False)
        wanted = labels[:, begin:].flatten()
        loss = functional.cross_entropy(
            outputs.logits.flatten(0, 1).float(), wanted, ignore_index=IGNORED, reduction="sum"
        )
        count = num_items_in_batch if num_items_in_batch is not None else (wanted != IGNORED).sum()
        return (loss / count, outputs) if return_outputs else loss / count


@dataclass(frozen=True)
class Result:
    """What a run leaves: the trained model (LoRA still apart), its log and its costs."""

    model: Any
    losses: list[tuple[int, float]]  # (step, mean loss since the step before)
    steps: int
    trainable: int  # parameters
    step_seconds: float
    device: str
    threads: int
    peak_memory_gb: float


def batch_order(lengths: Sequence[int], batch: int, seed: int) -> list[int]:
    """Places of the rows, shuffled, but so that each `batch` in a row are of like length, for little padding.

    Rows are shuffled, sorted by length within windows of WINDOW batches, and the batches shuffled again. Called with
    the raw traces' lengths it gives all arms the same questions in every batch, in the same order.
    """
    shuffle = random.Random(seed)
    places = shuffle.sample(range(len(lengths)), len(lengths))
    windows = [places[at : at + WINDOW * batch] for at in range(0, len(places), WINDOW * batch)]
    alike = [place for window in windows for place in sorted(window, key=lambda place: lengths[place])]
    batches = [alike[at : at + batch] for at in range(0, len(alike), batch)]
    rest = batches.pop() if len(alike) % batch else []  # a batch that is not full stays last
    shuffle.shuffle(batches)
    return [place for one in [*batches, rest] for place in one]


def dataset(examples: Sequence[Example], tokenizer: Any) -> Dataset:
    """Rows of input_ids and labels; only the completion has labels, and it ends with the EOS.

    Raises StageError where prompt or completion do not survive tokenization, because then training and
    inference would not see the same text.
    """
    rows = []
    for example in examples:
        prompt, completion = (tokens.ids(tokenizer, text) for text in (example.prompt, example.completion))
        if completion[-1] != tokenizer.eos_token_id or tokenizer.decode(completion) != example.completion:
            raise StageError(
                f"question {example.question_id}: its completion does not come back from the tokenizer as "
                f"it went in, or does not end with {tokenizer.eos_token!r}; check the student's tokenizer"
            )
        rows.append({"input_ids": prompt + completion, "labels": [IGNORED] * len(prompt) + completion})
    return Dataset.from_list(rows)


def lora_config(settings: dict[str, Any]) -> LoraConfig:
    """peft's config for `rank`, `alpha`, `dropout` and `target_modules`. Raises StageError for other names."""
    if set(settings) != {"rank", "alpha", "dropout", "target_modules"}:
        raise StageError(f"methods.*.lora: {sorted(settings)}: expected rank, alpha, dropout, target_modules")
    return LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        lora_dropout=settings["dropout"],
        target_modules=settings["target_modules"],
        task_type="CAUSAL_LM",
    )


def expected_trainable(model: Any, method: Method) -> int:
    """Parameters that must be trained: all, or for LoRA rank * (in + out) for each linear layer but the LM head."""
    if method.lora is None:
        return sum(parameter.numel() for parameter in model.parameters())
    matrices = (torch.nn.Linear, torch.nn.Embedding)
    odd = {type(module).__name__ for module in model.modules() if not isinstance(module, matrices) and _weighs(module)}
    if odd:
        raise StageError(
            f"methods.*.lora: no adapter for the weights of {', '.join(sorted(odd))}; use full fine-tuning"
        )
    head = model.get_output_embeddings()
    layers = (module for module in model.modules() if isinstance(module, torch.nn.Linear) and module is not head)
    return int(sum(method.lora["rank"] * (layer.in_features + layer.out_features) for layer in layers))


def _weighs(module: torch.nn.Module) -> bool:
    """Whether `module` itself holds a matrix, as fused experts do, and not only biases and scales."""
    return any(parameter.ndim > 1 for parameter in module.parameters(recurse=False))


def load(folder: Path, method: Method, training: Training) -> Any:
    """The student, in fp32; for LoRA in bf16 where that is multiplied in hardware, because it is frozen then."""
    frozen = method.lora is not None and machine.bf16_supported()
    try:
        return AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16 if frozen else torch.float32,
            attn_implementation=training.attention,
            local_files_only=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise StageError(f"{folder}: no weights that transformers can load: {error}") from error


def check_trained(model: Any, wanted: int) -> None:
    """Raises StageError unless exactly `wanted` parameters are trained, all of them in fp32."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    found = sum(parameter.numel() for parameter in trained)
    if found != wanted:
        raise StageError(f"methods: {found} parameters would be trained, {wanted} expected; check target_modules")
    if any(parameter.dtype != torch.float32 for parameter in trained):
        raise StageError("methods: a trained weight is not in fp32; its updates would be rounded away")


def train(
    folder: Path, examples: Sequence[Example], tokenizer: Any, method: Method, training: Training, seed: int
) -> Result:
    """Fine-tune the student in `folder`. Raises StageError where weights cannot be loaded or parameters are missed."""
    order = batch_order([row.raw_tokens for row in examples], method.batch_size, seed)
    rows, clock = dataset([examples[place] for place in order], tokenizer), StepClock()
    model = load(folder, method, training)
    wanted = expected_trainable(model, method)
    kind = SFTTrainer if training.fused_head else CompletionTrainer
    adapter = lora_config(method.lora) if method.lora else None
    with tempfile.TemporaryDirectory() as scratch:
        try:
            args = arguments(method, training, seed, scratch)
            trainer = kind(
                model, args=args, train_dataset=rows, processing_class=tokenizer, peft_config=adapter, callbacks=[clock]
            )
        except ValueError as error:  # an unknown scheduler, optimizer or module
            raise StageError(f"methods: {error}; mend it in conf/profile/") from error
        trainer.remove_callback(PrinterCallback)  # where there is no progress bar it prints every log line
        check_trained(trainer.model, wanted)
        trainer.train()
    log = [(int(row["step"]), round(float(row["loss"]), 6)) for row in trainer.state.log_history if "loss" in row]
    return Result(
        model=trainer.model,
        losses=log,
        steps=trainer.state.global_step,
        trainable=wanted,
        step_seconds=clock.seconds,
        device=machine.device(),
        threads=torch.get_num_threads(),
        peak_memory_gb=machine.peak(),
    )


def arguments(method: Method, training: Training, seed: int, scratch: str) -> SFTConfig:
    """TRL's config; what it does not name here has no effect on the result or is TRL's own default."""
    return SFTConfig(
        output_dir=scratch,
        seed=seed,
        data_seed=seed,
        learning_rate=method.learning_rate,
        num_train_epochs=method.epochs,
        per_device_train_batch_size=method.batch_size,
        gradient_accumulation_steps=method.accumulation,
        lr_scheduler_type=method.scheduler,
        warmup_steps=method.warmup,  # below 1 it is a share
        weight_decay=method.weight_decay,
        max_grad_norm=method.max_grad_norm,
        optim=method.optimizer,
        use_cpu=not torch.cuda.is_available(),
        bf16=machine.bf16_supported(),
        gradient_checkpointing=training.checkpointing,
        max_length=None,  # over-long rows have left before: nothing may be cut here
        packing=False,
        train_sampling_strategy="sequential",  # in `batch_order`; by its own lengths each arm would have another one
        logging_steps=5,
        save_strategy="no",
        report_to="none",
        disable_tqdm=command.quiet(),
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def save(result: Result, tokenizer: Any, out: Path) -> None:
    """Write a plain Hugging Face folder in bf16; of a LoRA run the merged weights, and the adapter in adapter/."""
    model = result.model
    if isinstance(model, PeftModel):
        for config in model.peft_config.values():  # a set, which peft would write in another order each run
            config.target_modules = sorted(config.target_modules)
        model.save_pretrained(out / "adapter")
        model = model.float().merge_and_unload()  # summed in fp32, rounded once below
    model.config._name_or_path = ""
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
