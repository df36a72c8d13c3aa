"""Who gives a number that was written somewhere, as a sheet: tools and our conventions, at this size or another."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc.analysis.matching import OURS, CountedNumber, WrittenNumber
from convcalc.analysis.tools import assumptions
from convcalc.views import tool_counts, words
from convcalc.views.counts.shared import Sheet, SheetColumn
from convcalc.views.formats.json import Record
from convcalc.views.tool_counts import CountedNetwork

HEADER = ("model", "spec", "number", "whose", "what", "unit", "count", "inputs", "batch", "is_match")


class Matched(msgspec.Struct, frozen=True):
    """What gives a number: on the network as it is (`here`), or else for other batches and sizes (`elsewhere`).

    `nearest` comes nearest on the network as it is, where nothing gives it there.
    """

    counted: CountedNetwork
    number: WrittenNumber
    here: Sequence[CountedNumber]
    elsewhere: Sequence[CountedNumber] = ()
    nearest: Sequence[CountedNumber] = ()

    @property
    def ways(self) -> Sequence[CountedNumber]:
        """All that give it."""
        return self.here or self.elsewhere


def sheet(matched: Matched) -> Sheet:
    """What gives the number, or that nothing does, and what is nearest."""
    counted, ways = matched.counted, matched.ways
    shown = ways or matched.nearest
    return Sheet(
        title=tool_counts.title(counted),
        above=[*_answer(matched)],
        columns=[
            SheetColumn("", [way.whose for way in shown], is_text=True, style="bold"),
            SheetColumn("word", [way.what for way in shown], is_text=True, style="cyan"),
            SheetColumn("gives", [_given(counted, way) for way in shown]),
            SheetColumn("at", [_place(way) for way in shown], is_text=True),
            SheetColumn("off", [_off(way, matched.number) for way in shown], rank=1),
        ],
        foot=_foot(counted),
        record=_record(matched),
        header=HEADER,
        rows=[_cells(matched, way, is_match=bool(ways)) for way in shown],
    )


def _given(counted: CountedNetwork, way: CountedNumber) -> str:
    """What it gives: ours is at least so much where a layer is not costed."""
    return tool_counts.own(counted.network, way.count) if way.whose == OURS else words.exact(way.count)


def _answer(matched: Matched) -> list[str]:
    number, here = matched.number, matched.counted.network.name
    meant = number.text
    if number.low != number.high:
        meant = f"{number.text} ({words.exact(number.low)} to {words.exact(number.high)})"
    if matched.here:
        return [f"{meant}: what gives it on {here} as it is"]
    absent = f"nothing gives {meant} on {here} as it is"
    if matched.elsewhere:
        return [f"{absent}; what gives it for another batch or size"]
    tried = "" if number.unit == "params" else ", nor for a usual batch, nor at a usual size"
    return [f"{absent}{tried}; the nearest"]


def _place(way: CountedNumber) -> str:
    """Where it does, if that is not the network as it is."""
    shapes = ", ".join(
        f"{name} {words.shape(shape)}" if len(way.inputs) > 1 else words.shape(shape)
        for name, shape in way.inputs.items()
    )
    return shapes or (f"batch {way.batch}" if way.batch > 1 else "")


def _off(way: CountedNumber, number: WrittenNumber) -> str:
    off = way.count - number.middle
    if not off or not number.middle:
        return "exact" if not off else ""
    percent = 100 * off / number.middle
    return f"{percent:+,.2f} %" if abs(percent) >= 0.005 else f"{'+' if off > 0 else '-'}<0.01 %"


def _foot(counted: CountedNetwork) -> list[str]:
    if not counted.tools:
        return []
    left_out = _left_out(counted)
    unseen = [f"left out: {', '.join(left_out)}; nobody has seen what they count in some layers"] if left_out else []
    general = next(iter(assumptions(counted.network, ())))
    return [*unseen, f"assumed: {general}", tool_counts.rules_of(counted.tools)]


def _left_out(counted: CountedNetwork) -> list[str]:
    """The tools of which some figure is left out, as not all of its layers are known."""
    return list(dict.fromkeys(tool_counts.tool_name(tool) for tool in counted.tools if tool.unknown))


def _record(matched: Matched) -> Record:
    counted, number = matched.counted, matched.number
    return {
        "model": counted.network.name,
        "spec": counted.path,
        "batch": counted.batch,
        "inputs": {node.name: node.shape for node in counted.network.inputs},
        "number": number,
        "matches": matched.ways,
        "is_at_another_size_or_batch": bool(matched.elsewhere and not matched.here),
        "nearest": matched.nearest,
        "left_out": _left_out(counted),
    }


def _cells(matched: Matched, way: CountedNumber, *, is_match: bool) -> list[object]:
    counted = matched.counted
    inputs = " ".join(f"{name}={words.shape(shape)}" for name, shape in way.inputs.items())
    return [
        counted.network.name, counted.path, matched.number.text, way.whose, way.what, way.unit, way.count, inputs,
        way.batch, str(is_match).lower(),
    ]  # fmt: skip
