"""Primitives that bring elements to a common size: shares of a whole, and what is normalised by its own statistics.

Each is made of element-wise primitives, which count; its way back is written out, so that one tensor is kept for it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from convcalc.tensors.elements import Array
from convcalc.tensors.sliding import SlidingArithmetic
from convcalc.tensors.tape import Pull, Pulls, adjoint_of, primitive, summed_to


class NormArithmetic(SlidingArithmetic):
    """The part of an engine that normalises."""

    @primitive
    def softmax(self, x: Array, axis: int, *, masked: bool = False) -> Array:
        """The exponential over its sum along an axis, the largest taken out of both, so that none overflows.

        `masked`: where all along the axis is infinitely little, nothing has a share of nothing.
        """
        most = self.aside(lambda x: x.max(axis, keepdims=True), x)
        if masked:
            most = np.where(most == -np.inf, most.dtype.type(0), most)
        powers = self.elementwise(lambda x, most: np.exp(x - most), x, most)
        total = self.taken_in(np.sum, powers, [axis])
        return self.elementwise(
            np.divide, powers, np.where(total == 0, total.dtype.type(1), total) if masked else total
        )

    @adjoint_of(softmax)
    def _softmax_back(self, y: Array, x: Array, axis: int, *, masked: bool = False) -> Pulls:
        """What left is kept."""

        def back(gradient: Array, y: Array) -> Array:
            weighed = gradient * y
            return weighed - y * weighed.sum(axis, keepdims=True)

        return [Pull(back, y)]

    @primitive
    def normalised(self, x: Array, axes: Iterable[int], eps: float, *learned: Array) -> Array:
        """Bring x to mean 0 and variance 1 along axes, then multiply by a learned factor, and add a learned addend."""
        along = tuple(axes)
        apart = self.elementwise(np.subtract, x, self.taken_in(np.mean, x, along))
        variance = self.taken_in(_mean_square, apart, along)
        y = self.elementwise(lambda apart, variance: apart * (variance + eps) ** -0.5, apart, variance)
        return self.elementwise(_weighed, y, *learned) if learned else y

    @adjoint_of(normalised)
    def _normalised_back(self, y: Array, x: Array, axes: Iterable[int], eps: float, *learned: Array) -> Pulls:
        """What entered is kept, with two numbers a statistic: its mean, and one over its deviation."""
        along = tuple(axes)
        mean = x.mean(along, keepdims=True)
        scale = (_mean_square(x - mean, along, keepdims=True) + eps) ** -0.5
        factors = learned[:1]

        def back(gradient: Array, x: Array, mean: Array, scale: Array, *factors: Array) -> Array:
            for factor in factors:
                gradient = self._chained((np.multiply,), gradient, (factor,))
            even = self._chained((np.subtract, np.multiply), x, (mean, scale))
            weighed = self._chained((np.multiply,), gradient, (even,)).mean(along, keepdims=True)
            shared = self._chained((np.multiply, np.add), even, (weighed, gradient.mean(along, keepdims=True)))
            return self._chained((np.subtract, np.multiply), gradient, (shared, scale))

        def of_factor(gradient: Array, x: Array, mean: Array, scale: Array) -> Array:
            even = self._chained((np.subtract, np.multiply), x, (mean, scale))
            return summed_to(self._chained((np.multiply,), gradient, (even,)), learned_shapes[0])

        learned_shapes = [array.shape for array in learned]
        pulls: list[Pull | None] = [Pull(back, x, mean, scale, *factors), None, None]
        if learned:
            pulls.append(Pull(of_factor, x, mean, scale))
        if len(learned) > 1:
            pulls.append(Pull(lambda gradient: summed_to(gradient, learned_shapes[1])))
        return pulls


def _mean_square(x: Array, axes: tuple[int, ...], *, keepdims: bool) -> Array:
    return np.mean(x * x, axes, keepdims=keepdims)


def _weighed(x: Array, factor: Array, addend: Array = 0) -> Array:
    return x * factor + addend
