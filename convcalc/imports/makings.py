"""How the numbers of a layer's array come from those of a file: what is stored, and what is done to it.

A reader needs sizes alone, and weights are not read. What says how their numbers would be made is kept as a small
tree: whoever needs the numbers works it out then. Trees are of bounded size, so that no file makes one that takes long
to compare or to work out; of what is made in more operations it is not known.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Union

import msgspec

from convcalc.layers import Shape

MOST_OPERATIONS = 2048
"""Stored arrays, numbers and operations of a tree, each counted as often as it is used."""

MOST_DEEP = 100
"""Operations on top of another."""

Setting = int | float | str | tuple[int | float, ...]


class StoredNumbers(msgspec.Struct, frozen=True):
    """An array that lies in the file: its first byte and the first behind it, and its sizes as they were read."""

    place: tuple[int, int]
    shape: Shape


class KnownNumbers(msgspec.Struct, frozen=True):
    """Numbers that were worked out when the file was read: `letter` is their type as `array` has it."""

    shape: Shape
    letter: str
    packed: bytes


class MadeNumbers(msgspec.Struct, frozen=True):
    """What an operation makes of others, in order; `settings` are what else it needs to know, by name.

    `size` and `depth` are those of the tree.
    """

    operation: str
    of: tuple[Making, ...]
    shape: Shape
    settings: dict[str, Setting] = {}
    size: int = 1
    depth: int = 1


Making = Union[StoredNumbers, KnownNumbers, MadeNumbers]  # noqa: UP007  # it is named above, where | knows no names


ABSENT = KnownNumbers((0,), "b", b"")
"""What stands for an input that an operation does without."""


def made(
    operation: str, of: Sequence[Making | None], shape: Shape, settings: dict[str, Setting] | None = None
) -> MadeNumbers | None:
    """What an operation makes; None where it is not known of what, or the tree gets too large."""
    known = tuple(making for making in of if making is not None)
    size = 1 + sum(making.size if isinstance(making, MadeNumbers) else 1 for making in known)
    depth = 1 + max((making.depth if isinstance(making, MadeNumbers) else 0 for making in known), default=0)
    if len(known) < len(of) or size > MOST_OPERATIONS or depth > MOST_DEEP:
        return None
    return MadeNumbers(operation, known, shape, settings or {}, size, depth)


def unmade(reason: str, shape: Shape) -> Making | None:
    """What says of numbers that they are not worked out: they are `reason`."""
    return made("unmade", (), shape, {"reason": reason})


def known_numbers(numbers: Sequence[int | float], shape: Shape, letter: str) -> KnownNumbers | None:
    """Numbers as they are; None where the type does not hold them."""
    try:
        return KnownNumbers(shape, letter, array(letter, numbers).tobytes())
    except (OverflowError, TypeError):
        return None
