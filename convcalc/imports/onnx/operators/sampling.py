"""Maps read at places that data says, and windows laid out as columns: GridSample, AffineGrid, RoiAlign, Col2Im."""

from __future__ import annotations

from math import prod
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.operators.convolutions import per_axis
from convcalc.imports.onnx.values import Call, Value, viewed, without
from convcalc.imports.written_numbers import tidy

_MODES = {"linear": "bilinear", "cubic": "bicubic"}
"""What grid_sample calls modes that ONNX has renamed."""


def unlearned(call: Call, index: int, batch: int | None) -> Draft:
    """An input that says places; one that is a constant is a table of them, and nothing that is learned."""
    value = call.value(index)
    if value.constant is None:
        return viewed(call.builder, value, batch)
    if batch is not None and value.shape[batch] != 1:
        raise Inexpressible(f"places of shape {list(value.shape)}, for a batch of several")
    fields = {"sizes": without(value.shape, batch), "learned": False}
    return call.builder.layer("parameter", fields, call.builder.entering(), (), {"constant": value.constant})


def _grid_sample(call: Call) -> Value:
    mode = call.attributes.text("mode", "linear")
    fields = {
        "mode": _MODES.get(mode, mode),
        "padding_mode": call.attributes.text("padding_mode", "zeros"),
        "align_corners": call.flag("align_corners"),
    }
    return call.out(call.layer("grid_sample", fields, call.map(), unlearned(call, 1, 0)))


def _affine_grid(call: Call) -> Value:
    is_computed = call.value(1).constant is None
    size = call.declared("a size")[1:-1] if is_computed else tuple(call.numbers(1) or ())[2:]
    fields = {"size": size, "align_corners": call.flag("align_corners")}
    return call.out(call.layer("affine_grid", fields, unlearned(call, 0, 0)))


def _roi_align(call: Call) -> Value:
    word = call.attributes.text("coordinate_transformation_mode", "half_pixel" if call.opset >= 16 else "")
    fields = {
        "output_size": (call.attributes.integer("output_height", 1), call.attributes.integer("output_width", 1)),
        "spatial_scale": tidy(call.attributes.real("spatial_scale", 1.0)),
        "sampling_ratio": call.attributes.integer("sampling_ratio") or None,
        "mode": call.attributes.text("mode", "avg"),
        "aligned": word == "half_pixel",
    }
    return call.out(call.layer("roi_align", fields, call.map(), unlearned(call, 1, None)), None)


def _fold(call: Call) -> Value:
    """The columns, the sizes of the map, and those of the window."""
    x = call.map()
    sizes, kernel = (_sizes(call, index) for index in (1, 2))
    if sizes is None or kernel is None:
        sizes, kernel = _sizes_of_fold(call, x, sizes, kernel)
    rank = len(sizes)
    pads = call.attributes.integers("pads") or [0] * 2 * rank
    if len(pads) != 2 * rank:
        raise Inexpressible(f"pads {pads} for {rank} axes")
    # What is cut off unevenly is cut off after: the map is laid out in full.
    even = pads[:rank] == pads[rank:]
    full = tuple(size + before + after for size, before, after in zip(sizes, pads[:rank], pads[rank:], strict=True))
    fields: dict[str, Any] = {
        "output_size": sizes if even else full,
        "kernel_size": kernel,
        "stride": per_axis(call, "strides", rank),
        "padding": tuple(pads[:rank]) if even else (0,) * rank,
        "dilation": per_axis(call, "dilations", rank),
    }
    y = call.layer("fold", {name: _once(numbers) for name, numbers in fields.items() if name != "output_size"}
                   | {"output_size": fields["output_size"]}, x)  # fmt: skip
    if not even:
        y = call.layer("crop", {"cropping": tuple(zip(pads[:rank], pads[rank:], strict=True))}, y)
    return call.out(y)


def _once(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def _sizes(call: Call, index: int) -> tuple[int, ...] | None:
    """Whole numbers that the file holds; None where they are computed."""
    return None if call.value(index).constant is None else tuple(call.numbers(index) or ())


def _sizes_of_fold(
    call: Call, x: Draft, sizes: tuple[int, ...] | None, kernel: tuple[int, ...] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The sizes of the map and of the window, of which the file declares the former."""
    declared = call.declared("sizes")
    sizes = sizes or declared[2:]
    rank, taps = len(sizes), x.shape[0] // max(declared[1], 1)
    if kernel is None:
        kernel = _only_window(call, sizes, taps, x.shape[-1])
    if prod(kernel) * declared[1] != x.shape[0] or len(kernel) != rank:
        raise Inexpressible(f"a window {list(kernel)} for columns of {x.shape[0]} and {declared[1]} channels")
    return sizes, kernel


def _only_window(call: Call, sizes: tuple[int, ...], taps: int, columns: int) -> tuple[int, ...]:
    """The window of so many taps of which so many fit, if there is but one."""
    rank = len(sizes)
    strides, dilations = per_axis(call, "strides", rank), per_axis(call, "dilations", rank)
    pads = call.attributes.integers("pads") or [0] * 2 * rank
    fitting: list[tuple[tuple[int, ...], int]] = [((), 1)]
    for axis, (size, stride, apart) in enumerate(zip(sizes, strides, dilations, strict=True)):
        room = size + pads[axis] + pads[axis + rank]
        longer = []
        for kernel in (k for k in range(1, min(taps, room) + 1) if taps % k == 0):
            count = (room - apart * (kernel - 1) - 1) // stride + 1
            longer += [((*before, kernel), many * count) for before, many in fitting if count > 0]
        fitting = [(before, many) for before, many in longer if taps % prod(before) == 0]
    windows = [kernel for kernel, many in fitting if prod(kernel) == taps and many == columns]
    if len(windows) != 1:
        raise Inexpressible(f"the size of a window that another layer computes: {taps} taps fit {len(windows)} sizes")
    return windows[0]


OPERATORS = {
    "GridSample": _grid_sample,
    "AffineGrid": _affine_grid,
    "RoiAlign": _roi_align,
    "Col2Im": _fold,
}
