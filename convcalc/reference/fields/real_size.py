"""Receptive fields probed at the real size, for what cannot be lengthened.

All input positions are tagged. An output position that looks beyond the ends of the axis, or whose sources do, may see
less than is claimed of an unbounded axis; what it sees must still be within the claim. The others must see
exactly what is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from convcalc.reference.fields.field_checks import UNAFFORDABLE, AxisCheck, differs, mixed, with_arriving
from convcalc.reference.fields.stretch import Laid, Length, Place, Probing, lay
from convcalc.reference.fields.tags import NOWHERE, Arrived, Follow, Seen, Tags
from convcalc.tensors.engine import Array

MOST_WORK = 150_000_000
"""Elements worked on for one axis, all layers and tags together; fewer positions are tagged where it would be more."""
MOST_WIDE_WORK = 15_000_000
"""The same with all channels and axes."""
ELEMENTS_A_STEP = 150
LONGEST_AXIS = 2**14
"""Positions of an axis that is probed at its real size."""


def at_real_size(probing: Probing, laid: Sequence[Laid], checks: Mapping[int, AxisCheck]) -> dict[int, AxisCheck]:
    """The checks of all nodes: `checks` has those that were lengthened, and `laid` says why the others were not.

    Those that are claimed to see all positions of a tensor are seen here too: whether each position of the input
    arrives.
    """
    network, fields, axis, size = probing.network, probing.fields, probing.axis, max(probing.sizes)
    overall = {index: cover for index, field in enumerate(fields) for cover in field.overall[axis : axis + 1] if cover}
    needed = sorted({*range(len(fields))} - {*checks} | {*overall})
    if not needed:
        return dict(checks)
    if size > LONGEST_AXIS:
        reasons = {index: f"not probed: {laid[index].problem}; too long at its size" for index in needed}
        return _with_left_out(checks, axis, reasons)
    placed = _placed(probing, laid, needed)
    work = sum(layer.elements for layer in placed if not layer.problem)
    every = max(1, -(-size * work // (MOST_WORK if probing.thin else MOST_WIDE_WORK)))
    if not steps.afford(size // every * work // ELEMENTS_A_STEP):
        return _with_left_out(checks, axis, dict.fromkeys(needed, UNAFFORDABLE))
    ends = {end for cover in overall.values() for end in _around(cover) if end in range(size)} if every > 1 else set()
    tags = Tags([sorted({*range(0, size, every), *ends})])
    follow = Follow(probing, placed, Length(period=size, base=min(probing.sizes), margin=0))
    follow.spreads = cache(lambda index: _sees_all(probing, placed, index))
    follow.summed = cache(lambda index, number: number in _summed(probing, index))
    for index, cover in overall.items():
        claimed = np.array([position in cover for position in tags.positions])
        follow.arrived[index] = Arrived(claimed, max(placed[index].growth, 1))
    edges, completed, reasons = _edges(network, placed), dict(checks), {}
    for index, seen in enumerate(follow.run(tags)):
        if index not in needed:
            continue
        if seen is None or seen.problem:
            source = next((s for s in network.nodes[index].inputs if placed[s].problem), index)
            reasons[index] = f"not probed: {seen.problem if seen else placed[source].problem or laid[index].problem}"
            continue
        if index not in checks:
            completed[index] = _check(axis, fields[index], seen, edges[index], every, probing.thin)
        if index in overall:
            arrived = _arrives(fields[index], axis, overall[index], follow.arrived[index], tags, edges[index])
            completed[index] = with_arriving(completed[index], arrived)
    return _with_left_out(completed, axis, reasons)


def _with_left_out(checks: Mapping[int, AxisCheck], axis: int, reasons: Mapping[int, str]) -> dict[int, AxisCheck]:
    """The checks, and why that of some nodes, or whether everything arrives there, is left out."""
    left_out = {index: AxisCheck(axis=axis, agrees=None, reason=reason) for index, reason in reasons.items()}
    return {**checks, **{index: with_arriving(checks.get(index, check), check) for index, check in left_out.items()}}


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


def _placed(probing: Probing, laid: Sequence[Laid], rest: Sequence[int]) -> list[Laid]:
    """Every node that is needed at its real size, with as many classes as it has positions there."""
    nodes, needed = probing.network.nodes, set(rest)
    for index in reversed(range(len(nodes))):
        if index in needed:
            needed.update(nodes[index].inputs)

    def placed(index: int, entered: Place, outputs: list[Array]) -> tuple[Place, int]:
        (output,) = outputs
        if not output.size:
            raise Unprobed("nothing is left of the positions of this axis alone")
        place = Place(apart=True) if entered.apart else _carrying(probing.fields[index], probing.axis)
        count = place.positions(output, 1)
        alone = place.axis is not None and not mixed(probing.fields[index], probing.axis)
        if alone and count != nodes[index].shape[place.axis or 0]:
            raise Unprobed("the form in which it can be lengthened leaves other positions at its real size")
        return place, count

    return lay(probing, [0], dict.fromkeys({*range(len(nodes))} - needed, "not needed"), placed, laid)


def _carrying(field: Field, axis: int) -> Place:
    """The tensor's axis that holds the positions: at one length nothing shows it, so it is the one that is claimed."""
    holding = [place for place, carried in enumerate(field.carries) if axis in carried]
    if len(holding) > 1:
        raise Unprobed("positions are on several axes")
    return Place(holding[0]) if holding else Place()


def _sees_all(probing: Probing, placed: Sequence[Laid], index: int) -> bool:
    """Whether a layer is one that looks at all positions of what enters it: by its own field, on an axis of its own.

    That those that are claimed arrive is measured (`_arrives`); what goes on from there is no local path.
    """
    node, fields, axis = probing.network.nodes[index], probing.fields, probing.axis
    if node.is_input:
        return False
    shapes, entering = probing.network.shapes_into(node), tuple(fields[source] for source in node.inputs)
    if len(shapes) == 1:
        place = placed[node.inputs[0]].place.axis
        if place is None:
            return False
        own = node.config.receptive_field((on_every_axis(len(shapes[0])),), shapes).overall[place] is not None
        return own or (entering[0].axes[axis] is not None and fields[index].axes[axis] is None)
    return bool(_summed(probing, index))


def _summed(probing: Probing, index: int) -> set[int]:
    """Which of several inputs of a layer have no local path behind it, as it looks at all of their positions."""
    node, axis = probing.network.nodes[index], probing.axis
    if len(node.inputs) < 2:
        return set()
    entering = tuple(probing.fields[source] for source in node.inputs)
    paths = node.config.paths(entering, probing.network.shapes_into(node))
    return {
        number
        for number, (path, before) in enumerate(zip(paths, entering, strict=True))
        if axis < len(path.axes) and path.axes[axis] is None and before.axes[axis] is not None
    }


def _edges(network: Network, placed: Sequence[Laid]) -> list[Array]:
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


def _check(axis: int, field: Field, seen: Seen, edges: Sequence[int], every: int, thin: bool) -> AxisCheck:
    if axis >= len(field.axes):
        return AxisCheck(axis=axis, agrees=None)
    local, count, check = field.axes[axis], seen.classes, AxisCheck(axis=axis, agrees=None, is_global=False)
    if local == NOT_WORKED_OUT:
        return replace(check, reason="the claim is not worked out")
    if local is not None and not thin and mixed(field, axis):
        return replace(check, reason="positions share an axis with others")
    if local is not None and mixed(field, axis) and field.arrivals[axis].count != count:
        return _of_one_size(check, local, field.arrivals[axis].count, seen)
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
