"""A transposed convolution that gives neighbouring outputs unequal numbers of taps.

With a stride above 1 the outputs of a transposed convolution fall into as many phases an axis as the stride, and each
phase is written by taps of its own. Where one phase gets more taps than the next, its outputs are systematically
larger: the checkerboard seen in generated images.

Flagged is a transposed convolution for which, on some axis of stride s above 1, the numbers of taps t with
t·dilation mod s = c are not the same for all c from 0 to s - 1. At dilation 1 that is a kernel_size which the stride
does not divide. It is an info where everything it enters, past normalisation, activation, sums and concatenations, is a
convolution of 3 taps or more at stride 1, which evens it out in part.

False positives: a learned upsampling that starts from interpolation weights. An even count is no guarantee against
artifacts, only against these.

Source: Odena, Dumoulin and Olah, Deconvolution and checkerboard artifacts (Distill, 2016).

Flagged:
    input: [16, 8, 8]
    layers:
      - conv_transpose: {out_channels: 8, kernel_size: 3, stride: 2} # <- CC201

Allowed:
    input: [16, 8, 8]
    layers:
      - conv_transpose: {out_channels: 8, kernel_size: 4, stride: 2, padding: 1}
      - conv_transpose: {out_channels: 8, kernel_size: 2, stride: 2}
      - conv_transpose: {out_channels: 8, kernel_size: 3}
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from convcalc.arithmetic.window import Window
from convcalc.layers import Kind
from convcalc.rules._graph import is_fixed_convolution, keeps_channels, reached
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import per_axis, shown, windows_of

SEVERITY = "warning"

_EVENS_OUT = 3
"""Taps an axis of a convolution that evens phases out."""


def check(subject: Subject) -> Iterator[Problem]:
    """Transposed convolutions with phases of unequal weight."""
    for index, node in subject.layers:
        if not node.config.is_transposed or len(node.shape) == 1:
            continue
        config: Any = node.config
        windows: tuple[Window, ...] = config.windows()
        uneven = [window for window in windows if _is_uneven(window)]
        if not uneven:
            continue
        fewest, most = math.prod(_fewest(w) for w in windows), math.prod(_most(w) for w in windows)
        yield subject.problem(
            index,
            f"{node.name}: kernel_size {shown(config.kernel_size)} at stride {shown(config.stride)} gives some outputs "
            f"{most} taps and others {fewest or 'none'}, which shows as a checkerboard",
            _advice(windows),
            field="kernel_size",
            severity="info" if _is_evened_out(subject, index) else "",
        )


def _is_uneven(window: Window) -> bool:
    return _fewest(window) != _most(window)


def _fewest(window: Window) -> int:
    """Taps of the phase that has the fewest: a phase that no multiple of the dilation meets has none."""
    common = math.gcd(window.stride, window.dilation)
    return 0 if common > 1 else window.kernel // window.stride


def _most(window: Window) -> int:
    return -(-window.kernel // (window.stride // math.gcd(window.stride, window.dilation)))


def _advice(windows: tuple[Window, ...]) -> str:
    if any(math.gcd(window.stride, window.dilation) > 1 for window in windows):
        return "use dilation 1: at this one some outputs are never written, whatever the kernel_size"
    below = [max(window.kernel // window.stride, 1) * window.stride for window in windows]
    above = [-(-window.kernel // window.stride) * window.stride for window in windows]
    equal = " or ".join(dict.fromkeys((per_axis(below), per_axis(above))))
    return f"kernel_size {equal} gives every output as many; or upsample and convolve"


def _is_evened_out(subject: Subject, index: int) -> bool:
    behind = reached(subject, index, _passes)
    if not behind:
        return not subject.complete  # what evens it out may be what could not be worked out
    return all(place is not None and _evens_out(subject, place) for place in behind)


def _passes(kind: Kind) -> bool:
    return keeps_channels(kind) or kind.is_activation or kind.merges in {"sum", "end to end"}


def _evens_out(subject: Subject, index: int) -> bool:
    node = subject.network.nodes[index]
    if not is_fixed_convolution(node.config) or len(node.shape) == 1:
        return False
    windows = windows_of(node.config, subject.shapes(index)[0])
    return all(window.kernel >= _EVENS_OUT and window.stride == 1 for window in windows)
