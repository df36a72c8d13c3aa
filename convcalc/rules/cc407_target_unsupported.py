"""A layer that the target's accelerator does not run.

What is outside of an accelerator's table falls back to the processor beside it, and every such layer copies its maps
there and back.

Flagged, with target ti-npu, the one with a table: a convolution of more than 7 taps on the first axis, or of strides
other than 1x1, 2x1 and 2x2; of groups, but for depthwise ones; max pooling of more than 4 positions on an axis; a
linear layer of fewer than 16 features; attention, deformable convolutions, and maps of more than two axes. A net of
one axis has its steps on the first.

Options:
    target: the hardware meant; without ti-npu the rule says nothing.

False positives: newer microcode, whose table may be longer.

Source: Texas Instruments, MCU AI user guide, "NPU guidelines", layer constraints.

Flagged:
    # convcalc.toml: target = "ti-npu"
    input: [4, 128]
    layers:
      - conv: {out_channels: 8, kernel_size: 9} # <- CC407

Allowed:
    # convcalc.toml: target = "ti-npu"
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
REFUSED = frozenset({"attention", "deform_conv"})

_Unsupported = tuple[str, str, str]
"""What is wrong, what to do, and the field."""


def check(subject: Subject) -> Iterator[Problem]:
    """Layers outside the table."""
    if subject.settings.target != "ti-npu":
        return
    for index, node in subject.layers:
        problem = _unsupported(node, subject.shapes(index)[0])
        if problem is not None:
            macs = subject.row(index).macs
            yield subject.problem(
                index, f"{node.name}: {problem[0]}; {macs:,} MACs run beside the ti-npu", problem[1], field=problem[2]
            )


def _unsupported(node: Node, x: tuple[int, ...]) -> _Unsupported | None:
    if node.kind in REFUSED:
        return f"{node.kind} is not among its layers", "use convolutions", ""
    if node.config.is_linear and x[-1] < _FEWEST_FEATURES:
        return f"{x[-1]} features enter, fewer than {_FEWEST_FEATURES}", f"{_FEWEST_FEATURES} features or more", ""
    kind = node.config
    is_convolution, is_max_pool = is_fixed_convolution(kind), node.kind == "max_pool"
    if not (is_convolution or is_max_pool) or len(x) == 1:
        return None
    if len(x) - 1 > MOST_AXES:
        return f"a map of {len(x) - 1} axes", f"{MOST_AXES} axes at most", ""
    return _convolution(node.config, x) if is_convolution else _pool(node.config)


def _convolution(config: Any, x: tuple[int, ...]) -> _Unsupported | None:
    if config.kernel_size[0] > _TALLEST:
        return f"{config.kernel_size[0]} taps on the first axis", f"kernel_size {_TALLEST} at most", "kernel_size"
    stride = (*config.stride, 1)[:MOST_AXES]
    if stride not in STRIDES:
        return f"stride {shown(config.stride)}", f"one of {', '.join(f'{a}x{b}' for a, b in STRIDES)}", "stride"
    if 1 < config.groups < x[0]:
        return f"{config.groups} groups for {x[0]} channels", f"1 or {x[0]} groups", "groups"
    return None


def _pool(config: Any) -> _Unsupported | None:
    if max(config.kernel_size) > _WIDEST_POOL:
        return f"max pooling of {shown(config.kernel_size)}", f"kernel_size {_WIDEST_POOL} at most", "kernel_size"
    return None
