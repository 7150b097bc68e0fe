r"""The part of a response that is graded, as plain text.

Thinking, template marks and Markdown are gone. `visible` keeps line ends and LaTeX, because they
say where a statement ends and what a formula is. markdown.py takes the Markdown away.
"""

import re
import unicodedata

from stages.core.grading.statement import markdown

# characters at the end of an answer that are read; longer texts would make searches slow
LONGEST = 10_000
BULLET = markdown.BULLET

# <|im_end|>, <|eot_id|>, </s>, DeepSeek's with full-width bars, and others
_END_OF_TURN = re.compile(
    r"<\|(?:im_end|eot_id|eom_id|end|end_of_text|endoftext|end_of_turn|return|eos"
    r"|END_OF_TURN_TOKEN|endofturn)\|>"
    r"|</s>|<eos>|<end_of_turn>|<turn\|>|<\uff5cend\u2581of\u2581sentence\uff5c>"
)
# "\nQuestion: ", with which a base model goes on
_NEXT_QUESTION = re.compile(
    r"\n\s*(?:(?:Question|Q|Problem|Passage|Next question|Human|User)\s?:|True or false:)",
    re.IGNORECASE,
)
# harmony, of gpt-oss; without its marks where they were skipped as special tokens
_FINAL_CHANNEL = re.compile(
    r"<\|channel\|>final[^<]{0,20}<\|message\|>|(?:^|(?<=[.!?\s]))assistantfinal(?=\S)"
)
# <|im_start|>, <s>, [INST], <start_of_turn>model
_MARK = re.compile(
    r"<\|[^<>|\n]{1,40}\|>|<\uff5c[^<>\uff5c\n]{1,40}\uff5c>|<(?:s|bos|pad|unk)>|\[/?INST\]"
    r"|<start_of_turn>(?:model|user)?"
)
# <answer>5</answer>
_TAGGED = re.compile(r"<(answer|final_answer|final answer)>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
# <b>, <br/>, </p>
_HTML = re.compile(
    r"</?(?:[bius]|br|em|strong|p|div|span|code|pre|center|h[1-6]|li|[uo]l)\s?/?>", re.IGNORECASE
)
_OTHER_TAG = re.compile(
    r"</?(?:answer|final_answer|solution|response|final|output|result|think)>", re.IGNORECASE
)

_PUNCTUATION = str.maketrans(
    dict.fromkeys("\u2192\u21d2\u27f9\u2794", "=>")
    | dict.fromkeys("\u2018\u2019", "'")
    | dict.fromkeys("\u201c\u201d\u300c\u300d", '"')
    | dict.fromkeys("\u2212\u2010\u2011\uff0d", "-")
    | dict.fromkeys("\u2044\u2215", "/")
    | dict.fromkeys("\u3002\uff61", ". ")
    | {"\u3001": ", ", "\u2026": "...", "\u2234": " ", "\u220e": " ", "`": ""}
)
_SPACED_PUNCTUATION = "\uff0c\uff1a\uff1b\uff01\uff1f"  # of full width, with its space in it
_FULL_WIDTH_OFFSET = 0xFEE0  # from "!" to the full-width "!"
_DEGREES = "\u00b0\u2103\u2109"  # which Unicode counts among the pictures
_CROSSES = "[\u274c\u2717\u2718\u2716]"
_TICKS = "[\u2705\u2713\u2714]"
# "B. a pulley." with a cross or a tick at the line's end
_CROSS_AFTER = re.compile(rf"(?<=[^\s\n])\.?[ \t]*{_CROSSES}(?=\s*$)", re.MULTILINE)
_TICK_AFTER = re.compile(rf"(?<=[^\s\n])\.?[ \t]*{_TICKS}(?=\s*$)", re.MULTILINE)
# The same at the line's beginning
_MARK_BEFORE = re.compile(rf"^[ \t]*({_TICKS}|{_CROSSES})[ \t]*(\S.*)$", re.MULTILINE)
_CROSS_BEFORE = re.compile(rf"^[ \t]*{_CROSSES}", re.MULTILINE)


def visible(text: str) -> str | None:
    """The graded part of a response as plain text.

    It is None where a thinking was opened and never closed.
    """
    answer = text.rpartition("</think>")[2]
    if "<think>" in answer:
        return None
    answer = _turn(answer)
    tagged = list(_TAGGED.finditer(answer))
    if tagged:
        after_tags = _MARK.sub("", _OTHER_TAG.sub("", answer[tagged[-1].end() :]))
        if not re.search(r"[\w$\\]", after_tags):
            answer = tagged[-1][2]
    answer = _OTHER_TAG.sub("\n", _MARK.sub("", answer[-LONGEST:]))
    return markdown.without_markdown(characters(_HTML.sub(" ", answer)))


def characters(text: str) -> str:
    """A text with one character for each meaning.

    Full-width characters become ASCII, spaces and dashes plain. Pictures and invisible characters
    go, but for ticks and crosses, which become words where they are verdicts.
    """
    has_crosses = _CROSS_AFTER.search(text) or _CROSS_BEFORE.search(text)
    if has_crosses:  # ticks and crosses are verdicts on a list of options
        text = _MARK_BEFORE.sub(lambda match: match[2] + " " + match[1], text)
        text = _TICK_AFTER.sub(" (correct)", text)
    elif "=" in text.strip().rpartition("\n")[2]:
        text = _TICK_AFTER.sub(" (correct)", text)
    text = _CROSS_AFTER.sub(" (wrong)", text)
    return "".join(map(_character, text.translate(_PUNCTUATION)))


def _turn(text: str) -> str:
    """The assistant's turn alone.

    It begins after harmony's final channel, and goes up to the mark or the question that ends it.
    """
    text = _FINAL_CHANNEL.split(text)[-1]
    turn = next((part for part in _END_OF_TURN.split(text) if part.strip()), "")
    next_question = _NEXT_QUESTION.search(turn)
    if next_question and turn[: next_question.start()].strip():
        return turn[: next_question.start()]
    return turn


def _character(letter: str) -> str:
    """What stands for a character: itself, a plainer one, or nothing."""
    if letter < "\x7f":
        return letter
    if "\uff01" <= letter <= "\uff5e":  # full width
        space = " " if letter in _SPACED_PUNCTUATION else ""
        return chr(ord(letter) - _FULL_WIDTH_OFFSET) + space
    category = unicodedata.category(letter)
    if category == "Zs":  # a space
        return " "
    is_picture = category == "So" and letter not in _DEGREES
    is_variation_selector = "\ufe00" <= letter <= "\ufe0f"
    if category == "Cf" or is_variation_selector or is_picture:  # Cf: invisible
        return ""
    return letter
