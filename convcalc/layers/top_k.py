"""Top-k: where the largest elements along an axis are, or the smallest: their indices, the first of them first.

Example:
    input: [8400, 4]
    layers:
      - reduce: {axes: 1, operation: max}
      - top_k: 300
    # output 300, params 0, macs 0

With k as large as the axis it sorts. The elements themselves are what `gather` takes from the same tensor by these
indices (`indices: elements`). Equal ones leave in the order they are in. A selection looks at each element that enters
a number of times that does not grow with k: one operation is counted for each. An output sees all of the axis.

Source: ONNX TopK; torch.topk; Blum et al. 1973 for the selection in linear time.
"""

import random
from collections.abc import Iterator
from typing import Annotated, ClassVar

from msgspec.structs import replace

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Flag, Whole
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted
from convcalc.layers._axes import behind_batch
from convcalc.layers._cases import draw_axis, draw_flag, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._indices import IS_PLACE
from convcalc.layers._onnx import element_type, onnx_axis


class TopK(Kind, frozen=True, kw_only=True):
    without_gradient: ClassVar[dict[int, str]] = {0: IS_PLACE}
    k: Annotated[int, Whole("how many are chosen", minimum=1)]
    axis: Annotated[int, Whole("axis that is chosen along; 0 is channels", minimum=ANY_SIGN)] = 0
    largest: Annotated[bool, Flag("the largest, else the smallest")] = True

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist((self.axis,), x, "axis")
        if -len(x) <= self.axis < len(x):
            yield Check(self.k <= x[self.axis], "CC101", "k", _too_many, (self.k, self.axis, x[self.axis]))

    def shape(self, x: Shape) -> Shape:
        axis = self.axis % len(x)
        return (*x[:axis], self.k, *x[axis + 1 :])

    def elementwise_ops(self, x: Shape) -> int:
        return product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Nothing: no gradient passes."""
        return Kept()

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0].collapsed([self.axis % len(inputs[0])])

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_seeing_all)

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return replace(self, k=1)  # what leaves along its axis are no positions

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        axis, k = onnx_axis(self.axis, shapes[0]), graph.constant([self.k])
        indices = graph.several("TopK", inputs[0], k, count=2, axis=axis, largest=int(self.largest))[1]
        return graph.node("Cast", indices, to=element_type(graph))

    def summary(self) -> str:
        return f"{self.k} {'largest' if self.largest else 'smallest'}, axis {self.axis}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        axis = draw_axis(draw, x)
        return cls(k=draw.randint(1, x[axis]), axis=axis, largest=draw_flag(draw)), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, axis = engine.numpy, behind_batch(fields.axis)

        def ordered(x: Array, axes: tuple[int, ...], **how: bool) -> Array:
            return np.argsort(-x if fields.largest else x, *axes, kind="stable")

        order = engine.taken_in(ordered, x, [axis])
        return order.take(range(fields.k), axis).astype(x.dtype)


def _seeing_all(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """Every index as the sum of the axis."""
    axis = behind_batch(fields.axis)
    return x.sum(axis, keepdims=True).repeat(fields.k, axis)


def _too_many(k: int, axis: int, size: int) -> str:
    return f"k {k} on axis {axis}, which has {size}; legal here: 1 to {size}"
