"""What code calls, read from files that PyTorch wrote of modules whose code is known, and as specs keep it.

The files are of this, weights left out; `calls.b` ran through run_decompositions, which leaves little of it standing:

    class TurnedNorm(nn.LayerNorm): forward: F.layer_norm(x.permute(0, 2, 3, 1), ...).permute(0, 3, 1, 2)
    class NormAct(nn.BatchNorm2d): act = nn.ReLU(); forward: self.act(super().forward(x))
    class Swish(nn.Module): forward: x * torch.sigmoid(x)

    x = swish(turned(norm_act(stem(x))))
    x = act(F.relu(x).. torch.relu(x).. x.relu())
    x = act(point(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))   # point is nn.Linear, act the same nn.ReLU
    x = torch.add(x, x); x = x.add(x)
    y = x + squeeze(F.adaptive_avg_pool2d(x, 1)); y = torch.mul(y, x)
    y = F.max_pool2d(up(y), 2); y = F.avg_pool2d(F.interpolate(y, scale_factor=2), 2)
    t = attention(...)                                          # nn.MultiheadAttention of y's positions
    t = F.softmax(t @ t.transpose(1, 2), -1); t = torch.matmul(t, t); t = torch.bmm(t, t)
    return F.linear(y.mean([2, 3]), projection.weight, projection.bias), t
"""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace

import convcalc
from convcalc import counters
from convcalc.analysis.counts import count
from convcalc.counters.calls import calls_of
from convcalc.imports import read_file
from convcalc.language import loads
from convcalc.language.source import Source
from convcalc.network import Network
from convcalc.readable.coding import NamedCall, code_lines, code_of
from convcalc.readable.text import text

DATA = Path(__file__).parent / "data" / "formats"

CALLS = [
    ("conv", "nn"),
    ("batch_norm", "F.batch_norm"),  # what NormAct calls, which is no leaf
    ("relu", "nn"),
    ("layer_norm", "TurnedNorm(nn.LayerNorm)"),
    ("silu", "*"),  # what Swish does last
    ("relu", "F.relu"),
    ("relu", "torch.relu"),
    ("relu", "x.relu"),
    ("relu", "nn"),
    ("linear", "nn"),
    ("relu", "nn"),
    ("add", "torch.add"),
    ("add", "x.add"),
    ("global_avg_pool", "F.adaptive_avg_pool2d"),
    ("conv", "nn"),
    ("add", "+"),
    ("mul", "torch.mul"),
    ("upsample", "nn"),
    ("max_pool", "F.max_pool2d"),
    ("upsample", "F.interpolate"),
    ("avg_pool", "F.avg_pool2d"),
    ("attention", "nn"),
    ("matmul", "@"),
    ("softmax", "F.softmax"),
    ("matmul", "torch.matmul"),
    ("matmul", "torch.bmm"),
    ("global_avg_pool", "x.mean"),
    ("linear", "F.linear"),
]

PRINTED = {
    "thop": {"MACs": 20_032, "params": 368},
    "torchinfo": {"mult-adds": 14_496, "params": 760},
    "fvcore": {"FLOPs": 583_296, "params": 760},
    "flop-counter": {"FLOPs": 1_150_208},
    "ptflops": {"MACs": 655_944, "params": 760},
    "calflops": {"FLOPs": 610_568, "MACs": 296_576, "params": 760},
}
"""What the tools print of the module itself, in the versions that their counters name."""


def called(network: Network) -> list[tuple[str, str]]:
    """The kinds and calls of what does more than arrange."""
    pairs = zip(network.layers, calls_of(network), strict=True)
    return [(node.kind, call) for node, call in pairs if node.kind not in ("permute", "reshape")]


@pytest.mark.parametrize("name", ["calls.a", "calls.b"])
def test_each_layer_is_called_as_the_code_does(name: str) -> None:
    network = convcalc.load(DATA / "torch" / f"{name}.pt2")
    assert called(network) == CALLS
    assert not network.assumptions


@pytest.mark.parametrize("tool", PRINTED)
def test_tools_print_of_the_module_what_is_counted_of_the_file(tool: str) -> None:
    network = convcalc.load(DATA / "torch" / "calls.a.pt2")
    choices = {choice.figure.word: choice for choice in counters.choices(counters.load(tool))}
    for word, figure in PRINTED[tool].items():
        (counted,) = count(network, [choices[word]])
        assert (counted.count, counted.unknown) == (figure, ())


def test_modules_that_tools_count_apart_have_their_own_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(DATA / "torch" / "calls.a.pt2") as archive:
        graph = archive.read("net/models/model.json")
    with zipfile.ZipFile(tmp_path / "net.pt2", "w") as archive:
        archive.writestr("net/models/model.json", graph.replace(b"sampling.Upsample", b"sampling.UpsamplingNearest2d"))
    assert [call for kind, call in called(convcalc.load(tmp_path / "net.pt2")) if kind == "upsample"] == [
        "nn.UpsamplingNearest2d",
        "F.interpolate",
    ]


KEPT = ("torch/calls.a.pt2", "torch/calls.b.pt2", "torch/googlenet.pt2", "scoped.new.onnx", "scoped.old.onnx")
FILES = [DATA / name for name in KEPT]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_specs_keep_what_is_called(path: Path) -> None:
    network = convcalc.load(path)
    for flat in (True, False):
        again = loads(Source("net.yaml", text(read_file(str(path)), flat=flat)))
        assert calls_of(again) == calls_of(network)


def test_files_without_functions_are_taken_to_call_some_and_say_so() -> None:
    network = convcalc.load(DATA / "torch" / "googlenet.pt2")  # of which the stacks of modules alone were kept
    assert network.code == {"relu": "F.relu"}
    (assumption,) = network.assumptions
    assert assumption.endswith("taken are 57 relu as F.relu")


def test_modules_that_were_taken_apart_are_named() -> None:
    network = convcalc.load(DATA / "torch" / "gru.b.pt2")
    assert any(sentence.endswith("of nn.GRU, which tools may count as one") for sentence in network.assumptions)
    assert not any("GRU" in call for call in network.code.values())


def test_modules_alone_say_nothing() -> None:
    assert not convcalc.load(DATA / "torch" / "resnet18.pt2").code
    assert "code:" not in text(read_file(str(DATA / "torch" / "resnet18.pt2")))


SCOPED = [("conv", "nn"), ("relu", "nn"), ("relu", "F.relu"), ("conv", "nn"), ("add", "+"), ("linear", "nn")]
"""Of ``fc(F.max_pool2d(x + last(x), 2).mean([2, 3]))`` behind ``x = F.relu(turned(act(bn(conv(x)))))``."""


@pytest.mark.parametrize(
    ("name", "norm"), [("scoped.new", "TurnedNorm(nn.LayerNorm)"), ("scoped.old", "OwnClass(nn.LayerNorm)")]
)
def test_scopes_of_onnx_say_what_is_called(name: str, norm: str) -> None:
    network = convcalc.load(DATA / f"{name}.onnx")
    other = {("layer_norm", norm), ("max_pool", "F.max_pool2d"), ("global_avg_pool", "x.mean")}
    assert sorted(called(network)) == sorted([*SCOPED, *other])
    assert any("folded batch norm into 1 convolution:" in assumption for assumption in network.assumptions)
    taken = [assumption for assumption in network.assumptions if "taken are" in assumption]
    assert any("relu as F.relu" in assumption for assumption in taken) is name.endswith("old")


WORDS = ("relu", "a", "b_1", "b_2", "b_11", "sigmoid", "conv")
KINDS = {"relu": "nn", "sigmoid": "nn", "mul": "*"}
ANSWERS = ("nn", "F.relu", "*", "torch.mul", "Own(nn.ReLU)")


def drawn(seed: int) -> list[NamedCall]:
    """Layers whose names are much alike, called in several ways."""
    draw = random.Random(seed)
    names = sorted({".".join(draw.choices(WORDS, k=draw.randint(1, 3))) for _ in range(draw.randint(1, 24))})
    kinds = [draw.choice([*KINDS]) for _ in names]
    answers = draw.sample(ANSWERS, draw.randint(1, 4))
    return [
        NamedCall(name, kind, draw.choice([*answers, KINDS[kind]]), KINDS[kind])
        for name, kind in zip(names, kinds, strict=True)
    ]


def network_of(layers: list[NamedCall]) -> Network:
    """A network of such layers."""
    each_kind = "\n".join(f"  - {kind}: {{from: [input{', input' * (kind == 'mul')}]}}" for kind in KINDS)
    head = loads(Source("net.yaml", f"input: [3, 8, 8]\nlayers:\n{each_kind}\n"))
    by_kind = {node.kind: node for node in head.layers}
    nodes = [replace(by_kind[layer.kind], name=layer.name) for layer in layers]
    return replace(head, nodes=(*head.inputs, *nodes))


@pytest.mark.parametrize("patterns", [False, True])
def test_entries_say_what_each_layer_calls(patterns: bool) -> None:
    for seed in range(400):
        layers = drawn(seed)
        network = replace(network_of(layers), code=code_of(layers, patterns=patterns))
        assert calls_of(network) == [layer.call for layer in layers], seed


def test_patterns_are_shorter_than_names() -> None:
    layers = [NamedCall(f"stage{place}.attention.qkv", "linear", "F.linear", "nn") for place in range(9)]
    layers += [NamedCall(f"stage{place}.mlp", "linear", "nn", "nn") for place in range(12)]
    assert code_of(layers, patterns=True) == {"stage*.attention.qkv": "F.linear"}
    assert code_lines({"*.qkv": "F.linear", "add": "+"}) == ['code: {"*.qkv": F.linear, add: "+"}']
