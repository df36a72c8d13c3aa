"""Runs of layers at one resolution: exactly which positions of the tensor a run starts from each of its tensors reads.

A run on an axis is what is joined by windows of stride 1 and by layers that keep positions as they are; any change of
resolution starts another. The positions are a set of bits, the Minkowski sum of the taps along a path, united where
paths meet, so that branches side by side are not mistaken for a stack.
"""

from __future__ import annotations

from typing import NamedTuple

from convcalc.arithmetic.window import Window
from convcalc.layers import Shape
from convcalc.network import Node
from convcalc.rules._graph import has_fixed_window
from convcalc.rules._paths import AxisStep, meeting, steps
from convcalc.rules._subject import Subject
from convcalc.rules._windows import redilated, windows_of

WIDEST = 4096
"""Positions between the first and the last of a set; a run that reads farther is not looked at."""


class AxisRun(NamedTuple):
    """What one axis of a tensor reads of the tensor `source`.

    Bit b of `taps` stands for the position `first` + b; no bit is set where they lie too far apart to be looked at.
    `last` is the last dilated window, None without any. `depth` is the number of dilated ones on the longest path,
    `parallel` says whether branches with different ones have met.
    """

    source: int
    taps: int = 1
    first: int = 0
    last: int | None = None
    depth: int = 0
    parallel: bool = False

    @property
    def reads(self) -> int:
        """How many positions are read."""
        return self.taps.bit_count()

    @property
    def span(self) -> int:
        """Positions from the first to the last that is read."""
        return self.taps.bit_length()


AxisRuns = tuple[AxisRun | None, ...]
"""An entry for each axis of a tensor, channels first; None where positions are not told apart."""


def members(subject: Subject, reached: list[AxisRuns], node: int, axis: int) -> list[int]:
    """The layers of the run that ends in a node whose windows have more than one tap, in the order they run."""
    nodes, ending = subject.network.nodes, reached[node][axis]
    seen, waiting, joined = {node}, [node], []
    while waiting:
        here = waiting.pop()
        run = reached[here][axis] if axis < len(reached[here]) else None
        if run is None or ending is None or run.source != ending.source or here == run.source:
            continue
        if has_fixed_window(nodes[here].config):
            x = nodes[nodes[here].inputs[0]].shape
            joined += [here] * (windows_of(nodes[here].config, x)[axis - 1].kernel > 1)
        waiting.extend(source for source in nodes[here].inputs if source not in seen)
        seen.update(nodes[here].inputs)
    return sorted(joined)


def runs(subject: Subject, instead: dict[int, int] | None = None) -> list[AxisRuns]:
    """The runs that end in every node; `instead` gives layers another dilation, with the padding that goes with it."""
    network = subject.network
    of_nodes: list[AxisRuns] = []
    for index, node in enumerate(network.nodes):
        shapes, kind = network.shapes_into(node), node.config
        entering = of_nodes[node.inputs[0]] if node.inputs else ()
        if has_fixed_window(kind):
            windows = windows_of(kind, shapes[0])
            if instead and index in instead:
                windows = tuple(redilated(window, instead[index]) for window in windows)
            steps = enumerate(windows, start=1)
            of_nodes.append((None, *(_through(entering[axis], index, window) for axis, window in steps)))
        elif kind.merges:
            met = (list(meeting(network, node, axis, of_nodes).values()) for axis in range(1, len(node.shape)))
            of_nodes.append((None, *(_united(local) or AxisRun(index) for local in met)))
        elif shapes and (cut := kind.cut(shapes[0])) and getattr(kind, "step", 1) == 1:
            shifts = enumerate(entering)
            of_nodes.append(
                tuple(run and run._replace(first=run.first + cut.get(axis, (0, 0))[0]) for axis, run in shifts)
            )
        else:
            of_nodes.append(_kept(index, node, entering, shapes))
    return of_nodes


def _kept(index: int, node: Node, entering: AxisRuns, shapes: tuple[Shape, ...]) -> AxisRuns:
    """The runs through a layer that has no window: on, on axes whose positions stay as they are."""
    walked = steps(node, shapes) if not node.is_input else (None,) * len(node.shape)
    if walked is None:
        return entering
    stays = [step == AxisStep(axis, 1, 1, 0) for axis, step in enumerate(walked)]
    return (None, *(entering[axis] if stays[axis] else AxisRun(index) for axis in range(1, len(node.shape))))


def _through(run: AxisRun | None, index: int, window: Window) -> AxisRun | None:
    if window.stride > 1:
        return AxisRun(index)
    if run is None:
        return None
    if window.kernel == 1:
        return run._replace(first=run.first - window.before)
    if not run.taps or run.span + window.extent > WIDEST:
        return run._replace(taps=0)
    taps = 0
    for tap in range(window.kernel):
        taps |= run.taps << tap * window.dilation
    dilated = window.dilation > 1
    return run._replace(
        taps=taps,
        first=run.first - window.before,
        last=index if dilated else run.last,
        depth=run.depth + dilated,
    )


def _united(local: list[AxisRun]) -> AxisRun | None:
    """Runs that meet; None where they do not start from one tensor, or there are none."""
    if len({run.source for run in local}) != 1:
        return None
    first = min(run.first for run in local)
    taps = 0
    if all(run.taps and run.first + run.span - first <= WIDEST for run in local):
        for run in local:
            taps |= run.taps << run.first - first
    dilated = {run.last for run in local if run.depth}
    return AxisRun(
        local[0].source,
        taps,
        first,
        max((last for last in dilated if last is not None), default=None),
        max(run.depth for run in local),
        len(dilated) > 1 or any(run.parallel for run in local),
    )
