"""Values of an axis that are worked out when they are asked for: a range takes no more memory than its ends."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Any


class Progression(Sequence[Any]):
    """Numbers that are a step apart, exact: `numerators` over one denominator. Those that are whole are ints."""

    __slots__ = ("denominator", "numerators")

    def __init__(self, numerators: range, denominator: int = 1) -> None:
        self.numerators = numerators
        self.denominator = denominator

    def __len__(self) -> int:
        return len(self.numerators)

    def __getitem__(self, place: Any) -> Any:
        numerators = self.numerators[place]
        return Progression(numerators, self.denominator) if isinstance(place, slice) else self._value(numerators)

    def __iter__(self) -> Iterator[Any]:
        return map(self._value, self.numerators)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Progression):
            return NotImplemented
        return (self.numerators, self.denominator) == (other.numerators, other.denominator)

    def __hash__(self) -> int:
        return hash((self.numerators, self.denominator))

    def __repr__(self) -> str:
        return f"Progression({self.numerators!r}, {self.denominator})"

    def _value(self, numerator: int) -> Any:
        if numerator % self.denominator == 0:
            return numerator // self.denominator
        from fractions import Fraction

        return Fraction(numerator, self.denominator)


class JoinedValues(Sequence[Any]):
    """The values of several parts, one part after the other."""

    __slots__ = ("_ends", "parts")

    def __init__(self, parts: Sequence[Sequence[Any]]) -> None:
        self.parts = tuple(parts)
        self._ends = tuple(accumulate(map(len, self.parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return tuple(self[index] for index in range(len(self))[place])
        index = range(len(self))[place]
        part = bisect_right(self._ends, index)
        return self.parts[part][index - self._ends[part]]  # counted from the end of the part

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(self.parts)

    def __eq__(self, other: object) -> bool:
        return self.parts == other.parts if isinstance(other, JoinedValues) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.parts)

    def __repr__(self) -> str:
        return f"JoinedValues({self.parts!r})"
