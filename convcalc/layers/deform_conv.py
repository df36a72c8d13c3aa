"""Deformable convolution: each tap reads the input where an offset map moves it, between positions if need be.

Example:
    inputs: {input: [8, 16, 16], offset: [18, 16, 16]}
    layers:
      - deform_conv: {from: [input, offset], out_channels: 16, kernel_size: 3, padding: 1, bias: false}
    # output 16x16x16, params 1152, macs 294912, field 3

The inputs are the map, its offsets (an amount on each axis for every tap and offset group) and, in version 2, a mask
that weighs every tap; the layers that make them are written before it. Behind them may come the weight and the bias,
where other layers make these too, as for conv: what has one axis more than the map is the weight. Shape, weights and
MACs are a convolution's. Each sample is interpolated from 2^axes neighbours, so there are that many element-wise
operations for every output position, tap and input channel, and one more with a mask. The field is the nominal one of
offsets zero, together with what offsets and mask see; the positions that are read depend on the data.

Source: Dai et al. 2017; Zhu et al. 2019 (the mask); torchvision.ops.deform_conv2d; ONNX DeformConv.
"""

import math
import random
from collections.abc import Iterator, Sequence
from functools import partial, reduce
from typing import Annotated, Any, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.meeting import merged
from convcalc.arithmetic.moving import windowed
from convcalc.arithmetic.number import minimum, product
from convcalc.arithmetic.window import Pair
from convcalc.fields import Channels, Sizes
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted, Weights
from convcalc.layers._cases import draw_flag
from convcalc.layers._checks import divides, divisors, has_positions
from convcalc.layers._convolutions import ARRAYS, Convolution, all_seen, biased, by_sample, filters, seen_with
from convcalc.layers._elements import weighed
from convcalc.layers._kept import PLACE
from convcalc.layers._onnx import ends, entered_or_own, padded, shaped
from convcalc.layers.conv import Conv


class DeformConv(Convolution, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (2, 5)
    moves_taps = True

    offset_groups: Annotated[int, Channels("parts the channels are split into, each with its offsets", minimum=1)] = 1

    def checks(self, x: Shape, *others: Shape) -> Iterator[Check]:
        maps, given = _apart(x, others)
        yield has_positions(x)
        yield divides(self.offset_groups, x[0], "offset_groups", "in_channels")
        yield Check(len(given) <= len(ARRAYS), "CC103", "", _too_many, (len(given),))
        yield from super().checks(x, *given[: len(ARRAYS)])
        wanted = self._maps(x)
        for name, map_, legal in zip(("offset", "mask"), maps, wanted, strict=False):
            yield Check(len(map_) == len(legal), "CC103", "", _mismatch, (name, map_, legal))
            does_not_fit = reduce(minimum, legal) < 1  # and has been said
            for size, needed in zip(map_, legal, strict=False):
                yield Check((size == needed) | does_not_fit, "CC103", "", _mismatch, (name, map_, legal))

    def _maps(self, x: Shape) -> tuple[Shape, Shape]:
        """The shapes that offset and mask must have."""
        weighed, positions = self.offset_groups * product(self.kernel_size), self.shape(x)[1:]
        return (len(self.kernel_size) * weighed, *positions), (weighed, *positions)

    def weights(self, x: Shape, *others: Shape) -> Weights:
        return super().weights(x, *_apart(x, others)[1])

    def elementwise_ops(self, x: Shape, *others: Shape) -> int:
        maps, _ = _apart(x, others)
        neighbours: int = 2 ** len(self.kernel_size)
        samples = product((x[0], *self.kernel_size, *self.shape(x)[1:]))
        return (neighbours + (len(maps) == 2)) * samples + super().elementwise_ops(x)

    def kept(self, wanted: Wanted, x: Shape, *others: Shape) -> Kept:
        """The samples, with their neighbours, shares and sums so far; of what enters offsets, a mask and a weight."""
        maps, given = _apart(x, others)
        of_x, of_offset, of_mask = wanted.inputs[0], wanted.inputs[1], len(maps) == 2 and wanted.inputs[2]
        is_read, axes, windows = of_x or of_offset, len(self.kernel_size), product(self.shape(x)[1:])
        corners: int = 2**axes
        sampled = product((x[0], *self.kernel_size)) * windows
        places = product((self.offset_groups, *self.kernel_size)) * windows
        own, entering = self._weight_wanted(wanted, x, others)
        along = 2 * axes - (axes == 1)  # there a share is how far behind a position it is
        read = is_read * ((2 * corners - 1) * sampled + corners * places) + along * of_offset * places
        held = (1,) * of_offset + (2,) * (len(maps) == 2 and is_read)
        weight = (1 + len(maps),) * (len(given) > 0 and (is_read or of_mask))
        nominal = sum(kernel * outputs for kernel, outputs in zip(self.kernel_size, self.shape(x)[1:], strict=True))
        return Kept(
            inputs=held + weight,
            numbers=read + (of_mask + (own or entering)) * sampled,
            bytes=PLACE * corners * (places + 1) * of_x,
            shared_numbers=nominal * of_offset,
            shared_bytes=PLACE * corners * (self.offset_groups + x[0] // self.offset_groups) * of_x,
        )

    def gradient_macs(self, wanted: Wanted, x: Shape, *others: Shape) -> tuple[int, int]:
        """As many as forwards, for the samples and for the weight, which is own or enters."""
        own, entering = self._weight_wanted(wanted, x, others)
        of_samples = True in wanted.inputs[: 1 + len(_apart(x, others)[0])]
        macs = self.macs(x, *others)
        return macs * (of_samples + entering), macs * own

    def _weight_wanted(self, wanted: Wanted, x: Shape, given: Sequence[Shape]) -> tuple[bool, bool]:
        maps, entered = _apart(x, given)
        return wanted.weights and not entered, len(entered) > 0 and wanted.inputs[1 + len(maps)]

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        (x, *others), output = inputs, self.shape(*inputs)
        maps = 1 + len(_apart(x, others)[0])
        own, *moving = self.paths(fields, inputs)[:maps]
        nominal = windowed(own, self.windows(x), output)
        return seen_with(merged((nominal, *moving), output), fields[maps:], output)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x, offset, *others), (shape, moved, *_) = inputs, shapes
        maps = len(_apart(shape, shapes[1:])[0])
        mask, given = others[: maps - 1], others[maps - 1 :]
        pads = [(window.before, window.after) for window in self.windows(shape)]
        window = [self.kernel_size, self.stride, self.dilation]
        weight, bias = entered_or_own(graph, given, self.bias)
        if len(shape) != 2:
            return self._deformed(graph, (x, weight, offset, bias, *mask), window, pads)
        # One axis is written as two, the first of a single position that no offset leaves, as runtimes know two alone.
        last = graph.constant([2])
        x, weight, *mask = (graph.node("Unsqueeze", array, last) for array in (x, weight, *mask))
        pairs = padded(graph, graph.node("Unsqueeze", offset, last), [(1, 0), (0, 0)])
        offset = shaped(graph, pairs, [2 * moved[0], 1, moved[1]])
        flat = [(1, *numbers) for numbers in window]
        y = self._deformed(graph, (x, weight, offset, bias, *mask), flat, [(0, 0), *pads])
        return graph.node("Squeeze", y, last)

    def _deformed(self, graph: OnnxGraph, inputs: Sequence[str], window: Sequence[Sizes], pads: Sequence[Pair]) -> str:
        kernel, stride, dilation = window
        groups = {"group": self.groups, "offset_group": self.offset_groups}
        attributes = {"kernel_shape": kernel, "strides": stride, "dilations": dilation, "pads": ends(pads)}
        return graph.node("DeformConv", *inputs, **attributes, **groups)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        x, *others = inputs
        return all_seen(StandIn(of=self, run=_unmoved), len(_apart(x, others)[1]))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        plain, (x,) = Conv.case(draw)
        while len(x) == 1:
            plain, (x,) = Conv.case(draw)
        fields = {name: getattr(plain, name) for name in Convolution.__struct_fields__}
        config = cls(**fields, offset_groups=draw.choice(divisors(x[0])))
        maps = config._maps(x)
        return config, (x, *(maps if draw_flag(draw) else maps[:1]))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, offset: Array, *others: Array) -> Array:
        has_mask = bool(others) and others[0].ndim != x.ndim + 1
        pads = engine.pads(fields.padding, x.shape[2:], fields.kernel_size, fields.stride, fields.dilation)
        places = _moved(engine, fields, x, pads, offset)
        parts = x.reshape(x.shape[0], fields.offset_groups, -1, *x.shape[2:])
        samples = _sampled(engine, parts, places)
        if has_mask:
            shape = places[0].shape
            weighed = engine.fitting(others[0], (x.shape[0], math.prod(shape[1 : x.ndim]), *shape[x.ndim :]))
            samples = engine.elementwise(engine.numpy.multiply, samples, weighed.reshape(shape)[:, :, None])

        def contracted(arrays: Arrays, columns: Array) -> Array:
            y = engine.contract(columns, filters(engine, fields, arrays, x), fields.groups)
            return biased(engine, fields, arrays, y)

        columns = samples.reshape(*x.shape[:2], *samples.shape[3:])
        return by_sample(engine, contracted, weights, others[has_mask:], columns)


def _apart(x: Sequence[Any], others: Sequence[Shape]) -> tuple[Sequence[Shape], Sequence[Shape]]:
    """Offset and mask; and the weight, which has an axis more than the map, and the bias."""
    maps = 2 if len(others) > 1 and len(others[1]) != len(x) + 1 else 1
    return others[:maps], others[maps:]


def _too_many(given: int) -> str:
    return (
        f"{given} tensors enter behind the maps, which have as many axes as the input; legal here: a weight and a bias"
    )


def _mismatch(name: str, shape: Shape, legal: Shape) -> str:
    return f"the {name} has shape {list(shape)}; legal here: {list(legal)}"


def _moved(engine: Engine, fields: Fields, x: Array, pads: list[Pair], offset: Array) -> list[Array]:
    """Where every tap reads, an array [batch, offset_groups, *kernel, *positions] for each axis."""
    rank, nominal = x.ndim - 2, []
    for size, (before, after), *window in zip(
        x.shape[2:], pads, fields.kernel_size, fields.stride, fields.dilation, strict=True
    ):
        axis = engine.numpy.arange(-before, size + after)[None, None]
        nominal.append(engine.windows(axis, *([place] for place in window))[0, 0])
    positions = [taps.shape[0] for taps in nominal]
    channels = fields.offset_groups * math.prod(fields.kernel_size) * rank
    amounts = engine.fitting(offset, (x.shape[0], channels, *positions))
    amounts = amounts.reshape(x.shape[0], fields.offset_groups, *fields.kernel_size, rank, *positions)
    along = [amounts[(slice(None),) * (2 + rank) + (axis,)] for axis in range(rank)]
    ones = [1] * (rank - 1)
    spread = [
        taps.T.reshape(*ones[:axis], taps.shape[1], *ones, taps.shape[0], *ones[axis:])
        for axis, taps in enumerate(nominal)
    ]
    return [
        engine.weighing(engine.numpy.add, amount, taps.astype(offset.dtype))
        for amount, taps in zip(along, spread, strict=True)
    ]


def _sampled(engine: Engine, parts: Array, places: list[Array]) -> Array:
    """The samples [batch, offset_groups, channels, *kernel, *positions] at places, zero outside of the input.

    Each is made of the neighbours on both sides of the place; one that has no share need not be a number.
    """
    np = engine.numpy
    ringed = engine.pad(parts, [(0, 0), *[(1, 2)] * len(places)])
    sizes = ringed.shape[3:]
    axes = list(zip(places, (size - 3 for size in sizes), strict=True))
    between = [engine.weighing(partial(_between, np, size), place) for place, size in axes]
    first = [engine.aside(partial(_first, np, size), place) for place, size in axes]
    flat, total = ringed.reshape(*ringed.shape[:3], -1), None
    for corner in np.ndindex(*(2,) * len(places)):
        share = engine.weighing(partial(_corner, corner), *between)
        at = [place + side for side, place in zip(corner, first, strict=True)]
        index = np.ravel_multi_index(at, sizes).reshape(*share.shape[:2], 1, -1)
        values = np.take_along_axis(flat, index, -1).reshape(*flat.shape[:3], *share.shape[2:])
        before = () if total is None else (total,)
        total = engine.elementwise(partial(weighed, np), values, share[:, :, None], *before)
    return total


def _between(np: Any, size: int, place: Array) -> Array:
    """How far a place is behind the whole position before it; all is zero beyond the ends of the axis."""
    held = place.clip(-1, size)
    return held - np.floor(held)


def _first(np: Any, size: int, place: Array) -> Array:
    """The whole position before a place, on an axis with one more position in front."""
    return np.nan_to_num(np.floor(place.clip(-1, size))).astype(int) + 1


def _corner(corner: Sequence[int], *between: Array) -> Array:
    """The share of the neighbour that is, on each axis, before the place or behind it."""
    first, *others = (part if side else 1 - part for side, part in zip(corner, between, strict=True))
    return math.prod(others, start=first)


def _unmoved(engine: Engine, fields: Fields, weights: Arrays, x: Array, *maps: Array) -> Array:
    """With offsets 0 and masks 1, so that nothing is moved by what is in the maps, but for what is no number there."""
    np, taps = engine.numpy, math.prod(fields.kernel_size) * fields.offset_groups
    channels = [taps * (x.ndim - 2), taps]
    still = [
        np.where(np.isnan(seen).any(1, keepdims=True), np.nan, number).astype(x.dtype).repeat(count, 1)
        for seen, number, count in zip(maps, [0, 1], channels, strict=False)
    ]
    return DeformConv.reference(engine, fields, weights, x, *still)
