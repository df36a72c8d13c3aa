"""Long tables of intervals, held and combined as arrays: what a window sees is the least and the largest of its taps.

The least of n taps, `step` positions apart, is that of the first and of the last 2^k of them, where 2^k <= n < 2^(k+1);
of every position the least of 2^k is made of two of 2^(k-1). So a window costs log2 of its taps, not their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload

from convcalc import steps
from convcalc.arithmetic.number import TracedNumber

Span = tuple[int, int] | None
"""First and last input position seen; None where an output position sees no input at all."""

Array = Any
"""A NumPy array of int64: NumPy is imported when there is a long table."""

LONGEST_TABLE = 2**20
"""Positions that are held one by one, of which each takes 16 bytes."""
SHORT = 256
"""Positions up to which a table is a tuple."""
NOTHING = 2**62
"""Stands for the least of no positions."""
FURTHEST = 2**59
"""Positions and intervals that arrays hold lie within this; sums of two or three of them fit in 64 bits."""


class FieldTooIrregular(Exception):
    """The intervals of an axis repeat too late, or take too much work, to be written down."""


def spend(count: int) -> None:
    """Take so many steps; of a number whose formula is being made, as many as it comes to.

    Raises:
        FieldTooIrregular: there are not so many left.
    """
    if not steps.afford(count.value if isinstance(count, TracedNumber) else count):
        raise FieldTooIrregular


def checked_length(positions: int) -> int:
    """So many positions as a table may hold one by one.

    Raises:
        FieldTooIrregular: they are more.
    """
    if positions > LONGEST_TABLE:
        raise FieldTooIrregular
    return positions


def enclosing(spans: Iterable[Span]) -> Span:
    """From the first position of any interval to the last of any."""
    seen = [span for span in spans if span is not None]
    return (min(low for low, _ in seen), max(high for _, high in seen)) if seen else None


class Spans(Sequence[Span]):
    """A table of intervals; `lows` and `negated_highs` are `NOTHING` where a position sees nothing."""

    def __init__(self, lows: Array, negated_highs: Array) -> None:
        self.lows = lows
        self.negated_highs = negated_highs

    def __len__(self) -> int:
        return len(self.lows)

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Span]: ...
    def __getitem__(self, index: int | slice) -> Span | Sequence[Span]:
        if isinstance(index, slice):
            return Spans(self.lows[index], self.negated_highs[index])
        low, negated_high = int(self.lows[index]), int(self.negated_highs[index])
        return None if low == NOTHING else (low, -negated_high)

    def __iter__(self) -> Iterator[Span]:
        for start in range(0, len(self), SHORT):
            block = slice(start, start + SHORT)
            for low, negated_high in zip(self.lows[block].tolist(), self.negated_highs[block].tolist(), strict=True):
                yield None if low == NOTHING else (low, -negated_high)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spans) and (
            other is self
            or bool(
                len(other) == len(self)
                and (other.lows == self.lows).all()
                and (other.negated_highs == self.negated_highs).all()
            )
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def seeing(self) -> tuple[Array, Array]:
        """First and last positions, of the intervals that there are."""
        here = self.lows != NOTHING
        return self.lows[here], -self.negated_highs[here]

    @cached_property
    def largest(self) -> int:
        """The size of the largest interval, 0 if there is none."""
        lows, highs = self.seeing
        return int((highs - lows).max()) + 1 if len(lows) else 0

    @cached_property
    def start(self) -> int:
        """Where the first interval begins, 0 if there is none."""
        lows, _ = self.seeing
        return int(lows[0]) if len(lows) else 0

    @cached_property
    def ends(self) -> tuple[int, int]:
        """The sum of all first and last positions, and how many intervals there are."""
        lows, highs = self.seeing
        return sum(_total(ends) for ends in (lows, highs)), len(lows)


def shortened(spans: Sequence[Span]) -> Sequence[Span]:
    """A table of few positions as a tuple, so that equal ones are equal."""
    return tuple(spans) if len(spans) <= SHORT else spans


def of(spans: Sequence[Span]) -> Spans:
    """Any table as arrays.

    Raises:
        FieldTooIrregular: positions that are too far for them.
    """
    import numpy as np

    if isinstance(spans, Spans):
        return spans
    within(*(end for span in spans if span is not None for end in span))
    lows = np.array([NOTHING if span is None else span[0] for span in spans], np.int64)
    return Spans(lows, np.array([NOTHING if span is None else -span[1] for span in spans], np.int64))


def within(*numbers: int) -> None:
    """That arrays can hold the numbers.

    Raises:
        FieldTooIrregular: they cannot.
    """
    if max(map(abs, numbers), default=0) > FURTHEST:
        raise FieldTooIrregular


def moving(first: int, last: int, stride: int, count: int) -> Spans:
    """The interval from `first` to `last`, moved on by `stride` from each of `count` positions to the next."""
    import numpy as np

    within(first, last, first + stride * count, last + stride * count)
    moved = np.arange(count, dtype=np.int64) * stride
    return Spans(moved + first, -last - moved)


def end_to_end(tables: Sequence[Spans]) -> Spans:
    """The table of tensors that are laid end to end."""
    import numpy as np

    return Spans(
        np.concatenate([table.lows for table in tables]), np.concatenate([table.negated_highs for table in tables])
    )


def nothing(count: int) -> Spans:
    """A table of positions that see nothing."""
    import numpy as np

    empty = np.full(count, NOTHING, np.int64)
    return Spans(empty, empty)


def union(tables: Sequence[Spans]) -> Spans:
    """What each position sees in any of the tables, which are equally long."""
    import numpy as np

    lows = np.minimum.reduce([table.lows for table in tables])
    return Spans(lows, np.minimum.reduce([table.negated_highs for table in tables]))


def repeated(spans: Sequence[Span], advance: int, positions: range) -> Spans:
    """What a table without ends shows at positions, moved on by `advance` for every table before them."""
    import numpy as np

    table, taken = of(spans), np.arange(positions.start, positions.stop, positions.step, dtype=np.int64)
    furthest = max(abs(positions.start), abs(positions.stop)) // len(table) + 1
    within(positions.start, positions.stop, furthest * advance)
    return Spans(
        _taken(table.lows, taken, advance),
        _taken(table.negated_highs, taken, -advance),
    )


def hulls(spans: Sequence[Span], advance: int | None, reads: Sequence[range], moved: int, count: int) -> Spans:
    """What each of `count` positions sees that read a table: from the first of what they read to the last.

    Position o reads ``reads[o mod period]``, moved on by `moved` for every period before o; all of these take equal
    steps. `advance` as for `repeated`; None for a table with ends, beyond which nothing is seen.

    Raises:
        FieldTooIrregular: positions that are too far for arrays.
    """
    import numpy as np

    table, period = of(spans), len(reads)
    step = max((taps.step for taps in reads if length(taps) > 1), default=1)
    furthest = max(max(abs(taps.start), abs(taps.stop)) for taps in reads) + (count // period + 1) * moved + step
    within(furthest, step * len(table), (furthest // len(table) + 2) * (advance or 0))
    periods, phase = np.divmod(np.arange(count, dtype=np.int64), period)
    first = np.array([taps.start for taps in reads], np.int64)[phase] + periods * moved
    taps = np.array([length(taps) for taps in reads], np.int64)[phase]
    if advance is None:
        before = np.maximum(-(first // step), 0)
        taps = np.maximum(np.minimum(taps, -((first - len(table)) // step)) - before, 0)
        first += before * step
        last_first = first
    else:  # the first are among a cycle of them, the last among the last cycle
        cycle = np.minimum(taps, len(table) // math.gcd(len(table), step))
        last_first, taps = first + (taps - cycle) * step, cycle
    seen = Spans(
        _least(table.lows, advance, step, first, taps),
        _least(table.negated_highs, None if advance is None else -advance, step, last_first, taps),
    )
    lows, highs = seen.seeing
    within(int(lows.min(initial=0)), int(highs.max(initial=0)))
    return seen


def work(period: int, taps: int, count: int) -> int:
    """Steps that `hulls` takes for `count` positions that read so many taps each of a table."""
    return (period * max(taps, 1).bit_length() + 3 * count) // 20 + 100


def length(positions: range) -> int:
    """As `len`, of ranges of any length."""
    return max(-((positions.start - positions.stop) // positions.step), 0)


def _total(numbers: Array) -> int:
    """The sum, exactly, of numbers whose sum may take more than 64 bits."""
    halves = numbers >> 32, numbers & (2**32 - 1)
    high, low = (int(half.sum()) for half in halves)
    return (high << 32) + low


def _least(values: Array, advance: int | None, step: int, first: Array, taps: Array) -> Array:
    """The least of the values at `taps` positions, `step` apart, for each of the first ones."""
    import numpy as np

    least, most, width = np.full(len(first), NOTHING, np.int64), int(taps.max(initial=0)), 1
    while width <= most:
        here = (taps >= width) & (taps < 2 * width)
        if here.any():
            start, end = first[here], first[here] + (taps[here] - width) * step
            least[here] = np.minimum(_taken(values, start, advance), _taken(values, end, advance))
        width *= 2
        if width <= most:
            values = np.minimum(values, _shifted(values, width // 2 * step, advance))
    return least


def _taken(values: Array, positions: Array, advance: int | None) -> Array:
    import numpy as np

    if advance is None:
        return values[positions]
    periods, phase = np.divmod(positions, len(values))
    taken = values[phase]
    return np.where(taken == NOTHING, NOTHING, taken + periods * advance)


def _shifted(values: Array, shift: int, advance: int | None) -> Array:
    import numpy as np

    if advance is not None:
        return _taken(values, np.arange(shift, shift + len(values), dtype=np.int64), advance)
    return np.concatenate([values[shift:], np.full(min(shift, len(values)), NOTHING, np.int64)])
