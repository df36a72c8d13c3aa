"""Upsampling, or any resizing of a map: by repeating the nearest position, or between positions.

Example:
    input: [64, 28, 28]
    layers:
      - upsample: {scale_factor: 2}
    # output 64x56x56, params 0, macs 0, field 1

Either `scale_factor`, which yields floor(size·factor) positions, or `size`, which is the output's. The ratio is
1/factor, or in/out with `size` alone; with both, `size` says how many positions there are and may round the product
up. Output o lies at a place of the input, by `coordinate_transformation_mode`:
    half_pixel            (o + 1/2)·ratio - 1/2: linear, bilinear, trilinear and bicubic, by default
    asymmetric            o·ratio: nearest, by default
    pytorch_half_pixel    half_pixel, but at 0 where there is one output
    half_pixel_symmetric  half_pixel, moved by (in - out·ratio)/2: what a factor leaves over is shared by both ends
    align_corners         o·(in - 1)/(out - 1): the flag `align_corners`, and this word with nearest
nearest takes the position that the place is rounded to by `nearest_mode`; the others combine the two positions around
it on each axis (bicubic: four), an element-wise operation for each of all that an output is made of: 2^axes, 4^2.
The one of nearest is counted too. With `antialias` a map that becomes smaller is read
through a filter that is stretched by the ratio: over ceil(2·ratio) positions on an axis, bicubic ceil(4·ratio).

Source: PyTorch nn.Upsample (UpSample.h: area_pixel_compute_scale) and interpolate; ONNX Resize, whose words are those
that PyTorch lacks; the operations as fvcore counts them. PyTorch's antialias is one with exclude_outside, and a
cubic_coeff_a of -0.5.
"""

import random
import struct
from collections.abc import Iterator
from typing import Annotated, Any

from msgspec.structs import replace

from convcalc import steps
from convcalc.arithmetic.axes import Resampling
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import resampled
from convcalc.arithmetic.number import ceil_div, maximum, product
from convcalc.arithmetic.resampling import Places, Ratio, interpolated, nearest
from convcalc.fields import Choice, Flag, PerAxis, Real, ScaleFactor, Sizes, optional
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, NoOnnxForm, OnnxGraph, Shape, Unprobed
from convcalc.layers._cases import draw_axes, draw_flag, draw_shape
from convcalc.layers._checks import has_positions, one_of_two
from convcalc.layers._onnx import positions
from convcalc.layers._windows import shown_sizes

CUBIC = -0.75
"""The parameter of Keys' cubic convolution, as PyTorch chose it."""

COORDINATES = ("half_pixel", "asymmetric", "pytorch_half_pixel", "half_pixel_symmetric", "align_corners")
_ROUNDINGS = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")

_RANKS = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}
"""Spatial axes of the modes that are for one number of them."""

MODES = ("nearest", *_RANKS)


class Upsample(Kind, frozen=True, kw_only=True):
    is_map = resamples = True

    scale_factor: Annotated[
        tuple[Ratio, ...] | None, optional(ScaleFactor("output positions for one input position"))
    ] = None
    size: Annotated[Sizes | None, optional(PerAxis("output positions on each axis"))] = None
    mode: Annotated[str, Choice("how an output position is made", options=MODES)] = "nearest"
    align_corners: Annotated[bool, Flag("the first and last positions of both fall together")] = False
    antialias: Annotated[bool, Flag("a map that becomes smaller is read through a filter as wide as the ratio")] = False
    coordinate_transformation_mode: Annotated[
        str | None,
        optional(Choice("where an output position lies in the input; null: as PyTorch", options=COORDINATES)),
    ] = None
    nearest_mode: Annotated[str, Choice("how nearest rounds a place", options=_ROUNDINGS)] = "floor"
    exclude_outside: Annotated[bool, Flag("what is beyond the ends has no weight, instead of that of the end")] = False
    cubic_coeff_a: Annotated[float, Real("the parameter of bicubic's kernel", minimum=-1, maximum=0)] = CUBIC

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)
        if self.scale_factor is None or self.size is None:
            yield one_of_two(self.scale_factor, self.size, ("scale_factor", "size"))
        else:
            for size, output, (top, bottom) in zip(x[1:], self.size, self.scale_factor, strict=True):
                least, most = size * top // bottom, ceil_div(size * top, bottom)
                yield Check((least <= output) & (output <= most), "CC011", "size", _unrounded, (output, least, most))
        fitting = [mode for mode in MODES if _RANKS.get(mode, len(x) - 1) == len(x) - 1]
        yield Check(self.mode in fitting, "CC011", "mode", _other_rank, (self.mode, len(x) - 1, fitting))
        yield from self._fitting()
        if self.scale_factor is not None or self.size is not None:
            for output, size in zip(self.shape(x)[1:], x[1:], strict=True):
                yield Check(output >= 1, "CC101", "scale_factor", _empty, (size,))

    def _fitting(self) -> Iterator[Check]:
        """That only fields are written that the mode has."""
        mode, coordinates, word = self.mode, self.coordinate_transformation_mode, "coordinate_transformation_mode"
        is_nearest, is_cubic = mode == "nearest", mode == "bicubic"
        has_flag = f"{mode} has a flag for that, align_corners: true"
        reads_ends = f"{mode} without antialias reads what is beyond the ends as the ends"
        for holds, field, why, legal in (
            (not (self.align_corners and is_nearest), "align_corners", "nearest has no corners to align", "false"),
            (not (self.align_corners and coordinates), word, "align_corners says where positions lie", "null"),
            (is_nearest or coordinates != "align_corners", word, has_flag, "null"),
            (not (self.antialias and is_nearest), "antialias", "nearest has no filter to stretch", "false"),
            (is_nearest or self.nearest_mode == "floor", "nearest_mode", f"{mode} rounds no place", "floor"),
            (self.antialias or is_cubic or not self.exclude_outside, "exclude_outside", reads_ends, "false"),
            (is_cubic or self.cubic_coeff_a == CUBIC, "cubic_coeff_a", f"{mode} has no such parameter", f"{CUBIC}"),
        ):
            yield Check(holds, "CC011", field, "{}; legal here: {}".format, (why, legal))

    def shape(self, x: Shape) -> Shape:
        if self.size is not None:
            return (x[0], *self.size)
        scaled = zip(x[1:], self.scale_factor or (), strict=True)
        return (x[0], *(size * top if bottom == 1 else size * top // bottom for size, (top, bottom) in scaled))

    def taps(self) -> int:
        """Input positions that an output position reads, on one axis, through a filter that is not stretched."""
        return {"nearest": 1, "bicubic": 4}.get(self.mode, 2)

    def combined(self, x: Shape) -> int:
        """Input elements that an output element combines."""
        taps = self.taps()
        if not self.antialias:
            return product([taps] * (len(x) - 1))
        sizes = enumerate(zip(x[1:], self.shape(x)[1:], strict=True))
        ratios = (self._ratio(axis, size, outputs) for axis, (size, outputs) in sizes)
        return product(maximum(taps, ceil_div(taps * top, bottom)) for top, bottom in ratios)

    def elementwise_ops(self, x: Shape) -> int:
        return self.combined(x) * product(self.shape(x))

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        axes = enumerate(zip(inputs[0][1:], self.shape(*inputs)[1:], strict=True))
        return resampled(fields[0], [self._resampling(axis, size, outputs) for axis, (size, outputs) in axes])

    def _resampling(self, axis: int, size: int, outputs: int) -> Resampling:
        top, bottom = self._ratio(axis, size, outputs)
        coordinates = self.coordinates()
        places = Places(top, bottom)
        if coordinates == "align_corners":
            places = Places(size - 1, outputs - 1) if outputs > 1 else Places(0, 1)
        elif coordinates == "pytorch_half_pixel" and outputs == 1:
            places = Places(0, 1)
        elif coordinates != "asymmetric":
            moved = size * bottom - outputs * top if coordinates == "half_pixel_symmetric" else 0
            places = Places(top, bottom, top - bottom + moved)
        if self.mode == "nearest":
            return nearest(places, outputs, self.nearest_mode)
        stretch = (top, bottom) if self.antialias and top > bottom else (1, 1)
        return interpolated(places, outputs, self.taps(), stretch)

    def _ratio(self, axis: int, size: int, outputs: int) -> Ratio:
        """How far the input moves on for one output position."""
        return (size, outputs) if self.scale_factor is None else self.scale_factor[axis][::-1]

    def coordinates(self) -> str:
        """Where output positions lie, in ONNX's words."""
        if self.align_corners:
            return "align_corners"
        return self.coordinate_transformation_mode or ("asymmetric" if self.mode == "nearest" else "half_pixel")

    def no_op(self, x: Shape) -> str:
        by_one = set(self.scale_factor or ()) <= {(1, 1)} and self.shape(x) == x
        return "resizes to the size that is there" if by_one else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), (shape,) = inputs, shapes
        given = [top / bottom for top, bottom in self.scale_factor or zip(self.size or (), shape[1:], strict=True)]
        exact = all(factor.as_integer_ratio()[1] < 2**12 for factor in given)  # as float32, which ONNX's scales are
        if self.mode == "nearest" and not exact:
            return self._gathered(graph, x, shape)
        how: dict[str, Any] = {"coordinate_transformation_mode": self.coordinates(), "axes": positions(shape)}
        cubic: dict[str, Any] = {"mode": "cubic", "cubic_coeff_a": self.cubic_coeff_a}
        by_mode = {"nearest": {"nearest_mode": self.nearest_mode}, "bicubic": cubic}
        how |= by_mode.get(self.mode, {"mode": "linear"})
        how |= {"antialias": 1} if self.antialias else {}
        how |= {"exclude_outside": 1} if self.exclude_outside else {}
        sizes = self.shape(shape)[1:]
        factors_fit = all(size * factor == output for size, factor, output in zip(shape[1:], given, sizes, strict=True))
        both = self.scale_factor is not None and self.size is not None
        if self.scale_factor is None or self.align_corners or (factors_fit and (both or not exact)):
            return graph.node("Resize", x, "", "", graph.constant(sizes), **how)
        for size, output, (top, bottom) in zip(shape[1:], sizes, self.scale_factor, strict=True):
            if runtime_size(size, top / bottom) != output:
                raise NoOnnxForm(
                    f"scale_factor {top}/{bottom} of {size} positions leaves a part of one; ONNX's scales are float32, "
                    f"of which it makes {runtime_size(size, top / bottom)} positions instead of {output}"
                )
            if size == output and top != bottom and (self.antialias or sizes == shape[1:]):
                raise NoOnnxForm(
                    f"scale_factor {top}/{bottom} of {size} positions leaves a part of one, and makes as many: ONNX "
                    "Runtime copies them"
                )
        return graph.node("Resize", x, "", graph.constant(given, "float32"), **how)

    def _gathered(self, graph: OnnxGraph, x: str, shape: Shape) -> str:
        """The nearest positions, each by its index: ratios that float32 does not hold would miss some."""
        for axis, (size, output) in enumerate(zip(shape[1:], self.shape(shape)[1:], strict=True)):
            if not steps.afford(2 * output):
                raise NoOnnxForm(f"the places of its {output:,} positions take {steps.limit()}")
            read = self._resampling(axis, size, output)
            places = [min(max(place, 0), size - 1) for position in range(output) for place in read.sources(position)]
            if output != size or places != list(range(size)):
                x = graph.node("Gather", x, graph.constant(places), axis=axis + 2)
        return x

    def summary(self) -> str:
        if self.size is not None:
            return f"to {shown_sizes(self.size)}, {self.mode}"
        factors = {f"{top}/{bottom}" if bottom != 1 else str(top) for top, bottom in self.scale_factor or ()}
        return f"x{', '.join(sorted(factors))}, {self.mode}"

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if not axis:
            return self
        outputs, size = self.shape(*inputs)[axis], inputs[0][axis]
        if self.coordinates() == "align_corners":
            raise Unprobed("where corners are aligned the ratio is of the sizes themselves")
        if self.coordinates() == "pytorch_half_pixel" and outputs == 1:
            raise Unprobed("one position alone lies where the input begins")
        if self.coordinates() == "half_pixel_symmetric" and self.scale_factor is not None:
            top, bottom = self.scale_factor[axis - 1]
            if size * top != outputs * bottom:
                raise Unprobed("what the factor leaves over is shared by the ends, which move")
        sizes = zip(self.shape(*inputs)[1:], inputs[0][1:], strict=True)
        return self if self.size is None else replace(self, scale_factor=self.scale_factor or tuple(sizes), size=None)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw, least_rank=1)
        mode = draw.choice([mode for mode in MODES if _RANKS.get(mode, len(x) - 1) == len(x) - 1])
        fields = _drawn(draw, mode)
        if draw_flag(draw):
            return cls(size=draw_axes(draw, len(x) - 1, 12), mode=mode, **fields), (x,)
        factors = tuple(draw.choice([(1, 1), (2, 1), (3, 1), (3, 2), (4, 3), (2, 7)]) for _ in x[1:])
        if draw.random() < 0.2:  # rounded up
            rounded = tuple(-(-size * top // bottom) for size, (top, bottom) in zip(x[1:], factors, strict=True))
            return cls(size=rounded, scale_factor=factors, mode=mode, **fields), (x,)
        sizes = (size * bottom if top < bottom else size for size, (top, bottom) in zip(x[1:], factors, strict=True))
        return cls(scale_factor=factors, mode=mode, **fields), ((x[0], *sizes),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        reads = []
        for axis, size in enumerate(x.shape[2:]):
            # `over` output positions are as long as `under` of the input; there are as many as lie within the axis.
            over, under = (fields.size[axis], size) if fields.scale_factor is None else fields.scale_factor[axis]
            begins = engine.numpy.arange(0, size * over - under + 1, under)  # counted in parts of 1 / over
            begins = begins if fields.size is None else under * engine.numpy.arange(fields.size[axis])
            reads.append(_reads(engine, fields, size, begins, over, under))
        return engine.resampled(x, reads)


def float32(number: float) -> float:
    """The number of 32 bits that is nearest."""
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def _other_rank(mode: str, rank: int, fitting: list[str]) -> str:
    return f"{mode} is for {_RANKS[mode]} spatial axes, found {rank}; legal here: {', '.join(fitting)}"


def _unrounded(output: int, least: int, most: int) -> str:
    legal = f"{least} or {most}" if least != most else least
    return f"size {output} beside a scale_factor that makes {least} to {most} positions; legal here: {legal}"


def _empty(size: int) -> str:
    return f"no position is left of an axis of {size}; legal here: a factor of at least 1/{size}"


def runtime_size(size: int, factor: float) -> int:
    """The positions that ONNX Runtime makes of an axis: the product is rounded to float32, as the factor is."""
    return int(float32(float32(size) * float32(factor))) if factor < 2**31 else 0


def _drawn(draw: random.Random, mode: str) -> dict[str, Any]:
    """Any fields that a mode takes, more often none of them."""
    coordinates = draw.choice([None, None, *COORDINATES])
    if mode == "nearest":
        return {"coordinate_transformation_mode": coordinates, "nearest_mode": draw.choice(_ROUNDINGS)}
    if draw_flag(draw):
        return {"align_corners": draw_flag(draw)}
    antialias = draw_flag(draw)
    return {
        "coordinate_transformation_mode": None if coordinates == "align_corners" else coordinates,
        "antialias": antialias,
        "exclude_outside": (antialias or mode == "bicubic") and draw_flag(draw),
        "cubic_coeff_a": draw.choice([CUBIC, -0.5]) if mode == "bicubic" else CUBIC,
    }


def _reads(engine: Engine, fields: Fields, size: int, begins: Array, over: int, under: int) -> list[Any]:
    """What the output positions of an axis read, at the places they lie at, or around them: positions and weights."""
    tops, bottom = _lying(engine, fields, size, begins, over, under)
    last = size - 1
    if fields.mode == "nearest":
        rounded = {
            "floor": tops // bottom,
            "ceil": -(-tops // bottom),
            "round_prefer_floor": -((bottom - 2 * tops) // (2 * bottom)),
            "round_prefer_ceil": (2 * tops + bottom) // (2 * bottom),
        }[fields.nearest_mode]
        return [(rounded.clip(0, last), None)]
    wide, narrow = (under, over) if fields.antialias and under > over else (1, 1)
    reach = (2 if fields.mode == "bicubic" else 1) * wide  # to either side, in parts of 1 / narrow
    first = (tops * narrow - reach * bottom) // (bottom * narrow) + 1  # the first position within reach
    places = [first + step for step in range(-(-2 * reach // narrow))]  # as many as there can be
    # Distances as whole numbers divided once, so that what lies just out of reach has no weight.
    weights = [_weight(engine, fields, abs(place * bottom - tops) * narrow / (bottom * wide)) for place in places]
    if fields.exclude_outside:
        weights = [weight * ((place >= 0) & (place <= last)) for place, weight in zip(places, weights, strict=True)]
    parts = sum(weights) if fields.antialias or fields.exclude_outside else 1
    # What has no weight is not read; what is beyond the ends reads the ends.
    return [
        (engine.numpy.where(weight == 0, tops // bottom, place).clip(0, last), weight / parts)
        for place, weight in zip(places, weights, strict=True)
    ]


def _lying(engine: Engine, fields: Fields, size: int, begins: Array, over: int, under: int) -> tuple[Array, int]:
    """Where output positions lie in the input, as numerators and a denominator."""
    count, words = begins.size, fields.coordinate_transformation_mode
    if fields.align_corners or words == "align_corners":
        return engine.numpy.arange(count) * (size - 1), max(count - 1, 1)
    if words == "asymmetric" or (words is None and fields.mode == "nearest"):
        return begins, over
    if words == "pytorch_half_pixel" and count == 1:
        return 0 * begins, 1
    moved = size * over - count * under if words == "half_pixel_symmetric" else 0
    return 2 * begins + under - over + moved, 2 * over


def _weight(engine: Engine, fields: Fields, distance: Array) -> Array:
    """The weight of positions at a distance from the place, in neighbours: a triangle, or Keys' cubic."""
    if fields.mode != "bicubic":
        return (1 - distance).clip(0)
    a = fields.cubic_coeff_a
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return engine.numpy.where(distance <= 1, near, engine.numpy.where(distance < 2, far, 0))
