"""What a person must know of a file beside its layers: its types, norms that are not in it, biases of zeros."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from convcalc.imports.assembly import Assembly
from convcalc.imports.tflite import FORMAT
from convcalc.imports.tflite.model import LiteSubgraph, LiteTensor, Operator
from convcalc.imports.tflite.origins import is_norm
from convcalc.imports.tflite.schema import FLOATS

if TYPE_CHECKING:
    from convcalc.imports.tflite.walk import LiteWalk

_WEIGHTED = {
    "CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "CONV_3D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3,
    "CONV_3D_TRANSPOSE": 3,
}  # fmt: skip
"""Operators with weights as their second input, and the place of their bias."""

_LAYERS = {"conv", "conv_transpose", "linear", "prelu", "lstm", "rnn", "embedding"}
"""Kinds whose arrays are weights beyond doubt."""


def _weighted(graph: LiteSubgraph) -> Iterator[tuple[Operator, LiteTensor]]:
    """The operators of a subgraph with weights, and these, as they lie in the file."""
    makers = {index: operator for operator in graph.operators for index in operator.outputs}
    for operator in graph.operators:
        if operator.type not in _WEIGHTED or len(operator.inputs) < 2 or operator.inputs[1] < 0:
            continue
        yield operator, _stored(graph, makers, operator.inputs[1])


def _stored(graph: LiteSubgraph, makers: dict[int, Operator], index: int) -> LiteTensor:
    """The constant that a tensor is made of by nothing but other types of its numbers."""
    for _ in range(4):
        maker = makers.get(index)
        if maker is None or maker.type not in ("DEQUANTIZE", "DENSIFY", "QUANTIZE", "CAST") or not maker.inputs:
            break
        index = maker.inputs[0]
    return graph.tensor(index)


def format_of(walk: LiteWalk) -> str:
    """What the file is, with the types of its numbers in words."""
    graph = walk.model.subgraphs[0]
    pairs: Counter[tuple[str, str, bool]] = Counter()
    for operator, weight in _weighted(graph):
        x = graph.tensor(operator.inputs[2 if operator.type.endswith(("TRANSPOSE", "TRANSPOSE_CONV")) else 0])
        entering = "float" if x.type in FLOATS else x.type_name
        pairs[weight.type_name, entering, weight.is_sparse] += 1
    if not pairs:
        return FORMAT
    (weights, entering, _), _ = pairs.most_common(1)[0]
    if entering == "float":
        words = weights if weights.startswith(("float", "bfloat")) else f"{weights} weights, float activations"
    else:
        words = weights if entering == weights else f"{weights} weights, {entering} activations"
    return f"{FORMAT}, {words}{', sparse' if any(is_sparse for _, _, is_sparse in pairs) else ''}"


def notes_of(walk: LiteWalk, assembly: Assembly) -> list[str]:
    """Sentences on what the figures are of."""
    graph = walk.model.subgraphs[0]
    notes = [*_norms(graph), *_zeros(walk, graph), *_others(assembly)]
    called = {"CALL": "subgraph", "STABLEHLO_COMPOSITE": "subgraph"}
    numbers = {operator.option(name) for operator in walk.operators if (name := called.get(operator.type))}
    loops = {
        operator.option(name)
        for operator in walk.operators
        for name in {"IF": ("then", "else"), "WHILE": ("cond", "body"), "CALL_ONCE": ("subgraph",)}.get(
            operator.type, ()
        )
    }
    beside = len(walk.model.subgraphs) - 1 - len({*numbers, *loops} - {0})
    if beside > 0:
        graphs = "1 more graph" if beside == 1 else f"{beside} more graphs"
        notes.append(f"the file has {graphs} that the first does not call; the figures are for the first")
    return notes


def _norms(graph: LiteSubgraph) -> Iterator[str]:
    channels, count = 0, 0
    for operator, _ in _weighted(graph):
        tensor = graph.tensor(operator.outputs[0]) if operator.outputs else None
        if tensor is not None and tensor.shape and is_norm(tensor.name):
            channels, count = channels + tensor.shape[-1], count + 1
    if count:
        layers = "1 layer" if count == 1 else f"{count} layers"
        yield (
            f"batch norm was folded into {layers} when the file was converted: it has no arrays here; where each norm "
            f"had a scale and a shift, and no layer a bias, the network learns {channels:,} parameters more"
        )


def _zeros(walk: LiteWalk, graph: LiteSubgraph) -> Iterator[str]:
    """Biases of zeros, which converters fill in where a layer has none."""
    zeros: dict[int, int] = {}
    makers = {index: operator for operator in graph.operators for index in operator.outputs}
    for operator, _ in _weighted(graph):
        place = _WEIGHTED[operator.type]
        if place < len(operator.inputs) and operator.inputs[place] >= 0:
            bias = _stored(graph, makers, operator.inputs[place])
            if bias.is_zero:
                zeros[bias.index] = prod(bias.shape)
    if zeros:
        biases = "1 bias is" if len(zeros) == 1 else f"{len(zeros)} biases are"
        yield (
            f"{biases} all zeros, {sum(zeros.values()):,} parameters in all, which count as the file holds them; "
            "converters fill them in where a layer has none"
        )


def _others(assembly: Assembly) -> Iterator[str]:
    """How many parameters are not those of layers with weights."""
    owners = {name for draft in assembly.drafts if draft.kind in _LAYERS for name in draft.weights}
    sizes = {
        array.made_of: prod(draft.array_shapes[name])
        for draft in assembly.drafts
        if draft.kind not in _LAYERS and draft.kind != "opaque"
        for name, array in draft.arrays.items()
        if name in draft.array_shapes and name != "constant" and owners.isdisjoint(array.made_of)
    }
    others = sum(sizes.values())
    if others:
        yield (
            f"{others:,} parameters are arrays that scale or shift, as of norms that were not folded; without them "
            f"there are {assembly.params - others:,}"
        )
