"""Stages that train or answer start themselves again with Ray's jemalloc, and otherwise run as they
are.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.machine import jemalloc

SHOW = """
import os, sys
from stages.core.machine import jemalloc
jemalloc.begin()
maps = open("/proc/self/maps").read()
print("libjemalloc" in maps, os.environ.get("MALLOC_CONF"), sys.argv[1:])
sys.exit(3)
"""


def show(**environment: str) -> str:
    """What a program sees that begins so, with two arguments; its exit code comes through."""
    outer = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LD_PRELOAD", "MALLOC_CONF")
    }
    command = [sys.executable, "-c", SHOW, "--student", "with space"]
    done = subprocess.run(
        command, env=outer | environment, stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 3
    return done.stdout.strip()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Ray's jemalloc is for Linux")
@pytest.mark.parametrize(
    ("environment", "seen"),
    [
        ({}, f"True {jemalloc.SETTINGS}"),
        ({"MALLOC_CONF": "thp:never"}, "True thp:never"),
        ({"LD_PRELOAD": ""}, "False None"),
    ],
    ids=["ours", "the user's settings", "the user's allocator"],
)
def test_a_program_begins_again_with_jemalloc(environment: dict[str, str], seen: str) -> None:
    assert show(**environment) == f"{seen} ['--student', 'with space']"


@pytest.mark.parametrize("lacking", ["library", "file", "cpu"])
def test_without_jemalloc_or_with_a_gpu_a_program_goes_on(
    lacking: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    monkeypatch.setattr(os, "execve", lambda *given: pytest.fail("it began again"))
    spec = jemalloc.importlib.util.spec_from_file_location("ray", tmp_path / "ray/__init__.py")
    if lacking == "cpu":
        monkeypatch.setattr(jemalloc, "DRIVER", tmp_path)
    else:
        found = None if lacking == "library" else spec
        monkeypatch.setattr(jemalloc.importlib.util, "find_spec", lambda name: found)
        assert jemalloc.library() is None
    jemalloc.begin()
