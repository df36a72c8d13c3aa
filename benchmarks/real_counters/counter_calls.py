"""The ways in which code calls a layer, by kind; the first is what is taken where none is named.

A `#` in a call stands for the axes, as in nn.Conv2d.
"""

from __future__ import annotations

import counter_ways as ways
from counter_ways import Called, Way

CALLS: dict[str, dict[str, Way]] = {
    "conv": {
        "nn.Conv#": ways.convolution("nn.Conv", ways.CONVOLUTION),
        "F.conv#": ways.convolution_function,
        "OwnConv(nn.Conv#)": ways.convolution_subclass,
        "nn.Linear": ways.linear_for_convolution,
    },
    "conv_transpose": {"nn.ConvTranspose#": ways.convolution("nn.ConvTranspose", ways.TRANSPOSED)},
    "linear": {
        "nn.Linear": ways.linear,
        "F.linear": ways.linear_function("F.linear({x}, {m})"),
        "@": ways.linear_function("{x} @ {m}.T"),
        "torch.matmul": ways.linear_function("torch.matmul({x}, {m}.T)"),
        "nn.Conv2d": ways.convolution_for_linear,
        "OwnLinear(nn.Linear)": ways.linear_subclass,
    },
    "batch_norm": {
        "nn.BatchNorm#": ways.norm("nn.BatchNorm"),
        "F.batch_norm": ways.batch_norm_function,
        "nn.SyncBatchNorm": ways.norm("nn.SyncBatchNorm", dimensions=False),
        "OwnNorm(nn.BatchNorm#)": ways.batch_norm_subclass,
    },
    "instance_norm": {
        "nn.InstanceNorm#": ways.norm("nn.InstanceNorm"),
        "F.instance_norm": ways.function_of("F.instance_norm"),
    },
    "group_norm": {"nn.GroupNorm": ways.group_norm, "F.group_norm": ways.function_of("F.group_norm", "num_groups")},
    "layer_norm": {
        "nn.LayerNorm": ways.layer_norm_module,
        "F.layer_norm": ways.norm_function("F.layer_norm"),
        "LayerNorm2d(nn.LayerNorm)": ways.layer_norm("LayerNorm2d", ways.LAYER_NORM_2D),
    },
    "rms_norm": {"nn.RMSNorm": ways.layer_norm("nn.RMSNorm"), "F.rms_norm": ways.norm_function("F.rms_norm")},
    "local_response_norm": {
        "nn.LocalResponseNorm": ways.module("nn.LocalResponseNorm", "size"),
        "F.local_response_norm": ways.function_of("F.local_response_norm", "size"),
    },
    "normalize": {"F.normalize": ways.along("F.normalize({x}, dim=DIM)")},
    "max_pool": {
        "nn.MaxPool#": ways.module("nn.MaxPool", *ways.WINDOW, "ceil_mode", dimensions=True),
        "F.max_pool#": ways.function_of("F.max_pool", *ways.WINDOW, "ceil_mode", dimensions=True),
    },
    "avg_pool": {
        "nn.AvgPool#": ways.module("nn.AvgPool", *ways.WINDOW, "ceil_mode", "count_include_pad", dimensions=True),
        "F.avg_pool#": ways.function_of("F.avg_pool", *ways.WINDOW, "ceil_mode", "count_include_pad", dimensions=True),
    },
    "lp_pool": {
        "nn.LPPool#": ways.module("nn.LPPool", "norm_type", "kernel_size", "stride", "ceil_mode", dimensions=True),
        "F.lp_pool#": ways.function_of("F.lp_pool", "norm_type", "kernel_size", "stride", "ceil_mode", dimensions=True),
    },
    "adaptive_avg_pool": {
        "nn.AdaptiveAvgPool#": ways.adaptive("nn.AdaptiveAvgPool"),
        "F.adaptive_avg_pool#": ways.adaptive("F.adaptive_avg_pool", is_function=True),
    },
    "adaptive_max_pool": {
        "nn.AdaptiveMaxPool#": ways.adaptive("nn.AdaptiveMaxPool"),
        "F.adaptive_max_pool#": ways.adaptive("F.adaptive_max_pool", is_function=True),
    },
    "global_avg_pool": {
        "nn.AdaptiveAvgPool#": ways.over_all("nn.AdaptiveAvgPool"),
        "F.adaptive_avg_pool#": ways.over_all("F.adaptive_avg_pool", is_function=True),
        "x.mean": ways.over_all_axes("{x}.mean(AXES)"),
        "torch.mean": ways.over_all_axes("torch.mean({x}, AXES)"),
    },
    "global_max_pool": {
        "nn.AdaptiveMaxPool#": ways.over_all("nn.AdaptiveMaxPool"),
        "F.adaptive_max_pool#": ways.over_all("F.adaptive_max_pool", is_function=True),
        "x.amax": ways.over_all_axes("{x}.amax(AXES)"),
        "torch.amax": ways.over_all_axes("torch.amax({x}, AXES)"),
    },
    "reduce": {"x.mean": ways.reduced("{x}.mean(AXES)"), "torch.mean": ways.reduced("torch.mean({x}, AXES)")},
    "upsample": {
        "nn.Upsample": ways.upsample("nn.Upsample"),
        "F.interpolate": ways.upsample("F.interpolate", is_function=True),
        "F.upsample": ways.upsample("F.upsample", is_function=True),
        "nn.UpsamplingBilinear2d": ways.upsampling("nn.UpsamplingBilinear2d"),
        "nn.UpsamplingNearest2d": ways.upsampling("nn.UpsamplingNearest2d"),
    },
    "relu": ways.activation("ReLU", ("F.relu", "torch.relu", "x.relu", "F.relu_", "x.relu_")),
    "relu6": ways.activation("ReLU6", ("F.relu6",)),
    "leaky_relu": ways.activation("LeakyReLU", ("F.leaky_relu",), "negative_slope"),
    "elu": ways.activation("ELU", ("F.elu",), "alpha"),
    "celu": ways.activation("CELU", ("F.celu", "torch.celu"), "alpha"),
    "selu": ways.activation("SELU", ("F.selu", "torch.selu")),
    "gelu": ways.activation("GELU", ("F.gelu",), "approximate"),
    "silu": ways.activation("SiLU", ("F.silu",)),
    "mish": ways.activation("Mish", ("F.mish",)),
    "hard_swish": ways.activation("Hardswish", ("F.hardswish",)),
    "hard_sigmoid": ways.activation("Hardsigmoid", ("F.hardsigmoid",)),
    "hard_tanh": ways.activation("Hardtanh", ("F.hardtanh",), "min_val", "max_val")
    | {"torch.clamp": ways.function_of("torch.clamp", min_val="min", max_val="max")},
    "sigmoid": ways.activation("Sigmoid", ("F.sigmoid", "torch.sigmoid", "x.sigmoid")),
    "tanh": ways.activation("Tanh", ("F.tanh", "torch.tanh", "x.tanh")),
    "softplus": ways.activation("Softplus", ("F.softplus",), "beta", "threshold"),
    "softsign": ways.activation("Softsign", ("F.softsign",)),
    "log_sigmoid": ways.activation("LogSigmoid", ("F.logsigmoid",)),
    "threshold": ways.activation("Threshold", ("F.threshold",), "threshold", "value"),
    "shrink": {
        "nn.Hardshrink": ways.shrink,
        "F.hardshrink": ways.shrink_function,
        "F.softshrink": ways.shrink_function,
    },
    "prelu": {"nn.PReLU": ways.prelu, "F.prelu": ways.prelu_function},
    "softmax": {
        "nn.Softmax": ways.module_along("nn.Softmax"),
        "F.softmax": ways.along("F.softmax({x}, dim=DIM)"),
        "torch.softmax": ways.along("torch.softmax({x}, dim=DIM)"),
        "x.softmax": ways.along("{x}.softmax(dim=DIM)"),
    },
    "log_softmax": {
        "nn.LogSoftmax": ways.module_along("nn.LogSoftmax"),
        "F.log_softmax": ways.along("F.log_softmax({x}, dim=DIM)"),
        "torch.log_softmax": ways.along("torch.log_softmax({x}, dim=DIM)"),
    },
    "dropout": {
        "nn.Dropout": ways.module("nn.Dropout", "p"),
        "F.dropout": ways.function_of("F.dropout", "p", more="training=self.training"),
    },
    "identity": {"nn.Identity": ways.module("nn.Identity")},
    "flatten": {
        "nn.Flatten": ways.module("nn.Flatten"),
        "torch.flatten": ways.function("torch.flatten({x}, 1)"),
        "x.flatten": ways.function("{x}.flatten(1)"),
    },
    "reshape": {
        "x.reshape": ways.reshape("{x}.reshape({x}.shape[0], SIZES)"),
        "x.view": ways.reshape("{x}.view({x}.shape[0], SIZES)"),
    },
    "permute": {
        "x.permute": ways.permute("{x}.permute(0, AXES)"),
        "torch.permute": ways.permute("torch.permute({x}, (0, AXES))"),
    },
    "slice": {"x.slice": ways.sliced},
    "split": {"torch.split": ways.split, "torch.chunk": ways.chunk},
    "pad": {
        "F.pad": ways.pad_function,
        "nn.ZeroPad#": ways.pad("nn.ZeroPad"),
        "nn.ReflectionPad#": ways.pad("nn.ReflectionPad"),
        "nn.ReplicationPad#": ways.pad("nn.ReplicationPad"),
    },
    "pixel_shuffle": {
        "nn.PixelShuffle": ways.module("nn.PixelShuffle", "upscale_factor"),
        "F.pixel_shuffle": ways.function_of("F.pixel_shuffle", "upscale_factor"),
    },
    "pixel_unshuffle": {
        "nn.PixelUnshuffle": ways.module("nn.PixelUnshuffle", "downscale_factor"),
        "F.pixel_unshuffle": ways.function_of("F.pixel_unshuffle", "downscale_factor"),
    },
    "channel_shuffle": {
        "nn.ChannelShuffle": ways.module("nn.ChannelShuffle", "groups"),
    },
    "unfold": {
        "nn.Unfold": ways.module("nn.Unfold", *ways.WINDOW),
        "F.unfold": ways.function_of("F.unfold", *ways.WINDOW),
    },
    "fold": {
        "nn.Fold": ways.module("nn.Fold", "output_size", *ways.WINDOW),
        "F.fold": ways.function_of("F.fold", "output_size", *ways.WINDOW),
    },
    "lstm": {"nn.LSTM": ways.recurrent("nn.LSTM")},
    "gru": {"nn.GRU": ways.recurrent("nn.GRU")},
    "rnn": {"nn.RNN": ways.recurrent("nn.RNN")},
    "attention": {"nn.MultiheadAttention": ways.attention},
    "scale": {
        "*": ways.scaled,
        "torch.mul": ways.scaled_by("torch.mul({x}, {m})"),
        "x.mul": ways.scaled_by("{x}.mul({m})"),
        "x.mul_": ways.scaled_by("{x}.mul_({m})"),
    },
    "affine": {"*": ways.affine},
    "pow": {
        "**": lambda fields, _: Called("", f"{{x}} ** {fields['exponent']}"),
        "torch.pow": lambda fields, _: Called("", f"torch.pow({{x}}, {fields['exponent']})"),
        "x.pow": lambda fields, _: Called("", f"{{x}}.pow({fields['exponent']})"),
    },
    "elementwise": {
        "torch.{operation}": lambda fields, _: Called("", f"torch.{fields['operation']}({{x}})"),
        "x.{operation}": lambda fields, _: Called("", f"{{x}}.{fields['operation']}()"),
    },
    "cumulate": {"torch.cumsum": ways.along("torch.cumsum({x}, dim=DIM)")},
}
