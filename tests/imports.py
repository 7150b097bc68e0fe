"""The files that a module of this project imports, directly and through others."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def file_of(module: str) -> Path | None:
    """The file of one of our modules, None for anyone else's."""
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if module.split(".")[0] == "stages" and candidate.is_file():
            return candidate
    return None


def is_docstring_only(path: Path) -> bool:
    """Whether a file holds nothing that runs: the __init__.py of a plain package."""
    return all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for node in ast.parse(path.read_text()).body
    )


def imported(path: Path) -> set[Path]:
    """Our files that `path` imports itself, by imports inside functions too."""
    files: set[Path | None] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            files |= {file_of(".".join(parts[: end + 1])) for end in range(len(parts))}
    return {file for file in files if file and not is_docstring_only(file)}


def closure(path: Path) -> set[Path]:
    """`path` and every file of ours that it imports, directly or through others."""
    reached, waiting = {path}, [path]
    while waiting:
        for file in imported(waiting.pop()) - reached:
            reached.add(file)
            waiting.append(file)
    return reached
