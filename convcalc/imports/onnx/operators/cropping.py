"""CenterCropPad: the middle of a tensor, or zeros around it, on any axes."""

from __future__ import annotations

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.values import Call, Value, from_front, viewed, without


def _wanted(call: Call, value: Value) -> tuple[int, ...]:
    """The sizes that leave: the file's, or what it declares where another layer computes them."""
    if call.value(1).constant is None:
        wanted = call.declared_beside(value, "a size")
        if len(wanted) != len(value.shape):
            raise Inexpressible(f"a shape {list(wanted)} in the file, of what has {len(value.shape)} axes")
        return wanted
    rank = len(value.shape)
    axes = [from_front(axis, rank) for axis in call.attributes.integers("axes") or range(rank)]
    sizes = call.numbers(1) or []
    if len(sizes) != len(axes) or min(sizes) < 1:
        raise Inexpressible(f"sizes {sizes} for {len(axes)} axes")
    wanted_by_axis = dict(zip(axes, sizes, strict=True))
    return tuple(wanted_by_axis.get(axis, size) for axis, size in enumerate(value.shape))


def _center_crop_pad(call: Call) -> Value:
    value = call.value(0)
    wanted = _wanted(call, value)
    if wanted == value.shape:
        return value
    batch = value.batch
    if batch is not None and wanted[batch] != value.shape[batch]:
        batch = None
    x = viewed(call.builder, value, batch)
    sizes = without(wanted, batch)
    beside = sizes[0] != x.shape[0]  # what is cut and padded are positions, behind channels
    positions = call.builder.reshaped(x, (1, *x.shape)) if beside else x
    changes = [own - size for own, size in zip(x.shape, sizes, strict=True)][0 if beside else 1 :]
    for kind, field, sign in (("crop", "cropping", 1), ("pad", "padding", -1)):
        by_axis = [max(sign * change, 0) for change in changes]
        if any(by_axis):
            pairs = tuple((more // 2, more - more // 2) for more in by_axis)
            positions = call.layer(kind, {field: pairs}, positions)
    return call.out(call.builder.reshaped(positions, sizes), batch)


OPERATORS = {"CenterCropPad": _center_crop_pad}
