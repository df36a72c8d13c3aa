"""How the page of a network looks: its contrast in light and dark, on paper, without scripts, on a telephone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import NewPage
from report_pages import DEEP, HOSTILE, analysis, report, spec

if TYPE_CHECKING:
    from playwright.sync_api import Page

RESNET = ("zoo:resnet50", "--device", "h100")

CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const pixel = (...layers) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of layers) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => rgb
    .map((channel) => channel / 255)
    .map((channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4))
    .reduce((sum, channel, place) => sum + channel * [0.2126, 0.7152, 0.0722][place], 0);
  const ratio = (first, second) => {
    const [dark, light] = [luminance(first), luminance(second)].sort((left, right) => left - right);
    return (light + 0.05) / (dark + 0.05);
  };
  const own = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    if (!own(element) || !element.checkVisibility() || element.closest("svg, script, style, .unseen, .skip")) continue;
    const grounds = [];
    for (let at = element; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
    const style = getComputedStyle(element);
    const value = ratio(pixel(...grounds, style.color), pixel(...grounds));
    const text = element.textContent.slice(0, 40);
    if (value < 4.5) faint.push(`${element.tagName} ${element.className} ${value.toFixed(2)} ${text}`);
  }
  const properties = getComputedStyle(document.documentElement);
  const named = (name) => pixel(properties.getPropertyValue(`--${name}`));
  const pairs = {};
  for (const ground of ["paper", "sheet", "accent-soft"])
    for (const name of ["ink", "muted", "accent", "accent-2", "good", "bad", "warn"])
      if (ground !== "accent-soft" || ["ink", "muted", "accent"].includes(name))
        pairs[`${name} on ${ground}`] = ratio(named(name), named(ground));
  for (let step = 0; step < 6; step++) pairs[`ink on heat-${step}`] = ratio(named("ink"), named(`heat-${step}`));
  const strong = ratio(named("line-strong"), named("paper"));
  const heats = [0, 1, 2, 3, 4, 5].map((step) => luminance(named(`heat-${step}`)));
  return { faint, pairs, strong, heats, texts: document.querySelectorAll("body *").length };
}"""
"""What text has too little contrast with what lies behind it, and the contrasts of the named colours."""


def opened(page: Page, *arguments: str) -> Page:
    page.goto(report(*arguments).as_uri())
    page.locator("html[data-ready]").wait_for()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(new_page: NewPage, scheme: str) -> None:
    """Ratios are worked out in the browser from the colours that it paints, as WCAG 2.2 has them: 4.5 for text."""
    page = opened(new_page(color_scheme=scheme), *RESNET)
    page.evaluate("convcalc.states[0].select('n9')")
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    measured = page.evaluate(CONTRASTS)
    assert measured["texts"] > 500
    assert measured["faint"] == []
    assert {pair: ratio for pair, ratio in measured["pairs"].items() if ratio < 4.5} == {}
    assert measured["strong"] >= 3  # what bounds a control
    ordered = sorted(measured["heats"], reverse=scheme == "light")
    assert measured["heats"] == ordered  # the scale is one of lightness, which no eye takes for another


def paper(page: Page) -> int:
    """The lightness of the page's own colour: that of one channel."""
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    match = re.search(r"\d+", colour)
    assert match is not None
    return int(match[0])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_button_shows_the_page_as_the_system_light_and_dark(new_page: NewPage, scheme: str) -> None:
    page = opened(new_page(color_scheme=scheme), *RESNET)
    button = page.locator("#theme")
    is_dark = [paper(page) < 128]
    texts = [button.inner_text()]
    for _ in range(3):
        button.click()
        is_dark.append(paper(page) < 128)
        texts.append(button.inner_text())
    assert is_dark == [scheme == "dark", False, True, scheme == "dark"]
    assert texts == ["Colours: as the system", "Colours: light", "Colours: dark", "Colours: as the system"]
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    assert (paper(page) < 128) == (scheme == "light")


PRINTED = [
    ("zoo:resnet50", "--device", "h100", "--dtype", "float16"),
    ("zoo:unet", "--device", "h100", "--dtype", "float16"),
    ("zoo:densenet121",),
    (DEEP,),
]


@pytest.mark.parametrize("network", PRINTED, ids=lambda network: network[0].partition("\n")[0])
@pytest.mark.parametrize("size", ["A4", "Letter"])
def test_it_prints_to_two_pages(new_page: NewPage, network: tuple[str, ...], size: str) -> None:
    """Of the same, whether the page is light or dark and whatever is open on it."""
    file = spec(network[0]) if "\n" in network[0] else network[0]
    made = []
    for scheme in ("light", "dark"):
        page = opened(new_page(color_scheme=scheme), file, *network[1:])
        if scheme == "dark":
            page.evaluate("convcalc.states[0].toggle(0)")
        pdf = page.pdf(format=size, print_background=True)
        assert page.evaluate("[...convcalc.states[0].open]") == ([0] if scheme == "dark" else [])
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2
        made.append(re.sub(rb"/(CreationDate|ModDate) *\([^)]*\)", b"", pdf))
    assert made[0] == made[1]


@pytest.mark.parametrize("network", PRINTED[:3], ids=lambda network: network[0])
def test_nothing_is_cut_off_on_paper(new_page: NewPage, network: tuple[str, ...]) -> None:
    page = opened(new_page(viewport={"width": 695, "height": 1000}), *network)  # as wide as A4 between its margins
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    script = """parts => parts.filter(part => part.scrollHeight > part.clientHeight + 1).map(part => part.className)"""
    parts = page.locator(".drawn [data-slot], .charts [data-slot], .blocks, .foot")
    assert parts.count() == 4
    assert parts.evaluate_all(script) == []
    assert page.locator("button:visible").count() == page.locator('[data-slot="charts"] button:visible').count()


def blocks(page: Page) -> list[list[str]]:
    script = "rows => rows.filter(row => row.checkVisibility()).map(row => [...row.cells].map(cell => cell.innerText))"
    rows: list[list[str]] = page.locator(".blocks tbody tr").evaluate_all(script)
    return rows


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("network", ["zoo:resnet50", "zoo:unet", HOSTILE])
def test_without_scripts_there_are_the_head_and_the_blocks(
    page: Page, network: str, media: Any, tmp_path: Path
) -> None:
    """On the screen all of them, on paper as many as fit, and what the others have; their sums are the totals."""
    file = spec(network) if "\n" in network else network
    text = report(file).read_text("utf-8")
    assert text.count("<script>") > 10
    (tmp_path / "page.html").write_text(text.replace("<script>", '<script type="text/plain">'), "utf-8")
    page.goto((tmp_path / "page.html").as_uri())
    page.emulate_media(media=media)
    totals = analysis(file)["totals"]
    assert f"{totals['macs']:,}" in page.locator("#totals").inner_text()
    rows = blocks(page)
    for column, name in ((3, "params"), (4, "macs")):
        assert sum(int(row[column].replace(",", "")) for row in rows) == totals[name]
        assert page.locator(".blocks tfoot .number").nth(column - 3).inner_text() == f"{totals[name]:,}"
    assert len(rows) <= (40 if media == "screen" else 18)
    assert not page.locator(".tools").is_visible()


@pytest.mark.parametrize("width", [320, 375, 800, 1280, 1920])
@pytest.mark.parametrize("network", ["zoo:resnet50", HOSTILE])
def test_no_width_makes_the_page_scroll_sideways(new_page: NewPage, width: int, network: str) -> None:
    file = spec(network) if "\n" in network else network
    page = opened(new_page(viewport={"width": width, "height": 800}), file)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    graph, details = page.locator(".drawn").bounding_box(), page.locator(".aside").bounding_box()
    assert graph is not None
    assert details is not None
    assert (details["x"] > graph["x"]) == (width >= 1280)
    assert (details["y"] > graph["y"]) == (width < 1280)
