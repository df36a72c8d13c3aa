"""Derivatives of element functions: by differences at places in general, and as PyTorch has them at kinks and ends."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MANY, load
from differences import extrapolated
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_reference import NAMES, arrays_of, entering, having_values

from convcalc import layers
from convcalc.layers import Wanted
from convcalc.layers._elements import bent, error_function, held, root, sigmoid, softplus
from convcalc.reference.execution import run_layer
from convcalc.reference.gradients import run_traced
from convcalc.tensors.duals import CHOOSING, PARTIALS, STEPS, NotDifferentiable, slope
from convcalc.tensors.engine import Engine

PYTORCH = json.loads((Path(__file__).parent / "data" / "pytorch_slopes.json").read_text("utf-8"))
"""Slopes of activations, from torch.autograd.grad of the sum of `torch` for float64 `x`, or for `a` and `b`."""

DOMAINS: dict[np.ufunc, tuple[float, float]] = {
    **dict.fromkeys([np.log, np.log2, np.log10, np.sqrt, np.power, np.float_power], (0.3, 4.0)),
    **dict.fromkeys([np.reciprocal, np.cbrt, np.divide, np.hypot, np.arctan2], (0.3, 4.0)),
    **dict.fromkeys([np.arcsin, np.arccos, np.arctanh], (-0.8, 0.8)),
    np.log1p: (-0.6, 4.0),
    np.arccosh: (1.3, 4.0),
    np.tan: (-1.2, 1.2),
}
"""Where a function has a value and a derivative that differences reach; else from -3 to 3."""


def name_of(ufunc: Any) -> str:
    """Its name, to call a test by."""
    return str(ufunc.__name__)


def differ(function: Callable[..., Any], place: int, operands: Sequence[Any]) -> tuple[Any, Any]:
    """The slopes by differences, and which of them are sure: far from a kink, and where there is a value."""

    def moved(step: float) -> Any:
        at = operands[place] + step
        return np.asarray(function(*operands[:place], at, *operands[place + 1 :]), np.float64)

    difference = extrapolated(moved)
    return difference.value, difference.doubt <= 1e-9 * (1 + abs(difference.value))


def numbers(least: float, most: float) -> st.SearchStrategy[Any]:
    """Four float64 numbers, equal ones or such as are further apart than differences reach."""
    grid = st.integers(int(least * 64), int(most * 64))
    return st.lists(grid, min_size=4, max_size=4).map(lambda places: np.array(places) / 64)


@pytest.mark.parametrize("ufunc", PARTIALS, ids=name_of)
@given(data=st.data())
def test_the_table_has_the_derivative_of_every_function(ufunc: np.ufunc, data: Any) -> None:
    operands = [data.draw(numbers(*DOMAINS.get(ufunc, (-3.0, 3.0)))) for _ in range(ufunc.nin)]
    if ufunc in (np.fmod, np.remainder):
        assume(all(abs(operands[1]) > 0.3))
    for place in range(ufunc.nin):
        differences, sure = differ(ufunc, place, operands)
        assume(sure.all())
        assert slope(ufunc, place, operands) == pytest.approx(differences, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("ufunc", sorted(STEPS, key=name_of), ids=name_of)
def test_a_step_has_no_slope(ufunc: np.ufunc) -> None:
    of_bits = "e" not in "".join(ufunc.types)
    x = np.array([-2.5, 0.0, 3.7])

    def stepping(x: Any) -> Any:
        whole_numbers = x.astype(np.int64) if of_bits else x
        return ufunc(*[whole_numbers] * ufunc.nin)

    assert slope(stepping, 0, [x]).tolist() == [0, 0, 0]
    assert slope(stepping, 0, [x]).dtype == np.float64


class Recording(Engine):
    """An engine that remembers which functions of elements it ran, on what."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def elementwise(self, function: Callable[..., Any], *arrays: Any) -> Any:
        self.ran.append((function, arrays))
        return super().elementwise(function, *arrays)


def functions_of(name: str, seed: int) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """The functions of elements that a generated case of a kind runs."""
    config, shapes = load(name).case(random.Random(seed))
    engine = Recording()
    with np.errstate(all="ignore"):
        run_layer(engine, config, arrays_of(config, shapes), having_values(config, entering(shapes)))
    return engine.ran


@pytest.mark.parametrize("name", NAMES)
def test_every_function_of_elements_of_a_kind_has_its_derivative(name: str) -> None:
    compared = doubtful = 0
    for seed in range(MANY or 12):
        for function, operands in functions_of(name, seed):
            for place, operand in enumerate(operands):
                if operand.dtype.kind != "f":
                    continue
                differences, sure = differ(function, place, operands)
                slopes = slope(function, place, operands)
                assert slopes[sure] == pytest.approx(differences[sure], rel=1e-7, abs=1e-7)
                compared, doubtful = compared + sure.sum(), doubtful + (~sure).sum()
    assert doubtful <= compared / 2


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_stays_single_precision(name: str) -> None:
    for seed in range(6):
        for function, exact in functions_of(name, seed):
            operands = [operand.astype(np.float32) if operand.dtype == np.float64 else operand for operand in exact]
            for place, operand in enumerate(operands):
                if operand.dtype != np.float32:
                    continue
                slopes = slope(function, place, operands)
                assert slopes.dtype == np.float32
                assert slopes.shape == np.broadcast_shapes(*(operand.shape for operand in operands))
                differences, sure = differ(function, place, [operand.astype(exact[0].dtype) for operand in operands])
                assert slopes[sure] == pytest.approx(differences[sure], rel=2e-4, abs=2e-4)


def _agree(layer: dict[str, Any], inputs: list[list[str]], expected: list[list[str]]) -> None:
    """PyTorch's slopes are ours; where it has no number, because something is infinite, ours may be one."""
    ((kind, fields),) = layer.items()
    config = layers.kind_of(kind)(**fields)
    arrays = {"weight": np.array([0.25])} if kind == "prelu" else {}
    entering = [np.array([[float(text) for text in x]]) for x in inputs]
    with np.errstate(all="ignore"):
        run = run_traced(Engine(), config, arrays, entering, Wanted((True,) * len(inputs), False))
        arrived = run.pull(np.ones(run.output.shape)).inputs
    for gradient, texts in zip(arrived, expected, strict=True):
        theirs = np.array([[float(text) for text in texts]])
        ours = np.zeros_like(theirs) if gradient is None else gradient
        is_pole = np.isinf(ours) & np.isinf(theirs)  # whose sign is that of a zero
        has_number = ~np.isnan(theirs) & ~np.isnan(run.output) & ~is_pole
        assert ours[has_number] == pytest.approx(theirs[has_number], rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("row", PYTORCH["of_x"], ids=lambda row: row["torch"])
def test_kinks_and_ends_are_those_of_pytorch(row: dict[str, Any]) -> None:
    _agree(row["layer"], [PYTORCH["x"]], [row["slope"]])


@pytest.mark.parametrize("row", PYTORCH["of_a_and_b"], ids=lambda row: row["torch"])
def test_kinks_of_two_tensors_are_those_of_pytorch(row: dict[str, Any]) -> None:
    _agree(row["layer"], [PYTORCH["a"], PYTORCH["b"]], row["slope"])


def at(function: Callable[..., Any], *numbers: float) -> float:
    """The slope of a function of one number, or the first of several, there."""
    return float(slope(function, 0, [np.array([number]) for number in numbers])[0])


def test_a_kink_has_the_mean_of_its_sides() -> None:
    assert at(np.abs, 0.0) == 0
    assert at(lambda x: np.maximum(x, 0), 0.0) == 0.5
    assert at(lambda x: np.minimum(0, x), 0.0) == 0.5
    assert at(np.maximum, 2.0, 2.0) == 0.5


def test_a_smooth_function_of_kinks_is_smooth() -> None:
    assert at(lambda x: softplus(np, x), 0.0) == 0.5
    assert at(lambda x: np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))), 0.0) == 0.25
    assert at(lambda x: sigmoid(np, x), 0.0) == 0.25


def test_a_function_may_take_a_side() -> None:
    assert at(lambda x: bent(np, x, lambda x: 0.2 * x), 0.0) == 0.2
    assert at(lambda x: held(np, x, 0, 6), 0.0) == at(lambda x: held(np, x, 0, 6), 6.0) == 0
    assert at(lambda x: np.clip(x, 0, 6), 0.0) == at(lambda x: np.clip(x, 0, 6), 6.0) == 1
    assert at(lambda x: np.clip(x, 0, 6), -1.0) == at(lambda x: x.clip(None, 6), 7.0) == 0
    assert at(lambda x: root(np, x, 2), 0.0) == 0
    assert at(lambda x: root(np, x, 2), 4.0) == 0.25
    assert at(lambda x: error_function(np, x), 0.0) == pytest.approx(2 / np.sqrt(np.pi))


def test_what_is_not_taken_leaks_nothing() -> None:
    def safe_root(x: Any) -> Any:
        return np.where(x > 0, np.sqrt(x), 0)

    assert slope(safe_root, 0, [np.array([-1.0, 0.0, 4.0])]).tolist() == [0, 0, 0.25]
    assert slope(lambda x: np.where(x > 0, np.log(x), x), 0, [np.array([-1.0, 2.0])]).tolist() == [1, 0.5]


def test_a_slope_of_nothing_stays_nothing() -> None:
    assert at(lambda x: np.sqrt(x * x), 0.0) == 0
    assert at(lambda x: np.abs(x) ** -1.0, 0.0) == 0
    assert at(np.power, 0.0, 0.0) == 0
    assert at(np.power, 0.0, 1.0) == 1
    assert slope(np.power, 1, [np.zeros(3), np.array([0.0, 1.0, 2.0])]).tolist() == [0, 0, 0]
    assert np.isnan(at(lambda x: x * np.log(x), -1.0))


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (np.spacing, "spacing"),
        (np.sort, "sort"),
        (np.add.reduce, "add.reduce"),
        (lambda x: np.exp(x, where=x > 0), "exp with `where`"),
        (np.frompyfunc(abs, 1, 1), "abs"),
        (lambda x: np.clip(x, x, 3), "clip"),
        (lambda x: np.asarray(x) + 1, "plain array"),
        (lambda x: x or -x, "is true"),
        (lambda x: np.modf(x)[0], "modf"),
    ],
)
def test_what_has_no_derivative_is_named(function: Callable[..., Any], word: str) -> None:
    with pytest.raises(NotDifferentiable, match=word):
        slope(function, 0, [np.array([1.5, -1.0])])


@settings(max_examples=MANY or 10)
@given(st.integers(0, 2**31), st.booleans())
def test_operands_that_broadcast_have_the_slopes_of_their_elements(seed: int, is_second: bool) -> None:
    """Every element has the slope that it has alone, whatever stands beside it; a number among operands stays one."""
    draw = np.random.default_rng(seed)
    a, b = draw.uniform(0.5, 2, (3, 1, 4)), draw.uniform(0.5, 2, (5, 1))

    def function(a: Any, b: Any, factor: Any) -> Any:
        return np.tanh(a) / b * factor

    slopes = slope(function, int(is_second), [a, b, 3.0])
    assert slopes.shape == (3, 5, 4)
    for row, channel, place in np.ndindex(slopes.shape):
        alone = slope(function, int(is_second), [a[row, :, place], b[channel], 3.0])
        assert slopes[row, channel, place] == pytest.approx(alone[0], rel=1e-14)
    assert slope(function, 0, [a.astype(np.float32), b.astype(np.float32), 3.0]).dtype == np.float32


def test_functions_that_only_take_a_shape() -> None:
    x = np.array([1.0, 2.0])
    for function in (np.zeros_like, np.ones_like, lambda x: np.full_like(x, 3.0)):
        assert slope(function, 0, [x]).tolist() == [0, 0]
    assert {np.where, np.clip} <= set(CHOOSING)
    sized = slope(lambda x: x * x.size + np.shape(x)[0] * np.ndim(x), 0, [x])
    assert sized.tolist() == [2, 2]
    assert slope(lambda x: (x.reshape(2, 1) ** 2)[:, 0] * x.ndim, 0, [x]).tolist() == [2, 4]
    assert slope(lambda x: x.astype(np.float32) * 2, 0, [x]).dtype == np.float32
    assert slope(lambda x: x.astype(int), 0, [x]).tolist() == [0, 0]
