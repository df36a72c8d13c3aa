"""Elements of a reference's output worked out one at a time, from the definition: no array operation, no engine.

ONNX Runtime is the other oracle (`test_against_onnxruntime.py`); here are the kinds of which it leaves cases out: more
axes or fewer than it knows, words for the padding beside other fields, cells of unequal size.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import brute_force
import numpy as np
import pytest
from conftest import MANY, Case, convolutions, draws, load, pools
from hypothesis import given, settings
from hypothesis import strategies as st

from convcalc.reference.execution import run_layer
from convcalc.reference.weights import drawn
from convcalc.tensors.engine import Engine

Place = tuple[int, ...]
"""Where an element of a tensor is, channels first, without the batch."""


def folded(index: int, size: int, mode: str) -> int | None:
    """The position that stands for one beyond the ends; None: a zero."""
    if 0 <= index < size:
        return index
    if mode == "replicate":
        return 0 if index < 0 else size - 1
    if mode == "circular":
        return index + size if index < 0 else index - size
    if mode == "reflect":
        return -index if index < 0 else 2 * (size - 1) - index
    return None


def read(x: Any, channel: int, indices: Place, mode: str = "zeros") -> float:
    items = [folded(index, size, mode) for index, size in zip(indices, x.shape[1:], strict=True)]
    return 0.0 if None in items else float(x[(channel, *items)])


def taps(config: Any) -> Iterator[Place]:
    return product(*map(range, config.kernel_size))


def befores(config: Any, x: Any, stride: Place, dilation: Place) -> Place:
    return tuple(before for before, _ in brute_force.padded(config, x.shape, dilation, stride))


def channels_of(config: Any, in_channels: int, out_channel: int) -> range:
    """The channels of the group that a filter belongs to."""
    members = in_channels // config.groups
    group = out_channel // (config.out_channels // config.groups)
    return range(group * members, (group + 1) * members)


def conv(config: Any, arrays: Any, place: Place, x: Any) -> float:
    before = befores(config, x, config.stride, config.dilation)
    total = float(arrays["bias"][place[0]]) if config.bias else 0.0
    for member, channel in enumerate(channels_of(config, len(x), place[0])):
        for tap in taps(config):
            axes = zip(place[1:], tap, config.stride, config.dilation, before, strict=True)
            indices = tuple(o * s + t * d - b for o, t, s, d, b in axes)
            total += arrays["weight"][(place[0], member, *tap)] * read(x, channel, indices, config.padding_mode)
    return total


def between(x: Any, channel: int, indices: tuple[float, ...]) -> float:
    """Interpolated on each axis in turn."""
    lower = [math.floor(index) for index in indices]
    total = 0.0
    for sides in product((0, 1), repeat=len(indices)):
        share = math.prod(
            index - low if side else 1 - (index - low) for side, index, low in zip(sides, indices, lower, strict=True)
        )
        total += share * read(x, channel, tuple(low + side for low, side in zip(lower, sides, strict=True)))
    return total


def deform_conv(config: Any, arrays: Any, place: Place, x: Any, offset: Any, *mask: Any) -> float:
    before, rank = befores(config, x, config.stride, config.dilation), len(place) - 1
    total = float(arrays["bias"][place[0]]) if config.bias else 0.0
    every_tap = list(taps(config))
    for member, channel in enumerate(channels_of(config, len(x), place[0])):
        group = channel // (len(x) // config.offset_groups)
        for number, tap in enumerate(every_tap):
            weighed = group * len(every_tap) + number
            axes = enumerate(zip(place[1:], tap, config.stride, config.dilation, before, strict=True))
            indices = tuple(
                o * s + t * d - b + float(offset[(weighed * rank + axis, *place[1:])]) for axis, (o, t, s, d, b) in axes
            )
            sample = between(x, channel, indices) * (float(mask[0][(weighed, *place[1:])]) if mask else 1.0)
            total += arrays["weight"][(place[0], member, *tap)] * sample
    return total


def crops_before(config: Any) -> Place:
    """What conv_transpose cuts off the beginning: of the positions that two inputs share, by a word, about half."""
    if not isinstance(config.padding, str):
        return tuple(before for before, _ in config.padding)
    shared = [max((k - 1) * d + 1 - s, 0) for k, d, s in zip(config.kernel_size, config.dilation, config.stride,
                                                             strict=True)]  # fmt: skip
    if config.padding == "valid":
        return (0,) * len(shared)
    return tuple(cut // 2 if config.padding == "same" else cut - cut // 2 for cut in shared)


def conv_transpose(config: Any, arrays: Any, place: Place, x: Any) -> float:
    total = float(arrays["bias"][place[0]]) if config.bias else 0.0
    own = place[0] % (config.out_channels // config.groups)
    before = crops_before(config)
    for tap in taps(config):
        for source in product(*map(range, x.shape[1:])):
            axes = zip(source, tap, config.stride, config.dilation, before, strict=True)
            if place[1:] == tuple(i * s + t * d - b for i, t, s, d, b in axes):
                for channel in channels_of(config, len(x), place[0]):
                    total += x[(channel, *source)] * arrays["weight"][(channel, own, *tap)]
    return total


def pooled(config: Any, place: Place, x: Any) -> Iterator[tuple[Place, Place]]:
    """The cells under a window, padding among them, each with the padding after each axis."""
    stride = config.kernel_size if config.stride is None else config.stride
    dilation = getattr(config, "dilation", (1,) * len(stride))
    pads = brute_force.padded(config, x.shape, dilation, stride)
    for tap in taps(config):
        axes = zip(place[1:], tap, stride, dilation, pads, strict=True)
        yield tuple(o * s + t * d - pad[0] for o, t, s, d, pad in axes), tuple(after for _, after in pads)


def inside(cell: Place, x: Any, after: Place) -> bool:
    return all(index < size + more for index, size, more in zip(cell, x.shape[1:], after, strict=True))


def on_input(cell: Place, x: Any) -> bool:
    return min(cell) >= 0 and inside(cell, x, (0,) * len(cell))


def max_pool(config: Any, arrays: Any, place: Place, x: Any) -> float:
    under = [float(x[(place[0], *cell)]) for cell, _ in pooled(config, place, x) if on_input(cell, x)]
    return max(under, default=float(np.finfo(x.dtype).min))


def avg_pool(config: Any, arrays: Any, place: Place, x: Any) -> float:
    """What a window of ceil mode has beyond the padding is not counted, whatever is."""
    cells = list(pooled(config, place, x))
    total = sum(float(x[(place[0], *cell)]) for cell, _ in cells if on_input(cell, x))
    counted = [cell for cell, after in cells if (inside(cell, x, after) if config.count_include_pad else
                                                 on_input(cell, x))]  # fmt: skip
    return total / len(counted) if counted else math.nan


def cell(config: Any, place: Place, x: Any) -> list[float]:
    """The positions of which some part lies in the place's share of each axis."""
    held = []
    for size, outputs, t in zip(x.shape[1:], config.output_size, place[1:], strict=True):
        share = Fraction(size, size if outputs is None else outputs)
        held.append([i for i in range(size) if i + 1 > t * share and i < (t + 1) * share])
    return [float(x[(place[0], *indices)]) for indices in product(*held)]


ROUNDED: dict[str, Callable[[Fraction], int]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "round_prefer_floor": lambda place: math.ceil(place - Fraction(1, 2)),
    "round_prefer_ceil": lambda place: math.floor(place + Fraction(1, 2)),
}


def upsample(config: Any, arrays: Any, place: Place, x: Any) -> float:
    outputs = config.shape(x.shape)[1:]
    axes = []
    for axis, (o, size, out) in enumerate(zip(place[1:], x.shape[1:], outputs, strict=True)):
        ratio = Fraction(size, out) if config.scale_factor is None else 1 / Fraction(*config.scale_factor[axis])
        at = lying(config, o, size, out, ratio)
        if config.mode == "nearest":
            axes.append([(ROUNDED[config.nearest_mode](at), 1.0)])
        else:
            axes.append(neighbours(config, at, size, max(ratio, Fraction(1)) if config.antialias else Fraction(1)))
    total = 0.0
    for chosen in product(*axes):
        indices = tuple(index for index, _ in chosen)
        total += math.prod(share for _, share in chosen) * read(x, place[0], indices, "replicate")
    return total


def lying(config: Any, o: int, size: int, out: int, ratio: Fraction) -> Fraction:
    """ONNX Resize, coordinate_transformation_mode: where output o is in the input."""
    half_pixel = (o + Fraction(1, 2)) * ratio - Fraction(1, 2)
    centre = Fraction(size, 2)
    words = config.coordinate_transformation_mode or ("asymmetric" if config.mode == "nearest" else "half_pixel")
    return {
        "half_pixel": half_pixel,
        "asymmetric": o * ratio,
        "pytorch_half_pixel": half_pixel if out > 1 else Fraction(0),
        "half_pixel_symmetric": centre * (1 - out * ratio / size) + half_pixel,
        "align_corners": o * Fraction(size - 1, max(out - 1, 1)),
    }["align_corners" if config.align_corners else words]


def neighbours(config: Any, at: Fraction, size: int, stretch: Fraction) -> list[tuple[int, float]]:
    """Positions and weights; those of a stretched filter, or of one without its outer part, add up to 1 again."""
    around = range(math.floor(at - 2 * stretch), math.floor(at + 2 * stretch) + 2)
    kernel = cubic if config.mode == "bicubic" else lambda distance, a: max(1 - distance, Fraction(0))
    shares = [kernel(abs(at - index) / stretch, Fraction(config.cubic_coeff_a)) for index in around]
    if config.exclude_outside:
        shares = [share if 0 <= index < size else Fraction(0) for index, share in zip(around, shares, strict=True)]
    return [(index, float(share / sum(shares))) for index, share in zip(around, shares, strict=True)]


def cubic(distance: Fraction, a: Fraction) -> Fraction:
    """Keys 1981, equation 15."""
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    return a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a if distance < 2 else Fraction(0)


def pixel_shuffle(config: Any, arrays: Any, place: Place, x: Any) -> float:
    """The last axis' place in a block is that of neighbouring channels."""
    channel, factor = place[0], config.upscale_factor
    for o in place[1:]:
        channel = channel * factor + o % factor
    return float(x[(channel, *(o // factor for o in place[1:]))])


def pixel_unshuffle(config: Any, arrays: Any, place: Place, x: Any) -> float:
    channel, factor, indices = place[0], config.downscale_factor, []
    for o in reversed(place[1:]):
        indices.append(o * factor + channel % factor)
        channel //= factor
    return float(x[(channel, *reversed(indices))])


def local_response_norm(config: Any, arrays: Any, place: Place, x: Any) -> float:
    """Of an even number of channels one more is before than after, as PyTorch pads (ONNX: after)."""
    first = place[0] - config.size // 2
    energy = sum(float(x[(c, *place[1:])]) ** 2 for c in range(first, first + config.size) if 0 <= c < len(x))
    return float(x[place] / (config.k + config.alpha * energy / config.size) ** config.beta)


def in_order(config: Any, arrays: Any, place: Place, x: Any) -> float:
    number = np.ravel_multi_index(place, config.shape(x.shape))
    return float(x.flat[int(number)])


DEFINITIONS: dict[str, Callable[..., float]] = {
    "adaptive_avg_pool": lambda config, arrays, place, x: float(np.mean(cell(config, place, x))),
    "adaptive_max_pool": lambda config, arrays, place, x: max(cell(config, place, x)),
    "avg_pool": avg_pool,
    "conv": conv,
    "conv_transpose": conv_transpose,
    "deform_conv": deform_conv,
    "flatten": in_order,
    "local_response_norm": local_response_norm,
    "max_pool": max_pool,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "reshape": in_order,
    "upsample": upsample,
}


def agree(name: str, case: Case, draw: random.Random) -> None:
    """The reference's output at a few places is what the definition says."""
    config, shapes = case
    generator = np.random.default_rng(draw.randrange(100))
    of_layer = {**config.weights(*shapes), **config.buffers(*shapes)}
    arrays = {array: drawn(generator, array, shape, np.dtype("float64")) for array, shape in of_layer.items()}
    inputs = [2 * generator.standard_normal((2, *x)) for x in shapes]
    output, _ = run_layer(Engine(), config, arrays, inputs)
    for _ in range(3):
        batch, *place = (draw.randrange(size) for size in output.shape)
        expected = DEFINITIONS[name](config, arrays, tuple(place), *(x[batch] for x in inputs))
        assert output[(batch, *place)] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), (case, place)


@pytest.mark.parametrize("name", DEFINITIONS)
@settings(max_examples=MANY or 25)
@given(draw=draws)
def test_elements_of_a_case_are_what_the_definition_says(name: str, draw: random.Random) -> None:
    for _ in range(4):
        agree(name, load(name).case(draw), draw)


WIDE = {
    "conv": convolutions(),
    "conv_transpose": convolutions(transposed=True),
    "max_pool": pools("max_pool"),
    "avg_pool": pools("avg_pool"),
}


@pytest.mark.parametrize("name", WIDE)
@settings(max_examples=MANY or 60)
@given(data=st.data(), draw=draws)
def test_elements_of_any_geometry_are_what_the_definition_says(
    name: str, data: st.DataObject, draw: random.Random
) -> None:
    agree(name, data.draw(WIDE[name]), draw)
