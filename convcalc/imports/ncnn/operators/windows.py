"""Windows as columns and back, maps that are read where a blob says, and what is known of by its size alone."""

from __future__ import annotations

from typing import Any

from convcalc.imports.arrays import checked
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.ncnn.operators import NcnnCall


def _pair(call: NcnnCall, width: int, height: int, default: int = 1) -> tuple[int, int]:
    """Two parameters for rows and columns; the one for rows is that for columns where it is left out."""
    columns = call.node.integer(width, default)
    return call.node.integer(height, columns), columns


def _window(call: NcnnCall) -> dict[str, Any]:
    return {"kernel_size": _pair(call, 1, 11, 0), "dilation": _pair(call, 2, 12), "stride": _pair(call, 3, 13)}


def _paddings(call: NcnnCall) -> tuple[tuple[int, int], tuple[int, int]]:
    """Before and after, of rows and columns."""
    left = call.node.integer(4)
    top = call.node.integer(14, left)
    return (top, call.node.integer(16, top)), (left, call.node.integer(15, left))


def _unfold(call: NcnnCall) -> Draft:
    paddings = _paddings(call)
    if min(min(pair) for pair in paddings) < 0:
        raise Inexpressible("padding by a word")
    return call.layer("unfold", {**_window(call), "padding": paddings}, call.x)


def _fold(call: NcnnCall) -> Draft:
    paddings = _paddings(call)
    if any(before != after for before, after in paddings):
        raise Inexpressible("padding that differs before and after")
    beside = tuple(before for before, _ in paddings)
    fields = {"output_size": _pair(call, 20, 21, 0), **_window(call), "padding": beside}
    return call.layer("fold", fields, call.x)


_SAMPLING = {1: "bilinear", 2: "nearest", 3: "bicubic"}
_OUTSIDE = {1: "zeros", 2: "border", 3: "reflection"}


def _grid_sample(call: NcnnCall) -> Draft:
    node, grid = call.node, call.input(1)
    mode, outside = _SAMPLING.get(node.integer(0, 1)), _OUTSIDE.get(node.integer(1, 1))
    if mode is None or outside is None:
        raise Inexpressible(f"sampling {node.integer(0, 1)} with padding {node.integer(1, 1)}")
    if node.integer(3):  # the two places are the first axis
        grid = call.layer("permute", {"axes": (*range(1, len(grid.shape)), 0)}, grid)
    fields = {"mode": mode, "padding_mode": outside, "align_corners": bool(node.integer(2))}
    return call.layer("grid_sample", fields, call.x, grid)


def _of_its_size(call: NcnnCall) -> Draft:
    return call.builder.unknown(call.x.shape, call.inputs, call.node, f"{call.node.operator}, which keeps the size")


def _of_regions(call: NcnnCall) -> Draft:
    """The map under a region, which data decides, in a size that is told."""
    shape = checked((call.x.shape[0], call.node.integer(1), call.node.integer(0)))
    return call.builder.unknown(shape, call.inputs, call.node, "regions that what enters decides")


def _statistics(call: NcnnCall) -> Draft:
    """The mean of each channel, and behind these the deviations where they are asked for."""
    if not call.node.integer(0):
        return call.layer("global_avg_pool", {}, call.x)
    return call.builder.unknown((2 * call.x.shape[0],), call.inputs, call.node, "deviations beside the means")


OPERATORS = {
    "Unfold": _unfold,
    "Fold": _fold,
    "GridSample": _grid_sample,
    "ROIAlign": _of_regions,
    "ROIPooling": _of_regions,
    "StatisticsPooling": _statistics,
    **dict.fromkeys(("CopyTo", "Flip", "RotaryEmbed"), _of_its_size),
}
