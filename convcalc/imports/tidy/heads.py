"""How the weights of an attention lie where a file has it in parts: which feature is of which head, and its factor.

The kind has the features of the query first, then those of the key and of the value, head by head in each, and
multiplies scores by 1/√d. A file may have the heads in front of the three, each from a projection of its own, another
factor, or half of it on either side. All of that is in the numbers of the weights that the kind then has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod

from convcalc.imports.arrays import Array, PlainArray, joined
from convcalc.imports.drafts import Draft
from convcalc.imports.elements import Axes, Elements, all_of
from convcalc.imports.makings import Making, known_numbers, made, unmade

_UNKNOWN = "laid out in an order that is not known, of heads and features"

_CLOSE = 1e-6
"""A factor that differs from the kind's own by no more is that one, as float32 has it."""


def in_projection(
    projections: Sequence[Draft], operands: Sequence[Draft], name: str, factor: float, *, turned: bool
) -> Array:
    """The weight or bias that projects to query, key and value: of the layers that do, for what enters the products.

    `factor` is what scores are multiplied by behind their product, beyond the kind's own 1/√d. `turned`: the key
    enters with its features before its tokens.
    """
    arrays = [projection.arrays[name] for projection in projections]
    together = arrays[0] if projections[0] is projections[1] else joined(arrays)
    ways = [*zip(projections, operands, strict=True)]
    rows = [_features(*way, turned=turned and place == 1) for place, way in enumerate(ways)]
    into, across, out = (_factor(*way) for way in ways)
    factors = (into * across * factor, 1.0, out)
    is_usual = [row for own in rows for row in own or ()] == [*range(together.shape[0])]
    if together is arrays[0] and is_usual and all(abs(number - 1) <= _CLOSE for number in factors):
        return together
    parts = [_part(*part) for part in zip(arrays, rows, factors, strict=True)]
    making = made("joined", parts, together.shape, {"axis": 0})
    return PlainArray(together.shape, together.made_of, together.elements, making=making)


def out_projection(array: Array, weighed: Draft, entering: Draft, name: str) -> Array:
    """The weight or bias of the projection of what the heads have weighed, which enters it moved."""
    if name != "weight" or array.making is None:
        return array
    columns = _columns(weighed, entering)
    if columns == [*range(array.shape[1])]:
        return array
    making = None if columns is None else _taken(array.making, columns, array.shape, 1)
    return PlainArray(array.shape, array.made_of, array.elements, making=making or unmade(_UNKNOWN, array.shape))


def factor_between(before: Draft, behind: Draft) -> float:
    """What everything is multiplied by from one draft to another."""
    return _factor(before, behind)


def _part(array: Array, rows: list[int] | None, factor: float) -> Making | None:
    if array.making is None:
        return None
    if rows is None:
        return unmade(_UNKNOWN, array.shape)
    shape = (len(rows), *array.shape[1:])
    making: Making | None = array.making
    if rows != [*range(array.shape[0])]:
        making = _taken(array.making, rows, shape, 0)
    return making if abs(factor - 1) <= _CLOSE else made("Mul", [making, known_numbers([factor], (), "f")], shape)


def _taken(making: Making, places: Sequence[int], shape: Sequence[int], axis: int) -> Making | None:
    indices = known_numbers(places, (len(places),), "q")
    return made("gathered", [making, indices], tuple(shape), {"axis": axis})


def _path(before: Draft, behind: Draft) -> list[Draft]:
    """The drafts from one to another, the first left out, by what enters them first."""
    path = []
    while behind is not before:
        path.append(behind)
        behind = behind.inputs[0]
    return path[::-1]


def _factor(before: Draft, behind: Draft) -> float:
    return prod(float(draft.fields.get("factor", 1.0)) for draft in _path(before, behind) if draft.kind == "affine")


def _moved(before: Draft, behind: Draft) -> Elements | None:
    """Which elements of a tensor are where behind what only moves them; None where it is not known."""
    elements: Elements | None = all_of("features", before.shape)
    for draft in _path(before, behind):
        if elements is None or elements.layout is None:
            return None
        move = _MOVES.get(draft.kind)
        elements = elements if move is None else move(elements, draft)
    return elements if elements is not None and elements.layout is not None else None


def _cut(elements: Elements, draft: Draft) -> Elements | None:
    sizes = draft.inputs[0].shape
    axis = draft.fields.get("axis", 0) % len(sizes)
    if draft.kind == "split":
        size = sizes[axis] // draft.fields["sections"]
        places = range(size * draft.fields["part"], size * (draft.fields["part"] + 1))
    else:
        bounds = slice(draft.fields.get("start"), draft.fields.get("end"), draft.fields.get("step"))
        places = range(*bounds.indices(sizes[axis]))
    return elements.sliced([places if place == axis else range(size) for place, size in enumerate(sizes)])


_MOVES: dict[str, Callable[[Elements, Draft], Elements | None]] = {
    "reshape": lambda elements, draft: elements.reshaped(draft.shape),
    "flatten": lambda elements, draft: elements.reshaped(draft.shape),
    "permute": lambda elements, draft: elements.transposed(draft.fields["axes"]),
    "slice": _cut,
    "split": _cut,
}


def _features(projection: Draft, operand: Draft, *, turned: bool) -> list[int] | None:
    """The features of a projection in the order of heads and what each has; None where it is not known."""
    elements, count = _moved(projection, operand), projection.shape[-1]
    if elements is None or elements.layout is None or elements.start >= count:
        return None
    *leading, tokens, inner = elements.layout
    if turned:
        tokens, inner = inner, tokens
    before = [axis for along in leading for axis in along]
    heads = [axis for axis in before if axis[1] < count]
    if heads != before[len(before) - len(heads) :] or any(step < count for _, step in tokens):
        return None  # the heads are not the innermost of what lies beside the tokens
    features = _places([*heads, *inner], elements.start)
    return features if features[-1] < count and max(features) < count else None


def _columns(weighed: Draft, entering: Draft) -> list[int] | None:
    """Which feature of what enters a projection is which of the heads, in the order that the kind has them."""
    elements = _moved(weighed, entering)
    *_, tokens, width = weighed.shape
    if elements is None or elements.layout is None or elements.start:
        return None
    columns: dict[int, int] = {}
    for column, place in enumerate(_places(elements.layout[-1], 0)):
        head, rest = divmod(place, tokens * width)
        if rest >= width:
            return None
        columns[head * width + rest] = column
    return [columns[place] for place in sorted(columns)] if sorted(columns) == [*range(len(columns))] else None


def _places(axes: Axes | Sequence[tuple[int, int]], start: int) -> list[int]:
    return [start + sum(places) for places in product(*(range(0, size * step, step) for size, step in axes))]
