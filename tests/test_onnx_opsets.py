"""Every kind at every opset that can be written: ONNX's checker, ONNX Runtime and `import` take it for what it is."""

from __future__ import annotations

import random
import re
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import MANY, exported
from test_onnx_round_trip import ALIKE
from test_onnx_write import NOT_RUN, network_of, random_inputs, unwritten, varied

import convcalc
from convcalc import layers
from convcalc.exports.onnx.run import NotRun, run
from convcalc.exports.onnx.write import LEAST_OPSET, NEWEST_OPSET, OPSET, model
from convcalc.imports.onnx.walk import of_bytes
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.network import Network
from convcalc.readable.text import text
from convcalc.reference.weights import RandomWeights

OPSETS = range(LEAST_OPSET, NEWEST_OPSET + 1)

NORMS = {*ALIKE, "group_norm", "layer_norm"}
"""Of some shapes these are the same, and an older opset says only one of them."""


def written_at(network: Network, opset: int, name: str) -> onnx.ModelProto | None:
    """The model in that opset's operators; None where it has none for it, and the error names the first that has."""
    if unwritten(network) is not None:
        return None  # of a kind or configuration that no opset says
    reason = unwritten(network, opset)
    if reason is not None:
        newer = re.search(r"; opset (\d+) has$", reason)
        assert newer, (name, reason)
        assert opset < int(newer[1])
        assert unwritten(network, int(newer[1])) != reason
        return None
    return model(network, opset=opset)


def costs(written: onnx.ModelProto) -> tuple[set[str], tuple[int, int, int], Any]:
    """What is read of a model: kinds that cost something, the totals, and the shapes that leave."""
    imported = of_bytes(written.SerializeToString(), "model.onnx")
    report = convcalc.analyze(loads(Source("model.yaml", text(imported, flat=True))))
    costly = {row.kind for row in report.layers if row.params or row.macs or row.elementwise_ops}
    shapes = [report.network.nodes[place].shape for place in report.network.outputs]
    return costly, (report.totals.params, report.totals.macs, report.totals.buffers), shapes


@pytest.mark.parametrize("opset", OPSETS)
def test_every_kind_says_the_same(opset: int) -> None:
    draw = random.Random(opset)
    compared = 0
    for name in layers.names() * (MANY or 1):
        network = network_of(name, varied(name, draw))
        written = written_at(network, opset, name)
        if written is None:
            continue
        arrays = RandomWeights(network).of
        if not network.layers[0].config.arrays(*network.shapes_into(network.layers[0])) or opset % 4 == 1:
            onnx.checker.check_model(exported(network, arrays, opset=opset), full_check=True)
        named = {f"layer.{array}": numbers for array, numbers in arrays(network.input_count).items()}
        inputs = list(random_inputs(network).values())
        try:
            first, other = (run(item, named, inputs)[0] for item in (model(network), written))
        except NotRun:
            assert name in {*NOT_RUN, "global_lp_pool"}  # which ONNX Runtime has no kernel for from 22 on
            continue
        assert np.allclose(first, other, rtol=1e-4, atol=1e-5, equal_nan=True), name
        compared += 1
    assert compared > 0.8 * len(layers.names())


@pytest.mark.parametrize("opset", [opset for opset in OPSETS if opset != OPSET])
def test_every_kind_comes_back_the_same(opset: int) -> None:
    draw = random.Random(opset)
    for name in layers.names():
        network = network_of(name, varied(name, draw))
        written = written_at(network, opset, name)
        if written is None:
            continue
        now, (kinds, totals, shapes) = costs(model(network)), costs(written)
        assert (totals, shapes) == now[1:], name
        assert kinds == now[0] or kinds | now[0] <= NORMS, name
