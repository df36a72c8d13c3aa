"""Charts in a browser: drawn, linked with what is selected, walked by keys, in the colours of the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import application
from typer.testing import CliRunner

if TYPE_CHECKING:
    from browser import NewPage
    from playwright.sync_api import Locator, Page

HOSTILE = """
input: [3, 32, 32]
layers:
  - conv: {name: "<img src=x onerror=alert(1)>", out_channels: 8, kernel_size: 3, padding: 1}
  - relu: {name: "</script><b>bold</b>"}
"""
VOLUME = """
input: [3, 8, 24, 24]
layers:
  - conv: {name: first, out_channels: 4, kernel_size: [1, 5, 7], padding: [0, 2, 3]}
  - conv: {name: second, out_channels: 4, kernel_size: 3, padding: 1}
"""


def run(command: str, *arguments: object) -> str:
    result = CliRunner().invoke(application(), [command, *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("charts") / "resnet50.html"
    run("report", "zoo:resnet50", "--device", "jetson-orin-nano", "-o", path)
    return path


def opened(page: Page, path: Path) -> Page:
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    return page


def chart(page: Page, name: str) -> Locator:
    return page.locator(f'[data-chart="{name}"]')


def index_of(page: Page, name: str) -> int:
    index: int = page.evaluate("name => convcalc.states[0].network.nodes.findIndex(node => node.name === name)", name)
    return index


def selected(page: Page) -> str:
    """The name of what is selected."""
    name: str = page.evaluate("convcalc.item(convcalc.states[0].network, convcalc.states[0].selected).name")
    return name


def pixel(page: Page, name: str, layer: str) -> dict[str, float]:
    """Where the point of a layer is in the place of its chart."""
    script = """([name, id]) => {
      const view = document.querySelector(`[data-chart="${name}"]`).view;
      const [x, y] = view.drawing.convertToPixel("grid", view.byLayer.get(id).value);
      return { x, y };
    }"""
    place: dict[str, float] = page.evaluate(script, [name, f"n{index_of(page, layer)}"])
    return place


def click(page: Page, name: str, layer: str) -> None:
    """Click at the point of a layer in a chart until something is selected: a chart may be drawn anew in between.

    The page is asked again and again, as its policy forbids what Playwright would wait by.
    """
    plot = chart(page, name).locator(".chart-plot")
    for _ in range(_CLICKS):
        plot.click(position=pixel(page, name, layer))  # type: ignore[arg-type]
        for _ in range(_LOOKS):
            if page.evaluate("convcalc.states[0].selected !== null"):
                return
            page.wait_for_timeout(_MILLISECONDS)


_CLICKS, _LOOKS, _MILLISECONDS = 5, 20, 100
"""How often it is clicked, how often looked at after each, and what lies between two looks."""


def marked(page: Page, name: str) -> list[list[float]]:
    """The points that are marked as selected in a chart."""
    script = """name => document.querySelector(`[data-chart="${name}"]`).view.drawing.getOption().series
      .find(series => series.id === "selected").data.map(point => point.value)"""
    points: list[list[float]] = page.evaluate(script, name)
    return points


def test_every_chart_is_drawn_with_what_it_says(page: Page, resnet: Path) -> None:
    opened(page, resnet)
    assert page.locator("[data-chart]").evaluate_all("all => all.map(chart => chart.dataset.chart)") == [
        *("memory", "field", "drawing", "roofline"),
    ]
    document = json.loads(run("memory", "zoo:resnet50", "--device", "jetson-orin-nano", "--format", "json"))
    peak = document["peak_activation"]
    assert f"({peak['bytes']:,} bytes) at {peak['layer']}" in chart(page, "memory").locator("figcaption").inner_text()
    for name in ("memory", "field", "roofline"):
        picture = chart(page, name).locator("svg")
        assert picture.locator("path").count() > 10
        box = picture.bounding_box()
        assert box is not None
        assert box["width"] > 400
    assert chart(page, "memory").locator("svg text", has_text=f"at {peak['layer']}").count() == 1
    for block in ("layer1", "layer2", "layer3", "layer4"):
        assert chart(page, "memory").locator("svg text", has_text=block).count() >= 1


@pytest.mark.parametrize("name", ["memory", "field", "roofline"])
def test_a_click_selects_and_every_chart_marks_it(page: Page, resnet: Path, name: str) -> None:
    opened(page, resnet)
    layer = "layer2.0.conv2"
    click(page, name, layer)
    assert selected(page) == layer
    place = index_of(page, layer) - 1
    layers = json.loads(run("memory", "zoo:resnet50", "--format", "json"))["layers"]
    assert marked(page, "memory") == [[place, layers[place]["alive_bytes"]]]
    rows = json.loads(run("analyze", "zoo:resnet50", "--format", "json", "--device", "jetson-orin-nano"))["layers"]
    assert marked(page, "field") == [[place, max(rows[place]["receptive_field"]["size"])]]
    ((intensity, rate, time),) = marked(page, "roofline")
    assert time == rows[place]["bound"]["ps"]
    assert rate == pytest.approx(rows[place]["flops"] * 10**12 / time)
    assert intensity > 0
    size = "x".join(map(str, rows[place]["receptive_field"]["size"]))
    assert chart(page, "drawing").locator(".field-chosen").inner_text() == f"{layer}: {size}"


def test_a_tooltip_has_exact_numbers(page: Page, resnet: Path) -> None:
    opened(page, resnet)
    layers = json.loads(run("memory", "zoo:resnet50", "--format", "json"))["layers"]
    for place in (5, 90):
        layer = layers[place]
        plot = chart(page, "memory").locator(".chart-plot")
        plot.hover(position=pixel(page, "memory", layer["layer"]))  # type: ignore[arg-type]
        tooltip = chart(page, "memory").get_by_text(f"({layer['alive_bytes']:,} bytes)").last
        tooltip.wait_for()
        assert layer["layer"] in tooltip.locator("..").inner_text()


def test_keys_walk_through_a_chart(page: Page, resnet: Path) -> None:
    opened(page, resnet)
    layers = json.loads(run("memory", "zoo:resnet50", "--format", "json"))["layers"]
    plot = chart(page, "memory").locator(".chart-plot")
    assert plot.get_attribute("aria-valuetext") == "no layer is selected"
    plot.focus()
    walked = []
    for key in ("ArrowRight", "ArrowRight", "PageUp", "ArrowLeft", "End", "ArrowRight", "Home"):
        page.keyboard.press(key)
        walked.append(selected(page))
    names = [layer["layer"] for layer in layers]
    assert walked == [names[place] for place in (0, 1, 11, 10, -1, -1, 0)]
    spoken = plot.get_attribute("aria-valuetext") or ""
    assert spoken.startswith(f"{names[0]}, conv 7x7 /2 64x112x112, alive ")
    assert f"({layers[0]['alive_bytes']:,} bytes)" in spoken
    assert (plot.get_attribute("role"), plot.get_attribute("aria-valuemax")) == ("slider", str(len(layers)))


def test_a_block_is_marked_where_its_layers_run(page: Page, resnet: Path) -> None:
    opened(page, resnet)
    part = page.evaluate("convcalc.states[0].network.parts.findIndex(part => part.name === 'layer3')")
    page.evaluate("id => convcalc.states[0].select(id)", f"p{part}")
    area = page.evaluate(
        """document.querySelector('[data-chart="memory"]').view.drawing.getOption().series
           .find(series => series.id === "selected").markArea.data[0].map(end => end.xAxis)"""
    )
    layers = [row["name"] for row in json.loads(run("analyze", "zoo:resnet50", "--format", "json"))["layers"]]
    inside = [place for place, name in enumerate(layers) if name.startswith("layer3.")]
    assert area == [inside[0] - 0.5, inside[-1] + 0.5]


def test_dark_is_another_picture(new_page: NewPage, resnet: Path) -> None:
    shown = opened(new_page(color_scheme="light"), resnet)
    seen = {}
    for scheme in ("light", "dark"):
        shown.emulate_media(color_scheme=scheme)
        shown.wait_for_function("dark => document.documentElement.dataset.dark === String(dark)", arg=scheme == "dark")
        accent = shown.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()")
        strokes = (
            chart(shown, "memory")
            .locator("svg path")
            .evaluate_all("all => all.map(path => path.getAttribute('stroke'))")
        )
        assert accent in strokes
        seen[scheme] = accent
    assert seen["light"] != seen["dark"]


@pytest.mark.parametrize("width", [375, 800, 1920])
def test_charts_are_as_wide_as_there_is_room(new_page: NewPage, resnet: Path, width: int) -> None:
    shown = opened(new_page(viewport={"width": width, "height": 800}), resnet)
    for name in ("memory", "field", "roofline"):
        plot, picture = (chart(shown, name).locator(kind).bounding_box() for kind in (".chart-plot", "svg"))
        assert plot is not None
        assert picture is not None
        assert abs(plot["width"] - picture["width"]) <= 1
        assert plot["x"] + plot["width"] <= width
    shown.set_viewport_size({"width": 600, "height": 800})
    shown.wait_for_function(
        """() => [...document.querySelectorAll('.chart-plot')].every(plot =>
           Math.abs(plot.clientWidth - plot.querySelector('svg').getBoundingClientRect().width) <= 1)"""
    )


def test_fields_are_drawn_to_scale(page: Page, resnet: Path) -> None:
    opened(page, resnet)
    drawing = chart(page, "drawing")
    boxes = drawing.locator(".field-box.named").evaluate_all(
        "all => all.map(box => [box.querySelector('title').textContent, box.getBoundingClientRect().width])"
    )
    (frame,) = drawing.locator(".field-input").evaluate_all("all => all.map(box => box.getBoundingClientRect().width)")
    rows = json.loads(run("analyze", "zoo:resnet50", "--format", "json"))["layers"]
    sizes = {row["name"]: row["receptive_field"]["size"] for row in rows}
    assert len(boxes) >= 5
    for title, width in boxes:
        name, _, size = title.rpartition(": ")
        assert size == "x".join(map(str, sizes[name]))
        assert width / frame == pytest.approx(sizes[name][1] / 224, abs=0.01)


def test_a_field_is_selected_by_its_name(page: Page, resnet: Path) -> None:
    opened(page, resnet)
    drawing = chart(page, "drawing")
    button = drawing.locator(".field-list button").first
    button.click()
    assert selected(page) in button.inner_text()
    assert button.get_attribute("aria-pressed") == "true"
    assert drawing.locator(".field-list button[aria-pressed=true]").count() == 1
    box, frame = (drawing.locator(kind).bounding_box() for kind in (".field-selected", ".field-input"))
    assert box is not None
    assert frame is not None
    assert box["width"] / frame["width"] == pytest.approx(427 / 224, abs=0.02)
    page.evaluate("convcalc.states[0].select('n174')")
    assert drawing.locator(".field-chosen").inner_text() == f"{selected(page)}: all"
    assert drawing.locator(".field-list button[aria-pressed=true]").count() == 0


def test_a_volume_is_drawn_from_two_sides(page: Page, tmp_path: Path) -> None:
    spec, path = tmp_path / "volume.yaml", tmp_path / "volume.html"
    spec.write_text(VOLUME, "utf-8")
    run("report", spec, "-o", path)
    opened(page, path)
    pictures = chart(page, "drawing").locator(".field-picture")
    shapes = [
        picture.locator(".field-box").evaluate_all(
            "all => all.map(box => ['height', 'width'].map(name => Number(box.getAttribute(name))))"
        )
        for picture in pictures.all()
    ]
    assert [sorted(shape) for shape in shapes] == [[[5, 7], [7, 9]], [[1, 7], [3, 9]]]


def test_names_stay_text(page: Page, tmp_path: Path) -> None:
    spec, path = tmp_path / "hostile.yaml", tmp_path / "hostile.html"
    spec.write_text(HOSTILE, "utf-8")
    run("report", spec, "--device", "a100", "-o", path)
    opened(page, path)
    for name in ("memory", "field", "roofline"):
        place: Any = pixel(page, name, "<img src=x onerror=alert(1)>")
        chart(page, name).locator(".chart-plot").hover(position=place)
        chart(page, name).locator("strong", has_text="<img src=x onerror=alert(1)>").first.wait_for()
    slot = page.locator("[data-slot=charts]")
    assert slot.locator("img, script, b b").count() == 0
    page.evaluate("convcalc.states[0].select('n2')")
    assert chart(page, "drawing").locator(".field-chosen").inner_text() == "</script><b>bold</b>: 3x3"
    spoken = chart(page, "memory").locator(".chart-plot").get_attribute("aria-valuetext") or ""
    assert spoken.startswith("</script><b>bold</b>, relu")


@pytest.mark.parametrize("name", ["constructor", "toString"])
def test_names_that_objects_have_are_written_below_an_axis(page: Page, tmp_path: Path, name: str) -> None:
    """ECharts keeps the widths of texts in a plain object, in which such a name stands for something else."""
    unit = "blocks:\n  unit:\n    layers:\n      - conv: {out_channels: 4, kernel_size: 3}\n      - relu\n"
    spec = f"name: names\ninput: [3, 8, 8]\n{unit}layers:\n  - unit: {{name: {name}}}\n"
    (tmp_path / "net.yaml").write_text(spec, "utf-8")
    run("report", tmp_path / "net.yaml", "-o", tmp_path / "net.html")
    opened(page, tmp_path / "net.html")
    assert name in chart(page, "memory").inner_text()
    assert page.evaluate("name => convcalc.measurable(name)", name) == f"{name} "
    assert page.evaluate("convcalc.measurable('stem')") == "stem"


def test_thousands_of_layers_are_drawn(page: Page, tmp_path: Path) -> None:
    layers = ["  - conv: {out_channels: 4, kernel_size: 3, padding: 1}", "  - relu"] * 2_500
    layers[2_000] = "  - conv: {name: wide, out_channels: 64, kernel_size: 1}"
    spec, path = tmp_path / "long.yaml", tmp_path / "long.html"
    spec.write_text("\n".join(["input: [4, 32, 32]", "layers:", *layers]), "utf-8")
    run("report", spec, "-o", path)
    opened(page, path)
    peak = json.loads(run("analyze", spec, "--format", "json"))["totals"]["peak_activation_bytes"]
    drawn = page.evaluate(
        "Math.max(...document.querySelector('[data-chart=memory]').view.points.map(point => point.value[1]))"
    )
    assert drawn == peak
    assert page.locator("[data-slot=charts] *").count() < 4_000
    assert chart(page, "memory").locator("svg text", has_text=re.compile("at (wide|relu|conv)")).count() == 1
    page.evaluate("convcalc.states[0].select('n777')")  # which another layer stands for
    assert len(marked(page, "memory")) == 1
