"""Lines of code, room by room: lines with a token, without docstrings, imports, blanks and comments.

    python benchmarks/code_lines.py [REVISION]

With a revision of git, beside those of that revision.
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def code_lines(text: str) -> int:
    """How many lines of a file of Python are code."""
    uncounted = {line for node in _not_code(ast.parse(text)) for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    tokens = (token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in SILENT)
    return len({line for token in tokens for line in range(token.start[0], token.end[0] + 1)} - uncounted)


def _not_code(tree: ast.Module) -> Iterator[ast.stmt]:
    """The imports, and the texts that stand alone: docstrings, and what is written under a constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node


def by_room(files: Iterator[tuple[Path, str]]) -> Counter[str]:
    """The lines of code of each room of the package, and of the tests."""
    lines: Counter[str] = Counter()
    for path, text in files:
        if path.suffix == ".py" and path.parts[0] in {"convcalc", "tests"}:
            is_room = path.parts[0] == "convcalc" and len(path.parts) > 2
            lines[path.parts[1] if is_room else f"{path.parts[0]}/*.py"] += code_lines(text)
    return lines


def of_tree() -> Iterator[tuple[Path, str]]:
    """The files of the working tree."""
    for folder in ("convcalc", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            yield path.relative_to(ROOT), path.read_text("utf-8")


def of_revision(revision: str) -> Iterator[tuple[Path, str]]:
    """The files at a revision of git."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for name in git("ls-tree", "-r", "--name-only", revision, "convcalc", "tests").splitlines():
        if name.endswith(".py"):
            yield Path(name), git("show", f"{revision}:{name}")


def main() -> None:
    """Print the table."""
    now = by_room(of_tree())
    before = by_room(of_revision(sys.argv[1])) if len(sys.argv) > 1 else now
    print(f"{'room':<16}{'before':>8}{'now':>8}{'change':>8}")
    for room in sorted({*before, *now}):
        print(f"{room:<16}{before[room]:>8,}{now[room]:>8,}{now[room] - before[room]:>+8,}")
    totals = [sum(lines for room, lines in counts.items() if room != "tests/*.py") for counts in (before, now)]
    print(f"{'the package':<16}{totals[0]:>8,}{totals[1]:>8,}{totals[1] - totals[0]:>+8,}")


if __name__ == "__main__":
    main()
