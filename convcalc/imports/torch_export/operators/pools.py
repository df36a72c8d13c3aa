"""Pools."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from convcalc.imports.errors import Inexpressible
from convcalc.imports.torch_export.operators.convolutions import batched

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall


def _pool(given: TorchCall, op: str, rank: int) -> None:
    kernel = given.per_axis("kernel_size", rank, 1)
    strides = given.per_axis("stride", rank, 1) if given.argument("stride") else kernel
    attributes = {
        "kernel_shape": kernel,
        "strides": strides,
        "pads": given.per_axis("padding", rank, 0) * 2,
        "ceil_mode": int(given.flag("ceil_mode")),
    }
    if op == "MaxPool":
        attributes["dilations"] = given.per_axis("dilation", rank, 1)
    else:
        attributes["count_include_pad"] = int(given.flag("count_include_pad", True))
    places = given.operation.outputs[1:2]
    if places and places[0] and given.translation.is_read(places[0]):
        given.nodes(op, [given.x], [given.output, places[0]], **attributes)
        return
    batched(given, op, given.x, [], rank + 2, attributes)


def _adaptive(given: TorchCall, kind: str, rank: int) -> None:
    """Cells that divide each axis; None for an axis that keeps its size."""
    stated = given.argument("output_size")
    cells = stated if isinstance(stated, list) else [stated] * rank
    if len(cells) != rank or not all(cell is None or isinstance(cell, int) for cell in cells):
        raise Inexpressible("cells of which it is not known how many there are")
    if all(cell == 1 for cell in cells):
        batched(given, "GlobalMaxPool" if "max" in kind else "GlobalAveragePool", given.x, [], rank + 2, {})
        return
    attributes = {"kind": kind, "cells": [0 if cell is None else cell for cell in cells]}
    batched(given, "torch.adaptive_pool", given.x, [], rank + 2, attributes)


RULES = {
    **{f"max_pool{rank}d": partial(_pool, op="MaxPool", rank=rank) for rank in (1, 2, 3)},
    **{f"max_pool{rank}d_with_indices": partial(_pool, op="MaxPool", rank=rank) for rank in (1, 2, 3)},
    **{f"avg_pool{rank}d": partial(_pool, op="AveragePool", rank=rank) for rank in (1, 2, 3)},
    **{
        f"{front}adaptive_avg_pool{rank}d": partial(_adaptive, kind="adaptive_avg_pool", rank=rank)
        for rank in (1, 2, 3)
        for front in ("", "_")
    },
    **{f"adaptive_max_pool{rank}d": partial(_adaptive, kind="adaptive_max_pool", rank=rank) for rank in (1, 2, 3)},
}
