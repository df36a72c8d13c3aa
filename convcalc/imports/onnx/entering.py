"""The inputs of a model: their sizes, and which of their axes is a batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from convcalc.imports import Sizes
from convcalc.imports.drafts import Builder
from convcalc.imports.errors import plain
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.input_roles import may_be_samples, read_beside_samples, readers_of
from convcalc.imports.onnx.input_sizes import asked_for, is_batch, is_named_batch, resolved
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import Graph, ValueInfo
from convcalc.imports.onnx.values import Value, constant_value, without

Shape = tuple[int, ...]


class Entered(msgspec.Struct, frozen=True):
    """The tensors that enter, by name, and how many samples they hold beside one another.

    `is_batch`: the file or the user calls the axis of these a batch. `open_batches` are inputs whose batch the file
    leaves open.
    """

    values: dict[str, Value]
    count: int
    is_batch: bool
    open_batches: list[str]
    warnings: list[str]


def entered(
    builder: Builder, graph: Graph, infos: Sequence[ValueInfo], nodes: Sequence[GraphNode], sizes: Sizes, how: str
) -> Entered:
    """The inputs of a graph at these sizes. `how`: what axis 0 is in place of a batch."""
    readers = readers_of(graph, nodes)
    stated = asked_for(infos, sizes)
    shapes = resolved(infos, stated, readers)
    counts = {name: shape[0] for name, shape in shapes.items() if may_be_samples(shape, readers.get(name, ()))}
    first_axes = {info.name: info.dims[0] for info in infos if info.dims and shapes.get(info.name)}
    lengths = [
        axis for name, axis in first_axes.items() if name in counts and isinstance(axis, str) and not is_batch(axis)
    ]
    count = next(iter(counts.values())) if len(set(counts.values())) == 1 else 1  # one for all inputs
    if count > 1 and not how and lengths:
        how = f"kept, for the file calls it {plain(lengths[0])}"
    count = 1 if how else count
    values, warnings = _values(builder, infos, shapes, count, counts)
    warnings += _kept(counts, how)
    warnings += [
        f"axis 0 of input {plain(name)}, {plain(axis)}, is read as 1; --input gives another"
        for name, axis in first_axes.items()
        if isinstance(axis, str) and name not in stated and shapes[name][0] == 1 and len(shapes[name]) > 1
        if not is_batch(axis) or (not is_named_batch(axis) and read_beside_samples(readers.get(name, ())))
    ]
    called = any(is_batch(axis) for name, axis in first_axes.items() if name in counts) or any(
        len(stated[info.name]) < len(info.dims or ()) for info in infos if info.name in stated
    )
    open_batches = [
        name
        for name, axis in first_axes.items()
        if not isinstance(axis, int) and shapes[name][0] == 1 and len(stated.get(name, ())) < len(shapes[name])
    ]
    return Entered(values, count, called, open_batches, warnings)


def _values(
    builder: Builder,
    infos: Sequence[ValueInfo],
    shapes: Mapping[str, Shape],
    count: int,
    samples: Collection[str],
) -> tuple[dict[str, Value], list[str]]:
    """The inputs as tensors of the graph, and what is to be said of them."""
    values: dict[str, Value] = {}
    warnings: list[str] = []
    for info in infos:
        name, shape = info.name, shapes.get(info.name)
        if shape is None:  # a sequence, or what nothing reads
            values[name] = Value((), None, None, None, info.element_type)
        elif 0 in shape:
            values[name] = constant_value(Constant(shape, info.element_type, ()))
        else:
            values[name] = _value(builder, info, shape, count, is_sample=name in samples)
            if values[name].samples is not None:
                warnings.append(f"input {plain(name)} has a batch of {count}; the figures are for a batch of 1")
    if infos and all(value.source is None for value in values.values()):
        builder.input(infos[0].name, (1,))
        warnings.append(f"input {plain(infos[0].name)} holds nothing, or is no tensor; one number stands for it")
    return values, warnings


def _value(builder: Builder, info: ValueInfo, shape: Shape, count: int, *, is_sample: bool) -> Value:
    """An input as a tensor of the graph; of one that is of samples, one sample."""
    shape, batch, samples = shape or (1,), None, None
    if is_sample and shape[0] == count:
        shape, batch, samples = (1, *shape[1:]), 0, 0 if count > 1 else None
    elif shape == (count,) and count > 1:  # a number for each
        shape, samples = (1,), 0
    draft = builder.input(info.name, without(shape, batch))
    is_number = info.dims is not None and not info.dims  # whose tensor here has an axis of one
    return Value(() if is_number else shape, draft, batch, None, info.element_type, samples)


def _kept(counts: Mapping[str, int], how: str) -> list[str]:
    """What is said of axes in front that might be taken for a batch and are none."""
    sizes = sorted(set(counts.values()))
    if how:
        return [f"axis 0 of the inputs, of {sizes[-1]}, is {how}"]
    if len(sizes) > 1 and 1 not in sizes:
        stated = " and ".join(f"{count} of {plain(name)}" for name, count in counts.items())
        return [f"axis 0 of the inputs is kept: it is no batch of them all, {stated}"]
    return []
