"""Operators as they were before opset 7, brought to their newer forms, and those that were dropped since.

Only what those forms say otherwise is written anew; whatever stays the same is read by the files beside this one.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import moving
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.nodes import Attributes
from convcalc.imports.onnx.operators.activations import onto_itself
from convcalc.imports.onnx.reading import FLOAT
from convcalc.imports.onnx.values import Call, Value, from_front, parameter, viewed
from convcalc.imports.written_numbers import tidy

FIRST_TODAY = 7
"""The opset since which tensors that meet are aligned at their last axes, and no earlier form is read here."""

_ELEMENT_TYPES = {
    "FLOAT": 1, "UINT8": 2, "INT8": 3, "UINT16": 4, "INT16": 5, "INT32": 6, "INT64": 7, "STRING": 8, "BOOL": 9,
    "FLOAT16": 10, "DOUBLE": 11, "UINT32": 12, "UINT64": 13,
}  # fmt: skip
"""What Cast called the element types before it had their numbers."""


def modern(call: Call) -> Call:
    """A node of an opset before 7 as opset 7 has it."""
    change = _CHANGED.get(call.node.op) if not call.node.domain else None
    if change is None:
        return call
    restated = Call(
        call.builder, replace(call.node, attributes=Attributes(call.attributes)), [*call.inputs], call.opset
    )
    change(restated)
    return restated


def _aligned(call: Call) -> None:
    """The second tensor meets the first from `axis` on, or at the last axes where none is named."""
    if not call.flag("broadcast") or "axis" not in call.attributes:
        return
    value, other = call.value(0), call.value(1)
    rank, own = len(value.shape), len(other.shape)
    axis = from_front(call.attributes.integer("axis"), rank)
    if axis + own > rank:
        raise Inexpressible(f"shape {list(other.shape)} put at axis {axis} of shape {list(value.shape)}")
    behind = rank - axis - own
    if behind and other.known:
        call.inputs[1] = moving.reshaped(call, other, (*other.shape, *(1,) * behind))


def _named_element_type(call: Call) -> None:
    word = call.attributes.get("to")
    if isinstance(word, str):
        if word.upper() not in _ELEMENT_TYPES:
            raise Inexpressible(f"element type {word}")
        call.attributes["to"] = _ELEMENT_TYPES[word.upper()]


def _pads(call: Call) -> None:
    if "paddings" in call.attributes:
        call.attributes["pads"] = call.attributes["paddings"]


def _repeats(call: Call) -> None:
    """Before opset 6 one axis is repeated, which an input names, so many times as another says."""
    if call.opset >= 6 or not call.has(2):
        return
    (times,), (axis,) = (call.constant(place, "repeats or an axis").integers() for place in (1, 2))
    rank = len(call.value(0).shape)
    own = [1] * rank
    own[from_front(axis, rank)] = times
    call.set_numbers(1, own)
    del call.inputs[2:]


def _scales(call: Call) -> None:
    if "height_scale" in call.attributes or "width_scale" in call.attributes:
        sides = [call.attributes.real(f"{side}_scale", 1.0) for side in ("height", "width")]
        call.inputs[1:] = [_numbers_value([1.0, 1.0, *sides])]


def _numbers_value(numbers: list[float]) -> Value:
    constant = Constant((len(numbers),), FLOAT, tuple(numbers))
    return Value(constant.shape, None, None, constant)


def _statistics(call: Call) -> None:
    if not call.attributes.integer("spatial", 1) and len(call.value(0).shape) > 2:
        raise Inexpressible("statistics of each position (spatial=0)")


def _largest(call: Call) -> None:
    """The number of the largest elements that are kept was an attribute."""
    if "k" in call.attributes and not call.has(1):
        call.set_numbers(1, [call.attributes.integer("k")])


_CHANGED: dict[str, Callable[[Call], None]] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less"), _aligned),
    "Cast": _named_element_type,
    "Pad": _pads,
    "Tile": _repeats,
    "Upsample": _scales,
    "BatchNormalization": _statistics,
    "TopK": _largest,
}


def _affine(call: Call, factor: str = "alpha", addend: str = "beta", default: float = 1.0) -> Value:
    fields = {
        "factor": tidy(call.attributes.real(factor, default)),
        "addend": tidy(call.attributes.real(addend, 0.0)) if addend else 0.0,
    }
    return onto_itself(call, "affine", fields)


def _scaled(call: Call, kind: str) -> Value:
    """A function of the tensor times `beta`, times `alpha`."""
    if not all(name in call.attributes for name in ("alpha", "beta")):
        raise Inexpressible("no alpha and beta are given, and there is no agreement on what they are then")
    value = call.value(0)
    inner = call.layer(
        "affine", {"factor": tidy(call.attributes.real("beta"))}, viewed(call.builder, value, value.batch)
    )
    outer = call.layer("affine", {"factor": tidy(call.attributes.real("alpha"))}, call.layer(kind, {}, inner))
    return call.out(outer, value.batch)


def _image_scaler(call: Call) -> Value:
    """All of a picture times one number, and to each channel another added; none of them was learned."""
    x, addends = call.map(), call.attributes.get("bias") or [0.0]
    factor = tidy(call.attributes.real("scale", 1.0))
    if not isinstance(addends, list) or len(addends) not in (1, x.shape[0]):
        raise Inexpressible(f"a bias that is not one number for each of {x.shape[0]} channels")
    if len(set(addends)) == 1:
        return call.out(call.layer("affine", {"factor": factor, "addend": tidy(addends[0])}, x))
    if factor != 1:
        x = call.layer("affine", {"factor": factor}, x)
    shape = (len(addends), *(1,) * (len(x.shape) - 1))
    constant = Constant(shape, FLOAT, tuple(map(tidy, addends)))
    return call.out(call.layer("add", {}, x, parameter(call.builder, constant, shape)))


def _crop(call: Call) -> Value:
    """Borders cut off: left, top, right, bottom; or height and width kept behind the first two of them."""
    value = call.value(0)
    borders, kept = call.attributes.integers("border"), call.attributes.integers("scale")
    if borders is None or len(borders) != 4 or len(value.shape) != 4 or (kept and len(kept) != 2):
        raise Inexpressible(f"border {borders} and scale {kept} for a tensor of shape {list(value.shape)}")
    ranges = {}
    for place, axis in enumerate((2, 3)):
        start, size = borders[1 - place], value.shape[axis]
        end = start + kept[place] if kept else size - borders[3 - place]
        if not 0 <= start < end <= size:
            raise Inexpressible(f"positions {start} to {end} of an axis of {size}")
        ranges[axis] = range(start, end)
    return moving.cut(call, value, ranges)


OPERATORS: dict[str, Callable[[Call], Value | list[Value]]] = {
    "Affine": _affine,
    "Scale": lambda call: _affine(call, "scale", ""),
    "ScaledTanh": lambda call: _scaled(call, "tanh"),
    "ParametricSoftplus": lambda call: _scaled(call, "softplus"),
    "ImageScaler": _image_scaler,
    "Crop": _crop,
}
