"""Networks that are named with settings: NAME@input=3x112x112,width=0.5, wherever a file is named."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from command_line import application
from typer.testing import CliRunner

import convcalc
from convcalc.language.named import named
from convcalc.language.source import SpecError

NET = """
input: [3, 16, 16]
variables: {width: 4, depths: [2, 3], word: plain}  # convcalc: ignore[CC114] that words are taken is enough
layers:
  - conv: {name: a, out_channels: width, kernel_size: 3, padding: 1, repeat: "depths[0]"}
"""
TWO = "inputs: {image: [3, 16, 16], depth: [1, 16, 16]}\nlayers: [concat: {from: [image, depth]}]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET, "utf-8")
    (tmp_path / "two.yaml").write_text(TWO, "utf-8")
    return tmp_path


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(application(), list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def shapes(name: str) -> list[tuple[int, ...]]:
    return [node.shape for node in convcalc.load(name).nodes]


def test_sizes_and_variables(folder: Path) -> None:
    assert shapes("net.yaml@input=3x8x8") == [(3, 8, 8), (4, 8, 8), (4, 8, 8)]
    assert shapes("net.yaml@width=8,depths=[1, 1]") == [(3, 16, 16), (8, 16, 16)]
    assert shapes("net.yaml@depths=[3,1],input=3x4x4,width=2 * 3")[1:] == [(6, 4, 4)] * 3
    assert shapes("two.yaml@input.image=3x8x8,input.depth=1x8x8")[-1] == (4, 8, 8)
    assert shapes("zoo:vgg16@input=3x64x64")[0] == (3, 64, 64)


@pytest.mark.parametrize("name", ["a@width=8.yaml", "a@b.yaml", "net.yaml@width=8", "x,y@input=3.yaml"])
def test_a_file_of_that_name_is_that_file(folder: Path, name: str) -> None:
    (folder / name).write_text(NET.replace("width: 4", "width: 5"), "utf-8")
    assert shapes(name)[1] == (5, 16, 16)
    assert shapes(f"{name}@width=7,input=3x2x2")[1] == (7, 2, 2)


@pytest.mark.parametrize(
    ("text", "path", "variables"),
    [
        ("gone@2.yaml", "gone@2.yaml", {}),
        ("user@host/net.yaml@width=2", "user@host/net.yaml", {"width": "2"}),
        ("net.yaml@word='a,b@c=d'", "net.yaml", {"word": "'a,b@c=d'"}),
        ("net.yaml@depths=[1,[2,3]],width=max(1,2)", "net.yaml", {"depths": "[1,[2,3]]", "width": "max(1,2)"}),
        ("-@width=2", "-", {"width": "2"}),
        ("zoo:x@width=2", "zoo:x", {"width": "2"}),
    ],
)
def test_where_the_settings_begin(folder: Path, text: str, path: str, variables: dict[str, str]) -> None:
    name = named(text)
    assert (name.path, name.variables) == (path, variables)


@pytest.mark.parametrize(
    ("settings", "column", "message"),
    [
        ("widht=8", 10, "no variable `widht`"),
        ("width=8,depht=1", 18, "no variable `depht`"),
        ("input.img=3x8x8", 16, "no input `img`"),
        ("width=2,input=3x3", 18, "expected 3 sizes"),
        ("input=3by3", 16, "expected sizes like 3x224x224, found `3by3`"),
        ("width=2,width=3", 18, "`width` is there twice"),
        ("width=2,depths", 18, "expected NAME=VALUE behind the @"),
        ("width=", 10, "expected NAME=VALUE behind the @"),
        ("width", 10, "expected NAME=VALUE behind the @"),
        ("", 10, "expected NAME=VALUE behind the @"),
        ("width=[2", 18, "not valid YAML"),
        ("width=a b", 16, "neither a number nor an expression"),
    ],
)
def test_what_is_wrong_is_marked_where_it_stands(folder: Path, settings: str, column: int, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        convcalc.load(f"net.yaml@{settings}")
    (problem,) = caught.value.diagnostics
    assert (problem.path, problem.text, problem.line) == (f"net.yaml@{settings}", f"net.yaml@{settings}", 1)
    assert problem.column == column
    assert message in problem.message


def test_what_is_wrong_in_the_spec_is_in_its_file(folder: Path) -> None:
    with pytest.raises(SpecError) as caught:
        convcalc.load("net.yaml@width=0")
    (problem,) = caught.value.diagnostics
    assert (problem.path, problem.line) == ("net.yaml", 5)


def test_settings_go_before_those_for_all(folder: Path) -> None:
    code, out, _ = run("analyze", "net.yaml@width=8", "net.yaml", "--set", "width=2", "--format", "json")
    assert code == 0
    assert [document["layers"][0]["output_shape"][0] for document in json.loads(out)] == [8, 2]


def test_two_settings_of_one_network_compare(folder: Path) -> None:
    pair = ("compare", "net.yaml", "net.yaml@input=3x8x8,width=8")
    code, out, err = run(*pair)
    assert (code, err) == (0, "")  # other sizes are meant where they are named
    assert out.splitlines()[0] == "net   3x16x16 -> 3x8x8   net.yaml -> net.yaml@input=3x8x8,width=8"
    comparison = json.loads(run(*pair, "--format", "json")[1])
    assert (comparison["base"]["spec"], comparison["head"]["spec"]) == ("net.yaml", "net.yaml@input=3x8x8,width=8")
    assert comparison["diff"]["totals"]["params"]["head"] == (3 * 9 + 1) * 8 + (8 * 9 + 1) * 8
    assert run(*pair, "--format", "markdown")[1].startswith("<!-- convcalc:compare:net.yaml@input=3x8x8,width=8 -->")
    rows = run("compare", "net.yaml", "net.yaml@width=8", "net.yaml@width=16", "--format", "csv")[1]
    labels = [row["label"] for row in csv.DictReader(io.StringIO(rows))]
    assert labels == ["net.yaml", "net.yaml@width=8", "net.yaml@width=16"]
    assert run("compare", "net.yaml", "two.yaml")[0] == 2


def test_every_command_that_names_a_file_takes_settings(folder: Path) -> None:
    assert "8x16x16" in run("explain", "net.yaml@width=8", "a.0")[1]
    assert run("verify", "net.yaml@input=3x4x4")[0] == 0
    assert "net.yaml:" in "".join(run("lint", "net.yaml@width=0")[1:])
    assert run("compare", "net.yaml@width=8", "--variant", "grouped", "--layer", "a.1")[0] in (0, 2)
    assert run("export", "net.yaml@width=8", "-o", "net.onnx")[0] == 0
    assert shapes("net.onnx@input=3x16x16")[1][0] == 8


def test_variants_have_the_settings_too(folder: Path) -> None:
    arguments = ("compare", "net.yaml@width=8,input=3x8x8", "--variant", "separable", "--format", "json")
    comparison = json.loads(run(*arguments)[1])
    assert comparison["base"]["inputs"] == comparison["head"]["inputs"] == {"input": [3, 8, 8]}
    assert comparison["base"]["totals"]["params"] == (3 * 9 + 1) * 8 + (8 * 9 + 1) * 8
    assert comparison["head"]["totals"]["params"] == 3 * 9 + 3 * 8 + 8 + 8 * 9 + 8 * 8 + 8


def test_what_is_written_cannot_have_other_settings(folder: Path) -> None:
    code, _, err = run("compare", "net.yaml@width=8", "--variant", "separable", "-o", "out.yaml")
    assert (code, (folder / "out.yaml").exists()) == (2, False)
    assert "what follows @" in err
    assert run("lint", "--fix", "net.yaml@width=8")[0] == 2
