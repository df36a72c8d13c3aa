"""The inputs of a model: their sizes, and which of their axes is a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain, repeat

import msgspec

from convcalc.imports import Sizes
from convcalc.imports.arrays import checked
from convcalc.imports.drafts import Builder
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.inlining import read_names
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import Dimension, Graph, ValueInfo
from convcalc.imports.onnx.values import Value, constant_value, without


class Entered(msgspec.Struct, frozen=True):
    """The tensors that enter, by name, and how many samples they hold beside one another.

    `open_batches` are inputs whose batch the file leaves open.
    """

    values: dict[str, Value]
    count: int
    open_batches: list[str]
    warnings: list[str]


def entered(
    builder: Builder, graph: Graph, infos: Sequence[ValueInfo], nodes: Sequence[GraphNode], sizes: Sizes, how: str
) -> Entered:
    """The inputs of a graph at these sizes. `how`: in what way samples meet, so that axis 0 is one like others."""
    unknown = set(sizes) - {info.name for info in infos} - {""}
    if unknown or ("" in sizes and len(infos) != 1):
        inputs = ", ".join(f"{plain(info.name)} {dims_text(info.dims)}" for info in infos)
        raise CannotImport(f"--input names {', '.join(sorted(unknown)) or 'no input'}; the model's are {inputs}")
    open_axes = [info for info in infos if not _is_known(info, sizes)]
    if open_axes:
        raise CannotImport(_open(open_axes))
    unbatched = {
        name for node in nodes if node.op == "Unsqueeze" for name in node.inputs[:1] if _puts_in_front(graph, node)
    }
    shapes = {info.name: _shape(info, sizes) for info in infos}
    batched = {name for name, shape in shapes.items() if len(shape) > 1 and not (name in unbatched and shape[0] != 1)}
    counts = {shapes[name][0] for name in batched} or {1}
    count = next(iter(counts)) if len(counts) == 1 and not how else 1  # one batch for all inputs
    values: dict[str, Value] = {}
    warnings: list[str] = []
    for info in infos:
        shape, batch, samples = shapes[info.name], None, None
        if info.name in batched and shape[0] == count:
            shape, batch, samples = (1, *shape[1:]), 0, 0 if count > 1 else None
        draft = builder.input(info.name, without(shape, batch))
        values[info.name] = Value(shape, draft, batch, None, info.element_type, samples)
        if samples is not None:
            warnings.append(f"input {plain(info.name)} has a batch of {count}; the figures are for a batch of 1")
    if how:
        warnings.append(f"axis 0 of the inputs, of {counts.pop()}, is no batch: {how}")
    open_batches = [
        info.name for info in infos if info.dims and not isinstance(info.dims[0], int) and shapes[info.name][0] == 1
    ]
    return Entered(values, count, open_batches, warnings)


def types_alone(graph: Graph, infos: Sequence[ValueInfo], nodes: Sequence[GraphNode]) -> dict[str, Value]:
    """Inputs of which no more than the type of their elements is read: these need no sizes, and are left out."""
    of_type = Counter(node.inputs[1] for node in nodes if node.op == "CastLike" and len(node.inputs) > 1)
    if not of_type:
        return {}
    read = Counter(name for node in nodes for name in read_names(node))
    read.update(output.name for output in graph.outputs)
    return {
        info.name: constant_value(Constant((1,), info.element_type))
        for info in infos
        if 0 < read[info.name] == of_type[info.name]
    }


def _puts_in_front(graph: Graph, node: GraphNode) -> bool:
    """Whether an Unsqueeze puts an axis in front: of an input that has no batch."""
    axes = node.attributes.get("axes")
    if axes is None and len(node.inputs) > 1 and node.inputs[1] in graph.initialisers:
        axes = list(graph.initialisers[node.inputs[1]].numbers() or ())
    return axes == [0]


def _is_known(info: ValueInfo, sizes: Sizes) -> bool:
    """Whether an input has sizes, those that were asked for or all but that of the batch in the file."""
    if info.name in sizes or "" in sizes:
        return True
    if not info.is_tensor or info.dims is None:
        return False
    needed = info.dims[1:] or info.dims or [1]
    return all(isinstance(size, int) and size > 0 for size in needed)


def _shape(info: ValueInfo, sizes: Sizes) -> tuple[int, ...]:
    """The shape of an input; a batch that is open is 1."""
    dims: list[Dimension] = list(sizes.get(info.name, sizes.get("", info.dims or ())))
    if info.dims is not None and len(dims) == len(info.dims) - 1:
        dims = [info.dims[0], *dims]
    if info.dims is not None and len(dims) != len(info.dims):
        declared = f"input {plain(info.name)} has {len(info.dims)} axes, {dims_text(info.dims)}"
        raise CannotImport(f"{declared}, and --input gives {len(dims)}")
    shape = checked([size if isinstance(size, int) else 1 for size in dims], f"input {plain(info.name)}")
    if 0 in shape:
        raise CannotImport(f"input {plain(info.name)} of shape {list(shape)} holds nothing")
    return shape or (1,)


def dims_text(dims: Sequence[Dimension] | None) -> str:
    """Sizes as the file has them, with the names of those that are open."""
    return "of unknown shape" if dims is None else f"[{', '.join('?' if size is None else str(size) for size in dims)}]"


def _open(infos: list[ValueInfo]) -> str:
    parts = []
    for info in infos:
        example = "x".join(
            str(size if isinstance(size, int) and size > 0 else usual)
            for size, usual in zip(info.dims or [None] * 4, chain((1, 3), repeat(224)), strict=False)
        )
        name = plain(info.name)
        parts.append(f"input {name} {dims_text(info.dims)}: give its sizes, as in --input {name}={example}")
    return f"axes of no fixed size: {'; '.join(parts)}"
