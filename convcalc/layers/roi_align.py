"""RoI align: the map under each of many boxes, resampled to one size.

Example:
    inputs: {input: [256, 50, 50], boxes: [100, 4]}
    layers:
      - roi_align: {from: [input, boxes], output_size: 7, spatial_scale: 1 / 16, sampling_ratio: 2}
    # output 100x256x7x7, params 0, macs 0

A box is [x1, y1, x2, y2] in pixels of which the map has `spatial_scale` positions; the boxes are those of one image.
Each is divided into output_size cells, and a cell is the mean of sampling_ratio² samples, each interpolated from the
four positions around it: five element-wise operations a sample, one for each of the four and one to bring it together
with the others. With mode max a cell is the largest of all these shares, as ONNX Runtime has it. Without sampling_ratio
a cell has as many samples as positions it begins, which depends on the box; as many are counted as a box of the whole
map takes. `aligned` moves the boxes by half a position, as pixels have their centres there. Which positions are read
depends on data, so each output sees the whole map, and its box.

Source: He et al. 2017, "Mask R-CNN"; torchvision.ops.roi_align; ONNX RoiAlign, whose coordinates `half_pixel` are
`aligned`.
"""

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import ceil_div, product
from convcalc.fields import Choice, Flag, PerAxis, Real, Sizes, Whole, optional
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted
from convcalc.layers._cases import draw_axes, draw_flag
from convcalc.layers._elements import weighed
from convcalc.layers._kept import PLACE
from convcalc.layers._windows import shown_sizes

_SAMPLE = 5
"""Operations of a sample: a share of each of four positions, and one to bring it together with others."""


_WIDE = 8
"""Bytes of a weight, whatever the format of the map."""


_FAR = 64
"""Positions: a box reaches as far and the size of the map, four times, as more samples than fit there take memory."""


class RoiAlign(Kind, frozen=True, kw_only=True):
    without_gradient: ClassVar[dict[int, str]] = {1: "where boxes lie is taken as given, as in torchvision"}
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    resamples = True

    output_size: Annotated[Sizes, PerAxis("cells of a box on each axis")]
    spatial_scale: Annotated[float, Real("positions of the map for one pixel of the boxes", above=0)] = 1.0
    sampling_ratio: Annotated[
        int | None, optional(Whole("samples of a cell on each axis; null: as the box asks for", minimum=1))
    ] = None
    mode: Annotated[str, Choice("how samples are brought together", options=("avg", "max"))] = "avg"
    aligned: Annotated[bool, Flag("the centre of a pixel is at half a position, not at a whole one")] = True

    def checks(self, x: Shape, boxes: Shape) -> Iterator[Check]:
        yield Check(len(x) == 3, "CC013", "", _no_map, (x,))
        yield Check(len(boxes) == 2, "CC103", "", _no_boxes, (boxes,))
        if len(boxes) == 2:
            yield Check(boxes[1] == 4, "CC103", "", _no_boxes, (boxes,))

    @property
    def follows_values(self) -> bool:
        return self.sampling_ratio is None

    def shape(self, x: Shape, boxes: Shape) -> Shape:
        return (boxes[0], x[0], *self.output_size)

    def elementwise_ops(self, x: Shape, boxes: Shape) -> int:
        return _SAMPLE * product((*self._samples_along(x), *self.shape(x, boxes)))

    def _samples_along(self, x: Shape) -> list[int]:
        """Samples of a cell on each axis, of a box of the whole map where boxes ask for them."""
        ratio, cells = self.sampling_ratio, zip(x[1:], self.output_size, strict=True)
        return [ceil_div(size, outputs) if ratio is None else ratio for size, outputs in cells]

    def kept(self, wanted: Wanted, x: Shape, boxes: Shape) -> Kept:
        """The four positions that a sample reads, and where; weights and the sums so far, of eight bytes each.

        Of boxes that ask for samples by their size, as many as a box of the whole map takes.
        """
        along = self._samples_along(x)
        samples, lines = product(along) * product(self.output_size), 0
        for count, outputs in zip(along, self.output_size, strict=True):
            lines = lines + count * outputs
        largest = PLACE * product((x[0], *self.output_size)) * (self.mode == "max")
        wide = 3 * x[0] * samples + 4 * samples
        of_box = _WIDE * wide + PLACE * 2 * lines + largest
        return Kept(numbers=boxes[0] * 4 * x[0] * samples, bytes=boxes[0] * of_box).if_(wanted.inputs[0])

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        x, boxes = fields
        nowhere: Sequence[tuple[int, ...]] = [()] * 4
        own = boxes.collapsed([1])
        return x.whole(range(3)).carrying(tuple(nowhere)), own.carrying((own.carries[0], (), (), ()))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_seeing_all, own=_of_own_box)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x, boxes), (_, (count, _)) = inputs, shapes
        batch = graph.node("Squeeze", graph.node("Shape", x, start=0, end=1))
        samples = graph.node("Range", graph.constant(0), batch, graph.constant(1))
        images = graph.node("Expand", _shaped(graph, samples, [-1, 1]), graph.constant([1, count]))
        coordinates = "half_pixel" if self.aligned else "output_half_pixel"
        y = graph.node(
            "RoiAlign",
            x,
            _shaped(graph, boxes, [-1, 4]),
            _shaped(graph, images, [-1]),
            output_height=self.output_size[0],
            output_width=self.output_size[1],
            spatial_scale=self.spatial_scale,
            sampling_ratio=self.sampling_ratio or 0,
            mode=self.mode,
            coordinate_transformation_mode=coordinates,
        )
        return _shaped(graph, y, [-1, *self.shape(*shapes)])

    def summary(self) -> str:
        return f"to {shown_sizes(self.output_size)}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        config = cls(
            output_size=draw_axes(draw, 2, 4),
            spatial_scale=draw.choice([1.0, 0.5, 4.0]),
            sampling_ratio=draw.choice([None, 1, 2, 3]),
            aligned=draw_flag(draw),
        )
        return config, ((draw.randint(1, 4), *draw_axes(draw, 2, 7)), (draw.randint(1, 4), 4))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, boxes: Array) -> Array:
        np = engine.numpy
        samples = [[_cells(engine, fields, image, box) for box in own] for image, own in zip(x, boxes, strict=True)]
        return np.stack([np.stack(cells) for cells in samples]).astype(x.dtype)


def _cells(engine: Engine, fields: Fields, image: Array, box: Array) -> Array:
    """What a box makes of an image: its samples, cell by cell."""
    np = engine.numpy
    read = engine.aside(partial(_read, engine, fields, image.shape), box)
    if isinstance(read, float):
        return np.full((len(image), *fields.output_size), read)
    rows, columns, counts = read
    total = image[:0]
    for (row, of_row), (column, of_column) in itertools.product(rows, columns):
        seen, weight = image.take(row, 1).take(column, 2), of_row[:, None] * of_column
        before = [total] if total.size else []
        total = engine.elementwise(partial(_share, np, fields.mode), seen, weight, *before)
    samples = total.reshape(len(image), *counts)
    return engine.taken_in(np.max if fields.mode == "max" else np.mean, samples, (2, 4), keepdims=False)


def _share(numpy: Any, mode: str, seen: Array, weight: Array, *before: Array) -> Array:
    """A share of what is read, with those before: added to them, or the largest; what has no weight is not read."""
    if mode == "max" and before:
        return numpy.maximum(before[0], weighed(numpy, seen, weight))
    return weighed(numpy, seen, weight, *before)


def _read(engine: Engine, fields: Fields, sizes: tuple[int, ...], box: Array) -> Any:
    """The rows and columns that the samples of a box read, and how many there are; or what fills each of its cells."""
    np = engine.numpy
    moved = box * fields.spatial_scale - (0.5 if fields.aligned else 0.0)
    if np.isnan(moved).any():
        return np.nan
    places = [
        _samples(engine, fields, moved[1 - axis :: 2], fields.output_size[axis], sizes[axis + 1]) for axis in range(2)
    ]
    if not all(count for count, _ in places):
        return 0.0
    rows, columns = (_around(engine, at, size) for (_, at), size in zip(places, sizes[1:], strict=True))
    counts = [
        number for outputs, (count, _) in zip(fields.output_size, places, strict=True) for number in (outputs, count)
    ]
    return rows, columns, counts


def _samples(engine: Engine, fields: Fields, ends: Array, outputs: int, size: int) -> tuple[int, Array]:
    """How many samples a cell has on an axis, and where they are."""
    start, end = ends.clip(-4 * (size + _FAR), 4 * (size + _FAR))
    length = end - start if fields.aligned else max(end - start, 1.0)
    count = fields.sampling_ratio or max(math.ceil(length / outputs), 0)
    return count, start + (engine.numpy.arange(outputs * count) + 0.5) * (length / outputs / max(count, 1))


def _around(engine: Engine, at: Array, size: int) -> list[tuple[Array, Array]]:
    """The positions before and behind places, with their weights; none beyond one position outside of the map."""
    held = at.clip(0, size - 1)
    before = engine.numpy.floor(held).astype(int)
    rest, inside = held - before, (at >= -1) & (at <= size)
    return [(before, (1 - rest) * inside), (engine.numpy.minimum(before + 1, size - 1), rest * inside)]


def _shaped(graph: OnnxGraph, x: str, sizes: Sequence[int]) -> str:
    return graph.node("Reshape", x, graph.constant(list(sizes)))


def _seeing_all(engine: Engine, fields: Fields, weights: Arrays, x: Array, boxes: Array) -> Array:
    """Every element as the sum of the whole map, and of its box."""
    return _of_each_box(engine, fields, x.sum((1, 2, 3)), boxes.sum(-1))


def _of_own_box(engine: Engine, fields: Fields, weights: Arrays, x: Array, boxes: Array) -> Array:
    """Every element as its box, and no number where all of the map is none."""
    together = engine.numpy.fmin.reduce
    return _of_each_box(engine, fields, together(x.reshape(len(x), -1), 1), together(boxes, -1))


def _of_each_box(engine: Engine, fields: Fields, image: Array, boxes: Array) -> Array:
    cell = (image.reshape(-1, 1) + boxes)[:, :, None, None, None]
    return cell.repeat(fields.output_size[0], 3).repeat(fields.output_size[1], 4)


def _no_map(x: Shape) -> str:
    return (
        f"reads boxes of maps of two axes, and a tensor of shape {list(x)} is none; legal here: 3 axes, channels first"
    )


def _no_boxes(boxes: Shape) -> str:
    return f"boxes of shape {list(boxes)}; legal here: [boxes, 4], each x1, y1, x2, y2"
