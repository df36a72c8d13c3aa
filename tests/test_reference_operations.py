"""What every kind's `reference` does to elements is counted: nothing is done to them but by the engine's primitives.

The arrays that enter are of a type that notices. Whatever comes of them is of that type too, until `aside` makes places
and weights of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest
from conftest import MANY, draws, load
from hypothesis import given, settings
from test_reference import NAMES, arrays_of, entering, having_values

from convcalc.layers import Kind
from convcalc.reference.execution import run_layer
from convcalc.tensors.engine import Engine

ASIDE = {
    *("softmax", "log_softmax", "attention", "scaled_dot_product_attention", "reduce"),  # the largest, taken out
    *("deform_conv", "grid_sample", "roi_align"),  # places between positions, and their weights
    *("embedding", "gather", "scatter", "one_hot", "trilu", "max_unpool", "max_pool_indices"),  # places
}
"""The kinds of which something is worked out beside the arithmetic."""

MOVING = {
    *("concatenate", "stack", "split", "take", "take_along_axis", "put_along_axis", "repeat", "where", "pad", "copyto"),
    *("expand_dims", "squeeze", "moveaxis", "broadcast_to", "flip", "tril", "triu", "shape", "ndim", "size"),
}
"""NumPy's functions that leave elements as they are; any other does something to them."""

FILLING = {"empty_like", "full_like", "ones_like", "zeros_like"}
"""Those of which what comes has the shape of what enters, and nothing else of it."""


class Watched(np.ndarray):
    """An array of what entered a layer, or of what was made of it, and the engine that it is watched for."""

    engine: WatchingEngine | None = None

    def __array_finalize__(self, source: Any) -> None:
        self.engine = getattr(source, "engine", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
        self.note(f"{ufunc.__name__}.{method}")
        if "out" in named:
            named["out"] = tuple(bare(out) for out in named["out"])
        return self.watched(getattr(ufunc, method)(*map(bare, inputs), **named))

    def __array_function__(self, function: Any, types: Any, arguments: Any, named: Any) -> Any:
        if function.__name__ not in MOVING | FILLING:
            self.note(function.__name__)
        value = function(*bare(arguments), **{name: bare(value) for name, value in named.items()})
        return value if function.__name__ in FILLING else self.watched(value)

    def note(self, what: str) -> None:
        if self.engine is not None and not self.engine.inside:
            self.engine.noted.append(what)

    def watched(self, value: Any) -> Any:
        if isinstance(value, tuple | list):
            return type(value)(map(self.watched, value))
        return self.engine.watched(value) if self.engine and isinstance(value, np.ndarray | np.generic) else value


def noting(name: str) -> Callable[..., Any]:
    def method(self: Watched, *arguments: Any, **named: Any) -> Any:
        self.note(name)
        return self.watched(getattr(bare(self), name)(*bare(arguments), **named))

    return method


for word in ("argmax", "argmin", "argsort", "sort", "partition", "argpartition", "cumsum", "cumprod", "round"):
    setattr(Watched, word, noting(word))


def bare(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(bare, value))
    return value.view(np.ndarray) if isinstance(value, Watched) else value


class WatchingEngine(Engine):
    """An engine that takes down what is done to watched arrays outside of its primitives."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []
        self.called: set[str] = set()
        self.inside = False
        for name in dir(Engine):
            if not name.startswith("_") and callable(getattr(Engine, name)):
                setattr(self, name, partial(self.primitive, name, getattr(self, name)))

    def watched(self, array: Any) -> Any:
        """A view of the same elements, or a copy of a number, that is watched."""
        view = np.asarray(array).view(Watched)
        view.engine = self
        return view

    @contextmanager
    def within(self) -> Iterator[None]:
        before, self.inside = self.inside, True
        try:
            yield
        finally:
            self.inside = before

    def primitive(self, name: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self.called.add(name)
        entering = arguments[:1] if name in ("per_channel", "fitting") else arguments
        is_watched = name != "aside" and any(isinstance(value, Watched) for value in entering)
        with self.within():
            value = function(*bare(arguments), **named)
        if isinstance(value, list):
            return [self.watched(array) for array in value] if is_watched else value
        return self.watched(value) if is_watched and isinstance(value, np.ndarray) else value


def watched_run(config: Any, arrays: Any, inputs: list[Any]) -> WatchingEngine:
    engine = WatchingEngine()
    with np.errstate(all="ignore"):
        run_layer(engine, config, arrays, [engine.watched(x) for x in inputs])
    return engine


@pytest.mark.parametrize("name", [name for name in NAMES if load(name).costed])
@settings(max_examples=MANY or 10)
@given(draw=draws)
def test_elements_are_worked_on_by_primitives_alone(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    engine = watched_run(config, arrays_of(config, inputs), having_values(config, entering(inputs, batch=2)))
    assert engine.noted == []
    assert not {"aside", "weighing"} & engine.called or name in ASIDE
    assert (engine.element_operations > 0) >= (config.elementwise_ops(*inputs) > 0)


CHANGED: dict[str, Callable[..., Any]] = {
    "an addition": lambda engine, x: x + 1,
    "an addition from the other side": lambda engine, x: 1 - x,
    "in place": lambda engine, x: x.copy().__iadd__(1),
    "a sign": lambda engine, x: -x,
    "an absolute value": lambda engine, x: abs(x),
    "a comparison": lambda engine, x: (x > 0).astype(x.dtype),
    "a power": lambda engine, x: x**2,
    "a function": lambda engine, x: engine.numpy.exp(x),
    "a sum": lambda engine, x: x.sum(1, keepdims=True) + engine.numpy.zeros(x.shape),
    "a mean": lambda engine, x: x.mean(1, keepdims=True),
    "a mean by NumPy": lambda engine, x: engine.numpy.mean(x, 1, keepdims=True),
    "the largest": lambda engine, x: x.max(1, keepdims=True),
    "bounds": lambda engine, x: x.clip(0, 1),
    "what is added up": lambda engine, x: engine.numpy.cumsum(x, 1),
    "what is added up by a method": lambda engine, x: x.cumsum(1),
    "an order": lambda engine, x: engine.numpy.argsort(x, 1),
    "a place": lambda engine, x: x.argmax(1),
    "an update": lambda engine, x: engine.numpy.add.at(x.copy(), (0,), 1),
    "behind a view": lambda engine, x: x[:, :1].reshape(-1) + 1,
    "behind a primitive": lambda engine, x: engine.pad(x, [(1, 1)]) * 2,
    "behind a function of elements": lambda engine, x: engine.elementwise(engine.numpy.exp, x) * 2,
    "behind what is laid together": lambda engine, x: engine.numpy.concatenate([x, x]) / 2,
    "behind what is stacked": lambda engine, x: engine.numpy.stack([x, x]) / 2,
    "behind a choice": lambda engine, x: engine.numpy.where(engine.numpy.ones(x.shape, bool), x, 0) * 2,
    "behind what is taken": lambda engine, x: x.take([0], 1) * 2,
    "behind what is repeated": lambda engine, x: engine.numpy.repeat(x, 2, 1) * 2,
    "by another way to multiply": lambda engine, x: engine.numpy.multiply.outer(x, x),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGED)
def test_what_is_done_to_elements_otherwise_is_noticed(what: str) -> None:
    class Planted(Kind, frozen=True, kw_only=True):
        @staticmethod
        def reference(engine: Any, fields: Any, weights: Any, x: Any) -> Any:
            return CHANGED[what](engine, x)

    assert watched_run(Planted(), {}, [np.ones((2, 3, 4))]).noted


def test_what_is_done_to_a_layers_own_arrays_is_let_pass() -> None:
    class Folding(Kind, frozen=True, kw_only=True):
        @staticmethod
        def reference(engine: Any, fields: Any, weights: Any, x: Any) -> Any:
            return engine.elementwise(engine.numpy.multiply, x, weights["weight"] ** 2 + 1)

    engine = watched_run(Folding(), {"weight": np.ones(4)}, [np.ones((2, 3, 4))])
    assert (engine.noted, engine.element_operations) == ([], 24)
