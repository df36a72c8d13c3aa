"""Padding that is used more on one side than on the other.

Where the last window ends before the padding does, part of the padding after the axis is never read, while that before
it always is. Features near one edge then see more zeros than those near the other, which feature maps show as a bias
towards a side.

Flagged is a convolution or pooling with, on some axis, an extent of at least the stride and a remainder
r = (in + before + after - K) mod stride, 0 < r <= after. Not flagged where what is left, after - r, equals the padding
before. Off by default.

False positives: nearly every net of today; a ResNet has five of them at 224, and none at 225.

Source: Alsallakh, Kokhlikyan, Miglani, Yuan and Reblitz-Richardson, Mind the Pad - CNNs can develop blind spots
(ICLR 2021).

Flagged:
    input: [3, 224, 224]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1} # <- CC203

Allowed:
    input: [3, 225, 225]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.arithmetic.window import Window
from convcalc.rules._resize import nearest_clean_input
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import left_over, rounds_up, windowed

SEVERITY = "off"


def check(subject: Subject) -> Iterator[Problem]:
    """Windows that end in the padding."""
    for layer in windowed(subject):
        uneven = [axis for axis, (window, size, _) in enumerate(layer.axes) if _is_uneven(window, size)]
        if rounds_up(layer.node.config) or not uneven:
            continue
        axis = uneven[0]
        window, size = layer.windows[axis], layer.sizes[axis]
        unread = left_over(window, size)
        clean = nearest_clean_input(subject, axis, _is_uneven)
        everywhere = f"; with an input of {clean} no layer has any" if clean is not None else ""
        yield subject.problem(
            layer.index,
            f"{layer.node.name}: on an axis of {size} the windows read {window.before} of the padding before and "
            f"{window.after - unread} of the {window.after} after",
            f"an axis of {size - unread} or {size + window.stride - unread} uses all of it{everywhere}",
            field="padding",
        )


def _is_uneven(window: Window, size: int) -> bool:
    """Whether windows that leave no gaps read part of the padding after the axis, and not as much as before it."""
    rest = left_over(window, size)
    return window.extent >= window.stride and 0 < rest <= window.after and window.after - rest != window.before
