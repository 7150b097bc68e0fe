"""What conf/launch leaves on a machine that others use too."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.imports import ROOT

SECRET = "secret_access_key = do-not-leave-me"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose slice looks at the secrets that it is to use, and whose remote's are not in git."""
    root = tmp_path / "repository"
    (root / "conf/launch").mkdir(parents=True)
    (root / ".dvc").mkdir()
    shutil.copy(ROOT / "conf/launch/slurm.sh", root / "conf/launch")
    (root / "conf/launch/slice.sh").write_text("#!/bin/sh\ncat .dvc/config.local; echo $*; exit $CODE\n")
    (root / "conf/launch/slice.sh").chmod(0o755)
    (root / ".dvc/config").touch()
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for words in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "-m", "copy")):
        subprocess.run(["git", *words], cwd=root, check=True)
    (root / ".dvc/config.local").write_text(SECRET)
    return root


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("secrets", [True, False])
def test_slurm_uses_the_remotes_secrets_and_leaves_none(
    repository: Path, tmp_path: Path, code: int, secrets: bool
) -> None:
    if not secrets:
        (repository / ".dvc/config.local").unlink()
    node = tmp_path / "node"
    node.mkdir()
    slurm = {"SLURM_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "4"}
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
    env |= slurm | {"TMPDIR": str(node), "CODE": str(code)}
    command = ["bash", "conf/launch/slurm.sh", "paper"]
    done = subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout == (SECRET if secrets else "") + "paper 1 4\n"
    assert (node / "compress-distill-7/conf/launch/slice.sh").exists()
    assert not os.path.lexists(node / "compress-distill-7/.dvc/config.local")
    assert (repository / ".dvc/config.local").exists() == secrets
