"""The formats of a file's numbers: of its arrays, and of what leaves its operators.

An unsigned format is that of whole numbers of as many bits. Of what only says where something is, as the place of the
largest number, and of truths, nothing is kept: these are no numbers that a network is deployed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import TYPE_CHECKING

import msgspec

from convcalc.arithmetic.precision import Format, PartialPrecision, format_of, is_bias

if TYPE_CHECKING:
    from convcalc.imports.drafts import Draft

_MOST_BITS = 16
"""Of whole numbers that a network is rounded to; those of more are sums, places or sizes."""


class Formats(msgspec.Struct):
    """By the name of an array of the file, and by the title of an operator: the format of what leaves it."""

    arrays: dict[str, Format] = {}
    leaving: dict[str, Format] = {}

    def array(self, name: str, held: Format | None) -> None:
        """An array of the file has this format, if any is known."""
        if held is not None:
            self.arrays[name] = held

    def operator(self, title: str, held: Format | None) -> None:
        """What leaves an operator has this format, if it is one that a network is deployed in."""
        if held is not None and is_deployed(held):
            self.leaving[title] = held
        else:
            self.leaving.pop(title, None)

    def of_layers(self, drafts: Iterable[Draft]) -> dict[Draft, PartialPrecision | None]:
        """The formats of layers in the order in which they run; None for one of which the file says nothing."""
        made: dict[Draft, PartialPrecision | None] = {}
        if not self.arrays and not self.leaving:
            return dict.fromkeys(drafts)
        for draft in drafts:
            weights, bias = (self._of_arrays(draft, biases=biases) for biases in (False, True))
            leaving = weights if draft.kind == "parameter" else self._leaving(draft, made)
            is_silent = weights is None and bias is None and leaving is None
            made[draft] = None if is_silent else PartialPrecision(weights, leaving, bias)
        return made

    def _leaving(self, draft: Draft, before: Mapping[Draft, PartialPrecision | None]) -> Format | None:
        """What leaves the last of a layer's operators; what no operator made is held as what enters it."""
        if draft.origins:
            return self.leaving.get(draft.origins[-1].title)
        first = before.get(draft.inputs[0]) if draft.inputs else None
        return None if first is None else first.activations

    def _of_arrays(self, draft: Draft, *, biases: bool) -> Format | None:
        """The format of a layer's arrays, that of the largest where they differ."""
        best, most = None, 0
        for name, array in draft.arrays.items():
            held = next((self.arrays[stored] for stored in array.made_of if stored in self.arrays), None)
            count = prod(draft.array_shapes.get(name, (0,)))
            if held is None or is_bias(name) is not biases or count <= most:
                continue
            if is_deployed(held) or (biases and held.bits > _MOST_BITS):
                best, most = held, count
        return best


def is_deployed(held: Format) -> bool:
    """Whether it is a format that a network's weights and tensors are held in."""
    return not held.is_integer or held.bits <= _MOST_BITS


def format_named(name: str) -> Format | None:
    """A format by the name that files give it, signed or not; None where there is none, as for truths and texts."""
    name = name.lower().removeprefix("q").removeprefix("u")
    for short, others in (("fp8", ("float8", "f8")), ("fp4", ("float4", "f4"))):
        if name.startswith(others):
            name = short
    try:
        return format_of(name)
    except ValueError:
        return None
