"""What is written for a field's value is read back as the same value: as a plain value, and as the text of a spec."""

from __future__ import annotations

import importlib
import pkgutil
from fractions import Fraction
from typing import Any

import pytest
from conftest import MANY
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import convcalc
from convcalc import fields
from convcalc.fields import FieldError, FieldType
from convcalc.language.parsing import parse
from convcalc.language.source import Source
from convcalc.language.values import ValueReader
from convcalc.language.writing import value_text
from convcalc.layers._functions import Function

TYPES: list[FieldType] = [
    fields.Whole("", minimum=0),
    fields.Whole("", minimum=fields.ANY_SIGN),
    fields.Channels("", minimum=1),
    fields.Real(""),
    fields.Flag(""),
    fields.FlagOrWord("", options=("caffe", "full")),
    fields.Choice("", options=("zeros", "reflect", "align_corners")),
    fields.PerAxis(""),
    fields.PerAxis("", minimum=0),
    fields.ScaleFactor(""),
    fields.PaddingType(""),
    fields.Listed(""),
    fields.Listed("", minimum=fields.ANY_SIGN),
    Function(""),
    Function("").item,
    *(fields.optional(type_) for type_ in (fields.PerAxis(""), fields.ScaleFactor(""), fields.Real(""))),
]
SIZES = st.one_of(st.integers(0, 4), st.integers(-5, fields.LARGEST))
NUMBERS = st.one_of(SIZES, st.fractions(0, 100), st.decimals(-1000, 1000, allow_nan=False).map(Fraction))
ITEMS = st.one_of(NUMBERS, st.tuples(SIZES, SIZES), st.booleans(), st.none())
WORDS = st.sampled_from(["zeros", "reflect", "same", "same_lower", "valid", "causal", "tanh", "elu", "caffe"])
FUNCTIONS = st.tuples(st.sampled_from(["elu", "hard_sigmoid"]), NUMBERS) | st.tuples(
    st.just("affine"), NUMBERS, NUMBERS
)
VALUES = st.one_of(
    ITEMS, WORDS, st.lists(SIZES, max_size=3).map(tuple), st.lists(ITEMS, max_size=3).map(tuple), FUNCTIONS
)
LIKELY: dict[type[FieldType], st.SearchStrategy[Any]] = {
    fields.Flag: st.booleans(),
    fields.Choice: st.sampled_from(["zeros", "reflect", "align_corners"]),
}
"""What types of few values accept: hardly any of all values."""


def test_every_type_is_tried() -> None:
    """A type of a file of its own too, but for those of names and of formats, and the parts of one that is listed."""
    for module in pkgutil.walk_packages(convcalc.__path__, "convcalc."):
        if module.name.startswith(("convcalc.layers", "convcalc.fields")):
            importlib.import_module(module.name)
    defined = {type_ for type_ in FieldType.__subclasses__() if type_.__module__.startswith("convcalc.")}
    assert {type_.__name__ for type_ in defined} <= {type(type_).__name__ for type_ in TYPES} | {
        "Held",
        "LabelPart",
        "_Part",
    }


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type(type_).__name__)
def test_every_type_says_what_it_expects_and_so_do_its_items(type_: FieldType) -> None:
    assert type_.expected
    assert type_.item is None or type_.item.expected


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type(type_).__name__)
@settings(max_examples=MANY or 25)
@given(data=st.data(), rank=st.integers(0, 3))
def test_what_is_written_is_read_as_the_same_value(type_: FieldType, data: st.DataObject, rank: int) -> None:
    likely = LIKELY.get(type(type_))
    raw = data.draw(likely if likely is not None and data.draw(st.booleans()) else VALUES)
    try:
        value = type_.accept(raw, rank)
    except FieldError:
        assume(False)
    written = type_.written(value)
    assert type_.accept(written, rank) == value
    root = parse(Source("net.yaml", value_text(written))).root
    assert root is not None
    reader = ValueReader(Source("net.yaml", ""))
    assert type_.accept(reader.value(root, set(), type_, "field").evaluate({}), rank) == value
