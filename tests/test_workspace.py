"""What is said of the memory that a run takes, held against what it really takes: arrays as Python counts them."""

from __future__ import annotations

import random
import tracemalloc
from math import prod

import numpy as np
import pytest
from conftest import MANY, load

from convcalc import layers, verify
from convcalc.language import Source, loads
from convcalc.layers import Kind, Shape
from convcalc.reference.execution import run_layer
from convcalc.reference.memory import WORKSPACE_BYTES, TooLarge, bytes_needed
from convcalc.reference.weights import drawn
from convcalc.reference.workspace import workspace
from convcalc.tensors import elements, products
from convcalc.tensors.engine import Engine

ELEMENTS = 60_000
"""Of all that enters and leaves in a batch, so that arrays are more than what Python holds beside them."""

BY_ITEM = {"gather", "scatter", "roi_align", "trilu"}
"""Kinds whose references go through the batch, with some objects for each item."""

SMALL_BYTES, ITEM_BYTES = 150_000, 1_200


def taken(config: Kind, inputs: tuple[Shape, ...], batch: int) -> int:
    """The bytes that a layer takes at most at a time while it runs, beside what enters."""
    generator = np.random.default_rng(0)
    float32 = np.dtype("float32")
    arrays = {name: drawn(generator, name, shape, float32) for name, shape in config.arrays(*inputs).items()}
    entering = [generator.standard_normal((batch, *shape)).astype(float32) for shape in inputs]
    engine = Engine()
    with np.errstate(all="ignore"):
        tracemalloc.start()
        try:
            run_layer(engine, config, arrays, entering)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("name", [name for name in layers.names() if load(name).costed])
def test_every_kind_holds_no_more_than_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many alike, as a batch, so that what grows with sizes shows; blocks are small, as they do not count."""
    monkeypatch.setattr(elements, "CACHED", 1024)
    monkeypatch.setattr(products, "BUFFERED", 4096)
    for seed in range(MANY or 1):
        config, inputs = load(name).case(random.Random(f"{name}{seed}"))
        output = config.shape(*inputs)
        batch = max(1, ELEMENTS // (sum(map(prod, inputs)) + prod(output)))
        batch = min(batch, 64) if name in BY_ITEM else batch
        bound = 4 * batch * (workspace(config, name, inputs, output) + prod(output))
        beside = SMALL_BYTES + ITEM_BYTES * batch * (name in BY_ITEM)
        assert taken(config, inputs, batch) <= bound + beside, (config, inputs)


HUNGRY = {
    "tokens that attend to each other": ("[700, 8]", ["attention: 4"]),
    "attention in one head": ("[900, 8]", ["scaled_dot_product_attention: {from: [input, input, input]}"]),
    "taps side by side": ("[2, 120, 120]", ["unfold: {kernel_size: 9, padding: 4}"]),
    "classes": ("[300]", ["one_hot: {num_classes: 8000}"]),
    "a window over nearly all": ("[1, 3000]", ["max_pool_indices: {kernel_size: 1000, stride: 2}"]),
    "a pad that is taken off": ("[1, 4]", ["pad: {padding: 900000}", "crop: {size: 1}"]),
    "a window with its padding": (
        "[1, 4]", ["conv: {out_channels: 1, kernel_size: 3, padding: 700000, stride: 700000}"]),
    "a pool with its padding": ("[8, 4]", ["avg_pool: {kernel_size: 20001, padding: 20000, stride: 30000}"]),
    "a map between two axes": ("[1, 2, 4000]", ["upsample: {size: [2000, 1], mode: bilinear}"]),
    "what a transposed window writes and is cropped": (
        "[1, 20]", ["conv_transpose: {out_channels: 1, kernel_size: 1, stride: 70000, padding: 600000}"]),
    "neighbours of channels": ("[200, 3000]", ["local_response_norm: 2147483647"]),
    "deformed taps": (
        "[4, 50, 50]",
        ["conv: {name: offset, out_channels: 98, kernel_size: 7, padding: 3}",
         "deform_conv: {from: [input, offset], out_channels: 4, kernel_size: 7, padding: 3}"]),
    "states": ("[1000, 8]", ["lstm: 120"]),
}  # fmt: skip


@pytest.mark.parametrize("name", HUNGRY)
def test_what_takes_more_than_it_leaves(name: str) -> None:
    """The whole run, probes among it, takes what is said, and a good part of it: no bound is far off."""
    shape, items = HUNGRY[name]
    network = loads(Source("net.yaml", f"input: {shape}\nlayers:\n" + "".join(f"  - {item}\n" for item in items)))
    needed = bytes_needed(network, "float32") - WORKSPACE_BYTES
    peaks = [taken(node.config, tuple(network.shapes_into(node)), 1) for node in network.layers]
    assert needed > 3_000_000
    assert needed / 12 <= max(peaks) <= needed + SMALL_BYTES + 4 * 2**20
    with pytest.raises(TooLarge):
        verify(network, most_bytes=WORKSPACE_BYTES)


IMMENSE = {
    "attention: 4": "[65536, 64]",
    "unfold: {kernel_size: 9, padding: 4}": "[64, 512, 512]",
    "one_hot: {num_classes: 1000000}": "[100, 100]",
    "pad: {padding: 1000000000}": "[1, 4]",
    "upsample: {size: 1000000000}": "[1, 4]",
    "max_pool_indices: {kernel_size: 100000, stride: 1}": "[1, 400000]",
    "conv: {out_channels: 1, kernel_size: 2000000001, padding: 1000000000}": "[1, 4]",
    "conv_transpose: {out_channels: 1, kernel_size: 1, stride: 99999, padding: 99999}": "[1, 100000]",
    "max_pool: {kernel_size: 2000000000, padding: 1000000000, stride: 2000000000}": "[1, 9]",
}


@pytest.mark.parametrize("item", IMMENSE)
def test_more_than_there_is_is_refused_before_anything_is_allocated(item: str) -> None:
    network = loads(Source("net.yaml", f"input: {IMMENSE[item]}\nlayers:\n  - {item}\n"))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            verify(network, most_bytes=4 * 2**30)
        assert tracemalloc.get_traced_memory()[1] < 10**7
    finally:
        tracemalloc.stop()
