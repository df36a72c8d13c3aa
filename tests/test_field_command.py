"""`convcalc field`: what it prints and writes, against analyze, the map in Python, and pictures that are read again."""

from __future__ import annotations

import io
import json
import re
import struct
import xml.etree.ElementTree as ET
import zlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import manual
import numpy as np
import pytest
from command_line import application
from typer.testing import CliRunner

import convcalc
from convcalc.reference.weights import RandomWeights
from convcalc.views.pictures.heat.characters import drawn
from convcalc.views.pictures.heat.panels import panels

GRIDDED = """
name: gridded
input: [2, 21, 25]
layers:
  - conv: {name: a, out_channels: 4, kernel_size: 3, padding: 2, dilation: 2}
  - relu
  - conv: {name: b, out_channels: 4, kernel_size: 3, padding: 2, dilation: 2}
"""
CUT = """
name: cut
input: [2, 12, 12]
layers:
  - conv: {out_channels: 4, kernel_size: 9, padding: 4}
  - conv: {out_channels: 4, kernel_size: 9, padding: 4}
"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(GRIDDED, "utf-8")
    Path("cut.yaml").write_text(CUT, "utf-8")
    Path("pooled.yaml").write_text("input: [2, 6, 6]\nlayers: [global_avg_pool]\n", "utf-8")


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(application(), ["field", *arguments])
    assert result.exit_code == code, result.output
    return re.sub(r"\s*│\n│\s*", " ", result.stderr) if code else result.stdout


def written(*arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--format", "json"))
    return document


def field_of(path: str, **how: Any) -> Any:
    return convcalc.effective_field(convcalc.load(path), **how)


def analyzed(path: str, layer: str) -> Any:
    result = CliRunner().invoke(application(), ["analyze", path, "--format", "json"])
    rows = json.loads(result.stdout)["layers"]
    return next(row["receptive_field"] for row in rows if row["name"] == layer)


@pytest.mark.parametrize("layer", ["a", "relu1", "b"])
def test_the_theory_is_that_of_analyze(layer: str) -> None:
    document = written("net.yaml", layer, "--seeds", "2")
    assert document["receptive_field"] == analyzed("net.yaml", layer)
    assert (document["layer"], document["input_sizes"]) == (layer, [21, 25])


def test_json_says_what_the_record_does() -> None:
    document, field = written("net.yaml", "--seeds", "3", "--seed", "5"), field_of("net.yaml", runs=3, seed=5)
    effective = document["effective"]
    for name in ("side", "counted_side", "reads", "span_positions", "outside"):
        assert effective[name] == getattr(field, name)
    assert effective["deviations"] == pytest.approx(field.deviations, rel=1e-12)
    assert document["spans"] == [list(span) for span in field.spans]
    for axis, profile in enumerate(document["profiles"]):
        expected = field.mass.sum(1 - axis) / field.mass.sum()
        assert profile == pytest.approx(list(expected), rel=1e-9)
    assert field.to_dict() == json.loads(json.dumps(document)) | {"spec": field.to_dict()["spec"]}


def test_csv_has_a_line_for_each_position() -> None:
    lines = run("net.yaml", "--seeds", "1", "--format", "csv").splitlines()
    assert len(lines) == 1 + 21 + 25
    cells = [line.split(",") for line in lines[1:]]
    theory = [int(cell[4]) for cell in cells if cell[3] == "1" and cell[6] == "true"]
    assert theory == list(range(12 - 4, 12 + 5))


def test_a_data_frame_has_the_lines_of_the_csv() -> None:
    pytest.importorskip("pandas")
    frame, field = field_of("net.yaml", runs=1).to_dataframe(), field_of("net.yaml", runs=1)
    assert frame.groupby("axis")["percent"].sum().tolist() == pytest.approx([100, 100])
    assert frame.groupby("axis")["in_theory"].sum().tolist() == [9, 9]
    assert len(frame) == sum(field.sizes)


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manual, "WIDTH", columns)
    for arguments in ("cut.yaml", "zoo:squeezenet1_1 fire5 --input 3x160x160"):
        code, printed = manual.run(f"convcalc field {arguments} --seeds 1")
        assert code == 0
        widths = [len(line) for line in printed.splitlines()]
        assert max(widths) <= columns
        picture = [line for line in printed.splitlines() if line[:1] in "┌│├└╎" and line]
        assert max(map(len, picture)) <= min(columns, 80)


# ---- pictures -------------------------------------------------------------------------------------------------------


def pixels(png: bytes) -> Any:
    """The pixels of a PNG of 8 bits and three channels whose rows are not filtered, by the standard."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place, parts = 8, dict[bytes, bytes]()
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        kind, content = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert struct.unpack(">I", png[place + 8 + length : place + 12 + length])[0] == zlib.crc32(kind + content)
        parts[kind] = content
        place += 12 + length
    width, height, bits, colours = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert (bits, colours, *parts) == (8, 2, b"IHDR", b"IDAT", b"IEND")
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 3)


def test_the_numbers_are_the_map_of_the_record() -> None:
    run("net.yaml", "--seeds", "2", "-o", "map.npy")
    assert np.array_equal(np.load("map.npy", allow_pickle=False), field_of("net.yaml", runs=2).mass)


def test_png_has_a_square_for_each_position_and_both_boxes() -> None:
    run("net.yaml", "--seeds", "2", "-o", "map.png")
    field = field_of("net.yaml", runs=2)
    picture = pixels(Path("map.png").read_bytes())
    scale = 256 // 25
    assert picture.shape == (21 * scale, 25 * scale, 3)
    middles = picture[scale // 2 :: scale, scale // 2 :: scale].astype(int).sum(2)
    assert np.array_equal(middles > 0, field.mass > 0)  # holes are black, and nothing else is
    # More is lighter, as far as 8 bits tell.
    order = np.argsort(field.mass.reshape(-1))
    assert (np.diff(middles.reshape(-1)[order]) >= -3).all()


def test_png_outlines_both_boxes() -> None:
    """The lines lie on the pixels just outside of each."""
    layers = "layers: [" + ", ".join(["conv: {out_channels: 4, kernel_size: 3, padding: 1}"] * 6) + "]\n"
    Path("deep.yaml").write_text(f"input: [2, 21, 25]\n{layers}", "utf-8")
    run("deep.yaml", "--seeds", "2", "-o", "map.png")
    field, scale = field_of("deep.yaml", runs=2), 256 // 25
    picture = pixels(Path("map.png").read_bytes())
    assert field.side < 13
    half = (field.side - 1) // 2
    most = [(middle - half, middle + half) for middle in (10, 12)]
    for colour, box in (((120, 220, 255), field.spans), ((255, 255, 255), most)):
        outline = np.argwhere((picture == colour).all(2))
        assert outline.min(0).tolist() == [first * scale - 1 for first, _ in box]
        assert outline.max(0).tolist() == [(last + 1) * scale for _, last in box]
        sides = [(last - first + 1) * scale + 2 for first, last in box]
        assert len(outline) == 2 * sum(sides) - 4


def test_svg_shows_the_map_and_the_boxes_to_scale() -> None:
    """The theoretical field is as large as it is, beyond the ends of the input too."""
    run("cut.yaml", "--seeds", "2", "-o", "map.svg")
    root = ET.fromstring(Path("map.svg").read_text("utf-8"))  # noqa: S314  # our own
    image = root.find(f"{SVG}image")
    assert image is not None
    encoded = image.attrib["href"].removeprefix("data:image/png;base64,")
    assert pixels(b64decode(encoded)).shape == (12 * 21, 12 * 21, 3)
    boxes = {
        box.attrib["class"]: [float(box.attrib[side]) for side in ("x", "y", "width", "height")]
        for box in root.iter(f"{SVG}rect")
        if "x" in box.attrib
    }
    field = field_of("cut.yaml", runs=2)
    assert (field.receptive_field.size, field.is_cut) == ((17, 17), True)
    unit = boxes["map"][2] / 12
    across, down = ((boxes["theory"][side] - boxes["map"][side]) / unit for side in (0, 1))
    assert (across, down) == pytest.approx((field.spans[1][0], field.spans[0][0]), abs=1e-3)
    assert boxes["theory"][2:] == pytest.approx([17 * unit] * 2, abs=1e-3)
    assert boxes["most"][2:] == pytest.approx([field.side * unit] * 2, abs=1e-3)
    texts = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    assert "17x17, stride 1, start -8" in texts
    assert "cut by the border" in texts


def test_several_files_come_of_one_run() -> None:
    run("net.yaml", "--seeds", "1", "-o", "map.svg", "-o", "map.png", "-o", "map.npy")
    assert all(Path(f"map.{ending}").stat().st_size > 100 for ending in ("svg", "png", "npy"))


def framed(text: str) -> list[str]:
    """What is in the frame of a picture in characters."""
    lines = text.splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("┌"))
    last = next(place for place, line in enumerate(lines) if line.startswith("└"))
    return [line[1:-1] for line in lines[first + 1 : last]]


def test_holes_are_blank_in_characters() -> None:
    """Two characters a position where there is room for that: blank exactly where the gradient is 0."""
    rows = framed(run("net.yaml", "--seeds", "2"))
    field = field_of("net.yaml", runs=2)
    inside = field.mass[tuple(slice(low, high + 1) for low, high in field.on_input)]
    shown = np.array([[row[2 * place] != " " for place in range(9)] for row in rows])
    assert np.array_equal(shown, inside > 0)
    assert "25 of 81 positions of the theoretical field: 69.1 % are holes" in run("net.yaml", "--seeds", "2")


def test_a_frame_is_dashed_where_the_input_ends() -> None:
    text = run("cut.yaml", "--seeds", "1")
    assert "┌╌" in text.replace("┌┬", "┌╌")
    assert len(framed(text)) == 12
    lines = text.splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("┌"))
    assert {line[0] + line[-1] for line in lines[first + 1 : first + 13]} <= {"╎╎", "├┤"}
    assert "cut by the border: the theoretical field is -2 to 14, -2 to 14, and the input 12x12" in text


@pytest.mark.parametrize("columns", [8, 30, 76])
@pytest.mark.parametrize("coloured", [False, True])
@pytest.mark.parametrize("size", [(2, 31), (2, 200, 90), (1, 3, 40, 50)])
def test_a_picture_fits(columns: int, size: tuple[int, ...], *, coloured: bool) -> None:
    layer = {"conv": {"out_channels": 1, "kernel_size": 3, "padding": 1}}
    network = convcalc.loads({"input": list(size), "layers": [layer, layer, "global_avg_pool"]})
    for panel in panels(convcalc.effective_field(network, "global_avg_pool1", runs=1)):
        lines = ["".join(text for text, _ in line) for line in drawn(panel, columns, 38, coloured=coloured).lines]
        assert len({len(line) for line in lines}) == 1
        assert len(lines[0]) <= columns + 2
        assert len(lines) <= 40


def test_colours_are_those_of_maps_over_images() -> None:
    """But for what is exactly 0, which is a hole, each in the step of the square root of its share."""
    from convcalc.imaging.colours import heat
    from convcalc.views.pictures.heat.colours import colour, shade

    assert colour(shade(0)) == (0, 0, 0)
    for share in (1e-9, 0.01, 0.25, 0.5, 1):
        step = max(1, round(255 * share**0.5))
        assert colour(shade(share)) == tuple(heat(np.array([(step - 1) / 254]))[0])


def test_colours_are_those_of_the_pixels() -> None:
    """Half blocks: the upper half in the colour of one row, the lower on that of the next."""
    network = convcalc.loads({"input": [1, 80, 80], "layers": [{"conv": {"out_channels": 1, "kernel_size": 51}}]})
    field = convcalc.effective_field(network, runs=1)
    (panel,) = panels(field)
    lines = drawn(panel, 76, 38, coloured=True).lines
    cells = [style for text, style in lines[1][1:-1] for _ in text]
    assert len(cells) == 51
    assert all(re.fullmatch("#[0-9a-f]{6} on #[0-9a-f]{6}", style) for style in cells)
    inside = field.mass[15:66, 15:66]
    for half, row in enumerate(inside[:2]):
        light = [sum(bytes.fromhex(style.split(" on ")[half][1:])) for style in cells]
        assert light[int(np.argmax(row))] == max(light)
        assert light[int(np.argmin(row))] == min(light)


def test_one_and_three_axes() -> None:
    Path("line.yaml").write_text("input: [2, 40]\nlayers: [conv: {out_channels: 3, kernel_size: 7}]\n", "utf-8")
    Path("film.yaml").write_text("input: [2, 9, 9, 9]\nlayers: [conv: {out_channels: 3, kernel_size: 3}]\n", "utf-8")
    rows = framed(run("line.yaml", "--seeds", "1"))
    assert len(rows) == 8
    assert all(len(row) == 14 for row in rows)
    assert "█" in rows[0]
    text = run("film.yaml", "--seeds", "1")
    assert text.count("┌") == 3
    assert "axis 1 down, axis 2 across, summed over the others" in text
    for name in ("line", "film"):
        run(f"{name}.yaml", "--seeds", "1", "-o", f"{name}.png", "-o", f"{name}.svg")
        assert pixels(Path(f"{name}.png").read_bytes()).any()
        images = ET.fromstring(Path(f"{name}.svg").read_text("utf-8")).findall(f"{SVG}image")  # noqa: S314
        assert len(images) == (1 if name == "line" else 3)


def test_the_first_position_of_a_line_has_its_number() -> None:
    Path("line.yaml").write_text("input: [2, 40]\nlayers: [conv: {out_channels: 3, kernel_size: 7}]\n", "utf-8")
    assert "position 0 of 34" in run("line.yaml", "--seeds", "1", "--position", "0")


@pytest.mark.parametrize("layer", ["flatten", "reshape: [2, 36]"])
def test_positions_that_are_not_worked_out_are_no_holes(layer: str) -> None:
    Path("flat.yaml").write_text(f"input: [2, 6, 6]\nlayers: [{layer}]\n", "utf-8")
    text = run("flat.yaml", "--seeds", "1")
    assert "1 of 36 positions of the input; where on it the theoretical field lies is not worked out" in text
    assert "holes" not in text


def test_a_single_position_is_not_all_of_several() -> None:
    Path("relu.yaml").write_text("input: [2, 6, 6]\nlayers: [silu]\n", "utf-8")
    assert "reads      the one position of the theoretical field" in run("relu.yaml", "--seeds", "1")


def test_what_paths_over_all_positions_bring_is_drawn_too() -> None:
    """Beside a convolution of 3 a norm over positions: the frame is the input's then, and little lies in the field."""
    Path("all.yaml").write_text(
        "input: [2, 10, 12]\nlayers:\n  - conv: {name: c, out_channels: 3, kernel_size: 3, padding: 1}\n"
        "  - global_avg_pool\n  - add: {name: both, from: [c, global_avg_pool1]}\n",
        "utf-8",
    )
    text = run("all.yaml", "both", "--seeds", "2")
    rows = framed(text)
    assert (len(rows), len(rows[0])) == (10, 24)
    assert "frame: the input" in text
    field = field_of("all.yaml", layer="both", runs=2)
    inside = field.mass[4:7, 5:8].sum()
    assert field.outside == pytest.approx(1 - inside / field.mass.sum())
    assert f"{100 * field.outside:.1f} % of the gradient comes from outside of it" in text
    assert field.receptive_field.is_global


# ---- weights --------------------------------------------------------------------------------------------------------


def test_weights_of_a_file_are_used() -> None:
    """The drawn weights of a seed, by way of a file, give the map of that seed."""
    network = convcalc.load("net.yaml")
    drawn_weights = RandomWeights(network, 7, keep=True)
    arrays = {
        f"{node.name}.{name}": array
        for index, node in enumerate(network.nodes)
        if not node.is_input
        for name, array in drawn_weights.of(index).items()
    }
    np.savez("weights.npz", **arrays)
    run("net.yaml", "--seeds", "2", "--weights", "weights.npz", "-o", "map.npy")
    given = convcalc.effective_field(network, runs=2, weights=drawn_weights)
    assert np.allclose(np.load("map.npy"), given.mass)
    document = written("net.yaml", "--seeds", "1", "--weights", "weights.npz")
    assert document["convention"]["weights"] == "weights.npz"
    assert "weights of weights.npz" in run("net.yaml", "--seeds", "1", "--weights", "weights.npz")


def test_a_model_has_weights_of_its_own() -> None:
    CliRunner().invoke(application(), ["export", "net.yaml", "-o", "net.onnx", "--seed", "3"])
    assert written("net.onnx", "--seeds", "1")["convention"]["weights"] == "net.onnx"
    assert written("net.onnx", "--seeds", "1", "--weights", "random")["convention"]["weights"] == "random"
    network = convcalc.load("net.yaml")
    drawn_weights = RandomWeights(network, 3, keep=True)
    run("net.onnx", "--seeds", "2", "-o", "map.npy")
    given = convcalc.effective_field(network, runs=2, weights=drawn_weights)
    assert np.load("map.npy").shape == given.mass.shape
    assert np.array_equal(np.load("map.npy") > 0, given.mass > 0)


# ---- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("net.yaml", "c"), "net.yaml: there is no layer or block `c`; there is a, relu1, b"),
        (("net.yaml", "relu2"), "there is no layer or block `relu2`; did you mean `relu1`?"),
        (("net.yaml", "--position", "30,3"), "position 30x3: `b` has 21x25 positions, expected 0 to 20x24"),
        (("net.yaml", "--position", "3"), "position 3: `b` has 21x25 positions"),
        (("pooled.yaml", "--position", "0"), "position 0: `global_avg_pool1` has no positions, so none can be chosen"),
        (("net.yaml", "--position", "x"), "expected numbers such as 112,112"),
        (("net.yaml", "--input-name", "inptu"), "has no input `inptu`; did you mean `input`?"),
        (("net.yaml", "-o", "map.gif"), "expected a name that ends so, found map.gif"),
        (("net.yaml", "-o", "map.png", "-o", "./map.png"), "-o names the same file twice"),
        (("net.yaml", "-o", "nowhere/map.png"), "cannot write nowhere/map.png"),
        (("net.yaml", "--max-memory", "1MiB"), "it needs about"),
        (("net.yaml", "--max-memory", "much"), "--max-memory"),
        (("net.yaml", "--weights", "none.npz"), "none.npz"),
        (("missing.yaml",), "missing.yaml"),
        (("net.yaml", "--seeds", "0"), "--seeds"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], message: str) -> None:
    text = " ".join(run(*arguments, code=2).split())
    assert message in text.replace("│ ", ""), text
    assert "Traceback" not in text


def test_nothing_is_written_over_unless_that_is_asked_for() -> None:
    Path("map.png").write_bytes(b"mine")
    assert "map.png already exists; --force overwrites it" in run("net.yaml", "-o", "map.png", code=2)
    assert Path("map.png").read_bytes() == b"mine"
    run("net.yaml", "--seeds", "1", "-o", "map.png", "--force")
    assert pixels(Path("map.png").read_bytes()).any()
    Path("map.svg").symlink_to("net.yaml")
    assert "it is what is read" in run("net.yaml", "-o", "map.svg", "--force", code=2)


def test_names_act_on_no_picture() -> None:
    name = '"<script>alert(1)</script>&amp;\\u202e\\e[31m"'
    Path("hostile.yaml").write_text(
        f"name: {name}\ninput: [1, 5, 5]\nlayers: [conv: {{out_channels: 1, kernel_size: 3}}]\n", "utf-8"
    )
    text = run("hostile.yaml", "--seeds", "1", "-o", "map.svg")
    picture = Path("map.svg").read_text("utf-8")
    root = ET.fromstring(picture)  # noqa: S314  # our own
    assert root.find(f".//{SVG}script") is None
    page = field_of("hostile.yaml", runs=1)._repr_html_()
    assert "<script" not in page
    for shown in (text, picture, page):
        assert not re.search("[\x1b\u202e]", shown)


def test_what_is_piped_has_no_line_that_ends_in_blanks() -> None:
    text = run("net.yaml", "--seeds", "1")
    assert all(line == line.rstrip() for line in text.splitlines())
    assert np.load(io.BytesIO(_bytes("net.yaml"))).shape == (21, 25)


def _bytes(path: str) -> bytes:
    run(path, "--seeds", "1", "-o", "other.npy", "--force")
    return Path("other.npy").read_bytes()
