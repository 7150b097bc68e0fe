"""The model card of a trained cell: a README.md in its folder, for people who meet it without this
project.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.core.program.files import write_text
from stages.core.training.settings import Method

_KINDS = {
    "raw": "the teacher's reasoning as it wrote it",
    "answer_only": "the teacher's answer without any reasoning",
}
_CUT = "truncated_"
_META = {
    "pipeline_tag": "text-generation",
    "tags": ["compress-distill", "sft", "reasoning"],
}


def write(
    folder: Path,
    cell: Mapping[str, str],
    method: Method,
    seed: int,
    template: str | None,
    used: Mapping[str, Any],
) -> None:
    """The card of the student in `folder` and, in place of peft's blank one, of its adapter.

    `used` is what the train metrics say of it; the same run has the same card.
    """
    rows = _rows(cell, method, seed, used)
    if not method.lora:
        write_text(
            folder / "README.md", _card(cell, "transformers", "full fine-tuning", rows, template)
        )
        return
    merged, alone = (
        "LoRA, merged; the adapter alone is in adapter/",
        "LoRA, its adapter alone; merged one folder above",
    )
    write_text(folder / "README.md", _card(cell, "transformers", merged, rows, template))
    write_text(folder / "adapter" / "README.md", _card(cell, "peft", alone, rows, template))


def _card(
    cell: Mapping[str, str], library: str, kind: str, rows: Mapping[str, Any], template: str | None
) -> str:
    """Markdown with the hub's metadata."""
    table = "\n".join(
        f"| {name} | {value} |" for name, value in ({"weights": kind} | dict(rows)).items()
    )
    return (
        f"---\n{yaml.safe_dump(_META | {'library_name': library})}---\n\n"
        f"# {cell['student']} taught by {cell['teacher']} on {cell['target']}\n\n"
        "A student of a compress-distill study, fine-tuned on a teacher's traces whose final answers were correct.\n\n"
        f"| | |\n| :--- | :--- |\n{table}\n\n{_prompt(template)}\n"
    )


def _rows(
    cell: Mapping[str, str], method: Method, seed: int, used: Mapping[str, Any]
) -> dict[str, Any]:
    adapter = ", ".join(f"{name} {value}" for name, value in sorted((method.lora or {}).items()))
    return {
        "teacher": cell["teacher"],
        "target": f"{cell['target']}: {_target(cell['target'])}",
        "method": cell["method"],
        "examples": f"{used['examples']:,}, {used['passes']:g} passes",
        "tokens trained on": f"{used['completion_tokens']:,} of completions, {used['prompt_tokens']:,} of prompts",
        "optimizer steps": f"{used['steps']:,}, of {method.batch_size * method.accumulation} examples",
        "optimizer": f"{method.optimizer}, weight decay {method.weight_decay:g}, largest norm {method.max_grad_norm:g}",
        "learning rate": f"{method.learning_rate:g}, {method.scheduler}, warm-up {method.warmup:g}",
        "trained parameters": f"{used['trainable_params']:,}",
        "FLOPs (6N)": f"{used['flops_6n']:.3g}",
        "mean loss at the end": used["final_loss"],
        "seed": f"{cell['seed']} ({seed})",
    } | ({"LoRA": adapter} if adapter else {})


def _target(target: str) -> str:
    if target.startswith(_CUT):
        return f"the teacher's reasoning cut to the length of {target.removeprefix(_CUT)}'s"
    return _KINDS.get(target, "the teacher's reasoning as this compressor rewrote it")


def _prompt(template: str | None) -> str:
    """How it is asked: as in training."""
    if template is None:
        return "It was trained with its tokenizer's chat template: one user turn, and the generation prompt."
    return (
        "It was trained with this prompt, to whose ids nothing is added (`add_special_tokens=False`); `{question}` is "
        f"the user's message. Its chat template writes the same:\n\n```\n{template}\n```"
    )
