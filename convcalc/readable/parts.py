"""What a sequence of layers holds: layers, with branches where they have any, and modules of layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Path = tuple[str, ...]
"""The names of the modules around something, from the outside in, with its own."""


class SingleLayer:
    """A layer in a sequence, by its number in the record."""

    __slots__ = ("branches", "index")

    def __init__(self, index: int, branches: Sequence[Sequence[Part]] | None = None) -> None:
        self.index = index
        self.branches = branches

    def indices(self) -> Iterator[int]:
        """The layers that are written with it, in order."""
        for branch in self.branches or ():
            for part in branch:
                yield from part.indices()
        yield self.index


class Module:
    """A run of layers with one tensor that enters and one that leaves: what a block can stand for.

    `entry` is what enters, no tensor for the whole of a network with several inputs. `arguments` are the values of the
    parameters of the block that it becomes an occurrence of.
    """

    __slots__ = ("arguments", "entry", "exit", "first", "items", "path")

    def __init__(self, path: Path, items: Sequence[Part], entry: int, first: int, last: int) -> None:
        self.path = path
        self.items = items
        self.entry = entry
        self.first = first
        self.exit = last
        self.arguments: dict[str, Any] = {}

    def indices(self) -> Iterator[int]:
        """The layers that it holds, in order."""
        for item in self.items:
            yield from item.indices()


Part = SingleLayer | Module
"""What a sequence holds."""
