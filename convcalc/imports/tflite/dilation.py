"""Dilated convolutions as converters write them: positions dealt out to a batch, a convolution, and gathered again.

Between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND a convolution that is not dilated does what one on the map would do
whose taps are as far apart as positions were dealt out. Until they are gathered such a map is carried along as it was,
with what was done to it put off.
"""

from __future__ import annotations

import msgspec

from convcalc.imports.errors import Inexpressible
from convcalc.imports.layouts import OrderedTensor
from convcalc.imports.tflite import moving
from convcalc.imports.tflite.values import LiteCall, LiteValue, laid
from convcalc.layers import Shape

Distances = tuple[tuple[int, ...], tuple[tuple[int, int], ...]]
"""How far apart the taps of a convolution are, and what is added around its map."""


class Spread(msgspec.Struct, frozen=True):
    """A map whose positions were dealt out: the map, how far apart those of a sample are, and what was added around.

    `later` is what was done since, the convolution among it where `is_convolved`.
    """

    value: LiteValue
    blocks: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    later: tuple[LiteCall, ...] = ()
    is_convolved: bool = False


_CONVOLUTIONS = {"CONV_2D", "DEPTHWISE_CONV_2D"}
_ELEMENTWISE = {"ADD", "MUL", "SUB", "RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU"}
_ELEMENTWISE |= {"ELU", "PRELU", "QUANTIZE", "DEQUANTIZE", "GELU"}

_VALID = 1


def space_to_batch(call: LiteCall) -> LiteValue:
    """Positions dealt out: nothing is done yet."""
    value = call.value()
    blocks, pads = call.numbers(1), call.numbers(2)
    padding = tuple(zip(pads[::2], pads[1::2], strict=True))
    if len(blocks) != len(padding) or len(blocks) >= len(value.shape) or min(blocks) < 1 or min(pads) < 0:
        raise Inexpressible(f"blocks of {list(blocks)} of a tensor of shape {list(value.shape)}")
    sizes = []
    for size, block, pair in zip(value.shape[1:], blocks, padding, strict=False):
        if (size + sum(pair)) % block:
            raise Inexpressible(f"{size + sum(pair)} positions in blocks of {block}")
        sizes.append((size + sum(pair)) // block)
    count = value.shape[0]
    for block in blocks:
        count *= block
    shape = (count, *sizes, *value.shape[1 + len(blocks) :])
    return LiteValue(shape, value.tensor, value.batch, spread=Spread(value, tuple(blocks), padding))


def put_off(call: LiteCall) -> LiteValue | None:
    """What an operator makes of a map that was dealt out, if it can wait; and where it gathers one, the layers."""
    value, *others = [value for value in call.values if value is not None]
    spread = value.spread
    if spread is None or any(other.constant is None for other in others):
        return None
    kind = call.node.type
    if kind == "BATCH_TO_SPACE_ND":
        return _gathered(call, spread) if spread.is_convolved else None
    if kind in _CONVOLUTIONS and not spread.is_convolved and len(value.shape) == 4:
        shape = _convolved(call, value.shape)
        if shape is None:
            return None
        later = msgspec.structs.replace(spread, later=(*spread.later, call), is_convolved=True)
        return msgspec.structs.replace(value, shape=shape, spread=later)
    if kind in _ELEMENTWISE and spread.is_convolved:
        later = msgspec.structs.replace(spread, later=(*spread.later, call))
        return msgspec.structs.replace(value, spread=later)
    return None


def _convolved(call: LiteCall, shape: Shape) -> Shape | None:
    """The shape behind a convolution that adds nothing and moves by 1; None of another."""
    filters = call.constant(1).shape
    window = [call.option(name) for name in ("stride_h", "stride_w", "dilation_h", "dilation_w")]
    kernel = filters[1:3]
    if window != [1, 1, 1, 1] or len(filters) != 4 or (call.option("padding") != _VALID and set(kernel) != {1}):
        return None
    channels = filters[3] if call.node.type == "DEPTHWISE_CONV_2D" else filters[0]
    sizes = [size - taps + 1 for size, taps in zip(shape[1:3], kernel, strict=True)]
    return (shape[0], *sizes, channels) if min(sizes) > 0 else None


def _gathered(call: LiteCall, spread: Spread) -> LiteValue:
    """What was put off, on the map itself, with the taps as far apart."""
    from convcalc.imports.tflite.operators import operators

    blocks, cuts = call.numbers(1), call.numbers(2)
    if tuple(blocks) != spread.blocks:
        raise Inexpressible(f"blocks of {list(spread.blocks)} gathered in blocks of {list(blocks)}")
    crops = list(zip(cuts[::2], cuts[1::2], strict=True))
    value, left = spread.value, [(0, 0)] * len(crops)
    for later in spread.later:
        later.values = [value, *later.values[1:]]
        if later.node.type in _CONVOLUTIONS:
            padding = [
                (max(before - first, 0), max(after - last, 0))
                for (before, after), (first, last) in zip(spread.padding, crops, strict=True)
            ]
            left = [
                (max(first - before, 0), max(last - after, 0))
                for (before, after), (first, last) in zip(spread.padding, crops, strict=True)
            ]
            if any(map(any, crops)):
                later.note(
                    "is dilated, and was written as one that is not, on parts of a map that was made larger: positions "
                    "that are worked out and cut off again are not counted"
                )
            lacking = 2 - len(padding)
            later.walk.dilated = (*blocks, *(1,) * lacking), (*padding, *((0, 0),) * lacking)
        try:
            made = operators()[later.node.type](later)
        finally:
            later.walk.dilated = None
        value = made[0] if isinstance(made, list) else made
    ranges = {}
    for axis, (first, last) in enumerate(left, start=1):
        ranges[axis] = range(first, value.shape[axis] - last)
    return moving.cut(call, value, ranges)


def dealt(call: LiteCall, value: LiteValue) -> LiteValue:
    """A map that was dealt out, by layers that do so, and what was put off since."""
    spread = value.spread
    if spread is None:
        return value
    from convcalc.imports.tflite.operators import operators

    value = _dealt(call, spread)
    for later in spread.later:
        later.values = [value, *later.values[1:]]
        made = operators()[later.node.type](later)
        value = made[0] if isinstance(made, list) else made
    return value


def _dealt(call: LiteCall, spread: Spread) -> LiteValue:
    value, count = spread.value, len(spread.blocks)
    draft, batch = moving.as_channels(call, value)
    value = moving.as_made(call, draft, batch)
    if any(map(any, spread.padding)):
        value = padded(call, value, [(0, 0), *spread.padding, *[(0, 0)] * (len(value.shape) - 1 - count)])
    samples, *sizes = value.shape
    apart: list[int] = [samples]
    for size, block in zip(sizes, spread.blocks, strict=False):
        apart += [size // block, block]
    rest = tuple(sizes[count:])
    value = moving.reshaped(call, value, (*apart, *rest))
    order = (*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2), *range(2 * count + 1, 2 * count + 1 + len(rest)))
    value = moving.turned(call, value, order)
    shape = value.shape
    batch_size = 1
    for size in shape[: count + 1]:
        batch_size *= size
    return moving.reshaped(call, value, (batch_size, *shape[count + 1 :]))


def batch_to_space(call: LiteCall) -> LiteValue:
    """Samples of a batch laid out as positions, and those at the ends cut off."""
    value, blocks, cuts = call.value(), call.numbers(1), call.numbers(2)
    count = len(blocks)
    samples, *sizes = value.shape
    for block in blocks:
        if samples % block:
            raise Inexpressible(f"{value.shape[0]} samples in blocks of {list(blocks)}")
        samples //= block
    value = moving.reshaped(call, value, (*blocks, samples, *sizes))
    pairs = [axis for place in range(count) for axis in (count + 1 + place, place)]
    value = moving.turned(call, value, (count, *pairs, *range(2 * count + 1, len(value.shape))))
    spatial = [size * block for size, block in zip(sizes, blocks, strict=False)]
    value = moving.reshaped(call, value, (samples, *spatial, *sizes[count:]))
    crops = list(zip(cuts[::2], cuts[1::2], strict=True))
    ranges = {axis: range(first, spatial[axis - 1] - last) for axis, (first, last) in enumerate(crops, start=1)}
    return moving.cut(call, value, ranges)


def padded(
    call: LiteCall, value: LiteValue, pairs: list[tuple[int, int]], mode: str = "constant", fill: float = 0.0
) -> LiteValue:
    """The tensor with positions added on its axes."""
    value = moving.kept(call, value) if value.batch is not None and any(pairs[value.batch]) else value
    tensor = value.made
    own = [pair for axis, pair in enumerate(pairs) if axis != value.batch]
    lying = [own[tensor.order.index(place)] for place in range(len(own))]
    fields = {"mode": mode, "value": fill}
    draft = tensor.draft
    if any(lying[0]):  # the first of our axes is the channels, which pad leaves alone
        draft = moving.reshaped_draft(call, draft, (1, *draft.shape))
        draft = call.layer("pad", {"padding": tuple(lying), **fields}, draft)
        draft = moving.reshaped_draft(call, draft, draft.shape[1:])
    else:
        draft = call.layer("pad", {"padding": tuple(lying[1:]), **fields}, draft)
    return laid(OrderedTensor(draft, tensor.order), value.batch)
