"""Operators that ONNX defines for a batch of maps, where that batch is several positions of ours.

Windows of an image, frames of a video and the steps of a sequence are often the first axis of what a convolution, a
pool or a norm reads, and a network of ours has no batch to hold them. There are ways to say the same without one, exact
in every number: filters see an axis beside those of the map on which their window is 1; what treats every channel by
itself sees that many times the channels; and what is like neither is done map by map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from msgspec.structs import replace

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import constants, moving
from convcalc.imports.onnx.nodes import Attributes
from convcalc.imports.onnx.operators import Operator
from convcalc.imports.onnx.reading import FLOAT
from convcalc.imports.onnx.values import Call, Value, constant_value, viewed

MOST_MAPS = 64
"""Maps that are cut apart, and each put through layers of its own."""

Outputs = Value | list[Value]

Way = Callable[[Operator, Call], Outputs]


def applied(operator: Operator, call: Call) -> Outputs:
    """What an operator makes, of one map or of several."""
    way = WAYS.get(call.node.op)
    shape = call.value(0).shape if call.has(0) and call.value(0).source is not None else ()
    return operator(call) if way is None or len(shape) < 2 or shape[0] == 1 else way(operator, call)


def _where_needed(way: Way) -> Way:
    """A way to take where the operator's own translation knows of one map alone."""

    def tried(operator: Operator, call: Call) -> Outputs:
        try:
            return operator(call)
        except Inexpressible:
            return way(operator, call)

    return tried


def _turned(call: Call, value: Value) -> Draft:
    """Maps [n, channels, ...] as one map [channels, n, ...], or the other way round."""
    x = viewed(call.builder, value, None)
    outer, inner, *others = x.shape
    if 1 in (outer, inner):
        return call.builder.reshaped(x, (inner, outer, *others))
    return call.layer("permute", {"axes": (1, 0, *range(2, len(x.shape)))}, x)


def _apart(call: Call, y: Value) -> Value:
    """One map of channels and an axis that holds several, as these."""
    x = Value(y.shape[1:], viewed(call.builder, y, 0))
    turned = _turned(call, x)
    return Value(turned.shape, turned, None, None, y.element_type)


def _single(outputs: Outputs) -> Value:
    """The one output of an operator."""
    return outputs[0] if isinstance(outputs, list) else outputs


def _on_an_axis(maps: Sequence[int], filters: int | None = None) -> Way:
    """The maps as positions of an axis of their own, in front of those of the map: each window is 1 on it.

    `maps` are the places of inputs that are maps, `filters` that of the filters.
    """

    def way(operator: Operator, call: Call) -> Outputs:
        inputs = list(call.inputs)
        count = call.value(0).shape[0]
        for place in maps:
            if call.has(place):
                value = call.value(place)
                turned = _turned(call, value)
                inputs[place] = Value((1, *turned.shape), turned, 0, None, value.element_type)
        if filters is not None:
            weight = call.value(filters)
            inputs[filters] = moving.reshaped(call, weight, (*weight.shape[:2], 1, *weight.shape[2:]))
        node = replace(call.node, attributes=_with_an_axis(call.attributes, count))
        return _apart(call, _single(operator(Call(call.builder, node, inputs, call.opset))))

    return way


def _with_an_axis(attributes: Attributes, count: int) -> Attributes:
    """The attributes of a window that has one axis more in front, of `count` positions."""
    more = Attributes(attributes)
    for name, number in {"kernel_shape": 1, "strides": 1, "dilations": 1, "output_padding": 0}.items():
        if name in attributes:
            more[name] = [number, *(attributes.integers(name) or ())]
    pads, sizes = attributes.integers("pads"), attributes.integers("output_shape")
    if pads:
        half = len(pads) // 2
        more["pads"] = [0, *pads[:half], 0, *pads[half:]]
    if sizes:
        rank = len(attributes.integers("kernel_shape") or sizes)
        more["output_shape"] = [count, *sizes[-rank:]]
    return more


def _as_channels(operator: Operator, call: Call) -> Outputs:
    """The channels of all maps as those of one: of what treats every channel by itself."""
    value = call.value(0)
    y = _single(operator(Call(call.builder, call.node, [_joint(call, value), *call.inputs[1:]], call.opset)))
    return _parted(call, value, y)


def _of_batches(operator: Operator, call: Call) -> Outputs:
    """Batch norm: in training it measures all maps together, which its own translation says."""
    in_training = call.flag("training_mode") or any(call.node.outputs[1:])
    return operator(call) if in_training else _on_an_axis((0,))(operator, call)


def _bent(operator: Operator, call: Call) -> Outputs:
    """Slopes of PRelu: one, or one a channel, is an activation of its own; all others meet the maps as they lie."""
    value, slopes = call.value(0), call.value(1)
    rank, channels = len(value.shape), value.shape[1]
    on_an_axis = _on_an_axis((0,))
    if (*(1,) * (rank - len(slopes.shape)), *slopes.shape) == (1, channels, *(1,) * (rank - 2)):
        laid = moving.reshaped(call, slopes, (channels, *(1,) * (rank - 1)))
        return on_an_axis(operator, Call(call.builder, call.node, [value, laid], call.opset))
    return on_an_axis(operator, call) if len(slopes.shape) < 2 else operator(call)


def _joint(call: Call, value: Value) -> Value:
    """All channels of several maps as one map's."""
    shape = (value.shape[0] * value.shape[1], *value.shape[2:])
    x = call.builder.reshaped(viewed(call.builder, value, None), shape)
    return Value((1, *shape), x, 0, None, value.element_type)


def _parted(call: Call, value: Value, y: Value) -> Value:
    """What came of the channels of several maps as maps again."""
    shape = (*value.shape[:2], *y.shape[2:])
    if prod(shape) != prod(y.shape):
        raise Inexpressible(f"{value.shape[0]} maps of {value.shape[1]} channels made {list(y.shape[1:])}")
    x = call.builder.reshaped(viewed(call.builder, y, 0), shape)
    return Value(shape, x, None, None, y.element_type)


def _normed(operator: Operator, call: Call) -> Outputs:
    """Norms of each map by itself: without scale and shift, which are the same for all maps and come behind."""
    value = call.value(0)
    count, channels, others = *value.shape[:2], len(value.shape) - 2
    if any(call.value(place).shape != (channels,) for place in (1, 2)):
        raise Inexpressible("a scale for each group instead of each channel; convert the model to opset 21")
    plain = [constant_value(constants.filled((count * channels,), number, FLOAT)) for number in (1.0, 0.0)]
    attributes = Attributes(call.attributes)
    if "num_groups" in attributes:
        attributes["num_groups"] = count * attributes.integer("num_groups")
    node = replace(call.node, attributes=attributes)
    x = _parted(
        call, value, _single(operator(Call(call.builder, node, [_joint(call, value), *plain], call.opset)))
    ).draft
    for kind, place, neutral in (("mul", 1, 1.0), ("add", 2, 0.0)):
        constant = call.value(place).constant
        if constant is None or constants.is_learned(constant) or constant.only_number != neutral:
            own = viewed(call.builder, moving.reshaped(call, call.value(place), (1, channels, *(1,) * others)), None)
            x = call.layer(kind, {}, x, own)
    return Value(value.shape, x, None, None, value.element_type)


def _resized(operator: Operator, call: Call) -> Outputs:
    """Maps made larger or smaller: their channels are all those of one, if it is not channels that are resized."""
    value = call.value(0)
    if call.opset >= 11 and call.has(3):
        sizes, axes = call.numbers(3) or [], call.attributes.integers("axes")
        if sizes:
            own = {axis % len(value.shape): place for place, axis in enumerate(axes or range(len(value.shape)))}
            if any(sizes[own[axis]] != value.shape[axis] for axis in (0, 1) if axis in own):
                raise Inexpressible("channels that are resized, of several maps")
            for axis, size in enumerate((1, value.shape[0] * value.shape[1])):
                if axis in own:
                    sizes[own[axis]] = size
            call.set_numbers(3, sizes)
    return _as_channels(operator, call)


def _to_space(operator: Operator, call: Call) -> Outputs:
    """Channels laid out as positions, in maps of two axes; and positions as channels."""
    value, factor = call.value(0), call.attributes.integer("blocksize", 1)
    count, channels, *sizes = value.shape
    if len(sizes) != 2 or factor < 1:
        raise Inexpressible(f"maps of shape {list(value.shape)} in blocks of {factor}")
    height, width = sizes
    if call.node.op == "SpaceToDepth":
        inner = (count, channels, height // factor, factor, width // factor, factor)
        order = (0, 1, 3, 5, 2, 4) if call.attributes.text("mode", "DCR") == "CRD" else (0, 3, 5, 1, 2, 4)
        shape = (count, channels * factor**2, height // factor, width // factor)
    elif call.attributes.text("mode", "DCR") == "CRD":
        inner = (count, channels // factor**2, factor, factor, height, width)
        order, shape = (0, 1, 4, 2, 5, 3), (count, channels // factor**2, height * factor, width * factor)
    else:
        inner = (count, factor, factor, channels // factor**2, height, width)
        order, shape = (0, 3, 4, 1, 5, 2), (count, channels // factor**2, height * factor, width * factor)
    laid = moving.rearranged(call, moving.reshaped(call, value, inner), order)
    return moving.reshaped(call, laid, shape)


def _as_rows(*places: int) -> Way:
    """The rows of all maps as those of one, where each row of the last axis is treated by itself."""

    def way(operator: Operator, call: Call) -> Outputs:
        inputs, shape = list(call.inputs), call.value(0).shape
        rows = (prod(shape[:-1]), shape[-1])
        for place in places:
            if call.has(place):
                x = viewed(call.builder, call.value(place), None)
                inputs[place] = Value((1, *rows), call.builder.reshaped(x, rows), 0, None, call.element_type)
        outputs = operator(Call(call.builder, call.node, inputs, call.opset))
        return [moving.reshaped(call, y, shape) for y in (outputs if isinstance(outputs, list) else [outputs])]

    return way


def _map_by_map(*places: int) -> Way:
    """Each map by itself, and the results laid end to end; `places` are those of inputs that have a part for each."""

    def way(operator: Operator, call: Call) -> Outputs:
        count = call.value(0).shape[0]
        if count > MOST_MAPS:
            raise Inexpressible(f"a batch of {count} within the network, where at most {MOST_MAPS} are cut apart")
        own = (0,) if call.node.domain else places  # others are of ONNX's operator of that name
        results: list[list[Value]] = []
        for place in range(count):
            inputs = [
                moving.cut(call, value, {0: range(place, place + 1)})
                if value is not None and index in own and value.shape[:1] == (count,)
                else value
                for index, value in enumerate(call.inputs)
            ]
            outputs = operator(Call(call.builder, call.node, inputs, call.opset))
            results.append(outputs if isinstance(outputs, list) else [outputs])
        return [moving.joined(call, parts, 0) for parts in zip(*results, strict=True)]

    return way


WAYS: dict[str, Way] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "ConvInteger"), _on_an_axis((0,), 1)),
    "FusedConv": _on_an_axis((0, 3), 1),
    "QLinearConv": _on_an_axis((0,), 3),
    "LRN": _on_an_axis((0,)),
    "BatchNormalization": _of_batches,
    "PRelu": _bent,
    **dict.fromkeys(
        (
            "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool",
            "QLinearAveragePool", "QLinearGlobalAveragePool",
        ),
        _as_channels,
    ),
    **dict.fromkeys(("InstanceNormalization", "GroupNormalization"), _normed),
    **dict.fromkeys(("Resize", "Upsample"), _where_needed(_resized)),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), _to_space),
    "SkipLayerNormalization": _as_rows(0, 1),
    "BiasGelu": _as_rows(0),
    "Attention": _where_needed(_map_by_map(0, 1, 2, 3, 4, 5)),
    "DeformConv": _where_needed(_map_by_map(0, 2, 4)),
    "GridSample": _where_needed(_map_by_map(0, 1)),
    "Col2Im": _where_needed(_map_by_map(0)),
}  # fmt: skip
"""By operator, whatever its domain."""
