"""The engine's primitives against plain loops over whole numbers, which any order of additions adds up exactly."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from conftest import MANY
from hypothesis import given, settings
from hypothesis import strategies as st

from convcalc.tensors import blocks as cutting
from convcalc.tensors import elements, products
from convcalc.tensors.blocks import Crew, blocks
from convcalc.tensors.engine import Engine, Misfit
from convcalc.tensors.memory import WORTH_KEEPING_BYTES, Memory

some = settings(max_examples=MANY or 80)
Cells = dict[tuple[int, ...], int]


class Case(NamedTuple):
    """A convolution, or a transposed one: x and the weight hold whole numbers."""

    x: Any
    weight: Any
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    engine: Engine
    most: int


@st.composite
def cases(draw: st.DrawFn, transposed: bool = False) -> Case:
    rank, groups = draw(st.integers(0, 3)), draw(st.integers(1, 3))
    members, filters, batch = (draw(st.integers(1, 3)) for _ in range(3))
    axes = [[draw(st.integers(1, most)) for _ in range(rank)] for most in (3, 3, 2, 3)]
    kernel, stride, dilation, left = axes
    sizes = [(0 if transposed else d * (k - 1)) + more for k, d, more in zip(kernel, dilation, left, strict=True)]
    first, second = (groups * members, filters) if transposed else (groups * filters, members)
    dtype = draw(st.sampled_from(["float32", "float64", "object"]))
    return Case(
        numbered((batch, groups * members, *sizes), dtype),
        numbered((first, second, *kernel), dtype) - 5,
        tuple(stride),
        tuple(dilation),
        groups,
        Engine(draw(st.integers(1, 3))),
        draw(st.sampled_from([1, 2, 5, 13, 50, 10**6])),
    )


def numbered(shape: Sequence[int], dtype: str = "float64") -> Any:
    """Cells that differ, small enough for every sum of products to be exact in float32."""
    return (np.arange(math.prod(shape)) % 61).reshape(shape).astype(int).astype(dtype)


@contextmanager
def blocks_of(most: int) -> Iterator[None]:
    """The engine with blocks of at most so many elements, which every thread takes part in."""
    with ExitStack() as stack:
        for module, name in (
            (products, "BUFFERED"),
            (products, "ROWS"),
            (cutting, "CACHED"),
            (elements, "CACHED"),
        ):
            stack.enter_context(patch.object(module, name, most))
        for module in (products, cutting):
            stack.enter_context(patch.object(module, "WORTH_A_THREAD", 1))
        yield


def meetings(case: Case, transposed: bool) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Every place of x, of the weight and of the output that meet in one multiplication."""
    batch, _, *sizes = case.x.shape
    first, second, *kernel = case.weight.shape
    for n, a, b, *places in itertools.product(
        range(batch), range(first), range(second), *map(range, (*sizes, *kernel))
    ):
        here, tap = tuple(places[: len(sizes)]), tuple(places[len(sizes) :])
        group = a // (first // case.groups)
        other = group * second + b
        reached = [
            (p * s + t * d, False) if transposed else divmod(p - t * d, s)
            for p, t, s, d in zip(here, tap, case.stride, case.dilation, strict=True)
        ]
        if any(rest for _, rest in reached):
            continue
        there = tuple(place for place, _ in reached)
        yield (n, a if transposed else other, *here), (a, b, *tap), (n, other if transposed else a, *there)


def summed(case: Case, transposed: bool) -> tuple[Cells, int]:
    """The output cell by cell, and the multiplications; of a convolution only where the whole window is in x."""
    _, _, *sizes = case.x.shape
    kernel = case.weight.shape[2:]
    sums: Cells = {}
    count = 0
    for x, weight, output in meetings(case, transposed):
        axes = zip(output[2:], sizes, kernel, case.stride, case.dilation, strict=True)
        if transposed or all(o >= 0 and o * s + d * (k - 1) < size for o, size, k, s, d in axes):
            sums[output] = sums.get(output, 0) + int(case.x[x]) * int(case.weight[weight])
            count += 1
    return sums, count


def cells(array: Any) -> Cells:
    return {place: int(array[place]) for place in np.ndindex(array.shape)}


@some
@given(cases())
def test_convolution_adds_up_what_a_loop_does(case: Case) -> None:
    expected, count = summed(case, transposed=False)
    with blocks_of(case.most):
        y = case.engine.convolve(case.x, case.weight, case.stride, case.dilation, case.groups)
    assert (cells(y), case.engine.multiplications) == (expected, count)
    assert y.dtype == case.x.dtype


@some
@given(cases(transposed=True))
def test_transposed_convolution_adds_up_what_a_loop_does(case: Case) -> None:
    expected, count = summed(case, transposed=True)
    with blocks_of(case.most):
        y = case.engine.convolve_transposed(case.x, case.weight, case.stride, case.dilation, case.groups)
    between = dict.fromkeys(np.ndindex(y.shape), 0)  # where a stride is longer than the kernel
    assert (cells(y), case.engine.multiplications) == (between | expected, count)
    assert y.shape == tuple(max(place[axis] for place in expected) + 1 for axis in range(y.ndim))
    assert y.dtype == case.x.dtype


@some
@given(st.data())
def test_matrix_products_add_up_what_a_loop_does(data: st.DataObject) -> None:
    m, k, n, stack = (data.draw(st.integers(1, 4)) for _ in range(4))
    a = numbered(data.draw(st.sampled_from([(m, k), (1, m, k), (stack, m, k), (2, stack, m, k)])))
    b = numbered(data.draw(st.sampled_from([(k, n), (stack, k, n), (2, 1, k, n)])))
    b = data.draw(st.sampled_from([b, np.asfortranarray(b)]))
    engine = Engine(data.draw(st.integers(1, 3)))
    with blocks_of(data.draw(st.integers(1, 9))):
        product = engine.matmul(a, b)
    expected = (a[..., :, None, :] * b.swapaxes(-1, -2)[..., None, :, :]).sum(-1)
    assert np.array_equal(product, expected)
    assert engine.multiplications == expected.size * k


def test_what_is_not_multiplied_is_not_counted() -> None:
    """Whatever the sizes say: here nobody does the work that is shared out."""
    engine, x, weight = Engine(2), numbered((2, 2, 6)), numbered((2, 2, 3))
    with blocks_of(1), patch.object(Crew, "share"):
        engine.matmul(x, x.swapaxes(1, 2))
        engine.convolve(x, weight, (1,), (1,), 1)
        engine.contract(numbered((2, 2, 3, 4)), weight, 1)
        engine.convolve_transposed(x, weight, (2,), (1,), 1)
    assert engine.multiplications == 0


def test_matrices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(Misfit, match="2x3 and 4x5"):
        Engine().matmul(numbered((2, 3)), numbered((4, 5)))


@some
@given(cases(), st.booleans())
def test_windows_are_taken_together_as_a_loop_does(case: Case, largest: bool) -> None:
    x, kernel = case.x - 30, case.weight.shape[2:]
    with blocks_of(case.most):
        function = np.maximum if largest else np.add
        y = case.engine.reduced(function, x, kernel, case.stride, case.dilation)
    for place in np.ndindex(y.shape):
        steps = list(zip(place[2:], case.stride, case.dilation, strict=True))
        window = [
            int(x[(*place[:2], *(o * s + t * d for (o, s, d), t in zip(steps, tap, strict=True)))])
            for tap in np.ndindex(kernel)
        ]
        assert y[place] == (max(window) if largest else sum(window))
    assert case.engine.element_operations == sum(math.prod(kernel) - 1 for _ in np.ndindex(y.shape))
    fitting = zip(x.shape[2:], kernel, case.stride, case.dilation, strict=True)
    assert y.shape[2:] == tuple(len(range(0, size - d * (k - 1), s)) for size, k, s, d in fitting)


@some
@given(st.data())
def test_padding_puts_positions_around(data: st.DataObject) -> None:
    rank = data.draw(st.integers(0, 3))
    x = numbered((2, 3, *(data.draw(st.integers(1, 4)) for _ in range(rank))))
    pads = [(data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))) for _ in range(rank)]
    with blocks_of(data.draw(st.integers(1, 50))):
        padded = Engine(2).pad(x, pads, fill=-1)
    for place in np.ndindex(padded.shape):
        inner = (*place[:2], *(p - before for p, (before, _) in zip(place[2:], pads, strict=True)))
        within = all(0 <= i < size for i, size in zip(inner, x.shape, strict=True))
        assert padded[place] == (x[inner] if within else -1)
    assert padded.shape[2:] == tuple(b + size + a for size, (b, a) in zip(x.shape[2:], pads, strict=True))


@some
@given(st.data())
def test_elements_meet_as_numpy_broadcasts(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.integers(1, 5)) for _ in range(data.draw(st.integers(2, 5))))
    arrays = [
        numbered(tuple(data.draw(st.sampled_from([size, size, 1])) for size in shape))[(0,) * (number - 1)]
        for number in (1, 2)
    ]
    function: Any = data.draw(st.sampled_from([np.add, np.multiply, lambda a, b: np.maximum(a, 7) - b]))
    with blocks_of(data.draw(st.integers(1, 50))):
        engine = Engine(data.draw(st.integers(1, 3)))
        assert np.array_equal(engine.elementwise(function, *arrays), function(*arrays))
    assert engine.element_operations == function(*arrays).size


@some
@given(st.data())
def test_a_chain_is_its_functions_one_after_another(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.integers(1, 5)) for _ in range(data.draw(st.integers(2, 4))))
    x, *others = (
        numbered(tuple(data.draw(st.sampled_from([size, 1])) for size in shape), "float32")[(0,) * axes]
        for axes in (0, 0, 1)
    )
    others.append(data.draw(st.integers(-3, 40)))
    functions: Any = data.draw(st.permutations([np.maximum, np.multiply, np.subtract]))
    with blocks_of(data.draw(st.integers(1, 50))):
        engine = Engine(data.draw(st.integers(1, 3)))
        y = engine.chained(functions, x, *others)
    assert engine.element_operations == 3 * y.size
    for function, other in zip(functions, others, strict=True):
        x = function(x, other)
    assert y.dtype == np.float32
    assert np.array_equal(y, x)


# What is not a number passes, whatever it meets: an interval is probed with it.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [(1,), (3,), (1, 1), (2, 3), (1, 2, 2)])
@pytest.mark.parametrize("filters", [1, 3])
def test_nan_passes_through_products_with_zero(dtype: str, groups: int, kernel: tuple[int, ...], filters: int) -> None:
    ones, engine = (1,) * len(kernel), Engine()
    x = np.zeros((1, 4, *(6,) * len(kernel)), dtype)
    x[(0, 3, *(2,) * len(kernel))] = np.nan
    seen = engine.reduced(np.maximum, x[:, 3:], kernel, ones, ones)
    y = engine.convolve(x, np.zeros((filters * groups, 4 // groups, *kernel), dtype), ones, ones, groups)
    assert np.isnan(seen).sum() == math.prod(kernel)
    assert np.array_equal(np.isnan(y[:, -1:]), np.isnan(seen))
    assert np.isnan(y[:, :1]).any() == (groups == 1)
    z = engine.convolve_transposed(x, np.zeros((4, filters, *kernel), dtype), ones, ones, groups)
    assert np.isnan(z[0, -1]).sum() == math.prod(kernel)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m", [1, 2, 40])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_nan_passes_through_matrix_products(dtype: str, m: int, n: int) -> None:
    a, b = np.zeros((m, 30), dtype), np.zeros((30, n), dtype)
    a[m // 2, 7] = np.nan
    assert np.array_equal(np.isnan(Engine().matmul(a, b)).any(1), np.arange(m) == m // 2)
    b[11, n // 2] = np.nan
    assert np.isnan(Engine().matmul(0 * a[:1], b))[0, n // 2]


# Blocks, threads and memory.


@some
@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(1, 40))
def test_blocks_cover_every_cell_once(shape: list[int], most: int) -> None:
    covered = np.zeros(shape, int)
    for block in blocks(shape, most):
        part = covered[block]
        part += 1
        assert part.size <= most
        assert part.flags.c_contiguous
    assert (covered == 1).all()


def test_what_goes_wrong_in_a_thread_is_told() -> None:
    done, raised = [], threading.Event()

    def work(block: tuple[slice, ...]) -> None:
        if threading.current_thread() is not threading.main_thread() and not raised.is_set():
            raised.set()
            raise Misfit("in a thread")
        assert raised.wait(5)
        threading.Event().wait(0.002)
        done.append(block)

    with pytest.raises(Misfit, match="in a thread"):
        Crew(2).share(work, (1000,), most=1, least=1)
    assert len(done) < 999  # the others stop


def test_threads_handle_floating_point_errors_as_the_caller_does() -> None:
    reached = threading.Event()

    def divided(x: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            reached.set()
            return 1 / x
        assert len(x) == 1 or reached.wait(5)
        return x

    x = np.zeros((64, 8))
    with blocks_of(64), np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        Engine(2).elementwise(divided, x)


def test_numbers_that_count_stay_in_one_thread() -> None:
    seen = set()

    def larger(a: Any, b: Any, out: Any) -> None:
        seen.add(threading.get_ident())
        threading.Event().wait(0.002)  # long enough for another thread to come
        np.maximum(a, b, out=out)

    with blocks_of(2):
        Engine(3).reduced(larger, numbered((4, 4, 9), "object"), (3,), (1,), (1,))
    assert seen == {threading.get_ident()}


def test_memory_is_used_again_only_when_nothing_stands_on_it() -> None:
    memory, size = Memory(), WORTH_KEEPING_BYTES[0] // 4
    first = memory.empty((2, size), np.dtype("float32"))
    place, view = first.ctypes.data, first[1:, ::2].T
    del first
    second = memory.empty((2, size), np.dtype("float32"))
    assert not np.shares_memory(second, view)
    del view
    third = memory.empty((size,), np.dtype("float64"))
    assert third.ctypes.data == place
    assert not np.shares_memory(third, second)


def test_memory_that_is_too_small_for_what_comes_is_let_go() -> None:
    memory, size = Memory(), WORTH_KEEPING_BYTES[0]
    for factor in range(1, 9):
        del memory._free[1:]
        memory.empty((factor * size,), np.dtype("uint8"))
        assert [piece.size for piece in memory._free] == [factor * size]


def test_a_small_array_that_stays_holds_no_large_piece() -> None:
    memory, size = Memory(), WORTH_KEEPING_BYTES[0]
    memory.empty((16 * size,), np.dtype("uint8"))
    kept = [memory.empty((size,), np.dtype("uint8")) for _ in range(3)]
    below = memory.empty((2 * size,), np.dtype("uint8")).ctypes.data
    kept.append(memory.empty((size + 1,), np.dtype("uint8")))
    assert kept[-1].ctypes.data == below  # one that is not twice as large will do
    assert [array.base.size if array.base is not None else array.size for array in kept[:3]] == [size] * 3
    assert memory._free == []
