"""The paper profile on one machine without a GPU: overrides of params replace each model by its
miniature.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.imports import ROOT
from tests.miniatures import build

# No GPU is there; eager, for gpt-oss's sinks have no other attention on a CPU
LOCAL = "{engine:transformers,dtype:float32,batch_size:16,attention:eager}"


def profile() -> dict[str, Any]:
    """The paper's profile as it is written."""
    loaded: dict[str, Any] = yaml.safe_load(
        (ROOT / "conf/profile/paper.yaml").read_text(encoding="utf-8")
    )
    return loaded


def overrides(folder: Path) -> list[str]:
    """Build every miniature in `folder`, and return the overrides of params.

    They name and serve the miniatures, shorten answers, and train on a CPU.
    """
    written = profile()
    replaced = [
        *_students(written, folder),
        *_compressors(written, folder),
        *_teachers(written, folder),
    ]
    # torchao's optimizer needs a GPU
    optimizers = [f"methods.{name}.optimizer=adamw_torch" for name in written["methods"]]
    answers = ["evaluate.max_new_tokens=8", "evaluate.samples=1"]
    audit = ["audit.drop=[]"]  # random weights write no rationale, and the audit would drop all
    return [*replaced, *optimizers, *answers, *audit]


def _students(written: dict[str, Any], folder: Path) -> Iterator[str]:
    for name, student in written["students"].items():
        at, path = f"students.{name}", build(student["source"]["repo"], folder / name)
        yield from (f"{at}.source.kind=folder", f"+{at}.source.path={path}", f"~{at}.inference")
        yield from (f"+{at}.inference={LOCAL}", f"++{at}.training.processes=1")
        if student["training"]["attention"] == "flex_attention":
            yield f"{at}.training.attention=eager"


def _compressors(written: dict[str, Any], folder: Path) -> Iterator[str]:
    for name, compressor in written["compressors"].items():
        yield from _served(f"compressors.{name}", build(compressor["model"], folder / name))


def _teachers(written: dict[str, Any], folder: Path) -> Iterator[str]:
    for name, teacher in written["teachers"].items():
        yield from _served(f"teachers.{name}", build(teacher["model"], folder / name))
        if teacher["sampling"].get("presence_penalty"):  # which transformers does not have
            yield f"teachers.{name}.sampling.presence_penalty=0"


def _served(at: str, path: Path) -> Iterator[str]:
    yield from (f"{at}.model={path}", f"{at}.revision=null", f"{at}.sampling.max_new_tokens=24")
    yield from (f"~{at}.inference", f"+{at}.inference={LOCAL}")


def scripted(name: str, teacher: dict[str, Any]) -> Iterator[str]:
    """Yields the overrides that replace a teacher by the scripted one.

    Random weights are never right, and teach nothing.
    """
    at = f"teachers.{name}"
    yield from (f"~{at}.{entry}" for entry in teacher if entry not in ("samples", "seed"))
    yield f"+{at}.inference={{engine:scripted,wrong_rate:0.1,false_start_rate:0.2,check_rate:0.5}}"
