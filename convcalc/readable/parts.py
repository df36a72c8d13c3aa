"""What a sequence of layers holds: layers, with branches where they have any, and modules of layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

Path = tuple[str, ...]
"""The names of the modules around something, from the outside in, with its own."""


class SingleLayer(msgspec.Struct, eq=False):
    """A layer in a sequence, by its number in the record."""

    index: int
    branches: Sequence[Sequence[Part]] | None = None

    def indices(self) -> Iterator[int]:
        """The layers that are written with it, in order."""
        for branch in self.branches or ():
            for part in branch:
                yield from part.indices()
        yield self.index


class Module(msgspec.Struct, eq=False):
    """A run of layers with one tensor that enters and one that leaves: what a block can stand for.

    `entry` is what enters, no tensor for the whole of a network with several inputs. `first` is the first of its layers
    and `exit` the last. `arguments` are the values of the parameters of the block that it becomes an occurrence of.
    `shares` is the first layer of the module whose weights all of its layers use.
    """

    path: Path
    items: Sequence[Part]
    entry: int
    first: int
    exit: int
    arguments: dict[str, Any] = {}
    shares: int | None = None

    def indices(self) -> Iterator[int]:
        """The layers that it holds, in order."""
        for item in self.items:
            yield from item.indices()


Part = SingleLayer | Module
"""What a sequence holds."""
