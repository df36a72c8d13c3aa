"""What is worked out of swept numbers: operations, each once, with the least and the most that each can be.

Sums are kept as a factor for each of their nodes and a constant, products as their factors, so that what is the same
number is mostly the same node. What the bounds of a question decide is asked of no point.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import gcd
from typing import NamedTuple

SUM, PRODUCT, FLOOR, REMAINDER, MAXIMUM, MINIMUM, DIVISOR, SELECT, POSITIVE, ZERO, NOT, ALL, ANY, MARK, LEAF = range(15)
"""What nodes are. A condition is 1 where it holds and else 0.

POSITIVE and ZERO are conditions of a number, SELECT is of a condition and two numbers, NOT, ALL and ANY of conditions;
FLOOR and REMAINDER are of a division by what is above 0, DIVISOR is the greatest common one. MARK is its node, kept
apart from what is made of it.
"""


_FAR_BELOW_64_BITS = 2**61
"""Below it a multiple is divided as it is: taking out of it what the divisor divides would be more work."""


class Operation(NamedTuple):
    """A node: what is done to which nodes.

    A sum has a factor for each of its nodes, and a constant. A leaf has, in place of nodes, the number of what is
    swept and which of its parts it is.
    """

    kind: int
    nodes: tuple[int, ...]
    factors: tuple[int, ...] = ()
    constant: int = 0


class OperationGraph:
    """Operations by number, behind those that they rest on.

    `low` and `high` are the least and the most that a node can be, `axes` has a bit for each swept thing it rests on.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.low: list[int] = []
        self.high: list[int] = []
        self.axes: list[int] = []
        self.parts: dict[int, int] = {}  # of each swept thing, how many leaves stand for it
        self._numbers: dict[Operation, int] = {}

    def leaf(self, axis: int, part: int, low: int, high: int) -> int:
        """What is swept, or one of the numbers that it has, within bounds."""
        operation = Operation(LEAF, (axis, part))
        if operation not in self._numbers:
            self.parts[axis] = self.parts.get(axis, 0) + 1
        return self._added(operation, low, high, 1 << axis)

    def is_whole_axis(self, node: int) -> bool:
        """Whether a node is all there is of what is swept."""
        operation = self.operations[node]
        return operation.kind == LEAF and self.parts.get(operation.nodes[0]) == 1

    def literal(self, value: int) -> int:
        """A number that does not vary."""
        return self._added(Operation(SUM, (), (), value), value, value, 0)

    def node(self, kind: int, nodes: tuple[int, ...]) -> int:
        """An operation that is written as it is."""
        return self._operation(Operation(kind, nodes))

    def sum(self, terms: Iterable[tuple[int, int]], constant: int) -> int:
        """The sum of nodes, each times a factor, and a constant."""
        factors: dict[int, int] = {}
        for node, factor in terms:
            operation = self.operations[node]
            if operation.kind == SUM:
                constant += factor * operation.constant
                for inner, inner_factor in zip(operation.nodes, operation.factors, strict=True):
                    factors[inner] = factors.get(inner, 0) + factor * inner_factor
            else:
                factors[node] = factors.get(node, 0) + factor
        kept = sorted((node, factor) for node, factor in factors.items() if factor)
        if not constant and len(kept) == 1 and kept[0][1] == 1:
            return kept[0][0]
        return self._operation(
            Operation(SUM, tuple([node for node, _ in kept]), tuple([factor for _, factor in kept]), constant)
        )

    def product(self, nodes: Iterable[int]) -> int:
        """The product of nodes; a factor that does not vary is taken out of it."""
        constant, factors = 1, list[int]()
        for node in nodes:
            operation = self.operations[node]
            if operation.kind == SUM and not operation.constant and len(operation.nodes) == 1:
                constant *= operation.factors[0]
                operation = self.operations[node := operation.nodes[0]]
            elif operation.kind == SUM and not operation.nodes:
                constant *= operation.constant
                continue
            factors += operation.nodes if operation.kind == PRODUCT else (node,)
        if not factors or not constant:
            return self.literal(constant)
        factors.sort()
        node = factors[0] if len(factors) == 1 else self._operation(Operation(PRODUCT, tuple(factors)))
        return node if constant == 1 else self.sum(((node, constant),), 0)

    def divided(self, kind: int, dividend: int, divisor: int) -> int:
        """FLOOR or REMAINDER of a division; what a constant divisor divides is taken out of it."""
        by = self._constant(divisor)
        operation = self.operations[dividend]
        if by is None:
            quotient = self._exact_quotient(operation, dividend, divisor)
            if quotient is None:
                return self._operation(Operation(kind, (dividend, divisor)))
            return quotient if kind == FLOOR else self.literal(0)
        if operation.kind != SUM:
            operation = Operation(SUM, (dividend,), (1,))
        terms = list(zip(operation.nodes, operation.factors, strict=True))
        rest = self.sum([(node, factor % by) for node, factor in terms], operation.constant % by)
        outside = [(node, factor // by) for node, factor in terms], operation.constant // by
        if kind == FLOOR and all(factor % by for _, factor in terms) and self._is_far_below_64_bits(dividend):
            return self._operation(Operation(kind, (dividend, divisor)))
        is_small = self.low[rest] >= 0 and self.high[rest] < by
        if kind == REMAINDER:
            return rest if is_small else self._operation(Operation(kind, (rest, divisor)))
        if is_small:
            return self.sum(*outside)
        return self.sum([*outside[0], (self._operation(Operation(FLOOR, (rest, divisor))), 1)], outside[1])

    def _is_far_below_64_bits(self, node: int) -> bool:
        return max(abs(self.low[node]), abs(self.high[node])) < _FAR_BELOW_64_BITS

    def _exact_quotient(self, operation: Operation, dividend: int, divisor: int) -> int | None:
        """What is left of a number once a node is taken out of it that it is so many times; None where it is not."""
        if operation.kind != SUM:
            operation = Operation(SUM, (dividend,), (1,))
        if operation.constant:
            return None
        terms = []
        for node, factor in zip(operation.nodes, operation.factors, strict=True):
            inner = self.operations[node]
            factors = list(inner.nodes) if inner.kind == PRODUCT else [node]
            if divisor not in factors:
                return None
            factors.remove(divisor)
            terms.append((self.product(factors), factor))
        return self.sum(terms, 0)

    def extreme(self, kind: int, nodes: Iterable[int]) -> int:
        """MAXIMUM or MINIMUM of nodes, without those that the bounds of another rule out."""
        flat: set[int] = set()
        for node in nodes:
            operation = self.operations[node]
            flat.update(operation.nodes if operation.kind == kind else (node,))
        if kind == MAXIMUM:
            bar = max(self.low[node] for node in flat)
            kept = [node for node in flat if self.high[node] > bar] or [max(flat, key=lambda node: self.low[node])]
            if all(self.low[node] < bar for node in kept):
                kept.append(max(flat, key=lambda node: self.low[node]))
        else:
            bar = min(self.high[node] for node in flat)
            kept = [node for node in flat if self.low[node] < bar] or [min(flat, key=lambda node: self.high[node])]
            if all(self.high[node] > bar for node in kept):
                kept.append(min(flat, key=lambda node: self.high[node]))
        return kept[0] if len(kept) == 1 else self._operation(Operation(kind, tuple(sorted(kept))))

    def nested(self, kind: int, nodes: Sequence[int]) -> int:
        """SUM or MAXIMUM of nodes which are themselves such, and stay so, as they are to be worked out first."""
        factors = (1,) * len(nodes) if kind == SUM else ()
        return nodes[0] if len(nodes) == 1 else self._operation(Operation(kind, tuple(nodes), factors))

    def rebuilt(self, node: int, nodes: tuple[int, ...]) -> int:
        """The same operation of other nodes, as it is written."""
        operation = self.operations[node]
        return node if nodes == operation.nodes else self._operation(operation._replace(nodes=nodes))

    def condition(self, kind: int, node: int) -> int:
        """POSITIVE or ZERO of a node."""
        return self._operation(Operation(kind, (node,)))

    def common_factor(self, node: int, number: int) -> int:
        """What divides both a number and a node whatever it is, as far as its factors show."""
        operation = self.operations[node]
        return gcd(number, operation.constant, *operation.factors) if operation.kind == SUM else 1

    def _constant(self, node: int) -> int | None:
        return self.low[node] if self.low[node] == self.high[node] else None

    def _operation(self, operation: Operation) -> int:
        known = self._numbers.get(operation)
        if known is not None:
            return known
        axes = 0
        for node in operation.nodes:
            axes |= self.axes[node]
        low, high = self._bounds(operation)
        if low == high and operation.nodes:
            return self.literal(low)
        return self._added(operation, low, high, axes)

    def _added(self, operation: Operation, low: int, high: int, axes: int) -> int:
        known = self._numbers.get(operation)
        if known is not None:
            return known
        self._numbers[operation] = number = len(self.operations)
        self.operations.append(operation)
        self.low.append(low)
        self.high.append(high)
        self.axes.append(axes)
        return number

    def _bounds(self, operation: Operation) -> tuple[int, int]:
        kind, nodes, factors, constant = operation
        lows, highs = [self.low[node] for node in nodes], [self.high[node] for node in nodes]
        if kind == SUM:
            low = high = constant
            for factor, least, most in zip(factors, lows, highs, strict=True):
                low += factor * (least if factor > 0 else most)
                high += factor * (most if factor > 0 else least)
            return low, high
        if kind == PRODUCT:
            return _bounds_of_product(lows, highs)
        if kind in (FLOOR, REMAINDER, DIVISOR):
            return _bounds_of_division(kind, lows, highs)
        if kind == MAXIMUM:
            return max(lows), max(highs)
        if kind == MINIMUM:
            return min(lows), min(highs)
        if kind == SELECT:
            return min(lows[1:]), max(highs[1:])
        if kind == MARK:
            return lows[0], highs[0]
        return _bounds_of_condition(kind, lows, highs)


def _bounds_of_product(lows: Sequence[int], highs: Sequence[int]) -> tuple[int, int]:
    low, high = lows[0], highs[0]
    for least, most in zip(lows[1:], highs[1:], strict=True):
        ends = low * least, low * most, high * least, high * most
        low, high = min(ends), max(ends)
    return low, high


def _bounds_of_division(kind: int, lows: Sequence[int], highs: Sequence[int]) -> tuple[int, int]:
    (low, least), (high, most) = lows, highs
    if kind == FLOOR:
        by = max(least, 1), max(most, 1)
        quotients = [end // divisor for end in (low, high) for divisor in by]
        return min(quotients), max(quotients)
    if kind == REMAINDER:
        if low >= 0:
            return (low, high) if high < least else (0, min(most - 1, high))
        return 0, max(most - 1, 0)
    largest = max(abs(low), abs(high)), max(abs(least), abs(most))
    has_zero = low <= 0 <= high or least <= 0 <= most
    return 0, max(largest) if has_zero else min(largest)


def _bounds_of_condition(kind: int, lows: Sequence[int], highs: Sequence[int]) -> tuple[int, int]:
    if kind == POSITIVE:
        return int(lows[0] > 0), int(highs[0] > 0)
    if kind == ZERO:
        return int(lows[0] == highs[0] == 0), int(lows[0] <= 0 <= highs[0])
    if kind == NOT:
        return 1 - highs[0], 1 - lows[0]
    return (min(lows), min(highs)) if kind == ALL else (max(lows), max(highs))
