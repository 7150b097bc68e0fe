"""The lines of a store's shards: written with a checksum, and read back complete or not at all."""

import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.core.program.files import replacing

KEY_LENGTH = 32  # hex digits of a key
HEAD_LENGTH = KEY_LENGTH + 1 + 8 + 1  # characters before the JSON: the key, a space, crc32, a space


def line(key: str, content: Mapping[str, Any]) -> bytes:
    """The line of one answer: its key, its checksum and `content` as JSON."""
    body = json.dumps(dict(content)).encode()
    checksum = zlib.crc32(body, zlib.crc32(key.encode()))
    return b"%s %08x %s\n" % (key.encode(), checksum, body)


def is_intact(data: bytes) -> bool:
    """Whether a line is complete and its checksum fits."""
    if data[-1:] != b"\n" or len(data) <= HEAD_LENGTH:
        return False
    checksum = zlib.crc32(data[HEAD_LENGTH:-1], zlib.crc32(data[:KEY_LENGTH]))
    return data[KEY_LENGTH:HEAD_LENGTH] == b" %08x " % checksum


def lines(handle: int, offset: int = 0) -> Iterator[tuple[bytes | None, int, int]]:
    """Yields (key, begin, end) of each line of an open file, from byte `offset` on.

    The key is None where the line is damaged.
    """
    with os.fdopen(os.dup(handle), "rb") as file:
        file.seek(offset)
        for data in file:
            end = offset + len(data)
            key = bytes.fromhex(data[:KEY_LENGTH].decode()) if is_intact(data) else None
            yield key, offset, end
            offset = end


def clean(path: Path, handle: int) -> bool:
    """Moves a shard's damaged lines to `<shard>.torn`, and returns whether that is done.

    False where the shard's writer lives, which may be in the midst of a line. True too where
    another process has cleaned the shard since `handle` was opened.
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
            partial.open("wb") as intact_lines,
            path.with_suffix(".torn").open("ab") as torn_lines,
        ):
            for data in file:
                (intact_lines if is_intact(data) else torn_lines).write(data)
    return True
