"""Conv, ConvTranspose and DeformConv."""

from __future__ import annotations

from operator import ge
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.values import Call, Value, viewed

WORDS = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower"}


def padding(call: Call, rank: int) -> Any:
    """What is added around the input, as the kinds have it."""
    word = call.attributes.text("auto_pad", "NOTSET")
    if word in WORDS:
        return WORDS[word]
    pads = (call.attributes.integers("pads") if word != "VALID" else None) or [0] * 2 * rank
    if len(pads) != 2 * rank:
        raise Inexpressible(f"pads {pads} for {rank} axes")
    return tuple(zip(pads[:rank], pads[rank:], strict=True))


def per_axis(call: Call, name: str, rank: int, default: int = 1) -> tuple[int, ...]:
    """One number for each spatial axis."""
    numbers = tuple(call.attributes.integers(name) or (default,) * rank)
    if len(numbers) != rank:
        raise Inexpressible(f"{name} {list(numbers)} for {rank} axes")
    return numbers


def _window(call: Call, kernel: tuple[int, ...]) -> dict[str, Any]:
    """Kernel, stride, padding and dilation."""
    rank = len(kernel)
    return {
        "kernel_size": kernel,
        "stride": per_axis(call, "strides", rank),
        "padding": padding(call, rank),
        "dilation": per_axis(call, "dilations", rank),
    }


def _filters(call: Call, x: Draft) -> tuple[int, ...]:
    """The shape of the filters."""
    shape = call.value(1).shape
    if len(shape) != len(x.shape) + 1:
        raise Inexpressible(f"filters of shape {list(shape)} for a tensor of shape {[1, *x.shape]}")
    return shape


def _convolved(
    call: Call, kind: str, out_channels: int, filters: tuple[int, ...], *maps: Draft, bias: int = 2, **fields: Any
) -> Value:
    """A layer with these filters; `bias` is the place of the input that is one, `fields` those beyond all have.

    What is a constant is an array of the layer. What another layer makes enters as a tensor, a constant weight before
    a bias that is made too.
    """
    places = {"weight": 1, "bias": bias} if call.has(bias) else {"weight": 1}
    made = [name for name, place in places.items() if call.value(place).constant is None]
    entering = list(places)[: 1 + list(places).index(made[-1])] if made else []
    given = [viewed(call.builder, call.value(places[name]), None) for name in entering]
    shared = {
        "out_channels": out_channels,
        **_window(call, filters[2:]),
        "groups": call.attributes.integer("group", 1),
        "bias": "bias" in places,
    }
    arrays = {name: call.constant(place) for name, place in places.items() if name not in entering}
    return call.out(call.layer(kind, shared | fields, *maps, *given, arrays=arrays))


def _conv(call: Call) -> Value:
    x = call.map()
    filters = _filters(call, x)
    groups = call.attributes.integer("group", 1)
    if filters[1] * groups != x.shape[0]:
        in_groups = f" in {groups} groups" if groups > 1 else ""
        raise Inexpressible(f"filters of shape {list(filters)}{in_groups} for {x.shape[0]} channels")
    word: dict[str, Any] = {"padding": "valid"} if call.attributes.text("auto_pad", "NOTSET") == "VALID" else {}
    return _convolved(call, "conv", filters[0], filters, x, **word)


def _conv_transpose(call: Call) -> Value:
    x = call.map()
    filters = _filters(call, x)
    if filters[0] != x.shape[0]:
        raise Inexpressible(f"filters of shape {list(filters)} for {x.shape[0]} channels")
    channels = filters[1] * call.attributes.integer("group", 1)
    crops, added = _cropping(call, _window(call, filters[2:]), x.shape[1:])
    return _convolved(call, "conv_transpose", channels, filters, x, padding=crops, output_padding=added)


def _cropping(call: Call, fields: dict[str, Any], sizes: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """What is cropped and what is added, where the output's sizes are given or follow from the input's."""
    rank = len(sizes)
    added = per_axis(call, "output_padding", rank, 0)
    wanted = call.attributes.integers("output_shape")
    word = fields["padding"] if isinstance(fields["padding"], str) else ""
    extents = [(size - 1) * apart + 1 for size, apart in zip(fields["kernel_size"], fields["dilation"], strict=True)]
    if wanted is None and not word:
        return fields["padding"], added
    if wanted is None and not any(added) and all(map(ge, extents, fields["stride"])):
        return word, added
    crops, more = [], []
    outputs = (wanted or [size * stride for size, stride in zip(sizes, fields["stride"], strict=True)])[-rank:]
    for size, output, extent, stride, end in zip(sizes, outputs, extents, fields["stride"], added, strict=True):
        total = stride * (size - 1) + end + extent - output
        half, other = max(total, 0) // 2, max(total, 0) - max(total, 0) // 2
        crops.append((half, other) if word == "same" else (other, half))
        more.append(end + max(-total, 0) if wanted else end)
    return tuple(crops), tuple(more)


def _deform_conv(call: Call) -> Value:
    x = call.map()
    filters = _filters(call, x)
    maps = [call.map(index) for index in (2, 4) if call.has(index)]
    offset_groups = call.attributes.integer("offset_group", 1)
    return _convolved(call, "deform_conv", filters[0], filters, x, *maps, bias=3, offset_groups=offset_groups)


OPERATORS = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DeformConv": _deform_conv,
}
