"""Single layers in every way that code calls them, written by hand; what is drawn is in `counter_draws`.

What has no params of its own stands behind a convolution of one tap or a linear layer, since calflops stops at a
module without params.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from counter_branches import branches
from counter_calls import CALLS
from counter_cases import Case, Step, chain
from counter_draws import drawn_layers, is_without_params
from counter_ways import Fields, Shape

MAPS: dict[int, Shape] = {1: (6, 40), 2: (6, 12, 10), 3: (6, 6, 8, 7)}
FIRST = {
    "map": Step("conv", {"out_channels": 8, "kernel_size": 1}),
    "tokens": Step("linear", {"out_features": 16}),
}

ON_MAPS: dict[str, Sequence[Fields]] = {
    "relu": [{}],
    "relu6": [{}],
    "leaky_relu": [{}, {"negative_slope": 0.2}],
    "elu": [{}],
    "celu": [{}],
    "selu": [{}],
    "gelu": [{}, {"approximate": "tanh"}],
    "silu": [{}],
    "mish": [{}],
    "hard_swish": [{}],
    "hard_sigmoid": [{}],
    "hard_tanh": [{"min_val": -2, "max_val": 3}],
    "sigmoid": [{}],
    "tanh": [{}],
    "softplus": [{}],
    "softsign": [{}],
    "log_sigmoid": [{}],
    "threshold": [{"threshold": 0.1, "value": 0.0}],
    "prelu": [{}, {"num_parameters": 8}],
    "softmax": [{}, {"axis": 2}],
    "log_softmax": [{}],
    "dropout": [{}, {"p": 0.2}],
    "identity": [{}],
    "flatten": [{}],
    "pad": [{"padding": 2}, {"padding": [[1, 0], [2, 3]]}],
    "pixel_shuffle": [{"upscale_factor": 2}],
    "pixel_unshuffle": [{"downscale_factor": 2}],
    "channel_shuffle": [{"groups": 4}],
    "unfold": [{"kernel_size": 3, "padding": 1}],
    "scale": [{}],
    "affine": [{"factor": 2.5}, {"factor": 2.5, "addend": -1.5}, {"addend": 0.5}],
    "pow": [{"exponent": 2}],
    "elementwise": [{"operation": name} for name in ("exp", "abs", "sqrt", "sin", "floor", "sign", "log", "erf")],
    "cumulate": [{"axis": 1}],
    "normalize": [{}],
    "local_response_norm": [{"size": 5}],
    "permute": [{"axes": [1, 2, 0]}],
    "reshape": [{"sizes": [4, 2, 120]}],
    "slice": [{"start": 2, "end": 6}],
    "split": [{"sections": 4, "part": 1}],
    "reduce": [{"axes": [1, 2]}, {"axes": [1, 2], "keepdim": True}, {"axes": [0]}, {"axes": [2]}],
    "upsample": [{"scale_factor": 2}],
    "global_avg_pool": [{}, {"keepdim": True}],
    "global_max_pool": [{}, {"keepdim": True}],
}
"""Kinds with the fields that they are tried with on a map, in every way that there is to call them."""

SPATIAL: dict[str, Sequence[Fields]] = {
    "max_pool": [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}],
    "avg_pool": [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}],
    "lp_pool": [{"norm_type": 2, "kernel_size": 2}],
    "adaptive_avg_pool": [{"output_size": 1}, {"output_size": 2}, {"output_size": 5}],
    "adaptive_max_pool": [{"output_size": 1}, {"output_size": 2}],
    "global_avg_pool": [{"keepdim": True}],
}
"""Kinds that are tried on lines, maps and volumes."""

WITH_ARRAYS: dict[str, Sequence[Fields]] = {
    "conv": [{"out_channels": 8, "kernel_size": 1}, {"out_channels": 8, "kernel_size": 1, "bias": False}],
    "conv_transpose": [
        {"out_channels": 4, "kernel_size": 2, "stride": 2},
        {"out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1, "bias": False},
        {"out_channels": 4, "kernel_size": 4, "stride": 2, "padding": 1, "groups": 2},
    ],
    "batch_norm": [{}, {"affine": False}],
    "instance_norm": [{}, {"affine": True}, {"affine": True, "track_running_stats": True}],
    "group_norm": [{"num_groups": 3}, {"num_groups": 2, "affine": False}],
}
"""Kinds with arrays of their own, tried alone on lines, maps and volumes."""

ON_TOKENS: dict[str, Sequence[Fields]] = {
    "linear": [{"out_features": 24}, {"out_features": 24, "bias": False}],
    "layer_norm": [{}, {"elementwise_affine": False}, {"bias": False}, {"axes": [-2, -1]}],
    "rms_norm": [{}, {"elementwise_affine": False}],
    "attention": [{"num_heads": 2}, {"num_heads": 4, "bias": False}],
    "lstm": [
        {"hidden_size": 12},
        {"hidden_size": 12, "direction": "bidirectional"},
        {"hidden_size": 12, "bias": False},
    ],
    "gru": [{"hidden_size": 12}, {"hidden_size": 12, "direction": "bidirectional"}, {"hidden_size": 12, "bias": False}],
    "rnn": [{"hidden_size": 12}, {"hidden_size": 12, "activation": "relu"}, {"hidden_size": 12, "bias": False}],
}
"""Kinds on the last axis, tried on ten tokens of 16 features."""


def layers() -> Iterator[Case]:
    """All cases, each name once: by hand, then drawn."""
    names: set[str] = set()
    for case in _layers():
        if case.name not in names:
            names.add(case.name)
            yield case


def _layers() -> Iterator[Case]:
    for kind, samples in ON_MAPS.items():
        yield from _in_every_way(kind, samples, MAPS[2], FIRST["map"])
    for kind, samples in SPATIAL.items():
        for shape in MAPS.values():
            yield from _in_every_way(kind, samples, shape, FIRST["map"])
    for kind, samples in WITH_ARRAYS.items():
        for shape in MAPS.values():
            yield from _in_every_way(kind, samples, shape)
    for kind, samples in ON_TOKENS.items():
        yield from _in_every_way(kind, samples, (10, 16))
    yield from _others()
    yield from branches()
    yield from drawn_layers()


def _in_every_way(kind: str, samples: Sequence[Fields], shape: Shape, *before: Step) -> Iterator[Case]:
    for fields in samples:
        for call in CALLS[kind]:
            if _fits(kind, call, fields, shape):
                first = (
                    [FIRST["tokens" if len(shape) == 2 else "map"]]
                    if not before and is_without_params(fields)
                    else before
                )
                yield chain(_name(kind, call, fields, shape), shape, *first, Step(kind, fields, call))


def _name(kind: str, call: str, fields: Fields, shape: Shape) -> str:
    settings = " ".join(f"{name}={value}" for name, value in fields.items())
    return f"{kind} as {call.replace('#', f'{len(shape) - 1}d')} {'x'.join(map(str, shape))} {settings}".strip()


def _fits(kind: str, call: str, fields: Fields, shape: Shape) -> bool:
    """Whether there is such a call for these fields."""
    is_plain = not (fields.keys() & {"affine", "elementwise_affine", "bias", "axes", "track_running_stats"})
    if call == "F.conv#":
        return fields.get("bias") is False
    if call in {"F.instance_norm", "F.rms_norm", "F.group_norm", "F.layer_norm"}:
        return fields.get("affine", fields.get("elementwise_affine")) is False or (
            call == "F.instance_norm" and is_plain
        )
    if call in {"F.linear", "@", "torch.matmul"} and kind == "linear":
        return fields.get("bias") is False
    if call == "nn.Conv2d":
        return len(shape) == 1
    if call == "LayerNorm2d(nn.LayerNorm)":
        return len(shape) == 3
    if call == "F.batch_norm":
        return is_plain
    if call.startswith("nn.Upsampling"):
        mode = "bilinear" if "Bilinear" in call else "nearest"
        return len(shape) == 3 and fields.get("mode", "nearest") == mode and _aligns(fields) == (mode == "bilinear")
    if call in {"F.softshrink", "F.hardshrink"}:
        return bool(fields.get("bias")) == (call == "F.softshrink")
    if kind == "pad" and call.startswith("nn."):
        return {"reflect": "nn.ReflectionPad#", "replicate": "nn.ReplicationPad#"}.get(
            fields.get("mode", "constant"), "nn.ZeroPad#"
        ) == call
    if kind == "lp_pool" and len(shape) == 4:
        return call == "nn.LPPool#"
    return True


IMAGE: Shape = (8, 9, 7)
FEATURES: Shape = (16,)
LINE: Shape = (8, 30)
VOLUME: Shape = (4, 5, 6, 7)
CONVOLUTIONS: Sequence[Fields] = (
    {"out_channels": 12, "kernel_size": 3, "padding": "same"},
    {"out_channels": 12, "kernel_size": 3, "padding": "valid"},
    {"out_channels": 12, "kernel_size": [2, 4], "padding": "same"},
    {"out_channels": 12, "kernel_size": [3, 4], "padding": "same", "dilation": [2, 1]},
    {"out_channels": 12, "kernel_size": 3, "padding": 1, "padding_mode": "reflect"},
    {"out_channels": 12, "kernel_size": 3, "padding": 2, "padding_mode": "circular"},
    {"out_channels": 8, "kernel_size": 3, "padding": 1, "groups": 8},
    {"out_channels": 16, "kernel_size": 3, "padding": 1, "groups": 8, "bias": False},
    {"out_channels": 12, "kernel_size": 3, "padding": 1, "groups": 4},
    {"out_channels": 12, "kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2},
)


def _aligns(fields: Fields) -> bool:
    return bool(fields.get("align_corners"))


def _others() -> Iterator[Case]:
    """Other sizes, words and places of the same kinds."""
    for fields in CONVOLUTIONS:
        yield chain(_name("conv", "nn.Conv#", fields, IMAGE), IMAGE, Step("conv", fields))
        yield chain(_name("conv", "OwnConv", fields, IMAGE), IMAGE, Step("conv", fields, "OwnConv(nn.Conv#)"))
        if "padding_mode" not in fields:
            plain = {**fields, "bias": False}
            yield chain(_name("conv", "F.conv#", plain, IMAGE), IMAGE, Step("conv", plain, "F.conv#"))
    features: Sequence[Fields] = ({"out_features": 10}, {"out_features": 10, "bias": False})
    yield from _in_every_way("linear", features, FEATURES)
    for shape in ((7, 5, 16), IMAGE):
        yield chain(_name("linear", "nn.Linear", {}, shape), shape, Step("linear", {"out_features": 10}))
    yield chain("batch_norm of features", FEATURES, Step("linear", {"out_features": 12}), Step("batch_norm"))
    for call in ("nn.LayerNorm", "LayerNorm2d(nn.LayerNorm)"):
        yield chain(f"layer_norm of channels as {call}", IMAGE, Step("layer_norm", {"axes": 0}, call))
    yield chain("layer_norm of a map", IMAGE, Step("layer_norm", {"axes": [0, 1, 2]}))
    yield from _folded()
    yield from _resized()
    yield from _in_every_way("shrink", [{"lambd": 0.5}, {"lambd": 0.5, "bias": 0.5}], IMAGE, FIRST["map"])
    padded: Sequence[Fields] = [{"padding": 1, "mode": mode} for mode in ("reflect", "replicate")]
    yield from _in_every_way("pad", padded, IMAGE, FIRST["map"])
    yield from _pooled()
    for kind in ("relu", "gelu", "softmax", "dropout", "hard_swish", "silu", "sigmoid"):
        yield from _in_every_way(kind, [{}], (10, 16), FIRST["tokens"])
    for kind in ("relu", "max_pool", "softmax"):
        alone: Fields = {"kernel_size": 2} if kind == "max_pool" else {}
        yield chain(f"{kind} alone, without params", IMAGE, Step(kind, alone))


def _pooled() -> Iterator[Case]:
    """Cells that do not divide a map, and windows that hang over its end."""
    cells: Sequence[tuple[Shape, list[int]]] = [(IMAGE, sizes) for sizes in ([3, 2], [9, 7], [4, 5], [1, 7])]
    for shape, sizes in (*cells, (LINE, [7]), (VOLUME, [2, 3, 4])):
        for kind in ("adaptive_avg_pool", "adaptive_max_pool"):
            yield from _in_every_way(kind, [{"output_size": sizes}], shape, FIRST["map"])
    over_the_end: Fields = {"kernel_size": 3, "stride": 2, "ceil_mode": True}
    for kind in ("max_pool", "avg_pool"):
        yield from _in_every_way(kind, [over_the_end], IMAGE, FIRST["map"])
    yield from _in_every_way("max_pool", [{"kernel_size": 2, "stride": 1, "dilation": 2}], IMAGE, FIRST["map"])
    inside: Fields = {"kernel_size": 3, "stride": 1, "padding": 1, "count_include_pad": False}
    yield from _in_every_way("avg_pool", [inside], IMAGE, FIRST["map"])


def _folded() -> Iterator[Case]:
    """What the exporter folds into a convolution, and what it does not."""
    plain = Step("conv", {"out_channels": 12, "kernel_size": 3, "padding": 1, "bias": False})
    biased = Step("conv", {"out_channels": 12, "kernel_size": 3, "padding": 1})
    norm, relu = Step("batch_norm"), Step("relu")
    up = Step("conv_transpose", {"out_channels": 4, "kernel_size": 2, "stride": 2, "bias": False})
    grouped = Step("conv", {"out_channels": 8, "kernel_size": 3, "padding": 1, "groups": 4, "bias": False})
    yield chain("folded: conv, norm", IMAGE, plain, norm)
    yield chain("folded: conv with a bias, norm", IMAGE, biased, norm)
    yield chain("folded: conv, norm, relu", IMAGE, plain, norm, relu)
    yield chain("folded: grouped conv, norm", IMAGE, grouped, norm)
    yield chain("folded: conv, norm without weights", IMAGE, plain, Step("batch_norm", {"affine": False}))
    yield chain("folded: conv, norm that is a subclass", IMAGE, plain, Step("batch_norm", {}, "OwnNorm(nn.BatchNorm#)"))
    yield chain("folded: conv, norm that is synchronised", IMAGE, plain, Step("batch_norm", {}, "nn.SyncBatchNorm"))
    yield chain("folded: conv, norm that is a function", IMAGE, plain, Step("batch_norm", {}, "F.batch_norm"))
    yield chain("folded: conv that is a function, norm", IMAGE, Step("conv", plain.fields, "F.conv#"), norm)
    yield chain("not folded: norm, relu, conv", IMAGE, norm, relu, plain)
    yield chain("not folded: conv, relu, norm", IMAGE, plain, relu, norm)
    yield chain("not folded: conv, two norms", IMAGE, plain, norm, norm)
    yield chain("not folded: conv, pool, norm", IMAGE, plain, Step("max_pool", {"kernel_size": 2}), norm)
    yield chain("transposed conv, norm", IMAGE, up, norm)
    yield chain("folded: conv of volumes, norm", VOLUME, plain, norm)
    yield chain("folded: conv of lines, norm", LINE, plain, norm)
    yield chain("linear, norm", FEATURES, Step("linear", {"out_features": 12}), norm)


def _resized() -> Iterator[Case]:
    """Resizing by mode, by size and by factor."""
    maps: dict[str, Shape] = {"linear": (6, 15), "bilinear": (6, 7, 5), "bicubic": (6, 7, 5), "trilinear": (6, 4, 5, 3)}
    for mode, shape in maps.items():
        sizes = [2 * size + 1 for size in shape[1:]]
        for fields in ({"scale_factor": 2}, {"size": sizes}, {"scale_factor": 2, "align_corners": True}):
            yield from _in_every_way("upsample", [{**fields, "mode": mode}], shape, FIRST["map"])
    for shape in ((6, 15), (6, 7, 5), (6, 4, 5, 3)):
        sizes = [size + 2 for size in shape[1:]]
        for fields in ({"scale_factor": 3}, {"size": sizes}):
            yield from _in_every_way("upsample", [fields], shape, FIRST["map"])
    yield from _in_every_way("upsample", [{"size": 16}, {"size": 16, "mode": "bilinear"}], (6, 8, 8), FIRST["map"])
