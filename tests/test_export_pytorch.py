"""`convcalc export --to pytorch`: code that compiles and reads well, and in torch is what the spec says.

What runs in torch is skipped without it; CONVCALC_LONG=1 runs all of the zoo, CONVCALC_EXAMPLES=1000 so many of each.
"""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import application
from conftest import MANY
from torch_runs import UNCOUNTED, largest_difference, measured
from typer.testing import CliRunner

import convcalc
from convcalc import Network, analyze, layers
from convcalc.battery.cases import generated
from convcalc.battery.networks import NETWORKS
from convcalc.exports.errors import CannotWrite, Unwritten
from convcalc.exports.pytorch.module import source
from convcalc.language import Source, library, loads, zoo

GOLDEN = Path(__file__).parent / "golden" / "pytorch"
LONG = bool(os.environ.get("CONVCALC_LONG"))
SHORT_ZOO = ("resnet18", "googlenet", "mobilenet_v3_small", "unet", "wavenet")
SEED = int(os.environ.get("CONVCALC_SEED", random.randrange(2**32)))
TIMES = MANY or 3

SEVERAL = (
    """\
name: 'several """
    '"""'
    """ things'
source: |
  a # b
  import os
inputs: {image: [3, 9, 9], other: [4, 5, 5]}
blocks:
  twice:
    inputs: [a, b]
    layers:
      - conv: {name: first, from: a, out_channels: 4, kernel_size: 3, padding: same}
      - add: {from: [first, b]}
layers:
  - conv: {name: stem, from: image, out_channels: 4, kernel_size: 3, stride: 2, padding: same}
  - twice: {name: one_, from: [stem, other]}
  - twice: {name: again, from: [one_, other], share: one_}
  - pad: {name: ring, from: again, padding: [[0, 2], [1, 1]], mode: reflect}
  - conv: {name: forward, out_channels: 4, kernel_size: 3}
  - conv: {name: wide, from: forward, out_channels: 4, kernel_size: 3, dilation: 2, padding: 2, share: forward}
  - batch_norm: {name: norm}
  - leaky_relu: {negative_slope: 0.2}
outputs: [again, leaky_relu1]
"""
)


def several() -> Network:
    return loads(Source("several.yaml", SEVERAL))


def refused(network: Network) -> tuple[Unwritten, ...]:
    """The layers that torch cannot say."""
    try:
        source(network)
    except CannotWrite as error:
        return error.layers
    return ()


def checked(network: Network) -> ast.Module:
    """The code as Python reads it: no class holds two things under one name, and no name stands for nothing."""
    text = source(network).text
    tree = ast.parse(text)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert len({made.name for made in classes}) == len(classes)
    for made in classes:
        stores = [
            node.attr for node in ast.walk(made) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        ]
        assert len(set(stores)) == len(stores) or made is classes[-1], made.name  # the last one ties weights
    return tree


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "several"])
def test_the_text_is_what_it_was(name: str) -> None:
    network = several() if name == "several" else convcalc.load(f"zoo:{name}")
    path = GOLDEN / f"{name}.txt"
    text = source(network).text
    if os.environ.get("CONVCALC_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all code that the zoo and the small networks make."""
    folder, draw = tmp_path_factory.mktemp("code"), random.Random(SEED)
    networks = {name: convcalc.load(f"zoo:{name}") for name in zoo.names()} | {"several": several()}
    for name in [*NETWORKS, *library.block_names()]:
        networks[f"small_{name}"] = generated(name, draw).network()
    for name, network in networks.items():
        if not refused(network):
            (folder / f"{name}.py").write_text(source(network).text, "utf-8")
            checked(network)
    return folder


def test_the_code_is_formatted_as_ruff_formats_it_and_uses_what_it_imports(written: Path) -> None:
    pytest.importorskip("ruff")
    for arguments in (["format", "--check"], ["check", "--select", "E9,F,B"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--isolated", "--no-cache", "--line-length", "120"]
        done = subprocess.run([*command, str(written)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (SEED, done.stdout[-2000:], done.stderr)


@pytest.mark.parametrize("kind", layers.names())
def test_a_kind_is_written_or_named(kind: str) -> None:
    draw = random.Random(SEED)
    for _ in range(TIMES * 4):
        network = generated(kind, draw).network()
        named = refused(network)
        if named:
            assert [layer.kind for layer in named] == [kind]
            assert all(layer.reason for layer in named)
        else:
            checked(network)


def test_on_the_command_line(tmp_path: Path) -> None:
    spec, path = tmp_path / "net.yaml", tmp_path / "net.py"
    spec.write_text(SEVERAL, "utf-8")
    result = CliRunner().invoke(application(), ["export", str(spec), "-o", str(path)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert path.read_text("utf-8") == source(several()).text
    spec.write_text("input: [3, 8, 8]\nlayers:\n  - relu\n  - opaque: {name: a, output_shape: [2]}\n", "utf-8")
    result = CliRunner().invoke(application(), ["export", str(spec), "-o", str(tmp_path / "no.py")])
    assert result.exit_code == 2
    assert "1 layer has no form in PyTorch code; nothing is written" in result.stderr
    assert "line 4: a (opaque): nothing says what it computes" in result.stderr
    assert not (tmp_path / "no.py").exists()


def compare(network: Network) -> None:
    """What torch has of the code is what convcalc says of the network."""
    totals, there = analyze(network).totals, measured(network)
    shapes = [network.nodes[place].shape for place in network.outputs]
    assert (there.params, there.buffers, there.outputs) == (totals.params, totals.buffers, shapes)
    uncounted = [node for node in network.layers if node.kind in UNCOUNTED]
    macs = totals.macs - sum(node.config.macs(*network.shapes_into(node)) for node in uncounted)
    assert there.macs in {macs, totals.macs}


@pytest.mark.parametrize("name", zoo.names() if LONG else SHORT_ZOO)
def test_torch_counts_the_same_in_the_zoo(name: str) -> None:
    pytest.importorskip("torch")
    compare(convcalc.load(f"zoo:{name}"))


DATA_DECIDES = {"embedding", "gather", "lstm", "gru", "rnn"}
"""Kinds that take indices, or whose gates torch has in another order."""


@pytest.mark.parametrize("subject", [*layers.names(), *NETWORKS, *library.block_names(), "several"])
def test_torch_computes_the_same(subject: str) -> None:
    pytest.importorskip("torch")
    draw = random.Random(SEED)
    for _ in range(TIMES):
        network = several() if subject == "several" else generated(subject, draw).network()
        if refused(network):
            continue
        compare(network)
        if not DATA_DECIDES & {node.kind for node in network.layers}:
            assert largest_difference(network, SEED) < 1e-6, (SEED, subject)
