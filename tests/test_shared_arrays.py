"""Single arrays that are several layers': counted once, in specs, in ONNX files, and where they are run.

What an ONNX file has is counted on its tensors: every element of an initialiser has a number of its own, ONNX Runtime
runs the file, and the numbers that reach a layer as weights are the parameters. MACs are counted on the sizes that
ONNX Runtime makes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import jsonschema  # type: ignore[import-untyped]  # it comes without
import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lint_runs import lint_text
from onnx import helper, numpy_helper

import convcalc
from convcalc.exports.onnx.write import model
from convcalc.imports.elements import Elements, all_of
from convcalc.imports.onnx.walk import of_bytes
from convcalc.language.document import loads
from convcalc.language.outline import Outline
from convcalc.language.rewrite import Rewriter
from convcalc.language.schema import schema
from convcalc.language.source import Source, SpecError
from convcalc.language.variants import parsed
from convcalc.readable.text import text
from convcalc.reference import weights
from convcalc.reference.verify import verify


def network(layers: str, sizes: str = "[4, 8, 8]") -> convcalc.Network:
    return loads(Source("net.yaml", f"input: {sizes}\nlayers:\n{layers}"))


# ---- in specs ----------------------------------------------------------------------------------------------------

CONV = "  - conv: {name: a, out_channels: 4, kernel_size: 3, padding: 1}\n  - relu\n"

SPECS = {
    "the weight, with a bias of its own": (
        f"{CONV}  - conv: {{out_channels: 4, kernel_size: 3, padding: 1, share: {{weight: a.weight}}}}\n",
        "[4, 8, 8]", 4 * 4 * 9 + 4 + 4,
    ),
    "the weight, without a bias": (
        f"{CONV}  - conv: {{out_channels: 4, kernel_size: 3, bias: false, share: {{weight: a.weight}}}}\n",
        "[4, 8, 8]", 4 * 4 * 9 + 4,
    ),
    "the bias alone": (
        f"{CONV}  - conv: {{out_channels: 4, kernel_size: 1, share: {{bias: a.bias}}}}\n",
        "[4, 8, 8]", 4 * 4 * 9 + 4 + 16,
    ),
    "a transposed convolution": (
        ("  - conv: {name: a, out_channels: 8, kernel_size: 3, stride: 2, padding: 1, bias: false}\n"
        "  - conv_transpose: {out_channels: 3, kernel_size: 3, stride: 2, bias: false, share: {weight: a.weight}}\n"),
        "[3, 8, 8]", 8 * 3 * 9,
    ),
    "a tied autoencoder": (
        ("  - linear: {name: encoder, out_features: 5}\n"
        "  - linear: {out_features: 12, share: {weight: encoder.weight}}\n"),
        "[12]", 5 * 12 + 5 + 12,
    ),
    "other groups": (
        ("  - conv: {name: a, out_channels: 8, kernel_size: 3, groups: 2, bias: false}\n  - slice: {start: 0, end: 4}\n"
        "  - conv: {out_channels: 8, kernel_size: 3, bias: false, share: {weight: a.weight}}\n"),
        "[8, 8, 8]", 8 * 4 * 9,
    ),
    "a part of a kernel": (
        f"{CONV}  - conv: {{out_channels: 4, kernel_size: 1, bias: false, share: {{weight: a.weight}}}}\n",
        "[4, 8, 8]", 4 * 4 * 9 + 4,
    ),
    "a parameter's": (
        ("  - parameter: {name: table, sizes: [9, 6]}\n  - linear: {name: a, from: input, out_features: 9, bias: false,"
        " share: {weight: table.weight}}\n  - linear: {out_features: 6, bias: false, share: {weight: table.weight}}\n"),
        "[6]", 9 * 6,
    ),
    "a parameter is one": (
        ("  - linear: {name: a, out_features: 9, bias: false}\n"
        "  - parameter: {name: table, sizes: [9], share: {weight: a.weight}}\n  - add: {from: [a, table]}\n"),
        "[6]", 9 * 6,
    ),
    "of a repetition that of the same number": (
        ("  - linear: {name: a, out_features: 6, repeat: 2}\n"
        "  - linear: {out_features: 6, share: {weight: a.weight}, repeat: 2}\n"),
        "[6]", 2 * (36 + 6) + 2 * 6,
    ),
    "one that is itself another's": (
        ("  - linear: {name: a, out_features: 9, bias: false}\n"
        "  - linear: {name: b, out_features: 6, bias: false, share: {weight: a.weight}}\n"
        "  - linear: {name: c, out_features: 9, bias: false, share: {weight: b.weight}}\n"
        "  - linear: {out_features: 6, share: b}\n"),
        "[6]", 9 * 6,
    ),
    "one that lies in no order of the other's": (
        ("  - linear: {name: a, out_features: 9, bias: false}\n"
        "  - linear: {name: b, out_features: 6, bias: false, share: {weight: a.weight}}\n  - reshape: {sizes: [2, 3]}\n"
        "  - linear: {out_features: 2, bias: false, share: {weight: b.weight}}\n"),
        "[6]", 9 * 6,
    ),
    "a parameter's, again and again": (
        ("  - parameter: {name: table, sizes: [5]}\n"
        "  - parameter: {name: a, from: input, sizes: [4, 8, 8], share: {weight: table.weight}}\n"
        "  - parameter: {name: b, from: input, sizes: [4, 8, 8], share: a}\n  - add: {from: [input, a, b]}\n"),
        "[4, 8, 8]", 5,
    ),
    "an array whose name has a dot": (
        "  - attention: {name: a, num_heads: 2}\n  - linear: {out_features: 6, share: {weight: a.out_proj.weight}}\n",
        "[5, 6]", 4 * 36 + 4 * 6 + 6,
    ),
    "slopes": (
        f"{CONV}  - prelu: {{num_parameters: 4, share: {{weight: a.bias}}}}\n", "[4, 8, 8]", 4 * 4 * 9 + 4,
    ),
}  # fmt: skip
"""Layers, the size of the input, and parameters counted by hand."""


@pytest.mark.parametrize("name", SPECS)
def test_an_array_counts_once_and_is_run_so(name: str) -> None:
    layers, sizes, params = SPECS[name]
    net = network(layers, sizes)
    report = convcalc.analyze(net)
    assert report.totals.params == params == sum(row.params for row in report.layers)
    assert report.totals.weight_bytes == 4 * params
    assert verify(net).agrees


def test_a_norm_shares_its_scale_and_keeps_its_own_statistics() -> None:
    net = network("  - batch_norm: {name: a}\n  - batch_norm: {share: {weight: a.weight, bias: a.bias}}\n")
    totals = convcalc.analyze(net).totals
    assert (totals.params, totals.buffers) == (8, 16)
    assert verify(net).agrees


BLOCKS = """
input: [6]
blocks:
  tied:
    layers:
      - linear: {name: down, out_features: 3}
      - linear: {name: up, out_features: 6, share: {weight: down.weight}}
layers:
  - tied: {name: a}
  - tied: {name: b}
  - tied: {name: c, share: a}
"""


def test_blocks_have_shared_arrays_within_and_are_shared() -> None:
    net = loads(Source("net.yaml", BLOCKS))
    assert convcalc.analyze(net).totals.params == 2 * (18 + 3 + 6)
    assert verify(net).agrees


def test_an_explanation_says_where_the_elements_are_counted() -> None:
    net = network(SPECS["the weight, with a bias of its own"][0])
    explained: Any = convcalc.explain(net, "conv2")
    assert explained.notes[0] == "weight reads the elements of a.weight, counted there"
    (params,) = [formula for formula in explained.formulas if formula.quantity == "params"]
    assert params.value == 4


WRONG = {
    "no such array": ("{«wieght»: a.weight}", "CC013", ["no array `wieght`", "weight 4x4x3x3, bias 4", "`weight`"]),
    "the owner has no such array": ("{weight: «a.kernel»}", "CC013", ["a has no array `kernel`", "weight 4x4x3x3"]),
    "no such layer": ("{weight: «aa.weight»}", "CC013", ["no layer `aa`", "did you mean `a`"]),
    "a layer alone": ("{weight: «a»}", "CC011", ["weight: expected an array", "a.weight", "'a'"]),
    "the input": ("{weight: «input.weight»}", "CC011", ["name of a layer above"]),
    "what has no arrays": ("{weight: «relu1.weight»}", "CC013", ["relu1 has no array `weight`", "none"]),
    "more elements than there are": (
        "{weight: «a.bias»}", "CC103", ["weight 4x4x3x3 has more elements than a.bias, 4"]
    ),
    "a list": ("{weight: «[»a.weight]}", "CC011", ["name of a layer above", "a list"]),
    "nothing": ("«{»}", "CC011", ["an earlier conv or arrays", "{weight: conv1.weight}", "an empty mapping"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_mention_has_its_place(name: str) -> None:
    marked, code, parts = WRONG[name]
    line = f"  - conv: {{name: it, out_channels: 4, kernel_size: 3, share: {marked}}}"
    with pytest.raises(SpecError) as caught:
        network(CONV + line.replace("«", "").replace("»", ""))
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.line, problem.column) == (code, 5, line.index("«") + 1)
    assert all(part in f"{problem.message} {problem.help}" for part in parts), problem


def test_a_block_has_no_arrays_of_its_own() -> None:
    text = BLOCKS.replace("{name: b}", "{name: b, share: {weight: a.weight}}")
    with pytest.raises(SpecError, match="share: expected the name of an earlier tied, found a mapping"):
        loads(Source("net.yaml", text))
    with pytest.raises(SpecError, match="a is a block"):
        loads(Source("net.yaml", f"{BLOCKS}  - linear: {{out_features: 6, share: {{weight: a.weight}}}}\n"))
    with pytest.raises(SpecError, match=r"a\.up has no array `kernel`"):
        loads(Source("net.yaml", f"{BLOCKS}  - linear: {{out_features: 6, share: {{weight: a.up.kernel}}}}\n"))


# ---- generated specs, run ----------------------------------------------------------------------------------------


def tied(draw: random.Random) -> convcalc.Network:
    """Layers behind each other, each of which may have arrays of those before it."""
    channels = first = draw.randint(1, 4)
    lines: list[str] = []
    held: list[tuple[str, int]] = []
    for place in range(draw.randint(2, 5)):
        kind = draw.choice(["conv", "conv_transpose", "batch_norm", "prelu"])
        fields: dict[str, object] = {"name": f"t{place}"}
        arrays = {"weight": channels, "bias": channels}
        if kind.startswith("conv"):
            entering, channels, kernel = channels, draw.randint(1, 4), draw.randint(1, 3)
            fields |= {"out_channels": channels, "kernel_size": kernel}
            arrays = {"weight": entering * channels * kernel**2, "bias": channels}
            if kind == "conv":
                fields["padding"] = kernel // 2
        elif kind == "prelu":
            fields["num_parameters"] = channels
            del arrays["bias"]
        fitting = {name: [path for path, count in held if count >= size] for name, size in arrays.items()}
        views = {name: draw.choice(paths) for name, paths in fitting.items() if paths and draw.random() < 0.6}
        if views:
            fields["share"] = "{" + ", ".join(f"{name}: {path}" for name, path in views.items()) + "}"
        held += [(f"t{place}.{name}", count) for name, count in arrays.items()]
        lines.append(f"  - {kind}: {{{', '.join(f'{key}: {value}' for key, value in fields.items())}}}\n")
    return network("".join(lines), f"[{first}, 5, 5]")


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_is_measured_is_what_is_claimed(draw: random.Random) -> None:
    net = tied(draw)
    verified = verify(net)
    assert verified.agrees, verified.disagreements
    held = sum(math.prod(tensor.dims) for tensor in model(net).graph.initializer)
    assert held == verified.totals["params"].claimed + verified.totals["buffers"].claimed


def unborrowed(net: convcalc.Network) -> convcalc.Network:
    """The network with every array its own."""
    nodes = tuple(msgspec.structs.replace(node, borrowed=()) for node in net.nodes)
    return msgspec.structs.replace(net, nodes=nodes)


def test_planted_faults_are_measured() -> None:
    layers, sizes, _ = SPECS["a tied autoencoder"]
    net = network(layers, sizes)
    with patch.object(weights, "laid_out", lambda array, shape: np.resize(array, shape) + array.dtype.type(1)):
        assert [result.name for result in verify(net).disagreements] == ["linear2"]
    analyze = convcalc.analyze
    with patch("convcalc.reference.verify.as_written", lambda net, **more: analyze(unborrowed(net), **more)):
        assert [result.name for result in verify(net).disagreements] == ["linear2"]


@pytest.mark.parametrize(
    "name", ["other groups", "a part of a kernel", "one that is itself another's", "a parameter's"]
)
def test_onnxruntime_makes_the_same_of_one_initialiser(name: str) -> None:
    layers, sizes, params = SPECS[name]
    net = network(layers, sizes)
    assert sum(math.prod(tensor.dims) for tensor in model(net).graph.initializer) == params
    assert verify(net, against="onnxruntime").agrees


# ---- in ONNX files -----------------------------------------------------------------------------------------------


class File:
    """An ONNX model as it is being written. The elements of its initialisers are numbered."""

    def __init__(self, *x: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: dict[str, tuple[int, ...]] = {"x": x} if x else {}
        self.initialisers: dict[str, onnx.TensorProto] = {}
        self.count = 1
        self.last = "x"

    def weight(self, *sizes: int) -> str:
        """An initialiser; its name."""
        name, size = f"w{len(self.initialisers)}.weight", math.prod(sizes)
        array = np.arange(self.count, self.count + size, dtype=np.float32).reshape(sizes)
        self.initialisers[name], self.count = numpy_helper.from_array(array, name), self.count + size
        return name

    def indices(self, *numbers: int, sizes: tuple[int, ...] = (-1,)) -> str:
        """An initialiser of whole numbers, of one axis unless told."""
        name = f"i{len(self.initialisers)}"
        self.initialisers[name] = numpy_helper.from_array(np.array(numbers, np.int64).reshape(sizes), name)
        return name

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node of one output; its name."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def layer(self, op: str, *arrays: str, **attributes: Any) -> None:
        """A node on the last layer's output."""
        self.last = self.node(op, self.last, *arrays, **attributes)

    def part(self, array: str, start: int, stop: int, *axes: int) -> str:
        """The same range of some axes."""
        ranges = [self.indices(*[number] * len(axes)) for number in (start, stop)]
        return self.node("Slice", array, *ranges, self.indices(*axes))

    def model(self, outputs: list[str]) -> onnx.ModelProto:
        float_ = onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info(name, float_, sizes) for name, sizes in self.inputs.items()],
            [helper.make_tensor_value_info(name, float_, None) for name in outputs],
            [*self.initialisers.values()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


LEARNED = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (1,),
    "PRelu": (1,),
    "Add": (1,),
    "Mul": (1,),
} | {"BatchNormalization": (1, 2)}
"""The inputs of an operator that are weights."""


def counted(file: File) -> tuple[int, int]:
    """Parameters and MACs, from what ONNX Runtime makes of every node."""
    written = file.model([name for node in file.nodes for name in node.output])
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(written.SerializeToString(), options, ["CPUExecutionProvider"])
    tensors = {name: np.zeros(sizes, np.float32) for name, sizes in file.inputs.items()}
    computed = {*tensors}
    names = [output.name for output in session.get_outputs()]
    tensors |= dict(zip(names, session.run(None, tensors), strict=True))
    tensors |= {name: numpy_helper.to_array(tensor) for name, tensor in file.initialisers.items()}
    numbers: set[float] = set()
    macs = 0
    for node in file.nodes:
        if computed.isdisjoint(node.input):
            continue
        computed.update(node.output)
        x, y = tensors[node.input[0]], tensors[node.output[0]]
        arrays = [tensors[node.input[place]] for place in LEARNED.get(node.op_type, ()) if place < len(node.input)]
        numbers.update(*(array.flatten().tolist() for array in arrays))
        if node.op_type in ("Conv", "ConvTranspose"):
            macs += (y if node.op_type == "Conv" else x).size * math.prod(arrays[0].shape[1:])
        elif node.op_type in ("Gemm", "MatMul"):
            macs += y.size * x.shape[-1]
    return len(numbers), macs


def is_read_right(file: File, outputs: list[str], *, comes_back: bool = True) -> None:
    """Import it, write it as ONNX, import that: the totals are those counted, and what runs has them."""
    expected = counted(file)
    imported = of_bytes(file.model(outputs).SerializeToString(), "model.onnx")
    nets = [loads(Source("model.yaml", text(imported, flat=flat))) for flat in (True, False)]
    if comes_back:
        nets.append(loads(Source("again.yaml", text(of_bytes(model(nets[0]).SerializeToString(), "again.onnx")))))
    for net in nets:
        totals = convcalc.analyze(net).totals
        assert (totals.params, totals.macs) == expected
    assert verify(nets[0]).agrees


def autoencoder(file: File) -> None:
    w = file.weight(8, 4, 3, 3)
    file.layer("Conv", w, strides=[2, 2], pads=[1, 1, 1, 1])
    file.layer("ConvTranspose", w, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])


def another_bias(file: File) -> None:
    w = file.weight(4, 4, 3, 3)
    file.layer("Conv", w, file.weight(4), pads=[1, 1, 1, 1])
    file.layer("Relu")
    file.layer("Conv", w, file.weight(4))


def no_bias(file: File) -> None:
    w = file.weight(4, 4, 3, 3)
    file.layer("Conv", w)
    file.layer("Conv", w, file.weight(4))


def bias_alone(file: File) -> None:
    b = file.weight(4)
    file.layer("Conv", file.weight(4, 4, 3, 3), b)
    file.layer("ConvTranspose", file.weight(4, 4, 2, 2), b)


def norms(file: File) -> None:
    scale, shift = file.weight(4), file.weight(4)
    for _ in range(2):
        file.layer("Conv", file.weight(4, 4, 1, 1))
        file.layer("BatchNormalization", scale, shift, file.weight(4), file.weight(4))


def groups(file: File) -> None:
    w = file.weight(4, 2, 3, 3)
    file.layer("Conv", w, group=2)
    file.last = file.part(file.last, 0, 2, 1)
    file.layer("Conv", w)


def first_taps(file: File) -> None:
    w = file.weight(4, 4, 3, 3)
    file.layer("Conv", w)
    file.layer("Conv", file.part(w, 1, 2, 2, 3))


def taps_before_all(file: File) -> None:
    w = file.weight(4, 4, 3, 3)
    file.layer("Conv", file.part(w, 1, 2, 2, 3))
    file.layer("Conv", w)


def overlapping(file: File) -> None:
    w = file.weight(6, 4, 1, 1)
    for start in (0, 2):
        file.layer("Conv", file.part(w, start, start + 4, 0))


def halves(file: File) -> None:
    w = file.weight(4, 8, 1, 1)
    for start in (0, 4):
        file.layer("Conv", file.part(w, start, start + 4, 1))


def stacked(file: File) -> None:
    w = file.weight(3, 4, 4, 1, 1)
    for place in (0, 2, 1, 0):
        file.layer("Conv", file.node("Squeeze", file.node("Gather", w, file.indices(place)), file.indices(0)))


def strides(file: File) -> None:
    w = file.weight(4, 4, 3, 3)
    for stride in ([2, 2], [1, 1], [1, 2]):
        file.layer("Conv", w, strides=stride, pads=[2, 2, 2, 2])


def paddings(file: File) -> None:
    w, b = file.weight(4, 4, 3, 3), file.weight(4)
    for pads in ([1, 1, 1, 1], [0, 0, 0, 0], [2, 1, 0, 0]):
        file.layer("Conv", w, b, pads=pads)


def dilations(file: File) -> None:
    w = file.weight(4, 4, 2, 2)
    for dilation, stride in ((2, 1), (1, 3), (1, 1)):
        file.layer("ConvTranspose", w, dilations=[dilation] * 2, strides=[stride] * 2)


def renamed(file: File) -> None:
    w = file.weight(4, 4, 3, 3)
    file.layer("Conv", w)
    file.layer("Conv", file.node("Identity", file.node("Cast", w, to=1)))


def scaled(file: File) -> None:
    w = file.weight(4, 4, 3, 3)
    file.layer("Conv", w)
    item = file.node("Constant", value=numpy_helper.from_array(np.array(1, np.float32)))
    file.layer("ConvTranspose", file.node("Mul", w, item))


def from_a_constant(file: File) -> None:
    numbers = np.arange(1, 145, dtype=np.float32).reshape(4, 4, 3, 3)
    w = file.node("Constant", value=numpy_helper.from_array(numbers))
    file.layer("Conv", w)
    file.layer("ConvTranspose", w)


def joined(file: File) -> None:
    halves = file.weight(2, 4, 1, 1), file.weight(2, 4, 1, 1)
    for op in ("Conv", "ConvTranspose"):
        file.layer(op, file.node("Concat", *halves, axis=0))


def slopes(file: File) -> None:
    s = file.weight(4, 1, 1)
    file.layer("PRelu", s)
    file.layer("Conv", file.weight(4, 4, 1, 1), file.node("Reshape", s, file.indices(-1)))


def added_map(file: File) -> None:
    p = file.weight(1, 4, 8, 8)
    file.layer("Add", p)
    file.layer("Conv", file.weight(4, 4, 1, 1))
    file.layer("Add", p)


def matrices(file: File) -> None:
    w = file.weight(5, 12)
    file.layer("Gemm", w, transB=1)
    file.layer("Relu")
    file.layer("Gemm", w)


def transposed(file: File) -> None:
    w = file.weight(12, 5)
    file.layer("MatMul", w)
    file.layer("MatMul", file.node("Transpose", w, perm=[1, 0]))


def reshaped(file: File) -> None:
    w = file.weight(12, 6)
    file.layer("MatMul", w)
    file.layer("Gemm", file.node("Reshape", file.node("Transpose", w), file.indices(12, 6)), transB=1)
    file.layer("MatMul", file.node("Reshape", w, file.indices(12, 6)))


def split(file: File) -> None:
    w = file.weight(12, 36)
    file.nodes.append(helper.make_node("Split", [w], ["q", "k", "v"], "split", axis=1))
    for part in ("q", "k", "v", "k"):
        file.layer("MatMul", part)


def of_another_kind(file: File) -> None:
    w = file.weight(6, 12)
    file.layer("Gemm", w, transB=1)
    file.layer("Reshape", file.indices(1, 6, 1, 1))
    file.layer("ConvTranspose", file.node("Reshape", w, file.indices(6, 3, 2, 2)))


def table(file: File) -> None:
    places = np.random.default_rng(0).integers(0, 9, (8, 8))
    file.layer("Add", file.node("Gather", file.weight(4, 9), file.indices(*places.flat, sizes=(8, 8)), axis=1))


def one_of_all_channels(file: File) -> None:
    w = file.weight(1, 1, 3, 3)
    file.layer("Conv", file.node("Expand", w, file.indices(4, 1, 3, 3)), group=4, pads=[1, 1, 1, 1])
    file.layer("Conv", file.node("Tile", w, file.indices(4, 1, 1, 1)), group=4, pads=[1, 1, 1, 1])


def stretched(file: File) -> None:
    w = file.weight(4, 1, 1)
    for op in ("Add", "Mul"):
        file.layer("Relu")
        file.layer(op, file.node("Expand", w, file.indices(1, 4, 8, 8)))


def behind_itself(file: File) -> None:
    w = file.weight(2, 4, 3, 3)
    file.layer("Conv", file.node("Concat", w, file.node("Gather", w, file.indices(1, 0), axis=0), axis=0))
    file.layer("Conv", w)


MAPS: tuple[Callable[[File], None], ...] = (
    *(autoencoder, another_bias, no_bias, bias_alone, norms, groups, first_taps, taps_before_all, overlapping, halves),
    *(stacked, strides, paddings, dilations, renamed, scaled, from_a_constant, joined, slopes, added_map),
    *(table, one_of_all_channels, stretched, behind_itself),
)
VECTORS: tuple[Callable[[File], None], ...] = (matrices, transposed, reshaped, split, of_another_kind)


@pytest.mark.parametrize("fill", [*MAPS, *VECTORS], ids=lambda fill: fill.__name__)
def test_an_initialiser_counts_once(fill: Callable[[File], None]) -> None:
    file = File(1, 4, 8, 8) if fill in MAPS else File(1, 12)
    fill(file)
    is_read_right(file, [file.last], comes_back=fill is not overlapping)  # a spec does not say which part it is


def side_by_side(draw: random.Random) -> tuple[File, list[str]]:
    """Layers on views of one initialiser, one of which has all of it; and what leaves."""
    file, outputs = File(), []
    sizes = [draw.randint(1, 4) for _ in range(4)]
    w, count = file.weight(*sizes), draw.randint(2, 4)
    for place, is_all in enumerate(draw.sample([True] + [False] * (count - 1), count)):
        array, shape = w, sizes
        for _ in range(0 if is_all else draw.randint(1, 3)):
            array, shape = viewed(draw, file, array, shape)
        is_map = draw.random() < 0.7
        if not is_map:
            shape = [math.prod(shape[:2]), math.prod(shape[2:])]
            array = file.node("Reshape", array, file.indices(*shape))
        file.inputs[f"x{place}"] = (1, shape[1], 5, 5) if is_map else (1, shape[0])
        pads = [size - 1 for size in shape[2:]] * 2
        op, attributes = ("Conv", {"pads": pads}) if is_map else ("MatMul", {})
        outputs.append(file.node(op, f"x{place}", array, **attributes))
    return file, outputs


def viewed(draw: random.Random, file: File, array: str, shape: list[int]) -> tuple[str, list[int]]:
    """Some of the elements of an array, or all, in another order or shape of four axes."""
    if draw.random() < 0.4:
        order = draw.sample(range(4), 4)
        return file.node("Transpose", array, perm=order), [shape[axis] for axis in order]
    if draw.random() < 0.3:
        shape = draw.choice([[shape[0] * shape[1], 1, *shape[2:]], [shape[0], shape[1] * shape[2], shape[3], 1]])
        return file.node("Reshape", array, file.indices(*shape)), shape
    axis = draw.randrange(4)
    start = draw.randrange(shape[axis])
    stop = draw.randint(start + 1, shape[axis])
    sizes = [stop - start if place == axis else size for place, size in enumerate(shape)]
    return file.part(array, start, stop, axis), sizes


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate], derandomize=True)
@given(st.randoms(use_true_random=False))
def test_views_of_an_initialiser_count_it_once(draw: random.Random) -> None:
    """The same views every time: a part of an axis that is no box of the tensor counts as an array of its own."""
    file, outputs = side_by_side(draw)
    is_read_right(file, outputs)


def chained(draw: random.Random, shape: tuple[int, ...]) -> tuple[np.ndarray[Any, Any], Elements | None]:
    """Views of views of numbered elements, and which elements these are said to be."""
    array = np.arange(math.prod(shape)).reshape(shape)
    elements: Elements | None = all_of("w", shape)
    for _ in range(draw.randint(0, 4)):
        before, what = array.shape, draw.choice(["transposed", "reshaped", "sliced"])
        if elements is None:
            break
        if what == "transposed":
            order = draw.sample(range(array.ndim), array.ndim)
            array, elements = array.transpose(order), elements.transposed(order)
        elif what == "reshaped":
            place = draw.randrange(array.ndim)
            factor = draw.choice([size for size in range(1, before[place] + 1) if before[place] % size == 0])
            sizes = [*before[:place], factor, before[place] // factor, *before[place + 1 :]]
            if draw.random() < 0.5:
                sizes = [math.prod(before[: place + 1]), *before[place + 1 :]]
            array, elements = array.reshape(sizes), elements.reshaped(sizes)
        else:
            ranges = [range(draw.randrange(size), size, draw.choice([1, 1, 2])) for size in before]
            ranges = [places[::-1] if draw.random() < 0.1 else places for places in ranges]
            array, elements = array[np.ix_(*ranges)], elements.sliced(ranges)
    return array, elements


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_elements_in_common_are_known(draw: random.Random) -> None:
    """What is said to be held is, and what is said not to meet does not, counted on the elements."""
    shape = tuple(draw.randint(1, 5) for _ in range(draw.randint(1, 4)))
    (first, mine), (second, its) = chained(draw, shape), chained(draw, shape)
    if mine is None or its is None:
        return
    left, right = {*first.flat}, {*second.flat}
    assert not mine.holds(its) or right <= left
    assert mine.meets(its) or not left & right
    assert left == right or mine.identity != its.identity


@pytest.mark.parametrize(
    ("mine", "its", "holds", "meets"),
    [
        ([range(4), range(6)], [range(1, 2), range(2, 5)], True, True),
        ([range(2), range(6)], [range(1, 3), range(2, 5)], False, True),
        ([range(4), range(3)], [range(4), range(3, 6)], False, False),
        ([range(0, 4, 2), range(6)], [range(1, 4, 2), range(6)], False, False),
    ],
)
def test_what_is_held_is_not_missed(mine: list[range], its: list[range], holds: bool, meets: bool) -> None:
    every = all_of("w", (4, 6))
    first, second = every.sliced(mine), every.sliced(its)
    assert first is not None
    assert second is not None
    assert (first.holds(second), first.meets(second)) == (holds, meets)


# ---- where it is compared, linted and rewritten ------------------------------------------------------------------

NORMED = """
input: [4, 8, 8]
layers:
  - conv: {name: a, out_channels: 4, kernel_size: 3, padding: 1}
  - batch_norm
  - conv: {name: b, out_channels: 4, kernel_size: 1, share: {bias: a.bias}}
"""


def test_rules_do_not_advise_on_an_array_that_has_another_use() -> None:
    assert "CC301" in {finding.code for finding in lint_text(NORMED.replace(", share: {bias: a.bias}", "")).findings}
    assert "CC301" not in {finding.code for finding in lint_text(NORMED).findings}


def test_a_variant_leaves_them_as_they_are() -> None:
    net = Source("net.yaml", NORMED)
    (variant,) = parsed("separable", Outline(net), {})
    chosen, notes = Rewriter(net, loads(net), {}).chosen(variant, [])
    assert not chosen
    assert notes == ("a stays: it has an array in common with another layer",)


def test_another_owner_is_an_edit() -> None:
    layers = (
        "  - conv: {name: a, out_channels: 4, kernel_size: 1}\n  - conv: {name: b, out_channels: 4, kernel_size: 1}\n"
    )
    reports = [
        convcalc.analyze(
            network(
                f"{layers}  - conv: {{name: c, out_channels: 4, kernel_size: 1, share: {{weight: {owner}.weight}}}}\n"
            )
        )
        for owner in "ab"
    ]
    marks = [change.mark for change in convcalc.compare(*reports).layers]
    assert marks == ["same", "same", "edited"]


@pytest.mark.parametrize(
    ("layer", "valid"),
    [
        ("conv: {out_channels: 4, kernel_size: 3, share: {weight: a.weight, bias: b.0.bias}}", True),
        ("conv: {share: a}", True),
        ("conv: {share: {weight: a.weight}}", False),
        ("conv: {out_channels: 4, kernel_size: 3, share: {weight: a}}", False),
        ("conv: {out_channels: 4, kernel_size: 3, share: {}}", False),
        ("bottleneck: {channels: 4, share: {weight: a.weight}}", False),
    ],
)
def test_the_schema_takes_what_the_language_takes(layer: str, valid: bool) -> None:
    written = yaml.safe_load(f"{{input: [4, 8, 8], layers: [{layer}]}}")
    assert jsonschema.Draft7Validator(schema()).is_valid(written) is valid
