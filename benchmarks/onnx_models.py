"""The networks that are run against ONNX Runtime, as ONNX models: the kinds that they are made of and no others."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import onnx
from onnx import TensorProto, helper, numpy_helper

from convcalc.network import Network, Node

Attributes = dict[str, Any]


def model(network: Network, arrays: Mapping[int, Mapping[str, Any]]) -> bytes:
    """The network, batch 1, with the arrays of each node by its index. No layer is fused with another."""
    names = {index: node.name for index, node in enumerate(network.nodes)}
    nodes, initializers = [], []
    for index, node in enumerate(network.nodes[network.input_count :], start=network.input_count):
        entering = [names[source] for source in node.inputs]
        weights = {name: f"{node.name}/{name}" for name in arrays[index]}
        initializers += [numpy_helper.from_array(arrays[index][name], named) for name, named in weights.items()]
        nodes += list(WRITERS[node.kind](node, entering, weights))
    first, last = network.nodes[0], network.nodes[-1]
    graph = helper.make_graph(
        nodes,
        network.name,
        [helper.make_tensor_value_info(first.name, TensorProto.FLOAT, [1, *first.shape])],
        [helper.make_tensor_value_info(last.name, TensorProto.FLOAT, [1, *last.shape])],
        initializers,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


Writer = Callable[[Node, list[str], dict[str, str]], Iterator[onnx.NodeProto]]


def _windowed(config: Any) -> Attributes:
    pads = [pair[0] for pair in config.padding] + [pair[1] for pair in config.padding]
    return {"kernel_shape": config.kernel_size, "strides": config.stride, "pads": pads}


def _convolution(operator: str) -> Writer:
    def written(node: Node, entering: list[str], weights: dict[str, str]) -> Iterator[onnx.NodeProto]:
        config: Any = node.config
        attributes = {**_windowed(config), "dilations": config.dilation, "group": config.groups}
        yield helper.make_node(operator, [*entering, *weights.values()], [node.name], **attributes)

    return written


def _batch_norm(node: Node, entering: list[str], weights: dict[str, str]) -> Iterator[onnx.NodeProto]:
    config: Any = node.config
    arrays = [weights[name] for name in ("weight", "bias", "running_mean", "running_var")]
    yield helper.make_node("BatchNormalization", [*entering, *arrays], [node.name], epsilon=config.eps)


def _max_pool(node: Node, entering: list[str], weights: dict[str, str]) -> Iterator[onnx.NodeProto]:
    yield helper.make_node("MaxPool", entering, [node.name], **_windowed(node.config))


def _relu6(node: Node, entering: list[str], weights: dict[str, str]) -> Iterator[onnx.NodeProto]:
    bounds = [f"{node.name}/{bound}" for bound in ("least", "most")]
    for bound, value in zip(bounds, (0.0, 6.0), strict=True):
        yield helper.make_node("Constant", [], [bound], value_float=value)
    yield helper.make_node("Clip", [*entering, *bounds], [node.name])


def _global_avg_pool(node: Node, entering: list[str], weights: dict[str, str]) -> Iterator[onnx.NodeProto]:
    yield helper.make_node("GlobalAveragePool", entering, [f"{node.name}/pooled"])
    yield helper.make_node("Flatten", [f"{node.name}/pooled"], [node.name])


def _linear(node: Node, entering: list[str], weights: dict[str, str]) -> Iterator[onnx.NodeProto]:
    yield helper.make_node("Gemm", [*entering, *weights.values()], [node.name], transB=1)


def _plain(operator: str) -> Writer:
    def written(node: Node, entering: list[str], weights: dict[str, str]) -> Iterator[onnx.NodeProto]:
        yield helper.make_node(operator, entering, [node.name])

    return written


WRITERS: dict[str, Writer] = {
    "conv": _convolution("Conv"),
    "conv_transpose": _convolution("ConvTranspose"),
    "batch_norm": _batch_norm,
    "max_pool": _max_pool,
    "relu": _plain("Relu"),
    "relu6": _relu6,
    "add": _plain("Sum"),
    "dropout": _plain("Identity"),
    "global_avg_pool": _global_avg_pool,
    "linear": _linear,
}
