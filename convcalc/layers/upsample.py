"""Upsampling, or any resizing of a map: by repeating the nearest position, or between positions.

Example:
    input: [64, 28, 28]
    layers:
      - upsample: {scale_factor: 2}
    # output 64x56x56, params 0, macs 0, field 1

Either `scale_factor`, which yields floor(size·factor) positions, or `size`, which is the output's. An output element
combines one element of the input (nearest), two on each axis (linear, bilinear, trilinear: 1, 2 and 3 axes) or four
(bicubic), an element-wise operation for each. nearest reads floor(o·ratio); the others the neighbours of
(o + 1/2)·ratio - 1/2, with align_corners of o·(in - 1)/(out - 1); the ratio is 1/factor, or in/out with `size`.

Source: PyTorch nn.Upsample (UpSample.h: area_pixel_compute_scale); ONNX Resize; the operations as fvcore counts them.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from msgspec.structs import replace

from convcalc.arithmetic.field import Field, Resampling, resampled
from convcalc.arithmetic.number import product
from convcalc.arithmetic.resampling import Ratio, interpolated, nearest
from convcalc.fields import Choice, Flag, PerAxis, Scale, Sizes, optional
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, NoOnnxForm, OnnxGraph, Shape, Unprobed
from convcalc.layers._cases import draw_axes, draw_flag, draw_shape
from convcalc.layers._checks import has_positions, one_of_two
from convcalc.layers._onnx import positions
from convcalc.layers._windows import shown_sizes

RANKS = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}
"""Spatial axes of the modes that are for one number of them."""

MODES = ("nearest", *RANKS)


class Upsample(Kind, frozen=True, kw_only=True):
    scale_factor: Annotated[tuple[Ratio, ...] | None, optional(Scale("output positions for one input position"))] = None
    size: Annotated[Sizes | None, optional(PerAxis("output positions on each axis"))] = None
    mode: Annotated[str, Choice("how an output position is made", options=MODES)] = "nearest"
    align_corners: Annotated[bool, Flag("the first and last positions of both fall together")] = False

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)
        yield one_of_two(self.scale_factor, self.size, ("scale_factor", "size"))
        fitting = [mode for mode in MODES if RANKS.get(mode, len(x) - 1) == len(x) - 1]
        yield Check(
            self.mode in fitting,
            "CC011",
            "mode",
            lambda: (
                f"{self.mode} is for {RANKS[self.mode]} spatial axes, found {len(x) - 1}; legal here: "
                f"{', '.join(fitting)}"
            ),
        )
        yield Check(
            not (self.align_corners and self.mode == "nearest"),
            "CC011",
            "align_corners",
            lambda: "nearest has no corners to align; legal here: false",
        )
        if (self.scale_factor is None) != (self.size is None):
            for output, size in zip(self.shape(x)[1:], x[1:], strict=True):
                yield Check(output >= 1, "CC101", "scale_factor", _empty, (size,))

    def shape(self, x: Shape) -> Shape:
        if self.scale_factor is None:
            return (x[0], *(self.size or ()))
        scaled = zip(x[1:], self.scale_factor, strict=True)
        return (x[0], *(size * top if bottom == 1 else size * top // bottom for size, (top, bottom) in scaled))

    def taps(self) -> int:
        """Input positions that an output position reads, on one axis."""
        return {"nearest": 1, "bicubic": 4}.get(self.mode, 2)

    def elementwise_ops(self, x: Shape) -> int:
        combined: int = self.taps() ** (len(x) - 1)
        return combined * product(self.shape(x))

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        axes = enumerate(zip(inputs[0][1:], self.shape(*inputs)[1:], strict=True))
        return resampled(fields[0], [self._resampling(axis, size, outputs) for axis, (size, outputs) in axes])

    def _resampling(self, axis: int, size: int, outputs: int) -> Resampling:
        if self.align_corners:
            ratio = (size - 1, outputs - 1) if outputs > 1 else (0, 1)
        elif self.scale_factor is None:
            ratio = (size, outputs)
        else:
            ratio = self.scale_factor[axis][::-1]
        if self.mode == "nearest":
            return nearest(ratio, outputs)
        return interpolated(ratio, outputs, self.taps(), self.align_corners)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), (shape,) = inputs, shapes
        given = [top / bottom for top, bottom in self.scale_factor or zip(self.size or (), shape[1:], strict=True)]
        exact = all(factor.as_integer_ratio()[1] < 2**12 for factor in given)  # as float32, which ONNX's scales are
        if self.mode == "nearest" and not exact:
            return self._gathered(graph, x, shape)
        if self.mode == "nearest":
            how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        else:
            corners = "align_corners" if self.align_corners else "half_pixel"
            how = {"mode": "cubic" if self.mode == "bicubic" else "linear", "coordinate_transformation_mode": corners}
        axes = positions(shape)
        if exact and self.scale_factor is not None:
            return graph.node("Resize", x, "", graph.constant(given, "float32"), axes=axes, **how)
        sizes = self.shape(shape)[1:]
        if self.scale_factor is not None and not self.align_corners:
            for size, output, (top, bottom) in zip(shape[1:], sizes, self.scale_factor, strict=True):
                if size * top != output * bottom:
                    raise NoOnnxForm(
                        f"scale_factor {top}/{bottom} of {size} positions leaves a part of one; ONNX's scales are "
                        "float32, and its sizes know whole positions"
                    )
        return graph.node("Resize", x, "", "", graph.constant(sizes), axes=axes, **how)

    def _gathered(self, graph: OnnxGraph, x: str, shape: Shape) -> str:
        """The nearest positions, each by its index: ratios that float32 does not hold would miss some."""
        for axis, (size, output) in enumerate(zip(shape[1:], self.shape(shape)[1:], strict=True)):
            read = self._resampling(axis, size, output)
            places = [place for position in range(output) for place in read.sources(position)]
            if places != list(range(size)):
                x = graph.node("Gather", x, graph.constant(places), axis=axis + 2)
        return x

    def summary(self) -> str:
        if self.scale_factor is None:
            return f"to {shown_sizes(self.size or ())}, {self.mode}"
        factors = {f"{top}/{bottom}" if bottom != 1 else str(top) for top, bottom in self.scale_factor}
        return f"x{', '.join(sorted(factors))}, {self.mode}"

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if not axis:
            return self
        if self.align_corners:
            raise Unprobed("where corners are aligned the ratio is of the sizes themselves")
        sizes = zip(self.shape(*inputs)[1:], inputs[0][1:], strict=True)
        return self if self.size is None else replace(self, scale_factor=tuple(sizes), size=None)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw, least_rank=1)
        mode = draw.choice([mode for mode in MODES if RANKS.get(mode, len(x) - 1) == len(x) - 1])
        align = mode != "nearest" and draw_flag(draw)
        if draw_flag(draw):
            return cls(size=draw_axes(draw, len(x) - 1, 12), mode=mode, align_corners=align), (x,)
        factors = tuple(draw.choice([(1, 1), (2, 1), (3, 1), (3, 2), (4, 3), (2, 7)]) for _ in x[1:])
        sizes = (size * bottom if top < bottom else size for size, (top, bottom) in zip(x[1:], factors, strict=True))
        return cls(scale_factor=factors, mode=mode, align_corners=align), ((x[0], *sizes),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        for axis, size in enumerate(x.shape[2:]):
            # `over` output positions are as long as `under` of the input; there are as many as lie within the axis.
            over, under = fields.scale_factor[axis] if fields.size is None else (fields.size[axis], size)
            begins = engine.numpy.arange(0, size * over - under + 1, under)  # counted in parts of 1 / over
            x = _resampled(engine, fields, x, axis + 2, begins, over, under)
        return x


def _empty(size: int) -> str:
    return f"no position is left of an axis of {size}; legal here: a factor of at least 1/{size}"


def _resampled(engine: Engine, fields: Fields, x: Array, axis: int, begins: Array, over: int, under: int) -> Array:
    """One axis, of which output positions read at their beginnings, or around their centres or aligned places."""
    if fields.mode == "nearest":
        return x.take(begins // over, axis)
    if fields.align_corners:
        tops, bottom = engine.numpy.arange(begins.size) * (x.shape[axis] - 1), max(begins.size - 1, 1)
    else:
        tops, bottom = 2 * begins + under - over, 2 * over
    before, part = tops // bottom, (tops % bottom / bottom).astype(x.dtype)
    reads = _cubic(part) if fields.mode == "bicubic" else {0: 1 - part, 1: part}
    along = (-1, *(1,) * (x.ndim - 1 - axis))
    total = 0
    for step, weight in reads.items():
        # What has no weight is not read; what is beyond the ends reads the ends.
        place = engine.numpy.where(weight == 0, before, before + step).clip(0, x.shape[axis] - 1)
        total = total + x.take(place, axis) * weight.reshape(along)
    return total


CUBIC = -0.75
"""The parameter of Keys' cubic convolution, as PyTorch chose it."""


def _cubic(part: Array) -> dict[int, Array]:
    """Weights of the four neighbours of a place that is `part` of the way between the middle two."""
    return {-1: _far(1 + part), 0: _near(part), 1: _near(1 - part), 2: _far(2 - part)}


def _near(distance: Array) -> Array:
    return ((CUBIC + 2) * distance - (CUBIC + 3)) * distance * distance + 1


def _far(distance: Array) -> Array:
    return CUBIC * (((distance - 5) * distance + 8) * distance - 4)
