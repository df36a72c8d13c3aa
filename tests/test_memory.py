"""Peak activations, against networks that are run: tensors are Python objects, freed when nothing needs them."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from math import prod
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.language import Source
from convcalc.language.document import loads

Shape = tuple[int, ...]
ELEMENT_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}


def report_of(text: str, batch: int = 1, dtype: str = "float32") -> convcalc.Report:
    return convcalc.analyze(loads(Source("<test>", dedent(text))), batch=batch, dtype=dtype)


# ---- worked out by hand: the input has 2x4x4 = 32 elements, 128 bytes ---------------------------------------------

PEAKS = {  # layers, bytes, while this layer runs, with these alive
    "no layers, no work": ("[]", 0, None, ()),
    "one layer: what enters and what leaves": ("[relu]", 256, "relu1", ("input", "relu1")),
    "a chain frees what is behind it": ("[relu, relu, relu]", 256, "relu1", ("input", "relu1")),
    "a pool's output is small": ("[max_pool: 2]", 160, "max_pool1", ("input", "max_pool1")),
    "the largest layer": (
        "[max_pool: 2, conv: {out_channels: 20, kernel_size: 1}, relu]", 640, "relu1", ("conv1", "relu1"),
    ),
    "a shortcut lives until the addition": (
        "[add: {branches: [[], [relu, relu]]}]", 384, "relu2", ("input", "relu1", "relu2"),
    ),
    "the same tensor twice is there once": ("[add: {from: [input, input]}]", 256, "add1", ("input", "add1")),
    "a skip from far above": (
        "[relu: {name: a}, max_pool: 2, relu, upsample: {scale_factor: 2}, concat: {from: [a, previous]}]",
        512, "concat1", ("a", "upsample1", "concat1"),
    ),
    "what nothing uses is freed at once": ("[relu, relu: {from: input}, relu]", 256, "relu1", ("input", "relu1")),
    "an unused layer lives while it runs": (
        "[relu: {name: a}, concat: {from: [a, a, a, a]}, relu: {from: a}]", 640, "concat1", ("a", "concat1"),
    ),
    "a layer left out takes no room": ("[relu: {when: false}, tanh]", 256, "tanh1", ("input", "tanh1")),
    "a repeat": ("[relu: {repeat: 5}]", 256, "relu1.0", ("input", "relu1.0")),
}  # fmt: skip


@pytest.mark.parametrize("name", PEAKS)
def test_peaks_by_hand(name: str) -> None:
    layers, size, layer, tensors = PEAKS[name]
    report = report_of(f"{{input: [2, 4, 4], layers: {layers}}}")
    assert report.totals.peak_activation_bytes == size
    if layer is None:
        assert report.peak is None
    else:
        assert report.peak is not None
        assert (report.peak.layer, report.peak.bytes, report.peak.tensors) == (layer, size, tensors)


def test_outputs_are_kept_to_the_end() -> None:
    text = "{input: [2, 4, 4], layers: [relu: {name: a}, relu, relu: {name: c}], outputs: %s}"
    assert report_of(text % "[c]").totals.peak_activation_bytes == 256
    assert report_of(text % "[a, c]").totals.peak_activation_bytes == 384
    assert report_of(text % "[input, a, c]").totals.peak_activation_bytes == 512


def test_an_input_that_nothing_uses_takes_no_room_and_one_that_waits_does() -> None:
    unused = "{inputs: {a: [2, 4, 4], b: [2, 4, 4]}, layers: [relu: {from: a}, relu]}"
    waiting = "{inputs: {a: [2, 4, 4], b: [2, 4, 4]}, layers: [relu: {from: a}, relu, add: {from: [previous, b]}]}"
    assert report_of(unused).totals.peak_activation_bytes == 256
    assert report_of(waiting).totals.peak_activation_bytes == 384


def test_all_activations_are_the_outputs_of_the_layers() -> None:
    report = report_of("{input: [2, 4, 4], layers: [relu, max_pool: 2, flatten]}")
    assert report.totals.activation_bytes == 4 * (32 + 8 + 8)


def test_weights_in_bytes() -> None:
    text = "{input: [2, 4, 4], layers: [linear: {name: a, out_features: 4}, linear: {share: a}, batch_norm]}"
    assert report_of(text).totals.weight_bytes == 4 * (20 + 4)
    assert report_of(text, batch=7, dtype="int8").totals.weight_bytes == 20 + 4


@pytest.mark.parametrize(
    ("dtype", "size"), [("float64", 8), ("float32", 4), ("float16", 2), ("bfloat16", 2), ("int8", 1)]
)
def test_dtypes(dtype: str, size: int) -> None:
    assert ELEMENT_BYTES[dtype] == size
    assert report_of("{input: [2, 4, 4], layers: [relu]}", dtype=dtype).totals.peak_activation_bytes == 64 * size


def test_batch_and_dtype_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="batch: expected a whole number from 1, found 0"):
        report_of("{input: [2], layers: [relu]}", batch=0)
    with pytest.raises(ValueError, match=r"dtype: expected one of float64, .*, found float31"):
        report_of("{input: [2], layers: [relu]}", dtype="float31")


# ---- generated networks, run -----------------------------------------------------------------------------------


@dataclass
class Written:
    """A network as it is written: layers with what they read, and their shapes."""

    shapes: dict[str, Shape]
    inputs: list[str]
    layers: list[tuple[str, str, list[str]]] = field(default_factory=list)  # name, kind, sources
    outputs: list[str] = field(default_factory=list)

    def spec(self) -> str:
        lines = ["inputs:", *(f"  {name}: {list(self.shapes[name])}" for name in self.inputs), "layers:"]
        for name, kind, sources in self.layers:
            fields = f"name: {name}, from: [{', '.join(sources)}]"
            lines.append(f"  - {kind}: {{{fields}{', kernel_size: 2' if kind == 'max_pool' else ''}}}")
        return "\n".join([*lines, f"outputs: [{', '.join(self.outputs)}]"]) + "\n"


@st.composite
def networks(draw: st.DrawFn) -> Written:
    written = Written({}, [f"in{number}" for number in range(draw(st.integers(1, 3)))])
    for name in written.inputs:
        written.shapes[name] = (draw(st.integers(1, 3)), *draw(st.sampled_from([(4, 6), (2, 3)])))
    for number in range(draw(st.integers(1, 9))):
        name, names = f"t{number}", list(written.shapes)
        first = draw(st.sampled_from(names[-3:] if draw(st.booleans()) else names))
        shape = written.shapes[first]
        kind = draw(st.sampled_from(["identity", "relu", "add", "concat", "max_pool"]))
        sources = [first]
        if kind == "max_pool" and min(shape[1:]) < 2:
            kind = "identity"
        if kind == "max_pool":
            shape = (shape[0], *(size // 2 for size in shape[1:]))
        elif kind in {"add", "concat"}:
            alike = [other for other in names if written.shapes[other][kind == "concat" :] == shape[kind == "concat" :]]
            sources += draw(st.lists(st.sampled_from(alike), min_size=1, max_size=3))
            if kind == "concat":
                shape = (sum(written.shapes[source][0] for source in sources), *shape[1:])
        written.shapes[name] = shape
        written.layers.append((name, kind, sources))
    written.outputs = draw(st.lists(st.sampled_from(list(written.shapes)), min_size=1, max_size=3, unique=True))
    return written


class Tensor:
    """An array in memory; when Python lets go of it, so does the memory."""

    def __init__(self, memory: Memory, name: str, elements: int) -> None:
        memory.alive[name] = elements
        weakref.finalize(self, memory.alive.pop, name)


class Memory:
    def __init__(self) -> None:
        self.alive: dict[str, int] = {}


class Variable:
    """What a name of the program stands for, once it has been worked out."""

    tensor: Tensor | None = None


def run(written: Written) -> tuple[int, str, set[str]]:
    """Elements at the peak, the layer that ran, and what was alive: by doing it, and letting go of what is done."""
    memory = Memory()
    variables = {name: Variable() for name in written.shapes}
    program = [
        (name, variables[name], [variables[source] for source in sources]) for name, _, sources in written.layers
    ]
    kept = [variables[name] for name in written.outputs]
    given = [(name, variables[name]) for name in written.inputs]
    del variables
    for name, variable in given:
        variable.tensor = Tensor(memory, name, prod(written.shapes[name]))
    del given, variable  # an input that nobody reads goes here
    program.reverse()
    peak: tuple[int, str, set[str]] = (0, "", set())
    while program:
        name, target, sources = program.pop()
        target.tensor = Tensor(memory, name, prod(written.shapes[name]))
        if sum(memory.alive.values()) > peak[0]:
            peak = sum(memory.alive.values()), name, set(memory.alive)
        del target, sources
    assert set(memory.alive) == set(written.outputs)
    del kept
    assert not memory.alive
    return peak


@given(networks(), st.integers(1, 3), st.sampled_from(sorted(ELEMENT_BYTES)))
def test_generated_networks(written: Written, batch: int, dtype: str) -> None:
    report = report_of(written.spec(), batch, dtype)
    elements, layer, alive = run(written)
    unit = batch * ELEMENT_BYTES[dtype]
    assert {node.name: node.shape for node in report.network.nodes} == written.shapes
    assert report.peak is not None
    assert (report.peak.bytes, report.peak.layer, set(report.peak.tensors)) == (elements * unit, layer, alive)
    assert report.totals.peak_activation_bytes == report.peak.bytes
    assert report.totals.activation_bytes == sum(prod(row.output_shape) for row in report.layers) * unit


@given(networks())
def test_the_tensors_that_are_listed_add_up_to_the_peak(written: Written) -> None:
    report = report_of(written.spec())
    assert report.peak is not None
    assert len(set(report.peak.tensors)) == len(report.peak.tensors)
    shapes = {node.name: node.shape for node in report.network.nodes}
    assert sum(4 * prod(shapes[name]) for name in report.peak.tensors) == report.peak.bytes


def test_a_parameter_is_a_weight_and_no_activation() -> None:
    """Reads 64 KiB, writes 64 KiB: the learned map that is added is not among the tensors alive, here or on arrays."""
    text = (
        "input: [4, 64, 64]\nlayers:\n  - parameter: {name: places, from: input, sizes: [4, 64, 64]}\n"
        "  - add: {name: placed, from: [input, places]}\n  - relu\n"
    )
    network = loads(Source("<test>", text))
    report = convcalc.analyze(network)
    assert report.totals.peak_activation_bytes == 131_072
    assert report.totals.activation_bytes == 2 * 65_536
    assert report.totals.weight_bytes == 65_536
    assert report.peak is not None
    assert report.peak.tensors == ("input", "placed")
    assert convcalc.verify(network).totals["peak_activation_bytes"].measured == 131_072
