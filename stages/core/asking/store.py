"""The store of answers: what models were paid for, kept outside DVC's outs so that no interruption
loses it.

A store is a folder of append-only shards. A line of a shard is one answer:

    <key, 32 hex digits> <crc32 of key and JSON, 8 hex digits> <JSON of an StoredAnswer>\\n

Every writer appends to a shard of its own and holds a lock on it while it lives. Who opens the
store reads all shards; in those without a living writer, lines that are torn or fail their checksum
are moved to `<shard>.torn` and count as never written. An answer's key leaves the token limit out:
one that ended by itself answers any limit that it fits, one that was cut answers its own limit
alone.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stages.core.asking import store_lines
from stages.core.program.errors import StageError

# Ignored by git, as all of data/ that users do not bring; to be put elsewhere for workspaces that
# come and go, as those of DVC's queue
FOLDER = Path(os.environ.get("COMPRESS_DISTILL_STORE", "data/store"))
SYNC = 5.0  # seconds between two times that answers are made to outlive the machine


@dataclass(frozen=True)
class StoredAnswer:
    """What a model answered once. `text` is all it wrote, `reasoning` what its server gave apart
    from it.
    """

    model: str
    text: str
    reasoning: str | None
    finish_reason: str  # stop | length
    prompt_tokens: int | None
    completion_tokens: int | None
    limit: int  # the max_new_tokens that it was asked with
    seconds: float  # its share of the time that its batch took
    # with its version; no part of the key, for an upgrade must not have everything paid again
    engine: str = ""

    def serves(self, limit: int) -> bool:
        """Whether a request with this token limit would have got this answer."""
        if self.limit == limit or self.finish_reason != "stop" or self.completion_tokens is None:
            return (
                self.limit == limit
            )  # what came under this very limit serves it, however its server counts
        return self.completion_tokens <= limit


def key(
    model: str,
    revision: str | None,
    prompt: Sequence[int] | str,
    sampling: Mapping[str, Any],
    seed: int,
    sample: int,
) -> str:
    """Hash of all that shapes an answer but the token limit, which `sampling` must not hold. 128
    bits, in hex.

    What is added to it later must be left out where it has its former meaning, or be found by the
    earlier key too (`asking.Asker`): answers that were paid for are not lost unseen.
    """
    whole = json.dumps([model, revision, prompt, dict(sampling), seed, sample], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[: store_lines.KEY]


class Store:
    """Reads every shard of `folder`, writes to one of its own. Close it, or use it as a context
    manager.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # every shard stays open
        self.folder = folder
        self.set_aside = 0  # lines that failed their checksum
        self._shards: list[
            int
        ] = []  # file descriptors; one of them is this writer's own once it has added something
        self._own: int | None = None
        self._path: Path | None = None  # of its own shard
        self._synced = time.monotonic()
        self._places: dict[
            bytes, list[int]
        ] = {}  # of a key: number of its shard << 48 | offset of its line
        self._read_to: dict[int, int] = {}  # bytes that were read of each shard of others, by inode
        self.refresh()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return sum(map(len, self._places.values()))

    def close(self) -> None:
        """Makes what was added durable and gives the shard free."""
        if self._own is not None:
            os.fsync(self._shards[self._own])
        for handle in self._shards:
            os.close(handle)
        self._shards, self._places, self._own = [], {}, None

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Waits until no other process asks what goes by `name`, and takes over what it has stored.

        Without, two stages that ask one model the same at the same time would both pay.
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
        """Reads what others have written since it was opened."""
        for path in sorted(self.folder.glob("*.shard")):
            if path != self._path:
                self._open(path)

    def find(self, name: str, limit: int) -> StoredAnswer | None:
        """The stored answer to the request of key `name` and token limit `limit`, None where there
        is none.
        """
        stored = (self._read(place) for place in self._places.get(bytes.fromhex(name), ()))
        return next((answer for answer in stored if answer.serves(limit)), None)

    def add(self, name: str, answer: StoredAnswer) -> None:
        """Appends an answer. It outlives this process at once, and the machine some seconds later."""
        if self._own is None:
            self._own = self._create()
        handle, data = self._shards[self._own], store_lines.line(name, asdict(answer))
        place = os.lseek(handle, 0, os.SEEK_END)
        written = 0
        try:
            while written < len(data):  # a disk that fills up takes a part first, then raises
                written += os.write(handle, data[written:])
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error
        if time.monotonic() - self._synced > SYNC:
            os.fsync(handle)
            self._synced = time.monotonic()
        self._places.setdefault(bytes.fromhex(name), []).append(self._own << 48 | place)

    def answers(self) -> Iterator[tuple[str, StoredAnswer]]:
        """Every stored (key, answer), in the order of keys."""
        for name in sorted(self._places):
            for place in self._places[name]:
                yield name.hex(), self._read(place)

    def _create(self) -> int:
        self._path = self.folder / f"{time.time_ns():020}-{os.getpid()}.shard"
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)  # says that this shard has a living writer
        self._shards.append(handle)
        return len(self._shards) - 1

    def _open(self, path: Path) -> None:
        """Reads a shard from where it was read to. The offsets hold for the open file, whoever
        replaces it.
        """
        handle = os.open(path, os.O_RDONLY)
        inode = os.fstat(handle).st_ino
        begin = self._read_to.get(inode, 0)
        if begin and begin == os.fstat(handle).st_size:
            os.close(handle)
            return
        found, bad, read_to = list[tuple[bytes, int]](), 0, begin
        for name, offset, end in store_lines.lines(handle, begin):
            if name is None:
                bad += 1
                continue
            found.append((name, offset))
            read_to = read_to if bad else end
        if bad and not begin and store_lines.clean(path, handle):
            os.close(handle)
            self.set_aside += bad
            self._open(path)
            return
        self._shards.append(handle)  # kept open, because another reader may replace the file
        self._read_to[inode] = read_to
        for name, offset in found:
            self._places.setdefault(name, []).append((len(self._shards) - 1) << 48 | offset)

    def _read(self, place: int) -> StoredAnswer:
        with os.fdopen(os.dup(self._shards[place >> 48]), "rb") as file:
            file.seek(place & (1 << 48) - 1)
            data = file.readline()
        if not store_lines.whole(data):
            raise StageError(
                f"{self.folder}: an answer was damaged while it was in use; run the stage again"
            )
        return StoredAnswer(**json.loads(data[store_lines.HEAD :]))
