"""A hub on loopback, whose models are folders, for programs that use huggingface_hub.

It answers requests for a repository's page, tree and files. It gives the files of a gated
repository only to those who bring a token.
"""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """The hub's port, and the names of the files that were asked for."""

    port: int
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def hub(models: Mapping[str, Path], gated: frozenset[str] = frozenset()) -> Iterator[Hub]:
    """Runs a hub that has these folders as models."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].strip("/").split("/")
            if path[0] == "api":
                self._page("/".join(path[2:4]), path[4] if len(path) > 4 else "")
            else:
                self._file("/".join(path[:2]), "/".join(path[4:]))

        def _page(self, repo: str, kind: str) -> None:
            if repo not in models:
                self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
                return
            if kind == "auth-check" and not self._open(repo):
                return
            sizes = {
                path.name: path.stat().st_size for path in models[repo].iterdir() if path.is_file()
            }
            if kind == "tree":
                tree = [
                    {"type": "file", "oid": "0", "size": size, "path": name}
                    for name, size in sizes.items()
                ]
                self._send(200, json.dumps(tree).encode())
                return
            listed = [{"rfilename": name, "size": size} for name, size in sizes.items()]
            gate = "manual" if repo in gated else False
            page = {
                "id": repo,
                "modelId": repo,
                "sha": COMMIT,
                "gated": gate,
                "private": False,
                "siblings": listed,
            }
            self._send(200, json.dumps(page).encode())

        def _file(self, repo: str, name: str) -> None:
            if not self._open(repo):
                return
            served.asked.append(name)
            contents = (models[repo] / name).read_bytes()
            marks = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(contents).hexdigest()}"'}
            self._send(200, contents, marks)

        def _open(self, repo: str) -> bool:
            """Whether the gate is open to this request. Where it is not, it sends the refusal."""
            if repo not in gated or self.headers.get("Authorization"):
                return True
            self._send(403, b"", {"X-Error-Code": "GatedRepo"})
            return False

        def _send(
            self, status: int, contents: bytes, headers: Mapping[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(contents)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(contents)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Hub(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
