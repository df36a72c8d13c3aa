"""Single layers against PyTorch: products of both ways as its counter has them, and what it keeps for the way back.

The figures are of a run of the versions that the files name: see torch_flops.py and torch_saved.py. Where PyTorch does
otherwise, what both keep stands in `OTHERWISE`, with the reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from convcalc.language import Source, loads
from convcalc.layers import Kind, Shape, Wanted

DATA = Path(__file__).parent / "data/training"
COUNTED: dict[str, Any] = json.loads((DATA / "flops.json").read_text("utf-8"))["layers"]
SAVED: dict[str, Any] = json.loads((DATA / "saved.json").read_text("utf-8"))["layers"]
WAYS = {"all": (False, True), "input": (True, True), "saliency": (True, False)}
"""Of which a gradient is asked, for each way of the figures: of what enters, of weights."""


class Memory(NamedTuple):
    """What is kept of a layer: which of its inputs, its output or not, and bytes of its own beside them."""

    inputs: tuple[int, ...] = ()
    output: bool = False
    own: int = 0


NUMBERS = 8 * 16 * 16
"""In the map that enters most layers."""

OTHERWISE: dict[str, tuple[Memory, Memory]] = {
    # a mask of one byte, where PyTorch keeps a tensor that a following layer may keep as well
    "relu": (Memory(output=True), Memory(own=NUMBERS)),
    "relu6": (Memory((0,)), Memory(own=NUMBERS)),
    # the tap under the window in one byte, where PyTorch keeps a place of eight, and what entered for its shape
    "max_pool": (Memory((0,), own=8 * 512), Memory(own=512)),
    "max_pool_overlapping": (Memory((0,), own=8 * 512), Memory(own=512)),
    "adaptive_max_pool": (Memory((0,), own=8 * 128), Memory(own=8 * 128)),
    "global_max_pool": (Memory((0,), output=True), Memory(own=8 * 8)),
    # divisors of the windows, where PyTorch keeps what entered for its shape
    "avg_pool": (Memory((0,)), Memory(own=4 * 64)),
    "adaptive_avg_pool": (Memory((0,)), Memory()),
    # element functions are differentiated again from what enters
    "sigmoid": (Memory(output=True), Memory((0,))),
    "tanh": (Memory(output=True), Memory((0,))),
    # one byte an element, where PyTorch's on a CPU has the format of the numbers
    "dropout": (Memory(own=4 * NUMBERS), Memory(own=NUMBERS)),
    # the scale of every channel once more, repeated for a batch
    "instance_norm": (Memory((0,), own=3 * 8 * 4), Memory((0,), own=2 * 8 * 4)),
}
"""Kinds of which PyTorch keeps something else: what it does, and what convcalc's executor does."""

COMPOSED = {
    "attention",
    "gru",
    "local_response_norm",
    "log_softmax",
    "lp_pool",
    "lstm",
    "scaled_dot_product_attention",
}
"""Kinds that are made of several operations, of which either side has its own."""


def layer_of(spec: dict[str, Any], shapes: list[list[int]]) -> tuple[Kind, list[Shape]]:
    """The layer that a spec of one layer has, and the shapes that enter it."""
    ((kind, fields),) = spec.items()
    names = [f"x{place}" for place, _ in enumerate(shapes)]
    if len(names) > 1:
        fields = {"from": names, **(fields or {})}
    layer = kind if fields is None else {kind: fields}
    network = loads(
        Source("layer.yaml", yaml.safe_dump({"inputs": dict(zip(names, shapes, strict=True)), "layers": [layer]}))
    )
    return network.layers[0].config, [tuple(shape) for shape in shapes]


@pytest.mark.parametrize("name", COUNTED)
def test_products_are_those_of_the_counter(name: str) -> None:
    """Of grouped convolutions those of convolutions side by side: of their weights the counter is wrong."""
    figures = COUNTED[name]
    config, shapes = layer_of(figures["spec"], figures["inputs"])
    forward = config.macs(*shapes)
    assert forward == figures["counted"]["forward"] == figures["hand"]["forward"]
    counted = figures.get("apart", figures["counted"])
    for way, (of_inputs, of_weights) in WAYS.items():
        if way in counted:
            macs = config.gradient_macs(Wanted((of_inputs,) * len(shapes), weights=of_weights), *shapes)
            assert forward + sum(macs) == counted[way], way
    assert config.gradient_macs(Wanted((True,) * len(shapes), weights=True), *shapes) == (
        figures["hand"]["of_inputs"],
        figures["hand"]["of_weights"],
    )


def test_the_counter_takes_gradients_of_grouped_weights_for_dense_ones() -> None:
    """By how much it is wrong: the forward products once more for every group but the first."""
    wrong = {name: figures["wrong"] for name, figures in COUNTED.items() if figures["wrong"]}
    assert wrong == {
        name: figures["hand"]["forward"] * (fields["groups"] - 1)
        for name, figures in COUNTED.items()
        for fields in figures["spec"].values()
        if isinstance(fields, dict) and fields.get("groups", 1) > 1
    }
    assert {"conv_grouped", "conv_depthwise", "conv_transpose_grouped"} <= wrong.keys()


@pytest.mark.parametrize("name", sorted(SAVED.keys() - COMPOSED))
def test_what_is_kept_is_what_pytorch_keeps(name: str) -> None:
    figures = SAVED[name]
    config, shapes = layer_of(figures["spec"], figures["shapes"])
    kept = config.kept(Wanted((True,) * len(shapes), weights=True), *shapes)
    own = 4 * (kept.numbers + kept.shared_numbers) + kept.bytes + kept.shared_bytes
    theirs = Memory(
        tuple(figures["inputs"]), figures["output"], sum(row["bytes"] * row["count"] for row in figures["other"])
    )
    assert (theirs, Memory(kept.inputs, kept.output, own)) == OTHERWISE.get(name, (theirs, theirs))


def test_what_is_otherwise_is_so() -> None:
    assert OTHERWISE.keys() | COMPOSED <= SAVED.keys()
    assert all(theirs != ours for theirs, ours in OTHERWISE.values())
