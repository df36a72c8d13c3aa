"""Constants that nodes make of constants: tensors of their own, with their arithmetic where it costs something."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from msgspec.structs import replace

from convcalc import steps
from convcalc.imports.elements import all_of
from convcalc.imports.makings import ABSENT, Making, made
from convcalc.imports.onnx import constant_folding as fold
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.values import Call, Value, constant_value

_PRODUCTS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
"""Operators that multiply by weights, which costs as much for a constant as for a tensor."""

Scopes = tuple[tuple[str, int], ...]
"""The graphs within nodes that a node is in, from the outside in."""


class WorkedOut:
    """What a walk has worked out of constants: the same work done again makes the same tensor."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def values(self, call: Call, constants: Sequence[Constant], scopes: Scopes) -> list[Value]:
        """The constants that a node makes, as what leaves it."""
        if call.node.op in _PRODUCTS and any(value.constant and value.constant.made_of for value in call.values()):
            constants = [replace(constant, recipe=fold.recipe(call)) for constant in constants]
        constants = [
            constant if constant.is_made else replace(constant, derived=_made(call, place, constant))
            for place, constant in enumerate(constants)
        ]
        return [
            constant_value(self._identified(call, place, constant, scopes)) for place, constant in enumerate(constants)
        ]

    def _identified(self, call: Call, place: int, constant: Constant, scopes: Scopes) -> Constant:
        """A constant that is worked out of several, as a tensor of its own: the same where the same is done again."""
        node = call.node
        if constant.elements is not None or not constant.is_float or place >= len(node.outputs):
            return constant
        tensor: Hashable = (*scopes, node.outputs[place]) if scopes else node.outputs[place]
        if constant.made_of:
            attributes = repr([item for item in node.attributes.items() if isinstance(item[1], int | float | list)])
            operands = tuple(
                value and value.constant and (value.shape, value.constant.elements or value.constant.numbers)
                for value in call.inputs
            )
            key = node.op, place, attributes, operands
            tensor = self._numbers.setdefault(key, len(self._numbers))
        return replace(constant, elements=all_of(tensor, constant.shape))


def _made(call: Call, place: int, constant: Constant) -> Making | None:
    """How a constant is made, by the node that makes it; inputs that it does without stand there too."""
    operands = [None if value is None else value.constant for value in call.inputs]
    makings = [ABSENT if operand is None else operand.making for operand in operands]
    settings = {**call.attributes.settings(), "output": place}
    return made(call.node.operator, makings, constant.shape, settings)


def pay(values: Sequence[Value], share: int) -> None:
    """Pay for constants that were worked with, so many of their numbers a step."""
    operands = [value.constant for value in values if value.constant is not None]
    steps.spend(sum(constant.count_read // share + len(constant.made_of) // 8 for constant in operands))
