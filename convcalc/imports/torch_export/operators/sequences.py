"""Attention, and recurrent layers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from convcalc.imports.errors import Inexpressible

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall


def _attention(given: TorchCall) -> None:
    inputs = [given.first(name) for name in ("query", "key", "value")]
    mask = given.tensor("attn_mask") or given.tensor("attn_bias")
    inputs += [mask] if mask else []
    scale = given.argument("scale")
    attributes = {"is_causal": int(given.flag("is_causal")), "scale": float(scale) if scale is not None else 0.0}
    given.leaves("torch.attention", *inputs, **attributes)


def _recurrent(given: TorchCall, kind: str) -> None:
    x = given.first("input", "data")
    if given.argument("batch_sizes") is not None:
        raise Inexpressible("sequences that are packed")
    outputs = [name if name and given.translation.is_read(name) else "" for name in given.operation.outputs]
    given.nodes(
        "torch.recurrent",
        [x, *given.tensors("params")],
        outputs,
        kind=kind,
        bidirectional=int(given.flag("bidirectional")),
        num_layers=given.integer("num_layers", 1),
        has_biases=int(given.flag("has_biases", True)),
        batch_first=int(given.flag("batch_first")),
    )


RULES = {
    **dict.fromkeys(
        (
            "scaled_dot_product_attention", "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_attention_math", "_scaled_dot_product_cudnn_attention",
        ),
        _attention,
    ),
    "lstm": partial(_recurrent, kind="lstm"),
    "gru": partial(_recurrent, kind="gru"),
    "rnn_tanh": partial(_recurrent, kind="rnn_tanh"),
    "rnn_relu": partial(_recurrent, kind="rnn_relu"),
}  # fmt: skip
