"""`convcalc export`: what is written, what is refused, and that what is written is what is said."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from command_line import application
from onnx import numpy_helper
from typer.testing import CliRunner

import convcalc
from convcalc import exports
from convcalc.exports.onnx import saving, write
from convcalc.files import Unwritable

SPEC = """\
name: little
input: [3, 8, 8]
variables: {width: 4}
layers:
  - conv: {name: stem, out_channels: width, kernel_size: 3}
  - batch_norm
  - relu
  - flatten
  - linear: {name: fc, out_features: 5}
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "little.yaml"
    path.write_text(SPEC, "utf-8")
    return str(path)


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(application(), ["export", *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stderr


def output_of(path: Path, **options: Any) -> Any:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    dtype = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}[given.type]
    shape = [size if isinstance(size, int) else options.get("batch", 1) for size in given.shape]
    return session.run(None, {given.name: np.ones(shape, dtype)})[0]


def test_a_model_with_weights_runs(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "little.onnx"
    assert run(spec, "-o", str(path)) == ""
    written = onnx.load(str(path))
    onnx.checker.check_model(written, full_check=True)
    assert (written.producer_name, written.graph.name) == ("convcalc", "little")
    assert [tensor.name for tensor in written.graph.initializer][:2] == ["stem.weight", "stem.bias"]
    assert output_of(path).shape == (1, 5)
    assert np.isfinite(output_of(path)).all()


def test_weights_depend_on_the_seed_alone(spec: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{place}.onnx" for place in range(3)]
    for path, seed in zip(files, ("7", "7", "8"), strict=True):
        run(spec, "-o", str(path), "--seed", seed)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes() != files[2].read_bytes()


def test_a_model_without_weights(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "little.onnx"
    run(spec, "-o", str(path), "--no-weights")
    written = onnx.load(str(path), load_external_data=False)
    assert not any(tensor.raw_data for tensor in written.graph.initializer)
    assert [tuple(tensor.dims) for tensor in written.graph.initializer][:2] == [(4, 3, 3, 3), (4,)]
    assert list(tmp_path.glob("weights*")) == []
    assert onnx.shape_inference.infer_shapes(written, strict_mode=True)


def test_batch_dtype_opset_input_and_variables(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "little.onnx"
    run(
        spec,
        "-o",
        str(path),
        "--batch",
        "N",
        "--dtype",
        "float16",
        "--opset",
        "22",
        "--set",
        "width=6",
        "--input",
        "3x9x9",
    )
    written = onnx.load(str(path))
    (entering,) = written.graph.input
    sizes = [size.dim_param or size.dim_value for size in entering.type.tensor_type.shape.dim]
    assert sizes == ["N", 3, 9, 9]
    assert entering.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    assert written.opset_import[0].version == 22
    assert written.graph.initializer[0].dims[0] == 6
    assert output_of(path, batch=3).shape == (3, 5)
    run(spec, "-o", str(path), "--batch", "2", "--force")
    assert output_of(path).shape == (2, 5)


def test_what_is_exported_costs_the_same(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "little.onnx"
    run(spec, "-o", str(path), "--no-weights")
    before, after = (convcalc.analyze(convcalc.load(item)).totals for item in (spec, str(path)))
    assert (before.params, before.macs, before.buffers) == (after.params, after.macs, after.buffers)


def test_nothing_is_written_over(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "little.onnx"
    path.write_bytes(b"mine")
    assert "--force overwrites it" in " ".join(run(spec, "-o", str(path), code=2).replace("│", "").split())
    assert path.read_bytes() == b"mine"
    run(spec, "-o", str(path), "--force")
    assert path.read_bytes() != b"mine"


def test_layers_without_a_form_are_all_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(
        "input: [3, 8, 8]\nlayers:\n  - opaque: {name: a, output_shape: [3, 5, 5]}\n"
        "  - relu\n  - upsample: {name: b, scale_factor: 0.99999999, mode: bilinear}\n"
        "  - opaque: {name: c, output_shape: [2]}\n",
        "utf-8",
    )
    result = run(str(path), "-o", str(tmp_path / "odd.onnx"), "--strict", code=2)
    assert "3 layers have no exact ONNX form; nothing is written" in result
    assert [re.search(r"line (\d+): (\w)", line)[0] for line in result.splitlines()[1:]] == [  # type: ignore[index]
        "line 3: a",
        "line 5: b",
        "line 6: c",
    ]
    assert not (tmp_path / "odd.onnx").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--opset", "12"], "opset 12; legal here: 13 to"),
        (["--opset", "999"], "opset 999"),
        (["--batch", "0"], "expected a whole number from 1, or a name"),
        (["--batch", "a b"], "expected a whole number from 1, or a name"),
        (["--dtype", "int8"], "int8"),
        (["--seed", "-1"], "-1"),
        (["--input", "3x"], "expected sizes like"),
        (["--set", "depth=3"], "depth"),
    ],
)
def test_options_that_mean_nothing(spec: str, tmp_path: Path, options: list[str], message: str) -> None:
    path = tmp_path / "little.onnx"
    assert message in " ".join(run(spec, "-o", str(path), *options, code=2).replace("│", "").split())
    assert not path.exists()


def test_a_folder_that_is_not_there_and_a_spec_with_mistakes(spec: str, tmp_path: Path) -> None:
    assert "cannot write" in run(spec, "-o", str(tmp_path / "nowhere" / "x.onnx"), code=2)
    broken = tmp_path / "broken.yaml"
    broken.write_text("input: [3, 8, 8]\nlayers: [conv: {}]\n", "utf-8")
    assert "CC012" in run(str(broken), "-o", str(tmp_path / "x.onnx"), code=2)


def test_without_the_package_the_extra_is_named(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "onnx" else known(name, *rest))
    assert "pip install 'convcalc[onnx]'" in run(spec, "-o", str(tmp_path / "x.onnx"), code=2)


def test_weights_that_one_file_does_not_hold_lie_beside_it(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, path = tmp_path / "whole.onnx", tmp_path / "large.onnx"
    run(spec, "-o", str(full))
    monkeypatch.setattr(write, "MOST_BYTES", 100)
    result = run(spec, "-o", str(path))
    assert "large.onnx.data, which belongs beside the model" in result
    assert (output_of(path) == output_of(full)).all()
    arrays = [
        {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(str(item)).graph.initializer}
        for item in (full, path)
    ]
    assert all((arrays[0][name] == arrays[1][name]).all() for name in arrays[0] | arrays[1])
    before = convcalc.analyze(convcalc.load(str(path))).totals
    assert before == convcalc.analyze(convcalc.load(str(full))).totals
    run(spec, "-o", str(path), code=2)
    assert "large.onnx.2.data" in run(spec, "-o", str(path), "--force", "--seed", "1")
    assert (output_of(path) != output_of(full)).any()
    path.unlink()
    assert "large.onnx.data already exists" in run(spec, "-o", str(path), code=2)
    assert "name the model with -o FILE" in run(spec, "-o", "-", "--to", "onnx", code=2)


def test_a_model_on_standard_output(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "little.onnx"
    run(spec, "-o", str(path))
    result = CliRunner().invoke(application(), ["export", spec, "-o", "-", "--to", "onnx"])
    assert (result.exit_code, result.stdout_bytes) == (0, path.read_bytes())


def test_a_file_that_turns_up_meanwhile_is_kept(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "late.onnx"
    path.write_bytes(b"mine")
    with pytest.raises(Unwritable, match="already exists"):
        saving.save(convcalc.load(spec), str(path), None)
    assert path.read_bytes() == b"mine"


def test_the_help_says_what_a_file_without_weights_is_good_for() -> None:
    result = CliRunner().invoke(application(), ["export", "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    text = " ".join(re.sub(r"[│\s]+", " ", result.stdout).split())
    assert "enough for convcalc, for onnx.shape_inference and for viewers" in text
    assert json.dumps(text)


# ---- the format -----------------------------------------------------------------------------------------------------

TOY = """
FORMAT = "a list of layers"
SUFFIX = ".toy"

def write(network):
    from convcalc.exports.errors import CannotWrite, Unwritten
    relus = [layer for layer in network.layers if layer.kind == "relu"]
    odd = [Unwritten(layer.name, layer.kind, layer.line, "none here") for layer in relus]
    if odd and network.name != "little":
        raise CannotWrite("not said", tuple(odd))
    return "".join(f"{layer.name}\\n" for layer in network.layers)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An exporter that is there, and so is known."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "toy_list.py").write_text(TOY, "utf-8")
    monkeypatch.setattr(exports, "__path__", [*exports.__path__, str(folder)])
    exports.names.cache_clear()
    yield
    monkeypatch.undo()
    exports.names.cache_clear()
    sys.modules.pop("convcalc.exports.toy_list", None)


@pytest.mark.usefixtures("toy")
def test_an_exporter_is_found_by_being_there(spec: str, tmp_path: Path) -> None:
    assert "toy-list" in exports.names()
    path = tmp_path / "little.toy"
    assert run(spec, "-o", str(path)) == ""
    assert path.read_text("utf-8") == "stem\nbatch_norm1\nrelu1\nflatten1\nfc\n"
    printed = CliRunner().invoke(application(), ["export", spec, "-o", "-", "--to", "toy-list"])
    assert (printed.exit_code, printed.stdout) == (0, path.read_text("utf-8"))
    assert "--force overwrites it" in run(spec, "-o", str(path), code=2)


@pytest.mark.usefixtures("toy")
def test_what_a_format_cannot_say_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    odd, path = tmp_path / "odd.yaml", tmp_path / "odd.toy"
    odd.write_text("input: [3, 8, 8]\nlayers:\n  - relu: {name: a}\n  - sigmoid\n  - relu: {name: b}\n", "utf-8")
    assert run(str(odd), "-o", str(path), code=2).splitlines() == [
        f"convcalc: {odd}: 2 layers have no form in a list of layers; nothing is written",
        "    line 3: a (relu): none here",
        "    line 5: b (relu): none here",
    ]
    assert not path.exists()


def test_a_name_that_says_no_format_needs_one(spec: str, tmp_path: Path) -> None:
    for name in (str(tmp_path / "net.txt"), "-"):
        assert re.search(r"add --to with one of .*onnx", run(spec, "-o", name, code=2))
    message = re.sub("[│\\s]+", " ", run(spec, "-o", "-", "--to", "caffe", code=2))
    assert "found 'caffe'" in message
    assert list(tmp_path.iterdir()) == [Path(spec)]
    run(spec, "-o", str(tmp_path / "net.txt"), "--to", "onnx", "--no-weights")


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    "option", [["--no-weights"], ["--seed", "0"], ["--batch", "1"], ["--opset", "21"], ["--dtype", "float32"]]
)
def test_options_of_another_format_are_refused(spec: str, tmp_path: Path, option: list[str]) -> None:
    message = " ".join(re.sub("[│╭╮╰╯─]", " ", run(spec, "-o", str(tmp_path / "x.toy"), *option, code=2)).split())
    assert f"{option[0]}: toy-list has no such option, onnx has" in message
    assert list(tmp_path.glob("x.*")) == []
