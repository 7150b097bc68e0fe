"""A text without Markdown, and without the layout of LaTeX that does the same."""

import re

BULLET = "\u2022 "  # stands for the mark of every list item

# `\begin{align*} x &= 5 \end{align*}`
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
# "```python"
_FENCE = re.compile(r"^[ \t]*```[^\n`]{0,20}$", re.MULTILINE)
# "| --- | :-: |", "---"
_TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t:|-]*-{3}[ \t:|-]*\|?[ \t]*$", re.MULTILINE)
# "| total | 5 |"
_TABLE_ROW = re.compile(r"^[ \t]*\|((?:[^|\n]{1,200}\|){2,20})[ \t]*$", re.MULTILINE)
# "## Answer" and "> quoted"; "#### 5" is a lead
_HEADING = re.compile(r"^[ \t>]*(?:#{1,3}|#{5,6})(?!#)[ \t]*|^[ \t]*>[ \t]?", re.MULTILINE)
_BULLET = re.compile(
    r"^[ \t]*"
    r"(?:[*+\u2022\u2023\u25aa]"  # "* a pulley"
    r"|-(?![ \t]*(?:[\d.\\]|\$[^A-Za-z]))"  # "- a pulley"; "- 4" is minus four
    r"|\(?\d{1,2}[.)](?=[ \t]+[^\d\s]))"  # "1. a pulley"; "3. 5" may be a number
    r"[ \t]+(?=\S)",
    re.MULTILINE,
)
# "[x] a pulley", and "[ ] a lever"
_CHECKED = re.compile(r"^([ \t]*(?:[-*][ \t]+)?)(?:\[[xX]\]|\u2611)[ \t]*", re.MULTILINE)
_UNCHECKED = re.compile(r"^[ \t]*(?:[-*][ \t]+)?(?:\[ \]|\u2610)[^\n]*$", re.MULTILINE)
# "**5**"; not "2**3"
_STRONG = re.compile(r"(?<![\d)*])\*{2,3}(?=[^\s*])([^\n]{1,400}?)(?<=[^\s*])\*{2,3}(?![\d(*])")
# "** 5", "5 **"
_LONE_STARS = re.compile(r"(?<![\w)*])\*{2,3}(?!\*)|(?<!\*)\*{2,3}(?![\w(*])")
_EMPHASIS = re.compile(
    r"(?<![\w*\\)}])\*(?=[^\s*])([^*\n]{1,200}?)(?<=[^\s*])\*(?![\w*(])"  # "*5*"; not "2*3*4"
    r"|(?<![\w\\{}^])_{1,2}(?=[^\s_])([^_\n]{1,200}?)(?<=[^\s_])_{1,2}(?!\w)"  # "_five_"
)
# Scripts without spaces: kana, Han, Hangul
_UNSPACED = r"\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af"
# Between such a script and a word or a formula
_SPACE_MISSING = re.compile(
    rf"(?<=[{_UNSPACED}])(?=[\w$\\])(?![{_UNSPACED}])"
    rf"|(?<=[\w$}}])(?<![{_UNSPACED}])(?=[{_UNSPACED}])"
)


def without_markdown(text: str) -> str:
    """A text without the marks of Markdown; list items begin with BULLET, table rows are lines."""
    text = _ALIGNED.sub(_lines_of_aligned, text)
    text = _PROOF_MARK.sub(" ", _FENCE.sub("", _COLOUR.sub("", _TIP.sub("", text))))
    if _CHECKED.search(text):  # of a list with boxes to tick, only the ticked items are said
        text = _CHECKED.sub(r"\1", _UNCHECKED.sub("", text))
    text = _TABLE_ROW.sub(_table_row, _TABLE_RULE.sub("", text))
    text = _BULLET.sub(BULLET, _HEADING.sub("", text))
    text = _LONE_STARS.sub("", _STRONG.sub(r"\1", text))
    text = _EMPHASIS.sub(lambda match: match[1] or match[2], text)
    return _SPACE_MISSING.sub(" ", text)


def _lines_of_aligned(match: re.Match[str]) -> str:
    """What stands in `\\begin{align}`, as lines without its marks."""
    content = match[3].replace("&", "").replace("\\\\", "\n")
    return "\n" + content + "\n"


def _table_row(match: re.Match[str]) -> str:
    """A row of a table as a statement: its first cell names its last one."""
    cells = [cell.strip() for cell in match[1].split("|") if cell.strip()]
    return f"{cells[0]}: {cells[-1]}" if len(cells) > 1 else " ".join(cells)
