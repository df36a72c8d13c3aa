"""`memory --plot`: an SVG file that can be read as one, with the command's numbers where its shapes are."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from command_line import application
from typer.testing import CliRunner

import convcalc
from convcalc.views.pictures.charts import charts, memory
from convcalc.views.pictures.plot import colours, svg

if TYPE_CHECKING:
    from browser import NewPage

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = """
name: "]]><script>alert(1)</script>\\u200f"
input: [3, 8, 8]
layers:
  - conv: {name: "<svg onload=alert(1)>&amp;\\"'", out_channels: 64, kernel_size: 3}
"""
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(application(), ["memory", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.stderr if code else result.stdout


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)  # noqa: S314  # it is ours


def texts(root: ElementTree.Element) -> dict[str, tuple[float, float]]:
    """The texts of a picture with where they are."""
    moved = {}
    for element in root.iter(f"{SVG}text"):
        match = re.fullmatch(r"translate\((\S+) (\S+)\)", element.get("transform", ""))
        if match:
            moved[element.text or ""] = float(match[1]), float(match[2])
    return moved


def line_of(root: ElementTree.Element) -> list[tuple[float, float]]:
    """The corners of the longest line that is drawn without being filled."""
    paths = [element.get("d", "") for element in root.iter(f"{SVG}path") if element.get("fill") == "none"]
    longest = max(paths, key=len)
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]?([\d.-]+) ([\d.-]+)", longest)]


@pytest.mark.parametrize("order", ["written", "best"])
@pytest.mark.parametrize("network", ["zoo:resnet50", "zoo:unet", "zoo:mobilenet_v3_small"])
def test_the_line_is_as_high_as_the_bytes(network: str, order: str) -> None:
    root = parsed(run(network, "--order", order, "--plot", "-"))
    document = json.loads(run(network, "--order", order, "--format", "json"))
    labels = [(text.split(), y) for text, (_, y) in texts(root).items() if re.fullmatch(r"\d+ [KMGT]?i?B", text)]
    heights = {int(number) * UNITS[unit]: y for (number, unit), y in labels}
    assert len(heights) >= 3
    (least, bottom), (most, top) = min(heights.items()), max(heights.items())
    corners = line_of(root)
    expected = [layer["alive_bytes"] for layer in document["layers"]]
    drawn = [(bottom - y) * (most - least) / (bottom - top) for _, y in corners]
    pixel = (most - least) / (bottom - top)
    assert max(drawn) == pytest.approx(max(expected), abs=pixel)
    changes = [size for place, size in enumerate(drawn) if not place or abs(size - drawn[place - 1]) > 1e-6]
    sizes = [size for place, size in enumerate(expected) if not place or size != expected[place - 1]]
    visible = [size for place, size in enumerate(sizes) if not place or abs(size - sizes[place - 1]) > 2 * pixel]
    for size in visible:
        assert any(abs(size - height) <= pixel for height in changes), size


def test_a_picture_says_what_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "memory.svg"
    table = run("zoo:resnet50", "--batch", 2, "--plot", path)
    assert table == run("zoo:resnet50", "--batch", 2)
    root = parsed(path.read_text("utf-8"))
    report = convcalc.analyze(convcalc.load("zoo:resnet50"), batch=2)
    assert report.peak is not None
    named = {element.tag.removeprefix(SVG): element.text or "" for element in root}
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title desc"
    assert named["title"] == named["text"] == "resnet50 · memory over time · batch 2 · float32"
    assert f"({report.peak.bytes:,} bytes) at {report.peak.layer}" in named["desc"]
    assert any(text.startswith("peak ") and text.endswith(report.peak.layer) for text in texts(root))
    assert {"layer1", "layer2", "layer3", "layer4"} <= set(texts(root))
    assert path.stat().st_size < 60_000


def test_a_picture_is_dark_where_that_is_preferred(new_page: NewPage, tmp_path: Path) -> None:
    path = tmp_path / "memory.svg"
    run("zoo:unet", "--device", "stm32n6", "--dtype", "int8", "--plot", path)
    for scheme, style in (("light", "page"), ("dark", "dark")):
        shown = new_page(color_scheme=scheme)
        shown.goto(path.as_uri())
        seen = shown.evaluate(
            "[...document.querySelectorAll('rect, path, text')].flatMap(element => {"
            " const style = getComputedStyle(element); return [style.fill, style.stroke]; })"
        )
        known = {_rgb(colour) for colour in colours(style).values()}
        assert set(seen) - {"none", "rgb(0, 0, 0)"} <= known
        assert {_rgb(colours(style)[name]) for name in ("paper", "ink", "muted", "accent")} <= set(seen)


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))})"


def test_names_stay_text(tmp_path: Path) -> None:
    spec = tmp_path / "hostile.yaml"
    spec.write_text(HOSTILE, "utf-8")
    picture = run(spec, "--plot", "-")
    root = parsed(picture)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "g", "path", "text", "defs", "clipPath"}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
    assert any("<svg onload=alert(1)>&amp;\"'" in text for text in texts(root))
    assert "]]><script>alert(1)</script>" in (root.findtext(f"{SVG}title") or "")
    assert not re.search("[\u200f\u202e\x00-\x09]", picture)


def test_a_name_is_no_template() -> None:
    """Of ECharts, in which ``{c}`` is a value and ``{a|text}`` a style."""
    chart = memory.chart(convcalc.analyze(convcalc.load("zoo:unet")))
    assert chart is not None
    name = "{a}{b}{c}{@[1]}{style|text}"
    chart["option"]["series"][0]["markPoint"]["data"][0]["name"] = name
    assert name in texts(parsed(svg(chart)))


def test_a_file_is_written_over_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "memory.svg"
    path.write_text("mine", "utf-8")
    assert "memory.svg already exists; --force overwrites it" in run("zoo:unet", "--plot", path, code=2)
    assert path.read_text("utf-8") == "mine"
    run("zoo:unet", "--plot", path, "--force")
    assert parsed(path.read_text("utf-8")).tag == f"{SVG}svg"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zoo:unet", "zoo:resnet50", "--plot", "-"], "--plot draws one network, found 2"),
        (["zoo:unet", "--plot", "memory.png"], "expected a name that ends in .svg, or -, found memory.png"),
        (["nothing.yaml", "--plot", "-"], "--plot has nothing to draw: no tensor is alive"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nothing.yaml").write_text("input: [3, 8, 8]\nlayers: []\n", "utf-8")
    assert message in run(*arguments, code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["nothing.yaml"]


def test_what_it_takes_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "quickjs", None)
    error = run("zoo:unet", "--plot", tmp_path / "memory.svg", code=2)
    assert "pip install 'convcalc[report]'" in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("batch", [1, 10**9])
def test_every_chart_is_drawn_without_a_page(batch: int) -> None:
    """Also with numbers beyond those that scripts have."""
    drawn = [
        chart
        for chart in charts(convcalc.analyze(convcalc.load("zoo:mobilenet_v2"), device="a100", batch=batch))
        if "option" in chart
    ]
    assert [chart["id"] for chart in drawn] == ["memory", "field", "roofline"]
    for chart in drawn:
        root = parsed(svg(chart))
        assert not [number for element in root.iter() for number in element.attrib.values() if "NaN" in number]
        assert len(list(root.iter(f"{SVG}path"))) > 10
