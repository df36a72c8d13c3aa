"""Tables of measured times: signatures, and what a network takes by them."""

from __future__ import annotations

import csv
import io
import json
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from conftest import MANY
from made_networks import made_network
from printed import run
from spec_reports import report_of, report_of_text
from typer.testing import CliRunner

import convcalc
from convcalc.analysis.latency import latency, read_table
from convcalc.analysis.signatures import signatures
from convcalc.language import SpecError

NET = "zoo:resnet18"


def table(*arguments: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(run("analyze", *arguments, "--signatures"))))


def filled(folder: Path, rows: list[dict[str, str]], name: str = "times.csv") -> str:
    """The table with the times that it has by then."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    (folder / name).write_text(text.getvalue(), "utf-8")
    return str(folder / name)


def names_of(text: str) -> list[str]:
    return list(signatures(report_of_text(f"input: [4, 8, 8]\nlayers:\n{text}")))


# ---- signatures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(MANY or 30))
def test_layers_share_a_signature_where_they_are_the_same_and_nowhere_else(seed: int) -> None:
    """The same: kind, fields, and shapes that enter, compared as the values that they are."""
    _, network = made_network(random.Random(f"signatures {seed}"))
    report = convcalc.analyze(network, batch=3)
    named: dict[int, str] = {place: name for name, places in signatures(report).items() for place in places}
    seen: dict[Any, str] = {}
    for place, node in enumerate(network.layers):
        if node.config.is_inert or node.config.holds_output:
            assert place not in named
            continue
        key = node.kind, node.config, network.shapes_into(node)
        assert seen.setdefault(key, named[place]) == named[place]
    assert len(set(seen.values())) == len(seen)


def test_a_signature_is_as_it_was() -> None:
    """People keep tables: what is written here may not change."""
    text = "  - conv: {out_channels: 6, kernel_size: [3, 1], stride: 2, padding: 1, bias: false}\n  - relu"
    assert names_of(text) == [
        "conv 4x8x8 out_channels=6 kernel_size=3x1 stride=2x2 padding=1x1;1x1 bias=false | batch 1 | float32",
        "relu 6x4x5 | batch 1 | float32",
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("  - conv: {out_channels: 4, kernel_size: 3}", "  - conv: {out_channels: 4, kernel_size: [3, 3], stride: 1}"),
        ("  - relu: {name: a}", "  - relu: {name: b}"),
    ],
)
def test_what_is_the_same_is_written_alike(first: str, second: str) -> None:
    assert names_of(first) == names_of(second)


@pytest.mark.parametrize("change", [{"batch": 2}, {"dtype": "float16"}, {"dtype": "weights=int8"}, {"fused": True}])
def test_terms_are_part_of_it(change: dict[str, Any]) -> None:
    network = report_of("zoo/resnet18").network
    plain, other = (set(signatures(convcalc.analyze(network, **how))) for how in ({}, change))
    first = next(iter(signatures(convcalc.analyze(network, **change))))
    assert first not in plain
    assert not (plain & other) or "fused" in change


def test_a_kernel_has_what_runs_in_it() -> None:
    network = report_of("zoo/resnet18").network
    first = next(iter(signatures(convcalc.analyze(network, fused=True))))
    assert first.endswith(" | batch 1 | float32 | relu")
    assert first.startswith("conv 3x224x224 out_channels=64 kernel_size=7x7 stride=2x2 padding=3x3;3x3 |")


# ---- times ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_times_are_added_up_and_what_is_missing_is_told(seed: int, tmp_path: Path) -> None:
    draw = random.Random(f"times {seed}")
    rows = table(NET)
    expected = Fraction(0)
    timed = set()
    for row in rows:
        if draw.random() < 0.7:
            row["ms"] = draw.choice(["0.001", "12", "3.25", "1e-3", "7.5E2", "0.000000001"])
            timed.add(row["signature"])
            expected += int(row["layers"]) * Fraction(row["ms"])
    path = filled(tmp_path, draw.sample(rows, len(rows)))
    document = json.loads(run("analyze", NET, "--latency", path, "--format", "json"))["latency"]
    report = report_of("zoo/resnet18")
    named = {name: [report.layers[place].name for place in places] for name, places in signatures(report).items()}
    missing = {layer for name, layers in named.items() if name not in timed for layer in layers}
    assert document["ps"] == expected * 10**9
    assert set(document["missing"]) == missing
    assert document["measured"] + len(missing) == document["layers"] == sum(map(len, named.values()))
    order = [row.name for row in report.layers]
    assert document["missing"] == sorted(document["missing"], key=order.index)


def test_the_line_below_the_table(tmp_path: Path) -> None:
    rows = table(NET)
    assert "measured: none of 68 layers; `analyze --signatures`" in run(
        "analyze", NET, "--latency", filled(tmp_path, rows)
    )
    for row in rows:
        row["ms"] = "0.5"
    path = filled(tmp_path, rows)
    assert "measured: 34.0 ms for 68 layers\n" in run("analyze", NET, "--latency", path)
    assert "measured: 34.0 ms for 68 layers" in run("analyze", NET, "--latency", path, "--format", "markdown")
    rows[0]["ms"] = ""
    text = run("analyze", NET, "--latency", filled(tmp_path, rows))
    assert "measured: 33.5 ms for 67 of 68 layers; missing: stem\n" in text


def test_a_time_below_its_bound_is_told(tmp_path: Path) -> None:
    report = convcalc.analyze(report_of("zoo/resnet18").network, device="a100", dtype="float16")
    exact = {name: report.layers[places[0]].bound for name, places in signatures(report).items()}
    times = {name: bound.ps for name, bound in exact.items() if bound is not None}
    assert latency(report, times).below_bound == ()
    least = {name: max(0, ps - 1) for name, ps in times.items()}
    assert latency(report, least).below_bound == tuple(row.name for row in report.layers if row.bound and row.bound.ps)
    rows = table(NET, "--dtype", "float16")
    rows[0]["ms"] = "0.000001"
    arguments = ("analyze", NET, "--dtype", "float16", "--device", "a100", "--latency", filled(tmp_path, rows))
    assert "measured below the bound of a100: stem: `convcalc help devices`" in run(*arguments)


MISTAKES = {
    "": "1:1: CC011: expected a first line with the columns signature and ms, found nothing",
    "signature,us\na,1": "1:1: CC011: expected a first line with the columns signature and ms, found signature, us",
    "signature,ms,ms\n": "1:1: CC011: expected a first line with the columns signature and ms, found signature, ms, ms",
    "relu 3x8x8,4\n": "1:1: CC011: expected a first line with the columns signature and ms, found relu 3x8x8, 4",
    "signature,ms\na,1\nb,2\na,3": "4:1: CC011: the signature is in line 2 already; one time each is expected",
    "signature,ms\na,-1": "2:1: CC011: ms: expected milliseconds as a number above 0, found -1",
    "signature,ms\na,0.0": "2:1: CC011: ms: expected milliseconds as a number above 0, found 0.0",
    "signature,ms\na,1 ms": "2:1: CC011: ms: expected milliseconds as a number above 0, found 1 ms",
    "signature,ms\na,nan": "2:1: CC011: ms: expected milliseconds as a number above 0, found nan",
    "signature,ms\na,1e999": "2:1: CC011: ms: expected milliseconds as a number above 0, found 1e999",
    "signature,ms\n\na,1,2": "3:1: CC011: expected 2 cells, as the first line has, found 3",
    'signature,ms\n"a,1': "2:1: CC011: not valid CSV: unexpected end of data",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_a_table_is_told_with_its_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(SpecError) as error:
        read_table(str(path))
    [mistake] = error.value.diagnostics
    assert f"{mistake.line}:{mistake.column}: {mistake.code}: {mistake.message}" == MISTAKES[text]
    assert mistake.path == str(path)
    result = CliRunner().invoke(application(), ["analyze", NET, "--latency", str(path)])
    assert result.exit_code == 2
    assert result.stdout == ""


def test_what_a_spreadsheet_makes_of_a_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_bytes(b'\xef\xbb\xbfsignature,note,ms\r\n"a | b",x, 1.5 \r\n\r\nb,,\r\n')
    assert read_table(str(path)) == {"a | b": 1_500_000_000}


@pytest.mark.parametrize("extra", [("--format", "json"), ("--latency", "times.csv")])
def test_signatures_are_a_table_of_their_own(extra: tuple[str, str]) -> None:
    result = CliRunner().invoke(application(), ["analyze", NET, "--signatures", *extra])
    assert result.exit_code == 2
    assert "--signatures prints a table of its own" in result.stderr.replace("\n", " ")


def test_signatures_of_several_files_are_one_table() -> None:
    both, first = table(NET, "zoo:resnet50"), table(NET)
    assert len({row["signature"] for row in both}) == len(both)
    assert sum(int(row["layers"]) for row in both) == sum(int(row["layers"]) for row in first + table("zoo:resnet50"))
