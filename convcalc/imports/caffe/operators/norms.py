"""Normalisations, and the softmax."""

from __future__ import annotations

from typing import Any

from convcalc.imports.caffe.blobs import CaffeLayer
from convcalc.imports.caffe.layers import NetLayer
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible


def _batch_norm(call: CaffeLayer) -> Draft:
    """The statistics; with the layer behind that scales and shifts, as one norm."""
    param = call.parameters("batch_norm_param")
    fields: dict[str, Any] = {"eps": param.real("eps", 1e-5), "affine": False}
    if not param.flag("use_global_stats", default=True):
        fields["track_running_stats"] = False
    if call.following is not None and _scales_channels(call.following):
        own, scaling = call.origins[0], call.following
        call.merged, fields["affine"] = True, True
        call.origins = (own, own._replace(title=scaling.name, operator=scaling.type))
    return call.made("batch_norm", fields)


def _scales_channels(layer: NetLayer) -> bool:
    """Whether a layer does to each channel what the end of a batch norm does."""
    param = layer.message.message("scale_param")
    if layer.type != "Scale" or len(layer.bottoms) != 1 or len(layer.tops) != 1:
        return False
    is_plain = param.whole("axis", 1, least=-16) == 1 and param.whole("num_axes", 1, least=-1) == 1
    return is_plain and param.flag("bias_term", default=False)


def _whole_norm(call: CaffeLayer) -> Draft:
    """BN of the forks: statistics, scale and shift in one layer."""
    return call.made("batch_norm", {"eps": call.parameters("bn_param").real("eps", 1e-5)})


def _local_response(call: CaffeLayer) -> Draft:
    param = call.parameters("lrn_param")
    size = param.whole("local_size", 5, least=1)
    if size % 2 == 0:
        raise call.error(f"local_size {size}; Caffe takes odd ones")
    alpha, beta = param.real("alpha", 1.0), param.real("beta", 0.75)
    if param.choice("norm_region", ("ACROSS_CHANNELS", "WITHIN_CHANNEL")) == "ACROSS_CHANNELS":
        fields = {"size": size, "alpha": alpha, "beta": beta, "k": param.real("k", 1.0)}
        return call.made("local_response_norm", fields)
    padding = ((size // 2, size // 2),) * (len(call.x.shape) - 1)
    squares = call.helper("pow", {"exponent": 2})
    means = call.helper("avg_pool", {"kernel_size": (size,) * len(padding), "stride": 1, "padding": padding}, squares)
    energy = call.helper("affine", {"factor": alpha, "addend": 1.0}, means)
    return call.made("mul", {}, call.x, call.helper("pow", {"exponent": -beta}, energy))


def _mean_variance(call: CaffeLayer) -> Draft:
    param = call.parameters("mvn_param")
    eps, rank = param.real("eps", 1e-9), len(call.x.shape)
    across = param.flag("across_channels", default=False) or rank == 1
    if not param.flag("normalize_variance", default=True):
        mean = call.helper("reduce", {"axes": tuple(range(0 if across else 1, rank)), "keepdim": True})
        return call.made("sub", {}, call.x, mean)
    if across:
        fields = {"axes": tuple(range(rank)), "eps": eps, "elementwise_affine": False}
        return call.made("layer_norm", fields)
    return call.made("instance_norm", {"eps": eps})


def _normalize(call: CaffeLayer) -> Draft:
    """SSD's: the channels of each position over their length, times a learned number a channel."""
    param = call.parameters("norm_param")
    if param.flag("across_spatial", default=True):
        raise Inexpressible("it takes the length of all channels and positions together")
    if param.flag("channel_shared", default=True):
        raise Inexpressible("it learns one factor for all channels")
    return call.made("scale", {}, call.helper("l2_norm", {"eps": param.real("eps", 1e-10)}))


def _softmax(call: CaffeLayer) -> Draft:
    return call.made("softmax", {"axis": call.axis(call.parameters("softmax_param"))})


OPERATORS = {
    "BN": _whole_norm,
    "BatchNorm": _batch_norm,
    "LRN": _local_response,
    "MVN": _mean_variance,
    "Normalize": _normalize,
    "Softmax": _softmax,
}
