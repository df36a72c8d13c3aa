"""Numbers that vary over the points of a sweep.

A formula, or a whole network, is run once, at one point. A `Varying` there stands for a whole number that depends on
what is swept: it has the value of that point, and remembers the operation it came from as a node of a `OperationGraph`.
What asks a question (an ``if``, a comparison, an index, a hash) is answered for that point, and the answer is kept:
what comes of a `Visit` holds for all points that give the same answers. So a network is built once for each structure,
and its numbers are worked out for all points at once.

A text that is made of such a number shows the value at the point, and asks nothing: no text may decide anything.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

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
    REMAINDER,
    SELECT,
    ZERO,
    OperationGraph,
)


class Visit:
    """One run at one point: the graph that it adds to, and the questions that were asked, each with its answer.

    A question is a node, and the answer its value. `settled` has a bit for every swept thing that has been asked for
    itself: what rests on those alone varies no more.
    """

    __slots__ = ("_asked", "answers", "graph", "settled")

    def __init__(self, graph: OperationGraph) -> None:
        self.graph = graph
        self.answers: list[tuple[int, int]] = []
        self.settled = 0
        self._asked: set[int] = set()

    def ask(self, node: int, value: int) -> int:
        """The value of a node at this point, which is from now on taken for granted."""
        if self.varies(node) and node not in self._asked:
            self._asked.add(node)
            self.answers.append((node, value))
            if self.graph.is_whole_axis(node):
                self.settled |= self.graph.axes[node]
        return value

    def varies(self, node: int) -> bool:
        """Whether a node may have another value at points that have given the same answers so far."""
        return bool(self.graph.low[node] != self.graph.high[node] and self.graph.axes[node] & ~self.settled)

    def number(self, node: int, value: int) -> Any:
        """The number of a node, a plain one where it does not vary."""
        return Varying(self, node, value) if self.varies(node) else value


class Varying:
    """A whole number that depends on what is swept; `value` is what it is at the point of the visit."""

    __slots__ = ("node", "value", "visit")
    __array_ufunc__ = None  # so that NumPy hands `array * varying` to us instead of looping over it

    def __init__(self, visit: Visit, node: int, value: int) -> None:
        self.visit = visit
        self.node = node
        self.value = value

    def __repr__(self) -> str:
        return f"Varying({self.node})"  # which tells it from all others, and asks nothing

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, form: str) -> str:
        return format(self.value, form)

    @property
    def numerator(self) -> Varying:
        return self

    @property
    def denominator(self) -> int:
        return 1

    def as_integer_ratio(self) -> tuple[Varying, int]:
        return self, 1

    def bit_length(self) -> int:
        """Binary digits of the largest that it can be."""
        graph = self.visit.graph
        return max(abs(graph.low[self.node]), abs(graph.high[self.node])).bit_length()

    def __index__(self) -> int:
        return self.visit.ask(self.node, self.value)

    __int__ = __trunc__ = __index__

    def __float__(self) -> float:
        return float(self.__index__())

    def __hash__(self) -> int:
        return hash(self.__index__())

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __add__(self, other: Any) -> Any:
        return _summed(self, other, 1)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return _summed(self, other, -1)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Varying):
            return self.visit.number(self.visit.graph.product((self.node, other.node)), self.value * other.value)
        if type(other) is int:
            return self.visit.number(self.visit.graph.sum(((self.node, other),), 0), self.value * other)
        return _by_kind(other, self.__mul__, lambda: VaryingRatio(self, 1) * other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        return _quotient(FLOOR, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _quotient(FLOOR, other, self)

    def __mod__(self, other: Any) -> Any:
        return _quotient(REMAINDER, self, other)

    def __rmod__(self, other: Any) -> Any:
        return _quotient(REMAINDER, other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __truediv__(self, other: Any) -> Any:
        return ratio(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return ratio(other, self)

    def __pow__(self, exponent: int) -> Any:
        power: Any = 1
        for _ in range(exponent):
            power = power * self
        return power

    def __neg__(self) -> Any:
        return self * -1

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return maximum(self, -self)

    def __round__(self) -> Any:
        return self

    def __eq__(self, other: object) -> Any:
        return _compared(self, other, _zero, absent=False)

    def __ne__(self, other: object) -> Any:
        return negated(_compared(self, other, _zero, absent=False))

    def __lt__(self, other: Any) -> Any:
        return _compared(self, other, lambda difference: _positive(-difference))

    def __le__(self, other: Any) -> Any:
        return negated(_compared(self, other, _positive))

    def __gt__(self, other: Any) -> Any:
        return _compared(self, other, _positive)

    def __ge__(self, other: Any) -> Any:
        return negated(_compared(self, other, lambda difference: _positive(-difference)))


class VaryingRatio:
    """A number with decimals that depends on what is swept: one whole number over another, which is above 0."""

    __slots__ = ("denominator", "numerator")
    __array_ufunc__ = None

    def __init__(self, numerator: Any, denominator: Any) -> None:
        self.numerator = numerator
        self.denominator = denominator

    def __repr__(self) -> str:
        return f"VaryingRatio({self.numerator!r}, {self.denominator!r})"

    def __str__(self) -> str:
        return f"{_value(self.numerator) / _value(self.denominator):g}"

    def __format__(self, form: str) -> str:
        return format(_value(self.numerator) / _value(self.denominator), form)

    def as_integer_ratio(self) -> tuple[Any, Any]:
        return self.numerator, self.denominator

    def __float__(self) -> float:
        return int(self.numerator) / int(self.denominator)

    def __hash__(self) -> int:
        from fractions import Fraction

        return hash(Fraction(int(self.numerator), int(self.denominator)))

    def __bool__(self) -> bool:
        return bool(self.numerator != 0)

    def __add__(self, other: Any) -> Any:
        top, bottom = other.numerator, other.denominator
        return ratio(self.numerator * bottom + top * self.denominator, self.denominator * bottom)

    __radd__ = __add__

    def __neg__(self) -> Any:
        return VaryingRatio(-self.numerator, self.denominator)

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        return ratio(self.numerator * other.numerator, self.denominator * other.denominator)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return ratio(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return ratio(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _floored(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _floored(other, self)

    def __mod__(self, other: Any) -> Any:
        return self - other * _floored(self, other)

    def __rmod__(self, other: Any) -> Any:
        return other - self * _floored(other, self)

    def __pow__(self, exponent: int) -> Any:
        power: Any = 1
        for _ in range(exponent):
            power = power * self
        return power

    def __abs__(self) -> Any:
        return VaryingRatio(abs(self.numerator), self.denominator)

    def __round__(self) -> Any:
        """To the nearest whole number, halves to the even one."""
        twice = 2 * self.denominator
        nearest = (2 * self.numerator + self.denominator) // twice
        is_half = (2 * self.numerator + self.denominator) % twice == 0
        return select(both(is_half, nearest % 2 == 1), nearest - 1, nearest)

    def __eq__(self, other: object) -> Any:
        difference = self.difference(other)
        return False if difference is None else difference == 0

    def __ne__(self, other: object) -> Any:
        return negated(self == other)

    def __lt__(self, other: Any) -> Any:
        return NotImplemented if (difference := self.difference(other)) is None else difference < 0

    def __le__(self, other: Any) -> Any:
        return NotImplemented if (difference := self.difference(other)) is None else difference <= 0

    def __gt__(self, other: Any) -> Any:
        return NotImplemented if (difference := self.difference(other)) is None else difference > 0

    def __ge__(self, other: Any) -> Any:
        return NotImplemented if (difference := self.difference(other)) is None else difference >= 0

    def difference(self, other: Any) -> Any:
        """A whole number of the sign of the difference to another number, None where the other is none."""
        if not hasattr(other, "as_integer_ratio"):
            return None
        top, bottom = other.as_integer_ratio()
        return self.numerator * bottom - top * self.denominator


class VaryingTruth:
    """Whether something holds, where it depends on what is swept; in an ``if`` it asks."""

    __slots__ = ("node", "value", "visit")

    def __init__(self, visit: Visit, node: int, value: bool) -> None:
        self.visit = visit
        self.node = node
        self.value = value

    def __repr__(self) -> str:
        return f"VaryingTruth({self.node})"

    def __bool__(self) -> bool:
        return bool(self.visit.ask(self.node, int(self.value)))

    def __and__(self, other: Any) -> Any:
        return both(self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> Any:
        return either(self, other)

    __ror__ = __or__

    def __hash__(self) -> int:
        return hash(bool(self))

    def __eq__(self, other: object) -> Any:
        return bool(self) == other


def _value(number: Any) -> Any:
    return number.value if isinstance(number, Varying) else number


def _by_kind(other: Any, of_whole: Callable[[int], Any], fraction: Callable[[], Any]) -> Any:
    """What becomes of an operand that is no `Varying`: a whole number, a fraction, or none of our numbers."""
    if isinstance(other, int):
        return of_whole(int(other))
    return fraction() if hasattr(other, "denominator") and not hasattr(other, "dtype") else NotImplemented


def _summed(first: Varying, second: Any, sign: int) -> Any:
    visit, graph = first.visit, first.visit.graph
    if isinstance(second, Varying):
        node = graph.sum(((first.node, 1), (second.node, sign)), 0)
        return visit.number(node, first.value + sign * second.value)
    if type(second) is int:
        return visit.number(graph.sum(((first.node, 1),), sign * second), first.value + sign * second)
    return _by_kind(second, lambda number: _summed(first, number, sign), lambda: VaryingRatio(first, 1) + sign * second)


def _quotient(kind: int, first: Any, second: Any) -> Any:
    """A division of whole numbers rounded down, or what it leaves."""
    if isinstance(first, VaryingRatio) or isinstance(second, VaryingRatio):
        return NotImplemented
    for operand in (first, second):
        if not isinstance(operand, int | Varying):
            if not hasattr(operand, "denominator") or hasattr(operand, "dtype"):
                return NotImplemented
            wide = VaryingRatio(first.numerator, first.denominator)
            return wide // second if kind == FLOOR else wide % second
    if second == 0:
        raise ZeroDivisionError("division by zero")
    if not _is_above_zero(second):
        first, second = (-first, -second) if kind == FLOOR else (first, second)
        if kind == REMAINDER:
            return -_quotient(kind, -first, -second)
        return _quotient(kind, first, second)
    visit = first.visit if isinstance(first, Varying) else second.visit
    graph, top, bottom = visit.graph, _value(first), _value(second)
    value = top // bottom if kind == FLOOR else top % bottom
    return visit.number(graph.divided(kind, _node(graph, first), _node(graph, second)), value)


def _node(graph: OperationGraph, number: Any) -> int:
    return number.node if isinstance(number, Varying) else graph.literal(number)


def _is_above_zero(number: Any) -> bool:
    return bool(number > 0)


def _compared(first: Varying, second: object, holds: Callable[[Any], Any], *, absent: Any = NotImplemented) -> Any:
    if isinstance(second, int | Varying):
        return holds(first - second)
    difference = VaryingRatio(first, 1).difference(second)
    return absent if difference is None else holds(difference)


def _positive(number: Any) -> Any:
    """Whether a whole number is above 0."""
    return _condition(POSITIVE, number, _value(number) > 0)


def _zero(number: Any) -> Any:
    return _condition(ZERO, number, _value(number) == 0)


def _condition(kind: int, number: Any, value: bool) -> Any:
    if not isinstance(number, Varying):
        return value
    visit = number.visit
    node = visit.graph.condition(kind, number.node)
    return VaryingTruth(visit, node, value) if visit.varies(node) else value


def negated(truth: Any) -> Any:
    """Whether something does not hold."""
    if not isinstance(truth, VaryingTruth):
        return truth if truth is NotImplemented else not truth
    return VaryingTruth(truth.visit, truth.visit.graph.node(NOT, (truth.node,)), not truth.value)


def both(first: Any, second: Any) -> Any:
    """Whether two things hold, each worked out in any case."""
    return _together(ALL, first, second)


def either(first: Any, second: Any) -> Any:
    """Whether at least one of two things holds, each worked out in any case."""
    return _together(ANY, first, second)


def _together(kind: int, first: Any, second: Any) -> Any:
    decides = kind == ANY
    for truth, other in ((first, second), (second, first)):
        if not isinstance(truth, VaryingTruth):
            return decides if bool(truth) is decides else other
    if first.node == second.node:
        return first
    node = first.visit.graph.node(kind, tuple(sorted((first.node, second.node))))
    value = first.value or second.value if decides else first.value and second.value
    return VaryingTruth(first.visit, node, value)


def select(condition: Any, first: Any, second: Any) -> Any:
    """One number where a condition holds, and another where it does not, both worked out in any case."""
    if not isinstance(condition, VaryingTruth):
        return first if condition else second
    if _has_decimals(first) or _has_decimals(second):
        bottom = _common_denominator(first, second)
        tops = (number.numerator * (bottom // number.denominator) for number in (first, second))
        return ratio(select(condition, *tops), bottom)
    visit, graph = condition.visit, condition.visit.graph
    nodes = condition.node, _node(graph, first), _node(graph, second)
    if nodes[1] == nodes[2]:
        return first
    return visit.number(graph.node(SELECT, nodes), _value(first if condition.value else second))


def ratio(first: Any, second: Any) -> Any:
    """One number over another, either of which may have decimals; a whole number where it can only be one.

    Raises:
        ZeroDivisionError: the second is 0.
    """
    if not all(hasattr(operand, "denominator") for operand in (first, second)):
        return NotImplemented
    if second == 0:
        raise ZeroDivisionError("division by zero")
    if type(second) is int and second == 1:
        return first
    top, bottom = first.numerator * second.denominator, first.denominator * second.numerator
    if not _is_above_zero(bottom):
        top, bottom = -top, -bottom
    if isinstance(top, int) and isinstance(bottom, int):
        from fractions import Fraction

        quotient, rest = divmod(top, bottom)
        return Fraction(top, bottom) if rest else quotient
    if isinstance(bottom, int) and bottom > 1 and isinstance(top, Varying):
        common = top.visit.graph.common_factor(top.node, bottom)
        if common > 1:
            top, bottom = top // common, bottom // common
    return top if isinstance(bottom, int) and bottom == 1 else VaryingRatio(top, bottom)


def _common_denominator(first: Any, second: Any) -> Any:
    bottoms = first.denominator, second.denominator
    return math.lcm(*bottoms) if all(isinstance(bottom, int) for bottom in bottoms) else bottoms[0] * bottoms[1]


def _floored(first: Any, second: Any) -> Any:
    """A quotient rounded down, either number with decimals."""
    if second == 0:
        raise ZeroDivisionError("division by zero")
    return (first.numerator * second.denominator) // (first.denominator * second.numerator)


def maximum(first: Any, second: Any) -> Any:
    """The larger of two numbers."""
    return _extreme(MAXIMUM, first, second)


def minimum(first: Any, second: Any) -> Any:
    """The smaller of two numbers."""
    return _extreme(MINIMUM, first, second)


def _extreme(kind: int, first: Any, second: Any) -> Any:
    choose = max if kind == MAXIMUM else min
    if not any(isinstance(number, Varying | VaryingRatio) for number in (first, second)):
        return choose(first, second)
    if _has_decimals(first) or _has_decimals(second):
        is_first = first > second if kind == MAXIMUM else first < second
        return select(is_first, first, second)
    visit = first.visit if isinstance(first, Varying) else second.visit
    node = visit.graph.extreme(kind, (_node(visit.graph, first), _node(visit.graph, second)))
    return visit.number(node, choose(_value(first), _value(second)))


def _has_decimals(number: Any) -> bool:
    """Whether a number may be none that is whole."""
    return isinstance(number, VaryingRatio) or (not isinstance(number, Varying) and number.denominator != 1)


def greatest_common_divisor(first: Any, second: Any) -> Any:
    """The greatest common divisor of two whole numbers."""
    visit = first.visit if isinstance(first, Varying) else second.visit
    node = visit.graph.node(DIVISOR, (_node(visit.graph, first), _node(visit.graph, second)))
    return visit.number(node, math.gcd(_value(first), _value(second)))


def total(numbers: Iterable[Any]) -> Any:
    """The sum of many whole numbers, which is worked out at once."""
    varying, rest = [], 0
    for number in numbers:
        if isinstance(number, Varying):
            varying.append(number)
        else:
            rest += number
    if not varying:
        return rest
    visit = varying[0].visit
    node = visit.graph.sum([(number.node, 1) for number in varying], rest)
    return visit.number(node, rest + sum(number.value for number in varying))


def largest(numbers: Iterable[Any]) -> Any:
    """The largest of many whole numbers, which is worked out at once; 0 for none."""
    numbers = list(numbers)
    visit = next((number.visit for number in numbers if isinstance(number, Varying)), None)
    value = max(map(_value, numbers), default=0)
    if visit is None:
        return value
    return visit.number(visit.graph.extreme(MAXIMUM, [_node(visit.graph, number) for number in numbers]), value)


def marked(number: Any) -> Any:
    """The number as one that stands for itself in what is worked out of it, however it came about."""
    if isinstance(number, VaryingRatio):
        return VaryingRatio(marked(number.numerator), marked(number.denominator))
    if not isinstance(number, Varying):
        return number
    return number.visit.number(number.visit.graph.node(MARK, (number.node,)), number.value)


def at_point(value: Any) -> Any:
    """The value as it is at the point of the visit, for a message: it asks nothing."""
    if isinstance(value, Varying):
        return value.value
    if isinstance(value, VaryingRatio):
        from fractions import Fraction

        return Fraction(_value(value.numerator), _value(value.denominator))
    if isinstance(value, msgspec.Struct):
        return replace(value, **{name: at_point(getattr(value, name)) for name in value.__struct_fields__})
    return _mapped(at_point, value)


Function = TypeVar("Function", bound=Callable[..., Any])


def cached(function: Function) -> Function:
    """A function that keeps what it gave, of plain numbers: those that vary are asked, as they end with their visit."""
    kept = cache(function)

    @wraps(function)
    def called(*arguments: Any) -> Any:
        return kept(*map(plain, arguments))

    return called  # type: ignore[return-value]  # it takes and gives the same


def plain(value: Any) -> Any:
    """The value with a plain number for each that varies in it, which is asked; the value itself where none does."""
    if isinstance(value, Varying):
        return int(value)
    if isinstance(value, VaryingRatio):
        from fractions import Fraction

        return Fraction(int(value.numerator), int(value.denominator))
    if not isinstance(value, tuple | list):
        return value
    mapped = _mapped(plain, value)
    return value if all(map(operator.is_, mapped, value)) else mapped


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """A function of every item of a tuple or list; any other value as it is."""
    if not isinstance(value, tuple | list):
        return value
    items = map(function, value)
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
