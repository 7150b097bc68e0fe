"""The model card of a trained cell.

It is a README.md in the cell's folder, for people who meet the student without this project.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.core.program.files import write_text
from stages.core.training.settings import Method

_DESCRIPTIONS = {
    "raw": "the teacher's reasoning as it wrote it",
    "answer_only": "the teacher's answer without any reasoning",
}
_METADATA = {
    "pipeline_tag": "text-generation",
    "tags": ["compress-distill", "sft", "reasoning"],
}


def write(
    folder: Path,
    cell: Mapping[str, str],
    method: Method,
    seed: int,
    template: str | None,
    metrics: Mapping[str, Any],
) -> None:
    """Writes the card of the student in `folder` and, in place of peft's blank one, of its adapter.

    `cell` has the name of each axis, `template` is the prompt template. `metrics` are the train
    metrics. The same run has the same card.
    """
    rows = _rows(cell, method, seed, metrics)
    if not method.lora:
        card = _card(cell, "transformers", "full fine-tuning", rows, template)
        write_text(folder / "README.md", card)
        return
    merged = "LoRA, merged; the adapter alone is in adapter/"
    adapter = "LoRA, its adapter alone; merged one folder above"
    merged_card = _card(cell, "transformers", merged, rows, template)
    adapter_card = _card(cell, "peft", adapter, rows, template)
    write_text(folder / "README.md", merged_card)
    write_text(folder / "adapter" / "README.md", adapter_card)


def _card(
    cell: Mapping[str, str],
    library: str,
    weights: str,
    rows: Mapping[str, Any],
    template: str | None,
) -> str:
    """Returns Markdown with the hub's metadata."""
    table_rows = {"weights": weights} | dict(rows)
    table = "\n".join(f"| {name} | {value} |" for name, value in table_rows.items())
    metadata = yaml.safe_dump(_METADATA | {"library_name": library})
    return (
        f"---\n{metadata}---\n\n"
        f"# {cell['student']} taught by {cell['teacher']} on {cell['target']}\n\n"
        "A student of a compress-distill study, fine-tuned on a teacher's traces whose final "
        "answers were correct.\n\n"
        f"| | |\n| :--- | :--- |\n{table}\n\n{_prompt(template)}\n"
    )


def _rows(
    cell: Mapping[str, str], method: Method, seed: int, metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the rows of the card's table."""
    step_size = method.batch_size * method.accumulation
    rows: dict[str, Any] = {
        "teacher": cell["teacher"],
        "target": f"{cell['target']}: {_target(cell['target'])}",
        "method": cell["method"],
        "examples": f"{metrics['examples']:,}, {metrics['passes']:g} passes",
        "tokens trained on": (
            f"{metrics['completion_tokens']:,} of completions, "
            f"{metrics['prompt_tokens']:,} of prompts"
        ),
        "optimizer steps": f"{metrics['steps']:,}, of {step_size} examples",
        "optimizer": (
            f"{method.optimizer}, weight decay {method.weight_decay:g}, "
            f"largest norm {method.max_grad_norm:g}"
        ),
        "learning rate": (
            f"{method.learning_rate:g}, {method.scheduler}, warm-up {method.warmup:g}"
        ),
        "trained parameters": f"{metrics['trainable_params']:,}",
        "FLOPs (6N)": f"{metrics['flops_6n']:.3g}",
        "mean loss at the end": metrics["final_loss"],
        "seed": f"{cell['seed']} ({seed})",
    }
    if method.lora:
        settings = sorted(method.lora.items())
        rows["LoRA"] = ", ".join(f"{name} {value}" for name, value in settings)
    return rows


def _target(target: str) -> str:
    """Returns what the student learned to write, for people who do not know the target's name."""
    general_description = (
        "the teacher's traces as this compressor, shortener or target of the study has them"
    )
    return _DESCRIPTIONS.get(target, general_description)


def _prompt(template: str | None) -> str:
    """Returns how the student is asked: as in training."""
    if template is None:
        return (
            "It was trained with its tokenizer's chat template: one user turn, and the "
            "generation prompt."
        )
    return (
        "It was trained with this prompt, to whose ids nothing is added "
        "(`add_special_tokens=False`); `{question}` is the user's message. "
        f"Its chat template writes the same:\n\n```\n{template}\n```"
    )
