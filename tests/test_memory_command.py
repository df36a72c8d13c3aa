"""`convcalc memory`: every column of every format against networks that are run and let go of tensors."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from test_planning import Machine, network_of
from typer.testing import CliRunner

import convcalc

BRANCHES = """
name: branches
input: [8, 6, 6]
layers:
  - conv: {name: a, out_channels: 24, kernel_size: 3, padding: 1}
  - conv: {name: b, from: input, out_channels: 4, kernel_size: 1}
  - conv: {name: c, from: a, out_channels: 2, kernel_size: 1}
  - conv: {name: d, from: b, out_channels: 24, kernel_size: 3, padding: 1}
  - parameter: {name: learned, from: input, sizes: [2, 6, 6]}
  - conv: {name: e, from: d, out_channels: 2, kernel_size: 1}
  - concat: {name: f, from: [c, e, b, learned]}
  - relu: {name: g}
  - add: {name: h, from: [g, f]}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "branches.yaml"
    path.write_text(BRANCHES, "utf-8")
    return path


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(application(), ["memory", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


def ran(order: list[str]) -> dict[str, tuple[int, int, set[str]]]:
    """Of each layer: bytes of its output, bytes alive while it runs, and what that is."""
    network = network_of(BRANCHES)
    names = [node.name for node in network.nodes]
    machine, moments = Machine(network), {}
    for name in order:
        index = names.index(name)
        held = machine.held | {index}
        used = machine.run(index)
        moments[name] = machine.sizes[index], used, {names[tensor] for tensor in held if machine.sizes[tensor]}
    return moments


@pytest.mark.parametrize("order", ["written", "best"])
def test_json_has_what_is_alive_while_each_layer_runs(spec: Path, order: str) -> None:
    document: dict[str, Any] = json.loads(run(spec, "--format", "json", "--order", order))
    names = [layer["layer"] for layer in document["layers"]]
    moments = ran(names)
    for layer in document["layers"]:
        assert (layer["output_bytes"], layer["alive_bytes"]) == moments[layer["layer"]][:2]
    most = max(alive for _, alive, _ in moments.values())
    peak = document["peak_activation"]
    assert document["peak_activation_bytes"] == peak["bytes"] == most == moments[peak["layer"]][1]
    assert set(peak["tensors"]) == moments[peak["layer"]][2]
    assert (document["order"], document["model"], document["spec"]) == (order, "branches", str(spec))
    orders, arena = document["orders"], document["arena"]
    assert orders["is_exact"]
    assert (
        orders["smallest_bytes"]
        == orders["at_least_bytes"]
        == max(size for _, size, _ in ran(orders["layers"]).values())
    )
    assert orders["written_bytes"] == max(size for _, size, _ in ran([*"abcd", "learned", *"efgh"]).values())
    assert arena["bytes"] == max(region["offset"] + -(-region["bytes"] // 16) * 16 for region in arena["regions"])
    for region in arena["regions"]:
        assert (names[region["first"]], names[region["last"]]) == (region["since"], region["until"])
        living = [place for place, name in enumerate(names) if set(region["tensors"]) & moments[name][2]]
        assert living == list(range(region["first"], region["last"] + 1))


@pytest.mark.parametrize("order", ["written", "best"])
def test_csv_has_a_line_for_each_tensor(spec: Path, order: str) -> None:
    rows = list(csv.DictReader(io.StringIO(run(spec, "--format", "csv", "--order", order))))
    document = json.loads(run(spec, "--format", "json", "--order", order))
    assert {row["model"] for row in rows} == {"branches"}
    assert {row["spec"] for row in rows} == {str(spec)}
    network = network_of(BRANCHES)
    nodes = {node.name: node for node in network.nodes}
    layers = {layer["layer"]: layer for layer in document["layers"]}
    regions = {name: region for region in document["arena"]["regions"] for name in region["tensors"]}
    assert [row["name"] for row in rows] == ["input", *layers]
    for row in rows:
        name = row["name"]
        assert row["kind"] == nodes[name].kind
        assert row["output_shape"] == "x".join(map(str, nodes[name].shape))
        assert row["place"] == ("" if name == "input" else str(list(layers).index(name)))
        assert row["alive_bytes"] == (str(layers[name]["alive_bytes"]) if name in layers else "")
        region = regions.get(name)
        assert row["output_bytes"] == str(region["bytes"] if region else 0)
        expected = [str(region[part]) for part in ("offset", "first", "last", "until")] if region else [""] * 4
        assert [row[part] for part in ("offset", "first", "last", "until")] == expected
        assert row["region"] == (str(document["arena"]["regions"].index(region)) if region else "")
        assert row["at_peak"] == str(name in document["peak_activation"]["tensors"]).lower()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split("|")]


def test_markdown_and_the_table_show_the_same_figures(spec: Path) -> None:
    document = json.loads(run(spec, "--format", "json"))
    lines = run(spec, "--format", "markdown").splitlines()
    layers = [cells(line) for line in lines[4:13]]
    most = document["peak_activation_bytes"]
    for shown, layer in zip(layers, document["layers"], strict=True):
        figures = [
            f"{layer['output_bytes']:,}",
            f"{layer['alive_bytes']:,}",
            f"{100 * layer['alive_bytes'] / most:.1f} %",
        ]
        assert shown == [layer["layer"], layer["kind"], "x".join(map(str, layer["output_shape"])), *figures]
    table = run(spec).splitlines()
    for line, layer in zip(table[2:11], document["layers"], strict=True):
        assert line.split()[0] == layer["layer"]
        assert f"{layer['alive_bytes'] / 1024:.1f} KiB" in line
        bar = re.search("[▏▎▍▌▋▊▉█]+$", line)
        assert bar is not None
        eighths = 8 * bar[0].count("█") + " ▏▎▍▌▋▊▉".index(bar[0][-1] if bar[0][-1] != "█" else " ")
        assert abs(eighths - 8 * 40 * layer["alive_bytes"] / most) <= 0.5
    regions = {region["tensors"][-1]: region for region in document["arena"]["regions"]}
    rows = [line.split() for line in table[13 : 13 + len(regions)]]
    assert {row[0] for row in rows} == set(regions)
    for row in rows:
        region = regions[row[0]]
        in_use = row[0] in document["peak_activation"]["tensors"]
        assert row[1:] == ["peak"] * in_use + [f"{region['bytes']:,}", f"{region['offset']:,}", region["until"]]
    marked = [cells(line) for line in lines if line.endswith("| yes |")]
    assert {row[0] for row in marked} == set(document["peak_activation"]["tensors"])


def test_the_figures_below(spec: Path) -> None:
    text = run(spec)
    assert "peak 5.3 KiB (5,472 bytes) at c: 4 tensors" in text
    assert "any order: 4.8 KiB (4,896 bytes), the smallest peak; see --order best" in text
    assert "instead of 5.3 KiB" in run(spec, "--order", "best")
    assert "in the best order" in run(spec, "--order", "best")
    assert "none needs less than the written one" in run("zoo:vgg16")
    empty = spec.parent / "empty.yaml"
    empty.write_text("{input: [1, 2, 2], layers: []}", "utf-8")
    assert "no tensor is alive" in run(empty)


def test_long_networks_are_put_together_and_expanded() -> None:
    network = convcalc.load("zoo:inception_v4")
    names = [node.name for node in network.layers]
    memory = convcalc.memory(network)
    folded = run("zoo:inception_v4").splitlines()
    rows = folded[2 : folded.index("of several layers that with the most alive is shown: --expand has all")]
    assert len(rows) <= 60
    assert any(row.startswith(memory.peak.layer.rpartition(".")[0]) for row in rows if memory.peak)
    expanded = run("zoo:inception_v4", "--expand").splitlines()
    assert [line.split()[0] for line in expanded[2 : 2 + len(names)]] == names
    top = run("zoo:inception_v4", "--top", "3").splitlines()[2:5]
    largest = sorted(memory.moments, key=lambda moment: -moment.alive_bytes)[:3]
    assert [line.split()[0] for line in top] == [moment.layer for moment in largest]


def test_mistakes_are_said_and_the_next_file_is_shown(spec: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("input: [1, 2, 2]\nlayers:\n  - conv: {out_channels: 0}\n", "utf-8")
    text = run(broken, spec, code=2)
    assert "out_channels" in text
    assert "5,472 bytes" in text
    documents = json.loads(
        CliRunner().invoke(application(), ["memory", str(broken), str(spec), "--format", "json"]).stdout
    )
    assert documents[0]["errors"]
    assert documents[0]["layers"] == []
    assert documents[1]["peak_activation_bytes"] == 5_472
    assert "--order" in run(spec, "--order", "fastest", code=2)
    assert "--dtype" in run(spec, "--dtype", "int99", code=2)
