"""The formats of a layer's own numbers, as `bits` says them.

    bits: 8                                  its weights and activations
    bits: {weights: 4, activations: float16}
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from convcalc.arithmetic.number import whole
from convcalc.arithmetic.precision import MOST_BITS, NAMES, ROLES, Format, PartialPrecision, format_of, integer
from convcalc.arithmetic.varying import plain
from convcalc.fields import FieldError, FieldType, shown
from convcalc.language.limits import entries
from convcalc.language.tree import Mapping, Node, Scalar, Sequence, described
from convcalc.language.values import CompiledValue, ValueReader

BITS = "bits"
FACTORS = ("weights", "activations")
"""The roles that a single value is for."""

CompiledBits = dict[str, CompiledValue]
"""What is written, by role."""


class Held(FieldType, frozen=True):
    """A format of numbers: so many bits, which are those of a whole number, or a name."""

    @property
    def expected(self) -> str:
        return f"a whole number of bits from 1 to {MOST_BITS}, or a format such as int8 or float16"

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*NAMES, *(f"int{count}" for count in range(1, MOST_BITS + 1)))))

    def accept(self, value: Any, rank: int) -> Format:
        if isinstance(value, str):
            try:
                return format_of(value)
            except ValueError as error:
                raise FieldError(str(error)) from None
        bits = whole(value)
        if bits is None or not 1 <= bits <= MOST_BITS:
            raise FieldError(f"expected {self.expected}, found {shown(value)}")
        return integer(int(plain(bits)))

    def schema(self) -> dict[str, Any]:
        number = {"type": "integer", "minimum": 1, "maximum": MOST_BITS}
        expression = {"type": "string", "description": "an expression, such as width"}
        return {"anyOf": [number, {"enum": list(self.words)}, expression]}


HELD = Held("bits of each number, or its format")


def read_bits(reader: ValueReader, node: Node, names: AbstractSet[str]) -> CompiledBits:
    """What a layer's `bits` say; what cannot be read is reported and left out."""
    if isinstance(node, Mapping):
        written = [(str(role.value), value) for role, value in entries(reader, node, BITS, ROLES)]
        if not node.entries:
            reader.problem("CC011", node, f"{BITS}: expected a format of {', '.join(ROLES)}, found an empty mapping")
        return {role: _value(reader, value, names, f"{BITS}.{role}") for role, value in written}
    if isinstance(node, Sequence):
        advice = f"{BITS}: {{weights: 4, activations: 8}}"
        message = f"{BITS}: expected {HELD.expected}, or a mapping of {', '.join(ROLES)}; found {described(node)}"
        reader.problem("CC011", node, message, advice)
        return {}
    return dict.fromkeys(FACTORS, _value(reader, node, names, BITS))


def _value(reader: ValueReader, node: Node, names: AbstractSet[str], field: str) -> CompiledValue:
    """One of them, a constant as the format that it is."""
    text = node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
    if text.isidentifier() and text not in names and text not in HELD.words:
        try:
            format_of(text)
        except ValueError as error:
            advice = "a value of your own stands under `variables`, or among the parameters of the block"
            reader.problem("CC013", node, f"{field}: {error}", "" if "did you mean" in str(error) else advice)
        return CompiledValue(node, None)
    return reader.value(node, set(names), HELD, field)


def combined(own: PartialPrecision, around: PartialPrecision | None) -> PartialPrecision:
    """What a layer says, and else what the block around it says."""
    if around is None:
        return own
    return PartialPrecision(**{role: getattr(own, role) or getattr(around, role) for role in ROLES})
