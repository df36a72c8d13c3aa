"""Resize of a region of a map (tf_crop_and_resize): the map read at places between the ends of that region.

Which region it is may be said by data. Output o of n lies at start + o·(end - start)/(n - 1) of the way from the first
position to the last, and what lies beyond these has a value of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.imports.arrays import checked
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import moving
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.reading import FLOAT
from convcalc.imports.onnx.values import Call, Value, parameter, viewed
from convcalc.imports.written_numbers import tidy

_NEAR = 1e-6
"""How far beyond an end a place may be worked out that is at the end."""


def is_cropped(call: Call) -> bool:
    """Whether a node of Resize reads a region of its input."""
    return call.attributes.text("coordinate_transformation_mode", "") == "tf_crop_and_resize"


def cropped(call: Call, value: Value, sizes: Sequence[int], axes: Sequence[int]) -> Value:
    """What Resize makes of a region, which its roi says for these axes: all their starts, then all their ends."""
    rank = len(value.shape)
    roi = call.value(1)
    if rank not in (4, 5) or roi.shape != (2 * len(axes),) or tuple(sizes[:2]) != value.shape[:2]:
        raise Inexpressible(f"a region of shape {list(roi.shape)} of a tensor of shape {list(value.shape)}")
    if roi.constant is None and min(axes) < 2:
        call.note("reads a region that is computed, which is taken to be all of the batch and of the channels")
    along = [_Axis(call, roi, axes, axis, sizes[axis]) for axis in range(2, rank)]
    x, map_sizes = call.map(), checked(sizes[2:])
    places = [_spread(call, own.places, place, map_sizes) for place, own in enumerate(along)]
    apart = [call.builder.reshaped(part, (*map_sizes, 1)) for part in reversed(places)]
    grid = call.layer("concat", {"axis": len(map_sizes)}, *apart)
    y = call.layer("grid_sample", {"mode": _mode(call), "padding_mode": "border", "align_corners": True}, x, grid)
    if not all(own.is_within for own in along):
        beyond = call.attributes.real("extrapolation_value", 0.0)
        y = _with_value_beyond(call, y, [own.places for own in along], tidy(beyond))
    return call.out(y)


class _Axis:
    """The places of an axis, from -1 at its first position to 1 at its last. `is_within`: none can be beyond."""

    def __init__(self, call: Call, roi: Value, axes: Sequence[int], axis: int, count: int) -> None:
        steps = [at / (count - 1) for at in range(count)] if count > 1 else [0.5]
        place = list(axes).index(axis) if axis in axes else None
        numbers = (0.0, 1.0) if place is None else None
        if place is not None and roi.constant is not None:
            if roi.constant.numbers is None:
                raise Inexpressible("a region whose numbers are not in the file")
            start, end = (float(roi.constant.numbers[at]) for at in (place, place + len(axes)))
            numbers = (start, end)
        self.is_within = numbers is not None and all(-_NEAR <= end <= 1 + _NEAR for end in numbers)
        if numbers is not None:
            start, end = numbers
            self.places = _stated(call, [2 * (start + step * (end - start)) - 1 for step in steps])
            return
        x = viewed(call.builder, roi, None)
        first, last = (
            call.layer("slice", {"start": at, "end": at + 1}, x) for at in (place or 0, (place or 0) + len(axes))
        )
        length = call.layer("sub", {}, last, first)
        moved = call.layer("add", {}, call.layer("mul", {}, _stated(call, steps), length), first)
        self.places = call.layer("affine", {"factor": 2.0, "addend": -1.0}, moved)


def _stated(call: Call, numbers: Sequence[float]) -> Draft:
    return parameter(call.builder, Constant((len(numbers),), FLOAT, tuple(numbers)), (len(numbers),))


def _spread(call: Call, places: Draft, axis: int, sizes: tuple[int, ...]) -> Draft:
    """The places of one axis, the same for every position of the others."""
    shape = tuple(size if at == axis else 1 for at, size in enumerate(sizes))
    laid = Value(shape, call.builder.reshaped(places, shape))
    return viewed(call.builder, moving.spread(call, laid, sizes), None)


def _mode(call: Call) -> str:
    mode = call.attributes.text("mode", "nearest")
    is_plain = not call.flag("antialias") and not call.flag("exclude_outside")
    if mode == "linear" and is_plain:
        return "bilinear"
    if mode == "cubic" and is_plain and call.attributes.real("cubic_coeff_a", -0.75) == -0.75:
        return "bicubic"
    raise Inexpressible(f"mode {mode} in a region")


def _with_value_beyond(call: Call, y: Draft, places: Sequence[Draft], beyond: float) -> Draft:
    """A map that has one number where a place is beyond the ends of an axis."""
    end, is_within = _stated(call, [1 + _NEAR]), None
    for axis, along in enumerate(places):
        distance = call.layer("elementwise", {"operation": "abs"}, along)
        fits = call.layer("elementwise", {"operation": "less_equal"}, distance, end)
        shape = tuple(size if at == axis else 1 for at, size in enumerate(y.shape[1:]))
        laid = call.builder.reshaped(fits, shape)
        both = {"operation": "logical_and"}
        is_within = laid if is_within is None else call.layer("elementwise", both, is_within, laid)
    assert is_within is not None  # noqa: S101  # a map has axes
    mask = call.builder.reshaped(is_within, (1, *y.shape[1:]))
    return call.layer("elementwise", {"operation": "where"}, mask, y, _stated(call, [beyond]))
