"""Receptive fields probed at the real size, for what cannot be lengthened.

All input positions are tagged. An output position that looks beyond the ends of the axis, or whose sources do, may see
less than is claimed of an unbounded axis; what it sees must still be within the claim. The others must see
exactly what is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from msgspec.structs import replace

from convcalc.arithmetic.field import NOT_WORKED_OUT, Field, at_input, intervals
from convcalc.layers import Kind, Shape, Unprobed
from convcalc.network import Network
from convcalc.reference.field_checks import AxisCheck, differs
from convcalc.reference.stretch import Laid, Place, entering, form, has, run
from convcalc.reference.tags import NOWHERE, Follow, Seen, Tags, reached
from convcalc.tensors.engine import Array, Engine

MOST_WORK = 150_000_000
"""Elements worked on for one axis, all layers and tags together; fewer positions are tagged where it would be more."""
MOST_WIDE_WORK = 15_000_000
"""The same with all channels and axes."""
LONGEST_AXIS = 2**14
"""Positions of an axis that is probed at its real size."""
LENGTHS = 16
"""Times its size that an axis is made to see whether a layer sees all of it."""


def at_real_size(
    network: Network,
    fields: Sequence[Field],
    axis: int,
    laid: Sequence[Laid],
    rest: Sequence[int],
    thin: bool,
    engine: Engine,
) -> dict[int, AxisCheck]:
    """The nodes of `rest`, whose `laid` says why they were not lengthened."""
    size = max(node.shape[axis + 1] for node in network.inputs if has(node, axis))
    if size > LONGEST_AXIS:
        return {
            index: AxisCheck(axis=axis, agrees=None, reason=f"not probed: {laid[index].problem}; too long at its size")
            for index in rest
        }
    placed = _placed(network, fields, axis, laid, rest, thin)
    work = sum(each.elements for each in placed if not each.problem)
    every = max(1, -(-size * work // (MOST_WORK if thin else MOST_WIDE_WORK)))
    follow = Follow(network, axis, placed, engine, thin, longer=0, margin=0, period=size)
    follow.spreads = cache(lambda index: _sees_all(network, placed, index, thin, engine))
    seen = follow.run(Tags([range(0, size, every)]), lambda: None)
    edges = _edges(network, axis, placed)
    checks = {}
    for index in rest:
        found, check = seen[index], AxisCheck(axis=axis, agrees=None)
        if found is None or found.problem:
            source = next((s for s in network.nodes[index].inputs if placed[s].problem), index)
            reason = found.problem if found else placed[source].problem or laid[index].problem
            checks[index] = replace(check, reason=f"not probed: {reason}")
        elif axis < len(fields[index].axes):
            checks[index] = _check(check, fields[index], found, edges[index], every, thin)
        else:
            checks[index] = check
    return checks


def _placed(
    network: Network, fields: Sequence[Field], axis: int, laid: Sequence[Laid], rest: Sequence[int], thin: bool
) -> list[Laid]:
    """Every node that is needed at its real size, with as many classes as it has positions."""
    needed = set(rest)
    for index in reversed(range(len(network.nodes))):
        if index in needed:
            needed.update(network.nodes[index].inputs)
    placed: list[Laid] = []
    for index, node in enumerate(network.nodes):
        if index not in needed:
            placed.append(Laid(None, Place(), problem="not needed"))
            continue
        try:
            placed.append(_at_its_size(network, index, fields[index], axis, laid[index], placed, thin))
        except Unprobed as error:
            placed.append(Laid(node.config, Place(), problem=f"{node.name}: {error}"))
    return placed


def _at_its_size(
    network: Network, index: int, field: Field, axis: int, laid: Laid, placed: Sequence[Laid], thin: bool
) -> Laid:
    node = network.nodes[index]
    if node.config is None:
        place = Place(axis + 1) if has(node, axis) else Place()
        return Laid(None, place, _count(node.shape, place), _elements(None, (node.shape,), place, thin))
    shapes = tuple(network.nodes[source].shape for source in node.inputs)
    places = [placed[source].place for source in node.inputs]
    problem = next((placed[source].problem for source in node.inputs if placed[source].problem), "")
    if problem:
        return Laid(node.config, Place(), problem=problem)
    if not laid.problem and laid.config is not None:
        config, place = laid.config, laid.place
    else:
        entered = next((place for place in places if place.axis is not None), Place())
        apart = any(each.apart for each in places) and entered.axis is None
        if entered.axis is not None and node.config.drops(entered.axis, shapes):
            apart = True
        config = form(node.config, entered.axis, apart, shapes, thin, sized=True)
        place = Place(apart=True) if apart else _carrying(field, axis)
    elements = _elements(config, shapes, next((p for p in places if p.axis is not None), Place()), thin)
    return Laid(config, place, _count(node.shape, place), elements)


def _carrying(field: Field, axis: int) -> Place:
    """The tensor's axis that holds the positions: at one length nothing shows it, so it is the one that is claimed."""
    holding = [place for place, carried in enumerate(field.carries) if axis in carried]
    if len(holding) > 1:
        raise Unprobed("positions are on several axes")
    return Place(holding[0]) if holding else Place()


def _count(shape: Shape, place: Place) -> int:
    return 1 if place.axis is None else shape[place.axis]


def _elements(config: Kind | None, shapes: Sequence[Shape], place: Place, thin: bool) -> int:
    if thin:
        shapes = [tuple(size if axis == place.axis else 1 for axis, size in enumerate(shape)) for shape in shapes]
    most = max(int(np.prod(shape)) for shape in shapes)
    return most if config is None else max(most, config.macs(*shapes), config.elementwise_ops(*shapes))


def _sees_all(network: Network, placed: Sequence[Laid], index: int, thin: bool, engine: Engine) -> bool:
    """Whether a layer by itself spreads a single tag to all positions, on an axis far longer than any window of it."""
    node, laid = network.nodes[index], placed[index]
    places = [placed[source].place for source in node.inputs]
    if node.config is None or laid.config is None or all(place.axis is None for place in places):
        return False
    arrays = []
    for source, place in zip(node.inputs, places, strict=True):
        sizes = [1 if thin else size for size in network.nodes[source].shape]
        array = np.zeros((2, *sizes), np.float32)
        if place.axis is not None:
            array = array.take([0] * (LENGTHS * network.nodes[source].shape[place.axis]), place.axis + 1)
            np.moveaxis(array, place.axis + 1, 1)[0, array.shape[place.axis + 1] // 2] = np.nan
        arrays.append(array)
    shapes = [network.nodes[source].shape for source in node.inputs]
    inputs, entered = entering(node.config, shapes, places, arrays, rows=2)
    if entered.apart:
        return False
    try:
        output = run(engine, laid.config, inputs)
    except Exception:  # what cannot be lengthened has its places on the axis, and sees not all of it
        return False
    return bool(reached(output, laid.place, 2)[0].all())


def _edges(network: Network, axis: int, placed: Sequence[Laid]) -> list[Array]:
    """For every node which of its positions look beyond the ends of the axis, or at positions that do."""
    edges = []
    for node, laid in zip(network.nodes, placed, strict=True):
        if node.config is None or laid.problem or laid.place.axis is None:
            edges.append(np.full(max(laid.growth, 1), node.config is not None))
            continue
        entering = [edges[source] for source in node.inputs]
        entered = placed[node.inputs[0]].place.axis
        counts = [len(each) for each in entering]
        if len(counts) > 1 and sum(counts) == laid.growth > max(counts):
            edges.append(np.concatenate(entering))
            continue
        shapes = tuple(network.nodes[source].shape for source in node.inputs)
        own = node.config.receptive_field(tuple(at_input(len(shape) - 1) for shape in shapes), shapes)
        local = own.axes[entered - 1] if entered else None
        found = np.ones(laid.growth, bool)
        if local is not None and local != NOT_WORKED_OUT:
            before = np.concatenate([[0], np.cumsum(entering[0])])
            for position, span in enumerate(intervals(local, laid.growth)):
                found[position] = span is not None and (
                    span[0] < 0 or span[1] >= counts[0] or before[span[1] + 1] > before[span[0]]
                )
        for each in entering[1:]:
            if len(each) == len(found):
                found |= each
        edges.append(found)
    return edges


def _check(check: AxisCheck, field: Field, seen: Seen, edges: Sequence[bool], every: int, thin: bool) -> AxisCheck:
    local, count = field.axes[check.axis], seen.classes
    check = replace(check, is_global=True if seen.globally else None if seen.dropped else False)
    if local == NOT_WORKED_OUT:
        return replace(check, reason="the claim is not worked out")
    claimed = intervals(local, count) if local is not None else [None] * count
    inside, hidden = 0, False
    for position, (span, edge) in enumerate(zip(claimed, edges, strict=True)):
        found = seen.span(0, position, NOWHERE)
        within = found is None or (span is not None and span[0] <= found[0] and found[1] <= span[1])
        hidden |= not edge and every == 1 and found != span
        if not within or (hidden and thin):
            return replace(check, agrees=False, reason=f"{differs(position, found, span)}, at its real size")
        inside += not edge
    if local is None:
        return replace(check, agrees=True)
    if hidden:
        return replace(check, reason="channels and other axes do not show all of it")
    if not inside or every > 1:
        reason = "at its real size every position looks beyond the ends" if not inside else "sampled at its real size"
        return replace(check, reason=f"{reason}; none sees more than is claimed")
    return replace(check, agrees=True, reason=f"at its real size; {count - inside} of {count} look beyond the ends")
