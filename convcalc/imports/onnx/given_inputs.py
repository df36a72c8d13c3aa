"""Inputs of a model that are no tensors of the network: given values, or read for their type alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod

from convcalc import steps
from convcalc.imports import Values
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.inlining import read_names
from convcalc.imports.onnx.input_sizes import dims_text
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import BOOL, FLOATING, Graph, ValueInfo
from convcalc.imports.onnx.values import Value, constant_value


def given(infos: Sequence[ValueInfo], values: Values) -> dict[str, Value]:
    """The inputs that were given values, as constants; `CannotImport` where there is no such input, or it is larger."""
    there = {info.name: info for info in infos if _may_be_given(info)}
    constants_given = {}
    for name, numbers in values.items():
        info = there.get(name)
        if info is None:
            names = ", ".join(map(plain, there)) or "none"
            raise CannotImport(f"--set names {plain(name)}; the model's inputs that a value may be given are {names}")
        shape = tuple(size if isinstance(size, int) and size > 0 else 1 for size in info.dims or ())
        if prod(shape) != len(numbers):
            dims = dims_text(info.dims)
            raise CannotImport(f"--set gives input {plain(name)} {dims} {len(numbers)} numbers, expected {prod(shape)}")
        into = float if info.element_type in FLOATING else bool if info.element_type == BOOL else int
        constants_given[name] = constant_value(Constant(shape, info.element_type, tuple(map(into, numbers))))
    return constants_given


_MOST_GIVEN = 64
"""Numbers of an input that may be given."""


def _may_be_given(info: ValueInfo) -> bool:
    """Whether a person may give an input its value: few numbers, and no feature map."""
    if not info.is_tensor or info.dims is None:
        return False
    return prod(size if isinstance(size, int) else 1 for size in info.dims) <= _MOST_GIVEN


def deciding(graph: Graph, nodes: Sequence[GraphNode], name: str) -> list[str]:
    """The inputs on which a tensor depends and that may be given values: whole numbers, or a single one."""
    makers = {output: node for node in nodes for output in node.outputs}
    steps.spend(len(nodes))
    infos = {info.name: info for info in graph.inputs if _may_be_given(info)}
    waiting, seen = [name], {name}
    inputs = []
    while waiting:
        at = waiting.pop()
        info = infos.get(at)
        if info is not None and (not info.dims or info.element_type not in FLOATING):
            inputs.append(at)
        before = makers[at].inputs if at in makers else []
        waiting += [read for read in before if read not in seen]
        seen.update(before)
    return inputs


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
