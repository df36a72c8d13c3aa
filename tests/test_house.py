"""The rules of the house, read from the code itself: who may import whom, and what a formula may be made of."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "convcalc"
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text("utf-8")) for path in FILES}

LOWER = {
    *{"steps", "visible", "shipped", "presenting", "language", "network", "layers", "fields", "arithmetic"},
    *{"devices", "fusing", "counters"},
}
MAY_IMPORT = {
    "version": set(),
    "files": set(),
    "extras": set(),
    "shipped": set(),
    "pages": {"shipped"},
    "steps": set(),
    "visible": set(),
    "presenting": {"visible"},
    "frames": {"extras"},
    "arithmetic": {"steps"},
    "fields": {"arithmetic"},
    "tensors": set(),
    "layers": {"steps", "fields", "arithmetic", "tensors"},
    "imaging": {"extras"},
    "network": {"steps", "layers", "arithmetic", "presenting"},
    "devices": {"steps", "shipped", "arithmetic", "fields", "language"},
    "counters": {"steps", "devices", "layers", "language", "network"},
    "fusing": {"steps", "fields", "arithmetic", "layers", "network"},
    "language": LOWER - {"language", "devices", "fusing", "counters"},
    "analysis": LOWER,
    "planning": {*LOWER, "analysis"},
    "imports": LOWER,
    "readable": {*LOWER, "imports", "analysis"},
    "exports": {"steps", "version", "files", "network", "layers"},
    "sweeping": {*LOWER, "files", "opening", "version", "analysis", "extras", "frames"},
    "opening": {*LOWER, "imports", "readable"},
    "reference": {*LOWER, "exports", "imports", "tensors", "analysis", "extras"},
    "battery": {*LOWER, "reference", "tensors", "analysis"},
    "rules": {*LOWER, "analysis"},
    "linting": {*LOWER, "files", "opening", "rules", "analysis"},
    "views": {
        *{
            *LOWER,
            "extras",
            "imaging",
            "version",
            "frames",
            "linting",
            "rules",
            "battery",
            "reference",
            "analysis",
            "planning",
            "sweeping",
        },
    },
}
"""What a room may import beside itself; the command line and the public names may import all."""

OF_ANY_FORMAT = [
    path
    for pattern in ("imports/*.py", "imports/tidy/*.py", "readable/*.py", "opening.py", "cli/importing.py")
    for path in sorted(PACKAGE.glob(pattern))
]
"""What serves every reader of model files, and so names none."""

FORMULAS = {"shape", "weights", "buffers", "params", "macs", "elementwise_ops"}
BEHIND_A_COMMAND = ("tensors", "reference", "battery", "imports", "readable", "exports", "sweeping", "imaging")
"""Rooms that are imported inside the functions that need them: most commands never enter them."""
TOO_HEAVY = {
    "numpy",
    "fractions",
    "hypothesis",
    "jsonschema",
    "onnx",
    "onnxruntime",
    "jinja2",
    "markupsafe",
    "quickjs",
    "PIL",
}


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module that is named in an import, wherever it stands, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module != "convcalc":  # from the package itself only parts of it are imported, named next
                yield str(node.module), node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def at_start(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that run on import; those for the type checker alone do not."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    allowed = MAY_IMPORT.get(part(path))
    if allowed is None:
        assert part(path) in {"__init__", "__main__", "cli"}
        return
    for name, line in imported(TREES[path]):
        if name.partition(".")[0] == "convcalc":
            room = name.partition(".")[2].partition(".")[0]
            assert room in {part(path), *allowed}, f"line {line} imports {name}"


@pytest.mark.parametrize("path", OF_ANY_FORMAT, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_serves_every_reader_names_no_format(path: Path) -> None:
    assert not re.findall("onnx|opset|protobuf", path.read_text("utf-8"), re.IGNORECASE)


def test_the_parts_are_known() -> None:
    assert {part(path) for path in FILES} - set(MAY_IMPORT) <= {"__init__", "__main__", "cli"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_heavy_is_imported_at_the_start(path: Path) -> None:
    for statement in at_start(TREES[path]):
        modules = {name for name, _ in imported(statement)}
        heavy = {name.partition(".")[0] for name in modules} & TOO_HEAVY
        if part(path) in BEHIND_A_COMMAND or (part(path) == "views" and path.parent.name in {"verify", "battery"}):
            heavy -= {"numpy", "fractions", "onnx" if part(path) == "exports" else ""}
        else:
            runs = tuple(
                f"convcalc.{room}"
                for room in ("tensors", "reference", "battery", "imports", "readable", "exports", "imaging")
            )
            heavy |= {name for name in modules if name.startswith(runs)}
        assert not heavy, f"line {statement.lineno}"


def test_analyze_needs_no_heavy_module() -> None:
    """Neither in Python nor on the command line; Typer is for what `quick` leaves, rich for the terminal."""
    loaded = _modules("import convcalc; convcalc.analyze(convcalc.load('specs/zoo/resnet50.yaml'))")
    assert loaded & (TOO_HEAVY | {"rich", "typer"}) == set()
    arguments = ["convcalc", "analyze", "specs/zoo/resnet50.yaml", "--format", "json"]
    loaded = _modules(f"import sys, convcalc.cli; sys.argv = {arguments}; convcalc.cli.main()")
    assert loaded & (TOO_HEAVY | {"rich", "typer"}) == set()


def _modules(code: str) -> set[str]:
    """The modules that a program of its own has imported at its end."""
    command = [sys.executable, "-X", "importtime", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "msgspec" in loaded
    return loaded


def test_the_command_line_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "convcalc", "analyze", "specs/zoo/resnet50.yaml", "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert '"params": 25557032' in done.stdout
    assert done.stderr == ""


def classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    for path, tree in TREES.items():
        if part(path) == "layers":
            yield from ((path, node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


METHODS = [
    pytest.param(method, id=f"{path.stem}.{kind.name}.{method.name}")
    for path, kind in classes()
    for method in kind.body
    if isinstance(method, ast.FunctionDef) and method.name in FORMULAS
]


@pytest.mark.parametrize("method", METHODS)
def test_formulas_are_for_any_kind_of_number(method: ast.FunctionDef) -> None:
    """Statements are assignments and returns; a condition looks at fields, words or None, never at a size."""
    sizes = {argument.arg for argument in (*method.args.args[1:], method.args.vararg) if argument is not None}
    for node in ast.walk(method):
        assert not isinstance(node, ast.For | ast.While | ast.Try | ast.Assert | ast.Match), ast.unparse(node)
        if isinstance(node, ast.If | ast.IfExp):
            _is_static(node.test, sizes)
        if isinstance(node, ast.comprehension):
            for test in node.ifs:
                _is_static(test, sizes)
        if isinstance(node, ast.BinOp):
            assert not isinstance(node.op, ast.Div), ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"int", "float", "round", "abs", "divmod"}, ast.unparse(node)
            if node.func.id in {"max", "min"}:  # of counts of axes they are plain; for sizes there is maximum
                assert all(_is_len(getattr(argument, "elt", argument)) for argument in node.args), ast.unparse(node)
        if isinstance(node, ast.Name):
            assert node.id not in {"math", "numpy", "np"}
        if isinstance(node, ast.Constant):
            assert not isinstance(node.value, float)


def _is_static(test: ast.expr, sizes: set[str]) -> None:
    """Of the inputs only how many axes they have is asked; what is computed of them is not."""
    counted = {id(inner) for node in ast.walk(test) if _is_len(node) for inner in ast.walk(node)}
    for node in ast.walk(test):
        if isinstance(node, ast.Name) and node.id in sizes:
            assert id(node) in counted, ast.unparse(test)
        assert not isinstance(node, ast.BinOp), ast.unparse(test)


def _is_len(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"


def _definitions(tree: ast.AST, outer: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Every function and class, with the name of what it stands in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield outer, node
        yield from _definitions(node, getattr(node, "name", outer))


DEFINITIONS = [
    pytest.param(node, id=f"{path.relative_to(PACKAGE)}:{node.name}")
    for path, tree in TREES.items()
    for node in tree.body
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(TREES[path]) or not path.read_text("utf-8").strip()


@pytest.mark.parametrize("node", DEFINITIONS)
def test_what_is_public_has_a_docstring(node: ast.FunctionDef | ast.ClassDef) -> None:
    """A kind's page is its file's docstring, where the file is the kind."""
    is_kind = isinstance(node, ast.ClassDef) and any(keyword.arg == "frozen" for keyword in node.keywords)
    assert ast.get_docstring(node) or is_kind


EMPTY = (
    "a all an and any are as at be by each every for has have in is it its of on one or that the them there they "
    "this those to what whether which with"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_docstring_says_more_than_the_names_do(path: Path) -> None:
    """Write what the name leaves open; what has nothing to add, and is private or a method, needs no docstring."""
    if "identities" in path.parts:
        return  # there a docstring is the claim, which the name says in short
    for outer, node in _definitions(TREES[path]):
        arguments = [argument.arg for argument in ast.walk(node) if isinstance(argument, ast.arg)]
        named = _stems(" ".join([path.stem, outer, node.name, *arguments, EMPTY]))
        text = ast.get_docstring(node)
        assert text is None or _stems(text) - named, f"line {node.lineno}: {text}"


def _stems(text: str) -> set[str]:
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())
    return {word.rstrip("s")[:5] for word in words}


ENTRANCES = {
    "rich.text": "views/formats/terminal.py",
    "rich.markdown": "views/formats/terminal.py",
    "csv": "views/formats/csv.py",
    "xml.sax.saxutils": "views/formats/xml.py",
    "html": "views/formats/html.py",
    "jinja2": "views/formats/html.py",
    "markupsafe": "views/formats/html.py",
    "msgspec.json": "views/formats/json.py",
    "sys.stderr.write": "cli/output.py",
    "typer.echo": "cli/commands.py",
}
"""What writes text in a format, and the one file of views and commands in which it stands."""


@pytest.mark.parametrize("path", [path for path in FILES if part(path) in {"views", "cli"}], ids=lambda path: path.name)
def test_text_enters_a_format_in_one_file(path: Path) -> None:
    """There it is made harmless; a constant, or what `terminal.line` gives, may be printed anywhere."""
    own = path.relative_to(PACKAGE).as_posix()
    named = {name for name, _ in imported(TREES[path])}
    calls = [node for node in ast.walk(TREES[path]) if isinstance(node, ast.Call)]
    for call in calls:
        written = ast.unparse(call.func)
        argument = call.args[0] if call.args else None
        named |= {name for name in ENTRANCES if "." in name and written.startswith(name)}
        if written.endswith("console.print") or written in {"out.print", "console(sys.stderr).print"}:
            assert not isinstance(argument, ast.Constant | ast.JoinedStr), f"line {call.lineno} prints a text"
    assert {ENTRANCES[name] for name in named & set(ENTRANCES)} <= {own}


def repository() -> list[Path]:
    """The files that are kept; without git, or in an unpacked archive, all that are not hidden or installed."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "-co", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        return [ROOT / name for name in listed if (ROOT / name).is_file()]
    kept = ["convcalc", "specs", "tests", "benchmarks", "docs"]
    return [path for folder in kept for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".yaml", ".md"}]


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    places = re.compile(r"(?<![\w.])/(?:home|Users|work|root|tmp|private)/\w|\b[A-Z]:\\\\?Users")
    for path in repository():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        lines = [line for line in text.splitlines() if places.search(line) and "places = re.compile" not in line]
        assert not lines, (path, lines)


SILENT_WORDS = {"found", "one", "each", "said", "told", "whole"}
"""What these name could be anything; a name says the thing: `layer`, `problem`, `match`."""


def bound(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that is given to something, with its line: by assignment, as a parameter, in a loop, by a match."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name, node.lineno


@pytest.mark.parametrize("folder", ["convcalc", "tests", "benchmarks", "docs", "vendoring"])
def test_names_say_the_thing(folder: str) -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, line in bound(ast.parse(path.read_text("utf-8")))
        if name in SILENT_WORDS
    ]
    assert silent == []


def test_a_class_name_exists_once() -> None:
    places: dict[str, list[str]] = {}
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


NAMED_BY_RULES = {
    "cc205_gridding": {"reshape", "permute"},  # behind which it is not known where positions are
    "cc407_device_unsupported": {"attention", "deform_conv", "gru", "lstm", "max_pool", "rnn"},  # the table of a chip
}


def test_rules_ask_kinds_what_they_are() -> None:
    """A new kind is what its traits say; a rule that lists names would pass it over."""
    from convcalc.layers import names

    named: dict[str, set[str]] = {}
    for path, tree in TREES.items():
        if part(path) == "rules":
            words = {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
            named[path.stem] = words & set(names())
    assert {file: kinds for file, kinds in named.items() if kinds} == NAMED_BY_RULES
