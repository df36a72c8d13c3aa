"""What a page says of its layers is what `explain` says of each, and what `lint` finds is what `lint` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from typer.testing import CliRunner

import convcalc
from convcalc import steps
from convcalc.analysis.explain import Explainer, LayerExplanation, explain
from convcalc.analysis.report import Report
from convcalc.language import Source
from convcalc.language import loads as built
from convcalc.views import words
from convcalc.views.explain import shared
from convcalc.views.formats.json import embedded
from convcalc.views.formulas import formula_text
from convcalc.views.pictures import explanations as module
from convcalc.views.pictures.explanations import explanations

ROOT = Path(__file__).parent.parent
ZOO = ROOT / "specs" / "zoo"
NETS = ["resnet50", "unet", "mobilenet_v3_small", "shufflenet_v1", "wavenet", "swin_t", "r3d_18"]
SHARED = """
input: [4, 9, 9]
layers:
  - conv: {name: first, out_channels: 4, kernel_size: [3, 1], padding: [1, 0]}
  - conv: {name: second, out_channels: 4, kernel_size: [3, 1], padding: [1, 0], share: first}
  - upsample: {scale_factor: 2}
  - conv: {out_channels: 4, kernel_size: 3, dilation: [1, 2]}
  - global_avg_pool
  - linear: 10
"""


def networks() -> list[tuple[str, convcalc.Network]]:
    loaded = [(name, convcalc.load(ZOO / f"{name}.yaml")) for name in NETS]
    return [*loaded, ("shared", built(Source("shared.yaml", SHARED)))]


@pytest.fixture(scope="module", params=networks(), ids=lambda pair: pair[0])
def report(request: pytest.FixtureRequest) -> Report:
    """The costs of one of the networks."""
    return convcalc.analyze(request.param[1])


def test_layers_together_are_explained_as_each_alone(report: Report) -> None:
    network = report.network
    explainer = Explainer(network, [row.receptive_field for row in report.layers])
    for place in reversed(range(network.input_count, len(network.nodes))):
        assert explainer.layer(place) == explain(network, network.nodes[place].name)


def test_a_page_has_what_explain_says_of_every_layer(report: Report) -> None:
    network = report.network
    known = json.loads(embedded(explanations(report)))
    assert len(known["layers"]) == len(network.layers)
    for node, layer in zip(network.layers, known["layers"], strict=True):
        alone = explain(network, node.name)
        assert isinstance(alone, LayerExplanation)
        assert known["abouts"][layer["about"]] == [alone.description, alone.source]
        assert [known["notes"][place] for place in layer["notes"]] == [*alone.notes]
        assert [known["legend"][place] for place in layer["legend"]] == [
            [symbol.symbol, symbol.meaning if symbol.meaning != symbol.symbol else "", f"{symbol.value:,}"]
            for symbol in alone.legend
        ]
        written = [known["formulas"][place] for place in layer["formulas"]]
        assert written == [
            [shared.label(formula.quantity), formula.symbol, *shared.sides(alone, formula, formula_text, words.exact)]
            for formula in alone.formulas
            if not formula.is_trivial
        ]
        assert layer.get("field") == shared.field_without_formula(alone)


def test_every_text_is_in_a_page_once(report: Report) -> None:
    known = explanations(report)
    for name in ("abouts", "formulas", "legend", "notes"):
        assert len(set(known[name])) == len(known[name])
        used = {place for layer in known["layers"] for place in _places(layer, name)}
        assert used == set(range(len(known[name])))


def _places(layer: dict[str, Any], name: str) -> list[int]:
    return [layer["about"]] if name == "abouts" else layer[name]


def test_formulas_of_resnet_50_take_little_room() -> None:
    known = explanations(convcalc.analyze(convcalc.load(ZOO / "resnet50.yaml")))
    assert len(embedded(known)) < 60_000


def test_a_network_of_many_layers_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    report = convcalc.analyze(built(Source("shared.yaml", SHARED)))
    assert explanations(report)
    monkeypatch.setattr(module, "MOST_LAYERS", 5)
    assert explanations(report) == {}


def test_what_is_too_much_work_is_left_out_whole() -> None:
    report = convcalc.analyze(convcalc.load(ZOO / "resnet50.yaml"))
    with steps.run(20_000):
        assert explanations(report) == {}


def test_formulas_are_of_one_sample_whatever_the_batch() -> None:
    network = convcalc.load(ZOO / "resnet50.yaml")
    alone, batched = (explanations(convcalc.analyze(network, batch=batch)) for batch in (1, 8))
    assert batched == {**alone, "batch": 8}


def test_kernels_of_a_network_that_is_fused_are_explained() -> None:
    report = convcalc.analyze(convcalc.load(ZOO / "resnet50.yaml"), fused=True)
    known = explanations(report)
    for row, layer in zip(report.layers, known["layers"], strict=True):
        values = {known["formulas"][place][0]: known["formulas"][place][-1] for place in layer["formulas"]}
        assert values["MACs"] == f"{row.macs:,}"
        assert values["element-wise ops"] == f"{row.elementwise_ops:,}"


# ---- findings ----------------------------------------------------------------------------------------------------


def page_data(path: Path) -> dict[str, Any]:
    """The record of the network of a page."""
    text = path.read_text("utf-8")
    data = text.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    network: dict[str, Any] = json.loads(data)["networks"][0]
    return network


def run(*arguments: str | Path) -> str:
    """What a command prints, findings or not."""
    done = CliRunner().invoke(application(), [*map(str, arguments)])
    assert done.exit_code in (0, 1), done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.stdout


FIELDS = {"code": "code", "rule": "name", "severity": "severity", "message": "message", "line": "line"}


def findings_of(spec: Path, folder: Path, *options: str) -> list[dict[str, Any]]:
    """The findings on a page, which are those that the linter prints as JSON."""
    page = folder / "page.html"
    run("report", spec, "-o", page, "--force", *options)
    network = page_data(page)
    printed = json.loads(run("lint", spec, "--format", "json", *options))["findings"]
    assert [{key: finding.get(key, 0) for key in FIELDS} for finding in network["findings"]] == [
        {key: finding[name] for key, name in FIELDS.items()} for finding in printed
    ]
    for finding, other in zip(network["findings"], printed, strict=True):
        items = [network["nodes" if at[0] == "n" else "parts"][int(at[1:])]["name"] for at in finding["at"]]
        assert items[:1] == ([other["layer"]] if other["layer"] else [])
        assert len(items) == (1 + other["more"] if other["layer"] else 0)
        assert finding.get("help", "") == other["help"]
    return network["findings"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["resnet50", "unet", "shufflenet_v1", "vgg16"])
def test_findings_are_those_of_lint(name: str, tmp_path: Path) -> None:
    assert findings_of(ZOO / f"{name}.yaml", tmp_path)


SPEC = """
input: [3, 32, 32]
layers:
  - conv: {name: a, out_channels: 8, kernel_size: 3}
  - batch_norm
  - conv: {name: down, out_channels: 8, kernel_size: 1, stride: 2, repeat: 2}  # convcalc: ignore[CC301]
"""


def test_what_is_suppressed_or_configured_away_is_on_no_page(tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(SPEC, "utf-8")
    codes = {finding["code"] for finding in findings_of(spec, tmp_path)}
    assert {"CC301", "CC204"} <= codes
    (tmp_path / "convcalc.toml").write_text('[lint]\nignore = ["CC204"]\n', "utf-8")
    assert {finding["code"] for finding in findings_of(spec, tmp_path)} == codes - {"CC204"}


def test_a_finding_names_every_layer_that_it_holds_for(tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(SPEC, "utf-8")
    (skipping,) = [finding for finding in findings_of(spec, tmp_path) if finding["code"] == "CC204"]
    assert len(skipping["at"]) == 2
    assert "1 more layer" in skipping["message"]


def test_a_layer_that_runs_in_the_kernel_of_another_is_found_there(tmp_path: Path) -> None:
    spec, page = tmp_path / "net.yaml", tmp_path / "page.html"
    spec.write_text("input: [3, 9, 9]\nlayers:\n  - conv: {name: a, out_channels: 8, kernel_size: 3}\n  - batch_norm\n")
    assert {"a"} <= {finding["layer"] for finding in json.loads(run("lint", spec, "--format", "json"))["findings"]}
    run("report", spec, "-o", page, "--fused")
    for finding in page_data(page)["findings"]:
        assert finding["at"] == (["n1"] if finding["layer"] in ("a", "batch_norm1") else [])


def test_options_reach_lint(tmp_path: Path) -> None:
    """On a device there is more to find."""
    spec = ZOO / "mobilenet_v2.yaml"
    options = ["--device", "dpu-b4096-zcu104", "--dtype", "int8"]
    plain, deployed = findings_of(spec, tmp_path), findings_of(spec, tmp_path, *options)
    assert {finding["code"] for finding in deployed} > {finding["code"] for finding in plain}


def test_a_mistake_in_the_configuration_of_lint_is_said(tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(SPEC, "utf-8")
    (tmp_path / "convcalc.toml").write_text("[lint]\nselct = []\n", "utf-8")
    done = CliRunner().invoke(application(), ["report", str(spec), "-o", str(tmp_path / "page.html")])
    assert done.exit_code == 2
    assert "convcalc.toml" in done.output
    assert not (tmp_path / "page.html").exists()
