"""An axis lengthened so far that what is looked at does not see its ends, and what each layer becomes on it.

Claims speak of an unbounded axis. A lengthened one behaves like it away from its ends, if whole periods are added:
then windows, paddings and the last window of ceil_mode stand as on the real axis, and every period of input positions
adds the same number of output positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from convcalc import steps
from convcalc.arithmetic.axes import Axis, Phases, Reach
from convcalc.arithmetic.field import Field, at_input
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


class Probing(msgspec.Struct, frozen=True):
    """One axis of the input, to be probed for all nodes of a network, whose claims `fields` are.

    `thin`: with one channel, and one position on all other axes.
    """

    network: Network
    fields: Sequence[Field]
    axis: int
    thin: bool
    engine: Engine = msgspec.field(default_factory=Engine)

    def size(self, node: Node) -> int:
        """The positions of an input of the network on the axis, 0 where it does not have it."""
        return node.shape[self.axis + 1] if self.axis < len(node.shape) - 1 else 0

    @property
    def sizes(self) -> list[int]:
        """Those of all inputs that have the axis."""
        return [size for node in self.network.inputs if (size := self.size(node))]

    def blank(self, node: Node, longer: int, rows: int) -> Array:
        """An input of the network, all 0, so much longer on the axis than it really is."""
        channels, *sizes = [1] * len(node.shape) if self.thin else node.shape
        if size := self.size(node):
            sizes[self.axis] = size + longer
        return np.zeros((rows, channels, *sizes), np.float32)

    def entering(
        self, node: Node, laid: Sequence[Laid], arrays: Sequence[Array], rows: int
    ) -> tuple[list[Array], Place]:
        """What enters a node, brought together, and where the positions are then."""
        places = [laid[source].place for source in node.inputs]
        return _together(node.config, self.network.shapes_into(node), places, arrays, rows)


def stretched(probing: Probing) -> tuple[Length, dict[int, str]]:
    """The length at which as many nodes as can be, in their order, see no ends; why the others cannot, by index."""
    axis, sizes = probing.axis, probing.sizes
    length, bound = _length(sizes, 1, 0, 0), dict[int, str]()
    period, low, high = 1, 0, 0
    for index, (node, field) in enumerate(zip(probing.network.nodes, probing.fields, strict=True)):
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
    return length, bound


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


def _together(
    config: Kind, shapes: Sequence[Shape], places: Sequence[Place], arrays: Sequence[Array], rows: int
) -> tuple[list[Array], Place]:
    """What enters a layer, brought together, and where the positions are then.

    An axis of one position that leaves the shape goes to the batch. Where that meets positions on an axis, it is one
    tensor repeated over them, and stands for all it could have been. What is laid end to end with positions, and holds
    none of that axis of the input, is as long as it really is.
    """
    axes = {place.axis for place in places if place.axis is not None}
    on_axes = tuple(place.axis for place in places)
    several = sum(axis is not None for axis in on_axes) > 1
    if len(axes) > 1 or (several and len(_axes_left(config, tuple(shapes), on_axes)) > 1):
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
    if axis is not None and any(place.apart for place in places) and not _axes_left(config, tuple(shapes), on_axes):
        raise Unprobed("one position meets others, of which none are left behind the layer")
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


@lru_cache(1024)
def _axes_left(config: Kind, shapes: tuple[Shape, ...], axes: tuple[int | None, ...]) -> set[int]:
    """The axes of the output on which the positions of each input lie that has them alone, as the layer moves them."""
    left: set[int] = set()
    nowhere = [at_input(1).carrying(((),) * len(shape)) for shape in shapes]
    for number, axis in enumerate(axes):
        if axis is not None:
            fields = list(nowhere)
            fields[number] = at_input(1).carrying(
                tuple((0,) if place == axis else () for place in range(len(shapes[number])))
            )
            moved = config.paths(tuple(fields), shapes)[number].carries
            left.update(place for place, carried in enumerate(moved) if carried)
    return left


def run(engine: Engine, config: Kind, arrays: Sequence[Array]) -> Array:
    """One layer on arrays that are 0 wherever they are not tagged, with neutral weights."""
    shapes = [array.shape[1:] for array in arrays]
    weights = config.arrays(*shapes)
    return run_layer(engine, config, {name: _neutral(name, shape) for name, shape in weights.items()}, arrays)[0]


def _spend_on(config: Kind, arrays: Sequence[Array]) -> None:
    """Pay for a run of a layer on arrays.

    Raises:
        OutOfSteps: it takes more steps than are left.
    """
    shapes = [array.shape[1:] for array in arrays]
    macs, operations, params = config.macs(*shapes), config.elementwise_ops(*shapes), config.params(*shapes)
    steps.spend(len(arrays[0]) * running_steps(config, config.shape(*shapes), macs, operations, params))


def _neutral(name: str, shape: Shape) -> Array:
    return np.full(shape, 1 if name.endswith(("weight", "var")) else 0, np.float32)


def laid_out(probing: Probing, length: Length, bound: Mapping[int, str]) -> list[Laid]:
    """Every node on an axis of that length, by runs at three lengths, a period apart."""
    first = length.base - min(probing.sizes) + length.margin
    longer = [first + times * length.period for times in range(3)]
    return lay(probing, longer, bound, lambda index, entered, outputs: _growing(outputs))


def lay(
    probing: Probing,
    longer: Sequence[int],
    left_out: Mapping[int, str],
    placed: Callable[[int, Place, list[Array]], tuple[Place, int]],
    lengthened: Sequence[Laid] = (),
) -> list[Laid]:
    """Every node, run without a tag on axes that are so much longer than the real one.

    `left_out`: why some are not run, by index. `placed` is asked where the positions of a node are, of its outputs at
    each length, and for its growth. `lengthened` is for the real size: what could be lengthened keeps its form.
    """
    laid: list[Laid] = []
    arrays: dict[int, list[Array]] = {}
    for index, node in enumerate(probing.network.nodes):
        problems = (left_out.get(index), *(laid[source].problem for source in node.inputs))
        problem = next(filter(None, problems), "")
        if problem:
            laid.append(Laid(node.config, Place(), problem=problem))
            continue
        try:
            config, entered, elements = node.config, Place(), 0
            outputs = [probing.blank(node, more, rows=1) for more in longer] if node.is_input else []
            for sources in zip(*(arrays[source] for source in node.inputs), strict=True):
                inputs, entered = probing.entering(node, laid, sources, rows=1)
                formed = lengthened[index] if lengthened else None
                config = _form(probing, node, laid, entered, formed)
                shapes = [x.shape[1:] for x in inputs]
                elements = max(config.macs(*shapes), config.elementwise_ops(*shapes))
                _spend_on(config, inputs)
                outputs.append(run(probing.engine, config, inputs))
            place, growth = placed(index, entered, outputs)
            laid.append(Laid(config, place, growth, max(elements, *(output.size for output in outputs))))
            arrays[index] = outputs
        except Exception as error:  # whatever a reference raises, the layer is not probed, and says why
            laid.append(Laid(node.config, Place(), problem=f"{node.name}: {error or type(error).__name__}"))
    return laid


def _form(probing: Probing, node: Node, laid: Sequence[Laid], entered: Place, lengthened: Laid | None) -> Kind:
    """The layer that is run in its place; `lengthened` is what it was on the longer axis, at the real size."""
    if lengthened is not None and not lengthened.problem:
        return lengthened.config
    config, shapes = node.config, probing.network.shapes_into(node)
    axes = (laid[source].place.axis for source in node.inputs)
    axis = None if entered.apart else next((axis for axis in axes if axis is not None), None)
    try:
        config = config.unbounded(axis, shapes)
    except Unprobed:
        if lengthened is None:
            raise
    return config.thin(axis, shapes) if probing.thin else config


def _growing(outputs: list[Array]) -> tuple[Place, int]:
    """Where the positions are, and how many a period adds: what grows with the length."""
    shapes = [output.shape for output in outputs]
    growing = [place for place, sizes in enumerate(zip(*shapes, strict=True)) if len(set(sizes)) > 1]
    if not growing:
        return Place(), 0
    if len(growing) > 1:
        raise Unprobed("positions are on several axes")
    first, second, third = (shape[growing[0]] for shape in shapes)
    if second - first != third - second:
        raise Unprobed("its size does not grow with that of the input")
    return Place(apart=True) if growing[0] == 0 else Place(growing[0] - 1), second - first
