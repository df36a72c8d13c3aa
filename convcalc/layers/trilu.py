"""Triangle of matrices: what is on one side of a diagonal of the last two axes, zeros on the other.

Example:
    input: [8, 16, 16]
    layers:
      - trilu: {upper: false}
    # output 8x16x16, params 0, macs 0, field 1

The diagonal stays; `diagonal` is how far it is moved to the right. With a second input, of one number, that number is
it. No arithmetic.

Source: ONNX Trilu; torch.triu and torch.tril.
"""

import random
from collections.abc import Iterator
from typing import Annotated, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.fields import ANY_SIGN, Flag, Whole
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, NoOnnxForm, OnnxGraph, Shape, StandIn
from convcalc.layers._cases import draw_flag, draw_shape
from convcalc.layers._indices import CHOOSES
from convcalc.layers._merges import repeated
from convcalc.layers._onnx import shaped

_LARGEST = 1_000_000
"""Elements of a matrix whose places are written, to be compared with the diagonal."""


class Trilu(Kind, frozen=True, kw_only=True):
    without_gradient: ClassVar[dict[int, str]] = {1: CHOOSES}
    inputs: ClassVar[tuple[int, int | None]] = (1, 2)

    upper: Annotated[bool, Flag("what is above the diagonal stays, else what is below")] = True
    diagonal: Annotated[int, Whole("how far the diagonal is moved to the right", minimum=ANY_SIGN)] = 0

    def checks(self, x: Shape, *diagonal: Shape) -> Iterator[Check]:
        yield Check(len(x) > 1, "CC013", "", _no_matrix, (x,))
        for number in diagonal:
            yield Check(len(number) == 1, "CC103", "", _no_number, (number,))
            yield Check(number[0] == 1, "CC103", "", _no_number, (number,))

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        ones = (1,) * len(inputs[0])
        others = [field.carrying(((),) * len(ones)) for field in fields[1:]]
        return repeated((fields[0], *others), (inputs[0], *[ones] * len(others)))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_as_it_is)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        if len(inputs) == 1:
            return graph.node("Trilu", inputs[0], graph.constant(self.diagonal), upper=int(self.upper))
        rows, columns = shapes[0][-2:]
        if rows * columns > _LARGEST:
            raise NoOnnxForm(f"a diagonal of data in matrices of {rows}x{columns}")
        right = graph.constant([[float(column - row) for column in range(columns)] for row in range(rows)])
        diagonal = shaped(graph, graph.node("Floor", inputs[1]), [1] * len(shapes[0]))
        side = graph.node("GreaterOrEqual" if self.upper else "LessOrEqual", right, diagonal)
        return graph.node("Where", side, inputs[0], graph.constant(0.0))

    def summary(self) -> str:
        moved = f", diagonal {self.diagonal}" if self.diagonal else ""
        return f"{'upper' if self.upper else 'lower'}{moved}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw, least_rank=1)
        diagonal = draw.randint(-x[-2], x[-1])
        return cls(upper=draw_flag(draw), diagonal=diagonal), (x, *[(1,)] * draw_flag(draw))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, diagonal: Array | None = None) -> Array:
        np = engine.numpy
        triangle = np.triu if fields.upper else np.tril
        if diagonal is None:
            return triangle(x, fields.diagonal)
        least, most = -x.shape[-2] - 1, x.shape[-1] + 1
        moved = engine.aside(lambda number: np.floor(np.nan_to_num(number)).ravel().clip(least, most), diagonal)
        return np.stack([triangle(item, int(number)) for item, number in zip(x, moved, strict=True)])


def _as_it_is(engine: Engine, fields: Fields, weights: Arrays, x: Array, *diagonal: Array) -> Array:
    """Every element as it enters, and the number that the diagonal is."""
    return sum((number.reshape(-1, *(1,) * (x.ndim - 1)) for number in diagonal), x)


def _no_matrix(x: Shape) -> str:
    return f"works on matrices, and a tensor of shape {list(x)} has one axis; legal here: 2 axes or more"


def _no_number(diagonal: Shape) -> str:
    return f"input 2 of shape {list(diagonal)}, where one number is expected; legal here: [1]"
