"""Every kind over sizes and fields that are swept, against analyze at each point."""

from __future__ import annotations

import random
from typing import Any

import pytest
from conftest import MANY, draws, load
from hypothesis import given, settings
from swept import differing

from convcalc import layers
from convcalc.language import Source
from convcalc.language.writing import value_text
from convcalc.layers import Kind, Shape, field_types
from convcalc.sweeping.axes import Axis


def spec_of(config: Kind, shapes: tuple[Shape, ...], kind: str) -> Source:
    """A network of one layer."""
    names = [f"x{number}" for number in range(len(shapes))]
    types = field_types(type(config))
    fields = {name: of.written(getattr(config, name)) for name, of in types.items()}
    written = value_text({"name": "layer", "from": names, **fields})
    inputs = "".join(f"  {name}: {list(shape)}\n" for name, shape in zip(names, shapes, strict=True))
    return Source("<spec>", f"inputs:\n{inputs}layers:\n  - {kind}: {written}\n")


def resized(shape: Shape, draw: random.Random) -> list[Shape]:
    """Other shapes of as many axes."""
    return [shape, *(tuple(max(size + draw.choice((-1, 0, 0, 1, 2, size)), 1) for size in shape) for _ in range(4))]


def other_values(value: Any, draw: random.Random) -> list[Any]:
    """Other values of a field, most of them of its form."""
    if isinstance(value, bool) or value is None:
        return [value, True, False]
    if isinstance(value, int):
        return [value, value + 1, value + 2, max(value - 1, 0), 2 * value]
    if isinstance(value, tuple) and all(isinstance(item, int) and not isinstance(item, bool) for item in value):
        return [value, *(tuple(max(item + draw.choice((-1, 0, 1)), 0) for item in value) for _ in range(3))]
    return [value]


@pytest.mark.parametrize("kind", layers.names())
@settings(max_examples=MANY or 3)
@given(draw=draws)
def test_every_point_of_a_kind_is_what_analyze_says(kind: str, draw: random.Random) -> None:
    config, shapes = load(kind).case(draw)
    source = spec_of(config, shapes, kind)
    axes = [Axis(f"x{number}", list(dict.fromkeys(resized(shape, draw)))) for number, shape in enumerate(shapes)]
    fields = list(field_types(type(config)).items())
    for name, of in draw.sample(fields, min(2, len(fields))):
        values = list(dict.fromkeys(map(repr, other := other_values(of.written(getattr(config, name)), draw))))
        axes.append(Axis(f"layer.{name}", [next(value for value in other if repr(value) == text) for text in values]))
    assert differing(source, axes, draw) == []
