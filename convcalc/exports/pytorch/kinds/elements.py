"""Functions of elements: activations, and what several tensors become element by element."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce

from convcalc.exports.pytorch.layer import LayerCode, TorchSite, Unsayable, function, number, x
from convcalc.exports.pytorch.syntax import Bracketed, EnteringTensor, Expression, call, joined, method

MOST_SIDE_BY_SIDE = 6
"""Tensors that are written with a sign between each two."""


def _named(name: str, site: TorchSite) -> LayerCode:
    return function(call(name, x))


def _with_fields(name: str, fields: dict[str, object], site: TorchSite) -> LayerCode:
    stated = {field: number(getattr(site.config, field), field, default) for field, default in fields.items()}
    return function(call(name, x, **stated))


def _along(name: str, site: TorchSite) -> LayerCode:
    return function(call(name, x, dim=number(site.axis(site.config.axis), "dim")))


def hardmax(site: TorchSite) -> LayerCode:
    """Ones put where the largest elements are."""
    dim = number(site.axis(site.config.axis), "dim")
    places = method(x, "argmax", dim, keepdim="True")
    return function(method(call("torch.zeros_like", x), "scatter", dim, places, "1.0"))


def shrink(site: TorchSite) -> LayerCode:
    """Torch has it without a bias, and with one that is where it begins."""
    config, lambd = site.config, number(site.config.lambd, "lambd", 0.5)
    if config.bias not in (0, config.lambd):
        raise Unsayable(f"torch's bias is 0 or {config.lambd:g}, where it begins, and here it is {config.bias:g}")
    return function(call("F.hardshrink" if config.bias == 0 else "F.softshrink", x, lambd=lambd))


def threshold(site: TorchSite) -> LayerCode:
    """The same in torch."""
    return function(
        call("F.threshold", x, number(site.config.threshold, "threshold"), number(site.config.value, "value"))
    )


def aligned(site: TorchSite) -> list[Expression]:
    """The tensors with axes of 1 behind: torch aligns at the last axis what is aligned here at the channels."""
    most = max(map(len, site.shapes))
    tensors: list[Expression] = []
    for place, shape in enumerate(site.shapes):
        lacking = most - len(shape)
        behind = f"[{', '.join([*[':'] * (1 + len(shape)), *['None'] * lacking])}]"
        tensors.append(joined(EnteringTensor(place), behind) if lacking else EnteringTensor(place))
    return tensors


def _between(sign: str, site: TorchSite) -> LayerCode:
    tensors = aligned(site)
    if len(tensors) > MOST_SIDE_BY_SIDE:
        of_all = {"+": "sum", "*": "math.prod"}[sign]
        return function(call(of_all, Bracketed(tuple(tensors))), imports=("import math",) * (sign == "*"))
    parts: list[Expression] = []
    for tensor in tensors:
        parts += [f" {sign} ", tensor] if parts else [tensor]
    return function(joined(*parts))


def _two_by_two(name: str, site: TorchSite) -> LayerCode:
    return function(reduce(lambda met, tensor: call(name, met, tensor), aligned(site)))


def pow_(site: TorchSite) -> LayerCode:
    """To the power of a number."""
    return function(method(x, "pow", number(site.config.exponent, "exponent")))


_OF_ONE = {
    **{name: name for name in ("abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "erf")},
    **{name: name for name in ("exp", "floor", "log", "round", "sign", "sin", "sinh", "sqrt", "tan")},
}
_TRUTHS = {
    "isinf": "isinf", "isnan": "isnan", "equal": "eq", "greater": "gt", "greater_equal": "ge", "less": "lt",
    "less_equal": "le", "logical_not": "logical_not", "logical_and": "logical_and", "logical_or": "logical_or",
    "logical_xor": "logical_xor",
}  # fmt: skip
_BITS = {"bitwise_not": "bitwise_not", "bitwise_and": "bitwise_and", "bitwise_or": "bitwise_or"} | {
    "bitwise_xor": "bitwise_xor"
}
_OF_TWO = {"fmod": "fmod", "remainder": "remainder", "pow": "pow"}


def elementwise(site: TorchSite) -> LayerCode:
    """By the function of that name in torch; what is true leaves as 1."""
    operation, tensors = site.config.operation, aligned(site)
    numbers = {**_OF_ONE, **_OF_TWO}
    if operation in numbers:
        return function(call(f"torch.{numbers[operation]}", *tensors))
    if operation in _TRUTHS:
        return function(method(call(f"torch.{_TRUTHS[operation]}", *tensors), "to", joined(x, ".dtype")))
    if operation in _BITS:
        whole_numbers = [method(tensor, "long") for tensor in tensors]
        return function(method(call(f"torch.{_BITS[operation]}", *whole_numbers), "to", joined(x, ".dtype")))
    if operation == "prelu":
        first, slope = tensors
        return function(call("torch.where", joined(first, " < 0"), joined(slope, " * ", first), first))
    if operation == "where":
        condition, then, otherwise = tensors
        return function(call("torch.where", joined(condition, " != 0"), then, otherwise))
    raise Unsayable("torch shifts bits of whole numbers by no fewer than 0")


_PLAIN = {
    "hard_sigmoid": "F.hardsigmoid", "hard_swish": "F.hardswish", "log_sigmoid": "F.logsigmoid", "mish": "F.mish",
    "relu": "F.relu", "relu6": "F.relu6", "selu": "F.selu", "sigmoid": "torch.sigmoid", "silu": "F.silu",
    "softsign": "F.softsign", "tanh": "torch.tanh",
}  # fmt: skip
_STATED: dict[str, tuple[str, dict[str, object]]] = {
    "celu": ("F.celu", {"alpha": 1.0}),
    "elu": ("F.elu", {"alpha": 1.0}),
    "gelu": ("F.gelu", {"approximate": "none"}),
    "hard_tanh": ("F.hardtanh", {"min_val": -1.0, "max_val": 1.0}),
    "leaky_relu": ("F.leaky_relu", {"negative_slope": 0.01}),
    "softplus": ("F.softplus", {"beta": 1.0, "threshold": 20.0}),
}

KINDS: dict[str, Callable[[TorchSite], LayerCode]] = {
    **{kind: partial(_named, name) for kind, name in _PLAIN.items()},
    **{kind: partial(_with_fields, name, fields) for kind, (name, fields) in _STATED.items()},
    **{kind: partial(_along, f"F.{kind}") for kind in ("softmax", "log_softmax")},
    **{kind: partial(_between, sign) for kind, sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("div", "/"))},
    "elementwise": elementwise,
    "hardmax": hardmax,
    "max": partial(_two_by_two, "torch.maximum"),
    "min": partial(_two_by_two, "torch.minimum"),
    "pow": pow_,
    "shrink": shrink,
    "threshold": threshold,
}
