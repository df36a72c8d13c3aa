"""Pools: a window, all positions, or as many cells as asked for."""

from __future__ import annotations

from functools import partial
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport
from convcalc.imports.ncnn.operators import NcnnCall
from convcalc.imports.rounding import rounding_of_kept_windows

_SAME = {2: "same", 3: "same_lower"}
"""Modes of padding that stand for a rule."""

_FULL = 0
"""The mode of padding in which the last window is kept, wherever it starts."""

_KEPT = -233
"""A size that is asked for where an axis keeps its own."""


def _pool(call: NcnnCall, rank: int) -> Draft:
    if len(call.x.shape) != rank + 1:
        raise CannotImport(f"a blob of shape {list(call.x.shape)} enters, where {rank + 1} axes are expected")
    kind = "avg_pool" if call.node.integer(0) == 1 else "max_pool"
    if call.node.integer(4):
        return call.layer(f"global_{kind}", {}, call.x)
    if call.node.integer(7):
        width = call.node.integer(8)
        sizes = (call.node.integer(28, width), call.node.integer(18, width), width)[3 - rank :]
        cells = tuple(None if size == _KEPT else size for size in sizes)
        return call.layer(f"adaptive_{kind}", {"output_size": cells}, call.x)
    fields = _window(call, rank)
    if kind == "avg_pool" and (isinstance(fields["padding"], str) or any(map(any, fields["padding"]))):
        fields["count_include_pad"] = bool(call.node.integer(6))
    return call.layer(kind, fields, call.x)


def _window(call: NcnnCall, rank: int) -> dict[str, Any]:
    """Kernel, stride, padding, and how the number of windows is rounded."""
    node = call.node
    kernel, stride = node.integer(1), node.integer(2, 1)
    kernels = (node.integer(21, kernel), node.integer(11, kernel), kernel)[3 - rank :]
    strides = (node.integer(22, stride), node.integer(12, stride), stride)[3 - rank :]
    left = node.integer(3)
    top, front = node.integer(13, left), node.integer(23, left)
    pairs = ((front, node.integer(16, front)), (top, node.integer(15, top)), (left, node.integer(14, left)))[3 - rank :]
    if min(*kernels, *strides) < 1:
        raise CannotImport(f"a window of {list(kernels)} that moves by {list(strides)}")
    fields: dict[str, Any] = {"kernel_size": kernels, "stride": strides}
    mode = node.integer(5)
    if mode in _SAME:
        return fields | {"padding": _SAME[mode]}
    fields["padding"] = tuple((max(before, 0), max(after, 0)) for before, after in pairs)
    rounding = (
        rounding_of_kept_windows(call.x.shape[1:], kernels, strides, fields["padding"]) if mode == _FULL else False
    )
    return fields | ({"ceil_mode": rounding} if rounding else {})


OPERATORS = {f"Pooling{axes}": partial(_pool, rank=rank) for axes, rank in (("1D", 1), ("", 2), ("3D", 3))}
