"""A training run tells nobody that it runs: nothing is sent to a hub that may be asked."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.core.training.students import ARM, METHODS, project
from tests.imports import ROOT

SWITCHES = ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK", "CI")
# The stage, and then as long as what it may have asked to be sent takes
CODE = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module("stages.train", run_name="__main__", alter_sys=True)
finally:
    import huggingface_hub.utils._telemetry as telemetry
    telemetry._TELEMETRY_QUEUE.join()
"""


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """A hub on loopback that has nothing, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            asked.append(self.rfile.readline().decode())
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def test_training_sends_nothing(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = hub
    root = project("llama8b", tmp_path, METHODS["lora"])
    inherited = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    env = inherited | {"PYTHONPATH": str(ROOT), "HF_ENDPOINT": address}
    command = [sys.executable, "-c", CODE, "stages.train", "--profile", "test", *ARM]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert asked == []
