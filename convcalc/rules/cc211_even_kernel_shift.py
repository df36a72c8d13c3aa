"""Even kernels that push the map to one side.

A window of even extent has no middle position. Padded to keep the size, it is padded more on one side, and its output
stands half a position off. Each such layer adds to that, always towards the same corner.

Flagged is the last of the windows of stride 1 and even extent with unequal padding on a path to an output, or to where
positions end, along which their shifts of (after - before)/2 positions of their map add up to one position of the input
or more. It is an info in a net that classifies, none of whose outputs has positions: it does not ask where.

Not flagged: padding on alternate sides, which cancels; causal windows, which look back on purpose; windows at a stride.

False positives: none known where positions count.

Source: Wu, Wang, Lin, Chen, Yang and Li, Convolution with even-sized kernels and symmetric padding (NeurIPS 2019,
arXiv:1903.08385).

Flagged:
    input: [8, 32, 32]
    layers:
      - conv: {out_channels: 8, kernel_size: 4, padding: same}
      - relu
      - conv: {out_channels: 8, kernel_size: 4, padding: same} # <- CC211

Allowed:
    input: [8, 32, 32]
    layers:
      - conv: {out_channels: 8, kernel_size: 4, padding: same}
      - conv: {out_channels: 8, kernel_size: 4, padding: same_lower}
      - conv: {out_channels: 8, kernel_size: 2, stride: 2}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from convcalc.arithmetic.window import Window
from convcalc.network import Node
from convcalc.rules._graph import classifies
from convcalc.rules._paths import Paths, meeting, shortest
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import counted, is_causal, windows_of

SEVERITY = "warning"

LEAST = 1
"""Positions of the input that shifts must add up to."""


class _Shift(NamedTuple):
    """How far the windows of a path push one axis, in positions of the input; how many do, and the last of them."""

    total: float = 0.0
    layers: int = 0
    last: int = -1


_Shifts = tuple[_Shift | None, ...]


def check(subject: Subject) -> Iterator[Problem]:
    """Paths along which even windows shift by a position or more."""
    if not subject.complete or not any(
        _is_uneven(node, window)
        for index, node in subject.layers
        for window in windows_of(node.config, subject.shapes(index)[0])
    ):
        return
    largest = _along_paths(subject)
    worst: dict[int, _Shift] = {}
    for index, shifts in enumerate(largest):
        for axis, shift in enumerate(shifts):
            if shift is None or abs(shift.total) < LEAST or not _ends(subject, largest, index, axis):
                continue
            worst[shift.last] = max(worst.get(shift.last, shift), shift, key=lambda shift: abs(shift.total))
    for last, shift in sorted(worst.items()):
        subject.at = last
        yield _problem(subject, last, shift)


def _problem(subject: Subject, last: int, shift: _Shift) -> Problem:
    who = f"{shift.layers} even kernels up to this one shift" if shift.layers > 1 else "an even kernel shifts"
    far, end = counted(abs(shift.total), "position"), "beginning" if shift.total > 0 else "end"
    return subject.problem(
        last,
        f"{subject.network.nodes[last].name}: {who} the map by {far} of the input towards the {end} of an axis",
        "pad every other one on the other side (same_lower), or use odd kernels",
        field="padding",
        severity="info" if classifies(subject) else "",
    )


def _is_uneven(node: Node, window: Window) -> bool:
    is_even = window.stride == 1 and window.extent % 2 == 0
    return is_even and window.before != window.after and not is_causal(node, window)


def _along_paths(subject: Subject) -> list[_Shifts]:
    """The largest shift of any path to every node, an entry for each axis of its tensor."""
    network, paths = subject.network, shortest(subject)
    largest: list[_Shifts] = []
    for index, node in enumerate(network.nodes):
        if node.is_input:
            largest.append((None, *(_Shift() for _ in node.shape[1:])))
        elif node.config.merges:
            met = (meeting(network, node, axis, largest).values() for axis in range(len(node.shape)))
            largest.append(tuple(max(local, key=lambda shift: abs(shift.total), default=None) for local in met))
        else:
            source = node.inputs[0]
            windows = windows_of(node.config, network.nodes[source].shape)
            largest.append(_through(index, node, windows, largest[source], paths[source], paths[index]))
    return largest


def _through(
    index: int, node: Node, windows: tuple[Window, ...], entering: _Shifts, before: Paths, behind: Paths
) -> _Shifts:
    shifts: list[_Shift | None] = []
    for axis, path in enumerate(behind):
        source = before[axis] if axis < len(before) else None
        shift = entering[axis] if axis < len(entering) else None
        if path is None or source is None or shift is None or source.axis != path.axis:
            shifts.append(None)
            continue
        window = windows[axis - 1] if windows else None
        if window is not None and _is_uneven(node, window):
            pushed = (window.after - window.before) / 2 * source.stride
            shift = _Shift(shift.total + pushed, shift.layers + 1, index)
        shifts.append(shift)
    return tuple(shifts)


def _ends(subject: Subject, largest: list[_Shifts], index: int, axis: int) -> bool:
    """Whether positions of an axis go no further than here."""
    behind = [largest[consumer] for consumer in subject.consumers(index)]
    return subject.is_output(index) or not any(axis < len(shifts) and shifts[axis] is not None for shifts in behind)
