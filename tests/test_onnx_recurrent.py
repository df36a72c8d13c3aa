"""LSTM, GRU and RNN read from ONNX: values of ONNX Runtime, sizes and counts of the file, and what exporters write."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
from conftest import MANY, draws
from hypothesis import given, settings
from onnx import ModelProto, TensorProto, helper, numpy_helper

from convcalc.imports.drafts import Draft
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.walk import Walk, of_bytes
from convcalc.imports.record import Imported
from convcalc.layers import kind_of
from convcalc.layers._configured import configured
from convcalc.reference.execution import run_layer
from convcalc.tensors.engine import Engine

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FUNCTIONS = [
    "Sigmoid", "Tanh", "Relu", "LeakyRelu", "ThresholdedRelu", "HardSigmoid", "Softsign", "Softplus", "Affine", "Elu",
    "ScaledTanh",
]  # fmt: skip
GATE_FUNCTIONS = ["Sigmoid", "HardSigmoid"]
"""Within 0 and 1, so that states do not grow beyond what float32 holds."""

WITH_ALPHA = {"LeakyRelu", "ThresholdedRelu", "HardSigmoid", "Elu", "Affine", "ScaledTanh"}
WITH_BETA = {"HardSigmoid", "Affine", "ScaledTanh"}

Array = Any


class Case(NamedTuple):
    """A node: its type, the arrays that enter it by their places, its attributes, and which outputs are read."""

    operator: str
    arrays: dict[int, Array]
    attributes: dict[str, Any]
    outputs: tuple[bool, ...]
    x: tuple[int, int, int]


def drawn(draw: random.Random) -> Case:
    """A node of any configuration, its tensors as ONNX has them where the steps are first."""
    operator, generator = draw.choice(list(GATES)), np.random.default_rng(draw.randrange(2**32))
    direction = draw.choice(["forward", "reverse", "bidirectional"])
    ways, hidden = 1 + (direction == "bidirectional"), draw.randint(1, 4)
    steps, batch, features = draw.randint(1, 4), draw.choice([1, 1, 2]), draw.randint(1, 4)
    rows = GATES[operator] * hidden
    shapes: dict[int, tuple[int, ...]] = {1: (ways, rows, features), 2: (ways, rows, hidden)}
    optional = {3: (ways, 2 * rows), 5: (ways, batch, hidden)}
    if operator == "LSTM":
        optional |= {6: (ways, batch, hidden), 7: (ways, 3 * hidden)}
    shapes |= {place: shape for place, shape in optional.items() if draw.random() < 0.6}
    arrays = {place: (generator.standard_normal(shape) / 2).astype(np.float32) for place, shape in shapes.items()}
    arrays |= {place: 0 * arrays[place] for place in (5, 6) if place in arrays and draw.random() < 0.3}
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": direction}
    if draw.random() < 0.3:
        attributes["clip"] = 0.5
    if draw.random() < 0.5:
        functions = [draw.choice(FUNCTIONS) for _ in range({"LSTM": 3, "GRU": 2, "RNN": 1}[operator])]
        functions[: operator != "RNN"] = [draw.choice(GATE_FUNCTIONS)] * (operator != "RNN")
        attributes["activations"] = functions * ways
        # Without numbers ONNX Runtime makes that of ThresholdedRelu 0, where ONNX has 1; the others have none.
        needs_numbers = {"Affine", "ScaledTanh", "ThresholdedRelu"} & {*functions} or draw.random() < 0.5
        for attribute, having in (("activation_alpha", WITH_ALPHA), ("activation_beta", WITH_BETA)):
            stated = [draw.choice([0.1, 0.3, 0.7]) for name in functions if name in having] * ways
            attributes |= {attribute: stated} if stated and needs_numbers else {}
    if operator == "GRU":
        attributes["linear_before_reset"] = draw.randint(0, 1)
    if operator == "LSTM" and draw.random() < 0.2:
        attributes["input_forget"] = 1
    outputs = tuple(draw.random() < 0.6 for _ in range(2 + (operator == "LSTM")))
    return Case(
        operator, arrays, attributes, outputs if any(outputs) else (True, *outputs[1:]), (steps, batch, features)
    )


NAMES = ("Y", "Y_h", "Y_c")


def model(case: Case, *, weights: str = "initialiser", named: bool = False, layout: int = 0) -> ModelProto:
    """The node alone. `weights` are initialisers, in Constant nodes, or inputs; `named`: all outputs have names."""
    arrays = {place: turned(place, array) if layout else array for place, array in case.arrays.items()}
    x = [case.x[axis] for axis in ((1, 0, 2) if layout else (0, 1, 2))]
    names = [f"a{place}" if place in arrays else "" for place in range(max(arrays) + 1)]
    names[0] = "x"
    leaving = [name for name, read in zip(NAMES, case.outputs, strict=False) if read]
    outputs = [name if named or name in leaving else "" for name in NAMES[: len(case.outputs)]]
    layouts: dict[str, Any] = {"layout": 1} if layout else {}
    node = helper.make_node(case.operator, names, outputs, "r", **case.attributes, **layouts)
    tensors = [numpy_helper.from_array(array, f"a{place}") for place, array in arrays.items()]
    constants = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in tensors]
    values = [helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in tensors]
    graph = helper.make_graph(
        [*constants * (weights == "constant"), node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x), *values * (weights == "input")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in leaving],
        tensors * (weights == "initialiser"),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def turned(place: int, array: Array) -> Array:
    """An array of a node that has the batch first."""
    return array.swapaxes(0, 1) if place in (5, 6) else array


def walked(written: ModelProto) -> tuple[list[Draft], list[Draft]]:
    """The drafts of a model, every axis of its inputs kept, and those of its outputs."""
    walk = Walk(parse(written.SerializeToString()), {}, "its first axis is the steps")
    walk.go()
    return walk.builder.drafts, walk._leaving()


def values(drafts: Sequence[Draft], leaving: Sequence[Draft], entering: Mapping[str, Array]) -> list[Array]:
    """What drafts make of arrays, with the numbers that they have from the file."""
    made: dict[Draft, Array] = {}
    for draft in drafts:
        if draft.kind == "input":
            made[draft] = entering[draft.name].reshape(1, *draft.shape)
            continue
        shapes = tuple(source.shape for source in draft.inputs)
        config, shape = configured(kind_of(draft.kind), draft.fields, shapes)
        sizes = config.arrays(*shapes)
        arrays = {name: np.array(numbers_of(draft, name), np.float32).reshape(of) for name, of in sizes.items()}
        made[draft], _ = run_layer(Engine(), config, arrays, [made[source] for source in draft.inputs])
        assert made[draft].shape == (1, *shape)
    return [made[draft] for draft in leaving]


def numbers_of(draft: Draft, name: str) -> Any:
    constant: Any = draft.arrays[name]
    return constant.numbers


def expected(case: Case, x: Array) -> list[Array]:
    session = onnxruntime.InferenceSession(model(case).SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, {"x": x}))


def entering(case: Case) -> Array:
    return np.random.default_rng(0).standard_normal(case.x).astype(np.float32)


@settings(max_examples=MANY or 60)
@given(draw=draws)
def test_values_are_those_of_the_runtime(draw: random.Random) -> None:
    case = drawn(draw)
    x = entering(case)
    drafts, leaving = walked(model(case, weights=draw.choice(["initialiser", "constant"]), named=draw.random() < 0.5))
    for made, wanted in zip(values(drafts, leaving, {"x": x}), expected(case, x), strict=True):
        np.testing.assert_allclose(made.ravel(), wanted.ravel(), 1e-4, 1e-5)


@settings(max_examples=MANY or 30)
@given(draw=draws)
def test_with_the_batch_first_everything_is_the_same_turned_over(draw: random.Random) -> None:
    """ONNX Runtime runs no such node, so what it should make is what it makes of the other layout."""
    case = drawn(draw)
    x = entering(case)
    drafts, leaving = walked(model(case, layout=1))
    made = values(drafts, leaving, {"x": np.ascontiguousarray(x.swapaxes(0, 1))})
    for array, wanted in zip(made, expected(case, x), strict=True):
        order = (2, 0, 1, 3) if wanted.ndim == 4 else (1, 0, 2)
        np.testing.assert_allclose(array.ravel(), wanted.transpose(order).ravel(), 1e-4, 1e-5)


@settings(max_examples=MANY or 60)
@given(draw=draws)
def test_costs_are_those_of_the_file(draw: random.Random) -> None:
    """A number of the matrices is multiplied once a step for every sequence; what is learned are the file's arrays."""
    case = drawn(draw)
    imported = of_bytes(model(case, named=True).SerializeToString(), "r.onnx")
    steps, batch, _ = case.x
    numbers = sum(case.arrays[place].size for place in (1, 2))
    assert macs(imported) == numbers * steps * batch
    kept = [case.arrays[place].size for place in (1, 2, 3, 7) if place in case.arrays]
    assert params(imported, "lstm", "gru", "rnn") == sum(kept)


def layers_of(imported: Imported) -> list[tuple[Any, Any]]:
    shapes = {**imported.inputs, **{layer.name: layer.shape for layer in imported.layers}}
    result = []
    for layer in imported.layers:
        entering_it = tuple(shapes[name] for name in layer.inputs)
        result.append((layer, (configured(kind_of(layer.kind), layer.fields, entering_it)[0], entering_it)))
    return result


def macs(imported: Imported) -> int:
    return sum(config.macs(*shapes) for _, (config, shapes) in layers_of(imported))


def params(imported: Imported, *kinds: str) -> int:
    return sum(config.params(*shapes) for layer, (config, shapes) in layers_of(imported) if layer.kind in kinds)


@settings(max_examples=MANY or 20)
@given(draw=draws)
def test_weights_that_are_inputs_cost_as_those_of_the_file(draw: random.Random) -> None:
    case = drawn(draw)
    case = case._replace(arrays={place: array for place, array in case.arrays.items() if place not in (5, 6)})
    imported = of_bytes(model(case, weights="input").SerializeToString(), "r.onnx")
    assert macs(imported) == sum(case.arrays[place].size for place in (1, 2)) * case.x[0] * case.x[1]


def test_weights_of_sixteen_bits_are_read() -> None:
    case = drawn(random.Random(3))
    half = case._replace(arrays={place: array.astype(np.float16) for place, array in case.arrays.items()})
    left, right = (of_bytes(model(each_).SerializeToString(), "r.onnx") for each_ in (case, half))
    assert [(layer.kind, layer.fields) for layer in left.layers] == [
        (layer.kind, layer.fields) for layer in right.layers
    ]


class Net:
    """A model of several nodes, written as exporters do."""

    def __init__(self, inputs: Mapping[str, Sequence[Any]], opset: int = 17) -> None:
        self.inputs, self.opset = inputs, opset
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def node(self, operator: str, *operands: Any, count: int = 1, **attributes: Any) -> Any:
        names = [f"{operator}_{len(self.nodes)}_{place}" for place in range(count)]
        entered = [operand if isinstance(operand, str) else self.array(operand) for operand in operands]
        domain = attributes.pop("domain", "")
        self.nodes.append(helper.make_node(operator, entered, names, names[0], domain=domain, **attributes))
        return names[0] if count == 1 else names

    def array(self, values: Any) -> str:
        array = np.asarray(values)
        self.tensors.append(
            numpy_helper.from_array(array.astype(np.float32) if array.dtype == np.float64 else array,
                                    f"t{len(self.tensors)}")
        )  # fmt: skip
        return str(self.tensors[-1].name)

    def model(self, *outputs: str) -> ModelProto:
        graph = helper.make_graph(
            self.nodes, "g",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name, sizes in self.inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            self.tensors,
        )  # fmt: skip
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def read(self, *outputs: str) -> list[str]:
        """The layers, in a few words."""
        imported = of_bytes(self.model(*outputs).SerializeToString(), "m.onnx")
        return [" ".join([layer.kind, *map(str, layer.fields.values())]) for layer in imported.layers]


def weights(operator: str, ways: int, features: int, hidden: int) -> list[Array]:
    generator, rows = np.random.default_rng(0), GATES[operator] * hidden
    shapes = [(ways, rows, features), (ways, rows, hidden), (ways, 2 * rows)]
    return [generator.standard_normal(shape) for shape in shapes]


def zero_state(net: Net, x: str, ways: int, hidden: int) -> str:
    """Zeros of a size that is worked out from the input's, as PyTorch's exporter writes them."""
    batch = net.node("Unsqueeze", net.node("Gather", net.node("Shape", x), np.array(1), axis=0), np.array([0]))
    sizes = net.node("Concat", np.array([ways]), batch, np.array([hidden]), axis=0)
    return str(net.node("ConstantOfShape", sizes, value=numpy_helper.from_array(np.zeros(1, np.float32))))


def pytorch(net: Net, x: str, ways: int, features: int, hidden: int) -> tuple[str, str, str]:
    """nn.LSTM with batch_first: transposed, from zero states, its directions brought together, transposed back."""
    turned_ = net.node("Transpose", x, perm=[1, 0, 2])
    states = [zero_state(net, turned_, ways, hidden) for _ in range(2)]
    direction = "bidirectional" if ways == 2 else "forward"
    y, h, c = net.node(
        "LSTM", turned_, *weights("LSTM", ways, features, hidden), "", *states, count=3,
        hidden_size=hidden, direction=direction,
    )  # fmt: skip
    if ways == 1:
        y = net.node("Squeeze", y, np.array([1]))
    else:
        y = net.node("Reshape", net.node("Transpose", y, perm=[0, 2, 1, 3]), np.array([0, 0, -1]))
    return net.node("Transpose", y, perm=[1, 0, 2]), h, c


@pytest.mark.parametrize("ways", [1, 2])
def test_pytorchs_surroundings_vanish(ways: int) -> None:
    net = Net({"x": [1, 7, 5]})
    y, _, _ = pytorch(net, "x", ways, 5, 3)
    again, _, _ = pytorch(net, y, ways, 3 * ways, 4)
    assert net.read(again) == [" ".join(["lstm", hidden, *["bidirectional"] * (ways - 1)]) for hidden in "34"]


def test_the_last_step_of_a_layer_is_what_leaves_it() -> None:
    """As y[:, -1] in PyTorch, as its second result, and as Keras has it, whose exporter takes the state."""
    net = Net({"x": [1, 7, 5]})
    y, h, _ = pytorch(net, "x", 1, 5, 3)
    assert net.read(net.node("Gather", y, np.array(-1), axis=1)) == ["lstm 3 last"]
    assert net.read(net.node("Squeeze", h, np.array([0]))) == ["lstm 3 last"]
    net = Net({"x": [1, 7, 5]})
    y = net.node("GRU", net.node("Transpose", "x", perm=[1, 0, 2]), *weights("GRU", 1, 5, 3), count=2,
                 hidden_size=3, direction="reverse", linear_before_reset=1)  # fmt: skip
    first = net.node("Gather", net.node("Squeeze", y[0], np.array([1])), np.array(0), axis=0)
    assert net.read(first) == ["gru 3 reverse last"]


def test_the_last_states_of_both_directions_end_to_end_are_what_leaves() -> None:
    """As torch.cat((h[-2], h[-1]), 1) takes them; in another order they are cut out."""
    for order in ([0, 1], [1, 0]):
        net = Net({"x": [1, 7, 5]})
        _, h, _ = pytorch(net, "x", 2, 5, 3)
        halves = [net.node("Gather", h, np.array(place), axis=0) for place in order]
        read = net.read(net.node("Concat", *halves, axis=1))
        assert read[0] == "lstm 3 bidirectional last"
        assert (len(read) == 1) == (order == [0, 1])


def test_a_step_that_is_not_the_last_is_cut_out() -> None:
    net = Net({"x": [1, 7, 5]})
    y, _, _ = pytorch(net, "x", 1, 5, 3)
    assert net.read(net.node("Gather", y, np.array(-2), axis=1))[0] == "lstm 3"


def test_states_that_enter_and_leave_go_along() -> None:
    """A layer of one step at a time, as streaming models have it: the states are inputs and outputs."""
    net = Net({"x": [1, 1, 5], "h": [1, 1, 3], "c": [1, 1, 3]})
    y, h, c = net.node("LSTM", "x", *weights("LSTM", 1, 5, 3), "", "h", "c", count=3, hidden_size=3)
    imported = of_bytes(net.model(y, h, c).SerializeToString(), "m.onnx")
    (layer,) = [layer for layer in imported.layers if layer.kind == "lstm"]
    assert (len(layer.inputs), layer.fields["output"]) == (3, "with_cell")
    assert [prod(layer.shape) for layer in imported.layers if layer.name in imported.outputs] == [3, 3, 3]
    assert macs(imported) == 4 * 3 * (5 + 3)


def test_one_of_two_states_that_is_zero_is_left_out_or_written() -> None:
    for given_ in ("h", "c"):
        net = Net({"x": [4, 1, 5], given_: [1, 1, 3]})
        states = [name if name == given_ else np.zeros((1, 1, 3)) for name in "hc"]
        y, _, _ = net.node("LSTM", "x", *weights("LSTM", 1, 5, 3), "", *states, count=3, hidden_size=3)
        imported = of_bytes(net.model(y).SerializeToString(), "m.onnx")
        (layer,) = [layer for layer in imported.layers if layer.kind == "lstm"]
        assert len(layer.inputs) == {"h": 2, "c": 3}[given_]


def test_a_bias_of_zeros_that_an_exporter_filled_in_is_told() -> None:
    """Keras has one bias, and its file both, the second of zeros: they count, as whoever reads the file counts them."""
    for filled in (True, False):
        net = Net({"x": [1, 6, 5]})
        w, r, b = weights("LSTM", 1, 5, 3)
        b[:, 12:] *= not filled
        y, _, _ = net.node("LSTM", net.node("Transpose", "x", perm=[1, 0, 2]), w, r, b, count=3, hidden_size=3)
        imported = of_bytes(net.model(y).SerializeToString(), "m.onnx")
        assert params(imported, "lstm") == w.size + r.size + b.size
        assert any("Keras" in note for note in imported.notes) == filled


def test_weights_of_eight_bits_are_the_layers_that_they_stand_for() -> None:
    generator = np.random.default_rng(0)
    net = Net({"x": [6, 1, 5]})
    quantised = [generator.integers(-9, 9, (2, size, 12)).astype(np.int8) for size in (5, 3)]
    scales = [np.ones(2), np.zeros(2, np.int8), np.ones(2), np.zeros(2, np.int8)]
    y, _, _ = net.node(
        "DynamicQuantizeLSTM", "x", *quantised, generator.standard_normal((2, 24)), "", "", "", "", *scales,
        count=3, hidden_size=3, direction="bidirectional", domain="com.microsoft",
    )  # fmt: skip
    imported = of_bytes(net.model(y).SerializeToString(), "m.onnx")
    assert "lstm" in {layer.kind for layer in imported.layers}
    assert macs(imported) == 6 * 2 * 12 * (5 + 3)
    assert params(imported, "lstm") == 2 * (12 * (5 + 3) + 24)


def test_samples_of_a_batch_are_sequences_of_their_own() -> None:
    """Of a batch of four, fixed in the file, one is counted, whether the steps or the samples are first."""
    for sizes, order in (([4, 7, 5], [1, 0, 2]), ([4, 5, 7], [2, 0, 1])):
        net = Net({"x": sizes})
        y, _ = net.node("GRU", net.node("Transpose", "x", perm=order), *weights("GRU", 1, 5, 3), count=2, hidden_size=3)
        leaving = net.node("Transpose", net.node("Squeeze", y, np.array([1])), perm=[1, 0, 2])
        imported = of_bytes(net.model(leaving).SerializeToString(), "m.onnx")
        assert macs(imported) == 3 * 3 * (5 + 3) * 7
        assert imported.layers[-1].shape == (7, 3)


def test_steps_through_the_samples_are_counted_all() -> None:
    """Where the first axis is the steps, it is no batch: [steps, batch, features]."""
    net = Net({"x": [7, 1, 5]})
    y, _ = net.node("RNN", "x", *weights("RNN", 1, 5, 3), count=2, hidden_size=3)
    imported = of_bytes(net.model(y).SerializeToString(), "m.onnx")
    assert macs(imported) == 3 * (5 + 3) * 7


def test_lengths_that_may_leave_steps_out_are_noted() -> None:
    for lengths, notes in ((np.array([7], np.int32), 0), (np.array([5], np.int32), 1)):
        net = Net({"x": [7, 1, 5]})
        y, _ = net.node("RNN", "x", *weights("RNN", 1, 5, 3), lengths, count=2, hidden_size=3)
        imported = of_bytes(net.model(y).SerializeToString(), "m.onnx")
        assert sum("sequence_lens" in note for note in imported.notes) == notes


ODD: dict[str, tuple[dict[str, Any], str]] = {
    "a function that there is not": ({"activations": ["Sigmoid", "Swish", "Tanh"]}, "activation swish"),
    "a function without its numbers": (
        {"activations": ["Sigmoid", "Tanh", "Affine"]}, "activation Affine without its alpha and beta"),
    "too few functions": ({"activations": ["Sigmoid"]}, "1 activations, where 3"),
    "a direction that is none": ({"direction": "sideways"}, "direction sideways"),
    "another hidden_size": ({"hidden_size": 4}, "hidden_size 4 with weights for 3"),
}  # fmt: skip


@pytest.mark.parametrize("what", ODD)
def test_what_no_kind_says_is_told(what: str) -> None:
    attributes, reason = ODD[what]
    net = Net({"x": [7, 1, 5]})
    given_ = {"hidden_size": 3, **attributes}
    y, _, _ = net.node("LSTM", "x", *weights("LSTM", 1, 5, 3), count=3, **given_)
    assert any(reason in text for text in reasons_of(net.model(y)))


def reasons_of(written: ModelProto) -> list[str]:
    walk = Walk(parse(written.SerializeToString()), {}, "its first axis is the steps")
    walk.go()
    return [draft.reason for draft in walk.builder.drafts if draft.kind == "opaque"]


def test_functions_that_differ_backwards_are_told() -> None:
    net = Net({"x": [7, 1, 5]})
    y, _ = net.node("RNN", "x", *weights("RNN", 2, 5, 3), count=2, hidden_size=3, direction="bidirectional",
                    activations=["Tanh", "Relu"])  # fmt: skip
    assert any("other activations backwards" in text for text in reasons_of(net.model(y)))
