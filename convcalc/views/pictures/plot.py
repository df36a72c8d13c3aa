"""A chart as a picture for a file: drawn by the script that draws it in a page, light or dark as whoever sees it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from convcalc.views.formats import xml
from convcalc.views.formats.json import Record
from convcalc.views.pictures.engine import ScriptEngine

WIDTH = 800
"""Pixels, which are units of the picture: it can be shown in any size."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
SCRIPTS = ("echarts", "state", "format", "plot")
_HEADING = 30
"""Pixels above a chart for what it is of."""
_PROPERTY = re.compile(r"--([\w-]+):\s*(#[0-9a-f]{6})\b")


def svg(chart: Record, width: int = WIDTH, heading: str = "") -> str:
    """The picture of a record as `convcalc.views.pictures.charts` describes it, with its title and text as such.

    `heading` is a line above it, for a picture that stands alone.

    Raises:
        NotInstalled: what runs the script is not installed.
        ScriptFailed: the script failed.
    """
    above, height = _HEADING if heading else 0, chart["height"]
    light, dark = colours("page"), colours("dark")
    drawn = ScriptEngine(SCRIPTS).call("convcalc.plot", chart, width, height, light, FONT)
    size = f'width="{width}" height="{above + height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {above + height}"',
        ' role="img" aria-labelledby="title desc">',
        f'<title id="title">{xml.escaped(heading or chart["title"])}</title>',
        f'<desc id="desc">{xml.escaped(chart["text"])}</desc>',
        f"<style>{_dark_rules(drawn, light, dark)}</style>",
        f'<rect {size} fill="{light["paper"]}"/>',
        *([_head(heading, light)] if heading else []),
        f'<g transform="translate(0 {above})">',
        drawn.partition(">")[2].rpartition("</svg>")[0].strip(),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _head(text: str, light: Record) -> str:
    font = FONT.replace("'", "&apos;")
    style = f"font: 600 14px {font}"
    return f'<text x="14" y="21" style="{style}" fill="{light["ink"]}">{xml.escaped(text)}</text>'


@cache
def colours(style: str) -> dict[str, str]:
    """The colours of the page by their names, as a style sheet of it has them."""
    text = (Path(__file__).parent / "styles" / f"{style}.css").read_text("utf-8")
    return dict(_PROPERTY.findall(text))


def _dark_rules(drawn: str, light: Record, dark: Record) -> str:
    """Other colours in place of those that are written in the picture, which are right where this is not understood."""
    rules = [
        f'[{what}="{colour}"] {{ {what}: {dark[name]} }}'
        for name, colour in light.items()
        for what in ("fill", "stroke")
        if name in dark and (name in ("paper", "ink") or f'{what}="{colour}"' in drawn)
    ]
    return f"@media (prefers-color-scheme: dark) {{ {' '.join(rules)} }}"
