"""The marks by which models set their reasoning apart from the answer, in imported texts. Pure.

A text is split by a mark that it begins with, or by a closing thinking mark anywhere. Elsewhere the
text only speaks of a mark, which stays as it is.
"""

import re
from dataclasses import dataclass

from stages.core import chat, reasoning_marks

# <|channel|>analysis<|message|>
_HARMONY = re.compile(r"<\|channel\|>\s*\w+[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_WRAP = r"(?:solution|response|answer)"
# Marks around the answer: <|begin_of_solution|> and <|end_of_solution|>
_WRAPPED = re.compile(
    rf"<\|(?:begin|start)_(?:of_)?{_WRAP}\|>|\[begin final response\]|<(?:response|solution)>",
    re.IGNORECASE,
)
_UNWRAPPED = re.compile(
    rf"(?:<\|end_(?:of_)?{_WRAP}\|>|\[end final response\]|</(?:response|solution)>)$",
    re.IGNORECASE,
)
# How templates end a turn, where a text was stored with its special tokens: <|im_end|>, </s>
_END = re.compile(
    r"(?:<\|(?:im_end|endoftext|end_of_text|eot_id|eom_id|end|return|user|observation"
    r"|end_of_turn|end_of_turn_token|eos|endofturn|message_end|turn_end|end_of_sentence"
    r"|endofprompt)\|>"
    r"|</s>|<eos>|<end_of_turn>|<turn\|>|<end_of_utterance>"
    r"|<\uff5cend\u2581of\u2581sentence\uff5c>|\[EOS\]|\[e~\[)$",
    re.IGNORECASE,
)
_TAIL = 60  # characters at the end of a text, which no mark exceeds


@dataclass(frozen=True)
class _Style:
    """The marks of one style, with any of some names."""

    opening: re.Pattern[str]
    closing: re.Pattern[str]
    opening_form: str  # <{}>
    closing_form: str

    def marks(self, match: re.Match[str]) -> tuple[str, str]:
        """The opening and the closing mark with the name that one of the patterns matched."""
        return self.opening_form.format(match["name"]), self.closing_form.format(match["name"])


def _styles(names: str) -> list[_Style]:
    """All styles with these names, which are a pattern."""
    styles = []
    for opening_form, closing_form in reasoning_marks.STYLES:
        opening = _pattern(opening_form, names)
        closing = _pattern(closing_form, names)
        styles.append(_Style(opening, closing, opening_form, closing_form))
    return styles


def _pattern(form: str, names: str) -> re.Pattern[str]:
    """The pattern of a mark, such as <{}>, with one of `names` in it."""
    named = re.escape(form).replace(r"\{\}", f"(?P<name>{names})")
    return re.compile(named, re.IGNORECASE)


# Names like "analysis" are also tags of documents, so they count only at the beginning
_BEGINNING = _styles(f"{reasoning_marks.THINKING}|{reasoning_marks.OTHERS}")
_ANYWHERE = _styles(reasoning_marks.THINKING)


def split(text: str) -> tuple[str, str]:
    """(reasoning, answer) of a response. Without any mark, all of it is the answer."""
    if _HARMONY.search(text) and not text.lstrip().startswith(chat.OPEN):
        return chat.split(text, "harmony")
    if by_phrase := _by_phrase(text):
        return by_phrase
    # Other marks become our own tags, which chat.split reads
    if marks := _marks(text):
        for mark, tag in zip(marks, (chat.OPEN, chat.CLOSE), strict=True):
            text = re.sub(re.escape(mark), tag, text, flags=re.IGNORECASE)
    return chat.split(text)


def begins(text: str) -> bool:
    """Whether a text begins with the mark of a reasoning."""
    start = text.lstrip()
    if _HARMONY.match(start):
        return True
    return any(style.opening.match(start) for style in _BEGINNING)


def _marks(text: str) -> tuple[str, str] | None:
    """The opening and the closing mark that a text uses.

    None where it uses no mark, and where it uses our own think tags after its beginning.
    """
    start = text.lstrip()
    for style in _BEGINNING:
        if match := style.opening.match(start):
            return style.marks(match)
    if chat.CLOSE in text or chat.OPEN in text:
        return None
    for style in _ANYWHERE:
        if match := style.closing.search(text):
            return style.marks(match)
    return None


def _by_phrase(text: str) -> tuple[str, str] | None:
    """(reasoning, answer) as phrases set them apart, None where a text has no such pair.

    The last closing phrase counts.
    """
    start = text.lstrip()
    for opening_phrase, closing_phrase in reasoning_marks.PHRASES:
        opening = re.match(opening_phrase, start, re.IGNORECASE)
        if not opening:
            continue
        rest = start[opening.end() :]
        closings = list(re.finditer(closing_phrase, rest, re.IGNORECASE))
        if closings:
            last_closing = closings[-1]
            reasoning = rest[: last_closing.start()]
            # Harmony without its special tokens: the names of further channels stay in the text
            joined = re.sub(r"assistant\n*(?:analysis|commentary)", "\n", reasoning)
            return joined, rest[last_closing.end() :]
    return None


def unmarked(reasoning: str) -> str:
    """A reasoning without the marks around it, where its field holds them too."""
    if not begins(reasoning):
        return reasoning
    inner, after = split(reasoning)
    return reasoning if after else inner


def answer(text: str) -> tuple[str, bool]:
    """An answer without the marks around it, and whether marks that end a turn were removed."""
    text, had_end_marks = _without_end_marks(text)
    bare = text.strip()
    opening = _WRAPPED.match(bare)
    if opening or _UNWRAPPED.search(bare[-_TAIL:]):
        inner = bare[opening.end() :] if opening else bare
        text, had_inner_end_marks = _without_end_marks(_cut(inner, _UNWRAPPED))
        had_end_marks = had_end_marks or had_inner_end_marks
    return text, had_end_marks


def _without_end_marks(text: str) -> tuple[str, bool]:
    """A text without the marks that end a turn, and whether it had any.

    A text without such marks is returned as it was.
    """
    bare = text.rstrip()
    if not _END.search(bare[-_TAIL:]):
        return text, False
    while _END.search(bare[-_TAIL:]):
        bare = _cut(bare, _END)
    return bare, True


def _cut(text: str, mark: re.Pattern[str]) -> str:
    """A text without the mark at its end."""
    match = mark.search(text[-_TAIL:])
    return text[: len(text) - len(match[0])].rstrip() if match else text
