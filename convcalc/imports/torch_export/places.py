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
    "__rsub__": "-",
    "__rdiv__": "/",
    "__rtruediv__": "/",
    "__pow__": "**",
    "__rpow__": "**",
    "__rmatmul__": "@",
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
    called, trace = metadata.get("torch_fn"), metadata.get("stack_trace")
    line = trace.rstrip().rpartition("\n")[2].strip() if isinstance(trace, str) else ""
    steps.spend(len(line) // 32)
    word = target.removeprefix("torch.ops.aten.").partition(".")[0]
    function, is_taken = function_of(called, line, word) if isinstance(called, str) else ("", False)
    return CodePlace(
        path=".".join(part for part in path.split(".") if "@" not in part),
        call=call,
        module=module.removeprefix("<class '").removesuffix("'>"),
        function=function,
        is_taken=is_taken,
    )


def function_of(function: str, line: str, operator: str) -> tuple[str, bool]:
    """What is called, as a spec has it, from the exporter's words ("relu_1;function.relu") and the line of the program.

    Beside it, whether that is taken, as it may be another: an operator and the method that it stands for are one to the
    exporter, and the line may have neither.
    """
    how, _, name = function.partition(";")[2].partition(".")
    if not name.replace("_", "").isalnum():
        return "", False
    if name in _REVERSED:
        return _REVERSED[name], False
    if name == "multi_head_attention_forward":
        return _WITHIN.get(operator, ""), False
    is_method = re.search(rf"(?<!torch)(?<!\bF)\.{name}\(", line) is not None
    if how == "method_descriptor" or (how == "function" and name in _OPERATORS):
        sign = _OPERATORS.get(name.rstrip("_"), "")
        if is_method or not sign:
            return f"x.{name}", False
        return (sign, False) if sign in line else (f"x.{name}" if name == "matmul" else sign, True)
    if how == "builtin_function_or_method":
        return f"F.{name}" if name in _OF_FUNCTIONAL else f"torch.{name}", False
    if how == "function":
        return f"F.{name}" if name not in _OF_TORCH else f"x.{name}" if is_method else f"torch.{name}", False
    return "", False
