"""The store of answers: what models were paid for.

It is outside DVC's outs, so that no interruption of a stage loses it. A store is a folder of
append-only shards. A line of a shard is one answer:

    <key, 32 hex digits> <crc32 of key and JSON, 8 hex digits> <JSON of a StoredAnswer>\\n

It is not sqlite3, because several writers may share it on a network file system, where sqlite's
locks are unreliable: here each writer appends to a shard of its own, and a torn line costs one
answer.

A writer holds a lock on its shard while it lives. Whoever opens the store reads all shards. In
those without a living writer, lines that are torn or fail their checksum are moved to
`<shard>.torn`, and count as never written.

An answer's key leaves the token limit out. An answer that ended by itself serves every limit that
it fits. One that was cut serves its own limit alone.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stages.core.asking import store_lines
from stages.core.asking.shards import Shards

# Git ignores it, as it ignores all of data/ that users do not bring. Put it elsewhere for workspaces
# that come and go, as those of DVC's queue do.
FOLDER = Path(os.environ.get("COMPRESS_DISTILL_STORE", "data/store"))


@dataclass(frozen=True)
class StoredAnswer:
    """What a model answered once.

    `text` is all that it wrote. `reasoning` is what its server gave apart from the text, else None.
    """

    model: str
    text: str
    reasoning: str | None
    finish_reason: str  # one of answers.STORED
    prompt_tokens: int | None
    completion_tokens: int | None
    limit: int  # the max_new_tokens that it was asked with
    seconds: float  # its share of the time that its batch took
    # The engine with its version. It is no part of the key, because an upgrade must not have
    # everything paid again.
    engine: str = ""

    def serves(self, limit: int) -> bool:
        """Whether a request with this token limit would have got this answer."""
        if self.limit == limit:  # whatever the server counted
            return True
        if self.finish_reason != "stop" or self.completion_tokens is None:
            return False
        return self.completion_tokens <= limit


def key(
    model: str,
    revision: str | None,
    prompt: Sequence[int] | str,
    sampling: Mapping[str, Any],
    seed: int,
    sample: int,
) -> str:
    """The key of an answer: 128 bits, in hex, of a hash of all that shapes the answer.

    The token limit is no part of it, so `sampling` must not hold it. An entry that is added later
    must be left out where it has its former meaning, or the answer must be found by its earlier key
    too (`answering.Asker`). So no answer that was paid for is lost unseen.
    """
    parts = [model, revision, prompt, dict(sampling), seed, sample]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return digest[: store_lines.KEY_LENGTH]


class Store(Shards):
    """The answers in the shards of a folder."""

    def __enter__(self) -> "Store":
        return self

    def find(self, key: str, limit: int) -> StoredAnswer | None:
        """The stored answer of this key that serves the token limit, None where there is none."""
        for content in self.contents(key):
            answer = StoredAnswer(**content)
            if answer.serves(limit):
                return answer
        return None

    def add(self, key: str, answer: StoredAnswer) -> None:
        """Appends an answer."""
        self.append(key, asdict(answer))

    def answers(self) -> Iterator[tuple[str, StoredAnswer]]:
        """Yields every stored (key, answer), in the order of keys."""
        for key in self.keys():
            for content in self.contents(key):
                yield key, StoredAnswer(**content)
