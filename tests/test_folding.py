"""compare --by: comparisons in a line a block, or a kind."""

from __future__ import annotations

import csv
import io
import json

import pytest
from command_line import application
from typer.testing import CliRunner

import convcalc
from convcalc.analysis.compare import compare
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By, lines
from convcalc.analysis.report import COSTS
from convcalc.language import Source, loads
from convcalc.network import Network

BASE = """
input: [4, 8, 8]
blocks: {part: {parameters: {k: 3}, layers: [conv: {out_channels: 4, kernel_size: k, padding: same}, relu]}}
layers:
  - part: {name: first}
  - part: {name: second, repeat: 2}
  - tanh
"""
HEAD = BASE.replace("name: second, repeat: 2", "name: second, repeat: 3, k: 5").replace("- tanh", "- sigmoid\n  - tanh")


def network(text: str) -> Network:
    return loads(Source("net.yaml", text))


def test_blocks_are_a_line_each() -> None:
    changes = folded(compare(network(BASE), network(HEAD)), "block")
    assert [(change.name, change.mark) for change in changes.layers] == [
        ("first", "same"), ("second", "edited"), ("sigmoid1", "added"), ("tanh1", "affected")
    ]  # fmt: skip
    second = changes.layers[1]
    assert second.base is not None
    assert second.head is not None
    assert (second.base.times, second.head.times, second.head.kind) == (2, 3, "part")
    assert second.delta("params").delta == 3 * (4 * 4 * 25 + 4) - 2 * (4 * 4 * 9 + 4)


def test_kinds_are_a_line_each() -> None:
    kinds = {change.name: change for change in folded(compare(network(BASE), network(HEAD)), "kind").layers}
    assert all(line.summary == "" for change in kinds.values() for line in (change.base, change.head) if line)
    assert {name: change.mark for name, change in kinds.items()} == {
        "conv": "edited", "relu": "edited", "tanh": "affected", "sigmoid": "added"
    }  # fmt: skip
    assert kinds["conv"].delta("macs").delta == 64 * 16 * (9 + 3 * 25) - 64 * 16 * 27


@pytest.mark.parametrize("by", ["layer", "block", "kind"])
@pytest.mark.parametrize(("first", "second"), [("resnet18", "resnet50"), ("googlenet", "vgg16"), ("unet", "unet")])
def test_every_layer_is_in_one_line(by: By, first: str, second: str) -> None:
    """The lines of each side add up to its totals, and are those that analyze prints."""
    base, head = (convcalc.load(f"zoo:{name}") for name in (first, second))
    comparison = compare(base, head, allow_input_change=True)
    layers = folded(comparison, by).layers
    for side, report in (("base", comparison.base), ("head", comparison.head)):
        shown = [line for change in layers if (line := getattr(change, side)) is not None]
        for cost in COSTS:
            assert sum(getattr(line, cost) for line in shown) == getattr(report.totals, cost)
        if by != "layer":
            assert {(line.name, line.params, line.macs) for line in shown} == {
                (line.name, line.params, line.macs) for line in lines(report, by=by)
            }


def run(*arguments: str) -> str:
    result = CliRunner().invoke(application(), ["compare", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_it_looks_like() -> None:
    pair = ("zoo:resnet50", "zoo:resnet50@width=32")
    table = run(*pair, "--by", "block").splitlines()
    names = [line.split()[1] for line in table if line[:3] in ("~  ", "≈  ")]
    assert names[:8] == [
        "stem", "batch_norm1", "relu1", "max_pool1", "layer1", "layer2", "layer3", "layer4"
    ]  # fmt: skip
    kinds = [row["head_name"] for row in csv.DictReader(io.StringIO(run(*pair, "--by", "kind", "--format", "csv")))]
    assert kinds[0] == "conv"
    assert "| ~ | layer4 |" in run(*pair, "--by", "block", "--format", "markdown")
    diff = json.loads(run(*pair, "--by", "block", "--format", "json"))["diff"]
    assert len(diff["layers"]) > len(diff["lines"]) == len(names)
    assert "~  conv" in run("zoo:resnet18", "--variant", "separable", "--by", "kind")


def test_of_several_networks_there_are_no_lines() -> None:
    result = CliRunner().invoke(
        application(), ["compare", "zoo:resnet18", "--variant", "separable,ghost", "--by", "kind"]
    )
    assert result.exit_code == 2
    assert "--by" in result.stderr
