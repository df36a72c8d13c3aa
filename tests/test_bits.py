"""Formats of a layer's own: which layers they hold for, and what they come to, counted on arrays that are packed."""

from __future__ import annotations

import random
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from conftest import draws
from hypothesis import given
from lint_runs import command

import convcalc
from convcalc import analyze
from convcalc.arithmetic.precision import ROLES
from convcalc.language import Source, loads
from convcalc.language.library import block_names
from convcalc.layers import Shape

BITS = {"float32": 32, "float16": 16, "fp8": 8, "fp4": 4, **{f"int{count}": count for count in range(1, 33)}}
VARIABLES = {"narrow": 3, "named": "float16"}
WRITTEN: list[tuple[Any, str]] = [
    *((count, f"int{count}") for count in (1, 2, 3, 4, 8, 17, 32)),
    *(("fp8", "fp8"), ("int4", "int4"), ("narrow", "int3"), ("narrow * 2 + 1", "int7"), ("named", "float16")),
]
"""What may be written, and the format that it is."""

Formats = dict[str, str]


class Drawn:
    """A spec with `bits` here and there, and what each of its layers is to have, by what is written around it."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.blocks: dict[str, Any] = {}
        self.expected: list[Formats] = []
        self.tree = {
            "input": [4, 5],
            "variables": VARIABLES,
            "blocks": self.blocks,
            "layers": self.layers({}, 0),
        }

    def layers(self, around: Formats, depth: int) -> list[Any]:
        return [self.layer(around, depth) for _ in range(self.draw.choice((1, 2, 3)))]

    def layer(self, around: Formats, depth: int) -> Any:
        written, own = self.bits()
        common = {"bits": written} if own else {}
        formats = around | own
        what = self.draw.choice(("conv", "block", "add") if depth < 3 else ("conv",))
        if what == "conv":
            self.expected.append(formats)
            return {"conv": {"out_channels": 4, "kernel_size": 1, **common}}
        if what == "add":
            branches = [self.layers(formats, depth + 1) for _ in range(2)]
            self.expected.append(formats)
            return {"add": {"branches": branches, **common}}
        name = f"unit{len(self.blocks)}"
        self.blocks[name] = {}
        before = len(self.expected)
        times = self.draw.choice((1, 1, 2))
        self.blocks[name] = {"layers": self.layers(formats, depth + 1)}
        self.expected += self.expected[before:] * (times - 1)
        return {name: {**common, **({"repeat": times} if times > 1 else {})}}

    def bits(self) -> tuple[Any, Formats]:
        draw = self.draw
        if draw.random() < 0.4:
            return None, {}
        if draw.random() < 0.3:
            written, name = draw.choice(WRITTEN)
            return written, {"weights": name, "activations": name}
        chosen = {role: draw.choice(WRITTEN) for role in draw.sample(ROLES, draw.randint(1, 3))}
        return {role: pair[0] for role, pair in chosen.items()}, {role: pair[1] for role, pair in chosen.items()}


def packed(shape: Shape, name: str) -> int:
    """Bytes of an array whose numbers are packed in fact, row by row."""
    rows = shape[0] if len(shape) > 1 else 1
    return np.packbits(np.zeros((rows, prod(shape) // rows * BITS[name]), bool), axis=1).nbytes


@given(draws)
def test_what_is_written_nearest_holds(draw: random.Random) -> None:
    drawn = Drawn(draw)
    network = loads(Source("net.yaml", yaml.safe_dump(drawn.tree, sort_keys=False)))
    report = analyze(network)
    assert len(report.layers) == len(drawn.expected)
    for node, row, own in zip(network.layers, report.layers, drawn.expected, strict=True):
        formats = dict.fromkeys(ROLES, "float32") | own
        assert (row.weights, row.activations) == (formats["weights"], formats["activations"]), row.name
        arrays = node.config.weights(*network.shapes_into(node))
        roles = {name: formats["bias" if name == "bias" else "weights"] for name in arrays}
        assert row.weight_bytes == sum(packed(shape, roles[name]) for name, shape in arrays.items())
        assert row.output_bytes == packed((1, *row.output_shape), formats["activations"])
        assert row.bit_operations == row.macs * BITS[formats["weights"]] * BITS[formats["activations"]]


def test_of_the_network_the_rest_is_taken() -> None:
    text = "input: [4, 5]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 1, bits: {weights: 2}}\n  - relu\n"
    first, second = analyze(loads(Source("net.yaml", text)), dtype="int8").layers
    assert (first.weights, first.activations, second.activations) == ("int2", "int8", "int8")


def test_a_layer_that_shares_weights_has_them_as_they_are_held() -> None:
    text = """\
input: [4]
layers:
  - linear: {name: a, out_features: 4, bits: {weights: 2, bias: 16}}
  - linear: {name: b, share: a, bits: {activations: 8}}
  - linear: {name: c, share: a, bits: {weights: 2}}
"""
    report = analyze(loads(Source("net.yaml", text)))
    assert [(row.weights, row.activations) for row in report.layers] == [
        ("int2", "float32"),
        ("int2", "int8"),
        ("int2", "float32"),
    ]
    assert [row.weight_bytes for row in report.layers] == [4 * 1 + 8, 0, 0]


def test_a_shipped_block_takes_them() -> None:
    """All its layers have what the call says."""
    fields = {"bottleneck": "{channels: 2, bits: 5}", "squeeze_excite": "{reduction: 2, bits: 5}"}
    assert fields.keys() <= set(block_names())
    for block, written in fields.items():
        network = loads(Source("net.yaml", f"input: [8, 6, 6]\nlayers:\n  - {block}: {written}\n"))
        assert {(row.weights, row.activations) for row in analyze(network).layers} == {("int5", "int5")}


SWEPT = """\
input: [4, 5, 5]
variables: {bits: 8, wide: 16}
layers:
  - conv: {out_channels: wide, kernel_size: 3, bits: {weights: bits, activations: 2 * bits}}
  - relu: {bits: "bits if bits > 4 else 4"}
"""


def test_a_sweep_over_bits_is_each_of_its_points(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(SWEPT, "utf-8")
    swept = convcalc.sweep(path, over=["bits=1:16:1", "wide=8,16,24"])
    names = ("bits", "wide", "weight_bytes", "activation_bytes", "peak_activation_bytes")
    points = list(zip(*(swept.columns[name] for name in names), strict=True))
    assert len(points) == 16 * 3
    for bits, wide, *counted in points:
        totals = analyze(convcalc.load(path, variables={"bits": str(bits), "wide": str(wide)})).totals
        assert counted == [getattr(totals, name) for name in names[2:]]


def test_bits_beyond_what_there_is_are_refused_at_their_points(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(SWEPT, "utf-8")
    swept = convcalc.sweep(path, over=["bits=0:17:1"])
    assert (swept.refused, list(swept.columns["bits"])) == (2, list(range(1, 17)))


def test_fixes_leave_them(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    text = """\
input: [3, 8, 8]
deploy: {dtype: int8, batch: 2}
layers:
  - conv: {out_channels: 4, kernel_size: 3, bits: {weights: 4}}
  - batch_norm: {bits: {bias: 16}}
  - dropout: {p: 0, bits: 3}
  - dropout: {p: 0}
"""
    path.write_text(text, "utf-8")
    assert command(str(path), "--fix", "--select", "CC301,CC303").code == 0
    fixed = path.read_text("utf-8")
    assert fixed == text.replace("bits: {weights: 4}", "bits: {weights: 4}, bias: false").replace(
        "  - dropout: {p: 0}\n", ""
    )
