"""Fully connected layers, on the last axis, and tables of vectors."""

from __future__ import annotations

from convcalc.imports.errors import Inexpressible
from convcalc.imports.keras.calls import LayerCall
from convcalc.imports.keras.layers.activations import activated
from convcalc.imports.layouts import OrderedTensor, as_it_lies


def _dense(call: LayerCall) -> OrderedTensor:
    x, bias = call.with_last(call.x), call.config.get("use_bias", "bias")
    fields = {"out_features": call.config.whole("units", "output_dim"), "bias": True if bias is None else bool(bias)}
    y = call.layer("linear", fields, x.draft, names={"weight": "kernel"})
    return activated(call, OrderedTensor(y, x.order))


def _einsum_dense(call: LayerCall) -> OrderedTensor:
    """A product over the last axes, as it is written in models of text: `abc,cd->abd`, `abc,cde->abde`."""
    x, config = call.with_last(call.x), call.config
    entering, _, leaving = config.text("equation").replace("...", "").replace(" ", "").partition("->")
    left, _, weight = entering.partition(",")
    shape = config.get("output_shape")
    sizes = shape if isinstance(shape, list) else [shape]
    summed = [letter for letter in weight if letter not in leaving]
    made = [letter for letter in weight if letter in leaving]
    as_dense = left.endswith("".join(summed)) and weight in ("".join([*summed, *made]), "".join([*made, *summed]))
    counts = [size for size in sizes[-len(made) :] if isinstance(size, int) and size > 0]
    if not summed or not as_dense or not leaving.endswith("".join(made)) or len(counts) != len(made):
        raise Inexpressible(f"the equation {config.text('equation')}")
    draft = call.in_order(x)
    kept = len(draft.shape) - len(summed)
    if len(summed) > 1:
        draft = call.builder.layer("flatten", {"start_axis": kept}, [draft], call.origins)
    features = 1
    for count in counts:
        features *= count
    biased = config.text("bias_axes")
    if biased and set(biased) != set(made):
        raise Inexpressible(f"a bias along {biased} alone")
    y = call.layer("linear", {"out_features": features, "bias": bool(biased)}, draft, names={"weight": "kernel"})
    return activated(call, as_it_lies(call.builder.reshaped(y, (*draft.shape[:kept], *counts), call.origins)))


def _embedding(call: LayerCall) -> OrderedTensor:
    fields = {
        "num_embeddings": call.config.whole("input_dim"),
        "embedding_dim": call.config.whole("output_dim"),
    }
    draft = call.layer("embedding", fields, call.in_order(), names={"weight": "embeddings"})
    return as_it_lies(draft)


RULES = {"Dense": _dense, "EinsumDense": _einsum_dense, "Embedding": _embedding}
