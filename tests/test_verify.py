"""`convcalc verify` on specs: what is measured, what a disagreement looks like, and what is refused."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_cli import ROOT, TRACEBACK, run, started

import convcalc
from convcalc.layers.batch_norm import BatchNorm
from convcalc.layers.conv import Conv
from convcalc.layers.linear import Linear
from convcalc.reference import memory
from convcalc.reference.execution import execute
from convcalc.reference.verify import verify
from convcalc.reference.weights import RandomWeights
from convcalc.spec import Source, loads
from convcalc.tensors.engine import Engine

SEEDS = sorted((ROOT / "specs/seeds").glob("*.yaml"))
ZOO = sorted((ROOT / "specs/zoo").glob("*.yaml"))
SMALL: dict[str, tuple[int, ...]] = {
    "alexnet": (3, 67, 67),
    "alexnet_original": (3, 67, 67),
    "vgg16": (3, 32, 32),
    "googlenet": (3, 33, 33),
    "inception_v3": (3, 107, 107),
    "inception_v4": (3, 75, 75),
    "resnet18": (3, 65, 65),
    "resnet50": (3, 64, 64),
    "resnext50_32x4d": (3, 33, 33),
    "seresnet50": (3, 33, 33),
    "senet154": (3, 33, 33),
    "densenet121": (3, 33, 33),
    "xception": (3, 49, 49),
    "squeezenet1_0": (3, 33, 33),
    "squeezenet1_1": (3, 33, 33),
    "mobilenet_v1": (3, 65, 65),
    "mobilenet_v1_standard": (3, 33, 33),
    "mobilenet_v2": (3, 64, 64),
    "mobilenet_v3_large": (3, 33, 33),
    "mobilenet_v3_small": (3, 33, 33),
    "shufflenet_v1": (3, 33, 33),
    "shufflenet_v2": (3, 33, 33),
    "efficientnet_b0": (3, 33, 33),
    "ghostnet": (3, 33, 33),
    "repvgg_a0": (3, 32, 32),
    "convnext_tiny": (3, 32, 32),
    "unet": (1, 188, 188),
    "unet_keras": (1, 64, 64),
    "unet_keras_dilated": (1, 64, 64),
    "wavenet": (256, 400),
    "r3d_18": (3, 8, 32, 32),
    "fcn_resnet50": (3, 33, 33),
    "deeplabv3_resnet50": (3, 33, 33),
    "pspnet_resnet50": (3, 48, 48),
    "deeplabv3plus_xception65": (3, 33, 33),
    "ssd300_vgg16": (3, 300, 300),
    "rfbnet300_vgg16": (3, 300, 300),
    "dcn_resnet50": (3, 33, 33),
    "duc_resnet101": (3, 40, 40),
}
"""Input sizes at which the zoo runs quickly; CONVCALC_FULL=1 runs all of it at its own."""
THIN: dict[str, dict[str, str]] = {
    "senet154": {"depths": "[1, 2, 2, 1]"},
    "seresnet50": {"depths": "[1, 2, 2, 1]"},
    "resnext50_32x4d": {"width": "1"},
    "densenet121": {"growth": "8"},
    "mobilenet_v1_standard": {"width": "0.25"},
    "convnext_tiny": {"width": "24"},
    "fcn_resnet50": {"width": "8"},
    "deeplabv3_resnet50": {"width": "8"},
    "pspnet_resnet50": {"width": "8"},
    "dcn_resnet50": {"width": "8"},
    "duc_resnet101": {"width": "8"},
    "ssd300_vgg16": {"width": "8"},
    "rfbnet300_vgg16": {"width": "8"},
}
"""Fewer of the same layers, or narrower ones, where drawing the weights takes long."""
NET = """
input: [3, 9, 8]
expect: {params: 132, output: [4, 5, 4]}
layers:
  - conv: {name: stem, out_channels: 4, kernel_size: 3, stride: 2, padding: 1, bias: false}
  - batch_norm
  - relu
  - add:
      branches:
        - []
        - - conv: {name: shift, out_channels: 4, kernel_size: 1, bias: false, when: in_channels == 4}
          - batch_norm: {name: norm, affine: false}
"""


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def net(text: str = NET) -> convcalc.Network:
    return loads(Source("net.yaml", text))


def written(folder: Path, text: str = NET) -> str:
    path = folder / "net.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_seeds_are_as_claimed(path: Path) -> None:
    network = convcalc.load(path)
    macs = convcalc.analyze(network).totals.macs
    if macs > 1e11:
        with pytest.raises(memory.TooLarge):
            verify(network, most_bytes=2**40)
        return
    if macs > 3e8:  # the large ones with shorter axes; as they are, by hand
        channels, *sizes = network.inputs[0].shape
        network = convcalc.load(path, inputs={"input": (channels, *(min(size, 32) for size in sizes))})
    found = verify(network)
    assert found.agrees, found.disagreements
    assert all(layer.finite for layer in found.layers)


def test_all_of_the_zoo_is_run() -> None:
    assert sorted(SMALL) == [path.stem for path in ZOO]


@pytest.mark.parametrize("name", SMALL)
def test_zoo_is_as_claimed(name: str) -> None:
    inputs, variables = {"input": SMALL[name]}, THIN.get(name, {})
    found = verify(convcalc.load(f"specs/zoo/{name}.yaml", inputs=inputs, variables=variables))
    assert found.agrees, found.disagreements
    assert all(layer.finite for layer in found.layers)


@pytest.mark.skipif(not os.environ.get("CONVCALC_FULL"), reason="CONVCALC_FULL=1 takes half a minute")
@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_zoo_at_its_own_size_is_as_claimed(path: Path) -> None:
    found = verify(convcalc.load(path), threads=2, most_bytes=2**40)
    assert found.agrees, found.disagreements
    assert found.expectations


def test_resnet50_at_its_own_size_meets_the_published_totals() -> None:
    found = verify(convcalc.load("specs/zoo/resnet50.yaml"), threads=2)
    assert found.agrees
    assert found.totals["params"].measured == 25_557_032
    assert found.totals["buffers"].measured == 53_120
    assert found.totals["macs"].measured == 4_089_184_256
    assert {each.name for each in found.expectations} == {"params", "macs", "receptive_field", "output"}


def test_float64() -> None:
    found = verify(net(), dtype="float64")
    assert found.agrees
    assert found.totals["weight_bytes"].measured == 132 * 8


def test_a_layer_that_shares_has_no_arrays_of_its_own() -> None:
    text = """
input: [4, 6, 6]
layers:
  - conv: {name: first, out_channels: 4, kernel_size: 3, padding: 1}
  - conv: {name: again, out_channels: 4, kernel_size: 3, padding: 1, share: first}
"""
    found = verify(net(text))
    assert [layer.params.measured for layer in found.layers] == [148, 0]
    assert found.agrees


def test_what_does_not_depend_on_values_is_the_same_for_every_seed() -> None:
    one, other = (json.dumps(_measured(seed)) for seed in (1, 2))
    assert one == other


def _measured(seed: int) -> list[Any]:
    return [[layer.output_shape.measured, layer.macs.measured] for layer in verify(net(), seed=seed).layers]


# ---- disagreement ------------------------------------------------------------------------------------------------


def test_macs_that_are_claimed_wrongly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    right = Conv.macs
    monkeypatch.setattr(Conv, "macs", lambda self, x: right(self, x) + (self.kernel_size == (3, 3)))
    found = run("verify", written(tmp_path))
    assert found.code == 1
    assert "stem (line 5): MACs 2,161 claimed, 2,160 measured" in found.out
    assert "1 disagrees" in found.out
    assert found.out.count("✗") == 2  # of the layer and of the total


def test_params_that_are_claimed_and_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BatchNorm, "weights", lambda self, x: {"weight": (x[0],), "bias": (x[0],), "spare": (2,)})
    wrong = verify(net()).disagreements
    assert {layer.name for layer in wrong} == {"batch_norm1", "norm"}
    assert [(layer.params.claimed, layer.params.measured) for layer in wrong] == [(10, 8), (10, 0)]


def test_weights_of_a_wrong_shape_do_not_fit_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Linear, "weights", lambda self, x: {"weight": (self.out_features, 1), "bias": (1,)})
    found = verify(net("input: [6]\nlayers: [linear: 5, relu]"))
    assert [layer.agrees for layer in found.layers] == [False, True]  # the layer behind is measured all the same
    assert "5x1, where 5x6 is needed" in found.layers[0].problem


def test_a_shape_that_is_claimed_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Conv.shape
    monkeypatch.setattr(Conv, "shape", lambda self, x: (*right(self, x)[:-1], right(self, x)[-1] + 1))
    text = "input: [3, 9, 8]\nlayers: [conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}, relu]"
    stem = verify(net(text)).layers[0]
    assert stem.output_shape.claimed == (4, 5, 5)
    assert stem.output_shape.measured == (4, 5, 4)
    assert not stem.agrees


def test_an_expectation_that_is_not_met(tmp_path: Path) -> None:
    path = written(tmp_path, NET.replace("params: 132", "params: 133"))
    found = run("verify", path)
    assert found.code == 1
    assert "params 133 expected, 132 found ✗" in found.out
    assert "1 expectation not met" in found.out
    other = run("verify", path, "--input", "3x5x5")  # what is expected is of the spec's own sizes
    assert other.code == 0
    assert "expects" not in other.out


def test_a_peak_that_is_claimed_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    from convcalc.analysis import analyze

    right = analyze._peak
    monkeypatch.setattr(analyze, "_peak", lambda network, size: right(network, 2 * size))
    found = verify(net())
    assert not found.agrees
    assert found.totals["peak_activation_bytes"].claimed == 2 * found.totals["peak_activation_bytes"].measured


# ---- formats -----------------------------------------------------------------------------------------------------


def test_json_has_every_number_twice(tmp_path: Path) -> None:
    found = run("verify", written(tmp_path), "--format", "json")
    assert (found.code, found.err) == (0, "")
    document = json.loads(found.out)
    assert document["agrees"] is True
    assert document["totals"]["params"] == {"claimed": 132, "measured": 132, "agrees": True}
    assert [layer["name"] for layer in document["layers"]][:2] == ["stem", "batch_norm1"]
    assert document["layers"][0]["output_shape"] == {"claimed": [4, 5, 4], "measured": [4, 5, 4], "agrees": True}
    assert document["layers"][0]["receptive_field"]["agrees"] is True
    assert {each["name"] for each in document["expectations"]} == {"params", "output"}


def test_json_of_several_specs_is_an_array_and_a_broken_one_is_in_it(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("input: [2, 4\n")
    found = run("verify", written(tmp_path), str(broken), "--format", "json")
    assert found.code == 2
    first, second = json.loads(found.out)
    assert first["agrees"] is True
    assert second["agrees"] is None
    assert second["errors"][0]["code"] == "CC001"


def test_markdown_is_a_table(tmp_path: Path) -> None:
    found = run("verify", written(tmp_path), "--format", "markdown")
    rows = [line for line in found.out.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {7}
    assert "| stem | conv | 4x5x4 ✓ | 108 ✓ | 2,160 ✓ | 3 ✓ |" in rows


def test_piped_output_is_plain(tmp_path: Path) -> None:
    found = run("verify", written(tmp_path))
    assert "\x1b" not in found.out + found.err
    assert found.err == ""
    assert re.search(r"^6 layers run, \d+\.\d s: every number measured is as claimed$", found.out, re.MULTILINE)


def test_a_terminal_without_ticks_gets_words(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "convcalc", "verify", written(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "4x5x4 ok" in done.stdout
    assert "?" not in done.stdout


# ---- what is refused, and what is said -----------------------------------------------------------------------------


def test_one_layer_alone(tmp_path: Path) -> None:
    found = run("verify", written(tmp_path), "--layer", "norm")
    assert found.code == 0
    assert "1 layer run" in found.out
    wrong = run("verify", written(tmp_path), "--layer", "nrom")
    assert wrong.code == 2
    assert "did you mean `norm`?" in wrong.err


def test_a_network_too_large_is_refused_before_anything_is_allocated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    huge = "input: [3, 4000, 4000]\nlayers:\n  - conv: {out_channels: 30000, kernel_size: 3, padding: 1}\n"
    monkeypatch.setattr(np.random, "default_rng", lambda *_: pytest.fail("something was drawn"))
    found = run("verify", written(tmp_path, huge))
    assert found.code == 2
    assert re.search(r"it needs about [\d.]+ TiB of memory and may take [\d.]+ [GM]iB; --max-memory \d+GiB", found.err)
    small = run("verify", "specs/zoo/resnet18.yaml", "--max-memory", "16MiB")
    assert small.code == 2
    assert "may take 16.0 MiB" in small.err


def test_what_a_run_is_said_to_need_is_not_less_than_it_takes() -> None:
    network = convcalc.load("specs/zoo/vgg16.yaml", inputs={"input": (3, 64, 64)})
    tracemalloc.start()
    try:
        verify(network)
        _, taken = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    said = memory.bytes_needed(network, "float32")
    assert taken <= said <= memory.WORKSPACE_BYTES + 2 * taken


def test_an_overflow_is_said_and_is_no_disagreement(tmp_path: Path) -> None:
    squares = "input: [2, 3]\nlayers:\n" + "  - mul: {from: [previous, previous]}\n" * 12
    grown = squares.replace("layers:\n", "layers:\n  - elu: {alpha: 1}\n  - add: {from: [previous, previous]}\n")
    found = run("verify", written(tmp_path, grown))
    assert found.code == 0
    assert "values overflowed at mul" in found.out
    assert not TRACEBACK.search(found.out + found.err)


@pytest.mark.parametrize(
    ("body", "depth"), [("conv: {out_channels: 8, kernel_size: 1}", 400), ("squeeze_excite: {reduction: 2}", 100)]
)
def test_deep_networks_do_not_overflow(body: str, depth: int) -> None:
    text = f"input: [8, 4]\nlayers:\n  - add: {{branches: [[], [{{{body}}}]], repeat: {depth}}}\n"
    network = net(text)
    weights = RandomWeights(network)
    x = np.random.default_rng(0).standard_normal((1, 8, 4)).astype(np.float32)
    *_, last = execute(network, {"input": x}, weights, Engine())
    assert last.output is not None
    assert np.isfinite(last.output).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--cases", "0"), "--cases"),
        (("specs/zoo/vgg16.yaml", "--cases", "3"), "--cases"),
        (("--layer", "fc"), "--layer"),
        (("--against", "onnxruntime"), "--against"),
        (("specs/zoo/vgg16.yaml", "--max-memory", "much"), "--max-memory"),
        (("specs/zoo/vgg16.yaml", "--threads", "0"), "--threads"),
        (("specs/zoo/vgg16.yaml", "--dtype", "float16"), "--dtype"),
        (("specs/zoo/no.yaml",), "cannot be read"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], words: str) -> None:
    found = run("verify", *arguments)
    assert found.code == 2
    assert words in found.err


def test_an_interrupt_leaves_no_traceback() -> None:
    process = started("verify", "specs/zoo/vgg16.yaml", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.decode() == "convcalc: interrupted\n"
    assert not TRACEBACK.search(out.decode())


def test_a_terminal_sees_the_layers_go_by(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "convcalc", "verify", "specs/zoo/resnet18.yaml", "--input", "3x64x64"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    assert process.wait() == 0
    assert b"resnet18" in seen
    assert seen.rstrip().endswith((b"\x1b[?25h", b"\x1b[2K", b"\r"))  # the bar is gone, the cursor back
