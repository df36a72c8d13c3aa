"""Which layers use the same weights: all of another's, or single arrays, in whatever shape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from math import prod
from typing import NamedTuple

import msgspec

from convcalc import steps
from convcalc.imports.arrays import Array
from convcalc.imports.drafts import INPUT, UNKNOWN, Builder, Draft
from convcalc.imports.elements import Elements

_COMPARED = 8
"""Steps that it takes to compare the elements of two arrays."""

_STATISTICS = {"running_mean", "running_var"}
"""Shared with all other arrays of a norm or not at all: no network ties one, but exporters merge what is equal."""


class Use(NamedTuple):
    """The elements that an array of a layer has."""

    draft: Draft
    array: str
    elements: Elements

    @property
    def repeats(self) -> bool:
        """Whether it has some of the elements several times."""
        return prod(self.draft.array_shapes[self.array]) > self.elements.count

    def holds(self, other: Use) -> bool:
        """Whether the other can be read from this; elements that are repeated are read from a parameter."""
        return self.elements.holds(other.elements) and (not other.repeats or self.draft.kind == "parameter")


class Sharing(msgspec.Struct, kw_only=True):
    """`layers` use all weights of an earlier one of their kind, `arrays` are single ones and the use they are views of.

    `contested` are tensors of which several layers have parts that overlap and none has all, or that are repeated.
    """

    layers: dict[Draft, Draft] = {}
    arrays: dict[Draft, dict[str, Use]] = {}
    contested: dict[Hashable, list[Use]] = {}


def sharing(builder: Builder, drafts: list[Draft], array_of: Callable[[Hashable], Array | None]) -> Sharing:
    """How the weights of some drafts are shared.

    An array of the file that is used in parts which overlap, or whose elements are repeated (a table of relative
    positions), becomes a parameter of its own, put in before its first use.
    """
    shared = _shared(drafts)
    count = len(drafts)
    for tensor, uses in shared.contested.items():
        array = array_of(tensor)
        if array is not None:
            steps.spend(len(drafts) // 20)
            builder.drafts = drafts
            sizes, entering = {"sizes": array.shape or (1,)}, builder.entering()
            parameter = builder.layer("parameter", sizes, entering, (), {"weight": array})
            drafts.remove(parameter)
            drafts.insert(drafts.index(uses[0].draft), parameter)
    return _shared(drafts) if len(drafts) > count else shared


def _shared(drafts: Sequence[Draft]) -> Sharing:
    shared = Sharing()
    owners: dict[Hashable, Draft] = {}
    holders: defaultdict[Hashable, list[Use]] = defaultdict(list)
    for draft in drafts:
        uses = [] if draft.kind in (INPUT, UNKNOWN) else _uses(draft)
        if uses and len(uses) == len(draft.array_shapes):
            arrays = tuple((use.array, use.elements.identity, draft.array_shapes[use.array]) for use in uses)
            owner = owners.setdefault((draft.kind, arrays), draft)
            if owner is not draft:
                shared.layers[draft] = owner
                continue
        for use in uses:
            if use.array in _STATISTICS:
                continue
            others = holders[use.elements.tensor, use.array == "constant"]
            steps.spend(_COMPARED * len(others))
            holder = next((other for other in others if other.holds(use)), None)
            if holder is not None and holder.draft is draft:
                continue  # two arrays of one layer: no spec says so
            if holder is not None:
                shared.arrays.setdefault(draft, {})[use.array] = holder
                continue
            if use.repeats or any(other.elements.meets(use.elements) for other in others):
                shared.contested[use.elements.tensor] = others
            others.append(use)
    return shared


def _uses(draft: Draft) -> list[Use]:
    """The arrays of a layer of which it is known which elements they have."""
    return [
        Use(draft, name, array.elements)
        for name, array in draft.arrays.items()
        if array.elements is not None
        and name in draft.array_shapes
        and prod(array.shape) == prod(draft.array_shapes[name])
    ]
