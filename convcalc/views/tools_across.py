"""What tools print of several networks, as a sheet: a row a network, a column a figure."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.views import tool_counts
from convcalc.views.columns import end
from convcalc.views.counts.shared import Sheet, SheetColumn
from convcalc.views.tool_counts import CountedNetwork
from convcalc.visible import short

_NARROWEST_NAME = 16
_HELD_AGAINST = {"macs": "MACs", "flops": "FLOPs", "params": "params"}


def sheet(networks: Sequence[CountedNetwork]) -> Sheet:
    """The first figure of every tool, or those that were asked for, beside ours in each of their units."""
    columns = dict.fromkeys(str(tool.choice) for counted in networks for tool in counted.tools)
    figures = {str(tool.choice): tool for counted in networks for tool in counted.tools}
    units = list(dict.fromkeys(tool.choice.figure.unit for tool in figures.values()))
    if "macs" in units and "flops" in units:
        units.remove("flops")  # which are twice the MACs
    cells = [{str(tool.choice): tool for tool in counted.tools} for counted in networks]
    ours = [
        {tool.choice.figure.unit: tool_counts.own(counted.network, tool.ours) for tool in counted.tools}
        for counted in networks
    ]
    tools = [tool for counted in networks for tool in counted.tools]
    return Sheet(
        title=("what tools print", "", ""),
        columns=[
            SheetColumn(
                "network",
                [short(counted.network.name) for counted in networks],
                is_text=True,
                style="bold",
                shorten=end,
                narrowest=_NARROWEST_NAME,
            ),
            *(SheetColumn(f"our {_HELD_AGAINST[unit]}", [row[unit] for row in ours]) for unit in units),
            *(
                SheetColumn(
                    f"{tool_counts.tool_name(figures[name])} {figures[name].choice.figure.word}",
                    [tool_counts.printed(row[name]) for row in cells],
                    rank=1 + place,
                )
                for place, name in enumerate(columns)
            ),
        ],
        names_left_out=True,
        notes=[
            f"{counted.network.name}: {text}" for counted in networks for text in tool_counts.unknown(counted.tools)
        ],
        foot=[tool_counts.rules_of(tools)],
        record={"networks": [tool_counts.record(counted, ()) for counted in networks]},
        header=("model", "spec", "tool", "package", "figure", "unit", "count", "ours", "unknown"),
        rows=[_cells(counted, place) for counted in networks for place in range(len(counted.tools))],
    )


def _cells(counted: CountedNetwork, place: int) -> list[object]:
    tool = counted.tools[place]
    counter, figure = tool.choice.counter, tool.choice.figure
    return [
        counted.network.name, counted.path, tool_counts.tool_name(tool), counter.package, figure.word, figure.unit,
        tool.count, tool.ours, len(tool.unknown),
    ]  # fmt: skip
