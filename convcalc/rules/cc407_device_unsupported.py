"""A layer that the device's accelerator does not run.

What is outside of an accelerator's table falls back to the processor beside it, and every such layer copies its maps
there and back.

Flagged, with device ti-npu, the one with a table: a convolution of more than 7 taps on the first axis, or of strides
other than 1x1, 2x1 and 2x2; of groups, but for depthwise ones; max pooling of more than 4 positions on an axis; a
linear layer of fewer than 16 features; attention, recurrent layers, deformable convolutions, and maps of more than two
axes. A net of one axis has its steps on the first.

Options:
    device: what it runs on; unless it is ti-npu the rule says nothing.

False positives: newer microcode, whose table may be longer.

Source: Texas Instruments, MCU AI user guide, "NPU guidelines", layer constraints.

Flagged:
    # convcalc.toml: device = "ti-npu"
    input: [4, 128]
    layers:
      - conv: {out_channels: 8, kernel_size: 9} # <- CC407

Allowed:
    # convcalc.toml: device = "ti-npu"
    input: [4, 128]
    layers:
      - conv: {out_channels: 8, kernel_size: 7, stride: 2}
      - max_pool: 4
      - flatten
      - linear: 10

Allowed:
    input: [4, 128]
    layers:
      - conv: {out_channels: 8, kernel_size: 9}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcalc.layers._windows import shown_sizes
from convcalc.network import Node
from convcalc.rules._graph import is_fixed_convolution
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import shown

SEVERITY = "warning"

_TALLEST = 7
STRIDES = ((1, 1), (2, 1), (2, 2))
_WIDEST_POOL = 4
_FEWEST_FEATURES = 16
MOST_AXES = 2
REFUSED = frozenset({"attention", "deform_conv", "gru", "lstm", "rnn"})


def check(subject: Subject) -> Iterator[Problem]:
    """Layers outside the table."""
    device = subject.deployed.device
    if device is None or device.name != "ti-npu":
        return
    for index, node in subject.layers:
        for problem, advice, field in _unsupported(node, subject.shapes(index)[0]):
            beside = f"{subject.row(index).macs:,} MACs run beside the ti-npu"
            yield subject.problem(index, f"{node.name}: {problem}; {beside}", advice, field=field)


def _unsupported(node: Node, x: tuple[int, ...]) -> Iterator[tuple[str, str, str]]:
    """The first thing that is wrong, if any is, what to do, and the field."""
    config: Any = node.config
    axes, is_convolution = len(x) - 1, is_fixed_convolution(config)
    if node.kind in REFUSED:
        yield f"{node.kind} is not among its layers", "use convolutions", ""
    elif config.is_linear and x[-1] < _FEWEST_FEATURES:
        yield f"{x[-1]} features enter, fewer than {_FEWEST_FEATURES}", f"{_FEWEST_FEATURES} features or more", ""
    elif not axes or not (is_convolution or node.kind == "max_pool"):
        return
    elif axes > MOST_AXES:
        yield f"a map of {axes} axes", f"{MOST_AXES} axes at most", ""
    elif not is_convolution:
        if max(config.kernel_size) > _WIDEST_POOL:
            yield f"max pooling of {shown(config.kernel_size)}", f"kernel_size {_WIDEST_POOL} at most", "kernel_size"
    elif config.kernel_size[0] > _TALLEST:
        yield f"{config.kernel_size[0]} taps on the first axis", f"kernel_size {_TALLEST} at most", "kernel_size"
    elif (*config.stride, 1)[:MOST_AXES] not in STRIDES:
        yield f"stride {shown(config.stride)}", f"one of {', '.join(map(shown_sizes, STRIDES))}", "stride"
    elif 1 < config.groups < x[0]:
        yield f"{config.groups} groups for {x[0]} channels", f"1 or {x[0]} groups", "groups"
