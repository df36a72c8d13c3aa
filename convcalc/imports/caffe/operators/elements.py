"""Functions of single elements, and of several blobs that meet."""

from __future__ import annotations

from functools import partial
from math import e, log

from convcalc.imports.caffe.blobs import CaffeLayer
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible


def _plain(call: CaffeLayer, kind: str) -> Draft:
    call.count(1, 1)
    return call.made(kind, {})


def _relu(call: CaffeLayer) -> Draft:
    slope = call.parameters("relu_param").real("negative_slope", 0.0)
    return call.made("leaky_relu", {"negative_slope": slope}) if slope else call.made("relu", {})


def _prelu(call: CaffeLayer) -> Draft:
    is_shared = call.parameters("prelu_param").flag("channel_shared", default=False)
    return call.made("prelu", {"num_parameters": 1 if is_shared else call.x.shape[0]})


def _elu(call: CaffeLayer) -> Draft:
    return call.made("elu", {"alpha": call.parameters("elu_param").real("alpha", 1.0)})


def _absolute(call: CaffeLayer) -> Draft:
    return call.made("elementwise", {"operation": "abs"})


def _affine(call: CaffeLayer, factor: float, addend: float) -> Draft:
    """What leaves the layer's formula inside of a power, an exponential or a logarithm."""
    if factor == 1 and addend == 0:
        return call.x
    return call.helper("affine", {"factor": factor, "addend": addend})


def _power(call: CaffeLayer) -> Draft:
    """(shift + scale·x)^power."""
    param = call.parameters("power_param")
    power, scale, shift = param.real("power", 1.0), param.real("scale", 1.0), param.real("shift", 0.0)
    if power == 1:
        is_same = scale == 1 and shift == 0
        return call.made("identity", {}) if is_same else call.made("affine", {"factor": scale, "addend": shift})
    return call.made("pow", {"exponent": power}, _affine(call, scale, shift))


def _exponential(call: CaffeLayer) -> Draft:
    """base^(shift + scale·x), the base e where it is -1."""
    param = call.parameters("exp_param")
    base = param.real("base", -1.0)
    if base != -1 and base <= 0:
        raise call.error(f"base {base:g}; expected one above 0, or -1 for e")
    factor = 1.0 if base == -1 else log(base)
    x = _affine(call, factor * param.real("scale", 1.0), factor * param.real("shift", 0.0))
    return call.made("elementwise", {"operation": "exp"}, x)


def _logarithm(call: CaffeLayer) -> Draft:
    """The logarithm of shift + scale·x to a base, e where it is -1."""
    param = call.parameters("log_param")
    base = param.real("base", -1.0)
    if base != -1 and (base <= 0 or base == 1):
        raise call.error(f"base {base:g}; expected one above 0 that is not 1, or -1 for e")
    x = _affine(call, param.real("scale", 1.0), param.real("shift", 0.0))
    y = call.made("elementwise", {"operation": "log"}, x)
    return y if base in (-1, e) else call.helper("affine", {"factor": 1 / log(base)}, y)


def _threshold(call: CaffeLayer) -> Draft:
    """1 above the threshold, else 0: what is left above 0 of the sign of the difference."""
    x = _affine(call, 1.0, -call.parameters("threshold_param").real("threshold", 0.0))
    return call.made("relu", {}, call.helper("elementwise", {"operation": "sign"}, x))


def _clip(call: CaffeLayer) -> Draft:
    param = call.parameters("clip_param")
    low, high = param.real("min", 0.0), param.real("max", 6.0)
    if (low, high) == (0, 6):
        return call.made("relu6", {})
    return call.made("hard_tanh", {"min_val": low, "max_val": high})


def _swish(call: CaffeLayer) -> Draft:
    beta = call.parameters("swish_param").real("beta", 1.0)
    if beta == 1:
        return call.made("silu", {})
    return call.made("mul", {}, call.x, call.helper("sigmoid", {}, _affine(call, beta, 0.0)))


def _dropout(call: CaffeLayer) -> Draft:
    return call.made("dropout", {"p": call.parameters("dropout_param").real("dropout_ratio", 0.5)})


def _scaled_bottom(call: CaffeLayer, axis: int) -> Draft:
    """The second bottom as it meets the first: it lies along the axes from one on, which counts the batch."""
    other = call.bottoms[1]
    if axis not in (0, 1):
        raise Inexpressible("two blobs that meet along axes behind the channels")
    return other


def _scale(call: CaffeLayer) -> Draft:
    param = call.parameters("scale_param")
    biased = param.flag("bias_term", default=False)
    axis = param.whole("axis", 1, least=-16)
    if len(call.bottoms) == 2:
        y = call.made("mul", {}, call.x, _scaled_bottom(call, axis))
        if not biased:
            return y
        return call.helper("add", {}, y, call.learned(call.bottoms[1].shape, 0))
    call.count(1, 1)
    _along_channels(axis, param.whole("num_axes", 1, least=-1))
    return call.made("scale", {"bias": biased})


def _bias(call: CaffeLayer) -> Draft:
    param = call.parameters("bias_param")
    axis = param.whole("axis", 1, least=-16)
    if len(call.bottoms) == 2:
        return call.made("add", {}, call.x, _scaled_bottom(call, axis))
    _along_channels(axis, param.whole("num_axes", 1, least=-1))
    return call.made("add", {}, call.x, call.learned(call.x.shape[:1], 0))


def _along_channels(axis: int, count: int) -> None:
    if axis != 1 or count != 1:
        raise Inexpressible(f"it has numbers of its own along {count} axes from axis {axis} on")


def _eltwise(call: CaffeLayer) -> Draft:
    call.count(2)
    param = call.parameters("eltwise_param")
    how = param.choice("operation", ("SUM", "PROD", "MAX")) if param.has("operation") else "SUM"
    if how == "SUM" and (coefficients := param.reals("coeff")):
        if len(coefficients) != len(call.bottoms):
            raise call.error(f"{len(coefficients)} values of coeff for {len(call.bottoms)} bottoms")
        if coefficients == [1, -1]:
            return call.made("sub", {}, *call.bottoms)
        weighed = [
            x if factor == 1 else call.helper("affine", {"factor": factor}, x)
            for x, factor in zip(call.bottoms, coefficients, strict=True)
        ]
        return call.made("add", {}, *weighed)
    return call.made({"SUM": "add", "PROD": "mul", "MAX": "max"}[how], {}, *call.bottoms)


def _axpy(call: CaffeLayer) -> Draft:
    """The second bottom, each channel times the first, and the third added."""
    call.count(3, 3)
    gate, x, y = call.bottoms
    return call.made("add", {}, call.helper("mul", {}, x, gate), y)


OPERATORS = {
    "AbsVal": _absolute,
    "Axpy": _axpy,
    "BNLL": partial(_plain, kind="softplus"),
    "Bias": _bias,
    "Clip": _clip,
    "Dropout": _dropout,
    "ELU": _elu,
    "Eltwise": _eltwise,
    "Exp": _exponential,
    "Log": _logarithm,
    "PReLU": _prelu,
    "Power": _power,
    "ReLU": _relu,
    "ReLU6": partial(_plain, kind="relu6"),
    "SELU": partial(_plain, kind="selu"),
    "Scale": _scale,
    "SeLu": partial(_plain, kind="selu"),
    "Sigmoid": partial(_plain, kind="sigmoid"),
    "Swish": _swish,
    "TanH": partial(_plain, kind="tanh"),
    "Threshold": _threshold,
}
