"""Windows, frames and steps that a graph folds into the first axis: every operator's numbers are ONNX Runtime's.

The network that is read is written again, with the arrays of the file, and run beside it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from convcalc.exports.onnx.run import run
from convcalc.exports.onnx.write import model as written
from convcalc.imports.errors import CannotImport
from convcalc.imports.onnx.kept_batches import WAYS
from convcalc.imports.onnx.walk import of_bytes
from convcalc.imports.record import Imported
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.network import Network
from convcalc.readable.text import text

MAPS = (6, 4, 5, 6)
SHAPE = (1, *MAPS)

generator = np.random.default_rng(0)


def op(kind: str, *inputs: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, ["t", *inputs], ["y"], name="last", **attributes)


def floats(*shape: int) -> np.ndarray:
    return generator.normal(size=shape).astype(np.float32)


def model(nodes: list[NodeProto], arrays: dict[str, np.ndarray], maps: tuple[int, ...] = MAPS) -> ModelProto:
    """Nodes on the tensor `t`, which is `x` with its second axis made the first; `y` leaves."""
    held = {"sizes": np.array(maps, np.int64), **arrays}
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "sizes"], ["t"]), *nodes],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in held.items()],
    )
    newer = any(node.op_type in ("GroupNormalization", "Attention", "DeformConv", "Col2Im") for node in nodes)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23 if newer else 17)], ir_version=10)


def norm(count: int = 4) -> dict[str, np.ndarray]:
    return {"weight": floats(count), "bias": floats(count), "mean": floats(count), "var": np.abs(floats(count))}


CASES: dict[str, tuple[NodeProto, dict[str, np.ndarray]]] = {
    "conv": (
        op("Conv", "weight", "bias", strides=[2, 1], pads=[1, 0, 1, 2], dilations=[1, 2]),
        {"weight": floats(7, 4, 3, 3), "bias": floats(7)},
    ),
    "conv_same": (op("Conv", "weight", strides=[2, 2], auto_pad="SAME_UPPER"), {"weight": floats(7, 4, 3, 3)}),
    "conv_depthwise": (op("Conv", "weight", group=4, kernel_shape=[3, 3]), {"weight": floats(4, 1, 3, 3)}),
    "conv_transpose": (
        op("ConvTranspose", "weight", strides=[2, 2], output_padding=[1, 0], pads=[1, 1, 0, 1]),
        {"weight": floats(4, 5, 3, 3)},
    ),
    "conv_transpose_to": (
        op("ConvTranspose", "weight", strides=[2, 2], output_shape=[11, 12]),
        {"weight": floats(4, 5, 3, 3)},
    ),
    "batch_norm": (op("BatchNormalization", "weight", "bias", "mean", "var"), norm()),
    "instance_norm": (op("InstanceNormalization", "weight", "bias"), dict([*norm().items()][:2])),
    "group_norm": (op("GroupNormalization", "weight", "bias", num_groups=2), dict([*norm().items()][:2])),
    "lrn": (op("LRN", size=3), {}),
    "prelu": (op("PRelu", "weight"), {"weight": floats(4, 1, 1)}),
    "max_pool": (op("MaxPool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, pads=[1, 0, 0, 1]), {}),
    "avg_pool": (op("AveragePool", kernel_shape=[3, 3], auto_pad="SAME_LOWER"), {}),
    "lp_pool": (op("LpPool", kernel_shape=[3, 3], p=2), {}),
    "global_avg_pool": (op("GlobalAveragePool"), {}),
    "global_max_pool": (op("GlobalMaxPool"), {}),
    "resize": (op("Resize", "", "scales", mode="linear"), {"scales": np.array([1, 1, 2, 2], np.float32)}),
    "resize_to": (op("Resize", "", "", "to", mode="nearest"), {"to": np.array([6, 4, 9, 12], np.int64)}),
    "attention": (op("Attention", "t", "t"), {}),
    "layer_norm": (op("LayerNormalization", "weight", axis=1), {"weight": floats(4, 5, 6)}),
    "softmax": (op("Softmax", axis=1), {}),
}


def runtime(proto: ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(["y"], {"x": x})
    return np.asarray(y)


def read(proto: ModelProto) -> Imported:
    return of_bytes(proto.SerializeToString(), "net.onnx")


def same_numbers(proto: ModelProto) -> Imported:
    """Assert that what is read, written again with the arrays of the file in their order, computes the same."""
    x = floats(*SHAPE)
    wanted, network = runtime(proto, x), read(proto)
    assert math.prod(network.layers[-1].shape) == wanted.size
    again = written(loads(Source("net.yaml", text(network))))
    arrays = [numpy_helper.to_array(tensor) for tensor in proto.graph.initializer]
    used = [array for array in arrays if array.dtype == np.float32 and array.size > 1][: len(again.graph.initializer)]
    named = {t.name: array.reshape(t.dims) for t, array in zip(again.graph.initializer, used, strict=True)}
    (made,) = run(again, named, [x])
    assert np.allclose(made.reshape(wanted.shape), wanted, rtol=1e-3, atol=1e-4)
    return network


def macs(network: Network) -> int:
    return sum(node.config.macs(*network.shapes_into(node)) for node in network.layers)


@pytest.mark.parametrize("name", CASES)
def test_several_maps_are_worked_out_as_each_by_itself(name: str) -> None:
    node, arrays = CASES[name]
    same_numbers(model([node], arrays))


@pytest.mark.parametrize("mode", ["DCR", "CRD", "SpaceToDepth"])
def test_channels_become_positions_within_each_map(mode: str) -> None:
    node = op("SpaceToDepth", blocksize=2) if mode == "SpaceToDepth" else op("DepthToSpace", blocksize=2, mode=mode)
    same_numbers(model([node], {}, (5, 8, 6, 3) if mode != "SpaceToDepth" else (5, 6, 6, 4)))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_convolutions_of_every_rank_cost_that_of_one_map_as_often_as_there_are_maps(rank: int) -> None:
    maps = {1: (6, 4, 30), 2: MAPS, 3: (6, 2, 2, 5, 6)}[rank]
    proto = model([op("Conv", "weight", pads=[1] * 2 * rank)], {"weight": floats(3, maps[1], *(3,) * rank)}, maps)
    network = same_numbers(proto)
    assert macs(loads(Source("net.yaml", text(network)))) == maps[0] * math.prod(maps[2:]) * 3 * maps[1] * 3**rank


def test_offsets_of_a_deformable_convolution_are_those_of_their_map() -> None:
    """Each map by itself, and the filters count once."""
    slices = {"start": np.array([0], np.int64), "end": np.array([2], np.int64), "axis": np.array([1], np.int64)}
    nodes = [
        helper.make_node("Slice", ["t", "start", "end", "axis"], ["offsets"]),
        op("DeformConv", "weight", "offsets", kernel_shape=[1, 1]),
    ]
    network = same_numbers(model(nodes, slices | {"weight": floats(5, 4, 1, 1)}))
    assert [layer.share for layer in network.layers if layer.kind == "deform_conv"].count(None) == 1


def test_axes_are_turned_once_for_layers_behind_one_another() -> None:
    nodes = [
        helper.make_node("Conv", ["t", "first"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("Conv", ["b", "second"], ["y"], name="second"),
    ]
    network = same_numbers(model(nodes, {"first": floats(8, 4, 3, 3), "second": floats(3, 8, 1, 1)}))
    assert [layer.kind for layer in network.layers] == ["permute", "conv", "relu", "conv", "permute"]


def test_a_norm_keeps_its_scale_and_shift_once() -> None:
    node, arrays = CASES["group_norm"]
    network = read(model([node], arrays))
    assert sum(math.prod(layer.shape) for layer in network.layers if layer.kind == "parameter") == 8


def test_more_maps_than_are_cut_apart_are_said() -> None:
    proto = model(
        [op("DeformConv", "weight", "t", kernel_shape=[1, 1])], {"weight": floats(5, 2, 1, 1)}, (120, 2, 3, 1)
    )
    with pytest.raises(CannotImport, match="a batch of 120 within the network, where at most 64 are cut apart"):
        read(proto)


def test_every_operator_of_a_batch_is_tried() -> None:
    """But for those that other tests try, and ONNX Runtime's own, whose graphs these cases are not."""
    own = {"ConvInteger", "FusedConv", "QLinearConv", "QLinearAveragePool", "QLinearGlobalAveragePool", "BiasGelu"}
    later = {"SkipLayerNormalization", "GlobalLpPool", "GridSample", "Col2Im", "Upsample"}
    tried = {node.op_type for node, _ in CASES.values()} | {"DepthToSpace", "SpaceToDepth", "DeformConv"}
    assert set(WAYS) - tried == own | later
