"""Norms and scales, dropout, and tensors of a network's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from convcalc.exports.pytorch.layer import LayerCode, TorchSite, Unsayable, Writer, function, module, number, own, x
from convcalc.exports.pytorch.syntax import Expression, Own, call, joined, method


def batch_norm(site: TorchSite) -> LayerCode:
    """A vector is a map without positions."""
    if not site.config.track_running_stats:
        _refuse_single(site, 1)
    made = call(f"nn.BatchNorm{_axes(site, 1)}d", number(site.x[0], "num_features"), **_channel_norm(site))
    return _with_one_array(site, made)


def instance_norm(site: TorchSite) -> LayerCode:
    """As batch_norm, of each sample alone."""
    if not site.config.track_running_stats:
        _refuse_single(site, 1)
    fields = _channel_norm(site, affine=False, track_running_stats=False)
    made = call(f"nn.InstanceNorm{_axes(site)}d", number(site.x[0], "num_features"), **fields)
    return _with_one_array(site, made)


def _with_one_array(site: TorchSite, made: Expression) -> LayerCode:
    """A norm as torch has it, with both of scale and shift or neither; behind it the one that is learned alone."""
    affine = site.config.affine
    if isinstance(affine, bool):
        return module(made)
    array, start, sign = ("weight", "ones", " * ") if affine == "scale" else ("bias", "zeros", " + ")
    learned = call("nn.Parameter", call(f"torch.{start}", number(site.x[0], "num_features")))
    forward = joined(call(own, x), sign, Own(array), spread(site))
    return LayerCode(forward, {"": made, array: learned}, {array: f"_{array}"})


def _refuse_single(site: TorchSite, channels: int) -> None:
    if channels * math.prod(site.x[1:]) == 1:
        raise Unsayable("torch takes no mean and variance of a single number")


def _axes(site: TorchSite, least: int = 0) -> int:
    rank = max(site.rank, least)
    if rank > 3:
        raise Unsayable(f"torch normalises maps of 1 to 3 axes, not of {rank}")
    return rank


def _channel_norm(site: TorchSite, *, affine: bool = True, track_running_stats: bool = True) -> dict[str, Expression]:
    config = site.config
    return {
        "eps": number(config.eps, "eps", 1e-5),
        "momentum": number(config.momentum, "momentum", 0.1),
        "affine": number(config.affine is True, "affine", affine),
        "track_running_stats": number(config.track_running_stats, "track_running_stats", track_running_stats),
    }


def group_norm(site: TorchSite) -> LayerCode:
    """The same in torch."""
    config = site.config
    _refuse_single(site, site.x[0] // config.num_groups)
    sizes = number(config.num_groups, "num_groups"), number(site.x[0], "num_channels")
    stated = {"eps": number(config.eps, "eps", 1e-5), "affine": number(config.affine is True, "affine", True)}
    return _with_one_array(site, call("nn.GroupNorm", *sizes, **stated))


def layer_norm(site: TorchSite) -> LayerCode:
    """Torch normalises the last axes; others are moved there and back."""
    config = site.config
    stated = {
        "eps": number(config.eps, "eps", 1e-5),
        "elementwise_affine": number(config.elementwise_affine is True, "elementwise_affine", True),
        "bias": number(config.bias or config.elementwise_affine is not True, "bias", True),
    }
    return _on_last_axes(site, "nn.LayerNorm", stated)


def rms_norm(site: TorchSite) -> LayerCode:
    """As layer_norm."""
    config = site.config
    stated = {
        "eps": number(config.eps, "eps"),
        "elementwise_affine": number(config.elementwise_affine, "elementwise_affine", True),
    }
    return _on_last_axes(site, "nn.RMSNorm", stated)


def _on_last_axes(site: TorchSite, name: str, stated: Mapping[str, Expression]) -> LayerCode:
    rank = len(site.x)
    axes = [axis % rank for axis in site.config.axes]
    sizes: Any = tuple(site.x[axis] for axis in axes)
    normalised = number(sizes[0] if len(sizes) == 1 else sizes, "normalized_shape")
    held: dict[str, Expression] = {"": call(name, normalised, **stated)}
    shift: list[Expression] = []
    if site.config.elementwise_affine == "shift":
        held["bias"] = call("nn.Parameter", call("torch.zeros", normalised))
        shift = [" + ", Own("bias")]
    arrays = {"bias": "_bias"} if shift else {}
    last = list(range(rank - len(axes), rank))
    if axes == last:
        return LayerCode(joined(call(own, x), *shift), held, arrays) if shift else module(held[""])
    there: Any = tuple(axis + 1 for axis in axes)
    behind: Any = tuple(range(-len(axes), 0))
    if len(axes) == 1:
        there, behind = there[0], -1
    moved = method(x, "movedim", number(there, "axes"), number(behind, "places"))
    y = joined("(", call(own, moved), *shift, ")") if shift else call(own, moved)
    return LayerCode(method(y, "movedim", number(behind, "places"), number(there, "axes")), held, arrays)


def l2_norm(site: TorchSite) -> LayerCode:
    """By what it is defined as."""
    squares = method(method(x, "square"), "sum", "1", keepdim="True")
    return function(joined(x, " / (", squares, " + ", number(site.config.eps, "eps"), ").sqrt()"))


def normalize(site: TorchSite) -> LayerCode:
    """The same in torch, along an axis with the batch in front."""
    config = site.config
    stated = {
        "p": number(float(config.p), "p", 2.0),
        "dim": number(site.axis(config.axis), "dim", 1),
        "eps": number(config.eps, "eps", 1e-12),
    }
    return function(call("F.normalize", x, **stated))


def local_response_norm(site: TorchSite) -> LayerCode:
    """Torch looks at neighbours in maps alone."""
    config = site.config
    fields = {
        "alpha": number(config.alpha, "alpha", 1e-4),
        "beta": number(config.beta, "beta", 0.75),
        "k": number(config.k, "k", 1.0),
    }
    entered: Expression = x if site.rank else method(x, "unsqueeze", "-1")
    normalised = call("F.local_response_norm", entered, number(config.size, "size"), **fields)
    return function(normalised if site.rank else method(normalised, "squeeze", "-1"))


def spread(site: TorchSite) -> str:
    """What lays numbers of the channels along a map of the first tensor's axes."""
    return f"[{', '.join([':', *['None'] * site.rank])}]" if site.rank else ""


def scale(site: TorchSite) -> LayerCode:
    """Numbers of the channels, as parameters of its own."""
    size = number(site.x[0], "num_features")
    held: dict[str, Expression] = {"": call("nn.Parameter", call("torch.ones", size))}
    scaled = joined(x, " * ", own, spread(site))
    if not site.config.bias:
        return LayerCode(scaled, held, {"weight": ""})
    held["bias"] = call("nn.Parameter", call("torch.zeros", size))
    return LayerCode(joined(scaled, " + ", Own("bias"), spread(site)), held, {"weight": "", "bias": "_bias"})


def affine(site: TorchSite) -> LayerCode:
    """By numbers that are not learned."""
    config = site.config
    parts: list[Expression] = [x]
    if config.factor != 1 or not config.addend:
        parts += [" * ", number(config.factor, "factor")]
    if config.addend:
        parts += [" + ", number(config.addend, "addend")]
    return function(joined(*parts))


def dropout(site: TorchSite) -> LayerCode:
    """Of elements, as here."""
    return module(call("nn.Dropout", number(site.config.p, "p", 0.5)))


def parameter(site: TorchSite) -> LayerCode:
    """A tensor of the network's own, for every sample of the batch."""
    sizes = [number(size, "size") for size in site.shape]
    made, array = call("torch.zeros", *sizes), "weight" if site.config.learned else "constant"
    forward = method(own, "expand", joined("len(", x, ")"), *["-1"] * len(sizes))
    if site.config.learned:
        return LayerCode(forward, {"": call("nn.Parameter", made)}, {array: ""})
    return LayerCode(forward, {"": made}, {array: ""}, buffers=("",))


def prelu(site: TorchSite) -> LayerCode:
    """One slope, or one of each channel."""
    return module(call("nn.PReLU", number(site.config.num_parameters, "num_parameters", 1)))


KINDS: dict[str, Writer] = {
    "affine": affine,
    "batch_norm": batch_norm,
    "dropout": dropout,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "l2_norm": l2_norm,
    "layer_norm": layer_norm,
    "local_response_norm": local_response_norm,
    "normalize": normalize,
    "parameter": parameter,
    "prelu": prelu,
    "rms_norm": rms_norm,
    "scale": scale,
}
