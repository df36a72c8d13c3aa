"""What real counters print of layers and drawn networks, and what must hold of it whatever their rules are.

Two of the figures are no conventions: params, which torchinfo adds up over the module, and the products that torch's
own counter sees in convolutions and matrix products. They hold each spec to be the network that the tools were run on.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from spec_reports import DATA, report_of_text

FUSED = ("lstm", "attention", "scaled_dot_product_attention", "deform_conv")
"""Kinds that run as an operator of which FlopCounterMode has no formula: it counts less than there is."""
TOOLS = ("flop-counter", "thop", "torchinfo", "fvcore", "ptflops", "ptflops-aten", "onnx-tool", "calflops")


def entries(name: str) -> dict[str, dict[str, Any]]:
    """The networks of a file of figures, by name."""
    read = json.loads((DATA / "counters" / f"{name}.json").read_text(encoding="utf-8"))
    assert {"torch", "thop", "torchinfo", "fvcore", "ptflops", "calflops", "onnx-tool"} <= read["versions"].keys()
    return dict(read[name])


@pytest.mark.parametrize("name", ["layers", "drawn"])
def test_specs_are_the_networks_that_were_counted(name: str) -> None:
    differing = {}
    for case, entry in entries(name).items():
        report = report_of_text(entry["spec"].partition("\ncode:")[0])
        figures = entry["figures"]
        products, params = figures["flop-counter"]["FLOPs"], figures["torchinfo"]["params"]
        is_fused = any(layer.kind in FUSED for layer in report.layers)
        ours = (report.totals.params, 2 * report.totals.macs)
        if ours[0] != params or (products >= ours[1] if is_fused else products != ours[1]):
            differing[case] = ours, params, products
    assert differing == {}


@pytest.mark.parametrize("name", ["networks", "layers", "drawn"])
def test_every_tool_says_a_figure_or_why_there_is_none(name: str) -> None:
    for case, entry in entries(name).items():
        silent = [tool for tool in TOOLS if tool not in entry["figures"] and tool not in entry.get("errors", {})]
        assert silent == [], case
        assert all(figures for figures in entry["figures"].values()), case
