"""An effective field as one file of SVG: the map in its pixels, the boxes and the figures as lines and text."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from convcalc.views.formats import xml
from convcalc.views.pictures.heat.panels import HeatPanel, panels
from convcalc.views.pictures.heat.pixels import image

if TYPE_CHECKING:
    from convcalc.reference.fields.effective_field import EffectiveField

_LONGEST, _LONGEST_OF_SEVERAL = 480, 280
"""Units of the longer side of a map, or of the theoretical field where that is larger."""
_BARS = 8
"""Of a map over one axis: how many times as wide as high it is."""
_MARGIN, _LINE, _CHARACTER, _LABEL = 16, 18, 7.3, 84
_STYLE = """\
text { font: 12px ui-monospace, monospace; fill: #1c2733 }
text.name { font-weight: 600 }
rect { fill: none; stroke-width: 1.5 }
rect.paper { fill: #ffffff }
rect.map { stroke: #8a949e; stroke-width: 0.5 }
rect.theory { stroke: #2aa3d8 }
rect.most { stroke: #ffffff }
rect.shade { stroke: #0a0c22; stroke-width: 3; stroke-opacity: 0.6 }
image { image-rendering: pixelated }
@media (prefers-color-scheme: dark) { text { fill: #dfe5ea } rect.paper { fill: #14191f } }"""


def svg(field: EffectiveField, heading: str, facts: Sequence[tuple[str, str]]) -> str:
    """The picture: the map of the input with the theoretical field in blue and in white what holds 95.45 %.

    The theoretical field is drawn to scale even where it reaches beyond the input. `facts` stand below, each behind
    what it is called.
    """
    body: list[str] = []
    across, deepest = _MARGIN, 0
    shown = list(panels(field))
    for panel in shown:
        part, width, height = _panel(panel, across, _LONGEST if len(shown) == 1 else _LONGEST_OF_SEVERAL)
        body += part
        across, deepest = across + width + _MARGIN, max(deepest, height)
    below = 2 * _MARGIN + 2 * _LINE + deepest
    texts = [_text(_MARGIN, _MARGIN + 8, heading, "name")]
    for number, (label, fact) in enumerate(facts):
        texts.append(_text(_MARGIN, below + _LINE * number, label, "name"))
        texts.append(_text(_MARGIN + (_LABEL if label else 0), below + _LINE * number, fact))
    longest = max(len(heading) * _CHARACTER, *(_LABEL + len(fact) * _CHARACTER for _, fact in facts))
    wide, high = max(across, round(2 * _MARGIN + longest)), below + _LINE * len(facts)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}"',
            ' role="img" aria-labelledby="title desc">',
            f'<title id="title">{xml.escaped(heading)}</title>',
            f'<desc id="desc">{xml.escaped(*(f"{label} {fact}".strip() for label, fact in facts))}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="paper" width="{wide}" height="{high}"/>',
            *texts,
            *body,
            "</svg>\n",
        ]
    )


def _text(across: float, down: float, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{across:g}" y="{down:g}"{named}>{xml.escaped(text)}</text>'


def _panel(panel: HeatPanel, left: int, longest: int) -> tuple[list[str], int, int]:
    """The elements of a panel, and how wide and high it is, with what of the theoretical field is beyond the input."""
    rows, columns = panel.values.shape
    ends = [panel.theory[-1] or (0, columns - 1), (0, 0) if panel.is_profile else panel.theory[0] or (0, rows - 1)]
    low = [min(0, first) for first, _ in ends]
    high = [max(size - 1, last) for (_, last), size in zip(ends, (columns, rows), strict=True)]
    unit = longest / max(last - first + 1 for first, last in zip(low, high, strict=True))
    tall = longest / _BARS if panel.is_profile else unit
    zero = left - low[0] * unit, _MARGIN + _LINE - low[1] * tall
    where = f'x="{zero[0]:g}" y="{zero[1]:g}" width="{columns * unit:g}" height="{rows * tall:g}"'
    picture = b64encode(image([panel], boxes=False)[0]).decode("ascii")
    width, height = (
        round((last - first + 1) * size) for first, last, size in zip(low, high, (unit, tall), strict=True)
    )
    lines = [
        f'<image {where} preserveAspectRatio="none" href="data:image/png;base64,{picture}"/>',
        f'<rect class="map" {where}/>',
        *_boxes(panel, zero, (unit, tall)),
    ]
    if not panel.is_profile:
        down, across = panel.axes
        lines.append(_text(left, _MARGIN + 2 * _LINE + height, f"axis {down} down, axis {across} across"))
    return lines, width, height


def _boxes(panel: HeatPanel, zero: tuple[float, float], units: tuple[float, float]) -> Iterator[str]:
    rows, columns = panel.values.shape
    for kinds, box in (("theory", panel.theory), ("shade most", panel.most)):
        across = box[-1] or (0, columns - 1)
        down = (0, rows - 1) if panel.is_profile else box[0] or (0, rows - 1)
        where = " ".join(
            f'{name}="{number:g}"'
            for name, number in (
                ("x", zero[0] + across[0] * units[0]),
                ("y", zero[1] + down[0] * units[1]),
                ("width", (across[1] - across[0] + 1) * units[0]),
                ("height", (down[1] - down[0] + 1) * units[1]),
            )
        )
        yield from (f'<rect class="{kind}" {where}/>' for kind in kinds.split())
