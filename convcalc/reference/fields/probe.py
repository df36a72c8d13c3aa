"""Receptive fields probed: which input positions reach an output position, seen on tensors and held against the claim.

A NaN at one input position is passed on by everything that reads it. What runs are the kinds' own `reference`
functions, on one axis of the input at a time, lengthened so that the positions looked at see no ends of it. As what is
seen repeats with the strides, the positions of one period are tagged, at three places, and every
interval follows. Of the claims only periods and sizes are used, to choose how long the axis must be; where they are
wrong, what is seen is not what they say.

Layers whose places depend on the size of the axis itself (tensors laid end to end on it, aligned corners, paths of
different rates that meet) are probed at the real size, where the ends are seen too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from msgspec.structs import replace

from convcalc import steps
from convcalc.analysis.analyze import receptive_fields
from convcalc.arithmetic.arrivals import arrives
from convcalc.arithmetic.axes import NOT_WORKED_OUT, Axis, Reach, intervals
from convcalc.arithmetic.field import Field, on_every_axis
from convcalc.arithmetic.measuring import Measure, measure
from convcalc.arithmetic.spans import Span
from convcalc.network import Network
from convcalc.reference.fields.field_checks import (
    UNAFFORDABLE,
    AxisCheck,
    FieldCheck,
    differs,
    mixed,
    together,
)
from convcalc.reference.fields.real_size import ELEMENTS_A_STEP, MOST_WIDE_WORK, MOST_WORK, at_real_size
from convcalc.reference.fields.stretch import Laid, Length, Place, Probing, laid_out, parts, stretched
from convcalc.reference.fields.tags import NOWHERE, Follow, Seen, Tags

_FEWEST_TAGS = 8
"""Positions that are tagged at least, or the axis is not probed."""
_MOST_POSITIONS = 65_536
"""Output positions of a node whose intervals are compared."""

Progress = Callable[[int, int], None]
"""Told how many of how many steps are done."""


def probe(network: Network, *, thin: bool = True, progress: Progress | None = None) -> list[FieldCheck]:
    """The fields of all nodes, inputs among them, held against what tensors show.

    `thin` runs every layer with one channel, and one position on all axes but the one that is probed; without it all
    channels and axes are there, which is for small networks.
    """
    fields, _ = receptive_fields(network)
    axes = max((len(node.shape) - 1 for node in network.inputs), default=0)
    count = _affordable(network, axes)
    if count < len(network.nodes):
        start = replace(network, nodes=network.nodes[:count], outputs=(count - 1,), groups=())
        probed = _probed(start, fields[:count], axes, thin, progress) if count > network.input_count else []
        left_out = [AxisCheck(axis=axis, agrees=None, reason=UNAFFORDABLE) for axis in range(axes)]
        rest = zip(network.nodes[len(probed) :], fields[len(probed) :], strict=True)
        return [*probed, *(together(node, field, left_out) for node, field in rest)]
    return _probed(network, fields, axes, thin, progress)


_NODE_STEPS = 1_200
"""Steps that a node takes for each axis, beside those for the elements that tags are followed through."""
_MOST_CLASSES = 4_000_000
"""Intervals of all nodes together that are kept of what was seen."""


def _affordable(network: Network, axes: int) -> int:
    """How many of the nodes, from the first, the steps of the run last for."""
    with steps.part(0.7):  # the others are for the tags
        for count in range(len(network.nodes)):
            if not steps.afford(_NODE_STEPS * axes):
                return count
    return len(network.nodes)


def _probed(
    network: Network, fields: Sequence[Field], axes: int, thin: bool, progress: Progress | None
) -> list[FieldCheck]:
    done, total = itertools.count(1), axes * len(network.nodes)

    def tell() -> None:
        if progress is not None:
            progress(min(next(done), total), total)

    on_axes = [_checks(Probing(network, fields, axis, thin), tell) for axis in range(axes)]
    checks = zip(*on_axes, strict=True) if on_axes else [()] * len(fields)
    return [together(*of_node) for of_node in zip(network.nodes, fields, checks, strict=True)]


def _checks(probing: Probing, tell: Callable[[], None]) -> list[AxisCheck]:
    """One axis for all nodes; what does not show with all channels and axes is probed without them."""
    checks = _on_axis(probing, tell)
    if probing.thin and any(check.agrees is False for check in checks):
        rest = _bound_to_other_axes(probing.network, probing.fields)
        full = _on_axis(replace(probing, thin=False)) if rest else checks
        both = enumerate(zip(checks, full, strict=True))
        return [of_all if index in rest else check for index, (check, of_all) in both]
    if probing.thin or all(check.agrees is not None for check in checks):
        return checks
    return [
        check if check.agrees is not None else replace(alone, reason=f"{alone.reason or check.reason}; {_ALONE}")
        for check, alone in zip(checks, _on_axis(replace(probing, thin=True)), strict=True)
    ]


def _bound_to_other_axes(network: Network, fields: Sequence[Field]) -> set[int]:
    """The nodes that are others where all axes but one have one position.

    They are those behind layers that read along an axis on which tensors are laid end to end, or axes were merged, and
    those at which nothing arrives, as windows on some axis read padding alone.
    """
    bound: set[int] = set()
    for index, node in enumerate(network.nodes):
        if node.is_input:
            continue
        entering = [fields[source] for source in node.inputs]
        places = {field.laid for field in entering if field.parts}
        places |= {place for field in entering for place, axes in enumerate(field.carries) if len(axes) > 1}
        own: Sequence[Axis | None] = ()
        if places and len(entering) == 1:
            shape = network.nodes[node.inputs[0]].shape
            own = node.config.receptive_field((on_every_axis(len(shape)),), (shape,)).axes
        moved = any(own[place] != Reach() for place in places if own)
        if moved or not bound.isdisjoint(node.inputs) or not all(map(arrives, fields[index].arrivals)):
            bound.add(index)
    return bound


_ALONE = "probed with one channel and this axis alone"


def _on_axis(probing: Probing, tell: Callable[[], None] = lambda: None) -> list[AxisCheck]:
    """The checks of all nodes on the axis: lengthened where it can be, and at its real size."""
    length, bound = stretched(probing)
    with np.errstate(all="ignore"):
        laid = laid_out(probing, length, bound)
        checks = _lengthened(probing, laid, length, tell)
        if not any(check.reason == UNAFFORDABLE for check in checks.values()):
            checks = at_real_size(probing, laid, checks)
    return [checks[index] for index in range(len(laid))]


def _lengthened(probing: Probing, laid: list[Laid], length: Length, tell: Callable[[], None]) -> dict[int, AxisCheck]:
    work = 2 * sum(layer.elements for layer in laid if not layer.problem)
    most_work, problem = MOST_WORK if probing.thin else MOST_WIDE_WORK, ""
    for share in (1, 4, 16):  # fewer tags where the steps do not last for more
        tags = _tags(probing, length, most_work // share // max(work, 1))
        if tags is None:
            problem = f"each tag on a lengthened axis would take {work:,} elements"
            break
        if _is_affordable(work, tags, laid):
            break
    else:
        problem = UNAFFORDABLE
    if tags is None and probing.thin:
        laid[:] = [layer if layer.problem else layer._replace(problem=problem) for layer in laid]
        return {}
    if tags is None or problem:
        return dict.fromkeys(range(len(laid)), AxisCheck(axis=probing.axis, agrees=None, reason=problem))
    return {
        index: _check(probing, index, laid[index].place, seen, tags, length.period)
        for index, seen in enumerate(Follow(probing, laid, length).run(tags, tell))
        if seen is not None
    }


def _is_affordable(work: int, tags: Tags, laid: Sequence[Laid]) -> bool:
    """Whether the steps of the run last for following the tags, and memory for what is seen of them."""
    kept = tags.sets * sum(max(layer.growth, 1) for layer in laid)
    return kept <= _MOST_CLASSES and steps.afford(work * len(tags.positions) // ELEMENTS_A_STEP)


def _tags(probing: Probing, length: Length, affordable: int) -> Tags | None:
    """The positions of a period at the start, in the middle and at the end of the real axis; else fewer."""
    period, last = length.period, length.base - length.period
    starts = [last // 2, 0, last]
    if 3 * period <= affordable:
        return Tags([range(start, start + period) for start in starts])
    if affordable < _FEWEST_TAGS:
        return None
    far = [start + place for start in starts[1:] for place in range(0, period, -(-period // 2))]
    if period + len(far) <= affordable:
        return Tags([range(starts[0], starts[0] + period)], far)
    ends = {end % period for span in _claimed_spans(probing) for end in span}
    evenly = range(0, period, -(-period // (affordable // 2)))
    residues = sorted({*sorted(ends)[: affordable // 2], *evenly})
    return Tags([[starts[0] + (place - starts[0]) % period for place in residues]], far)


def _claimed_spans(probing: Probing) -> Iterator[tuple[int, int]]:
    for field in probing.fields:
        for local in field.axes[probing.axis : probing.axis + 1]:
            yield from (span for part in parts(local or ()) for span in part.spans[:8] if span)


def _check(probing: Probing, index: int, place: Place, seen: Seen, tags: Tags, period: int) -> AxisCheck:
    node, field, axis = probing.network.nodes[index], probing.fields[index], probing.axis
    if seen.problem or axis >= len(field.axes):
        return AxisCheck(axis=axis, agrees=None, reason=seen.problem)
    local = field.axes[axis]
    check = AxisCheck(axis=axis, agrees=None, is_global=False)
    overall, reason = field.overall[axis], ""
    if seen.globally and overall is None:
        reason = "positions are reached by a path from all positions, which is not claimed"
    elif overall is not None and overall.positions is None and not seen.globally:
        reason = "a path from all positions is claimed, and none is seen"
    if local == NOT_WORKED_OUT:
        return replace(check, reason="the claim is not worked out")
    if local is not None and not probing.thin and mixed(field, axis):
        return replace(check, reason="positions share an axis with others")
    tagged = set(tags.positions[tags.members == 0] % period)
    difference = _difference(local, seen, period, None if len(tagged) == period else tagged)
    if difference and not probing.thin and not _difference(local, seen, period, set()):
        return replace(check, reason="channels and other axes do not show all of it")
    reason = reason or difference
    if len(tagged) < period and not probing.thin:
        return replace(check, reason="too many positions to tag")
    if len(tagged) < period:
        sampled = f"{len(tags.positions)} of {period:,} positions tagged"
        return replace(check, agrees=not reason, reason=reason or sampled)
    if local is not None:
        outputs = node.shape[place.axis] if place.axis is not None else 1
        check = replace(check, **_measures(seen, period, outputs))
        reason = reason or _wrong_measures(check, measure(local, outputs))
    return replace(check, agrees=not reason, reason=reason)


def _difference(local: Axis | None, seen: Seen, period: int, tagged: set[int] | None) -> str:
    """The first position that sees another interval than is claimed; `tagged`: the places of a period that are."""
    repeats = math.lcm(seen.classes, *(part.period for part in parts(local or ())))
    count = min(repeats + seen.classes, _MOST_POSITIONS)
    claimed = intervals(local, count) if local is not None else [None] * count
    for number in range(len(seen.low)):
        for position, span in enumerate(claimed):
            probed = seen.span(number, position, period)
            if probed != span and (tagged is None or not _within(probed, span, tagged, period)):
                return differs(position, probed, span)
    return ""


def _within(probed: Span, claimed: Span, tagged: set[int], period: int) -> bool:
    """Whether nothing beyond the claim was seen, and its ends were, where they are tagged."""
    if claimed is None:
        return probed is None
    low, high = probed or (NOWHERE, -NOWHERE)
    first, last = (end % period in tagged for end in claimed)
    return (low == claimed[0] if first else low >= claimed[0]) and (high == claimed[1] if last else high <= claimed[1])


def _measures(seen: Seen, period: int, outputs: int) -> dict[str, Any]:
    """Size, stride and start of what was seen, as `measure` says them of what is claimed."""
    spans = [seen.span(0, position, period) for position in range(seen.classes)]
    real = [span for span in spans[:outputs] if span is not None]
    stride: Any = Fraction(period, seen.classes)
    stride = int(stride) if stride.denominator == 1 else stride
    first = spans[0]
    regular = spans == [
        first and (first[0] + position * stride, first[1] + position * stride) for position in range(len(spans))
    ]
    return {
        "size": max((high - low + 1 for low, high in real), default=0),
        "stride": stride,
        "start": real[0][0] if real else 0,
        "intervals": () if regular else tuple(spans),
    }


def _wrong_measures(check: AxisCheck, claimed: Measure) -> str:
    size, stride, start = claimed
    expected = {"size": size, "stride": stride and Fraction(*stride), "start": start}
    for name, value in expected.items():
        seen = getattr(check, name)
        if value != seen:
            return f"{name} seen {seen}, claimed {value}"
    return ""
