"""Pools, and how windows lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convcalc.imports.errors import Inexpressible

if TYPE_CHECKING:
    from convcalc.imports.openvino.translation import IrCall

_SAME = {"same_upper": "SAME_UPPER", "same_lower": "SAME_LOWER"}


def per_axis(call: IrCall, name: str, rank: int, default: int) -> list[int]:
    """A number for each axis."""
    numbers = call.integers(name) or [default] * rank
    if len(numbers) != rank:
        raise Inexpressible(f"{name} {numbers} for {rank} axes")
    return numbers


def window(call: IrCall, rank: int) -> dict[str, Any]:
    """How a window moves and what is added around, in ONNX's words."""
    attributes: dict[str, Any] = {
        "strides": per_axis(call, "strides", rank, 1),
        "dilations": per_axis(call, "dilations", rank, 1),
    }
    word = call.text("auto_pad").lower()
    if word in _SAME:
        return attributes | {"auto_pad": _SAME[word]}
    begin, end = (per_axis(call, name, rank, 0) for name in ("pads_begin", "pads_end"))
    return attributes | {"pads": [0] * 2 * rank if word == "valid" else begin + end}


def _pool(call: IrCall, op: str) -> None:
    kernel = call.integers("kernel")
    attributes = {**window(call, len(kernel)), "kernel_shape": kernel, "rounding": call.text("rounding_type", "floor")}
    if attributes["rounding"] == "ceil_torch":
        attributes["ceil_mode"] = 1
    if op == "AveragePool":
        attributes["count_include_pad"] = int(not call.flag("exclude-pad", default=True))
    outputs = [name if name in call.translation.readers else "" for name in call.outputs]
    call.nodes(op, [call.tensor()], [call.outputs[0], *(outputs[1:] if any(outputs[1:]) else [])], **attributes)


def _adaptive(call: IrCall, kind: str) -> None:
    if any(call.translation.readers.get(name) for name in call.outputs[1:]):
        raise Inexpressible("the places of the largest elements are read")
    cells = call.after()[2:]
    if None in cells:
        raise Inexpressible("cells of which it is not known how many there are")
    call.leaves("openvino.adaptive_pool", call.tensor(), kind=kind, cells=cells)


RULES = {
    "maxpool": lambda call: _pool(call, "MaxPool"),
    "avgpool": lambda call: _pool(call, "AveragePool"),
    "adaptiveavgpool": lambda call: _adaptive(call, "adaptive_avg_pool"),
    "adaptivemaxpool": lambda call: _adaptive(call, "adaptive_max_pool"),
}
