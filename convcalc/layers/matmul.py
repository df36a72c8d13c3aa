"""Matrix product of two tensors, neither of them a weight: the scores of an attention, or their use.

Example:
    inputs: {query: [8, 16, 64], key: [8, 64, 16]}
    layers:
      - matmul: {from: [query, key]}
    # output 8x16x16, params 0, macs 131072

The last two axes are the matrices: m x k by k x n, m·k·n MACs. Axes before them are so many products beside each
other; there sizes are equal, or 1 where a tensor is repeated. Each output sees a whole row of the first and a whole
column of the second, and so all positions on these axes.

Source: NumPy matmul; PyTorch torch.matmul; ONNX MatMul.
"""

import random
from collections.abc import Iterator
from typing import ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import maximum, product
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, Shape, StandIn, Wanted
from convcalc.layers._cases import draw_shape
from convcalc.layers._merges import matrices_met, repeated_along


class Matmul(Kind, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    onnx_form = "MatMul"

    def checks(self, x: Shape, y: Shape) -> Iterator[Check]:
        yield Check((len(x) > 1) & (len(x) == len(y)), "CC103", "", _no_matrices, (x, y))
        if len(x) < 2 or len(x) != len(y):
            return
        yield Check(x[-1] == y[-2], "CC103", "", _unlike, (x, y))
        for axis, (left, other) in enumerate(zip(x[:-2], y[:-2], strict=True)):
            yield Check((left == other) | (left == 1) | (other == 1), "CC103", "", _mismatch, (x, y, axis))

    def shape(self, x: Shape, y: Shape) -> Shape:
        beside = (maximum(left, other) for left, other in zip(x[:-2], y[:-2], strict=True))
        return (*beside, x[-2], y[-1])

    def macs(self, x: Shape, y: Shape) -> int:
        return product(self.shape(x, y)) * x[-1]

    def kept(self, wanted: Wanted, x: Shape, y: Shape) -> Kept:
        """Each of the two for the gradient of the other."""
        return Kept(inputs=tuple(place for place in (0, 1) if wanted.inputs[1 - place]))

    def gradient_macs(self, wanted: Wanted, x: Shape, y: Shape) -> tuple[int, int]:
        """A product as large as the forward one for each of the two; where either is repeated, so is its gradient."""
        return self.macs(x, y) * sum(wanted.inputs), 0

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        last = len(inputs[0]) - 1
        return matrices_met(fields, inputs, self.shape(*inputs), [[last], [last - 1]])

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if axis is None or axis < len(inputs[0]) - 2:
            return repeated_along(self, axis, inputs)
        return StandIn(of=self, run=_seeing_all)  # rows could not meet columns that were lengthened with them

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return self

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        beside = draw_shape(draw)[: draw.randint(0, 2)]
        m, k, n = (draw.randint(1, 6) for _ in range(3))
        x = tuple(draw.choice([size, size, 1]) for size in beside)
        return cls(), ((*x, m, k), (*beside, k, n))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, y: Array) -> Array:
        return engine.matmul(x, y)


def _seeing_all(engine: Engine, fields: Fields, weights: Arrays, x: Array, y: Array) -> Array:
    """Every element of the product as the sum of all that enters."""
    total = x.sum((-2, -1), keepdims=True) + y.sum((-2, -1), keepdims=True)
    return x[..., :, :1] * 0 + y[..., :1, :] * 0 + total


def _no_matrices(x: Shape, y: Shape) -> str:
    return (
        f"input 1 of shape {list(x)} and input 2 of shape {list(y)} are no matrices with equal axes before; "
        "legal here: two of as many axes, 2 or more"
    )


def _unlike(x: Shape, y: Shape) -> str:
    return (
        f"input 1 of shape {list(x)} has rows of {x[-1]}, input 2 of shape {list(y)} columns of {y[-2]}; "
        f"legal here: columns of {x[-1]}"
    )


def _mismatch(x: Shape, y: Shape, axis: int) -> str:
    return (
        f"input 1 of shape {list(x)} does not match input 2 of shape {list(y)} on axis {axis}; legal here: "
        "equal sizes, or 1"
    )
