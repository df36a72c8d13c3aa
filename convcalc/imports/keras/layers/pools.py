"""Pools: under a window, over all positions, and in as many cells as asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from convcalc.imports.errors import Inexpressible
from convcalc.imports.keras.calls import LayerCall
from convcalc.imports.layouts import OrderedTensor


def _pool(call: LayerCall, kind: str, rank: int) -> OrderedTensor:
    config = call.config
    size = config.sizes("pool_size", "pool_length", rank=rank, default=2)
    stride = config.sizes("strides", "stride", rank=rank) if config.get("strides", "stride") is not None else size
    padding = config.text("padding", "border_mode", default="valid").lower()
    if padding not in ("same", "valid"):
        raise Inexpressible(f"padding {padding}")
    fields = {
        "kernel_size": call.over_lead(size, 1),
        "stride": call.over_lead(stride, 1),
        "padding": "same" if padding == "same" else 0,
    }
    if kind == "avg_pool":
        fields["count_include_pad"] = padding != "same"
    return call.from_map(call.layer(kind, fields, call.map(rank=rank)))


def _global(call: LayerCall, operation: str, rank: int) -> OrderedTensor:
    """The positions taken together; the leading axes, where there are any, stay."""
    x, keeps = call.map(rank=rank), call.config.flag("keepdims", False)
    if call.lead:
        axes = list(range(1 + call.lead, len(x.shape)))
        word = "mean" if operation == "avg" else "max"
        y = call.layer("reduce", {"axes": axes, "operation": word, "keepdim": keeps}, x)
    else:
        y = call.layer(f"global_{operation}_pool", {"keepdim": keeps}, x)
    return call.from_map(y)


def _adaptive(call: LayerCall, operation: str, rank: int) -> OrderedTensor:
    size = call.config.sizes("output_size", rank=rank)
    fields = {"output_size": call.over_lead(size, None)}
    return call.from_map(call.layer(f"adaptive_{operation}_pool", fields, call.map(rank=rank)))


def _rules() -> dict[str, Callable[[LayerCall], OrderedTensor]]:
    rules: dict[str, Callable[[LayerCall], OrderedTensor]] = {}
    for rank in (1, 2, 3):
        for word, short in (("Max", "max"), ("Average", "avg")):
            rules[f"{word}Pooling{rank}D"] = rules[f"{word}Pool{rank}D"] = partial(
                _pool, kind=f"{short}_pool", rank=rank
            )
            rules[f"Global{word}Pooling{rank}D"] = rules[f"Global{word}Pool{rank}D"] = partial(
                _global, operation=short, rank=rank
            )
            rules[f"Adaptive{word}Pooling{rank}D"] = partial(_adaptive, operation=short, rank=rank)
    return rules


RULES = _rules()
