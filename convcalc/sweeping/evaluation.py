"""Nodes of a graph worked out on arrays, exactly: in 64 bits where all of it fits, else with Python's integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from convcalc.arithmetic.graph import (
    ALL,
    ANY,
    DIVISOR,
    FLOOR,
    MARK,
    MAXIMUM,
    MINIMUM,
    NOT,
    POSITIVE,
    PRODUCT,
    REMAINDER,
    SELECT,
    SUM,
    ZERO,
    OperationGraph,
)

Array = Any
"""A NumPy array, or a number where it is the same at all points."""

LARGEST = 2**63 - 1


class Arithmetic:
    """What each operation of a graph is on arrays.

    What 64 bits may not hold is known from the bounds of a node before it is worked out: nothing ever wraps around.
    """

    def __init__(self, graph: OperationGraph) -> None:
        self.graph = graph
        self._wide: dict[int, bool] = {}

    def apply(self, node: int, operands: Sequence[Array]) -> Array:
        """The array of a node from those of the nodes it rests on, which broadcast."""
        is_wide = self._is_wide(node) or any(map(_is_of_objects, operands))
        if is_wide:
            operands = [_as_objects(operand) for operand in operands]
        operation = self.graph.operations[node]
        result = _OPERATIONS[operation.kind](operation, operands)
        if is_wide and _fits(self.graph.low[node], self.graph.high[node]):
            kind = bool if operation.kind in _CONDITIONS else np.int64
            return result.astype(kind) if isinstance(result, np.ndarray) else kind(result)
        return result

    def _is_wide(self, node: int) -> bool:
        """Whether 64 bits may be too few for a node, or for what there is on the way to it."""
        known = self._wide.get(node)
        if known is None:
            known = self._wide[node] = self._reach(node) > LARGEST
        return known

    def _reach(self, node: int) -> int:
        """The most that the node and what there is on the way to it can be, whatever its sign."""
        kind, nodes, factors, constant = self.graph.operations[node]
        reaches = [max(abs(self.graph.low[operand]), abs(self.graph.high[operand])) for operand in nodes]
        if kind == SUM:
            return abs(constant) + sum(abs(factor) * reach for factor, reach in zip(factors, reaches, strict=True))
        if kind == PRODUCT:
            product = 1
            for reach in reaches:
                product *= max(reach, 1)
            return product
        return max(reaches, default=0)


def _fits(low: int, high: int) -> bool:
    return low >= -LARGEST and high <= LARGEST


def _is_of_objects(operand: Array) -> bool:
    return isinstance(operand, np.ndarray) and operand.dtype.hasobject


def _as_objects(operand: Array) -> Array:
    return operand.astype(object) if isinstance(operand, np.ndarray) else operand


def _sum(operation: Any, operands: Sequence[Array]) -> Array:
    """The small arrays first, so that few are of full size; into an array of its own, once there is one."""
    terms = sorted(zip(operands, operation.factors, strict=True), key=lambda term: np.size(term[0]))
    total, is_own = operation.constant, False
    for operand, factor in terms:
        term = operand if factor in (1, -1) else operand * factor
        if not is_own and isinstance(total, int) and total == 0 and factor != -1:
            total, is_own = term, factor != 1
            continue
        function = np.subtract if factor == -1 else np.add
        total = _in_place(function, total, term) if is_own else function(total, term)
        is_own = True
    return total


def _in_place(function: Any, total: Array, operand: Array) -> Array:
    """A function of what has been worked out so far and another array, into the first where it fits there."""
    if (
        isinstance(total, np.ndarray)
        and total.base is None
        and np.broadcast_shapes(total.shape, np.shape(operand)) == total.shape
    ):
        return function(total, operand, out=total)
    return function(total, operand)


def _product(operation: Any, operands: Sequence[Array]) -> Array:
    return _folded(np.multiply, operands)


def _folded(function: Any, operands: Sequence[Array]) -> Array:
    """The small arrays first, and what comes of them in place."""
    first, second, *rest = sorted(operands, key=np.size)
    result = function(first, second)
    for operand in rest:
        result = _in_place(function, result, operand)
    return result


def _extreme(function: Callable[[Array, Array], Array]) -> Callable[[Any, Sequence[Array]], Array]:
    return lambda _, operands: _folded(function, operands)


def _divided(function: Callable[[Array, Array], Array]) -> Callable[[Any, Sequence[Array]], Array]:
    """A division; where the divisor is not above 0, which is no point that it is asked for, anything."""

    def divided(operation: Any, operands: Sequence[Array]) -> Array:
        dividend, divisor = operands
        return function(dividend, np.maximum(divisor, 1))

    return divided


_OPERATIONS: dict[int, Callable[[Any, Sequence[Array]], Array]] = {
    SUM: _sum,
    PRODUCT: _product,
    MAXIMUM: _extreme(np.maximum),
    MINIMUM: _extreme(np.minimum),
    FLOOR: _divided(np.floor_divide),
    REMAINDER: _divided(np.remainder),
    DIVISOR: lambda _, operands: np.gcd(*operands),
    SELECT: lambda _, operands: np.where(operands[0], operands[1], operands[2]),
    POSITIVE: lambda _, operands: operands[0] > 0,
    ZERO: lambda _, operands: operands[0] == 0,
    NOT: lambda _, operands: np.logical_not(operands[0]),
    ALL: lambda _, operands: _folded(np.logical_and, operands),
    ANY: lambda _, operands: _folded(np.logical_or, operands),
    MARK: lambda _, operands: operands[0],
}
_CONDITIONS = {POSITIVE, ZERO, NOT, ALL, ANY}
