"""A spec on which something is wrong, made as small as it can be while that stays wrong.

It knows nothing of layers: a spec is plain values, and whatever the loader accepts is one. Layers, inputs, axes and
fields are left out, numbers made smaller, alone or together where they are equal; the first step that helps is taken,
until none does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from convcalc.battery.cases import Case
from convcalc.language import Source, SpecError, loads, writing

MOST_TRIES = 400
"""Specs that are tried; few cases need half of it."""

Place = tuple[Any, ...]
"""The keys and indices that lead to a value."""


def shrunk(case: Case, still_wrong: Callable[[Case], bool], most_tries: int = MOST_TRIES) -> Case:
    """The smallest case found on which `still_wrong` holds; those that the loader refuses are not asked about."""
    tries = 0
    smaller = True
    while smaller:
        smaller = False
        for document in _steps(case.document):
            try:
                candidate = Case(case.subject, _fitted(document))
                if _size(candidate.document) >= _size(case.document):
                    continue
                candidate.network()
            except Exception:  # noqa: S112  # it is refused, or a formula that is wrong fails in whatever way
                continue
            tries += 1
            if tries > most_tries:
                return case
            if still_wrong(candidate):
                case, smaller = candidate, True
                break
    return case


def _size(document: Any) -> tuple[int, float]:
    """How large a spec is: its values and collections, then what these amount to; expressions are more than numbers."""
    values = [value for _, value in _values(document)]
    return len(values) + sum(1 for _ in _collections(document)), sum(map(_weight, values))


def _weight(value: Any) -> float:
    if isinstance(value, int | float):
        return abs(value)
    return 1000 if isinstance(value, str) else 1


def _places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value and every collection, with its place."""
    yield place, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(item, (*place, key))


def _values(value: Any) -> Iterator[tuple[Place, Any]]:
    """Every value that is no collection, and every empty collection, with its place."""
    return ((place, item) for place, item in _places(value) if not isinstance(item, dict | list) or not item)


def _collections(value: Any) -> Iterator[tuple[Place, Any]]:
    return ((place, item) for place, item in _places(value) if isinstance(item, dict | list))


def _with(document: Any, place: Place, value: Any) -> Any:
    """A copy with another value at a place."""
    if not place:
        return value
    copy = document.copy()
    copy[place[0]] = _with(document[place[0]], place[1:], value)
    return copy


def _without(document: Any, place: Place) -> Any:
    """A copy with nothing at a place."""
    copy = document.copy()
    if len(place) == 1:
        del copy[place[0]]
    else:
        copy[place[0]] = _without(document[place[0]], place[1:])
    return copy


def _steps(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Specs that may be smaller, the boldest steps first."""
    yield from _without_axes(document)
    yield from _without_inputs(document)
    yield from _left_out(document)
    yield from _simpler(document)
    yield from _together(document)


def _left_out(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Without a layer, a branch, a field or a variable."""
    if "variables" in document:
        yield _without(document, ("variables",))
    for place, value in _collections(document):
        keys: Any = reversed(range(len(value))) if isinstance(value, list) else [*value]
        within_layers = place[:1] in (("layers",), ("variables",))
        for key in keys if within_layers and len(value) > (place == ("layers",)) else ():
            yield _without(document, (*place, key))


def _simpler(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One value simpler: a number for a list or an expression, a smaller number, no fields for a layer."""
    for place, value in _collections(document):
        if len(place) < 2 or place[0] != "layers":
            continue
        if isinstance(value, dict) and isinstance(place[-1], int) and [*value.values()] == [{}]:
            yield _with(document, place, *value)
        if _are_numbers(value):
            yield from (_with(document, place, item) for item in dict.fromkeys(sorted(value, key=abs)))
        if value == [] and isinstance(place[-1], str) and place[-1] != "branches":
            yield from (_with(document, place, number) for number in (0, 1))
        if isinstance(value, list) and place[-1] == "padding" and all(map(_are_numbers, value)):
            yield from (_with(document, (*place, index), max(item)) for index, item in enumerate(value))
    for place, value in _values(document):
        if isinstance(value, str) and not {"name", "from", "share"}.intersection(place) and place[:1] != ("name",):
            yield from (_with(document, place, number) for number in (0, 1, 2))
        yield from (_with(document, place, number) for number in _smaller(value))


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def _smaller(value: Any) -> list[int]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return []
    size, sign = int(abs(value)), -1 if value < 0 else 1
    return [sign * number for number in dict.fromkeys((0, 1, size // 2, size - 1)) if 0 <= number < abs(value)]


def _together(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All equal numbers smaller at once, and the same axis of all inputs: channels and groups go together."""
    numbers = [(place, value) for place, value in _values(document) if type(value) is int]
    for value in sorted({value for _, value in numbers if abs(value) > 1}, reverse=True):
        for number in _smaller(value):
            yield _replaced(document, {place: number for place, size in numbers if size == value})
    for factor in (2, 3):
        multiples = {place: value // factor for place, value in numbers if value and value % factor == 0}
        if multiples:
            yield _replaced(document, multiples)
    shapes = document.get("inputs", {})
    for axis in range(max(map(len, shapes.values()), default=0)):
        sizes = {("inputs", name, axis): shape[axis] for name, shape in shapes.items() if axis < len(shape)}
        for number in _smaller(max(sizes.values())):
            yield _replaced(document, {place: min(size, max(number, 1)) for place, size in sizes.items()})
    large = [(place, value) for place, value in numbers if value > 1]
    if len(large) <= _MOST_NUMBERS_IN_PAIRS:
        for (first, size), (second, size_there) in combinations(large, 2):
            yield _replaced(document, {first: size - 1, second: size_there - 1})


_MOST_NUMBERS_IN_PAIRS = 10
"""Numbers of which every two are made smaller together."""


def _replaced(document: dict[str, Any], values: dict[Place, Any]) -> dict[str, Any]:
    for place, value in values.items():
        document = _with(document, place, value)
    return document


def _without_axes(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Without one spatial axis: in every input, and in every list that has an entry for each."""
    shapes: dict[Place, list[int]] = {("inputs", name): shape for name, shape in document.get("inputs", {}).items()}
    if "input" in document:
        shapes[("input",)] = document["input"]
    rank = max(len(shape) for shape in shapes.values()) - 1
    listed = [place for place, value in _collections(document) if _is_per_axis(place, value, rank)]
    for axis in range(rank):
        smaller = document
        for place, shape in shapes.items():
            if axis + 1 < len(shape):
                smaller = _without(smaller, (*place, axis + 1))
        for place in listed:
            smaller = _without(smaller, (*place, axis))
        yield smaller


def _is_per_axis(place: Place, value: Any, rank: int) -> bool:
    """Whether it is the list of a field with as many entries as there are axes."""
    is_field = place[:1] == ("layers",) and len(place) > 2 and place[-1] not in ("branches", "from")
    return is_field and isinstance(place[-1], str) and isinstance(value, list) and len(value) == rank


def _without_inputs(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Without one of several inputs, also where it is named; a single one needs no name."""
    inputs = document.get("inputs", {})
    if len(inputs) == 1:
        yield {"input": next(iter(inputs.values())), **_without(document, ("inputs",))}
    for name in inputs if "offset" not in inputs else ["mask"] * ("mask" in inputs):
        smaller = _without(document, ("inputs", name))
        for place, value in _collections(document):
            if place[-1:] == ("from",) and isinstance(value, list) and name in value:
                smaller = _with(smaller, place, [other for other in value if other != name])
        yield smaller


def _fitted(document: dict[str, Any]) -> dict[str, Any]:
    """The same, the maps of a deformable convolution as large as its other fields make them."""
    layer, inputs = document["layers"][0], document.get("inputs", {})
    if len(document["layers"]) != 1 or "deform_conv" not in layer or not {"input", "offset"} <= set(inputs):
        return document
    fields = layer["deform_conv"]
    same = {name: value for name, value in fields.items() if name not in ("from", "offset_groups")}
    plain = writing.text({"input": inputs["input"], "layers": [{"conv": same}]})
    try:
        node = loads(Source("", plain)).layers[0]
    except SpecError:
        return document
    weighed = fields.get("offset_groups", 1) * math.prod(getattr(node.config, "kernel_size", ()))
    maps = {"offset": (len(node.shape) - 1) * weighed, "mask": weighed}
    return _replaced(
        document, {("inputs", name): [channels, *node.shape[1:]] for name, channels in maps.items() if name in inputs}
    )
