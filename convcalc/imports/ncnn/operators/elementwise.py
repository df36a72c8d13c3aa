"""Functions of elements: activations, functions of one tensor, and tensors that meet."""

from __future__ import annotations

from functools import partial
from math import e, isclose
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport, Inexpressible
from convcalc.imports.ncnn.operators import NcnnCall

_LARGEST = 3.402823e38

_UNARY: dict[int, tuple[str, dict[str, Any]]] = {
    0: ("elementwise", {"operation": "abs"}),
    1: ("affine", {"factor": -1.0}),
    2: ("elementwise", {"operation": "floor"}),
    3: ("elementwise", {"operation": "ceil"}),
    4: ("pow", {"exponent": 2.0}),
    5: ("elementwise", {"operation": "sqrt"}),
    6: ("pow", {"exponent": -0.5}),
    7: ("elementwise", {"operation": "exp"}),
    8: ("elementwise", {"operation": "log"}),
    9: ("elementwise", {"operation": "sin"}),
    10: ("elementwise", {"operation": "cos"}),
    11: ("elementwise", {"operation": "tan"}),
    12: ("elementwise", {"operation": "asin"}),
    13: ("elementwise", {"operation": "acos"}),
    14: ("elementwise", {"operation": "atan"}),
    15: ("pow", {"exponent": -1.0}),
    16: ("tanh", {}),
    18: ("elementwise", {"operation": "round"}),
}

_BINARY = {0: "add", 1: "sub", 2: "mul", 3: "div", 4: "max", 5: "min", 6: "pow", 7: "sub", 8: "div", 9: "pow"}
_TURNED = {7, 8, 9, 11}
"""Operations of the second and the first."""

_ELTWISE = {0: "mul", 1: "add", 2: "max"}


def _plain(call: NcnnCall, kind: str, fields: dict[str, Any] | None = None) -> Draft:
    return call.layer(kind, fields or {}, call.x)


def _same(call: NcnnCall) -> list[Draft]:
    """What leaves a tensor as it is, or hands it to several."""
    return (call.inputs * max(len(call.node.line.tops), 1))[: max(len(call.node.line.tops), len(call.inputs), 1)]


def _relu(call: NcnnCall) -> Draft:
    slope = call.node.real(0)
    return call.layer("leaky_relu", {"negative_slope": slope}, call.x) if slope else call.layer("relu", {}, call.x)


def _clip(call: NcnnCall) -> Draft:
    return call.held(call.x, call.node.real(0, -_LARGEST), call.node.real(1, _LARGEST))


def _gate(call: NcnnCall, kind: str) -> Draft:
    return call.gate(kind, call.x, call.node.real(0, 0.2), call.node.real(1, 0.5))


def _threshold(call: NcnnCall) -> Draft:
    """1 above a number, 0 elsewhere."""
    threshold = call.node.real(0)
    x = call.layer("affine", {"addend": -threshold}, call.x) if threshold else call.x
    return call.layer("elementwise", {"operation": "sign"}, call.layer("relu", {}, x))


def _prelu(call: NcnnCall) -> Draft:
    slopes, channels = call.node.integer(0), call.x.shape[0]
    if slopes not in (1, channels):
        raise CannotImport(f"0={slopes} slopes for {channels} channels")
    return call.layer("prelu", {"num_parameters": slopes}, call.x, arrays={"weight": (slopes,)})


def _gelu(call: NcnnCall) -> Draft:
    return call.layer("gelu", {"approximate": "tanh"} if call.node.integer(0) else {}, call.x)


def _softmax(call: NcnnCall) -> Draft:
    return call.layer("softmax", {"axis": call.axis(0)}, call.x)


def _glu(call: NcnnCall) -> Draft:
    axis = call.axis(0)
    x, gate = (call.layer("split", {"sections": 2, "part": part, "axis": axis}, call.x) for part in (0, 1))
    return call.layer("mul", {}, x, call.layer("sigmoid", {}, gate))


def _unary(call: NcnnCall) -> Draft:
    operation = call.node.integer(0)
    if operation == 17:
        return call.layer("affine", {"factor": 0.4342945}, call.layer("elementwise", {"operation": "log"}, call.x))
    if operation not in _UNARY:
        raise Inexpressible(f"operation {operation} of one tensor")
    return call.layer(*_UNARY[operation], call.x)


def _power(call: NcnnCall) -> Draft:
    power, factor, addend = call.node.real(0, 1.0), call.node.real(1, 1.0), call.node.real(2)
    x = call.scaled(call.x, factor, addend)
    return x if power == 1.0 else call.layer("pow", {"exponent": power}, x)


def _of_base(call: NcnnCall, operation: str) -> Draft:
    base, factor, addend = call.node.real(0, -1.0), call.node.real(1, 1.0), call.node.real(2)
    if base != -1.0 and not isclose(base, e, rel_tol=1e-5):
        raise Inexpressible(f"{operation} to the base {base}")
    x = call.scaled(call.x, factor, addend)
    return call.layer("elementwise", {"operation": operation}, x)


def _with_number(call: NcnnCall, operation: int, number: float) -> Draft:
    """An operation of a tensor and a number."""
    x = call.x
    affine = {
        0: {"addend": number},
        1: {"addend": -number},
        2: {"factor": number},
        3: {"factor": 1 / number if number else 0.0},
        7: {"factor": -1.0, "addend": number},
    }.get(operation)
    if affine is not None:
        if operation == 3 and not number:
            raise CannotImport("a division by 0")
        return call.layer("affine", affine, x)
    if operation in (4, 5):
        return call.held(x, *((number, _LARGEST) if operation == 4 else (-_LARGEST, number)))
    if operation == 6:
        return x if number == 1.0 else call.layer("pow", {"exponent": number}, x)
    if operation == 8:
        return call.scaled(call.layer("pow", {"exponent": -1.0}, x), number)
    raise Inexpressible(f"operation {operation} of a tensor and a number")


def _binary(call: NcnnCall) -> Draft:
    operation = call.node.integer(0)
    if call.node.integer(1) or len(call.inputs) == 1:
        return _with_number(call, operation, call.node.real(2))
    if operation not in _BINARY:
        raise Inexpressible(f"operation {operation} of two tensors")
    pair = _met(call, call.input(0), call.input(1))
    kind = _BINARY[operation]
    if operation in _TURNED:
        pair = pair[::-1]
    if kind != "pow":
        return call.layer(kind, {}, *pair)
    rank = max(len(draft.shape) for draft in pair)
    pair = [call.reshaped(draft, (*draft.shape, *(1,) * (rank - len(draft.shape)))) for draft in pair]
    return call.layer("elementwise", {"operation": kind}, *pair)


def _met(call: NcnnCall, x: Draft, y: Draft) -> list[Draft]:
    """Two tensors of as many axes: one of fewer is aligned at the outermost, if it is not a row as long as another."""
    fewer, more = sorted((x, y), key=lambda draft: len(draft.shape))
    rank = len(more.shape)
    if len(fewer.shape) == rank:
        return [x, y]
    lies_along_the_last = len(fewer.shape) == 1 and fewer.shape[0] not in (1, more.shape[0])
    ones = (1,) * (rank - len(fewer.shape))
    if lies_along_the_last:
        wide = call.reshaped(fewer, (*ones, *fewer.shape))
        return [wide if draft is fewer else draft for draft in (x, y)]
    return [x, y]  # which is how our kinds align them


def _eltwise(call: NcnnCall) -> Draft:
    operation, factors = call.node.integer(0), call.node.reals(1)
    if operation not in _ELTWISE:
        raise Inexpressible(f"operation {operation} of several tensors")
    inputs = list(call.inputs)
    if len(inputs) < 2:
        raise CannotImport(f"{len(inputs)} blobs enter, where 2 are needed")
    if operation == 1 and factors:
        if len(factors) != len(inputs):
            raise CannotImport(f"{len(factors)} factors for {len(inputs)} blobs")
        inputs = [call.scaled(x, factor) for x, factor in zip(inputs, factors, strict=True)]
    return call.layer(_ELTWISE[operation], {}, *inputs)


OPERATORS = {
    **dict.fromkeys(
        ("Split", "Noop", "Cast", "Packing", "DeepCopy", "Quantize", "Dequantize"), _same
    ),
    **{
        name: partial(_plain, kind=kind)
        for name, kind in {
            "Sigmoid": "sigmoid", "TanH": "tanh", "Swish": "silu", "Mish": "mish", "SELU": "selu",
            "Softplus": "softplus", "BNLL": "softplus",
        }.items()
    },
    **{
        name: partial(_plain, kind="elementwise", fields={"operation": operation})
        for name, operation in {"AbsVal": "abs", "Erf": "erf"}.items()
    },
    "ReLU": _relu,
    "ELU": lambda call: call.layer("elu", {"alpha": call.node.real(0, 0.1)}, call.x),
    "CELU": lambda call: call.layer("celu", {"alpha": call.node.real(0, 1.0)}, call.x),
    "Shrink": lambda call: call.layer(
        "shrink", {"lambd": call.node.real(1, 0.5), "bias": call.node.real(0)}, call.x
    ),
    "Threshold": _threshold,
    "Dropout": lambda call: call.scaled(call.x, call.node.real(0, 1.0)),
    "Requantize": lambda call: call.activated(call.x, 3),
    "PReLU": _prelu,
    "Clip": _clip,
    "GELU": _gelu,
    "GLU": _glu,
    "HardSigmoid": partial(_gate, kind="hard_sigmoid"),
    "HardSwish": partial(_gate, kind="hard_swish"),
    "Softmax": _softmax,
    "UnaryOp": _unary,
    "BinaryOp": _binary,
    "Eltwise": _eltwise,
    "Power": _power,
    "Exp": partial(_of_base, operation="exp"),
    "Log": partial(_of_base, operation="log"),
}  # fmt: skip
