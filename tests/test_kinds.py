"""What every layer kind must keep to, on cases it generates itself, and what counting by brute force says of some."""

from __future__ import annotations

import contextlib
import inspect
import random
import re
import sys
from fractions import Fraction
from typing import Any

import brute_force
import msgspec
import numpy as np
import pytest
from brute_force import worth
from conftest import MANY, Case, convolutions, draws, load, pools
from hypothesis import given, settings
from hypothesis import strategies as st

from convcalc import analyze, layers
from convcalc.arithmetic.field import at_input
from convcalc.arithmetic.number import Term, TracedNumber
from convcalc.fields import FieldError, Flag, Real, shown
from convcalc.language import Source, loads
from convcalc.layers import Shape, defaults, field_types
from convcalc.views.formulas import formula_text

NAMES = layers.names()
COSTS = ("shape", "params", "macs", "elementwise_ops")
every_kind = pytest.mark.parametrize("name", NAMES)
few = settings(max_examples=MANY or 25)
many = settings(max_examples=MANY or 200)


def costs(config: Any, inputs: Any) -> dict[str, Any]:
    return {cost: getattr(config, cost)(*inputs) for cost in COSTS}


@every_kind
@few
@given(draw=draws)
def test_a_case_is_accepted_and_has_a_size(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    least, most = config.inputs
    assert least <= len(inputs) <= (most or len(inputs))
    assert [check for check in config.checks(*inputs) if not check.holds] == []
    shape, params, macs, ops = costs(config, inputs).values()
    assert shape
    assert min(shape) >= 1
    assert min(params, macs, ops) >= 0
    assert all(type(number) is int for number in (*shape, params, macs, ops))
    assert "\n" not in config.summary()
    field = config.receptive_field(tuple(at_input(len(x) - 1) for x in inputs), inputs)
    assert len(field.carries) == len(shape)


@every_kind
@few
@given(draw=draws)
def test_arrays_of_sizes_agree_with_ints(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    several = [tuple(tuple(size * times for size in x) for x in inputs) for times in (1, 2, 3)]
    stacked = stack(several)
    of_arrays = costs(config, stacked)
    for index, item in enumerate(several):
        assert costs(config, item) == {
            "shape": tuple(entry_of(size, index) for size in of_arrays["shape"]),
            **{cost: entry_of(of_arrays[cost], index) for cost in COSTS[1:]},
        }


@every_kind
@few
@given(draw=draws)
def test_checks_are_masks_on_arrays(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    several = [tuple(tuple(size + more for size in x) for x in inputs) for more in (0, 1, 2)]
    stacked = stack(several)
    masks = [check.holds for check in config.checks(*stacked)]
    for index, item in enumerate(several):
        assert [bool(check.holds) for check in config.checks(*item)] == [bool(entry_of(mask, index)) for mask in masks]


def stack(several: list[tuple[Shape, ...]]) -> Any:
    """One set of input shapes whose entries are arrays of those of several."""
    return tuple(
        tuple(np.array(sizes, np.int64) for sizes in zip(*xs, strict=True)) for xs in zip(*several, strict=True)
    )


def entry_of(number: Any, index: int) -> Any:
    """One of the three of `stack`, of what was made of it."""
    return np.broadcast_to(number, 3)[index].item()


PLACES = {"axis", "axes", "start_axis", "end_axis"}
"""Fields that say which axis, and enter no formula as a number."""


def traced(value: Any, symbol: str) -> Any:
    """The value with a symbol for every number in it."""
    if isinstance(value, tuple):
        return tuple(traced(item, f"{symbol}_{index}") for index, item in enumerate(value))
    return TracedNumber(Term(value, symbol)) if type(value) is int else value


def symbols(value: Any) -> dict[str, int]:
    """The value of every symbol."""
    if isinstance(value, tuple):
        return {symbol: number for item in value for symbol, number in symbols(item).items()}
    return {value.term.symbol: value.value} if isinstance(value, TracedNumber) else {}


@every_kind
@few
@given(draw=draws)
def test_traced_numbers_agree_and_their_texts_say_so(name: str, draw: random.Random) -> None:
    kind = load(name)
    config, inputs = kind.case(draw)
    fields = {
        field: traced(getattr(config, field), field)
        for field, type_ in field_types(kind).items()
        if field not in PLACES and not isinstance(type_, Flag | Real)
    }
    shapes = tuple(traced(x, f"x{index}") for index, x in enumerate(inputs))
    values = symbols((*fields.values(), *shapes))
    result, expected = costs(msgspec.structs.replace(config, **fields), shapes), costs(config, inputs)
    for cost in COSTS:
        pairs = (
            zip(*map(np.atleast_1d, (result[cost], expected[cost])), strict=True)
            if cost != "shape"
            else zip(result[cost], expected[cost], strict=True)
        )
        for number, value in pairs:
            assert number == value, cost
            if isinstance(number, TracedNumber):
                assert worth(formula_text(number.term), values) == value, (cost, number)
                assert worth(formula_text(number.term, numbers=True), {}) == value, (cost, number)


def written(value: Any) -> str:
    """A field's value as the spec language writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(written, value))}]"
    return str(value) if isinstance(value, str) else repr(value) if isinstance(value, float) else shown(value)


@every_kind
@few
@given(draw=draws)
def test_a_case_can_be_written_in_the_spec_language(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    given_fields = {field: getattr(config, field) for field in field_types(load(name))}
    if given_fields.get("scale_factor"):
        given_fields["scale_factor"] = tuple(f"{top} / {bottom}" for top, bottom in given_fields["scale_factor"])
    fields = "".join(f", {field}: {written(value)}" for field, value in given_fields.items())
    sources = [f"in{index}" for index in range(len(inputs))]
    text = (
        f"inputs: {{{', '.join(f'{source}: {list(x)}' for source, x in zip(sources, inputs, strict=True))}}}\n"
        f"layers:\n  - {name}: {{from: [{', '.join(sources)}]{fields}}}\n"
    )
    node = loads(Source("case.yaml", text)).layers[0]
    assert node.config == config, text
    assert node.shape == config.shape(*inputs)


EXAMPLE = re.compile(
    r"Example:\n((?:    .*\n)+?)    # output (\S+), params (\d+), macs (\d+)(?:, field (\d+))?(?:\n|$)"
)


def page(name: str) -> str:
    """A kind's docstring: that of its file, or of its class where a file holds several."""
    kind = load(name)
    page = kind.__doc__ if ".families." in kind.__module__ else sys.modules[kind.__module__].__doc__
    return inspect.cleandoc(page or "")


@every_kind
def test_the_manual_page_has_an_example_that_is_true(name: str) -> None:
    match = EXAMPLE.search(page(name))
    assert match, page(name)
    report = analyze(loads(Source(f"{name}.yaml", inspect.cleandoc(match[1]))))
    assert name in {row.kind for row in report.layers}
    last = report.layers[-1]
    assert "x".join(map(str, last.output_shape)) == match[2]
    assert (report.totals.params, report.totals.macs) == (int(match[3]), int(match[4]))
    sizes = set(last.receptive_field.size or ())
    assert sizes - {None} == ({int(match[5])} if match[5] else set())


@every_kind
def test_the_manual_page_names_a_source_and_every_field(name: str) -> None:
    kind = load(name)
    assert ".families.activations" in kind.__module__ or re.search(r"^Source: \S", page(name), re.MULTILINE)
    assert set(field_types(kind)) == {field.name for field in msgspec.structs.fields(kind)}
    for field, type_ in field_types(kind).items():
        assert type_.about.strip(), field
        assert type_.expected.strip(), field
        assert type_.schema(), field


@every_kind
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_defaults_are_of_their_own_type(name: str, rank: int) -> None:
    types = field_types(load(name))
    for field, default in defaults(load(name)).items():
        expanded = types[field].expand(default, rank)
        assert types[field].accept(expanded, rank) == expanded


BOUND = 2**256  # a number in an expression has no more bits
SCALARS = (
    st.none() | st.booleans() | st.integers(-BOUND, BOUND) | st.integers(-3, 3) | st.text(max_size=5)
    | st.fractions(-BOUND, BOUND) | st.sampled_from(["same", "causal", "valid", "zeros", "nearest", ""])
)  # fmt: skip
VALUES = st.recursive(SCALARS, lambda items: st.lists(items, max_size=4).map(tuple), max_leaves=8)


@every_kind
@few
@given(value=VALUES, rank=st.integers(0, 3))
def test_any_value_is_accepted_or_refused_as_a_field_error(name: str, value: Any, rank: int) -> None:
    for type_ in field_types(load(name)).values():
        with contextlib.suppress(FieldError):
            type_.accept(value, rank)


WRONG = {
    "Whole": (True, None, "1", Fraction(1, 2), (1,), 2**31),
    "Channels": (True, None, "1", Fraction(1, 2), (1,), 0, 2**31),
    "Real": (True, None, "1", (1,), (((),),)),
    "Flag": (0, 1, None, "yes", (True,)),
    "FlagOrWord": (0, 1, None, "yes", "ceil", "", (True,)),
    "Choice": (0, True, None, "no such word", ("zeros",)),
    "PerAxis": (True, None, "1", Fraction(1, 2), (1,), (1, 2, 3), (1, True), ((1, 1), (1, 1)), 0 - 1, 2**31),
    "Scale": (True, None, 0, -1, "2", (1,), (1, 0), 2**31),
    "PaddingType": (True, None, -1, Fraction(1, 2), (1,), ((1, 2),), ((1,), (1,)), (1, -1), "full", "causal", 2**31),
    "Listed": (True, None, "1", (), (Fraction(1, 2),), ((1,),), 2**31),
    "Optional": (True, "no such word", (((),),), -(2**200), (Fraction(1, 3), "same")),
    "Function": (0, True, None, "no such word", ("zeros",), ("tanh", 1), ("leaky_relu",), ("elu", "a"), ((),)),
    "Cells": (True, "1", Fraction(1, 2), (1,), 0, (1, "a")),
}


def test_the_wrong_values_are_of_every_type_there_is() -> None:
    used = {type(type_).__name__ for name in NAMES for type_ in field_types(load(name)).values()}
    assert used <= set(WRONG)


@every_kind
def test_values_of_the_wrong_type_are_refused(name: str) -> None:
    for field, type_ in field_types(load(name)).items():
        for value in WRONG[type(type_).__name__]:
            with pytest.raises(FieldError):
                assert type_.accept(value, 2) is None, (field, value)


# What follows counts: windows are moved over cells, and what they touch is taken down.


def counted(name: str, case: Case) -> None:
    config, inputs = case
    assert [check for check in config.checks(*inputs) if not check.holds] == []
    result = getattr(brute_force, name)(config, *inputs)
    assert config.shape(*inputs) == result.shape
    assert config.macs(*inputs) == result.macs
    assert config.params(*inputs) == len(result.weights)


@many
@given(convolutions())
def test_convolutions_cost_what_moving_them_costs(case: Case) -> None:
    counted("conv", case)


@many
@given(convolutions(transposed=True))
def test_transposed_convolutions_cost_what_writing_them_costs(case: Case) -> None:
    counted("conv_transpose", case)


@pytest.mark.parametrize("name", ["conv", "linear", "attention", "lstm", "gru", "rnn"])
@few
@given(draw=draws)
def test_cases_cost_what_doing_them_costs(name: str, draw: random.Random) -> None:
    case = load(name).case(draw)
    counted(name, case)


@pytest.mark.parametrize("word", ["same", "same_lower", "valid"])
@many
@given(kernel=st.integers(1, 6), stride=st.integers(1, 6), dilation=st.integers(1, 3), size=st.integers(1, 9))
def test_transposed_same_undoes_same(word: str, kernel: int, stride: int, dilation: int, size: int) -> None:
    """The sizes come back that the convolution made of: stride cells for each; with valid all that was written."""
    config = load("conv_transpose")(
        out_channels=1, kernel_size=(kernel,), stride=(stride,), dilation=(dilation,), padding=word, output_padding=(0,)
    )
    written_ = {cell * stride + tap * dilation for cell in range(size) for tap in range(kernel)}
    own = {cell * stride + more for cell in range(size) for more in range(stride)}
    assert config.shape((1, size)) == (1, max(written_ | own) + 1 if word == "valid" else len(own))


@many
@given(pools("max_pool"))
def test_max_pools_compare_every_tap_but_the_first(case: Case) -> None:
    config, (x,) = case
    assert [check for check in config.checks(x) if not check.holds] == []
    shape, outputs, taps = brute_force.pool(config, x)
    assert (config.shape(x), config.elementwise_ops(x)) == (shape, taps - outputs)


@many
@given(pools("avg_pool"))
def test_average_pools_add_and_divide(case: Case) -> None:
    config, (x,) = case
    shape, _, taps = brute_force.pool(config, x)
    assert (config.shape(x), config.elementwise_ops(x)) == (shape, taps)


@many
@given(draws)
def test_adaptive_pools_visit_every_cell(draw: random.Random) -> None:
    config, (x,) = load("adaptive_avg_pool").case(draw)
    shape, outputs, taps = brute_force.adaptive_pool(config, x)
    assert (config.shape(x), config.elementwise_ops(x)) == (shape, taps)
    largest = load("adaptive_max_pool")(output_size=config.output_size)  # type: ignore[attr-defined]
    assert (largest.shape(x), largest.elementwise_ops(x)) == (shape, taps - outputs)
