"""`convcalc report -o net.svg`: well-formed, small, readable in a README, and its numbers are those of the JSON."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from command_line import application
from graph_scenes import engine, stand_in
from report_pages import DEEP, spec
from typer.testing import CliRunner

import convcalc
from convcalc.analysis.analyze import analyze
from convcalc.analysis.outline import outline
from convcalc.views import words
from convcalc.views.formats.json import readable
from convcalc.views.pictures.record import record

SVG = "{http://www.w3.org/2000/svg}"
SHOWN = 800
"""Pixels that a README has for a picture."""
HOSTILE = [
    "<script>alert(1)</script>",
    "</svg><img src=x onerror=alert(1)>",
    "&amp; \"quoted\" 'single'",
    "]]>",
    "--><!--",
    '"onload="alert(1)',
    "constructor",
    "$& $1",
    "日本語の層の名前がとても長いのでここで切られる",
    "x" * 100,
]


def command(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(application(), list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


def picture(net: object, folder: Path, *arguments: object) -> tuple[str, ElementTree.Element]:
    path = folder / "net.svg"
    command("report", net, "-o", path, "--force", *arguments)
    text = path.read_text("utf-8")
    return text, ElementTree.fromstring(text)  # noqa: S314 - it is our own


def nodes(root: ElementTree.Element) -> dict[str, dict[str, str]]:
    """The texts of every node by their classes, and its <title>."""
    return {
        group.attrib["data-id"]: {
            **{text.attrib["class"].split()[0]: text.text or "" for text in group.iter(f"{SVG}text")},
            "hint": group.findtext(f"{SVG}title") or "",
        }
        for group in root.iter(f"{SVG}g")
        if group.attrib.get("class", "").startswith("node ")
    }


@cache
def rows(name: str, *arguments: str) -> list[dict[str, Any]]:
    """The layers of a network as `analyze` gives them to programs."""
    layers: list[dict[str, Any]] = json.loads(command("analyze", name, "--format", "json", *arguments))["layers"]
    return layers


def inside(network: convcalc.Network, node: str) -> slice:
    """The rows of what is seen as a node."""
    place = int(node[1:])
    part = outline(network)[place] if node[0] == "p" else None
    first, last = (part.first, part.last) if part else (place, place + 1)
    return slice(first - network.input_count, last - network.input_count)


@pytest.mark.parametrize("opened", [[], ["*"], ["layer1", "layer3.?"]])
def test_what_is_seen_is_what_the_outline_has(opened: list[str], tmp_path: Path) -> None:
    network = convcalc.load("zoo:resnet18")
    parts = outline(network)
    _, root = picture("zoo:resnet18", tmp_path, *(value for pattern in opened for value in ("--open", pattern)))
    fitting = {at for at, part in enumerate(parts) if any(fnmatchcase(part.name, pattern) for pattern in opened)}
    open_parts = {
        at
        for at, part in enumerate(parts)
        if any(part.first <= parts[inner].first and parts[inner].last <= part.last for inner in fitting)
        and (at in fitting or any(parts[inner].name.startswith(f"{part.name}.") for inner in fitting))
    }
    graph = readable(record(analyze(network), ""))
    seen = [stand_in(graph, open_parts, at) for at in range(len(network.nodes))]
    assert list(nodes(root)) == list(dict.fromkeys(seen))
    clusters = [group.attrib["data-id"] for group in root.iter(f"{SVG}g") if group.attrib.get("class") == "cluster"]
    assert clusters == [f"p{at}" for at in sorted(open_parts)]


@pytest.mark.parametrize("color", ["macs", "params", "bytes", "field"])
@pytest.mark.parametrize("name", ["resnet50", "unet", "swin_t"])
def test_the_numbers_are_those_of_the_json(name: str, color: str, tmp_path: Path) -> None:
    network = convcalc.load(f"zoo:{name}")
    _, root = picture(f"zoo:{name}", tmp_path, "--color-by", color)
    for node, texts in nodes(root).items():
        if node[0] == "n" and int(node[1:]) < network.input_count:
            assert "amount" not in texts
            continue
        own = rows(f"zoo:{name}")[inside(network, node)]
        if color == "field":
            sizes = own[-1]["receptive_field"].get("size") or []
            shown = re.findall(r"\d+", texts["amount"])
            assert {int(number) for number in shown} == {size for size in sizes if size is not None}
        elif color == "bytes":
            assert texts["amount"] == words.binary(
                sum(row[part] for row in own for part in ("input_bytes", "weight_bytes", "output_bytes"))
            )
        else:
            assert texts["amount"] == words.scaled(sum(row[color] for row in own))


def test_bounds_are_those_of_the_device(tmp_path: Path) -> None:
    network = convcalc.load("zoo:resnet50")
    _, root = picture("zoo:resnet50", tmp_path, "--device", "a100", "--color-by", "bound")
    for node, texts in nodes(root).items():
        own = rows("zoo:resnet50", "--device", "a100")[inside(network, node)]
        assert node == "n0" or texts["amount"] == words.duration(sum(row["bound"]["ps"] for row in own))


@pytest.mark.parametrize("name", ["resnet50", "unet", "inception_v3", "ssd300_vgg16", "densenet121"])
def test_it_is_readable_in_a_readme(name: str, tmp_path: Path) -> None:
    text, root = picture(f"zoo:{name}", tmp_path)
    assert len(text.encode()) <= 60_000
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", text)]
    assert min(sizes) * min(1, SHOWN / float(root.attrib["width"])) >= 10


def test_it_asks_for_nothing_and_has_colours_for_light_and_dark(tmp_path: Path) -> None:
    text, _ = picture("zoo:unet", tmp_path)
    for word in ("var(", "url(", "@import", "href", "<script", "<foreignObject", "<image"):
        assert word not in text
    assert text.count("http") == 1, "the name space alone"
    light, _, dark = text.partition("@media (prefers-color-scheme: dark)")
    background = re.compile(r"\.paper \{ fill: (#[0-9a-f]{6});")
    assert background.findall(light) != background.findall(dark) != []


def test_a_reader_of_the_screen_is_told_what_it_shows(tmp_path: Path) -> None:
    _, root = picture("zoo:unet", tmp_path)
    assert root.attrib["role"] == "img"
    named = {element.attrib["id"]: element.text or "" for element in root if "id" in element.attrib}
    assert root.attrib["aria-labelledby"].split() == list(named) == ["title", "desc"]
    assert "unet" in named["title"]
    assert "encoder1, double_conv, 64x568x568, MACs 12.08 G" in named["desc"]


def test_the_caption_has_the_totals_and_the_convention(tmp_path: Path) -> None:
    _, root = picture("zoo:resnet50", tmp_path)
    shown = " ".join("".join(text.itertext()) for text in root.iter(f"{SVG}text"))
    totals = json.loads(command("analyze", "zoo:resnet50", "--format", "json"))["totals"]
    assert f"params {totals['params']:,}" in shown
    assert f"MACs {totals['macs']:,}" in shown
    assert "1 MAC = one multiply and its add" in shown


def test_names_stay_text(tmp_path: Path) -> None:
    spec = tmp_path / "hostile.yaml"
    layers = [{"conv": {"name": name, "out_channels": 4, "kernel_size": 3, "padding": 1}} for name in HOSTILE]
    document = {"name": "<b>bold</b> & co", "input": [3, 8, 8], "layers": layers}
    spec.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    text, root = picture(spec, tmp_path)
    assert [texts["hint"].partition("\n")[0] for texts in nodes(root).values()] == ["input", *HOSTILE]
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {"svg", "title", "desc", "style", "rect", "g", "path", "text"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in attributes if name.startswith(("on", "href", "{"))}
    assert "<b>" not in text
    shown = [texts["name"] for texts in nodes(root).values()]
    assert shown[4] == "]]>"
    assert re.fullmatch("x+…x+", shown[-1])


def test_what_hides_or_acts_is_shown() -> None:
    """A spec refuses such names; what gives the scripts a name need not have come from one."""
    shown = engine().call("convcalc.xml", "a\u202eb\x00\n\u200b\U000e0001\ud800<&\"'é🎉")
    assert shown == r"a\u202eb\x00\x0a\u200b\U000e0001\ud800&lt;&amp;&quot;&#39;é🎉"


@pytest.mark.parametrize(
    "number",
    [
        0,
        9_999_999,
        10_000_000,
        12_250_000,
        12_350_000,
        999_950_000,
        1_125_000_000,
        4_089_184_256,
        9 * 10**14 + 1,
        9 * 10**15,
    ],
)
def test_numbers_are_written_as_on_the_command_line(number: int) -> None:
    assert engine().call("convcalc.scaled", number) == words.scaled(number)
    assert engine().call("convcalc.scaled", str(number)) == words.scaled(number)
    assert engine().call("convcalc.duration", number) == words.duration(number)
    assert engine().call("convcalc.binary", number) == words.binary(number)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--open", "layer9"), "--open: expected the name of a block (such as layer1, layer2, layer3, layer4"),
        (("--color-by", "bound"), "--color-by bound: bounds are those of a device"),
        (("--color-by", "speed"), "expected one of macs, params, bytes, field, bound"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.svg"
    output = command("report", "zoo:resnet18", "-o", path, *arguments, code=2)
    assert message in re.sub(r"[\s│]+", " ", output)
    assert not path.exists()


@pytest.mark.parametrize("ending", ["svg", "html"])
def test_more_than_can_be_looked_at_is_refused_at_once(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"net.{ending}"
    output = command("report", spec(DEEP), "-o", path, "--open", "*", code=2)
    assert "--open: a graph of at most 1,000 nodes can be looked at, and this one has 10,001" in " ".join(
        output.split()
    )
    assert not path.exists()
