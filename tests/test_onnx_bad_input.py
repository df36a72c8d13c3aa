"""ONNX files that are wrong, huge or hostile: a sentence that names the file and the node, soon, in little memory.

With CONVCALC_MUTANTS=10000 so many broken graphs are tried.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command_line import application
from onnx import TensorProto, helper, numpy_helper
from test_onnx_write import network_of, varied
from typer.testing import CliRunner
from work import counted

from convcalc import layers, steps
from convcalc.analysis.analyze import analyze
from convcalc.exports.errors import CannotWrite
from convcalc.exports.onnx.write import model
from convcalc.imports.errors import LONGEST_MESSAGE, CannotImport
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.walk import of_model
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.readable.text import flat_text, text

MUTANTS = int(os.environ.get("CONVCALC_MUTANTS", "0")) or 400
FLOAT = TensorProto.FLOAT
LIMIT = "more work than the 1,000,000 steps that one run may take"
DATA = Path(__file__).parent / "data" / "onnx"

node, info = helper.make_node, helper.make_tensor_value_info


def array(name: str, values: Any) -> TensorProto:
    return numpy_helper.from_array(np.asarray(values), name)


def weight(name: str, dims: list[int]) -> TensorProto:
    return TensorProto(name=name, data_type=FLOAT, dims=dims)


def graph(
    nodes: list[Any],
    initialisers: tuple[TensorProto, ...] = (),
    *,
    x: tuple[Any, ...] = (1, 3, 8, 8),
    opset: int = 17,
    functions: tuple[Any, ...] = (),
) -> bytes:
    full = helper.make_graph(nodes, "g", [info("x", FLOAT, x)], [info("y", FLOAT, None)], list(initialisers))
    domains = sorted({node.domain for node in nodes} | {node.domain for node in functions} - {""})
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains if domain)]
    written: bytes = helper.make_model(full, opset_imports=opsets, functions=list(functions)).SerializeToString()
    return written


def doubling(op: str, times: int, first: int) -> bytes:
    given: dict[str, Any] = {"axis": 0} if op == "Concat" else {}
    nodes = [node(op, [f"s{n}"] * 2, [f"s{n + 1}"], **given) for n in range(times)]
    return graph([*nodes, node("Reshape", ["x", f"s{times}"], ["y"])], (array("s0", [first]),))


def chained(length: int, op: str = "Relu", domain: str = "") -> list[Any]:
    names = ["x", *(f"t{n}" for n in range(length - 1)), "y"]
    return [node(op, [before], [after], domain=domain) for before, after in pairwise(names)]


def function(name: str, nodes: list[Any]) -> Any:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    return helper.make_function("f", name, ["a"], ["b"], nodes, opsets)


def calls_of_calls() -> bytes:
    items = [function("F0", [node("Relu", ["a"], ["b"])])]
    for n in range(1, 14):
        often = [node(f"F{n - 1}", [a], [b], domain="f") for a, b in pairwise("amnopb")]
        items.append(function(f"F{n}", often))
    return graph([node("F13", ["x"], ["y"], domain="f")], functions=tuple(items))


def long_names() -> bytes:
    name = "q" * 200_000
    inner = function("F", [node("Relu", ["a"], [name], name), node("Relu", [name], ["b"], name)])
    return graph(chained(5_000, "F", "f"), functions=(inner,))


def external(location: str) -> TensorProto:
    tensor = TensorProto(name="s", data_type=TensorProto.INT64, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def computed(op: str, *values: Any, **attributes: Any) -> bytes:
    """A shape that an operator works out, and a reshape to it."""
    arrays = tuple(array(f"v{place}", value) for place, value in enumerate(values))
    made = node(op, [item.name for item in arrays], ["s"], **attributes)
    return graph([made, node("Reshape", ["x", "s"], ["y"])], arrays)


FILTERS = array("w", np.zeros((2, 3, 3, 3), "f"))


def conv(**attributes: Any) -> bytes:
    return graph([node("Conv", ["x", "w"], ["y"], "here", **attributes)], (FILTERS,))


WRONG: dict[str, tuple[Callable[[], bytes], str]] = {
    "a circle": (lambda: graph([node("Add", ["x", "b"], ["a"], "n1"), node("Relu", ["a"], ["b"], "n2"),
                                node("Relu", ["b"], ["y"])]), "goes in a circle, through n1, n2"),
    "a node that reads itself": (lambda: graph([node("Add", ["x", "y"], ["y"], "n1")]), "circle, through n1"),
    "sizes of 2^40": (lambda: graph([node("Relu", ["x"], ["y"])], x=(1, 2**40, 2**40)), "1099511627776"),
    "a weight of 2^40": (lambda: graph([node("Conv", ["x", "w"], ["y"])], (weight("w", [2**40, 3, 3, 3]),)),
                         "initialiser w of shape [1099511627776"),
    "a weight of less than nothing": (lambda: graph([node("Conv", ["x", "w"], ["y"])], (weight("w", [-4, 3, 3, 3]),)),
                                      "initialiser w of shape [-4"),
    "60,000 axes": (lambda: graph([node("Relu", ["x"], ["y"])], x=(1,) * 60_000), "60000 axes"),
    "padding of 2^62": (lambda: conv(pads=[2**62] * 4), "Conv at here (conv with padding"),
    "a stride of 0": (lambda: conv(strides=[0, 0]), "Conv at here (conv with stride"),
    "no group": (lambda: conv(group=0), "Conv at here"),
    "too few strides": (lambda: conv(strides=[1]), "Conv at here"),
    "a missing weight": (lambda: graph([node("Conv", ["x", "w"], ["y"])]), "no node makes the tensor w"),
    "an output that nothing makes": (lambda: graph([node("Relu", ["x"], ["z"])]), "no node makes the tensor y"),
    "a name made twice": (lambda: graph([node("Relu", ["x"], ["y"], "n1"), node("Tanh", ["x"], ["y"], "n2")]),
                          "two nodes make the tensor y: n1 and n2"),
    "a foreign domain": (lambda: graph([node("Frob", ["x"], ["y"], "f1", domain="com.acme")]), "com.acme.Frob at f1"),
    "a loop": (lambda: graph([node("Loop", ["", "", "x"], ["y"], "l1")]), "Loop at l1"),
    "lists that double": (lambda: doubling("Concat", 60, 1), "a size is 0 to"),
    "numbers that double": (lambda: doubling("Mul", 60, 3), "Reshape at y"),
    "powers of powers": (lambda: doubling("Pow", 12, 7), "Reshape at y"),
    "a range of 2^60": (lambda: computed("Range", 0, 2**60, 1), "a size is 0 to"),
    "2^50 times": (lambda: computed("Tile", [1], [2**50]), "a tensor of shape [1125899906842624]"),
    "a constant of 2^40": (lambda: computed("ConstantOfShape", [2**40]), "a size is 0 to"),
    "division by zero": (lambda: computed("Div", [1], [0]), "Reshape at y"),
    "a product beyond all": (lambda: computed("ReduceProd", [2**40] * 60_000), "Reshape at y"),
    "an index outside": (lambda: computed("Gather", [1, 2], [99]), "Gather at s (an index outside"),
    "scales that are no numbers": (lambda: graph([node("Resize", ["x", "", "s"], ["y"])],
                                                 (array("s", np.array([1, 1, np.nan, np.inf], "f")),)), "Resize at y"),
    "an order that is none": (lambda: graph([node("Transpose", ["x"], ["y"], perm=[0, 1, 1, 9])]), "Transpose at y"),
    "calls of calls": (calls_of_calls, LIMIT),
    "a call of itself": (lambda: graph([node("R", ["x"], ["y"], "r", domain="f")],
                                       functions=(function("R", [node("R", ["a"], ["b"], domain="f")]),)),
                         "call one another"),
    "long names called often": (long_names, LIMIT),
    "a type of 5 MB": (lambda: graph([node("F" * 5_000_000, ["x"], ["y"], "n")]), "FFF…FFF"),
    "a name of 5 MB": (lambda: graph([node("Frob", ["x"], ["y"], "n" * 5_000_000)]), "nnn…nnn"),
    "a shape of 50,000": (lambda: computed("Identity", [1] * 50_000), "Reshape at y"),
    "nodes beyond count": (lambda: graph(chained(30_000)), LIMIT),
    "fields beyond count": (lambda: b"\x08\x08\x3a\xc0\x84\x3d" + b"\x0a\x00" * 500_000, LIMIT),
    "data in another file": (lambda: graph([node("Reshape", ["x", "s"], ["y"])], (external("../secret"),)),
                             "Reshape at y (a size or axis that is computed from data"),
}  # fmt: skip
"""Files and what is said of them."""

MOST_CALLS = 10_000_000
"""Calls of functions that any of them may take."""


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(name: str) -> None:
    make, message = WRONG[name]
    data = make()
    with steps.run(1_000_000), counted() as work, pytest.raises(CannotImport) as raised:
        of_model(parse(data), "wrong.onnx")
    assert work.calls < MOST_CALLS
    assert message in str(raised.value)
    assert len(str(raised.value)) <= LONGEST_MESSAGE


FOREIGN = {
    "a spec": (b"name: net\ninput: [3, 4, 4]\nlayers: [relu]\n", "this is text"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n", "git lfs pull"),
    "a page": (b"<!DOCTYPE html><html><body>404</body></html>", "a page of HTML"),
    "an archive": (b"PK\x03\x04" + bytes(1000), "a ZIP archive"),
    "compressed": (b"\x1f\x8b\x08" + bytes(1000), "gunzip"),
    "nothing": (b"", "the file is empty"),
    "zeros": (bytes(100_000), "not a whole ONNX model"),
    "noise": (random.Random(1).randbytes(10_000), "not a"),
    "a length beyond the end": (b"\x08\x08\x3a\xff\xff\xff\xff\x07" + bytes(500), "where 500 are left"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_files_that_are_something_else(name: str, tmp_path: Path) -> None:
    data, message = FOREIGN[name]
    path = tmp_path / "odd.onnx"
    path.write_bytes(data)
    for command in ("analyze", "import"):
        result = CliRunner().invoke(application(), [command, str(path)])
        assert result.exit_code == 2
        assert "odd.onnx" in result.stderr
        assert message in " ".join(result.stderr.split())


def test_models_and_specs_under_other_names(tmp_path: Path) -> None:
    data = graph([node("Relu", ["x"], ["y"])])
    for name in ("model.txt", "model"):
        (tmp_path / name).write_bytes(data)
        assert CliRunner().invoke(application(), ["analyze", str(tmp_path / name)]).exit_code == 0


COMMANDS = ["analyze", "explain", "lint", "verify", "import", "compare", "export"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_it(command: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.onnx"
    path.write_bytes(graph([node("Frob", ["x"], ["y"], "f\x1b[2J1", domain="com.acme")]))
    more = {"compare": [str(path)], "export": ["-o", str(tmp_path / "out.onnx")]}.get(command, [])
    result = CliRunner().invoke(application(), [command, str(path), *more, "--strict"])
    assert result.exit_code in {1, 2}
    assert "com.acme.Frob at f" in result.output
    assert "\x1b" not in result.output
    assert "wrong.onnx" in result.output


OPENED = """
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event in {"open", "os.open"} else None)
from convcalc.cli import application
from typer.testing import CliRunner
found = CliRunner().invoke(application(), sys.argv[1:])
print(found.exit_code, [path for path in opened if "secret" in path or path.endswith((".bin", ".data"))])
"""


@pytest.mark.parametrize("location", ["secret", "../secret", "{folder}/secret", "weights.bin"])
def test_data_in_other_files_is_never_opened(location: str, tmp_path: Path) -> None:
    """Seen by the interpreter's own audit of what is opened."""
    (tmp_path / "inner").mkdir()
    for place in (tmp_path / "secret", tmp_path / "inner" / "secret", tmp_path / "inner" / "weights.bin"):
        place.write_bytes(bytes(1000))
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[4, 3, 3, 3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location.format(folder=tmp_path))
    path = tmp_path / "inner" / "model.onnx"
    path.write_bytes(graph([node("Conv", ["x", "w"], ["y"])], (tensor,)))
    for command in ("analyze", "import"):
        done = subprocess.run(
            [sys.executable, "-c", OPENED, command, str(path)], capture_output=True, text=True, check=True
        )
        assert done.stdout == "0 []\n"


def test_reading_needs_no_package(tmp_path: Path) -> None:
    """Neither onnx nor NumPy: what the wire holds is read as it lies."""
    path = tmp_path / "model.onnx"
    path.write_bytes(conv())
    code = "import sys, convcalc; convcalc.analyze(convcalc.load(sys.argv[1])); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "convcalc.imports.onnx.reading" in done.stdout.split()
    assert {"onnx", "numpy", "google", "rich", "typer"} & set(done.stdout.split()) == set()


HOSTILE = ["calls of calls", "long names called often", "a name of 5 MB", "lists that double"]


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
@pytest.mark.parametrize("name", HOSTILE)
def test_memory_is_bounded(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.onnx"
    path.write_bytes(WRONG[name][0]())
    most = 700 * 2**20

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    command = [sys.executable, "-m", "convcalc", "analyze", str(path), "--strict"]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limited, check=False)
    assert done.returncode == 2
    assert WRONG[name][1].replace("1,000,000", "3,000,000") in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


# ---- graphs that are nearly right ------------------------------------------------------------------------------------


def sound(draw: random.Random) -> Iterator[onnx.ModelProto]:
    for name in layers.names():
        try:
            yield model(network_of(name, varied(name, draw)))
        except CannotWrite:
            continue


ODD = [0, 1, -1, 2, 3, 7, 100, -100, 2**31, 2**62, -(2**62)]
OTHERS = [
    "Reshape", "Concat", "Slice", "Gather", "Pad", "Resize", "Split", "Conv", "ConvTranspose", "Gemm", "MatMul",
    "Einsum", "ReduceMean", "Transpose", "Squeeze", "Unsqueeze", "Expand", "Tile", "DepthToSpace",
    "LayerNormalization", "Where", "Clip", "Shape", "Range", "ConstantOfShape", "Cast", "Pow", "Mod", "DeformConv",
    "LRN", "PRelu", "AveragePool", "InstanceNormalization", "Upsample", "Softmax", "Flatten", "If", "Loop",
    "Attention", "SpaceToDepth", "Max",
]  # fmt: skip


def spoil_tensor(tensor: TensorProto, draw: random.Random) -> None:
    way = draw.randrange(4)
    if way == 0 and tensor.dims:
        tensor.dims[draw.randrange(len(tensor.dims))] = draw.choice([0, 1, 2, 8, 2**31 - 1, 2**40])
    elif way == 1:
        tensor.dims.append(draw.choice([1, 2]))
    elif way == 2 and tensor.dims:
        del tensor.dims[-1]
    elif way == 3 and tensor.raw_data:
        try:
            values = numpy_helper.to_array(tensor).copy()
        except ValueError:  # its sizes are spoiled already
            return
        if values.size:
            values.flat[draw.randrange(values.size)] = draw.choice([0, 1, 2, 7, 100])
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def spoil_attribute(attribute: Any, draw: random.Random) -> None:
    if attribute.ints:
        way, place = draw.randrange(3), draw.randrange(len(attribute.ints))
        if way == 0:
            attribute.ints[place] = draw.choice(ODD)
        elif way == 1:
            del attribute.ints[place]
        else:
            attribute.ints.append(draw.choice(ODD))
    elif attribute.HasField("i"):
        attribute.i = draw.choice(ODD)
    elif attribute.HasField("f"):
        attribute.f = draw.choice([0, -1, float("nan"), float("inf"), 1e30])
    elif attribute.HasField("s"):
        attribute.s = draw.choice([b"", b"SAME_UPPER", b"VALID", b"x\xff"])
    elif attribute.HasField("t"):
        spoil_tensor(attribute.t, draw)


def spoiled(full: onnx.ModelProto, draw: random.Random) -> bytes:
    """A model that is no longer as it should be, in one way or several."""
    broken = onnx.ModelProto()
    broken.CopyFrom(full)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        nodes = broken.graph.node
        if not nodes:
            break
        chosen, way = draw.choice(nodes), draw.randrange(10)
        tensors = [name for node in nodes for name in node.output]
        if way == 0 and chosen.attribute:
            spoil_attribute(draw.choice(chosen.attribute), draw)
        elif way == 1 and chosen.attribute:
            del chosen.attribute[draw.randrange(len(chosen.attribute))]
        elif way == 2 and chosen.input:
            chosen.input[draw.randrange(len(chosen.input))] = draw.choice(["", "nope", draw.choice(tensors)])
        elif way == 3 and chosen.input:
            del chosen.input[draw.randrange(len(chosen.input))]
        elif way == 4:
            chosen.input.append(draw.choice(tensors))
        elif way == 5:
            chosen.op_type = draw.choice(OTHERS)
        elif way == 6 and broken.graph.initializer:
            spoil_tensor(draw.choice(broken.graph.initializer), draw)
        elif way == 7:
            draw.choice(broken.graph.input[0].type.tensor_type.shape.dim).dim_value = draw.choice([0, 1, 3, -1, 2**62])
        elif way == 8:
            nodes.remove(chosen)
        elif way == 9:
            broken.opset_import[0].version = draw.choice([7, 9, 10, 11, 13, 18, 99])
    written: bytes = broken.SerializeToString()
    return written


def test_graphs_that_contradict_themselves() -> None:
    """Whatever is wrong with them, they are read or refused; both happen often, and what is read has a spec."""
    draw = random.Random(MUTANTS)
    models = list(sound(draw))
    refused = 0
    for _ in range(MUTANTS):
        data = spoiled(draw.choice(models), draw)
        try:
            imported = of_model(parse(data), "spoiled.onnx", strict=draw.random() < 0.5)
        except CannotImport:
            refused += 1
            continue
        written = loads(Source("written.yaml", text(imported)))
        assert analyze(written).totals == analyze(loads(Source("plain.yaml", flat_text(imported)))).totals
    assert MUTANTS // 10 < refused < MUTANTS - MUTANTS // 10
