"""Which answers the store holds: under today's key or its earlier form, and by which version of an engine."""

import collections
import os

import click

from stages.core.engines import Request
from stages.core.errors import StageError
from stages.core.store import Answer, Store

# In the environment: what becomes of answers whose key held neither server nor special tokens (until November 2026)
EARLIER = "COMPRESS_DISTILL_EARLIER"


class Held:
    """Looks requests up, for `model` at `place` in the params; `version` is the engine that would answer now."""

    def __init__(self, store: Store, place: str, model: str, version: str) -> None:
        self.store, self.place, self.model, self.version = store, place, model, version
        self.others: collections.Counter[str] = collections.Counter()  # answers by another engine or version of it

    def has(self, request: Request, limit: int) -> bool:
        """Whether the store has the answer with this token limit; one of the earlier form gets today's key too.

        Raises StageError for one of the earlier form while EARLIER does not say what to do with it.
        """
        found = self.store.find(request.key, limit)
        if found is None and (found := self._earlier(request, limit)):
            match os.environ.get(EARLIER):
                case "use":
                    self.store.add(request.key, found)
                case "leave":
                    return False
                case _:
                    raise StageError(
                        f"{self.place}: the store has answers from before its key held output and server: set "
                        f"{EARLIER}=use if both were what they are now, or {EARLIER}=leave to pay for new ones"
                    )
        if found is not None and found.engine not in ("", self.version):
            self.others[found.engine] += 1
        return found is not None

    def _earlier(self, request: Request, limit: int) -> Answer | None:
        """An answer under the key's earlier form; one that names its engine is another request's, of today's form."""
        found = self.store.find(request.earlier, limit) if request.earlier else None
        return found if found is not None and not found.engine else None

    def warn(self) -> None:
        """Says on stderr how many answers are another engine's."""
        for engine, count in sorted(self.others.items()):
            click.echo(
                f"warning: {self.place}: {count} stored answers are by {engine}, and this is {self.version}: they are "
                f"used; `python -m stages.core.store prune --model {self.model}` has them asked anew",
                err=True,
            )
