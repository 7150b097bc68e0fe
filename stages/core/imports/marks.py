"""The marks by which models of all kinds set their reasoning apart from the answer, read in
imported text. Pure.

A text that begins with such a mark, or holds the closing one of a thinking mark, is read by it.
Elsewhere a mark is spoken of, and stays as it is.
"""

import re

from stages.core import chat

_HARMONY = re.compile(r"<\|channel\|>\s*\w+[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_WRAP = r"(?:solution|response|answer)"
_WRAPPED = re.compile(
    rf"<\|(?:begin|start)_(?:of_)?{_WRAP}\|>|\[begin final response\]|<(?:response|solution)>",
    re.IGNORECASE,
)
_UNWRAPPED = re.compile(
    rf"(?:<\|end_(?:of_)?{_WRAP}\|>|\[end final response\]|</(?:response|solution)>)$",
    re.IGNORECASE,
)
# How templates end a turn, where a text was stored with its special tokens
_END = re.compile(
    r"(?:<\|(?:im_end|endoftext|end_of_text|eot_id|eom_id|end|return|user|observation|end_of_turn|end_of_turn_token|eos"
    r"|endofturn|message_end|turn_end|end_of_sentence|endofprompt)\|>"
    r"|</s>|<eos>|<end_of_turn>|<turn\|>|<end_of_utterance>|<\uff5cend\u2581of\u2581sentence\uff5c>|\[EOS\]|\[e~\[)$",
    re.IGNORECASE,
)
_TAIL = 60  # characters at the end of a text, in which a mark has room


def _styled(names: str) -> list[tuple[re.Pattern[str], re.Pattern[str], str, str]]:
    """For each style the expressions of both marks, and their forms."""
    found = []
    for begin, end in chat.STYLES:
        opened, closed = (
            re.escape(form).replace(r"\{\}", f"(?P<name>{names})") for form in (begin, end)
        )
        found.append(
            (re.compile(opened, re.IGNORECASE), re.compile(closed, re.IGNORECASE), begin, end)
        )
    return found


_BEGINNING, _ANYWHERE = _styled(f"{chat.THINKING}|{chat.OTHERS}"), _styled(chat.THINKING)


def split(text: str) -> tuple[str, str]:
    """(reasoning, answer) of a response in whichever way it sets them apart; without any, all of it
    is the answer.
    """
    if _HARMONY.search(text) and not text.lstrip().startswith(chat.OPEN):
        return chat.split(text, "harmony")
    if said := _by_phrase(text):
        return said
    if marks := _marks(text):
        for mark, tag in zip(marks, (chat.OPEN, chat.CLOSE), strict=True):
            text = re.sub(re.escape(mark), tag, text, flags=re.IGNORECASE)
    return chat.split(text)


def begins(text: str) -> bool:
    """Whether a text begins with the mark of a reasoning."""
    start = text.lstrip()
    return bool(_HARMONY.match(start)) or any(opened.match(start) for opened, *_ in _BEGINNING)


def _marks(text: str) -> tuple[str, str] | None:
    """The opening and the closing mark that a text uses, None where it uses none or think tags."""
    start = text.lstrip()
    for opened, _, begin, end in _BEGINNING:
        if found := opened.match(start):
            return begin.format(found["name"]), end.format(found["name"])
    if chat.CLOSE in text or chat.OPEN in text:
        return None
    for _, closed, begin, end in _ANYWHERE:
        if found := closed.search(text):
            return begin.format(found["name"]), end.format(found["name"])
    return None


def _by_phrase(text: str) -> tuple[str, str] | None:
    """Reasoning and answer between phrases, None where a text has no such pair of them."""
    start = text.lstrip()
    for begin, end in chat.PHRASES:
        if found := re.match(begin, start, re.IGNORECASE):
            ends = list(re.finditer(end, start[found.end() :], re.IGNORECASE))
            if ends:
                reasoning = start[found.end() :][: ends[-1].start()]
                joined = re.sub(r"assistant\n*(?:analysis|commentary)", "\n", reasoning)
                return joined, start[found.end() :][ends[-1].end() :]
    return None


def unmarked(reasoning: str) -> str:
    """A reasoning without the marks around it, where its field holds them too."""
    inner, after = split(reasoning) if begins(reasoning) else (reasoning, "")
    return reasoning if after else inner


def answer(text: str) -> tuple[str, bool]:
    """An answer without the marks around it; whether it ended with such as end a turn, which are
    left out.
    """
    text, ended = _ended(text)
    bare = text.strip()
    opened = _WRAPPED.match(bare)
    if opened or _UNWRAPPED.search(bare[-_TAIL:]):
        text, again = _ended(_cut(bare[opened.end() :] if opened else bare, _UNWRAPPED))
        ended = ended or again
    return text, ended


def _ended(text: str) -> tuple[str, bool]:
    """A text without the marks that end a turn, and whether it had any; one without them is as it
    was.
    """
    bare = text.rstrip()
    if not _END.search(bare[-_TAIL:]):
        return text, False
    while _END.search(bare[-_TAIL:]):
        bare = _cut(bare, _END)
    return bare, True


def _cut(text: str, mark: re.Pattern[str]) -> str:
    """A text without the mark at its end."""
    found = mark.search(text[-_TAIL:])
    return text[: len(text) - len(found[0])].rstrip() if found else text
