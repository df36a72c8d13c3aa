"""A 1x1 convolution after an upsampling that could as well be before it.

Interpolation mixes positions and a 1x1 mixes channels, so their order does not matter; the weights of an interpolation
add up to 1, so a bias passes through as it is. Before the upsampling there are fewer positions to work on.

Flagged is an upsampling to more positions whose one direct use is a convolution of kernel_size 1, stride 1 and no
padding. Swapped, the convolution takes the share in/out of its MACs: 1/4 for a factor of 2 on two axes.

False positives: memory, where the convolution narrows the channels little and the larger map is kept anyway.

Source: algebra; the weights of nearest, linear and cubic interpolation add up to 1 at every position.

Flagged:
    input: [64, 16, 16]
    layers:
      - upsample: {scale_factor: 2, mode: bilinear}
      - conv: {out_channels: 32, kernel_size: 1} # <- CC308

Allowed:
    input: [64, 16, 16]
    layers:
      - conv: {out_channels: 32, kernel_size: 1}
      - upsample: {scale_factor: 2, mode: bilinear}
      - conv: {out_channels: 32, kernel_size: 3, padding: 1}
      - upsample: {scale_factor: 2}
      - relu
      - conv: {out_channels: 8, kernel_size: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._graph import is_fixed_convolution, positions
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import windowed

SEVERITY = "info"


def check(subject: Subject) -> Iterator[Problem]:
    """Pointwise convolutions on enlarged maps."""
    if not subject.complete:
        return  # another use of the upsampling may be missing
    nodes = subject.network.nodes
    for layer in windowed(subject):
        if not is_fixed_convolution(layer.node.config):
            continue
        source = layer.node.inputs[0]
        is_read_by_it_alone = subject.consumers(source) == (layer.index,) and not subject.is_output(source)
        if not nodes[source].config.resamples or not is_read_by_it_alone:
            continue
        if any(window.kernel > 1 or window.stride > 1 or window.before or window.after for window in layer.windows):
            continue
        small, large = positions(subject.shapes(source)[0]), positions(nodes[source].shape)
        if small >= large:
            continue
        macs = subject.row(layer.index).macs
        yield subject.problem(
            layer.index,
            f"{layer.node.name}: as exact before {nodes[source].name} as after, with {small * macs // large:,} MACs in "
            f"place of {macs:,}",
            f"swap the two: {100 * (large - small) / large:.0f} % of its MACs less",
        )
