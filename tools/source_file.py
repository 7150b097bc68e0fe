"""A Python file as its syntax tree and its tokens: what the signs of tools/mirror.py count."""

import ast
import io
import tokenize
from dataclasses import dataclass

# Statements with a body
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
DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Tokens that make no line a line of code
LAYOUT_TOKENS = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}

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
        statements = []
        for node in ast.walk(self.tree):
            if isinstance(node, DEFINITIONS) and ast.get_docstring(node) is not None:
                statements.append(node.body[0])
        return statements

    def simple_statements(self) -> list[ast.stmt]:
        """All statements without a body, docstrings and imports left out."""
        left_out = set(self.docstrings())
        statements = []
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.stmt) or isinstance(node, COMPOUND):
                continue
            if not isinstance(node, ast.Import | ast.ImportFrom) and node not in left_out:
                statements.append(node)
        return statements

    def count(self, *kinds: type[ast.AST]) -> int:
        """How many nodes are of one of these kinds."""
        return sum(isinstance(node, kinds) for node in ast.walk(self.tree))

    def comment_and_code_lines(self) -> tuple[int, int]:
        """How many lines hold a comment, and how many hold code."""
        docstring_lines: set[int] = set()
        for statement in self.docstrings():
            docstring_lines.update(range(statement.lineno, (statement.end_lineno or 0) + 1))
        # Sets: a line with several tokens counts once
        comment_lines: set[int] = set()
        code_lines: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                comment_lines.add(token.start[0])
            elif token.type not in LAYOUT_TOKENS:
                code_lines.update(range(token.start[0], token.end[0] + 1))
        return len(comment_lines), len(code_lines - docstring_lines)


def function_lines(function: Function) -> int:
    """Lines from `def` to the function's end."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def is_annotated(function: Function) -> bool:
    """Whether every parameter but self and cls, and the result, have a type."""
    arguments = function.args
    parameters = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
    for star_parameter in (arguments.vararg, arguments.kwarg):  # *args, **kwargs
        if star_parameter is not None:
            parameters.append(star_parameter)
    for parameter in parameters:
        if parameter.annotation is None and parameter.arg not in ("self", "cls"):
            return False
    return function.returns is not None


def name_lengths(file: SourceFile) -> list[int]:
    """Characters of each name that the file binds, one entry a binding."""
    lengths = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            lengths.append(len(node.id.lstrip("_")))
    return lengths


def node_count(statement: ast.stmt) -> int:
    """AST nodes of a statement, itself included."""
    return sum(1 for _ in ast.walk(statement))
