"""Convolutions, dense layers and products of matrices."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from convcalc.imports.errors import Inexpressible

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall


def _conv(given: TorchCall, transposed: bool | None = None) -> None:
    x, weight, bias = given.first("input", "self"), given.first("weight"), given.tensor("bias")
    filters = given.shape(weight)
    rank = len(filters) - 2
    transposed = given.flag("transposed") if transposed is None else transposed
    attributes: dict[str, Any] = {
        "kernel_shape": list(filters[2:]),
        "strides": given.per_axis("stride", rank, 1),
        **_padding(given, rank),
        "dilations": given.per_axis("dilation", rank, 1),
        "group": given.integer("groups", 1),
    }
    if transposed:
        attributes["output_padding"] = given.per_axis("output_padding", rank, 0)
    op = "ConvTranspose" if transposed else "Conv"
    inputs = [weight, bias] if bias else [weight]
    batched(given, op, x, inputs, rank + 2, attributes)


_WORDS = {"same": "SAME_UPPER", "valid": "VALID"}
"""What keeps the size, an odd position of it at the end, and nothing; tools that count go by the word."""


def _padding(given: TorchCall, rank: int) -> dict[str, Any]:
    """What is added on both sides."""
    word = given.argument("padding")
    if isinstance(word, str) and word in _WORDS:
        return {"auto_pad": _WORDS[word]}
    return {"pads": given.per_axis("padding", rank, 0) * 2}


def batched(given: TorchCall, op: str, x: str, inputs: list[str], rank: int, attributes: dict[str, Any]) -> None:
    """A node on a batch of maps; a single map has one put before it, and taken away behind."""
    own = given.rank(x)
    if own == rank:
        given.leaves(op, x, *inputs, **attributes)
    elif own == rank - 1:
        axes = given.constant([0])
        y = given.node(op, given.node("Unsqueeze", x, axes), *inputs, **attributes)
        given.leaves("Squeeze", y, axes)
    else:
        raise Inexpressible(f"a tensor of {own} axes")


def _linear(given: TorchCall) -> None:
    x, weight, bias = given.first("input", "self"), given.first("weight"), given.tensor("bias")
    if given.rank(x) == 2:
        given.leaves("Gemm", x, weight, *([bias] if bias else []), transB=1)
        return
    turned = given.node("Transpose", weight, perm=[1, 0])
    if not bias:
        given.leaves("MatMul", x, turned)
        return
    given.leaves("Add", given.node("MatMul", x, turned), bias)


def _addmm(given: TorchCall) -> None:
    inputs = given.first("mat1"), given.first("mat2"), given.x
    given.leaves("Gemm", *inputs, alpha=given.real("alpha", 1.0), beta=given.real("beta", 1.0))


def _product(given: TorchCall, names: tuple[str, str]) -> None:
    given.leaves("MatMul", given.first(names[0]), given.first(names[1]))


def _baddbmm(given: TorchCall) -> None:
    product = given.node("MatMul", given.first("batch1"), given.first("batch2"))
    alpha, beta = given.real("alpha", 1.0), given.real("beta", 1.0)
    if alpha != 1:
        product = given.node("Mul", product, given.scalar(alpha))
    if beta == 0:
        given.leaves("Identity", product)
        return
    added = given.x if beta == 1 else given.node("Mul", given.x, given.scalar(beta))
    given.leaves("Add", product, added)


def _einsum(given: TorchCall) -> None:
    given.leaves("Einsum", *given.tensors("tensors"), equation=given.text("equation"))


def _outer(given: TorchCall) -> None:
    column = given.node("Unsqueeze", given.x, given.constant([1]))
    given.leaves("Mul", column, given.node("Unsqueeze", given.first("vec2"), given.constant([0])))


def _deform_conv(given: TorchCall) -> None:
    x, weight, offset = given.x, given.first("weight"), given.first("offset")
    filters = given.shape(weight)
    pairs = {
        name: [given.integer(f"{stated}_h", default), given.integer(f"{stated}_w", default)]
        for name, stated, default in (("strides", "stride", 1), ("pads", "pad", 0), ("dilations", "dilation", 1))
    }
    inputs = [x, weight, offset, given.tensor("bias")]
    inputs += [given.tensor("mask")] if given.flag("use_mask") else []
    pairs["pads"] *= 2
    shape = {"kernel_shape": list(filters[2:]), "group": given.integer("groups", 1)}
    given.leaves("DeformConv", *inputs, offset_group=given.integer("offset_groups", 1), **shape, **pairs)


RULES = {
    **{f"conv{rank}d": partial(_conv, transposed=False) for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": partial(_conv, transposed=True) for rank in (1, 2, 3)},
    **dict.fromkeys(("convolution", "_convolution", "mkldnn_convolution"), _conv),
    "linear": _linear,
    "addmm": _addmm,
    "mm": partial(_product, names=("self", "mat2")),
    "bmm": partial(_product, names=("self", "mat2")),
    "matmul": partial(_product, names=("self", "other")),
    "mv": partial(_product, names=("self", "vec")),
    "dot": partial(_product, names=("self", "tensor")),
    "baddbmm": _baddbmm,
    "einsum": _einsum,
    "outer": _outer,
    "torchvision.deform_conv2d": _deform_conv,
}
