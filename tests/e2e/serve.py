"""`vllm serve` on loopback, the command as users type it."""

import contextlib
import importlib.metadata
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.remotes import port

# vLLM takes as little of this machine as it can
CPU = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}


def _named(root: Path) -> str:
    """A folder for PYTHONPATH that declares a package vllm.

    The command asks for that package, and the CPU build is called vllm-cpu. Empty where vllm is
    installed.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("vllm")
        return ""
    version = f"{importlib.metadata.version('vllm-cpu')}+cpu"
    metadata = root / f"vllm-{version}.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")
    return str(root)


@contextlib.contextmanager
def serving(folder: Path, root: Path, *options: str) -> Iterator[str]:
    """Serves a model's folder, and yields the base_url once it answers. `root` takes the log."""
    server_port, log = port(), root / "server.log"
    command = [
        str(Path(sys.executable).with_name("vllm")),
        "serve",
        str(folder),
        "--host",
        "127.0.0.1",
    ]
    command += ["--port", str(server_port), *options]
    paths = [_named(root / "named"), os.environ.get("PYTHONPATH", "")]
    env = os.environ | CPU | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with log.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env=env, start_new_session=True)
    try:
        for _ in range(300):
            assert server.poll() is None, log.read_text()[-3000:]
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{server_port}/health") as answer,
            ):
                if answer.status == 200:
                    break
            time.sleep(1)
        yield f"http://127.0.0.1:{server_port}/v1"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, 9)
        server.wait()
