"""Imported layers as the text of a spec: it says the same network, flat and with blocks, and reads as a person's would.

Records are made from networks that are there already, so that what is written is held against what was meant and not
against what an importer made of it.
"""

from __future__ import annotations

import gzip
import os
import random
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import application
from conftest import covering
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner
from work import counted

import convcalc
from convcalc import layers
from convcalc.imports.onnx import walk as importing
from convcalc.imports.record import Imported, Layer, Unused
from convcalc.language import Source, loads
from convcalc.network import Network, Node, TextOrigin
from convcalc.opening import load
from convcalc.readable import direct
from convcalc.readable import text as spec
from convcalc.readable.names import is_generic

FOLDER = Path(__file__).parent
GOLDEN = FOLDER / "golden"
MODELS = {path.name.removesuffix(".onnx.gz"): path for path in sorted((FOLDER / "data" / "onnx").glob("*.onnx.gz"))}
SPECS = sorted((FOLDER.parent / "specs").glob("*/*.yaml"))


def model(name: str) -> Imported:
    """What a model of the test data is imported as."""
    return importing.of_bytes(gzip.decompress(MODELS[name].read_bytes()), f"{name}.onnx")


def record(network: Network, names: list[str] | None = None, inputs: list[str] | None = None) -> Imported:
    """A network as if it had been imported, its layers and inputs with these names."""
    entering = [node.name for node in network.inputs] if inputs is None else inputs
    every = [*entering, *([node.name for node in network.layers] if names is None else names)]
    return Imported(
        name="main_graph",
        inputs={name: node.shape for name, node in zip(every, network.inputs, strict=False)},
        layers=tuple(
            Layer(
                name=name,
                kind=node.kind,
                fields=fields(node),
                inputs=tuple(every[index] for index in node.inputs),
                share=None if node.shared is None else every[node.shared],
                shape=node.shape,
            )
            for name, node in zip(every[network.input_count :], network.layers, strict=True)
        ),
        outputs=tuple(every[index] for index in network.outputs),
        source="net.onnx",
        producer="tests",
        format="an ONNX model of opset 17",
    )


def fields(node: Node) -> dict[str, object]:
    """The fields of a layer that are not at their default, one an axis as ONNX has them."""
    kind = type(node.config)
    values = {name: getattr(node.config, name) for name in layers.field_types(kind)}
    standard = layers.defaults(kind)
    rank = len(node.shape) - 1
    return {
        name: value
        for name, value in values.items()
        if name not in standard or value != layers.field_types(kind)[name].expand(standard[name], rank)
    }


def same(network: Network, other: Network) -> None:
    """Both have the same layers in the same order, between the same tensors, up to names; and so the same costs."""
    assert [shown(node) for node in network.nodes] == [shown(node) for node in other.nodes]
    assert network.outputs == other.outputs
    reports = convcalc.analyze(network), convcalc.analyze(other)
    assert reports[0].totals == reports[1].totals
    costs = [[(row.params, row.buffers, row.macs, row.elementwise_ops) for row in report.layers] for report in reports]
    assert costs[0] == costs[1]


def shown(node: Node) -> tuple[Any, ...]:
    entering = sorted(node.inputs) if node.kind in {"add", "mul"} else node.inputs
    shared = None if type(node.config).weights is layers.Kind.weights else node.shared
    return node.kind, full(node.config), node.shape, tuple(entering), shared


def full(config: Any) -> Any:
    """A pool's stride that is not written is its kernel_size."""
    is_unwritten = getattr(config, "stride", ()) is None
    return msgspec.structs.replace(config, stride=config.kernel_size) if is_unwritten else config


def unplaced(node: Node) -> Node:
    return msgspec.structs.replace(node, line=0, config=full(node.config))


def written(imported: Imported) -> tuple[str, str]:
    """The text flat and folded, each of which says a network."""
    return spec.text(imported, flat=True), spec.text(imported)


def check(network: Network, imported: Imported) -> tuple[str, str]:
    """Both texts say the network, and the folded one is no longer."""
    flat, folded = written(imported)
    for text in (flat, folded):
        same(network, loads(Source("net.yaml", text)))
        assert max(map(len, text.splitlines())) <= 120
    assert folded.count("\n") <= flat.count("\n")
    plain = loads(Source("net.yaml", spec.flat_text(imported)))
    at_once = direct.network(imported, TextOrigin(lambda: None, {}, {}), is_resized=False)
    assert [unplaced(node) for node in at_once.nodes] == [unplaced(node) for node in plain.nodes]
    assert (at_once.name, at_once.outputs, at_once.groups) == (plain.name, plain.outputs, plain.groups)
    return flat, folded


# What is written says what was meant.


@pytest.mark.parametrize("path", covering(SPECS), ids=lambda path: path.stem)
def test_specs_come_back(path: Path) -> None:
    network = load(path)
    check(network, record(network))


@pytest.mark.parametrize("name", layers.names())
def test_layers_of_every_kind_come_back(name: str) -> None:
    """With their fields one an axis, as ONNX has them."""
    kind = layers.load(name)
    assert kind is not None
    draw = random.Random(name)
    for _ in range(8):
        config, shapes = kind.case(draw)
        inputs = {f"x{place}": shape for place, shape in enumerate(shapes)}
        output = config.shape(*shapes)
        made = Layer(
            name="net.0.conv",
            kind=name,
            fields={item: getattr(config, item) for item in layers.field_types(kind)},
            inputs=tuple(inputs),
            shape=output,
        )
        imported = Imported(name="", inputs=inputs, layers=(made,), outputs=(made.name,), source="a", format="a model")
        for text in written(imported):
            layer = loads(Source("net.yaml", text)).layers[0]
            assert (layer.kind, full(layer.config), layer.shape) == (name, full(config), output)


class Drawn:
    """Networks with modules that repeat, with other sizes, with layers left out, beside and within each other."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.lines: list[str] = []
        self.names: list[str] = []
        self.count = 0
        self.sizes: dict[str, tuple[int, int]] = {}

    def layer(self, path: str, kind: str, text: str, *sources: str) -> str:
        self.count += 1
        name = f"t{self.count}"
        inside = ", ".join(part for part in (f"name: {name}", f"from: [{', '.join(sources)}]", text) if part)
        self.lines.append(f"  - {kind}: {{{inside}}}")
        self.names.append(path)
        return name

    def conv(self, path: str, x: str, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> str:
        text = f"out_channels: {channels}, kernel_size: {kernel}, stride: {stride}, padding: {kernel // 2}"
        return self.layer(path, "conv", f"{text}, groups: {groups}, bias: {str(self.biased).lower()}", x)

    def block(self, path: str, x: str, entering: int, leaving: int, stride: int) -> str:
        """One of a few structures, chosen once for the network."""
        y, inner = x, leaving * self.wider
        if self.structure != "plain" or entering != inner:
            y = self.layer(f"{path}.act1", "relu", "", self.conv(f"{path}.conv1", y, inner, 1))
            entering_inner = inner
        else:
            entering_inner = entering
        y = self.conv(f"{path}.conv2", y, entering_inner, 3, stride, entering_inner if self.depthwise else 1)
        if self.normed:
            y = self.layer(f"{path}.norm.0", "batch_norm", "", y)
        if self.gated:
            z = self.layer(f"{path}.se.pool", "global_avg_pool", "keepdim: true", y)
            z = self.conv(f"{path}.se.fc1", z, max(1, entering_inner // 2), 1)
            z = self.layer(f"{path}.se.gate", "sigmoid", "", self.conv(f"{path}.se.fc2", z, entering_inner, 1))
            y = self.layer(f"{path}.se.mul", "mul", "", *self.shuffled(y, z))
        y = self.conv(f"{path}.conv3", y, leaving, 1)
        if self.structure == "concat":
            beside = self.conv(f"{path}.side", x, leaving, 3, stride)
            return self.layer(f"{path}.cat", "concat", "", y, beside)
        if self.structure == "residual":
            if stride == 1 and entering == leaving:
                y = self.layer(f"{path}.add", "add", "", *self.shuffled(y, x))
            elif self.shortcut:
                y = self.layer(f"{path}.add", "add", "", y, self.conv(f"{path}.down.0", x, leaving, 1, stride))
            return self.layer(f"{path}.act", "relu", "", y)
        return y

    def shuffled(self, *names: str) -> tuple[str, ...]:
        return names if self.turned else names[::-1]

    def text(self) -> str:
        draw = self.draw
        self.biased, self.depthwise, self.normed = (draw.random() < 0.5 for _ in range(3))
        self.gated, self.shortcut, self.turned = (draw.random() < 0.5 for _ in range(3))
        self.wider = draw.randint(1, 3)
        self.structure = draw.choice(["plain", "residual", "concat"])
        channels = 2 * draw.randint(1, 4)
        x = self.layer("stem.act", "relu", "", self.conv("stem.conv", "input", channels, 3))
        kept = x
        for stage in range(draw.randint(1, 3)):
            leaving = draw.choice([channels, 2 * channels])
            for index in range(draw.randint(1, 4)):
                stride = 2 if index == 0 and draw.random() < 0.5 else 1
                x = self.block(f"stages.{stage}.{index}", x, channels, leaving, stride)
                channels = leaving * (2 if self.structure == "concat" else 1)
                if draw.random() < 0.15:
                    kept = x
            if draw.random() < 0.3:
                x = self.layer(f"pool{stage}", "max_pool", "kernel_size: 2, ceil_mode: true", x)
        outputs = ""
        if draw.random() < 0.3:
            outputs = f"outputs: [{kept}, {x}]\n" if kept != x else ""
        x = self.layer("head.pool", "global_avg_pool", "", x)
        x = self.layer("head.fc", "linear", "out_features: 10", x)
        size = draw.choice([8, 9, 16])
        return f"input: [3, {size}, {size}]\nlayers:\n" + "\n".join(self.lines) + "\n" + outputs


@given(seed=st.integers(0, 2**32), keep=st.floats(0, 1))
def test_generated_networks_come_back(seed: int, keep: float) -> None:
    """With the names of their modules, or with some that say nothing."""
    draw = random.Random(seed)
    drawn = Drawn(draw)
    network = loads(Source("drawn.yaml", drawn.text()))
    kinds = [node.kind for node in network.layers]
    names = [
        name if draw.random() < keep else f"{kind}_{place}"
        for place, (name, kind) in enumerate(zip(drawn.names, kinds, strict=True))
    ]
    check(network, record(network, names))


@given(seed=st.integers(0, 2**32))
def test_generated_graphs_come_back(seed: int) -> None:
    """Any edges between any layers, modules that are torn apart, shared weights, several inputs and outputs."""
    draw = random.Random(seed)
    inputs = [f"in{place}" for place in range(draw.randint(1, 3))]
    head = (
        "input: [4, 8, 8]" if len(inputs) == 1 else f"inputs: {{{', '.join(f'{name}: [4, 8, 8]' for name in inputs)}}}"
    )
    known = ["input"] if len(inputs) == 1 else list(inputs)
    lines: list[str] = []
    convs: list[str] = []
    names: list[str] = []
    for place in range(draw.randint(1, 24)):
        kind = draw.choice(["conv", "relu", "add", "mul", "batch_norm", "conv"])
        recent = known[-4:] if draw.random() < 0.8 else known
        sources = draw.choices(recent, k=draw.randint(2, 3) if kind in {"add", "mul"} else 1)
        text = f"name: t{place}, from: [{', '.join(sources)}]"
        if kind == "conv":
            text += f", out_channels: 4, kernel_size: {draw.choice([1, 3])}, padding: same"
            if convs and draw.random() < 0.2:
                text = f"name: t{place}, from: [{sources[0]}], share: {draw.choice(convs)}"
            else:
                convs.append(f"t{place}")
        lines.append(f"  - {kind}: {{{text}}}")
        known.append(f"t{place}")
        names.append(f"{draw.choice('ab')}.{draw.choice('01')}.{kind}{place}")
    outputs = draw.sample(known, draw.randint(1, min(3, len(known))))
    text = f"{head}\nlayers:\n" + "\n".join(lines) + f"\noutputs: [{', '.join(outputs)}]\n"
    network = loads(Source("drawn.yaml", text))
    check(network, record(network, names))


# What it looks like.


@pytest.mark.parametrize("name", MODELS)
def test_models_read_as_specs(name: str) -> None:
    imported = model(name)
    network = loads(Source("net.yaml", spec.flat_text(imported)))
    check(network, imported)


MOST_LINES = {
    "resnet50": 16,
    "resnet50.dynamo": 36,
    "mobilenet_v2": 23,
    "mobilenet_v2.dynamo": 40,
    "efficientnet_b0": 58,
    "inception_v3_noaux": 97,
    "shufflenet_v2_x1_0": 61,
    "convnext_tiny": 49,
    "r3d_18": 13,
    "deeplabv3_resnet50_520": 34,
    "densenet121": 282,
}
"""Lines that a person would not be ashamed of; resnet50.yaml of the zoo has 19."""


@pytest.mark.parametrize("name", MOST_LINES)
def test_what_repeats_is_written_once(name: str) -> None:
    assert spec.text(model(name)).count("\n") <= MOST_LINES[name]


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2", "shufflenet_v2_x1_0"])
def test_golden_layout(name: str) -> None:
    """How it looks, with every digit a 0: that the numbers are right is tested above."""
    text = re.sub(r"\d", "0", spec.text(model(name)))
    path = GOLDEN / f"import_{name}.txt"
    if os.environ.get("CONVCALC_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), f"CONVCALC_GOLDEN=1 writes {path.name} anew"


# Names.

WORDS = (
    *("no", "yes", "null", "true", "~", "1e3", "0x10", "010", "1_000", ".inf", "-", "?", "input", "previous", "index"),
    *(
        "in_channels",
        "name",
        "from",
        "repeat",
        "conv1",
        "conv2",
        "relu1",
        "add",
        "required",
        "x" * 500,
        "a.b.c",
        "..",
        "",
    ),
)
SIGNS = "./_-: #{}[]'\"*&\n\t0123456789eE"
CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(SIGNS)
HOSTILE = st.text(CHARACTERS, max_size=12) | st.sampled_from(WORDS)


@given(names=st.lists(HOSTILE, min_size=8, max_size=8, unique=True))
def test_any_names_become_legal_ones(names: list[str]) -> None:
    """Of layers and inputs: everything is referred to, so that everything has a name that is found again."""
    text = """
inputs: {x: [4, 8, 8], y: [4, 8, 8]}
layers:
  - conv: {name: a, from: x, out_channels: 4, kernel_size: 1}
  - conv: {name: b, from: y, out_channels: 4, kernel_size: 3, padding: 1}
  - relu: {name: c, from: a}
  - add: {name: d, from: [a, b, c]}
  - conv: {name: e, from: b, out_channels: 4, kernel_size: 1}
  - mul: {name: f, from: [e, c, d, x]}
outputs: [a, d, f]
"""
    network = loads(Source("net.yaml", text))
    imported = record(network, names[2:], names[:2])
    check(network, imported)


def test_names_are_those_of_the_graph() -> None:
    """Where they say more than a number would, with the ways through modules; in blocks below the name of the call."""
    network = loads(Source("net.yaml", spec.text(model("resnet50.dynamo"))))
    convs = [node.name for node in network.layers if node.kind in {"conv", "linear"}]
    assert convs[:6] == [
        "conv1",
        *(f"layer1.0.{name}" for name in ("conv1", "conv2", "conv3", "downsample_0")),
        "layer1.1.conv1",
    ]
    assert convs[-3:] == ["layer4.2.conv2", "layer4.2.conv3", "fc"]
    flat = loads(Source("net.yaml", spec.text(model("resnet50.dynamo"), flat=True)))
    assert [name.replace(".", "_") for name in convs] == [
        node.name for node in flat.layers if node.kind in {"conv", "linear"}
    ]


def test_the_kinds_names_say_nothing() -> None:
    assert all(is_generic(f"{name}_12") for name in layers.names())


# What stands around the layers.


def test_the_header_says_where_figures_come_from() -> None:
    imported = model("alexnet")
    unused = tuple(Unused(f"w{place}", (place + 1, 3)) for place in range(10))
    text = spec.text(msgspec.structs.replace(imported, unused=unused, notes=("input x has a batch of 8.",)))
    head = text.partition("name:")[0]
    assert head.startswith("# alexnet.onnx: an ONNX model of opset 17, written by pytorch 2.14.1\n")
    assert "# input x has a batch of 8.\n" in head
    assert "w0 [1, 3]" in head
    assert "and 2 more" in head
    assert loads(Source("net.yaml", text)).expect["params"] == 61_100_840


def test_totals_with_unknown_costs_are_not_expected() -> None:
    layer = Layer(name="what", kind="opaque", fields={"output_shape": (7,)}, inputs=("x",), shape=(7,))
    imported = Imported(
        name="", inputs={"x": (3,)}, layers=(layer,), outputs=("what",), source="x.onnx", format="a model"
    )
    text = spec.text(imported)
    assert "# Opaque layers" in text
    assert loads(Source("net.yaml", text)).expect == {}


def test_what_leaves_is_named_unless_it_is_the_last() -> None:
    network = loads(Source("net.yaml", "input: [3, 4, 4]\nlayers: [relu, sigmoid]\noutputs: [relu1, input]\n"))
    flat, folded = check(network, record(network))
    assert "outputs: [" in flat
    assert "outputs: [" in folded
    assert "outputs" not in spec.text(model("alexnet"))


def test_large_graphs_take_linear_work_and_are_written_flat() -> None:
    def calls(count: int) -> int:
        names = [f"l{place}" for place in range(count)]
        made = [
            Layer(name=name, kind="relu" if place % 2 else "conv", inputs=(names[place - 1] if place else "x",),
                  fields={} if place % 2 else {"out_channels": 4, "kernel_size": [1, 1]}, shape=(4, 2, 2))
            for place, name in enumerate(names)
        ]  # fmt: skip
        imported = Imported(name="", inputs={"x": (4, 2, 2)}, layers=tuple(made), outputs=(names[-1],), source="x",
                            format="a model")  # fmt: skip
        with counted() as work:
            text = spec.flat_text(imported)
        assert text.count("\n  - ") == count
        return work.calls

    calls(100)
    assert calls(5_000) < 5.1 * calls(1_000)


# The command, and files where a spec is expected.


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(application(), list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def resnet(tmp_path: Path) -> Path:
    path = tmp_path / "resnet50.onnx"
    path.write_bytes(gzip.decompress(MODELS["resnet50"].read_bytes()))
    return path


def test_import_prints_or_writes_a_spec_that_lints(resnet: Path, tmp_path: Path) -> None:
    code, out, _ = run("import", str(resnet))
    assert code == 0
    output = tmp_path / "net.yaml"
    assert run("import", str(resnet), "-o", str(output)) == (0, "", "")
    assert output.read_text("utf-8") == out
    code, result, _ = run("lint", str(output), "--format", "json")
    assert code == 0, result
    code, _, err = run("import", str(resnet), "-o", str(output), "--flat")
    assert (code, "--force" in err) == (2, True)
    assert output.read_text("utf-8") == out
    assert run("import", str(resnet), "-o", str(output), "--flat", "--force")[0] == 0
    assert "blocks:" not in output.read_text("utf-8")
    assert run("import", str(tmp_path / "none.onnx"))[0] == 2
    assert run("import", str(resnet), "-o", str(tmp_path / "no" / "net.yaml"))[0] == 2


def test_import_takes_other_sizes(resnet: Path) -> None:
    for sizes in ("3x192x192", "1x3x192x192", "input=1x3x192x192"):
        code, out, _ = run("import", str(resnet), "--input", sizes)
        assert code == 0
        assert "input: [3, 192, 192]" in out
    assert run("import", str(resnet), "--input", "other=1x3x192x192")[0] == 2


def test_commands_take_models(resnet: Path, tmp_path: Path) -> None:
    """A model without the ending too, since its first byte tells it from any text; nothing is written to it."""
    before = resnet.read_bytes()
    plain = tmp_path / "model"
    plain.write_bytes(before)
    for path in (str(resnet), str(plain)):
        assert convcalc.analyze(convcalc.load(path)).totals.macs == 4_089_184_256
    assert convcalc.analyze(convcalc.load(resnet, inputs={"input": (3, 448, 448)})).totals.params == 25_557_032
    for name, *options in (
        ["analyze"],
        ["lint"],
        ["explain"],
        ["compare", "--variant", "separable"],
        ["lint", "--fix"],
    ):
        code, out, err = run(name, str(resnet), *options)
        assert code == 0, (name, out, err)
        assert "resnet50.onnx" in out
    assert run("compare", str(resnet), str(plain))[0] == 0
    assert resnet.read_bytes() == before
    resnet.write_bytes(before[: len(before) // 2])
    for command in ("analyze", "lint", "import"):
        code, _, err = run(command, str(resnet))
        assert code in {1, 2}, command
        assert "Traceback" not in err
