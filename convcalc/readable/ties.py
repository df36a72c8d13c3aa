"""Layers that use the weights of others: which of them can be in one block, as heads with the same weights are."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc import layers
from convcalc.readable.regions import LayerGraph


class Ties:
    """`owners` has for a layer the one whose weights it uses; of those that are `partly` tied no block can be made."""

    def __init__(self, graph: LayerGraph) -> None:
        self.graph = graph
        self.owners: dict[int, int] = {}
        self.partly: set[int] = set()
        for index, layer in enumerate(graph.layers):
            if layer.share is not None:
                self.owners[index] = graph.numbers[layer.share]
            elif layer.arrays:
                self.partly |= {index, *(graph.numbers[owner] for owner, _ in layer.arrays.values())}
        self.tied = {*self.owners, *self.owners.values(), *self.partly}

    def allow(self, indices: Sequence[int]) -> bool:
        """Whether layers can be a module: all with weights use those of one other module, or all have others use them.

        A block that is shared is so in all of its layers.
        """
        if self.tied.isdisjoint(indices):
            return True
        weighted = [index for index in indices if self._is_weighted(index)]
        if not self.partly.isdisjoint(indices) or not self.tied.issuperset(weighted):
            return False
        using = [index - self.owners[index] for index in weighted if index in self.owners]
        return not using or (len(using) == len(weighted) and len({*using}) == 1 and using[0] >= len(indices))

    def owner(self, indices: Sequence[int]) -> int | None:
        """The first layer of the module whose weights one that is allowed uses, if it does."""
        return next((indices[0] - index + self.owners[index] for index in indices if index in self.owners), None)

    def _is_weighted(self, index: int) -> bool:
        kind = layers.load(self.graph.layers[index].kind)
        return kind is not None and kind.weights is not layers.Kind.weights
