"""Adaptive average pools that were written out: the positions of each cell gathered, and their mean."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from convcalc import steps
from convcalc.imports.drafts import UNKNOWN, Draft
from convcalc.imports.tidy.walk import Patterns

_MOVING = {"reshape", "flatten"}


def _of_cells(patterns: Patterns, draft: Draft) -> Draft | None:
    """The mean over the places of each cell of what is gathered for them, where all cells are as large."""
    turned, rank = draft.inputs[0], len(draft.shape) - 1
    axes = [axis % len(turned.shape) for axis in draft.fields["axes"]]
    is_mean = "operation" not in draft.fields and "keepdim" not in draft.fields
    last_first = (2 * rank, *range(2 * rank))
    if not is_mean or sorted(axes) != [*range(2, 2 * rank + 1, 2)] or turned.kind != "permute":
        return None
    if tuple(turned.fields["axes"]) != last_first or not patterns.alone(turned):
        return None
    gathered = turned.inputs[0]
    while gathered.kind in _MOVING and patterns.alone(gathered):
        gathered = gathered.inputs[0]
    laid = gathered.inputs[0] if gathered.inputs else gathered
    if not patterns.alone(gathered) or laid.kind != "permute" or tuple(laid.fields["axes"]) != (*range(1, rank + 1), 0):
        return None
    x, outputs, cells = laid.inputs[0], turned.shape[1::2], turned.shape[2::2]
    places = _places(gathered, (*(size for pair in zip(outputs, cells, strict=True) for size in pair), rank))
    if places is None or not _are_those_of_cells(places, x.shape[1:], outputs, cells):
        return None
    return patterns.layer("adaptive_avg_pool", {"output_size": outputs}, x, [draft])


def _places(gathered: Draft, shape: tuple[int, ...]) -> Sequence[float] | None:
    """The numbers that say which places are gathered, if they are in the file and have that shape."""
    if gathered.kind == UNKNOWN:
        array = gathered.arrays.get("input2")
    else:
        array = gathered.inputs[1].arrays.get("constant") if len(gathered.inputs) == 2 else None
    if array is None or array.shape != shape or array.numbers is None:
        return None
    steps.spend(prod(shape))
    return array.numbers


def _are_those_of_cells(
    places: Sequence[float], sizes: Sequence[int], outputs: Sequence[int], cells: Sequence[int]
) -> bool:
    """Whether each cell begins where one of an adaptive pool does, and has as many positions."""
    along = [_begins(*axis) for axis in zip(sizes, outputs, cells, strict=True)]
    if any(begins is None for begins in along):
        return False
    ranges = [range(size) for pair in zip(outputs, cells, strict=True) for size in pair]
    wanted = (
        begins[place[2 * axis]] + place[2 * axis + 1]
        for place in product(*ranges)
        for axis, begins in enumerate(along)
        if begins is not None
    )
    return all(number == other for number, other in zip(places, wanted, strict=True))


def _begins(size: int, outputs: int, cell: int) -> list[int] | None:
    """Where the cells of an axis begin; None if they are not all of that length."""
    begins = [cell_number * size // outputs for cell_number in range(outputs)]
    ends = [-(-(cell_number + 1) * size // outputs) for cell_number in range(outputs)]
    return begins if all(end - begin == cell for begin, end in zip(begins, ends, strict=True)) else None


ORDER = 1, 6
RULES = {"reduce": (_of_cells,)}
