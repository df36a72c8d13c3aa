"""Derivatives by differences: what came back to the operands of a function, held against the function itself.

For a random u the gradient of <u, y> is J'u. Along a direction v the derivative of <u, y> is <J v, u>, which two runs
beside the point give without any adjoint; the adjoint identity <J v, u> = <v, J'u> then holds every element of the
gradient at once, and a direction of one element holds that one. A function with kinks has none at the point itself, but
a step may reach one: it must agree at some step, and does not at any where an adjoint is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from convcalc.reference.verified import Figure, GradientCheck
from convcalc.tensors.engine import Array

STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
"""How far from the point a function is run, one after the other, until the derivative is as it comes back."""

FINER_STEPS = (*STEPS, 1e-8, 1e-9)
"""Those of a whole network, where among so many elements some stand at a kink within any larger step."""

RUNS_AT_A_STEP = 4
"""Two at the step, two at half of it."""

NO_NUMBERS = "nothing that leaves is a number"

_RELATIVE = 1e-6
"""Of the size of what is added up: a difference of fourth order is a hundred times as exact at the first step."""

_ROUNDED = 64 * float(np.finfo(np.float64).eps)
"""Of the size of the two runs, which their difference loses: each element by itself, whatever it is weighed by."""

_LARGEST = 1e100
"""More is no number that anything was computed to."""


class DirectedPoint(NamedTuple):
    """Where a function stands: the tensors that enter and the arrays, by what they are called."""

    operands: Mapping[str, Array]
    run: Callable[[Mapping[str, Array]], Array]
    weighing: Array
    output: Array
    steps: Sequence[float] = STEPS

    def along(self, direction: Mapping[str, Array], step: float) -> tuple[float, float]:
        """The derivative of the weighed sum of what leaves along a direction, and what rounding makes of it."""
        first, second = self._difference(direction, step), self._difference(direction, step / 2)
        size = float(np.linalg.norm(self.weighing * np.where(is_number(self.output), self.output, 0)))
        return (4 * second - first) / 3, _ROUNDED * size / step

    def _difference(self, direction: Mapping[str, Array], step: float) -> float:
        above, below = (
            self.run({**self.operands, **{name: self.operands[name] + way * v for name, v in direction.items()}})
            for way in (step, -step)
        )
        counts = is_number(above) & is_number(below)
        apart = np.where(counts, above, 0) - np.where(counts, below, 0)
        return float((apart * self.weighing).sum()) / (2 * step)


def weighing_of(generator: np.random.Generator, output: Array) -> Array:
    """Random numbers for what leaves, none where it is no number, which has no derivative."""
    return np.where(is_number(output), generator.standard_normal(output.shape), 0.0)


def is_number(array: Array) -> Array:
    """Which elements are numbers: none that stands for the least there is, as in a window on padding alone."""
    return np.abs(array) < _LARGEST  # NaN is not


def unchecked(reason: str) -> GradientCheck:
    """A check of which no MACs were counted; nothing was compared where there is a reason."""
    nothing = Figure(None, None, is_tried=False)
    return GradientCheck(nothing, nothing, reason=reason)


def compared(
    check: GradientCheck,
    point: DirectedPoint,
    arrived: Mapping[str, Array | None],
    directions: Iterable[tuple[str, dict[str, Array]]],
) -> GradientCheck:
    """The check with the derivatives along all directions compared, up to the first that is wrong.

    Where what leaves is no number there is no derivative, and whatever comes back of it is none either.
    """
    if not is_number(point.output).all():
        arrived = {name: None if gradient is None else _numbers(gradient) for name, gradient in arrived.items()}
    count = 0
    for what, direction in directions:
        count += 1
        expected = sum(
            float((gradient * direction[name]).sum()) for name in direction if (gradient := arrived[name]) is not None
        )
        size = sum(
            float(np.abs(gradient * direction[name]).sum())
            for name in direction
            if (gradient := arrived[name]) is not None
        )
        measured = _agreeing(point, direction, expected, size)
        if measured is not None:
            wrong = f"{what}: the derivative is {measured:.6g}, what came back says {expected:.6g}"
            return replace(check, compared=count, wrong=wrong)
    return replace(check, compared=count)


def _numbers(gradient: Array) -> Array:
    return np.where(is_number(gradient), gradient, 0.0)


def _agreeing(point: DirectedPoint, direction: Mapping[str, Array], expected: float, size: float) -> float | None:
    """None where the derivative is as expected at some step, else the one that comes nearest."""
    if not np.isfinite(expected):
        return float("nan")
    nearest, least = float("nan"), float("inf")
    for step in point.steps:
        derivative, rounded = point.along(direction, step)
        apart = abs(derivative - expected)
        if apart <= _RELATIVE * size + rounded:
            return None
        if apart < least:
            nearest, least = derivative, apart
    return nearest


def directions(
    point: DirectedPoint, arrived: Mapping[str, Array | None], generator: np.random.Generator, single: int
) -> Iterator[tuple[str, dict[str, Array]]]:
    """All operands together, each alone, and single elements of each; with what they are called."""
    if not arrived:
        return
    drawn = {name: generator.standard_normal(point.operands[name].shape) for name in arrived}
    yield "along a random direction", drawn
    for name in arrived if len(arrived) > 1 else ():
        yield f"{name}, along a random direction", {name: drawn[name]}
    for name, gradient in arrived.items():
        operand = point.operands[name]
        for place in _places(operand, gradient, generator, single):
            alone = np.zeros(operand.size)
            alone[place] = 1.0
            index = ", ".join(map(str, np.unravel_index(place, operand.shape)))
            yield f"{name}[{index}]", {name: alone.reshape(operand.shape)}


def _places(operand: Array, gradient: Array | None, generator: np.random.Generator, count: int) -> list[int]:
    """The first element, the last, that with the largest gradient, and others at random."""
    if not operand.size:
        return []
    largest = [] if gradient is None else [int(np.nanargmax(np.abs(np.nan_to_num(gradient))))]
    drawn = generator.integers(operand.size, size=count).tolist()
    return list(dict.fromkeys([*largest, 0, operand.size - 1, *drawn]))[:count]


def mean_size(array: Array) -> float:
    """How large elements are; 1 where there are none, or all are 0."""
    return float(np.abs(array).mean() if array.size else 0.0) or 1.0
