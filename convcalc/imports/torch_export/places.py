"""Where in a program PyTorch's operators are called, and by which function, from what the exporter writes of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from convcalc import steps
from convcalc.imports.spelling import CodePlace

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@", "neg": "-"}
"""What operators call; these are methods of tensors too."""

_REVERSED = {
    **{"__rsub__": "-", "__rdiv__": "/", "__rtruediv__": "/", "__pow__": "**", "__rpow__": "**", "__rmatmul__": "@"},
    "__getitem__": "x.__getitem__",
}

_OF_TORCH = {
    *("broadcast_tensors", "cartesian_prod", "cdist", "chain_matmul", "einsum", "meshgrid", "norm", "split"),
    *("stft", "istft", "tensordot", "unflatten", "unique", "unique_consecutive"),
}
"""Functions written in Python that are not those of torch.nn.functional."""

_OF_FUNCTIONAL = {
    *("adaptive_avg_pool1d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "bilinear", "channel_shuffle"),
    *("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    *(
        "cosine_similarity",
        "gelu",
        "hardshrink",
        "linear",
        "logsigmoid",
        "one_hot",
        "pairwise_distance",
        "pixel_shuffle",
    ),
    *("pixel_unshuffle", "prelu", "scaled_dot_product_attention", "softplus", "softshrink"),
    *("celu_", "elu_", "hardtanh_", "leaky_relu_", "rrelu_", "selu_", "threshold_"),
}
"""Functions that are not written in Python and that programs know from torch.nn.functional."""

_WITHIN = {
    "linear": "F.linear",
    "scaled_dot_product_attention": "F.scaled_dot_product_attention",
    "softmax": "F.softmax",
    "bmm": "torch.bmm",
    "baddbmm": "torch.baddbmm",
}
"""What multi_head_attention_forward calls in turn, by the operator."""


def place_of(metadata: Mapping[str, Any], target: str) -> CodePlace | None:
    """Where an operator is called; None where nothing is written of it. Which modules call others is not yet known."""
    stack = metadata.get("nn_module_stack")
    if not isinstance(stack, str) or not stack:
        return None
    call, _, rest = stack.rpartition(";")[2].partition(",")
    path, _, module = rest.partition(",")
    function = metadata.get("torch_fn")
    trace = metadata.get("stack_trace")
    line = trace.rstrip().rpartition("\n")[2].strip() if isinstance(trace, str) else ""
    steps.spend(len(line) // 32)
    word = target.removeprefix("torch.ops.aten.").partition(".")[0]
    return CodePlace(
        path=".".join(part for part in path.split(".") if "@" not in part),
        call=call,
        module=module.removeprefix("<class '").removesuffix("'>"),
        function=function_of(function, line, word) if isinstance(function, str) else "",
    )


def function_of(function: str, line: str, operator: str) -> str:
    """What is called, as a spec has it, from the exporter's words ("relu_1;function.relu") and the line of the program.

    A method of a tensor that an operator stands for as well is taken for the operator, unless the line has the method.
    """
    how, _, name = function.partition(";")[2].partition(".")
    if not name.replace("_", "").isalnum():
        return ""
    if name in _REVERSED:
        return _REVERSED[name]
    if name == "multi_head_attention_forward":
        return _WITHIN.get(operator, "")
    is_method = re.search(rf"(?<!torch)(?<!\bF)\.{name}\(", line) is not None
    bare = name.rstrip("_")
    if how == "method_descriptor" or (how == "function" and bare in _OPERATORS):
        return f"x.{name}" if is_method or bare not in _OPERATORS else _OPERATORS[bare]
    if how == "builtin_function_or_method":
        return f"F.{name}" if name in _OF_FUNCTIONAL else f"torch.{name}"
    if how == "function":
        return f"F.{name}" if name not in _OF_TORCH else f"x.{name}" if is_method else f"torch.{name}"
    return ""
