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
import io
import re
import statistics
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

COLUMNS = 100
LONG_SENTENCE = 30  # words
FOLDERS = ("stages", "tools")
COMPOUND = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LAYOUT_TOKENS = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
NO_PROSE = re.compile(r"^\s*(?:#|\||!\[|\[!\[|<)")  # headings, tables, figures, badges, HTML
LIST_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")
INLINE_CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")  # [text](address)
SENTENCE_END = re.compile(r"(?<=[.!?])[*_)\"]*\s+")
WORD = re.compile(r"\S*\w\S*")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class SourceFile:
    """A Python file, parsed."""

    text: str
    tree: ast.Module

    @classmethod
    def parse(cls, text: str) -> "SourceFile":
        """The file with this text. Raises SyntaxError where it is no Python."""
        return cls(text, ast.parse(text))

    def functions(self) -> list[Function]:
        """All functions and methods, inner ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    def docstrings(self) -> list[ast.stmt]:
        """The docstring statements of the module, its classes and its functions."""
        owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        return [
            node.body[0]
            for node in ast.walk(self.tree)
            if isinstance(node, owners) and ast.get_docstring(node) is not None
        ]

    def simple_statements(self) -> list[ast.stmt]:
        """All statements without a body, docstrings and imports left out."""
        docstrings = set(self.docstrings())
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.stmt)
            and not isinstance(node, (*COMPOUND, ast.Import, ast.ImportFrom))
            and node not in docstrings
        ]

    def count(self, *kinds: type[ast.AST]) -> int:
        """How many nodes are of one of these kinds."""
        return sum(isinstance(node, kinds) for node in ast.walk(self.tree))

    def comment_and_code_lines(self) -> tuple[int, int]:
        """How many lines hold a comment, and how many hold code."""
        docstring_lines: set[int] = set()
        for statement in self.docstrings():
            docstring_lines.update(range(statement.lineno, (statement.end_lineno or 0) + 1))
        comment_lines: set[int] = set()
        code_lines: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                comment_lines.add(token.start[0])
            elif token.type not in LAYOUT_TOKENS:
                code_lines.update(range(token.start[0], token.end[0] + 1))
        return len(comment_lines), len(code_lines - docstring_lines)


@dataclass(frozen=True)
class Sign:
    """One row of the table."""

    name: str
    value: str
    goal: str


def function_lines(function: Function) -> int:
    """Lines from `def` to the function's end."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def is_annotated(function: Function) -> bool:
    """Whether every parameter but self and cls, and the result, have a type."""
    arguments = function.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    parameters += [star for star in (arguments.vararg, arguments.kwarg) if star is not None]
    annotations = [
        parameter.annotation for parameter in parameters if parameter.arg not in ("self", "cls")
    ]
    return None not in annotations and function.returns is not None


def name_lengths(file: SourceFile) -> list[int]:
    """Characters of each name that the file binds, one entry a binding."""
    return [
        len(node.id.lstrip("_"))
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def node_count(statement: ast.stmt) -> int:
    """AST nodes of a statement, itself included."""
    return sum(1 for _ in ast.walk(statement))


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
    return ordered[-(-9 * len(ordered) // 10) - 1] if ordered else 0


def ratio(part: float, whole: float) -> float:
    """Part of 100 of the whole; 0 where there is nothing."""
    return 100 * part / whole if whole else 0.0


def code_signs(files: Sequence[SourceFile], fullest_folder: int) -> list[Sign]:
    """The signs of Python files. `fullest_folder`: files in the fullest folder of stages/."""
    functions = [function for file in files for function in file.functions()]
    lengths = [function_lines(function) for function in functions]
    annotated = sum(is_annotated(function) for function in functions)
    names = [length for file in files for length in name_lengths(file)]
    statements = [statement for file in files for statement in file.simple_statements()]
    nodes = percentile_90(map(node_count, statements))
    comprehensions = sum(file.count(*COMPREHENSIONS) for file in files)
    stars = sum(file.count(ast.Starred) for file in files)
    line_counts = [file.comment_and_code_lines() for file in files]
    comments = sum(comment_count for comment_count, _ in line_counts)
    code = sum(code_count for _, code_count in line_counts)
    lines = [line for file in files for line in file.text.splitlines() if line.strip()]
    wide = sum(len(line) > COLUMNS for line in lines)
    median = statistics.median(lengths or [0])
    return [
        Sign("function lines, median / p90", f"{median:g} / {percentile_90(lengths)}", "12 / 25"),
        Sign("annotated signatures %", f"{ratio(annotated, len(functions)):.0f}", "100"),
        Sign("most files in one folder of stages/", str(fullest_folder), "<= 15"),
        Sign("letters of an assigned name, mean", f"{_mean(names):.1f}", ">= 7.5"),
        Sign("AST nodes of a statement, p90", str(nodes), "<= 25"),
        _rate("comprehensions in 100 statements", comprehensions, len(statements), "<= 9"),
        _rate("star expressions in 100 statements", stars, len(statements), "<= 1.5"),
        _rate("comment lines for 100 of code", comments, code, "8 to 12"),
        _rate(f"lines over {COLUMNS} columns %", wide, len(lines), "<= 2"),
    ]


def prose_signs(markdown: str) -> list[Sign]:
    """The signs of the README."""
    lengths = [len(words) for words in sentences(markdown)]
    long_ones = sum(length > LONG_SENTENCE for length in lengths)
    return [
        Sign("README: words a sentence, mean", f"{_mean(lengths):.1f}", "<= 16"),
        _rate(f"README: sentences over {LONG_SENTENCE} words %", long_ones, len(lengths), "<= 5"),
    ]


def table(signs: Sequence[Sign]) -> str:
    """The signs in aligned columns."""
    rows = [Sign("sign", "now", "goal"), *signs]
    width = max(len(sign.name) for sign in rows)
    return "\n".join(f"{sign.name:<{width}}  {sign.value:>8}  {sign.goal}" for sign in rows)


def _mean(values: Sequence[int]) -> float:
    return statistics.fmean(values) if values else 0.0


def _rate(name: str, part: float, whole: float, goal: str) -> Sign:
    return Sign(name, f"{ratio(part, whole):.1f}", goal)


def _fullest_folder(root: Path) -> int:
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    return max(len(list(folder.glob("*.py"))) for folder in folders)


def main() -> None:
    """Print the table for the folders on the command line, or for stages/ and tools/."""
    folders = [Path(name) for name in sys.argv[1:] or FOLDERS]
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    files = [SourceFile.parse(path.read_text(encoding="utf-8")) for path in paths]
    signs = code_signs(files, _fullest_folder(Path("stages")))
    print(table([*signs, *prose_signs(Path("README.md").read_text(encoding="utf-8"))]))


if __name__ == "__main__":
    main()
