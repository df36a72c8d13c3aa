"""What layers keep for the way back, and what their gradients cost, for every kind and whatever is wanted."""

from __future__ import annotations

import gc
import itertools
import random
import tracemalloc
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from conftest import MANY, draws, load
from hypothesis import assume, given, settings
from test_kinds import PLACES, entry_of, stack, traced
from test_reference import arrays_of, entering

from convcalc import layers
from convcalc.arithmetic.number import TracedNumber
from convcalc.fields import Flag, Real
from convcalc.layers import Kept, Kind, Shape, Wanted, field_types
from convcalc.layers._configured import configured
from convcalc.reference.gradients import run_traced
from convcalc.tensors.engine import Engine
from convcalc.tensors.memory import WORTH_KEEPING_BYTES

NUMPY_MEMORY = np.lib.tracemalloc_domain

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


def check_way_back(config: Kind, shapes: tuple[Shape, ...]) -> None:
    """What a layer says of its way back is what the executor holds and multiplies, whatever is wanted."""
    arrays, inputs = arrays_of(config, shapes, "float32"), entering(shapes, "float32", batch=2)
    for wanted in everything(len(shapes)):
        with np.errstate(all="ignore"):
            run = run_traced(Engine(training=True), config, arrays, inputs, wanted)
            holds = held(run, inputs, arrays)
            gradients = run.pull(np.ones_like(run.output))
        assert holds == claimed(config.kept(wanted, *shapes), batch=2), (config, shapes, wanted)
        of_inputs, of_arrays = config.gradient_macs(wanted, *shapes)
        executed = gradients.macs_of_inputs, gradients.macs_of_arrays
        assert executed == (2 * of_inputs, 2 * of_arrays), (config, shapes, wanted)


@known_kinds
@few
@given(draw=draws)
def test_what_a_kind_says_of_its_way_back_is_what_the_executor_does(name: str, draw: random.Random) -> None:
    config, shapes = load(name).case(draw)
    assume(not config.follows_values)  # then what is kept is that of inputs as they usually are
    check_way_back(config, shapes)


WINDOW: dict[str, Any] = {"kernel_size": (3, 2), "stride": (1, 2), "padding": ((1, 0), (0, 1)), "dilation": (1, 1)}

RARE: dict[str, tuple[str, dict[str, Any], tuple[Shape, ...]]] = {
    "padding lies behind a stride that skips it": (
        "lp_pool",
        {"kernel_size": (3, 1), "stride": 9, "padding": ((1, 2), (0, 3)), "ceil_mode": True, "dilation": 2},
        ((1, 5, 2),),
    ),
    "a weight enters": ("conv", {**WINDOW, "out_channels": 4, "groups": 2}, ((4, 5, 6), (4, 2, 3, 2))),
    "weight and bias enter": ("conv", {**WINDOW, "out_channels": 3}, ((2, 5, 6), (3, 2, 3, 2), (3,))),
    "a weight is transposed": (
        "conv_transpose",
        {**WINDOW, "out_channels": 3, "output_padding": (0, 0)},
        ((2, 5, 6), (2, 3, 3, 2)),
    ),
    "a moved weight enters": ("deform_conv", {**WINDOW, "out_channels": 4}, ((4, 5, 6), (12, 4, 3), (4, 4, 3, 2))),
    "mask and weight": (
        "deform_conv",
        {**WINDOW, "out_channels": 4},
        ((4, 5, 6), (12, 4, 3), (6, 4, 3), (4, 4, 3, 2), (4,)),
    ),
    "256 taps": ("max_pool", {"kernel_size": (16, 16)}, ((2, 32, 16),)),
    "257 taps": ("max_pool", {"kernel_size": (257,), "stride": (1,)}, ((2, 260),)),
    "forgets what it lets in": ("lstm", {"hidden_size": 3, "input_forget": True}, ((4, 2), (3,), (3,))),
    "and looks at the cell": ("lstm", {"hidden_size": 3, "input_forget": True, "peephole": True}, ((4, 2), (3,), (3,))),
    "and is held": ("lstm", {"hidden_size": 3, "input_forget": True, "clip": 2.0}, ((4, 2), (3,), (3,))),
    "one step": ("gru", {"hidden_size": 3, "direction": "bidirectional"}, ((1, 2), (6,))),
    "the largest share": (
        "roi_align",
        {"output_size": (2, 3), "sampling_ratio": 2, "mode": "max"},
        ((3, 6, 5), (2, 4)),
    ),
    "an even size": ("local_response_norm", {"size": 4}, ((6, 3, 2),)),
    "no part is dropped": ("dropout", {"p": 0.0}, ((6, 3),)),
}


@pytest.mark.parametrize(("name", "fields", "shapes"), RARE.values(), ids=RARE)
def test_what_is_rarely_drawn_says_so_too(name: str, fields: dict[str, Any], shapes: tuple[Shape, ...]) -> None:
    config, _ = configured(load(name), fields, shapes)
    check_way_back(config, shapes)


def counted(sizes: Iterable[int]) -> int:
    """Bytes of pieces of memory but for those of shapes and strides, and those that an engine may keep when free."""
    return sum(size for size in sizes if size > 64 and size not in WORTH_KEEPING_BYTES)


@pytest.mark.parametrize("name", sorted(set(layers.names()) - {"upsample"}))  # which holds what an axis reads too
@settings(max_examples=MANY or 4, deadline=None)
@given(draw=draws)
def test_a_run_holds_no_other_memory(name: str, draw: random.Random) -> None:
    """What is alive behind a run is what it keeps, as Python counts the memory that NumPy is given.

    An input that is not kept is gone when whoever made it lets it go.
    """
    config, shapes = load(name).case(draw)
    arrays, inputs = arrays_of(config, shapes, "float32"), entering(shapes, "float32", batch=2)
    engine, wanted = Engine(training=True), Wanted((True,) * len(shapes), weights=True)
    entered = {memory_of(array)[0] for array in (*inputs, *arrays.values())}
    tracemalloc.start()
    try:
        with np.errstate(all="ignore"):
            run = run_traced(engine, config, arrays, inputs, wanted)
        entering_still = [weakref.ref(x) for x in inputs]
        del inputs
        run.hand_over()
        gc.collect()
        alive = tracemalloc.take_snapshot().filter_traces([tracemalloc.DomainFilter(True, NUMPY_MEMORY)])
    finally:
        tracemalloc.stop()
    if not config.follows_values:
        held_inputs = {place for place, x in enumerate(entering_still) if x() is not None}
        assert held_inputs == set(config.kept(wanted, *shapes).inputs)
    kept = dict(memory_of(array) for array in run.kept if isinstance(array, np.ndarray))
    assert counted(trace.size for trace in alive.traces) == counted(
        size for place, size in kept.items() if place not in entered
    )


def test_what_is_not_known_is_not_costed() -> None:
    assert {name for name in layers.names() if not load(name).costed} == UNCOSTED
