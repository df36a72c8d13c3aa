"""What the types of layers are in our kinds: one file a family, found by being there.

Such a file has `OPERATORS`: by the type as the file writes it, a function that makes drafts of a `NcnnCall`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from convcalc.imports.arrays import PlainArray
from convcalc.imports.drafts import Builder, Draft
from convcalc.imports.elements import all_of
from convcalc.imports.errors import CannotImport
from convcalc.imports.ncnn.nodes import NcnnLayer
from convcalc.imports.ncnn.rounded import of_array
from convcalc.layers import Shape

_ACTIVATIONS = {1: "relu", 2: "leaky_relu", 3: "clip", 4: "sigmoid", 5: "mish", 6: "hard_swish", 7: "gelu"}
"""What a layer has behind it in itself, by number."""


class NcnnCall:
    """A layer that is to be translated: what it is told, and what enters."""

    def __init__(self, builder: Builder, node: NcnnLayer, inputs: list[Draft]) -> None:
        self.builder, self.node, self.inputs = builder, node, inputs

    @property
    def x(self) -> Draft:
        """What enters first."""
        return self.input(0)

    def input(self, place: int) -> Draft:
        """What enters at a place."""
        if place >= len(self.inputs):
            raise CannotImport(f"{len(self.inputs)} blobs enter, where {place + 1} are needed")
        return self.inputs[place]

    def layer(
        self, kind: str, fields: dict[str, Any], *inputs: Draft, arrays: Mapping[str, Shape] | None = None
    ) -> Draft:
        """A layer of a kind, with arrays of its own of these sizes."""
        return self.builder.layer(kind, fields, inputs, (self.node,), self._named(arrays or {}))

    def _named(self, arrays: Mapping[str, Shape]) -> dict[str, PlainArray]:
        named = {array: f"{self.node.title}.{array}" for array in arrays}
        for array, name in named.items() if self.builder.formats.leaving else ():  # a file with rounded layers
            self.builder.formats.array(name, of_array(self.node, array))
        return {
            array: PlainArray(shape, (named[array],), all_of(named[array], shape)) for array, shape in arrays.items()
        }

    def reshaped(self, x: Draft, shape: Shape) -> Draft:
        """The same elements in another shape."""
        return self.builder.reshaped(x, shape, (self.node,))

    def axis(self, number: int, default: int = 0) -> int:
        """A parameter that names an axis of what enters, counted from the outermost."""
        return self.axis_of(self.node.integer(number, default), self.x)

    def axis_of(self, axis: int, x: Draft) -> int:
        """An axis counted from the outermost, which may be counted from the innermost."""
        rank = len(x.shape)
        if not -rank <= axis < rank:
            raise CannotImport(f"axis {axis} of a blob of shape {list(x.shape)}")
        return axis % rank

    def activated(self, x: Draft, number: int = 9) -> Draft:
        """What the layer applies to its own output: its type is the parameter `number`, its numbers the next."""
        type_ = self.node.integer(number)
        if type_ == 0:
            return x
        if type_ not in _ACTIVATIONS:
            raise CannotImport(f"activation {number}={type_}, where 0 to {max(_ACTIVATIONS)} are known")
        kind, numbers = _ACTIVATIONS[type_], self.node.reals(number + 1)
        if kind == "leaky_relu":
            return self.layer(kind, {"negative_slope": (numbers or [0.0])[0]}, x)
        if kind == "clip":
            return self.held(x, *[*numbers, 0.0, 0.0][:2])
        if kind == "hard_swish":
            return self.gate("hard_swish", x, *(numbers or [0.2, 0.5])[:2])
        return self.layer(kind, {}, x)

    def scaled(self, x: Draft, factor: float, addend: float = 0.0) -> Draft:
        """What enters times a number plus another."""
        if (factor, addend) == (1.0, 0.0):
            return x
        return self.layer("affine", {"factor": factor, "addend": addend}, x)

    def held(self, x: Draft, least: float, most: float) -> Draft:
        """What enters within bounds."""
        if (least, most) == (0.0, 6.0):
            return self.layer("relu6", {}, x)
        if least == 0.0 and most > _UNBOUNDED:
            return self.layer("relu", {}, x)
        return self.layer("hard_tanh", {"min_val": least, "max_val": most}, x)

    def gate(self, kind: str, x: Draft, alpha: float, beta: float) -> Draft:
        """hard_sigmoid or hard_swish, with the slope and the middle that they have by themselves or with others."""
        if abs(alpha - 1 / 6) < 1e-5 and beta == 0.5:  # a sixth, as floats are written
            return self.layer(kind, {}, x)
        y = self.held(self.layer("affine", {"factor": alpha, "addend": beta}, x), 0.0, 1.0)
        return y if kind == "hard_sigmoid" else self.layer("mul", {}, x, y)


_UNBOUNDED = 1e30
"""A bound beyond which nothing is: files have the largest float there."""

Operator = Callable[[NcnnCall], Draft | Sequence[Draft]]


@cache
def _operators() -> dict[str, Operator]:
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {name: operator for module in modules for name, operator in module.OPERATORS.items()}


def operator_of(type_: str) -> Operator | None:
    """The translation of a type of layer; None where there is none."""
    return _operators().get(type_)
