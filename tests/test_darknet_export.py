"""Networks as a .cfg of Darknet: what is written is read back as it was, and what a .cfg cannot say is named.

CONVCALC_DARKNET=/path/to/darknet has pjreddie's program count what is written, too.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from test_darknet import DATA, DRAWN, FAMILIES, WITNESSES

import convcalc
from convcalc.exports.darknet import FORMAT, write
from convcalc.exports.errors import CannotWrite
from convcalc.language import loads
from convcalc.language.source import Source
from convcalc.network import Network

ZOO = Path(__file__).parent.parent / "specs" / "zoo"
SAYABLE = {
    *("alexnet", "alexnet_original", "efficientnet_b0", "googlenet", "mobilenet_v1", "mobilenet_v1_standard"),
    *("mobilenet_v2", "repvgg_a0", "resnet18", "resnet50", "resnext50_32x4d", "senet154", "seresnet50"),
    *("squeezenet1_0", "squeezenet1_1", "unet", "vgg16"),
}
DARKNET = os.environ.get("CONVCALC_DARKNET", "")


def network_of(text: str) -> Network:
    return loads(Source("net.yaml", text))


def figures(network: Network) -> tuple[int, int, int, list[tuple[int, ...]]]:
    """Totals and the shapes that leave; a row of numbers is a map of one position."""
    totals = convcalc.analyze(network).totals
    shapes = [network.nodes[output].shape for output in network.outputs]
    rows = sorted(shape[:1] if set(shape[1:]) <= {1} else shape for shape in shapes)
    return totals.params, totals.buffers, totals.macs, rows


def there_and_back(network: Network, tmp_path: Path) -> str:
    """What is written, which says the same network."""
    text = write(network)
    (tmp_path / "back.cfg").write_text(text)
    assert figures(convcalc.load(tmp_path / "back.cfg")) == figures(network), text
    return text


def refusal(text: str) -> CannotWrite:
    with pytest.raises(CannotWrite) as refused:
        write(network_of(text))
    return refused.value


def test_a_small_network_is_written_as_a_person_would() -> None:
    text = """
name: small
input: [3, 32, 32]
layers:
  - conv: {out_channels: 8, kernel_size: 3, padding: 1, bias: false}
  - batch_norm
  - relu: {name: stem}
  - max_pool: 2
  - concat: {branches: [[], [{conv: {out_channels: 4, kernel_size: 1, groups: 4}}]]}
  - conv: {out_channels: 12, kernel_size: 3, stride: 2, padding: 1}
  - leaky_relu: {name: wide, negative_slope: 0.1}
  - conv: {out_channels: 12, kernel_size: 5, padding: 2}
  - add: {name: sum, from: [conv4, wide]}
  - relu
  - global_avg_pool
  - dropout
  - linear: 10
  - softmax
"""
    assert write(network_of(text)) == SMALL


SMALL = """\
# small, written by convcalc
[net]
batch=1
subdivisions=1
channels=3
height=32
width=32

# conv1, batch_norm1, stem
[convolutional]
batch_normalize=1
filters=8
size=3
stride=1
pad=1
activation=relu

# max_pool1
[maxpool]
size=2
stride=2

# conv2
[convolutional]
filters=4
size=1
stride=1
groups=4
activation=linear

# concat1
[route]
layers=-2,-1

# conv3, wide
[convolutional]
filters=12
size=3
stride=2
pad=1
activation=leaky

# conv4
[convolutional]
filters=12
size=5
stride=1
pad=1
activation=linear

# sum, relu2
[shortcut]
from=-2
activation=relu

# global_avg_pool1
[avgpool]

# dropout1
[dropout]
probability=0.5

# linear1
[connected]
output=10
activation=linear

# softmax1
[softmax]
groups=1
"""


@pytest.mark.parametrize("name", sorted(path.stem for path in ZOO.glob("*.yaml")))
def test_the_zoo_is_written_or_what_is_missing_is_named(name: str, tmp_path: Path) -> None:
    network = convcalc.load(ZOO / f"{name}.yaml")
    if name in SAYABLE:
        there_and_back(network, tmp_path)
        return
    with pytest.raises(CannotWrite) as refused:
        write(network)
    kinds = {(node.name, node.kind) for node in network.layers}
    assert {(layer.layer, layer.kind) for layer in refused.value.layers} <= kinds


@pytest.mark.parametrize(
    "name", sorted({*WITNESSES} - {"go.cfg", "resnet18.cfg", "resnet50.cfg", "strided.cfg", "yolov1.cfg"})
)
def test_a_cfg_is_written_back(name: str, tmp_path: Path) -> None:
    there_and_back(convcalc.load(DATA / name), tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_drawn_networks_are_written_back(family: str, tmp_path: Path) -> None:
    written, refusals = 0, list[CannotWrite]()
    for drawn in DRAWN:
        (tmp_path / "net.cfg").write_text(drawn["cfg"])
        if drawn["family"] != family:
            continue
        network = convcalc.load(tmp_path / "net.cfg")
        try:
            there_and_back(network, tmp_path)
            written += 1
        except CannotWrite as refused:
            refusals.append(refused)
    assert all(refused.layers or "no Darknet reads all" in str(refused) for refused in refusals)
    assert written >= 25


def test_every_layer_that_is_not_said_is_named() -> None:
    text = """
input: [3, 32, 32]
layers:
  - conv: {name: wide, out_channels: 8, kernel_size: [3, 5]}
  - layer_norm: {name: norm, axes: [0]}
  - conv: {name: bare, out_channels: 8, kernel_size: 3, bias: false}
  - leaky_relu: {name: steep, negative_slope: 0.3}
  - conv: {name: apart, out_channels: 8, kernel_size: 3, padding: [[0, 1], [0, 1]]}
"""
    error = refusal(text)
    assert [(layer.layer, layer.kind) for layer in error.layers] == [
        ("wide", "conv"), ("norm", "layer_norm"), ("steep", "leaky_relu"), ("apart", "conv"), ("bare", "conv")
    ]  # fmt: skip
    assert str(error).startswith(
        f"5 layers that {FORMAT} does not say: wide (conv): kernel_size [3, 5] is not the same"
    )


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ("[{conv: {out_channels: 4, kernel_size: 3, dilation: 2}}]", "dilation with a padding that does not keep"),
        ("[{max_pool: {kernel_size: 3, dilation: 2}}]", "a pool with dilation"),
        ("[{max_pool: {kernel_size: [2, 3], stride: 2}}]", "kernel_size [2, 3] is not the same on both axes"),
        ("[{avg_pool: {kernel_size: 3, padding: 1}}]", "padding counts in the mean"),
        ("[{linear: 4}]", "[connected] reads all numbers, not rows of them"),
        ("[{upsample: {scale_factor: 2, mode: bilinear}}]", "[upsample] repeats every position equally often"),
        ("[{softmax: {}}]", "[softmax] is over all numbers that enter"),
        ("[{slice: {start: 1}}]", "[route] takes one of so many equal parts"),
        ("[{concat: {axis: 1, branches: [[], []]}}]", "[route] lays channels end to end alone"),
        ("[{batch_norm: {affine: false}}]", "a norm without a scale or a shift"),
        (
            "[{conv_transpose: {out_channels: 2, kernel_size: 2, groups: 1, output_padding: 1, stride: 2}}]",
            "at the end alone",
        ),
        ("[{gelu: {}}]", "approximate none, where Darknet's is tanh"),
        ("[{opaque: {output_shape: [3, 4, 4]}}]", "no section is like it"),
        ("[{conv: {name: a, out_channels: 3, kernel_size: 1}}, {conv: {share: a}}]", "its weights are another layer's"),
        (
            "[{conv_transpose: {out_channels: 2, kernel_size: 2, stride: 2}}, relu6]",
            "no Darknet reads all of this network: pjreddie alone reads [deconvolutional]; AlexeyAB alone",
        ),
    ],
)
def test_what_a_cfg_has_nothing_for(layers: str, words: str) -> None:
    assert words in str(refusal(f"input: [3, 16, 16]\nlayers: {layers}\n"))


def test_only_one_map_enters() -> None:
    assert "2 tensors enter" in str(refusal("inputs: {a: [3, 8, 8], b: [3, 8, 8]}\nlayers: [{add: {from: [a, b]}}]\n"))
    assert "[3, 8, 8, 8] enters" in str(refusal("input: [3, 8, 8, 8]\nlayers: [relu]\n"))


@pytest.mark.parametrize(
    "layers",
    [
        "[{add: {branches: [[], [{conv: {out_channels: 3, kernel_size: 1}}]]}}]",
        "[{mul: {branches: [[], [global_avg_pool, sigmoid]]}}, {mul: {branches: [[], [tanh]]}}]",
        (
            "[{conv: {name: a, out_channels: 4, kernel_size: 1}}, {conv: {name: b, out_channels: 4, kernel_size: 1}}, "
            "{conv: {name: c, from: a, out_channels: 4, kernel_size: 1}}, {add: {from: [a, b, c]}}, relu]"
        ),
        "[{conv: {out_channels: 4, kernel_size: 1}}, batch_norm, {pixel_unshuffle: 2}, {pixel_shuffle: 2}]",
        "[{crop: {size: 12}}, {affine: {factor: 2, addend: -1}}, {local_response_norm: 5}, flatten, {linear: 7}, tanh]",
        "[{split: {sections: 3, part: 1}}, {slice: {start: 0}}, {upsample: {scale_factor: 3}}]",
        "[{conv: {out_channels: 4, kernel_size: 3, stride: [1, 2], padding: 2, dilation: 2, bias: false}}, batch_norm]",
        "[{max_pool: {kernel_size: 3, stride: 2, padding: 1}}, {avg_pool: 2}, {adaptive_avg_pool: 2}, {avg_pool: 2}]",
    ],
)
def test_forms_that_a_cfg_has(layers: str, tmp_path: Path) -> None:
    there_and_back(network_of(f"input: [3, 16, 16]\nlayers: {layers}\n"), tmp_path)


@pytest.mark.skipif(not DARKNET, reason="CONVCALC_DARKNET names no program")
@pytest.mark.parametrize("name", sorted(SAYABLE))
def test_darknet_counts_what_is_written(name: str, tmp_path: Path) -> None:
    """`darknet ops` counts two operations for each MAC; what `darknet partial` saves is all params and buffers."""
    network = convcalc.load(ZOO / f"{name}.yaml")
    text = write(network)
    if "AlexeyAB's Darknet alone reads: [scale_channels]" in text or "deconvolutional" in text:
        pytest.skip("sections that this program does not know, or does not count")
    (tmp_path / "net.cfg").write_text(text)
    ran = subprocess.run([DARKNET, "ops", "net.cfg"], cwd=tmp_path, capture_output=True, text=True, check=True)
    (operations,) = re.findall(r"Operations: (\d+)$", ran.stdout, re.MULTILINE)
    subprocess.run([DARKNET, "partial", "net.cfg", "", "w", "9999"], cwd=tmp_path, capture_output=True, check=True)
    totals = convcalc.analyze(network).totals
    assert int(operations) == 2 * totals.macs
    assert (tmp_path / "w").stat().st_size == 20 + 4 * (totals.params + totals.buffers)
