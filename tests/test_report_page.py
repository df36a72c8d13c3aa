"""The page of a network in a browser: its figures, its table, its keys and its addresses, held to the JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from browser import NewPage
from report_pages import DEEP, HOSTILE, analysis, report, spec

if TYPE_CHECKING:
    from playwright.sync_api import Page

RESNET = "zoo:resnet50"
ROWS = '[data-slot="table"] tbody tr[data-row]'


def opened(page: Page, *arguments: str, at: str = "") -> Page:
    """The page of a network, once its scripts have run."""
    page.goto(report(*arguments).as_uri() + at)
    page.locator("html[data-ready]").wait_for()
    return page


def cells(page: Page) -> list[list[str]]:
    """The rows that are made, as the texts of their cells."""
    script = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    rows: list[list[str]] = page.locator(ROWS).evaluate_all(script)
    return rows


def names(page: Page) -> list[str]:
    """The names in the first column, without the sign that opens a block."""
    return [row[0].lstrip("▸▾") for row in cells(page)]


def titles(page: Page) -> list[str]:
    return page.locator('[data-slot="table"] thead button').all_text_contents()


def state(page: Page, expression: str) -> Any:
    return page.evaluate(f"convcalc.states[0].{expression}")


def head(page: Page, title: str) -> Any:
    """The button of a column; older versions of Playwright take the arrow of a sorted one for a part of its name."""
    return page.locator('[data-slot="table"] thead button').filter(has_text=re.compile(f"^{re.escape(title)}$"))


def moved(layer: Any) -> int:
    return int(layer["input_bytes"] + layer["weight_bytes"] + layer["output_bytes"])


# ---- figures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(RESNET,), (RESNET, "--batch", "8", "--dtype", "int8", "--device", "a100")])
def test_the_figures_are_those_of_the_json(page: Page, options: tuple[str, ...]) -> None:
    opened(page, *options)
    totals = analysis(*options)["totals"]
    shown = page.locator("#totals").inner_text()
    for name in ("params", "macs", "buffers", "weight_bytes", "peak_activation_bytes"):
        assert f"{totals[name]:,}" in shown, name
    assert analysis(*options)["peak_activation"]["layer"] in shown
    assert ("at least" in shown) == (totals["bound_ps"] is not None)
    assert page.locator("#convention").inner_text().startswith("1 MAC = one multiply and its add")


def test_the_command_makes_the_page_again(page: Page) -> None:
    opened(page, RESNET, "--batch", "8", "--input", "3x192x192", "--no-fused")
    command = page.locator("#command").inner_text()
    page_name = report(RESNET, "--batch", "8", "--input", "3x192x192", "--no-fused").name
    assert command == f"convcalc report {RESNET} --input 3x192x192 --batch 8 --no-fused -o {page_name}"


def test_the_licences_of_the_libraries_are_in_the_page(page: Page) -> None:
    opened(page, RESNET)
    texts = page.locator("footer details pre").all_text_contents()
    assert any("Apache License" in text for text in texts)
    assert sum("Permission is hereby granted" in text for text in texts) >= 2
    assert all("\\n" not in text for text in texts)


# ---- the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(RESNET,), ("zoo:unet", "--device", "h100"), ("zoo:densenet121", "--batch", "3")])
def test_every_cell_is_what_the_json_has(page: Page, options: tuple[str, ...]) -> None:
    opened(page, *options)
    head(page, "layer").click()
    page.evaluate("convcalc.FEW_ROWS = Infinity")
    page.evaluate("convcalc.states[0].find('x')")  # draws all rows, which hold an x in their shapes or are found below
    page.evaluate("convcalc.states[0].find('')")
    layers = {layer["name"]: layer for layer in analysis(*options)["layers"]}
    shown = {row[0]: dict(zip(titles(page), row, strict=True)) for row in cells(page)}
    assert shown.keys() == layers.keys()
    for name, layer in layers.items():
        row = shown[name]
        assert row["params"] == f"{layer['params']:,}"
        assert row["MACs"] == f"{layer['macs']:,}"
        assert row["element-wise ops"] == f"{layer['elementwise_ops']:,}"
        assert row["bytes"] == f"{moved(layer):,}"
        assert row["output"] == "x".join(map(str, layer["output_shape"]))
    assert ("bound" in titles(page)) == ("--device" in options)


@pytest.mark.parametrize(
    ("title", "amount"),
    [
        ("params", lambda layer: layer["params"]),
        ("MACs", lambda layer: layer["macs"]),
        ("share", lambda layer: layer["macs"]),
        ("element-wise ops", lambda layer: layer["elementwise_ops"]),
        ("bytes", moved),
    ],
)
def test_a_head_sorts_all_layers_and_sorts_them_back(page: Page, title: str, amount: Any) -> None:
    opened(page, RESNET)
    before = names(page)
    layers: Sequence[Any] = analysis(RESNET)["layers"]
    head(page, title).click()
    assert names(page) == [layer["name"] for layer in sorted(layers, key=lambda layer: -amount(layer))]
    assert page.locator('th[aria-sort="descending"]').inner_text().startswith(title)
    head(page, title).press("Enter")
    assert names(page) == [layer["name"] for layer in sorted(layers, key=amount)]
    head(page, title).press("Enter")
    assert names(page) == before
    assert page.locator("th[aria-sort]").count() == 0


def test_blocks_open_in_table_and_state_alike(page: Page) -> None:
    opened(page, RESNET)
    row = page.get_by_role("row", name="layer1").first
    assert row.get_attribute("aria-expanded") == "false"
    row.click()
    page.keyboard.press("ArrowRight")
    assert state(page, "open.size") == 1
    assert [name for name in names(page) if name.startswith("layer1")] == ["layer1", *(f"layer1.{n}" for n in range(3))]
    page.keyboard.press("ArrowDown")
    assert state(page, "selected") == page.locator(f'{ROWS}[aria-selected="true"]').get_attribute("data-id")
    page.keyboard.press("Enter")
    assert state(page, "open.size") == 2
    assert "layer1.0.conv1" in names(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")  # to the block around
    page.keyboard.press("ArrowLeft")  # which closes
    assert state(page, "open.size") == 1
    page.evaluate("convcalc.states[0].toggle([...convcalc.states[0].open][0])")
    assert "layer1.0" not in names(page)


def test_what_is_selected_elsewhere_is_a_row_in_sight(page: Page) -> None:
    opened(page, RESNET)
    place = page.evaluate("convcalc.states[0].network.nodes.findIndex(node => node.name === 'layer4.2.conv3')")
    page.evaluate(f"convcalc.states[0].select('n{place}')")
    row = page.locator(f'{ROWS}[aria-selected="true"]')
    assert row.locator("th").inner_text().endswith("layer4.2.conv3")
    box, around = row.bounding_box(), page.locator(".rows").bounding_box()
    assert box is not None
    assert around is not None
    assert around["y"] <= box["y"]
    assert box["y"] + box["height"] <= around["y"] + around["height"]
    page.evaluate("convcalc.states[0].select(null)")
    assert page.locator(f'{ROWS}[aria-selected="true"]').count() == 0


def test_a_search_finds_by_name_kind_and_shape_and_escape_ends_it(page: Page) -> None:
    opened(page, RESNET)
    before = names(page)
    page.keyboard.press("/")
    page.keyboard.type("layer2 conv 128x28x28")
    found_layers = {
        layer["name"]
        for layer in analysis(RESNET)["layers"]
        if "layer2" in layer["name"] and layer["kind"] == "conv" and layer["output_shape"] == [128, 28, 28]
    }
    assert set(names(page)) == found_layers
    assert page.locator(".count").inner_text() == f"{len(found_layers)} matches"
    matches = page.evaluate(
        "[...convcalc.states[0].matches].map(id => convcalc.item(convcalc.states[0].network, id).name)"
    )
    assert set(matches) == found_layers
    page.keyboard.type(" nothing")
    assert page.locator(".count").inner_text() == "0 matches"
    page.keyboard.press("Escape")
    assert names(page) == before
    assert state(page, "matches") is None
    assert page.locator(".count").inner_text() == f"{len(analysis(RESNET)['layers'])} layers"


def test_rows_are_copied_as_text_between_tabs(new_page: NewPage) -> None:
    page = opened(new_page(permissions=["clipboard-read", "clipboard-write"]), RESNET)
    page.get_by_role("row", name="fc").click()
    page.keyboard.press("Control+c")
    line = page.evaluate("navigator.clipboard.readText()").split("\t")
    assert line[:5] == ["fc", "linear 1000 features", "1000", "2,049,000", "2,048,000"]
    page.get_by_role("button", name="Copy table").click()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0].split("\t") == titles(page)
    assert len(lines) == 1 + page.locator(ROWS).count()
    assert lines[-1].split("\t") == line


def test_ten_thousand_layers_are_sorted_and_searched_with_few_rows_made(page: Page) -> None:
    file = spec(DEEP)
    opened(page, file)
    layers = analysis(file)["layers"]
    assert len(layers) == 10_000
    assert page.locator(ROWS).count() <= 40
    head(page, "element-wise ops").click()
    assert page.locator(ROWS).count() < 300
    assert page.locator('[data-slot="table"] table').get_attribute("aria-rowcount") == "10001"
    page.locator(ROWS).first.click()
    page.keyboard.press("End")
    least = min(layers, key=lambda layer: (layer["elementwise_ops"], -layers.index(layer)))
    assert page.locator(f'{ROWS}[aria-selected="true"] th').inner_text() == least["name"]
    page.keyboard.press("/")
    page.keyboard.type("trunk.4999.")
    assert names(page) == [layer["name"] for layer in layers if layer["name"].startswith("trunk.4999.")]


def test_names_with_markup_stay_text(page: Page) -> None:
    file = spec(HOSTILE)
    opened(page, file)
    head(page, "layer").click()
    shown = page.evaluate("[...convcalc.states[0].network.nodes].filter(node => node.costs).map(node => node.name)")
    assert sorted(names(page)) == sorted(shown)
    assert page.locator("main img, main i").count() == 0
    assert page.locator("h1").inner_text() == "</script><img src=x onerror=alert(1)>"


# ---- addresses -------------------------------------------------------------------------------------------------------


def test_an_address_selects_and_a_selection_is_an_address(page: Page) -> None:
    opened(page, RESNET, at="#layer1.0.conv1")
    chosen = page.locator(f'{ROWS}[aria-selected="true"] th')
    assert chosen.inner_text() == "layer1.0.conv1"
    page.get_by_role("row", name="fc").click()
    assert page.url.endswith("#fc")
    page.go_back()
    page.wait_for_function("location.hash === '#layer1.0.conv1'")
    assert chosen.inner_text() == "layer1.0.conv1"
    page.go_forward()
    page.wait_for_function("location.hash === '#fc'")
    assert chosen.inner_text() == "fc"
    page.locator("h1").click()
    page.keyboard.press("Escape")
    assert "#" not in page.url
    assert state(page, "selected") is None


@pytest.mark.parametrize("at", ["#", "#nothing", "#%", "#%E0%A4%A", "#main"])
def test_an_address_of_nothing_selects_nothing(page: Page, at: str) -> None:
    opened(page, RESNET, at=at)
    assert state(page, "selected") is None


def test_any_name_can_be_an_address(page: Page) -> None:
    file = spec(HOSTILE)
    opened(page, file)
    for name in page.evaluate("convcalc.states[0].network.nodes.map(node => node.name)"):
        page.evaluate("name => { location.hash = '#' + encodeURIComponent(name); }", name)
        page.wait_for_function(
            "name => convcalc.states[0].selected && "
            "convcalc.item(convcalc.states[0].network, convcalc.states[0].selected).name === name",
            arg=name,
        )


# ---- keys, and what people hear --------------------------------------------------------------------------------------


def test_keys_lead_through_the_page(page: Page) -> None:
    opened(page, RESNET)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert "#" not in page.url
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog", name="Keys").is_visible()
    page.keyboard.press("/")
    page.keyboard.type("?/")
    assert page.locator('[data-slot="table"] input').input_value() == "?/"


def test_the_tree_of_accessibility_names_every_part(page: Page) -> None:
    opened(page, RESNET)
    tree = page.locator("body").aria_snapshot()
    for line in (
        '- link "Skip to the content"',
        '- heading "resnet50" [level=1]',
        '- heading "Layers" [level=2]',
        '- searchbox "Search layers by name, kind and shape"',
        '- treegrid "The layers of the network with what they cost; blocks are rows that open"',
        '- columnheader "MACs"',
        '- rowheader "stem"',
        '- gridcell "118,013,952"',
        "- contentinfo",
    ):
        assert line in tree, line
    status = page.locator("#status")
    head(page, "MACs").click()
    assert status.inner_text() == "174 layers, sorted by MACs, largest first"


def test_nothing_moves_where_nobody_wants_it(new_page: NewPage) -> None:
    """Neither what style sheets move nor what charts do: a chart is drawn at its end from the start."""
    page = opened(new_page(reduced_motion="reduce"), RESNET)
    assert page.evaluate("document.getAnimations().length") == 0
    drawn = page.locator('[data-slot="charts"] svg').first.inner_html()
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.locator('[data-slot="charts"] svg').first.inner_html() == drawn
