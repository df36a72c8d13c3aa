"""Cumulate: running sums along an axis, or running products.

Example:
    input: [8, 100]
    layers:
      - cumulate: {axis: 1}
    # output 8x100, params 0, macs 0

Each element becomes the sum of all up to it, with `exclusive` of all before it; with `reverse` it is taken from the
end. An element takes one operation. It is taken to see all of the axis.

Source: torch.cumsum and torch.cumprod; ONNX CumSum and CumProd.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Choice, Flag, Whole
from convcalc.layers import (
    Array,
    Arrays,
    Check,
    Engine,
    Fields,
    Kept,
    Kind,
    NoOnnxForm,
    OnnxGraph,
    Shape,
    StandIn,
    Wanted,
)
from convcalc.layers._axes import behind_batch
from convcalc.layers._cases import draw_axis, draw_flag, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._kept import PLACE
from convcalc.layers._onnx import onnx_axis

OPERATIONS = ("sum", "prod")

_LONGEST = 1_000
"""Elements of a running product that is written, each product with all of them."""


class Cumulate(Kind, frozen=True, kw_only=True):
    axis: Annotated[int, Whole("axis taken along; 0 is channels", minimum=ANY_SIGN)] = 0
    operation: Annotated[str, Choice("what is made of the elements", options=OPERATIONS)] = "sum"
    exclusive: Annotated[bool, Flag("without the element itself")] = False
    reverse: Annotated[bool, Flag("from the end")] = False

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist((self.axis,), x, "axis")

    def elementwise_ops(self, x: Shape) -> int:
        return product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Of a product the elements that are multiplied; with `exclusive` the places of those that are moved on."""
        moved = PLACE * (x[self.axis] - 1) * self.exclusive
        is_product = self.operation == "prod"
        inputs = (0,) * (is_product and not self.exclusive)
        kept = Kept(inputs=inputs, numbers=product(x) * (is_product and self.exclusive), shared_bytes=moved)
        return kept.if_(wanted.of_inputs)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0].whole([self.axis % len(inputs[0])])

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_seeing_all)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), axis, size = inputs, onnx_axis(self.axis, shapes[0]), shapes[0][self.axis]
        if self.operation == "sum":
            flags = {"exclusive": int(self.exclusive), "reverse": int(self.reverse)}
            return graph.node("CumSum", x, graph.constant(axis), **flags)
        if size > _LONGEST:
            raise NoOnnxForm(f"a running product of {size} elements, where at most {_LONGEST} are written")
        # CumProd is too new for runtimes: each product is one of all elements, those that are not in it made 1.
        apart = [[(there - here if self.reverse else here - there) for there in range(size)] for here in range(size)]
        taken = [[int(distance >= self.exclusive) for distance in row] for row in apart]
        behind = [1] * (len(shapes[0]) - axis)
        mask = graph.constant([[[number] for number in row] for row in taken], "bool")
        laid = graph.node("Reshape", mask, graph.constant([size, size, *behind]))
        every = graph.node("Where", laid, graph.node("Unsqueeze", x, graph.constant([axis])), graph.constant(1.0))
        return graph.node("ReduceProd", every, graph.constant([axis + 1]), keepdims=0)

    def summary(self) -> str:
        words = [self.operation, *["exclusive"] * self.exclusive, *["reverse"] * self.reverse, f"axis {self.axis}"]
        return ", ".join(words)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        flags = {"exclusive": draw_flag(draw), "reverse": draw_flag(draw)}
        return cls(axis=draw_axis(draw, x), operation=draw.choice(OPERATIONS), **flags), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, axis = engine.numpy, behind_batch(fields.axis) % x.ndim
        along = np.flip(x, axis) if fields.reverse else x
        if fields.exclusive:
            neutral = np.full_like(along.take([0], axis), int(fields.operation == "prod"))
            along = np.concatenate([neutral, along.take(range(x.shape[axis] - 1), axis)], axis)
        cumulated = np.cumsum if fields.operation == "sum" else np.cumprod
        taken = engine.taken_in(lambda x, axes, keepdims: cumulated(x, *axes, dtype=x.dtype), along, [axis])
        return np.flip(taken, axis) if fields.reverse else taken


def _seeing_all(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """Every element as the sum of the axis."""
    return 0 * x + x.sum(behind_batch(fields.axis), keepdims=True)
