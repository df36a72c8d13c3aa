"""How code calls what a layer does: functions that write it as a module, a function, a method.

A way is a function of the layer's fields and of the shape that enters, without the batch; it gives what the constructor
makes, and what `forward` then writes, in which `{x}` stands for what enters and `{m}` for the module or parameter that
was made.
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


def convolution(name: str, taken: Sequence[str]) -> Way:
    """A convolution, or a transposed one, whose name ends in its axes."""

    def way(fields: Fields, shape: Shape) -> Called:
        return Called(f"{name}{_dimensions(shape)}({shape[0]}, {fields['out_channels']}, {_taken(fields, taken, {})})")

    return way


def convolution_function(fields: Fields, shape: Shape) -> Called:
    """A weight of the network, and a function that convolves with it."""
    groups = fields.get("groups", 1)
    kernel = fields["kernel_size"]
    kernel = kernel if isinstance(kernel, list) else [kernel] * (len(shape) - 1)
    sizes = ", ".join(map(str, (fields["out_channels"], shape[0] // groups, *kernel)))
    taken = _taken(fields, ("stride", "padding", "dilation", "groups"), {})
    expression = f"F.conv{_dimensions(shape)}({', '.join(text for text in ('{x}', '{m}', taken) if text)})"
    return Called(f"nn.Parameter(torch.randn({sizes}))", expression)


def convolution_subclass(fields: Fields, shape: Shape) -> Called:
    """A class of one's own that changes nothing."""
    parent = f"nn.Conv{_dimensions(shape)}"
    made = convolution("OwnConv", CONVOLUTION)(fields, shape).made.replace(f"OwnConv{_dimensions(shape)}", "OwnConv")
    return Called(made, before=f"class OwnConv({parent}):\n    pass\n")


def linear_for_convolution(fields: Fields, shape: Shape) -> Called:
    """A convolution of one tap as a linear layer over the channels, moved behind the positions and back."""
    bias = fields.get("bias", True)
    axes = len(shape)
    made = f"nn.Linear({shape[0]}, {fields['out_channels']}, bias={bias})"
    return Called(made, f"{{m}}({{x}}.movedim(1, {axes})).movedim({axes}, 1)")


def linear(fields: Fields, shape: Shape) -> Called:
    """The module."""
    return Called(f"nn.Linear({shape[-1]}, {fields['out_features']}{_bias(fields)})")


def _bias(fields: Fields) -> str:
    return f", bias={fields['bias']}" if "bias" in fields else ""


def linear_function(expression: str) -> Way:
    """A weight of the network, and an expression with it."""

    def way(fields: Fields, shape: Shape) -> Called:
        return Called(f"nn.Parameter(torch.randn({fields['out_features']}, {shape[-1]}))", expression)

    return way


def convolution_for_linear(fields: Fields, shape: Shape) -> Called:
    """A linear layer as a convolution of one tap, on a map of one position."""
    made = f"nn.Conv2d({shape[-1]}, {fields['out_features']}, 1{_bias(fields)})"
    return Called(made, "{m}({x}[:, :, None, None]).flatten(1)")


def linear_subclass(fields: Fields, shape: Shape) -> Called:
    """A class of one's own that changes nothing."""
    return Called(
        f"OwnLinear({shape[-1]}, {fields['out_features']}{_bias(fields)})",
        before="class OwnLinear(nn.Linear):\n    pass\n",
    )


def norm(name: str, *, dimensions: bool = True) -> Way:
    """A norm over channels; on features alone it is the 1-D form."""

    def way(fields: Fields, shape: Shape) -> Called:
        taken = _taken(fields, ("eps", "momentum", "affine", "track_running_stats"), {})
        ending = f"{max(len(shape) - 1, 1)}d" if dimensions else ""
        return Called(f"{name}{ending}({', '.join(text for text in (str(shape[0]), taken) if text)})")

    return way


def batch_norm_subclass(fields: Fields, shape: Shape) -> Called:
    """A class of one's own that changes nothing."""
    ending = f"{max(len(shape) - 1, 1)}d"
    return Called(
        norm("OwnNorm", dimensions=False)(fields, shape).made,
        before=f"class OwnNorm(nn.BatchNorm{ending}):\n    pass\n",
    )


def batch_norm_function(fields: Fields, shape: Shape) -> Called:
    """The function, with the arrays of a module that is not called."""
    return Called(
        f"nn.BatchNorm{_dimensions(shape)}({shape[0]})",
        "F.batch_norm({x}, {m}.running_mean, {m}.running_var, {m}.weight, {m}.bias)",
    )


def group_norm(fields: Fields, shape: Shape) -> Called:
    """The module."""
    taken = _taken(fields, ("eps", "affine"), {})
    return Called(f"nn.GroupNorm({fields['num_groups']}, {', '.join(text for text in (str(shape[0]), taken) if text)})")


def _sizes_of_axes(fields: Fields, shape: Shape) -> Shape:
    axes = fields.get("axes", [-1])
    return tuple(shape[axis] for axis in (axes if isinstance(axes, list) else [axes]))


def layer_norm(name: str, before: str = "") -> Way:
    """A module over the last axes, or a class of one's own."""

    def way(fields: Fields, shape: Shape) -> Called:
        taken = _taken(fields, ("eps", "elementwise_affine", "bias"), {})
        made = f"{name}({', '.join(text for text in (str(_sizes_of_axes(fields, shape)), taken) if text)})"
        return Called(made, before=before)

    return way


def norm_function(name: str) -> Way:
    """A function over the last axes, without weights."""
    return lambda fields, shape: Called("", f"{name}({{x}}, {_sizes_of_axes(fields, shape)})")


LAYER_NORM_2D = """class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
"""


def layer_norm_module(fields: Fields, shape: Shape) -> Called:
    """Over the last axes as it is; over the channels of a map with these moved behind it and back."""
    if fields.get("axes") != 0:
        return layer_norm("nn.LayerNorm")(fields, shape)
    return Called(f"nn.LayerNorm({shape[0]})", "{m}({x}.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)")


def along(template: str) -> Way:
    """A function along an axis, which is one further on where there is a batch."""
    return lambda fields, shape: Called("", template.replace("DIM", str(_axis(fields.get("axis", 0), shape))))


def module_along(name: str) -> Way:
    """A module that works along an axis."""
    return lambda fields, shape: Called(f"{name}(dim={_axis(fields.get('axis', 0), shape)})")


def _axis(axis: int, shape: Shape) -> int:
    return axis + 1 if axis >= 0 else axis


def adaptive(name: str, *, is_function: bool = False) -> Way:
    """Adaptive pools, as modules and as functions."""

    def way(fields: Fields, shape: Shape) -> Called:
        sizes = _value(fields["output_size"])
        if is_function:
            return Called("", f"{name}{_dimensions(shape)}({{x}}, {sizes})")
        return Called(f"{name}{_dimensions(shape)}({sizes})")

    return way


def _flat(expression: str, fields: Fields) -> str:
    return expression if fields.get("keepdim") else f"{expression}.flatten(1)"


def over_all(name: str, *, is_function: bool = False) -> Way:
    """An adaptive pool to one position."""

    def way(fields: Fields, shape: Shape) -> Called:
        if is_function:
            return Called("", _flat(f"{name}{_dimensions(shape)}({{x}}, 1)", fields))
        return Called(f"{name}{_dimensions(shape)}(1)", _flat("{m}({x})", fields))

    return way


def over_all_axes(template: str) -> Way:
    """A mean or the like over all positions."""

    def way(fields: Fields, shape: Shape) -> Called:
        axes = tuple(range(2, len(shape) + 1))
        return Called("", template.replace("AXES", f"{axes}, keepdim={bool(fields.get('keepdim'))}"))

    return way


def reduced(template: str) -> Way:
    """A mean or the like over some axes."""

    def way(fields: Fields, shape: Shape) -> Called:
        axes = fields["axes"] if isinstance(fields["axes"], list) else [fields["axes"]]
        moved = tuple(_axis(axis, shape) for axis in axes)
        return Called("", template.replace("AXES", f"{moved}, keepdim={bool(fields.get('keepdim'))}"))

    return way


def upsample(name: str, *, is_function: bool = False) -> Way:
    """The module, and functions of the same fields."""

    def way(fields: Fields, shape: Shape) -> Called:
        taken = _taken(fields, ("scale_factor", "size", "mode", "align_corners"), {})
        return Called("", f"{name}({{x}}, {taken})") if is_function else Called(f"{name}({taken})")

    return way


def upsampling(name: str) -> Way:
    """The old classes, whose mode is in their name."""
    return lambda fields, _: Called(f"{name}({_taken(fields, ('scale_factor', 'size'), {})})")


def prelu(fields: Fields, _: Shape) -> Called:
    """The module."""
    return Called(f"nn.PReLU({fields.get('num_parameters', 1)})")


def prelu_function(fields: Fields, _: Shape) -> Called:
    """Slopes of the network, and the function."""
    return Called(f"nn.Parameter(torch.rand({fields.get('num_parameters', 1)}))", "F.prelu({x}, {m})")


def shrink(fields: Fields, _: Shape) -> Called:
    """The hard module, or the soft one."""
    return Called(f"nn.{'Softshrink' if fields.get('bias') else 'Hardshrink'}({fields.get('lambd', 0.5)})")


def shrink_function(fields: Fields, _: Shape) -> Called:
    """The hard function, or the soft one."""
    return Called("", f"F.{'softshrink' if fields.get('bias') else 'hardshrink'}({{x}}, {fields.get('lambd', 0.5)})")


def _padding(fields: Fields, shape: Shape) -> str:
    """As PyTorch has it: before and after of the last axis first."""
    padding = fields["padding"]
    axes = padding if isinstance(padding, list) else [padding] * (len(shape) - 1)
    pairs = [tuple(amount) if isinstance(amount, list) else (amount, amount) for amount in axes]
    return str(tuple(amount for pair in reversed(pairs) for amount in pair))


def pad(name: str) -> Way:
    """A module of padding, whose name ends in its axes."""
    return lambda fields, shape: Called(f"{name}{_dimensions(shape)}({_padding(fields, shape)})")


def pad_function(fields: Fields, shape: Shape) -> Called:
    """The function."""
    return Called("", f"F.pad({{x}}, {_padding(fields, shape)}, mode={fields.get('mode', 'constant')!r})")


def recurrent(name: str) -> Way:
    """A recurrent module, whose states are dropped."""

    def way(fields: Fields, shape: Shape) -> Called:
        both = ", bidirectional=True" if fields.get("direction") == "bidirectional" else ""
        shown = f"nonlinearity={fields['activation']!r}, " if "activation" in fields else ""
        made = f"{name}({shape[-1]}, {fields['hidden_size']}, {shown}batch_first=True{_bias(fields)}{both})"
        return Called(made, "{m}({x})[0]")

    return way


def attention(fields: Fields, shape: Shape) -> Called:
    """Self-attention without its weights as a second output."""
    made = f"nn.MultiheadAttention({shape[-1]}, {fields['num_heads']}{_bias(fields)}, batch_first=True)"
    return Called(made, "{m}({x}, {x}, {x}, need_weights=False)[0]")


def scaled(fields: Fields, shape: Shape) -> Called:
    """A factor of the network for each channel, by the operator."""
    sizes = (shape[0], *(1 for _ in shape[1:]))
    return Called(f"nn.Parameter(torch.randn{sizes})", "{x} * {m}")


def scaled_by(template: str) -> Way:
    """The same by another call."""
    return lambda fields, shape: Called(scaled(fields, shape).made, template)


def reshape(template: str) -> Way:
    """Another shape behind the batch."""
    return lambda fields, _: Called("", template.replace("SIZES", ", ".join(map(str, fields["sizes"]))))


def permute(template: str) -> Way:
    """Other axes behind the batch."""
    return lambda fields, _: Called("", template.replace("AXES", ", ".join(str(axis + 1) for axis in fields["axes"])))


def sliced(fields: Fields, shape: Shape) -> Called:
    """Part of an axis."""
    before = ":, " * _axis(fields.get("axis", 0), shape)
    start, end, step = (fields.get(name, default) for name, default in (("start", 0), ("end", ""), ("step", 1)))
    return Called("", f"{{x}}[{before}{start}:{end}:{step}]")


def split(fields: Fields, shape: Shape) -> Called:
    """Parts by their size."""
    axis = fields.get("axis", 0)
    size = shape[axis] // fields["sections"]
    return Called("", f"torch.split({{x}}, {size}, {_axis(axis, shape)})[{fields['part']}]")


def chunk(fields: Fields, shape: Shape) -> Called:
    """Parts by how many there are."""
    return Called(
        "", f"torch.chunk({{x}}, {fields['sections']}, {_axis(fields.get('axis', 0), shape)})[{fields['part']}]"
    )


def affine(fields: Fields, _: Shape) -> Called:
    """A factor, an addend, or both, by operators."""
    product = f"{{x}} * {fields['factor']}" if "factor" in fields else "{x}"
    return Called("", f"{product} + {fields['addend']}" if "addend" in fields else product)


def activation(name: str, functions: Sequence[str], *taken: str) -> dict[str, Way]:
    """A module, the same with `inplace` where there is one, and functions of torch.nn.functional, torch and tensors."""
    ways = {f"nn.{name}": module(f"nn.{name}", *taken)}
    for called in functions:
        is_method = called.startswith("x.")
        ways[called] = function(f"{{x}}{called[1:]}()") if is_method else function_of(called, *taken)
    return ways
