"""Attention, and recurrent layers."""

from __future__ import annotations

from convcalc.exports.pytorch.layer import LayerCode, TorchSite, Unsayable, Writer, function, number, own, x, y
from convcalc.exports.pytorch.syntax import EnteringTensor, Expression, call, joined, method


def attention(site: TorchSite) -> LayerCode:
    """Torch's takes samples of tokens; axes before these are laid together with the batch."""
    sizes = number(site.x[-1], "embed_dim"), number(site.config.num_heads, "num_heads")
    made = call("nn.MultiheadAttention", *sizes, bias=number(site.config.bias, "bias", True), batch_first="True")
    tokens: Expression = x if site.rank == 1 else method(x, "flatten", "0", "-3")
    attended: Expression = joined(call(own, tokens, tokens, tokens, need_weights="False"), "[0]")
    if site.rank > 1:
        attended = method(attended, "reshape", joined(x, ".shape"))
    return LayerCode(attended, {"": made})


def scaled_dot_product_attention(site: TorchSite) -> LayerCode:
    """The same in torch, but for what it has no words for."""
    config, (query, key, _, *mask) = site.config, site.shapes
    if config.softcap:
        raise Unsayable("torch holds no scores within bounds")
    if config.left_window is not None or config.right_window is not None:
        raise Unsayable("torch has no windows of keys")
    if config.is_causal and (config.offset or mask):
        raise Unsayable("torch's is_causal begins at the first key, and goes with no mask")
    fields: dict[str, Expression] = {}
    if mask:
        fields["attn_mask"] = EnteringTensor(3)
    fields["is_causal"] = number(config.is_causal, "is_causal", False)
    if config.scale:
        fields["scale"] = number(config.scale, "scale")
    if len(query) > 2 and query[-3] != key[-3] and key[-3] != 1:
        fields["enable_gqa"] = "True"
    return function(call("F.scaled_dot_product_attention", x, y, EnteringTensor(2), **fields))


def _recurrent(name: str, site: TorchSite, usual: tuple[object, ...], **more: Expression) -> LayerCode:
    config = site.config
    if len(site.x) != 2:
        raise Unsayable("torch has one axis of samples before the steps, and here are more axes")
    if len(site.shapes) > 1 and config.ways == 2:
        raise Unsayable("its states have both directions end to end, where torch has them apart")
    if config.clip is not None or config.functions() != usual:
        raise Unsayable("torch has the usual functions of a step alone, and no clip")
    if config.bias and not config.recurrent_bias:
        raise Unsayable("torch has two biases in every gate, or none")
    sizes = number(site.x[-1], "input_size"), number(config.hidden_size, "hidden_size")
    both = number(config.ways == 2, "bidirectional", False)
    made = call(name, *sizes, bias=number(config.bias, "bias", True), batch_first="True", bidirectional=both, **more)
    entered: Expression = method(x, "flip", "1") if config.direction == "reverse" else x
    states: list[Expression] = [method(EnteringTensor(place), "unsqueeze", "0") for place in range(1, len(site.shapes))]
    if len(states) == 1 and name == "nn.LSTM":
        states.append(call("torch.zeros_like", states[0]))
    if len(states) > 1:
        states = [joined("(", states[0], ", ", states[1], ")")]
    steps = call(own, entered, *states)
    return LayerCode(_returned(site, steps, cells=name == "nn.LSTM"), {"": made})


def _returned(site: TorchSite, steps: Expression, *, cells: bool) -> Expression:
    """What leaves of all hidden states and the last ones."""
    config = site.config
    if config.output == "sequence":
        sequence = joined(steps, "[0]")
        return method(sequence, "flip", "1") if config.direction == "reverse" else sequence
    if config.output == "with_cell":
        raise Unsayable("the last cell state leaves behind the hidden states, which torch has apart")
    last = joined(steps, "[1][0]" if cells else "[1]")
    return method(method(last, "transpose", "0", "1"), "flatten", "1") if config.ways == 2 else joined(last, "[-1]")


def lstm(site: TorchSite) -> LayerCode:
    """One layer of torch's."""
    config = site.config
    if config.peephole or config.input_forget:
        raise Unsayable("torch has no peepholes, and no forget gate that is made of the input gate")
    return _recurrent("nn.LSTM", site, config.usual)


def gru(site: TorchSite) -> LayerCode:
    """One layer of torch's, whose reset gate weighs what is made of the state."""
    if not site.config.reset_after:
        raise Unsayable("torch's reset gate weighs what is made of the state, not the state")
    return _recurrent("nn.GRU", site, site.config.usual)


def rnn(site: TorchSite) -> LayerCode:
    """One layer of torch's, which has two functions."""
    return _recurrent("nn.RNN", site, site.config.usual)


KINDS: dict[str, Writer] = {
    "attention": attention,
    "gru": gru,
    "lstm": lstm,
    "rnn": rnn,
    "scaled_dot_product_attention": scaled_dot_product_attention,
}
