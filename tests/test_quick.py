"""Calls told without Typer mean what Typer reads in them, and what is printed without Rich is what Rich prints."""

from __future__ import annotations

import inspect
import io
import itertools
import subprocess
import sys
from typing import Any, cast

import pytest
from command_line import application
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from convcalc.cli import quick
from convcalc.cli.work import analyze, counts, importing
from convcalc.views.columns import Column, Grid, cell_len
from convcalc.views.formats import terminal
from convcalc.views.output import WIDEST, Plain
from convcalc.views.output import console as rich_console

WORK = {"analyze": (analyze, "analyze"), "counts": (counts, "counts"), "import": (importing, "import_")}

PARTS = {
    "analyze": [
        ("--format", "json"),
        ("--format", "table"),
        ("--strict",),
        ("--expand",),
        ("--input", "3x32x32"),
        ("--input", "left=3x8x8"),
        ("--set", "width=0.5"),
        ("--set", "a=b=c"),
        ("-",),
        ("--fused",),
        ("--no-fused",),
        ("--dtype", "int8"),
        ("--dtype", "weights=int4,activations=int8"),
        ("--dtype", "int99"),
        ("--device", "a100"),
        ("--show", "memory,bit-operations"),
        ("--show", "memroy"),
        ("--hide", "field"),
        ("--count-as", "fvcore:mode=train"),
    ],
    "counts": [
        ("--tool", "thop,fvcore:mode=train"),
        ("--tool", "thpo"),
        ("--format", "csv"),
        ("--strict",),
        ("--input", "3x32x32"),
        ("--set", "width=0.5"),
    ],
    "import": [("--output", "net.yaml"), ("-o", "-"), ("--flat",), ("--force",), ("--strict",), ("--input", "3x32x32")],
}
CALLS = [
    (command, *words)
    for command, parts in PARTS.items()
    for size in range(4 if len(parts) < 10 else 3)
    for chosen in itertools.combinations(parts, size)
    for words in [(*itertools.chain(*chosen[:1]), "model.onnx", *itertools.chain(*chosen[1:]))]
]

CALLS += [
    ("analyze", *words, "model.onnx")
    for words in (
        ("--fused",),
        ("--device", "a100"),
        ("--device", "a10"),
        ("--dtype", "weights=int8,activations=int8"),
        ("--dtype", "int33"),
        ("--fused", "--device", "cortex-m7", "--dtype", "int8", "--format", "json"),
    )
]


@pytest.mark.parametrize("arguments", CALLS, ids=" ".join)
def test_a_call_means_what_typer_reads(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    module, name = WORK[arguments[0]]
    signature = inspect.signature(getattr(module, name))
    seen: list[dict[str, Any]] = []

    def work(*given: Any, **named: Any) -> None:
        bound = signature.bind(*given, **named)
        bound.apply_defaults()
        seen.append(bound.arguments)

    monkeypatch.setattr(module, name, work)
    result = CliRunner().invoke(application(), arguments)
    call = quick.understood(arguments)
    if call is None:  # Typer has words for it, or `-` is a value
        assert result.exit_code == 2 or "-" in arguments[1:]
        return
    assert result.exit_code == 0, result.output
    call()
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--help",),
        ("lint", "net.yaml"),
        ("analyze",),
        ("analyze", "--help"),
        ("analyze", "net.yaml", "-h"),
        ("analyze", "net.yaml", "--format", "xml"),
        ("analyze", "net.yaml", "--format", "shared"),
        ("analyze", "net.yaml", "--format", ""),
        ("analyze", "net.yaml", "--format"),
        ("analyze", "net.yaml", "--format", "--strict"),
        ("analyze", "net.yaml", "--input", "wide"),
        ("analyze", "net.yaml", "--input", "=3x8x8"),
        ("analyze", "net.yaml", "--set", "width"),
        ("analyze", "net.yaml", "--top", "0"),
        ("analyze", "net.yaml", "--", "-x"),
        ("analyze", "net.yaml", "--stric"),
        ("counts",),
        ("counts", "net.yaml", "--match", "4.1G"),
        ("counts", "--list"),
        ("import",),
        ("import", "a.onnx", "b.onnx"),
        ("import", "a.onnx", "-o"),
    ],
    ids=" ".join,
)
def test_what_is_wrong_or_asks_for_help_is_left_to_typer(words: tuple[str, ...]) -> None:
    assert quick.understood(words) is None


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_piped_analysis_loads_neither_typer_nor_rich(form: str) -> None:
    code = (
        "import sys; from convcalc.cli import main\n"
        f"sys.argv = ['convcalc', 'analyze', 'zoo:resnet18', '--format', {form!r}]\n"
        "try: main()\n"
        "finally: print(sorted({'typer', 'rich', 'click'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert "11689512" in done.stdout.replace(",", "")


TEXTS = st.text(st.sampled_from("ab 1.,·…≥▏█×字é\u0301🙂[]/:"), max_size=12)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4))
def test_a_table_is_printed_alike_with_rich_and_without(rows: list[tuple[str, str, str]]) -> None:
    def table() -> Grid:
        columns = [
            Column(f"column {place}", [row[place] for row in rows], "left" if place == 1 else "right", "cyan")
            for place in range(3)
        ]
        return Grid(columns, ["dim"] * len(rows))

    plain, rich = io.StringIO(), io.StringIO()
    Plain(plain).print(table(), soft_wrap=True)
    rich_console(rich).print(table(), soft_wrap=True)
    assert plain.getvalue() == rich.getvalue()


@given(st.lists(TEXTS, max_size=4))
def test_a_line_is_printed_alike_with_rich_and_without(parts: list[str]) -> None:
    line = terminal.line(*((part, "bold") if place % 2 else part for place, part in enumerate(parts)), style="dim")
    plain, rich = io.StringIO(), io.StringIO()
    Plain(plain).print(line)
    rich_console(rich).print(line)
    assert plain.getvalue() == rich.getvalue()


@given(st.text())
def test_cells_are_counted_as_rich_counts_them(text: str) -> None:
    from rich.cells import cell_len as measured

    assert cell_len(text) == measured(text)


def test_colours_that_are_asked_for_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from convcalc.views.output import pen

    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    assert cast("Any", pen(io.StringIO())).width == WIDEST
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert isinstance(pen(io.StringIO()), Console)
