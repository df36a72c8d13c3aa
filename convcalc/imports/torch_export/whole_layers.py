"""What PyTorch has as one operator and ONNX has not: adaptive pools, attention, recurrent layers of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.values import Call, Value, viewed

Layer = Callable[[Call], Value | list[Value]]


def _adaptive_pool(call: Call) -> Value:
    cells = tuple(cell or None for cell in call.attributes.integers("cells") or [])
    return call.out(call.layer(call.attributes.text("kind"), {"output_size": cells}, call.map()))


def _attention(call: Call) -> Value:
    """Scores of all queries and keys, their shares, and the values by these; a mask is added or chosen by."""
    values = call.values()
    shape = values[0].shape
    batch = 0 if len(shape) > 2 and shape[0] == 1 else None
    rank = len(shape)
    inputs = [viewed(call.builder, value, batch, rank) for value in values]
    fields: dict[str, Any] = {}
    if call.flag("is_causal"):
        fields["is_causal"] = True
    scale = call.attributes.real("scale")
    if scale and abs(scale - shape[-1] ** -0.5) > 1e-6 * scale:
        fields["scale"] = float(f"{scale:.7g}")
    return call.out(call.layer("scaled_dot_product_attention", fields, *inputs), batch)


def _recurrent(call: Call) -> list[Value]:
    """Layers one behind the other, each from one end or from both."""
    kind, ways = call.attributes.text("kind"), 2 if call.flag("bidirectional") else 1
    count, has_bias = call.attributes.integer("num_layers", 1), call.flag("has_biases", 1)
    batch_first = call.flag("batch_first")
    value = call.value(0)
    if len(value.shape) != 3 or value.shape[0 if batch_first else 1] != 1:
        raise Inexpressible(f"a tensor of shape {list(value.shape)}, where one sequence is expected")
    batch = 0 if batch_first else 1
    x = viewed(call.builder, value, batch)
    arrays = [call.constant(place, "weights") for place in range(1, len(call.inputs))]
    each_way = 4 if has_bias else 2
    if len(arrays) != count * ways * each_way:
        raise Inexpressible(f"{len(arrays)} arrays of weights for {count} layers")
    names = (*call.node.outputs, "", "")
    if names[2]:
        raise Inexpressible("the last cell state is read")
    lasts: list[Draft] = []
    for layer in range(count):
        own = arrays[layer * ways * each_way : (layer + 1) * ways * each_way]
        x = _single(call, kind, x, [own[way * each_way : (way + 1) * each_way] for way in range(ways)])
        lasts += _last(call, x, ways) if names[1] else []
    if not lasts:
        return [call.out(x, batch)]
    last = lasts[0] if len(lasts) == 1 else call.layer("concat", {"axis": 0}, *lasts)
    return [call.out(x, batch), Value((len(lasts), 1, last.shape[-1]), last, 1, None, call.element_type)]


def _single(call: Call, kind: str, x: Draft, arrays: list[list[Constant]]) -> Draft:
    """One layer, with its arrays for each way."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: len(arrays[0])]
    hidden = arrays[0][1].shape[-1]
    gates = {"lstm": 4, "gru": 3}.get(kind, 1)
    if arrays[0][0].shape != (gates * hidden, x.shape[-1]):
        raise Inexpressible(f"weights of shape {list(arrays[0][0].shape)} for {x.shape[-1]} features")
    joined = {
        name: Constant(
            (len(arrays), *arrays[0][place].shape), 1, None, tuple(own for way in arrays for own in way[place].made_of)
        )
        for place, name in enumerate(names)
    }
    fields: dict[str, Any] = {
        "hidden_size": hidden,
        "direction": "bidirectional" if len(arrays) > 1 else "forward",
        "bias": len(names) > 2,
    }
    if kind == "rnn_relu":
        fields["activation"] = "relu"
    return call.layer("rnn" if kind.startswith("rnn") else kind, fields, x, arrays=joined)


def _last(call: Call, x: Draft, ways: int) -> list[Draft]:
    """The hidden state behind the last step, of each way: that of the first position, backwards."""
    parts = []
    for way in range(ways):
        of_way = x if ways == 1 else call.layer("split", {"sections": ways, "part": way, "axis": -1}, x)
        place = {"start": x.shape[0] - 1} if way == 0 else {"start": 0, "end": 1}
        parts.append(call.layer("slice", {"axis": 0, **place}, of_way) if x.shape[0] > 1 else of_way)
    return parts


LAYERS: dict[str, Layer] = {
    "torch.adaptive_pool": _adaptive_pool,
    "torch.attention": _attention,
    "torch.recurrent": _recurrent,
}
"""By the type of the node that stands for it."""
