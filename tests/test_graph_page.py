"""The graph on the page, in a browser: it opens, colours change, keys walk, and it is what the command line draws."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from graph_scenes import engine
from report_pages import DEEP, HOSTILE, report, spec

import convcalc
from convcalc.analysis.analyze import analyze
from convcalc.analysis.outline import MOST_PARTS, outline
from convcalc.views.formats.json import readable
from convcalc.views.pictures.record import record

if TYPE_CHECKING:
    from browser import NewPage
    from playwright.sync_api import Locator, Page

RESNET = "zoo:resnet50"
NODES = ".graph .node"


def opened(page: Page, *arguments: str) -> Page:
    page.goto(report(*arguments).as_uri())
    page.locator("html[data-ready]").wait_for()
    return page


def item(page: Page, name: str) -> Locator:
    """A node or the title of an open block, by the whole name in its hint."""
    places = page.locator(".graph [data-id] > title").evaluate_all(
        "titles => titles.map(title => [title.textContent.split('\\n')[0], title.parentNode.dataset.id])"
    )
    ids = dict(places)
    assert name in ids, sorted(ids)
    return page.locator(f'.graph [data-id="{ids[name]}"]')


def names(page: Page, selector: str = NODES) -> list[str]:
    texts: list[str] = page.locator(f"{selector} > title").all_text_contents()
    return [text.partition("\n")[0] for text in texts]


def focused(page: Page) -> str:
    text: str = page.evaluate("document.activeElement.querySelector('title')?.textContent ?? ''")
    return text.partition("\n")[0]


def top(place: Locator) -> float:
    return float(place.evaluate("node => node.getBoundingClientRect().top"))


def fill(place: Locator) -> str:
    return str(place.locator(".frame").evaluate("frame => getComputedStyle(frame).fill"))


# ---- opening ---------------------------------------------------------------------------------------------------------


def test_a_click_opens_a_block_and_another_closes_it(page: Page) -> None:
    opened(page, RESNET)
    closed = names(page)
    assert "layer2" in closed
    item(page, "layer2").click()
    assert names(page, ".graph .cluster") == ["layer2"]
    assert [name for name in names(page) if name.startswith("layer2")] == [f"layer2.{at}" for at in range(4)]
    assert item(page, "layer2").get_attribute("aria-expanded") == "true"
    item(page, "layer2").click(position={"x": 12, "y": 12})
    assert names(page) == closed


def test_what_is_opened_stays_where_it_was(page: Page) -> None:
    opened(page, "zoo:unet")
    item(page, "encoder4").scroll_into_view_if_needed()
    before = top(item(page, "encoder4"))
    item(page, "encoder4").click()
    assert item(page, "encoder4").get_attribute("aria-expanded") == "true"
    assert top(item(page, "encoder4")) == pytest.approx(before, abs=2)
    item(page, "encoder4").click(position={"x": 12, "y": 12})
    assert top(item(page, "encoder4")) == pytest.approx(before, abs=2)


def test_a_layer_that_is_clicked_is_selected_and_one_that_is_selected_comes_into_sight(page: Page) -> None:
    opened(page, RESNET)
    item(page, "stem").click()
    assert page.evaluate("convcalc.states[0].selected") == "n1"
    assert names(page, f"{NODES}.selected") == ["stem"]
    page.evaluate("convcalc.states[0].select('n120')")
    name = convcalc.load(RESNET).nodes[120].name
    assert names(page, f"{NODES}.selected") == [name]
    view = page.locator(".graph-view").bounding_box()
    box = item(page, name).bounding_box()
    assert view is not None
    assert box is not None
    assert view["y"] <= box["y"] <= box["y"] + box["height"] <= view["y"] + view["height"]


def test_all_blocks_open_and_close(page: Page) -> None:
    opened(page, "zoo:resnet18")
    closed = names(page)
    page.get_by_role("button", name="Open all blocks").click()
    assert names(page) == [node.name for node in convcalc.load("zoo:resnet18").nodes]
    page.get_by_role("button", name="Close all blocks").click()
    assert names(page) == closed


def test_blocks_that_are_open_in_the_file_are_open_on_the_page(page: Page) -> None:
    opened(page, RESNET, "--open", "layer4.?", "--color-by", "params")
    assert names(page, ".graph .cluster") == ["layer4", "layer4.0", "layer4.1", "layer4.2"]
    assert page.get_by_role("radio", name="params").is_checked()


# ---- keys ------------------------------------------------------------------------------------------------------------


def test_keys_walk_along_the_edges_open_and_close(page: Page) -> None:
    opened(page, RESNET)
    page.locator('.graph [tabindex="0"]').focus()
    walk = [("ArrowDown", "stem"), ("ArrowDown", "batch_norm1"), ("ArrowUp", "stem"), ("End", "fc"), ("Home", "input")]
    for key, name in walk:
        page.keyboard.press(key)
        assert focused(page) == name, key
    item(page, "layer1").focus()
    for key, name in [
        ("Enter", "layer1"),
        ("ArrowDown", "layer1.0"),
        (" ", "layer1.0"),
        ("ArrowDown", "layer1.0.conv1"),
        ("ArrowUp", "layer1.0"),
        ("ArrowUp", "layer1"),
        ("ArrowUp", "max_pool1"),
        ("ArrowDown", "layer1.0.conv1"),
        ("Escape", "layer1.0"),
        ("Escape", "layer1"),
    ]:
        page.keyboard.press(key)
        assert focused(page) == name, key
    assert names(page, ".graph .cluster") == []
    assert page.locator('.graph [data-id][tabindex="0"]').count() == 1


def test_keys_and_wheel_make_it_larger_and_smaller(page: Page) -> None:
    opened(page, RESNET)
    svg = page.locator(".graph-view > svg")
    page.locator('.graph [tabindex="0"]').focus()
    width = int(str(svg.get_attribute("width")))
    page.keyboard.press("+")
    assert int(str(svg.get_attribute("width"))) == pytest.approx(width * 1.25, abs=1)
    page.keyboard.press("0")
    assert int(str(svg.get_attribute("width"))) == width
    place = item(page, "layer3")
    place.hover()
    box = place.bounding_box()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.wait_for_function(f"document.querySelector('.graph-view > svg').getAttribute('width') > {width * 2}")
    grown = place.bounding_box()
    assert box is not None
    assert grown is not None
    middles = [
        (place_box["x"] + place_box["width"] / 2, place_box["y"] + place_box["height"] / 2)
        for place_box in (box, grown)
    ]
    assert middles[1] == pytest.approx(middles[0], abs=30), "what is under the pointer stays there"


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_colours_are_those_of_the_share_in_the_largest(page: Page) -> None:
    opened(page, RESNET)
    graph = record(analyze(convcalc.load(RESNET)), RESNET)
    script = "Object.fromEntries([0, 1, 2, 3, 4, 5].map(step => ['heat-' + step, convcalc.colours()['heat-' + step]]))"
    colours = page.evaluate(script)
    for mode, column in (("MACs", "macs"), ("params", "params"), ("bytes moved", "bytes_moved")):
        page.get_by_role("radio", name=mode).check()
        place = graph["columns"].index(column)
        shown = {name: _costs(graph, name)[place] for name in names(page) if name != "input"}
        largest = max(shown.values())
        for name, amount in shown.items():
            step = -(-5 * amount // largest)
            assert fill(item(page, name)) == _rgb(colours[f"heat-{step}"]), (mode, name)


def _costs(graph: dict[str, Any], name: str) -> list[int]:
    costs: list[int] = next(part["costs"] for part in (*graph["parts"], *graph["nodes"]) if part["name"] == name)
    return costs


def _rgb(color: str) -> str:
    return f"rgb({', '.join(str(int(color[at : at + 2], 16)) for at in (1, 3, 5))})"


@pytest.mark.parametrize("name", [RESNET, "zoo:unet", "zoo:ssd300_vgg16"])
def test_the_page_draws_what_the_command_line_draws(page: Page, name: str) -> None:
    opened(page, name)
    network = convcalc.load(name)
    graph = readable(record(analyze(network), name))
    parts = [at for at, part in enumerate(outline(network)) if part.parent is None]
    size = {"width": 900, "height": 500}
    script = """([open, room]) => {
        const network = { ...convcalc.states[0].network, findings: undefined }; // which no picture shows
        return convcalc.drawing(network, convcalc.scene(network, open, room), { mode: "params" });
    }"""
    for opened_parts in ([], parts[:3]):
        scene = engine().call("convcalc.scene", graph, opened_parts, size)
        drawing = engine().call("convcalc.drawing", graph, scene, {"mode": "params"})
        assert page.evaluate(script, [opened_parts, size]) == drawing


def test_edges_of_what_is_pointed_at_stand_out(page: Page) -> None:
    opened(page, "zoo:unet")
    item(page, "encoder1").hover()
    ends = page.locator(".graph .edge.near").evaluate_all("edges => edges.map(e => [e.dataset.from, e.dataset.to])")
    own = item(page, "encoder1").get_attribute("data-id")
    assert len(ends) == 3
    assert all(own in pair for pair in ends)


def test_what_is_searched_for_is_marked(page: Page) -> None:
    opened(page, RESNET)
    page.evaluate("convcalc.states[0].find('layer3.2.conv')")
    assert names(page, f"{NODES}.matching") == ["layer3"]
    page.evaluate("convcalc.states[0].find('')")
    assert names(page, f"{NODES}.matching") == []


def test_nodes_say_what_they_are(page: Page) -> None:
    opened(page, RESNET)
    tree = page.locator(".graph-view").aria_snapshot()
    assert re.search('group "Graph of resnet50', tree)
    assert 'button "stem, conv 7x7 /2, 64x112x112, MACs 118.0 M, params 9,408' in tree
    assert re.search(r'button "fc, linear.*output of the network"', tree)


def test_names_stay_text_in_the_graph(page: Page) -> None:
    opened(page, spec(HOSTILE))
    page.get_by_role("button", name="Open all blocks").click()
    network = convcalc.load(spec(HOSTILE))
    assert names(page) == [node.name for node in network.nodes]
    assert page.locator(".graph-view :is(img, script, i, b, a)").count() == 0


def test_ten_thousand_layers_are_a_few_nodes(page: Page) -> None:
    opened(page, spec(DEEP))
    assert len(names(page)) <= MOST_PARTS + 1
    page.get_by_role("button", name="Open all blocks").click()
    assert len(names(page)) <= 500
    assert "stay closed" in page.locator(".graph-status").inner_text()


@pytest.mark.parametrize("width", [375, 1280])
def test_it_is_no_wider_than_the_page(new_page: NewPage, width: int) -> None:
    page = opened(new_page(viewport={"width": width, "height": 800}), RESNET)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".graph-view > svg").bounding_box()
    assert box is not None
    assert box["width"] <= width
    assert min(box["width"] / int(str(page.locator(".graph-view > svg").get_attribute("width"))), 1) == 1
