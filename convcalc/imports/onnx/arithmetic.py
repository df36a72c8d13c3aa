"""Arithmetic on numbers of ONNX's element types: what a runtime's result is, element by element.

A function gets Python's numbers and gives one, which `stored` then rounds or wraps as the element type has it. What no
number comes of (a division by zero, the root of a negative number) is raised, and the result is then not known.
"""

from __future__ import annotations

import math
import operator
import struct
from array import array
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from convcalc.imports.onnx.nodes import Attributes, Number
from convcalc.imports.onnx.reading import BOOL

Numbers = tuple[Number, ...]

INTEGERS = {
    2: (8, False), 3: (8, True), 4: (16, False), 5: (16, True), 6: (32, True), 7: (64, True), 12: (32, False),
    13: (64, False), 21: (4, False), 22: (4, True),
}  # fmt: skip
"""Bits of the element types of whole numbers, and whether they have a sign."""

_FLOAT, _FLOAT16, _DOUBLE, _BFLOAT16 = 1, 10, 11, 16


def stored(numbers: Iterable[Number], element_type: int) -> Numbers | None:
    """Numbers as an element type holds them: rounded to it, or what is left of too large a whole number.

    None for a type that is not known here.
    """
    if element_type == _FLOAT:
        return tuple(array("f", map(float, numbers)))
    if element_type == BOOL:
        return tuple(map(bool, numbers))
    if element_type == _DOUBLE:
        return tuple(map(float, numbers))
    if element_type == _FLOAT16:
        return tuple(map(_half, numbers))
    if element_type == _BFLOAT16:
        return tuple(map(_brain, numbers))
    if element_type in INTEGERS:
        bits, signed = INTEGERS[element_type]
        least, count = -(2 ** (bits - 1)) if signed else 0, 2**bits
        return tuple((int(number) - least) % count + least for number in numbers)
    return None


def _half(number: Number) -> float:
    try:
        half: float = struct.unpack("<e", struct.pack("<e", number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)
    return half


def _brain(number: Number) -> float:
    if math.isnan(number) or math.isinf(number):
        return float(number)
    (bits,) = struct.unpack("<I", struct.pack("<f", array("f", [number])[0]))
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    brain: float = struct.unpack("<f", struct.pack("<I", rounded))[0]
    return brain


def converted(numbers: Iterable[Number], element_type: int) -> Numbers | None:
    """Numbers cast to an element type, a fraction cut off; None where they are out of its range."""
    if element_type not in INTEGERS:
        return stored(numbers, element_type)
    bits, signed = INTEGERS[element_type]
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    numbers = tuple(numbers)
    if any(isinstance(number, float) and not least <= number <= most for number in numbers):
        return None  # runtimes differ in what they make of it
    return stored(map(int, numbers), element_type)


def _divided(a: Number, b: Number) -> Number:
    """Whole numbers are divided towards zero."""
    if isinstance(a, float) or isinstance(b, float):
        return a / b
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _power(a: Number, b: Number) -> Number:
    """Of whole numbers by way of a double, as runtimes do it."""
    power = math.pow(a, b)
    if isinstance(a, float):
        return power
    if abs(power) >= 2**63:
        raise OverflowError
    return int(power)


def _modulo(attributes: Attributes) -> Callable[..., Number]:
    """With the sign of the divisor, or with `fmod` that of the dividend, as C has it."""
    if not attributes.integer("fmod"):
        return operator.mod
    return lambda a, b: math.fmod(a, b) if isinstance(a, float) else int(math.fmod(abs(a), abs(b))) * (-1) ** (a < 0)


def _shifted(attributes: Attributes) -> Callable[..., Number]:
    left = attributes.text("direction") == "LEFT"
    return lambda a, b: (a << b if left else a >> b) if b < 64 else 0


def _infinite(attributes: Attributes) -> Callable[..., Number]:
    signs = {1: attributes.integer("detect_positive", 1), -1: attributes.integer("detect_negative", 1)}
    return lambda a: math.isinf(a) and bool(signs[1 if a > 0 else -1])


def _clipped(number: Number, least: Number | None = None, most: Number | None = None) -> Number:
    number = number if least is None else max(number, least)
    return number if most is None else min(number, most)


def _elu(alpha: float, a: Number) -> Number:
    return a if a > 0 else alpha * math.expm1(a)


def _selu(attributes: Attributes) -> Callable[..., Number]:
    alpha, gamma = (
        attributes.real("alpha", 1.67326319217681884765625),
        attributes.real("gamma", 1.05070102214813232421875),
    )
    return lambda a: gamma * _elu(alpha, a)


def _celu(attributes: Attributes) -> Callable[..., Number]:
    alpha = attributes.real("alpha", 1.0)
    return lambda a: max(0.0, a) + min(0.0, alpha * math.expm1(a / alpha))


def _hard_sigmoid(attributes: Attributes) -> Callable[..., Number]:
    alpha, beta = attributes.real("alpha", 0.2), attributes.real("beta", 0.5)
    return lambda a: max(0.0, min(1.0, alpha * a + beta))


def _shrunk(attributes: Attributes) -> Callable[..., Number]:
    bias, bound = attributes.real("bias"), attributes.real("lambd", 0.5)
    return lambda a: a + bias if a < -bound else a - bias if a > bound else 0


def _gelu(attributes: Attributes) -> Callable[..., Number]:
    if attributes.text("approximate", "none") == "tanh":
        return lambda a: a / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)))
    return lambda a: a / 2 * (1 + math.erf(a / math.sqrt(2)))


def _softplus(a: Number) -> float:
    return max(a, 0) + math.log1p(math.exp(-abs(a)))


def _sigmoid(a: Number) -> float:
    return 1 / (1 + math.exp(-a)) if a >= 0 else math.exp(a) / (1 + math.exp(a))


def _thresholded(attributes: Attributes) -> Callable[..., Number]:
    alpha = attributes.real("alpha", 1.0)
    return lambda a: a if a > alpha else 0


def _swish(attributes: Attributes) -> Callable[..., Number]:
    alpha = attributes.real("alpha", 1.0)
    return lambda a: a * _sigmoid(alpha * a)


def _bent(name: str, default: float) -> Callable[[Attributes], Callable[..., Number]]:
    """A slope below zero that an attribute gives."""

    def made(attributes: Attributes) -> Callable[..., Number]:
        slope = attributes.real(name, default)
        return lambda a: a if a >= 0 else slope * a

    return made


_PLAIN: dict[str, Callable[..., Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": _divided,
    "Pow": _power,
    "Min": lambda *numbers: min(numbers),
    "Max": lambda *numbers: max(numbers),
    "Sum": lambda *numbers: sum(numbers),
    "Mean": lambda *numbers: sum(numbers) / len(numbers),
    "Equal": operator.eq,
    "Greater": operator.gt,
    "GreaterOrEqual": operator.ge,
    "Less": operator.lt,
    "LessOrEqual": operator.le,
    "And": lambda a, b: bool(a and b),
    "Or": lambda a, b: bool(a or b),
    "Xor": lambda a, b: bool(a) != bool(b),
    "Not": operator.not_,
    "IsNaN": lambda a: a != a,
    "BitwiseAnd": operator.and_,
    "BitwiseOr": operator.or_,
    "BitwiseXor": operator.xor,
    "BitwiseNot": operator.invert,
    "Where": lambda condition, a, b: a if condition else b,
    "Clip": _clipped,
    "PRelu": lambda a, slope: a if a >= 0 else slope * a,
    "Neg": operator.neg,
    "Abs": abs,
    "Floor": math.floor,
    "Ceil": math.ceil,
    "Round": round,
    "Sqrt": math.sqrt,
    "Exp": math.exp,
    "Log": math.log,
    "Reciprocal": lambda a: 1 / a,
    "Sign": lambda a: (a > 0) - (a < 0),
    "Sigmoid": _sigmoid,
    "Tanh": math.tanh,
    "Erf": math.erf,
    "Sin": math.sin,
    "Cos": math.cos,
    "Tan": math.tan,
    "Asin": math.asin,
    "Acos": math.acos,
    "Atan": math.atan,
    "Sinh": math.sinh,
    "Cosh": math.cosh,
    "Asinh": math.asinh,
    "Acosh": math.acosh,
    "Atanh": math.atanh,
    "Relu": lambda a: max(a, 0),
    "Softplus": _softplus,
    "Softsign": lambda a: a / (1 + abs(a)),
    "HardSwish": lambda a: a * max(0.0, min(1.0, a / 6 + 0.5)),
    "Mish": lambda a: a * math.tanh(_softplus(a)),
}

_BY_ATTRIBUTES: dict[str, Callable[[Attributes], Callable[..., Any]]] = {
    "Mod": _modulo,
    "BitShift": _shifted,
    "IsInf": _infinite,
    "Elu": lambda attributes: partial(_elu, attributes.real("alpha", 1.0)),
    "Selu": _selu,
    "Celu": _celu,
    "LeakyRelu": _bent("alpha", 0.01),
    "ThresholdedRelu": _thresholded,
    "HardSigmoid": _hard_sigmoid,
    "Shrink": _shrunk,
    "Gelu": _gelu,
    "Swish": _swish,
}

ELEMENTWISE = {*_PLAIN, *_BY_ATTRIBUTES}
"""What is worked out element by element."""

TRUTHS = {
    "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "Not", "IsNaN", "IsInf",
}  # fmt: skip
"""Those of them that say whether something is so."""


def function_of(op: str, attributes: Attributes) -> Callable[..., Number]:
    """What an operator does to numbers that meet."""
    return _PLAIN[op] if op in _PLAIN else _BY_ATTRIBUTES[op](attributes)


def _product(numbers: Iterable[Number]) -> Number:
    """Whole numbers are held within 64 bits on the way, of which what is left stays the same."""
    product: Number = 1
    for number in numbers:
        product *= number
        if isinstance(product, int):
            product = (product + 2**63) % 2**64 - 2**63
    return product


def _mean(numbers: list[Number]) -> Number:
    total = math.fsum(numbers) if isinstance(numbers[0], float) else sum(numbers)
    return _divided(total, len(numbers))


def _sum(numbers: list[Number]) -> Number:
    return math.fsum(numbers) if isinstance(numbers[0], float) else sum(numbers)


def _log_of_exponentials(numbers: list[Number]) -> Number:
    most = max(numbers)
    return most + math.log(math.fsum(math.exp(number - most) for number in numbers))


REDUCED: dict[str, Callable[[list[Number]], Number]] = {
    "ReduceProd": _product,
    "ReduceSum": _sum,
    "ReduceMax": max,
    "ReduceMin": min,
    "ReduceMean": _mean,
    "ReduceL1": lambda numbers: _sum([abs(number) for number in numbers]),
    "ReduceL2": lambda numbers: math.sqrt(_sum([number * number for number in numbers])),
    "ReduceSumSquare": lambda numbers: _sum([number * number for number in numbers]),
    "ReduceLogSum": lambda numbers: math.log(_sum(numbers)),
    "ReduceLogSumExp": _log_of_exponentials,
}
"""What is made of the numbers along some axes."""


def is_known(number: Number) -> bool:
    """Whether a result is a number that can be reckoned with."""
    return not isinstance(number, complex) and number == number
