"""The arrays of a model: their sizes, what they are called in the file, and which elements they have."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Protocol

import msgspec
from msgspec.structs import replace

from convcalc.fields import LARGEST, MOST_AXES
from convcalc.imports.elements import Elements
from convcalc.imports.errors import CannotImport
from convcalc.imports.makings import Making, made
from convcalc.layers import Shape

MOST_ELEMENTS = 2**63 - 1


class Array(Protocol):
    """An array that a layer uses; `made_of` are those of the file that it was put together from, by name.

    `elements` says which of the file's it has, and `making` how its numbers come about; None where that is not known.
    """

    @property
    def shape(self) -> Shape: ...

    @property
    def made_of(self) -> tuple[str, ...]: ...

    @property
    def elements(self) -> Elements | None: ...

    @property
    def making(self) -> Making | None: ...

    @property
    def numbers(self) -> Sequence[int | float] | None:
        """In the order they lie; None where they are many, or not known."""


class PlainArray(msgspec.Struct, frozen=True):
    """An array of which no more is known."""

    shape: Shape
    made_of: tuple[str, ...] = ()
    elements: Elements | None = None
    numbers: Sequence[int | float] | None = None
    making: Making | None = None


def joined(arrays: Sequence[Array]) -> Array:
    """Arrays laid end to end along their first axis."""
    first = arrays[0]
    shape = (sum(array.shape[0] for array in arrays), *first.shape[1:])
    made_of = tuple(dict.fromkeys(name for array in arrays for name in array.made_of))
    identities = {array.elements.identity if array.elements else None for array in arrays}
    making = made("joined", [array.making for array in arrays], shape, {"axis": 0})
    if first.elements is None or not first.made_of or len(identities) > 1:
        return PlainArray(shape, made_of, making=making)
    return PlainArray(shape, made_of, replace(first.elements, layout=None), making=making)


def checked(shape: Sequence[int], what: str = "a tensor") -> Shape:
    """A shape within the bounds of what is counted."""
    if len(shape) > MOST_AXES:
        raise CannotImport(f"{what} of {len(shape)} axes, where at most {MOST_AXES} are counted")
    for size in shape:
        if not 0 <= size <= LARGEST:
            raise CannotImport(f"{what} of shape {list(shape)}, where a size is 0 to {LARGEST:,}")
    if prod(shape) > MOST_ELEMENTS:
        raise CannotImport(f"{what} of shape {list(shape)}, which has 2^63 elements or more")
    return tuple(shape)
