"""verify agrees: on networks on which it once did not, and on generated ones of all kinds.

CONVCALC_NETS=10000 tries so many; CONVCALC_SEED=1 others.
"""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import pytest
from conftest import MANY
from made_networks import made_network
from test_arrivals import along, claimed, reached

from convcalc import Network, SpecError, layers, verify
from convcalc.analysis.analyze import receptive_fields
from convcalc.language import Source, loads, writing
from convcalc.layers import Unprobed
from convcalc.reference.fields.stretch import run
from convcalc.reference.verified import Verification
from convcalc.tensors.engine import Engine

NETS = int(os.environ.get("CONVCALC_NETS", "40"))
SEED = int(os.environ.get("CONVCALC_SEED", "0"))
MOST_ELEMENTS = 20_000
PADDED = "{kernel_size: 2, dilation: 2, padding: 1}"
"""A window whose taps are both on the padding of one position."""

DISAGREED = {
    # the fields were wrong
    "a field beyond any input": (
        "[2, 6]",
        ["avg_pool: {repeat: 50, kernel_size: 4, ceil_mode: true}", "batch_norm", "upsample: {scale_factor: 7}"]),
    "a pad behind a norm": ("[8, 16, 16]", ["group_norm: 4", "pad: 1", "conv: {out_channels: 8, kernel_size: 3}"]),
    "padding alone behind a norm": ("[1, 1]", ["layer_norm", f"max_pool: {PADDED}"]),
    "padding alone behind a norm, transposed": (
        "[1, 1]", ["layer_norm", "conv_transpose: {out_channels: 1, kernel_size: 3, padding: [[1, 3]], dilation: 2}"]),
    "padding alone behind a pad": ("[1, 1]", ["layer_norm", "pad: 1", "avg_pool: {kernel_size: 1, stride: 2}"]),
    "padding alone behind a softmax": ("[1, 1]", ["softmax: {axis: -1}", f"max_pool: {PADDED}"]),
    "padding alone on one of two axes, and a norm": (
        "[2, 4, 1]",
        ["conv: {out_channels: 1, kernel_size: [1, 2], dilation: 2, padding: [0, 1]}", "layer_norm: {axes: [1, 2]}"]),
    "a norm over padding, whose statistics are everywhere": (
        "[1, 1]", ["pad: 1", "group_norm: 1", "avg_pool: {kernel_size: 1, stride: 2}"]),
    "a gate on padding": (
        "[1, 1]",
        ["conv: {out_channels: 1, kernel_size: 1, padding: 1}", "squeeze_excite: {squeeze_channels: 1}",
         "avg_pool: {kernel_size: 1, stride: 2}"]),
    "one position repeated over what sees nothing": (
        "[1, 1]",
        ["parameter: [1, 2]", "group_norm: {num_groups: 1, name: norm}", "min: {from: [norm, input]}"]),
    "one position repeated along the axis of another": (
        "[1, 1, 2]", ["reduce: {name: gone, axes: 1}", "sub: {from: [input, gone]}"]),
    "where a stretched cubic filter is 0": (
        "[1, 1, 1]",
        ["pad: 2", "upsample: {scale_factor: 1/2, mode: bicubic, align_corners: true, antialias: true}",
         "global_max_pool"]),
    "what lies beyond the ends and is read as the end": (
        "[1, 1]",
        ["upsample: {scale_factor: 4 / 3, coordinate_transformation_mode: half_pixel}", "instance_norm", "linear: 1"]),
    "a single position that one of two paths leaves": (
        "[1, 5]",
        ["conv: {name: side, kernel_size: 2, padding: same_lower, out_channels: 1}", "concat: {from: [input, side]}",
         "conv: {kernel_size: 1, stride: 3, padding: 1, out_channels: 3}", "global_avg_pool"]),
    "columns of a product that has other rows": (
        "[4, 1]",
        ["pad: {padding: [[1, 2]], name: wider}", "matmul: {from: [wider, input]}",
         "conv: {kernel_size: 2, dilation: 2, padding: same_lower, out_channels: 1}"]),
    "positions behind attention that lie beside padding, deformed": (
        "[1, 1, 1]",
        ["scaled_dot_product_attention: {from: [input, input, input], name: seen}",
         "conv: {from: seen, kernel_size: [3, 1], padding: 1, out_channels: 6, bias: false, name: moves}",
         "deform_conv: {from: [seen, moves], kernel_size: [3, 1], padding: 1, out_channels: 1}",
         "max_pool: {kernel_size: [3, 4], stride: [1, 9], padding: [[2, 4], [3, 3]], ceil_mode: true}"]),
    "padding behind attention, laid end to end": (
        "[1, 1]",
        ["attention: 1", "pad: {padding: 1, name: padded}", "concat: {axis: 1, from: [padded, padded]}",
         "avg_pool: {kernel_size: 1, stride: 5}"]),
    # the probe was wrong
    "positions on the channels of what is deformed": (
        "[2, 1, 3]",
        ["pad: {name: wide, padding: [[2, 5], [6, 0]], mode: replicate}", "max_pool: 2",
         "upsample: {size: [8, 9], name: again}", "concat: {axis: 0, from: [wide, again]}",
         "permute: {axes: [2, 0, 1], name: turned}",
         "conv: {kernel_size: [3, 1], out_channels: 6, name: moves}",
         "deform_conv: {from: [turned, moves], kernel_size: [3, 1], out_channels: 1}"]),
    "paths of positions that few outputs read": (
        "[3, 3, 1, 6]",
        ["softmax", "layer_norm", "conv_transpose: {out_channels: 2, kernel_size: 9, stride: 3, dilation: 3}"]),
    "a pad behind attention": ("[2, 5, 6]", ["attention: 2", "pad: {padding: 1}", "slice"]),
    "a norm of rows, of which a stride reads one": (
        "[4, 9, 5, 7]",
        ["layer_norm", "conv: {out_channels: 5, kernel_size: [1, 1, 4], stride: 3, padding: 5}",
         "upsample: {size: 4}"]),
    "more channels than a tensor could have": ("[4, 8]", ["local_response_norm: 2147483647"]),
    "positions on the channels, beside themselves": (
        "[2, 2]", ["flatten: {name: flat}", "softmax: {name: all}", "concat: {from: [all, flat]}"]),
    "positions on the channels, laid end to end": (
        "[1, 1, 2]", ["concat: {axis: 2, from: [input, input]}", "flatten", "group_norm: 1"]),
    "an axis of one that becomes channels": (
        "[1, 1, 1]", ["flatten: {end_axis: 1}", "permute: [1, 0]", "pad: 1"]),
    "copies at the ends of what is resized": (
        "[1, 1]", ["upsample: {scale_factor: 4 / 3, coordinate_transformation_mode: half_pixel}", "instance_norm"]),
    "copies at ends that become channels": (
        "[3, 8]",
        ["pad: {name: padded, padding: [[2, 1]], mode: replicate}", "concat: {axis: -1, from: [padded, input]}",
         "permute: {axes: [-1, -2], repeat: 4}"]),
    "a part of what was laid end to end": (
        "[1, 2, 1]",
        ["group_norm: {num_groups: 1, name: norm}", "concat: {axis: 1, from: [norm, input]}",
         "split: {sections: 4, part: 2, axis: 1}"]),
    "a window over merged axes": (
        "[1, 3, 2]", ["flatten: {start_axis: 1}", "max_pool: 2", "attention: 1"]),
    "classes beside positions": ("[5, 2]", ["one_hot: {num_classes: 5, axis: 1}", "flatten"]),
    "windows on padding that ceil_mode leaves out": (
        "[2, 1]", ["max_pool: {kernel_size: 3, stride: 2, padding: [[1, 4]], ceil_mode: true}"]),
    "windows on padding that are left out where some is counted": (
        "[2, 3]", ["avg_pool: {kernel_size: 2, stride: 1, padding: [[1, 4]], ceil_mode: caffe}"]),
    "a rule of last windows that another axis decides": (
        "[2, 6, 4]",
        ["max_pool: {kernel_size: [1, 4], stride: [3, 1], padding: [[0, 0], [2, 1]], ceil_mode: caffe}",
         "slice: {axis: -1, start: -4, end: -2, step: 2}", "adaptive_avg_pool: {output_size: [5, 1]}"]),
    "one query for keys on an axis of one": (
        "[2, 1, 4, 1]",
        ["global_avg_pool: {keepdim: true, name: mean}",
         "scaled_dot_product_attention: {from: [mean, input, input], is_causal: true}"]),
    "the lowest number there is, which a tag that is dropped leaves behind": (
        "[6, 2, 4]",
        ["max_pool: {kernel_size: [1, 3], stride: [3, 2], padding: [0, 1], ceil_mode: full}",
         "rms_norm: {axes: [-3, 2, 1]}", "adaptive_max_pool: [5, 4]", "affine: {factor: -2}",
         "log_softmax: {axis: -1}"]),
    "a size beside a scale that makes another": (
        "[1, 4]",
        ["upsample: {scale_factor: 2 / 7, size: 2, nearest_mode: round_prefer_ceil}",
         "concat: {axis: 1, from: [previous, previous]}"]),
}  # fmt: skip

HELD_BY_PROBES_ALONE = {
    "more channels than a tensor could have",  # more than the perturbed run could hold
}

NOT_PERTURBED = {
    "indices beside positions": ("{x: [2, 3, 4]}", ["top_k: {k: 2, axis: 1}", "flatten"]),
    "indices in place of positions": (
        "{x: [1, 2]}",
        ["top_k: {name: top, k: 2, axis: -1}", "crop: {name: cut, cropping: [[1, 0]]}",
         "concat: {axis: 1, from: [cut, x]}"]),
    "a state of one position beside features": (
        "{x: [20, 8], h: [1, 1, 16]}",
        ["flatten: {name: state, from: h}", "gru: {from: [x, state], hidden_size: 16}"]),
    "a cell behind one step": (
        "{x: [1, 2, 1, 3], h: [1, 2, 5]}", ["lstm: {from: [x, h], hidden_size: 5, output: with_cell}", "flatten"]),
    "a mask of windows that see no first key": (
        "{a: [3, 2, 3, 5], b: [3, 2, 6, 5], c: [3, 2, 6, 1], d: [1, 1, 1, 1]}",
        ["scaled_dot_product_attention: {from: [a, b, c, d], left_window: 0, offset: 1}"]),
    "a map of one position, read by a grid": (
        "{x: [1, 1, 2, 6], grid: [5, 4, 3, 3]}",
        ["grid_sample: {from: [x, grid]}", "concat: {axis: 2, from: [previous, previous]}"]),
}  # fmt: skip


def wrong(result: Verification) -> list[tuple[str, Any]]:
    """What disagrees, to be shown."""
    reasons = [(layer.name, layer.problem or layer.receptive_field) for layer in result.disagreements]
    return [*reasons, *((name, figure) for name, figure in result.totals.items() if not figure.agrees)]


@pytest.mark.parametrize("name", DISAGREED)
def test_what_it_once_disagreed_with(name: str) -> None:
    """What the fields claim of operations over all positions is held against perturbed positions, without the probe."""
    shape, items = DISAGREED[name]
    network = loads(Source("net.yaml", f"input: {shape}\nlayers:\n" + "".join(f"  - {item}\n" for item in items)))
    result = verify(network)
    assert result.agrees, wrong(result)
    if name in HELD_BY_PROBES_ALONE:
        return
    fields, _ = receptive_fields(network)
    for field, arrived in zip(fields, reached(network), strict=True):
        for axis in range(len(field.axes)):
            positions = along(network, arrived, axis)
            assert (claimed(field, axis) or set()) <= positions
            if field.axes[axis] is None and positions:
                assert claimed(field, axis) == positions


@pytest.mark.parametrize("name", NOT_PERTURBED)
def test_what_it_once_disagreed_with_and_perturbing_does_not_show(name: str) -> None:
    """Indices, which a small change does not move, and several inputs."""
    shapes, items = NOT_PERTURBED[name]
    network = loads(Source("net.yaml", f"inputs: {shapes}\nlayers:\n" + "".join(f"  - {item}\n" for item in items)))
    result = verify(network)
    assert result.agrees, wrong(result)


@pytest.mark.parametrize("name", layers.names())
def test_where_there_is_one_position_a_layer_leaves_one(name: str) -> None:
    """Whatever its fields say: indices, classes or units that it makes would be taken for positions behind it."""
    kind = layers.load(name)
    assert kind is not None
    for seed in range(20 if kind.costed else 0):
        config, inputs = kind.case(random.Random(seed))
        try:
            thin = config.unbounded(None, inputs).thin(None, inputs)
        except Unprobed:
            continue
        output = run(Engine(), thin, [np.ones((1, *(1,) * len(x)), np.float32) for x in inputs])
        assert output.shape == (1, *(1,) * len(config.shape(*inputs))), config


def test_arrays_that_are_kept_are_shared_only_where_they_fit() -> None:
    text = "input: [1]\nlayers:\n  - parameter: {name: first, sizes: 1, learned: false}\n"
    with pytest.raises(SpecError, match=r"share: the weights of first are constant 1, this layer needs"):
        loads(Source("net.yaml", f"{text}  - parameter: {{sizes: 2, share: first}}\n"))


def test_fields_for_each_axis_are_shared_only_among_as_many() -> None:
    layers_ = "conv: {name: first, out_channels: 3, kernel_size: 1}", "global_avg_pool", "conv: {share: first}"
    with pytest.raises(SpecError, match="share: first is for 1 spatial axes, and what enters this layer has 0"):
        loads(Source("net.yaml", "input: [3, 5]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers_)))


def generated(draw: random.Random) -> Network | None:
    """A network of some layers of any kinds, each on any tensor before it that it fits; None where none was found."""
    rank, most = draw.choice([0, 1, 1, 2, 2, 3]), draw.choice([4, 9, 12])
    shapes = {"input": [draw.randint(1, 6), *(draw.randint(1, most) for _ in range(rank))]}
    if draw.random() < 0.3:
        shapes["other"] = [draw.randint(1, 6), *shapes["input"][1:]]
    ranks, items = dict.fromkeys(shapes, rank), list[Any]()
    network = None
    for number in range(draw.randint(2, 40)):
        source = draw.choice([*ranks, *[list(ranks)[-1]] * 3])
        name = draw.choice(layers.names())
        kind = layers.load(name)
        assert kind is not None
        config, inputs = kind.case(draw)
        body = writing.layer(name, config, len(inputs[0]) - 1, [source, *draw.choices([*ranks], k=len(inputs) - 1)])
        item = {name: {**body[name], "name": f"layer{number}"}}
        try:
            larger = loads(Source("net.yaml", writing.text({"inputs": shapes, "layers": [*items, item]})))
        except SpecError:
            continue
        shape = larger.nodes[-1].shape
        if not larger.uncosted and np.prod(shape) <= MOST_ELEMENTS:
            network, ranks[f"layer{number}"] = larger, len(shape) - 1
            items.append(item)
    return network


def test_generated_networks() -> None:
    draw = random.Random(SEED)
    tried = 0
    while tried < NETS:
        network = generated(draw)
        if network is not None:
            result = verify(network)
            assert result.agrees, (SEED, network.source, list(network.layers), wrong(result))
            tried += 1


def test_networks_that_are_made_of_pieces() -> None:
    """What is behind gates, norms, pads and strides beyond the size; 1000 and more with CONVCALC_EXAMPLES."""
    for number in range(MANY or NETS // 2):
        text, network = made_network(random.Random(f"{SEED}:{number}"))
        result = verify(network)
        assert result.agrees, (SEED, number, text, wrong(result))
        not_probed = [layer.receptive_field for layer in result.layers if layer.receptive_field is not None]
        assert all(check.reason for check in not_probed if check.agrees is None), text
