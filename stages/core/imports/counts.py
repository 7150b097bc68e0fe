"""Counts of what an import took and left out, as its metrics file has them."""

import collections

from stages.core.imports.attempts import Attempt


class ImportCounts:
    """What became of the rows and of their attempts, and how their questions were found."""

    def __init__(self) -> None:
        self.rows = collections.Counter(taken=0, not_training=0, unknown_question=0, no_response=0)
        self.matched: collections.Counter[str] = collections.Counter()
        self.attempts = collections.Counter(
            taken=0, too_long=0, without_reasoning=0, turn_marks_removed=0
        )
        # The source's own verdicts, which are not believed
        self.source_verdicts: collections.Counter[str] = collections.Counter()

    def add(self, attempt: Attempt) -> None:
        """Counts one attempt at a training question."""
        if attempt.too_long:
            self.attempts["too_long"] += 1
            return
        self.attempts["taken"] += 1
        self.attempts["without_reasoning"] += not attempt.reasoning.strip()
        self.attempts["turn_marks_removed"] += attempt.ended
        if attempt.correct is not None:
            self.source_verdicts["correct" if attempt.correct else "wrong"] += 1

    def summary(self) -> dict[str, dict[str, int]]:
        """All counts, as the metrics file has them."""
        return {
            "rows": dict(self.rows),
            "matched_by": dict(self.matched),
            "attempts": dict(self.attempts),
            "said_to_be": dict(self.source_verdicts),
        }
