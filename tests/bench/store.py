"""Resume a store of a million answers: open it, and look up each of them."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.core.asking.store import Store, StoredAnswer
from tests.bench import measure

ANSWERS, SHARDS = 1_000_000, 4
LIMIT = {"seconds": 30, "gb": 2}


def keys() -> Iterator[str]:
    """Yields the keys of all answers. Real keys are hashes, and look like these."""
    rng = random.Random(0)
    for _ in range(ANSWERS):
        yield f"{rng.getrandbits(128):032x}"


def bench(folder: Path) -> dict[str, Any]:
    """Writes the store, and has another process resume it."""
    text = "Then 12 + 7 = 19, and 19 - 4 = 15. " * 28  # a thousand characters
    names = keys()
    for _ in range(SHARDS):
        with Store(folder) as store:
            for _, name in zip(range(ANSWERS // SHARDS), names, strict=False):
                store.add(name, StoredAnswer("m", text, None, "stop", 90, 400, 4096, 0.01))
    size = sum(path.stat().st_size for path in folder.iterdir())
    seconds, gb = measure.run("-m", "tests.bench.store", str(folder), cwd=Path.cwd())
    return {
        "answers": ANSWERS,
        "store_gb": round(size / 1e9, 3),
        "seconds": seconds,
        "peak_gb": gb,
        "limit": LIMIT,
    }


if __name__ == "__main__":
    with Store(Path(sys.argv[1])) as store:
        assert len(store) == ANSWERS
        assert all(store.find(name, 4096) for name in keys())
