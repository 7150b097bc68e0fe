"""Which stored answers are used again.

An answer may be under today's key or under the key's earlier form, and another version of the
engine may have written it.
"""

import collections
import os
from collections.abc import Callable, Iterable, Iterator

import click

from stages.core.asking.engines import Request
from stages.core.asking.store import Store, StoredAnswer
from stages.core.program.complaints import quoted
from stages.core.program.errors import StageError

# The environment variable that decides about answers whose key held neither server nor special
# tokens (until November 2026)
EARLIER = "COMPRESS_DISTILL_EARLIER"
MARK = "<|"  # every special token of the harmony format begins with it

_CHOICES = ("use", "leave")


class RepeatableRequests:
    """Requests that can be gone through several times without being held in memory.

    `read` yields them from the start each time that it is called.
    """

    def __init__(self, read: Callable[[], Iterable[Request]]) -> None:
        self.read = read

    def __iter__(self) -> Iterator[Request]:
        return iter(self.read())


class StoredAnswers:
    """Looks up which requests have an answer in the store, and counts what the user should know.

    `model` is asked for the entry at `params_path`. `version` is the engine that would answer now.
    `special`: texts keep the special tokens that set the reasoning apart. Raises StageError where
    EARLIER has neither of its values.
    """

    def __init__(
        self, store: Store, params_path: str, model: str, version: str, special: bool = False
    ) -> None:
        self.store, self.params_path, self.model, self.version = store, params_path, model, version
        self.special = special
        self.choice = os.environ.get(EARLIER) or None
        # Answers by another engine, or by another version of it
        self.other_engines: collections.Counter[str] = collections.Counter()
        # Answers under the earlier key whose reasoning cannot be told apart
        self.without_marks = 0
        if self.choice not in (None, *_CHOICES):
            expected = " or ".join(_CHOICES)
            raise StageError(
                f"{EARLIER}: {quoted(self.choice)} is unknown; set it to {expected}, or unset it"
            )

    def check(self, requests: Iterable[Request], limit: int) -> None:
        """Raises StageError where a usable answer is under the earlier key and EARLIER is not set.

        Call it before the engine starts. To stop in its midst would lose the answers that are under
        way.
        """
        if self.choice is not None:
            return
        for request in requests:
            if self.store.find(request.key, limit) is not None:
                continue
            if self._is_usable(self._under_earlier_key(request, limit)):
                raise StageError(
                    f"{self.params_path}: the store has answers from before its key held output "
                    f"and server: set {EARLIER}=use if both were what they are now, or "
                    f"{EARLIER}=leave to pay for new ones"
                )

    def has(self, request: Request, limit: int) -> bool:
        """Whether the store has the answer to a request with this token limit.

        With EARLIER=use, an answer under the earlier key is added under today's key too.
        """
        answer = self.store.find(request.key, limit)
        if answer is None and self.choice == "use":
            answer = self._taken_over(request, limit)
        if answer is None:
            return False
        if answer.engine not in ("", self.version):
            self.other_engines[answer.engine] += 1
        return True

    def _taken_over(self, request: Request, limit: int) -> StoredAnswer | None:
        """The answer under the earlier key, now under today's key too; None where none is usable."""
        earlier_answer = self._under_earlier_key(request, limit)
        if earlier_answer is None:
            return None
        if not self._is_usable(earlier_answer):
            self.without_marks += 1
            return None
        self.store.add(request.key, earlier_answer)
        return earlier_answer

    def _is_usable(self, earlier_answer: StoredAnswer | None) -> bool:
        """Whether there is an answer, with marks where marks set the reasoning apart.

        Without them, reasoning and answer would be one text.
        """
        return earlier_answer is not None and (not self.special or MARK in earlier_answer.text)

    def _under_earlier_key(self, request: Request, limit: int) -> StoredAnswer | None:
        """The answer under the earlier form of the request's key.

        One that names its engine has a key of today's form, so it belongs to another request.
        """
        if not request.earlier:
            return None
        answer = self.store.find(request.earlier, limit)
        return answer if answer is not None and not answer.engine else None

    def warn(self) -> None:
        """Says on stderr how many answers are another engine's, and how many lack their marks."""
        if self.without_marks:
            click.echo(
                f"warning: {self.params_path}: {self.without_marks} answers from before the "
                "store's key held output have none of the marks that set their reasoning apart: "
                "they are not taken over, and asked anew",
                err=True,
            )
        for engine, count in sorted(self.other_engines.items()):
            click.echo(
                f"warning: {self.params_path}: {count} stored answers are by {engine}, and this is "
                f"{self.version}: they are used; `python -m tools.store prune --model "
                f"{self.model}` has them asked anew",
                err=True,
            )
