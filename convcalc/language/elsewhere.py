"""What other frameworks call things, and what to write here: tables, and how they are looked up.

The words are those of PyTorch, Keras, TensorFlow, ONNX, Caffe and Darknet. Each line has what to write first, and
behind it the words that are answered so. None of them is a way to write anything: they are for messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache


def _by_word(answers: Mapping[str, str]) -> dict[str, str]:
    return {word: answer for answer, words in answers.items() for word in words.split()}


KINDS = _by_word(
    {
        "add": "plus addition",
        "attention": "mha multiheadattention selfattention",
        "avg_pool": "averagepool averagepooling avgpooling meanpool",
        "basic_block": "residualblock resblock resnetblock",
        "batch_norm": "bn batchnormalization batchnormalisation batchnormalize syncbatchnorm frozenbatchnorm",
        "channel_shuffle": "shufflechannel shuffle",
        "concat": "cat concatenate join",
        "conv": "convolution convolutional conv3x3 conv5x5 conv7x7",
        "conv_bn_relu": "convbn cbr convnormact convnormactivation",
        "conv_transpose": "deconv deconvolution upconv transposeconv transposedconv convtransposed",
        "crop": "cropping centercrop",
        "depthwise_conv": "dwconv",
        "div": "divide division",
        "dropout": "droppath dropblock stochasticdepth alphadropout spatialdropout",
        "global_avg_pool": "gap globalaveragepool globalaveragepooling globalavgpooling",
        "global_max_pool": "gmp globalmaxpooling",
        "group_norm": "gn groupnormalization",
        "hard_sigmoid": "hsigmoid",
        "hard_swish": "hswish",
        "identity": "noop passthrough",
        "instance_norm": "instancenormalization",
        "inverted_residual": "invertedbottleneck",
        "l2_norm": "normalize l2normalize unitnormalization",
        "layer_norm": "ln layernormalization",
        "leaky_relu": "leaky lrelu",
        "linear": "dense fc fullyconnected innerproduct gemm",
        "local_response_norm": "lrn",
        "max_pool": "maxpooling",
        "mul": "multiply multiplication",
        "pad": "padding zeropad zeropadding reflectionpad replicationpad constantpad",
        "permute": "transpose",
        "pixel_shuffle": "depthtospace subpixel",
        "pixel_unshuffle": "spacetodepth",
        "pointwise_conv": "pwconv conv1x1",
        "reduce": "reducemean reducesum reducemax mean",
        "reshape": "view squeeze unsqueeze expanddims",
        "separable_conv": "sepconv separableconvolution",
        "silu": "swish",
        "split": "chunk tensorsplit",
        "squeeze_excite": "se seblock selayer semodule squeezeexcitation squeezeandexcitation",
        "sub": "subtract",
        "upsample": "resize interpolate upsampling",
    }
)
"""Kinds and blocks by what they are called elsewhere, squashed."""

NO_KINDS = _by_word(
    {
        "write the activation itself: `- relu`": "activation act nonlinearity",
        "write the pool that it is: `- max_pool: 2` or `- avg_pool: 2`": "pool pooling",
        "write the pool that it is: `- global_avg_pool` or `- global_max_pool`": "globalpool globalpooling",
        "write the norm that it is: `- batch_norm`, layer_norm, group_norm or instance_norm": "norm normalization",
        "write what it does: `- add: {from: [a, b]}`, mul or concat": "merge eltwise elementwise",
        "layers run in the order of the list: write them one behind the other, or give them a name under `blocks`": (
            "sequential modulelist block layers stage"
        ),
        "write `- add: {branches: [[], [...]]}`: [] is the identity, beside it the layers that are gone around": (
            "residual skip shortcut skipconnection residualconnection"
        ),
        "write `- concat: {from: [a, b]}`; any layer reads another one than that before it by `from`": "route",
        "write `- concat: {branches: [[...], [...]]}`, add or mul: what they become is said by the merge": (
            "branch branches parallel"
        ),
        "a layer has `repeat`: `- relu: {repeat: 3}`; several together are a block, under `blocks`": "repeat loop for",
        "the shape that enters stands under `input` of the spec: leave it out": "input inputlayer",
        "the kind is the key of a layer: `- conv: {out_channels: 64, kernel_size: 3}`": "type kind op layer class",
        "write inverted_residual, of MobileNetV2, inverted_residual_v3, of MobileNetV3, or a block of your own": (
            "mbconv fusedmbconv"
        ),
        "no kind does this; `- opaque: {output_shape: [...]}` stands for a layer whose cost is not known": (
            "lstm gru rnn simplernn embedding lambda yolo detect"
        ),
    }
)
"""What to write for words that are no kind and none of ours by another name."""

FIELDS = _by_word(
    {
        "out_channels out_features channels": (
            "filters filter n_filters num_filters nfilters channels out out_ch cout c_out c planes num_output width "
            "out_planes units features out_dim neurons output_dim out_channels out_features"
        ),
        "kernel_size output_size sizes": "size",
        "kernel_size": "kernel k ks ksize kernel_shape filter_size pool_size window_size",
        "stride": "strides s subsample",
        "padding": "pad pads p paddings",
        "dilation": "dilation_rate dilations d",
        "p dilation": "rate",
        "p": "prob probability drop_prob drop_rate dropout_rate",
        "groups num_groups": "group groups num_groups",
        "bias": "use_bias has_bias bias_term",
        "axis axes": "axis axes",
        "sizes output_size input": "shape target_shape new_shape",
        "size output_size": "out_size output_size",
        "sections": "chunks num_splits num_or_size_splits indices_or_sections",
        "scale_factor upscale_factor downscale_factor": "scale scales factor block_size upscale_factor r",
        "mode": "interpolation method resize_mode",
        "negative_slope": "alpha slope",
        "reduction": "ratio reduction_ratio se_ratio squeeze_factor",
        "expansion": "expand_ratio expansion_factor expand t",
        "depth_multiplier": "multiplier channel_multiplier mult",
        "eps": "epsilon",
        "affine elementwise_affine": "affine elementwise_affine",
        "num_heads": "heads n_heads nhead",
        "branches": "paths",
        "from": "inputs input bottom src source of in layers",
        "name": "id label layer_name tag",
        "repeat": "repeats times count n num num_layers num_blocks",
        "when": "if condition enabled",
        "share": "shared share_weights tied reuse weights_of",
        "variables parameters": "vars params parameters variables constants args arguments",
        "layers": "body modules model architecture network net backbone head steps",
        "input": "input_shape input_size in_shape",
        "outputs": "output output_names",
        "source": "description comment paper reference url",
        "macs": "multiply_adds madds mult_adds gmacs",
        "peak_activation_bytes": "memory peak_memory ram",
    }
)
"""Fields of ours, the likeliest first, by what they are called elsewhere."""

BATCHED = {"dim": "axis axes", "dims": "axes", "perm": "axes", "start_dim": "start_axis", "end_dim": "end_axis"}
"""Fields that count axes, by what they are called where the batch is axis 0."""

NO_FIELDS = _by_word(
    {
        "input channels are inferred: leave it out": (
            "in_channels in_features num_features input_dim in_dim embed_dim in_planes inplanes input_channels c_in "
            "cin in_ch num_channels num_parameters"
        ),
        "as many channels leave as enter: leave it out": "filters channels out_channels",
        "depth_multiplier times as many channels leave as enter: leave it out": (
            "depthwise_conv.filters depthwise_conv.out_channels depthwise_conv.channels"
        ),
        "write `axes`, those that are normalised together: their sizes are inferred": "normalized_shape",
        "write `affine: false` where neither is learned": "batch_norm.scale batch_norm.center instance_norm.scale",
        "the shape that enters stands under `input` of the spec: leave it out": "input_shape batch_input_shape",
        "the shape that leaves is worked out: leave it out": "output_shape shape",
        "it changes no figure: leave it out": (
            "inplace trainable requires_grad device seed weights kernel_initializer bias_initializer "
            "depthwise_initializer gamma_initializer beta_initializer kernel_regularizer bias_regularizer "
            "activity_regularizer depthwise_regularizer kernel_constraint return_indices recompute_scale_factor "
            "momentum eps epsilon track_running_stats"
        ),
        "`--dtype` says it for the whole network: leave it out": "dtype precision spec.dtype spec.precision",
        "tensors are channels first, always: leave it out": "data_format dim_ordering layout",
        "there is no batch axis in a spec, and `--batch 8` says what to count for: leave it out": (
            "batch batch_size spec.batch spec.batch_size"
        ),
        "write `- add: {branches: [[], [...]]}` around it, or `- add: {from: [previous, NAME]}` behind it": (
            "skip residual shortcut skip_connection"
        ),
        "write `groups: in_channels`, or the block depthwise_conv": "depthwise",
        "write `scale_factor`: so many positions become of each": "upsample.stride upsample.strides",
        "write inverted_residual_v3, with `gated: true`": "inverted_residual.se_ratio inverted_residual.se",
        "the largest along an axis is `- reduce: {axes: 0, operation: max}`": "max.dim max.axis max.axes",
        "the least along an axis is `- reduce: {axes: 0, operation: min}`": "min.dim min.axis min.axes",
        "write the kind conv_transpose": "transposed conv.output_padding",
        "the kernel of a pointwise convolution is 1: leave it out": "pointwise_conv.kernel_size pointwise_conv.kernel",
        "write `channels`, the width inside: expansion times as many leave": (
            "bottleneck.out_channels bottleneck.filters"
        ),
        "one position is left on each axis: leave it out, or write adaptive_avg_pool": "global_avg_pool.output_size",
        "a layer further down names it in `from`: give it a `name`": "to output outputs top",
        "the kind is the key of a layer: leave it out": "type kind op class",
        "write it as a comment: # ...": "comment description note",
        "a value of your own stands under `variables`": "spec.num_classes spec.classes spec.nc spec.width spec.depth",
    }
)
"""What to write for words that are no field and none of ours by another name; `kind.word` for those of one kind."""

_BEHIND = ("activation", "act", "act_layer", "nonlinearity", "norm", "norm_layer", "normalization")
"""Fields by which others hang the layer that comes next, which their value names."""
NOTHING = ("none", "null", "linear", "identity", "false")

BARE = {"crop": "size", "squeeze_excite": "reduction", "upsample": "scale_factor"}
"""The field that a bare value is most likely meant for, where a kind has several and needs none."""
NORMS = ("batch_norm", "instance_norm", "layer_norm")
"""Kinds that take the number of channels elsewhere."""


BATCHES = (None, -1, "N", "B", "batch", "batch_size", "None", "?")
"""First sizes of a shape that begins with the batch."""
OPERATORS = {"^": "**", "&&": "and", "||": "or", "!": "not ", "int(": "floor("}
"""Operators of expressions, by what they are called elsewhere."""


def value_advice(text: str, *, takes_list: bool) -> str:
    """What to write for a text that is no value; nothing where it is like nothing of another tool."""
    if takes_list and re.fullmatch(r"\s*\d+(\s*[xX]\s*\d+)+\s*", text):
        numbers = re.findall(r"\d+", text)
        return f"write [{', '.join(numbers)}]"
    percent = re.fullmatch(r"(\d+)%", text)
    if percent:
        return f"write {int(percent[1]) / 100:g}"
    bare = re.sub(r"\$?\{+\s*(\w+)\s*\}+|\$(\w+)", lambda match: match[1] or match[2], text)
    if bare != text:
        return f"names of values stand bare: write {bare}"
    for sign, own in OPERATORS.items():
        text = text.replace(sign, own) if sign != "!" else re.sub(r"!(?!=)\s*", own, text)
    return f"write {text}" if text != bare else ""


@lru_cache(maxsize=4096)
def squashed(word: str) -> str:
    """A class name as tables have it: nn.Conv2d and Conv2D are conv, Conv2DTranspose is convtranspose."""
    bare = re.sub(r"[_\s-]", "", word[:100].rpartition(".")[2]).lower()
    return re.sub(r"(?<=[a-z])[123]d(?=$|transpose)", "", bare)


def kind_named(word: str, known: Iterable[str]) -> str:
    """The kind or block that a word of another framework names, or ours in other letters; nothing if there is none."""
    squashed_names = {squashed(name): name for name in known}
    meant = squashed(word)
    name = squashed_names.get(meant) or KINDS.get(meant, "")
    return name if name in squashed_names.values() else ""


def field_named(word: str, known: Iterable[str]) -> str:
    """The field that a word of another framework names; nothing if there is none."""
    names = [name for name in (BATCHED.get(word) or FIELDS.get(word.lower(), "")).split() if name in set(known)]
    return next((name for name in names if name != word), "")


def field_advice(owner: str, word: str, value: str, known: Iterable[str], kinds: Sequence[str]) -> str:
    """What to write for a field that `owner` does not have; nothing where no table knows it.

    `value` is what is written behind it, empty where that is long; `kinds` are all there are, none where the owner is
    no layer.
    """
    of_owner, field = NO_FIELDS.get(f"{owner}.{word}"), field_named(word, known)
    if of_owner:
        return of_owner
    if word in BATCHED and field:
        return f"write `{field}: {_without_batch(value)}`: there is no batch axis, and channels are axis 0"
    if field:
        return f"write `{field}: {value or '...'}`"
    if not kinds:
        return ""
    if word in _BEHIND:
        return _behind(value, kinds) if value else ""
    if word in NO_FIELDS:
        return NO_FIELDS[word]
    layer = kind_named(word, kinds)
    if layer:
        argument = "" if value.lower() in {"", "true", "1"} else f": {value}"
        return f"that is a layer of its own: write `- {layer}{argument}` before or behind this one"
    return ""


def _behind(value: str, kinds: Iterable[str]) -> str:
    if value.lower() in NOTHING:
        return "there is none unless it is written: leave it out"
    return f"that is a layer of its own: write `- {kind_named(value, kinds) or value}` behind this one"


def _without_batch(value: str) -> str:
    """One axis, or a list of them, counted without the batch: [0, 2, 3, 1] is [1, 2, 0]."""
    if value.isdecimal():
        return str(max(int(value) - 1, 0))
    if not re.fullmatch(r"\[-?\d+(, *-?\d+)*\]", value):
        return value or "..."
    axes = [int(axis) for axis in re.findall(r"-?\d+", value)]
    return str([axis - (axis > 0) for axis in axes if axis])
