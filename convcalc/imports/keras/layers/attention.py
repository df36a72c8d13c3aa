"""Attention: with heads and projections of its own, or of what enters as it is."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.keras.calls import LayerCall
from convcalc.imports.layouts import OrderedTensor, as_it_lies


def _entering(call: LayerCall, order: Sequence[str]) -> list[OrderedTensor]:
    """Query, value and key, in whichever order, by place or by name; the key is the value where it is not given."""
    first = call.arguments[0] if call.arguments else None
    by_place = [*first, *call.arguments[1:]] if isinstance(first, list) else call.arguments
    entering = [*zip(order, by_place, strict=False), *call.keywords.items()]
    tensors = {name: value for name, value in entering if isinstance(value, OrderedTensor)}
    if "query" not in tensors or "value" not in tensors:
        raise Inexpressible("it is called without a query or a value")
    return [tensors["query"], tensors["value"], tensors.get("key", tensors["value"])]


def _masks(call: LayerCall) -> bool:
    return call.keywords.get("use_causal_mask") is True or call.config.flag("causal", False)


class _Heads:
    """Attention whose heads are projected from what enters, on tokens that are one axis."""

    def __init__(self, call: LayerCall) -> None:
        self.call = call
        self.query, self.value, self.key = _entering(call, ("query", "value", "key"))
        for tensor in (self.query, self.value, self.key):
            call.check_rank(tensor, 2)
        axes = call.config.get("attention_axes")
        if axes is not None and [call.axis(axis, len(self.query.order)) for axis in _list(axes)] != [call.lead]:
            raise Inexpressible(f"attention_axes {axes}")
        self.bias = call.config.flag("use_bias", True)
        if call.config.get("output_shape") is not None and not isinstance(call.config.get("output_shape"), list):
            self.features = call.config.whole("output_shape")
        else:
            stated = call.config.get("output_shape")
            self.features = prod(stated) if stated else self.query.shape[-1]

    def projected(self, tensor: OrderedTensor, heads: int, size: int, name: str) -> Draft:
        """What enters as heads of tokens and features."""
        x = self.call.in_order(tensor)
        y = self.call.layer(
            "linear", {"out_features": heads * size, "bias": self.bias}, x, names={"weight": "kernel"}, within=name
        )
        parts = self.call.builder.reshaped(y, (*y.shape[:-1], heads, size), self.call.origins)
        rank = len(parts.shape)
        axes = (*range(rank - 3), rank - 2, rank - 3, rank - 1)
        return self.call.layer("permute", {"axes": axes}, parts)

    def attended(self, heads: int, shared: int, size: int, value_size: int) -> OrderedTensor:
        """The heads, which look at as many or fewer of keys and values, put together and projected once more."""
        call = self.call
        query = self.projected(self.query, heads, size, "query")
        key = self.projected(self.key, shared, size, "key")
        value = self.projected(self.value, shared, value_size, "value")
        kept = {"is_causal": True} if _masks(call) else {}
        y = call.layer("scaled_dot_product_attention", kept, query, key, value)
        rank = len(y.shape)
        y = call.layer("permute", {"axes": (*range(rank - 3), rank - 2, rank - 3, rank - 1)}, y)
        y = call.builder.reshaped(y, (*y.shape[:-2], heads * value_size), call.origins)
        fields = {"out_features": self.features, "bias": self.bias}
        return as_it_lies(call.layer("linear", fields, y, names={"weight": "kernel"}, within="attention_output"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _multi_head(call: LayerCall) -> OrderedTensor:
    """As one layer where it attends to itself, its heads are parts of the features, and nothing is masked."""
    heads, size = call.config.whole("num_heads"), call.config.whole("key_dim")
    value_size = call.config.whole("value_dim", default=size)
    attention = _Heads(call)
    query = attention.query
    is_self = query is attention.key or (query.draft is attention.key.draft and query.order == attention.key.order)
    is_self = is_self and attention.value.draft is query.draft
    fits = heads * size == query.shape[-1] == attention.features and value_size == size
    if is_self and fits and not _masks(call) and not _scores_leave(call):
        x = call.in_order(query)
        return as_it_lies(call.layer("attention", {"num_heads": heads, "bias": attention.bias}, x))
    if _scores_leave(call):
        raise Inexpressible("the scores of an attention leave it")
    return attention.attended(heads, heads, size, value_size)


def _scores_leave(call: LayerCall) -> bool:
    return call.keywords.get("return_attention_scores") is True


def _grouped(call: LayerCall) -> OrderedTensor:
    heads, shared = call.config.whole("num_query_heads"), call.config.whole("num_key_value_heads")
    size = call.config.whole("head_dim")
    if _scores_leave(call):
        raise Inexpressible("the scores of an attention leave it")
    return _Heads(call).attended(heads, shared, size, size)


def _plain(call: LayerCall) -> OrderedTensor:
    """The products of query and key as weights of the values, without projections."""
    if _scores_leave(call):
        raise Inexpressible("the scores of an attention leave it")
    query, value, key = (call.in_order(tensor) for tensor in _entering(call, ("query", "value", "key")))
    if len(query.shape) < 2:
        raise Inexpressible("a query of one axis")
    if call.config.text("score_mode", default="dot") == "concat":
        return _added(call, query, value, key, call.parameter("concat_score_weight", (1,)))
    rank = len(key.shape)
    turned = call.layer("permute", {"axes": (*range(rank - 2), rank - 1, rank - 2)}, key)
    scores = call.layer("matmul", {}, query, turned)
    if call.config.flag("use_scale", False):
        scores = call.layer("mul", {}, scores, call.parameter("scale", (1,) * len(scores.shape)))
    weights = call.layer("softmax", {"axis": -1}, scores)
    return as_it_lies(call.layer("matmul", {}, weights, value))


def _additive(call: LayerCall) -> OrderedTensor:
    """The sums of query and key, behind tanh, weighed by one learned number a feature."""
    query, value, key = (call.in_order(tensor) for tensor in _entering(call, ("query", "value", "key")))
    scale = call.parameter("scale", (1, 1, query.shape[-1])) if call.config.flag("use_scale", True) else None
    return _added(call, query, value, key, scale)


def _added(call: LayerCall, query: Draft, value: Draft, key: Draft, scale: Draft | None) -> OrderedTensor:
    if len(query.shape) != 2 or call.lead:
        raise Inexpressible(f"a query of shape {list(query.shape)}")
    rows = call.builder.reshaped(query, (query.shape[0], 1, query.shape[1]), call.origins)
    columns = call.builder.reshaped(key, (1, *key.shape), call.origins)
    bent = call.layer("tanh", {}, call.layer("add", {}, rows, columns))
    if scale is not None and len(scale.shape) == 3:
        bent = call.layer("mul", {}, bent, scale)
    scores = call.layer("reduce", {"axes": [2], "operation": "sum"}, bent)
    if scale is not None and len(scale.shape) == 1:
        scores = call.layer("mul", {}, scores, call.builder.reshaped(scale, (1, 1), call.origins))
    weights = call.layer("softmax", {"axis": -1}, scores)
    return as_it_lies(call.layer("matmul", {}, weights, value))


RULES = {
    "MultiHeadAttention": _multi_head,
    "GroupedQueryAttention": _grouped,
    "GroupQueryAttention": _grouped,
    "Attention": _plain,
    "AdditiveAttention": _additive,
}
