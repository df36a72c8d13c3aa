"""What an operation over all positions sees: each input position is perturbed by itself, and followed to the end.

A NaN at one position of the input is passed on by everything that reads it. Networks are run whole, at their size, by
the kinds' references with weights of 1; what the fields claim is not asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import MANY, draws
from hypothesis import given, settings

from convcalc import Network, SpecError, analyze, verify
from convcalc.analysis.analyze import receptive_fields
from convcalc.arithmetic.field import Field
from convcalc.language import Source, loads
from convcalc.reference.execution import run_layer
from convcalc.tensors.engine import Engine


def net(text: str) -> Network:
    return loads(Source("arrivals.yaml", text))


def reached(network: Network) -> list[Any]:
    """For every node: [input positions, output elements], whether one reaches the other."""
    sizes = network.inputs[0].shape[1:]
    count = int(np.prod(sizes))
    tagged = np.zeros((count + 1, *network.inputs[0].shape), np.float32)
    for number, place in enumerate(np.ndindex(sizes)):
        tagged[(number, slice(None), *place)] = np.nan
    outputs: list[Any] = [tagged]
    with np.errstate(all="ignore"):
        for node in network.layers:
            shapes = [network.nodes[source].shape for source in node.inputs]
            arrays = {**node.config.weights(*shapes), **node.config.buffers(*shapes)}
            ones = {name: np.ones(shape, np.float32) for name, shape in arrays.items()}
            entering = [outputs[source] for source in node.inputs]
            outputs.append(run_layer(Engine(), node.config, ones, entering)[0])
    assert not any(np.isnan(output[-1]).any() for output in outputs)
    return [np.isnan(output[:-1]).reshape(count, -1) for output in outputs]


def along(network: Network, arrived: Any, axis: int) -> set[int]:
    """The positions on one axis of the input of which any reaches any element."""
    grid = arrived.any(1).reshape(network.inputs[0].shape[1:])
    others = tuple(other for other in range(grid.ndim) if other != axis)
    return set(np.flatnonzero(grid.any(others)).tolist())


def claimed(field: Field, axis: int) -> set[int] | None:
    cover = field.overall[axis]
    return None if cover is None else {position for position in range(cover.size) if position in cover}


POOL = "global_avg_pool"
PARTS = {
    # an input, the layers on it, and how many positions of each axis reach the last of them
    "a crop": ("[2, 64, 64]", ["crop: {size: 4}", POOL], (4, 4)),
    "a crop of one axis": ("[2, 12, 12]", ["crop: {size: [12, 3]}", POOL], (12, 3)),
    "a crop seen by a window with padding": (
        "[2, 12]", ["crop: {size: 4}", "conv: {out_channels: 3, kernel_size: 3, padding: 1}", POOL], (4,)),
    "a window, then a crop": ("[2, 12]", ["conv: {out_channels: 3, kernel_size: 3}", "crop: {size: 4}", POOL], (6,)),
    "a slice": ("[2, 9, 8]", ["slice: {axis: 2, start: 3}", POOL], (9, 5)),
    "a strided slice": ("[2, 9]", ["slice: {axis: 1, step: 3}", POOL], (3,)),
    "a part": ("[2, 12]", ["split: {sections: 3, part: 1, axis: 1}", POOL], (4,)),
    "both parts laid end to end again": (
        "[2, 8]",
        ["split: {name: a, sections: 2, part: 0, axis: 1}",
         "split: {name: b, from: input, sections: 2, part: 1, axis: 1}",
         "concat: {from: [b, a], axis: 1}", POOL], (8,)),
    "a pad of zeros": ("[2, 6]", ["pad: 2", POOL], (6,)),
    "padding alone": ("[2, 6]", ["pad: 2", "slice: {axis: 1, end: 3}", POOL], (1,)),
    "a circular pad": ("[2, 6]", ["pad: {padding: 2, mode: circular}", "slice: {axis: 1, end: 3}", POOL], (3,)),
    "a reflected pad": ("[2, 6]", ["pad: {padding: 2, mode: reflect}", "slice: {axis: 1, end: 2}", POOL], (2,)),
    "a replicated pad": ("[2, 6]", ["pad: {padding: 2, mode: replicate}", "slice: {axis: 1, end: 2}", POOL], (1,)),
    "a stride that skips": ("[2, 8, 8]", ["conv: {out_channels: 3, kernel_size: 1, stride: 2}", POOL], (4, 4)),
    "last columns never read": ("[2, 8]", ["conv: {out_channels: 3, kernel_size: 3, stride: 3}", POOL], (6,)),
    "taps that skip": ("[2, 5]", ["conv: {out_channels: 3, kernel_size: 3, dilation: 2}", POOL], (3,)),
    "taps that skip, the middle alone": (
        "[2, 5]",
        ["conv: {out_channels: 3, kernel_size: 3, dilation: 2, padding: 2}", "slice: {axis: 1, start: 2, end: 3}",
         POOL],
        (3,)),
    "resampling that skips": ("[2, 8]", ["upsample: {size: 3}", POOL], (3,)),
    "a skip beside a whole path": (
        "[2, 8]",
        ["conv: {name: a, out_channels: 3, kernel_size: 1, stride: 2}",
         "conv: {name: b, from: input, out_channels: 3, kernel_size: 3, stride: 2, padding: 1}",
         "add: {from: [a, b]}", POOL], (8,)),
    "a transposed window, cropped": (
        "[2, 6]", ["conv_transpose: {out_channels: 2, kernel_size: 2, stride: 2, padding: 2}", POOL], (4,)),
    "one axis reduced": ("[2, 7, 5]", ["slice: {axis: 1, end: 1}", "reduce: {axes: [2]}", POOL], (1, 5)),
    "attention over a crop": (
        "[4, 9]", ["crop: {size: 4}", "permute: [1, 0]", "attention: 2", "slice: {axis: 0, end: 1}"], (4,)),
    "tokens of a crop": (
        "[4, 9, 9]", ["crop: {size: [3, 2]}", "flatten: {start_axis: 1}", "permute: [1, 0]", "attention: 2"], (3, 2)),
    "everything": ("[2, 9, 8]", ["conv: {out_channels: 3, kernel_size: 3, stride: 2, padding: 1}", POOL], (9, 8)),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_only_what_arrives_is_seen(name: str) -> None:
    shape, items, counts = PARTS[name]
    network = net(f"input: {shape}\nlayers:\n" + "".join(f"  - {item}\n" for item in items))
    last = reached(network)[-1]
    sets = [along(network, last, axis) for axis in range(len(counts))]
    assert tuple(map(len, sets)) == counts
    sizes = network.inputs[0].shape[1:]
    seen = analyze(network).layers[-1].receptive_field
    assert seen.is_global == (counts == sizes)
    if not seen.is_global:
        assert seen.size == tuple(max(positions) - min(positions) + 1 for positions in sets)
        assert seen.start == tuple(min(positions) for positions in sets)
    assert verify(network).agrees


LAYERS: list[Callable[[random.Random, int], str]] = [
    lambda draw, rank: f"conv: {{out_channels: 2, kernel_size: {draw.randint(1, 3)}, stride: {draw.randint(1, 3)}, "
    f"padding: {draw.randint(0, 1)}, dilation: {draw.randint(1, 2)}}}",
    lambda draw, rank: f"max_pool: {{kernel_size: {draw.randint(1, 3)}, stride: {draw.randint(1, 3)}}}",
    lambda draw, rank: f"conv_transpose: {{out_channels: 2, kernel_size: {draw.randint(2, 3)}, stride: 2, padding: 1}}",
    lambda draw, rank: f"crop: {{size: {draw.randint(1, 6)}}}",
    lambda draw, rank: f"slice: {{axis: {draw.randint(1, rank)}, start: {draw.randint(0, 4)}, "
    f"step: {draw.randint(1, 2)}}}",
    lambda draw, rank: f"split: {{sections: 2, part: {draw.randint(0, 1)}, axis: {draw.randint(1, rank)}}}",
    lambda draw, rank: f"pad: {{padding: 1, mode: {draw.choice(['constant', 'reflect', 'replicate', 'circular'])}}}",
    lambda draw, rank: f"upsample: {{size: {draw.randint(2, 7)}}}",
    lambda draw, rank: f"concat: {{axis: {draw.randint(0, rank)}, branches: [[], [relu]]}}",
    lambda draw, rank: "add: {branches: [[], [global_max_pool, {crop: {size: 1}}]]}",
    lambda draw, rank: f"add: {{branches: [[], [{{reduce: {{axes: [{draw.randint(1, rank)}], keepdim: true}}}}]]}}",
    lambda draw, rank: "instance_norm",
]  # fmt: skip
ENDS = ["global_avg_pool", "global_max_pool", "linear: 3", "reduce: [1]", "adaptive_avg_pool: 1", "relu"]


@settings(max_examples=MANY or 40)
@given(draw=draws)
def test_generated_networks(draw: random.Random) -> None:
    rank = draw.choice([1, 1, 2])
    text = f"input: {[2, *(draw.randint(4, 8) for _ in range(rank))]}\nlayers:\n"
    network = net(f"{text}  - relu\n")
    for item in (*(draw.choice(LAYERS)(draw, rank) for _ in range(draw.randint(1, 5))), draw.choice(ENDS)):
        try:
            network = net(f"{text}  - {item}\n")
        except SpecError:
            continue
        text += f"  - {item}\n"
    fields, _ = receptive_fields(network)
    for index, (field, arrived) in enumerate(zip(fields, reached(network), strict=True)):
        for axis in range(rank):
            overall, positions = claimed(field, axis), along(network, arrived, axis)
            if overall is not None:
                assert overall <= positions, (text, index, axis)
            if field.axes[axis] is None:
                assert (overall or set()) == positions, (text, index, axis)
    result = verify(network)
    checks = [layer.receptive_field for layer in result.layers]
    wrong = [check for check in checks if check is not None and check.agrees is False]
    assert not wrong, (text, wrong)


@pytest.mark.parametrize("last", [
    "conv: {out_channels: 2, kernel_size: 1, stride: 4, padding: 1}",
    "conv: {out_channels: 2, kernel_size: 2, stride: 5, dilation: 4, padding: 1}",
    "conv_transpose: {out_channels: 2, kernel_size: 1, stride: 3, padding: [[1, 5]]}",
])  # fmt: skip
def test_windows_on_padding_alone_see_nothing_of_a_norm(last: str) -> None:
    network = net(f"input: [2, 3]\nlayers:\n  - instance_norm\n  - {last}\n  - relu\n")
    assert [bool(arrived.any()) for arrived in reached(network)] == [True, True, False, False]
    assert [row.receptive_field.is_global for row in analyze(network).layers] == [True, False, False]
    checks = [layer.receptive_field for layer in verify(network).layers]
    assert all(check is not None and check.agrees for check in checks), checks


def test_a_claim_of_everything_that_is_not_so_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a crop that is thought to read everything, the probe sees that not all positions arrive."""
    from convcalc.arithmetic import field as module
    from convcalc.arithmetic.arrivals import Cover

    monkeypatch.setattr(module, "covered", lambda axis: Cover(axis.largest))
    network = net("input: [2, 16, 16]\nlayers:\n  - crop: {size: 4}\n  - global_avg_pool\n")
    check = verify(network).layers[-1].receptive_field
    assert check is not None
    assert check.agrees is False
    assert "input 0 does not arrive" in check.reason


HEADS = {
    "coordinate attention": """
input: [16, 14, 12]
layers:
  - concat:
      axis: 1
      branches:
        - - reduce: {axes: [2], keepdim: true}
        - - reduce: {axes: [1], keepdim: true}
          - permute: [0, 2, 1]
  - conv: {name: both, out_channels: 8, kernel_size: 1}
  - slice: {name: rows, axis: 1, end: 14}
  - conv: {name: of_rows, out_channels: 16, kernel_size: 1}
  - slice: {name: columns, from: both, axis: 1, start: 14}
  - permute: [0, 2, 1]
  - conv: {name: of_columns, out_channels: 16, kernel_size: 1}
  - mul: {name: last, from: [input, of_rows, of_columns]}
""",
    "a class token": """
input: [3, 32, 24]
layers:
  - conv: {out_channels: 8, kernel_size: 8, stride: 8}
  - flatten: {start_axis: 1}
  - permute: {name: patches, axes: [1, 0]}
  - parameter: {name: token, from: patches, sizes: [1, 8]}
  - concat: {name: tokens, from: [token, patches]}
  - parameter: {name: places, from: tokens, sizes: [13, 8]}
  - add: {name: placed, from: [tokens, places]}
  - attention: {name: attended, num_heads: 2}
  - add: {name: stream, from: [placed, attended]}
  - slice: {axis: 0, end: 1}
  - reduce: {name: last, axes: [0]}
""",
    "CBAM": """
input: [4, 16, 16]
layers:
  - conv: {name: map, out_channels: 4, kernel_size: 3, padding: 1}
  - max_pool: {name: highest, from: map, kernel_size: 16}
  - avg_pool: {name: mean, from: map, kernel_size: 16}
  - add: {from: [highest, mean]}
  - flatten
  - linear: 4
  - sigmoid: {name: gate}
  - mul: {name: gated, from: [map, gate]}
  - conv: {name: last, out_channels: 4, kernel_size: 3, padding: 1}
""",
    "a learned map before tokens": """
input: [8, 20, 12]
layers:
  - parameter: {name: places, from: input, sizes: [8, 20, 12]}
  - add: {from: [input, places]}
  - reshape: [8, 240]
  - permute: {name: last, axes: [1, 0]}
""",
    "a YOLO head": """
input: [8, 12, 20]
layers:
  - conv: {out_channels: 21, kernel_size: 3, padding: 1}
  - reshape: [3, 7, 12, 20]
  - permute: [0, 2, 3, 1]
  - sigmoid
  - reshape: {name: last, sizes: [720, 7]}
""",
    "padding that repeats, then cut": """
input: [4, 12, 12]
layers:
  - pad: {padding: [[0, 1], [0, 1]], mode: replicate}
  - max_pool: {kernel_size: 3, stride: 2}
  - pad: {padding: 1, mode: circular}
  - crop: {cropping: [[1, 0], [0, 1]]}
  - concat: {name: last, axis: 1, branches: [[], [relu]]}
""",
    "gaps and padding behind a norm": """
input: [4, 9]
layers:
  - instance_norm
  - conv_transpose: {out_channels: 2, kernel_size: 3, stride: 3, dilation: 3}
  - pad: {name: last, padding: 2}
""",
}


def beside_a_summary(*layers: str) -> str:
    """A sequence, the mean of all of it, and the sequence again, end to end, before the layers."""
    items = "".join(f"  - {layer}\n" for layer in layers)
    return f"""
input: [2, 6]
layers:
  - global_avg_pool: {{name: all, keepdim: true}}
  - concat: {{name: first, axis: 1, from: [input, all]}}
  - concat: {{axis: 1, from: [first, input]}}
{items}"""


HEADS |= {
    "a summary in the middle": beside_a_summary("crop: {name: last, cropping: [[6, 6]]}"),
    "a summary cut away with what is behind": beside_a_summary("crop: {name: last, cropping: [[0, 7]]}"),
    "a summary cut away with what is before": beside_a_summary("crop: {name: last, cropping: [[7, 0]]}"),
    "a summary that a stride skips": beside_a_summary("max_pool: {name: last, kernel_size: 1, stride: 4}"),
    "a summary cut away by padding": beside_a_summary(
        "conv_transpose: {name: last, out_channels: 2, kernel_size: 3, padding: [[1, 9]]}"
    ),
}
SEES = {
    "a summary in the middle": ((0,), True),
    "a summary cut away with what is behind": ((1,), False),
    "a summary cut away with what is before": ((1,), False),
    "a summary that a stride skips": ((1,), False),
    "a summary cut away by padding": ((3,), False),
    "coordinate attention": ((1, 1), True),
    "a class token": (None, True),
    "CBAM": ((5, 5), True),
    "a learned map before tokens": ((1, 1), False),
    "a YOLO head": ((3, 3), False),
    "padding that repeats, then cut": ((3, 3), False),
    "gaps and padding behind a norm": ((3,), True),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads_and_gates(name: str) -> None:
    network = net(HEADS[name])
    last = next(row for row in analyze(network).layers if row.name == "last")
    assert (last.receptive_field.size, last.receptive_field.is_global) == SEES[name]
    assert verify(network).agrees


def test_the_field_of_a_network_with_a_class_token_is_that_of_its_tokens() -> None:
    seen = analyze(net(HEADS["a class token"])).receptive_field
    assert seen is not None
    assert (seen.size, seen.is_global) == ((8, 8), True)


def test_a_parameter_sees_nothing() -> None:
    rows = analyze(net(HEADS["a class token"])).layers
    assert {row.receptive_field.size for row in rows if row.kind == "parameter"} == {(0, 0)}
