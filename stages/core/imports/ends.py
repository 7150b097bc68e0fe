"""Others' words for how a response ended, read as ours (records.Response.finish_reason). Pure."""

import re
from typing import Any

from stages.core.imports import values
from stages.core.program.errors import StageError, shown

# By our word, the words of servers, libraries and data sets, as `_plain` leaves them
_WORDS = {
    "stop": (
        "stop stopped eos eos_token eos_found end end_turn end_of_turn end_of_text endoftext "
        "im_end eot eot_id stop_sequence stop_token stop_string stop_word stop_words complete "
        "completed finish finished done normal natural success succeeded ok none null "
        "finished_stopped stop_finish"
    ),
    "length": (
        "length max_tokens max_token max_length max_new_tokens max_output_tokens "
        "max_completion_tokens max_output max_output_reached token_limit token_limit_reached "
        "tokens_limit output_limit length_limit length_capped limit cut cut_off cutoff truncated "
        "incomplete overlength max_turns finished_length_capped"
    ),
    "context": (
        "context context_length context_length_exceeded context_window model_length "
        "model_context_window_exceeded context_limit max_context max_context_length"
    ),
    "content_filter": (
        "content_filter content_filtered contentfilter safety recitation blocklist "
        "prohibited_content spii refusal blocked guardrail_intervened moderation sensitive unsafe "
        "language"
    ),
    "tool_calls": "tool_calls tool_call tool_use function_call tool",
    "too_long": "too_long",
    "refused": "refused",
    "failed": (
        "failed failure fail error abort aborted cancel canceled cancelled timeout timed_out "
        "interrupted killed network_error malformed_function_call load repetition"
    ),
}
_OUR_WORD = {}
for _ours, _theirs in _WORDS.items():
    _OUR_WORD.update(dict.fromkeys(_theirs.split(), _ours))


def finish_reason(value: Any, location: str) -> str:
    """Our word for how a response ended. Without a word, it ended by itself.

    Raises StageError for an unknown word: a cut response must not pass for a complete one.
    """
    word = values.text(value, "finish_reason", location)
    if word is None or not word.strip():
        return "stop"
    ours = _OUR_WORD.get(_plain(word))
    if ours is None:
        raise StageError(
            f"{location}: finish_reason: '{shown(word)}' is no end that is known; write stop, "
            "length or failed there, or leave finish_reason out of fields"
        )
    return ours


def _plain(word: str) -> str:
    """A word in small letters and underscores, without the name of its type.

    It makes `max_tokens` of MAX_TOKENS, maxTokens, max-tokens, FinishReason.MAX_TOKENS and
    FINISH_REASON_MAX_TOKENS.
    """
    without_number = re.sub(r":\s*\d+$", "", word.strip().strip("<|>'\" ."))  # <Reason.STOP: 1>
    last_part = re.split(r"[.:]+(?=\w)", without_number)[-1]
    underscored = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", last_part)  # maxTokens: max_Tokens
    plain = re.sub(r"[\W_]+", "_", underscored).strip("_").lower()
    return plain.removeprefix("finish_reason_").removeprefix("finishreason_")
