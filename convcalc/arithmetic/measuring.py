"""Size, stride, start and centre of an axis of a receptive field."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce

from convcalc.arithmetic import spans as tables
from convcalc.arithmetic.axes import NOT_WORKED_OUT, Axis, Paths, Reach, seen_by
from convcalc.arithmetic.spans import FieldTooIrregular, Span, enclosing, spend

Measure = tuple[int | None, tuple[int, int] | None, int | None]


def measure(axis: Axis, outputs: int) -> Measure:
    """Size, stride (as numerator and denominator) and start of an axis of `outputs` positions.

    The size is the largest over the positions, the start that of the first position which sees anything. Where
    paths of different rates meet, the stride is the largest of theirs; there is none where tensors are laid end to end.
    All are None for a field that is not worked out.
    """
    if isinstance(axis, Reach):
        return axis.size, (axis.stride, 1), axis.start
    if axis == NOT_WORKED_OUT:
        return None, None, None
    try:
        measures = [size_and_start(spans) for spans in _decisive(axis, outputs)]
    except FieldTooIrregular:
        return None, None, None
    bounded = any(part.bounded for part in axis)
    stride = None if bounded else reduce(_faster, (part.rate for part in axis))
    return max(size for size, _ in measures), stride, measures[0][1]


def _decisive(paths: Paths, outputs: int) -> Iterator[Sequence[Span]]:
    """Tables that hold the first interval and the largest of those that the positions see.

    Of positions a period apart the first or the last sees most: the first and last positions of each path move evenly,
    so that from the first of any to the last of any it is never less far at both ends than in between.
    """
    first = paths[0]
    if len(paths) == 1 and first.period <= outputs:
        yield first.spans
        return
    period = 0 if any(part.bounded for part in paths) else math.lcm(*(part.period for part in paths))
    if not 0 < period < outputs // 2:
        yield seen_by(paths, outputs)
        return
    yield seen_by(paths, period)
    yield seen_by(paths, period, outputs - period)


def size_and_start(spans: Sequence[Span]) -> tuple[int, int]:
    """The size of the largest interval, and the start of the first; 0 if there is none."""
    if isinstance(spans, tables.Spans):
        return spans.largest, spans.start
    seen = [span for span in spans if span is not None]
    return max((high - low + 1 for low, high in seen), default=0), seen[0][0] if seen else 0


def _faster(rate: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return other if other[0] * rate[1] > rate[0] * other[1] else rate


def measure_beside(axis: Axis | None, span: Span, last: int, outputs: int) -> Measure:
    """As `measure`, where every position sees `span` too: of the real axis, up to position `last`, as the span is."""
    if span is None or axis == NOT_WORKED_OUT:
        return (None, None, None) if axis is None else measure(axis, outputs)
    stride = None if axis is None else measure(axis, outputs)[1]
    if axis is None or span == (0, last):
        return span[1] - span[0] + 1, stride, span[0]
    try:
        beside = [_clipped(local, span, last) for local in _decisive_beside(axis, span, last, outputs)]
    except FieldTooIrregular:
        return None, None, None
    return max(high - low + 1 for low, high in beside), stride, beside[0][0]


def _clipped(local: Span, span: tuple[int, int], last: int) -> tuple[int, int]:
    low, high = enclosing((local, span)) or span
    return max(low, 0), min(high, last)


def _decisive_beside(axis: Axis, span: tuple[int, int], last: int, outputs: int) -> Sequence[Span]:
    """The first interval, and those among which is the one that reaches furthest beyond `span`.

    The ends of a regular axis move evenly but where they pass an end of the span or of the real axis.
    """
    if not isinstance(axis, Reach):
        spend(outputs)
        return seen_by(axis, outputs)
    places = {0, outputs - 1}
    for end, turns in ((axis.start, (0, span[0])), (axis.start + axis.size - 1, (span[1], last))):
        passes = [(turn - end) // max(axis.stride, 1) for turn in turns]
        places |= {min(max(place + step, 0), outputs - 1) for place in passes for step in (0, 1)}
    starts = [axis.start + axis.stride * place for place in sorted(places)]
    return [(start, start + axis.size - 1) for start in starts]


def centre(axis: Axis) -> tuple[object, ...]:
    """Stride and mean centre of the intervals: equal for two paths exactly when they look at the same places."""
    if isinstance(axis, Reach):
        return (axis.stride, 1), (2 * axis.start + axis.size - 1, 1)
    centres = []
    for part in axis:
        ends, seeing = _ends(part.spans)
        # Twice the mean over the period of centre(o) - rate·o, over the common denominator.
        top = part.period * ends - part.advance * (part.period - 1) * seeing
        bottom = part.period * max(seeing, 1)
        divisor = math.gcd(top, bottom)
        centres += [part.rate, (top // divisor, bottom // divisor)]
    return tuple(centres)


def _ends(spans: Sequence[Span]) -> tuple[int, int]:
    """The sum of all first and last positions, and how many intervals there are."""
    if isinstance(spans, tables.Spans):
        return spans.ends
    ends = [span[0] + span[1] for span in spans if span is not None]
    return sum(ends), len(ends)
