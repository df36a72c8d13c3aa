"""What is swept, as it is written: every range against decimal arithmetic, and what is wrong with its place."""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convcalc.language.source import SpecError
from convcalc.sweeping.progressions import JoinedValues, Progression
from convcalc.sweeping.ranges import MOST_VALUES, axes_of, axis_of
from convcalc.sweeping.values import exact, text

decimals = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), st.integers(-3000, 3000), st.integers(0, 4)
)


def walked(first: Decimal, last: Decimal, step: Decimal) -> list[Decimal]:
    """The numbers of a range, by adding."""
    numbers, number = [], first
    while number <= last if step > 0 else number >= last:
        numbers.append(number)
        number += step
    return numbers


def problem(written: Any) -> Any:
    with pytest.raises(SpecError) as error:
        axis_of(written) if isinstance(written, str) else axes_of(written)
    (diagnostic,) = error.value.diagnostics
    return diagnostic


# ---- ranges ------------------------------------------------------------------------------------------------------


@given(decimals, decimals, decimals)
def test_a_range_has_the_numbers_that_adding_gives(first: Decimal, last: Decimal, step: Decimal) -> None:
    assume(step and abs(last - first) < 500 * abs(step))
    if (last - first) * step < 0:
        step = -step
    values = axis_of(f"width={first:f}:{last:f}:{step:f}").values
    expected = list(map(Fraction, walked(first, last, step)))
    assert list(values) == expected
    assert [values[place] for place in range(len(values))] == expected
    assert all(isinstance(value, int) == (value.denominator == 1) for value in values)
    assert (values[-1] == last) == (last in walked(first, last, step))
    middle = values[1:-1:2]
    assert list(middle) == expected[1:-1:2]


@given(decimals, decimals, decimals)
def test_a_range_that_never_ends_is_refused_and_what_is_advised_is_right(
    first: Decimal, last: Decimal, step: Decimal
) -> None:
    assume((last - first) * step < 0 and abs(last - first) < 500 * abs(step))
    refused = problem(f"width={first:f}:{last:f}:{step:f}")
    assert "never reaches" in refused.message
    turned, backwards = refused.help.removeprefix("did you mean ").removesuffix("?").split(", or ")
    assert list(axis_of(f"width={turned}").values) == list(map(Fraction, walked(first, last, -step)))
    assert list(axis_of(f"width={backwards}").values) == list(map(Fraction, walked(last, first, step)))


@given(st.lists(decimals, min_size=1, max_size=8, unique=True))
def test_a_list_has_the_numbers_that_are_written(numbers: list[Decimal]) -> None:
    values = axis_of(f"width={','.join(f'{number:f}' for number in numbers)}").values
    assert list(values) == list(map(Fraction, numbers))
    assert list(axis_of(f"width={','.join(map(text, values))}").values) == list(values)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("width=0.25:1:0.25", [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), 1]),
        ("width=0.25:0.9:0.25", [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]),
        ("input=96:98", [96, 97, 98]),
        ("input=320:96:-64", [320, 256, 192, 128]),
        ("input=7:7:-3", [7]),
        ("input=96:160:32,224,3x256x128", [96, 128, 160, 224, (3, 256, 128)]),
        (" width = 1 , 2 ", [1, 2]),
        ("rate=1e-3:3e-3:1e-3", [Fraction(1, 1000), Fraction(1, 500), Fraction(3, 1000)]),
        ("bias=true,false", [True, False]),
        ("bias=1,true", [1, True]),
        ("variant=standard,separable,grouped:groups=4", ["standard", "separable", "grouped:groups=4"]),
        ("depths=[2,2,2,2],[3, 4, 6, 3]", [(2, 2, 2, 2), (3, 4, 6, 3)]),
        ("blocks=[[1,0.5],[2,0.25]],[]", [((1, Fraction(1, 2)), (2, Fraction(1, 4))), ()]),
        ("mode='no','a, b'", ["no", "a, b"]),
        ("width=0.1000000000000000055511151231257827", [Fraction("0.1000000000000000055511151231257827")]),
    ],
)
def test_what_is_written_is_what_is_swept(written: str, values: list[Any]) -> None:
    axis = axis_of(written)
    assert axis.name == written.partition("=")[0].strip()
    assert list(axis.values) == values
    assert list(map(type, axis.values)) == list(map(type, values))


def test_a_layer_may_have_any_name() -> None:
    assert axis_of("features.1.conv.kernel_size=3,5").name == "features.1.conv.kernel_size"
    assert axis_of("layer*.conv2.groups=1,2").name == "layer*.conv2.groups"
    assert axis_of("input.1=224").name == "input.1"


def test_a_long_range_takes_no_memory_and_no_time() -> None:
    started = time.process_time()
    axis = axis_of(f"width=0.000001:{MOST_VALUES}e-6:0.000001")
    assert len(pickle.dumps(axis.values)) < 200
    assert axis.values[999_999] == 1
    assert axis.values[123_456] == Fraction(123_457, 10**6)
    assert pickle.loads(pickle.dumps(axis.values)) == axis.values  # noqa: S301  # our own
    assert time.process_time() - started < 0.5


@given(st.lists(st.lists(st.integers(-9, 9), max_size=4), max_size=4), st.data())
def test_joined_values_are_a_list(parts: list[list[int]], data: st.DataObject) -> None:
    joined, flat = JoinedValues(parts), [number for part in parts for number in part]
    assert list(joined) == flat
    assert [joined[place] for place in range(-len(flat), len(flat))] == flat + flat
    first, last = data.draw(st.integers(-20, 20)), data.draw(st.integers(-20, 20))
    assert list(joined[first:last]) == flat[first:last]
    with pytest.raises(IndexError):
        joined[len(flat)]


# ---- what is wrong -----------------------------------------------------------------------------------------------

WRONG = [
    ("width", "width", "expected NAME=VALUES, found `width`"),
    ("=1,2", "=", "expected the name of what is swept before the =, found nothing"),
    ("width=", "width=", "width: expected values behind the =, found nothing"),
    (".width=1", ".width", "expected LAYER.FIELD, found `.width`"),
    ("stem.=1", "stem.", "expected LAYER.FIELD, found `stem.`"),
    ("width=0.25:1.5:0", "0", "width: a range from 0.25 in steps of 0 never ends"),
    ("width=0.25:1.5:0.00", "0.00", "width: a range from 0.25 in steps of 0 never ends"),
    ("width=1.5:0.25:0.05", "1.5:0.25:0.05", "width: a range from 1.5 up by 0.05 never reaches 0.25"),
    ("width=1:2:-1", "1:2:-1", "width: a range from 1 down by 1 never reaches 2"),
    ("width=5:1", "5:1", "width: a range from 5 up by 1 never reaches 1"),
    ("width=1:inf:1", "inf", "width: expected a number, found `inf`"),
    ("width=1::2", ":", "width: a number is missing here"),
    ("width=:5", ":", "width: a number is missing here"),
    ("width=1:5:", "", "width: a number is missing here"),
    ("width=1:2:3:4", ":4", "width: expected two or three numbers in a range, found 4"),
    ("width=1:true", "true", "width: expected a number, found `true`"),
    ("width=3x96:3x128", "3x96", "width: expected a number, found `3x96`"),
    ("width=1,,2", ",", "width: expected a value here, found none"),
    ("width=1,2,", "", "width: expected a value here, found none"),
    ("width=0.5,0.25,0.50", "0.50", "width: the value 0.5 is there twice"),
    ("input=96:320:32,128", "128", "input: the value 128 is there twice"),
    ("input=1:5,4:6", "4:6", "input: the value 4 is there twice"),
    ("depths=[1,2],[1, 2.0]", "[1, 2.0]", "depths: the value [1,2] is there twice"),
    ("width=0:1:0.0000001", "0:1:0.0000001", "width: 10,000,001 values are more than the 1,000,000"),
    ("width=1,0:1e40:1e-40", "0:1e40:1e-40", "width: 1.0e80 values are more than the 1,000,000"),
    ("width=0.35000000000000000000000000000000000000001", "0.35000000000000000000000000000000000000001",
     "width: a number of more than 40 digits is not meant here"),
    ("width=1:2:1e-99", "1e-99", "width: a number of more than 40 digits is not meant here"),
    ("width=010", "010", "width: 010 is 8-based to some readers and 10-based to others"),
    ("width=null", "null", "width: expected a value, found `null`"),
    ("bias=yes,no", "yes", "bias: found the text `yes`"),
    ("width=2*width", "2*width", "width: expected a number, true or false, a word"),
    ("width=1.2.3", "1.2.3", "width: expected a number, true or false, a word"),
    ("width=$(rm)", "$(rm)", "width: expected a number, true or false, a word"),
    ("width=1 2", "1 2", "width: expected a number, true or false, a word"),
    ("depths=[2,{a: 1}]", "{", "depths: expected a value, found a mapping"),
    ("depths=[2,null]", "null", "depths: expected a value, found `null`"),
    ("depths=1,[2,w*2]", "w*2", "depths: expected a number, true or false, a word"),
    ("depths=1,[2,3", "", "depths: not valid YAML"),
    ("depths=[1],[2]]", "]", "depths: not valid YAML"),
    ("depths=1,!!int 3", "!!int 3", "depths: tags are not used here"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "marked", "message"), WRONG)
def test_what_is_wrong_is_marked_where_it_stands(written: str, marked: str, message: str) -> None:
    refused = problem(written)
    assert refused.message.startswith(message)
    assert (refused.path, refused.line, refused.text) == ("--over", 1, written)
    assert written[refused.column - 1 : refused.end_column - 1] == marked


@given(st.text(st.sampled_from("width=.0123456789:,[]{}'\"-+e x*&!#\n\t"), max_size=24))
def test_whatever_is_written_ends_in_an_axis_or_an_error_with_a_place(written: str) -> None:
    try:
        axis = axis_of(f"a={written}")
    except SpecError as error:
        for diagnostic in error.diagnostics:
            assert 0 < diagnostic.column <= diagnostic.end_column
            assert diagnostic.message
    else:
        assert 0 < len(axis.values) <= MOST_VALUES


def test_a_list_of_lists_of_lists_ends() -> None:
    levels = "[" + ",".join(["&a [1,1]", *(f"&{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)}]" for n in range(20))]) + "]"
    started = time.process_time()
    assert "more than 10000 items" in problem(f"depths={levels}").message
    assert time.process_time() - started < 2


def test_a_name_is_swept_once() -> None:
    refused = problem(["width=1,2", "input=96", " width=3"])
    assert refused.message == "width is swept twice"
    assert refused.text[refused.column - 1 : refused.end_column - 1] == "width"
    assert [axis.name for axis in axes_of(["width=1", "input=96"])] == ["width", "input"]


# ---- from Python -------------------------------------------------------------------------------------------------


@given(st.floats(-1e6, 1e6).filter(lambda number: number == number))
def test_a_float_is_the_decimal_that_is_written(number: float) -> None:
    value = exact(number)
    assert value == Fraction(Decimal(repr(number)))
    assert float(value) == number
    (read,) = axis_of(f"a={text(value)}").values if len(text(value)) <= 40 else [value]
    assert read == value


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.35, 0.5, 1.0], [Fraction(7, 20), Fraction(1, 2), 1]),
        ([(3, 96, 96), [3, 128, 128]], [(3, 96, 96), (3, 128, 128)]),
        (range(3, 9, 2), [3, 5, 7]),
        (np.arange(3), [0, 1, 2]),
        (np.array([0.35, 0.7], "float32"), [Fraction(7, 20), Fraction(7, 10)]),
        (np.array([[2, 2], [3, 4]]), [(2, 2), (3, 4)]),
        (np.array([True, False]), [True, False]),
        ([Fraction(1, 3), Decimal("0.1")], [Fraction(1, 3), Fraction(1, 10)]),
        ("0.5:1:0.25", [Fraction(1, 2), Fraction(3, 4), 1]),
        (["standard", "ghost"], ["standard", "ghost"]),
        (np.array(["standard", "ghost"]), ["standard", "ghost"]),
        (Progression(range(1, 4), 2), [Fraction(1, 2), 1, Fraction(3, 2)]),
    ],
    ids=str,
)
def test_values_from_python(values: Any, expected: Sequence[Any]) -> None:
    (axis,) = axes_of({"a": values})
    assert list(axis.values) == expected
    assert list(map(type, axis.values)) == list(map(type, expected))


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"width": []}, "width: expected values, found none"),
        ({"width": np.zeros(0)}, "width: expected values, found none"),
        ({"width": 0.5}, "width: expected values in a list, a range or an array, found a float"),
        ({"width": np.float64(0.5)}, "width: expected values in a list, a range or an array, found a float64"),
        ({"width": {1, 2}}, "width: expected values in a list, a range or an array, found a set"),
        ({"width": [1, 1.0]}, "width: the value 1 is there twice"),
        ({"width": [float("nan")]}, "width: expected a number, found nan"),
        ({"width": np.array([np.inf])}, "width: expected a number, found inf"),
        ({"width": [None]}, "width: expected a number, true or false, a text or a list of such, found None"),
        ({"width": range(10**30)}, "width: 1.0e30 values are more than the 1,000,000 that one axis may have"),
        ({"": [1]}, "expected the name of what is swept, found nothing"),
        ({"width": "1:2:0"}, "width: a range from 1 in steps of 0 never ends"),
    ],
    ids=str,
)
def test_what_is_wrong_from_python(given_: dict[str, Any], message: str) -> None:
    assert problem(given_).message == message


@given(st.fractions(max_denominator=10**6))
def test_a_fraction_is_written_with_all_its_digits(number: Fraction) -> None:
    written = text(int(number) if number.denominator == 1 else number)
    top, _, bottom = written.partition(" / ")
    assert Fraction(top) / Fraction(bottom or 1) == number
    assert bool(bottom) == any(number.denominator % prime == 0 for prime in _odd_primes(number.denominator))


def _odd_primes(number: int) -> list[int]:
    for prime in (2, 5):
        while number % prime == 0:
            number //= prime
    return [number] if number > 1 else []


words = st.text(st.sampled_from("abtrueon,[]{}:=-#1. x"), max_size=8)
plain = st.integers(-999, 999) | decimals.map(exact) | st.booleans() | words | st.sampled_from(["true", "no", "null"])


@given(plain | st.lists(plain | st.lists(plain, max_size=3).map(tuple), max_size=3).map(tuple))
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    (read,) = axis_of(f"a={text(value)}").values
    assert read == value
    assert type(read) is type(value)
    assert list(axis_of(f"a={text(value)},[7,7,7,7]").values) == [value, (7, 7, 7, 7)]


def test_a_range_goes_one_way() -> None:
    up, down = axis_of("a=1:9:0.5").values, axis_of("a=9:1:-0.5").values
    assert list(up) == list(down)[::-1]
    assert all(before < after for before, after in pairwise(up))
