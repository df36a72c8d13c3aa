"""Truth by doing it: windows are moved over cells, and what is touched is counted. Nothing here is a formula of sizes.

A cell is a position, (index, ...) on the axes after the channels. A weight is known by its place in its array.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import count, pairwise, product
from typing import Any, NamedTuple

Pair = tuple[int, int]


def worth(text: str, values: Mapping[str, int]) -> Any:
    """What a formula's text says by Python's own rules, exactly: `/` divides without rounding."""
    exact = re.sub(r"(?<![\w.])(\d+)", r"Fraction(\1)", text.replace("·", "*"))
    names = {name: Fraction(value) for name, value in values.items()}
    rounding = {"ceil": math.ceil, "floor": math.floor}
    functions = {"max": max, "min": min, "gcd": lambda a, b: math.gcd(int(a), int(b)), **rounding}
    return eval(exact, {"__builtins__": {}, "Fraction": Fraction, **functions}, names)  # noqa: S307  # our own text


def starts(size: int, kernel: int, stride: int, dilation: int, before: int, after: int) -> list[int]:
    """Where a window can stand on an axis: moved on by its stride as long as its last tap is on a cell."""
    axis = range(-before, size + after)
    places: list[int] = []
    for start in count(-before, stride):
        taps = [start + tap * dilation for tap in range(kernel)]
        if taps[-1] not in axis:
            return places
        places.append(start)
    raise AssertionError


def starts_ceil(
    size: int, kernel: int, stride: int, dilation: int, before: int, after: int, keeps_behind: bool = False
) -> list[int]:
    """As `starts`, in ceil mode: one more window where cells are left over, unless it stands behind the input.

    PyTorch: "sliding windows are allowed to go off-bounds if they start within the left padding or the input; windows
    that would start in the right padded region are ignored". Fewer cells than a stride may be missing under it.
    """
    places: list[int] = []
    for start in count(-before, stride):
        missing = start + (kernel - 1) * dilation - (size + after - 1)
        if (start >= size and not keeps_behind) or missing >= stride:
            return places
        places.append(start)
        if missing >= 0:
            return places
    raise AssertionError


def paddings(size: int, kernel: int, stride: int, dilation: int, word: str) -> Pair:
    """What a word for the padding means on an axis, found by trying."""
    if word == "valid":
        return 0, 0
    if word == "causal":  # the first window ends on the first cell
        return next((before, 0) for before in count() if -before + (kernel - 1) * dilation == 0)
    wanted = len(range(0, size, stride))  # an output for every stride begun
    total = next(pad for pad in count() if len(starts(size, kernel, stride, dilation, 0, pad)) >= wanted)
    before, after = 0, 0
    for cell in range(total):  # dealt in turn, the end first, or the beginning first
        to_end = (cell % 2 == 0) == (word == "same")
        before, after = before + (not to_end), after + to_end
    return before, after


class Counted(NamedTuple):
    """What was found by doing it."""

    shape: tuple[int, ...]
    macs: int
    weights: set[tuple[Any, ...]]


def padded(config: Any, x: Sequence[int], dilation: Sequence[int], stride: Sequence[int]) -> list[Pair]:
    """Cells before and after each axis."""
    if not isinstance(config.padding, str):
        return list(config.padding)
    axes = zip(x[1:], config.kernel_size, stride, dilation, strict=True)
    return [paddings(*axis, config.padding) for axis in axes]


def conv(config: Any, x: tuple[int, ...]) -> Counted:
    """A convolution: every filter at every place, every tap, every channel of its group."""
    axes = zip(
        x[1:], config.kernel_size, config.stride, config.dilation, padded(config, x, config.dilation, config.stride),
        strict=True,
    )  # fmt: skip
    places = [starts(size, k, s, d, *pads) for size, k, s, d, pads in axes]
    channels = _dealt(x[0], config.groups)
    filters = _dealt(config.out_channels, config.groups)
    macs, weights = 0, set()
    for group, members in enumerate(filters):
        for member in members:
            for _ in product(*places):
                for tap in product(*map(range, config.kernel_size)):
                    for channel in channels[group]:
                        macs += 1
                        weights.add((member, channel, tap))
    return Counted((config.out_channels, *map(len, places)), macs, weights | _biases(config))


def conv_transpose(config: Any, x: tuple[int, ...]) -> Counted:
    """Every input cell writes through every tap; the output reaches from the first cell written to the last."""
    channels, filters = _dealt(x[0], config.groups), _dealt(config.out_channels, config.groups)
    written: list[set[int]] = []
    for size, k, s, d in zip(x[1:], config.kernel_size, config.stride, config.dilation, strict=True):
        written.append({cell * s + tap * d for cell in range(size) for tap in range(k)})
    macs, weights = 0, set()
    for group, members in enumerate(filters):
        for _ in product(*map(range, x[1:])):
            for tap in product(*map(range, config.kernel_size)):
                for channel, member in product(channels[group], members):
                    macs += 1
                    weights.add((channel, member, tap))
    sizes = [
        len(range(max(cells) + 1)[before:]) - after + added
        for cells, (before, after), added in zip(written, config.padding, config.output_padding, strict=True)
    ]
    return Counted((config.out_channels, *sizes), macs, weights | _biases(config))


def _dealt(channels: int, groups: int) -> list[list[int]]:
    """The channels in `groups` equal runs."""
    every = list(range(channels))
    runs = [every[start : start + channels // groups] for start in range(0, channels, channels // groups)]
    assert len(runs) == groups
    return runs


def _biases(config: Any) -> set[tuple[Any, ...]]:
    return {("bias", channel) for channel in range(config.out_channels) if config.bias}


def pool(config: Any, x: tuple[int, ...]) -> tuple[tuple[int, ...], int, int]:
    """Shape, outputs and taps read, all channels together."""
    stride = config.kernel_size if config.stride is None else config.stride
    dilation = getattr(config, "dilation", (1,) * len(stride))
    pads = padded(config, x, dilation, stride)
    standing: Callable[..., list[int]] = starts_ceil if config.ceil_mode else starts
    if config.ceil_mode == "full" or (config.ceil_mode == "caffe" and not any(map(any, pads))):
        standing = partial(starts_ceil, keeps_behind=True)
    axes = zip(x[1:], config.kernel_size, stride, dilation, pads, strict=True)
    places = [standing(size, k, s, d, *pads) for size, k, s, d, pads in axes]
    outputs = [place for _ in range(x[0]) for place in product(*places)]
    taps = sum(1 for _ in outputs for _ in product(*map(range, config.kernel_size)))
    return (x[0], *map(len, places)), len(outputs), taps


def adaptive_pool(config: Any, x: tuple[int, ...]) -> tuple[tuple[int, ...], int, int]:
    """As `pool`; cell t of o holds each input cell that lies in [t·i/o, (t + 1)·i/o) at least in part."""
    cells: list[list[list[int]]] = []
    for size, wanted in zip(x[1:], config.output_size, strict=True):
        outputs = size if wanted is None else wanted
        edges = [Fraction(cell * size, outputs) for cell in range(outputs + 1)]
        spans = pairwise(edges)
        cells.append([[i for i in range(size) if i + 1 > low and i < high] for low, high in spans])
    outputs_ = [cell for _ in range(x[0]) for cell in product(*cells)]
    taps = sum(len(list(product(*cell))) for cell in outputs_)
    return (x[0], *map(len, cells)), len(outputs_), taps


def linear(config: Any, x: tuple[int, ...]) -> Counted:
    """Every place times every feature out times every feature in."""
    touched = [(out, feature) for _ in product(*map(range, x[:-1])) for out in range(config.out_features)
               for feature in range(x[-1])]  # fmt: skip
    biases = {("bias", out) for out in range(config.out_features) if config.bias}
    return Counted((*x[:-1], config.out_features), len(touched), {*touched, *biases})


def attention(config: Any, x: tuple[int, ...]) -> Counted:
    """Query, key, value and output for every token; scores and weighted values for every pair in every head."""
    *before, tokens, features = x
    heads = _dealt(features, config.num_heads)
    macs, weights = 0, set()
    for _ in product(*map(range, before)):
        for matrix, _, row, column in product("qkvo", range(tokens), range(features), range(features)):
            macs += 1
            weights.add((matrix, row, column))
        for _, _, head in product(range(tokens), range(tokens), heads):
            macs += sum(1 for _ in product(("score", "value"), head))
    biases = {(matrix, row) for matrix in "qkvo" for row in range(features) if config.bias}
    return Counted(x, macs, weights | biases)


def recurrent(gates: int) -> Callable[..., Counted]:
    """Every step of every sequence, from each end: each gate of a unit, times input and hidden state."""

    def count(config: Any, x: tuple[int, ...], *states: tuple[int, ...]) -> Counted:
        *before, steps, features = x
        ends = {"forward": ["on"], "reverse": ["back"], "bidirectional": ["on", "back"]}[config.direction]
        units = range(config.hidden_size)
        macs, weights = 0, set[tuple[Any, ...]]()
        for end, gate, unit in product(ends, range(gates), units):
            entering = [*(("ih", feature) for feature in range(features)), *(("hh", other) for other in units)]
            macs += sum(1 for _ in product(*map(range, before), range(steps), entering))
            weights |= {(end, gate, unit, *number) for number in entering}
            biases = [*["bias_ih"] * config.bias, *["bias_hh"] * (config.bias and config.recurrent_bias)]
            weights |= {(end, gate, unit, bias) for bias in biases}
        seen = range(3 if getattr(config, "peephole", False) else 0)
        weights |= set(product(ends, seen, units, ["peephole"]))
        leaving = len(list(product(ends, units)))
        rows = [steps + (config.output == "with_cell")] if config.output != "last" else []
        return Counted((*before, *rows, leaving), macs, weights)

    return count


lstm, gru, rnn = recurrent(4), recurrent(3), recurrent(1)


Sources = Callable[[int], Iterable[int]]
"""The positions of a layer's input that an output position reads, on one axis without ends."""


def windowed(kernel: int, stride: int, dilation: int, before: int) -> Sources:
    """A window starts `before` cells early, moves by its stride, and has its taps `dilation` apart."""
    return lambda o: [o * stride + tap * dilation - before for tap in range(kernel)]


def transposed(kernel: int, stride: int, dilation: int, before: int) -> Sources:
    """Which inputs i write, through any tap, to the output: all near enough are tried."""

    def sources(o: int) -> list[int]:
        reach = kernel * dilation + stride + before
        around = range((o - reach) // stride - 1, (o + reach) // stride + 2)
        return [i for i in around if any(i * stride + tap * dilation - before == o for tap in range(kernel))]

    return sources


def nearest(ratio: Fraction) -> Sources:
    """The position at or before o·ratio."""
    return lambda o: [math.floor(o * ratio)]


def interpolated(ratio: Fraction, taps: int, align_corners: bool) -> Sources:
    """The neighbours of the place, as many on each side; the position alone where the place is one."""

    def sources(o: int) -> list[int]:
        half = Fraction(1, 2)
        place = o * ratio if align_corners else (o + half) * ratio - half
        if place.denominator == 1:
            return [int(place)]
        return [math.floor(place) + step for step in range(1 - taps // 2, 1 + taps // 2)]

    return sources


def cells(ratio: Fraction) -> Sources:
    """The positions that lie in [o·ratio, (o + 1)·ratio) at least in part."""
    return lambda o: range(math.floor(o * ratio), math.ceil((o + 1) * ratio))
