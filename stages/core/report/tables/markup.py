"""Tables in GitHub's Markdown and in LaTeX."""

import re
from collections.abc import Mapping, Sequence

from stages.core.report.tables.table import Table

_TEX = {character: f"\\{character}" for character in "&%$#_{}"}
_TEX |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
# The hyphen in "-1.5" but not in "Qwen-3" or "0.1-0.2"
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


def table_files(tables: Mapping[str, Table]) -> dict[str, bytes]:
    """Every table in both markups, by file name."""
    texts = {f"{name}.md": markdown(table) for name, table in tables.items()}
    texts |= {f"{name}.tex": latex(table) for name, table in tables.items()}
    return {name: text.encode() for name, text in texts.items()}


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown."""
    marks = [":---" if is_text else "---:" for is_text in table.text_columns]
    # Title, head, rows, and each note as a paragraph of its own
    lines = [f"**{table.title}**", "", _markdown_row(table.headings), _markdown_row(marks)]
    lines += [_markdown_row(row) for row in table.rows]
    lines += [f"\n{note}" for note in table.notes]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: Sequence[str]) -> str:
    # A bar inside of a cell would end it
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return "| " + " | ".join(escaped) + " |"


def latex(table: Table) -> str:
    """The table as a plain LaTeX `table`, for `\\input`."""
    alignment = "".join("l" if is_text else "r" for is_text in table.text_columns)
    # The caption stands above the table, the notes below it
    lines = [r"\begin{table}", r"\centering", f"\\caption{{{_tex(table.title)}}}"]
    lines += [f"\\begin{{tabular}}{{{alignment}}}", r"\hline", _tex_row(table.headings), r"\hline"]
    lines += [_tex_row(row) for row in table.rows]
    lines += [r"\hline", r"\end{tabular}"]
    lines += [f"\\par\\footnotesize {_tex(note)}" for note in table.notes]
    lines += [r"\end{table}"]
    return "\n".join(lines) + "\n"


def _tex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_tex, cells)) + r" \\"


def _tex(text: str) -> str:
    """The text with everything escaped that LaTeX reads as a command."""
    # One character at a time, so that no escape is escaped again
    escaped = "".join(_TEX.get(character, character) for character in text)
    with_minus = _MINUS.sub("$-$", escaped)
    return with_minus.replace("<", "$<$").replace(">", "$>$")
