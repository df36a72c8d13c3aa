"""Sequences of tensors and tensors that may be missing, which no network of ours has: they are seen through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.control import Body, stacked
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import BOOL
from convcalc.imports.onnx.values import Value, constant_value, from_front

if TYPE_CHECKING:
    from convcalc.imports.onnx.walk import Walk

Inputs = Sequence[Value | None]


def _value(inputs: Inputs, place: int) -> Value:
    value = inputs[place] if place < len(inputs) else None
    if value is None:
        raise Inexpressible(f"input {place + 1} is missing")
    return value


def _items(inputs: Inputs) -> tuple[Value, ...]:
    items = _value(inputs, 0).items
    if items is None:
        raise Inexpressible("nothing is known of the tensors in a sequence")
    return items


def _place(inputs: Inputs, index: int, count: int) -> int:
    constant = _value(inputs, index).constant
    numbers = None if constant is None else constant.numbers
    if not numbers:
        raise Inexpressible("a place in a sequence that depends on data")
    return from_front(int(numbers[0]), count)


def _sequence(items: Sequence[Value]) -> list[Value]:
    return [Value((), items=tuple(items))]


def _construct(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    return _sequence([value for value in inputs if value is not None])


def _empty(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    return _sequence([])


def _insert(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    items = _items(inputs)
    place = _place(inputs, 2, len(items) + 1) if len(inputs) > 2 and inputs[2] is not None else len(items)
    return _sequence([*items[:place], _value(inputs, 1), *items[place:]])


def _erase(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    items = _items(inputs)
    place = _place(inputs, 1, len(items)) if len(inputs) > 1 and inputs[1] is not None else len(items) - 1
    return _sequence([*items[:place], *items[place + 1 :]])


def _at(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    items = _items(inputs)
    if not items:
        raise Inexpressible("a tensor of a sequence that holds none")
    return [items[_place(inputs, 1, len(items))]]


def _length(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    return [constant_value(constants.whole([len(_items(inputs))], ()))]


def _concatenated(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    items = _items(inputs)
    if not items:
        raise Inexpressible("a sequence that holds nothing")
    axis = node.attributes.integer("axis")
    if node.attributes.integer("new_axis"):
        return [stacked(walk, node, items, axis)]
    return [items[0] if len(items) == 1 else walk.does(node, "Concat", items, axis=axis)]


def _split(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    """SplitToSequence: parts of sizes that are given, or of one place each."""
    value = _value(inputs, 0)
    if not value.known:
        raise Inexpressible("nothing is known of the size of what is split")
    shape = walk.batch.full(value)
    axis = from_front(node.attributes.integer("axis"), len(shape))
    given = inputs[1] if len(inputs) > 1 else None
    if given is None:
        sizes, drops = [1] * shape[axis], not node.attributes.integer("keepdims", 1)
    else:
        numbers = given.constant.integers() if given.constant is not None else []
        if not numbers or any(number < 1 for number in numbers):
            raise Inexpressible("sizes of parts that depend on data")
        sizes, drops = numbers, False
        if not given.shape:
            size = numbers[0]
            sizes = [min(size, shape[axis] - start) for start in range(0, shape[axis], size)]
    if len(sizes) > _MOST_PARTS:
        raise Inexpressible(f"{len(sizes)} parts, where at most {_MOST_PARTS} are written out")
    parts, start = [], 0
    for size in sizes:
        part = walk.does(node, "Slice", [value], axes=[axis], starts=[start], ends=[start + size])
        parts.append(walk.does(node, "Squeeze", [part], axes=[axis]) if drops else part)
        start += size
    return _sequence(parts)


_MOST_PARTS = 1_000
"""Parts that a tensor is split into."""


def _mapped(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    """SequenceMap: its body for each tensor of a sequence, beside those of others, or the same tensors each time."""
    body, items = Body(walk, node, "body", depth), _items(inputs)
    results = []
    for place in range(len(items)):
        entering = [
            value.items[place] if value is not None and value.items is not None and place < len(value.items) else value
            for value in inputs
        ]
        results.append(body.run(entering))
    return [Value((), items=tuple(result[place] for result in results)) for place in range(len(body.outputs))]


def _itself(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    value = _value(inputs, 0)
    if not value.known and value.items is None:
        raise Inexpressible("nothing is known of what may be missing")
    return [value]


def _is_there(walk: Walk, node: GraphNode, inputs: Inputs, depth: int) -> list[Value]:
    value = inputs[0] if inputs else None
    if value is not None and not value.known and value.items is None:
        raise Inexpressible("nothing is known of what may be missing")
    return [constant_value(constants.filled((), value is not None, BOOL))]


SEQUENCES: dict[str, Callable[[Walk, GraphNode, Inputs, int], list[Value]]] = {
    "SequenceConstruct": _construct,
    "SequenceEmpty": _empty,
    "SequenceInsert": _insert,
    "SequenceErase": _erase,
    "SequenceAt": _at,
    "SequenceLength": _length,
    "ConcatFromSequence": _concatenated,
    "SplitToSequence": _split,
    "SequenceMap": _mapped,
    "Optional": _itself,
    "OptionalGetElement": _itself,
    "OptionalHasElement": _is_there,
}
"""Operators of ONNX's own domain that work on sequences, or on what may be missing."""
