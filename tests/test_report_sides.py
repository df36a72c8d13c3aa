"""Several networks on one page: its numbers are those of compare, and what is chosen on a side is so on the other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import application
from typer.testing import CliRunner, Result

import convcalc
from convcalc.analysis.compare import delta
from convcalc.views.compare import shared

if TYPE_CHECKING:
    from browser import NewPage
    from playwright.sync_api import Locator, Page

SPEC = """
name: drawn
input: [3, 32, 32]
blocks:
  unit:
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
      - relu
layers:
  - conv: {name: stem, out_channels: 16, kernel_size: 3, padding: 1}
  - unit: {name: body, repeat: 3}
  - max_pool: {kernel_size: 2}
  - flatten
  - linear: {name: fc, out_features: 10}
"""
EDITED = SPEC.replace(
    "out_channels: 16, kernel_size: 3, padding: 1}\n      - relu", "out_channels: 16, kernel_size: 5}"
)
COSTS = ("params", "macs")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(application(), list(arguments))


def written(path: Path, *arguments: str) -> Path:
    result = run("report", *arguments, "-o", str(path))
    assert (result.exit_code, result.output) == (0, "")
    return path


def data(page: Path) -> Any:
    """What the scripts of a page read."""
    (text,) = re.findall('<script type="application/json" id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    return json.loads(text)


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """A spec and an edited copy of it."""
    paths = tmp_path / "first.yaml", tmp_path / "second.yaml"
    for path, text in zip(paths, (SPEC, EDITED), strict=True):
        path.write_text(text, "utf-8")
    return str(paths[0]), str(paths[1])


@pytest.fixture
def converted(tmp_path: Path) -> tuple[str, str]:
    """A spec and the model file that is made of it."""
    path = tmp_path / "resnet18.onnx"
    result = run("export", "zoo:resnet18", "-o", str(path))
    assert result.exit_code == 0, result.output
    return "zoo:resnet18", str(path)


PAIRS = (
    ("zoo:resnet18", "--variant", "separable"),
    ("zoo:resnet18", "--variant", "bottleneck,grouped:groups=4"),
    ("zoo:resnet18", "--variant", "ghost", "--layer", "layer*.conv2", "--except", "layer3"),
    ("zoo:resnet50", "zoo:resnext50_32x4d"),
    ("zoo:unet", "zoo:unet"),
    ("zoo:resnet18", "zoo:resnet50", "zoo:mobilenet_v2", "--device", "a100"),
)


@pytest.mark.parametrize("arguments", PAIRS, ids=" ".join)
def test_numbers_are_those_of_compare(arguments: tuple[str, ...], tmp_path: Path) -> None:
    _agree(
        data(written(tmp_path / "page.html", *arguments)),
        json.loads(run("compare", *arguments, "--format", "json").stdout),
    )


def test_numbers_of_an_edited_copy(two: tuple[str, str], tmp_path: Path) -> None:
    _agree(data(written(tmp_path / "page.html", *two)), json.loads(run("compare", *two, "--format", "json").stdout))


def test_a_converted_network(converted: tuple[str, str], tmp_path: Path) -> None:
    """What a conversion makes of it is marked so, and the lines that say it stand above."""
    page = written(tmp_path / "page.html", *converted)
    compared = json.loads(run("compare", *converted, "--format", "json").stdout)
    _agree(data(page), compared)
    assert ("same network" in page.read_text("utf-8")) == bool(compared["diff"].get("conversion", {}).get("is_same"))


def _agree(page: Any, compared: Any) -> None:
    """Every head of a page with that of the JSON of compare."""
    heads = {head["label"]: head for head in compared.get("heads", [])}
    for head in page["sides"]["heads"]:
        other = heads.get(head["label"], compared)
        names = [[node["name"] for node in page["networks"][place]["nodes"]] for place in (0, head["network"])]
        assert head["totals"] == other["diff"]["totals"]
        changed = [row for row in head["rows"] if row["mark"] != "same"]
        assert len(changed) == len(other["diff"]["layers"])
        for row, change in zip(changed, other["diff"]["layers"], strict=True):
            assert row["mark"] == change["mark"]
            for cost in COSTS:
                numbers = row["costs"][page["networks"][0]["columns"].index(cost)]
                assert numbers == [change[cost]["base"], change[cost]["head"], change[cost]["delta"]]
            for side, place, line in zip(names, (0, head["network"]), ("base", "head"), strict=True):
                _stands_for(row.get(line, []), page["networks"][place], side, change, line)
        _covers_all(head, page)


def _stands_for(ids: list[str], network: Any, names: list[str], change: Any, line: str) -> None:
    """The ids of a row are the layers that compare names, or the block around just these."""
    if change[line] is None:
        assert ids == []
        return
    parts = [part["name"] for part in change.get(f"{line}_parts", ())] or [change[line]["name"]]
    assert [names[place] for identifier in ids for place in _places(identifier, network)] == parts


def _places(identifier: str, network: Any) -> list[int]:
    place = int(identifier[1:])
    if identifier[0] == "n":
        return [place]
    part = network["parts"][place]
    return list(range(part["first"], part["last"]))


def _covers_all(head: Any, page: Any) -> None:
    """Every layer of both networks is in one row."""
    for line, place in (("base", 0), ("head", head["network"])):
        network = page["networks"][place]
        places = [place for row in head["rows"] for name in row.get(line, ()) for place in _places(name, network)]
        assert sorted(places) == [place for place, node in enumerate(network["nodes"]) if node["kind"] != "input"]


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (
            ("zoo:resnet18", "zoo:unet"),
            "the inputs differ: [3, 224, 224] against [1, 572, 572]; --allow-input-change",
            2,
        ),
        (("zoo:resnet18", "zoo:unet", "--variant", "ghost"), "--variant takes a single spec", 2),
        (("zoo:resnet18", "--layer", "stem"), "--layer and --except are for a --variant", 2),
        (("zoo:resnet18", "--variant", "ghots"), "ghost", 2),
        (("zoo:resnet18", "--variant", "ghost", "--layer", "nobody"), "nobody", 2),
        (("zoo:vit_b_16", "--variant", "ghost", "--layer", "class_token"), "no layer to replace", 1),
        (("-", "-"), "standard input can only be read once", 2),
        (("zoo:resnet18", "zoo:resnet50", "--format", "svg"), "svg shows a single network", 2),
        (("zoo:resnet18", "zoo:resnet50", "--open", "nobody"), "--open: ", 2),
    ],
)
def test_what_cannot_stand_side_by_side(arguments: tuple[str, ...], message: str, code: int, tmp_path: Path) -> None:
    """The mistakes are those of compare, and no file is written."""
    path = tmp_path / "page.html"
    result = run("report", *arguments, "-o", str(path))
    assert result.exit_code == code
    assert message in re.sub(r"[\s│]+", " ", result.output)
    assert not path.exists()


def test_mistakes_of_either_spec_are_shown(two: tuple[str, str], tmp_path: Path) -> None:
    Path(two[1]).write_text(SPEC.replace("kernel_size: 2", "kernel_size: 99"), "utf-8")
    result = run("report", *two, "-o", str(tmp_path / "page.html"))
    assert result.exit_code == 2
    assert "second.yaml:12" in result.output
    assert not (tmp_path / "page.html").exists()


def test_a_variant_that_cannot_apply_is_a_row_among_others(tmp_path: Path) -> None:
    page = written(tmp_path / "page.html", "zoo:resnet18", "--variant", "all")
    compared = json.loads(run("compare", "zoo:resnet18", "--variant", "all", "--format", "json").stdout)
    text = page.read_text("utf-8")
    applied = [head["label"] for head in compared["heads"] if head["reason"] is None]
    assert sorted(head["label"] for head in data(page)["sides"]["heads"]) == sorted(applied)
    for head in compared["heads"]:
        assert head["label"] in text
    assert text.count("<option") == len(applied)


# ---- in a browser --------------------------------------------------------------------------------------------------


Opened = Callable[..., "Page"]


@pytest.fixture
def opened(new_page: NewPage, tmp_path: Path) -> Opened:
    """A function that opens the page of some networks."""

    def made(*arguments: str, **context: Any) -> Page:
        page = new_page(**context)
        page.goto(written(tmp_path / "page.html", *arguments).as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    return made


def rows(page: Page) -> Locator:
    return page.locator(".changes tbody tr[data-row]")


def chosen(page: Page, network: int) -> str | None:
    """The name of what is selected on a side."""
    name: str | None = page.evaluate(
        "(place) => { const {selected, network} = convcalc.states[place];"
        "return selected && convcalc.item(network, selected).name; }",
        network,
    )
    return name


def test_what_changed_is_shown_first(opened: Opened, two: tuple[str, str]) -> None:
    page = opened(*two)
    comparison = convcalc.compare(convcalc.load(two[0]), convcalc.load(two[1]))
    assert rows(page).count() == len(comparison.changes)
    page.get_by_role("radio", name=re.compile("all layers")).check()
    assert rows(page).count() == len(comparison.layers)
    for mark in {change.mark for change in comparison.changes}:
        page.get_by_role("radio", name=re.compile(mark)).check()
        assert rows(page).count() == sum(change.mark == mark for change in comparison.layers)
        assert rows(page).locator(".word").all_text_contents() == [mark] * rows(page).count()


def test_the_table_has_the_exact_numbers(opened: Opened) -> None:
    page = opened("zoo:squeezenet1_0", "zoo:squeezenet1_1")
    comparison = convcalc.compare(convcalc.load("zoo:squeezenet1_0"), convcalc.load("zoo:squeezenet1_1"))
    for line, change in zip(rows(page).all(), comparison.changes, strict=True):
        cells = [text.replace("\u2212", "-") for text in line.locator("td").all_text_contents()]
        for place, cost in ((3, "params"), (5, "macs")):
            number = change.delta(cost)
            assert cells[place] == f"{number.base if change.mark == 'removed' else number.head:,}"
            assert cells[place + 1] == (f"{number.delta:+,}" if number.delta else "")


def test_rows_are_sorted_by_the_size_of_the_change(opened: Opened) -> None:
    page = opened("zoo:resnet18", "--variant", "separable")
    page.get_by_role("button", name="± MACs").click()
    texts = rows(page).locator("td:nth-child(8)").all_text_contents()
    sizes = [int(re.sub(r"\D", "", text)) for text in texts]
    assert len(sizes) == 17
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


def test_what_is_selected_is_so_on_both_sides(opened: Opened) -> None:
    page = opened("zoo:resnet18", "--variant", "separable")
    rows(page).first.click()
    assert (chosen(page, 0), chosen(page, 1)) == ("stem", "stem")
    page.evaluate("convcalc.states[1].select('n' + convcalc.states[1].network.nodes.findIndex("
                  "(node) => node.name === 'layer2.1.conv1.pointwise'))")  # fmt: skip
    assert chosen(page, 0) == "layer2.1.conv1"
    assert chosen(page, 1) == "layer2.1.conv1.pointwise"
    assert page.locator('tr[aria-selected="true"] th').text_content() == "layer2.1.conv1"


def test_blocks_open_and_close_on_both_sides(opened: Opened) -> None:
    page = opened("zoo:resnet18", "--variant", "separable")
    names = "(place) => [...convcalc.states[place].open].map((part) => convcalc.states[place].network.parts[part].name)"
    page.evaluate(
        "convcalc.states[0].toggle(convcalc.states[0].network.parts.findIndex((part) => part.name === 'layer2'))"
    )
    assert page.evaluate(names, 0) == page.evaluate(names, 1) == ["layer2"]
    page.evaluate(
        "convcalc.states[1].toggle(convcalc.states[1].network.parts.findIndex((part) => part.name === 'layer2'))"
    )
    assert page.evaluate(names, 0) == page.evaluate(names, 1) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("zoo:resnet18", "zoo:resnet50"),
        ("zoo:resnet18", "--variant", "ghost"),
        ("zoo:squeezenet1_0", "zoo:squeezenet1_1"),
    ],
    ids=" ".join,
)
def test_every_layer_has_its_mark(opened: Opened, arguments: tuple[str, ...]) -> None:
    page = opened(*arguments)
    compared = json.loads(run("compare", *arguments, "--format", "json").stdout)
    for place, side in enumerate(("base", "head")):
        expected = {
            line["name"]: change["mark"]
            for change in compared["diff"]["layers"]
            if change[side] is not None
            for line in (change.get(f"{side}_parts") or [change[side]])
        }
        assert page.evaluate(MARKS, place) == expected


MARKS = """(place) => {
  const { marks, network } = convcalc.states[place];
  const layers = [...marks].filter(([id]) => id[0] === "n");
  return Object.fromEntries(layers.map(([id, mark]) => [network.nodes[Number(id.slice(1))].name, mark]));
}"""


def test_the_graphs_show_the_marks(opened: Opened, two: tuple[str, str]) -> None:
    """With a sign on a node, and its word where the pointer rests; what is the same has none."""
    page = opened(*two, "--open", "body*")
    for place, network in enumerate(map(convcalc.load, two)):
        marks = {change.name: change.mark for change in convcalc.compare(*map(convcalc.load, two)).changes}
        side = page.locator(f'.side[data-network="{place}"]')
        names = [node.name for node in network.nodes]
        for node in side.locator("svg g.node").all():
            identifier = str(node.get_attribute("data-id"))
            if identifier[0] != "n":
                continue
            mark = marks.get(names[int(identifier[1:])], "")
            assert (node.get_attribute("data-mark") or "") == mark
            assert node.locator("g.mark").count() == bool(mark)
            assert str(node.get_attribute("aria-label")).endswith(f", {mark}") == bool(mark)
            assert not mark or str(node.locator("g.mark title").text_content()).startswith(mark)


def test_a_click_in_a_graph_selects_on_both_sides(opened: Opened) -> None:
    page = opened("zoo:resnet18", "zoo:resnet50")
    page.locator('.side[data-network="1"] svg g.node', has_text="fc").first.click()
    assert chosen(page, 0) == chosen(page, 1) == "fc"
    assert page.locator('.changes tr[aria-selected="true"] th').text_content() == "fc"
    assert page.locator("svg g.node.selected").count() == 2


def test_what_is_selected_has_its_difference(opened: Opened) -> None:
    """Of a layer, of a block, and of a layer that the first network does not have."""
    page = opened("zoo:resnet18", "zoo:resnet50")
    reports = [convcalc.analyze(convcalc.load(f"zoo:{name}")) for name in ("resnet18", "resnet50")]
    for name, sign in (("fc", "≈ affected"), ("layer3", "~ edited"), ("layer4.2.conv3", "+ added")):
        page.evaluate(SELECT, name)
        texts = page.locator("[data-difference] tbody tr").all_text_contents()
        inside = [[layer for layer in report.layers if f"{layer.name}.".startswith(f"{name}.")] for report in reports]
        for place, cost in enumerate(COSTS):
            first, second = (sum(getattr(layer, cost) for layer in layers) for layers in inside)
            before = f"{first:,}" if inside[0] else "–"
            assert f"{before}{second:,}{second - first:+,}" in texts[place]
        shown = page.locator("[data-difference] p .mark")
        assert " ".join(shown.locator("span").all_text_contents()) == sign


SELECT = """(name) => {
  const [, state] = convcalc.states;
  const ids = ["nodes", "parts"].map((kind) => [kind[0], state.network[kind].findIndex((item) => item.name === name)]);
  state.select(ids.filter(([, place]) => place >= 0).map(([letter, place]) => letter + place)[0]);
}"""


def test_colours_mean_the_same_on_both_sides(opened: Opened) -> None:
    """The scale of either graph reaches to the larger network's largest block, whatever is open."""
    page = opened("zoo:resnet18", "zoo:resnet50")
    for part in (None, "layer3"):
        if part:
            page.locator('.side[data-network="0"] svg g.node', has_text=part).first.click()
            assert page.locator("svg .cluster").count() == 2
        ends = page.locator(".graph-legend > span:last-child:visible").all_text_contents()
        assert len(ends) == 2
        assert ends[0] == ends[1]


def test_charts_are_drawn_on_the_same_axes(opened: Opened) -> None:
    """They reach as far as the larger network needs, and back where another is put beside the first."""
    page = opened("zoo:resnet18", "zoo:resnet18", "zoo:resnet50")
    axes = "(place) => convcalc.states[place].network.charts.filter((chart) => chart.option).map(({option}) => "
    axes += "[option.xAxis, option.yAxis].map(({min, max}) => [min, max]))"
    page.get_by_label("Shown beside").select_option(index=0)
    alone = page.evaluate(axes, 0)
    page.get_by_label("Shown beside").select_option(index=1)
    assert page.evaluate(axes, 0) == page.evaluate(axes, 2)
    layers = len(convcalc.load("zoo:resnet50").layers)
    assert page.evaluate(axes, 0)[0][0] == [-0.5, layers - 0.5]
    page.get_by_label("Shown beside").select_option(index=0)
    assert page.evaluate(axes, 0) == alone


def test_another_network_is_put_on_the_right(opened: Opened) -> None:
    page = opened("zoo:resnet18", "--variant", "separable,ghost")
    headings = page.locator(".side > h3:visible")
    assert set(headings.all_text_contents()) == {"standard", "separable"}
    page.get_by_label("Shown beside standard").select_option(label="ghost")
    assert set(headings.all_text_contents()) == {"standard", "ghost"}
    rows(page).first.click()
    assert chosen(page, 0) == chosen(page, 2) == "stem"
    assert chosen(page, 1) is None


def test_equal_networks_are_said_to_be_equal(opened: Opened) -> None:
    page = opened("zoo:unet", "zoo:unet")
    assert page.get_by_text("no difference").is_visible()
    assert page.get_by_text("No layer differs.").is_visible()
    assert rows(page).count() == 0
    page.get_by_role("radio", name=re.compile("all layers")).check()
    assert rows(page).count() == len(convcalc.load("zoo:unet").layers)


def test_names_stay_text(opened: Opened, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    paths = []
    for place, size in enumerate((3, 5)):
        path = tmp_path / f"{place}.yaml"
        conv = f"{{name: '{hostile}', out_channels: 4, kernel_size: {size}}}"
        path.write_text(f"name: '{hostile}'\ninput: [3, 9, 9]\nlayers:\n  - conv: {conv}\n", "utf-8")
        paths.append(str(path))
    page = opened(*paths)
    assert page.locator("img").count() == 0
    assert page.get_by_role("heading", level=1).text_content() == hostile
    assert rows(page).locator("th").all_text_contents() == [hostile]


def test_a_long_name_leaves_room_for_the_numbers(opened: Opened, tmp_path: Path) -> None:
    name = "x" * 3000
    paths = []
    for place, size in enumerate((3, 5)):
        path = tmp_path / f"{place}.yaml"
        conv = f"{{name: {name}, out_channels: 4, kernel_size: {size}}}"
        path.write_text(f"name: long\ninput: [3, 9, 9]\nlayers:\n  - conv: {conv}\n", "utf-8")
        paths.append(str(path))
    page = opened(*paths)
    assert rows(page).locator("th").all_text_contents() == [name]
    assert rows(page).locator("th span").get_attribute("title") == name
    box: Any = rows(page).get_by_text("edited").bounding_box()
    assert box["x"] + box["width"] < 1280


@pytest.mark.parametrize(
    ("base", "head"),
    [(100_000, 100_350), (10_000_000, 10_035_001), (400, 401), (400, 403), (10_000, 9_995), (1, 2**60), (3, 2)],
)
def test_percentages_are_those_of_compare(opened: Opened, base: int, head: int) -> None:
    """Also on both sides of a tie: 0.3500 and 0.35001 %, and 0.25 and 0.75, which are ties also in binary."""
    page = opened("zoo:alexnet", "zoo:alexnet")
    text = page.evaluate("costs => convcalc.differences.percent(costs)", [str(base), str(head)])
    assert text.replace("\u2212", "-") == shared.percent(delta(base, head))
