r"""The part of a response that is graded, as plain text: no thinking, no template marks, no
Markdown.

`visible` keeps line ends and LaTeX, for they say where a statement ends and what a formula is.
"""

import re
import unicodedata

# characters at the end of an answer that are read; longer texts would make searches slow
LONGEST = 10_000
BULLET = "\u2022 "  # stands for the mark of every list item

# <|im_end|>, <|eot_id|>, </s>, DeepSeek's with full-width bars, and others
_END_OF_TURN = re.compile(
    r"<\|(?:im_end|eot_id|eom_id|end|end_of_text|endoftext|end_of_turn|return|eos|END_OF_TURN_TOKEN|endofturn)\|>"
    r"|</s>|<eos>|<end_of_turn>|<turn\|>|<\uff5cend\u2581of\u2581sentence\uff5c>"
)
_NEXT_QUESTION = re.compile(
    r"\n\s*(?:(?:Question|Q|Problem|Passage|Next question|Human|User)\s?:|True or false:)",
    re.IGNORECASE,
)  # a base model goes on
# harmony, of gpt-oss; without its marks where they were skipped as special tokens
_FINAL_CHANNEL = re.compile(
    r"<\|channel\|>final[^<]{0,20}<\|message\|>|(?:^|(?<=[.!?\s]))assistantfinal(?=\S)"
)
_MARK = re.compile(
    r"<\|[^<>|\n]{1,40}\|>|<\uff5c[^<>\uff5c\n]{1,40}\uff5c>|<(?:s|bos|pad|unk)>|\[/?INST\]"
    r"|<start_of_turn>(?:model|user)?"
)
_TAGGED = re.compile(r"<(answer|final_answer|final answer)>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_HTML = re.compile(
    r"</?(?:[bius]|br|em|strong|p|div|span|code|pre|center|h[1-6]|li|[uo]l)\s?/?>", re.IGNORECASE
)
_OTHER_TAG = re.compile(
    r"</?(?:answer|final_answer|solution|response|final|output|result|think)>", re.IGNORECASE
)

_ALIGNED = re.compile(
    r"\\begin\{(align|aligned|gather|gathered|equation|split|eqnarray)(\*?)\}(.*?)\\end\{\1\2\}",
    re.DOTALL,
)
_PROOF_MARK = re.compile(
    r"\\(?:blacksquare|square|qed|checkmark|Box|therefore|because)(?![A-Za-z])"
)
_COLOUR = re.compile(r"\\(?:text)?color ?\{\w+\}")
# A last paragraph that says nothing of the answer: "(Tip: always check your units.)"
_TIP = re.compile(
    r"(?<=\S)\n\s*\W{0,3}(?:(?:pro )?tip|p\.?s\.?|reminder|fun fact|disclaimer)\s?:[^\n]*\s*$",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^[ \t]*```[^\n`]{0,20}$", re.MULTILINE)
_TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t:|-]*-{3}[ \t:|-]*\|?[ \t]*$", re.MULTILINE)
_TABLE_ROW = re.compile(r"^[ \t]*\|((?:[^|\n]{1,200}\|){2,20})[ \t]*$", re.MULTILINE)
_HEADING = re.compile(
    r"^[ \t>]*(?:#{1,3}|#{5,6})(?!#)[ \t]*|^[ \t]*>[ \t]?", re.MULTILINE
)  # "#### 5" is a lead
# "- 4" is minus four, and "3. 5" may be a number
_BULLET = re.compile(
    r"^[ \t]*(?:[*+\u2022\u2023\u25aa]|-(?![ \t]*(?:[\d.\\]|\$[^A-Za-z]))|\(?\d{1,2}[.)](?=[ \t]+[^\d\s]))[ \t]+(?=\S)",
    re.MULTILINE,
)
_CHECKED = re.compile(r"^([ \t]*(?:[-*][ \t]+)?)(?:\[[xX]\]|\u2611)[ \t]*", re.MULTILINE)
_UNCHECKED = re.compile(r"^[ \t]*(?:[-*][ \t]+)?(?:\[ \]|\u2610)[^\n]*$", re.MULTILINE)
_STRONG = re.compile(
    r"(?<![\d)*])\*{2,3}(?=[^\s*])([^\n]{1,400}?)(?<=[^\s*])\*{2,3}(?![\d(*])"
)  # not 2**3
_LONE_STARS = re.compile(r"(?<![\w)*])\*{2,3}(?!\*)|(?<!\*)\*{2,3}(?![\w(*])")
_EMPHASIS = re.compile(
    r"(?<![\w*\\)}])\*(?=[^\s*])([^*\n]{1,200}?)(?<=[^\s*])\*(?![\w*(])"
    r"|(?<![\w\\{}^])_{1,2}(?=[^\s_])([^_\n]{1,200}?)(?<=[^\s_])_{1,2}(?!\w)"
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
_DEGREES = "\u00b0\u2103\u2109"  # which Unicode counts among the pictures
_CROSS_AFTER = re.compile(
    "(?<=[^\\s\n])\\.?[ \t]*[\u274c\u2717\u2718\u2716](?=\\s*$)", re.MULTILINE
)  # a wrong answer's mark
_TICK_AFTER = re.compile("(?<=[^\\s\n])\\.?[ \t]*[\u2705\u2713\u2714](?=\\s*$)", re.MULTILINE)
_MARK_BEFORE = re.compile(
    "^[ \t]*([\u2705\u2713\u2714]|[\u274c\u2717\u2718\u2716])[ \t]*(\\S.*)$", re.MULTILINE
)
# Scripts without spaces: kana, Han, Hangul
_UNSPACED = r"\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af"
_SPACE_MISSING = re.compile(
    rf"(?<=[{_UNSPACED}])(?=[\w$\\])(?![{_UNSPACED}])|(?<=[\w$}}])(?<![{_UNSPACED}])(?=[{_UNSPACED}])"
)


def visible(text: str) -> str | None:
    """The graded part of a response as plain text; None where a thinking was opened and never
    closed.
    """
    after = text.rpartition("</think>")[2]
    if "<think>" in after:
        return None
    after = _turn(after)
    tagged = list(_TAGGED.finditer(after))
    if tagged and not re.search(
        r"[\w$\\]", _MARK.sub("", _OTHER_TAG.sub("", after[tagged[-1].end() :]))
    ):
        after = tagged[-1][2]
    after = _OTHER_TAG.sub("\n", _MARK.sub("", after[-LONGEST:]))
    return _without_markdown(characters(_HTML.sub(" ", after)))


def _turn(text: str) -> str:
    """The assistant's turn alone: after harmony's final channel, up to the mark or the next
    question that ends it.
    """
    text = _FINAL_CHANNEL.split(text)[-1]
    turn = next((part for part in _END_OF_TURN.split(text) if part.strip()), "")
    following = _NEXT_QUESTION.search(turn)
    return turn[: following.start()] if following and turn[: following.start()].strip() else turn


def characters(text: str) -> str:
    """One character for each meaning: ASCII for full width, plain spaces and dashes, no pictures,
    nothing invisible.
    """
    crossed = _CROSS_AFTER.search(text) or re.search(
        "^[ \t]*[\u274c\u2717\u2718\u2716]", text, re.MULTILINE
    )
    if crossed:  # ticks and crosses are verdicts on a list of options
        text = _MARK_BEFORE.sub(lambda match: match[2] + " " + match[1], text)
        text = _TICK_AFTER.sub(" (correct)", text)
    elif "=" in text.strip().rpartition("\n")[2]:
        text = _TICK_AFTER.sub(" (correct)", text)
    text = _CROSS_AFTER.sub(" (wrong)", text)
    return "".join(map(_character, text.translate(_PUNCTUATION)))


def _character(letter: str) -> str:
    if letter < "\x7f":
        return letter
    if "\uff01" <= letter <= "\uff5e":  # full width
        return chr(ord(letter) - 0xFEE0) + (
            " " if letter in "\uff0c\uff1a\uff1b\uff01\uff1f" else ""
        )
    category = unicodedata.category(letter)
    if category == "Zs":
        return " "
    if (
        category == "Cf"
        or "\ufe00" <= letter <= "\ufe0f"
        or (category == "So" and letter not in _DEGREES)
    ):
        return ""
    return letter


def _without_markdown(text: str) -> str:
    text = _ALIGNED.sub(
        lambda match: "\n" + match[3].replace("&", "").replace("\\\\", "\n") + "\n", text
    )
    text = _PROOF_MARK.sub(" ", _FENCE.sub("", _COLOUR.sub("", _TIP.sub("", text))))
    if _CHECKED.search(text):
        text = _CHECKED.sub(r"\1", _UNCHECKED.sub("", text))
    text = _TABLE_ROW.sub(_table_row, _TABLE_RULE.sub("", text))
    text = _BULLET.sub(BULLET, _HEADING.sub("", text))
    text = _LONE_STARS.sub("", _STRONG.sub(r"\1", text))
    text = _EMPHASIS.sub(lambda match: match[1] or match[2], text)
    return _SPACE_MISSING.sub(" ", text)


def _table_row(match: re.Match[str]) -> str:
    """A row of a table as a statement: its first cell names its last one."""
    cells = [cell.strip() for cell in match[1].split("|") if cell.strip()]
    return f"{cells[0]}: {cells[-1]}" if len(cells) > 1 else " ".join(cells)
