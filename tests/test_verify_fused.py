"""`convcalc verify --fused`: both networks run, kernels are measured, and what is merged wrongly is noticed."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import MANY, draws
from drawn_kernels import drawn_kernels
from hypothesis import given, settings
from msgspec.structs import replace
from test_cli import ROOT, run

import convcalc
from convcalc import Network
from convcalc.arithmetic.precision import PartialPrecision, format_of
from convcalc.fusing import Fusion, fuse
from convcalc.language import Source, loads
from convcalc.network import Deployment
from convcalc.reference import folded, memory
from convcalc.reference import verify as verifying
from convcalc.reference.verified import Verification
from convcalc.reference.verify import LayerNotFound, verify
from convcalc.visible import visible

ZOO = ROOT / "specs/zoo"


def net(*layers: str, size: str = "[4, 8, 8]") -> Network:
    return loads(Source("net.yaml", f"input: {size}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)))


def shown(verification: Verification) -> str:
    """What disagrees, for a test that fails."""
    totals = {name: figure for name, figure in verification.totals.items() if figure.agrees is False}
    return f"{verification.disagreements} {totals}"


@given(draws)
@settings(max_examples=MANY or 25)
def test_a_fused_network_is_the_same_function_and_all_that_is_claimed_of_it(draw: random.Random) -> None:
    text, network = drawn_kernels(draw)
    dtype = draw.choice(["float32", "float64"])
    verification = verify(network, fused=True, dtype=dtype)
    assert not fuse(network).changes_nothing
    assert verification.agrees, f"{visible(text)}\n{shown(verification)}"
    compared = [layer.written for layer in verification.layers if layer.written is not None]
    assert len(compared) == len(verification.layers), "every kernel has a tensor that the other network has"


@given(draws)
@settings(max_examples=MANY or 25)
def test_kernels_hold_no_more_than_is_claimed_at_any_time(draw: random.Random) -> None:
    """Not only the peak: the bytes that live while each kernel runs."""
    from convcalc.analysis.analyze import alive_bytes
    from convcalc.analysis.terms import Terms
    from convcalc.reference.beside import Beside
    from convcalc.reference.execution import execute
    from convcalc.reference.folded import KernelWeights
    from convcalc.reference.weights import RandomWeights
    from convcalc.tensors.engine import Engine

    text, network = drawn_kernels(draw)
    fusion, engine = fuse(network), Engine()
    inputs = {node.name: np.ones((1, *node.shape), np.float32) for node in network.inputs}
    beside = Beside(fusion, inputs, KernelWeights(fusion, RandomWeights(network)), engine)
    with np.errstate(all="ignore"):
        measured = [step.alive_bytes for step in execute(fusion.network, inputs, beside, engine)]
    assert measured == alive_bytes(fusion.network, Terms()), text


def test_mobilenet_v2_needs_the_largest_layers_input_and_output() -> None:
    """The figure of runtimes that fold and fuse: 1,505,280 numbers, 96x112x112 that enter and 96x56x56 that leave."""
    verification = verify(convcalc.load(str(ZOO / "mobilenet_v2.yaml")), fused=True)
    assert verification.agrees, shown(verification)
    assert verification.totals["peak_activation_bytes"].measured == 4 * 1_505_280
    assert verification.totals["buffers"].measured == 0
    assert {expected.name for expected in verification.expectations} == {
        "params",
        "macs",
        "receptive_field",
        "output",
    }, "which the spec has of the network as written, with its batch norms"


RESIDUAL = (
    "conv: {name: stem, out_channels: 4, kernel_size: 3, padding: 1}",
    "batch_norm: {eps: 0.00001}",
    "relu: {name: kept}",
    "conv: {name: inner, out_channels: 4, kernel_size: 3, padding: 1}",
    "batch_norm",
    "prelu: {num_parameters: 4}",
    "add: {name: sum, from: [prelu1, kept]}",
    "conv_transpose: {name: up, out_channels: 4, kernel_size: 2, stride: 2, groups: 2}",
    "batch_norm",
    "scale: {bias: true}",
    "affine: {factor: 2, addend: 1}",
    "prelu: {num_parameters: 4}",
    "flatten",
    "linear: {name: head, out_features: 4}",
    "batch_norm",
)


class Fault(NamedTuple):
    """What is wrong; the function, by its owner and name; what it becomes; the kernels at which it shows."""

    what: str
    owner: Any
    name: str
    wrong: Callable[[Callable[..., Any]], Callable[..., Any]]
    where: set[str]


def along_first_axis(right: Any) -> Any:
    """The factors along the first axis of any weight, which in a transposed convolution is that of what enters."""
    return lambda config, factor, weight: factor.reshape(-1, *(1,) * (weight.ndim - 1))


def groups_exchanged(right: Any) -> Any:
    """The factors of the groups of a transposed convolution in the other order."""
    return lambda config, factor, weight: right(
        config, factor.reshape(config.groups, -1)[::-1].reshape(-1) if config.is_transposed else factor, weight
    )


def on(change: Callable[[Any, dict[str, Any]], tuple[Any, dict[str, Any]]]) -> Any:
    """Factor and addend of a layer and arrays that are changed before."""
    return lambda right: lambda layer, held: right(*change(layer, dict(held)))


def no_eps(layer: Any, held: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return (replace(layer, eps=0.0) if hasattr(layer, "eps") else layer), held


def zeroed(name: str) -> Any:
    return on(lambda layer, held: (layer, {key: value * (key != name) for key, value in held.items()}))


def bias_forgotten(right: Any) -> Any:
    return lambda arrays, node, behind: right({"weight": arrays["weight"]}, node, behind)


def bias_not_scaled(right: Any) -> Any:
    def wrong(arrays: Any, node: Any, behind: Any) -> Any:
        alone = right({"weight": arrays["weight"]}, node, behind)
        return {**alone, "bias": alone["bias"] + arrays["bias"]}

    return wrong


def weight_not_scaled(right: Any) -> Any:
    return lambda arrays, node, behind: {**right(arrays, node, behind), "weight": arrays["weight"]}


def slopes_exchanged(right: Any) -> Any:
    def wrong(fusion: Fusion, index: int, arrays_of: Any) -> Any:
        made = right(fusion, index, arrays_of)
        return {name: array[::-1] if name == "prelu.weight" else array for name, array in made.items()}

    return wrong


def fused_with(change: Callable[[Network], Network]) -> Any:
    """Fusing whose network is changed after."""
    return lambda right: lambda network, *given: (
        lambda fusion: replace(fusion, network=change(fusion.network))
    )(right(network, *given))  # fmt: skip


def over(name: str, place: int) -> Any:
    """The network in which a node is said to write over the input at that place."""
    return fused_with(
        lambda network: replace(
            network,
            nodes=tuple(replace(node, in_place=place) if node.name == name else node for node in network.nodes),
        )
    )


ALL = {"stem", "inner", "up", "head"}
FAULTS = [
    Fault("scaled along the channels that enter", folded, "_along_outputs", along_first_axis, {"up"}),
    Fault("the groups in another order", folded, "_along_outputs", groups_exchanged, {"up"}),
    Fault("eps left out, of 0.00001", folded, "factor_and_addend", on(no_eps), ALL),
    Fault("the mean left out", folded, "factor_and_addend", zeroed("running_mean"), ALL),
    Fault("the shift left out", folded, "factor_and_addend", zeroed("bias"), ALL),
    Fault("the bias forgotten", folded, "_with_folded", bias_forgotten, ALL),
    Fault("the bias not scaled", folded, "_with_folded", bias_not_scaled, ALL),
    Fault("the weight not scaled", folded, "_with_folded", weight_not_scaled, ALL),
    Fault("the slopes the other way round", folded, "kernel_arrays", slopes_exchanged, {"inner", "up"}),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_what_is_folded_wrongly_is_noticed(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    network = net(*RESIDUAL)
    assert verify(network, fused=True).agrees
    monkeypatch.setattr(fault.owner, fault.name, fault.wrong(getattr(fault.owner, fault.name)))
    assert {layer.name for layer in verify(network, fused=True).disagreements} >= fault.where


IN_PLACE = [
    Fault("over a tensor that is read later", verifying, "fuse", over("inner_act", 0), {"sum"}),
    Fault("over an input of the network", verifying, "fuse", over("first", 0), {"first"}),
    Fault("a convolution over what it reads", verifying, "fuse", over("stem", 0), {"stem"}),
    Fault("softmax over what it reads", verifying, "fuse", over("soft", 0), {"soft"}),
]


@pytest.mark.parametrize("fault", IN_PLACE, ids=lambda fault: fault.what)
def test_what_does_not_run_in_place_is_noticed(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    network = net(
        "tanh: {name: first}",
        "conv: {name: stem, out_channels: 4, kernel_size: 1}",
        "max_pool: {name: pooled, kernel_size: 3, stride: 1, padding: 1}",
        "sigmoid: {name: inner_act}",
        "add: {name: sum, from: [inner_act, pooled]}",
        "conv: {name: wide, out_channels: 4, kernel_size: 1}",
        "softmax: {name: soft, axis: 0}",
    )
    right = verify(network, fused=True)
    assert right.agrees, shown(right)
    monkeypatch.setattr(fault.owner, fault.name, fault.wrong(getattr(fault.owner, fault.name)))
    wrong = verify(network, fused=True)
    assert {layer.name for layer in wrong.disagreements} >= fault.where


def test_a_norm_over_positions_does_not_run_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes over numbers that it has yet to read: its values show it."""
    network = net(
        "conv: {out_channels: 4, kernel_size: 1}",
        "max_pool: {kernel_size: 1}",
        "batch_norm: {name: norm, track_running_stats: false}",
    )
    monkeypatch.setattr(verifying, "fuse", over("norm", 0)(fuse))
    assert [layer.name for layer in verify(network, fused=True).disagreements] == ["norm"]


def test_a_layer_that_does_something_does_not_vanish(monkeypatch: pytest.MonkeyPatch) -> None:
    from convcalc.layers import load

    network = net("conv: {name: stem, out_channels: 4, kernel_size: 1}", "tanh", "max_pool: {kernel_size: 2}")
    monkeypatch.setattr(load("tanh"), "is_inert", True)
    assert [layer.name for layer in verify(network, fused=True).disagreements] == ["max_pool1"]


def test_a_kernel_runs_alone_by_the_name_of_its_first_layer() -> None:
    network = net(*RESIDUAL)
    for name in ("stem", "inner", "sum", "up", "head"):
        verification = verify(network, fused=True, layer=name)
        assert verification.agrees
        assert [layer.name for layer in verification.layers] == [name]
    with pytest.raises(LayerNotFound, match="fused, it runs in `stem`; --layer stem runs that"):
        verify(network, fused=True, layer="kept")
    with pytest.raises(LayerNotFound, match="did you mean `stem`"):
        verify(network, fused=True, layer="stm")
    dropped = net("conv: {out_channels: 4, kernel_size: 1}", "dropout: {name: drop}", "tanh")
    with pytest.raises(LayerNotFound, match="there is no kernel `drop`: fused, it is not run"):
        verify(dropped, fused=True, layer="drop")


def test_a_spec_says_that_it_is_fused() -> None:
    network = replace(net(*RESIDUAL), deployment=Deployment(fused=True))
    assert verify(network).fusion is not None
    assert verify(network, fused=False).fusion is None
    assert verify(net(*RESIDUAL)).fusion is None


def test_where_nothing_is_merged_it_says_so() -> None:
    done = run("verify", "-", "--fused", given="input: [1, 4, 4]\nlayers:\n  - softmax: {axis: 0}\n")
    assert done.code == 0
    assert "fused: nothing is merged, so the network runs as it is written" in done.out


@pytest.mark.parametrize("view", ["table", "markdown", "json"])
def test_it_is_shown_what_was_merged_and_compared(view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folded, "factor_and_addend", on(no_eps)(folded.factor_and_addend))
    text = "input: [4, 8, 8]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in RESIDUAL)
    done = run("verify", "-", "--fused", "--format", view, given=text)
    assert done.code == 1
    if view == "json":
        record = json.loads(done.out)
        assert record["fused"] is True
        (stem,) = (layer for layer in record["layers"] if layer["name"] == "stem")
        assert stem["as_written"]["agrees"] is True  # tensors are that near
        assert stem["folded"]["agrees"] is False
        return
    assert "fused: 15 layers as 6 kernels: 6 folded, 3 merged" in done.out
    assert "stem (line 3): arrays " in done.out
    assert "as written" in done.out


@pytest.mark.parametrize(
    "layers",
    [
        ["conv: {out_channels: 64, kernel_size: 3, padding: 1, bias: false}", "batch_norm", "relu"] * 2,
        ["flatten", "linear: 200", "batch_norm", "relu", "linear: 2000"],
    ],
    ids=["tensors", "arrays"],
)
def test_it_takes_about_as_much_memory_as_it_says(layers: list[str]) -> None:
    network = net(*layers, size="[16, 64, 64]")
    verify(network, fused=True)  # what is imported, and kept
    needed = memory.bytes_needed(network, "float32", fusion=fuse(network)) - memory.WORKSPACE_BYTES
    tracemalloc.start()
    verify(network, fused=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert needed / 3 < peak < needed + 8 * 2**20


def test_against_onnx_runtime_it_is_the_kernels_that_are_compared() -> None:
    pytest.importorskip("onnxruntime")
    verification = verify(net(*RESIDUAL), fused=True, against="onnxruntime")
    assert verification.agrees, shown(verification)
    assert all(layer.against is not None and layer.against.agrees for layer in verification.layers)
    assert [output.agrees for output in verification.outputs] == [True]


def test_what_is_not_run_is_not_compared() -> None:
    from convcalc import steps

    network = net(*["conv: {out_channels: 4, kernel_size: 3, padding: 1}", "batch_norm"] * 30)
    with steps.run(12_000):
        verification = verify(network, fused=True)
    assert not all(layer.is_run for layer in verification.layers)
    assert not verification.disagreements


def test_the_kernel_fields_are_a_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reference of a kernel gets at a formula: it has the fields of the first layer, and of those behind."""
    from convcalc.reference import execution

    seen: list[set[str]] = []
    right = execution.written

    def watched(config: Any) -> SimpleNamespace:
        fields = right(config)
        seen.append({*vars(fields)})
        return fields

    monkeypatch.setattr(execution, "written", watched)
    verify(net("conv: {out_channels: 4, kernel_size: 1}", "relu"), fused=True)
    assert not any("then" in fields for fields in seen)


@pytest.mark.parametrize("is_fused", [False, True])
def test_it_runs_in_one_format_whatever_formats_layers_have_of_their_own(is_fused: bool) -> None:
    network = net(*RESIDUAL)
    few = PartialPrecision(weights=format_of("int4"), activations=format_of("int8"))
    layers = (replace(node, precision=few) if node.name in ("inner", "sum") else node for node in network.nodes)
    verification = verify(replace(network, nodes=tuple(layers)), fused=is_fused)
    assert verification.agrees, shown(verification)


def test_what_the_spec_expects_is_told_of_the_network_as_written_even_where_the_run_ends_early() -> None:
    text = "input: [4, 8, 8]\nexpect: {params: 156}\nlayers:\n"
    text += "  - conv: {out_channels: 4, kernel_size: 3}\n  - batch_norm\n"
    done = run("verify", "-", "--fused", given=text)
    assert "the spec expects: params 156 ✓" in done.out
    assert "params 148 ✓" in done.out
    text = text.replace("156", str(30 * 156)).replace("kernel_size: 3", "kernel_size: 3, padding: 1")
    start, _, layers = text.partition("layers:\n")
    done = run("verify", "-", "--fused", "--max-steps", "20000", given=f"{start}layers:\n{layers * 30}")
    assert "not run: " in done.out, done.err
    assert "the spec expects: params 4,680 ✓" in done.out
