"""`load_weights` from archives: names are matched, what does not fit is said at once, hostile files are refused."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

import convcalc
from convcalc.layers import Array
from convcalc.network import Network
from convcalc.reference.execution import run_layer
from convcalc.reference.loaded.load import LoadedWeights, lacks_weights, weights_of
from convcalc.reference.memory import TooLarge
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

SPEC = """
input: [3, 8, 8]
blocks:
  unit:
    parameters: {width: required}
    layers:
      - conv: {out_channels: width, kernel_size: 3, padding: 1}
      - batch_norm: {name: bn}
layers:
  - unit: {name: layer1, width: 4, repeat: 2}
  - prelu
  - global_avg_pool
  - flatten
  - linear: {name: fc, out_features: 5}
"""
NETWORK = convcalc.loads(SPEC)


def drawn(network: Network = NETWORK, seed: int = 0) -> dict[str, Array]:
    """Random arrays of a network by the names that they have in a file."""
    random = RandomWeights(network, seed, keep=True)
    return {
        f"{layer.name}.{name}": array
        for place, layer in enumerate(network.nodes)
        if not layer.is_input and layer.shared is None
        for name, array in random.of(place).items()
        if name not in layer.borrowed_names
    }


def npz(folder: Path, arrays: dict[str, Any], name: str = "net.npz") -> Path:
    path = folder / name
    np.savez(path, **arrays)
    return path


def by_name(weights: LoadedWeights) -> dict[str, Array]:
    """All that was loaded, by the names of a file."""
    nodes = weights.network.nodes
    return {
        f"{nodes[place].name}.{name}": array for place, own in weights.arrays.items() for name, array in own.items()
    }


def messages(error: pytest.ExceptionInfo[convcalc.SpecError]) -> list[str]:
    return [problem.message for problem in error.value.diagnostics]


def loading_fails(path: Path, network: Network = NETWORK) -> list[convcalc.Diagnostic]:
    """What is said of a file that cannot be used; every line names it."""
    with pytest.raises(convcalc.SpecError) as error:
        convcalc.load_weights(network, path)
    assert {problem.path for problem in error.value.diagnostics} == {str(path)}
    return error.value.diagnostics


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_an_archive_of_numpy_has_every_array_by_its_name(tmp_path: Path, write: Any) -> None:
    arrays = drawn()
    write(tmp_path / "net.npz", **arrays)
    weights = convcalc.load_weights(NETWORK, tmp_path / "net.npz")
    assert (weights.notes, weights.unused) == ((), ())
    assert by_name(weights).keys() == arrays.keys()
    for name, array in by_name(weights).items():
        np.testing.assert_array_equal(array, arrays[name])
    assert weights.size == sum(array.size for array in arrays.values())


def test_safetensors_are_read_in_all_floats_that_they_hold(tmp_path: Path) -> None:
    import ml_dtypes

    arrays = drawn()
    for dtype in (np.float16, np.float32, np.float64, ml_dtypes.bfloat16):
        save_file({name: array.astype(dtype) for name, array in arrays.items()}, tmp_path / "net.safetensors")
        loaded = by_name(convcalc.load_weights(NETWORK, tmp_path / "net.safetensors"))
        for name, array in arrays.items():
            assert loaded[name].dtype == np.float32
            np.testing.assert_array_equal(loaded[name], array.astype(dtype).astype(np.float32))


def test_bfloat16_is_read_without_the_package_that_numpy_would_take(tmp_path: Path) -> None:
    numbers = np.arange(20, dtype=np.float32).reshape(5, 4)
    network = convcalc.loads("input: [4]\nlayers: [linear: {name: fc, out_features: 5, bias: false}]")
    entry = {"fc.weight": {"dtype": "BF16", "shape": [5, 4], "data_offsets": [2, 42]}}
    entry["other"] = {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}
    head = json.dumps(entry).encode()
    bits = (numbers.view(np.uint32) >> 16).astype("<u2").tobytes()
    path = tmp_path / "net.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head + b"ab" + bits)
    code = (
        "import sys, convcalc; sys.modules['ml_dtypes'] = None; network = convcalc.loads("
        '"input: [4]\\nlayers: [linear: {name: fc, out_features: 5, bias: false}]")\n'
        f"print(convcalc.load_weights(network, {str(path)!r}).of(1)['weight'].tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(numbers.tolist()), done.stderr
    np.testing.assert_array_equal(convcalc.load_weights(network, path).of(1)["weight"], numbers)


def test_numbers_of_8_bits_in_safetensors_are_refused_by_name(tmp_path: Path) -> None:
    head = b'{"fc.weight":{"dtype":"F8_E4M3","shape":[5,4],"data_offsets":[0,20]}}'
    path = tmp_path / "net.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(20))
    problems = loading_fails(path, convcalc.loads("input: [4]\nlayers: [linear: {name: fc, out_features: 5}]"))
    assert problems[0].message == "fc.weight: numbers with a fraction are expected, and it has those of type f8_e4m3"
    assert problems[0].help == "write it as float32, multiplied by its scale if it has one"


@pytest.mark.filterwarnings("error")
def test_what_is_beyond_a_type_becomes_infinite_without_a_word_of_numpy(tmp_path: Path) -> None:
    arrays = {name: array.astype(np.float64) for name, array in drawn().items()}
    arrays["fc.bias"][0] = 1e300
    assert by_name(convcalc.load_weights(NETWORK, npz(tmp_path, arrays)))["fc.bias"][0] == np.inf


def test_without_its_package_what_to_install_is_said(tmp_path: Path) -> None:
    save_file(drawn(), tmp_path / "net.safetensors")
    code = (
        "import sys, convcalc, convcalc.extras; sys.modules['safetensors'] = None; find = convcalc.extras.find_spec\n"
        "convcalc.extras.find_spec = lambda name: None if name == 'safetensors' else find(name)\n"
        f"convcalc.load_weights(convcalc.loads({SPEC!r}), {str(tmp_path / 'net.safetensors')!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'convcalc[safetensors]'" in done.stderr


def test_numbers_may_be_of_double_precision_and_run_so(tmp_path: Path) -> None:
    arrays = {name: array.astype(np.float64) / 3 for name, array in drawn().items()}
    loaded = by_name(convcalc.load_weights(NETWORK, npz(tmp_path, arrays), dtype="float64"))
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)


@pytest.mark.parametrize("prefix", ["module.", "model.", "state_dict.backbone."])
def test_a_prefix_that_all_names_have_is_left_out_and_said(tmp_path: Path, prefix: str) -> None:
    arrays = {f"{prefix}{name}": array for name, array in drawn().items()}
    weights = convcalc.load_weights(NETWORK, npz(tmp_path, arrays))
    assert weights.notes == (f"the names of the file begin with `{prefix}`, which is left out",)
    assert len(by_name(weights)) == len(arrays)


def test_a_prefix_that_the_network_has_alone_is_said_too(tmp_path: Path) -> None:
    text = SPEC.replace("- unit: {name: layer1", "- unit: {name: features").split("  - prelu")[0]
    network = convcalc.loads(text)
    arrays = {name.removeprefix("features."): array for name, array in drawn(network).items()}
    weights = convcalc.load_weights(network, npz(tmp_path, arrays))
    assert weights.notes == ("the names of the network begin with `features.`, which the file leaves out",)
    assert len(by_name(weights)) == len(arrays)


def test_what_a_state_dict_has_beside_its_arrays_is_passed_over(tmp_path: Path) -> None:
    more = {"layer1.0.bn.num_batches_tracked": np.array(7), "optimizer.step": np.array(3.0)}
    weights = convcalc.load_weights(NETWORK, npz(tmp_path, drawn() | more))
    assert weights.unused == ("optimizer.step",)


def test_a_layer_of_one_array_may_have_its_own_name_alone_and_axes_of_one(tmp_path: Path) -> None:
    arrays = drawn()
    slope = arrays.pop("prelu1.weight")
    loaded = by_name(convcalc.load_weights(NETWORK, npz(tmp_path, arrays | {"prelu1": slope.reshape(1, -1, 1, 1)})))
    np.testing.assert_array_equal(loaded["prelu1.weight"], slope)


def test_everything_that_does_not_fit_is_said_at_once_with_what_is_meant(tmp_path: Path) -> None:
    arrays = drawn()
    arrays["fc.wieght"] = arrays.pop("fc.weight")
    arrays["fc.bias"] = arrays["fc.bias"][:4]
    arrays["layer1.0.conv1.weight"] = arrays["layer1.0.conv1.weight"].T
    arrays["layer1.1.bn.weight"] = np.ones(4, np.int64)
    problems = loading_fails(npz(tmp_path, arrays))
    assert [problem.message for problem in problems] == [
        (
            "layer1.0.conv1.weight: shape [4, 3, 3, 3] is expected, and the file has [3, 3, 3, 4]; it is that shape "
            "turned over"
        ),
        "layer1.1.bn.weight: numbers with a fraction are expected, and it has those of type int64",
        "fc.weight of shape [5, 4] is not there",
        "fc.bias: shape [5] is expected, and the file has [4]",
    ]
    assert problems[2].help == "did you mean `fc.wieght`?"


def test_an_archive_of_another_network_says_how_names_are_written(tmp_path: Path) -> None:
    problems = loading_fails(npz(tmp_path, {"stem": np.ones(3), **{f"l{at}": np.ones(2) for at in range(9)}}))
    assert len(problems) == 15
    assert problems[0].message == "layer1.0.conv1.weight of shape [4, 3, 3, 3] is not there"
    assert problems[0].help.startswith("names are LAYER.ARRAY, as in `layer1.0.conv1.weight`; left over are stem, l0")
    assert problems[0].help.endswith("and 5 more")


def test_of_very_many_problems_some_are_counted(tmp_path: Path) -> None:
    network = convcalc.loads("input: [4, 8, 8]\nlayers: [batch_norm: {repeat: 9}]")
    problems = loading_fails(npz(tmp_path, {"a": np.ones(1)}), network)
    assert len(problems) == 21
    assert problems[-1].message == "and 16 more arrays"


def test_layers_that_share_weights_have_those_of_the_layer_whose_they_are(tmp_path: Path) -> None:
    network = convcalc.loads(
        "input: [4, 8]\nlayers:\n- linear: {name: a, out_features: 8}\n- linear: {name: b, out_features: 8, share: a}"
    )
    arrays = drawn(network)
    assert set(arrays) == {"a.weight", "a.bias"}
    weights = convcalc.load_weights(network, npz(tmp_path, arrays))
    np.testing.assert_array_equal(weights.of(2)["weight"], weights.of(1)["weight"])


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def gates_of_pytorch(kind: str, x: Array, arrays: dict[str, Array], way: str) -> Array:
    """A recurrent layer step by step, as PyTorch's documentation writes it: its names, its order of gates."""
    w, r, b, c = (arrays[f"{name}_l0{way}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h = cell = np.zeros(r.shape[1])
    rows = []
    for row in x[::-1] if way else x:
        entering, before = w @ row + b, r @ h + c
        if kind == "lstm":
            i, f, g, o = np.split(entering + before, 4)
            cell = _sigmoid(f) * cell + _sigmoid(i) * np.tanh(g)
            h = _sigmoid(o) * np.tanh(cell)
        elif kind == "gru":
            (r1, z1, n1), (r2, z2, n2) = np.split(entering, 3), np.split(before, 3)
            z = _sigmoid(z1 + z2)
            h = (1 - z) * np.tanh(n1 + _sigmoid(r1 + r2) * n2) + z * h
        else:
            h = np.tanh(entering + before)
        rows.append(h)
    return np.array(rows[::-1] if way else rows)


@pytest.mark.parametrize(("kind", "gates"), [("lstm", 4), ("gru", 3), ("rnn", 1)])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_recurrent_layers_of_pytorch_have_their_gates_put_in_order(
    tmp_path: Path, kind: str, gates: int, direction: str
) -> None:
    network = convcalc.loads(f"input: [6, 3]\nlayers:\n- {kind}: {{name: r, hidden_size: 4, direction: {direction}}}")
    ways = {"forward": [""], "reverse": ["_reverse"], "bidirectional": ["", "_reverse"]}[direction]
    draw = np.random.default_rng(0)
    sizes: dict[str, tuple[int, ...]] = {"weight_ih": (gates * 4, 3), "weight_hh": (gates * 4, 4)}
    sizes |= {"bias_ih": (gates * 4,), "bias_hh": (gates * 4,)}
    arrays = {f"{name}_l0{way}": draw.standard_normal(size) for way in ways for name, size in sizes.items()}
    path = npz(tmp_path, {f"r.{name}": array for name, array in arrays.items()})
    weights = convcalc.load_weights(network, path, dtype="float64")
    assert weights.unused == ()
    x = draw.standard_normal((6, 3))
    ours, _ = run_layer(Engine(), network.nodes[1].config, weights.of(1), [x[None]])
    theirs = np.concatenate([gates_of_pytorch(kind, x, arrays, way) for way in ways], axis=-1)
    np.testing.assert_allclose(ours[0], theirs, rtol=1e-10)


def test_more_memory_than_is_allowed_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        convcalc.load_weights(NETWORK, tmp_path / "not there.npz", most_bytes=100)


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (None, "none.npz", "cannot be read: No such file"),
        (b"", "empty.npz", "of a format that is not known; expected NPZ"),
        (b"layers: []", "net.yaml", "of a format that is not known"),
        (b"PK\x03\x04 cut off", "net.npz", "its arrays cannot be read"),
        (pickle.dumps({"fc.weight": [1]}), "net.pt", "a file of Python objects, which may run code"),
        (pickle.dumps({"fc.weight": [1]}), "net", "a file of Python objects, which may run code"),
        (b"PK\x03\x04", "net.pth", "a file of Python objects, which may run code"),
        (b"\x08\x07\x12\x03abc", "net.onnx", "is not there"),
        ((20).to_bytes(8, "little") + b'{"a": 1', "net.safetensors", "its arrays cannot be read"),
        ((2**39).to_bytes(8, "little") + b'{"a": 1', "net.safetensors", "its arrays cannot be read"),
    ],
)
def test_a_file_that_is_no_archive_is_told_by_what_it_is(
    tmp_path: Path, content: bytes | None, name: str, expected: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert expected in loading_fails(path)[0].message


def test_a_folder_is_no_archive(tmp_path: Path) -> None:
    assert loading_fails(tmp_path)[0].message == "cannot be read: Is a directory"


class Fires:
    """What leaves a file behind where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, tuple[str, int]]:
        return os.mkdir, (str(self.trace), 0o755)


def test_python_objects_in_an_archive_are_never_made(tmp_path: Path) -> None:
    arrays: dict[str, Any] = drawn()
    size = arrays["fc.weight"].shape
    arrays["fc.weight"] = np.full(size, Fires(tmp_path / "fired"), dtype=object)
    path = npz(tmp_path, arrays)
    assert [problem.message for problem in loading_fails(path)] == [
        "fc.weight: it holds Python objects, which may run code when they are read, and are not read"
    ]
    assert not (tmp_path / "fired").exists()
    np.load(path, allow_pickle=True)["fc.weight"]  # the trap is one
    assert (tmp_path / "fired").exists()


def test_an_archive_that_would_fill_the_memory_is_refused_by_what_it_says(tmp_path: Path) -> None:
    """A gigabyte of zeros in a megabyte, and sizes that no machine holds: none of it is unpacked."""
    arrays = drawn()
    del arrays["fc.weight"]
    path = npz(tmp_path, arrays)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed, packed.open("fc.weight.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (2**28,)})
        for _ in range(256):
            file.write(bytes(2**20))
    assert loading_fails(path)[0].message == "fc.weight: shape [5, 4] is expected, and the file has [268435456]"
    code = (
        f"import resource, convcalc; network = convcalc.loads({SPEC!r}); import numpy\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"try: convcalc.load_weights(network, {str(path)!r})\n"
        "except convcalc.SpecError: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100_000, "kibibytes"


def _replaced(folder: Path, name: str, content: bytes) -> Path:
    """An archive of the network in which the file of an array has other bytes."""
    arrays = drawn()
    del arrays[name]
    path = npz(folder, arrays)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(f"{name}.npy", content)
    return path


def _head(kind: str, shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["|V20000000", "<U5000000"])
def test_elements_of_any_size_are_refused_before_they_are_unpacked(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("it was read"))
    arrays = convcalc.loads("input: [4]\nlayers: [linear: {name: fc, out_features: 5, bias: false}]")
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("fc.weight.npy", _head(kind, (5, 4)) + bytes(4 * 20_000_000))
    assert path.stat().st_size < 200_000
    [problem] = loading_fails(path, arrays)
    assert problem.message.startswith("fc.weight: numbers with a fraction are expected, and it has those of type ")
    assert problem.help == "write it as float32, multiplied by its scale if it has one"


def test_a_part_of_a_recurrent_layer_is_refused_by_its_size_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("it was read"))
    network = convcalc.loads("input: [6, 3]\nlayers: [rnn: {name: r, hidden_size: 4}]")
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            packed.writestr(f"r.{name}_l0.npy", _head("<f4", (2**24,)) + bytes(100))
    problems = loading_fails(path, network)
    assert len(problems) == 4
    assert problems[0].message.endswith("is expected, and the file has r.weight_ih_l0 of [16777216]")


def test_what_numpy_says_of_a_long_head_is_not_handed_on(tmp_path: Path) -> None:
    """It advises to trust the file."""
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }" + b" " * 60_000
    path = _replaced(tmp_path, "fc.bias", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
    assert loading_fails(path)[0].message == (
        "its arrays cannot be read: fc.bias.npy begins as no array of NumPy's does"
    )


def test_what_is_cut_off_is_to_be_written_again(tmp_path: Path) -> None:
    [problem] = loading_fails(_replaced(tmp_path, "fc.bias", _head("<f4", (5,)) + bytes(12)))
    assert problem.help == "write or copy the file again"


def test_an_entry_that_says_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    arrays = drawn()
    del arrays["fc.weight"]
    path = npz(tmp_path, arrays)
    with zipfile.ZipFile(path, "a") as packed, packed.open("fc.weight.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (5, 4)})
        file.write(bytes(12))
    (problem,) = loading_fails(path)
    assert problem.message.startswith("fc.weight: it cannot be read: ")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bytes_that_are_changed_are_an_error_or_other_numbers(tmp_path: Path, data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(["npz", "packed", "safetensors", "onnx"]))
    path = tmp_path / f"net.{'npz' if form == 'packed' else form}"
    if form in ("npz", "packed"):
        (np.savez_compressed if form == "packed" else np.savez)(path, **drawn())
    elif form == "safetensors":
        save_file(drawn(), path)
    else:
        graph = helper.make_graph([], "g", [], [], [numpy_helper.from_array(a, name) for name, a in drawn().items()])
        onnx.save(helper.make_model(graph), path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content), len(content) // 2]))])
    try:
        weights = convcalc.load_weights(NETWORK, path)
    except convcalc.SpecError as error:
        assert error.diagnostics  # noqa: PT017  # that it is raised is one of two legal outcomes
    else:
        assert by_name(weights).keys() == drawn().keys()


def convolution(folder: Path, *, stripped: bool = False) -> tuple[Path, Array]:
    """A model of one convolution, and its filter."""
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    tensor = numpy_helper.from_array(weight, "w")
    if stripped:
        tensor.ClearField("raw_data")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], name="first")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [tensor],
    )
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path, weight


def own_weights_fail(path: Path) -> str:
    with pytest.raises(convcalc.SpecError) as error:
        convcalc.load_weights(convcalc.load(path))
    (message,) = messages(error)
    return message


def test_a_model_that_was_shared_without_its_weights_says_so(tmp_path: Path) -> None:
    path, _ = convolution(tmp_path, stripped=True)
    assert own_weights_fail(path) == (
        "conv1.weight (first): the file holds no numbers for it: it was shared without its weights"
    )


def test_what_many_arrays_lack_alike_is_said_of_three(tmp_path: Path) -> None:
    nodes, stored = [], []
    for place in range(6):
        nodes.append(helper.make_node("Conv", [f"x{place}", f"w{place}"], [f"x{place + 1}"], name=f"n{place}"))
        stored.append(TensorProto(name=f"w{place}", dims=(3, 3, 1, 1), data_type=TensorProto.FLOAT))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 4, 4]) for name in ("x0", "x6")]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], stored)), tmp_path / "net.onnx")
    with pytest.raises(convcalc.SpecError) as error:
        convcalc.load_weights(convcalc.load(tmp_path / "net.onnx"))
    assert len(messages(error)) == 4
    assert messages(error)[3] == (
        "3 more arrays likewise: the file holds no numbers for it: it was shared without its weights"
    )


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"location": "../secret.bin"}, "it lies in ../secret.bin, outside of the model's folder"),
        ({"location": "a/../../secret.bin"}, "it lies in a/../../secret.bin, outside of the model's folder"),
        ({"location": "/etc/passwd"}, "it lies in /etc/passwd, outside of the model's folder"),
        ({"location": ""}, "it lies in a file without a name, outside of the model's folder"),
        ({}, "it lies in a file without a name, outside of the model's folder"),
        ({"location": "."}, "it lies in ., which is not beside the model: copy that file too"),
        ({"location": "none.bin"}, "it lies in none.bin, which is not beside the model: copy that file too"),
        ({"location": "a\0b"}, "it lies in a\\x00b, outside of the model's folder"),
        ({"location": "\x1b[31m.bin"}, "it lies in \\x1b[31m.bin, which is not beside the model: copy that file too"),
        ({"location": "w.bin", "offset": "9000"}, "it ends at byte 9,432 of w.bin, which has 432: copy it anew"),
        ({"location": "w.bin", "length": "12"}, "12 bytes of w.bin are said to be it, and 432 are expected"),
        (
            {"location": "w.bin", "offset": "-4"},
            "its offset in the file beside the model is -4, where a number of bytes",
        ),
        ({"location": "w.bin", "offset": "9" * 30}, f"its offset in the file beside the model is {'9' * 30}, where"),
        ({"location": "w.bin", "offset": "٤"}, "its offset in the file beside the model is ٤, where a number of bytes"),
    ],
)
def test_what_lies_beside_a_model_is_in_its_folder_and_whole(
    tmp_path: Path, entries: dict[str, str], expected: str
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(432))
    (folder / "w.bin").write_bytes(bytes(432))
    path, _ = convolution(folder, stripped=True)
    model = onnx.load(path)
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        model.graph.initializer[0].external_data.add(key=key, value=value)
    onnx.save(model, path)
    assert own_weights_fail(path).startswith(f"conv1.weight (first): {expected}")


def test_a_file_that_has_changed_since_it_was_read_is_told(tmp_path: Path) -> None:
    path, weight = convolution(tmp_path)
    network = convcalc.load(path)
    model = onnx.load(path)
    model.graph.name = "another name, so that all lies elsewhere"
    content = model.SerializeToString()
    path.with_suffix(".new").write_bytes(content)
    path.with_suffix(".new").replace(path)
    with pytest.raises(convcalc.SpecError, match="the file is not what it was when it was read"):
        convcalc.load_weights(network)
    path.unlink()
    with pytest.raises(convcalc.SpecError, match="cannot be read: No such file or directory"):
        convcalc.load_weights(network)
    path.write_bytes(content)
    np.testing.assert_array_equal(convcalc.load_weights(convcalc.load(path)).of(1)["weight"], weight)


def test_numbers_that_break_off_are_told(tmp_path: Path) -> None:
    path, _ = convolution(tmp_path)
    model = onnx.load(path)
    (tensor,) = model.graph.initializer
    tensor.raw_data = tensor.raw_data[:-4]
    onnx.save(model, path)
    assert own_weights_fail(path) == "conv1.weight (first): the file holds 428 bytes for it, and 432 are expected"
    tensor.ClearField("raw_data")
    tensor.float_data.extend([1.0] * 107)
    onnx.save(model, path)
    assert own_weights_fail(path) == "conv1.weight (first): the file holds 107 numbers for it, and 108 are expected"


def test_a_network_that_came_through_a_pipe_has_its_weights(tmp_path: Path) -> None:
    path, weight = convolution(tmp_path)
    code = "import convcalc; print(*convcalc.load_weights(convcalc.load('-')).of(1)['weight'].reshape(-1)[:5].tolist())"
    done = subprocess.run([sys.executable, "-c", code], input=path.read_bytes(), capture_output=True, check=True)
    assert [float(number) for number in done.stdout.split()] == weight.reshape(-1)[:5].tolist()


def test_arrays_are_copied_once_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    path, _ = convolution(tmp_path)
    before = path.read_bytes()
    array = convcalc.load_weights(convcalc.load(path)).of(1)["weight"]
    assert array.flags.aligned
    assert array.flags.writeable
    array[:] = 0
    assert path.read_bytes() == before


def test_what_a_command_runs_with_is_chosen_by_its_options(tmp_path: Path) -> None:
    path, weight = convolution(tmp_path)
    network = convcalc.load(path)
    np.testing.assert_array_equal(weights_of(network).of(1, [])["weight"], weight)
    seeded = weights_of(network, seed=3).of(1, [])["weight"]
    np.testing.assert_array_equal(seeded, RandomWeights(network, 3).of(1)["weight"])
    own = npz(tmp_path, {"conv1.weight": weight + 1})
    np.testing.assert_array_equal(weights_of(network, str(own)).of(1, [])["weight"], weight + 1)
    with pytest.raises(convcalc.SpecError, match="--weights and --seed are both given"):
        weights_of(network, str(own), 3)


def test_a_network_without_weights_says_why_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(convcalc.SpecError) as error:
        weights_of(NETWORK)
    (problem,) = error.value.diagnostics
    assert problem.message == (
        "it has no weights of its own: a spec says what layers there are, and none of their numbers"
    )
    assert problem.help == (
        "--weights FILE reads them from NPZ (.npz), safetensors (.safetensors) or an ONNX model (.onnx); --seed N "
        "draws random ones"
    )
    (tmp_path / "net.cfg").write_text("[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=4\nsize=3\n")
    assert lacks_weights(convcalc.load(tmp_path / "net.cfg")).startswith("weights are read of ONNX models, and this is")


def test_a_layer_taken_out_of_its_model_has_no_weights_of_its_own(tmp_path: Path) -> None:
    path, _ = convolution(tmp_path)
    assert lacks_weights(convcalc.load(path)) == ""
    assert lacks_weights(convcalc.load(path).alone(1)) != ""


def test_an_archive_written_into_memory_is_the_same_as_one_on_disk(tmp_path: Path) -> None:
    held = io.BytesIO()
    np.savez(held, **drawn())
    (tmp_path / "weights").write_bytes(held.getvalue())  # its name says nothing
    assert len(by_name(convcalc.load_weights(NETWORK, tmp_path / "weights"))) == 15
