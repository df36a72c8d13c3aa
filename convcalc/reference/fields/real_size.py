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

from convcalc import steps
from convcalc.arithmetic.arrivals import Cover
from convcalc.arithmetic.axes import NOT_WORKED_OUT, Axis, intervals
from convcalc.arithmetic.field import Field, on_every_axis
from convcalc.arithmetic.measuring import measure
from convcalc.layers import Kind, Unprobed
from convcalc.layers.upsample import Upsample
from convcalc.network import Network
from convcalc.reference.fields.field_checks import UNAFFORDABLE, AxisCheck, differs, mixed
from convcalc.reference.fields.stretch import Laid, Place, blank, entering, form, has, run, spend_on
from convcalc.reference.fields.tags import NOWHERE, Arrived, Follow, Seen, Tags
from convcalc.tensors.engine import Array, Engine

MOST_WORK = 150_000_000
"""Elements worked on for one axis, all layers and tags together; fewer positions are tagged where it would be more."""
MOST_WIDE_WORK = 15_000_000
"""The same with all channels and axes."""
ELEMENTS_A_STEP = 150
LONGEST_AXIS = 2**14
"""Positions of an axis that is probed at its real size."""


def at_real_size(
    network: Network,
    fields: Sequence[Field],
    axis: int,
    laid: Sequence[Laid],
    rest: Sequence[int],
    thin: bool,
    engine: Engine,
) -> tuple[dict[int, AxisCheck], dict[int, AxisCheck]]:
    """Two sets of checks: of the nodes of `rest`, whose `laid` says why they were not lengthened, and what arrives.

    The second are those that are claimed to see all positions of a tensor: of each position of the input it is seen
    whether it arrives there.
    """
    size = max(node.shape[axis + 1] for node in network.inputs if has(node, axis))
    overall = {index: cover for index, field in enumerate(fields) for cover in field.overall[axis : axis + 1] if cover}
    needed = sorted({*rest, *overall})
    if size > LONGEST_AXIS:
        left_out = {
            index: AxisCheck(axis=axis, agrees=None, reason=f"not probed: {laid[index].problem}; too long at its size")
            for index in needed
        }
        return {index: left_out[index] for index in rest}, {index: left_out[index] for index in overall}
    placed = _placed(network, fields, axis, laid, needed, thin, engine)
    work = sum(layer.elements for layer in placed if not layer.problem)
    every = max(1, -(-size * work // (MOST_WORK if thin else MOST_WIDE_WORK)))
    ends = {end for cover in overall.values() for end in _around(cover) if end in range(size)} if every > 1 else set()
    if not steps.afford(size // every * work // ELEMENTS_A_STEP):
        left_out = {index: AxisCheck(axis=axis, agrees=None, reason=UNAFFORDABLE) for index in needed}
        return {index: left_out[index] for index in rest}, {index: left_out[index] for index in overall}
    tags = Tags([sorted({*range(0, size, every), *ends})])
    follow = Follow(network, axis, placed, engine, thin, longer=0, margin=0, period=size)
    follow.spreads = cache(lambda index: _sees_all(network, fields, placed, index, axis))
    for index, cover in overall.items():
        claimed = np.array([position in cover for position in tags.positions])
        follow.arrived[index] = Arrived(claimed, max(placed[index].growth, 1))
    seen = follow.run(tags, lambda: None)
    edges = _edges(network, axis, placed)
    checks = {index: AxisCheck(axis=axis, agrees=None) for index in needed}
    problems = {}
    for index in needed:
        node_seen = seen[index]
        if node_seen is None or node_seen.problem:
            source = next((s for s in network.nodes[index].inputs if placed[s].problem), index)
            reason = node_seen.problem if node_seen else placed[source].problem or laid[index].problem
            problems[index] = replace(checks[index], reason=f"not probed: {reason}")
    for index in rest:
        if index in problems:
            checks[index] = problems[index]
        elif (seen_here := seen[index]) is not None and axis < len(fields[index].axes):
            checks[index] = _check(checks[index], fields[index], seen_here, edges[index], every, thin)
    arriving = {
        index: problems.get(index) or _arrives(fields[index], axis, cover, follow.arrived[index], tags, edges[index])
        for index, cover in overall.items()
    }
    return {index: checks[index] for index in rest}, arriving


def _around(cover: Cover) -> tuple[int, ...]:
    first, last = cover.span or (0, -1)
    return first - 1, first, last, last + 1


def _arrives(field: Field, axis: int, cover: Cover, arrived: Arrived, tags: Tags, edges: Sequence[int]) -> AxisCheck:
    """Whether all positions that are claimed arrive at one position of a node, and others by its local path alone."""
    check = AxisCheck(axis=axis, agrees=False, is_global=cover.positions is None)
    lacking = tags.positions[arrived.claimed & ~arrived.reached]
    if len(lacking):
        return replace(check, reason=f"input {lacking[0]} does not arrive, where a path from all positions is claimed")
    if arrived.hits.max() < arrived.claimed.sum():
        return replace(check, reason="no position is reached from everywhere that is claimed")
    local, span = field.axes[axis], cover.span
    if local is None:
        beyond = tags.positions[~arrived.claimed & arrived.reached]
        if len(beyond):
            return replace(check, reason=f"input {beyond[0]} arrives, which is not among those that are claimed")
    elif local != NOT_WORKED_OUT and cover.positions is not None:
        for position, (path, edge) in enumerate(zip(intervals(local, len(arrived.low)), edges, strict=True)):
            low, high = int(arrived.low[position]), int(arrived.high[position])
            claimed = [end for part in (path, span) if part for end in part]
            if edge < 2 and low <= high and not (claimed and min(claimed) <= low and high <= max(claimed)):
                both = (min(claimed), max(claimed)) if claimed else None
                return replace(check, reason=f"{differs(position, (low, high), both)}, at its real size")
    return replace(check, agrees=True)


def _placed(
    network: Network,
    fields: Sequence[Field],
    axis: int,
    laid: Sequence[Laid],
    rest: Sequence[int],
    thin: bool,
    engine: Engine,
) -> list[Laid]:
    """Every node that is needed at its real size, with as many classes as it has positions there."""
    needed = set(rest)
    for index in reversed(range(len(network.nodes))):
        if index in needed:
            needed.update(network.nodes[index].inputs)
    placed: list[Laid] = []
    arrays: dict[int, Array] = {}
    with np.errstate(all="ignore"):
        for index, node in enumerate(network.nodes):
            problem = next((placed[source].problem for source in node.inputs if placed[source].problem), "")
            if index not in needed or problem:
                placed.append(Laid(node.config, Place(), problem=problem or "not needed"))
                continue
            try:
                here, arrays[index] = _at_its_size(
                    network, index, fields[index], axis, laid[index], placed, arrays, thin, engine
                )
                placed.append(here)
            except Exception as error:  # whatever a reference raises, the layer is not probed, and says why
                placed.append(Laid(node.config, Place(), problem=f"{node.name}: {error or type(error).__name__}"))
    return placed


def _at_its_size(
    network: Network,
    index: int,
    field: Field,
    axis: int,
    laid: Laid,
    placed: Sequence[Laid],
    arrays: dict[int, Array],
    thin: bool,
    engine: Engine,
) -> tuple[Laid, Array]:
    node = network.nodes[index]
    if node.is_input:
        place = Place(axis + 1) if has(node, axis) else Place()
        array = blank(node, axis, node.shape[axis + 1] if has(node, axis) else 1, thin, 1)
        return Laid(node.config, place, place.positions(array, 1), array.size), array
    shapes = network.shapes_into(node)
    places = [placed[source].place for source in node.inputs]
    inputs, entered = entering(node.config, shapes, places, [arrays[source] for source in node.inputs], rows=1)
    config = laid.config
    if laid.problem:
        before = next((place.axis for place in places if place.axis is not None), None)
        config = form(node.config, before, entered.apart, shapes, thin, sized=True)
    spend_on(config, inputs)
    output = run(engine, config, inputs)
    if not output.size:
        raise Unprobed("nothing is left of the positions of this axis alone")
    place = Place(apart=True) if entered.apart else _carrying(field, axis)
    sizes = [x.shape[1:] for x in inputs]
    elements = max(output.size, config.macs(*sizes), config.elementwise_ops(*sizes))
    return Laid(config, place, place.positions(output, 1), elements), output


def _carrying(field: Field, axis: int) -> Place:
    """The tensor's axis that holds the positions: at one length nothing shows it, so it is the one that is claimed."""
    holding = [place for place, carried in enumerate(field.carries) if axis in carried]
    if len(holding) > 1:
        raise Unprobed("positions are on several axes")
    return Place(holding[0]) if holding else Place()


def _sees_all(network: Network, fields: Sequence[Field], placed: Sequence[Laid], index: int, axis: int) -> bool:
    """Whether a layer is one that looks at all positions of what enters it: by its own field, on an axis of its own.

    That those that are claimed arrive is measured (`_arrives`); what goes on from there is no local path.
    """
    node = network.nodes[index]
    if node.is_input:
        return False
    shapes = network.shapes_into(node)
    entering_fields = tuple(fields[source] for source in node.inputs)
    places = [placed[source].place.axis for source in node.inputs]
    if len(shapes) == 1:
        if places[0] is None:
            return False
        own = node.config.receptive_field((on_every_axis(len(shapes[0])),), shapes).overall[places[0]] is not None
        return own or (entering_fields[0].axes[axis] is not None and fields[index].axes[axis] is None)
    paths = node.config.paths(entering_fields, shapes)
    return any(
        axis < len(path.axes) and path.axes[axis] is None and before.axes[axis] is not None
        for path, before in zip(paths, entering_fields, strict=True)
    )


def _edges(network: Network, axis: int, placed: Sequence[Laid]) -> list[Array]:
    """For every node which of its positions look beyond the ends of the axis (1), or at copies there (2).

    So do those that look at positions which do.
    """
    edges = []
    for node, laid in zip(network.nodes, placed, strict=True):
        if node.is_input or laid.problem or laid.place.axis is None:
            edges.append(np.full(max(laid.growth, 1), int(not node.is_input)))
            continue
        entering = [edges[source] for source in node.inputs]
        entered = placed[node.inputs[0]].place.axis
        counts = [len(edge) for edge in entering]
        if len(counts) > 1 and sum(counts) == laid.growth > max(counts):
            edges.append(np.concatenate(entering))
            continue
        shapes = network.shapes_into(node)
        own = node.config.receptive_field(tuple(on_every_axis(len(shape)) for shape in shapes), shapes)
        local = own.axes[entered] if entered is not None else None
        beyond = np.ones(laid.growth, int)
        if local is not None and local != NOT_WORKED_OUT:
            at_ends = 2 if _copies(node.config) else 1
            for position, span in enumerate(intervals(local, laid.growth)):
                read = entering[0][max(span[0], 0) : span[1] + 1] if span else entering[0][:0]
                outside = span is not None and (span[0] < 0 or span[1] >= counts[0])
                beyond[position] = max(at_ends if outside else 0, read.max(initial=0))
        for of_other in entering[1:]:
            if len(of_other) == len(beyond):
                beyond = np.maximum(beyond, of_other)
        edges.append(beyond)
    return edges


def _of_one_size(check: AxisCheck, local: Axis, count: int, seen: Seen) -> AxisCheck:
    """Tokens beside others that see nothing: which of them is which is not claimed, only how much they see."""
    spans = [seen.span(0, position, NOWHERE) for position in range(seen.classes)]
    size = max((span[1] - span[0] + 1 for span in spans if span), default=0)
    claimed = measure(local, count)[0] or 0
    if size > claimed:
        return replace(check, agrees=False, reason=f"a size of {size} is seen, {claimed} claimed, at its real size")
    return replace(check, agrees=True if size == claimed else None, reason="tokens share an axis with others")


def _copies(config: Kind) -> bool:
    """Whether what stands beyond the ends are copies of positions, which no claim of an axis without ends speaks of."""
    if isinstance(config, Upsample):
        return True
    modes = (getattr(config, name, "zeros") for name in ("padding_mode", "mode") if hasattr(config, "padding"))
    return any(mode in ("reflect", "replicate", "circular") for mode in modes)


def _check(check: AxisCheck, field: Field, seen: Seen, edges: Sequence[int], every: int, thin: bool) -> AxisCheck:
    local, count = field.axes[check.axis], seen.classes
    check = replace(check, is_global=False)
    if local == NOT_WORKED_OUT:
        return replace(check, reason="the claim is not worked out")
    if local is not None and not thin and mixed(field, check.axis):
        return replace(check, reason="positions share an axis with others")
    if local is not None and mixed(field, check.axis) and field.arrivals[check.axis].count != count:
        return _of_one_size(check, local, field.arrivals[check.axis].count, seen)
    claimed = intervals(local, count) if local is not None else [None] * count
    inside, hidden = 0, False
    for position, (span, edge) in enumerate(zip(claimed, edges, strict=True)):
        probed = seen.span(0, position, NOWHERE)
        within = probed is None or edge == 2 or (span is not None and span[0] <= probed[0] and probed[1] <= span[1])
        hidden |= not edge and every == 1 and probed != span
        if not within or (hidden and thin):
            return replace(check, agrees=False, reason=f"{differs(position, probed, span)}, at its real size")
        inside += not edge
    if local is None:
        return replace(check, agrees=True)
    if hidden:
        return replace(check, reason="channels and other axes do not show all of it")
    if not inside or every > 1:
        reason = "at its real size every position looks beyond the ends" if not inside else "sampled at its real size"
        return replace(check, reason=f"{reason}; none sees more than is claimed")
    return replace(check, agrees=True, reason=f"at its real size; {count - inside} of {count} look beyond the ends")
