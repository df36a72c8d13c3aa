"""YOLO models in YAML: against the packages that build networks from them, and what else people do with such files.

The packages' own files are not carried, as their licences forbid. Where a package is installed its files are read from
there, and compared with what torch counted of the network that the package builds. `modules.json` has the same of
single modules in files of our own.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import application
from conftest import MANY
from typer.testing import CliRunner, Result

import convcalc
from convcalc import imports, steps
from convcalc.imports import ReadOptions
from convcalc.imports.errors import CannotImport
from convcalc.imports.record import Imported
from convcalc.imports.yolo import modules, scales
from convcalc.network import Network, TextOrigin
from convcalc.readable.direct import network

DATA = Path(__file__).parent / "data" / "formats" / "yolo"
PUBLISHED = json.loads((DATA / "published.json").read_text())
MODULES = json.loads((DATA / "modules.json").read_text())

SMALL = """
nc: 4
scales:
  n: [0.33, 0.25, 64]
  s: [0.5, 0.5, 64]
backbone:
  - [-1, 1, Conv, [32, 3, 2]] # 0
  - [-1, 3, C2f, [64, True]]
  - [-1, 1, Conv, [128, 3, 2]] # 2
  - [-1, 1, SPPF, [128, 5]]
head:
  - [-1, 1, nn.Upsample, [None, 2, "nearest"]]
  - [[-1, 1], 1, Concat, [1]] # 5
  - [-1, 3, C2f, [64]]
  - [[6, 3], 1, Detect, [nc]]
"""


def read(text: str, name: str = "net.yaml", **options: Any) -> Imported:
    return imports.read_bytes(text.encode(), name, name, ReadOptions(**options))


def network_of(imported: Imported) -> Network:
    return network(imported, TextOrigin(lambda: None, {}, {}), is_resized=False)


def totals(imported: Imported) -> tuple[int, int, int]:
    counted = convcalc.analyze(network_of(imported)).totals
    return counted.params, counted.buffers, counted.macs


def trained_alone(imported: Imported, what: str = "params") -> int:
    """Params that a note says are not counted, as only training uses them."""
    stated = (re.findall(rf"([\d,]+) more {what}", note) for note in imported.notes)
    return sum(int(number.replace(",", "")) for numbers in stated for number in numbers)


def sines(imported: Imported) -> int:
    """MACs by which the program makes the sines of the places of an encoder, which is no part of the network."""
    sizes = [
        layer.shape for layer in imported.layers if layer.name.endswith(("norm2", "AIFI")) and len(layer.shape) == 2
    ]
    return sum(2 * tokens * features // 4 for tokens, features in sizes[:1])


def run(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(application(), arguments)
    assert result.exit_code == exit_code, result.output
    return result


def words(result: Result) -> str:
    return " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())


# ---- what the packages count -----------------------------------------------------------------------------------------


@cache
def installed(package: str) -> dict[str, Path]:
    """The YAML files of a package by name, none where it is not installed."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return {}
    return {file.name: Path(str(file.locate())) for file in files if file.suffix == ".yaml"}


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}-{case[3]}")
def test_files_of_packages(case: list[Any]) -> None:
    """Params are those of `sum(p.numel())` and MACs those of torch's FlopCounterMode, before anything is fused."""
    package, name, scale, size, params, buffers, macs, rows = case
    if name not in installed(package):
        pytest.skip(f"{package} is not installed")
    path = str(installed(package)[name])
    imported = imports.read_file(path, ReadOptions(sizes={"": (3, size, size)}, scale=scale))
    assert not imported.missing
    own_params, own_buffers, own_macs = totals(imported)
    assert own_params + trained_alone(imported) == params
    assert own_buffers + trained_alone(imported, "buffers") == buffers
    assert own_macs + (sines(imported) if "rtdetr" in name else 0) == macs
    if rows and not trained_alone(imported):
        by_row: Counter[str] = Counter()
        report = convcalc.analyze(network_of(imported))
        for layer, row in zip(imported.layers, report.layers, strict=True):
            by_row[layer.operators[-1]] += row.params
        assert [by_row[str(index)] for index in range(len(rows))] == rows


@pytest.mark.parametrize("case", MODULES, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_modules(case: list[Any]) -> None:
    """Each behind a convolution to 16 channels, on a map of 16 x 16, as torch counted it."""
    package, name, arguments, repeats, params, buffers, macs, output = case
    keys, first = "", 16
    if package == "yolov5":
        keys, first = "anchors: 3\ndepth_multiple: 0.5\nwidth_multiple: 0.5\n", 32
    row = json.dumps([-1, repeats, name, arguments]).replace("null", "None")
    text = f"nc: 10\n{keys}backbone:\n  - [-1, 1, Conv, [{first}, 3, 2]]\nhead:\n  - {row}\n"
    imported = read(text, sizes={"": (3, 32, 32)})
    assert totals(imported) == (params, buffers, macs - (2 * 256 * 4 if name == "AIFI" else 0))
    assert list(imported.layers[-1].shape) == output


def test_every_module_is_tried() -> None:
    tried = {name for _, name, *_ in MODULES}
    heads = {name for name in modules.modules(anchored=True) if "Det" in name or "Seg" in name}
    heads |= {"OBB", "OBB26", "Pose", "Pose26", "Panoptic", "Depth", "RTDETRDecoder", "Proto"}
    plain = {"Concat", "Shortcut", "Silence", "ReOrg", "MP", "SP", "SPPCSPC", "CBFuse", "CBLinear", "PSA", "C2fPSA"}
    assert {name for name in modules.modules(anchored=True) if not name.startswith("nn.")} <= tried | heads | plain


# ---- what the rules are ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("yolov8n.yaml", "n"), ("models/yolo11x-cls.yaml", "x"), ("yolov10b.yaml", "b"), ("my-yolov5s.yaml", "s"),
        ("rtdetr-l.yaml", "l"), ("yolov8.yaml", ""), ("yolov8-p2.yaml", ""), ("net.yaml", ""), ("yolov8nano.yaml", ""),
    ],
)  # fmt: skip
def test_the_scale_that_a_name_says(name: str, scale: str) -> None:
    assert scales.scale_of_name(name) == scale


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("yolov8n.yaml", "yolov8.yaml"), ("a/yolo11x-cls.yaml", "a/yolo11-cls.yaml"),
        ("yolov5s6.yaml", "yolov5-p6.yaml"), ("yolov8.yaml", "yolov8.yaml"), ("yolov8n.txt", "yolov8n.txt"),
        ("v1/net.yaml", "v1/net.yaml"),
    ],
)  # fmt: skip
def test_the_file_that_a_name_with_a_scale_means(name: str, other: str) -> None:
    assert scales.without_scale(name) == other


def channels(imported: Imported) -> list[int]:
    return [layer.shape[0] for layer in imported.layers if layer.kind == "conv"]


def test_width_depth_and_the_most_channels() -> None:
    """Channels are ceil(min(c, most) * width / 8) * 8, and half a repetition is rounded to the even number."""
    text = (
        "nc: 1\nscales: {a: [0.5, 0.3, 100]}\nbackbone:\n  - [-1, 1, Conv, [200]]\n  - [-1, 5, Conv, [40]]\nhead: []\n"
    )
    assert channels(read(text)) == [32, 16, 16]
    assert channels(read(text.replace("5, Conv", "7, Conv"))) == [32, 16, 16, 16, 16]
    assert channels(read(text.replace("5, Conv", "1, Conv"))) == [32, 16]


def test_channels_of_an_old_output_are_not_scaled() -> None:
    rows = "backbone:\n  - [-1, 1, Conv, [16]]\n  - [-1, 1, Conv, [24]]\nhead: []\n"
    text = f"nc: 3\nanchors: 2\nwidth_multiple: 0.5\n{rows}"
    assert channels(read(text)) == [16, 16]
    assert channels(read(text.replace("anchors: 2", "anchors: 1"))) == [8, 16]


def test_what_a_module_before_says_of_the_head() -> None:
    """A C3k2 makes the classes' convolutions depthwise, in files without anchors."""
    old = [layer.fields.get("groups") for layer in read(SMALL).layers if ".cv3." in layer.name and layer.kind == "conv"]
    new = [
        layer.fields.get("groups")
        for layer in read(SMALL.replace("- [-1, 3, C2f, [64, True]]", "- [-1, 3, C3k2, [64]]")).layers
        if ".cv3." in layer.name and layer.kind == "conv"
    ]
    assert set(old) == {None}
    assert len(set(new) - {None}) > 0


def test_scales_and_notes() -> None:
    first = read(SMALL)
    assert "this is the first, n" in first.notes[0]
    assert "3x640x640" in first.notes[1]
    assert first.inputs == {"images": (3, 640, 640)}
    assert first.format == "a YOLO model in YAML, scale n"
    other = read(SMALL, "yolov8s.yaml", sizes={"": (3, 64, 64)})
    assert channels(other)[0] == 2 * channels(first)[0]
    assert channels(read(SMALL, "yolov8s.yaml", scale="n")) == channels(first)
    assert [note for note in other.notes if "are the numbers 0, 1, 2" in note]
    assert [layer.shape for layer in other.layers if layer.name in other.outputs] == [(8, 32 * 32 + 16 * 16)]


def test_classes_and_image_channels() -> None:
    more = read(SMALL, values={"nc": (20,), "ch": (1,)}, sizes={"": (1, 64, 64)})
    assert more.layers[-1].shape[0] == 24
    assert read(f"ch: 4\n{SMALL}").inputs == {"images": (4, 640, 640)}


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("nn.ReLU()", "relu"), ("torch.nn.LeakyReLU(0.1)", "leaky_relu"), ("nn.Mish()", "mish"),
        ("nn.Hardswish(inplace=True)", "hard_swish"), ("nn.LeakyReLU(negative_slope=0.2)", "leaky_relu"),
        ("nn.Identity()", None), ("my.Act()", "opaque"),
    ],
)  # fmt: skip
def test_activations(call: str, kind: str | None) -> None:
    text = f"activation: {call}\nnc: 1\nbackbone:\n  - [-1, 1, Conv, [16]]\nhead: []\n"
    kinds = [layer.kind for layer in read(text).layers if layer.kind != "identity"]
    assert kinds == ["conv", "batch_norm", *([kind] if kind else [])]


def test_slopes_are_one_object() -> None:
    """As `Conv.default_act` is a module that all convolutions have."""
    text = "activation: nn.PReLU()\nnc: 1\nbackbone:\n  - [-1, 1, Conv, [8]]\n  - [-1, 1, Conv, [8]]\nhead: []\n"
    assert totals(read(text))[0] == 3 * 8 + 16 + 8 * 8 + 16 + 1


# ---- commands --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "yolov8.yaml").write_text(SMALL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def macs_of(*arguments: str) -> int:
    return int(json.loads(run("analyze", "--format", "json", *arguments).stdout)["totals"]["macs"])


def test_a_name_with_a_scale_opens_the_file_of_all(folder: Path) -> None:
    small, large = macs_of("yolov8n.yaml"), macs_of("yolov8s.yaml")
    assert small < large == macs_of("yolov8.yaml", "--scale", "s") == macs_of("yolov8n.yaml", "--scale", "s")
    assert "+" in run("compare", "yolov8n.yaml", "yolov8s.yaml").stdout
    assert convcalc.load("yolov8.yaml", scale="s") == convcalc.load("yolov8.yaml", scale="s")
    run("explain", "yolov8s.yaml")
    run("verify", "yolov8n.yaml", "--scale", "n", "--input", "3x16x16")
    run("lint", "yolov8.yaml", "--scale", "n", "--input", "3x64x64")


def test_the_spec_that_is_written(folder: Path) -> None:
    spec = run("import", "yolov8n.yaml", "--input", "3x64x64").stdout
    (folder / "spec.yaml").write_text(spec)
    assert spec.startswith("# yolov8n.yaml: a YOLO model in YAML, scale n\n")
    assert "blocks:" in spec
    assert (
        macs_of("spec.yaml") == macs_of("yolov8n.yaml", "--input", "3x64x64") == yaml.safe_load(spec)["expect"]["macs"]
    )


BLOCKS = """
variables: {wide: 3}
blocks:
  Attention:
    parameters: {out_channels: required, kernel_size: wide, repeats: 1}
    layers:
      - conv: {repeat: repeats, out_channels: out_channels, kernel_size: kernel_size, padding: same, bias: false}
  Pair:
    inputs: [x, y]
    layers:
      - add: {from: [x, y]}
  Plain:
    layers: [relu]
"""


def test_blocks_define_modules(folder: Path) -> None:
    (folder / "blocks.yaml").write_text(BLOCKS)
    text = SMALL.replace(
        "- [-1, 1, SPPF, [128, 5]]",
        "- [-1, 6, Attention, [128, 5]]\n  - [[-1, 2], 1, Pair, []]\n  - [-1, 6, Plain, []]",
    )
    text = text.replace("[[6, 3], 1, Detect", "[[8, 5], 1, Detect")
    (folder / "net.yaml").write_text(text)
    assert "--blocks FILE" in words(run("analyze", "net.yaml"))
    read_in = imports.read_file("net.yaml", ReadOptions(blocks="blocks.yaml", sizes={"": (3, 64, 64)}))
    assert not read_in.missing
    inner = [layer for layer in read_in.layers if layer.operators == ("3",)]
    assert [(layer.kind, layer.shape) for layer in inner] == [("conv", (16, 16, 16))] * 2
    assert [layer.kind for layer in read_in.layers if layer.operators == ("5",)] == ["relu", "relu"]
    run("analyze", "net.yaml", "--blocks", "blocks.yaml")
    run("compare", "net.yaml", "net.yaml", "--blocks", "blocks.yaml")


@pytest.mark.parametrize(
    ("blocks", "row", "message"),
    [
        ("input: [3, 8, 8]\nlayers: [relu]\n", "Attention, [8]", "expected a spec with `blocks`"),
        ("blocks: [", "Attention, [8]", "not valid YAML"),
        (BLOCKS, "Attention, [8, 3, 4]", "the block takes out_channels, kernel_size, found 3 arguments"),
        (BLOCKS, "Attention, []", "line 15"),
        (BLOCKS, "Pair, []", "Pair"),
        (BLOCKS, "Attention, ['a\"b']", "no word"),
    ],
)
def test_blocks_that_do_not_fit(folder: Path, blocks: str, row: str, message: str) -> None:
    (folder / "blocks.yaml").write_text(blocks)
    (folder / "net.yaml").write_text(f"nc: 1\nbackbone:\n  - [-1, 1, {row}]\nhead: []\n")
    assert message in words(run("analyze", "net.yaml", "--blocks", "blocks.yaml", exit_code=2))


def test_what_has_no_scales_says_so(folder: Path) -> None:
    (folder / "spec.yaml").write_text("input: [3, 8, 8]\nlayers: [relu]\n")
    (folder / "alone.yaml").write_text("nc: 1\nbackbone:\n  - [-1, 1, Conv, [8]]\nhead: []\n")
    (folder / "net.onnx").write_bytes(b"\x08\x07")
    for command in ("analyze", "lint", "explain", "verify"):
        assert "--scale is for model files" in words(
            run(command, "spec.yaml", "--scale", "n", exit_code=2 - (command == "lint"))
        )
    assert "--blocks is for model files" in words(run("analyze", "spec.yaml", "--blocks", "spec.yaml", exit_code=2))
    assert "it describes one network" in words(run("analyze", "alone.yaml", "--scale", "n", exit_code=2))
    assert "an ONNX model describes one network" in words(run("analyze", "net.onnx", "--scale", "n", exit_code=2))
    assert "the file has n, s" in words(run("import", "yolov8.yaml", "--scale", "q", exit_code=2))


# ---- what is not such a file, and files that are wrong ---------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "backbone: x\n",
        "model:\n  backbone: 1\n  head: 2\n",
        f"layers: []\n{SMALL}",
        "\0backbone:\nhead:\n",
        "[backbone, head]",
    ],
)
def test_other_texts_are_not_claimed(text: str) -> None:
    assert imports.reader_of(text.encode(), "") is None


def test_keys_may_be_quoted_or_in_braces() -> None:
    in_json = json.dumps(yaml.safe_load(SMALL), indent=1)
    assert channels(read(SMALL.replace("head:", '"head":'))) == channels(read(SMALL))
    assert imports.reader_of(in_json.encode(), "") is None  # its keys are no longer at the beginning of a line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[[6, 3], 1, Detect", "[[9, 3], 1, Detect"), "line 15, row 7, Detect: it reads 9; rows 0 to 6 are before it"),
        (("[[6, 3], 1, Detect", "[[6, -9], 1, Detect"), "it reads -9; rows 0 to 6"),
        (("[-1, 1, Conv, [32, 3, 2]] # 0", "[0, 1, Conv, [32, 3, 2]]"), "before it is the input alone, -1"),
        (("Conv, [32, 3, 2]", "Conv, []"), "line 7, row 0, Conv: Conv takes (c2, k=1"),
        (("Conv, [32, 3, 2]", "Conv, [32, 3, 2, 1, 1, 1, True, 9]"), "found 8 arguments"),
        (("Conv, [32, 3, 2]", "Conv, [a]"), 'Conv: c2 is a whole number, found the text'),
        (("[[-1, 1], 1, Concat", "[[-1, 2], 1, Concat"), "row 5, Concat: concat"),
        (("[[-1, 1], 1, Concat", "[[-1, 1], 1, Conv"), "it reads one tensor, found 2"),
        (("- [-1, 1, SPPF, [128, 5]]", "- [-1, 1, SPPF]"), "line 10: expected [from, number, module, arguments]"),
        (("- [-1, 1, SPPF, [128, 5]]", "- [-1, 0, SPPF, [128]]"), "a whole number from 1"),
        (("- [-1, 1, SPPF, [128, 5]]", "- [x, 1, SPPF, [128]]"), "is the number of a row"),
        (("- [-1, 1, SPPF, [128, 5]]", "- [-1, 1, 7, [128]]"), "a module has a name"),
        (("- [-1, 1, SPPF, [128, 5]]", "- [-1, 1, SPPF, 128]"), "are a list"),
        (("- [-1, 1, SPPF, [128, 5]]", "- SPPF"), "expected [from, number, module, arguments]"),
        (("SPPF, [128, 5]", "SPPF, [128, 4]"), "row 3, SPPF: concat"),
        (("Conv, [32, 3, 2]", "Conv, [32, 3, 2, None, 5]"), "row 0, Conv: conv"),
        (("Conv, [32, 3, 2]", "Conv, [32, 0, 2]"), "row 0, Conv: conv"),
        (("[0.33, 0.25, 64]", "[0.33]"), "scale n: expected depth, width and the most channels"),
        (("[0.33, 0.25, 64]", "[0.33, -1, 64]"), "scale n: expected depth"),
        (("nc: 4", "nc: four"), "Detect: nc is a whole number"),
        (("nc: 4", "nc: 4\nreg_max: 0"), "`reg_max`: expected a whole number from 1"),
        (("nc: 4", "nc: 4\nch: no"), "`ch`: expected how many channels"),
        (("nc: 4", "nc: 4\nnc: 5"), "nc"),
        (("nc: 4", "nc: 4\nactivation: 7"), "`activation`: expected the call of a class"),
        (("- [-1, 3, C2f, [64]]", "- [-1, 9000, C2f, [64]]"), "in a row, where at most 1,000 are read"),
        (("head:", "head: 3\nnecks:"), "`head`: expected a list of modules, found 3"),
    ],
)  # fmt: skip
def test_mistakes_have_their_place(change: tuple[str, str], message: str) -> None:
    assert change[0] in SMALL
    with pytest.raises(CannotImport, match=re.escape(message)):
        read(SMALL.replace(*change))


def test_an_unknown_module_is_named_and_stops_nothing() -> None:
    imported = read(SMALL.replace("SPPF, [128, 5]", "Magic, [128, 5]"))
    assert "1 Magic (a module that is not known; --blocks FILE may define it)" in imported.missing
    with pytest.raises(CannotImport, match="Magic at 3"):
        read(SMALL.replace("SPPF, [128, 5]", "Magic, [128, 5]"), strict=True)


def test_anchors_that_do_not_fit() -> None:
    text = "nc: 1\nanchors: {}\nbackbone:\n  - [-1, 1, Conv, [8]]\nhead:\n  - [[0], 1, Detect, [nc, anchors]]\n"
    assert totals(read(text.format("[[1, 2, 3, 4]]")))[1] == 16 + 4
    for anchors in ("[[1, 2, 3]]", "[[1, 2], [3, 4]]", "[]", "0", "x"):
        with pytest.raises(CannotImport, match="row 1, Detect"):
            read(text.format(anchors))


WORDS = (
    "",
    "-1",
    "0",
    "99999999",
    "1e9",
    "None",
    "nc",
    "[",
    "]",
    "Conv",
    "Detect",
    "*a",
    "&a ",
    "nn.X",
    "{a: 1}",
    "-",
    "\t",
    "0.5",
    "2.5",
)


def test_mutants_are_read_or_refused() -> None:
    """Within the steps of a run, whatever is put in place of a word."""
    chance = random.Random(7)
    texts = [SMALL, SMALL.replace("Detect, [nc]", "Segment, [nc, 32, 256]"), SMALL.replace("C2f", "A2C2f")]
    places = [[match.span() for match in re.finditer(r"[\w.]+", text)] for text in texts]
    outcomes: Counter[bool] = Counter()
    for _ in range(20 * MANY or 400):
        number = chance.randrange(len(texts))
        text = texts[number]
        for start, end in sorted(chance.sample(places[number], chance.randint(1, 3)), reverse=True):
            text = f"{text[:start]}{chance.choice(WORDS)}{text[end:]}"
        with steps.run():
            try:
                read(text, sizes={"": (3, 64, 64)})
                outcomes[True] += 1
            except CannotImport:
                outcomes[False] += 1
    assert min(outcomes.values()) > 20
