"""Sections that read several tensors."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.imports.darknet.activations import activated
from convcalc.imports.darknet.tensors import CfgLayer, CfgTensor, of_map, size_of
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport
from convcalc.layers import Shape


def route(layer: CfgLayer) -> CfgTensor:
    """Tensors end to end, and of these with `groups` one part; maps of unlike sizes are rows of numbers."""
    section = layer.section
    if not section.has("layers"):
        raise CannotImport(f"{layer.place}: layers is missing, which says what is read")
    tensors = [layer.at(index, "layers") for index in section.integers("layers")]
    if any(tensor.is_unknown for tensor in tensors):
        return layer.behind(tensors)
    groups, part = section.integer("groups", 1, 1), section.integer("group_id", 0, 0)
    if len(tensors) == groups == 1:
        return tensors[0]
    if any(tensor.image is None or tensor.image[1:] != (tensors[0].image or ())[1:] for tensor in tensors):
        return _rows(layer, tensors, groups)
    maps = [layer.image(tensor) for tensor in tensors]
    x = layer.draft("concat", {}, maps) if len(maps) > 1 else maps[0]
    if groups == 1:
        return of_map(x)
    channels = x.shape[0] // groups
    if part >= groups or not channels:
        raise CannotImport(f"{section.place('group_id')}, layer {layer.index}: part {part} of {groups}")
    if x.shape[0] % groups:
        raise CannotImport(f"{section.place('groups')}, layer {layer.index}: {x.shape[0]} channels in {groups} groups")
    return of_map(layer.draft("split", {"sections": groups, "part": part}, [x]))


def _rows(layer: CfgLayer, tensors: Sequence[CfgTensor], groups: int) -> CfgTensor:
    if groups > 1:
        raise CannotImport(f"{layer.section.place('groups')}, layer {layer.index}: parts of maps of unlike sizes")
    rows = [layer.builder.reshaped(tensor.draft, (size_of(tensor.draft.shape),), (layer,)) for tensor in tensors]
    return CfgTensor(layer.draft("concat", {}, rows), None)


def shortcut(layer: CfgLayer) -> CfgTensor:
    """The tensor before, and what fits of others added to it: the channels and positions that both have."""
    section = layer.section
    if not section.has("from"):
        raise CannotImport(f"{layer.place}: from is missing, which says what is added")
    others = [layer.at(index, "from") for index in section.integers("from")]
    if any(tensor.is_unknown for tensor in others):
        return layer.behind([layer.current, *others])
    x, added = layer.image(), [layer.image(tensor) for tensor in others]
    if section.text("weights_type", "none") != "none":
        return of_map(activated(layer, _weighed(layer, [x, *added]), "linear"))
    x, *added = [
        layer.draft("affine", {"factor": factor}, [draft]) if factor != 1 else draft
        for draft, factor in [
            (x, section.decimal("alpha", 1.0)),
            *((draft, section.decimal("beta", 1.0)) for draft in added),
        ]
    ]
    alike = [draft for draft in added if draft.shape == x.shape]
    if alike:
        x = layer.draft("add", {}, [x, *alike])
    for draft in added:
        if draft.shape != x.shape:
            x = _met(layer, x, draft)
    return of_map(activated(layer, x, "linear"))


def _met(layer: CfgLayer, x: Draft, added: Draft) -> Draft:
    """A map with another of unlike size added where they meet.

    Where the other is so many times as large, every so many-th position of it is read; where it is smaller, every so
    many-th position of the map gets one.
    """
    strides = {there // here for there, here in zip(added.shape[1:], x.shape[1:], strict=True)}
    samples = {here // there for there, here in zip(added.shape[1:], x.shape[1:], strict=True)}
    if len(strides) > 1 or len(samples) > 1:
        raise CannotImport(f"{layer.place}: {list(added.shape)} does not meet {list(x.shape)} at even steps")
    stride, sample = max(*strides, 1), max(*samples, 1)
    for axis in (1, 2):
        count = min(x.shape[axis], added.shape[axis])
        end = (count - 1) * stride + 1
        if end < added.shape[axis] or stride > 1:
            added = layer.draft("slice", {"axis": axis, "end": end, "step": stride}, [added])
    channels = min(x.shape[0], added.shape[0])
    if channels < added.shape[0]:
        added = layer.draft("slice", {"end": channels}, [added])
    if added.shape[1:] != x.shape[1:]:
        added = _spread(layer, added, sample, x.shape[1:])
    if channels == x.shape[0]:
        return layer.draft("add", {}, [x, added])
    summed = layer.draft("add", {}, [layer.draft("slice", {"end": channels}, [x]), added])
    return layer.draft("concat", {}, [summed, layer.draft("slice", {"start": channels}, [x])])


def _spread(layer: CfgLayer, x: Draft, step: int, places: Sequence[int]) -> Draft:
    """A map with its positions so far apart, and zeros between and behind them."""
    if step > 1:
        channels, *counts = x.shape
        rows = layer.builder.reshaped(x, (channels, size_of(tuple(counts))), (layer,))
        size = tuple((count - 1) * step + 1 for count in counts)
        x = layer.draft("fold", {"output_size": size, "kernel_size": (1, 1), "stride": (step, step)}, [rows])
    rest = tuple((0, place - size) for place, size in zip(places, x.shape[1:], strict=True))
    return layer.draft("pad", {"padding": rest}, [x]) if any(after for _, after in rest) else x


def _weighed(layer: CfgLayer, maps: Sequence[Draft]) -> Draft:
    """The sum of maps times learned weights, one for each or one for each of its channels, which are normalised."""
    section, x = layer.section, maps[0]
    if any(draft.shape != x.shape for draft in maps):
        return layer.unknown(x.shape, "a weighed sum of maps of unlike sizes", maps).draft
    word = section.text("weights_type")
    if word not in ("per_feature", "per_layer", "per_channel"):
        raise CannotImport(f"{section.place('weights_type')} has a weights_type that is none: {word[:50]!r}")
    shape = (len(maps), x.shape[0] if word == "per_channel" else 1)
    entering = layer.builder.entering()
    weights = layer.draft("parameter", {"sizes": shape}, entering, {"weight": shape}, f"weights{layer.index}")
    if section.text("weights_normalization") == "softmax":
        weights = layer.draft("softmax", {}, [weights])
    else:
        weights = layer.draft("relu", {}, [weights])
        total = layer.draft("reduce", {"axes": (0,), "operation": "sum", "keepdim": True}, [weights])
        weights = layer.draft("div", {}, [weights, layer.draft("affine", {"addend": 0.0001}, [total])])
    products = []
    for part, draft in enumerate(maps):
        weight = layer.draft("split", {"sections": len(maps), "part": part}, [weights])
        weight = layer.builder.reshaped(weight, (shape[1],), (layer,))
        products.append(layer.draft("mul", {}, [draft, weight]))
    return layer.draft("add", {}, products)


def scale_channels(layer: CfgLayer) -> CfgTensor:
    """An earlier map times the tensor before, which has one number a channel, or with `scale_wh` one a position."""
    x = _other(layer)
    return _times(
        layer, x, (1, *x.draft.shape[1:]) if layer.section.integer("scale_wh", 0) else (x.draft.shape[0], 1, 1)
    )


def sam(layer: CfgLayer) -> CfgTensor:
    """An earlier map times the tensor before, element by element."""
    x = _other(layer)
    return _times(layer, x, x.image or ())


def implicit_add(layer: CfgLayer) -> CfgTensor:
    """Learned numbers that a later section adds to the channels of a map; what is before it is not read."""
    shape = (layer.section.integer("filters", 128, 1), 1, 1)
    return of_map(layer.draft("parameter", {"sizes": shape}, layer.builder.entering(), {"weight": shape}))


def shift_channels(layer: CfgLayer) -> CfgTensor:
    """The tensor before plus an earlier one of one position."""
    return _with_channels(layer, "add")


def control_channels(layer: CfgLayer) -> CfgTensor:
    """The tensor before times an earlier one of one position."""
    return _with_channels(layer, "mul")


def _other(layer: CfgLayer) -> CfgTensor:
    """The earlier tensor that a section names."""
    if not layer.section.has("from"):
        raise CannotImport(f"{layer.place}: from is missing, which says what is read")
    return layer.at(layer.section.integer("from", 0), "from")


def _times(layer: CfgLayer, other: CfgTensor, expected: Shape) -> CfgTensor:
    """A map times the tensor before, which has the expected shape."""
    if other.is_unknown:
        return layer.behind([layer.current, other])
    gate, x = layer.image(), layer.image(other)
    if gate.shape != expected:
        raise CannotImport(
            f"{layer.place}: {list(x.shape)} times {list(gate.shape)}, where {list(expected)} is expected"
        )
    return of_map(activated(layer, layer.draft("mul", {}, [x, gate]), "linear"))


def _with_channels(layer: CfgLayer, kind: str) -> CfgTensor:
    other = _other(layer)
    if other.is_unknown:
        return layer.behind([layer.current, other])
    x, gate = layer.image(), layer.image(other)
    if gate.shape != (x.shape[0], 1, 1):
        raise CannotImport(
            f"{layer.place}: {list(x.shape)} with {list(gate.shape)}, where a number for every channel is expected"
        )
    return of_map(activated(layer, layer.draft(kind, {}, [x, gate]), "linear"))


SECTIONS = {
    "route": route,
    "shortcut": shortcut,
    "scale_channels": scale_channels,
    "sam": sam,
    "implicit_add": implicit_add,
    "implicit_mul": implicit_add,
    "shift_channels": shift_channels,
    "control_channels": control_channels,
}
"""What is made of the sections, by type."""
