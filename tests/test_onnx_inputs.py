"""What enters a model: sizes that are open, inputs that hold nothing or are weights, and advice that works as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import application
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from convcalc.imports.errors import CannotImport
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.walk import Walk, of_bytes
from convcalc.imports.record import Imported

Dims = Sequence[int | str | None] | None


def model(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Dims],
    arrays: Mapping[str, np.ndarray] | None = None,
    types: Mapping[str, int] | None = None,
) -> ModelProto:
    """What the last node makes leaves."""
    kinds = types or {}
    graph = helper.make_graph(
        nodes,
        "net",
        [
            helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), dims)
            for name, dims in inputs.items()
        ],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in (arrays or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def read(proto: ModelProto, **sizes: Sequence[int]) -> Imported:
    return of_bytes(proto.SerializeToString(), "net.onnx", sizes)


def op(kind: str, *inputs: str, to: str = "y", **attributes: Any) -> NodeProto:
    return helper.make_node(kind, inputs, [to], **attributes)


def refusal(proto: ModelProto) -> str:
    with pytest.raises(CannotImport) as caught:
        read(proto)
    return str(caught.value)


def advised(message: str) -> dict[str, tuple[int, ...]]:
    """The sizes in an error's advice."""
    return {name: tuple(map(int, sizes.split("x"))) for name, sizes in re.findall(r"--input (\S+)=([\dx]+)", message)}


@pytest.mark.parametrize(
    ("dims", "element_type", "sizes"),
    [
        (("batch", 3, "height", "width"), TensorProto.FLOAT, (1, 3, 224, 224)),
        ((None, None, None, None), TensorProto.FLOAT, (1, 3, 224, 224)),
        (("N", "H", "W", "C"), TensorProto.FLOAT, (1, 224, 224, 3)),
        (("batch", "sequence"), TensorProto.INT64, (1, 128)),
        (("batch", "sequence"), TensorProto.FLOAT, (1, 16000)),
        (("b", "frames", 80), TensorProto.FLOAT, (1, 128, 80)),
        ((2, "n", "steps"), TensorProto.FLOAT, (2, 1, 128)),
        (None, TensorProto.FLOAT, (1, 3, 224, 224)),
    ],
)
def test_sizes_are_advised_by_the_names_of_axes_and_work_as_they_are(
    dims: Dims, element_type: int, sizes: tuple[int, ...]
) -> None:
    proto = model([op("Relu", "x")], {"x": dims}, types={"x": element_type})
    advice = advised(refusal(proto))
    assert advice == {"x": sizes}
    read(proto, **advice)


def test_all_inputs_that_are_open_are_advised_at_once() -> None:
    proto = model([op("Add", "a", "b")], {"a": ("batch", "seq"), "b": ("batch", "seq")})
    advice = advised(refusal(proto))
    assert advice == {"a": (1, 16000), "b": (1, 16000)}
    assert read(proto, **advice).inputs == {"a": (16000,), "b": (16000,)}


def test_a_name_that_two_axes_have_is_one_size() -> None:
    """The state of a recurrent network has its batch behind the layers, and a mask the length of the text."""
    nodes = [
        op("Relu", "x", to="a"),
        op("Relu", "mask", to="b"),
        op("Relu", "state", to="c"),
        op("Add", "a", "b", to="d"),
    ]
    proto = model(
        [*nodes, op("Concat", "d", "d", axis=0)],
        {"x": ("batch", "seq"), "mask": (1, "seq"), "state": (2, "batch", 128)},
    )
    record = read(proto, x=(1, 40))
    assert record.inputs["mask"] == (40,)
    assert read(proto, x=(1, 40)).inputs["state"] == (2, 1, 128)


def test_an_input_called_input_beside_others_takes_the_sizes_that_are_advised(tmp_path: Path) -> None:
    nodes = [op("Conv", "input", "w", to="c"), op("GlobalAveragePool", "c", to="p"), op("Flatten", "p", to="f")]
    proto = model(
        [*nodes, op("Concat", "f", "state", axis=1)],
        {"input": ("n", 3, "h", 8), "state": (1, 2)},
        {"w": np.ones((4, 3, 3, 3), np.float32)},
    )
    path = tmp_path / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    (option,) = re.findall(r"--input \S+", refusal(proto))
    result = CliRunner().invoke(application(), ["analyze", str(path), *option.split()])
    assert result.exit_code == 0, result.stderr


def test_sizes_of_what_nothing_reads_do_not_matter() -> None:
    proto = model([op("Relu", "x")], {"x": (1, 8), "unread": ("a", "b", None), "sequence": None})
    assert read(proto).inputs == {"x": (8,)}


def test_a_tensor_that_holds_nothing_is_the_type_or_the_list_that_it_is_read_for() -> None:
    assert read(model([op("CastLike", "x", "like")], {"x": (1, 8), "like": (0,)})).inputs == {"x": (8,)}
    proto = model([op("ReduceSum", "x", "axes")], {"x": (1, 3, 4), "axes": (0,)}, types={"axes": TensorProto.INT64})
    assert read(proto).inputs == {"x": (3, 4)}


@pytest.mark.parametrize("count", [4, 7])
def test_filters_that_enter_are_no_samples(count: int) -> None:
    """However many there are: the maps are a batch by themselves."""
    nodes = [op("Conv", "x", "w", to="c"), op("Relu", "c")]
    walk = Walk(parse(model(nodes, {"x": (4, 3, 8, 8), "w": (count, 3, 3, 3)}).SerializeToString()), {})
    walk.go()
    assert walk.values["x"].samples == 0
    assert walk.values["w"].samples is None


def test_inputs_whose_first_axes_differ_are_kept_and_that_is_said() -> None:
    record = read(model([op("MatMul", "a", "b")], {"a": (3, 5, 4), "b": (2, 1, 4, 5)}))
    assert record.inputs == {"a": (3, 5, 4), "b": (2, 1, 4, 5)}
    assert "it is no batch of them all, 3 of a and 2 of b" in record.warnings[0]


def test_a_number_for_each_sample_is_one_of_one_sample() -> None:
    """The step of a diffusion network, beside maps in a batch."""
    nodes = [op("Unsqueeze", "t", "axes", to="u"), op("Conv", "x", "w", to="c"), op("Add", "c", "u")]
    arrays: dict[str, np.ndarray] = {"w": np.ones((4, 3, 1, 1), np.float32), "axes": np.array([1, 2, 3], np.int64)}
    record = read(model(nodes, {"x": (2, 3, 8, 8), "t": (2,)}, arrays))
    assert record.inputs == {"x": (3, 8, 8), "t": (1,)}
    assert record.layers[-1].shape == (4, 8, 8)


def test_an_open_axis_in_front_that_is_called_a_length_is_said_to_be_read_as_one() -> None:
    record = read(model([op("Relu", "x")], {"x": ("sequence_length", 576)}))
    assert record.inputs == {"x": (576,)}
    assert "axis 0 of input x, sequence_length, is read as 1" in record.warnings[0]


def test_boxes_of_an_open_number_beside_a_batch_are_said_to_be_read_as_one() -> None:
    nodes = [op("RoiAlign", "x", "boxes", "of")]
    inputs: dict[str, Dims] = {"x": ("N", 3, 32, 32), "boxes": ("num_boxes", 4), "of": ("num_boxes",)}
    record = read(model(nodes, inputs, types={"of": TensorProto.INT64}))
    assert list(record.warnings) == ["axis 0 of input boxes, num_boxes, is read as 1; --input gives another"]


def test_an_axis_whose_name_is_a_sum_has_the_size_of_the_sum() -> None:
    """A decoder's mask, of what came before and what comes now; the advice of sizes adds up as well."""
    file = model(
        [op("Concat", "past", "x", to="all", axis=1), op("Add", "all", "mask")],
        {"x": ("batch", "length", 8), "past": ("batch", "before", 8), "mask": ("batch", "before + length", 1)},
    )
    with pytest.raises(CannotImport, match="--input x=1x128x8 --input past=1x128x8 --input mask=1x256x1"):
        read(file)
    record = read(file, x=(1, 3, 8), past=(1, 5, 8))
    assert record.inputs == {"x": (3, 8), "past": (5, 8), "mask": (8, 1)}


def test_a_batch_that_was_given_is_no_reason() -> None:
    file = model([op("Conv", "x", "w")], {"x": ("N", 3, 8, 8)}, {"w": np.ones((4, 3, 1, 1), np.float32)})
    with pytest.raises(CannotImport, match=r"Conv at y \(filters of shape \[4, 3, 1, 1\] for 4 channels\)"):
        read(file, x=(1, 4, 8, 8))
    with pytest.raises(CannotImport, match="the open batch of x is read as 1"):
        read(file, x=(4, 8, 8))
