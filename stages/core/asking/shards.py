"""Append-only shards: lines under keys, which several processes write and read at once.

store.py says what the folder of a store is and why. Its answers are such lines, and so are the
scores that pruning asks its models for (targets/pruning/score_store.py).
"""

import contextlib
import fcntl
import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.core.asking import store_lines
from stages.core.program.errors import StageError

SYNC = 5.0  # seconds between two fsyncs, after which lines outlive the machine
# A position is one whole number: the shard's index in the high bits, the line's offset in the low
OFFSET_BITS = 48


class Shards:
    """Reads every shard of `folder`, and writes to a shard of its own.

    Several lines may have one key. Close it, or use it as a context manager.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Every shard stays open, so the process may open as many files as it is allowed
        _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
        self.folder = folder
        self.set_aside = 0  # lines that failed their checksum
        self._shards: list[int] = []  # file descriptors
        # This writer's shard, as an index of _shards and as a path, once it has added something
        self._own_shard: int | None = None
        self._own_path: Path | None = None
        self._synced = time.monotonic()
        self._positions: dict[bytes, list[int]] = {}  # by key
        self._read_to: dict[int, int] = {}  # bytes read of each shard of others, by inode
        self.refresh()

    def __enter__(self) -> "Shards":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return sum(map(len, self._positions.values()))

    def close(self) -> None:
        """Makes durable what was added, and releases the shard."""
        if self._own_shard is not None:
            os.fsync(self._shards[self._own_shard])
        for handle in self._shards:
            os.close(handle)
        self._shards, self._positions, self._own_shard = [], {}, None

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Waits until no other process asks under `name`, and reads what that one has stored.

        Without this, two stages that ask a model the same at the same time would both pay.
        """
        path = self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock"
        with path.open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                sys.stderr.write(f"waiting for another stage that asks {name}\n")
                fcntl.flock(lock, fcntl.LOCK_EX)
            self.refresh()
            yield

    def refresh(self) -> None:
        """Reads what others have written since the store was opened."""
        for path in sorted(self.folder.glob("*.shard")):
            if path != self._own_path:
                self._read_shard(path)

    def contents(self, key: str) -> Iterator[dict[str, Any]]:
        """Yields the content of each line of this key, in the order in which they were read."""
        for position in self._positions.get(bytes.fromhex(key), ()):
            yield self._read(position)

    def keys(self) -> list[str]:
        """The keys that have lines, in order."""
        return [key.hex() for key in sorted(self._positions)]

    def append(self, key: str, content: Mapping[str, Any]) -> None:
        """Appends a line. It outlives this process at once, and the machine SYNC seconds later."""
        if self._own_shard is None:
            self._own_shard = self._create()
        handle = self._shards[self._own_shard]
        data = store_lines.line(key, content)
        offset = os.lseek(handle, 0, os.SEEK_END)
        written = 0
        try:
            while written < len(data):  # a disk that fills up takes a part first, then raises
                written += os.write(handle, data[written:])
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._own_path)) from error
        if time.monotonic() - self._synced > SYNC:
            os.fsync(handle)
            self._synced = time.monotonic()
        self._note(bytes.fromhex(key), self._own_shard, offset)

    def _note(self, key: bytes, shard: int, offset: int) -> None:
        """Notes where the line of a key is."""
        self._positions.setdefault(key, []).append(shard << OFFSET_BITS | offset)

    def _create(self) -> int:
        """Opens this writer's own shard, and returns its index."""
        self._own_path = self.folder / f"{time.time_ns():020}-{os.getpid()}.shard"
        handle = os.open(self._own_path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)  # says that this shard has a living writer
        self._shards.append(handle)
        return len(self._shards) - 1

    def _read_shard(self, path: Path) -> None:
        """Reads a shard of another writer, from where it was last read to."""
        handle = os.open(path, os.O_RDONLY)
        begin = self._read_to.get(os.fstat(handle).st_ino, 0)
        if begin and begin == os.fstat(handle).st_size:
            os.close(handle)
            return
        intact_lines, damaged_lines, read_to = _scan(handle, begin)
        if damaged_lines and not begin and store_lines.clean(path, handle):
            # The cleaned shard is another file under this path: read that one
            os.close(handle)
            self.set_aside += damaged_lines
            self._read_shard(path)
            return
        # It stays open, because another reader may replace the file: offsets hold for this one
        self._shards.append(handle)
        self._read_to[os.fstat(handle).st_ino] = read_to
        for key, offset in intact_lines:
            self._note(key, len(self._shards) - 1, offset)

    def _read(self, position: int) -> dict[str, Any]:
        shard, offset = position >> OFFSET_BITS, position & (1 << OFFSET_BITS) - 1
        with os.fdopen(os.dup(self._shards[shard]), "rb") as file:
            file.seek(offset)
            data = file.readline()
        if not store_lines.is_intact(data):
            raise StageError(
                f"{self.folder}: an answer was damaged while it was in use; run the stage again"
            )
        content: dict[str, Any] = json.loads(data[store_lines.HEAD_LENGTH :])
        return content


def _scan(handle: int, begin: int) -> tuple[list[tuple[bytes, int]], int, int]:
    """(key, offset) of each intact line from `begin` on, the number of damaged lines, and where the
    next reading begins: before the first damaged line, which its writer may still complete.
    """
    intact_lines: list[tuple[bytes, int]] = []
    damaged_lines, read_to = 0, begin
    for key, offset, end in store_lines.lines(handle, begin):
        if key is None:
            damaged_lines += 1
            continue
        intact_lines.append((key, offset))
        if not damaged_lines:
            read_to = end
    return intact_lines, damaged_lines, read_to
