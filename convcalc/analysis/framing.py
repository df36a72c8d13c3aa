"""Where PyTorch pads or crops beside a layer, by F.pad, since the layer itself pads both ends of an axis alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.arithmetic.number import product
from convcalc.arithmetic.window import Pair, Window
from convcalc.layers import Shape


def pads_of(config: Any, x: Shape) -> list[Pair]:
    """Positions padded before and behind the input on each axis, or cropped off where a convolution is transposed."""
    return [(window.before, window.after) for window in _windows(config, x)]


def framed(config: Any, x: Shape, output: Shape) -> Shape | None:
    """The shape of the tensor between F.pad and the layer; None where the layer pads or crops by itself.

    That tensor enters the layer, or leaves it where that is a transposed convolution. A convolution with the word
    ``same`` pads by itself at stride 1; a pool pads by no more than half its kernel.
    """
    windows = _windows(config, x)
    if not windows or (all(window.before == window.after for window in windows) and _fits(config, windows)):
        return None
    if config.is_transposed:
        return output[0], *_spans(windows, x)
    if config.is_convolution:
        if config.padding == "same" and product(config.stride) == 1:
            return None
        return x[0], *(size + sum(ends) for size, ends in zip(x[1:], pads_of(config, x), strict=True))
    return x[0], *_spans(windows, output)


def _windows(config: Any, x: Shape) -> Sequence[Window]:
    if not (config.is_windowed or config.is_convolution) or len(x) < 2:
        return ()
    return config.windows() if config.is_transposed else config.windows(x)  # type: ignore[no-any-return]


def _fits(config: Any, windows: Sequence[Window]) -> bool:
    """Whether a pool takes that much padding, which that of norms never does, and rounds as PyTorch does."""
    if not config.is_pool:
        return True
    most = 0 if hasattr(config, "norm_type") else 1
    return isinstance(config.ceil_mode, bool) and all(2 * w.before <= most * w.kernel for w in windows)


def _spans(windows: Sequence[Window], shape: Shape) -> list[int]:
    return [window.span(size) for window, size in zip(windows, shape[1:], strict=True)]
