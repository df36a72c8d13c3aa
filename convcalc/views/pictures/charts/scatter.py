"""The rows of a sweep as points over two of its columns, with the front: a step line through the best of them."""

from __future__ import annotations

from typing import Any

from convcalc.views import words
from convcalc.views.formats.json import Record
from convcalc.views.pictures.sweep_columns import SweepColumn
from convcalc.views.pictures.sweep_rows import Shown
from convcalc.views.sweep import shared
from convcalc.visible import short, visible

MANY = 4_000
"""Points from which they are drawn as a single shape."""
HEIGHT = 420
"""Of the picture, in pixels."""


def scatter(view: Shown) -> Record:
    """The chart as ECharts and readers take it; a point has the id of its row, `r` and its place in what is shown."""
    points = [
        point(view, place)
        for place in range(len(view.rows))
        if view.x.places[place] is not None and view.y.places[place] is not None
    ]
    front = [point(view, place) for place in view.front]
    return {
        "id": "scatter",
        "title": f"{visible(short(view.swept.sweep.network))}: {title(view.y)} over {title(view.x)}",
        "text": " ".join(sentences(view)),
        "option": option(points, front, view),
        "measures": [{"name": title(column), "format": column.format} for column in (view.x, view.y)],
        "height": HEIGHT,
    }


def option(points: list[Record], front: list[Record], view: Shown) -> Record:
    """What is drawn: all points, and over them the line of the front with its own."""
    series = [
        {"type": "scatter", "id": "rows", "name": "rows", "symbolSize": 7 if len(points) < MANY else 3,
         "itemStyle": {"opacity": 0.55}, "large": len(points) >= MANY, "largeThreshold": MANY, "data": points},
        {"type": "line", "id": "front", "name": "Pareto front", "step": step(view.x), "symbol": "circle",
         "symbolSize": 9, "showSymbol": True, "showAllSymbol": True, "lineStyle": {"width": 2}, "data": front},
    ]  # fmt: skip
    return {
        "legend": {"data": ["rows", "Pareto front"] if front else ["rows"]},
        "xAxis": {**axis(view.x), "nameLocation": "middle"},
        "yAxis": {**axis(view.y), "nameLocation": "middle"},
        "tooltip": {"trigger": "item"},
        "series": series,
    }


def axis(column: SweepColumn) -> Record:
    """In equal steps, or in equal ratios where these show more."""
    wide = column.logarithmic if column.is_wide else None
    return wide or column.linear


def point(view: Shown, place: int) -> Record:
    """Where a row lies, in the units of its columns."""
    return {"value": [view.x.places[place], view.y.places[place]], "id": f"r{place}"}


def step(x: SweepColumn) -> str:
    """The side on which the line goes up or down: what lies behind it is reached by a point of the front."""
    return "start" if x.is_more_better else "end"


def title(column: SweepColumn) -> str:
    """What a column is called, in the middle of a sentence."""
    return visible(column.title)


def sentences(view: Shown) -> list[str]:
    """What the picture shows, in words."""
    x, y = view.x, view.y
    texts = [f"{_counted(view)} by {title(x)} and {title(y)}."]
    if len(view.rows) > 1:
        alone = [column for column in (x, y) if len({*map(_hashed, column.cells)}) == 1]
        texts += [f"{title(column)} is {_written(column, 0)} in all of them." for column in alone]
    return [*texts, *_about_front(view)]


def _counted(view: Shown) -> str:
    count = len(view.rows)
    rows = f"{words.exact(count)} row{'' if count == 1 else 's'}"
    if view.of_all == count:
        return rows
    step = "at equal distances, and the front" if view.front else "at equal distances"
    return f"{rows} of {words.exact(view.of_all)}, {step},"


def _about_front(view: Shown) -> list[str]:
    x, y, sweep = view.x, view.y, view.swept.sweep
    if not view.front:
        return [f"{title(x if not x.is_numeric else y)} has no order, so there is no front."]
    sides = [f"{'large' if column.is_more_better else 'small'} {title(column)}" for column in (x, y)]
    first, last = view.front[0], view.front[-1]
    count = len(view.front)
    text = f"The front for {sides[0]} and {sides[1]} has {words.exact(count)} row{'' if count == 1 else 's'}"
    ends = [f"{title(x)} {_written(x, place)} with {title(y)} {_written(y, place)}" for place in (first, last)]
    text += f": {ends[0]}." if count == 1 else f", from {ends[0]} to {ends[1]}."
    asked = f"All rows are on the front of {visible(', '.join(sweep.pareto))}." if sweep.pareto else ""
    return [text, *([asked] if asked else []), *([interrupted] if (interrupted := _interrupted(view)) else [])]


def _interrupted(view: Shown) -> str:
    text = shared.interrupted(view.swept.sweep)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _written(column: SweepColumn, place: int) -> str:
    cell = column.cells[place]
    text = "nothing" if cell is None else visible(column.texts(cell))
    return f"{text} {column.unit}".rstrip()


def _hashed(cell: Any) -> Any:
    return tuple(map(_hashed, cell)) if isinstance(cell, list) else cell
