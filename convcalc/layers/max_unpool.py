"""Max unpooling: elements put back where max pooling found them, zeros elsewhere.

Example:
    inputs: {input: [64, 16, 16], places: [64, 16, 16]}
    layers:
      - max_unpool: {from: [input, places], kernel_size: 2}
    # output 64x32x32, params 0, macs 0

The second input is what max_pool_indices leaves: places in the output, counted through the whole tensor; one that is
outside is the nearest end, and of several elements for one place the last stays. The output is as large as what such a
pool makes this of, (size - 1)·stride - before - after + kernel_size on each axis, or as `output_size` says. No
arithmetic. Where elements go depends on data, so each output sees all that enters.

Source: Zeiler and Fergus 2014; Badrinarayanan, Kendall and Cipolla 2017, "SegNet"; PyTorch nn.MaxUnpool2d; ONNX
MaxUnpool.
"""

import math
import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import PaddingType, PerAxis, Sizes, optional
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted
from convcalc.layers._cases import draw_axes, draw_flag, draw_shape
from convcalc.layers._checks import has_positions
from convcalc.layers._indices import CHOOSES
from convcalc.layers._kept import PLACE
from convcalc.layers._onnx import beginnings, ends, whole
from convcalc.layers._windows import shown_window


class MaxUnpool(Kind, frozen=True, kw_only=True):
    without_gradient: ClassVar[dict[int, str]] = {1: CHOOSES}
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    is_map = True

    kernel_size: Annotated[Sizes, PerAxis("positions pooled on each axis")]
    stride: Annotated[Sizes | None, optional(PerAxis("positions the window moved; null: kernel_size"))] = None
    padding: Annotated[tuple[tuple[int, int], ...], PaddingType("positions that were added", options=())] = ((0, 0),)
    output_size: Annotated[Sizes | None, optional(PerAxis("positions of the output; null: as few as fit"))] = None

    def _steps(self) -> Sizes:
        return self.kernel_size if self.stride is None else self.stride

    def checks(self, x: Shape, places: Shape) -> Iterator[Check]:
        yield has_positions(x)
        yield Check(len(x) == len(places), "CC103", "", _unlike, (x, places))
        for size, other in zip(x, places, strict=False):
            yield Check(size == other, "CC103", "", _unlike, (x, places))
        if len(x) > 1:
            for size in self.shape(x, places)[1:]:
                yield Check(size >= 1, "CC101", "padding", _nothing_left, (size,))

    def shape(self, x: Shape, places: Shape) -> Shape:
        if self.output_size is not None:
            return (x[0], *self.output_size)
        axes = zip(x[1:], self.kernel_size, self._steps(), self.padding, strict=True)
        return (x[0], *((size - 1) * s - before - after + k for size, k, s, (before, after) in axes))

    def kept(self, wanted: Wanted, x: Shape, places: Shape) -> Kept:
        """The place of each element, eight bytes each."""
        return Kept(bytes=PLACE * product(x) if wanted.inputs[0] else 0)

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        nowhere: Sequence[tuple[int, ...]] = [()] * len(inputs[0])
        return tuple(field.whole(range(len(inputs[0]))).carrying(tuple(nowhere)) for field in fields)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_seeing_all)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x, places), (shape, _) = inputs, shapes
        output = self.shape(*shapes)
        begins = beginnings(graph, x, shape, product(output))
        batch = graph.node("Shape", x, start=0, end=1)
        sizes = graph.node("Concat", batch, graph.constant(list(output)), axis=0)
        counted = graph.node("Add", whole(graph, places, product(output)), begins)
        window = {"kernel_shape": self.kernel_size, "strides": self._steps(), "pads": ends(self.padding)}
        return graph.node("MaxUnpool", x, counted, sizes, **window)

    def summary(self) -> str:
        return shown_window(self.kernel_size, self._steps(), (1,))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw, least_rank=1)
        kernel = draw_axes(draw, len(x) - 1, 3)
        stride = None if draw_flag(draw) else draw_axes(draw, len(x) - 1, 3)
        padding = tuple((draw.randint(0, (k - 1) // 2), draw.randint(0, (k - 1) // 2)) for k in kernel)
        config = cls(kernel_size=kernel, stride=stride, padding=padding)
        if draw_flag(draw):
            larger = tuple(size + draw.randint(0, 2) for size in config.shape(x, x)[1:])
            config = cls(kernel_size=kernel, stride=stride, padding=padding, output_size=larger)
        return config, (x, x)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, places: Array) -> Array:
        np = engine.numpy
        sizes = fields.output_size
        if sizes is None:
            steps = fields.kernel_size if fields.stride is None else fields.stride
            axes = zip(x.shape[2:], fields.kernel_size, steps, fields.padding, strict=True)
            sizes = [(size - 1) * s - before - after + k for size, k, s, (before, after) in axes]
        empty, items = np.zeros(x.shape[1] * math.prod(sizes), x.dtype), []
        for elements, at in zip(x, places, strict=True):
            place = engine.aside(partial(_places, np, empty.size), at)
            unknown = np.full_like(empty, np.nan)
            items.append(unknown if place is None else engine.written(None, empty, (place,), elements.ravel()))
        return np.stack(items).reshape(len(x), x.shape[1], *sizes)


def _places(numpy: Any, count: int, at: Array) -> Array | None:
    """Where elements go, none where one of the places is no number."""
    return None if numpy.isnan(at).any() else at.clip(0, count - 1).astype(int).ravel()


def _seeing_all(engine: Engine, fields: Fields, weights: Arrays, x: Array, places: Array) -> Array:
    """Every element as the sum of all that enters."""
    total = (x + places).sum(tuple(range(1, x.ndim)), keepdims=True)
    return engine.numpy.broadcast_to(total, (len(x), 1, *[1] * (x.ndim - 2)))


def _unlike(x: Shape, places: Shape) -> str:
    return f"places of shape {list(places)} for elements of shape {list(x)}; legal here: equal shapes"


def _nothing_left(size: int) -> str:
    return f"padding leaves {size} positions of an axis; legal here: less padding, or an output_size"
