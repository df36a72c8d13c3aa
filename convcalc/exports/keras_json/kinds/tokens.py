"""What works on the last axis a spec has, or lays axes out anew; and recurrent layers."""

from __future__ import annotations

from typing import Any

from convcalc.exports.keras_json.graph import CannotSay, KerasTensor
from convcalc.exports.keras_json.site import KerasWriter, LayerSite, Layout


def linear(site: LayerSite) -> KerasTensor:
    """On the last axis."""
    return site.layer("Dense", units=site.config.out_features, use_bias=site.config.bias)


def embedding(site: LayerSite) -> KerasTensor:
    """Vectors are a last axis."""
    config = site.config
    return site.layer("Embedding", input_dim=config.num_embeddings, output_dim=config.embedding_dim, is_last=False)


def identity(site: LayerSite) -> KerasTensor:
    """Another name."""
    return site.layer("Identity")


def flatten(site: LayerSite) -> KerasTensor:
    """All axes as they lie in Keras: what is learned behind it has another order than with channels first."""
    if len(site.shape) == 1:
        return site.layer("Flatten", is_last=False)
    x = site.graph.turned(site.x, is_last=False, name=site.own_name)
    return site.layer("Reshape", x, target_shape=list(site.shape))


def reshape(site: LayerSite) -> KerasTensor:
    """In a spec's order; a vector that becomes a map of one position is one of Keras at once."""
    if len(site.shape) > 1 and set(site.shape[1:]) == {1} and (site.rank == 0 or set(site.x.shape[1:]) == {1}):
        return site.layer("Reshape", is_last=True, target_shape=[*site.shape[1:], site.shape[0]])
    x = site.graph.turned(site.x, is_last=False, name=site.own_name)
    return site.layer("Reshape", x, is_last=False, target_shape=list(site.shape))


def permute(site: LayerSite) -> KerasTensor:
    """Axes counted from 1."""
    axes = [axis % len(site.x.shape) + 1 for axis in site.config.axes]
    return site.layer("Permute", dims=axes)


def channel_shuffle(site: LayerSite) -> KerasTensor:
    """Groups laid out, turned, and laid together."""
    groups, (channels, *sizes) = site.config.groups, site.shape
    rank = len(sizes)
    apart = (*sizes, groups, channels // groups)
    laid = site.beside("Reshape", "groups", site.x, apart, is_last=False, target_shape=list(apart))
    turned = (*sizes, channels // groups, groups)
    dims = [*range(1, rank + 1), rank + 2, rank + 1]
    dealt = site.beside("Permute", "deal", laid, turned, is_last=False, dims=dims)
    return site.layer("Reshape", dealt, is_last=True, target_shape=[*sizes, channels])


def attention(site: LayerSite) -> KerasTensor:
    """Of tokens with themselves."""
    config = site.config
    if site.rank != 1:
        raise CannotSay("Keras attends over all axes before the features, and here are several")
    stated = {"num_heads": config.num_heads, "key_dim": site.x.shape[-1] // config.num_heads, "use_bias": config.bias}
    return site.graph.call("MultiHeadAttention", site.name, [site.x, site.x], site.shape, **stated)


def _recurrent(class_name: str, usual: tuple[object, ...], site: LayerSite, **more: Any) -> KerasTensor:
    config = site.config
    if site.rank != 1 or len(site.entering) > 1:
        raise CannotSay("Keras has samples of steps alone, and states are no tensors of a config")
    if config.clip is not None or config.functions() != usual:
        raise CannotSay("its functions of a step are not the usual ones, or clipped")
    if config.output == "with_cell" or (config.direction == "reverse" and config.output == "sequence"):
        raise CannotSay("Keras gives no cell state behind the steps, and steps from the end in that order")
    stated = {
        "units": config.hidden_size,
        "use_bias": config.bias,
        "return_sequences": config.output == "sequence",
        "go_backwards": config.direction == "reverse",
        **more,
    }
    if config.ways == 1:
        return site.layer(class_name, is_last=False, **stated)
    inner = {"module": "keras.layers", "class_name": class_name, "registered_name": None}
    layer = {**inner, "config": {"name": f"{site.name}_{class_name.lower()}", **stated}}
    return site.layer("Bidirectional", is_last=False, merge_mode="concat", layer=layer)


def lstm(site: LayerSite) -> KerasTensor:
    """With the one bias that Keras has."""
    config = site.config
    if config.peephole or config.input_forget:
        raise CannotSay("Keras has no peepholes, and no forget gate that is made of the input gate")
    _refuse_second_bias(site)
    return _recurrent("LSTM", config.usual, site)


def gru(site: LayerSite) -> KerasTensor:
    """With two biases where the reset gate weighs what is made of the state, and else with one."""
    config = site.config
    if config.bias and config.recurrent_bias != config.reset_after:
        raise CannotSay("Keras has two biases where its reset gate comes after the product, and else one")
    return _recurrent("GRU", config.usual, site, reset_after=config.reset_after)


def rnn(site: LayerSite) -> KerasTensor:
    """With the one bias that Keras has."""
    _refuse_second_bias(site)
    return _recurrent("SimpleRNN", site.config.usual, site)


def _refuse_second_bias(site: LayerSite) -> None:
    if site.config.bias and site.config.recurrent_bias:
        raise CannotSay("Keras has one bias in a gate, and here are two (recurrent_bias: false is one)")


def reduce(site: LayerSite) -> KerasTensor:
    """All positions of a map."""
    config, rank = site.config, site.rank
    names = {"mean": "Average", "max": "Max"}
    axes = {axis % len(site.x.shape) for axis in config.axes}
    if config.operation not in names or axes != set(range(1, rank + 1)) or rank not in (1, 2, 3):
        raise CannotSay("Keras has layers for the mean and the largest of all positions alone")
    return site.layer(f"Global{names[config.operation]}Pooling{rank}D", keepdims=config.keepdim)


KINDS: dict[str, tuple[Layout, KerasWriter]] = {
    "attention": ("first", attention),
    "channel_shuffle": ("last", channel_shuffle),
    "embedding": ("first", embedding),
    "flatten": ("any", flatten),
    "gru": ("first", gru),
    "identity": ("any", identity),
    "linear": ("first", linear),
    "lstm": ("first", lstm),
    "permute": ("first", permute),
    "reduce": ("last", reduce),
    "reshape": ("any", reshape),
    "rnn": ("first", rnn),
}
