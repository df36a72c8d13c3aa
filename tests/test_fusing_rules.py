"""Rules of fusing where they end, worked out by hand; what is said of a fused network, and how long fusing takes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

import convcalc
from convcalc.analysis.analyze import analyze
from convcalc.arithmetic.precision import PartialPrecision, format_of
from convcalc.fusing import fuse
from convcalc.language import Source, loads
from convcalc.network import Node

# ---- where the rules end, by hand ---------------------------------------------------------------------------------

CONV = "conv: {out_channels: 4, kernel_size: 1}"
PLAIN = "conv: {out_channels: 4, kernel_size: 1, bias: false}"

KERNELS = {  # layers, and the kernels that are left: what runs in each, and over which of its inputs it writes
    "a chain is one kernel": (f"[{CONV}, batch_norm, scale, relu]", "conv1+batch_norm1+scale1+relu1"),
    "a norm of the batch is not known": (
        f"[{CONV}, batch_norm: {{track_running_stats: false}}, relu]", "conv1 batch_norm1+relu1",
    ),
    "other norms measure what enters": (f"[{CONV}, instance_norm, relu]", "conv1 instance_norm1+relu1"),
    "softmax looks at more than an element": (f"[{CONV}, softmax]", "conv1 softmax1"),
    "what is read twice stays": (
        f"[{CONV}, batch_norm, add: {{from: [conv1, batch_norm1]}}]", "conv1 batch_norm1 add1/0",
    ),
    "a norm behind an activation stays": (f"[{CONV}, relu, batch_norm]", "conv1+relu1 batch_norm1/0"),
    "a gate writes over what it is for": (
        f"[{CONV}, global_avg_pool, sigmoid, mul: {{from: [conv1, sigmoid1]}}]",
        "conv1 global_avg_pool1+sigmoid1 mul1/0",
    ),
    "an input is not written over": ("[relu, relu6]", "relu1+relu6_1"),
    "a view of an input takes no memory, and is not written over": ("[flatten, relu]", "flatten1/0 relu1"),
    "nor through another view": ("[flatten, reshape: [4, -1], relu]", "flatten1/0 reshape1/0 relu1"),
    "a view of a parameter is an activation, as it was none": (
        "[parameter: {sizes: [4, 2, 2]}, flatten, relu]", "parameter1 flatten1 relu1/0",
    ),
    "a parameter is not written over": (
        f"[{CONV}, parameter: {{sizes: [4, 2, 2]}}, add: {{from: [parameter1, conv1]}}]", "conv1 parameter1 add1/1",
    ),
    "a sum of one tensor": (f"[{CONV}, add: {{from: [conv1, conv1]}}]", "conv1 add1/0"),
    "the smaller of two is not written over": (
        f"[{CONV}, global_avg_pool: {{keepdim: true}}, softmax, add: {{from: [softmax1, input]}}]",
        "conv1 global_avg_pool1 softmax1 add1",
    ),
    "behind concat an activation runs alone": ("[concat: {from: [input, input]}, relu]", "concat1 relu1/0"),
    "a norm along the channels of a linear layer on a map": ("[linear: 2, batch_norm]", "linear1 batch_norm1/0"),
    "a number for all folds there": ("[linear: 2, affine: {factor: 2}]", "linear1+affine1"),
    "what enters as weights cannot be folded into": (
        f"[parameter: {{name: made, sizes: [4, 4, 1, 1]}}, {PLAIN[:-1]}, from: [input, made]}}, batch_norm]",
        "made conv1 batch_norm1/0",
    ),
    "shared weights": (f"[{CONV}, batch_norm, conv: {{share: conv1}}]", "conv1 batch_norm1/0 conv2"),
    "a shared norm": (
        f"[{CONV}, batch_norm, max_pool: 1, batch_norm: {{share: batch_norm1}}]",
        "conv1 batch_norm1/0 max_pool1 batch_norm2/0",
    ),
    "slopes that are shared": (
        f"[{CONV}, prelu, max_pool: 1, prelu: {{share: prelu1}}]", "conv1 prelu1/0 max_pool1 prelu2/0",
    ),
    "of a shared convolution an activation without arrays": (
        f"[{CONV}, relu, conv: {{share: conv1}}, relu]", "conv1+relu1 conv2+relu2",
    ),
    "and one with arrays": (f"[{CONV}, prelu, conv: {{share: conv1}}]", "conv1 prelu1/0 conv2"),
    "dropout of an input leaves the network": ("[dropout]", "dropout1"),
    "identity of a parameter does too": ("[parameter: {sizes: [4]}, identity]", "parameter1 identity1"),
    "layers of unknown cost have no kernel": ("[opaque: [4, 2, 2], relu]", "opaque1 relu1/0"),
}  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
def test_rules_by_hand(name: str) -> None:
    layers, kernels = KERNELS[name]
    network = fuse(loads(Source("<test>", f"{{input: [4, 2, 2], layers: {layers}}}"))).network
    shown = ["+".join((node.name, *node.merged)) + _place(node) for node in network.layers]
    assert " ".join(shown) == kernels


def _place(node: Node) -> str:
    return "" if node.in_place is None else f"/{node.in_place}"


BIASES = {
    "batch_norm": 4, "scale: {bias: true}": 4, "affine: {addend: 1}": 4, "scale": 0, "affine: {factor: 2}": 0,
}  # fmt: skip


@pytest.mark.parametrize("behind", BIASES)
def test_a_folded_layer_has_a_bias_where_something_is_added(behind: str) -> None:
    network = loads(Source("<test>", f"{{input: [4, 2, 2], layers: [{PLAIN}, {behind}, prelu]}}"))
    totals = analyze(network, fused=True).totals
    biases = BIASES[behind]
    assert (totals.params, totals.buffers) == (16 + biases + 1, 0)
    assert totals.elementwise_ops == (16 if biases else 0) + 16


def test_an_activation_needs_nobody_to_have_its_arrays() -> None:
    """What it is said to share arrays with runs in a kernel, whose arrays are others."""
    text = f"{{input: [4, 2, 2], layers: [{CONV}, relu, concat: {{from: [input, relu1]}}, relu: {{share: relu1}}]}}"
    network = loads(Source("<test>", text))
    assert network.nodes[-1].shared is not None
    assert fuse(network).network.nodes[-1].shared is None


def test_outputs_keep_a_tensor_each() -> None:
    text = f"{{input: [4, 2, 2], layers: [{CONV}, relu, dropout, identity], outputs: [relu1, dropout1, identity1]}}"
    network = fuse(loads(Source("<test>", text))).network
    assert [network.nodes[index].name for index in network.outputs] == ["conv1", "dropout1", "identity1"]


INT8 = PartialPrecision(activations=format_of("int8"))


@pytest.mark.parametrize(("dtype", "kernels"), [("float32", 2), ("int8", 1)])
def test_what_is_held_in_another_format_is_another_kernel(dtype: str, kernels: int) -> None:
    network = loads(Source("<test>", f"{{input: [4, 2, 2], layers: [{CONV}, relu]}}"))
    entered, layer, behind = network.nodes
    network = replace(network, nodes=(entered, replace(layer, precision=INT8), behind))
    assert len(analyze(network, dtype=dtype, fused=True).layers) == kernels


def test_slopes_are_weights_of_the_kernel_in_its_formats() -> None:
    network = loads(Source("<test>", f"{{input: [4, 2, 2], layers: [{CONV}, prelu: 4]}}"))
    entered, layer, behind = network.nodes
    narrow = PartialPrecision(weights=format_of("int4"))
    (row,) = analyze(network, fused=True).layers
    assert (row.params, row.weight_bytes) == (16 + 4 + 4, 4 * (16 + 4 + 4))
    network = replace(network, nodes=(entered, replace(layer, precision=narrow), behind))
    assert [row.weight_bytes for row in analyze(network, fused=True).layers] == [4 * 2 + 4 * 4, 4 * 4]


def test_blocks_are_where_their_kernels_are() -> None:
    """Of every kernel the block is that of its first layer, and the costs of all are those of the network."""
    network = convcalc.load("zoo:mobilenet_v2")
    fusion = fuse(network)
    inside = {
        (group.name, node.name)
        for group in fusion.network.groups
        for node in fusion.network.nodes[group.first : group.last]
    }
    heads = {network.nodes[parts.first].name for parts in fusion.parts}
    assert inside == {
        (group.name, node.name)
        for group in network.groups
        for node in network.nodes[group.first : group.last]
        if node.name in heads
    }


def test_the_peak_is_the_largest_input_and_output_of_a_kernel() -> None:
    """MobileNetV2, Table 2 of Sandler et al. 2018: 96 channels at 112, then at 56, around the depthwise of stride 2."""
    network = convcalc.load("zoo:mobilenet_v2")
    assert analyze(network, dtype="int8", fused=True).totals.peak_activation_bytes == 96 * 112**2 + 96 * 56**2
    assert analyze(network, dtype="int8").totals.peak_activation_bytes == 2 * 96 * 112**2
