"""What layers keep for the way back, and what their gradients cost, for every kind and whatever is wanted."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from conftest import MANY, draws, load
from hypothesis import given, settings
from test_kinds import PLACES, entry_of, stack, traced
from test_reference import arrays_of, entering

from convcalc import layers
from convcalc.arithmetic.number import TracedNumber
from convcalc.fields import Flag, Real
from convcalc.layers import Kept, Kind, Shape, Wanted, field_types
from convcalc.reference.gradients import run_traced
from convcalc.tensors.engine import Engine

every_kind = pytest.mark.parametrize("name", layers.names())
few = settings(max_examples=MANY or 20, deadline=None)


def everything(count: int) -> Iterator[Wanted]:
    """All that can be wanted of a layer that so many tensors enter."""
    for *of_inputs, of_weights in itertools.product([False, True], repeat=count + 1):
        yield Wanted(tuple(of_inputs), of_weights)


def numbers_of(config: Kind, wanted: Wanted, inputs: tuple[Shape, ...]) -> dict[str, Any]:
    """All that a kind says of its way back, each number by a name of its own."""
    of_inputs, of_arrays = config.gradient_macs(wanted, *inputs)
    return {**msgspec.structs.asdict(config.kept(wanted, *inputs)), "of inputs": of_inputs, "of arrays": of_arrays}


@every_kind
@few
@given(draw=draws)
def test_nothing_is_kept_where_nothing_is_wanted(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    nothing = Wanted((False,) * len(inputs), weights=False)
    assert config.kept(nothing, *inputs) == Kept()
    assert config.gradient_macs(nothing, *inputs) == (0, 0)


@every_kind
@few
@given(draw=draws)
def test_arrays_of_sizes_agree_with_ints(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    several = [tuple(tuple(size * times for size in x) for x in inputs) for times in (1, 2, 3)]
    for wanted in everything(len(inputs)):
        of_arrays = numbers_of(config, wanted, stack(several))
        for index, shapes in enumerate(several):
            of_ints = numbers_of(config, wanted, shapes)
            assert of_ints["inputs"] == of_arrays["inputs"]
            assert of_ints == {
                key: of_arrays[key] if key == "inputs" else type(number)(entry_of(of_arrays[key], index))
                for key, number in of_ints.items()
            }


@every_kind
@few
@given(draw=draws)
def test_numbers_that_remember_agree_with_ints(name: str, draw: random.Random) -> None:
    kind = load(name)
    config, inputs = kind.case(draw)
    fields = {
        field: traced(getattr(config, field), field)
        for field, type_ in field_types(kind).items()
        if field not in PLACES and not isinstance(type_, Flag | Real)
    }
    shapes = tuple(traced(x, f"x{index}") for index, x in enumerate(inputs))
    for wanted in everything(len(inputs)):
        remembered = numbers_of(msgspec.structs.replace(config, **fields), wanted, shapes)
        values = {
            key: number.value if isinstance(number, TracedNumber) else number for key, number in remembered.items()
        }
        assert values == numbers_of(config, wanted, inputs)


def memory_of(array: Any) -> tuple[int, int]:
    """Where the memory that an array stands on begins, and how many bytes of it stay alive with the array."""
    while isinstance(array.base, np.ndarray) or hasattr(array.base, "base"):
        array = array.base
    return array.__array_interface__["data"][0], array.nbytes


class Held(msgspec.Struct):
    """What a run really holds for the way back: which inputs, whether the output, and bytes beside them."""

    inputs: tuple[int, ...]
    output: bool
    bytes: int


def held(run: Any, inputs: list[Any], arrays: dict[str, Any]) -> Held:
    """What the arrays that a run keeps stand on, each memory once, without the layer's own arrays."""
    entered = {memory_of(x)[0]: place for place, x in enumerate(inputs)}
    own = {memory_of(array)[0] for array in arrays.values()}
    places = dict(memory_of(array) for array in run.kept if isinstance(array, np.ndarray))  # or a field's number
    left = memory_of(run.output)[0]
    kept_inputs = sorted(entered[place] for place in places if place in entered)
    others = {place: size for place, size in places.items() if place not in entered and place not in own}
    output = others.pop(left, None) is not None
    return Held(tuple(kept_inputs), output, sum(others.values()))


def claimed(kept: Kept, batch: int) -> Held:
    """What a kind says, as `held` has it, of float32."""
    numbers = batch * kept.numbers + kept.shared_numbers
    return Held(tuple(sorted(kept.inputs)), kept.output, 4 * numbers + batch * kept.bytes + kept.shared_bytes)


UNCOSTED = {"opaque"}
"""Kinds of which nothing is known: what stands for them in a run says nothing."""

known_kinds = pytest.mark.parametrize("name", sorted(set(layers.names()) - UNCOSTED))


@known_kinds
@few
@given(draw=draws)
def test_what_is_kept_is_what_the_executor_holds(name: str, draw: random.Random) -> None:
    config, shapes = load(name).case(draw)
    arrays, inputs = arrays_of(config, shapes, "float32"), entering(shapes, "float32", batch=2)
    for wanted in everything(len(shapes)):
        with np.errstate(all="ignore"):
            run = run_traced(Engine(training=True), config, arrays, inputs, wanted)
        assert held(run, inputs, arrays) == claimed(config.kept(wanted, *shapes), batch=2), (config, shapes, wanted)


@known_kinds
@few
@given(draw=draws)
def test_gradients_cost_what_the_executor_multiplies(name: str, draw: random.Random) -> None:
    config, shapes = load(name).case(draw)
    arrays, inputs = arrays_of(config, shapes, "float32"), entering(shapes, "float32")
    for wanted in everything(len(shapes)):
        with np.errstate(all="ignore"):
            run = run_traced(Engine(training=True), config, arrays, inputs, wanted)
            gradients = run.pull(np.ones_like(run.output))
        executed = gradients.macs_of_inputs, gradients.macs_of_arrays
        assert config.gradient_macs(wanted, *shapes) == executed, (config, shapes, wanted)


def test_what_is_not_known_is_not_costed() -> None:
    assert {name for name in layers.names() if not load(name).costed} == UNCOSTED
