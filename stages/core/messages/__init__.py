"""Traces in the messages form that other trainers read: a user's and an assistant's message in a row of jsonl.

Pure, both ways. The reasoning is inside the assistant's content, in think tags, or in a field of its own beside it
(FORMS); README.md beside this file says who reads which.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stages.core import chat
from stages.core.errors import StageError
from stages.core.records import Trace, Variant

TAGS, FIELD = FORMS = ("tags", "field")
ROLES = ["user", "assistant"]
# How servers and trainers call an assistant's reasoning; the first is ours
REASONING = ("reasoning_content", "reasoning", "thinking")
# What a row may say of an attempt beside its messages, under our own names
OWN = {"sample": int, "finish_reason": str, "prompt_tokens": int, "completion_tokens": int}


def written(trace: Trace, reasoning: str | None, form: str) -> dict[str, Any]:
    """A row: the question, and the trace's answer after `reasoning`, which None leaves out.

    `reasoning_chars` tells where reasoning in tags ends, whatever tags it speaks of itself.
    """
    content = trace.answer if form == FIELD else chat.completion(reasoning, trace.answer, "")
    said = {"role": "assistant", "content": content}
    if form == FIELD and reasoning is not None:
        said[REASONING[0]] = reasoning
    return {
        "messages": [{"role": "user", "content": trace.question}, said],
        "question_id": trace.question_id,
        "sample": trace.sample,
        "source": trace.source,
        "gold": trace.gold,
        "model": trace.model,
        "reasoning_chars": len(reasoning or ""),
    }


def rewritten(traces: Iterable[Trace], variants: Iterable[Variant]) -> Iterator[tuple[Trace, Variant]]:
    """The kept variants, each with its trace. Both are in the order of their keys, so that none is held.

    Raises StageError for a variant of a trace that is not there.
    """
    left = iter(traces)
    for variant in variants:
        key = variant.question_id, variant.sample
        trace = next((row for row in left if (row.question_id, row.sample) == key), None)
        if trace is None:
            raise StageError(
                f"question {key[0]}, sample {key[1]}: rewritten, but no trace; rerun compress and truncate"
            )
        if variant.kept:
            yield trace, variant


def read(row: Mapping[str, Any], messages: Any, place: str) -> dict[str, Any]:
    """What a row says: `question`, `reasoning` (None: none apart from the answer), `answer` and what it has of OWN.

    A system message may come first. Raises StageError for other roles than one question's and answer's.
    """
    user, said = _turns(messages, place)
    own = {name: row[name] for name, kind in OWN.items() if type(row.get(name)) is kind}
    apart = next((said[name] for name in REASONING if said.get(name) is not None), None)
    reasoning, answer = (None if apart is None else _text(apart, place)), _text(said.get("content"), place)
    if reasoning is None:
        reasoning, answer = _exactly(answer, row.get("reasoning_chars"))
    return own | {"question": _text(user.get("content"), place), "reasoning": reasoning, "answer": answer}


def _turns(messages: Any, place: str) -> list[dict[str, Any]]:
    """The user's and the assistant's message."""
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise StageError(f"{place}: messages: expected a list of objects with role and content")
    for number, one in enumerate(messages, 1):
        if "role" not in one:
            keys = ", ".join(sorted(one)) or "nothing"
            raise StageError(f"{place}: messages: message {number} has no role but {keys}; name it role and content")
    roles = [one["role"] for one in messages]
    start = 1 if roles[:1] == ["system"] else 0
    if roles[start:] != ROLES:
        found = ", ".join(map(str, roles)) or "none"
        raise StageError(
            f"{place}: messages: expected the roles user, assistant, or these after system; found {found}; "
            "bring one question and its answer a row"
        )
    return messages[start:]


def _text(value: Any, place: str) -> str:
    if value is not None and not isinstance(value, str):
        raise StageError(f"{place}: messages: expected text as content, found {type(value).__name__}")
    return value or ""


def _exactly(content: str, chars: Any) -> tuple[str | None, str]:
    """Reasoning and answer where `chars` fits the content, as we wrote it; (None, content) where the tags must tell."""
    if type(chars) is int and chars > 0:
        start, end = len(chat.OPEN) + 1, len(chat.OPEN) + 1 + chars
        reasoning = content[start:end]
        answer = content[end:].removeprefix(f"\n{chat.CLOSE}\n\n")
        if chat.completion(reasoning, answer, "") == content:
            return reasoning, answer
    return None, content
