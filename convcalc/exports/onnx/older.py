"""Operators as those opsets have them that are older than what changed or brought them.

Kinds write operators as the newest opset has them. A form here says the same in the operators of an older one, or that
nothing there does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Protocol

from onnx import defs

from convcalc.layers import NoOnnxForm


class Collector(Protocol):
    """Where the operators of a layer are collected; see `convcalc.exports.onnx.layer`."""

    opset: int
    arrays: dict[str, Any]

    def node(self, op: str, *inputs: str, **attributes: Any) -> str: ...

    def operator(self, op: str, *inputs: str, **attributes: Any) -> str: ...

    def constant(self, values: Any, dtype: str | None = None) -> str: ...


Form = Callable[..., str]


def older_form(op: str, opset: int) -> Form | None:
    """How an operator is written in an opset that has it otherwise or lacks it; None where it has it."""
    for until, form in FORMS.get(op, ()):
        if opset < until:
            return form
    return None


def sayable(op: str, opset: int, count: int, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of an operator without those that its opset has no word for and that say nothing.

    Raises:
        NoOnnxForm: the opset has no such operator, no such attribute or not as many inputs.
    """
    if "domain" in attributes:
        return dict(attributes)
    schema, last = _schema(op, opset), defs.onnx_opset_version()
    if schema is None or schema.deprecated:
        raise NoOnnxForm(f"opset {opset} has no {op}{_first(op, opset, lambda newer: True)}")
    if count > schema.max_input:
        newer = _first(op, opset, lambda newer: count <= newer.max_input)
        raise NoOnnxForm(f"{op} of opset {opset} has no {count} inputs{newer}")
    known, newest = {}, _schema(op, last)
    for name, value in attributes.items():
        if name in schema.attributes:
            known[name] = value
        elif name not in newest.attributes or not _is_default(newest.attributes[name], value):
            raise NoOnnxForm(f"{op} of opset {opset} has no {name}{_first_with(op, opset, name)}")
    return known


def _first_with(op: str, opset: int, attribute: str) -> str:
    return _first(op, opset, lambda newer: attribute in newer.attributes)


def _first(op: str, opset: int, has: Callable[[Any], bool]) -> str:
    """Which newer opset has what this one lacks, to be put behind that."""
    for newer in range(opset + 1, defs.onnx_opset_version() + 1):
        schema = _schema(op, newer)
        if schema is not None and not schema.deprecated and has(schema):
            return f"; opset {newer} has"
    return ""


@cache
def _schema(op: str, opset: int) -> Any:
    try:
        return defs.get_schema(op, opset)
    except defs.SchemaError:
        return None


def _is_default(attribute: Any, value: Any) -> bool:
    """Whether a value is what an attribute is where it is left out; those of axes are 1 on each."""
    from onnx import helper

    if not attribute.default_value.type:
        return isinstance(value, list | tuple) and set(value) <= {1}
    default = helper.get_attribute_value(attribute.default_value)
    return bool((default.decode() if isinstance(default, bytes) else default) == value)


def _reduction(op: str, graph: Collector, x: str, axes: str = "", **attributes: Any) -> str:
    """Axes were an attribute."""
    stated = [int(axis) for axis in graph.arrays[axes]] if axes else []
    attributes.pop("noop_with_empty_axes", None)
    return graph.operator(op, x, axes=stated, **attributes)


def _gelu(graph: Collector, x: str, approximate: str = "none") -> str:
    half = graph.node("Mul", x, graph.constant(0.5))
    if approximate == "none":
        bell = graph.node("Erf", graph.node("Div", x, graph.constant(math.sqrt(2))))
    else:
        cube = graph.node("Mul", graph.node("Mul", graph.node("Mul", x, x), x), graph.constant(0.044715))
        inner = graph.node("Mul", graph.node("Add", x, cube), graph.constant(math.sqrt(2 / math.pi)))
        bell = graph.node("Tanh", inner)
    return graph.node("Mul", half, graph.node("Add", bell, graph.constant(1.0)))


def _mish(graph: Collector, x: str) -> str:
    return graph.node("Mul", x, graph.node("Tanh", graph.node("Softplus", x)))


def _hard_swish(graph: Collector, x: str) -> str:
    return graph.node("Mul", x, graph.node("HardSigmoid", x, alpha=1 / 6, beta=0.5))


def _last(axis: int) -> list[int]:
    """The axes that a norm works on, which it counts from the last."""
    return list(range(axis, 0))


def _layer_norm(graph: Collector, x: str, scale: str, bias: str = "", *, axis: int, epsilon: float) -> str:
    axes = graph.constant(_last(axis))
    difference = graph.node("Sub", x, graph.node("ReduceMean", x, axes, keepdims=1))
    squares = graph.node("Mul", difference, difference)
    normalised = graph.node("Div", difference, _root_of_mean(graph, squares, axes, epsilon))
    scaled = graph.node("Mul", normalised, scale)
    return graph.node("Add", scaled, bias) if bias else scaled


def _rms_norm(graph: Collector, x: str, scale: str, *, axis: int, epsilon: float) -> str:
    root = _root_of_mean(graph, graph.node("Mul", x, x), graph.constant(_last(axis)), epsilon)
    return graph.node("Mul", graph.node("Div", x, root), scale)


def _root_of_mean(graph: Collector, squares: str, axes: str, epsilon: float) -> str:
    mean = graph.node("ReduceMean", squares, axes, keepdims=1)
    return graph.node("Sqrt", graph.node("Add", mean, graph.constant(epsilon)))


def _pad(graph: Collector, x: str, pads: str, value: str = "", axes: str = "", mode: str = "constant") -> str:
    """Padding named every axis, and did not go round. Axes that are named here reach to the last."""
    if axes:
        along = [int(axis) for axis in graph.arrays[axes]]
        half, numbers = len(along), [int(number) for number in graph.arrays[pads]]
        rest = [0] * (max(along) + 1 - half)
        pads = graph.constant([*rest, *numbers[:half], *rest, *numbers[half:]])
    return graph.operator("Pad", x, *_filled(pads, value), mode=mode)


def _pad_around(graph: Collector, x: str, pads: str, value: str = "", axes: str = "", mode: str = "constant") -> str:
    """An axis that goes round, laid out: its end before it and its beginning behind it."""
    if mode != "wrap":
        return graph.operator("Pad", x, *_filled(pads, value, axes), mode=mode)
    numbers = [int(number) for number in graph.arrays[pads]]
    half = len(numbers) // 2
    along = [int(axis) for axis in graph.arrays[axes]] if axes else range(half)
    most = 2**31 - 1
    for axis, before, behind in zip(along, numbers[:half], numbers[half:], strict=True):
        place, parts = graph.constant([axis]), [x]
        if before:
            parts.insert(0, graph.node("Slice", x, graph.constant([-before]), graph.constant([most]), place))
        if behind:
            parts.append(graph.node("Slice", x, graph.constant([0]), graph.constant([behind]), place))
        x = graph.node("Concat", *parts, axis=axis) if len(parts) > 1 else x
    return x


def _filled(*inputs: str) -> tuple[str, ...]:
    while inputs and not inputs[-1]:
        inputs = inputs[:-1]
    return inputs


def _pad_before_18(graph: Collector, x: str, pads: str, value: str = "", axes: str = "", mode: str = "constant") -> str:
    if axes and mode != "wrap":
        return _pad(graph, x, pads, value, axes, mode)
    return _pad_around(graph, x, pads, value, axes, mode)


def _resize(graph: Collector, x: str, roi: str = "", scales: str = "", sizes: str = "", **attributes: Any) -> str:
    """Every axis had its size or scale. Axes that are named here reach to the last."""
    axes = attributes.pop("axes", None)
    if axes:
        lacking = max(axes) + 1 - len(axes)
        if scales:
            scales = graph.constant([*[1.0] * lacking, *graph.arrays[scales].tolist()], "float32")
        if sizes:
            shape = graph.node("Slice", graph.node("Shape", x), graph.constant([0]), graph.constant([lacking]))
            sizes = graph.node("Concat", shape, sizes, axis=0)
    return graph.operator("Resize", x, *_filled(roi, scales, sizes), **attributes)


def _roi_align(graph: Collector, *inputs: str, coordinate_transformation_mode: str = "half_pixel", **more: Any) -> str:
    if coordinate_transformation_mode != "output_half_pixel":
        raise NoOnnxForm("RoiAlign has no half_pixel before opset 16")
    return graph.operator("RoiAlign", *inputs, **more)


_GRID_MODES = {"linear": "bilinear", "cubic": "bicubic"}


def _grid_sample(graph: Collector, *inputs: str, mode: str = "linear", **more: Any) -> str:
    return graph.operator("GridSample", *inputs, mode=_GRID_MODES.get(mode, mode), **more)


_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")

FORMS: dict[str, tuple[tuple[int, Form], ...]] = {
    **{f"Reduce{op}": ((18, partial(_reduction, f"Reduce{op}")),) for op in _REDUCTIONS},
    "Gelu": ((20, _gelu),),
    "GridSample": ((20, _grid_sample),),
    "HardSwish": ((14, _hard_swish),),
    "LayerNormalization": ((17, _layer_norm),),
    "Mish": ((18, _mish),),
    "Pad": ((18, _pad_before_18), (19, _pad_around)),
    "RMSNormalization": ((23, _rms_norm),),
    "Resize": ((18, _resize),),
    "RoiAlign": ((16, _roi_align),),
}
"""By operator: for opsets below a number the form, the lowest number first."""
