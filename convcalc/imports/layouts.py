"""Tensors whose axes a file has in another order than ours: channels last, as some formats have all maps.

A tensor is a draft together with the order in which the file has its axes, so that turning axes is free and is a layer
only where something is read in the file's own order: a reshape that takes axes apart, or a layer on the last axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc.imports.drafts import Builder, Draft, Origin
from convcalc.layers import Shape

Origins = tuple[Origin, ...]


class OrderedTensor(msgspec.Struct, frozen=True):
    """A tensor without the batch: axis i of the file's is axis `order[i]` of the draft's."""

    draft: Draft
    order: tuple[int, ...]

    @property
    def shape(self) -> Shape:
        """The sizes as the file has them."""
        return tuple(self.draft.shape[axis] for axis in self.order)

    def turned(self, axes: Sequence[int]) -> OrderedTensor:
        """The same with the file's axes in another order, `axes` naming those that it has now."""
        return OrderedTensor(self.draft, tuple(self.order[axis] for axis in axes))


def channels_last(rank: int) -> tuple[int, ...]:
    """The order of a tensor of which the file has the channels last and we have them first."""
    return (*range(1, rank), 0)


def as_map(draft: Draft) -> OrderedTensor:
    """A tensor that we have channels first and the file channels last."""
    return OrderedTensor(draft, channels_last(len(draft.shape)))


def as_it_lies(draft: Draft) -> OrderedTensor:
    """A tensor whose axes are in one order here and there."""
    return OrderedTensor(draft, tuple(range(len(draft.shape))))


def arranged(builder: Builder, tensor: OrderedTensor, order: Sequence[int], origins: Origins = ()) -> Draft:
    """The draft with its axes so that the file's order of them is `order`; a layer only where they must be turned."""
    wanted = tuple(order)
    if tensor.order == wanted:
        return tensor.draft
    axes = tuple(tensor.order[wanted.index(axis)] for axis in range(len(wanted)))
    shape = tuple(tensor.draft.shape[axis] for axis in axes)
    long = [axis for axis in axes if tensor.draft.shape[axis] > 1]
    if long == sorted(long):  # only axes of one place change theirs
        return builder.reshaped(tensor.draft, shape, origins)
    return builder.layer("permute", {"axes": axes}, [tensor.draft], origins)


def channels_first(builder: Builder, tensor: OrderedTensor, origins: Origins = ()) -> Draft:
    """The draft with what the file has last as its channels, for layers of maps."""
    return arranged(builder, tensor, channels_last(len(tensor.order)), origins)


def in_file_order(builder: Builder, tensor: OrderedTensor, origins: Origins = ()) -> Draft:
    """The draft with its axes as the file has them, for a reshape or a layer on the last axis."""
    return arranged(builder, tensor, range(len(tensor.order)), origins)


def met(
    builder: Builder, tensors: Sequence[OrderedTensor], origins: Origins = ()
) -> tuple[list[Draft], tuple[int, ...]]:
    """Tensors for a layer that takes them element by element, and the file's order of what leaves it.

    Those of fewer axes are aligned at the last, as NumPy and the formats have it, and get axes of one place.
    """
    first = max(tensors, key=lambda tensor: len(tensor.order))
    drafts = []
    for tensor in tensors:
        lacking = len(first.order) - len(tensor.order)
        if lacking:
            shape = (1,) * lacking + tensor.shape
            there = as_it_lies(builder.reshaped(in_file_order(builder, tensor, origins), shape, origins))
            tensor = there  # noqa: PLW2901  # what is met from here on
        drafts.append(arranged(builder, tensor, first.order, origins))
    return drafts, first.order
