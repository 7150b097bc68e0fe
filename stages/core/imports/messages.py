"""Traces in the messages form that other trainers read: a user's and an assistant's message in a
row of jsonl.

Pure, both ways. The reasoning is inside the assistant's content, in think tags, or in a field of
its own beside it (FORMS); README.md beside this file says who reads which.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stages.core import chat
from stages.core.imports import values
from stages.core.imports.turns import Turn, turns
from stages.core.program.errors import StageError, shown
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


def rewritten(
    traces: Iterable[Trace], variants: Iterable[Variant]
) -> Iterator[tuple[Trace, Variant]]:
    """The kept variants, each with its trace. Both are in the order of their keys, so that none is
    held.

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
    """What a row says: `question`, `reasoning` (None: none apart from the answer), `answer` and
    what it has of OWN.

    `exact`: reasoning and answer are ours, so that marks in them are spoken of. A system message
    may come first. Raises StageError for other roles than one question's and answer's.
    """
    user, said = _turns(messages, place)
    own = {name: row[name] for name, kind in OWN.items() if type(row.get(name)) is kind}
    reasoning, answer = _reasoning(said, place), said.content
    exact = isinstance(reasoning, str) and row.get("reasoning_chars") == len(reasoning)
    if reasoning is None and isinstance(answer, str):
        reasoning, answer = _exactly(answer, row.get("reasoning_chars"))
        exact = reasoning is not None
    question = values.text(user.content, "messages: user's content", place) or ""
    return own | {"question": question, "reasoning": reasoning, "answer": answer, "exact": exact}


def _reasoning(said: Turn, place: str) -> str | None:
    """The first field of the assistant's message that holds reasoning, or the parts of its content
    that do.
    """
    fields = (values.text(said.fields.get(name), f"messages: {name}", place) for name in REASONING)
    apart = next((text for text in fields if text and text.strip()), None)
    return apart or values.thinking(said.content, "messages: content", place)


def _turns(messages: Any, place: str) -> tuple[Turn, Turn]:
    """The user's and the assistant's message."""
    found = turns(messages, place)
    start = 1 if found and found[0].role == "system" else 0
    if [turn.role for turn in found[start:]] != ROLES:
        roles = shown(", ".join(turn.role for turn in found) or "none", 200)
        raise StageError(
            f"{place}: messages: expected the roles user, assistant, or these after system; found {roles}; "
            "bring one question and its answer a row"
        )
    user, said = found[start:]
    if (
        not values.is_missing(said.content)
        and not isinstance(said.content, str)
        and not values.are_content_parts(said.content)
    ):
        raise values.refused(said.content, "messages: assistant's content", place, "text")
    return user, said


def _exactly(content: str, chars: Any) -> tuple[str | None, str]:
    """Reasoning and answer where `chars` fits the content, as we wrote it; (None, content) where
    the tags must tell.
    """
    if type(chars) is int and chars > 0:
        start, end = len(chat.OPEN) + 1, len(chat.OPEN) + 1 + chars
        reasoning = content[start:end]
        answer = content[end:].removeprefix(f"\n{chat.CLOSE}\n\n")
        if chat.completion(reasoning, answer, "") == content:
            return reasoning, answer
    return None, content
