"""Convolutions of all kinds.

Filters lie [outputs, height, width, inputs], those of depthwise ones [1, height, width, channels], and those over three
axes with the outputs last.
"""

from __future__ import annotations

from math import prod
from operator import ge
from typing import Any

from convcalc.imports.drafts import Draft, Origin
from convcalc.imports.errors import Inexpressible
from convcalc.imports.tflite import moving
from convcalc.imports.tflite.operators.activations import activated
from convcalc.imports.tflite.values import LiteCall, LiteConstant, LiteValue, drawn
from convcalc.layers import Shape

SAME = 0
_AXES = {2: "hw", 3: "dhw"}


class _Map:
    """What enters a convolution: its channels first, and behind them an axis of samples where these are several.

    A map of height 1 that was a sequence before is that again, where the window is 1 high.
    """

    def __init__(self, call: LiteCall, value: LiteValue, kernel: Shape) -> None:
        rank = len(kernel)
        if len(value.shape) != rank + 2:
            raise Inexpressible(f"a tensor of shape {list(value.shape)}, where {rank + 2} axes are expected")
        self.call, self.kernel = call, kernel
        self.draft, self.batch = moving.as_channels(call, value)
        self.padded: list[tuple[int, int]] | None = None
        self.origins: tuple[Origin, ...] = ()
        self.unwrapped: int | None = None
        self._unwrap()
        self._pads()

    @property
    def channels(self) -> int:
        return self.draft.shape[0]

    def _pads(self) -> None:
        """Zeros that are added around the map before it: the convolution's own padding, where it adds none."""
        node, draft = self.call.node, self.draft
        if node.type not in ("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D") or self.call.option("padding") == SAME:
            return
        rank = len(self.kernel) - (self.unwrapped is not None)
        if draft.kind == "pad" and {"mode", "value"}.isdisjoint(draft.fields) and len(draft.shape) == rank + 1:
            self.padded = list(draft.fields["padding"])
            if self.unwrapped is not None:
                self.padded.insert(self.unwrapped, (0, 0))
            self.origins = draft.origins
            self.draft = draft.inputs[0]

    def _unwrap(self) -> None:
        """The sequence that a map of height or width 1 was."""
        if self.call.walk.dilated:
            return
        self.unwrapped = moving.narrowed(self.call, self.draft, self.kernel)
        if self.unwrapped is not None:
            shape = _without(self.draft.shape, self.unwrapped + 1)
            self.draft = moving.reshaped_draft(self.call, self.draft, shape)

    def fields(self, names: dict[str, Any]) -> dict[str, Any]:
        """Fields with a number for each axis, for the axes that there are."""
        out = {}
        for name, numbers in names.items():
            per_axis = numbers
            if self.unwrapped is not None and not isinstance(numbers, str):
                per_axis = _without(tuple(numbers), self.unwrapped)
            elif self.batch is None and not isinstance(numbers, str):
                per_axis = ((0, 0) if name == "padding" else 0 if name == "output_padding" else 1, *numbers)
            out[name] = per_axis
        return out

    def left(self, draft: Draft) -> LiteValue:
        """What leaves, with the activation that is a part of the operator."""
        draft = activated(self.call, draft)
        if self.unwrapped is not None:
            draft = moving.widened(self.call, draft, self.unwrapped)
        return moving.as_made(self.call, draft, self.batch)


def _without(shape: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def _per_axis(call: LiteCall, name: str, rank: int) -> tuple[int, ...]:
    return tuple(call.option(f"{name}_{axis}") for axis in _AXES[rank])


def _arrays(call: LiteCall, filters: LiteConstant, bias: int) -> dict[str, tuple[str, LiteConstant]]:
    arrays = {"weight": ("kernel", filters)}
    if call.has(bias):
        arrays["bias"] = ("bias", call.constant(bias, "bias"))
    return arrays


def _biased(call: LiteCall, arrays: dict[str, tuple[str, LiteConstant]], channels: int) -> bool:
    """Whether there is a bias; its numbers are one a channel."""
    if "bias" not in arrays:
        return False
    if prod(arrays["bias"][1].shape) != channels:
        raise Inexpressible(f"a bias of shape {list(arrays['bias'][1].shape)} for {channels} channels")
    return True


def _filters(call: LiteCall, place: int, rank: int) -> LiteConstant:
    if call.value(place).constant is None:
        raise Inexpressible("filters that another operator makes")
    filters = call.constant(place)
    if len(filters.shape) != rank + 2 or 0 in filters.shape:
        raise Inexpressible(f"filters of shape {list(filters.shape)}, where {rank + 2} axes are expected")
    return filters


def _convolved(
    call: LiteCall, filters: LiteConstant, kernel: Shape, outputs: int, of_group: int | None, bias: int = 2
) -> LiteValue:
    """A convolution; `of_group` are the channels that a filter reads, None where each reads one alone."""
    rank = len(kernel)
    x = _Map(call, drawn(call, call.value(0)), kernel)
    groups = x.channels if of_group is None else x.channels // of_group
    if not groups or (of_group is not None and groups * of_group != x.channels) or outputs % groups:
        raise Inexpressible(f"filters of shape {list(filters.shape)} for {x.channels} channels")
    arrays = _arrays(call, filters, bias)
    stride, dilation = _per_axis(call, "stride", rank), _per_axis(call, "dilation", rank)
    padding: Any = "same" if call.option("padding") == SAME else x.padded or ((0, 0),) * rank
    if call.walk.dilated is not None:
        dilation, padding = call.walk.dilated
    if padding == "same" and set(kernel) == {1}:
        padding = ((0, 0),) * rank
    fields = x.fields({"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation})
    fields |= {"out_channels": outputs, "groups": groups, "bias": _biased(call, arrays, outputs)}
    origins = (*x.origins, call.origin) if x.padded else call.origins
    drafts = {name: call.array(role, constant) for name, (role, constant) in arrays.items()}
    return x.left(call.builder.layer("conv", fields, [x.draft], origins, drafts))


def _conv_2d(call: LiteCall) -> LiteValue:
    filters = _filters(call, 1, 2)
    return _convolved(call, filters, filters.shape[1:3], filters.shape[0], filters.shape[3])


def _depthwise(call: LiteCall) -> LiteValue:
    filters = _filters(call, 1, 2)
    channels = call.value(0).shape[-1]
    if filters.shape[0] != 1 or filters.shape[3] % channels:
        raise Inexpressible(f"filters of shape {list(filters.shape)} for {channels} channels")
    return _convolved(call, filters, filters.shape[1:3], filters.shape[3], None)


def _conv_3d(call: LiteCall) -> LiteValue:
    filters = _filters(call, 1, 3)
    return _convolved(call, filters, filters.shape[:3], filters.shape[4], filters.shape[3])


def _transposed(call: LiteCall, kernel: Shape, filters: LiteConstant, outputs: int) -> LiteValue:
    """What enters is the third input: the first is the shape that leaves, which may be worked out."""
    rank = len(kernel)
    x = _Map(call, drawn(call, call.value(2)), kernel)
    stride = _per_axis(call, "stride", rank)
    dilation = _per_axis(call, "dilation", rank) if rank == 3 else (1,) * rank
    is_same = call.option("padding") == SAME
    sizes = drawn(call, call.value(2)).shape[1:-1]
    constant = call.value(0).constant
    wanted = constant.numbers[1:-1] if constant is not None and constant.numbers else None
    fields: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "dilation": dilation}
    fields |= _cropping(is_same, sizes, kernel, stride, dilation, wanted)
    if x.unwrapped is not None and isinstance(fields["padding"], str):
        x = _rewrapped(call, x, kernel)
    fields = x.fields(fields)
    arrays = _arrays(call, filters, 3)
    fields |= {"out_channels": outputs, "bias": _biased(call, arrays, outputs)}
    return x.left(call.layer("conv_transpose", fields, x.draft, arrays=arrays))


def _rewrapped(call: LiteCall, x: _Map, kernel: Shape) -> _Map:
    x.draft, x.unwrapped = moving.as_channels(call, drawn(call, call.value(2)))[0], None
    return x


def _cropping(
    is_same: bool, sizes: Shape, kernel: Shape, stride: Shape, dilation: Shape, wanted: Any
) -> dict[str, Any]:
    """What is cropped of all that is written, and what is added at the end, for the sizes that are wanted."""
    extents = [(taps - 1) * apart + 1 for taps, apart in zip(kernel, dilation, strict=True)]
    usual = [
        size * step if is_same else size * step + max(extent - step, 0)
        for size, step, extent in zip(sizes, stride, extents, strict=True)
    ]
    outputs = [int(size) for size in wanted] if wanted is not None else usual
    if len(outputs) != len(sizes):
        raise Inexpressible(f"an output of {len(outputs)} axes")
    if outputs == usual and (is_same or all(map(ge, extents, stride))):
        return {"padding": "same" if is_same else ((0, 0),) * len(sizes), "output_padding": (0,) * len(sizes)}
    crops, added = [], []
    for size, output, extent, step in zip(sizes, outputs, extents, stride, strict=True):
        total = step * (size - 1) + extent - output
        crops.append((max(total, 0) // 2, max(total, 0) - max(total, 0) // 2))
        added.append(max(-total, 0))
    return {"padding": tuple(crops), "output_padding": tuple(added)}


def _transpose_conv(call: LiteCall) -> LiteValue:
    filters = _filters(call, 1, 2)
    if filters.shape[3] != call.value(2).shape[-1]:
        raise Inexpressible(f"filters of shape {list(filters.shape)} for {call.value(2).shape[-1]} channels")
    return _transposed(call, filters.shape[1:3], filters, filters.shape[0])


def _conv_3d_transpose(call: LiteCall) -> LiteValue:
    filters = _filters(call, 1, 3)
    if filters.shape[4] != call.value(2).shape[-1]:
        raise Inexpressible(f"filters of shape {list(filters.shape)} for {call.value(2).shape[-1]} channels")
    return _transposed(call, filters.shape[:3], filters, filters.shape[3])


OPERATORS = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "CONV_3D": _conv_3d,
    "TRANSPOSE_CONV": _transpose_conv,
    "CONV_3D_TRANSPOSE": _conv_3d_transpose,
}
