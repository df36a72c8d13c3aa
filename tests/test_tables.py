"""Tables of intervals and of positions read, against loops that look at every position of every window.

What is looked at here is what a window is said to read, a position at a time; how tables are combined is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
from conftest import MANY
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from work import counted

from convcalc import steps
from convcalc.analysis.analyze import analyze, receptive_fields
from convcalc.arithmetic import spans as tables
from convcalc.arithmetic.arrivals import Arrivals, Cover, arrives, covered, met, padded_reads, read, reads_all
from convcalc.arithmetic.axes import (
    NOT_WORKED_OUT,
    Axis,
    Phases,
    Reach,
    Resampling,
    intervals,
    through,
    through_transposed,
    through_window,
    union,
)
from convcalc.arithmetic.measuring import measure, measure_beside
from convcalc.arithmetic.resampling import Places, cells, interpolated, nearest
from convcalc.arithmetic.spans import Span
from convcalc.arithmetic.window import Window
from convcalc.language import Source, loads
from convcalc.layers._pools import _sees_nothing as holds_padding_alone

spans_ = st.one_of(st.none(), st.tuples(st.integers(-30, 60), st.integers(0, 20)).map(lambda s: (s[0], sum(s))))
phases = st.builds(
    lambda spans, advance, bounded: Phases(tuple(spans), 0 if bounded else advance, bounded),
    st.lists(spans_, min_size=1, max_size=12), st.integers(0, 25), st.booleans(),
)  # fmt: skip
windows = st.builds(
    Window, st.integers(1, 30), st.integers(1, 7), st.integers(1, 6), st.integers(0, 12), st.integers(0, 12)
)
resamplings = st.one_of(
    st.builds(lambda w, n: Resampling(1, w.stride, w.sources, n), windows, st.integers(1, 40)),
    st.builds(lambda w, n: Resampling(w.stride, 1, w.transposed_sources, n), windows, st.integers(1, 40)),
    st.builds(cells, st.integers(1, 30), st.integers(1, 30)),
    st.builds(
        nearest,
        st.builds(Places, st.integers(0, 9), st.integers(1, 9), st.integers(-9, 9)),
        st.integers(1, 40),
        st.sampled_from(["floor", "ceil", "round_prefer_ceil", "round_prefer_floor"]),
    ),
    st.builds(
        lambda top, bottom, shift, n, taps, stretched: interpolated(
            Places(top, bottom, shift), n, taps, (top, bottom) if stretched and top > bottom else (1, 1)
        ),
        st.integers(1, 9), st.integers(1, 9), st.integers(-9, 9), st.integers(1, 40), st.sampled_from([2, 4]),
        st.booleans(),
    ),
)  # fmt: skip


def seen(spans: Iterable[Span]) -> Span:
    """From the first of all that is seen to the last."""
    ends = [span for span in spans if span is not None]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None


def looked_at(part: Phases, resampling: Resampling, count: int) -> list[Span]:
    return [seen(part.at(place) for place in resampling.sources(position)) for position in range(count)]


@settings(max_examples=MANY or 80)
@given(phases, resamplings, st.integers(1, 60))
def test_arrays_hold_what_looking_at_every_tap_shows(part: Phases, resampling: Resampling, count: int) -> None:
    reads = [resampling.sources(position) for position in range(min(resampling.period, count))]
    advance = None if part.bounded else part.advance
    result = tables.hulls(part.spans, advance, reads, resampling.advance, count)
    assert list(result) == looked_at(part, resampling, count)
    assert [result[place] for place in range(count)] == list(result)
    assert result.largest == max((high - low + 1 for low, high in filter(None, result)), default=0)


@settings(max_examples=MANY or 80)
@given(phases, resamplings)
def test_a_table_behind_a_resampling_shows_what_looking_shows(part: Phases, resampling: Resampling) -> None:
    axis = through((part,), resampling)
    count = resampling.outputs if part.bounded else 3 * resampling.period * part.period
    assert intervals(axis, count) == looked_at(part, resampling, count)


@pytest.mark.parametrize("count", [tables.SHORT, tables.SHORT + 1, 900])
def test_long_tables_and_short_ones_show_the_same(count: int) -> None:
    """A table on either side of the length from which on arrays are used, through windows on either side of it."""
    part = Phases(tuple((place * 3 % 17, place * 3 % 17 + place % 5) for place in range(count)), 0, bounded=True)
    for window in (Window(3, 1, 1, 1), Window(2, 2, 5, 3), Window(200, 1, 1, 100), Window(4, 3, 400, 900)):
        outputs = count // window.stride
        step = Resampling(1, window.stride, window.sources, outputs)
        assert intervals(through_window((part,), window, outputs), outputs) == looked_at(part, step, outputs)
        step = Resampling(window.stride, 1, window.transposed_sources, count)
        assert intervals(through_transposed((part,), window, count), count) == looked_at(part, step, count)


@settings(max_examples=MANY or 80)
@given(st.lists(phases, min_size=1, max_size=3), st.integers(1, 300))
def test_where_paths_meet_the_measures_are_those_of_all_positions(parts: list[Phases], outputs: int) -> None:
    axis = union([(part,) for part in parts], outputs)
    spans = [seen(part.at(position) for part in parts) for position in range(outputs)]
    assert intervals(axis, outputs) == spans
    ends = [span for span in spans if span is not None]
    size, _, start = measure(axis, outputs)
    if len(parts) > 1 or outputs >= parts[0].period:
        assert (size, start) == (max((high - low + 1 for low, high in ends), default=0), ends[0][0] if ends else 0)


axes = st.one_of(
    st.builds(Reach, st.integers(1, 30), st.integers(0, 9), st.integers(-40, 40)), phases.map(lambda part: (part,))
)


@settings(max_examples=MANY or 80)
@given(axes, st.integers(0, 50), st.integers(0, 50), st.integers(1, 40), st.integers(0, 40))
def test_beside_a_span_the_measures_are_those_of_all_positions(
    axis: Axis, first: int, other: int, outputs: int, further: int
) -> None:
    span = min(first, other), max(first, other)
    last = span[1] + further
    assume(span != (0, last))
    together = [seen((local, span)) or span for local in intervals(axis, outputs)]
    clipped = [(max(low, 0), min(high, last)) for low, high in together]
    size, _, start = measure_beside(axis, span, last, outputs)
    assert (size, start) == (max(high - low + 1 for low, high in clipped), clipped[0][0])


@settings(max_examples=MANY or 80)
@given(
    windows, st.sampled_from(["sources", "transposed_sources", "circular", "reflect", "replicate"]),
    st.integers(1, 40), st.integers(1, 40), st.integers(0, 39), st.integers(1, 5), st.integers(1, 40),
)  # fmt: skip
def test_what_arrives_is_what_looking_at_every_tap_shows(
    window: Window, way: str, count: int, outputs: int, start: int, step: int, taken: int
) -> None:
    """Places cut out of what a window leaves, followed back through it."""
    if way.endswith("sources"):
        sources = getattr(window, way)
    else:
        assume(max(window.before, window.extent + window.stride * outputs) < count + count - 1)
        (sources,) = padded_reads(way, [window], [count])
    taken = min(taken, (outputs - 1 - start) // step + 1)
    assume(taken > 0)
    behind = read(Arrivals(count), sources, outputs)
    cut = read(behind, Window(1, step, before=-start).sources, taken)
    places = {place for output in range(start, start + step * taken, step) for place in sources(output)}
    on_axis = places & set(range(count))
    cover = covered(cut)
    assert cover is not None
    assert {place for place in range(count) if place in cover} == on_axis
    assert cover.span == ((min(on_axis), max(on_axis)) if on_axis else None)
    assert (cover.positions is None) == (len(on_axis) == count)
    everything = {place for output in range(outputs) for place in sources(output)} & set(range(count))
    assert reads_all(behind) == (len(everything) == count)
    assert arrives(behind) == bool(everything)


@settings(max_examples=MANY or 80)
@given(windows, st.integers(1, 60), st.integers(1, 60))
def test_windows_that_hold_padding_alone_are_told(window: Window, size: int, outputs: int) -> None:
    alone = [not set(window.sources(position)) & set(range(size)) for position in range(outputs)]
    assert holds_padding_alone(window, size, outputs) == any(alone)


covers = st.builds(
    lambda start, step, taken, more: frozenset([*range(start, start + step * taken, step), *more]),
    st.integers(0, 9), st.integers(1, 4), st.integers(0, 6), st.lists(st.integers(0, 30), max_size=3),
)  # fmt: skip


def _all_of(places: list[int], output: int) -> list[int]:
    return places


@settings(max_examples=MANY or 80)
@given(st.lists(covers, min_size=2, max_size=4))
def test_covers_that_meet_hold_the_positions_of_all(sets: list[frozenset[int]]) -> None:
    """Each set of places is read by a tensor of its own, and these meet."""
    leaf = Arrivals(31)
    paths = [read(leaf, partial(_all_of, sorted(places)), 1) for places in sets]
    together = covered(met(paths))
    joined = Cover(31, range(0))
    for path in paths:
        cover = covered(path)
        assert cover is not None
        joined = joined | cover
    assert together == joined
    assert together is not None
    assert {place for place in range(31) if place in together} == set().union(*sets)


def in_a_run(text: str) -> tuple[list[Any], int]:
    """What positions see after every layer, and the calls it took, in a run that counts its steps."""
    network = loads(Source("bounds.yaml", text))
    with counted() as work, steps.run():
        report = analyze(network)
    return [row.receptive_field.size for row in report.layers], work.calls


CONV = "  - conv: {out_channels: 1, kernel_size: %d, padding: %d}\n"


def test_a_net_behind_tensors_laid_end_to_end_is_worked_out_in_full() -> None:
    """Where the seam of both is seen, so is the beginning of the one and the end of the other: all of the input."""
    sizes, calls = in_a_run(
        "input: [8, 30000]\nlayers:\n  - concat: {axis: 1, from: [input, input]}\n" + CONV % (3, 1) * 30
    )
    assert sizes == [(1,)] + [(30000,)] * 30
    assert calls < 100_000


def test_windows_as_long_as_the_table_are_worked_out_in_full() -> None:
    sizes, calls = in_a_run(
        "input: [1, 32000]\nlayers:\n  - concat: {axis: 1, branches: [[], []]}\n" + CONV % (60001, 30000) * 3
    )
    assert sizes == [(1,)] + [(32000,)] * 3
    assert calls < 20_000


IRREGULAR = "  - upsample: {size: %d, mode: linear}\n"


@pytest.mark.parametrize(("text", "known"), [
    # gaps as long as windows: a window holds one position that is written to, or none
    (("input: [1, 4]\nlayers:\n  - conv_transpose: {out_channels: 1, kernel_size: 1, stride: 9999}\n"
     "  - max_pool: {kernel_size: 9999, stride: 1}\n"), [(1,), (1,)]),
    # a ratio that repeats after hundreds of millions of positions is beyond what may be written down
    ("input: [1, 2000000000]\nlayers:\n" + IRREGULAR % 1999999999, [None]),
    # doubled thirty times and cut apart: 2^30 parts
    ("input: [1, 1]\nlayers:\n" + "  - concat: {axis: 1, from: [previous, previous]}\n" * 30
     + "  - slice: {axis: 1, step: 3}\n  - instance_norm\n", None),
    # where paths of different rates meet again and again
    ("input: [1, 4096]\nlayers:\n  - upsample: {name: a, size: 4095, mode: linear, align_corners: true}\n"
     + IRREGULAR % 4091 + IRREGULAR % 4095 + "  - add: {from: [previous, a]}\n" * 40, None),
    # a norm that looks at most of an axis, and a window that at its ends looks one position further
    (("input: [1, 2000000000]\nlayers:\n  - crop: {size: 1900000000}\n  - instance_norm\n"
     "  - conv: {out_channels: 1, kernel_size: 3, padding: 1}\n  - instance_norm\n"),
     [(1,), (1900000000,), (1900000001,), (1900000001,)]),
    # strides whose product no number of a table may reach
    (("input: [1, 7]\nlayers:\n  - conv_transpose: {out_channels: 2, kernel_size: 3, stride: 2}\n"
     "  - max_pool: {kernel_size: 2147483647, stride: 2147483647, padding: same, repeat: 500}\n"), None),
])  # fmt: skip
def test_fields_end_whatever_the_numbers(text: str, known: list[object] | None) -> None:
    sizes, calls = in_a_run(text)
    assert known is None or sizes == known
    assert calls < 3_000_000
    assert all(size is None or max(size) <= 2**62 for size in sizes)


def test_what_takes_too_many_steps_is_unknown_and_leaves_steps_for_the_rest() -> None:
    text = "input: [1, 30000]\nlayers:\n  - concat: {axis: 1, from: [input, input]}\n" + CONV % (3, 1) * 30
    network = loads(Source("bounds.yaml", text))
    with steps.run(most=100_000):
        fields, _ = receptive_fields(network)
        assert steps.afford(49_000)
    known = [field.axes[0] != NOT_WORKED_OUT for field in fields]
    assert known == sorted(known, reverse=True)
    assert True in known
    assert False in known
