"""TensorFlow Lite: real files against the interpreter's shapes, rules against NumPy's, and files that are wrong.

CONVCALC_EXAMPLES=N tries N times as many generated cases and mutants.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import struct
from collections import defaultdict
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import application
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_files import File, Graph, flatbuffer
from typer.testing import CliRunner

from convcalc import Network, analyze, imports, load, steps
from convcalc.imports import ReadOptions, read_bytes
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport
from convcalc.imports.layouts import in_file_order
from convcalc.imports.record import Imported
from convcalc.imports.tflite.model import parse
from convcalc.imports.tflite.walk import LiteScope, LiteWalk
from convcalc.language.source import SpecError

DATA = Path(__file__).parent / "data" / "formats" / "tflite"
NUMBERS = json.loads((DATA / "numbers.json").read_text())
TIMES = max(1, int(os.environ.get("CONVCALC_EXAMPLES", "0")))

SAME, VALID = 0, 1


def real(name: str) -> bytes:
    return gzip.decompress((DATA / f"{name}.tflite.gz").read_bytes())


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    def opened(data: bytes, **options: Any) -> Network:
        path = tmp_path / "model.tflite"
        path.write_bytes(data)
        return load(path, **options)

    return opened


def read(data: bytes, **options: Any) -> Imported:
    with steps.run():
        return read_bytes(data, "model.tflite", "model.tflite", ReadOptions(**options))


def kinds(imported: Imported) -> list[str]:
    return [layer.kind for layer in imported.layers]


def outputs(imported: Imported) -> list[tuple[int, ...]]:
    shapes = {layer.name: layer.shape for layer in imported.layers}
    return [shapes[name] for name in imported.outputs]


# ---- real files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_every_operator_of_a_real_file_costs_what_its_shapes_say(opened: Any, name: str) -> None:
    """Totals, rows by the operator's number, and outputs; no shape is other than the file's."""
    expected = NUMBERS[name]
    network = opened(real(name.removesuffix(".tflite")))
    report, imported = analyze(network), network.imported
    assert (report.totals.params, report.totals.macs) == (expected["params"], expected["macs"])
    rows: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for layer, row in zip(imported.layers, report.layers, strict=True):
        key = layer.operators[-1] if layer.operators else ""
        rows[key][0] += row.params
        rows[key][1] += row.macs
    assert {key: row for key, row in rows.items() if any(row)} == {
        key: row for key, row in expected["rows"].items() if any(row)
    }
    left = [sorted(shape) for shape in outputs(imported)]
    assert left == [sorted(shape[1:]) for shape in expected["outputs"]]
    assert (imported.warnings, imported.missing) == ((), "")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mltk_keyword_spotting", "int8"),
        ("mltk_autoencoder_example.float32", "float32"),
        ("mediapipe_face_detection_front", "float16"),
        ("mediapipe_face_detection_full_range_sparse", "float16, sparse"),
    ],
)
def test_types_are_told_in_words(name: str, words: str) -> None:
    assert read(real(name)).format == f"a TensorFlow Lite model, {words}"


def test_names_are_those_of_the_network_and_an_activation_is_a_layer() -> None:
    layers = read(real("mltk_keyword_spotting")).layers
    assert [layer.name for layer in layers[:3]] == ["conv2d", "activation", "depthwise_conv2d"]
    assert [layer.kind for layer in layers[:3]] == ["conv", "relu", "conv"]


def test_what_only_adds_zeros_around_is_the_padding_of_the_convolution() -> None:
    imported = read(real("mltk_keyword_spotting_with_transfer_learning"))
    assert "pad" not in kinds(imported)
    assert ((0, 1), (0, 1)) in [layer.fields.get("padding") for layer in imported.layers]


def test_folded_norms_and_biases_of_zeros_are_said() -> None:
    """The ResNet of MLPerf Tiny: 77,706 here, 78,186 learnable in Keras where its convolutions keep their bias."""
    (note,) = [note for note in read(real("mltk_keyword_spotting")).notes if "norm" in note]
    assert "folded into 9 layers" in note
    assert "576 parameters more" in note
    assert any("all zeros" in note for note in read(real("mediapipe_face_detection_front")).notes)


def test_a_custom_operator_is_named_and_never_free() -> None:
    data = real("mediapipe_selfie_segmentation_custom_op")
    imported = read(data)
    assert "1 Convolution2DTransposeBias" in imported.missing
    assert "at least" in imported.missing
    with pytest.raises(CannotImport, match="Convolution2DTransposeBias at "):
        read(data, strict=True)


def test_open_axes_are_asked_for_and_never_1(opened: Any) -> None:
    data = real("openwakeword_melspectrogram")
    with pytest.raises(CannotImport, match=r"input input \[\?, \?\]: give its sizes, as in --input input=1x16000"):
        read(data)
    for sizes in ((12_640,), (1, 12_640)):
        assert analyze(opened(data, inputs={"input": sizes})).totals.macs == 20_625_792
    with pytest.raises(CannotImport, match="has 2 axes"):
        read(data, sizes={"": (1, 2, 3)})
    with pytest.raises(CannotImport, match="names sound; the model's inputs are input"):
        read(data, sizes={"sound": (1, 2)})


def test_a_stream_takes_its_states_and_gives_the_cost_of_a_step() -> None:
    imported = read(real("pymicro_okay_nabu"))
    assert len(imported.inputs) == 7
    assert any("6 states enter" in note and "one step" in note for note in imported.notes)


def test_the_dearer_branch_counts_and_so_does_what_decides_it(opened: Any) -> None:
    network = opened(real("openwakeword_hey_jarvis_v0.1"))
    assert analyze(network).totals.macs == 213_120 + 102_464
    assert "102,464 MACs" in network.imported.warnings[0]


def test_a_dilated_convolution_is_put_together_again() -> None:
    imported = read(real("keras_dilated_same_ob"))
    convolutions = [layer.fields for layer in imported.layers if layer.kind == "conv"]
    assert [fields.get("dilation") for fields in convolutions] == [(2, 2), (1, 3)]
    assert convolutions[0]["padding"] == ((2, 2), (2, 2))
    assert set(kinds(imported)) == {"conv", "relu"}


def test_a_sequence_is_convolved_on_one_axis() -> None:
    imported = read(real("keras_conv1d_b1"))
    sizes = [len(layer.fields["kernel_size"]) for layer in imported.layers if layer.kind == "conv"]  # type: ignore[arg-type]
    assert set(sizes) == {1}
    assert list(imported.inputs.values()) == [(6, 50)]


def test_a_loop_of_steps_is_counted_as_often_as_it_runs(opened: Any) -> None:
    """LSTM(7) and LSTM(6) over 12 steps of 5 features, then Dense(2), whose bias of zeros the file left out."""
    report = analyze(opened(real("keras_lstm_b1")))
    assert report.totals.macs == 12 * 4 * 7 * (5 + 7) + 12 * 4 * 6 * (7 + 6) + 6 * 2
    assert report.totals.params == 4 * 7 * (5 + 7 + 1) + 4 * 6 * (7 + 6 + 1) + 6 * 2


def test_attention_and_frames_of_a_video(opened: Any) -> None:
    heads = analyze(opened(real("keras_mha_ob")))
    assert heads.totals.macs == 4 * 10 * 16 * 16 + 2 * 2 * 10 * 10 * 8 + 2 * 10 * 16 * 32
    frames = analyze(opened(real("keras_timedist_ob")))
    assert frames.totals.macs == 4 * (8 * 8 * 27 * 5 + 5 * 2)


# ---- rules, against others' ------------------------------------------------------------------------------------------


def made(build: Any) -> bytes:
    """A file of one subgraph; `build` gives what leaves."""
    file = File()
    left = build(file.graph)
    file.graph.outputs += [left] if isinstance(left, int) else left
    return file.bytes()


windows = st.fixed_dictionaries(
    {
        "size": st.tuples(st.integers(5, 12), st.integers(5, 12)),
        "kernel": st.tuples(st.integers(1, 4), st.integers(1, 4)),
        "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "padding": st.sampled_from([SAME, VALID]),
        "channels": st.integers(1, 3),
        "groups": st.integers(1, 3),
        "more": st.integers(1, 3),
        "op": st.sampled_from(["CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"]),
        "batch": st.sampled_from([1, 1, 3]),
    }
)


@settings(max_examples=60 * TIMES)
@given(windows)
def test_windows_move_as_tensorflow_moves_them(case: dict[str, Any]) -> None:
    """The file's shape, worked out here in TensorFlow's words, is what the layer makes; MACs are those of its taps."""
    (height, width), kernel, stride = case["size"], case["kernel"], case["stride"]
    sizes = [
        ceil(size / step) if case["padding"] == SAME else ceil((size - taps + 1) / step)
        for size, step, taps in zip((height, width), stride, kernel, strict=True)
    ]
    channels = case["channels"] * case["groups"]
    op, batch = case["op"], case["batch"]
    options = {"padding": case["padding"], "stride_h": stride[0], "stride_w": stride[1]}
    filters = {
        "CONV_2D": (case["more"] * case["groups"], *kernel, case["channels"]),
        "DEPTHWISE_CONV_2D": (1, *kernel, channels * case["more"]),
    }.get(op)
    out = filters[0 if op == "CONV_2D" else 3] if filters else channels

    def build(graph: Graph) -> int:
        x = graph.input((batch, height, width, channels))
        if filters is None:
            return graph.add(op, [x], (batch, *sizes, out), kernel_h=kernel[0], kernel_w=kernel[1], **options)
        weight = graph.constant(np.ones(filters))
        return graph.add(op, [x, weight, graph.constant(np.ones(out))], (batch, *sizes, out), **options)

    imported = read(made(build))
    assert not [text for text in imported.warnings if "worked out" in text]
    assert sorted(outputs(imported)[0]) == sorted((*sizes, out) if batch == 1 else (batch, *sizes, out))
    assert not imported.missing
    if filters is not None:
        (layer,) = [layer for layer in imported.layers if layer.kind == "conv"]
        first = next(iter(imported.inputs.values()))
        macs = layer.config([first]).macs(first)
        assert macs == batch * prod(sizes) * prod(filters)


moves = st.lists(st.one_of(st.just("turn"), st.just("shape"), st.just("cut"), st.just("join")), min_size=1, max_size=6)


@settings(max_examples=80 * TIMES)
@given(st.data(), moves)
def test_elements_are_where_numpy_has_them(data: st.DataObject, operations: list[str]) -> None:
    """Whatever turns and changes of shape are folded away."""
    shape = data.draw(st.sampled_from([(1, 4, 6, 2), (1, 6, 4), (2, 3, 4), (1, 12), (1, 2, 3, 2, 2)]))
    file = File()
    graph = file.graph
    array = np.arange(prod(shape)).reshape(shape)
    tensor = graph.input(shape)
    for word in operations:
        if word == "turn":
            axes = data.draw(st.permutations(range(array.ndim)))
            array = array.transpose(axes)
            tensor = graph.add("TRANSPOSE", [tensor, graph.integers(axes)], array.shape)
        elif word == "shape":
            divisors = [size for size in range(1, array.size + 1) if array.size % size == 0]
            first = data.draw(st.sampled_from(divisors))
            second = data.draw(st.sampled_from([size for size in divisors if (array.size // first) % size == 0]))
            sizes = data.draw(st.sampled_from([(first, second, -1), (1, first, -1), (first, -1), (1, second, 1, -1)]))
            array = array.reshape(sizes)
            tensor = graph.add("RESHAPE", [tensor, graph.integers(sizes)], array.shape)
        elif word == "cut":
            axis = data.draw(st.integers(0, array.ndim - 1))
            start = data.draw(st.integers(0, array.shape[axis] - 1))
            stop = data.draw(st.integers(start + 1, array.shape[axis]))
            step = data.draw(st.integers(1, 2))
            index = [slice(None)] * array.ndim
            index[axis] = slice(start, stop, step)
            begin, end = [0] * array.ndim, list(array.shape)
            begin[axis], end[axis] = start, stop
            strides = [1] * array.ndim
            strides[axis] = step
            array = array[tuple(index)]
            numbers = [graph.integers(values) for values in (begin, end, strides)]
            tensor = graph.add("STRIDED_SLICE", [tensor, *numbers], array.shape)
        elif array.size < 500:
            axis = data.draw(st.integers(-array.ndim, array.ndim - 1))
            array = np.concatenate([array, array], axis)
            tensor = graph.add("CONCATENATION", [tensor, tensor], array.shape, axis=axis)
    graph.outputs.append(tensor)
    walk = LiteWalk(parse(file.bytes()), ReadOptions())
    scope = LiteScope(walk.model.subgraphs[0], 0)
    entering = walk._input("x", shape, is_map=True)
    scope.values[0] = entering
    walk.run(scope)
    assert not walk._differences
    value = scope.values[tensor]
    x = np.arange(prod(shape)).reshape(entering.made.shape)
    there = {entering.made.draft: x.transpose(np.argsort(entering.made.order))}
    draft = in_file_order(walk.builder, value.made)
    np.testing.assert_array_equal(_moved(draft, there).reshape(array.shape), array)


def _moved(draft: Draft, there: dict[Draft, Any]) -> Any:
    """What a draft of moving layers holds, by NumPy."""
    if draft not in there:
        inputs = [_moved(source, there) for source in draft.inputs]
        if draft.kind == "permute":
            there[draft] = inputs[0].transpose(draft.fields["axes"])
        elif draft.kind == "slice":
            index = [slice(None)] * inputs[0].ndim
            fields = draft.fields
            index[fields.get("axis", 0)] = slice(fields.get("start", 0), fields.get("end"), fields.get("step", 1))
            there[draft] = inputs[0][tuple(index)]
        elif draft.kind == "concat":
            there[draft] = np.concatenate(inputs, draft.fields.get("axis", 0))
        else:
            assert draft.kind in ("reshape", "flatten"), draft.kind
            there[draft] = inputs[0].reshape(draft.shape)
    return there[draft]


@settings(max_examples=40 * TIMES)
@given(st.integers(5, 20), st.integers(2, 3), st.integers(2, 4))
def test_positions_dealt_out_are_taps_further_apart(size: int, taps: int, apart: int) -> None:
    """The file's way round, and the dilated convolution that "same" padding asks for."""
    reach = (taps - 1) * apart
    before, after = reach // 2, reach - reach // 2
    more = -(size + reach) % apart
    rows = (size + reach + more) // apart

    def build(graph: Graph) -> int:
        x = graph.input((1, size, 5, 2))
        blocks, pads = graph.integers([apart, 1]), graph.integers([[before, after + more], [0, 0]])
        dealt = graph.add("SPACE_TO_BATCH_ND", [x, blocks, pads], (apart, rows, 5, 2))
        weight, bias = graph.constant(np.ones((3, taps, 1, 2))), graph.constant(np.ones(3))
        shape = (apart, rows - taps + 1, 5, 3)
        y = graph.add("CONV_2D", [dealt, weight, bias], shape, padding=VALID, stride_w=1, stride_h=1, activation=1)
        return graph.add("BATCH_TO_SPACE_ND", [y, blocks, graph.integers([[0, more], [0, 0]])], (1, size, 5, 3))

    imported = read(made(build))
    assert kinds(imported) == ["conv", "relu"]
    assert imported.layers[0].fields["dilation"] == (apart, 1)
    assert imported.layers[0].fields.get("padding", ((0, 0), (0, 0))) == ((before, after), (0, 0))
    assert outputs(imported) == [(3, size, 5)]
    assert not imported.warnings


def test_a_map_that_is_dealt_out_and_not_gathered_is_laid_out() -> None:
    def build(graph: Graph) -> int:
        x = graph.input((1, 4, 6, 2))
        numbers = [graph.integers([2, 3]), graph.integers([[0, 0], [1, 2]])]
        dealt = graph.add("SPACE_TO_BATCH_ND", [x, *numbers], (6, 2, 3, 2))
        pooled = graph.add(
            "MAX_POOL_2D", [dealt], (6, 1, 3, 2), padding=VALID, stride_h=2, stride_w=1, kernel_h=2, kernel_w=1
        )
        return graph.add("BATCH_TO_SPACE_ND", [pooled, numbers[0], graph.integers([[0, 0], [1, 2]])], (1, 2, 6, 2))

    imported = read(made(build))
    assert not imported.warnings
    assert [sorted(shape) for shape in outputs(imported)] == [[2, 2, 6]]


@pytest.mark.parametrize(
    ("padding", "size", "wanted"),
    [(SAME, 5, 10), (VALID, 5, 11), (SAME, 5, 9), (VALID, 4, 10)],
)
def test_a_transposed_convolution_has_the_size_that_it_is_told(padding: int, size: int, wanted: int) -> None:
    """Its input is the third, and the first says what leaves: an odd size of "same" is cropped once more."""

    def build(graph: Graph) -> int:
        shape = graph.integers([1, wanted, wanted, 4])
        weight = graph.constant(np.ones((4, 3, 3, 2)))
        x = graph.input((1, size, size, 2))
        return graph.add(
            "TRANSPOSE_CONV", [shape, weight, x], (1, wanted, wanted, 4), padding=padding, stride_h=2, stride_w=2
        )

    imported = read(made(build))
    assert outputs(imported) == [(4, wanted, wanted)]
    assert not imported.warnings


def test_shapes_that_are_worked_out_in_the_graph_are_folded() -> None:
    def build(graph: Graph) -> int:
        x = graph.input((1, 6, 4, 2), signature=(-1, 6, 4, 2))
        sizes = graph.add("SHAPE", [x], (4,), out={"kind": "int32"})
        numbers = [graph.integers([place]) for place in (0, 1, 1)]
        batch = graph.add("STRIDED_SLICE", [sizes, *numbers], (), shrink_axis_mask=1, out={"kind": "int32"})
        shape = graph.add("PACK", [batch, graph.integers(-1), graph.integers(8)], (3,), out={"kind": "int32"})
        return graph.add("RESHAPE", [x, shape], (1, 1, 1), out={"signature": (-1, -1, -1)})

    imported = read(made(build))
    assert outputs(imported) == [(6, 8)]
    assert not imported.warnings


@pytest.mark.parametrize("operator", ["SPLIT", "SPLIT_V"])
def test_sizes_that_are_taken_apart_are_folded(operator: str) -> None:
    def build(graph: Graph) -> int:
        x = graph.input((1, 6, 4, 2), signature=(-1, 6, 4, 2))
        sizes = graph.add("SHAPE", [x], (4,), out={"kind": "int32"})
        enter = (
            [graph.integers(0), sizes] if operator == "SPLIT" else [sizes, graph.integers([2, -1]), graph.integers(0)]
        )
        lead, positions = (graph.tensor((2,), kind="int32") for _ in range(2))
        graph.operate(operator, enter, [lead, positions], num_splits=2)
        one_axis = graph.add("REDUCE_PROD", [positions, graph.integers([0])], (1,), keep_dims=1, out={"kind": "int32"})
        shape = graph.add("CONCATENATION", [lead, one_axis], (3,), axis=0, out={"kind": "int32"})
        return graph.add("RESHAPE", [x, shape], (1, 1, 1), out={"signature": (-1, -1, -1)})

    imported = read(made(build))
    assert outputs(imported) == [(6, 8)]
    assert not imported.missing


def test_a_transform_that_no_kind_expresses_has_its_size_where_the_file_leaves_it_open() -> None:
    def build(graph: Graph) -> int:
        x = graph.input((1, 511, 1, 2048), signature=(-1, 511, 1, 2048))
        open_shape = {"kind": "complex64", "signature": (-1, -1, 1, 1025)}
        return graph.add("RFFT2D", [x, graph.integers([1, 2048])], (1, 1, 1, 1025), out=open_shape)

    imported = read(made(build))
    assert (kinds(imported), outputs(imported)) == (["opaque"], [(1025, 511, 1)])


def test_a_shape_that_is_not_the_files_is_a_warning() -> None:
    def build(graph: Graph) -> int:
        x = graph.input((1, 8, 8, 3))
        return graph.add("MAX_POOL_2D", [x], (1, 5, 4, 3), stride_h=2, stride_w=2, kernel_h=2, kernel_w=2)

    (warning,) = read(made(build)).warnings
    assert warning == "MAX_POOL_2D at 0: the file has the shape [1, 5, 4, 3], and [1, 4, 4, 3] is worked out"


def test_a_norm_that_was_not_folded_is_a_scale_and_what_was_worked_out_is_none(opened: Any) -> None:
    def build(graph: Graph) -> int:
        x = graph.input((1, 8, 8, 3))
        scaled = graph.add("MUL", [x, graph.constant(np.ones(3))], (1, 8, 8, 3), "net/bn/FusedBatchNormV3")
        shifted = graph.add("ADD", [scaled, graph.constant(np.ones(3))], (1, 8, 8, 3), "net/bn/FusedBatchNormV31")
        filters, bias = graph.constant(np.ones((2, 1, 1, 3))), graph.constant(np.ones(2))
        y = graph.add("CONV_2D", [shifted, filters, bias], (1, 8, 8, 2), stride_h=1, stride_w=1)
        return graph.add("MUL", [y, graph.constant(np.ones((8, 1, 1)), "window/Sqrt")], (1, 8, 8, 2))

    network = opened(made(build))
    assert kinds(network.imported)[:2] == ["scale", "conv"]
    totals = analyze(network).totals
    assert (totals.params, totals.buffers) == (6 + 8, 8)
    assert any("without them there are 8" in note for note in network.imported.notes)


def test_a_layer_that_is_called_twice_counts_its_weights_once(opened: Any) -> None:
    def build(graph: Graph) -> int:
        x = graph.input((1, 8, 8, 3))
        filters, bias = graph.constant(np.ones((3, 3, 3, 3))), graph.constant(np.ones(3))
        for _ in range(2):
            x = graph.add("CONV_2D", [x, filters, bias], (1, 8, 8, 3), stride_h=1, stride_w=1)
        return x

    totals = analyze(opened(made(build))).totals
    assert (totals.params, totals.macs) == (84, 2 * 81 * 64)


def test_subgraphs_are_called_branches_taken_and_loops_run() -> None:
    file = File()
    main, twice, longer, body = file.graph, file.subgraph(), file.subgraph(), file.subgraph()
    filters, bias = np.ones((3, 1, 1, 3)), np.ones(3)
    for graph in (twice, body):
        counter = graph.input((), "i", kind="int32") if graph is body else -1
        x = graph.input((1, 4, 4, 3))
        inputs = [x, graph.constant(filters), graph.constant(bias)]
        y = graph.add("CONV_2D", inputs, (1, 4, 4, 3), stride_h=1, stride_w=1)
        graph.outputs = [y]
        if graph is body:
            graph.outputs.insert(0, graph.add("ADD", [counter, graph.integers(1)], (), out={"kind": "int32"}))
    counter, _ = longer.input((), "i", kind="int32"), longer.input((1, 4, 4, 3))
    longer.outputs = [longer.add("LESS", [counter, longer.integers(5)], (), out={"kind": "bool"})]
    x = main.input((1, 4, 4, 3))
    x = main.add("CALL", [x], (1, 4, 4, 3), subgraph=1)
    taken = main.constant(True, kind="bool")
    x = main.add("IF", [taken, x], (1, 4, 4, 3), "", **{"then": 1, "else": 2})
    left = [main.tensor((), kind="int32"), main.tensor((1, 4, 4, 3))]
    main.operate("WHILE", [main.integers(0), x], left, cond=2, body=3)
    main.outputs = left[1:]
    assert kinds(read(file.bytes())) == ["conv"] * 7


def test_a_sequence_goes_through_an_lstm_that_is_one_operator() -> None:
    """Five features over six steps, four hidden; the states are variables, which hold zeros at first."""

    def build(graph: Graph) -> int:
        x = graph.input((1, 6, 5))
        gates = [graph.constant(np.ones((4, 5))) for _ in range(4)]
        states = [graph.constant(np.ones((4, 4))) for _ in range(4)]
        biases = [graph.constant(np.ones(4)) for _ in range(4)]
        kept = [graph.tensor((1, 4), variable=True) for _ in range(2)]
        inputs = [x, *gates, *states, -1, -1, -1, *biases, -1, -1, *kept]
        return graph.add("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (1, 6, 4), activation=4)

    imported = read(made(build))
    (layer,) = imported.layers
    assert (layer.kind, layer.shape) == ("lstm", (6, 4))
    arrays = layer.config([(6, 5)]).weights((6, 5))
    assert sum(map(prod, arrays.values())) == 4 * 4 * (5 + 4 + 1)


ELEMENTWISE = ["ABS", "NEG", "EXP", "SQRT", "RSQRT", "SQUARE", "LOGISTIC", "TANH", "RELU6", "HARD_SWISH", "GELU", "ELU"]


@pytest.mark.parametrize("op", ELEMENTWISE)
def test_functions_of_elements_keep_the_layout(op: str) -> None:
    imported = read(made(lambda graph: graph.add(op, [graph.input((1, 5, 6, 2))], (1, 5, 6, 2))))
    assert outputs(imported) == [(2, 5, 6)]
    assert len(imported.layers) == 1
    assert not imported.missing


@pytest.mark.parametrize(
    ("op", "axes", "keep", "left"),
    [
        ("MEAN", [1, 2], False, ("global_avg_pool", (3,))),
        ("MEAN", [1, 2], True, ("global_avg_pool", (3, 1, 1))),
        ("SUM", [3], False, ("reduce", (4, 5))),
        ("REDUCE_MAX", [-1, 1], True, ("reduce", (1, 1, 5))),
    ],
)
def test_axes_are_taken_together(op: str, axes: list[int], keep: bool, left: tuple[str, tuple[int, ...]]) -> None:
    x = np.ones((1, 4, 5, 3))
    shape = x.sum(tuple(axes), keepdims=keep).shape

    def build(graph: Graph) -> int:
        return graph.add(op, [graph.input(x.shape), graph.integers(axes)], shape, "", keep_dims=int(keep))

    imported = read(made(build))
    assert (imported.layers[0].kind, outputs(imported)[0]) == left
    assert not imported.warnings


# ---- files that are wrong --------------------------------------------------------------------------------------------


def test_it_is_told_by_its_content_alone() -> None:
    data = real("mltk_autoencoder_example")
    for name in ("", "model", "model.onnx", "model.tflite"):
        reader = imports.reader_of(data, name)
        assert reader is not None
        assert reader.FORMAT == "a TensorFlow Lite model"
    eight = bytearray(data)
    struct.pack_into("<I", eight, 0, 8)  # with which an ONNX model begins too
    assert imports.reader_of(bytes(eight), "") is imports.reader_of(data, "")
    assert imports.reader_of(b"something", "model.tflite") is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x1c\0\0\0TFL3", "byte"),
        (b"\xff\xff\xff\xffTFL3" + bytes(64), "not a whole TensorFlow Lite model: byte 0 leads 4,294,967,295 bytes on"),
        (flatbuffer({}), "it holds no graph"),
        (flatbuffer({1: [], 2: [{0: [], 3: [{0: ("I", 7)}]}]}), "operator 0 is of code 7, of 0"),
    ],
)
def test_what_is_no_whole_model_is_said_to_be_none(data: bytes, words: str) -> None:
    with pytest.raises(CannotImport, match=words):
        read(data)


def test_a_graph_of_nothing_costs_nothing_and_that_is_said() -> None:
    imported = read(flatbuffer({2: [{0: [], 3: []}]}))
    assert any("nothing that leaves" in text for text in imported.warnings)


def test_a_tensor_that_nothing_makes_is_named() -> None:
    def build(graph: Graph) -> int:
        graph.input((1, 2))
        return graph.add("RELU", [graph.tensor((1, 2), "lost")], (1, 2))

    with pytest.raises(CannotImport, match=r"nothing makes tensor 1 \(lost\)"):
        read(made(build))


def test_a_loop_that_never_ends_is_not_gone_through() -> None:
    file = File()
    main, holds, nothing = file.graph, file.subgraph(), file.subgraph()
    holds.input((1, 4))
    holds.outputs = [holds.constant(True, kind="bool")]
    nothing.outputs = [nothing.input((1, 4))]
    left = main.tensor((1, 4))
    main.operate("WHILE", [main.input((1, 4))], [left], cond=1, body=2)
    main.outputs = [left]
    assert "runs more often than is written out" in read(file.bytes()).missing


def test_subgraphs_that_call_themselves_end() -> None:
    file = File()
    main, again = file.graph, file.subgraph()
    x = again.input((1, 4))
    for _ in range(8):
        x = again.add("CALL", [x], (1, 4), subgraph=1)
    again.outputs = [x]
    main.outputs = [main.add("CALL", [main.input((1, 4))], (1, 4), subgraph=1)]
    with pytest.raises(CannotImport, match="more work than"), steps.run(100_000):
        read(file.bytes())


def test_every_command_reads_one(tmp_path: Path) -> None:
    path = tmp_path / "net"
    path.write_bytes(real("mltk_tflite_micro_speech"))
    for command in (["analyze"], ["import"], ["lint"], ["explain"]):
        result = CliRunner().invoke(application(), [*command, str(path)])
        assert result.exit_code in (0, 1), result.output
    spec = CliRunner().invoke(application(), ["import", str(path)]).stdout
    (tmp_path / "net.yaml").write_text(spec)
    assert "16,652" in CliRunner().invoke(application(), ["analyze", str(tmp_path / "net.yaml")]).stdout


MUTATED = ["mltk_tflite_micro_magic_wand", "mltk_fingerprint_signature_generator", "keras_dilated_same_ob"]
SLOWER = ["keras_lstm_b1", "keras_mha_ob", "keras_conv1d_b1", "keras_timedist_ob", "mltk_tflite_micro_speech"]


def test_mutants_are_read_or_refused_in_words() -> None:
    """Bytes changed, cut out, put in and exchanged: within the steps of a run, and nothing else is raised."""
    draw = random.Random(15)
    sources, slower = ([bytearray(real(name)) for name in names] for names in (MUTATED, SLOWER))
    for number in range(2000 * TIMES):
        data = bytearray(sources[number % len(sources)] if number % 20 else draw.choice(slower))
        for _ in range(draw.choice([1, 1, 2, 8])):
            place = draw.randrange(8, len(data))
            change = draw.randrange(4)
            if change == 0:
                data[place] = draw.choice([0, 1, 2, 127, 128, 255, draw.randrange(256)])
            elif change == 1:
                struct.pack_into("<i", data, min(place, len(data) - 4), draw.choice([-1, 0, 2**31 - 1, 4, 100_000]))
            elif change == 2:
                other = draw.randrange(8, len(data) - 8)
                data[place : place + 8] = data[other : other + 8]
            elif len(data) > 64:
                del data[draw.randrange(16, len(data)) :]
                data += bytes(max(0, 24 - len(data)))
        try:
            with steps.run(1_000_000):
                read_bytes(bytes(data), "mutant", "", ReadOptions())
        except (CannotImport, SpecError):
            pass
