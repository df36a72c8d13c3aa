"""verify agrees on networks of what moves, joins and chooses elements around windows.

CONVCALC_MOVED=10000 tries so many; CONVCALC_SEED repeats a run.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from test_verify_agrees import SEED, wrong

from convcalc import SpecError, layers, verify
from convcalc.language import Source, loads, writing
from convcalc.layers._indices import FORMS, chosen
from convcalc.network import Network
from convcalc.reference.fields.probe import probe

NETS = int(os.environ.get("CONVCALC_MOVED", "30"))
MOST_ELEMENTS = 3_000
Shapes = dict[str, list[int]]

DISAGREED = {
    "taps as channels, which a reshape lays on an axis": (
        {"input": [3, 7]},
        ["unfold: {kernel_size: 2}", "slice: {axis: 0, start: 1, end: 3}", "reshape: [12]"],
    ),
    "indices with their positions on another axis": (
        {"a": [4, 7, 6, 1], "b": [3, 1]},
        ["gather: {from: [a, b], axes: 2}"],
    ),
    "indices of one position, which all places choose by": (
        {"input": [1, 2, 2]},
        ["avg_pool: {name: few, kernel_size: [2, 3], stride: 2, padding: 1}", "gather: {from: [few, input], axes: 0}"],
    ),
    "places laid end to end, of which one is written": (
        {"input": [2, 1]},
        ["concat: {name: both, axis: 1, from: [input, input]}", "cumulate: {name: sums, axis: 1}",
         "scatter: {from: [sums, both, both], axes: 1, indices: elements}"],
    ),
    "indices that one window made of all places": (
        {"input": [2, 2]},
        ["conv: {out_channels: 3, kernel_size: 2, stride: 2}", "reshape: {name: few, sizes: [1, 1, 3]}",
         "gather: {from: [input, few], axes: 0}"],
    ),
    "one place, chosen by indices with gaps between them": (
        {"input": [1, 1]},
        ["concat: {axis: 1, from: [input, input]}",
         "conv_transpose: {name: apart, out_channels: 1, kernel_size: 1, stride: 2}",
         "gather: {from: [input, apart], axes: 1}"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DISAGREED)
def test_what_it_once_disagreed_with(name: str) -> None:
    inputs, items = DISAGREED[name]
    text = f"inputs: {inputs}\nlayers:\n" + "".join(f"  - {item}\n" for item in items)
    result = verify(loads(Source("net.yaml", text)))
    assert result.agrees, wrong(result)


@pytest.mark.parametrize("name", ["gather", "scatter"])
def test_any_indices_are_probed_or_said_not_to_be(name: str) -> None:
    """Whichever axes the positions of the indices come to lie on."""
    draw = random.Random(SEED)
    for _ in range(30):
        form = draw.choice(FORMS)
        x = tuple(draw.randint(1, 6) for _ in range(draw.randint(1, 4)))
        start = draw.randrange(len(x))
        count = draw.randint(1, len(x) - start) if form == "points" else 1
        inner = tuple(draw.randint(1, 4) for _ in range(draw.randint(1, 3)))
        index = {"slices": inner, "points": (*x[:start], *inner[:-1], count)}.get(form)
        index = index or (*x[:start], inner[0], *x[start + 1 :])
        kind = layers.load(name)
        assert kind is not None
        config: Any = kind(axes=tuple(range(start, start + count)), indices=form)
        shapes = [x, index, chosen(config.axes, form, x, index)][: kind.inputs[0]]
        inputs = {f"input{number}": list(shape) for number, shape in enumerate(shapes)}
        item = writing.layer(name, config, len(x) - 1, list(inputs))
        network = loads(Source("net.yaml", writing.text({"inputs": inputs, "layers": [item]})))
        for thin in (True, False):
            check = probe(network, thin=thin)[-1]
            assert check.agrees is not False, (SEED, network.source, thin, check)


def _factors(draw: random.Random, count: int) -> list[int]:
    sizes = []
    for _ in range(draw.randint(0, 3)):
        sizes.append(draw.choice([size for size in range(1, count + 1) if count % size == 0]))
        count //= sizes[-1]
    return draw.sample([*sizes, count], len(sizes) + 1)


def _window(draw: random.Random, shape: list[int]) -> dict[str, Any]:
    kernel = [draw.randint(1, 3) for _ in shape[1:]]
    return {
        "kernel_size": kernel,
        "stride": [draw.randint(1, 2) for _ in kernel],
        "padding": [draw.randint(0, size // 2) for size in kernel],
    }


def _pairs(draw: random.Random, shape: list[int], most: int) -> list[list[int]]:
    return [[draw.randint(0, most), draw.randint(0, most)] for _ in shape[1:]]


MODES = ("constant", "replicate", "reflect", "circular")
MOVERS: dict[str, Callable[[random.Random, list[int], int], dict[str, Any]]] = {
    "reshape": lambda draw, shape, axis: {"sizes": _factors(draw, math.prod(shape))},
    "permute": lambda draw, shape, axis: {"axes": draw.sample(range(len(shape)), len(shape))},
    "flatten": lambda draw, shape, axis: {"start_axis": axis},
    "pad": lambda draw, shape, axis: {"padding": _pairs(draw, shape, 2), "mode": draw.choice(MODES)},
    "crop": lambda draw, shape, axis: {"cropping": _pairs(draw, shape, 1)},
    "slice": lambda draw, shape, axis: {"axis": axis, "start": draw.randrange(shape[axis]), "step": draw.randint(1, 2)},
    "concat": lambda draw, shape, axis: {"axis": axis},
    "gather": lambda draw, shape, axis: {"axes": axis, "indices": draw.choice(FORMS)},
    "scatter": lambda draw, shape, axis: {"axes": axis, "indices": draw.choice(FORMS)},
    "unfold": lambda draw, shape, axis: {"kernel_size": 2, "stride": draw.randint(1, 2)},
    "cumulate": lambda draw, shape, axis: {"axis": axis},
    "add": lambda draw, shape, axis: {},
    "max_pool": lambda draw, shape, axis: _window(draw, shape),
    "avg_pool": lambda draw, shape, axis: _window(draw, shape),
    "conv": lambda draw, shape, axis: {**_window(draw, shape), "out_channels": 2},
    "conv_transpose": lambda draw, shape, axis: {**_window(draw, shape), "out_channels": 2},
    "layer_norm": lambda draw, shape, axis: {},
}
"""The fields of each kind, drawn for a tensor and one of its axes."""


def moved(draw: random.Random) -> Network | None:
    """A network of movers and windows, each on any tensor before it that it fits; None where none was found."""
    rank = draw.choice([1, 1, 2, 2, 3])
    shapes: Shapes = {"input": [draw.randint(1, 4), *(draw.randint(1, 8) for _ in range(rank))]}
    if draw.random() < 0.2:
        shapes["other"] = [draw.randint(1, 4), *(draw.randint(1, 8) for _ in range(draw.randint(1, rank)))]
    inputs, items, network = dict(shapes), list[Any](), None
    for number in range(draw.randint(2, 14)):
        name, source = draw.choice([*MOVERS]), draw.choice([*shapes, *[list(shapes)[-1]] * 3])
        kind = layers.load(name)
        assert kind is not None
        least, most = kind.inputs
        others = draw.choices([*shapes], k=least - 1 if most == least else draw.randint(1, 2))
        fields = MOVERS[name](draw, shapes[source], draw.randrange(len(shapes[source])))
        item = {name: {"name": f"layer{number}", "from": [source, *others] if others else source, **fields}}
        try:
            larger = loads(Source("net.yaml", writing.text({"inputs": inputs, "layers": [*items, item]})))
        except SpecError:
            continue
        shape = list(larger.nodes[-1].shape)
        if math.prod(shape) <= MOST_ELEMENTS:
            network, shapes[f"layer{number}"] = larger, shape
            items.append(item)
    return network


def test_generated_movers() -> None:
    draw = random.Random(SEED)
    tried = 0
    while tried < NETS:
        network = moved(draw)
        if network is not None:
            result = verify(network)
            assert result.agrees, (SEED, network.source, list(network.layers), wrong(result))
            tried += 1
