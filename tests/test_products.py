"""The ways back of convolutions against plain loops over whole numbers: every pair that met, met again once."""

from __future__ import annotations

import math
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from test_engine import Case, Cells, blocks_of, cases, cells, meetings, numbered, some

from convcalc.tensors.blocks import Crew
from convcalc.tensors.convolutions import gradient_of_filters, gradient_of_input
from convcalc.tensors.engine import Engine


def pairs_of(case: Case, transposed: bool) -> list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """The cells of x, of the weight and of the output that meet; of a convolution where the whole window is in x."""
    _, _, *sizes = case.x.shape
    kernel = case.weight.shape[2:]
    axes = list(zip(sizes, kernel, case.stride, case.dilation, strict=True))
    return [
        (x, weight, output)
        for x, weight, output in meetings(case, transposed)
        if transposed
        or all(o >= 0 and o * s + d * (k - 1) < size for o, (size, k, s, d) in zip(output[2:], axes, strict=True))
    ]


def came_back(case: Case, gradient: Any, transposed: bool) -> tuple[Cells, Cells, int]:
    """What x and the weight get, cell by cell, zero where nothing meets, and the multiplications for each."""
    of_x: Cells = dict.fromkeys(np.ndindex(case.x.shape), 0)
    of_weight: Cells = dict.fromkeys(np.ndindex(case.weight.shape), 0)
    pairs = pairs_of(case, transposed)
    for x, weight, output in pairs:
        of_x[x] += int(case.weight[weight]) * int(gradient[output])
        of_weight[weight] += int(case.x[x]) * int(gradient[output])
    return of_x, of_weight, len(pairs)


@some
@given(cases())
def test_both_gradients_of_a_convolution_are_what_a_loop_adds_up(case: Case) -> None:
    engine, kernel = case.engine, case.weight.shape[2:]
    gradient = numbered(engine.convolve(case.x, case.weight, case.stride, case.dilation, case.groups).shape) - 7
    gradient = gradient.astype(int).astype(case.x.dtype)
    of_x, of_weight, count = came_back(case, gradient, transposed=False)
    windows = engine.windows(case.x, kernel, case.stride, case.dilation)
    windows = np.moveaxis(windows, range(2 + len(kernel), windows.ndim), range(2, 2 + len(kernel)))
    products, crew, geometry = engine._products, engine._crew(gradient), (case.stride, case.dilation)
    before = products.multiplications
    with blocks_of(case.most):
        x = gradient_of_input(products, crew, gradient, case.weight, case.x.shape[2:], *geometry, case.groups)
        between = products.multiplications
        weight = gradient_of_filters(products, crew, gradient, windows, case.groups)
    assert (cells(x), x.shape, x.dtype) == (of_x, case.x.shape, case.x.dtype)
    assert (cells(weight), weight.shape, weight.dtype) == (of_weight, case.weight.shape, case.weight.dtype)
    assert (between - before, products.multiplications - between) == (count, count)


@some
@given(cases(transposed=True))
def test_both_gradients_of_a_transposed_convolution_are_what_a_loop_adds_up(case: Case) -> None:
    """By the engine's own primitives, as its adjoints call them, with roles exchanged."""
    engine, kernel = case.engine, case.weight.shape[2:]
    y = engine.convolve_transposed(case.x, case.weight, case.stride, case.dilation, case.groups)
    gradient = (numbered(y.shape) - 7).astype(int).astype(case.x.dtype)
    of_x, of_weight, count = came_back(case, gradient, transposed=True)
    windows = engine.windows(gradient, kernel, case.stride, case.dilation)
    windows = np.moveaxis(windows, range(2 + len(kernel), windows.ndim), range(2, 2 + len(kernel)))
    before = engine.multiplications
    with blocks_of(case.most):
        x = engine.convolve(gradient, case.weight, case.stride, case.dilation, case.groups)
        between = engine.multiplications
        weight = gradient_of_filters(engine._products, engine._crew(gradient), case.x, windows, case.groups)
    assert cells(x) == of_x
    assert cells(weight) == of_weight
    assert (between - before, engine.multiplications - between) == (count, count)


def test_positions_that_no_window_reaches_get_nothing() -> None:
    """A window of 2 by steps of 3 on eight positions: the third, the sixth and what is left over stay zero."""
    engine, weight = Engine(), np.ones((1, 1, 2))
    products, crew = engine._products, engine._threads
    x = gradient_of_input(products, crew, np.ones((1, 1, 2)), weight, (8,), (3,), (1,), 1)
    assert x.tolist() == [[[1, 1, 0, 1, 1, 0, 0, 0]]]
    assert engine.multiplications == 4


# Sizes of real layers, where blocks are cut as they are in earnest: against a product for each tap.


REAL = [
    pytest.param(1, 3, 16, (7, 7), 2, 1, (61, 63), id="stem"),
    pytest.param(1, 256, 64, (3, 3), 1, 1, (30, 30), id="wide"),
    pytest.param(4, 32, 32, (3, 3), 1, 1, (16, 16), id="batch"),
    pytest.param(2, 512, 256, (1, 1), 2, 1, (14, 14), id="pointwise, strided"),
    pytest.param(2, 64, 64, (3, 3), 1, 64, (40, 40), id="depthwise"),
    pytest.param(2, 300, 300, (3, 3), 2, 300, (15, 15), id="depthwise, strided, small maps"),
    pytest.param(1, 24, 48, (3, 3), 1, 24, (20, 20), id="depthwise, two filters a channel"),
    pytest.param(1, 64, 64, (3, 3), 1, 8, (20, 20), id="groups"),
    pytest.param(1, 8, 8, (3, 3, 3), 1, 1, (18, 18, 18), id="volumes"),
    pytest.param(1, 1, 4, (64,), 8, 1, (40_000,), id="sound"),
]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("batch", "in_channels", "out_channels", "kernel", "step", "groups", "sizes"), REAL)
def test_gradients_of_layers_of_real_size(
    threads: int,
    batch: int,
    in_channels: int,
    out_channels: int,
    kernel: tuple[int, ...],
    step: int,
    groups: int,
    sizes: tuple[int, ...],
) -> None:
    """Multiplied tap by tap in float64, by einsum, which nothing here is made of."""
    draw, engine = np.random.default_rng(0), Engine(threads)
    x: Any = draw.standard_normal((batch, in_channels, *sizes))
    weight: Any = draw.standard_normal((out_channels, in_channels // groups, *kernel))
    positions = [(size - k) // step + 1 for size, k in zip(sizes, kernel, strict=True)]
    gradient = draw.standard_normal((batch, out_channels, *positions))
    of_x: Any = np.zeros_like(x)
    of_weight: Any = np.zeros_like(weight)
    parted = gradient.reshape(batch, groups, -1, math.prod(positions))
    for tap in np.ndindex(*kernel):
        read = tuple(slice(t, t + step * (count - 1) + 1, step) for t, count in zip(tap, positions, strict=True))
        at = x[(..., *read)].reshape(batch, groups, -1, math.prod(positions))
        rows = weight[(..., *tap)].reshape(groups, out_channels // groups, -1)
        of_weight[(..., *tap)] = np.einsum("bgop,bgip->goi", parted, at, optimize=True).reshape(out_channels, -1)
        back = np.einsum("bgop,goi->bgip", parted, rows, optimize=True)
        of_x[(..., *read)] += back.reshape(batch, in_channels, *positions)
    products, crew, steps, ones = engine._products, engine._threads, (step,) * len(kernel), (1,) * len(kernel)
    got_x = gradient_of_input(products, crew, gradient, weight, sizes, steps, ones, groups)
    got_weight = gradient_of_filters(products, crew, gradient, engine._columns(x, kernel, steps, ones), groups)
    np.testing.assert_allclose(got_x, of_x, rtol=0, atol=1e-11 * np.abs(of_x).max())
    np.testing.assert_allclose(got_weight, of_weight, rtol=0, atol=1e-11 * np.abs(of_weight).max())
    assert engine.multiplications == 2 * gradient.size * weight[0].size


def test_what_does_not_come_back_is_not_counted() -> None:
    """Whatever the sizes say: here nobody does the work that is shared out."""
    engine, gradient, weight = Engine(2), numbered((2, 2, 4)), numbered((2, 1, 3))
    products, crew, windows = engine._products, engine._threads, numbered((2, 2, 3, 4))
    with blocks_of(1), patch.object(Crew, "share"):
        gradient_of_input(products, crew, gradient, weight, (6,), (1,), (1,), 2)
        gradient_of_input(products, crew, gradient, weight.reshape(2, 1, 3), (6,), (1,), (1,), 1)
        gradient_of_filters(products, crew, gradient, windows, 1)
    assert engine.multiplications == 0


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("size", [1, 3, 40])
def test_nan_passes_back_through_zero(groups: int, size: int) -> None:
    engine, gradient = Engine(), np.zeros((1, 4, size), np.float32)
    gradient[0, 3, size // 2] = np.nan
    products, crew, weight = engine._products, engine._threads, np.zeros((4, 4 // groups, 2), np.float32)
    x = gradient_of_input(products, crew, gradient, weight, (size + 1,), (1,), (1,), groups)
    assert np.isnan(x).sum() == 2 * (4 // groups)
    columns = engine._columns(np.zeros((1, 4, size + 1), np.float32), (2,), (1,), (1,))
    assert np.isnan(gradient_of_filters(products, crew, gradient, columns, groups)[3]).all()
