"""Convolutions: with channels last or first, causal, depthwise, separable, transposed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport, Inexpressible
from convcalc.imports.keras.calls import LayerCall
from convcalc.imports.keras.layers.activations import activated
from convcalc.imports.layouts import OrderedTensor

_SAME, _VALID, _CAUSAL = "same", "valid", "causal"

_KERNEL = {"weight": "kernel"}


class _Window:
    """The window of a convolution, on the axes of positions and on the leading ones, where it is one place."""

    def __init__(self, call: LayerCall, rank: int) -> None:
        config = call.config
        self.rank, self.padding = rank, config.text("padding", "border_mode", default=_VALID).lower()
        if self.padding not in (_SAME, _VALID, _CAUSAL) or (self.padding == _CAUSAL and rank > 1):
            raise Inexpressible(f"padding {self.padding}")
        self.kernel = config.sizes("kernel_size", rank=rank)
        self.stride = config.sizes("strides", "subsample", rank=rank, default=1)
        self.dilation = config.sizes("dilation_rate", rank=rank, default=1)
        self.call = call

    def fields(self) -> dict[str, Any]:
        """Kernel, stride, dilation and padding."""
        over = self.call.over_lead
        padding: Any = self.padding if self.padding != _VALID else 0
        if self.padding == _CAUSAL and self.call.lead:
            padding = over([((self.kernel[0] - 1) * self.dilation[0], 0)], (0, 0))
        return {
            "kernel_size": over(self.kernel, 1),
            "stride": over(self.stride, 1),
            "dilation": over(self.dilation, 1),
            "padding": padding,
        }


def _finished(call: LayerCall, y: Draft) -> OrderedTensor:
    return activated(call, call.from_map(y))


def _bias(call: LayerCall) -> bool:
    stated = call.config.get("use_bias", "bias")
    return True if stated is None else bool(stated)


def _conv(call: LayerCall, rank: int) -> OrderedTensor:
    fields = _Window(call, rank).fields()
    fields |= {"out_channels": call.config.whole("filters"), "groups": call.config.whole("groups", default=1)}
    y = call.layer("conv", {**fields, "bias": _bias(call)}, call.map(rank=rank), names=_KERNEL)
    return _finished(call, y)


def _depthwise(call: LayerCall, rank: int) -> OrderedTensor:
    fields, x = _Window(call, rank).fields(), call.map(rank=rank)
    channels = x.shape[0]
    fields |= {"out_channels": channels * call.config.whole("depth_multiplier", default=1), "groups": channels}
    names = {"weight": "depthwise_kernel"}
    return _finished(call, call.layer("conv", {**fields, "bias": _bias(call)}, x, names=names))


def _separable(call: LayerCall, rank: int) -> OrderedTensor:
    """A depthwise convolution without a bias, and one of single positions with it."""
    fields, x = _Window(call, rank).fields(), call.map(rank=rank)
    channels = x.shape[0]
    fields |= {"out_channels": channels * call.config.whole("depth_multiplier", default=1), "groups": channels}
    y = call.layer("conv", {**fields, "bias": False}, x, names=_KERNEL, within="depthwise")
    pointwise = {"out_channels": call.config.whole("filters"), "kernel_size": 1, "bias": _bias(call)}
    return _finished(call, call.layer("conv", pointwise, y, names=_KERNEL, within="pointwise"))


def _transposed(call: LayerCall, rank: int) -> OrderedTensor:
    """Without `output_padding` n positions become n·s, or as many as are written to.

    With it they become (n - 1)·s + k + output_padding, less twice half of k where the padding is same: 0 is not null.
    """
    window = _Window(call, rank)
    fields = window.fields()
    if window.padding == _CAUSAL:
        raise Inexpressible("padding causal")
    if call.config.get("output_padding") is None:
        fields["padding"] = window.padding
    else:
        added = call.config.sizes("output_padding", rank=rank, least=0)
        extents = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilation, strict=True)]
        crops = [(extent // 2,) * 2 if window.padding == _SAME else (0, 0) for extent in extents]
        fields |= {"padding": call.over_lead(crops, (0, 0)), "output_padding": call.over_lead(added, 0)}
    fields |= {"out_channels": call.config.whole("filters"), "groups": call.config.whole("groups", default=1)}
    y = call.layer("conv_transpose", {**fields, "bias": _bias(call)}, call.map(rank=rank), names=_KERNEL)
    return _finished(call, y)


def _sized(call: LayerCall, rank: int, reason: str) -> OrderedTensor:
    """What no kind expresses, as large as a convolution of its window would be; of several steps, the leading one."""
    recurrent = 0 if reason == _OWN_WEIGHTS else 1
    call.check_rank(call.x, rank + 1 + recurrent)
    inner = OrderedTensor(call.x.draft, call.x.order)
    shape = inner.shape
    steps, sizes = shape[: call.lead + recurrent], shape[call.lead + recurrent :]
    sizes = sizes[:-1] if call.is_last else sizes[1:]
    window = _Window(call, rank)
    extents = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilation, strict=True)]
    if window.padding == _VALID:
        sizes = tuple(size - extent + 1 for size, extent in zip(sizes, extents, strict=True))
    sizes = tuple(-(-size // s) for size, s in zip(sizes, window.stride, strict=True))
    if any(size < 1 for size in sizes):
        raise CannotImport(f"layer {call.config.title}: nothing is left of {list(shape)}")
    if recurrent and not call.config.flag("return_sequences", False):
        steps = steps[:-1]
    filters = call.config.whole("filters")
    return call.unknown_of((*steps, *sizes, filters) if call.is_last else (*steps, filters, *sizes), reason)


_OWN_WEIGHTS = "weights of its own at every place"
_IN_STEPS = "a convolution in the steps of a recurrent layer"


def _of_ranks(rule: Callable[..., OrderedTensor], *names: str) -> dict[str, Callable[[LayerCall], OrderedTensor]]:
    """A rule under the names of its classes, which say on how many axes the window moves."""
    return {name.format(rank): partial(rule, rank=rank) for name in names for rank in (1, 2, 3)}


RULES = {
    **_of_ranks(_conv, "Conv{}D", "Convolution{}D"),
    **_of_ranks(_depthwise, "DepthwiseConv{}D"),
    **_of_ranks(_separable, "SeparableConv{}D", "SeparableConvolution{}D"),
    **_of_ranks(partial(_sized, reason=_OWN_WEIGHTS), "LocallyConnected{}D"),
    **_of_ranks(partial(_sized, reason=_IN_STEPS), "ConvLSTM{}D"),
    **_of_ranks(_transposed, "Conv{}DTranspose", "Convolution{}DTranspose", "Deconvolution{}D"),
}
