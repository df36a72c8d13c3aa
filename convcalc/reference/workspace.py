"""What a layer's `reference` holds on the way, at most, beside what enters it, leaves it, and is its own.

Counted in numbers of four bytes; a float64 or an index is two. What engines work on in blocks does not count. These are
bounds, from what the references do, and tests hold them against the memory that they take; most kinds hold no more than
so many copies of what enters and leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from convcalc.arithmetic.window import Window
from convcalc.layers import Kind, Shape

_COPIES = 1
"""Of all that enters and leaves, where a kind has no other number."""

COPIES: Mapping[str, int] = {
    **dict.fromkeys(("conv", "concat", "max_pool", "avg_pool", "lp_pool"), 0),
    **dict.fromkeys(("adaptive_avg_pool", "adaptive_max_pool", "cumulate", "reduce", "hardmax", "one_hot"), 2),
    **dict.fromkeys(("group_norm", "instance_norm", "rms_norm", "normalize", "softmax", "log_softmax"), 2),
    **dict.fromkeys(("layer_norm", "global_lp_pool", "trilu", "embedding", "affine", "shrink", "elementwise"), 3),
    **dict.fromkeys(("top_k", "gather", "scatter", "max_unpool"), 5),
}
"""Kinds that make whole arrays on the way, or indices, which are wider."""


def workspace(config: Kind, kind: str, inputs: Sequence[Shape], output: Shape) -> int:
    """The numbers that a layer of that kind holds for tensors of these shapes."""
    held = COPIES.get(kind, _COPIES) * (sum(map(prod, inputs)) + prod(output))
    more = _MORE.get(kind)
    return held if more is None else held + int(more(config, inputs, output))


def _padded(x: Shape, windows: Sequence[Window], outputs: Sequence[int]) -> int:
    """A map with as much around it as windows read."""
    axes = zip(windows, x[1:], outputs, strict=True)
    return x[0] * prod(max(window.before + size + window.after, window.span(output)) for window, size, output in axes)


def _convolved(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """The padded map, which other modes than zeros lay out axis by axis, and what a bias is added to."""
    copies = 1 if config.padding_mode == "zeros" else 3
    has_padding = any(window.before or window.after for window in config.windows(inputs[0]))
    padded = _padded(inputs[0], config.windows(inputs[0]), output[1:]) if has_padding else 0
    return copies * padded + config.bias * prod(output)


def _transposed(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """All that windows write, before it is cropped."""
    axes = zip(config.kernel_size, config.stride, config.dilation, inputs[0][1:], strict=True)
    return config.out_channels * prod(d * (k - 1) + s * (size - 1) + 1 for k, s, d, size in axes)


def _pooled(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """The padded map, and what is left of it after each axis; means count what they are of as well."""
    return 3 * _padded(inputs[0], config.windows(inputs[0]), output[1:])


def _pooled_places(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """Elements and their places under every window, each by itself."""
    padded = _padded(inputs[0], config.windows(inputs[0]), output[1:])
    return 3 * padded + 6 * prod(output) * prod(config.kernel_size) + 8 * prod(output)


def _unfolded(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    windows = config.windows(inputs[0])
    counts = [window.outputs(size) for window, size in zip(windows, inputs[0][1:], strict=True)]
    return _padded(inputs[0], windows, counts)


def _folded(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    rank = len(config.output_size)
    padding = config.padding * rank if len(config.padding) == 1 else config.padding
    return output[0] * prod(size + 2 * more for size, more in zip(config.output_size, padding, strict=True))


def _deformed(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """Under every tap of every position: places, shares and indices an axis, and samples of every channel."""
    rank, taps = len(output) - 1, prod(config.kernel_size) * prod(output[1:])
    ringed = inputs[0][0] * prod(size + 2 for size in inputs[0][1:])
    return ringed + taps * (10 * rank * config.offset_groups + 8 * config.offset_groups + 6 * inputs[0][0])


def _attended(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """Projections, and the scores of every pair of tokens, which softmax copies."""
    *before, tokens, _ = inputs[0]
    return 8 * prod(inputs[0]) + 4 * prod(before) * config.num_heads * tokens * tokens


def _scored(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """The scores, scaled, masked and shared out, each step a copy, and keys that several heads share repeated."""
    query, key, value, *_ = inputs
    pairs = query[-2] * key[-2]
    repeated = prod(query[:-2]) * key[-2] * (key[-1] + value[-1])
    return 8 * prod(query[:-2]) * pairs + 6 * pairs + repeated


def _repeated(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """States and gates of all steps and both ways."""
    steps = prod(inputs[0][:-1])
    ways = 2 if config.direction == "bidirectional" else 1
    return 2 * prod(inputs[0]) + ways * steps * config.hidden_size * (2 * config.gates + 4)


def _resized(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """The map after each axis, what is read of it, weighed, and added up."""
    largest = inputs[0][0] * prod(map(max, inputs[0][1:], output[1:]))
    reach = (
        2 * max((-(-before // after) for before, after in zip(inputs[0][1:], output[1:], strict=True)), default=1) + 4
    )
    return 5 * largest + 6 * reach * max(output[1:], default=1)


def _sampled(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """Places and weights an axis and neighbour, and the values of every channel."""
    points, rank = prod(inputs[1][:-1]), inputs[1][-1]
    return 32 * rank * points + 8 * prod(output)


def _sampled_boxes(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """Of one box four neighbours of every sample, of all boxes what comes of them."""
    ratio = config.sampling_ratio
    along = [ratio or -(-size // cells) + 1 for size, cells in zip(inputs[0][1:], config.output_size, strict=True)]
    return 16 * prod(output[1:]) * prod(along) + 4 * prod(output)


def _normalised_over_channels(config: Any, inputs: Sequence[Shape], output: Shape) -> Any:
    """Squares, with as many empty channels as there can be neighbours of any."""
    channels, *sizes = inputs[0]
    return 2 * prod(inputs[0]) + (channels + 2 * min(config.size, channels)) * prod(sizes)


_MORE: Mapping[str, Callable[[Any, Sequence[Shape], Shape], Any]] = {
    "conv": _convolved,
    "conv_transpose": _transposed,
    "deform_conv": _deformed,
    **dict.fromkeys(("max_pool", "avg_pool", "lp_pool"), _pooled),
    "max_pool_indices": _pooled_places,
    "unfold": _unfolded,
    "fold": _folded,
    "attention": _attended,
    "scaled_dot_product_attention": _scored,
    **dict.fromkeys(("rnn", "gru", "lstm"), _repeated),
    "upsample": _resized,
    "grid_sample": _sampled,
    "roi_align": _sampled_boxes,
    "local_response_norm": _normalised_over_channels,
}
