"""The window on one axis, against windows that are really moved."""

from __future__ import annotations

import numpy as np
import pytest
from brute_force import paddings, starts, starts_ceil, transposed, windowed
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from convcalc.arithmetic.window import PADDING_WORDS, Window, windows

WINDOWS = st.builds(
    Window,
    kernel=st.integers(1, 7),
    stride=st.integers(1, 6),
    dilation=st.integers(1, 4),
    before=st.integers(0, 9),
    after=st.integers(0, 9),
)
SIZES = st.integers(1, 40)
MANY = settings(max_examples=300)


@MANY
@given(WINDOWS, SIZES, st.integers(1, 30))
def test_span_and_outputs_are_a_galois_pair(window: Window, size: int, outputs: int) -> None:
    padded = size + window.before + window.after
    assert (window.span(outputs) <= padded) == (outputs <= window.outputs(size))


@MANY
@given(WINDOWS, SIZES)
def test_outputs_are_the_places_a_window_takes(window: Window, size: int) -> None:
    places = starts(size, *astuple(window))
    assert max(window.outputs(size), 0) == len(places)
    covered = {tap for start in places for tap in range(start, start + window.dilation * (window.kernel - 1) + 1)}
    if places and window.stride <= window.extent:
        assert window.span(len(places)) == len(covered)


@MANY
@given(WINDOWS, SIZES)
def test_outputs_ceil_steps_as_pytorch_does(window: Window, size: int) -> None:
    assert max(window.outputs_ceil(size), 0) == len(starts_ceil(size, *astuple(window)))


@pytest.mark.parametrize(("window", "size", "outputs"), [
    (Window(1, 3), 3, 1),  # plain rounding up says 2
    (Window(3, 2), 112, 56),  # GoogLeNet's pools
    (Window(2, 2), 75, 38),  # SSD's pool3
    (Window(2, 2, before=1, after=1), 4, 3),
])  # fmt: skip
def test_outputs_ceil_of_published_pools(window: Window, size: int, outputs: int) -> None:
    assert window.outputs_ceil(size) == outputs


@MANY
@given(WINDOWS, SIZES, st.sampled_from(PADDING_WORDS))
def test_words_pad_as_trying_does(window: Window, size: int, word: str) -> None:
    (result,) = windows([size], [window.kernel], [window.stride], [window.dilation], word)
    assert (result.before, result.after) == paddings(size, window.kernel, window.stride, window.dilation, word)


@MANY
@given(WINDOWS, SIZES)
def test_causal_sees_nothing_that_comes_after(window: Window, size: int) -> None:
    (result,) = windows([size], [window.kernel], [window.stride], [window.dilation], "causal")
    assert result.outputs(size) == len(range(0, size, window.stride))
    assert all(max(result.sources(o)) == o * window.stride for o in range(5))


@MANY
@given(WINDOWS, st.integers(-20, 20))
def test_sources_are_the_cells_under_the_window(window: Window, position: int) -> None:
    geometry = (window.kernel, window.stride, window.dilation, window.before)
    assert list(window.sources(position)) == windowed(*geometry)(position)
    assert list(window.transposed_sources(position)) == transposed(*geometry)(position)


@given(WINDOWS, st.lists(SIZES, min_size=1, max_size=5), st.sampled_from(PADDING_WORDS))
def test_arrays_of_sizes_agree_with_ints(window: Window, sizes: list[int], word: str) -> None:
    def outputs(size: int) -> tuple[int, int]:
        (result,) = windows([size], [window.kernel], [window.stride], [window.dilation], word)
        return result.outputs(size), result.outputs_ceil(size)

    floor, ceil = outputs(np.array(sizes, np.int64))  # type: ignore[arg-type]  # see convcalc.arithmetic.number
    assert list(zip(np.asarray(floor).tolist(), np.asarray(ceil).tolist(), strict=True)) == [*map(outputs, sizes)]
