"""Servers on loopback: one of OpenAI's protocol with the scripted teacher's answers, and a proxy
that spoils its responses.

Run: python -m tests.servers --port 8000 --log calls.txt [--delay 0.01]
"""

import contextlib
import dataclasses
import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click

from stages.core.asking.engines import scripted

SCRIPT = scripted.ScriptedSettings(wrong_rate=0.4, false_start_rate=0.2, check_rate=0.5)
# From a request's body to status and response
Respond = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


def chat_response(text: str, finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    """A response as servers write it. `message` adds fields to the assistant's message."""
    content = {"role": "assistant", "content": text} | message
    usage = {
        "prompt_tokens": 5,
        "completion_tokens": len(text.split()),
        "total_tokens": 5 + len(text.split()),
    }
    choice = {"index": 0, "message": content, "finish_reason": finish_reason}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def by_script(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """(200, the scripted teacher's answer to the last message)."""
    reasoning, answer = scripted.write(body["messages"][-1]["content"], SCRIPT, body["seed"])
    return 200, chat_response(answer, reasoning=reasoning)


@dataclasses.dataclass
class Server:
    """A server that runs, and what it has seen."""

    port: int
    bodies: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    headers: list[dict[str, str]] = dataclasses.field(default_factory=list)
    times: list[float] = dataclasses.field(default_factory=list)  # of the calls
    busy: int = 0  # calls under way
    most: int = 0  # of them at a time

    @property
    def url(self) -> str:
        """Its base_url."""
        return f"http://127.0.0.1:{self.port}/v1"

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Counts the calls under way."""
        self.busy += 1
        self.most = max(self.most, self.busy)
        yield
        self.busy -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def reply(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(data))} | headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_: Any) -> None:
        """A client that went away is no error here."""


@contextlib.contextmanager
def serving(
    respond: Respond = by_script, delay: float = 0.0, port: int = 0, log: Path | None = None
) -> Iterator[Server]:
    """Runs a server on loopback that answers with `respond` after `delay` seconds.

    `log` gets a line for each answer.
    """
    lock = threading.Lock()

    class Handler(_Handler):
        def do_POST(self) -> None:
            body = json.loads(self.body())
            with state.call():
                state.bodies.append(body)
                state.headers.append({name.lower(): value for name, value in self.headers.items()})
                state.times.append(time.monotonic())
                time.sleep(delay)
                status, response = respond(body)
                if log:
                    with lock, log.open("a") as file:
                        file.write(
                            json.dumps([body["messages"][-1]["content"], body["seed"]]) + "\n"
                        )
                self.reply(status, json.dumps(response).encode())

    server = _Server(("127.0.0.1", port), Handler)
    state = Server(server.server_address[1])
    with running(server):
        yield state


@contextlib.contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[None]:
    """Serves in a thread until the block ends."""
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def proxy(upstream: Server, faults: list[str | None]) -> Iterator[Server]:
    """Runs a proxy before `upstream`. The n-th call gets the n-th of `faults`, later calls none."""
    left, lock = list(faults), threading.Lock()

    class Handler(_Handler):
        def do_POST(self) -> None:
            data = self.body()
            state.times.append(time.monotonic())
            with lock:
                fault = left.pop(0) if left else None
            if fault is None:
                return self.reply(*self.forwarded(data))
            return FAULTS[fault](self, data)

        def forwarded(self, data: bytes) -> tuple[int, bytes]:
            onward = http.client.HTTPConnection("127.0.0.1", upstream.port)
            onward.request("POST", self.path, data, {"Content-Type": "application/json"})
            answered = onward.getresponse()
            return answered.status, answered.read()

    server = _Server(("127.0.0.1", 0), Handler)
    state = Server(server.server_address[1])
    with running(server):
        yield state


def _status(status: int, **headers: str) -> Callable[[Any, bytes], None]:
    return lambda handler, data: handler.reply(
        status, b'{"error": {"message": "no", "code": null}}', **headers
    )


def _reset(handler: Any, data: bytes) -> None:
    """Closes the connection with RST, as a server that died."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def _stall(handler: Any, data: bytes) -> None:
    """Takes the request and is silent for longer than the tests' time-out."""
    time.sleep(3)
    handler.close_connection = True


def _truncated(handler: Any, data: bytes) -> None:
    """Sends half of a real answer under the header of a whole one."""
    _, answer = handler.forwarded(data)
    handler.reply(200, answer[: len(answer) // 2], **{"Content-Length": str(len(answer))})
    handler.close_connection = True


def _says(data: bytes) -> Callable[[Any, bytes], None]:
    return lambda handler, _: handler.reply(200, data)


FAULTS: dict[str, Callable[[Any, bytes], None]] = {
    "429": _status(429),
    "429 retry after": _status(429, **{"Retry-After": "1"}),
    "500": _status(500),
    "503": _status(503),
    "408": _status(408),
    "reset": _reset,
    "stall": _stall,
    "truncated": _truncated,
    "malformed": _says(b'{"choices": [{"mess'),
    "no json": _says(b"<html>Bad gateway</html>"),
    "no choice": _says(
        b'{"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": []}'
    ),
    "null": _says(b"null"),
    "choices null": _says(b'{"choices": [null]}'),
    "choices text": _says(b'{"choices": "abc"}'),
    "choices object": _says(b'{"choices": {"0": 1}}'),
    "content list": _says(json.dumps(chat_response("x", content=["a"])).encode()),
    "aborted": _says(json.dumps(chat_response("half of", "abort")).encode()),
    "unfinished": _says(
        json.dumps(chat_response("half") | {"choices": [{"index": 0, "message": {}}]}).encode()
    ),
}


@click.command()
@click.option("--port", type=int)
@click.option("--log", type=click.Path(path_type=Path))
@click.option("--delay", type=float, default=0.0)
def main(port: int, log: Path, delay: float) -> None:
    """Serve until killed."""
    with serving(delay=delay, port=port, log=log):
        threading.Event().wait()


if __name__ == "__main__":
    main()
