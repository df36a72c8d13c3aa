"""A convolution that multiplies more padding than data.

On a small map most of a window stands beyond the edge. Taps on padding are multiplied like any others: the work is
done, and counted, for nothing.

Flagged is a convolution for which, of all pairs of an output position and a tap, fewer than half fall on the input.

Not flagged: padding that is a copy of the input (reflect, replicate, circular); deformable convolutions.

False positives: the branch of the largest rate in atrous spatial pyramid pooling, which is meant so (DeepLabv3 at 513:
40 %).

Source: Chen et al., Rethinking atrous convolution (DeepLabv3, 2017), figure 4: the share of valid weights by rate.

Flagged:
    input: [512, 2, 2]
    layers:
      - conv: {out_channels: 512, kernel_size: 3, padding: 1} # <- CC207

Allowed:
    input: [512, 7, 7]
    layers:
      - conv: {out_channels: 512, kernel_size: 3, padding: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.arithmetic.number import product
from convcalc.rules._graph import is_fixed_convolution
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import meetings, touches_padding, windowed

SEVERITY = "info"


def check(subject: Subject) -> Iterator[Problem]:
    """Convolutions that look at padding most of the time."""
    for layer in windowed(subject):
        if not is_fixed_convolution(layer.node.config) or not layer.pads_with_zeros:
            continue
        if not any(touches_padding(*axis) for axis in layer.axes):
            continue
        counts = [meetings(*axis) for axis in layer.axes]
        if any(count is None for count in counts):
            continue
        valid = product([sum(count or []) for count in counts])
        pairs = product([outputs * window.kernel for window, _, outputs in layer.axes])
        if 2 * valid >= pairs:
            continue
        macs = subject.row(layer.index).macs
        yield subject.problem(
            layer.index,
            f"{layer.node.name}: {100 * valid / pairs:.0f} % of its taps fall on the map of "
            f"{'x'.join(map(str, layer.sizes))}, the rest on padding: {macs - macs * valid // pairs:,} of "
            f"{macs:,} MACs multiply zeros",
            "give it a larger map, or a smaller kernel_size or dilation",
            field="padding",
        )
