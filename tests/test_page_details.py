"""The panel of the selected layer and the list of findings, in a browser: they say what the commands say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from browser import NewPage
from command_line import application
from typer.testing import CliRunner

from convcalc.views.pictures import explanations

ROOT = Path(__file__).parent.parent
ZOO = ROOT / "specs" / "zoo"


def printed(*arguments: str | Path) -> Any:
    """What a command prints as JSON."""
    done = CliRunner().invoke(application(), [*map(str, arguments), "--format", "json"])
    assert done.exit_code in (0, 1), done.output
    return json.loads(done.stdout)


def opened(new_page: NewPage, spec: str | Path, folder: Path, *options: str, **looks: Any) -> Any:
    """The page of a network, in a browser."""
    path = folder / "page.html"
    done = CliRunner().invoke(application(), ["report", str(spec), "-o", str(path), "--force", *options])
    assert done.exit_code == 0, done.output
    page = new_page(**looks)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    return page


def select(page: Any, name: str) -> None:
    """Choose a layer or block by its name."""
    chosen = page.evaluate(
        """(name) => {
          const network = convcalc.states[0].network;
          const node = network.nodes.findIndex((item) => item.name === name);
          const part = network.parts.findIndex((item) => item.name === name);
          convcalc.states[0].select(node >= 0 ? `n${node}` : `p${part}`);
          return node >= 0 || part >= 0;
        }""",
        name,
    )
    assert chosen, name


def rows(page: Any, table: str) -> dict[str, list[str]]:
    """The rows of a table of the panel, by their head."""
    return {
        row.locator("th").inner_text(): [text.strip() for text in row.locator("td").all_inner_texts()]
        for row in page.locator(f".details {table} tbody tr").all()
    }


LABELS = {"params": "params", "macs": "MACs", "elementwise_ops": "element-wise ops", "flops": "FLOPs"}
QUANTITIES = {"padding": "padding in all", "output channels": "channels", "macs": "MACs",
              "elementwise_ops": "element-wise ops"}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("resnet50", ["stem", "batch_norm1", "layer2.0.shortcut", "layer3.5.add", "fc"]),
        ("unet", ["enc1.conv1", "up1", "head"]),
        ("mobilenet_v3_small", ["blocks.0.scale", "classifier"]),
    ],
)
def test_a_layer_is_what_analyze_and_explain_say(
    name: str, layers: list[str], new_page: NewPage, tmp_path: Path
) -> None:
    spec = ZOO / f"{name}.yaml"
    page = opened(new_page, spec, tmp_path)
    analyzed = {row["name"]: row for row in printed("analyze", spec)["layers"]}
    for layer in [*dict.fromkeys([*(layer for layer in layers if layer in analyzed), *list(analyzed)[::23]])]:
        select(page, layer)
        explained = printed("explain", spec, layer)["layer"]
        assert page.locator(".details h3").inner_text() == layer
        costs = rows(page, ".costs")
        assert {label: costs[label][0] for label in LABELS.values()} == {
            label: f"{analyzed[layer][cost]:,}" for cost, label in LABELS.items()
        }
        formulas = [
            formula
            for formula in explained["formulas"]
            if not formula["symbol"] or formula["symbols"] != formula["symbol"]
        ]
        cells = page.locator(".details .formulas tbody tr").all()
        assert len(cells) == len(formulas) + bool(page.locator(".formulas th", has_text="field").count() == 1)
        for cell, formula in zip(cells, formulas, strict=False):
            quantity = formula["quantity"]
            sides = [formula["symbol"], formula["symbols"], formula["numbers"]]
            sides = [side for side in dict.fromkeys(filter(None, sides)) if side != str(formula["value"])]
            assert cell.locator("th").inner_text() == QUANTITIES.get(quantity, quantity)
            text = " ".join(cell.locator("td").inner_text().split())
            assert text == " = ".join([*sides, f"{formula['value']:,}"])


def test_a_bound_says_what_it_waits_for(new_page: NewPage, tmp_path: Path) -> None:
    page = opened(new_page, ZOO / "resnet18.yaml", tmp_path, "--device", "a100")
    analyzed = printed("analyze", ZOO / "resnet18.yaml", "--device", "a100")["layers"]
    for row in analyzed[:3]:
        select(page, row["name"])
        value, waits = rows(page, ".costs")["bound of time"]
        assert waits == {"compute": "arithmetic", "memory": "memory"}[row["bound"]["by"]]
        number, unit = value.split()
        picoseconds = float(number) * {"ns": 1e3, "µs": 1e6, "ms": 1e9}[unit]
        assert picoseconds <= row["bound"]["ps"] < picoseconds * 1.01


def test_shares_are_of_the_network(new_page: NewPage, tmp_path: Path) -> None:
    page = opened(new_page, ZOO / "resnet50.yaml", tmp_path)
    totals = printed("analyze", ZOO / "resnet50.yaml")["totals"]
    every = rows(page, ".costs")
    assert every["MACs"] == [f"{totals['macs']:,}", "100.0 %"]
    assert every["params"] == [f"{totals['params']:,}", "100.0 %"]
    select(page, "layer3")
    block = printed("explain", ZOO / "resnet50.yaml", "layer3")["block"]
    assert rows(page, ".costs")["MACs"] == [f"{block['macs']:,}", f"{100 * block['macs'] / totals['macs']:.1f} %"]


def test_a_block_lists_its_parts_which_can_be_chosen(new_page: NewPage, tmp_path: Path) -> None:
    page = opened(new_page, ZOO / "resnet50.yaml", tmp_path)
    select(page, "layer1.0")
    parts = printed("explain", ZOO / "resnet50.yaml", "layer1.0")["block"]["parts"]
    shown = rows(page, ".inside")
    assert shown == {
        part["name"].removeprefix("layer1.0."): [part["kind"], f"{part['params']:,}", f"{part['macs']:,}"]
        for part in parts
    }
    page.get_by_role("button", name="conv2", exact=True).first.click()
    assert page.locator(".details h3").inner_text() == "layer1.0.conv2"
    page.locator(".details .flow").get_by_role("button", name="layer1.0.relu1").click()
    assert page.locator(".details h3").inner_text() == "layer1.0.relu1"


def test_a_finding_leads_to_its_layer_which_has_it(new_page: NewPage, tmp_path: Path) -> None:
    page = opened(new_page, ZOO / "resnet50.yaml", tmp_path)
    findings = printed("lint", ZOO / "resnet50.yaml")["findings"]
    listed = page.locator('[data-slot="findings"] .finding')
    assert listed.count() == len(findings) == 3
    for item, finding in zip(listed.all(), findings, strict=True):
        assert finding["message"] in item.inner_text()
        assert finding["help"] in item.inner_text()
        item.get_by_role("button").click()
        assert page.locator(".details h3").inner_text() == finding["layer"]
        assert page.locator(".details .finding").count() == 1
        assert finding["message"] in page.locator(".details .finding").inner_text()
        assert item.locator("[aria-current]").count() == 1
    select(page, "layer2.0")
    assert page.locator(".details .finding").count() == 1
    select(page, "stem")
    assert page.locator(".details .finding").count() == 0


def of_text(new_page: NewPage, folder: Path, text: str, *options: str) -> Any:
    """The page of a spec."""
    spec = folder / "net.yaml"
    spec.write_text(text, "utf-8")
    return opened(new_page, spec, folder, *options)


def test_a_network_without_findings_says_so(new_page: NewPage, tmp_path: Path) -> None:
    page = of_text(new_page, tmp_path, "input: [8, 16]\nlayers:\n  - linear: 4\n")
    assert "finds nothing" in page.locator('[data-slot="findings"]').inner_text()


def test_the_graph_marks_what_lint_finds_something_in(new_page: NewPage, tmp_path: Path) -> None:
    page = opened(new_page, ZOO / "resnet50.yaml", tmp_path)
    layers = {finding["layer"] for finding in printed("lint", ZOO / "resnet50.yaml")["findings"]}
    assert layers == {f"layer{number}.0.shortcut" for number in (2, 3, 4)}

    def marked() -> dict[str, str]:
        nodes = page.locator(".graph .node:has(> .lint.info)").all()
        return {
            str(node.get_attribute("aria-label")).split(",")[0]: str(node.get_attribute("aria-label")) for node in nodes
        }

    assert set(marked()) == {"layer2", "layer3", "layer4"}
    assert all(text.endswith("lint: 1 info") for text in marked().values())
    page.evaluate(
        "convcalc.states[0].select('n' + convcalc.states[0].network.nodes.findIndex(n => n.name === 'layer3.0.relu1'))"
    )
    assert set(marked()) == {"layer2", "layer3.0.shortcut", "layer4"}
    assert page.locator(".graph .node .lint.warning, .graph .node .lint.error").count() == 0


def test_a_rule_that_many_layers_break_is_folded(new_page: NewPage, tmp_path: Path) -> None:
    skips = "".join(f"  - conv: {{out_channels: {8 + place}, kernel_size: 1, stride: 2}}\n" for place in range(7))
    page = of_text(new_page, tmp_path, f"input: [8, 1024, 1024]\nlayers:\n{skips}")
    listed = page.locator('[data-slot="findings"] .finding').filter(has_text="CC204")
    shown = [item.is_visible() for item in listed.all()]
    assert shown == [True] * 4 + [False] * 3
    page.get_by_text("3 more of CC204").click()
    assert all(item.is_visible() for item in listed.all())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("input: [8, 16, 16]\nlayers: []\n", ["no layers"]),
        ("input: [8, 16, 16]\nlayers:\n  - relu\n", ["1 layer", "2,048"]),
        ("inputs: {a: [8, 4], b: [8, 4]}\nlayers:\n  - add: {from: [a, b]}\n", ["1 layer", "32"]),
        (
            "input: [8, 4]\noutputs: [x, y]\nlayers:\n  - relu: {name: x}\n  - relu: {name: y, from: input}\n",
            ["2 layers"],
        ),
        ("input: [8, 4]\nlayers:\n  - opaque: {name: odd}\n  - opaque: [4]\n", ["?", "2 layers"]),
        ("input: [8, 4]\nlayers:\n  - opaque: {output_shape: [8, 4]}\n  - relu\n", ["≥ 32", "2 layers"]),
    ],
    ids=["empty", "one", "two inputs", "two outputs", "unsized", "uncosted"],
)
def test_odd_networks(text: str, parts: list[str], new_page: NewPage, tmp_path: Path) -> None:
    page = of_text(new_page, tmp_path, text)
    panel = page.locator('[data-slot="details"]').inner_text()
    assert [part for part in parts if part not in panel] == []


def test_a_layer_whose_cost_is_not_known(new_page: NewPage, tmp_path: Path) -> None:
    layers = "  - opaque: {name: unsized}\n  - opaque: {name: odd, output_shape: [8, 4]}\n  - relu\n"
    page = of_text(new_page, tmp_path, f"input: [8, 4]\nlayers:\n{layers}")
    for name, written in (("odd", "128 B"), ("unsized", "?")):
        select(page, name)
        costs = rows(page, ".costs")
        assert costs["MACs"] == costs["bytes moved"] == ["?", ""]
        assert costs["bytes written"][0] == written
        assert "not known" in page.locator(".details").inner_text()


def test_an_output_leaves_the_network_and_an_input_costs_nothing(new_page: NewPage, tmp_path: Path) -> None:
    page = of_text(new_page, tmp_path, "input: [8, 4]\nlayers:\n  - relu: {name: x}\n")
    select(page, "x")
    assert "8x4 leaves the network" in page.locator(".details .flow").inner_text()
    select(page, "input")
    assert page.locator(".details table").count() == 0
    assert "8x4 to x" in page.locator(".details .flow").inner_text()


def test_formulas_of_a_batch_say_that_they_are_of_one_sample(new_page: NewPage, tmp_path: Path) -> None:
    page = of_text(new_page, tmp_path, "input: [8, 4]\nlayers:\n  - relu: {name: x}\n", "--batch", "16")
    select(page, "x")
    assert rows(page, ".costs")["element-wise ops"][0] == "512"
    assert "batch of 16" in page.locator(".details").inner_text()


def test_a_large_network_names_the_command_that_has_its_formulas(
    new_page: NewPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explanations, "MOST_LAYERS", 1)
    page = of_text(new_page, tmp_path, "input: [8, 4]\nlayers:\n  - relu: {name: it's}\n  - relu\n")
    select(page, "it's")
    command = page.locator(".details .remark code").inner_text()
    assert command == f"convcalc explain {tmp_path / 'net.yaml'} 'it'\\''s'"


NAMES = ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", '"><b>x', "&lt;b&gt;", "日本 ünï"]


def test_names_stay_text(new_page: NewPage, tmp_path: Path) -> None:
    layers = "".join(
        f"  - conv: {{name: {json.dumps(name)}, out_channels: 8, kernel_size: 1, stride: 2}}\n" for name in NAMES
    )
    page = of_text(new_page, tmp_path, f"input: [8, 64, 64]\nlayers:\n{layers}")
    for place, name in enumerate(NAMES, start=1):
        page.evaluate(f"convcalc.states[0].select('n{place}')")
        assert page.locator(".details h3").inner_text() == name
        assert page.locator(".details img, .details b, .details script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 1280])
def test_nothing_of_it_is_wider_than_the_page(width: int, scheme: str, new_page: NewPage, tmp_path: Path) -> None:
    page = opened(
        new_page, ZOO / "resnet50.yaml", tmp_path, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    for name in ("stem", "layer2.0.conv2", "layer2.0", "layer2"):
        select(page, name)
        wide = page.evaluate(
            """() => [...document.querySelectorAll(".details *, [data-slot=findings] *")].filter((element) =>
              element.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5 &&
              !element.closest(".scroll")).map((element) => element.outerHTML.slice(0, 80))"""
        )
        assert wide == []
