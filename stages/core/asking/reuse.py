"""Which answers the store holds: under today's key or its earlier form, and by which version of an
engine.
"""

import collections
import os
from collections.abc import Callable, Iterable, Iterator

import click

from stages.core.asking.engines import Request
from stages.core.asking.store import Store, StoredAnswer
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError

# In the environment: what becomes of answers whose key held neither server nor special tokens
# (until November 2026)
EARLIER = "COMPRESS_DISTILL_EARLIER"
MARK = "<|"  # begins every special token of the harmony format


_CHOICES = ("use", "leave")


class RepeatableRequests:
    """Requests that can be gone through more than once without being held: `read` starts anew each
    time.
    """

    def __init__(self, read: Callable[[], Iterable[Request]]) -> None:
        self.read = read

    def __iter__(self) -> Iterator[Request]:
        return iter(self.read())


class StoredAnswers:
    """Looks requests up, for `model` at `place` in the params; `version` is the engine that would
    answer now.

    `marked`: answers hold special tokens, which set the reasoning apart. Raises StageError where
    EARLIER is neither of its values.
    """

    def __init__(
        self, store: Store, place: str, model: str, version: str, marked: bool = False
    ) -> None:
        self.store, self.params_path, self.model, self.version = store, place, model, version
        self.marked, self.choice = marked, os.environ.get(EARLIER) or None
        self.others: collections.Counter[str] = (
            collections.Counter()
        )  # answers by another engine or version of it
        self.unmarked = 0  # answers of the earlier form whose reasoning cannot be told apart
        if self.choice not in (None, *_CHOICES):
            expected = " or ".join(_CHOICES)
            raise StageError(
                f"{EARLIER}: {quoted(self.choice)} is unknown; set it to {expected}, or unset it"
            )

    def check(self, requests: Iterable[Request], limit: int) -> None:
        """Raises StageError where an answer of the earlier form would be used and EARLIER does not
        say whether.

        It is for before the engine starts: a stop in its midst loses what was sent and not yet
        answered.
        """
        if self.choice is not None:
            return
        for request in requests:
            if self.store.find(request.key, limit) is None and self._usable(
                self._earlier(request, limit)
            ):
                raise StageError(
                    f"{self.params_path}: the store has answers from before its key held output and server: set "
                    f"{EARLIER}=use if both were what they are now, or {EARLIER}=leave to pay for new ones"
                )

    def has(self, request: Request, limit: int) -> bool:
        """Whether the store has the answer with this token limit; one of the earlier form gets
        today's key too.
        """
        found = self.store.find(request.key, limit)
        if found is None and self.choice == "use" and (earlier := self._earlier(request, limit)):
            if self._usable(earlier):
                found = earlier
                self.store.add(request.key, found)
            else:
                self.unmarked += 1
        if found is not None and found.engine not in ("", self.version):
            self.others[found.engine] += 1
        return found is not None

    def _usable(self, earlier: StoredAnswer | None) -> bool:
        """Whether there is one, with marks where it needs some: without, reasoning and answer are
        one text.
        """
        return earlier is not None and (not self.marked or MARK in earlier.text)

    def _earlier(self, request: Request, limit: int) -> StoredAnswer | None:
        """An answer under the key's earlier form; one that names its engine is another request's,
        of today's form.
        """
        found = self.store.find(request.earlier, limit) if request.earlier else None
        return found if found is not None and not found.engine else None

    def warn(self) -> None:
        """Says on stderr how many answers are another engine's, and how many of the earlier form
        are of no use.
        """
        if self.unmarked:
            click.echo(
                f"warning: {self.params_path}: {self.unmarked} answers from before the store's key held output have none of "
                "the marks that set their reasoning apart: they are not taken over, and asked anew",
                err=True,
            )
        for engine, count in sorted(self.others.items()):
            click.echo(
                f"warning: {self.params_path}: {count} stored answers are by {engine}, and this is {self.version}: they are "
                f"used; `python -m tools.store prune --model {self.model}` has them asked anew",
                err=True,
            )
