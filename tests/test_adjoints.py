"""The linear primitives: <P v, u> is <v, P' u>, and P runs forward on v itself, so that no difference is taken.

Equal to rounding in float64. What is not linear in an argument is in `tests/test_gradients_of_kinds.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import MANY
from hypothesis import given, settings
from hypothesis import strategies as st

from convcalc.tensors import moving, reducing
from convcalc.tensors.engine import Engine
from convcalc.tensors.tape import Tape

Array = Any
Run = Callable[[Engine, Array], Array]

many = settings(max_examples=MANY or 25)
ranks, small, signs = st.integers(1, 3), st.integers(1, 3), st.booleans()


def holds(run: Run, shape: tuple[int, ...], seed: int = 0) -> None:
    """The identity, for an argument of that shape."""
    engine, tape, generator = Engine(), Tape(), np.random.default_rng(seed)
    v = generator.standard_normal(shape)
    output = run(engine, v)
    u = generator.standard_normal(output.shape)
    entered = tape.enter(np.zeros(shape))  # where it stands does not matter
    made = run(engine, entered)
    flown = tape.back(made.place, u, lambda: engine.multiplications)
    assert entered.place is not None
    back = flown.gradients[entered.place]
    assert back.shape == shape
    size = float(np.abs(output * u).sum() + np.abs(v * back).sum())
    assert abs(float((output * u).sum()) - float((v * back).sum())) <= 1e-13 * size + 1e-300


class Geometry:
    """A drawn window: sizes that it fits, and how it moves."""

    def __init__(self, data: st.DataObject) -> None:
        rank = data.draw(ranks)
        self.kernel, self.stride, self.dilation = (data.draw(st.tuples(*[small] * rank)) for _ in range(3))
        self.counts = data.draw(st.tuples(*[small] * rank))
        slack = data.draw(st.tuples(*[st.integers(0, 2)] * rank))
        axes = zip(self.kernel, self.stride, self.dilation, self.counts, slack, strict=True)
        self.sizes = tuple(
            d * (k - 1) + s * (n - 1) + 1 + min(more, s - 1) for k, s, d, n, more in axes
        )  # what is left over is read by no window
        self.batch, self.groups, self.inside, self.outside = (data.draw(small) for _ in range(4))

    @property
    def moves(self) -> tuple[Any, Any]:
        return self.stride, self.dilation


@many
@given(data=st.data())
def test_convolutions_in_their_input_and_in_their_filters(data: st.DataObject) -> None:
    g, generator = Geometry(data), np.random.default_rng(1)
    x_shape = (g.batch, g.groups * g.inside, *g.sizes)
    weight_shape = (g.groups * g.outside, g.inside, *g.kernel)
    x, weight = generator.standard_normal(x_shape), generator.standard_normal(weight_shape)
    holds(lambda engine, x: engine.convolve(x, weight, *g.moves, g.groups), x_shape)
    holds(lambda engine, weight: engine.convolve(x, weight, *g.moves, g.groups), weight_shape)


@many
@given(data=st.data())
def test_transposed_convolutions_in_their_input_and_in_their_filters(data: st.DataObject) -> None:
    g, generator = Geometry(data), np.random.default_rng(1)
    x_shape = (g.batch, g.groups * g.inside, *g.counts)
    weight_shape = (g.groups * g.inside, g.outside, *g.kernel)
    x, weight = generator.standard_normal(x_shape), generator.standard_normal(weight_shape)
    holds(lambda engine, x: engine.convolve_transposed(x, weight, *g.moves, g.groups), x_shape)
    holds(lambda engine, weight: engine.convolve_transposed(x, weight, *g.moves, g.groups), weight_shape)


@many
@given(data=st.data())
def test_columns_and_what_they_are_multiplied_with(data: st.DataObject) -> None:
    g, generator = Geometry(data), np.random.default_rng(1)
    columns_shape = (g.batch, g.groups * g.inside, *g.kernel, *g.counts)
    weight_shape = (g.groups * g.outside, g.inside, *g.kernel)
    columns, weight = generator.standard_normal(columns_shape), generator.standard_normal(weight_shape)
    holds(lambda engine, columns: engine.contract(columns, weight, g.groups), columns_shape)
    holds(lambda engine, weight: engine.contract(columns, weight, g.groups), weight_shape)


@many
@given(data=st.data())
def test_windows_and_their_sums(data: st.DataObject) -> None:
    g = Geometry(data)
    shape = (g.batch, g.inside, *g.sizes)
    holds(lambda engine, x: engine.windows(x, g.kernel, *g.moves), shape)
    holds(lambda engine, x: engine.reduced(np.add, x, g.kernel, *g.moves), shape)
    columns = (g.batch, g.inside, *g.kernel, *g.counts)
    holds(lambda engine, columns: engine.overlaid(columns, g.sizes, *g.moves), columns)


@many
@given(data=st.data(), mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
def test_padding_of_every_mode(data: st.DataObject, mode: str) -> None:
    sizes = data.draw(st.lists(st.integers(3, 6), min_size=1, max_size=3))
    pads = [data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in sizes]
    holds(lambda engine, x: engine.pad(x, pads, mode), (2, 2, *sizes))


@many
@given(data=st.data())
def test_positions_that_are_read_with_weights(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=2))
    generator, reads = np.random.default_rng(data.draw(st.integers(0, 99))), []
    for size in sizes:
        count = data.draw(st.integers(1, 6))
        taps = data.draw(st.integers(1, 3))
        reads.append([(generator.integers(size, size=count), generator.standard_normal(count)) for _ in range(taps)])
    holds(lambda engine, x: engine.resampled(x, reads), (2, 2, *sizes))
    nearest = [[(taps[0][0], None)] for taps in reads]
    holds(lambda engine, x: engine.resampled(x, nearest), (2, 2, *sizes))


@many
@given(rows=small, inside=small, columns=small, stacked=signs, broadcast=signs)
def test_products_of_matrices(rows: int, inside: int, columns: int, stacked: bool, broadcast: bool) -> None:
    generator, stack = np.random.default_rng(1), (3, 2) if stacked else ()
    left = (*stack, rows, inside)
    right = ((1, *stack[1:]) if broadcast and stack else stack) + (inside, columns)
    a, b = generator.standard_normal(left), generator.standard_normal(right)
    holds(lambda engine, a: engine.matmul(a, b), left)
    holds(lambda engine, b: engine.matmul(a, b), right)


CHAINS = {
    "a factor and an addend": [np.multiply, np.add],
    "a divisor": [np.divide],
    "a subtrahend and a factor": [np.subtract, np.multiply],
    "all": [np.add, np.multiply, np.subtract, np.divide],
}


@pytest.mark.parametrize("functions", CHAINS.values(), ids=CHAINS)
def test_what_is_scaled_along_a_chain(functions: list[Any]) -> None:
    """Linear but for what is added, which the derivative does not know: so it is added to zero."""
    generator = np.random.default_rng(1)
    others = [1 + generator.random((3, 1)) for _ in functions]
    others = [
        other * 0 if function in (np.add, np.subtract) else other
        for function, other in zip(functions, others, strict=True)
    ]
    holds(lambda engine, x: engine.chained(functions, x, *others), (2, 3, 4))
    holds(lambda engine, x: engine.chained(functions, x, *others), (3, 1))  # which is broadcast by none


CHOSEN = np.array([2, 0, 2, 1])
MOVERS: dict[str, Run] = {
    "reshape": lambda engine, x: x.reshape(4, -1),
    "ravel": lambda engine, x: x.ravel(),
    "squeeze": lambda engine, x: np.squeeze(x[:, :, :1], 2),
    "expand_dims": lambda engine, x: np.expand_dims(x, 1),
    "transpose": lambda engine, x: x.transpose(2, 0, 1),
    "T": lambda engine, x: x.T,
    "swapaxes": lambda engine, x: x.swapaxes(-1, -2),
    "moveaxis": lambda engine, x: np.moveaxis(x, 0, -1),
    "a slice": lambda engine, x: x[1:, ::-2],
    "places": lambda engine, x: x[:, CHOSEN % 2],
    "pairs of places": lambda engine, x: x[CHOSEN % 2, :, CHOSEN],
    "take": lambda engine, x: x.take(CHOSEN, 2),
    "split": lambda engine, x: np.split(x, [1, 3], 2)[1],
    "flip": lambda engine, x: np.flip(x, 1),
    "repeat": lambda engine, x: np.repeat(x, 3, 1),
    "take_along_axis": lambda engine, x: np.take_along_axis(x, CHOSEN.reshape(2, 1, 2), 2),
    "concatenate": lambda engine, x: np.concatenate([x, x[:1], x]),
    "stack": lambda engine, x: np.stack([x, x], 1),
    "broadcast_to": lambda engine, x: np.broadcast_to(x[:1], (5, *x.shape[1:])),
    "where": lambda engine, x: np.where(np.arange(x.shape[-1]) % 2 == 0, x, 0 * x),
    "triu": lambda engine, x: np.triu(x, 1),
    "tril": lambda engine, x: np.tril(x, -1),
    "sum": lambda engine, x: engine.taken_in(np.sum, x, [0, 2]),
    "mean": lambda engine, x: engine.taken_in(np.mean, x, [1], keepdims=False),
    "cumsum": lambda engine, x: engine.taken_in(lambda x, axes, keepdims: np.cumsum(x, *axes), x, [1]),
    "parts put together": lambda engine, x: engine.assembled(
        (2, 5, 4), [np.s_[:, :2], np.s_[:, 2:]], x[:, 1:], x
    ),
    "written over": lambda engine, x: engine.written(None, 0 * x, (CHOSEN % 2, 0, CHOSEN), x[0, 0]),
    "written to places": lambda engine, x: engine.written(np.add, x, (CHOSEN % 2, 0, CHOSEN), x[1, 1]),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVERS)
def test_what_only_moves_or_adds_up(name: str) -> None:
    holds(MOVERS[name], (2, 3, 4))


def test_every_mover_is_tried() -> None:
    """What has a way back in those two files is run by one of these."""
    from convcalc.tensors import tape

    engine, tape_, reached = Engine(), Tape(), set[str]()
    before = dict(tape._ADJOINTS)
    try:
        for forward, adjoint in before.items():

            def noted(*given: Any, forward: Any = forward, adjoint: Any = adjoint, **named: Any) -> Any:
                reached.add(forward.__name__)
                return adjoint(*given, **named)

            tape._ADJOINTS[forward] = noted
        for run in MOVERS.values():
            run(engine, tape_.enter(np.ones((2, 3, 4))))
    finally:
        tape._ADJOINTS.update(before)
    own = {f.__name__ for f in before if f.__module__ in (moving.__name__, reducing.__name__)}
    assert own - reached == {"_furthest", "_multiplied", "_accumulated", "_cast"}  # not linear, or another format
