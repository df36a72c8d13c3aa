"""What is found in a model is said of its nodes: the text that it is read as stands nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command_line import application
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A convolution with an activation behind it, then a stride that skips input; the batch is fixed at two."""
    weights = [
        numpy_helper.from_array(np.zeros((4, channels, 1, 1), np.float32), f"w{channels}") for channels in (3, 4)
    ]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w3"], ["a"], name="/stem/Conv"),
            helper.make_node("Relu", ["a"], ["b"], name="/stem/Relu"),
            helper.make_node("Conv", ["b", "w4"], ["y"], name="/down/Conv", strides=[3, 3]),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 3, 9, 9))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, 4, 4, 4))],
        weights,
    )
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(application(), arguments)


def test_findings_name_the_node(model: Path) -> None:
    output = run("lint", str(model)).stdout
    assert f"{model}: warning[CC204]: node /down/Conv: " in output
    assert f"{model}:" in output
    assert f"{model}:1" not in output.replace(f"{model}: ", "")


def test_every_format_gives_the_file_and_no_line(model: Path) -> None:
    github = run("lint", str(model), "--format", "github").stdout
    assert "node /down/Conv" in github
    assert "line=" not in github
    (finding,) = (
        result
        for result in json.loads(run("lint", str(model), "--format", "sarif").stdout)["runs"][0]["results"]
        if result["ruleId"] == "CC204"
    )
    assert "node /down/Conv" in finding["message"]["text"]
    region = finding["locations"][0]["physicalLocation"]["region"]
    assert set(region.values()) == {1}  # of a whole file, which GitHub wants a line of
    lines = {outcome["line"] for outcome in json.loads(run("lint", str(model), "--format", "json").stdout)["findings"]}
    assert lines == {None}


def test_analyze_warns_of_a_batch_and_of_a_declared_shape(model: Path) -> None:
    done = run("analyze", str(model))
    assert done.exit_code == 0
    assert f"{model}: warning: input x has a batch of 2; the figures are for a batch of 1" in done.stderr
    assert "Conv at /down/Conv makes: declared [2, 4, 4, 4], worked out [2, 4, 3, 3]" in done.stderr
    layers = json.loads(run("analyze", str(model), "--format", "json").stdout)["layers"]
    assert {layer["line"] for layer in layers} == {0}


def test_import_says_it_at_the_top(model: Path) -> None:
    written = run("import", str(model)).stdout
    assert "# input x has a batch of 2" in written
    assert "declared [2, 4, 4, 4]" in written.replace("\n# ", " ")
