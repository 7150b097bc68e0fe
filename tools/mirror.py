"""Print the signs of how well this repository reads, each beside its goal.

It is a mirror and not a gate: a sign that misses its goal fails nothing. Each sign counts this:

- function lines: from the line of `def` to the last line, docstring included, decorators excluded.
- annotated signatures: functions whose parameters (but for self and cls) and result are annotated.
- files in one folder: Python files, subfolders excluded, of the fullest folder in stages/.
- letters of an assigned name: characters of every name that is bound by an assignment, a loop, a
  `with`, a walrus or a comprehension. Each binding counts; leading underscores do not.
- nodes of a statement: what `ast.walk` yields for a simple statement, which is one without a body.
  Docstrings and imports are left out.
- comprehensions and star expressions: for each 100 of those statements. Generator expressions are
  comprehensions. A star expression is `*x`, in a call or elsewhere.
- comment lines: lines that hold a comment, for each 100 lines of code. A line of code holds a token
  that is neither a comment nor part of a docstring.
- lines over 100 columns: share of the lines that are not blank.
- README sentences: those outside of code blocks, tables, headings and figures.

Run: python -m tools.mirror [FOLDER...]
"""

import ast
import collections
import itertools
import re
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.source_file import (
    COMPREHENSIONS,
    SourceFile,
    function_lines,
    is_annotated,
    name_lengths,
    node_count,
)

COLUMNS = 100
LONG_SENTENCE = 30  # words
FOLDERS = ("stages", "tools")
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
NO_PROSE = re.compile(r"^\s*(?:#|\||!\[|\[!\[|<)")  # headings, tables, figures, badges, HTML
LIST_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")
INLINE_CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")  # [text](address)
SENTENCE_END = re.compile(r"(?<=[.!?])[*_)\"]*\s+")
WORD = re.compile(r"\S*\w\S*")


@dataclass(frozen=True)
class Sign:
    """One row of the table."""

    name: str
    value: str
    goal: str


def sentences(markdown: str) -> Iterator[list[str]]:
    """Yields the words of each sentence of a Markdown text's prose."""
    paragraphs = [""]
    for line in CODE_BLOCK.sub("", markdown).splitlines():
        if not line.strip() or NO_PROSE.match(line):
            paragraphs.append("")
        elif LIST_ITEM.match(line):
            paragraphs.append(LIST_ITEM.sub("", line))
        else:
            paragraphs[-1] += f" {line}"
    for paragraph in paragraphs:
        plain = LINK.sub(r"\1", INLINE_CODE.sub("code", paragraph))
        for sentence in SENTENCE_END.split(plain):
            words = WORD.findall(sentence)
            if words:
                yield words


def percentile_90(values: Iterable[int]) -> int:
    """The smallest value that at least 90% of the values do not exceed; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0
    rank = -(-9 * len(ordered) // 10)  # rounded up, counted from 1
    return ordered[rank - 1]


def percent(part: float, total: float) -> float:
    """The part for each 100 of the total; 0 where there is nothing."""
    return 100 * part / total if total else 0.0


def code_signs(files: Sequence[SourceFile], fullest_folder: int) -> list[Sign]:
    """The signs of Python files. `fullest_folder`: files in the fullest folder of stages/."""
    names = list(itertools.chain.from_iterable(map(name_lengths, files)))
    signs = function_signs(files)
    signs.append(Sign("most files in one folder of stages/", str(fullest_folder), "<= 15"))
    signs.append(Sign("letters of an assigned name, mean", f"{_mean(names):.1f}", ">= 7.5"))
    return signs + statement_signs(files) + line_signs(files)


def function_signs(files: Sequence[SourceFile]) -> list[Sign]:
    """The signs of functions."""
    functions = list(itertools.chain.from_iterable(file.functions() for file in files))
    lengths = list(map(function_lines, functions))
    median = statistics.median(lengths or [0])
    annotated = percent(sum(map(is_annotated, functions)), len(functions))
    return [
        Sign("function lines, median / p90", f"{median:g} / {percentile_90(lengths)}", "12 / 25"),
        Sign("annotated signatures %", f"{annotated:.0f}", "100"),
    ]


def statement_signs(files: Sequence[SourceFile]) -> list[Sign]:
    """The signs of statements."""
    statements = list(itertools.chain.from_iterable(file.simple_statements() for file in files))
    nodes = percentile_90(map(node_count, statements))
    comprehensions = sum(file.count(*COMPREHENSIONS) for file in files)
    stars = sum(file.count(ast.Starred) for file in files)
    return [
        Sign("AST nodes of a statement, p90", str(nodes), "<= 25"),
        _rate("comprehensions in 100 statements", comprehensions, len(statements), "<= 9"),
        _rate("star expressions in 100 statements", stars, len(statements), "<= 1.5"),
    ]


def line_signs(files: Sequence[SourceFile]) -> list[Sign]:
    """The signs of lines."""
    comments = code = lines = wide_lines = 0
    for file in files:
        comment_count, code_count = file.comment_and_code_lines()
        comments += comment_count
        code += code_count
        for line in file.text.splitlines():
            lines += bool(line.strip())
            wide_lines += len(line) > COLUMNS
    return [
        _rate("comment lines for 100 of code", comments, code, "8 to 12"),
        _rate(f"lines over {COLUMNS} columns %", wide_lines, lines, "<= 2"),
    ]


def prose_signs(markdown: str) -> list[Sign]:
    """The signs of the README."""
    lengths = [len(words) for words in sentences(markdown)]
    long_sentences = sum(length > LONG_SENTENCE for length in lengths)
    return [
        Sign("README: words a sentence, mean", f"{_mean(lengths):.1f}", "<= 16"),
        _rate(
            f"README: sentences over {LONG_SENTENCE} words %", long_sentences, len(lengths), "<= 5"
        ),
    ]


def table(signs: Sequence[Sign]) -> str:
    """The signs in aligned columns."""
    heading = Sign("sign", "now", "goal")
    width = max(len(sign.name) for sign in signs)
    lines = []
    for sign in itertools.chain([heading], signs):
        lines.append(f"{sign.name:<{width}}  {sign.value:>8}  {sign.goal}")
    return "\n".join(lines)


def _mean(values: Sequence[int]) -> float:
    return statistics.fmean(values) if values else 0.0


def _rate(name: str, part: float, total: float, goal: str) -> Sign:
    return Sign(name, f"{percent(part, total):.1f}", goal)


def _fullest_folder(root: Path) -> int:
    """The number of Python files in the folder that has most of them."""
    counts = collections.Counter(path.parent for path in root.rglob("*.py"))
    return max(counts.values(), default=0)


def main() -> None:
    """Print the table for the folders on the command line, or for stages/ and tools/."""
    files = []
    for folder in sys.argv[1:] or FOLDERS:
        for path in sorted(Path(folder).rglob("*.py")):
            files.append(SourceFile.parse(path.read_text(encoding="utf-8")))
    readme = Path("README.md").read_text(encoding="utf-8")
    print(table(code_signs(files, _fullest_folder(Path("stages"))) + prose_signs(readme)))


if __name__ == "__main__":
    main()
