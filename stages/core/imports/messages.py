"""Traces in the messages form that other trainers read, written and read. Pure.

A row of jsonl has a user's and an assistant's message. The reasoning is inside the assistant's
content in think tags, or in a separate field beside the content (FORMS). README.md beside this file
says who reads which.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stages.core import chat
from stages.core.imports import values
from stages.core.imports.turns import Turn, turns
from stages.core.program.errors import StageError, shown
from stages.core.records import Trace, Variant

TAGS = "tags"
FIELD = "field"
FORMS = (TAGS, FIELD)
ROLES = ["user", "assistant"]
# The names of servers and trainers for an assistant's reasoning; we write the first
REASONING = ("reasoning_content", "reasoning", "thinking")
# Facts about an attempt that a row may have beside its messages, under our names
ATTEMPT_FIELDS = {
    "sample": int,
    "finish_reason": str,
    "prompt_tokens": int,
    "completion_tokens": int,
}


def written(trace: Trace, reasoning: str | None, form: str) -> dict[str, Any]:
    """A row: the question, and the trace's answer after `reasoning`, which None leaves out.

    `reasoning_chars` tells where reasoning in tags ends, even if the reasoning speaks of tags.
    """
    reply = {"role": "assistant", "content": trace.answer}
    if form == TAGS:
        reply["content"] = chat.completion(reasoning, trace.answer, "")
    elif reasoning is not None:
        reply[REASONING[0]] = reasoning
    return {
        "messages": [{"role": "user", "content": trace.question}, reply],
        "question_id": trace.question_id,
        "sample": trace.sample,
        "source": trace.source,
        "gold": trace.gold,
        "model": trace.model,
        "reasoning_chars": len(reasoning or ""),
    }


def rewritten(
    traces: Iterable[Trace], variants: Iterable[Variant]
) -> Iterator[tuple[Trace, Variant]]:
    """Yields the kept variants, each with its trace.

    Both inputs are in the order of their keys, so none is held in memory. Raises StageError for a
    variant without its trace.
    """
    remaining = iter(traces)
    for variant in variants:
        key = (variant.question_id, variant.sample)
        # Traces without a variant are passed over, and none is looked at twice
        trace = next((row for row in remaining if (row.question_id, row.sample) == key), None)
        if trace is None:
            raise StageError(
                f"question {variant.question_id}, sample {variant.sample}: rewritten, but no "
                "trace; rerun compress and shorten"
            )
        if variant.kept:
            yield trace, variant


def read(row: Mapping[str, Any], messages: Any, location: str) -> dict[str, Any]:
    """The values of a row: `question`, `reasoning`, `answer`, `exact` and its ATTEMPT_FIELDS.

    `reasoning` is None where it is not apart from the answer. `exact`: we wrote reasoning and
    answer, so marks inside them are only spoken of. A system message may come first. Raises
    StageError for other roles than those of one question and its answer.
    """
    user, reply = _turns(messages, location)
    attempt = {}
    for field_name, field_type in ATTEMPT_FIELDS.items():
        if type(row.get(field_name)) is field_type:  # type: True is an int, and no sample
            attempt[field_name] = row[field_name]
    reasoning = _reasoning(reply, location)
    answer = reply.content
    exact = isinstance(reasoning, str) and row.get("reasoning_chars") == len(reasoning)
    if reasoning is None and isinstance(answer, str):
        reasoning, answer = _split_ours(answer, row.get("reasoning_chars"))
        exact = reasoning is not None
    question = values.text(user.content, "messages: user's content", location) or ""
    texts = {"question": question, "reasoning": reasoning, "answer": answer, "exact": exact}
    return attempt | texts


def _reasoning(reply: Turn, location: str) -> str | None:
    """The assistant's reasoning: in the first field that has some, else in parts of its content."""
    for field_name in REASONING:
        text = values.text(reply.fields.get(field_name), f"messages: {field_name}", location)
        if text and text.strip():
            return text
    return values.thinking(reply.content, "messages: content", location)


def _turns(messages: Any, location: str) -> tuple[Turn, Turn]:
    """The user's and the assistant's message."""
    all_turns = turns(messages, location)
    start = 1 if all_turns and all_turns[0].role == "system" else 0
    if [turn.role for turn in all_turns[start:]] != ROLES:
        roles = shown(", ".join(turn.role for turn in all_turns) or "none", 200)
        raise StageError(
            f"{location}: messages: expected the roles user, assistant, or these after system; "
            f"found {roles}; bring one question and its answer a row"
        )
    user, reply = all_turns[start:]
    is_text = isinstance(reply.content, str) or values.are_content_parts(reply.content)
    if not values.is_missing(reply.content) and not is_text:
        raise values.refused(reply.content, "messages: assistant's content", location, "text")
    return user, reply


def _split_ours(content: str, reasoning_chars: Any) -> tuple[str | None, str]:
    """(reasoning, answer) of a content that we wrote, where `reasoning_chars` fits it.

    (None, content) where the tags must tell.
    """
    if type(reasoning_chars) is int and reasoning_chars > 0:
        start = len(chat.OPEN) + 1
        end = start + reasoning_chars
        reasoning = content[start:end]
        answer = content[end:].removeprefix(f"\n{chat.CLOSE}\n\n")
        if chat.completion(reasoning, answer, "") == content:
            return reasoning, answer
    return None, content
