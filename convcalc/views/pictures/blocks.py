"""The outermost blocks of a network as a table that needs no script: for paper, and for where no script runs."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.analysis.report import Report
from convcalc.views import words
from convcalc.views.formats.json import Record
from convcalc.visible import short

MOST_PRINTED = 18
"""Lines that fit below the charts on the second page (`styles/print.css`)."""


def blocks(report: Report, network: Record) -> Record:
    """`rows` of the table in the order of the network, their sums, and the sums of those that are not printed.

    `network` is the record of the report. Where there are more rows than fit on the paper, those with the fewest MACs
    are `minor`, and `rest` stands for them.
    """
    items = list(_outermost(network))
    sums = _sums(items)
    largest = sorted(range(len(items)), key=lambda place: (-items[place]["costs"][1], place))
    printed = set(largest[: MOST_PRINTED - 1] if len(items) > MOST_PRINTED else largest)
    minor = [item for place, item in enumerate(items) if place not in printed]
    return {
        "rows": [{**_row(item, sums), "minor": place not in printed} for place, item in enumerate(items)],
        "rest": {"name": f"{len(minor)} more, each with fewer MACs", **_costs(minor, sums)} if minor else None,
        "params": words.exact(report.totals.params),
        "macs": words.exact(report.totals.macs),
    }


def _outermost(network: Record) -> Iterator[Record]:
    """Blocks that are in no other, and the layers between them."""
    parts = {part["first"]: part for part in reversed(network["parts"]) if part["parent"] is None}
    place = 0
    while place < len(network["nodes"]):
        part = parts.get(place)
        item = part if part is not None else network["nodes"][place]
        if "costs" in item:
            yield item
        place = part["last"] if part is not None else place + 1


def _row(item: Record, sums: tuple[int, int]) -> Record:
    times = item.get("times")
    kind = f"{item['kind']} {item.get('summary', '')}".rstrip()
    return {
        "name": short(item["name"]),
        "kind": short(f"{times} x {kind}" if times else kind),
        "shape": item["shape"],
        "field": item.get("field_text", ""),
        **_costs([item], sums),
    }


def _costs(items: list[Record], sums: tuple[int, int]) -> Record:
    """Params, MACs and share of some rows, as people read them."""
    params, macs = _sums(items)
    layers = sum(item.get("last", 1) - item.get("first", 0) for item in items)
    uncosted = sum(item.get("uncosted", 0) for item in items)
    mark = "≥ " if uncosted else ""
    is_known = uncosted < layers
    return {
        "params": f"{mark}{words.exact(params)}" if is_known else "?",
        "macs": f"{mark}{words.exact(macs)}" if is_known else "?",
        "share": words.share(macs, sums[1]),
    }


def _sums(items: list[Record]) -> tuple[int, int]:
    return sum(item["costs"][0] for item in items), sum(item["costs"][1] for item in items)
