"""PyTorch's modules and functions, as pnnx names them, as the operators that they call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MODULES: Mapping[str, str] = {
    **{f"Conv{rank}d": f"conv{rank}d" for rank in (1, 2, 3)},
    **{f"ConvTranspose{rank}d": f"conv_transpose{rank}d" for rank in (1, 2, 3)},
    **{f"BatchNorm{rank}d": "batch_norm" for rank in (1, 2, 3)},
    **{f"InstanceNorm{rank}d": "instance_norm" for rank in (1, 2, 3)},
    **{f"MaxPool{rank}d": f"max_pool{rank}d" for rank in (1, 2, 3)},
    **{f"AvgPool{rank}d": f"avg_pool{rank}d" for rank in (1, 2, 3)},
    **{f"AdaptiveAvgPool{rank}d": f"adaptive_avg_pool{rank}d" for rank in (1, 2, 3)},
    **{f"AdaptiveMaxPool{rank}d": f"adaptive_max_pool{rank}d" for rank in (1, 2, 3)},
    **{f"ReflectionPad{rank}d": f"reflection_pad{rank}d" for rank in (1, 2, 3)},
    **{f"ReplicationPad{rank}d": f"replication_pad{rank}d" for rank in (1, 2, 3)},
    **{f"ConstantPad{rank}d": "constant_pad_nd" for rank in (1, 2, 3)},
    "ZeroPad2d": "constant_pad_nd",
    "Linear": "linear", "LayerNorm": "layer_norm", "GroupNorm": "group_norm", "RMSNorm": "rms_norm",
    "Embedding": "embedding", "ReLU": "relu", "ReLU6": "relu6", "LeakyReLU": "leaky_relu", "PReLU": "prelu",
    "RReLU": "rrelu", "ELU": "elu", "CELU": "celu", "SELU": "selu", "GELU": "gelu", "SiLU": "silu", "Mish": "mish",
    "GLU": "glu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Hardswish": "hardswish", "Hardsigmoid": "hardsigmoid",
    "Hardtanh": "hardtanh", "Softmax": "softmax", "LogSoftmax": "log_softmax", "Softplus": "softplus",
    "Softsign": "softsign", "Softshrink": "softshrink", "Hardshrink": "hardshrink", "LogSigmoid": "log_sigmoid",
    "Dropout": "dropout", "Dropout2d": "dropout", "Dropout3d": "dropout", "AlphaDropout": "dropout",
    "Identity": "identity", "PixelShuffle": "pixel_shuffle", "PixelUnshuffle": "pixel_unshuffle",
    "ChannelShuffle": "channel_shuffle", "Flatten": "flatten", "LSTM": "lstm", "GRU": "gru", "RNN": "rnn_tanh",
}  # fmt: skip
"""The operator that a module calls, by the word behind `nn.`."""

_RESIZED = {
    "nearest": "upsample_nearest", "bilinear": "upsample_bilinear", "linear": "upsample_linear",
    "bicubic": "upsample_bicubic", "trilinear": "upsample_trilinear", "nearest-exact": "_upsample_nearest_exact",
}  # fmt: skip

_RENAMED = {
    "expand": {"shape": "size"},
    "repeat": {"sizes": "repeats"},
}
"""Arguments that are called otherwise here, by the operator."""


def operator_of(type_: str, arguments: Mapping[str, Any], rank: int) -> tuple[str, dict[str, Any]] | None:
    """The operator that a type of line stands for, with its arguments by their names; None where nothing is known."""
    room, _, word = type_.rpartition(".")
    if word in ("interpolate", "upsample", "Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"):
        return _resized(word, arguments, rank)
    functions = {word: word} if room in ("F", "torch", "Tensor") else {}
    name = (MODULES if room == "nn" else functions).get(word)
    if name is None:
        return None
    renamed = _RENAMED.get(name, {})
    return name, {renamed.get(argument, argument): value for argument, value in arguments.items()}


def _resized(word: str, arguments: Mapping[str, Any], rank: int) -> tuple[str, dict[str, Any]] | None:
    mode = {"UpsamplingBilinear2d": "bilinear", "UpsamplingNearest2d": "nearest"}.get(word, arguments.get("mode"))
    front = _RESIZED.get(mode or "nearest")
    if front is None or rank < 1:
        return None
    own = {name: arguments[name] for name in ("self", "input") if name in arguments}
    size, factor = arguments.get("size"), arguments.get("scale_factor")
    factors = factor if isinstance(factor, list) else [factor] * rank
    own |= {"output_size": size if isinstance(size, list) else [size] * rank} if size is not None else {}
    if size is None and factor is not None:
        own["scale_factors"] = [float(number) for number in factors if isinstance(number, int | float)]
    align = arguments.get("align_corners") is True or word == "UpsamplingBilinear2d"
    return f"{front}{rank}d", own | {"align_corners": align}
