"""Drawn layers and drawn networks: the same every time, by their seeds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from counter_calls import CALLS
from counter_cases import Case, Step, chain
from counter_ways import Fields, Shape

Drawn = tuple[Shape, Fields]


def drawn_layers() -> Iterator[Case]:
    """Configurations of layers, each kind by a seed of its own."""
    for kind, (draw, times) in DRAWS.items():
        dice = random.Random(kind)  # nothing secret
        calls = [call for call in CALLS[kind] if call in SAME_FOR_ALL_FIELDS] or [next(iter(CALLS[kind]))]
        for number in range(1, times + 1):
            shape, fields = draw(dice)
            call = dice.choice(calls)
            before = (
                []
                if kind in WITH_PARAMS and not is_without_params(fields)
                else [Step("conv", {"out_channels": shape[0], "kernel_size": 1})]
            )
            yield chain(f"drawn {kind} {number}", shape, *before, Step(kind, fields, call))


def is_without_params(fields: Fields) -> bool:
    """Whether a norm has no weights."""
    return fields.get("affine", fields.get("elementwise_affine")) is False


def sizes_of(dice: random.Random, axes: int, least: int = 5) -> Shape:
    """Positions on each axis, fewer where there are more axes."""
    return tuple(dice.randint(least, {1: 40, 2: 14, 3: 9}[axes]) for _ in range(axes))


def numbers(dice: random.Random, axes: int, least: int, most: int) -> int | list[int]:
    """A number for all axes, or a list with a number for each of them."""
    if axes == 1 or dice.random() < 0.6:
        return dice.randint(least, most)
    return [dice.randint(least, most) for _ in range(axes)]


def divided(dice: random.Random) -> tuple[int, int, int]:
    """Channels that enter, channels that leave, and groups that both have."""
    groups = dice.choice([1, 1, 2, 3, 4])
    return groups * dice.randint(1, 4), groups * dice.randint(1, 4), groups


def convolution(dice: random.Random) -> Drawn:
    """Any field of a convolution."""
    axes = dice.choice([1, 2, 2, 3])
    entering, leaving, groups = divided(dice)
    if dice.random() < 0.2:
        groups, leaving = entering, entering * dice.randint(1, 2)
    fields: Fields = {"out_channels": leaving, "kernel_size": numbers(dice, axes, 1, 3)}
    word = dice.random() < 0.25
    if not word:
        fields["stride"] = numbers(dice, axes, 1, 3)
        fields["dilation"] = numbers(dice, axes, 1, 2)
    fields["padding"] = dice.choice(["same", "valid"]) if word else numbers(dice, axes, 0, 2)
    fields |= {"groups": groups} if groups > 1 else {}
    fields |= {"bias": False} if dice.random() < 0.5 else {}
    return (entering, *sizes_of(dice, axes)), fields


def transposed(dice: random.Random) -> Drawn:
    """Any field of a transposed convolution."""
    axes = dice.choice([1, 2, 2, 3])
    entering, leaving, groups = divided(dice)
    stride = dice.randint(1, 3)
    fields: Fields = {"out_channels": leaving, "kernel_size": numbers(dice, axes, 2, 4), "stride": stride}
    fields["padding"] = dice.randint(0, 1)
    fields |= {"output_padding": 1} if stride > 1 and dice.random() < 0.4 else {}
    fields |= {"groups": groups} if groups > 1 else {}
    fields |= {"bias": False} if dice.random() < 0.5 else {}
    return (entering, *sizes_of(dice, axes, 3)), fields


def norm(dice: random.Random) -> Drawn:
    """Of batches and of instances: with and without weights and statistics of their own."""
    shape = (dice.randint(2, 9), *sizes_of(dice, dice.choice([1, 2, 3])))
    fields: Fields = {"affine": dice.random() < 0.6}
    return shape, fields | ({"track_running_stats": dice.random() < 0.5} if dice.random() < 0.5 else {})


def group_norm(dice: random.Random) -> Drawn:
    """Any number of groups."""
    groups = dice.randint(1, 4)
    shape = (groups * dice.randint(2, 3), *sizes_of(dice, dice.choice([1, 2, 3])))
    return shape, {"num_groups": groups, "affine": dice.random() < 0.6}


def layer_norm(dice: random.Random) -> Drawn:
    """Over the last axis or the last two."""
    shape = (dice.randint(2, 9), *sizes_of(dice, dice.choice([1, 2])))
    fields: Fields = {"axes": dice.choice([[-1], [-2, -1]])}
    return shape, fields | dice.choice([{}, {"elementwise_affine": False}, {"bias": False}])


def pool(dice: random.Random) -> Drawn:
    """Windows that overlap, leave gaps, and hang over the end."""
    axes = dice.choice([1, 2, 2, 3])
    fields: Fields = {"kernel_size": numbers(dice, axes, 2, 3), "stride": dice.randint(1, 3)}
    fields |= {"padding": 1} if dice.random() < 0.4 else {}
    fields |= {"ceil_mode": True} if dice.random() < 0.3 else {}
    return (dice.randint(2, 9), *sizes_of(dice, axes)), fields


def adaptive(dice: random.Random) -> Drawn:
    """Cells that overlap and cells that do not."""
    shape = (dice.randint(2, 9), *sizes_of(dice, dice.choice([1, 2, 2, 3])))
    return shape, {"output_size": [dice.randint(1, 8) for _ in shape[1:]]}


def upsample(dice: random.Random) -> Drawn:
    """By size and by factor, up and down."""
    axes = dice.choice([1, 2, 2, 3])
    shape = (dice.randint(2, 9), *sizes_of(dice, axes))
    by_axes = {1: "linear", 2: dice.choice(["bilinear", "bilinear", "bicubic"]), 3: "trilinear"}
    fields: Fields = {"mode": dice.choice(["nearest", by_axes[axes]])}
    if dice.random() < 0.5:
        return shape, fields | {"scale_factor": dice.choice([2, 3, 0.5, 1.5])}
    return shape, fields | {"size": [dice.randint(2, 16) for _ in range(axes)]}


def tokens(dice: random.Random) -> Shape:
    """Tokens of some features, or rows of them."""
    return (*(dice.randint(2, 7) for _ in range(dice.choice([0, 1, 1, 2]))), dice.randint(3, 24))


def linear(dice: random.Random) -> Drawn:
    """On features, on tokens, and on the last axis of a map."""
    return tokens(dice), {"out_features": dice.randint(2, 20), "bias": dice.random() < 0.5}


def recurrent(dice: random.Random) -> Drawn:
    """From one end or from both."""
    fields: Fields = {"hidden_size": dice.randint(2, 12), "bias": dice.random() < 0.6}
    fields |= {"direction": "bidirectional"} if dice.random() < 0.4 else {}
    return (dice.randint(2, 9), dice.randint(3, 12)), fields


def attention(dice: random.Random) -> Drawn:
    """Any number of heads."""
    heads = dice.randint(1, 4)
    return (dice.randint(3, 12), heads * dice.randint(2, 6)), {"num_heads": heads, "bias": dice.random() < 0.6}


def activation(dice: random.Random) -> Drawn:
    """Lines, maps and volumes."""
    return (dice.randint(2, 9), *sizes_of(dice, dice.choice([1, 2, 2, 3]))), {}


def along(dice: random.Random) -> Drawn:
    """Along any axis."""
    shape, _ = activation(dice)
    return shape, {"axis": dice.randrange(len(shape))}


ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "hard_swish"),
    *("hard_sigmoid", "sigmoid", "tanh", "softplus", "softsign", "log_sigmoid", "prelu"),
)
DRAWS: dict[str, tuple[Callable[[random.Random], Drawn], int]] = {
    "conv": (convolution, 30),
    "conv_transpose": (transposed, 20),
    "batch_norm": (norm, 12),
    "instance_norm": (norm, 8),
    "group_norm": (group_norm, 8),
    "layer_norm": (layer_norm, 12),
    "max_pool": (pool, 12),
    "avg_pool": (pool, 12),
    "adaptive_avg_pool": (adaptive, 12),
    "adaptive_max_pool": (adaptive, 4),
    "upsample": (upsample, 20),
    "linear": (linear, 8),
    "lstm": (recurrent, 4),
    "gru": (recurrent, 4),
    "rnn": (recurrent, 4),
    "attention": (attention, 4),
    "softmax": (along, 6),
    "log_softmax": (along, 4),
    **dict.fromkeys(ACTIVATIONS, (activation, 4)),
}
"""How fields of a kind are drawn, and how often."""

WITH_PARAMS = {
    *("conv", "conv_transpose", "batch_norm", "instance_norm", "group_norm", "layer_norm"),
    *("linear", "lstm", "gru", "rnn", "attention"),
}
SAME_FOR_ALL_FIELDS = {
    *("nn.BatchNorm#", "nn.InstanceNorm#", "nn.GroupNorm", "nn.LayerNorm"),
    *("nn.MaxPool#", "F.max_pool#", "nn.AvgPool#", "F.avg_pool#", "nn.AdaptiveAvgPool#", "F.adaptive_avg_pool#"),
    *("nn.AdaptiveMaxPool#", "F.adaptive_max_pool#", "nn.Upsample", "F.interpolate"),
    *("nn.LSTM", "nn.GRU", "nn.RNN", "nn.MultiheadAttention", "nn.Softmax", "F.softmax", "x.softmax"),
    *("nn.LogSoftmax", "F.log_softmax", "nn.PReLU", "nn.ReLU", "F.relu", "nn.ReLU6", "F.relu6", "nn.LeakyReLU"),
    *("F.leaky_relu", "nn.ELU", "F.elu", "nn.CELU", "F.celu", "nn.SELU", "F.selu", "nn.GELU", "F.gelu", "nn.SiLU"),
    *("F.silu", "nn.Mish", "F.mish", "nn.Hardswish", "F.hardswish", "nn.Hardsigmoid", "F.hardsigmoid"),
    *("nn.Sigmoid", "torch.sigmoid", "nn.Tanh", "torch.tanh", "nn.Softplus", "F.softplus", "nn.Softsign"),
    *("F.softsign", "nn.LogSigmoid", "F.logsigmoid"),
}
"""Calls that can be made whatever the fields are."""
