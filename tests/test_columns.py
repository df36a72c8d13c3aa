"""Which columns the table of analyze has: the usual ones, those that are asked for, those that there is room for."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from printed import of_csv, of_grid, of_markdown
from rich.cells import cell_len
from typer.testing import CliRunner
from view_texts import on_console

import convcalc
from convcalc.analysis import analyze, bounds
from convcalc.analysis.latency import Latency
from convcalc.analysis.lines import lines
from convcalc.analysis.report import Bound
from convcalc.devices import Device
from convcalc.views import words
from convcalc.views.analyze import table
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.figures import FIGURES, GROUPS, NAMES, USUAL, Columns, columns

DEVICE = Device(name="toy", peak={"int8": 10**9}, bandwidth=10**8, channels={"int8": 16})
SPEC = """name: net
input: [3, 32, 32]
layers:
  - conv: {name: first, out_channels: 24, kernel_size: 3, stride: 2, padding: same}
  - batch_norm
  - relu
  - conv: {name: second, out_channels: 24, kernel_size: 3, padding: same, groups: 24}
  - linear: {name: last, out_features: 10}
"""


def bound(network: Any, node: Any, terms: Any, macs: int, elementwise_ops: int, traffic: Any) -> Bound | None:
    """The roofline, worked out another way than by the product: a MAC takes 2 ns, a byte 10 ns, all in picoseconds."""
    compute, memory = macs * 2_000, sum(traffic[:3]) * 10_000
    return Bound(max(compute, memory), "compute" if compute >= memory else "memory", compute, memory, macs // 2)


@pytest.fixture
def net(tmp_path: Any) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC, "utf-8")
    return str(path)


@pytest.fixture
def on_toy(net: str, monkeypatch: pytest.MonkeyPatch) -> convcalc.Report:
    """On a device with 1 GMAC/s in pairs of operations and 100 MB/s."""
    monkeypatch.setattr(bounds, "bound", bound)
    return analyze.analyze(convcalc.load(net), dtype="int8", fused=True, device=DEVICE)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(application(), list(arguments), env={"COLUMNS": "80"})


def header(*arguments: str) -> list[str]:
    """The headers of the Markdown table, which has all columns that are chosen."""
    result = run("analyze", *arguments, "--format", "markdown")
    assert result.exit_code == 0, result.output
    return of_markdown(result.stdout)[0][0]


USUALLY = ["layer", "kind", "output", "params", "MACs", "share", "field"]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), USUALLY),
        (("--show", "memory"), [*USUALLY, "bytes in", "weights", "bytes out", "ops/byte"]),
        (("--show", "memory", "--hide", "input_bytes,field"), [*USUALLY[:-1], "weights", "bytes out", "ops/byte"]),
        (("--show", "precision", "--show", "flops,BUFFERS"),
         ["layer", "kind", "output", "params", "buffers", "MACs", "share", "FLOPs", "field", "formats", "bit ops"]),
        (("--hide", "kind,output", "--hide", "params", "--hide", "macs,share,field"), ["layer"]),
        (("--show", "elementwise-ops", "--hide", "elementwise_ops"), USUALLY),
    ],
)  # fmt: skip
def test_columns_are_chosen(net: str, options: tuple[str, ...], wanted: list[str]) -> None:
    assert header(net, *options) == wanted


@pytest.mark.parametrize("option", ["--show", "--hide"])
@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("memroy", "memory"),
        ("bit ops", "bit_operations"),
        ("weight_byte", "weight_bytes"),
        ("ops/byte", "ops_per_byte"),
        ("", ""),
    ],
)
def test_a_column_that_there_is_not_is_told(net: str, option: str, word: str, meant: str) -> None:
    result = run("analyze", net, option, f"params,{word}")
    assert result.exit_code == 2
    text = " ".join(result.stderr.replace("│", " ").split())
    assert "no column is called" in text
    assert (f"did you mean {meant}?" in text) == bool(meant)
    assert all(name in text for name in (*NAMES, *GROUPS))


def test_every_column_is_in_csv_and_json_whatever_is_shown(net: str) -> None:
    for options in ((), ("--show", "memory"), ("--hide", "params,macs")):
        assert run("analyze", net, "--format", "csv", *options).stdout == run("analyze", net, "--format", "csv").stdout
        assert (
            run("analyze", net, "--format", "json", *options).stdout == run("analyze", net, "--format", "json").stdout
        )


def test_a_bound_without_a_device_is_told(net: str) -> None:
    for form in ("table", "markdown"):
        result = run("analyze", net, "--show", "time", "--format", form)
        assert "--device" in result.stdout
        assert "binds" not in result.stdout


def shown(report: convcalc.Report, width: int, asked: Columns) -> list[str]:
    text = on_console(table, Analyzed("net.yaml", report, lines(report), [], is_folded=False, columns=asked), width)
    return text.splitlines()


def test_times_are_shown_on_a_device_in_place_of_others(on_toy: convcalc.Report) -> None:
    """At 80 columns too; the least of them go first, and never a kernel."""
    for width in (80, 100, 200):
        text = shown(on_toy, width, Columns())
        end = next(place for place, line in enumerate(text) if line.startswith("params"))
        headers, rows = of_grid(text[1:end])
        assert {"layer", "kind", "output", "MACs", "at least", "binds"} <= set(headers)
        cells = [dict(zip(headers, row, strict=True)) for row in rows]
        assert [row["kind"].replace(", 24 groups", " g24") for row in cells] == [
            "conv 3x3 /2 + relu", "conv 3x3 g24", "linear 10 features" if width > 80 else cells[2]["kind"],
        ]  # fmt: skip
        assert [row["binds"] for row in cells] == [row.bound.by for row in on_toy.layers if row.bound]
        for line in text[1:end]:
            assert cell_len(line) <= width
    total = sum(row.bound.ps for row in on_toy.layers if row.bound)
    assert f"\nat least {words.duration(total)} on toy" in "\n".join(text)
    assert text[-1].endswith("· int8 · kernels: norms folded, activations and sums in place · on toy")
    assert "fused: 3 kernels; 1 batch_norm folded; 1 relu in the kernel before" in text


def test_what_is_asked_for_is_shown_or_told(on_toy: convcalc.Report) -> None:
    """Each column and each pair of groups, at every width: in the header, or in the line that says that it cannot."""
    headers = {figure.name: figure.header for figure in FIGURES}
    asked = [(name,) for name in headers] + [(*GROUPS[a], *GROUPS[b]) for a, b in combinations(GROUPS, 2)]
    for names in asked:
        for width in (40, 80, 120, 200):
            text = shown(on_toy, width, columns(names, ()))
            below = " ".join(" ".join(text[2:]).split())
            lacking = re.findall(r"no room for (.*) in \d+ characters", below)
            for name in names:
                assert (headers[name] in text[1]) != any(headers[name] in words for words in lacking), (names, width)
            assert not lacking or width < 200


@pytest.mark.parametrize("channels", [{}, {"int8": 16}])
def test_a_column_without_figures_is_not_missed(net: str, channels: dict[str, int]) -> None:
    """A device that works on any number of channels adds nothing: not for want of room."""
    device = Device(name="board", peak={"int8": 10**9}, bandwidth=10**8, channels=channels)
    report = analyze.analyze(convcalc.load(net), dtype="int8", device=device)
    asked = columns((*GROUPS["memory"], *GROUPS["precision"], *GROUPS["time"]), ())
    lacking = re.findall(r"no room for (.*) in 80 characters", " ".join(shown(report, 80, asked)))
    assert ["padding" in words for words in lacking] == [bool(channels)]


def test_a_single_kernel_is_not_many(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input: [3, 9, 9]\nlayers: [{conv: {out_channels: 2, kernel_size: 3}}, relu]\n", "utf-8")
    report = analyze.analyze(convcalc.load(str(path)), fused=True)
    assert words.fused(report) == "fused: 1 kernel; 1 relu in the kernel before"
    times = Latency(ps=10**6, layers=1, measured=1, missing=(), below_bound=())
    assert words.measured(report, times) == ["measured: 1.00 µs for 1 layer"]


def test_the_sum_of_bounds_is_that_of_a_line(on_toy: convcalc.Report) -> None:
    by_kind = {line.kind: line for line in lines(on_toy, by="kind")}
    for kind, line in by_kind.items():
        bounds = [row.bound for row in on_toy.layers if row.kind == kind and row.bound]
        assert line.bound is not None
        assert line.bound.ps == sum(bound.ps for bound in bounds)
        assert line.bound.padded_macs == line.macs // 2 or len(bounds) > 1
    assert sum(line.bound.ps for line in by_kind.values() if line.bound) == on_toy.totals.bound_ps


@pytest.mark.parametrize(
    ("picoseconds", "text"),
    [(0, "0 ps"), (999, "999 ps"), (1000, "1.00 ns"), (1999, "1.99 ns"), (12_345_678, "12.3 µs"),
     (999_999_999, "999 µs"), (10**9, "1.00 ms"), (123_456 * 10**9, "123 s"), (12_345_678 * 10**12, "12,345,678 s")],
)  # fmt: skip
def test_a_time_is_rounded_down(picoseconds: int, text: str) -> None:
    assert words.duration(picoseconds) == text


def test_csv_has_the_bounds(on_toy: convcalc.Report) -> None:
    from view_texts import piped

    from convcalc.views.analyze import csv

    _, rows = of_csv(piped(csv, Analyzed("net.yaml", on_toy, lines(on_toy), [], is_folded=False)))
    bounds = [row.bound for row in on_toy.layers if row.bound]
    assert [(row["bound_ps"], row["bound_by"], row["padded_macs"]) for row in rows] == [
        (str(bound.ps), bound.by, str(bound.padded_macs)) for bound in bounds
    ]


def test_usual_columns_are_columns() -> None:
    assert set(USUAL) <= set(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    assert not set(NAMES) & set(GROUPS)
