"""`convcalc export --fused`: ONNX Runtime finds the fused graph to be the same function as the one as written."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MANY, covering, draws, exported
from drawn_kernels import drawn_kernels
from hypothesis import given, settings
from test_cli import ROOT, run
from test_verify import SMALL

import convcalc
from convcalc import Network
from convcalc.exports.errors import CannotWrite
from convcalc.fusing import fuse
from convcalc.layers import NoOnnxForm
from convcalc.reference.folded import KernelWeights
from convcalc.reference.verify import verify
from convcalc.reference.weights import RandomWeights

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

QUICK = {"efficientnet_b0", "mobilenet_v3_small", "resnet18", "deformable_v1_v2"}
"""Of the networks that cover every kind, some that fold, merge or write over much, and are small."""
ZOO = sorted((ROOT / "specs/zoo").glob("*.yaml"))


def outputs(model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """What ONNX Runtime makes of a model, by name."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def assert_same_function(network: Network, text: str = "") -> Any:
    """The fused model, once its outputs are those of the other; None where ONNX Runtime does not run that."""
    fusion = fuse(network)
    as_written = exported(network, RandomWeights(network).in_order)
    fused = exported(fusion.network, KernelWeights(fusion, RandomWeights(network)).in_order)
    generator = np.random.default_rng(1)
    inputs = {node.name: generator.standard_normal((1, *node.shape)).astype(np.float32) for node in network.inputs}
    try:
        right = outputs(as_written, inputs)
    except Exception:  # its exceptions have no base of their own
        return None
    made = outputs(fused, inputs)
    for index in network.outputs:
        ours = right[network.nodes[index].name]
        theirs = made[fusion.network.nodes[fusion.places[index]].name]
        size = np.max(np.abs(ours), where=np.isfinite(ours), initial=1e-3)
        assert np.allclose(ours, theirs, rtol=0, atol=float(_ALLOWED * size), equal_nan=True), text
    return fused


_ALLOWED = 1e-3
"""Of the largest number: far less than a norm changes, far more than was rounded."""


@given(draws)
@settings(max_examples=MANY or 25)
def test_the_fused_model_is_the_same_function(draw: random.Random) -> None:
    text, network = drawn_kernels(draw)
    try:
        model = assert_same_function(network, text)
    except (CannotWrite, NoOnnxForm):
        return  # a layer that ONNX cannot say, as without --fused
    if model is None:
        return
    kinds = [node.op_type for node in model.graph.node]
    norms = [node for node in fuse(network).network.layers if node.kind == "batch_norm"]
    assert kinds.count("BatchNormalization") == len(norms), text


@pytest.mark.parametrize(
    "path", [path for path in covering(ZOO) if MANY or path.stem in QUICK], ids=lambda path: path.stem
)
def test_the_zoo_fused_is_the_same_function(path: Path) -> None:
    network = convcalc.load(str(path), inputs={"input": SMALL[path.stem]} if path.stem in SMALL else {})
    assert assert_same_function(network) is not None


def test_onnx_runtime_compares_the_fused_graph() -> None:
    network = convcalc.load(str(ROOT / "specs/zoo/mobilenet_v2.yaml"), inputs={"input": (3, 32, 32)})
    verification = verify(network, fused=True, against="onnxruntime")
    assert verification.agrees
    assert len(verification.layers) < len(network.layers) / 2


SPEC = """\
input: [3, 16, 16]
layers:
  - conv: {name: stem, out_channels: 4, kernel_size: 3, bias: false}
  - batch_norm
  - prelu
  - dropout
  - conv_transpose: {name: up, out_channels: 2, kernel_size: 2, stride: 2}
  - batch_norm
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def test_the_command_writes_kernels(spec: Path) -> None:
    target = spec.with_suffix(".onnx")
    assert run("export", str(spec), "-o", str(target), "--fused").code == 0
    model = onnx.load(target)
    onnx.checker.check_model(model, full_check=True)
    names = [tensor.name for tensor in model.graph.initializer]
    assert names == ["stem.weight", "stem.bias", "stem.prelu.weight", "up.weight", "up.bias"]
    read_back = convcalc.analyze(convcalc.load(str(target)))
    assert read_back.totals.params == convcalc.analyze(convcalc.load(str(spec)), fused=True).totals.params
    x = {"input": np.random.default_rng(0).standard_normal((1, 3, 16, 16)).astype(np.float32)}
    assert run("export", str(spec), "-o", str(target), "--force").code == 0
    (ours,), (theirs,) = outputs(onnx.load(target), x).values(), outputs(model, x).values()
    assert np.abs(ours - theirs).max() < 1e-5


def test_other_seeds_batches_and_models_without_weights(spec: Path) -> None:
    target = spec.with_suffix(".onnx")
    options = ["--fused", "--seed", "7", "--batch", "n", "--dtype", "float16", "--opset", "17"]
    assert run("export", str(spec), "-o", str(target), *options).code == 0
    model = onnx.load(target)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"
    assert run("export", str(spec), "-o", str(target), "--fused", "--no-weights", "--force").code == 0
    assert target.stat().st_size < 2_000


@pytest.mark.parametrize("to", ["pytorch", "keras-json", "darknet"])
def test_other_formats_are_not_fused(spec: Path, to: str) -> None:
    done = run("export", str(spec), "-o", "-", "--to", to, "--fused")
    assert done.code == 2
    assert f"{to} has no such option, onnx has" in " ".join(done.err.split())
    assert not done.out


def test_where_nothing_is_merged_it_says_so(tmp_path: Path) -> None:
    text = "input: [1, 4, 4]\nlayers:\n  - softmax: {axis: 0}\n"
    done = run("export", "-", "-o", str(tmp_path / "net.onnx"), "--fused", given=text)
    assert done.code == 0
    assert "nothing is merged" in done.err


def test_a_kernels_arrays_are_made_when_they_are_written() -> None:
    """No more is held than a kernel and what it is made of, however many there are."""
    import tracemalloc

    from convcalc.exports.onnx.write import with_arrays

    layers = ["conv: {out_channels: 128, kernel_size: 3, padding: 1}", "batch_norm", "relu"] * 12
    text = "input: [128, 4, 4]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)
    from convcalc.language import Source, loads

    network = loads(Source("net.yaml", text))
    fusion = fuse(network)
    weights = KernelWeights(fusion, RandomWeights(network))
    tracemalloc.start()
    size = sum(len(part) for part in with_arrays(fusion.network, weights.in_order))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 12 * 4 * 128 * 128 * 9
    assert peak < size / 2
