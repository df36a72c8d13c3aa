"""`convcalc zoo`, and `zoo:NAME` where a file is named: in the repository, and as it is installed."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from spec_reports import SPECS, entries, report_of
from test_cli import ROOT, run
from view_texts import on_console

import convcalc
from convcalc.language import zoo
from convcalc.views import words
from convcalc.views.zoo import table

NAMES = sorted(path.stem for path in (SPECS / "zoo").glob("*.yaml"))
ZOO, FILE = "zoo:resnet50", "specs/zoo/resnet50.yaml"


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


# ---- zoo:NAME in place of a file ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ("analyze", ZOO),
        ("analyze", ZOO, "--format", "json"),
        ("analyze", ZOO, "zoo:resnet18", "--format", "csv"),
        ("compare", ZOO, "zoo:resnet18", "--format", "json"),
        ("compare", ZOO, "--variant", "separable", "--format", "csv"),
        ("explain", ZOO, "layer1"),
        ("lint", ZOO, "--input", "3x33x33", "--format", "json"),
        ("verify", ZOO, "--layer", "stem", "--input", "3x16x16", "--format", "json"),
    ],
    ids=" ".join,
)
def test_every_command_takes_it_in_place_of_a_file(command: tuple[str, ...]) -> None:
    """And prints the same, but for the name."""
    names = {ZOO: FILE, "zoo:resnet18": "specs/zoo/resnet18.yaml"}
    with_file = run(*(names.get(word, word) for word in command))
    with_name = run(*command)
    assert with_name.code == with_file.code
    assert with_name.code < 2
    assert with_name.out.replace("zoo:resnet18", names["zoo:resnet18"]).replace(ZOO, FILE) == with_file.out


def test_in_python() -> None:
    assert convcalc.analyze(convcalc.load(ZOO)).totals == report_of("zoo/resnet50").totals


def test_a_file_of_that_name_is_named_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("zoo:resnet50").write_text("name: mine\ninput: [1, 4, 4]\nlayers: [relu]\n", "utf-8")
    assert convcalc.load("./zoo:resnet50").name == "mine"
    assert convcalc.load("zoo:resnet50").name == "resnet50"


@pytest.mark.parametrize("command", ["analyze", "compare", "explain", "lint", "verify"])
@pytest.mark.parametrize(
    "name", ["resnt50", "", "../seeds/standard_12x12", "resnet50.yaml", "a/b", "\0", "\udcff", "x" * 9999]
)
def test_a_name_that_is_not_there(command: str, name: str) -> None:
    result = run(command, f"zoo:{name}", *(["zoo:resnet18"] if command == "compare" else []))
    assert result.code == (1 if command == "lint" else 2)
    output = result.out + result.err
    assert "error[CC001]" in output
    assert ("names no network" if not name else "there is no network") in output
    assert f"the zoo has {', '.join(NAMES)}" in output
    if name in {"resnt50", "resnet50.yaml"}:
        assert "did you mean `resnet50`?" in output


@pytest.mark.parametrize(
    ("member", "family"),
    [
        *((f"resnet{depth}", "resnet50") for depth in (101, 152)),
        *((f"vgg{depth}", "vgg16") for depth in (11, 13, 19)),
        *((f"densenet{depth}", "densenet121") for depth in (161, 169, 201)),
        *((f"efficientnet_b{number}", "efficientnet_b0") for number in range(1, 8)),
        *((f"seresnet{depth}", "seresnet50") for depth in (101, 152)),
        ("resnet34", "resnet18"),
        ("ResNeXt-101", "resnext50_32x4d"),
    ],
)
def test_a_member_of_a_family_is_told_where_it_is(member: str, family: str) -> None:
    """Not the nearest name, which for ResNet-101 is another net."""
    result = run("analyze", f"zoo:{member}")
    assert result.code == 2
    assert f"it is zoo:{family} with other variables by --set, which `convcalc zoo {family}` lists" in result.err
    assert "did you mean" not in result.err


@pytest.mark.parametrize(
    "name", ["resnet", "vgg", "3x3", "VGG16", "ResNet-50", "squeezenet11", "torchvision", "b1", "-"]
)
def test_what_is_no_member_of_a_family_is_told_to_be_none(name: str) -> None:
    result = run("analyze", f"zoo:{name}")
    assert result.code == 2
    assert "with other variables" not in result.err


def test_a_name_of_the_zoo_in_place_of_a_file() -> None:
    result = run("analyze", "resnet50")
    assert result.code == 2
    assert "zoo:resnet50 is the network of the zoo" in result.err
    assert "the zoo" not in run("analyze", "resnet51").err


def test_what_is_exported_and_what_is_imported(tmp_path: Path) -> None:
    """A spec of the zoo makes a model; it is none itself."""
    pytest.importorskip("onnx")
    model = tmp_path / "net.onnx"
    assert run("export", "zoo:squeezenet1_1", "-o", str(model)).code == 0
    assert convcalc.analyze(convcalc.load(model)).totals.macs == report_of("zoo/squeezenet1_1").totals.macs
    result = run("import", "zoo:squeezenet1_1")
    assert result.code == 2
    assert "names a spec of the zoo, expected a Caffe prototxt" in result.err


def test_it_is_not_changed() -> None:
    before = {path: path.read_bytes() for path in (SPECS / "zoo").glob("*.yaml")}
    fixed = run("lint", "specs/zoo/vgg16.yaml", "zoo:vgg16", "--fix")
    assert fixed.code == 2
    assert "zoo:vgg16 ships with convcalc and is not changed" in " ".join(fixed.err.replace("│", " ").split())
    written = run("compare", "zoo:vgg16", "--variant", "separable", "--output", "zoo:mine")
    assert written.code == 2
    assert "would be a network of the zoo" in " ".join(written.err.replace("│", " ").split())
    assert not Path("zoo:mine").exists()
    assert {path: path.read_bytes() for path in (SPECS / "zoo").glob("*.yaml")} == before


@pytest.mark.parametrize("command", [("compare",), ("lint", "--max-regression", "params=5%")])
def test_it_has_no_revisions(command: tuple[str, ...]) -> None:
    result = run(command[0], "zoo:vgg16", "--base", "HEAD", *command[1:])
    assert result.code == 2
    assert "ships with convcalc and has no revisions" in " ".join(result.err.replace("│", " ").split())


def test_it_may_be_what_others_start_from(tmp_path: Path) -> None:
    """Written to a file of one's own with a variant, and as the base of growth."""
    mine = tmp_path / "mine.yaml"
    assert run("compare", "zoo:vgg16", "--variant", "separable", "--output", str(mine)).code == 0
    growth = run("lint", str(mine), "--base", "zoo:vgg16", "--select", "CC505", "--max-regression", "macs=5%")
    assert growth.code == 0
    back = run("lint", FILE, "--base", "zoo:resnet18", "--select", "CC505", "--max-regression", "macs=5%")
    assert back.code == 1
    assert "CC505" in back.out


# ---- where it is installed ---------------------------------------------------------------------------------------


def outside(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as another user has it: from another folder, with the package there."""
    command = [sys.executable, "-m", "convcalc", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)


def test_in_a_checkout() -> None:
    assert (
        f'"macs": {report_of("zoo/resnet50").totals.macs}' in outside(ROOT, "analyze", ZOO, "--format", "json").stdout
    )


def test_in_an_installed_package(tmp_path: Path) -> None:
    """Laid out as the wheel is, without the repository around it."""
    shutil.copytree(ROOT / "convcalc", tmp_path / "convcalc", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SPECS / "zoo", tmp_path / "convcalc" / "zoo")
    (tmp_path / "convcalc" / "zoo" / "own.yaml").write_text("input: [1, 4, 4]\nlayers: [relu]\n", "utf-8")
    assert "own" in outside(tmp_path, "zoo", "--format", "csv").stdout
    assert outside(tmp_path, "analyze", "zoo:own").returncode == 0


def test_what_is_built_holds_the_zoo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every package and every file, as setuptools collects them."""
    setuptools = pytest.importorskip("setuptools")
    given: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    exec((ROOT / "setup.py").read_text("utf-8"), {})  # noqa: S102  # our own
    data = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]
    build = setuptools.Distribution({**given, "package_data": data, "script_name": "setup.py"}).get_command_obj(
        "build_py"
    )
    build.ensure_finalized()
    files = {Path(package.replace(".", "/")) / name for package, _, _, names in build.data_files for name in names}
    assert {path for path in files if path.parent == Path("convcalc/zoo")} == {
        Path("convcalc/zoo") / f"{name}.yaml" for name in NAMES
    }
    modules = {Path(path) for _, _, path in build.find_all_modules()}
    assert {path.resolve() for path in modules} == {*(ROOT / "convcalc").rglob("*.py")}


# ---- the list ----------------------------------------------------------------------------------------------------


def test_the_list_holds_every_network() -> None:
    document = json.loads(run("zoo", "--format", "json").out)
    assert [network["name"] for network in document["networks"]] == NAMES == list(zoo.names())
    for network in document["networks"]:
        assert network["spec"] == f"zoo:{network['name']}"
        report = report_of(f"zoo/{network['name']}")
        assert network["totals"]["params"] == report.totals.params
        assert network["totals"]["macs"] == report.totals.macs
        assert set(network["variables"]) == set(report.network.variables)
    rows = list(csv.DictReader(io.StringIO(run("zoo", "--format", "csv").out)))
    assert [(row["name"], int(row["params"]), int(row["macs"])) for row in rows] == [
        (network["name"], network["totals"]["params"], network["totals"]["macs"]) for network in document["networks"]
    ]
    lines = run("zoo", "--format", "markdown").out.splitlines()
    (line,) = [line for line in lines if line.startswith("| `resnet50` |")]
    assert (
        line
        == "| `resnet50` | 3x224x224 | 25,557,032 | 4,089,184,256 | 427 | 9.2 MiB | `width=64` `depths=[3, 4, 6, 3]` |"
    )


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 200, 300])
def test_the_list_fits_the_terminal(width: int) -> None:
    lines = [line.rstrip() for line in on_console(table, entries(), width).splitlines()]
    assert max(map(cell_len, lines)) <= width
    header = lines[0].split()
    assert header[0] == "network"
    assert set(header) >= ({"network", "params", "MACs", "field"} if width >= 60 else {"network", "MACs"})
    assert ("source" in header) == (width >= 160) or 100 < width < 200
    for name, line in zip(NAMES, lines[1:], strict=False):
        totals = report_of(f"zoo/{name}").totals
        assert line.startswith(f"{name} ")  # no name is cut, and no number
        assert f"  {words.scaled(totals.macs)}" in line
        if "params" in header:
            assert f" {words.exact(totals.params)} " in line


@pytest.mark.parametrize("name", ["resnet50", "zoo:resnet50", "unet"])
def test_a_spec_is_printed_as_it_stands(name: str) -> None:
    done = subprocess.run([sys.executable, "-m", "convcalc", "zoo", name], capture_output=True, check=True)
    assert done.stdout == (SPECS / "zoo" / f"{name.removeprefix('zoo:')}.yaml").read_bytes()
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnt50",), "there is no network `resnt50` in the zoo; did you mean `resnet50`? the zoo has alexnet, "),
        (("../seeds/standard_12x12",), "there is no network `../seeds/standard_12x12` in the zoo"),
        (("resnet50", "--format", "json"), "`convcalc analyze zoo:resnet50 --format json` has the figures"),
        (("--format", "xml"), "'xml'"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    result = run("zoo", *arguments)
    assert result.code == 2
    assert message in " ".join(result.err.replace("│", " ").split())


# ---- --set -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "given", "message"),
    [
        ("resnet50", ("width=0.01",), "stem: out_channels: expected a whole number from 1, found 0.01; --set width"),
        ("resnet50", ("depths=[3, 4]",), "layer3: repeat: expected an index from 0 to 1, found 2; --set depths=[3, 4]"),
        ("shufflenet_v1", ("groups=5",), "stage2_first.expand: groups 5 does not divide both in_channels 60 and "),
        ("shufflenet_v1", ("groups=5",), "; --set groups=5 breaks it"),
        ("shufflenet_v2", ("channels=[25, 50, 100]",), "project1.conv: out_channels: expected a whole number from 1, "),
        ("resnet50", ("width=0.01", "depths=[1, 1, 1, 1]"), "found 0.01; --set width=0.01 breaks it"),
        ("resnet50", ("widht=32",), "the spec has no variable `widht`"),
        ("resnet50", ("colour=32",), "it has width, depths"),
        ("alexnet", ("width=32",), "it has none"),
    ],
)  # fmt: skip
def test_a_value_that_breaks_a_layer_is_named_with_the_layer(spec: str, given: tuple[str, ...], message: str) -> None:
    result = run("analyze", f"zoo:{spec}", *(word for value in given for word in ("--set", value)))
    assert result.code == 2
    assert message in result.err


MEETING = """
input: [8, 16, 16]
variables: {stride: 1, width: 8, other: 8}
layers:
  - conv: {name: a, out_channels: width, kernel_size: 3, padding: 1, stride: stride}
  - conv: {name: b, out_channels: other, kernel_size: 3, padding: 1}
  - add: {name: meeting, from: [a, b]}
  - conv: {name: c, out_channels: 8, kernel_size: 3, padding: 1, groups: 3}
"""


@pytest.mark.parametrize(
    ("given", "blamed"),
    [
        (("stride=2",), ""),
        (("width=9",), "; --set width=9 breaks it"),
        (("width=12", "other=12"), ""),  # the groups fit as little as without
        (("width=9", "other=12"), "; --set width=9 and --set other=12 break it"),
        (("width=9", "stride=2"), "; --set width=9 breaks it"),
    ],
)
def test_the_values_that_are_named_are_those_without_which_it_is_gone(given: tuple[str, ...], blamed: str) -> None:
    """A fault of the spec itself is nobody's; two values that fit by themselves are both to blame."""
    result = run("analyze", "-", *(word for value in given for word in ("--set", value)), given=MEETING)
    meeting = [line for line in result.err.splitlines() if "meeting:" in line]
    own = [line for line in result.err.splitlines() if "c: groups 3" in line]
    assert [line.partition("legal here")[2].partition(";")[1:] for line in meeting] == (
        [(";", blamed[1:])] if blamed else []
    )
    assert all("--set" not in line for line in own)


# ---- lint --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_lint_has_no_warning(name: str) -> None:
    """At its own size; what is ignored says why."""
    assert run("lint", f"zoo:{name}", "--fail-level", "warning").code == 0
    for line in (SPECS / "zoo" / f"{name}.yaml").read_text("utf-8").splitlines():
        _, result, rest = line.partition("ignore[")
        assert not result or len(rest.partition("]")[2].split()) > 1, line
