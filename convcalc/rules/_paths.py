"""The shortest path from the input to every tensor: how much it sees, in which steps, and where it is centred.

Where paths meet, the one that sees least goes on, an axis at a time. Paths through something that sees the whole input
(the gate of squeeze-and-excite, global pooling) have no end and are left out. A causal window is centred on its
last tap, since what it looks back at is no shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from convcalc.arithmetic.axes import NOT_WORKED_OUT
from convcalc.arithmetic.field import Field, at_input
from convcalc.arithmetic.measuring import centre, measure
from convcalc.layers import Kind, Shape
from convcalc.network import Network, Node
from convcalc.rules._graph import keeps_field
from convcalc.rules._subject import Subject
from convcalc.rules._windows import is_causal, windows_of

FURTHEST = 2**50
"""Positions of the input from one position to the next, beyond which no path is followed: halves are still told."""


class Path(NamedTuple):
    """What a position of a tensor axis sees along one axis of an input of `limit` positions.

    Position o sees `size` input positions around ``centre + stride·o``, up to ``last + stride·o``. `coarsest` is the
    largest stride on the way. `looks_back` says whether something on the way does that on purpose: a causal window,
    padding or a cut on one side.
    """

    axis: int
    limit: int
    size: float
    stride: float
    centre: float
    coarsest: float = 1
    last: float = 0
    looks_back: bool = False

    def place(self, position: float) -> float:
        """The input position that a position is centred on."""
        return self.centre + self.stride * position

    def end(self, position: float) -> float:
        """The last input position that a position sees."""
        return self.last + self.stride * position


Paths = tuple[Path | None, ...]
"""An entry for each axis of a tensor, channels first; None where there is no path, or none that can be told."""


class AxisStep(NamedTuple):
    """How the positions of an output axis read those of the input axis `source`.

    `shift` is from a position to the middle of what it reads, or to the end of it where the window is causal.
    """

    source: int
    size: int
    stride: float
    shift: float
    is_causal: bool = False


@lru_cache(maxsize=1)
def shortest(subject: Subject) -> list[Paths]:
    """The shortest paths to every node."""
    network = subject.network
    paths: list[Paths] = []
    for node in network.nodes:
        if node.is_input:
            axes = enumerate(node.shape[1:])
            paths.append((None, *(Path(axis, size, 1, 1, 0) for axis, size in axes)))
        elif node.config.merges or (node.config.is_elementwise and len(node.inputs) > 1):
            met = (meeting(network, node, axis, paths).values() for axis in range(len(node.shape)))
            paths.append(tuple(min(local, key=lambda path: path.size, default=None) for local in met))
        else:
            paths.append(_through(paths[node.inputs[0]], node, network.shapes_into(node)))
    return paths


Entry = TypeVar("Entry")


def meeting(network: Network, node: Node, axis: int, entries: Sequence[tuple[Entry | None, ...]]) -> dict[int, Entry]:
    """What meets on an axis of a merge, of what all nodes have for their axes, by the place of the input that has it.

    Nothing of an input that is repeated along the axis.
    """
    if laid_along(node) == axis:
        return {}
    return {
        place: entry
        for place, source in enumerate(node.inputs)
        if axis < len(entries[source])
        and network.nodes[source].shape[axis] == node.shape[axis]
        and (entry := entries[source][axis]) is not None
    }


def laid_along(node: Node) -> int | None:
    """The axis along which a layer lays tensors end to end; None where it does not."""
    axis: int | None = getattr(node.config, "axis", None) if node.config.merges else None
    return None if axis is None else axis % len(node.shape)


def _through(entering: Paths, node: Node, shapes: tuple[Shape, ...]) -> Paths:
    walked = steps(node, shapes)
    if walked is not None:
        entering = tuple(_stepped(entering[step.source], step) if step is not None else None for step in walked)
    one_sided = {axis for axis, (before, after) in node.config.cut(shapes[0]).items() if before != after}
    return tuple(
        path._replace(looks_back=True) if path is not None and axis in one_sided else path
        for axis, path in enumerate(entering)
    )


def _stepped(path: Path | None, step: AxisStep) -> Path | None:
    if path is None or path.stride > FURTHEST or not step.stride:  # where it does not move, one is repeated
        return None
    return Path(
        path.axis,
        path.limit,
        path.size + (step.size - 1) * path.stride,
        path.stride * step.stride,
        path.centre + step.shift * path.stride,
        max(path.coarsest, path.stride * step.stride),
        path.last + (step.shift + (0 if step.is_causal else (step.size - 1) / 2)) * path.stride,
        path.looks_back or step.is_causal,
    )


def steps(node: Node, shapes: tuple[Shape, ...]) -> tuple[AxisStep | None, ...] | None:
    """A step for each axis that leaves; None where all stay as they are."""
    if node.config.is_windowed:
        windows = windows_of(node.config, shapes[0])
        return (None, *(_windowed(node, axis, window) for axis, window in enumerate(windows, start=1)))
    config: Any = node.config
    own: Kind = config.own_path() or config  # of a normalisation what a position sees of itself
    if keeps_field(own, shapes) and len(node.shape) == len(shapes[0]):
        return None
    return _other_steps(config, shapes)


def _windowed(node: Node, axis: int, window: Any) -> AxisStep:
    looks_back = is_causal(node, window)
    middle = window.extent - 1 if looks_back else (window.extent - 1) / 2
    return AxisStep(axis, window.extent, window.stride, middle - window.before, looks_back)


@lru_cache(maxsize=256)
def _other_steps(config: Kind, shapes: tuple[Shape, ...]) -> tuple[AxisStep | None, ...]:
    """By the kind's own account of what it sees."""
    seen = config.receptive_field(tuple(at_input(len(shape) - 1) for shape in shapes), shapes)
    sizes = config.shape(*shapes)
    return tuple(_other_step(seen, carried, size) for carried, size in zip(seen.carries, sizes, strict=True))


def _other_step(seen: Field, carried: Sequence[int], outputs: int) -> AxisStep | None:
    alone = len(carried) == 1 and sum(carried[0] in others for others in seen.carries) == 1
    axis = seen.axes[carried[0]] if alone else None
    if axis is None or axis == NOT_WORKED_OUT:
        return None
    size, stride, _ = measure(axis, outputs)
    centred: Any = centre(axis)  # the rate, and twice the centre as a fraction, for each rate there is
    if size is None or stride is None or len(centred) != 2 or max(size, *map(abs, centred[1])) > FURTHEST**2:
        return None
    top, bottom = centred[1]
    return AxisStep(carried[0] + 1, size, stride[0] / stride[1], top / bottom / 2)
