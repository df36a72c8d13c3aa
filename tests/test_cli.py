"""The command line, and the public names of the package."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from contextlib import ExitStack
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import application
from rich.cells import cell_len
from typer.testing import CliRunner
from work import counted

import convcalc
from convcalc import layers
from convcalc.language import library

ROOT = Path(__file__).parent.parent
SPECS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "specs").rglob("*.yaml"))
STANDARD, SEPARABLE, RESNET = (
    "specs/seeds/standard_12x12.yaml",
    "specs/seeds/separable_12x12.yaml",
    "specs/zoo/resnet50.yaml",
)
GOLDEN = Path(__file__).parent / "golden"
TRACEBACK = re.compile(r"Traceback|internal error|Exception|File \"")
GOOD = "input: [2, 4, 4]\nlayers: [conv: {out_channels: 3, kernel_size: 1}, relu]\n"
BAD = "input: [2, 4, 4]\nlayers:\n  - conv: {out_channels: 3, kernel_size: 1}\n  - max_pool: 9\n  - relu\n"
WORSE = "input: [2, 4\n"


class Result(msgspec.Struct):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(*arguments: str, given: str = "") -> Result:
    """In this process."""
    result = CliRunner().invoke(application(), arguments, input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


def started(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """In a process of its own."""
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.Popen([sys.executable, "-m", "convcalc", *arguments], env=environment, **options)


@cache
def document(path: str) -> Any:
    result = run("analyze", path, "--format", "json")
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


# ---- JSON --------------------------------------------------------------------------------------------------------

TOP = {"schema_version", "convcalc_version", "model", "spec", "convention", "inputs", "totals", "layers"}
SUMS = ("params", "buffers", "macs", "elementwise_ops", "flops")
BYTES = ("input_bytes", "weight_bytes", "output_bytes")
TOTALS = {*SUMS, "weight_bytes", "activation_bytes", "peak_activation_bytes", "buffer_bytes", "bit_operations"}
TOTALS |= {"macs_by_format", "bound_ps"}
LAYER = {"name", "kind", "line", "inputs", "input_shapes", "output_shape", *SUMS, "receptive_field"}
LAYER |= {*BYTES, "bit_operations", "weights", "activations"}


@pytest.mark.parametrize("path", SPECS)
def test_json_has_the_names_that_were_promised_and_its_sums_are_its_totals(path: str) -> None:
    result = document(path)
    assert set(result) >= TOP
    assert (result["schema_version"], result["convcalc_version"], result["spec"]) == (1, convcalc.__version__, path)
    assert set(result["convention"]) >= {"batch", "dtype", "macs"}
    assert set(result["totals"]) == TOTALS
    counts = {name: value for name, value in result["totals"].items() if name not in ("macs_by_format", "bound_ps")}
    assert all(type(value) is int for value in counts.values())
    assert result["totals"]["bound_ps"] is None
    assert sum(result["totals"]["macs_by_format"].values()) == result["totals"]["macs"]
    shapes = dict(result["inputs"])
    for layer in result["layers"]:
        assert set(layer) == LAYER
        assert set(layer["receptive_field"]) == {"size", "stride", "start", "global"}
        assert all(type(layer[name]) is int and layer[name] >= 0 for name in (*SUMS, *BYTES, "bit_operations"))
        assert layer["input_shapes"] == [shapes[name] for name in layer["inputs"]]
        assert layer["name"] not in shapes
        shapes[layer["name"]] = layer["output_shape"]
    for name in (*SUMS, "weight_bytes", "bit_operations"):
        assert result["totals"][name] == sum(layer[name] for layer in result["layers"])
    assert result["totals"]["flops"] == 2 * result["totals"]["macs"] + result["totals"]["elementwise_ops"]
    assert result["totals"]["weight_bytes"] == 4 * result["totals"]["params"]


def test_json_of_several_specs_is_an_array() -> None:
    result = json.loads(run("analyze", STANDARD, SEPARABLE, "--format", "json").out)
    assert [item["model"] for item in result] == ["standard_12x12", "separable_12x12"]
    assert result == [document(STANDARD), document(SEPARABLE)]


def test_json_tells_the_line_of_each_layer() -> None:
    document = json.loads(run("analyze", "-", "--format", "json", given=GOOD.replace(", relu", ",\n  relu")).out)
    assert [layer["line"] for layer in document["layers"]] == [2, 3]
    assert (document["model"], document["spec"]) == ("stdin", "-")


def test_json_with_lines_keeps_every_layer() -> None:
    for options in (("--by", "kind"), ("--by", "block"), ("--top", "2")):
        result = json.loads(run("analyze", RESNET, "--format", "json", *options).out)
        assert result["layers"] == document(RESNET)["layers"]
        assert 0 < len(result["lines"]) < len(result["layers"])
    assert [line["macs"] for line in result["lines"]] == sorted(
        (line["macs"] for line in result["lines"]), reverse=True
    )


def test_batch_and_dtype() -> None:
    single = document(RESNET)["totals"]
    result = json.loads(run("analyze", RESNET, "--format", "json", "--batch", "3", "--dtype", "float16").out)
    assert (result["convention"]["batch"], result["convention"]["dtype"]) == (3, "float16")
    totals = result["totals"]
    for name in ("params", "buffers"):
        assert totals[name] == single[name]
    for name in ("macs", "elementwise_ops", "flops"):
        assert totals[name] == 3 * single[name]
        assert totals[name] == sum(layer[name] for layer in result["layers"])
    assert totals["weight_bytes"] == single["weight_bytes"] // 2
    for name in ("activation_bytes", "peak_activation_bytes"):
        assert totals[name] == 3 * single[name] // 2


def test_another_input_and_other_variables() -> None:
    text = "input: [2, 4, 4]\nvariables: {w: 3}\nlayers: [conv: {out_channels: w, kernel_size: 1}]\n"
    result = run("analyze", "-", "--format", "json", "--input", "1x2x2", "--set", "w=5", given=text)
    (layer,) = json.loads(result.out)["layers"]
    assert (layer["output_shape"], layer["params"]) == ([5, 2, 2], 10)
    text = "inputs: {a: [2], b: [3]}\nlayers: [concat: {from: [a, b]}]\n"
    result = run("analyze", "-", "--format", "json", "--input", "a=7", "--input", "b=8", given=text)
    assert json.loads(result.out)["inputs"] == {"a": [7], "b": [8]}


# ---- tables ------------------------------------------------------------------------------------------------------


def column(lines: list[str], name: str) -> list[str]:
    """The cells of a right-aligned column, down to the first line that is shorter or no row any more."""
    header = lines[0]
    start = header.index(f" {name}") + 1
    cells = []
    for line in lines[1:]:
        cell = line[: start + len(name)].rsplit("  ", 1)[-1].strip()
        if not re.fullmatch(r"[\d,.]+( [MGT])?", cell):
            break
        cells.append(cell)
    return cells


def number(text: str) -> tuple[float, float]:
    """A number as it is printed, and how far it may be off."""
    digits, _, suffix = text.replace(",", "").partition(" ")
    unit = {"": 1, "M": 10**6, "G": 10**9, "T": 10**12}[suffix]
    places = len(digits.partition(".")[2])
    return float(digits) * unit, 0.5 * unit / 10**places if suffix else 0


def check_sums(lines: list[str], rows: int, totals: dict[str, int]) -> None:
    params, macs = column(lines, "params"), column(lines, "MACs")
    assert len(params) == len(macs) == rows
    assert sum(number(cell)[0] for cell in params) == totals["params"]
    value, error = map(sum, zip(*map(number, macs), strict=True))
    assert abs(value - totals["macs"]) <= error


@pytest.mark.parametrize("path", SPECS)
def test_the_columns_of_the_table_add_up_to_the_totals(path: str) -> None:
    for options in ((), ("--by", "kind"), ("--by", "block"), ("--expand",)):
        result = run("analyze", path, *options)
        lines = result.out.splitlines()
        totals = document(path)["totals"]
        place = next(number for number, line in enumerate(lines) if line.startswith("params "))
        check_sums(lines[1:place], place - 2, totals)
        assert re.match(rf"params {totals['params']:,}( |$)", lines[place])
        assert f" MACs {totals['macs']:,}" in lines[place]
        if "--expand" in options:
            assert place - 2 == len(document(path)["layers"])


def test_piped_output_has_no_colour_and_nothing_is_cut() -> None:
    for arguments in (
        ("analyze", RESNET, "--expand"),
        ("kinds",),
        ("kinds", "conv"),
        ("analyze", RESNET, "--by", "kind"),
    ):
        result = run(*arguments)
        assert (result.code, result.err) == (0, "")
        assert "\x1b" not in result.out
        assert "…" not in result.out
    assert "layer4.2.batch_norm3" in run("analyze", RESNET, "--expand").out


def test_top_lines_in_falling_order() -> None:
    lines = run("analyze", RESNET, "--top", "3").out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["layer3", "layer2", "layer4"]
    assert lines[5].startswith("params 25,557,032")


def test_by_kind() -> None:
    rows = list(csv.DictReader(io.StringIO(run("analyze", RESNET, "--by", "kind", "--format", "csv").out)))
    assert rows[0]["name"] == "conv"
    assert {row["name"]: int(row["layers"]) for row in rows}["conv"] == 53


def test_a_repeat_is_one_line_unless_expanded() -> None:
    text = "input: [4]\nblocks: {b: {layers: [relu, tanh]}}\nlayers: [b: {name: x, repeat: 3}, b: {name: y}]\n"
    folded = run("analyze", "-", "--format", "csv", given=text).out
    assert [row["name"] for row in csv.DictReader(io.StringIO(folded))] == ["x", "y.relu1", "y.tanh1"]
    by_block = run("analyze", "-", "--format", "csv", "--by", "block", given=text).out
    assert [row["name"] for row in csv.DictReader(io.StringIO(by_block))] == ["x", "y"]
    expanded = run("analyze", "-", "--format", "csv", "--expand", given=text).out
    assert len(list(csv.DictReader(io.StringIO(expanded)))) == 8


@pytest.mark.parametrize("path", SPECS)
def test_csv_adds_up_to_the_totals(path: str) -> None:
    for options in ((), ("--expand",), ("--by", "kind")):
        rows = list(csv.DictReader(io.StringIO(run("analyze", path, "--format", "csv", *options).out)))
        for name in SUMS:
            assert sum(int(row[name]) for row in rows) == document(path)["totals"][name]
        assert sum(int(row["layers"]) for row in rows) == len(document(path)["layers"])
        assert all(None not in row and None not in row.values() for row in rows)


def test_csv_of_several_specs_has_one_header() -> None:
    output = run("analyze", STANDARD, SEPARABLE, "--format", "csv").out
    assert output.count("model,spec,name") == 1
    assert [row["model"] for row in csv.DictReader(io.StringIO(output))] == ["standard_12x12"] + 2 * ["separable_12x12"]


@pytest.mark.parametrize("path", SPECS)
def test_markdown_is_a_table_whose_columns_add_up(path: str) -> None:
    lines = run("analyze", path, "--format", "markdown").out.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    totals = document(path)["totals"]
    for place, name in ((4, "params"), (5, "macs")):
        assert sum(int(line.split("|")[place].replace(",", "")) for line in table[2:]) == totals[name]
        assert f"{totals[name]:,}" in lines[lines.index(table[-1]) + 2]


def test_markdown_of_odd_names() -> None:
    text = "input: [4]\nlayers: [relu: {name: 'a|b<c>`d`*e*_f_'}]\n"
    (row,) = [
        line
        for line in run("analyze", "-", "--format", "markdown", given=text).out.splitlines()
        if line.startswith("| a\\|b")
    ]
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


def test_a_network_without_layers() -> None:
    for form in ("table", "json", "csv", "markdown"):
        result = run("analyze", "-", "--format", form, given="input: [4]\nlayers: []\n")
        assert (result.code, result.err) == (0, "")


# ---- what goes wrong ---------------------------------------------------------------------------------------------


def test_a_repeat_beyond_the_limit_is_refused_at_once() -> None:
    text = "input: [8, 32, 32]\nlayers: [conv: {out_channels: 4, kernel_size: 1, repeat: 1000000000}]\n"
    run("analyze", "-", given=text)  # so that what is imported is not counted
    with counted() as work:
        result = run("analyze", "-", given=text)
    assert result.code == 2
    assert result.err.count("CC008") == 1
    assert work.calls < 150_000  # the most layers that there may be, each of which takes more than one


def test_layers_that_are_left_out_are_not_counted_as_repeated() -> None:
    text = "input: [4]\nlayers: [linear: {out_features: 4, repeat: 5, when: index % 2 == 0}]\n"
    (row,) = [line for line in run("analyze", "-", given=text).out.splitlines() if line.startswith("linear1")]
    assert " x3 " in row


def written(folder: Path, **texts: str) -> list[str]:
    paths = []
    for name, text in texts.items():
        path = folder / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        paths.append(str(path))
    return paths


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
def test_a_bad_file_among_good_ones(tmp_path: Path, form: str) -> None:
    first, bad, worse, last = written(tmp_path, first=GOOD, bad=BAD, worse=WORSE, last=GOOD)
    result = run("analyze", first, bad, worse, last, "--format", form)
    assert result.code == 2
    assert f"{bad}:4:15: error[CC101]: max_pool1: kernel_size 9" in result.err
    assert f"{worse}:" in result.err
    assert not TRACEBACK.search(result.err)
    if form == "json":
        documents = json.loads(result.out)
        assert [document["spec"] for document in documents] == [first, bad, worse, last]
        assert [document["totals"] is None for document in documents] == [False, True, True, False]
        assert [[layer["name"] for layer in document["layers"]] for document in documents[:2]] == [
            ["conv1", "relu1"],
            ["conv1"],
        ]
        assert [error["code"] for error in documents[1]["errors"]] == ["CC101"]
        assert (documents[1]["errors"][0]["line"], documents[1]["errors"][0]["column"]) == (4, 15)
        assert "errors" not in documents[0]
    else:
        assert len(re.findall(r"^(?:.*,|\| )?relu1\b", result.out, re.MULTILINE)) == 2
        assert result.out.index("first") < result.out.index("last")


def test_what_could_be_worked_out_is_printed_without_totals() -> None:
    result = run("analyze", "-", given=BAD)
    assert result.code == 2
    assert "conv1" in result.out
    assert "relu1" not in result.out
    assert not re.search("^params ", result.out, re.MULTILINE)
    assert result.err.count("error[") == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: path.write_text(""), "empty file"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "not UTF-8"),
        (lambda path: path.write_text("\n"), "empty file"),
    ],
)
def test_files_that_are_none(tmp_path: Path, make: Any, words: str) -> None:
    make(tmp_path / "net.yaml")
    for form in ("table", "json", "csv", "markdown"):
        result = run("analyze", str(tmp_path / "net.yaml"), "--format", form)
        assert result.code == 2
        assert words in result.err
        assert str(tmp_path / "net.yaml") in result.err
        assert form != "json" or json.loads(result.out)["errors"]


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    result = run("analyze", str(tmp_path / "loop.yaml"))
    assert (result.code, "cannot be read" in result.err) == (2, True)


USAGE = [
    ((), "Usage"),
    (("analyze",), "files"),
    (("analyse", STANDARD), "analyze"),
    (("analyze", STANDARD, "--fromat", "json"), "--format"),
    (("analyze", STANDARD, "--format", "xml"), "json"),
    (("analyze", STANDARD, "--by", "size"), "kind"),
    (("analyze", STANDARD, "--top", "0"), "1"),
    (("analyze", STANDARD, "--top", "many"), "--top"),
    (("analyze", STANDARD, "--batch", "0"), "1"),
    (("analyze", STANDARD, "--dtype", "float33"), "float32"),
    (("analyze", STANDARD, "--input", "3x0x4"), "3x224x224"),
    (("analyze", STANDARD, "--input", "big"), "3x224x224"),
    (("analyze", STANDARD, "--input", "3,4,4"), "3x224x224"),
    (("analyze", STANDARD, "--set", "w"), "NAME=VALUE"),
    (("analyze", STANDARD, "--set", "=3"), "NAME=VALUE"),
    (("kinds", "cnov"), "`conv`"),
    (("kinds", "xyzzy"), "convcalc kinds"),
    (("kinds", "../conv"), "no layer kind"),
    (("kinds", "_pools"), "no layer kind"),
    (("kinds", ""), "no layer kind"),
]


@pytest.mark.parametrize(
    ("arguments", "words"), USAGE, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_wrong_usage(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.code == 2
    text = re.sub(r"[\s│]+", " ", result.err + ("" if arguments else result.out))
    assert words in text
    assert not TRACEBACK.search(text)


def test_a_variable_or_an_input_that_the_spec_does_not_have() -> None:
    result = run("analyze", STANDARD, "--set", "width=3", "--input", "image=3x9x9")
    assert result.code == 2
    assert "--set:1:1: error[CC013]: the spec has no variable `width`" in result.err
    assert "--input:1:1: error[CC013]: the spec has no input `image`" in result.err


# ---- the manual --------------------------------------------------------------------------------------------------


def test_help() -> None:
    for arguments in (("--help",), ("-h",), ("analyze", "--help"), ("kinds", "-h"), ("schema", "--help")):
        result = run(*arguments)
        assert (result.code, result.err) == (0, "")
        assert "Usage" in result.out
    assert run("--version").out == f"convcalc {convcalc.__version__}\n"


def test_the_list_of_kinds_names_all_of_them() -> None:
    lines = run("kinds").out.splitlines()
    named = [line.split()[0] for line in lines if line and not line.startswith(("Layer kinds", "Blocks"))]
    assert named == [*layers.names(), *library.block_names()]


@pytest.mark.parametrize("name", [*layers.names(), *library.block_names()])
def test_the_page_of_every_kind_and_block(name: str) -> None:
    result = run("kinds", name)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"{name}   ")
    kind = layers.load(name)
    for field in layers.field_types(kind) if kind else library.block(name).parameters:  # type: ignore[union-attr]
        assert re.search(rf"^{field} ", result.out, re.MULTILINE)


# ---- golden files: how things look, with every digit a 0, so that none can bless a number ------------------------


def check_golden(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    masked = "".join(f"{line.rstrip()}\n" for line in re.sub(r"\d", "0", text).splitlines())
    if os.environ.get("CONVCALC_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(masked, encoding="utf-8")
    assert masked == path.read_text(encoding="utf-8"), f"CONVCALC_GOLDEN=1 writes {path.name} anew"


WIDE = (
    "input: [4, 8, 8]\n"
    "layers:\n"
    "  - conv: {name: 卷积层, out_channels: 3, kernel_size: 99}\n"
    "  - {conv:\t{name: '🙂 👩', from: input, groups: 3, out_channels: 3, kernel_size: 1}}\n"
    "  - relu: {name: ｆｕｌｌ, form: 卷积层}\n"
    f"  - relu: {{name: {'long' * 60}, frmo: input, when: true}}\n"
)


def test_golden_tables() -> None:
    check_golden("standard_12x12", run("analyze", STANDARD).out)
    check_golden("separable_12x12", run("analyze", SEPARABLE).out)
    check_golden("kinds_conv", run("kinds", "conv").out)


def test_golden_errors() -> None:
    check_golden("errors", run("analyze", "-", given=WIDE).err)


def test_carets_stand_under_what_they_mean_however_wide() -> None:
    lines = run("analyze", "-", given=WIDE).err.splitlines()
    marked = []
    for source, carets in pairwise(lines):
        match = re.match(r"\s+\| +(\^+)", carets)
        if match:
            start, end = match.span(1)
            cells = "".join(character + "\0" * (cell_len(character) - 1) for character in source if cell_len(character))
            marked.append(cells[start:end].replace("\0", ""))
    assert marked == ["99", "3", "form", "frmo"]


def test_control_characters_of_a_spec_do_not_reach_the_terminal() -> None:
    text = 'input: [4]\nlayers: [relu: {name: "a\\e[31mb"}, "re\\e[2Jlu"]\n'
    result = run("analyze", "-", given=text)
    assert result.code == 2
    assert "\x1b" not in result.out + result.err
    named = run("analyze", "-", given='name: "a\\e[31mb\\nc"\ninput: [4]\nlayers: []\n')
    assert "\x1b" not in named.out
    file = run("analyze", "a\x1b[31mb.yaml")
    assert "\x1b" not in file.err


# ---- on a terminal -----------------------------------------------------------------------------------------------


class Terminal:
    """A command on a terminal of so many columns; several run side by side until their text is asked for."""

    def __init__(self, columns: int, *arguments: str) -> None:
        self.parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        environment = {"COLUMNS": str(columns), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
        self.process = started(
            *arguments, stdin=subprocess.DEVNULL, stdout=child, stderr=child, env=environment, cwd=ROOT
        )
        os.close(child)

    def text(self) -> str:
        parts = []
        try:
            while part := os.read(self.parent, 65536):
                parts.append(part)
        except OSError:  # the other end is closed
            pass
        os.close(self.parent)
        self.process.wait()
        return b"".join(parts).decode().replace("\r\n", "\n")


COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ON_TERMINAL = {
    "resnet50": (("analyze", RESNET), (40, 80, 120, 200)),
    "expanded": (("analyze", "specs/zoo/inception_v3.yaml", "--expand"), (40, 80)),
    "by kind": (("analyze", RESNET, "--by", "kind"), (80,)),
    "separable": (("analyze", SEPARABLE), (40, 80, 200)),
    "kinds": (("kinds",), (40,)),
    "help": (("analyze", "--help"), (80,)),
}
SCREENS = [(name, width) for name, (_, widths) in ON_TERMINAL.items() for width in widths]


@pytest.fixture(scope="module")
def screens() -> dict[tuple[str, int], str]:
    terminals = [Terminal(width, *ON_TERMINAL[name][0]) for name, width in SCREENS]
    return {place: COLOUR.sub("", terminal.text()) for place, terminal in zip(SCREENS, terminals, strict=True)}


@pytest.mark.parametrize(("name", "width"), SCREENS)
def test_no_line_is_wider_than_the_terminal(screens: dict[tuple[str, int], str], name: str, width: int) -> None:
    titled = name not in {"kinds", "help"}  # a title is one line, so that its path can be copied
    assert [line for line in screens[name, width].splitlines()[titled:] if cell_len(line) > width] == []


@pytest.mark.parametrize(("name", "width"), SCREENS)
def test_numbers_are_never_cut(screens: dict[tuple[str, int], str], name: str, width: int) -> None:
    if name in {"kinds", "help"}:
        return
    lines = screens[name, width].splitlines()
    top = next(number for number, line in enumerate(lines) if line.startswith(("layer ", "kind ")))
    place = next(number for number, line in enumerate(lines) if line.startswith("params "))
    numbers = lines[top].index("output" if "output" in lines[top] else "params")
    assert not any("…" in line[numbers:] for line in lines[top:place])
    check_sums(lines[top:place], place - top - 1, document(ON_TERMINAL[name][0][1])["totals"])


@pytest.mark.parametrize("width", [80, 120, 200])
def test_repeats_say_how_often(screens: dict[tuple[str, int], str], width: int) -> None:
    assert re.search(r"layer3 +x6 ", screens["resnet50", width])


@pytest.mark.parametrize("width", [80, 120])
def test_golden_terminal(screens: dict[tuple[str, int], str], width: int) -> None:
    check_golden(f"resnet50_{width}", screens["resnet50", width])


def test_colours_on_a_terminal_unless_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = Terminal(80, "analyze", STANDARD)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal(80, "analyze", STANDARD)
    assert "\x1b[36m" in coloured.text()
    assert "[36m" not in plain.text()


# ---- streams -----------------------------------------------------------------------------------------------------


CLOSED = [
    *(("analyze", STANDARD, "--format", form) for form in ("table", "json", "csv", "markdown")),
    *(("analyze", RESNET, "--expand"), ("kinds",), ("schema",), ("--help",), ("lint", "--help"), ("--version",)),
    *(("lint", "zoo:vgg16", "--input", "3x32x32", "--format", form) for form in ("text", "json", "github")),
    *(("compare", STANDARD, SEPARABLE), ("explain", RESNET, "stem"), ("zoo", "resnet50"), ("rules", "CC206")),
]


ENDINGS = """
import json, os, sys
from convcalc.cli import main

codes = []
for arguments, errors_as_well in json.loads(sys.argv[1]):
    process = os.fork()
    if not process:
        read, write = os.pipe()
        os.close(read)
        os.dup2(write, 1)
        if errors_as_well:
            os.dup2(write, 2)
        sys.argv = ["convcalc", *arguments]
        main()
        os._exit(1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
print(codes)
"""
"""The exit code of each command when nobody reads its output; a fork of one process each, which has started already."""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system that forks")
def test_a_pipe_that_nobody_reads_is_no_finding() -> None:
    """Nor one whose reader is gone for the errors as well; 141 is what a shell says of it."""
    commands = [*((command, False) for command in CLOSED), *((command, True) for command in CLOSED)]
    commands += [(("analyze", "none.yaml"), True), (("lint",), True)]
    program = [sys.executable, "-c", ENDINGS, json.dumps(commands)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    codes = dict(zip(commands, json.loads(done.stdout), strict=True))
    assert {command: code for command, code in codes.items() if code != 141} == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is full")
@pytest.mark.parametrize("command", [("schema",), ("lint", "zoo:vgg16"), ("zoo", "resnet50"), ("--help",)])
def test_a_full_disk_is_said(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        process = started(*command, stdout=full, stderr=subprocess.PIPE)
        assert process.communicate()[1] == b"convcalc: No space left on device\n"
    assert process.returncode == 2


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_was_never_open_is_no_matter(closed: str) -> None:
    shell = f'exec "$0" -m convcalc lint "$@" {closed}'
    for path, code in ((STANDARD, 0), ("-", 1)):
        if path == "-" and "<" not in closed:
            continue
        result = subprocess.run(["sh", "-c", shell, sys.executable, path], capture_output=True, text=True, check=False)
        assert result.returncode == code, result.stderr
        assert "Traceback" not in result.stderr
        assert "internal error" not in result.stderr


def test_head_gets_its_line() -> None:
    with ExitStack() as stack:
        process = stack.enter_context(
            started("analyze", RESNET, "--expand", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
        result = subprocess.run(["head", "-1"], stdin=process.stdout, capture_output=True, check=True)
        _, errors = process.communicate()
        assert result.stdout.startswith(b"resnet50")
        assert errors == b""


def test_an_interrupt_ends_in_silence() -> None:
    code = """
import io, os, runpy, signal, sys

class Interrupted(io.BytesIO):
    def read(self, *_):
        os.kill(os.getpid(), signal.SIGINT)

sys.stdin = io.TextIOWrapper(Interrupted())
sys.argv = ["convcalc", "analyze", "-"]
runpy.run_module("convcalc", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert done.returncode in {130, -signal.SIGINT}


ASCII = {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}


def test_streams_that_know_ascii_only(tmp_path: Path) -> None:
    (wide,) = written(tmp_path, 卷积=WIDE)
    commands = {
        ("analyze", RESNET): 0,
        ("analyze", RESNET, "--format", "markdown"): 0,
        ("analyze", wide): 2,
        ("analyze", wide, "--format", "json"): 2,
        ("kinds",): 0,
        ("--help",): 0,
    }
    processes = [
        started(*command, env=ASCII, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) for command in commands
    ]
    for (command, code), process in zip(commands.items(), processes, strict=True):
        out, errors = process.communicate()
        assert not TRACEBACK.search((out + errors).decode()), command
        assert process.returncode == code
        assert out or code


def test_json_on_an_ascii_stream_is_still_the_same_json(tmp_path: Path) -> None:
    (path,) = written(tmp_path, net="name: 卷积\ninput: [4]\nlayers: [relu: {name: 卷积}]\n")
    process = started("analyze", path, "--format", "json", env=ASCII, stdout=subprocess.PIPE)
    assert json.loads(process.communicate()[0])["layers"][0]["name"] == "卷积"


def test_an_error_goes_to_standard_error_and_the_rest_to_standard_output() -> None:
    process = started("analyze", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, errors = process.communicate(BAD.encode())
    assert process.returncode == 2
    assert b"conv1" in out
    assert b"error[" not in out
    assert errors.startswith(b"<stdin>:4:15: error[CC101]: ")


# ---- the package -------------------------------------------------------------------------------------------------


def test_public_names() -> None:
    assert set(convcalc.__all__) >= {"Diagnostic", "Network", "Report", "SpecError", "analyze", "load"}
    for name in convcalc.__all__:
        assert getattr(convcalc, name) is not None
    assert dir(convcalc) == convcalc.__all__
    everything: dict[str, object] = {}
    exec("from convcalc import *", everything)  # noqa: S102  # the one way to try it
    assert set(everything) >= set(convcalc.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        convcalc.nothing  # noqa: B018  # getting it is what is tried


def test_the_example_of_the_package() -> None:
    assert convcalc.analyze(convcalc.load(RESNET)).totals.macs == 4_089_184_256


def test_records_are_frozen() -> None:
    report = convcalc.analyze(convcalc.load(STANDARD))
    row, network = report.layers[0], report.network
    records: list[Any] = [report, report.totals, report.convention, report.peak, row, row.receptive_field]
    for record in [*records, network, network.nodes[0], network.layers[0].config]:
        for name in record.__struct_fields__:
            with pytest.raises(AttributeError):
                setattr(record, name, None)
    again = convcalc.analyze(convcalc.load(STANDARD))
    assert (report.totals, hash(row)) == (again.totals, hash(again.layers[0]))


def test_commands_start_without_numpy() -> None:
    code = "import sys; from convcalc.cli.analyze import analyze\nanalyze([sys.argv[1]])\nprint('numpy' in sys.modules)"
    command = [sys.executable, "-c", code, STANDARD]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze", RESNET],
        ["analyze", RESNET, "--batch", "8", "--top", "3", "--by", "kind", "--format", "csv", "--input", "3x64x64"],
        ["compare", RESNET, "--variant", "ghost", "--layer", "layer1"],
        ["lint", RESNET, "--format", "json"],
        ["zoo"],
        ["kinds", "conv"],
    ],
)
def test_no_command_waits_for_pydantic(arguments: list[str]) -> None:
    """Typer imports it from 0.29 on, to convert what needs no conversion."""
    code = (
        "import atexit, sys; atexit.register(lambda: print('pydantic' in sys.modules, file=sys.stderr));"
        f"sys.argv = ['convcalc', *{arguments}]; from convcalc.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "False\n")


def test_a_wrong_value_is_named() -> None:
    """By any Typer: from 0.29 on its own errors tell what pydantic could not parse, and not what that was."""
    for option, value in (
        ("--batch", "0"),
        ("--batch", "-3"),
        ("--batch", "eight"),
        ("--top", "1.5"),
        ("--format", "xml"),
        ("--by", ""),
        ("--dtype", "FLOAT32"),
    ):
        result = run("analyze", RESNET, option, value)
        assert (result.code, result.out) == (2, "")
        assert option in result.err
        assert value in result.err.partition(option)[2]
