"""Faults put into the way back, one at a time: `verify --gradients` must find each, and nothing where there is none.

A fault changes what one pull of a primitive gives, or a function that pulls are made of, while the battery tries kinds
or networks that it concerns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import load

from convcalc.battery.run import battery
from convcalc.reference import gradients
from convcalc.tensors import duals, engine, links, moving, reducing, sliding, tape, updating
from convcalc.tensors.engine import Engine
from convcalc.tensors.products import Products
from convcalc.tensors.tape import Pull

CASES = 12
Change = Callable[[Any], Any]
Plant = Callable[[pytest.MonkeyPatch], None]


class Fault(NamedTuple):
    """What is wrong, how it is put there, and what is tried."""

    what: str
    plant: Plant
    subjects: tuple[str, ...]
    cases: int = CASES


def pulled(primitive: Any, place: int, change: Change) -> Plant:
    """What the pull of one argument of a primitive gives, changed."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = tape._ADJOINTS[primitive]

        def wrong(*arguments: Any, **named: Any) -> Any:
            pulls = list(right(*arguments, **named))
            pull = pulls[place]
            if pull is not None:
                function = pull.function
                pulls[place] = Pull(lambda *given: change(function(*given)), *pull.kept)
            return pulls

        monkeypatch.setitem(tape._ADJOINTS, primitive, wrong)

    return plant


def instead(owner: Any, name: str, wrong: Callable[[Any], Any]) -> Plant:
    """A function, by its owner and name, and what it becomes."""
    return lambda monkeypatch: monkeypatch.setattr(owner, name, wrong(getattr(owner, name)))


def slope_of(ufunc: Any, wrong: Callable[..., Any]) -> Plant:
    """The derivative of one of NumPy's functions, with regard to its first operand."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(duals.PARTIALS, ufunc, (wrong, *duals.PARTIALS[ufunc][1:]))

    return plant


def negative(gradient: Any) -> Any:
    return -gradient


def double(gradient: Any) -> Any:
    return 2 * gradient


def shifted(gradient: Any) -> Any:
    return np.roll(gradient, 1, -1)


def turned(gradient: Any) -> Any:
    return np.flip(gradient, -1)


def without_the_last(gradient: Any) -> Any:
    left = gradient.copy()
    left[..., -1] = 0
    return left


def by_channel(gradient: Any) -> Any:
    return np.roll(gradient, 1, 0 if gradient.ndim == 1 else 1)


def square(gradient: Any) -> bool:
    return bool(gradient.ndim > 2 and gradient.shape[-1] == gradient.shape[-2])


def averaged(gradient: Any) -> Any:
    return np.broadcast_to(gradient.mean(), gradient.shape)


def without_overlap(right: Any) -> Any:
    """Windows that overlap write over one another."""

    def laid_over(columns: Any, sizes: Any, stride: Any, dilation: Any) -> Any:
        rank = len(sizes)
        kernel, counts = columns.shape[2 : 2 + rank], columns.shape[2 + rank :]
        y = np.zeros((*columns.shape[:2], *sizes), columns.dtype)
        for place, there in zip(np.ndindex(*kernel), sliding._taps(kernel, counts, stride, dilation), strict=True):
            y[there] = columns[(slice(None), slice(None), *place)]
        return y

    return laid_over


def forgotten(self: Any, last: Any, gradient: Any, multiplied: Any) -> Any:
    """The way back with what arrives last in place of the sum."""
    waiting = {last: gradient}
    for place in reversed(range(last + 1)):
        record = self._records[place]
        if record is None or place not in waiting:
            continue
        gradient = waiting.pop(place)
        for source, pull, _ in record.pulls:
            waiting[source] = pull(gradient)
    return tape.Flown(waiting, 0, 0)


def all_of_a_place(places: Any, update: Any) -> Pull:
    """To every update what comes to its place, also where a later one took it."""
    shape = update.shape
    return Pull(lambda gradient, places: updating._read(gradient, places).reshape(shape), places)


def counted_twice(right: Any) -> Any:
    def correlated(self: Any, *given: Any) -> None:
        before = self.multiplications
        right(self, *given)
        self.multiplications += self.multiplications - before

    return correlated


CONVOLUTIONS = [
    Fault("the gradient of a convolution's input has the wrong sign", pulled(Engine.convolve, 0, negative), ("conv",)),
    Fault("the gradient of filters is that of turned ones", pulled(Engine.convolve, 1, turned), ("conv",)),
    Fault("the gradient of filters goes to other filters", pulled(Engine.convolve, 1, by_channel), ("conv",)),
    Fault("the last tap gets nothing", pulled(Engine.convolve, 1, without_the_last), ("conv",)),
    Fault("the gradient of a map is one position off", pulled(Engine.convolve, 0, shifted), ("conv",)),
    Fault("the last position of a map gets nothing", pulled(Engine.convolve, 0, without_the_last), ("conv",)),
    Fault("filters of a transposed convolution get the double",
          pulled(Engine.convolve_transposed, 1, double), ("conv_transpose",)),
    Fault("a transposed convolution's map is one position off",
          pulled(Engine.convolve_transposed, 0, shifted), ("conv_transpose",)),
    Fault("columns of a deformable convolution get the negative",
          pulled(Engine.contract, 0, negative), ("deform_conv",)),
    Fault("filters of a deformable convolution are turned", pulled(Engine.contract, 1, turned), ("deform_conv",)),
    Fault("the first factor of a product gets the negative", pulled(Engine.matmul, 0, negative), ("linear", "matmul")),
    Fault("the second factor of a product gets the double", pulled(Engine.matmul, 1, double), ("linear", "matmul")),
    Fault("a batch of matrices gets the mean", pulled(Engine.matmul, 1, averaged), ("matmul", "attention")),
    Fault("the stride is left out on the way back of a convolution",
          instead(engine, "gradient_of_input", lambda right: lambda *given: right(
              *given[:5], tuple(1 for _ in given[5]), *given[6:])), ("conv",)),
    Fault("groups are mixed up on the way back", instead(engine, "gradient_of_filters", lambda right: lambda *given: (
        np.roll(right(*given), 1, 0))), ("conv",)),
]  # fmt: skip

POSITIONS = [
    Fault("padding is cut off at the wrong end", pulled(Engine.pad, 0, shifted), ("conv", "pad", "avg_pool")),
    Fault("what padding repeats is not added up",
          instead(sliding, "_added_at", lambda right: lambda gradient, places, axis, size: (
              gradient.take(np.unique(places, return_index=True)[1], axis))), ("pad", "conv")),
    Fault("the largest of a window gets the double", pulled(Engine.reduced, 1, double), ("max_pool",)),
    Fault("a pool's mean is given to one position alone", pulled(Engine.reduced, 1, without_the_last), ("avg_pool",)),
    Fault("overlapping windows write over each other",
          instead(sliding, "_laid_over", without_overlap), ("unfold",)),
    Fault("what is folded gets the negative", pulled(Engine.overlaid, 0, negative), ("fold",)),
    Fault("the parts of a pool are mixed up", pulled(Engine.assembled, 2, double), ("adaptive_avg_pool",)),
    Fault("interpolation goes back one position off", pulled(Engine.resampled, 0, shifted), ("upsample",)),
    Fault("interpolation goes back without its weights",
          instead(sliding, "_added_at", lambda right: lambda gradient, places, axis, size: (
              right(np.ones_like(gradient), places, axis, size))), ("upsample",)),
    Fault("the largest of all gets the mean", pulled(Engine.largest, 0, averaged), ("global_max_pool",)),
    Fault("the stride is left out of where windows lie",
          instead(sliding, "_taps", lambda right: lambda kernel, counts, stride, dilation: right(
              kernel, counts, [1] * len(stride), dilation)), ("max_pool", "unfold")),
    Fault("the dilation is left out of where windows lie",
          instead(sliding, "_taps", lambda right: lambda kernel, counts, stride, dilation: right(
              kernel, counts, stride, [1] * len(dilation))), ("max_pool", "unfold")),
]  # fmt: skip

ELEMENTS = [
    Fault("what is held at a bound passes all the same", pulled(Engine.bounded, 0, double), ("relu", "relu6")),
    Fault("the mask is inverted",
          instead(Engine, "_chained", lambda right: lambda self, functions, x, others: right(
              self, functions, x, [~other if np.asarray(other).dtype == bool else other for other in others])),
          ("relu",)),
    Fault("the exponential has slope 1", slope_of(np.exp, lambda y, x: 1.0), ("sigmoid", "softplus")),
    Fault("the hyperbolic tangent has slope 1 - y", slope_of(np.tanh, lambda y, x: 1 - y), ("tanh",)),
    Fault("the logarithm has slope 1", slope_of(np.log, lambda y, x: 1.0), ("log_softmax",)),
    Fault("a square has slope x", slope_of(np.square, lambda y, x: x), ("l2_norm", "rms_norm")),
    Fault("a subtrahend gets what a summand gets",
          instead(links, "_of_other", lambda right: lambda functions, place, x, others: right(
              [np.add if f is np.subtract else f for f in functions], place, x, others)), ("sub",)),
    Fault("a divisor gets what a factor gets",
          instead(links, "_of_other", lambda right: lambda functions, place, x, others: right(
              [np.multiply if f is np.divide else f for f in functions], place, x, others)), ("div",)),
    Fault("what was broadcast gets the mean and not the sum",
          instead(tape, "summed_to", lambda right: lambda gradient, shape: (
              right(gradient, shape) * int(np.prod(shape)) / max(gradient.size, 1))), ("prelu",)),
    Fault("a factor gets what its product gets",
          instead(links, "_through", lambda right: lambda functions, others, shape: right((), (), shape)),
          ("mul", "scale", "batch_norm")),
    Fault("a softmax passes its gradient as a function of elements",
          pulled(Engine.softmax, 0, double), ("softmax", "attention")),
    Fault("a softmax without what all share",
          pulled(Engine.softmax, 0, averaged), ("softmax",)),
    Fault("a norm passes the mean of its gradient", pulled(Engine.normalised, 0, lambda gradient: gradient + 0.1),
          ("layer_norm", "group_norm", "instance_norm")),
    Fault("a norm's factor gets the negative", pulled(Engine.normalised, 3, negative), ("layer_norm", "group_norm")),
    Fault("a norm's addend gets the mean", pulled(Engine.normalised, 4, averaged), ("layer_norm", "group_norm")),
    Fault("the mean is not divided", pulled(reducing._added, 0, double), ("global_avg_pool", "reduce")),
    Fault("the product of the others is that of all", pulled(reducing._multiplied, 0, double), ("reduce",), 60),
    Fault("sums so far go back in the wrong order", pulled(reducing._cumulated, 0, turned), ("cumulate",)),
    Fault("products so far go back as sums", pulled(reducing._accumulated, 0, lambda gradient: gradient * 0 + 1),
          ("cumulate",)),
]  # fmt: skip

MOVING = [
    Fault("a transposition goes back as it came",
          pulled(moving._transposed, 0, lambda gradient: gradient.swapaxes(-1, -2) if square(gradient) else -gradient),
          ("permute",)),
    Fault("what is taken gets the double", pulled(moving._taken_at, 0, double),
          ("slice", "gather", "split")),
    Fault("joined parts are mixed up", pulled(moving._joined, 1, double), ("concat",)),
    Fault("the half of a triangle that is gone gets a gradient",
          pulled(moving._triangle, 0, lambda gradient: gradient + 1), ("trilu",)),
    Fault("what was written over keeps its gradient",
          instead(updating, "_without", lambda right: lambda gradient, at: gradient), ("scatter", "max_unpool"), 60),
    Fault("all updates of a place get its gradient",
          instead(updating, "_last", lambda right: all_of_a_place), ("scatter",), 60),
    Fault("where a condition does not hold the gradient is that where it does",
          pulled(moving._chosen, 2, double), ("one_hot",)),
]  # fmt: skip

NETWORKS = [
    Fault("what arrives twice at a tensor of a layer counts once", instead(tape.Tape, "back", lambda right: forgotten),
          ("gru", "lstm", "rnn", "attention")),
    Fault("what arrives at a tensor from several layers is not added up",
          instead(gradients, "_sum", lambda right: lambda present, arrived: arrived), ("residual", "inception")),
    Fault("weights that are shared get the gradient of one layer alone",
          instead(gradients._WayBack, "_add", lambda right: lambda self, index, name, arrived: (
              self.of_arrays.setdefault(
                  index if self.network.nodes[index].shared is None else self.network.nodes[index].shared, {}
              ).__setitem__(name, arrived))), ("shared",)),
]  # fmt: skip

MACS = [
    Fault("the filters' products are counted twice", instead(Products, "correlated", counted_twice), ("conv",)),
    Fault("the formula forgets the gradient of weights",
          instead(load("linear"), "gradient_macs", lambda right: lambda self, wanted, *inputs: (
              right(self, wanted, *inputs)[0], 0)), ("linear",)),
    Fault("the formula has one product of two tensors alone",
          instead(load("matmul"), "gradient_macs", lambda right: lambda self, wanted, *inputs: (
              right(self, wanted, *inputs)[0] // 2, 0)), ("matmul",)),
]  # fmt: skip

FAULTS = [*CONVOLUTIONS, *POSITIONS, *ELEMENTS, *MOVING, *NETWORKS, *MACS]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_planted_fault_is_found(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    fault.plant(monkeypatch)
    result = battery(fault.subjects, fault.cases, gradients=True, most_tries=0)
    wrong = [kind.columns["gradients"].disagreements for kind in result.results]
    assert any(wrong), fault.what


def test_nothing_is_found_where_there_is_no_fault() -> None:
    subjects = {subject for fault in FAULTS for subject in fault.subjects}
    result = battery(sorted(subjects), CASES, gradients=True, most_tries=0)
    wrong = {kind.name: kind.counterexample for kind in result.results if kind.counterexample is not None}
    assert wrong == {}


def test_there_are_enough() -> None:
    assert len({fault.what for fault in FAULTS}) == len(FAULTS) >= 50
