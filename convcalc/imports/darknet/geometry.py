"""What windows of several sections have in common: how padding and strides are written, and a blur before a stride."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.imports.darknet.tensors import CfgLayer
from convcalc.imports.drafts import Draft

Margins = int | tuple[tuple[int, int], ...]


def margins(before: Sequence[int], after: Sequence[int]) -> Margins:
    """Padding as a person writes it."""
    pairs = tuple(zip(before, after, strict=True))
    same = {size for pair in pairs for size in pair}
    return same.pop() if len(same) == 1 else pairs


def short(pair: tuple[int, int]) -> int | tuple[int, int]:
    """A number for each axis as a person writes it."""
    return pair[0] if pair[0] == pair[1] else pair


def blurred(layer: CfgLayer, x: Draft, blur: int, stride: tuple[int, int]) -> Draft:
    """A convolution of each channel with fixed filters: 3 by 3, or with `antialiasing=2` the mean of 2 by 2."""
    size = 2 if blur == 2 else 3
    channels = x.shape[0]
    fields = {"sizes": (channels, 1, size, size), "learned": False}
    filters = layer.draft("parameter", fields, layer.builder.entering(), {"constant": (channels, 1, size, size)})
    geometry = {"out_channels": channels, "kernel_size": size, "stride": short(stride), "groups": channels}
    return layer.draft("conv", {**geometry, "padding": size % 2, "bias": False}, [x, filters])
