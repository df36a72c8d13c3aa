"""One-hot: for each index as many numbers as there are classes, 1 at the place that it names and 0 elsewhere.

Example:
    input: [16]
    layers:
      - one_hot: 10
    # output 16x10, params 0, macs 0

An index is a whole number, negative ones count from the end; of one that is no class all numbers are 0. The classes are
a new axis, the last unless another is named. With a second input, of two numbers, these stand in place of 0 and 1. No
arithmetic.

Source: torch.nn.functional.one_hot; ONNX OneHot.
"""

import random
from collections.abc import Iterator
from typing import Annotated, ClassVar

from msgspec.structs import replace

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Whole
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted
from convcalc.layers._cases import draw_flag, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._indices import CHOOSES
from convcalc.layers._merges import repeated
from convcalc.layers._onnx import cut, shaped


class OneHot(Kind, frozen=True, kw_only=True):
    without_gradient: ClassVar[dict[int, str]] = {0: CHOOSES}
    inputs: ClassVar[tuple[int, int | None]] = (1, 2)

    num_classes: Annotated[int, Whole("places of the new axis", minimum=1)]
    axis: Annotated[int, Whole("the new axis; 0 is channels, -1 the last", minimum=ANY_SIGN)] = -1

    def checks(self, x: Shape, *values: Shape) -> Iterator[Check]:
        yield from axes_exist((self.axis,), (*x, self.num_classes), "axis")
        for pair in values:
            yield Check(len(pair) == 1, "CC103", "", _no_pair, (pair,))
            yield Check(pair[0] == 2, "CC103", "", _no_pair, (pair,))

    def shape(self, x: Shape, *values: Shape) -> Shape:
        axis = self.axis % (len(x) + 1)
        return (*x[:axis], self.num_classes, *x[axis:])

    def kept(self, wanted: Wanted, x: Shape, *values: Shape) -> Kept:
        """For the gradient of the two numbers a mask of where each stands."""
        return Kept(bytes=product(self.shape(x))).if_(True in wanted.inputs[1:])

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        if len(fields) > 1:
            return super().receptive_field(fields, inputs)
        return fields[0].carrying(self._carries(fields[0], inputs))

    def _carries(self, field: Field, inputs: tuple[Shape, ...]) -> tuple[tuple[int, ...], ...]:
        axis = self.axis % (len(inputs[0]) + 1)
        return (*field.carries[:axis], (), *field.carries[axis:])

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        shape = self.shape(*inputs)
        own = fields[0].carrying(self._carries(fields[0], inputs))
        others = [field.collapsed([0]).carrying(((),) * len(shape)) for field in fields[1:]]
        return repeated((own, *others), (shape, *[(1,) * len(shape)] * len(others)))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_of_its_index)

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return replace(self, num_classes=1)  # classes are no positions

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        axis = self.axis % (len(shapes[0]) + 1) + 1
        indices = graph.node("Cast", inputs[0], to=7)
        y = graph.node("OneHot", indices, graph.constant([self.num_classes]), graph.constant([0.0, 1.0]), axis=axis)
        if len(inputs) == 1:
            return y
        sizes = [1] * (len(shapes[0]) + 1)
        off, on = (shaped(graph, cut(graph, inputs[1], [place], [place + 1], [1]), sizes) for place in (0, 1))
        return graph.node("Where", graph.node("Cast", y, to=9), on, off)

    def summary(self) -> str:
        return f"{self.num_classes} classes" + (f", axis {self.axis}" if self.axis != -1 else "")

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        axis = draw.randint(-len(x) - 1, len(x))
        return cls(num_classes=draw.randint(1, 5), axis=axis), (x, *[(2,)] * draw_flag(draw))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, values: Array | None = None) -> Array:
        np, axis = engine.numpy, fields.axis % x.ndim + 1
        index = np.expand_dims(engine.aside(lambda x: np.nan_to_num(x).astype(int), x), axis)
        classes = np.arange(fields.num_classes).reshape(-1, *(1,) * (x.ndim - axis))
        named = (index == classes) | (index + fields.num_classes == classes)
        if values is None:
            return named.astype(x.dtype)
        off, on = (values[:, place].reshape(-1, *(1,) * x.ndim) for place in (0, 1))
        return np.where(named, on, off)


def _of_its_index(engine: Engine, fields: Fields, weights: Arrays, x: Array, values: Array | None = None) -> Array:
    """Every element as its index, and the sum of the values."""
    axis = fields.axis % x.ndim + 1
    y = engine.numpy.expand_dims(x, axis).repeat(fields.num_classes, axis)
    return y if values is None else y + values.sum(1).reshape(-1, *(1,) * x.ndim)


def _no_pair(values: Shape) -> str:
    return f"input 2 of shape {list(values)}, where the numbers for 0 and for 1 are expected; legal here: [2]"
