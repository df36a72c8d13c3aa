"""Maps made larger or smaller by moving channels: depth to space and back."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.values import Call, Value


def _depth_to_space(call: Call) -> Value:
    x, factor = call.map(), call.attributes.integer("blocksize", 1)
    if call.attributes.text("mode", "DCR") != "CRD":  # the places in a block are before the channels
        channels, parts = x.shape[0], factor ** (len(x.shape) - 1)
        if not parts or channels % parts:
            raise Inexpressible(f"{channels} channels in blocks of {factor}")
        x = _interchanged(call, x, parts, channels // parts)
    return call.out(call.layer("pixel_shuffle", {"upscale_factor": factor}, x))


def _space_to_depth(call: Call) -> Value:
    x, factor = call.map(), call.attributes.integer("blocksize", 1)
    channels, parts = x.shape[0], factor ** (len(x.shape) - 1)
    laid = call.layer("pixel_unshuffle", {"downscale_factor": factor}, x)
    in_order = channels == 1 or call.attributes.text("mode", "DCR") == "CRD"
    return call.out(laid if in_order else _interchanged(call, laid, channels, parts))


def _interchanged(call: Call, x: Draft, outer: int, inner: int) -> Draft:
    """Channels that are `outer` groups of `inner`, as `inner` groups of `outer`."""
    apart = call.builder.reshaped(x, (outer, inner, *x.shape[1:]))
    turned = call.layer("permute", {"axes": (1, 0, *range(2, len(apart.shape)))}, apart)
    return call.builder.reshaped(turned, x.shape)


OPERATORS = {
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
}
