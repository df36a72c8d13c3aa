"""Rows or columns at the end of a map that no window ever reads.

Where the padded axis is longer than the windows that fit it, what is left over at its end is passed over. If it is more
than the padding there, real positions are lost, always on the same side.

Flagged is a convolution or pooling with, on some axis, an extent K = dilation·(kernel_size - 1) + 1 of at least the
stride, and a remainder (in + before + after - K) mod stride above the padding after: the last (remainder - after)
positions are never read. Pooling with ceil_mode reads them and is left out.

Not flagged: windows shorter than their stride, which skip positions everywhere (CC204).

False positives: none known among published nets at their own resolution.

Source: Ronneberger, Fischer and Brox, U-Net (2015), on input tiles that make all 2x2 poolings see even sizes; the TOSA
specification, which requires the division to be exact.

Flagged:
    input: [3, 7, 7]
    layers:
      - max_pool: 2 # <- CC202

Allowed:
    input: [3, 7, 7]
    layers:
      - max_pool: {kernel_size: 2, ceil_mode: true}
      - max_pool: 2
      - conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.arithmetic.number import product
from convcalc.rules._resize import nearest_clean_input
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import Windowed, left_over, never_reached, rounds_up, windowed

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Windows that end before their axis does."""
    for layer in windowed(subject):
        lost = [never_reached(window, size) for window, size, _ in layer.axes]
        if rounds_up(layer.node.config) or not any(lost):
            continue
        axis = next(axis for axis, dropped in enumerate(lost) if dropped)
        yield subject.problem(
            layer.index,
            f"{layer.node.name}: {_unread(layer, axis, lost)}",
            _advice(layer, axis, lost[axis], nearest_clean_input(subject, axis, never_reached)),
            field="stride" if getattr(layer.node.config, "stride", None) is not None else "kernel_size",
        )


def _unread(layer: Windowed, axis: int, lost: list[int]) -> str:
    every = product(layer.sizes)
    unread = every - product([size - dropped for size, dropped in zip(layer.sizes, lost, strict=True)])
    last = "the last position is" if lost[axis] == 1 else f"the last {lost[axis]} positions are"
    window = layer.windows[axis]
    return (
        f"windows of {window.extent} at stride {window.stride} do not divide an axis of {layer.sizes[axis]}: "
        f"{last} never read ({unread:,} of {every:,} positions of the map)"
    )


def _advice(layer: Windowed, axis: int, lost: int, clean: str | None) -> str:
    window, size = layer.windows[axis], layer.sizes[axis]
    longer = size + window.stride - left_over(window, size)
    pool = ", or ceil_mode: true" if hasattr(layer.node.config, "ceil_mode") else ""
    everywhere = f"; with an input of {clean} no layer drops any" if clean is not None else ""
    shorter = f"{size - lost} or {longer}" if size > lost else f"{longer}"
    return f"an axis of {shorter} leaves nothing unread{pool}{everywhere}"
