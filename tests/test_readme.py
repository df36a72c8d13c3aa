"""The README and the manual: what they show is what is printed, what they name is there, and nothing is left out."""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib.util
import re
import shutil
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import manual
import pytest
import yaml
from manual import BLOCK, PAGES, README, ROOT, blocks, specs

from convcalc import pages
from convcalc.arithmetic.window import PADDING_WORDS
from convcalc.cli import COMMANDS
from convcalc.language import Source, SpecError, expressions, loads
from convcalc.language.document import FIELDS
from convcalc.language.limits import FIGURES, LIMITED
from convcalc.language.template import IN_LAYER
from convcalc.language.variants import VARIANTS
from convcalc.language.written import COMMON
from convcalc.linting.configuration import KEYS, LEVELS
from convcalc.linting.options import Options
from convcalc.linting.run import Linter

DOCS = ROOT / "docs"
LANGUAGE = (DOCS / "language.md").read_text("utf-8")
LINT = (DOCS / "lint.md").read_text("utf-8")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("manual") / "filled"
    path.mkdir()
    manual.folder(path)
    return path


@pytest.fixture
def inside(filled: Path, tmp_path: Path) -> Iterator[None]:
    shutil.copytree(filled, tmp_path / "copy")
    with contextlib.chdir(tmp_path / "copy"):
        yield


# ---- what is shown -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("inside")
@each_page
def test_commands_print_what_is_shown(page: Path) -> None:
    for line, shown, code, printed in manual.replayed(page):
        assert code in ({0, 1, 2} if "error[" in shown else {0, 1}), f"{line}\n{printed}"
        assert manual.is_shown(printed, shown), f"PYTHONPATH=tests python -m manual\n{line}\n{printed}"


@each_page
def test_specs_are_right_and_cost_what_they_expect(page: Path) -> None:
    linter = Linter(Options(select=("CC0", "CC1", "CC5")))
    for text in specs(page):
        if not manual.FILE.match(text):  # as files they are for the commands behind them
            assert linter.file("spec.yaml", Source("spec.yaml", text)).findings == ()


@pytest.mark.usefixtures("inside")
@each_page
def test_lines_of_python_answer_what_is_shown(page: Path) -> None:
    text = "".join(blocks(page, "python"))
    test = doctest.DocTestParser().get_doctest(text, {}, page.stem, str(page), 0)
    failures: list[str] = []
    doctest.DocTestRunner().run(test, out=failures.append)
    assert failures == []
    assert bool(test.examples) == ("```python" in page.read_text("utf-8"))


@each_page
def test_code_fits_a_terminal_of_80_columns(page: Path) -> None:
    for language, text in BLOCK.findall(page.read_text("utf-8")):
        if page != README and language != "console":  # where lines are as long as what is printed
            assert max(map(len, text.splitlines())) <= manual.WIDTH, text


@each_page
def test_options_that_are_named_are_there(page: Path) -> None:
    known = {"--fix", "--help", "--version", "--install-completion"}
    for name in COMMANDS:
        known |= {
            word for option in manual.command().commands[name].params for word in (*option.opts, *option.secondary_opts)
        }
    prose = BLOCK.sub("", page.read_text("utf-8"))
    named = {word for code in re.findall("`([^`]+)`", prose) for word in re.findall(r"(?<![\w-])--[a-z-]+", code)}
    others = {"--specs", "--no-deps", "--name-only", "--share", "--seed", "--only"}  # of other programs
    assert named - others <= known


@each_page
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        assert target.startswith("https://") or (page.parent / target).is_file(), target


def test_the_readme_fits_its_screen_and_sets_up_as_ci_does() -> None:
    text = README.read_text("utf-8")
    assert len(text.splitlines()) <= 160
    assert len(re.findall(r"^python3 -m venv .* -m pytest$", text, re.MULTILINE)) == 1


# ---- the pages ---------------------------------------------------------------------------------------------------


def test_the_index_and_the_site_list_every_page() -> None:
    assert set(pages.topics()) == {page.stem for page in DOCS.glob("*.md")} - {"index"}
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    assert navigation == ["index.md", *(f"{topic}.md" for topic in pages.topics())]
    assert all(f"(docs/{topic}.md)" in README.read_text("utf-8") for topic in pages.topics())


def test_every_command_is_listed() -> None:
    (listed,) = blocks(DOCS / "commands.md", "text")
    assert set(re.findall("^convcalc ([a-z]+)", listed, re.MULTILINE)) == set(COMMANDS)


def test_every_folder_of_the_house_is_listed() -> None:
    listed = first_column((DOCS / "architecture.md").read_text("utf-8"), "| folder |")
    folders = {path.name for path in (ROOT / "convcalc").iterdir() if path.is_dir() and any(path.glob("*.*"))}
    assert {name for name in listed if "/" not in name} == folders - {"__pycache__"}
    assert all((ROOT / "convcalc" / name).is_dir() for name in listed)


def first_column(text: str, head: str) -> list[str]:
    """What stands in code in the first cell of each row of a table."""
    rows = text[text.index(head) :].partition("\n\n")[0].splitlines()[2:]
    return [name for row in rows for name in re.findall("`([^`]+)`", row.split("|")[1])]


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("topic", pages.topics())
def test_a_page_is_laid_out_for_the_terminal(topic: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manual, "WIDTH", width)
    code, printed = manual.run(f"convcalc help {topic}")
    assert code == 0
    assert max(map(len, printed.splitlines())) <= min(width, 100)
    assert not re.search(r"```|<!-- .?(web|zoo)|\]\(", printed)
    assert printed.split("\n")[0].strip() == (DOCS / f"{topic}.md").read_text("utf-8").split("\n")[0].strip("# ")


def test_a_page_that_is_piped_is_its_file() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "convcalc", "help", "language"], cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout.decode() == LANGUAGE
    assert done.stderr == b""


def test_pages_are_listed_and_meant() -> None:
    code, printed = manual.run("convcalc help")
    assert (code, [line.split()[0] for line in printed.splitlines()]) == (0, list(pages.topics()))
    for word, advice in (
        ("langage", "did you mean `language`?"),
        ("analyze", "`convcalc analyze --help`"),
        ("x", "it has language, commands,"),
    ):
        code, printed = manual.run(f"convcalc help {word}")
        assert (code, advice in re.sub(r"[\s│]+", " ", printed)) == (2, True)


# ---- the language ------------------------------------------------------------------------------------------------


def test_every_field_of_specs_and_layers_is_listed() -> None:
    assert set(first_column(LANGUAGE, "| field | what it holds |")) == set(FIELDS)
    assert first_column(LANGUAGE, "| field | what it says |") == list(COMMON)
    table = LANGUAGE[LANGUAGE.index("| `expect` and `budget` |") :].partition("\n\n")[0]
    assert set(re.findall("`(\\w+)`", table)) - {"expect", "budget"} == {*FIGURES, *LIMITED}
    assert [word for word in first_column(LANGUAGE, "| padding |") if word.isidentifier()] == list(PADDING_WORDS)


def test_every_function_and_name_of_expressions_is_listed() -> None:
    functions = [usage.partition("(")[0] for usage in first_column(LANGUAGE, "| function |")]
    assert sorted(functions) == sorted(expressions.FUNCTIONS)
    assert set(first_column(LANGUAGE, "| name | value |")) == {*expressions.CONSTANTS, *IN_LAYER, "index"}


def test_every_operator_of_expressions_is_listed() -> None:
    listed: set[type[ast.AST]] = {ast.Tuple, ast.UAdd, ast.USub}  # (a, b), +a and -a
    for written in [*first_column(LANGUAGE, "| operators |"), *first_column(LANGUAGE, "| function |")]:
        is_complete = re.search(r"[\[(]|if|list", written)
        text = written.replace(", ...", "") if is_complete else "not a" if written == "not" else f"a {written} b"
        listed |= {type(node) for node in ast.walk(ast.parse(text, mode="eval"))}
    assert listed >= set(expressions._ALLOWED)


PLACES = string.Template("""\
input: [8, "8 * $size", 8]
variables: {given: 2, value: "$variable"}
blocks:
  block:
    parameters: {parameter: 1, value: "$default"}
    layers:
      - conv: {name: first, out_channels: 4, kernel_size: 1}
      - conv: {name: "n{$braces}", out_channels: 4, kernel_size: 1}
      - conv: {repeat: "$repeat", out_channels: 4, kernel_size: 1}
      - conv: {when: "$when > -1", out_channels: "$field", kernel_size: 1}
      - conv: {name: m1, out_channels: 4, kernel_size: 1}
      - conv: {repeat: 2, from: "m{1 + 0 * ($braces_in_repeat)}", out_channels: "1 + $field_in_repeat", kernel_size: 1}
layers: [block]
""")
COLUMNS = [
    ("size", "variable"),
    ("default",),
    ("when", "field", "field_in_repeat"),
    ("repeat",),
    ("braces", "braces_in_repeat"),
]
"""The places that each column of the table speaks of."""
LAYERS = {"size_of": "size_of(first)[0]", "channels_of": "channels_of(first)"}
NAMES = {"a variable": "given * 1", "a parameter": "parameter * 1", **LAYERS}
CALLS = {
    "abs": "1", "as_double": "1", "ceil": "1", "floor": "1", "len": "[1]", "max": "1, 0", "min": "1, 2", "round": "1",
    "round_to": "1, 1", "sum": "[1]", "taps": "1", "on_axis": "1, 0, 1",
}  # fmt: skip
"""A call of each function that is no layer's, worth 1, or a list of it."""


def test_names_have_a_value_where_the_table_says_so() -> None:
    table = LANGUAGE[LANGUAGE.index("| name | `variables`, `input` |") :].partition("\n\n")[0]
    rows = [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]
    for name, *cells in rows:
        calls = [f"{function}({arguments})" for function, arguments in CALLS.items()]
        for text in calls if name == "other functions" else [NAMES.get(name, f"{name} * 1")]:
            for places, cell in zip(COLUMNS, cells, strict=True):
                for place in places:
                    expected = cell == "✓" or (cell == "repeated" and place.endswith("in_repeat"))
                    assert has_value(text, place) == expected, (text, place)
                    if cell == "of inputs":
                        assert has_value(text.replace("first", "input"), place)
    assert {name for name, *_ in rows} == {"a variable", "a parameter", *IN_LAYER, "index", *LAYERS, "other functions"}
    assert {*CALLS, *LAYERS} == set(expressions.FUNCTIONS)


def has_value(text: str, place: str) -> bool:
    """Whether an expression can be worked out in a place of a spec."""
    every = dict.fromkeys(PLACES.get_identifiers(), "1")
    spec = PLACES.substitute(every | {place: f"{text}[0]" if text.startswith("on_axis") else text})
    try:
        loads(Source("spec.yaml", spec))
    except SpecError:
        return False
    return True


# ---- the other pages ---------------------------------------------------------------------------------------------


def test_every_variant_is_listed() -> None:
    assert set(VARIANTS) <= set(first_column((DOCS / "compare.md").read_text("utf-8"), "| variant |"))


def test_every_key_and_level_of_lint_is_listed() -> None:
    assert set(first_column(LINT, "| key |")) == set(KEYS)
    assert all(name in LINT for name in LEVELS)


def test_suppressions_are_written_as_shown() -> None:
    """Without any one of them there is a finding."""
    (text,) = [text for text in specs(DOCS / "lint.md") if "file-ignore" in text]
    suppressions = ("# convcalc: file-ignore[CC2]", "# convcalc: ignore[CC114]", ", lint: {ignore: [CC301]}")
    for suppression, code in zip(suppressions, ("CC210", "CC114", "CC301"), strict=True):
        without = text.replace(suppression, "#" if suppression.startswith("#") else "")
        findings = Linter(Options()).file("net.yaml", Source("net.yaml", without)).findings
        assert [finding.code for finding in findings] == [code]


def test_every_benchmark_is_listed() -> None:
    text = (DOCS / "numbers.md").read_text("utf-8")
    assert set(re.findall(r"benchmarks/(\w+)\.py", text)) == {path.stem for path in (ROOT / "benchmarks").glob("*.py")}


# ---- what docs/pictures/shown.py makes ---------------------------------------------------------------------------


def shown() -> Any:
    """The script, as a module."""
    specification = importlib.util.spec_from_file_location("shown", DOCS / "pictures" / "shown.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_table_of_the_zoo_is_what_is_printed() -> None:
    page = (DOCS / "zoo.md").read_text("utf-8")
    assert shown().with_zoo(page) == page, "python docs/pictures/shown.py makes it again"
    assert first_column(page, "| network |") == sorted(path.stem for path in (ROOT / "specs" / "zoo").glob("*.yaml"))


@pytest.mark.parametrize(
    ("name", "page"), [("analyze", README), ("compare", DOCS / "compare.md"), ("lint", DOCS / "lint.md")]
)
def test_pictures_are_what_is_printed(name: str, page: Path) -> None:
    """To the letter with the version of Rich that they were made with; with another one what they say."""
    kept, made = (DOCS / "pictures" / f"{name}.svg").read_text("utf-8"), shown().picture(name)
    assert texts(made) == texts(kept), "python docs/pictures/shown.py makes it again"
    by = re.compile(r"with Rich (\S+) -->")
    assert by.findall(made)
    if by.findall(made) == by.findall(kept):
        assert made == kept
    path = (DOCS / "pictures" / f"{name}.svg").relative_to(page.parent).as_posix()
    assert f"![convcalc {' '.join(shown().RUNS[name])}]({path})" in page.read_text("utf-8")
    assert set(re.findall(r"\w+://[^\"'\s)]+", kept)) == {"http://www.w3.org/2000/svg"}  # nothing is fetched


def texts(picture: str) -> list[str]:
    """The texts of a picture, each with its colour."""
    colours = dict(re.findall(r"\.(\S+) \{ fill: (#\w+)", picture))
    words = re.findall(r"<text class=\"(\S+)\"[^>]*>([^<]*)</text>", picture)
    assert len(words) > 20
    return [f"{colours.get(style, '')} {text}" for style, text in words]
