"""The formats that numbers are held in: how many bits of memory one takes, and which of them a network uses where.

Floats are named as PyTorch names them, `fp8` and `fp4` as papers do; `int1` to `int32` are whole numbers of so many
bits. `tf32` is float32 in memory, multiplied with fewer digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from convcalc.arithmetic.varying import plain

MOST_BITS = 32
"""Of a whole number."""

_FLOATS = {"float64": 64, "float32": 32, "tf32": 32, "float16": 16, "bfloat16": 16, "fp8": 8, "fp4": 4}
_SHORT = {"fp64": "float64", "fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "double": "float64"}
_SHORT |= {"float": "float32", "half": "float16", "float8": "fp8", "float4": "fp4"}

NAMES = (*_FLOATS, "int32", "int16", "int8", "int4", "int2", "int1")
"""The formats that are listed to a reader; whole numbers may have any other number of bits too."""

ROLES = ("weights", "activations", "bias")
"""What numbers are there for: the arrays of a layer but its biases, the tensors between layers, the biases."""


class Format(msgspec.Struct, frozen=True):
    """A format of numbers: its `name`, and the bits that one takes in memory."""

    name: str
    bits: int

    @property
    def is_integer(self) -> bool:
        """Whether it holds whole numbers."""
        return self.name.startswith("int")

    def bytes_of(self, elements: int) -> int:
        """Bytes of so many numbers laid end to end, the last byte filled up."""
        if self.bits % 8 == 0:
            return elements * (self.bits // 8)
        return -(-elements * self.bits // 8)

    def __str__(self) -> str:
        return self.name


def integer(bits: int) -> Format:
    """Whole numbers of so many bits; a number that varies is asked, as the name of the format has it.

    Raises:
        ValueError: there are none of so many.
    """
    bits = plain(bits)
    if isinstance(bits, bool) or not 1 <= bits <= MOST_BITS:
        raise ValueError(f"expected a number of bits from 1 to {MOST_BITS}, found {bits}")
    return Format(f"int{bits}", bits)


def format_of(name: object) -> Format:
    """The format of that name.

    Raises:
        ValueError: there is none.
    """
    if name in _FLOATS:
        return Format(str(name), _FLOATS[str(name)])
    digits = re.fullmatch(r"int([1-9][0-9]?)", name) if isinstance(name, str) else None
    if digits is not None and int(digits[1]) <= MOST_BITS:
        return integer(int(digits[1]))
    raise ValueError(f"expected {_listed()}, found {name or 'nothing'}{_advice(name)}")


def _listed() -> str:
    return f"one of {', '.join(NAMES)}"


def _advice(name: object) -> str:
    from difflib import get_close_matches

    meant = _SHORT.get(str(name)) or next(iter(get_close_matches(str(name), NAMES, 1, 0.75)), "")
    return f"; did you mean {meant}?" if meant else ""


FLOAT32 = format_of("float32")


class Precision(msgspec.Struct, frozen=True):
    """The formats of a network, or of one layer, by what the numbers are there for."""

    weights: Format = FLOAT32
    activations: Format = FLOAT32
    bias: Format = FLOAT32

    def of_array(self, name: str) -> Format:
        """The format of an array of a layer, by its name."""
        return self.bias if is_bias(name) else self.weights

    def __str__(self) -> str:
        if self.weights == self.activations == self.bias:
            return self.weights.name
        return ", ".join(f"{role} {getattr(self, role)}" for role in ROLES)


class PartialPrecision(msgspec.Struct, frozen=True):
    """As `Precision`, for a layer: None where the network's holds."""

    weights: Format | None = None
    activations: Format | None = None
    bias: Format | None = None

    def over(self, other: Precision) -> Precision:
        """The formats here, those of `other` where there are none."""
        return Precision(self.weights or other.weights, self.activations or other.activations, self.bias or other.bias)


def precision_of(roles: Mapping[str, object]) -> Precision:
    """The formats by role; float32 for a role that is not named.

    Raises:
        ValueError: a role or a format that there is not.
    """
    for role in roles:
        if role not in ROLES:
            raise ValueError(f"expected formats of {', '.join(ROLES)}, found {role}")
    return Precision(**{role: format_of(name) for role, name in roles.items()})


def precision(text: str) -> Precision:
    """``int8`` for all, or ``weights=int8,activations=int8,bias=int32``; what is left out is float32.

    Raises:
        ValueError: it is neither.
    """
    if "=" not in text:
        everywhere = format_of(text.strip())
        return Precision(everywhere, everywhere, everywhere)
    parts = [part.partition("=") for part in text.split(",")]
    roles = [role.strip() for role, _, _ in parts]
    twice = next((role for role in roles if roles.count(role) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is given twice")
    return precision_of({role.strip(): name.strip() for role, _, name in parts})


def is_bias(name: str) -> bool:
    """Whether an array of that name is added to what a layer multiplies: `bias`, `bias_ih`, `out_proj.bias`."""
    return "bias" in re.split("[._]", name)


def array_bytes(shape: Sequence[Any], format: Format) -> int:  # noqa: A002  # the word for it
    """Bytes of an array, packed: each row of the first axis starts on a byte, as a kernel reads it filter by filter.

    An array of one axis is a single row.
    """
    rows, columns = (shape[0], shape[1:]) if len(shape) > 1 else (1, shape)
    elements = 1
    for size in columns:
        elements = elements * size
    return rows * format.bytes_of(elements)
