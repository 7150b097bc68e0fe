"""The lines of a store's shards: written with a checksum, read back whole or not at all."""

import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.core.program.files import replacing

KEY, HEAD = 32, 32 + 1 + 8 + 1  # characters of a key, and of all that comes before the JSON


def line(name: str, content: Mapping[str, Any]) -> bytes:
    """The line of one answer, `content`, with its key and checksum."""
    body = json.dumps(dict(content)).encode()
    return b"%s %08x %s\n" % (name.encode(), zlib.crc32(body, zlib.crc32(name.encode())), body)


def whole(data: bytes) -> bool:
    """Whether a line ends and its checksum fits."""
    if data[-1:] != b"\n" or len(data) <= HEAD:
        return False
    return data[KEY:HEAD] == b" %08x " % zlib.crc32(data[HEAD:-1], zlib.crc32(data[:KEY]))


def lines(handle: int, offset: int = 0) -> Iterator[tuple[bytes | None, int, int]]:
    """Yields (key, begin, end) of each line of an open file from `offset` on; of a damaged line the
    key is None.
    """
    with os.fdopen(os.dup(handle), "rb") as file:
        file.seek(offset)
        for data in file:
            end = offset + len(data)
            yield bytes.fromhex(data[:KEY].decode()) if whole(data) else None, offset, end
            offset = end


def clean(path: Path, handle: int) -> bool:
    """Moves a shard's damaged lines to `<shard>.torn`; False where its writer lives, who may be
    amid a line.

    True too where another process has done so since `handle` was opened.
    """
    with os.fdopen(os.dup(handle), "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if not path.exists() or path.stat().st_ino != os.fstat(handle).st_ino:
            return path.exists()
        file.seek(0)
        with (
            replacing(path) as partial,
            partial.open("wb") as good,
            path.with_suffix(".torn").open("ab") as torn,
        ):
            for data in file:
                (good if whole(data) else torn).write(data)
    return True
