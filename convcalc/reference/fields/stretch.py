"""An axis lengthened so far that what is looked at does not see its ends, and what each layer becomes on it.

Claims speak of an unbounded axis. A lengthened one behaves like it away from its ends, if whole periods are added:
then windows, paddings and the last window of ceil_mode stand as on the real axis, and every period of input positions
adds the same number of output positions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from convcalc import steps
from convcalc.arithmetic.axes import Axis, Phases, Reach
from convcalc.arithmetic.field import Field
from convcalc.layers import Kind, Shape, Unprobed
from convcalc.layers.concat import Concat
from convcalc.network import Network, Node
from convcalc.reference.execution import run_layer, running_steps
from convcalc.tensors.engine import Array, Engine

LONGEST_AXIS = 2**20
"""Positions an axis may be lengthened to."""
LONGEST_PERIOD = 2**12
"""Positions after which what is seen may repeat."""
_SHORTEST_PERIOD = 8
"""Positions that are tagged in a row, at least."""
_BEYOND_CLAIMS = 512
"""Positions of the real axis that are there at either side, so that what sees more than is claimed is caught."""


class Length(NamedTuple):
    """An axis of `base` positions, whole periods more or less than the real one, with `margin` at both sides."""

    period: int
    base: int
    margin: int

    @property
    def whole(self) -> int:
        return self.base + 2 * self.margin


class Place(NamedTuple):
    """Where a tensor has the positions: on `axis`, or, `apart`, in the batch, each run by itself; else nowhere."""

    axis: int | None = None
    apart: bool = False

    def positions(self, array: Array, rows: int) -> int:
        """How many positions the array holds."""
        if self.apart:
            return len(array) // rows
        return 1 if self.axis is None else int(array.shape[self.axis + 1])


class Laid(NamedTuple):
    """A node on the lengthened axis.

    `growth` output positions are added by a period of input positions. `problem`: why it has none, being bound to its
    real size or not to be run at all.
    """

    config: Kind
    place: Place
    growth: int = 0
    elements: int = 0
    problem: str = ""


class Stretch(NamedTuple):
    """How long an axis is made, and why some of the nodes cannot be on it, by index."""

    length: Length
    bound: dict[int, str]


def stretched(network: Network, fields: Sequence[Field], axis: int) -> Stretch:
    """The length at which as many nodes as can be, in their order, see no ends."""
    sizes = [node.shape[axis + 1] for node in network.inputs if has(node, axis)]
    length, bound = _length(sizes, 1, 0, 0), dict[int, str]()
    period, low, high = 1, 0, 0
    for index, (node, field) in enumerate(zip(network.nodes, fields, strict=True)):
        local = field.axes[axis] if axis < len(field.axes) else None
        if any(source in bound for source in node.inputs):
            bound[index] = next(bound[source] for source in node.inputs if source in bound)
        elif local is not None:
            needed = _needed(local, period, low, high)
            longer = _length(sizes, *needed) if needed else None
            if longer is None or needed is None:
                bound[index] = f"{node.name}: paths of different rates meet"
            elif longer.period > LONGEST_PERIOD or longer.whole > LONGEST_AXIS:
                bound[index] = f"{node.name}: the axis would have to be {longer.whole:,} positions long"
            else:
                (period, low, high), length = needed, longer
    return Stretch(length, bound)


def _needed(local: Axis, period: int, low: int, high: int) -> tuple[int, int, int] | None:
    """The period, and how far positions look back and ahead, with a further field; None if it repeats nowhere."""
    paths = parts(local)
    if len(paths) > 1 or any(part.bounded for part in paths):
        return None
    for part in paths:
        period = math.lcm(period, part.advance or 1)
        for position, span in enumerate(part.spans):
            moved = position * part.advance // part.period
            low, high = min(low, span[0] - moved) if span else low, max(high, span[1] - moved) if span else high
    return period, low, high


def _length(sizes: Sequence[int], period: int, low: int, high: int) -> Length:
    reach, period = high - low, period * -(-_SHORTEST_PERIOD // period)
    base = min(sizes) + -(-(reach + 4 * period - min(sizes)) // period) * period
    margin = -(-(2 * reach + period + min(max(sizes), _BEYOND_CLAIMS)) // period) * period
    return Length(period, base, margin)


def parts(local: Axis) -> tuple[Phases, ...]:
    """The paths of an axis of a field, a regular one as a table of one position."""
    if isinstance(local, Reach):
        return (Phases(((local.start, local.start + local.size - 1),), local.stride),)
    return local


def entering(
    config: Kind, shapes: Sequence[Shape], places: Sequence[Place], arrays: Sequence[Array], rows: int
) -> tuple[list[Array], Place]:
    """What enters a layer, brought together, and where the positions are then.

    An axis of one position that leaves the shape goes to the batch. Where that meets positions on an axis, it is one
    tensor repeated over them, and stands for all it could have been. What is laid end to end with positions, and holds
    none of that axis of the input, is as long as it really is.
    """
    axes = {place.axis for place in places if place.axis is not None}
    if len(axes) > 1:
        raise Unprobed("positions meet that are on different axes")
    if not axes and any(place.apart for place in places):
        counts = {place.positions(array, rows) for place, array in zip(places, arrays, strict=True) if place.apart}
        if len(counts) > 1:
            raise Unprobed("as many positions do not meet")
        (count,) = counts
        aparts = [x if place.apart else x.repeat(count, axis=0) for x, place in zip(arrays, places, strict=True)]
        return aparts, Place(apart=True)
    together = [
        x.reshape(rows, -1, *x.shape[1:]).sum(1) if place.apart else x for x, place in zip(arrays, places, strict=True)
    ]
    axis = axes.pop() if axes else None
    if any(place.apart for place in places) and any(
        shape[place.axis] == 1 != x.shape[place.axis + 1]
        for place, shape, x in zip(places, shapes, arrays, strict=True)
        if place.axis is not None
    ):
        raise Unprobed("one position meets an axis of one, which has no longer form")
    if axis is not None and config.drops(axis, tuple(shapes)):
        moved = np.moveaxis(together[0], axis + 1, 1)
        return [np.expand_dims(moved.reshape(-1, *moved.shape[2:]), axis + 1)], Place(apart=True)
    if axis is not None and isinstance(config, Concat) and config.axis % len(shapes[0]) == axis:
        together = [
            x if place.axis == axis else x.repeat(shape[axis] // x.shape[axis + 1], axis + 1)
            for x, shape, place in zip(together, shapes, places, strict=True)
        ]
    return together, Place(axis)


def run(engine: Engine, config: Kind, arrays: Sequence[Array]) -> Array:
    """One layer on arrays that are 0 wherever they are not tagged, with neutral weights."""
    shapes = [array.shape[1:] for array in arrays]
    weights = config.arrays(*shapes)
    return run_layer(engine, config, {name: _neutral(name, shape) for name, shape in weights.items()}, arrays)[0]


def spend_on(config: Kind, arrays: Sequence[Array]) -> None:
    """Pay for a run of a layer on arrays.

    Raises:
        OutOfSteps: it takes more steps than are left.
    """
    shapes = [array.shape[1:] for array in arrays]
    macs, operations, params = config.macs(*shapes), config.elementwise_ops(*shapes), config.params(*shapes)
    steps.spend(len(arrays[0]) * running_steps(config, config.shape(*shapes), macs, operations, params))


def _neutral(name: str, shape: Shape) -> Array:
    return np.full(shape, 1 if name.endswith(("weight", "var")) else 0, np.float32)


def blank(node: Node, axis: int, size: int, thin: bool, rows: int) -> Array:
    """An input of the network with `size` positions on its axis, all 0."""
    sizes = [1] * (len(node.shape) - 1) if thin else list(node.shape[1:])
    if axis < len(sizes):
        sizes[axis] = size
    return np.zeros((rows, 1 if thin else node.shape[0], *sizes), np.float32)


def has(node: Node, axis: int) -> bool:
    """Whether an input of the network has that spatial axis."""
    return axis < len(node.shape) - 1


def laid_out(network: Network, axis: int, stretch: Stretch, thin: bool, engine: Engine) -> list[Laid]:
    """Every node on an axis of that length, by runs at three lengths, a period apart, without a tag."""
    length, bound = stretch
    smallest = min(node.shape[axis + 1] for node in network.inputs if has(node, axis))
    first = length.base - smallest + length.margin
    more = [first + times * length.period for times in range(3)]
    laid: list[Laid] = []
    arrays: dict[int, list[Array]] = {}
    for index, node in enumerate(network.nodes):
        if node.is_input:
            size = node.shape[axis + 1] if has(node, axis) else 0
            arrays[index] = [blank(node, axis, size + longer, thin, 1) for longer in more]
            laid.append(_measured(node.config, arrays[index], Place(), length))
            continue
        problems = (bound.get(index), *(laid[source].problem for source in node.inputs))
        problem = next(filter(None, problems), "")
        if problem:
            laid.append(Laid(node.config, Place(), problem=problem))
            continue
        try:
            here, arrays[index] = _laid(network, node, laid, arrays, length, thin, engine)
            laid.append(here)
        except Exception as error:  # whatever a reference raises, the layer is not probed, and says why
            laid.append(Laid(node.config, Place(), problem=f"{node.name}: {error or type(error).__name__}"))
    return laid


def _laid(
    network: Network,
    node: Node,
    laid: list[Laid],
    arrays: dict[int, list[Array]],
    length: Length,
    thin: bool,
    engine: Engine,
) -> tuple[Laid, list[Array]]:
    shapes = network.shapes_into(node)
    places = [laid[source].place for source in node.inputs]
    outputs = []
    for outputs_before in zip(*(arrays[source] for source in node.inputs), strict=True):
        inputs, place = entering(node.config, shapes, places, outputs_before, rows=1)
        config = form(node.config, _axis_of(places), place.apart, shapes, thin)
        spend_on(config, inputs)
        outputs.append(run(engine, config, inputs))
    here = _measured(config, outputs, place, length)
    costs = config.macs(*(x.shape[1:] for x in inputs)), config.elementwise_ops(*(x.shape[1:] for x in inputs))
    return here._replace(elements=max(here.elements, *costs)), outputs


def _axis_of(places: Sequence[Place]) -> int | None:
    return next((place.axis for place in places if place.axis is not None), None)


def form(config: Kind, axis: int | None, apart: bool, shapes: Sequence[Shape], thin: bool, sized: bool = False) -> Kind:
    """The layer that is run in its place. `sized`: at the real size, where it needs no form without ends."""
    axis, inputs = None if apart else axis, tuple(shapes)
    try:
        config = config.unbounded(axis, inputs)
    except Unprobed:
        if not sized:
            raise
    return config.thin(axis, inputs) if thin else config


def _measured(config: Kind, outputs: list[Array], entered: Place, length: Length) -> Laid:
    """Where the positions are: what grows with the length."""
    shapes = [output.shape for output in outputs]
    growing = [place for place, sizes in enumerate(zip(*shapes, strict=True)) if len(set(sizes)) > 1]
    elements = max(output.size for output in outputs)
    if not growing:
        return Laid(config, Place(), elements=elements)
    if len(growing) > 1:
        raise Unprobed("positions are on several axes")
    sizes = [shape[growing[0]] for shape in shapes]
    if sizes[1] - sizes[0] != sizes[2] - sizes[1]:
        raise Unprobed("its size does not grow with that of the input")
    place = Place(apart=True) if growing[0] == 0 else Place(growing[0] - 1)
    return Laid(config, place, sizes[1] - sizes[0], elements)
