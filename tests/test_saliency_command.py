"""`convcalc saliency`: files, texts and mistakes, held against the record and against ONNX Runtime."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from command_line import application
from numpy.testing import assert_allclose, assert_array_equal
from onnx import TensorProto, helper
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

import convcalc
from convcalc.views import view
from convcalc.views.output import Output
from convcalc.views.saliency.shared import ShownSaliency, percent

DATA = Path(__file__).parent / "data/gradients"
MODEL = str(DATA / "plain.onnx")
SPEC = "name: {}\ninput: [3, 16, 16]\nlayers:\n  - conv: {{out_channels: 4, kernel_size: 3}}\n  - relu\n"
HEAD = "  - flatten\n  - linear: 6\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an image of the network's size, a larger one, and specs."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    Image.fromarray(generator.integers(0, 256, (16, 16, 3), np.uint8)).save("image.png")
    Image.fromarray(generator.integers(0, 256, (48, 32, 3), np.uint8)).save("large.png")
    Path("net.yaml").write_text(SPEC.format("net") + HEAD, "utf-8")
    Path("map.yaml").write_text(SPEC.format("map"), "utf-8")
    return tmp_path


def picture_of(path: str) -> Image.Image:
    """The image in a file, read to its end, with what is written about it."""
    with Image.open(path) as image:
        image.load()
        return image.copy()


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(application(), ["saliency", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stderr if code else result.stdout


def of_json(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--format", "json"))


def test_map_and_picture_are_those_of_the_record() -> None:
    document = of_json(MODEL, "--image", "image.png", "--class", 3, "-o", "map.npy", "-o", "map.PNG")
    array = np.asarray(picture_of("image.png"), np.float32).transpose(2, 0, 1) / 255
    result = convcalc.saliency(convcalc.load(MODEL), array, class_index=3)
    written = np.load("map.npy", allow_pickle=False)
    assert_array_equal(written, result.map)
    assert written.dtype == np.float32
    assert document["files"] == ["map.npy", "map.PNG"]
    assert document["class"] == 3
    assert document["score"] == pytest.approx(result.score)
    assert document["map"]["sum"] == pytest.approx(float(written.sum()), rel=1e-5)
    picture = picture_of("map.PNG")
    assert picture.size == (2 * 448 + 8, 448)
    assert Path("map.PNG").read_bytes()[1:4] == b"PNG"
    assert_array_equal(np.asarray(picture)[::28, :448:28], np.asarray(picture_of("image.png")))
    assert picture.info["Description"].startswith("plain: class 3, score ")


def test_scores_are_those_of_onnx_runtime() -> None:
    document = of_json(MODEL, "--image", "image.png", "--preset", "imagenet")
    bytes_ = np.asarray(picture_of("image.png"), np.float32) / 255
    array = ((bytes_ - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).astype(np.float32).transpose(2, 0, 1)
    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    scores = session.run(None, {session.get_inputs()[0].name: array[None]})[0][0]
    order = np.argsort(-scores)[:5]
    assert document["is_highest"]
    assert [entry["class"] for entry in document["top"]] == order.tolist()
    assert_allclose([entry["score"] for entry in document["top"]], scores[order], rtol=1e-4)


def test_each_channel_and_its_sign_are_written() -> None:
    run(MODEL, "--image", "image.png", "--class", 1, "--channels", "each", "-o", "each.npy", "-o", "each.png")
    run(MODEL, "--image", "image.png", "--class", 1, "-o", "max.npy")
    run(MODEL, "--image", "image.png", "--class", 1, "--channels", "mean", "-o", "mean.npy")
    channels = np.load("each.npy")
    assert channels.shape == (3, 16, 16)
    assert (channels < 0).any()
    assert_array_equal(np.abs(channels).max(0), np.load("max.npy"))
    assert_allclose(np.abs(channels).mean(0), np.load("mean.npy"), rtol=1e-6)
    assert picture_of("each.png").size == (4 * 448 + 3 * 8, 448)


def test_the_text_says_what_was_done() -> None:
    options = ("--preset", "imagenet", "--resize", "20", "--crop", "--smooth", 3, "--noise", "0.1", "--class", 2)
    text = run(MODEL, "--image", "large.png", *options, "-o", "map.png")
    document = of_json(MODEL, "--image", "large.png", *options)
    lines = text.splitlines()
    assert lines[0] == "plain   large.png 48x32"
    assert lines[1] == f"class 2, score {document['score']:.5g}"
    scores = [line.split() for line in lines[4:9]]
    assert scores == [[str(entry["class"]), f"{entry['score']:.5g}"] for entry in document["top"]]
    assert f"image: {'; '.join(document['image']['steps'])}" in lines
    steps = "resized from 48x32 to 30x20, bilinear with antialiasing; cut to the 16x16 in its middle; divided by 255, "
    assert steps in text
    assert "mean over 3 copies of the image with noise of 10.0 % of its range, seed 0" in text
    half = document["map"]["half"]
    rows, columns = (f"{first} to {last}" for first, last in (half["rows"], half["columns"]))
    assert f"half of its sum lies in {half['pixels']} pixels, {percent(half['share'])} of all; " in text
    assert f"has rows {rows} and columns {columns}, {percent(half['area'])} of the map" in text
    assert "weights of the model's own file" in lines
    assert lines[-1] == "written: map.png"
    assert document["smooth"] == {"copies": 3, "noise": 0.1}


def test_markdown_says_the_same() -> None:
    text = run(MODEL, "--image", "image.png", "--class", 2, "--format", "markdown")
    plain = run(MODEL, "--image", "image.png", "--class", 2).splitlines()
    facts = [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]
    assert facts == plain[-len(facts) :]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert [row[:2] for row in rows[2:]] == [line.split() for line in plain[4:9]]


def test_specs_take_weights_or_a_seed() -> None:
    error = run("net.yaml", "--image", "image.png", code=2)
    assert "net.yaml: error[CC001]: it has no weights of its own" in error
    assert "--seed" in error
    assert "--weights" in error
    text = run("net.yaml", "--image", "image.png", "--seed", 7)
    assert "random weights, drawn with seed 7" in text
    generator = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "conv1.weight": generator.standard_normal((4, 3, 3, 3)),
        "conv1.bias": np.full(4, 100.0),
        "linear1.weight": generator.standard_normal((6, 4 * 14 * 14)),
        "linear1.bias": np.zeros(6),
    }
    np.savez("w.npz", **arrays)
    document = of_json(
        "net.yaml", "--image", "image.png", "--weights", "w.npz", "--class", 5, "--channels", "each", "-o", "m.npy"
    )
    assert document["weights"] == "weights of w.npz"
    expected = np.zeros((3, 16, 16))  # the bias keeps every ReLU open, so that the network is linear
    linear = arrays["linear1.weight"][5].reshape(4, 14, 14)
    for y in range(3):
        for x in range(3):
            kernel = arrays["conv1.weight"][:, :, y, x]
            expected[:, y : y + 14, x : x + 14] += np.einsum("oc,ohw->chw", kernel, linear)
    assert_allclose(np.load("m.npy"), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert "--seed" in run("net.yaml", "--image", "image.png", "--weights", "w.npz", "--seed", 1, code=2)
    arrays |= {"more": np.ones(2), "of.another\x1b": np.ones(3)}
    np.savez("w.npz", **arrays)
    text = run("net.yaml", "--image", "image.png", "--weights", "w.npz")
    assert "no layer takes more, of.another\\x1b of the weights' file\n" in text


def test_noise_has_a_seed_of_its_own_beside_the_weights_of_the_model() -> None:
    maps = []
    for seed in (None, 0, 5):
        options: list[str | int] = [] if seed is None else ["--noise-seed", seed]
        options += ["--smooth", 3, "-o", "map.npy", "--force"]
        document = of_json(MODEL, "--image", "image.png", "--class", 2, *options)
        assert (document["weights"], document["seed"]) == ("weights of the model's own file", seed or 0)
        maps.append(np.load("map.npy"))
    assert_array_equal(maps[0], maps[1])
    assert not np.array_equal(maps[1], maps[2])
    assert "seed 5" in run(MODEL, "--image", "image.png", "--smooth", 2, "--noise-seed", 5)


def test_a_position_is_asked_for_in_a_map() -> None:
    error = run("map.yaml", "--image", "image.png", "--seed", 0, code=2)
    assert "map.yaml: `relu1` is a map of scores, 4x14x14: expected --position Y,X, below 14 and 14" in error
    document = of_json("map.yaml", "--image", "image.png", "--seed", 0, "--position", "3,12", "-o", "map.npy")
    assert document["position"] == [3, 12]
    array = np.load("map.npy")
    array[3:6, 12:15] = 0
    assert not array.any()
    assert "at position 3,12" in run("map.yaml", "--image", "image.png", "--seed", 0, "--position", "3,12")


MISTAKES: dict[str, tuple[tuple[object, ...], str]] = {
    "another size": (
        (MODEL, "--image", "large.png"),
        "large.png: expected an image of 16x16 (height x width), the image is",
    ),
    "no image": ((MODEL, "--image", "net.yaml"), "net.yaml: expected an image that Pillow reads"),
    "absent": ((MODEL, "--image", "nothing.png"), "nothing.png: cannot be read: No such file"),
    "a folder": ((MODEL, "--image", "."), ".: cannot be read: Is a directory"),
    "class": ((MODEL, "--image", "image.png", "--class", "99999"), "--class: expected a number from 0 to"),
    "below 0": ((MODEL, "--image", "image.png", "--class", "-1"), "--class: expected a number from 0 to"),
    "ending": (
        (MODEL, "--image", "image.png", "-o", "map.jpg"),
        "-o: expected a name that ends in .png or .npy, found map.jpg",
    ),
    "standard output": ((MODEL, "--image", "image.png", "-o", "-"), "-o: expected a name that ends in"),
    "twice": ((MODEL, "--image", "image.png", "-o", "a.png", "-o", "./a.png"), "-o names the same file twice"),
    "the image itself": ((MODEL, "--image", "image.png", "-o", "image.png", "--force"), "it is what is read"),
    "there already": (
        (MODEL, "--image", "image.png", "-o", "large.png"),
        "large.png already exists; --force overwrites it",
    ),
    "numbers": ((MODEL, "--image", "image.png", "--mean", "a,b"), "--mean"),
    "not a number": ((MODEL, "--image", "image.png", "--mean", "nan"), "--mean"),
    "three of them": ((MODEL, "--image", "image.png", "--mean", "1,2"), "--mean: expected 3 numbers, or 1, found 2"),
    "no deviation": ((MODEL, "--image", "image.png", "--std", "0"), "above 0"),
    "noise": ((MODEL, "--image", "image.png", "--smooth", 2, "--noise", "nan"), "--noise"),
    "infinite": ((MODEL, "--image", "image.png", "--std", "1e-44"), "expected finite numbers"),
    "divisor": ((MODEL, "--image", "image.png", "--divide-by", "0"), "above 0"),
    "position": ((MODEL, "--image", "image.png", "--position", "1,1"), "as it is no map"),
    "layer": ((MODEL, "--image", "image.png", "--layer", "linear9"), "no output or layer `linear9`"),
    "memory": ((MODEL, "--image", "image.png", "--max-memory", "1MiB"), "--max-memory 1GiB runs it all the same"),
    "layout": ((MODEL, "--image", "image.png", "--layout", "hwc"), "channels last in its shape, found 3x16x16"),
    "weights": ((MODEL, "--image", "image.png", "--weights", "net.yaml"), "net.yaml"),
    "network": (("nothing.onnx", "--image", "image.png"), "nothing.onnx"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_a_line_and_nothing_is_written(name: str, here: Path) -> None:
    arguments, expected = MISTAKES[name]
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    error = run(*arguments, code=2)
    assert expected in " ".join(error.replace("│", " ").split())
    assert "Traceback" not in error
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


def test_files_are_written_over_with_force_alone() -> None:
    Path("map.npy").write_text("mine", "utf-8")
    run(MODEL, "--image", "image.png", "-o", "map.npy", code=2)
    assert Path("map.npy").read_text("utf-8") == "mine"
    run(MODEL, "--image", "image.png", "-o", "map.npy", "--force")
    assert np.load("map.npy").shape == (16, 16)


def test_several_inputs_have_to_be_told_apart() -> None:
    Path("two.yaml").write_text(
        "inputs: {image: [3, 16, 16], extra: [5]}\nlayers:\n  - flatten: {from: image}\n"
        "  - linear: {name: a, out_features: 5}\n  - add: {from: [a, extra]}\n",
        "utf-8",
    )
    error = run("two.yaml", "--image", "image.png", "--seed", 0, code=2)
    assert "two.yaml: expected --input-name NAME, as there are 2 inputs: image (3x16x16), extra (5)" in error
    assert "0 everywhere in extra" in run("two.yaml", "--image", "image.png", "--seed", 0, "--input-name", "image")
    error = run("two.yaml", "--image", "image.png", "--seed", 0, "--input-name", "extra", code=2)
    assert "two.yaml: input `extra` takes no image: expected three axes" in error


def test_an_output_of_several_is_named() -> None:
    text = (
        Path("net.yaml").read_text("utf-8")
        + "  - linear: {name: other, from: flatten1, out_features: 2}\noutputs: [linear1, other]\n"
    )
    Path("net.yaml").write_text(text, "utf-8")
    error = run("net.yaml", "--image", "image.png", "--seed", 0, code=2)
    assert "expected --layer NAME, as there are 2 outputs: linear1, other" in error
    document = of_json("net.yaml", "--image", "image.png", "--seed", 0, "--layer", "other")
    assert len(document["top"]) == 2


def channels_last(path: str) -> None:
    """A model whose input has channels last: a matrix product of all its pixels."""
    weight = np.random.default_rng(0).standard_normal((16 * 16 * 3, 4)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "last",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 16, 16, 3))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4))],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def test_channels_may_be_last() -> None:
    channels_last("last.onnx")
    weight = onnx.numpy_helper.to_array(onnx.load("last.onnx").graph.initializer[0])[:, 2].reshape(16, 16, 3)
    document = of_json("last.onnx", "--image", "image.png", "--class", 2, "-o", "map.npy", "--channels", "each")
    assert_allclose(np.load("map.npy"), weight.transpose(2, 0, 1), rtol=1e-6)
    assert document["image"]["steps"][-1] == "rows, columns, channels"


HOSTILE = "\x1b[31m</td>\u202e::error::\n" + "long" * 100


def test_names_from_files_are_harmless(tmp_path: Path) -> None:
    Path("bad.yaml").write_text(SPEC.format(json.dumps(HOSTILE)) + HEAD, "utf-8")
    name = "ima\x1b[31mge\u202e.png"
    Path("image.png").rename(name)
    for format_ in ("table", "markdown", "json"):
        text = run("bad.yaml", "--image", name, "--seed", 0, "--format", format_, "-o", "map.png", "--force")
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "\x1b" not in picture_of("map.png").info["Description"]
    error = run("bad.yaml", "--image", name + ".png", "--seed", 0, code=2)
    assert "\x1b" not in error
    assert "\u202e" not in error


def test_paths_that_are_no_text_are_read_and_written() -> None:
    image, target = (os.fsdecode(name) for name in (b"\xffin.png", b"\xffout.png"))
    Path("image.png").rename(image)
    document = of_json(MODEL, "--image", image, "-o", target)
    assert Path(target).read_bytes()[1:4] == b"PNG"
    assert (document["image"]["path"], document["files"]) == (r"\udcffin.png", [r"\udcffout.png"])
    assert r"\udcffin.png" in run(MODEL, "--image", image)
    assert r"\udcffnone.png" in run(MODEL, "--image", os.fsdecode(b"\xffnone.png"), code=2)


def printed(columns: int, colours: Any) -> str:
    """What the table view prints on a terminal of so many columns."""
    array = np.asarray(picture_of("image.png"), np.float32).transpose(2, 0, 1) / 255
    result = convcalc.saliency(convcalc.load(MODEL), array, class_index=3)
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8")
    out = Output(stream)
    terminal = Console(file=stream, force_terminal=True, color_system=colours, width=columns, no_color=False)
    out.__dict__["pen"] = terminal
    view("saliency", "table").write(
        ShownSaliency(result, "net", "image.png", (16, 16), (), np.asarray(picture_of("image.png"))), out
    )
    stream.flush()
    stream.seek(0)
    return stream.read()


def test_a_terminal_with_colours_has_a_small_picture() -> None:
    text = printed(80, "truecolor")
    rows = [line for line in text.splitlines() if "▀" in line]
    assert len(rows) == 24
    assert all(row.count("▀") == 48 for row in rows)
    assert rows[0].count("\x1b[38;2;") > 1
    narrow = [line for line in printed(20, "truecolor").splitlines() if "▀" in line]
    assert {row.count("▀") for row in narrow} == {20}
    assert "▀" not in printed(80, "standard")
    assert "▀" not in printed(80, None)


def test_nothing_is_drawn_where_no_one_looks() -> None:
    assert "▀" not in run(MODEL, "--image", "image.png")


def test_without_pillow_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convcalc.extras.find_spec", lambda package: None)
    error = run(MODEL, "--image", "image.png", code=2)
    assert "PIL is not installed, which reading an image takes: pip install 'convcalc[images]'" in error


def test_the_process_has_no_traceback_and_no_warning() -> None:
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "convcalc",
        "saliency",
        MODEL,
        "--image",
        "image.png",
        "-o",
        "m.png",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run([*command, "--force", "--class", "77"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0.0 %"), (0.0001, "<0.1 %"), (0.5, "50.0 %"), (0.99999, ">99.9 %"), (1.0, "100.0 %")]
)
def test_shares_are_rounded_but_never_to_none_or_all(share: float, text: str) -> None:
    assert percent(share) == text
