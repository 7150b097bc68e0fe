"""Audit of a compressed trace: what is wrong or unusual about it, as flags.

Flags are counted, and the params say which of them drop a trace. The checks read plain text and know
no compressor. Numbers are compared as values, words in lower case.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from stages.core.program.errors import StageError
from stages.core.records import Trace
from stages.core.targets.audit import language, phrases, statements
from stages.core.targets.compressors import LONGEST_TRACE
from stages.core.targets.compressors.sentences import numbers, passage_of

# Each flag with what it says of a compressed trace. Worst first: the first flag that drops a row is
# its drop reason
FLAGS = {
    "over_context": "its prompt left the compressor no room; it was not asked",
    "refused": "the compressor's server answered no, or not at all",
    "cut_at_limit": "ended at the token limit, or with the compressor's context",
    "unfinished": "ended for another reason than by itself",
    "oversized": f"its source has more than {LONGEST_TRACE:,} characters; it was not compressed",
    "empty": "nothing was written",
    "tags": "holds think tags, or the marks of the compressor's prompt",
    "refusal": "declines the task",
    "about_the_task": "talks about shortening instead of only reasoning",
    "other_language": "written in another language or script than its source",
    "answer_lost": "does not state the answer, though its source does",
    "answer_first": "states the answer before most of what the source derives it from",
    "invented_numbers": "has numbers that are in neither question nor source",
    "verbatim": "the source word for word",
    "longer": "longer than its source",
}
# The flags that drop a row by default: what makes a target wrong or unusable. The other flags are
# counted alone, because a merged step may need a new number, and a copy is valid
DROP = (
    "over_context",
    "refused",
    "cut_at_limit",
    "unfinished",
    "empty",
    "tags",
    "refusal",
    "about_the_task",
    "other_language",
    "answer_lost",
)
ALWAYS_DROPPED = ("oversized",)  # there is no text, whatever the params say
# The flag of a finish reason other than "stop"; "unfinished" of those that are not here
_FLAG_OF_FINISH_REASON = {
    "oversized": "oversized",
    "too_long": "over_context",
    "refused": "refused",
    "failed": "refused",
    "length": "cut_at_limit",
    "context": "cut_at_limit",
}


@dataclass(frozen=True)
class Audit:
    """The section `audit` of the params: which flags drop a row."""

    drop: list[str] = field(default_factory=lambda: list(DROP))

    def __post_init__(self) -> None:
        unknown = sorted(set(self.drop) - set(FLAGS))
        if unknown:
            raise StageError(f"drop: {unknown[0]!r} is no flag; known: {', '.join(FLAGS)}")

    def reason(self, flags: Iterable[str]) -> str | None:
        """The first of `flags` that drops a row, None where it is kept."""
        for flag in flags:
            if flag in self.drop or flag in ALWAYS_DROPPED:
                return flag
        return None


def audit(trace: Trace, text: str, finish_reason: str) -> tuple[str, ...]:
    """The flags of `text`, a shorter form of the trace's reasoning, in the order of FLAGS.

    `finish_reason` is why the compressor's text ended, "stop" where it ended by itself.
    """
    ending_flag = ""
    if finish_reason != "stop":
        ending_flag = _FLAG_OF_FINISH_REASON.get(finish_reason, "unfinished")
    if not text.strip():
        return (ending_flag or "empty",)
    source = trace.reasoning
    all_material = f"{trace.question}\n{source}\n{trace.answer}"
    is_flagged = {
        ending_flag: True,
        "tags": phrases.has_tags(text),
        "refusal": phrases.is_refusal(text),
        "about_the_task": phrases.about_the_task(text) and not phrases.about_the_task(source),
        "other_language": language.other_language(text, all_material),
        "answer_lost": statements.answer_lost(trace, text),
        "answer_first": statements.answer_first(trace, text),
        "invented_numbers": _has_invented_numbers(trace, text),
        "verbatim": _is_verbatim(source, text),
        "longer": len(text) > len(source),
    }
    return tuple(flag for flag in FLAGS if is_flagged.get(flag))


def _has_invented_numbers(trace: Trace, text: str) -> bool:
    """Whether `text` has numbers that are in neither source, question nor answer."""
    new = passage_of(text).numbers() - passage_of(trace.reasoning).numbers()
    return bool(new - numbers(trace.question) - numbers(trace.answer))


def _is_verbatim(source: str, text: str) -> bool:
    """Whether `text` has the words of `source` in their order. The first nine show most that do
    not, without splitting all of a long text.
    """
    starts_alike = text.split(maxsplit=9)[:9] == source.split(maxsplit=9)[:9]
    return starts_alike and text.split() == source.split()
