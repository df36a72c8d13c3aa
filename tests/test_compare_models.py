"""A model file against the spec that a person wrote of it: layers are matched, whatever the exporter called them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from msgspec.structs import replace

import convcalc
from convcalc.language import Source, loads

FOLDER = Path(__file__).parent
MODELS = FOLDER / "data" / "onnx"
ZOO = FOLDER.parent / "specs" / "zoo"


def model(name: str, folder: Path) -> convcalc.Network:
    path = folder / f"{name}.onnx"
    path.write_bytes(gzip.decompress((MODELS / f"{name}.onnx.gz").read_bytes()))
    return convcalc.load(path)


def test_a_model_is_the_spec_of_it(tmp_path: Path) -> None:
    network, spec = model("resnet50", tmp_path), convcalc.load(ZOO / "resnet50.yaml")
    for pair in ((network, spec), (spec, network)):
        assert convcalc.compare(*pair).changes == ()


def test_only_what_differs_is_told(tmp_path: Path) -> None:
    """The zoo's has the dropout that an export for inference leaves out."""
    comparison = convcalc.compare(model("mobilenet_v2", tmp_path), convcalc.load(ZOO / "mobilenet_v2.yaml"))
    assert {(change.mark, change.name) for change in comparison.changes if change.mark != "edited"} == {
        ("converted", "dropout1")
    }
    assert [change.name for change in comparison.changes if change.mark == "edited"] in ([], ["fc"])


def specs(*texts: str) -> tuple[convcalc.Network, convcalc.Network]:
    """The first as if it came from a model file."""
    base, head = (loads(Source("net.yaml", text)) for text in texts)
    return replace(base, imported="a record"), head


FLAT = """
input: [8, 9, 9]
layers:
  - conv: {name: layer1_0_conv1, out_channels: 8, kernel_size: 3, padding: 1}
  - relu: {name: relu_7}
  - conv: {name: skipped, from: input, out_channels: 8, kernel_size: 1}
  - add: {from: [skipped, relu_7]}
  - global_avg_pool: {keepdim: true}
  - conv: {name: score, out_channels: 10, kernel_size: 1}
"""

NESTED = """
input: [8, 9, 9]
blocks:
  residual:
    layers:
      - conv: {name: shortcut, out_channels: 8, kernel_size: 1}
      - conv: {name: widest, from: input, out_channels: 8, kernel_size: 3, padding: 1}
      - relu
      - add: {from: [relu1, shortcut]}
layers:
  - residual: {name: stage1}
  - global_avg_pool
  - linear: {name: fc, out_features: 10}
"""


def test_branches_may_run_in_another_order_and_a_linear_may_be_a_convolution() -> None:
    changes = convcalc.compare(*specs(FLAT, NESTED)).changes
    assert [(change.mark, change.base and change.base.name, change.name) for change in changes] == [
        ("converted", "global_avg_pool1", "global_avg_pool1"),
        ("converted", "score", "fc"),
    ]


def test_names_are_still_what_two_specs_are_matched_by() -> None:
    base, head = specs(FLAT, NESTED)
    marks = [change.mark for change in convcalc.compare(replace(base, imported=None), head).changes]
    assert {"added", "removed"} <= {*marks}


@pytest.mark.parametrize(
    ("before", "after", "mark"),
    [("kernel_size: 3, padding: 1", "kernel_size: 5, padding: 2", "edited"), ("      - relu\n", "", "removed")],
)
def test_a_change_is_still_a_change(before: str, after: str, mark: str) -> None:
    text = NESTED.replace(before, after).replace("[relu1, shortcut]", "[previous, shortcut]")
    changes = convcalc.compare(*specs(FLAT, text)).changes
    assert mark in {change.mark for change in changes if change.name in {"stage1.widest", "relu_7"}}
