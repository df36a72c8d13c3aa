"""How a tool comes to its number of a network, as a sheet: a row a layer, and its rule with the numbers put in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from convcalc.analysis.counts import LayerCount, explained
from convcalc.analysis.layer_facts import Facts
from convcalc.analysis.tools import faults
from convcalc.counters import ChosenFigure
from convcalc.language.expressions import Expression, place
from convcalc.views import tool_counts, words
from convcalc.views.columns import end, first_words
from convcalc.views.counts.shared import Sheet, SheetColumn
from convcalc.views.formats.json import Record
from convcalc.views.tool_counts import CountedNetwork

_NARROWEST_NAME = 14
_NARROWEST_RULE = 24
HEADER = ("model", "spec", "tool", "figure", "layer", "kind", "call", "rule", "numbers", "count", "ours", "faults")


class ExplainedLayer(msgspec.Struct, frozen=True):
    """A layer as a tool counts it, with its rule, in names and with numbers; both are empty where none was seen."""

    layer: LayerCount
    rule: str
    numbers: str

    @property
    def difference(self) -> int | None:
        """What the tool has beyond ours."""
        return None if self.layer.count is None else self.layer.count - self.layer.ours


def layers_of(counted: CountedNetwork) -> list[ExplainedLayer]:
    """The layers of the one tool that was counted."""
    (tool,) = counted.tools
    rules = explained(counted.network, tool.choice)
    return [
        ExplainedLayer(layer, "" if rule is None else rule.text, "" if rule is None else with_numbers(rule, facts))
        for layer, (rule, facts) in zip(tool.layers, rules, strict=True)
    ]


def with_numbers(rule: Expression, facts: Facts) -> str:
    """A rule with the values in place of the names."""
    text = rule.text
    for node in sorted(rule.names, key=lambda node: -node.col_offset):
        first, last = place(rule.text, node)
        if rule.text[first:last] == node.id and node.id in facts:
            text = f"{text[:first]}{_value(facts[node.id])}{text[last:]}"
    return text


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def sheet(counted: CountedNetwork, top: int | None = None) -> Sheet:
    """The table of a network's layers, or of those with the largest differences."""
    (tool,), layers, uncosted = counted.tools, layers_of(counted), set(counted.network.uncosted)
    shown = layers
    if top is not None:
        shown = sorted(layers, key=lambda row: -abs(row.difference or 0) if row.difference is not None else -(10**99))
        shown = shown[:top]
    return Sheet(
        title=tool_counts.title(counted),
        above=[_head(tool.choice)],
        columns=[
            SheetColumn("layer", [row.layer.name for row in shown], is_text=True, shorten=end,
                        narrowest=_NARROWEST_NAME),
            SheetColumn("kind", [row.layer.kind for row in shown], is_text=True, rank=5, style="cyan"),
            SheetColumn("call", [row.layer.call for row in shown], is_text=True, rank=4),
            SheetColumn("counts", ["?" if row.layer.count is None else words.exact(row.layer.count) for row in shown]),
            SheetColumn("ours", ["?" if row.layer.name in uncosted else words.exact(row.layer.ours) for row in shown],
                        rank=3),
            SheetColumn("difference", [_signed(row.difference) for row in shown]),
            SheetColumn("", ["fault" if row.layer.faults else "" for row in shown], is_text=True, style="red"),
            SheetColumn("rule with numbers", [row.numbers for row in shown], is_text=True, rank=7,
                        shorten=first_words, narrowest=_NARROWEST_RULE),
        ],
        styles=["" if row.layer.count or row.layer.ours or row.layer.count is None else "dim" for row in shown],
        notes=[
            tool_counts.total(counted.network, tool),
            *_rules(shown),
            *tool_counts.unknown([tool]),
            *map(tool_counts.fault, faults([tool])),
        ],
        foot=tool_counts.assumed(counted),
        record=_record(counted, layers),
        header=HEADER,
        rows=[_cells(counted, row) for row in shown],
    )  # fmt: skip


def _signed(number: int | None) -> str:
    return "?" if number is None else f"{number:+,}" if number else "0"


def _head(choice: ChosenFigure) -> str:
    counter = choice.counter
    return f"{choice}: {choice.figure.word} counted by {counter.package or counter.name}: {counter.about}"


def _rules(rows: Sequence[ExplainedLayer]) -> Iterator[str]:
    """Every rule that counts something, with the kinds and calls that it is for."""
    users: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.rule not in ("", "0"):
            users.setdefault(row.rule, {})[f"{row.layer.kind} ({row.layer.call})"] = None
    for rule, kinds in users.items():
        yield f"{', '.join(kinds)}: {rule}"


def _record(counted: CountedNetwork, rows: Sequence[ExplainedLayer]) -> Record:
    (tool,) = counted.tools
    record = tool_counts.record(counted, faults([tool]))
    layers = [
        {**msgspec.structs.asdict(row.layer), "difference": row.difference, "rule": row.rule, "numbers": row.numbers}
        for row in rows
    ]
    return {**record, "layers": layers}


def _cells(counted: CountedNetwork, row: ExplainedLayer) -> list[object]:
    (tool,), layer = counted.tools, row.layer
    count = "" if layer.count is None else layer.count
    return [
        counted.network.name, counted.path, tool_counts.tool_name(tool), tool.choice.figure.word, layer.name,
        layer.kind, layer.call, row.rule, row.numbers, count, layer.ours, "; ".join(layer.faults),
    ]  # fmt: skip
