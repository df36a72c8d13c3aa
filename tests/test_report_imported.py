"""The page of an imported network of HRNet's make and size: no blocks in the file, 1,100 layers, four branches."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import NewPage
from command_line import application
from typer.testing import CliRunner

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the benchmark of imports makes: as PyTorch's exporter writes such a network."""
    benchmarks = str(Path(__file__).parent.parent / "benchmarks")
    sys.path.append(benchmarks)
    try:
        data: bytes = import_module("importing").model()
    finally:
        sys.path.remove(benchmarks)
    path = tmp_path_factory.mktemp("imported") / "hrnet.onnx"
    path.write_bytes(data)
    return path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(application(), list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def hrnet(new_page: NewPage, model: Path, tmp_path: Path) -> Page:
    file = tmp_path / "hrnet.html"
    run("report", str(model), "-o", str(file))
    page = new_page()
    page.goto(file.as_uri())
    page.locator("html[data-ready]").wait_for()
    return page


def seen(page: Page) -> list[str]:
    """The nodes of the graph, by their whole names."""
    names: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(".graph .node")].map((node) =>
            convcalc.item(convcalc.states[0].network, node.dataset.id).name)"""
    )
    return names


def test_its_stages_are_the_graph_and_open(hrnet: Page, model: Path) -> None:
    analysis: Any = json.loads(run("analyze", str(model), "--format", "json"))
    assert f"{analysis['totals']['macs']:,}" in hrnet.locator("#totals").inner_text()
    assert [f"stage{number}" in seen(hrnet) for number in (2, 3, 4)] == [True] * 3
    assert len(seen(hrnet)) <= 40
    place = hrnet.evaluate("() => convcalc.states[0].network.parts.findIndex((part) => part.name === 'stage3')")
    hrnet.locator(f'.graph .node[data-id="p{place}"]').click()
    assert {f"stage3_{number}" for number in range(4)} <= set(seen(hrnet))
    assert "stage3" not in seen(hrnet)


def test_every_layer_is_where_analyze_has_it(hrnet: Page, model: Path) -> None:
    analysis: Any = json.loads(run("analyze", str(model), "--format", "json"))
    network: Any = hrnet.evaluate("() => convcalc.states[0].network")
    layers = [[node["name"], node["costs"][1]] for node in network["nodes"] if "costs" in node]
    assert layers == [[layer["name"], layer["macs"]] for layer in analysis["layers"]]
    last = analysis["layers"][-5]["name"]
    hrnet.get_by_role("searchbox").fill(last)
    hrnet.locator('[data-slot="table"] tbody tr[data-row]').first.click()
    assert hrnet.locator(".details h3").inner_text() == last
    assert last in seen(hrnet)
