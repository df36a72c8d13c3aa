"""How a network is deployed: `deploy` in a spec, the configuration, and the options that go before both."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import application
from conftest import draws
from hypothesis import given
from lint_runs import command, lint_text
from typer.testing import CliRunner

import convcalc
from convcalc import Report, analyze, devices
from convcalc.analysis.terms import Terms
from convcalc.arithmetic.precision import precision
from convcalc.language import Source, SpecError, loads
from convcalc.linting.options import Options
from convcalc.linting.run import Linter

LAYERS = """\
input: [3, 16, 16]
layers:
  - conv: {out_channels: 8, kernel_size: 3, bias: false}
  - batch_norm
  - relu
  - conv: {out_channels: 8, kernel_size: 3, stride: 2}
"""
CHOICES: dict[str, list[Any]] = {
    "fused": [None, False, True],
    "dtype": [None, "int8", "float16", {"weights": "int4", "activations": "int8", "bias": "int32"}],
    "batch": [None, 1, 3],
    "device": [None, "a100"],
}


def network(deploy: dict[str, Any], text: str = LAYERS) -> convcalc.Network:
    written = yaml.safe_dump({"deploy": deploy}, sort_keys=False) if deploy else ""
    return loads(Source("net.yaml", f"{written}{text}"))


def options(how: dict[str, Any]) -> dict[str, Any]:
    """What is asked for as the options say it."""
    dtype = how.get("dtype")
    written = ",".join(f"{role}={name}" for role, name in dtype.items()) if isinstance(dtype, dict) else dtype
    return {**how, "dtype": written} if written is not None else how


def drawn(draw: random.Random) -> dict[str, Any]:
    chosen = {name: draw.choice(values) for name, values in CHOICES.items()}
    return {name: value for name, value in chosen.items() if value is not None}


def figures(report: Report) -> tuple[Any, ...]:
    return (
        report.terms,
        report.totals,
        [(row.name, row.macs, row.weight_bytes, row.output_bytes) for row in report.layers],
    )


@given(draws)
def test_a_spec_says_what_options_say_which_go_before(draw: random.Random) -> None:
    spec, asked = drawn(draw), drawn(draw)
    if (spec | asked).get("dtype", "float32") not in ("int8", "float16"):
        spec.pop("device", None), asked.pop("device", None)
    merged = analyze(network({}), **options(spec | asked))
    assert figures(analyze(network(spec), **options(asked))) == figures(merged)


def test_what_is_expected_is_about_the_network_as_written() -> None:
    totals = analyze(network({})).totals
    expect = f"expect: {{params: {totals.params}, weight_bytes: {totals.weight_bytes}}}\n"
    deploy = "deploy: {fused: true, dtype: int8, batch: 3}\n"
    assert analyze(network({}, deploy + LAYERS)).totals.params != totals.params
    assert lint_text(deploy + expect + LAYERS, select=("CC506",)).findings == ()


@pytest.mark.parametrize(
    ("spec", "configured", "asked"),
    [
        pytest.param(spec, configured, asked, id=f"{spec}-{configured}-{asked}")
        for spec, configured, asked in itertools.product((None, "int8", "int4"), repeat=3)
    ],
)
def test_options_go_before_the_spec_and_that_before_the_configuration(
    spec: str | None, configured: str | None, asked: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "lint.toml"
    path.write_text(f'[lint]\ndtype = "{configured}"\n' if configured else "[lint]\n", "utf-8")
    text = f"{f'deploy: {{dtype: {spec}}}' if spec else ''}\nbudget: {{flash: 1}}\n{LAYERS}"
    linter = Linter(Options(select=("CC509",), config=str(path), dtype=asked))
    (finding,) = linter.file("net.yaml", Source("net.yaml", text)).findings
    flash = {"float32": 4, "int8": 1, "int4": 0.5}[asked or spec or configured or "float32"]
    numbers = 8 * 3 * 9 + 8 * 2 + 8 * 2 + 8 * 8 * 9 + 8  # weights, a norm's and its buffers, the second with its bias
    assert (
        f"flash: {round(numbers * flash) if flash != 0.5 else 8 * 14 + 4 * 4 + 8 * 36 + 4:,} bytes" in finding.message
    )


# ---- devices -----------------------------------------------------------------------------------------------------


def test_a_device_that_there_is_not_is_named_at_its_place() -> None:
    text = "deploy: {device: a1000}\n" + LAYERS
    with pytest.raises(SpecError) as caught:
        analyze(loads(Source("net.yaml", text)))
    (problem,) = caught.value.diagnostics
    assert (problem.path, problem.line, problem.column, problem.end_column) == ("net.yaml", 1, 18, 23)
    assert "there is no device `a1000`" in problem.message
    assert "did you mean `a100`?" in problem.help
    assert analyze(loads(Source("net.yaml", text)), device="").terms == Terms()
    (finding,) = lint_text(text, select=("CC0",)).findings
    assert (finding.code, finding.line, finding.column, finding.severity) == ("CC013", 1, 18, "error")
    assert lint_text(text, select=("CC0",), device="a100").findings == ()


def test_a_file_of_a_device_is_looked_up_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "board.yaml").write_text("peak: {int8: 1 GOP/s}\nbandwidth: 1 GB/s\n", "utf-8")
    config = tmp_path / "lint.toml"
    config.write_text('[lint]\ndevice = "board.yaml"\ndtype = "int8"\n', "utf-8")
    linter = Linter(Options(select=("CC510",), config=str(config)))
    text = f"budget: {{bound_ms: 0.0001}}\n{LAYERS}"
    (finding,) = linter.file("net.yaml", Source("net.yaml", text)).findings
    assert " on board (" in finding.message


def test_a_device_of_the_options_that_there_is_not(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(LAYERS, "utf-8")
    result = command(str(path), "--device", "a1000")
    assert result.code == 2
    assert "there is no device `a1000`" in result.err


def test_channels_are_checked_in_the_format_of_each_layer() -> None:
    text = """\
input: [3, 9, 9]
layers:
  - conv: {out_channels: 24, kernel_size: 3}
  - conv: {out_channels: 24, kernel_size: 3, bits: int8}
  - conv: {out_channels: 24, kernel_size: 3, bits: float32}
  - conv: {out_channels: 5, kernel_size: 3}
"""
    device = devices.load("a100")
    assert (device.channels["float16"], device.channels["int8"]) == (8, 16)
    findings = lint_text(text, select=("CC401",), device="a100", dtype="float16").findings
    assert [(finding.layer, finding.severity) for finding in findings] == [("", "info"), ("conv2", "warning")]
    assert "and not for float32" in findings[0].message
    assert " takes at once in int8" in findings[1].message


def test_terms_are_those_of_the_options() -> None:
    terms = analyze(network({}), dtype="weights=int4,activations=int8", batch=2, fused=True).terms
    assert terms == Terms(batch=2, precision=precision("weights=int4,activations=int8"), fused=True)


def test_a_variant_keeps_what_is_said(tmp_path: Path) -> None:
    path, other = tmp_path / "net.yaml", tmp_path / "other.yaml"
    deploy = "deploy: {dtype: int8, batch: 2}\nbudget: {sram: 1 MiB, bound_ms: 2.5}\n"
    path.write_text(deploy + LAYERS.replace("bias: false}", "bias: false, bits: {weights: 4}}"), "utf-8")
    done = CliRunner().invoke(application(), ["compare", str(path), "--variant", "separable", "-o", str(other)])
    assert done.exit_code == 0, done.output
    before, after = convcalc.load(path), convcalc.load(other)
    assert other.read_text("utf-8").startswith(deploy)
    assert (after.deployment, after.budget) == (before.deployment, before.budget)
    assert [str(row.weights) for row in analyze(after).layers][:2] == ["int4", "int4"]
    assert {row.activations for row in analyze(after).layers} == {"int8"}


def test_nothing_is_told_of_a_file_that_a_spec_names(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yaml"
    path.write_text("token of somebody\n", "utf-8")
    text = f'deploy: {{device: "{path}"}}\ninput: [3, 8, 8]\nlayers: [conv: {{out_channels: 8, kernel_size: 3}}]\n'
    with pytest.raises(SpecError) as raised:
        analyze(loads(Source("net.yaml", text)))
    (problem,) = raised.value.diagnostics
    assert (problem.path, problem.line, "is no device's file" in problem.message) == ("net.yaml", 1, True)
    assert "token" not in str(problem)
