"""Grid sampling: a map read at the places that a second tensor says, between positions if need be.

Example:
    inputs: {input: [16, 32, 32], grid: [24, 24, 2]}
    layers:
      - grid_sample: {from: [input, grid]}
    # output 16x24x24, params 0, macs 0, field 1

The grid has the output's positions, and on its last axis a place on each axis of the map, the last axis first: -1 is
the beginning and 1 the end of the map or, with `align_corners`, of its first and last positions. What is outside is
read as zeros, as the end (border) or as mirrored (reflection). As upsample does, an output element combines two
positions on each axis (bilinear, on three axes too), four (bicubic, of maps of two axes) or takes one (nearest): an
element-wise operation for each. Which positions are read depends on data, so each output sees the whole map, and
what its own place in the grid sees.

Source: Jaderberg et al. 2015, "Spatial transformer networks"; PyTorch torch.nn.functional.grid_sample; ONNX GridSample.
"""

import math
import random
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Choice, Flag
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted
from convcalc.layers._cases import draw_axes, draw_flag
from convcalc.layers._elements import held, weighed
from convcalc.layers._kept import PLACE

_TAPS = {"nearest": 1, "bilinear": 2, "bicubic": 4}
_BEYOND = ("zeros", "border", "reflection")
_CUBIC = -0.75
_FAR = 2.0**20
"""A place that is outside of any map, in maps."""


class GridSample(Kind, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    is_map = resamples = True

    mode: Annotated[str, Choice("how an output position is made", options=tuple(_TAPS))] = "bilinear"
    padding_mode: Annotated[str, Choice("what is outside of the map", options=_BEYOND)] = "zeros"
    align_corners: Annotated[bool, Flag("-1 and 1 are the first and the last position, not the ends of the map")] = (
        False
    )

    def checks(self, x: Shape, grid: Shape) -> Iterator[Check]:
        axes = len(x) - 1
        yield Check(axes in (2, 3), "CC013", "", _no_map, (x,))
        yield Check(self.mode != "bicubic" or axes == 2, "CC011", "mode", _no_cubic, (axes,))
        yield Check(len(grid) == len(x), "CC103", "", _no_grid, (grid, x))
        if len(grid) == len(x):
            yield Check(grid[-1] == axes, "CC103", "", _no_grid, (grid, x))

    def shape(self, x: Shape, grid: Shape) -> Shape:
        return (x[0], *grid[:-1])

    def elementwise_ops(self, x: Shape, grid: Shape) -> int:
        return product([_TAPS[self.mode]] * (len(x) - 1)) * product(self.shape(x, grid))

    def kept(self, wanted: Wanted, x: Shape, grid: Shape) -> Kept:
        """What each position reads, and where, with its weight and the sum so far; a mask of what there is to read.

        For the grid, where it lies on each axis, and the weights of each axis and what is within it.
        """
        of_x, of_grid = wanted.inputs[0], wanted.inputs[1] and self.mode != "nearest"
        axes, along, places = len(x) - 1, _TAPS[self.mode], product(grid[:-1])
        taps: int = along**axes
        is_weighed = self.mode != "nearest"  # else a weight is whether there is anything
        weights = taps * is_weighed + axes * (1 + along) * of_grid
        masks = 1 + (1 - is_weighed) + axes * along * of_grid
        return Kept(
            inputs=(1,) * of_grid,
            numbers=((2 * taps - 1) * x[0] + weights) * places,
            bytes=masks * places + PLACE * taps * (places + 1) * of_x,
            shared_bytes=PLACE * taps * x[0] * of_x,
        ).if_(of_x or of_grid)

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        (x, grid), last = fields, len(inputs[1]) - 1
        seen = x.collapsed(range(len(inputs[0])))
        own = grid.collapsed([last])
        return seen, own.carrying(((), *own.carries[:last]))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_seeing_all, own=_of_own_place)

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return self

    def no_gradient(self, place: int) -> str:
        is_step = place == 1 and self.mode == "nearest"
        return "the nearest position is read, which changes by steps or not at all" if is_step else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        mode = {"bilinear": "linear", "bicubic": "cubic"}.get(self.mode, self.mode)
        corners = int(self.align_corners)
        return graph.node("GridSample", *inputs, mode=mode, padding_mode=self.padding_mode, align_corners=corners)

    def summary(self) -> str:
        return self.mode

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        axes, mode = draw.choice([2, 2, 3]), draw.choice(list(_TAPS))
        config = cls(
            mode="bilinear" if axes == 3 and mode == "bicubic" else mode,
            padding_mode=draw.choice(_BEYOND),
            align_corners=draw_flag(draw),
        )
        return config, ((draw.randint(1, 4), *draw_axes(draw, axes, 6)), (*draw_axes(draw, axes, 5), axes))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, grid: Array) -> Array:
        np, sizes = engine.numpy, x.shape[2:]
        reads = [_reads(engine, fields, grid[..., -1 - axis], size) for axis, size in enumerate(sizes)]
        flat, total = x.reshape(*x.shape[:2], -1), None
        for taps in np.ndindex(*(len(axis) for axis in reads)):
            chosen = [axis[tap] for axis, tap in zip(reads, taps, strict=True)]
            place = np.ravel_multi_index([place for place, _ in chosen], sizes)
            values = np.take_along_axis(flat, place.reshape(len(x), 1, -1), -1)
            weight = engine.weighing(_multiplied, *(weight for _, weight in chosen)).reshape(len(x), 1, -1)
            before = () if total is None else (total,)
            total = engine.elementwise(partial(weighed, np), values, weight, *before)
        placed = engine.aside(lambda grid: ~np.isnan(grid).any(-1).reshape(len(x), 1, -1), grid)
        return np.where(placed, total, np.nan).astype(x.dtype).reshape(*x.shape[:2], *grid.shape[1:-1])


def _multiplied(*weights: Array) -> Array:
    return math.prod(weights[1:], start=weights[0])


def _reads(engine: Engine, fields: Fields, grid: Array, size: int) -> list[tuple[Array, Array]]:
    """The positions of an axis that are read for each place, with their weights."""
    np = engine.numpy
    at = engine.weighing(partial(_at, np, fields, size), grid)
    if fields.mode == "nearest":
        return [engine.aside(lambda at: _within(engine, fields, np.rint(at), size), at)]
    reads = []
    for step in (0, 1) if fields.mode == "bilinear" else range(-1, 3):
        place, inside = engine.aside(lambda at, step=step: _within(engine, fields, np.floor(at) + step, size), at)
        reads.append((place, engine.weighing(partial(_weight, np, fields.mode, step), at, inside)))
    return reads


def _at(numpy: Any, fields: Fields, size: int, grid: Array) -> Array:
    """Places of the grid in positions of an axis, as numbers that can be counted with.

    Between two positions a place beyond the ends is brought back first, so that at an end it has PyTorch's slope, 0.
    """
    far = numpy.where(numpy.isnan(grid), numpy.zeros((), grid.dtype), grid).clip(-_FAR, _FAR)
    at = (far + 1) / 2 * (size - 1) if fields.align_corners else ((far + 1) * size - 1) / 2
    if fields.mode != "bilinear" or fields.padding_mode == "zeros":
        return at
    if fields.padding_mode == "reflection":
        at = _reflected(numpy, at, *((0, size - 1) if fields.align_corners else (-0.5, size)))
    return held(numpy, at, 0, size - 1)


def _reflected(numpy: Any, at: Array, start: float, length: int) -> Array:
    """Places mirrored at both ends of an axis as often as it takes."""
    if length == 0:
        return 0 * at
    behind = numpy.abs(at - start)
    rest, turns = numpy.fmod(behind, length), numpy.floor(behind / length)
    return numpy.where(turns % 2 == 0, rest, length - rest) + start


def _weight(numpy: Any, mode: str, step: int, at: Array, inside: Array) -> Array:
    """The weight of a position so many steps behind the one before a place, where there is such a position."""
    rest = at - numpy.floor(at)
    if mode == "bicubic":
        return _keys(numpy, numpy.abs(step - rest)) * inside
    return (rest if step else 1 - rest) * inside


def _within(engine: Engine, fields: Fields, place: Array, size: int) -> tuple[Array, Array]:
    """Whole places as positions of the axis, and whether there is anything to read."""
    place = place.astype(int)
    if fields.padding_mode == "reflection" and fields.align_corners:
        period = max(2 * (size - 1), 1)
        place = abs(place) % period
        place = engine.numpy.minimum(place, period - place)
    elif fields.padding_mode == "reflection":
        place = place % (2 * size)
        place = engine.numpy.minimum(place, 2 * size - 1 - place)
    held = place.clip(0, size - 1)
    return held, held == place if fields.padding_mode == "zeros" else engine.numpy.ones_like(held, bool)


def _keys(numpy: Array, distance: Array) -> Array:
    """The weight of a position at a distance, by Keys' cubic."""
    near = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance * distance + 1
    far = _CUBIC * (((distance - 5) * distance + 8) * distance - 4)
    return numpy.where(distance <= 1, near, far)


def _seeing_all(engine: Engine, fields: Fields, weights: Arrays, x: Array, grid: Array) -> Array:
    """Every position as the sum of the whole map, and of its place in the grid."""
    seen = x.sum(tuple(range(1, x.ndim))).reshape(-1, *(1,) * (x.ndim - 1))
    return seen + grid.sum(-1)[:, None]


def _of_own_place(engine: Engine, fields: Fields, weights: Arrays, x: Array, grid: Array) -> Array:
    """Every position as its place in the grid, and no number where all of the map is none."""
    together = engine.numpy.fmin.reduce
    return together(x.reshape(len(x), -1), 1).reshape(-1, *(1,) * (x.ndim - 1)) + together(grid, -1)[:, None]


def _no_map(x: Shape) -> str:
    return f"samples maps of two or three axes, and a tensor of shape {list(x)} has {len(x) - 1}; legal here: 2 or 3"


def _no_cubic(axes: int) -> str:
    return f"bicubic is for 2 spatial axes, found {axes}; legal here: bilinear, nearest"


def _no_grid(grid: Shape, x: Shape) -> str:
    axes = len(x) - 1
    return (
        f"a grid of shape {list(grid)} for a map of shape {list(x)}; legal here: {axes} axes of positions, and one of "
        f"{axes} with a place on each axis"
    )
