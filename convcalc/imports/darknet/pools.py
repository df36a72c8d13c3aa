"""Sections without weights that read one tensor: pools, resizings, crops, softmax."""

from __future__ import annotations

from convcalc.imports.darknet.geometry import blurred, margins, short
from convcalc.imports.darknet.tensors import CfgLayer, CfgTensor, Fields, of_map, size_of
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport


def maxpool(layer: CfgLayer) -> CfgTensor:
    """The largest under a window, and with `maxpool_depth` that of channels so far apart."""
    section = layer.section
    if section.integer("maxpool_depth", 0):
        return _over_channels(layer)
    if section.integer("antialiasing", 0):
        x = _windowed(layer, "max_pool", {}, (1, 1))
        return of_map(blurred(layer, x, section.integer("antialiasing", 0), _strides(layer)))
    return of_map(_windowed(layer, "max_pool", {}, _strides(layer)))


def local_avgpool(layer: CfgLayer) -> CfgTensor:
    """The mean of what is under a window, padding not counted."""
    return of_map(_windowed(layer, "avg_pool", {"count_include_pad": False}, _strides(layer)))


def _strides(layer: CfgLayer) -> tuple[int, int]:
    section = layer.section
    both = section.integer("stride", 1, 1)
    return (section.integer("stride_y", both, 1), section.integer("stride_x", both, 1))


def _windowed(layer: CfgLayer, kind: str, fields: Fields, stride: tuple[int, int]) -> Draft:
    """A pool; `padding` is of both ends together, size - 1 by itself, the odd position at the end.

    What no window reaches of the padding at the end is not written.
    """
    section, x = layer.section, layer.image()
    size = section.integer("size", section.integer("stride", 1, 1), 1)
    padding = section.integer("padding", size - 1, 0)
    before, after = padding // 2, []
    for count, step in zip(x.shape[1:], stride, strict=True):
        windows = (count + padding - size) // step + 1
        if count + padding < size:
            raise CannotImport(f"{layer.place}: no window of {size} fits in {list(x.shape)}, padded by {padding}")
        after.append(max((windows - 1) * step + size - before - count, 0))
    moved = short(stride)
    geometry: Fields = {"kernel_size": size, "stride": None if moved == size else moved}
    around = margins([before] * len(after), after)
    if before >= size or any(end >= size for end in after):  # windows on padding alone, which a pool has not
        x, around = layer.draft("pad", {"padding": around}, [x]), 0
    if around == 0:
        fields = {}
    return layer.draft(kind, {**geometry, "padding": around, **fields}, [x])


def _over_channels(layer: CfgLayer) -> CfgTensor:
    x, out = layer.image(), layer.section.integer("out_channels", 1, 1)
    channels, *places = x.shape
    if channels % out:
        return layer.unknown((out, *places), f"the largest of {channels} channels in {out} parts of unlike sizes")
    parts = layer.builder.reshaped(x, (channels // out, out, *places), (layer,))
    return of_map(layer.draft("reduce", {"axes": (0,), "operation": "max"}, [parts]))


def avgpool(layer: CfgLayer) -> CfgTensor:
    """The mean of each channel."""
    x = layer.image()
    return CfgTensor(layer.draft("global_avg_pool", {}, [x]), (x.shape[0], 1, 1))


def reorg(layer: CfgLayer) -> CfgTensor:
    """Blocks of positions as channels, or back with `reverse`; what fills no block is left out.

    With `extra` it is a row of the numbers of the map and of so many more. YOLOR's blocks are 2 by 2 by themselves.
    """
    section, x = layer.section, layer.image()
    stride, (channels, *places) = section.integer("stride", 2 if layer.is_yolors else 1, 1), x.shape
    extra = section.integer("extra", 0, 0)
    if extra:
        row = layer.builder.reshaped(x, (1, size_of(x.shape)), (layer,))
        row = layer.draft("pad", {"padding": ((0, extra),)}, [row])
        return CfgTensor(layer.builder.reshaped(row, row.shape[1:], (layer,)), None)
    if section.integer("flatten", 0):
        turned = layer.draft("permute", {"axes": (1, 2, 0)}, [x])
        return of_map(layer.builder.reshaped(turned, x.shape, (layer,)))
    if section.integer("reverse", 0):
        if channels % stride**2:
            shape = (channels // stride**2, *(size * stride for size in places))
            return layer.unknown(shape, f"{channels} channels spread over blocks of {stride} x {stride}")
        return of_map(layer.draft("pixel_shuffle", {"upscale_factor": stride}, [x]))
    rest = [size % stride for size in places]
    if any(rest):
        x = layer.draft("crop", {"cropping": tuple((0, size) for size in rest)}, [x])
    return of_map(layer.draft("pixel_unshuffle", {"downscale_factor": stride}, [x]))


def upsample(layer: CfgLayer) -> CfgTensor:
    """Each position repeated; a stride below 0 sums the positions of each block instead."""
    section, x = layer.section, layer.image()
    stride, factor = section.integer("stride", 2), section.decimal("scale", 1.0)
    if stride == 0:
        raise CannotImport(f"{section.place('stride')}, layer {layer.index}: a stride of 0")
    if stride > 0:
        x = layer.draft("upsample", {"scale_factor": stride}, [x])
    else:
        x = layer.draft("avg_pool", {"kernel_size": -stride}, [x])
        factor *= stride**2
    return of_map(layer.draft("affine", {"factor": factor}, [x]) if factor != 1 else x)


def crop(layer: CfgLayer) -> CfgTensor:
    """The middle, and numbers from 0 to 1 moved to -1 to 1 unless `noadjust` is set."""
    section, x = layer.section, layer.image()
    size = (section.integer("crop_height", 1, 1), section.integer("crop_width", 1, 1))
    cut = tuple(n - kept for n, kept in zip(x.shape[1:], size, strict=True))
    if min(cut) < 0:
        raise CannotImport(f"{layer.place}: cuts {size[0]} x {size[1]} out of {x.shape[1]} x {x.shape[2]}")
    if any(cut):
        x = layer.draft("crop", {"size": size}, [x])
    if not section.integer("noadjust", 0):
        x = layer.draft("affine", {"factor": 2, "addend": -1}, [x])
    return of_map(x)


def dropout(layer: CfgLayer) -> CfgTensor:
    """Nothing, once the network is trained."""
    share = min(max(layer.section.decimal("probability", 0.5), 0.0), 1.0)
    return CfgTensor(layer.draft("dropout", {"p": share}, [layer.current.draft]), layer.current.image)


def softmax(layer: CfgLayer) -> CfgTensor:
    """Over all numbers, in `groups` parts; with `spatial` over the channels of each position."""
    section = layer.section
    if layer.in_steps:
        return CfgTensor(layer.draft("softmax", {"axis": -1}, [layer.current.draft]), None)
    if section.integer("spatial", 0):
        return CfgTensor(layer.draft("softmax", {}, [layer.image()]), None)
    x, groups = layer.flat(), section.integer("groups", 1, 1)
    if groups == 1:
        return CfgTensor(layer.draft("softmax", {}, [x]), None)
    (count,) = x.shape
    if count % groups:
        raise CannotImport(f"{section.place('groups')}, layer {layer.index}: {count} numbers in {groups} groups")
    parts = layer.builder.reshaped(x, (groups, count // groups), (layer,))
    return CfgTensor(layer.builder.reshaped(layer.draft("softmax", {"axis": 1}, [parts]), (count,), (layer,)), None)


def as_it_is(layer: CfgLayer) -> CfgTensor:
    """What changes nothing of what passes."""
    return layer.current


SECTIONS = {
    "maxpool": maxpool,
    "max": maxpool,
    "local_avgpool": local_avgpool,
    "local_avg": local_avgpool,
    "avgpool": avgpool,
    "avg": avgpool,
    "reorg": reorg,
    "reorg3d": reorg,
    "upsample": upsample,
    "crop": crop,
    "dropout": dropout,
    "softmax": softmax,
    "soft": softmax,
    "empty": as_it_is,
    "silence": as_it_is,
}
"""What is made of the sections, by type."""
