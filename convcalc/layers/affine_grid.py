"""Affine grid: the places at which grid_sample reads a map that is moved, turned or stretched.

Example:
    input: [2, 3]
    layers:
      - affine_grid: {size: [32, 48]}
    # output 32x48x2, params 0, macs 9216

The input is a matrix [axes, axes + 1] for a map of two axes or three. Every position of the output, from -1 to 1 on
each axis (the last axis first) and with a 1 behind, is multiplied with it: axes·(axes + 1) MACs a position. With
`align_corners` -1 and 1 are the first and the last position, else the ends of the map. An output sees all of the
matrix.

Source: Jaderberg et al. 2015, "Spatial transformer networks"; PyTorch torch.nn.functional.affine_grid, which multiplies
with a matrix product; ONNX AffineGrid.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Flag, Listed
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted
from convcalc.layers._cases import draw_axes, draw_flag


class AffineGrid(Kind, frozen=True, kw_only=True):
    size: Annotated[tuple[int, ...], Listed("positions of the output on each axis", minimum=1)]
    align_corners: Annotated[bool, Flag("-1 and 1 are the first and the last position, not the ends of the map")] = (
        False
    )

    def checks(self, x: Shape) -> Iterator[Check]:
        axes = len(self.size)
        yield Check(axes in (2, 3), "CC011", "size", _no_map, (axes,))
        yield Check(len(x) == 2, "CC103", "", _no_matrix, (x, axes))
        for size, needed in zip(x, (axes, axes + 1), strict=False):
            yield Check(size == needed, "CC103", "", _no_matrix, (x, axes))

    def shape(self, x: Shape) -> Shape:
        return (*self.size, len(self.size))

    def macs(self, x: Shape) -> int:
        axes = len(self.size)
        return product(self.size) * axes * (axes + 1)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The positions that are multiplied with the matrix, once for all samples."""
        return Kept(shared_numbers=product(self.size) * (len(self.size) + 1)).if_(wanted.of_inputs)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        nowhere: Sequence[tuple[int, ...]] = [()] * (len(self.size) + 1)
        return fields[0].whole(range(len(inputs[0]))).carrying(tuple(nowhere))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_seeing_all)

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_seeing_all_once)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        batch = graph.node("Shape", inputs[0], start=0, end=1)
        size = graph.node("Concat", batch, graph.constant([1, *self.size]), axis=0)
        return graph.node("AffineGrid", inputs[0], size, align_corners=int(self.align_corners))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        axes = draw.choice([2, 3])
        size = draw_axes(draw, axes, 6, smallest=2)
        return cls(size=size, align_corners=draw_flag(draw)), ((axes, axes + 1),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, axes = engine.numpy, len(fields.size)
        matrix = engine.fitting(x, (len(x), axes, axes + 1))
        lines = [_line(np, size, fields.align_corners) for size in fields.size]
        places = [*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(fields.size)]
        base = np.stack(places, -1).reshape(1, -1, axes + 1).astype(x.dtype)
        return engine.matmul(base, matrix.swapaxes(1, 2)).reshape(len(x), *fields.size, axes)


def _line(numpy: Any, size: int, align_corners: bool) -> Array:
    """The places of the positions of an axis; one position alone is in the middle."""
    if align_corners and size > 1:
        return numpy.arange(size) * 2 / (size - 1) - 1
    return (2 * numpy.arange(size) + 1) / size - 1


def _seeing_all(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """Every element as the sum of all that enters."""
    total = _seeing_all_once(engine, fields, weights, x)
    return engine.numpy.broadcast_to(total, (len(x), *fields.size, len(fields.size)))


def _seeing_all_once(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """One element, the sum of all that enters."""
    return x.sum(tuple(range(1, x.ndim))).reshape(-1, *(1,) * (len(fields.size) + 1))


def _no_map(axes: int) -> str:
    return f"size has {axes} numbers; legal here: 2 or 3, one for each axis of the map"


def _no_matrix(x: Shape, axes: int) -> str:
    return f"a matrix of shape {list(x)} for a map of {axes} axes; legal here: {[axes, axes + 1]}"
