"""Phrases that are no reasoning: tags, refusals, and talk about the task of shortening."""

import re

# Think tags, special tokens like <|im_end|>, and the marks of the compressor's prompt, e.g.
# "[0a1b2c3d reasoning begins]"
_TAGS = re.compile(
    r"</?think>"
    r"|<\|\w+\|>"
    r"|\[[0-9a-f]{8} (?:question|reasoning|answer) (?:begins|ends)\]"
)

_CANNOT = r"(?:cannot|can['\u2019]?t|won['\u2019]?t|will not|unable to|not able to)"
_HELP = (
    r"(?:(?:help|assist|comply|fulfil)\b"
    r"|(?:provide|do|create|write|shorten|rewrite) (?:this|that|the|an?|your)\b)"
)
# A text that begins with "I'm sorry", "As an AI", "I cannot shorten this" and the like
_REFUSAL = re.compile(
    r"\A[^\w]{0,20}"  # quotes, Markdown's marks and spaces
    r"(?:i['\u2019]?m sorry|i am sorry|i apologi[sz]e|sorry,|as an ai\b"
    rf"|(?:unfortunately,? )?i(?:['\u2019]m| am)? {_CANNOT} {_HELP})",
    re.IGNORECASE,
)

_SHORTEN = r"(?:shorten|shorter|compress|condens|summari[sz]|concise|abridg)\w*"
# Talk about the task, in a text of lower case
_TALK = re.compile(
    # "a shortened version", "the more concise solution"
    rf"\b{_SHORTEN}\s+(?:\w+\s+){{0,2}}(?:reasoning|version|trace|solution|explanation|text)\b"
    # "the reasoning above", "the solution you provided"
    r"|\b(?:reasoning|trace|solution|text)\s+"
    r"(?:above|below|provided|given above|you (?:gave|provided))\b"
    # "(Note: I removed the repeated checks.)" on a line of its own
    r"|^[^\w\n]{0,20}note: i (?:removed|omitted|shortened|kept|left out|condensed)\b",
    re.MULTILINE,
)
# One of them is in whatever _TALK finds, and plain search is many times faster
_TALK_MARKS = (
    "short",
    "compress",
    "condens",
    "summar",
    "concise",
    "abridg",
    "above",
    "below",
    "provided",
    "gave",
    "note:",
)
# "Sure, here you go:", "Here is the shortened reasoning:" at the beginning of a text
_OPENING = re.compile(
    r"[^\w\n]{0,20}"
    r"(?:(?:sure|certainly|of course)\b[^\n]{0,80}[:.!]"
    r"|here(?:['\u2019]s| is)\b[^\n]{0,60}\b(?:reasoning|version|summary|trace)\b[^\n]{0,20}:)"
)


def has_tags(text: str) -> bool:
    """Whether `text` holds think tags, special tokens or the marks of the compressor's prompt."""
    return _TAGS.search(text) is not None


def is_refusal(text: str) -> bool:
    """Whether `text` begins by declining the task."""
    return _REFUSAL.search(text) is not None


def about_the_task(text: str) -> bool:
    """Whether `text` talks about shortening, or opens as an assistant's message does."""
    lower_text = text.lower()
    if _OPENING.match(lower_text):
        return True
    has_mark = any(mark in lower_text for mark in _TALK_MARKS)
    return has_mark and _TALK.search(lower_text) is not None
