"""`convcalc verify` on specs: what is measured, what a disagreement looks like, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import covering
from test_cli import ROOT, TRACEBACK, run

import convcalc
from convcalc.battery.run import battery
from convcalc.language import Source, loads
from convcalc.layers.batch_norm import BatchNorm
from convcalc.layers.conv import Conv
from convcalc.layers.linear import Linear
from convcalc.reference import memory
from convcalc.reference.execution import execute
from convcalc.reference.verify import verify
from convcalc.reference.weights import RandomWeights
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
    "vit_b_16": (3, 32, 32),
    "swin_t": (3, 224, 224),
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
    "vit_b_16": {"width": "48", "depth": "2"},
    "swin_t": {"width": "32", "depths": "[2, 2, 2, 2]"},
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
    verification = verify(network)
    assert verification.agrees, verification.disagreements
    assert all(layer.finite for layer in verification.layers)


def test_all_of_the_zoo_is_run() -> None:
    assert sorted(SMALL) == [path.stem for path in ZOO]


@pytest.mark.parametrize("name", [path.stem for path in covering(ZOO)])
def test_zoo_is_as_claimed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for receptive fields, which are probed at the networks' own sizes elsewhere."""
    monkeypatch.setattr("convcalc.reference.verify.probe", lambda network, progress: [None] * len(network.nodes))
    inputs, variables = {"input": SMALL[name]}, THIN.get(name, {})
    verification = verify(convcalc.load(f"specs/zoo/{name}.yaml", inputs=inputs, variables=variables))
    assert verification.agrees, verification.disagreements
    assert all(layer.finite for layer in verification.layers)


@pytest.mark.skipif(not os.environ.get("CONVCALC_FULL"), reason="CONVCALC_FULL=1 takes half a minute")
@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_zoo_at_its_own_size_is_as_claimed(path: Path) -> None:
    verification = verify(convcalc.load(path), threads=2, most_bytes=2**40)
    assert verification.agrees, verification.disagreements
    assert verification.expectations


def test_resnet50_at_its_own_size_meets_the_published_totals() -> None:
    verification = verify(convcalc.load("specs/zoo/resnet50.yaml"), threads=2)
    assert verification.agrees
    assert verification.totals["params"].measured == 25_557_032
    assert verification.totals["buffers"].measured == 53_120
    assert verification.totals["macs"].measured == 4_089_184_256
    assert {expectation.name for expectation in verification.expectations} == {
        "params",
        "macs",
        "receptive_field",
        "output",
    }


def test_float64() -> None:
    verification = verify(net(), dtype="float64")
    assert verification.agrees
    assert verification.totals["weight_bytes"].measured == 132 * 8


def test_a_layer_that_shares_has_no_arrays_of_its_own() -> None:
    text = """
input: [4, 6, 6]
layers:
  - conv: {name: first, out_channels: 4, kernel_size: 3, padding: 1}
  - conv: {name: again, out_channels: 4, kernel_size: 3, padding: 1, share: first}
"""
    verification = verify(net(text))
    assert [layer.params.measured for layer in verification.layers] == [148, 0]
    assert verification.agrees


def test_what_does_not_depend_on_values_is_the_same_for_every_seed() -> None:
    item, other = (json.dumps(_measured(seed)) for seed in (1, 2))
    assert item == other


def _measured(seed: int) -> list[Any]:
    return [[layer.output_shape.measured, layer.macs.measured] for layer in verify(net(), seed=seed).layers]


# ---- disagreement ------------------------------------------------------------------------------------------------


def test_macs_that_are_claimed_wrongly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    right = Conv.macs
    monkeypatch.setattr(Conv, "macs", lambda self, x: right(self, x) + (self.kernel_size == (3, 3)))
    result = run("verify", written(tmp_path))
    assert result.code == 1
    assert "stem (line 5): MACs 2,161 claimed, 2,160 measured" in result.out
    assert "1 disagrees" in result.out
    assert result.out.count("✗") == 2  # of the layer and of the total


def test_operations_and_buffers_that_are_claimed_wrongly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    right = BatchNorm.elementwise_ops
    monkeypatch.setattr(BatchNorm, "elementwise_ops", lambda self, x: right(self, x) + 1)
    statistics = {"running_mean": (4,), "running_var": (4,), "batches": (1,)}
    monkeypatch.setattr(BatchNorm, "buffers", lambda self, x: statistics)
    result = run("verify", written(tmp_path))
    assert result.code == 1
    assert "batch_norm1 (line 6): buffers 9 claimed, 8 measured" in result.out
    assert "batch_norm1 (line 6): element-wise ops 161 claimed, 160 measured" in result.out
    assert re.search(r"buffers [\d,]+ claimed, [\d,]+ measured ✗ +MACs [\d,]+ ✓ +ops [\d,]+ claimed,", result.out)


def test_operations_that_follow_values_are_not_measured(tmp_path: Path) -> None:
    text = """
inputs: {input: [2, 8, 8], boxes: [3, 4]}
layers:
  - roi_align: {name: free, from: [input, boxes], output_size: 2}
  - roi_align: {name: fixed, from: [input, boxes], output_size: 2, sampling_ratio: 3}
"""
    free, fixed = verify(net(text)).layers
    assert (free.elementwise_ops.agrees, free.elementwise_ops.measured) == (None, None)
    assert (fixed.elementwise_ops.agrees, fixed.elementwise_ops.measured) == (True, 3 * 2 * 2 * 2 * 9 * 5)
    result = run("verify", written(tmp_path, text))
    assert result.code == 0
    assert "ops not measured at free: how many there are depends on values" in result.out
    assert re.search(r"ops [\d,]+ ·", result.out)


def test_params_that_are_claimed_and_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BatchNorm, "weights", lambda self, x: {"weight": (x[0],), "bias": (x[0],), "spare": (2,)})
    wrong = verify(net()).disagreements
    assert {layer.name for layer in wrong} == {"batch_norm1", "norm"}
    assert [(layer.params.claimed, layer.params.measured) for layer in wrong] == [(10, 8), (10, 0)]


def test_weights_of_a_wrong_shape_do_not_fit_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Linear, "weights", lambda self, x: {"weight": (self.out_features, 1), "bias": (1,)})
    verification = verify(net("input: [6]\nlayers: [linear: 5, relu]"))
    assert [layer.agrees for layer in verification.layers] == [False, True]  # the layer behind is measured all the same
    assert "5x1, where 5x6 is needed" in verification.layers[0].problem


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
    result = run("verify", path)
    assert result.code == 1
    assert "params 133 expected, 132 found ✗" in result.out
    assert "1 expectation not met" in result.out
    other = run("verify", path, "--input", "3x5x5")  # what is expected is of the spec's own sizes
    assert other.code == 0
    assert "expects" not in other.out


def test_a_peak_that_is_claimed_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    from convcalc.analysis import analyze

    right: Any = vars(analyze)["output_bytes"]
    monkeypatch.setattr(analyze, "output_bytes", lambda node, terms: 2 * right(node, terms))
    verification = verify(net())
    assert not verification.agrees
    assert (
        verification.totals["peak_activation_bytes"].claimed
        == 2 * verification.totals["peak_activation_bytes"].measured
    )


# ---- against another runtime ----------------------------------------------------------------------------------------


def test_values_are_those_of_onnxruntime(tmp_path: Path) -> None:
    result = run("verify", written(tmp_path), "--against", "onnxruntime")
    assert result.code == 0
    assert "every value compared equals onnxruntime's" in result.out
    assert "of the largest number that enters or leaves" in result.out
    document = json.loads(run("verify", written(tmp_path), "--against", "onnxruntime", "--format", "json").out)
    assert document["against"] == "onnxruntime"
    assert [layer["against"]["agrees"] for layer in document["layers"]] == [True] * 6
    assert document["outputs"][0]["tolerance"] > document["outputs"][0]["difference"]


@pytest.mark.parametrize("form", ["table", "json", "markdown"])
def test_values_that_differ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str) -> None:
    right = BatchNorm.reference
    monkeypatch.setattr(BatchNorm, "reference", staticmethod(lambda *given: right(*given) * 1.001))
    result = run("verify", written(tmp_path), "--against", "onnxruntime", "--format", form)
    assert result.code == 1
    if form == "json":
        wrong = [layer["name"] for layer in json.loads(result.out)["layers"] if not layer["against"]["agrees"]]
        assert wrong == ["batch_norm1", "norm"]
    else:
        assert re.search(r"norm \(line 12\): values [\d.e-]+, more than [\d.e-]+, from onnxruntime's", result.out)
        assert "every value" not in result.out


def test_what_onnxruntime_cannot_run_is_said_and_not_passed_over(tmp_path: Path) -> None:
    verification = verify(net(), dtype="float64", against="onnxruntime")
    assert verification.agrees
    uncompared = [layer for layer in verification.layers if layer.against is not None and layer.against.agrees is None]
    assert uncompared
    assert all(layer.against is not None and "ONNX Runtime" in layer.against.reason for layer in uncompared)
    given = "--against", "onnxruntime", "--dtype", "float64"
    assert "not compared at stem, shift: ONNX Runtime: " in run("verify", written(tmp_path), *given).out
    convolution = "input: [2, 4]\nlayers:\n  - conv: {out_channels: 2, kernel_size: 1}\n"
    alone = run("verify", written(tmp_path, convolution), *given)
    assert alone.code == 0
    assert "no value was compared" in alone.out


def test_a_runtime_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)
    for files in ((written(tmp_path),), ()):
        result = run("verify", *files, "--against", "onnxruntime")
        assert result.code == 2
        assert "pip install 'convcalc[onnx]'" in re.sub(r"[\s│]+", " ", result.err)


def test_the_battery_holds_values_against_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = battery(["linear", "conv", "squeeze_excite"], cases=8, against="onnxruntime")
    assert outcome.agrees
    assert all(result.columns["values"].checked > 4 for result in outcome.results)
    right = Linear.reference
    monkeypatch.setattr(Linear, "reference", staticmethod(lambda *given: right(*given) * 1.001))
    wrong = battery(["linear"], cases=8, against="onnxruntime").results[0]
    assert wrong.columns["values"].disagreements > 4


# ---- formats -----------------------------------------------------------------------------------------------------


def test_json_has_every_number_twice(tmp_path: Path) -> None:
    result = run("verify", written(tmp_path), "--format", "json")
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    assert document["agrees"] is True
    assert document["totals"]["params"] == {"claimed": 132, "measured": 132, "agrees": True}
    assert document["totals"]["elementwise_ops"]["agrees"] is document["totals"]["flops"]["agrees"] is True
    assert [layer["name"] for layer in document["layers"]][:2] == ["stem", "batch_norm1"]
    assert document["layers"][1]["elementwise_ops"] == {"claimed": 160, "measured": 160, "agrees": True}
    assert document["layers"][1]["buffers"] == {"claimed": 8, "measured": 8, "agrees": True}
    assert document["layers"][0]["output_shape"] == {"claimed": [4, 5, 4], "measured": [4, 5, 4], "agrees": True}
    assert document["layers"][0]["receptive_field"]["agrees"] is True
    assert {item["name"] for item in document["expectations"]} == {"params", "output"}


def test_json_of_several_specs_is_an_array_and_a_broken_one_is_in_it(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("input: [2, 4\n")
    result = run("verify", written(tmp_path), str(broken), "--format", "json")
    assert result.code == 2
    first, second = json.loads(result.out)
    assert first["agrees"] is True
    assert second["agrees"] is None
    assert second["errors"][0]["code"] == "CC001"


def test_markdown_is_a_table(tmp_path: Path) -> None:
    result = run("verify", written(tmp_path), "--format", "markdown")
    rows = [line for line in result.out.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {9}
    assert "| stem | conv | 4x5x4 ✓ | 108 ✓ | 0 ✓ | 2,160 ✓ | 0 ✓ | 3 ✓ |" in rows
    assert "| batch_norm1 | batch_norm | 4x5x4 ✓ | 8 ✓ | 8 ✓ | 0 ✓ | 160 ✓ | 3 ✓ |" in rows


def test_piped_output_is_plain(tmp_path: Path) -> None:
    result = run("verify", written(tmp_path))
    assert "\x1b" not in result.out + result.err
    assert result.err == ""
    assert re.search(r"^6 layers run, \d+\.\d s: every number measured is as claimed$", result.out, re.MULTILINE)


def test_a_terminal_without_ticks_gets_words(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "convcalc", "verify", written(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "4x5x4 ok" in done.stdout
    assert "?" not in done.stdout
    for given in ([written(tmp_path)], ["--cases", "1"]):
        command = [sys.executable, "-m", "convcalc", "verify", *given, "--format", "markdown"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert "ok |" in done.stdout
        assert "? |" not in done.stdout


# ---- what is refused, and what is said -----------------------------------------------------------------------------


def test_one_layer_alone(tmp_path: Path) -> None:
    result = run("verify", written(tmp_path), "--layer", "norm")
    assert result.code == 0
    assert "1 layer run" in result.out
    wrong = run("verify", written(tmp_path), "--layer", "nrom")
    assert wrong.code == 2
    assert "did you mean `norm`?" in wrong.err
    several = run("verify", "specs/zoo/resnet18.yaml", "--layer", "layer1")
    assert several.code == 2
    assert "it is several, `layer1.0." in several.err


def test_a_layer_that_one_of_several_specs_lacks(tmp_path: Path) -> None:
    """The others are run all the same, as with a spec that is broken."""
    other = tmp_path / "other.yaml"
    other.write_text("input: [4]\nlayers:\n  - relu\n", "utf-8")
    result = run("verify", str(other), written(tmp_path), "--layer", "norm", "--format", "json")
    assert result.code == 2
    lacking, having = json.loads(result.out)
    assert "there is no layer `norm`" in lacking["refused"]
    assert having["agrees"] is True


def test_a_network_too_large_is_refused_before_anything_is_allocated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    huge = "input: [3, 4000, 4000]\nlayers:\n  - conv: {out_channels: 30000, kernel_size: 3, padding: 1}\n"
    monkeypatch.setattr(np.random, "default_rng", lambda *_: pytest.fail("something was drawn"))
    result = run("verify", written(tmp_path, huge))
    assert result.code == 2
    assert re.search(r"it needs about [\d.]+ TiB of memory and may take [\d.]+ [GM]iB; --max-memory \d+GiB", result.err)
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
    text = memory.bytes_needed(network, "float32")
    assert taken <= text <= memory.WORKSPACE_BYTES + 2 * taken


def test_an_overflow_is_said_and_is_no_disagreement(tmp_path: Path) -> None:
    squares = "input: [2, 3]\nlayers:\n" + "  - mul: {from: [previous, previous]}\n" * 12
    grown = squares.replace("layers:\n", "layers:\n  - elu: {alpha: 1}\n  - add: {from: [previous, previous]}\n")
    result = run("verify", written(tmp_path, grown))
    assert result.code == 0
    assert "values overflowed at mul" in result.out
    assert not TRACEBACK.search(result.out + result.err)


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
        (("specs/zoo/vgg16.yaml", "--max-memory", "much"), "--max-memory"),
        (("specs/zoo/vgg16.yaml", "--threads", "0"), "--threads"),
        (("specs/zoo/vgg16.yaml", "--dtype", "float16"), "--dtype"),
        (("specs/zoo/no.yaml",), "cannot be read"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], words: str) -> None:
    result = run("verify", *arguments)
    assert result.code == 2
    assert words in result.err


def interrupted(when: str) -> tuple[int, str]:
    """The exit code and what stands on standard error after an interrupt, sent when a line of `when` has run."""
    arguments = ["convcalc", "verify", "specs/seeds/squeeze_excite.yaml"]
    code = f"import os, runpy, signal, sys\nsys.argv = {arguments}\n{when}"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not TRACEBACK.search(done.stdout)
    return done.returncode, done.stderr


STRIKE = "os.kill(os.getpid(), signal.SIGINT)"
START = "runpy.run_module('convcalc', run_name='__main__')"


@pytest.mark.parametrize("module", ["typer", "convcalc.fields", "convcalc.language", "numpy", "convcalc.views.words"])
def test_an_interrupt_while_modules_load_leaves_no_traceback(module: str) -> None:
    finder = f"""
class Interrupting:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            {STRIKE}

sys.meta_path.insert(0, Interrupting())
{START}
"""
    code, errors = interrupted(finder)
    assert code in {130, -signal.SIGINT}
    assert errors in {"", "convcalc: interrupted\n"}


def test_an_interrupt_at_the_end_leaves_no_traceback() -> None:
    code, errors = interrupted(f"import atexit\natexit.register(lambda: {STRIKE})\n{START}")
    assert (code, errors) == (-signal.SIGINT, "")


def test_an_interrupt_that_a_library_reports_as_its_own_failure() -> None:
    """As libraries do that are written in C."""
    broken = f"""
class Broken:
    def find_spec(self, name, *rest):
        if name == "numpy":
            try:
                {STRIKE}
            except KeyboardInterrupt:
                raise ImportError("initialization failed")

sys.meta_path.insert(0, Broken())
{START}
"""
    assert interrupted(broken) == (130, "")


def test_an_interrupt_of_a_run_is_told() -> None:
    layer = f"""
from convcalc.reference import execution
execution.run_layer = lambda *arguments: {STRIKE}
{START}
"""
    assert interrupted(layer) == (130, "convcalc: interrupted\n")


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
