"""`convcalc export --to keras-json`: a config that Keras builds, with the layers of the spec.

What Keras builds is skipped without it; CONVCALC_LONG=1 runs all of the zoo, CONVCALC_EXAMPLES=1000 so many of each.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from conftest import MANY
from keras_runs import keras_counts
from typer.testing import CliRunner

import convcalc
from convcalc import Network, analyze, layers
from convcalc.battery.cases import generated
from convcalc.battery.networks import NETWORKS
from convcalc.exports.errors import CannotWrite, Unwritten
from convcalc.exports.keras_json import write
from convcalc.language import Source, library, loads, zoo

LONG = bool(os.environ.get("CONVCALC_LONG"))
SHORT_ZOO = ("mobilenet_v2", "resnet18", "squeezenet1_1")
SEED = int(os.environ.get("CONVCALC_SEED", random.randrange(2**32)))
TIMES = MANY or 2

SPEC = """\
name: two
inputs: {image: [3, 10, 10], words: [6, 8]}
layers:
  - conv: {name: stem, from: image, out_channels: 4, kernel_size: 3, stride: 2, padding: 1}
  - relu: {name: bent}
  - max_pool: {name: pool, kernel_size: 3, stride: 2, padding: 1}
  - conv: {name: first, out_channels: 4, kernel_size: 3, padding: same}
  - conv: {name: second, out_channels: 4, kernel_size: 3, padding: same, share: first}
  - global_avg_pool: {name: mean}
  - lstm: {name: steps, from: words, hidden_size: 4, output: last, recurrent_bias: false}
  - mul: {name: weighed, from: [second, steps]}
outputs: [mean, weighed]
"""


def two() -> Network:
    return loads(Source("two.yaml", SPEC))


def layers_of(network: Network) -> dict[str, Any]:
    return {layer["name"]: layer for layer in json.loads(write(network))["config"]["layers"]}


def refused(network: Network) -> tuple[Unwritten, ...]:
    """The layers that Keras cannot say."""
    try:
        write(network)
    except CannotWrite as error:
        return error.layers
    return ()


def test_layers_are_called_as_in_the_spec_and_padding_stands_before_them() -> None:
    written = layers_of(two())
    assert {name: layer["class_name"] for name, layer in written.items()} == {
        "image": "InputLayer", "words": "InputLayer", "stem_pad": "ZeroPadding2D", "stem": "Conv2D", "bent": "ReLU",
        "pool": "MaxPooling2D", "first": "Conv2D", "mean": "GlobalAveragePooling2D", "steps": "LSTM",
        "weighed_reshape": "Reshape", "weighed": "Multiply",
    }  # fmt: skip
    assert written["image"]["config"]["batch_shape"] == [None, 10, 10, 3]
    assert written["words"]["config"]["batch_shape"] == [None, 6, 8]
    assert written["stem_pad"]["config"]["padding"] == [[1, 1], [1, 1]]
    assert written["pool"]["config"]["padding"] == "same"
    assert len(written["first"]["inbound_nodes"]) == 2  # second is the same layer again
    (by_reference, beside), *_ = [node["args"][0] for node in written["weighed"]["inbound_nodes"]]
    assert by_reference["config"]["keras_history"] == ["first", 1, 0]
    assert beside["config"]["shape"] == [None, 1, 1, 4]
    assert beside["config"]["keras_history"] == ["weighed_reshape", 0, 0]


def test_tensors_are_turned_where_a_layer_needs_them_otherwise() -> None:
    two_layers = "  - conv: {out_channels: 2, kernel_size: 1}\n  - linear: {name: fc, out_features: 7}\n"
    spec = f"input: [3, 4, 5]\nlayers:\n{two_layers}"
    written = layers_of(loads(Source("turned.yaml", spec)))
    assert [layer["class_name"] for layer in written.values()] == ["InputLayer", "Conv2D", "Permute", "Dense"]
    assert written["fc_permute"]["config"]["dims"] == [3, 1, 2]


def test_layers_that_keras_would_drop_are_named() -> None:
    spec = "input: [3]\nlayers:\n  - linear: {name: unused, out_features: 7}\n  - relu: {from: input}\n"
    (layer,) = refused(loads(Source("dead.yaml", spec)))
    assert (layer.layer, layer.line, "nothing that leaves" in layer.reason) == ("unused", 3, True)


def test_names_are_those_that_every_backend_takes() -> None:
    spec = "blocks:\n  a: {layers: [{conv: {name: b, out_channels: 2, kernel_size: 1}}]}\ninput: [3, 4, 4]\n"
    spec += "layers:\n  - a: {name: x}\n  - relu: {name: x_b}\n  - conv: {name: c, out_channels: 1, kernel_size: 2, "
    spec += "padding: [[1, 0], [0, 0]]}\n  - relu: {name: c_pad}\n"
    written = layers_of(loads(Source("names.yaml", spec)))
    assert list(written) == ["input", "x_b", "x_b_2", "c_pad_2", "c", "c_pad"]


def test_on_the_command_line(tmp_path: Path) -> None:
    spec, path = tmp_path / "two.yaml", tmp_path / "two.json"
    spec.write_text(SPEC, "utf-8")
    result = CliRunner().invoke(application(), ["export", str(spec), "-o", str(path)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert path.read_text("utf-8") == write(two())
    result = CliRunner().invoke(application(), ["export", "zoo:convnext_tiny", "-o", "-", "--to", "keras-json"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "18 layers have no form in a Keras config; nothing is written" in result.stderr


@pytest.mark.parametrize("kind", layers.names())
def test_a_kind_is_written_or_named(kind: str) -> None:
    draw = random.Random(SEED)
    for _ in range(TIMES * 4):
        network = generated(kind, draw).network()
        named = refused(network)
        assert [layer.kind for layer in named] in ([], [kind])
        assert all(layer.reason for layer in named)
        if not named:
            written = json.loads(write(network))["config"]["layers"]
            assert len({layer["name"] for layer in written}) == len(written)


def read_back(network: Network, path: Path) -> Network:
    """What the Keras reader makes of the config."""
    path.write_text(write(network), "utf-8")
    return convcalc.load(path)


def costs(network: Network) -> tuple[int, int, int]:
    totals = analyze(network).totals
    return totals.params, totals.buffers, totals.macs


def left(network: Network) -> list[tuple[int, ...]]:
    return [network.nodes[place].shape for place in network.outputs]


@pytest.mark.parametrize("name", zoo.names() if LONG else SHORT_ZOO)
def test_the_zoo_is_read_back(name: str, tmp_path: Path) -> None:
    network = convcalc.load(f"zoo:{name}")
    if not refused(network):
        again = read_back(network, tmp_path / "net.json")
        assert (costs(again), left(again)) == (costs(network), left(network))


@pytest.mark.parametrize("subject", [*layers.names(), *NETWORKS, *library.block_names(), "two"])
def test_what_is_generated_is_read_back(subject: str, tmp_path: Path) -> None:
    """With the same costs; where nothing in a config tells the channels, shapes are the same but for the layout."""
    draw = random.Random(SEED)
    for _ in range(TIMES):
        network = two() if subject == "two" else generated(subject, draw).network()
        if not refused(network):
            again = read_back(network, tmp_path / "net.json")
            assert costs(again) == costs(network)
            assert [sorted(shape) for shape in left(again)] == [sorted(shape) for shape in left(network)]


def compare(network: Network) -> None:
    """Keras has as many numbers, and its outputs are these, in either layout."""
    totals = analyze(network).totals
    learned, kept, shapes = keras_counts(network)
    assert (learned, kept) == (totals.params, totals.buffers)
    for place, legal in zip(network.outputs, shapes, strict=True):
        assert network.nodes[place].shape in legal


@pytest.mark.parametrize("name", zoo.names() if LONG else SHORT_ZOO)
def test_keras_builds_the_zoo(name: str) -> None:
    pytest.importorskip("keras")
    network = convcalc.load(f"zoo:{name}")
    if not refused(network):
        compare(network)


@pytest.mark.parametrize("subject", [*layers.names(), *NETWORKS, *library.block_names(), "two"])
def test_keras_builds_what_is_generated(subject: str) -> None:
    pytest.importorskip("keras")
    draw = random.Random(SEED)
    for _ in range(TIMES):
        network = two() if subject == "two" else generated(subject, draw).network()
        if not refused(network):
            compare(network)
