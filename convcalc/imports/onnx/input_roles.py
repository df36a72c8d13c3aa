"""What the inputs of a graph are to the operators that read them: samples, weights, tables."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.imports.onnx.inlining import read_names
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import Graph

Shape = tuple[int, ...]

Reader = tuple[str, int]
"""An operator, and the place among its inputs."""


def readers_of(graph: Graph, nodes: Sequence[GraphNode]) -> dict[str, list[Reader]]:
    """Who reads every tensor: the operators, and at which place; -1 within a graph of its own or where it leaves."""
    readers: dict[str, list[Reader]] = {output.name: [("", -1)] for output in graph.outputs}
    for node in nodes:
        op = _op(graph, node)
        for place, name in enumerate(read_names(node)):
            readers.setdefault(name, []).append((op, place if place < len(node.inputs) else -1))
    return readers


def _op(graph: Graph, node: GraphNode) -> str:
    """The operator; where it does something in front of all axes, by a name of its own."""
    if node.op == "Gather":
        return "GatherInFront" if node.attributes.get("axis", 0) == 0 else node.op
    if node.op != "Unsqueeze":
        return node.op
    axes = node.attributes.get("axes")
    if axes is None and len(node.inputs) > 1 and node.inputs[1] in graph.initialisers:
        axes = list(graph.initialisers[node.inputs[1]].numbers() or ())
    return "UnsqueezeInFront" if axes == [0] else node.op


def may_be_samples(shape: Shape, readers: Sequence[Reader]) -> bool:
    """Whether axis 0 of an input may be a batch of samples."""
    if len(shape) < 2 or 0 in shape:
        return False
    if shape[0] == 1:
        return True
    if len(shape) == 2 and ("MatMul", 1) in readers:  # which sums over it
        return False
    if len(shape) < 4 and _MASK in readers:
        return False
    return not read_beside_samples(readers)


_MASK: Reader = ("Attention", 3)
"""A mask of scores, which has no batch where it has fewer axes than these."""


def read_beside_samples(readers: Sequence[Reader]) -> bool:
    """Whether an operator reads an input where axis 0 is no batch: as filters, a table, a state, or boxes."""
    return any(place in _NO_SAMPLES.get(op, ()) for op, place in readers)


_NO_SAMPLES: dict[str, tuple[int, ...]] = {
    "UnsqueezeInFront": (0,),
    "GatherInFront": (0,),
    **dict.fromkeys(("Conv", "ConvTranspose", "InstanceNormalization", "GroupNormalization"), (1, 2)),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"), (1, 2)),
    "BatchNormalization": (1, 2, 3, 4),
    "DeformConv": (1, 3),
    "PRelu": (1,),
    "SkipLayerNormalization": (2, 3, 4),
    "CausalConvWithState": (1, 2),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (1, 2, 3, 5, 6, 7)),
    "QLinearConv": (1, 2, 3, 4, 5, 6, 7, 8),
    "ConvInteger": (1, 2, 3),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "MatMulInteger": (2, 3),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), (1, 2)),
    **dict.fromkeys(("Gemm", "QGemm"), (1,)),
    "RoiAlign": (1, 2),
    "MaxRoiPool": (1,),
}
"""Where operators read filters, norms, scales, tables, states and boxes, whose axis 0 is no batch."""
