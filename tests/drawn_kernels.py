"""Networks with much to merge: the pieces of `made_networks`, and those of which kernels are made among them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from made_networks import PIECES, Item, Made

from convcalc import Network
from convcalc.language import writing


def _fields(draw: random.Random, kind: str) -> dict[str, Any]:
    drawn: dict[str, dict[str, Any]] = {
        "batch_norm": {"eps": draw.choice([1e-5, 1e-3]), "affine": draw.choice([True, True, False, "scale", "shift"])},
        "scale": {"bias": draw.random() < 0.5},
        "affine": {"factor": draw.choice([-2, 0.5, 1]), "addend": draw.choice([0, 0.3])},
    }
    return drawn.get(kind, {})


def _behind(made: Made, x: str, most: int = 4) -> Iterator[Item]:
    """Some norms, activations and layers that do nothing."""
    norms = ["batch_norm", "batch_norm", "scale", "affine"]
    for _ in range(made.draw.randint(1, most)):
        kind = made.draw.choice([*norms, "relu", "prelu", "gelu", "hard_swish", "sigmoid", "dropout", "identity"])
        yield made.named(kind, [x], _fields(made.draw, kind))
        x = made.last


def _filtered(made: Made, x: str) -> Iterator[Item]:
    """A convolution of any sort, or a linear layer, and what folds into it."""
    draw, (channels, *sizes) = made.draw, made.shapes[x]
    groups = draw.choice([1, 1, channels])
    fields: dict[str, Any] = {
        "out_channels": groups * draw.randint(1, 3),
        "groups": groups,
        "bias": draw.random() < 0.5,
    }
    kind = draw.choice(["conv", "conv", "conv_transpose", "linear"])
    if kind == "linear":
        fields = {"out_features": draw.randint(1, 4), "bias": draw.random() < 0.5}
    else:
        size = draw.randint(1, 3)
        fields |= {"kernel_size": [size] * len(sizes), "stride": draw.choice([1, 1, 2]), "padding": size // 2}
    yield made.named(kind, [x], fields)
    yield from _behind(made, made.last)


def _residual(made: Made, x: str) -> Iterator[Item]:
    """Two paths that are added up, the tensor that enters one of them perhaps read again."""
    draw, (channels, *_) = made.draw, made.shapes[x]
    fields = {"out_channels": channels, "kernel_size": 3, "padding": "same", "bias": draw.random() < 0.5}
    yield made.named("conv", [x], fields)
    yield made.named("batch_norm", [made.last], {})
    yield made.named(draw.choice(["add", "add", "mul"]), draw.choice([[made.last, x], [x, made.last]]), {})
    if draw.random() < 0.7:
        yield from _behind(made, made.last, most=2)


def _flat(made: Made, x: str) -> Iterator[Item]:
    yield made.named("flatten", [x], {})
    if made.draw.random() < 0.5:
        yield made.named("linear", [made.last], {"out_features": 3, "bias": made.draw.random() < 0.5})
        yield made.named("batch_norm", [made.last], {})


def drawn_kernels(draw: random.Random) -> tuple[str, Network]:
    """A network in which at least one layer folds or merges, and its text."""
    pieces = [*PIECES, *[_filtered] * 10, *[_residual] * 6, *[_behind] * 6, *[_flat] * 2]
    made = Made(draw)
    while not made.grown(list(_filtered(made, "x"))):
        made = Made(draw)
    for _ in range(draw.randint(1, 7)):
        names = list(made.shapes)
        x = draw.choice([names[-1], names[-1], draw.choice(names)])
        made.grown(list(draw.choice(pieces)(made, x)))
    if draw.random() < 0.3:
        made.grown([], draw.sample(list(made.shapes), min(len(made.shapes), 3)))
    assert made.network is not None
    return writing.text({"inputs": made.inputs, "layers": made.items}), made.network
