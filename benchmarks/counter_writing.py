"""A layer of a spec as code that calls PyTorch, in the way that is asked for: as a module, a function, a method.

`CALLS` has the ways by kind; the first of a kind is what is taken where none is named. A way is a function of the
layer's fields and of the shape that enters, without the batch; it gives what the constructor makes, and what `forward`
then writes, in which `{x}` stands for what enters and `{m}` for the module or parameter that was made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Fields = dict[str, Any]
Shape = tuple[int, ...]


class Called(NamedTuple):
    """What the constructor makes, by nothing or a text, and the expression in `forward`."""

    made: str
    expression: str = "{m}({x})"
    before: str = ""
    """A class that the module is made from."""


Way = Callable[[Fields, Shape], Called]


def module(name: str, *taken: str, dimensions: bool = False, **renamed: str) -> Way:
    """A module by name that takes these fields as they are; with `dimensions` its name ends in 1d to 3d."""
    return lambda fields, shape: Called(
        f"{name}{_dimensions(shape) if dimensions else ''}({_taken(fields, taken, renamed)})"
    )


def function(expression: str) -> Way:
    """A call in `forward` alone."""
    return lambda _, __: Called("", expression)


def function_of(name: str, *taken: str, dimensions: bool = False, more: str = "", **renamed: str) -> Way:
    """A function that takes the tensor and these fields."""

    def way(fields: Fields, shape: Shape) -> Called:
        arguments = [text for text in ("{x}", _taken(fields, taken, renamed), more) if text]
        return Called("", f"{name}{_dimensions(shape) if dimensions else ''}({', '.join(arguments)})")

    return way


def _dimensions(shape: Shape) -> str:
    return f"{len(shape) - 1}d"


def _taken(fields: Fields, taken: Sequence[str], renamed: dict[str, str]) -> str:
    names = {**{name: name for name in taken}, **renamed}
    return ", ".join(f"{theirs}={_value(fields[ours])}" for ours, theirs in names.items() if ours in fields)


def _value(value: Any) -> str:
    return repr(tuple(value)) if isinstance(value, list) else repr(value)


WINDOW = ("kernel_size", "stride", "padding", "dilation")
CONVOLUTION = (*WINDOW, "groups", "bias", "padding_mode")
TRANSPOSED = ("kernel_size", "stride", "padding", "output_padding", "groups", "bias", "dilation")


def _convolution(name: str, taken: Sequence[str]) -> Way:
    def way(fields: Fields, shape: Shape) -> Called:
        return Called(f"{name}{_dimensions(shape)}({shape[0]}, {fields['out_channels']}, {_taken(fields, taken, {})})")

    return way


def _convolution_function(fields: Fields, shape: Shape) -> Called:
    groups = fields.get("groups", 1)
    kernel = fields["kernel_size"]
    kernel = kernel if isinstance(kernel, list) else [kernel] * (len(shape) - 1)
    sizes = ", ".join(map(str, (fields["out_channels"], shape[0] // groups, *kernel)))
    taken = _taken(fields, ("stride", "padding", "dilation", "groups"), {})
    expression = f"F.conv{_dimensions(shape)}({', '.join(text for text in ('{x}', '{m}', taken) if text)})"
    return Called(f"nn.Parameter(torch.randn({sizes}))", expression)


def _convolution_subclass(fields: Fields, shape: Shape) -> Called:
    parent = f"nn.Conv{_dimensions(shape)}"
    made = _convolution("OwnConv", CONVOLUTION)(fields, shape).made.replace(f"OwnConv{_dimensions(shape)}", "OwnConv")
    return Called(made, before=f"class OwnConv({parent}):\n    pass\n")


def _linear_for_convolution(fields: Fields, shape: Shape) -> Called:
    bias = fields.get("bias", True)
    axes = len(shape)
    made = f"nn.Linear({shape[0]}, {fields['out_channels']}, bias={bias})"
    return Called(made, f"{{m}}({{x}}.movedim(1, {axes})).movedim({axes}, 1)")


def _linear(fields: Fields, shape: Shape) -> Called:
    return Called(f"nn.Linear({shape[-1]}, {fields['out_features']}{_bias(fields)})")


def _bias(fields: Fields) -> str:
    return f", bias={fields['bias']}" if "bias" in fields else ""


def _linear_function(expression: str) -> Way:
    def way(fields: Fields, shape: Shape) -> Called:
        return Called(f"nn.Parameter(torch.randn({fields['out_features']}, {shape[-1]}))", expression)

    return way


def _convolution_for_linear(fields: Fields, shape: Shape) -> Called:
    made = f"nn.Conv2d({shape[-1]}, {fields['out_features']}, 1{_bias(fields)})"
    return Called(made, "{m}({x}[:, :, None, None]).flatten(1)")


def _linear_subclass(fields: Fields, shape: Shape) -> Called:
    return Called(
        f"OwnLinear({shape[-1]}, {fields['out_features']}{_bias(fields)})",
        before="class OwnLinear(nn.Linear):\n    pass\n",
    )


def _norm(name: str, *, dimensions: bool = True) -> Way:
    """A norm over channels; on features alone it is the 1-D form."""

    def way(fields: Fields, shape: Shape) -> Called:
        taken = _taken(fields, ("eps", "momentum", "affine", "track_running_stats"), {})
        ending = f"{max(len(shape) - 1, 1)}d" if dimensions else ""
        return Called(f"{name}{ending}({', '.join(text for text in (str(shape[0]), taken) if text)})")

    return way


def _batch_norm_subclass(fields: Fields, shape: Shape) -> Called:
    ending = f"{max(len(shape) - 1, 1)}d"
    return Called(
        _norm("OwnNorm", dimensions=False)(fields, shape).made,
        before=f"class OwnNorm(nn.BatchNorm{ending}):\n    pass\n",
    )


def _batch_norm_function(fields: Fields, shape: Shape) -> Called:
    return Called(
        f"nn.BatchNorm{_dimensions(shape)}({shape[0]})",
        "F.batch_norm({x}, {m}.running_mean, {m}.running_var, {m}.weight, {m}.bias)",
    )


def _group_norm(fields: Fields, shape: Shape) -> Called:
    taken = _taken(fields, ("eps", "affine"), {})
    return Called(f"nn.GroupNorm({fields['num_groups']}, {', '.join(text for text in (str(shape[0]), taken) if text)})")


def _sizes_of_axes(fields: Fields, shape: Shape) -> Shape:
    axes = fields.get("axes", [-1])
    return tuple(shape[axis] for axis in (axes if isinstance(axes, list) else [axes]))


def _layer_norm(name: str, before: str = "") -> Way:
    def way(fields: Fields, shape: Shape) -> Called:
        taken = _taken(fields, ("eps", "elementwise_affine", "bias"), {})
        made = f"{name}({', '.join(text for text in (str(_sizes_of_axes(fields, shape)), taken) if text)})"
        return Called(made, before=before)

    return way


def _norm_function(name: str) -> Way:
    return lambda fields, shape: Called("", f"{name}({{x}}, {_sizes_of_axes(fields, shape)})")


LAYER_NORM_2D = """class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
"""


def _channels_last(fields: Fields, shape: Shape) -> Called:
    return Called(f"nn.LayerNorm({shape[0]})", "{m}({x}.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)")


def _along(template: str) -> Way:
    """A function along an axis, which is one further on where there is a batch."""
    return lambda fields, shape: Called("", template.replace("DIM", str(_axis(fields.get("axis", 0), shape))))


def _module_along(name: str) -> Way:
    return lambda fields, shape: Called(f"{name}(dim={_axis(fields.get('axis', 0), shape)})")


def _axis(axis: int, shape: Shape) -> int:
    return axis + 1 if axis >= 0 else axis


def _adaptive(name: str, *, is_function: bool = False) -> Way:
    def way(fields: Fields, shape: Shape) -> Called:
        sizes = _value(fields["output_size"])
        if is_function:
            return Called("", f"{name}{_dimensions(shape)}({{x}}, {sizes})")
        return Called(f"{name}{_dimensions(shape)}({sizes})")

    return way


def _flat(expression: str, fields: Fields) -> str:
    return expression if fields.get("keepdim") else f"{expression}.flatten(1)"


def _global(name: str, *, is_function: bool = False) -> Way:
    def way(fields: Fields, shape: Shape) -> Called:
        if is_function:
            return Called("", _flat(f"{name}{_dimensions(shape)}({{x}}, 1)", fields))
        return Called(f"{name}{_dimensions(shape)}(1)", _flat("{m}({x})", fields))

    return way


def _global_by_axes(template: str) -> Way:
    def way(fields: Fields, shape: Shape) -> Called:
        axes = tuple(range(2, len(shape) + 1))
        return Called("", template.replace("AXES", f"{axes}, keepdim={bool(fields.get('keepdim'))}"))

    return way


def _reduce(template: str) -> Way:
    def way(fields: Fields, shape: Shape) -> Called:
        axes = fields["axes"] if isinstance(fields["axes"], list) else [fields["axes"]]
        moved = tuple(_axis(axis, shape) for axis in axes)
        return Called("", template.replace("AXES", f"{moved}, keepdim={bool(fields.get('keepdim'))}"))

    return way


def _upsample(name: str, *, is_function: bool = False) -> Way:
    def way(fields: Fields, shape: Shape) -> Called:
        taken = _taken(fields, ("scale_factor", "size", "mode", "align_corners"), {})
        return Called("", f"{name}({{x}}, {taken})") if is_function else Called(f"{name}({taken})")

    return way


def _upsampling(name: str) -> Way:
    """The old classes, whose mode is in their name."""
    return lambda fields, _: Called(f"{name}({_taken(fields, ('scale_factor', 'size'), {})})")


def _prelu(fields: Fields, _: Shape) -> Called:
    return Called(f"nn.PReLU({fields.get('num_parameters', 1)})")


def _prelu_function(fields: Fields, _: Shape) -> Called:
    return Called(f"nn.Parameter(torch.rand({fields.get('num_parameters', 1)}))", "F.prelu({x}, {m})")


def _shrink(fields: Fields, _: Shape) -> Called:
    return Called(f"nn.{'Softshrink' if fields.get('bias') else 'Hardshrink'}({fields.get('lambd', 0.5)})")


def _shrink_function(fields: Fields, _: Shape) -> Called:
    return Called("", f"F.{'softshrink' if fields.get('bias') else 'hardshrink'}({{x}}, {fields.get('lambd', 0.5)})")


def _padding(fields: Fields, shape: Shape) -> str:
    """As PyTorch has it: before and after of the last axis first."""
    padding = fields["padding"]
    axes = padding if isinstance(padding, list) else [padding] * (len(shape) - 1)
    pairs = [tuple(amount) if isinstance(amount, list) else (amount, amount) for amount in axes]
    return str(tuple(amount for pair in reversed(pairs) for amount in pair))


def _pad(fields: Fields, shape: Shape) -> Called:
    names = {"reflect": "nn.ReflectionPad", "replicate": "nn.ReplicationPad", "circular": "nn.CircularPad"}
    name = names.get(fields.get("mode", "constant"), "nn.ZeroPad")
    return Called(f"{name}{_dimensions(shape)}({_padding(fields, shape)})")


def _pad_function(fields: Fields, shape: Shape) -> Called:
    return Called("", f"F.pad({{x}}, {_padding(fields, shape)}, mode={fields.get('mode', 'constant')!r})")


def _recurrent(name: str) -> Way:
    def way(fields: Fields, shape: Shape) -> Called:
        both = ", bidirectional=True" if fields.get("direction") == "bidirectional" else ""
        shown = f"nonlinearity={fields['activation']!r}, " if "activation" in fields else ""
        made = f"{name}({shape[-1]}, {fields['hidden_size']}, {shown}batch_first=True{_bias(fields)}{both})"
        return Called(made, "{m}({x})[0]")

    return way


def _attention(needs_weights: bool) -> Way:
    def way(fields: Fields, shape: Shape) -> Called:
        made = f"nn.MultiheadAttention({shape[-1]}, {fields['num_heads']}{_bias(fields)}, batch_first=True)"
        return Called(made, f"{{m}}({{x}}, {{x}}, {{x}}, need_weights={needs_weights})[0]")

    return way


def _scale(fields: Fields, shape: Shape) -> Called:
    sizes = (shape[0], *(1 for _ in shape[1:]))
    return Called(f"nn.Parameter(torch.randn{sizes})", "{x} * {m}")


def _scale_function(template: str) -> Way:
    return lambda fields, shape: Called(_scale(fields, shape).made, template)


def _reshape(template: str) -> Way:
    return lambda fields, _: Called("", template.replace("SIZES", ", ".join(map(str, fields["sizes"]))))


def _permute(template: str) -> Way:
    return lambda fields, _: Called("", template.replace("AXES", ", ".join(str(axis + 1) for axis in fields["axes"])))


def _slice(fields: Fields, shape: Shape) -> Called:
    before = ":, " * _axis(fields.get("axis", 0), shape)
    start, end, step = (fields.get(name, default) for name, default in (("start", 0), ("end", ""), ("step", 1)))
    return Called("", f"{{x}}[{before}{start}:{end}:{step}]")


def _split(fields: Fields, shape: Shape) -> Called:
    return Called(
        "", f"torch.chunk({{x}}, {fields['sections']}, {_axis(fields.get('axis', 0), shape)})[{fields['part']}]"
    )


def _affine(fields: Fields, _: Shape) -> Called:
    scaled = f"{{x}} * {fields['factor']}" if "factor" in fields else "{x}"
    return Called("", f"{scaled} + {fields['addend']}" if "addend" in fields else scaled)


def _activation(name: str, functions: Sequence[str], *taken: str) -> dict[str, Way]:
    """A module, the same with `inplace` where there is one, and functions of torch.nn.functional, torch and tensors."""
    ways = {f"nn.{name}": module(f"nn.{name}", *taken)}
    for called in functions:
        is_method = called.startswith("x.")
        ways[called] = function(f"{{x}}{called[1:]}()") if is_method else function_of(called, *taken)
    return ways


CALLS: dict[str, dict[str, Way]] = {
    "conv": {
        "nn.Conv": _convolution("nn.Conv", CONVOLUTION),
        "F.conv": _convolution_function,
        "OwnConv(nn.Conv)": _convolution_subclass,
        "nn.Linear": _linear_for_convolution,
    },
    "conv_transpose": {"nn.ConvTranspose": _convolution("nn.ConvTranspose", TRANSPOSED)},
    "linear": {
        "nn.Linear": _linear,
        "F.linear": _linear_function("F.linear({x}, {m})"),
        "@": _linear_function("{x} @ {m}.T"),
        "torch.matmul": _linear_function("torch.matmul({x}, {m}.T)"),
        "nn.Conv2d": _convolution_for_linear,
        "OwnLinear(nn.Linear)": _linear_subclass,
    },
    "batch_norm": {
        "nn.BatchNorm": _norm("nn.BatchNorm"),
        "F.batch_norm": _batch_norm_function,
        "nn.SyncBatchNorm": _norm("nn.SyncBatchNorm", dimensions=False),
        "OwnNorm(nn.BatchNorm2d)": _batch_norm_subclass,
    },
    "instance_norm": {
        "nn.InstanceNorm": _norm("nn.InstanceNorm"),
        "F.instance_norm": function_of("F.instance_norm"),
    },
    "group_norm": {"nn.GroupNorm": _group_norm, "F.group_norm": function_of("F.group_norm", "num_groups")},
    "layer_norm": {
        "nn.LayerNorm": _layer_norm("nn.LayerNorm"),
        "F.layer_norm": _norm_function("F.layer_norm"),
        "LayerNorm2d(nn.LayerNorm)": _layer_norm("LayerNorm2d", LAYER_NORM_2D),
        "nn.LayerNorm on permuted axes": _channels_last,
    },
    "rms_norm": {"nn.RMSNorm": _layer_norm("nn.RMSNorm"), "F.rms_norm": _norm_function("F.rms_norm")},
    "local_response_norm": {
        "nn.LocalResponseNorm": module("nn.LocalResponseNorm", "size"),
        "F.local_response_norm": function_of("F.local_response_norm", "size"),
    },
    "normalize": {"F.normalize": _along("F.normalize({x}, dim=DIM)")},
    "max_pool": {
        "nn.MaxPool": module("nn.MaxPool", *WINDOW, "ceil_mode", dimensions=True),
        "F.max_pool": function_of("F.max_pool", *WINDOW, "ceil_mode", dimensions=True),
    },
    "avg_pool": {
        "nn.AvgPool": module("nn.AvgPool", *WINDOW, "ceil_mode", "count_include_pad", dimensions=True),
        "F.avg_pool": function_of("F.avg_pool", *WINDOW, "ceil_mode", "count_include_pad", dimensions=True),
    },
    "lp_pool": {
        "nn.LPPool": module("nn.LPPool", "norm_type", "kernel_size", "stride", "ceil_mode", dimensions=True),
        "F.lp_pool": function_of("F.lp_pool", "norm_type", "kernel_size", "stride", "ceil_mode", dimensions=True),
    },
    "adaptive_avg_pool": {
        "nn.AdaptiveAvgPool": _adaptive("nn.AdaptiveAvgPool"),
        "F.adaptive_avg_pool": _adaptive("F.adaptive_avg_pool", is_function=True),
    },
    "adaptive_max_pool": {
        "nn.AdaptiveMaxPool": _adaptive("nn.AdaptiveMaxPool"),
        "F.adaptive_max_pool": _adaptive("F.adaptive_max_pool", is_function=True),
    },
    "global_avg_pool": {
        "nn.AdaptiveAvgPool": _global("nn.AdaptiveAvgPool"),
        "F.adaptive_avg_pool": _global("F.adaptive_avg_pool", is_function=True),
        "x.mean": _global_by_axes("{x}.mean(AXES)"),
        "torch.mean": _global_by_axes("torch.mean({x}, AXES)"),
    },
    "global_max_pool": {
        "nn.AdaptiveMaxPool": _global("nn.AdaptiveMaxPool"),
        "F.adaptive_max_pool": _global("F.adaptive_max_pool", is_function=True),
        "x.amax": _global_by_axes("{x}.amax(AXES)"),
        "torch.amax": _global_by_axes("torch.amax({x}, AXES)"),
    },
    "reduce": {"x.mean": _reduce("{x}.mean(AXES)"), "torch.mean": _reduce("torch.mean({x}, AXES)")},
    "upsample": {
        "nn.Upsample": _upsample("nn.Upsample"),
        "F.interpolate": _upsample("F.interpolate", is_function=True),
        "F.upsample": _upsample("F.upsample", is_function=True),
        "nn.UpsamplingBilinear2d": _upsampling("nn.UpsamplingBilinear2d"),
        "nn.UpsamplingNearest2d": _upsampling("nn.UpsamplingNearest2d"),
    },
    "relu": _activation("ReLU", ("F.relu", "torch.relu", "x.relu", "F.relu_", "x.relu_")),
    "relu6": _activation("ReLU6", ("F.relu6",)),
    "leaky_relu": _activation("LeakyReLU", ("F.leaky_relu",), "negative_slope"),
    "elu": _activation("ELU", ("F.elu",), "alpha"),
    "celu": _activation("CELU", ("F.celu", "torch.celu"), "alpha"),
    "selu": _activation("SELU", ("F.selu", "torch.selu")),
    "gelu": _activation("GELU", ("F.gelu",), "approximate"),
    "silu": _activation("SiLU", ("F.silu",)),
    "mish": _activation("Mish", ("F.mish",)),
    "hard_swish": _activation("Hardswish", ("F.hardswish",)),
    "hard_sigmoid": _activation("Hardsigmoid", ("F.hardsigmoid",)),
    "hard_tanh": _activation("Hardtanh", ("F.hardtanh",), "min_val", "max_val")
    | {"torch.clamp": function_of("torch.clamp", min_val="min", max_val="max")},
    "sigmoid": _activation("Sigmoid", ("F.sigmoid", "torch.sigmoid", "x.sigmoid")),
    "tanh": _activation("Tanh", ("F.tanh", "torch.tanh", "x.tanh")),
    "softplus": _activation("Softplus", ("F.softplus",), "beta", "threshold"),
    "softsign": _activation("Softsign", ("F.softsign",)),
    "log_sigmoid": _activation("LogSigmoid", ("F.logsigmoid",)),
    "threshold": _activation("Threshold", ("F.threshold",), "threshold", "value"),
    "shrink": {"nn.Hardshrink": _shrink, "F.hardshrink": _shrink_function},
    "prelu": {"nn.PReLU": _prelu, "F.prelu": _prelu_function},
    "softmax": {
        "nn.Softmax": _module_along("nn.Softmax"),
        "F.softmax": _along("F.softmax({x}, dim=DIM)"),
        "torch.softmax": _along("torch.softmax({x}, dim=DIM)"),
        "x.softmax": _along("{x}.softmax(dim=DIM)"),
    },
    "log_softmax": {
        "nn.LogSoftmax": _module_along("nn.LogSoftmax"),
        "F.log_softmax": _along("F.log_softmax({x}, dim=DIM)"),
        "torch.log_softmax": _along("torch.log_softmax({x}, dim=DIM)"),
    },
    "dropout": {
        "nn.Dropout": module("nn.Dropout", "p"),
        "F.dropout": function_of("F.dropout", "p", more="training=self.training"),
    },
    "identity": {"nn.Identity": module("nn.Identity")},
    "flatten": {
        "nn.Flatten": module("nn.Flatten"),
        "torch.flatten": function("torch.flatten({x}, 1)"),
        "x.flatten": function("{x}.flatten(1)"),
    },
    "reshape": {
        "x.reshape": _reshape("{x}.reshape({x}.shape[0], SIZES)"),
        "x.view": _reshape("{x}.view({x}.shape[0], SIZES)"),
    },
    "permute": {
        "x.permute": _permute("{x}.permute(0, AXES)"),
        "torch.permute": _permute("torch.permute({x}, (0, AXES))"),
    },
    "slice": {"[]": _slice},
    "split": {"torch.chunk": _split},
    "pad": {"nn.ZeroPad": _pad, "F.pad": _pad_function},
    "pixel_shuffle": {
        "nn.PixelShuffle": module("nn.PixelShuffle", "upscale_factor"),
        "F.pixel_shuffle": function_of("F.pixel_shuffle", "upscale_factor"),
    },
    "pixel_unshuffle": {
        "nn.PixelUnshuffle": module("nn.PixelUnshuffle", "downscale_factor"),
        "F.pixel_unshuffle": function_of("F.pixel_unshuffle", "downscale_factor"),
    },
    "channel_shuffle": {
        "nn.ChannelShuffle": module("nn.ChannelShuffle", "groups"),
    },
    "unfold": {
        "nn.Unfold": module("nn.Unfold", *WINDOW),
        "F.unfold": function_of("F.unfold", *WINDOW),
    },
    "fold": {
        "nn.Fold": module("nn.Fold", "output_size", *WINDOW),
        "F.fold": function_of("F.fold", "output_size", *WINDOW),
    },
    "lstm": {"nn.LSTM": _recurrent("nn.LSTM")},
    "gru": {"nn.GRU": _recurrent("nn.GRU")},
    "rnn": {"nn.RNN": _recurrent("nn.RNN")},
    "attention": {
        "nn.MultiheadAttention": _attention(needs_weights=False),
        "with weights": _attention(needs_weights=True),
    },
    "scale": {
        "*": _scale,
        "torch.mul": _scale_function("torch.mul({x}, {m})"),
        "x.mul": _scale_function("{x}.mul({m})"),
        "x.mul_": _scale_function("{x}.mul_({m})"),
    },
    "affine": {"*": _affine},
    "pow": {
        "**": lambda fields, _: Called("", f"{{x}} ** {fields['exponent']}"),
        "torch.pow": lambda fields, _: Called("", f"torch.pow({{x}}, {fields['exponent']})"),
        "x.pow": lambda fields, _: Called("", f"{{x}}.pow({fields['exponent']})"),
    },
    "elementwise": {
        "torch": lambda fields, _: Called("", f"torch.{fields['operation']}({{x}})"),
        "x": lambda fields, _: Called("", f"{{x}}.{fields['operation']}()"),
    },
    "cumulate": {"torch.cumsum": _along("torch.cumsum({x}, dim=DIM)")},
}
