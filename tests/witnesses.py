"""What `analyze` and `zoo` print, every column of every format, held against a ledger.

A table of witnesses says for each column where its value comes from; a column that it does not have, or that is not
printed any more, is a failure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest
from ledger import BITS, COSTS, TRAFFIC, Entry, Ledger, formats_of, in_words
from printed import (
    along,
    axes,
    digits,
    kind,
    of_csv,
    of_grid,
    of_json,
    of_markdown,
    one_or_each,
    percent,
    rounded,
    run,
    saved,
    seen,
    short_bytes,
    short_count,
)

FOLDS = (("layer", False), ("layer", True), ("block", False), ("kind", False))


@dataclass
class Case:
    """A network in a file, for so large a batch, in such numbers."""

    net: Ledger
    path: str
    batch: int
    dtype: str

    @cached_property
    def ledger(self) -> Ledger:
        return self.net.times(self.batch, self.dtype)

    @property
    def options(self) -> tuple[str, ...]:
        return "--batch", str(self.batch), "--dtype", self.dtype

    @cached_property
    def totals(self) -> dict[str, Any]:
        return self.net.totals(self.batch, self.dtype)

    @cached_property
    def peak(self) -> tuple[int, str, list[str]]:
        return self.net.memory(BITS[formats_of(self.dtype)["activations"]], self.batch)


def case_of(net: Ledger, folder: Path, batch: int = 1, dtype: str = "float32", name: str = "net.yaml") -> Case:
    return Case(net, saved(folder, net.text, name), batch, dtype)


Witness = Callable[[Case, Entry], str]


def moved(entry: Entry) -> int:
    """Bytes that are read and written."""
    return entry.input_bytes + entry.weight_bytes + entry.output_bytes


def intensity(entry: Entry, places: int) -> str:
    """Operations a byte that is read or written."""
    return rounded(Decimal(entry.flops) / moved(entry), places)


CSV: dict[str, Witness] = {
    "model": lambda case, entry: case.net.name,
    "spec": lambda case, entry: case.path,
    "name": lambda case, entry: entry.name,
    "kind": lambda case, entry: entry.kind,
    "summary": lambda case, entry: entry.summary,
    "layers": lambda case, entry: str(entry.layers),
    "output_shape": lambda case, entry: axes(entry.shape),
    "params": lambda case, entry: str(entry.params),
    "buffers": lambda case, entry: str(entry.buffers),
    "macs": lambda case, entry: str(entry.macs),
    "elementwise_ops": lambda case, entry: str(entry.elementwise_ops),
    "flops": lambda case, entry: str(entry.flops),
    "field_size": lambda case, entry: along(entry.field, "size"),
    "field_stride": lambda case, entry: along(entry.field, "stride"),
    "field_start": lambda case, entry: along(entry.field, "start"),
    "field_global": lambda case, entry: "" if entry.field is None else str(entry.field.is_global).lower(),
    "input_bytes": lambda case, entry: str(entry.input_bytes),
    "weight_bytes": lambda case, entry: str(entry.weight_bytes),
    "output_bytes": lambda case, entry: str(entry.output_bytes),
    "ops_per_byte": lambda case, entry: intensity(entry, 4).replace(",", ""),
    "bit_operations": lambda case, entry: str(entry.bit_operations),
    "weights": lambda case, entry: entry.weights,
    "activations": lambda case, entry: entry.activations,
    "bound_ps": lambda case, entry: "",
    "bound_by": lambda case, entry: "",
    "padded_macs": lambda case, entry: "",
    "uncosted": lambda case, entry: "0",
}
MARKDOWN: dict[str, Witness] = {
    "layer": lambda case, entry: f"{entry.name} x{entry.times}" if entry.times else entry.name,
    "kind": lambda case, entry: kind(entry),
    "output": lambda case, entry: axes(entry.shape),
    "params": lambda case, entry: digits(entry.params),
    "MACs": lambda case, entry: digits(entry.macs),
    "share": lambda case, entry: percent(entry.macs, case.totals["macs"]),
    "field": lambda case, entry: seen(entry.field),
}
TABLE: dict[str, Witness] = {
    **MARKDOWN,
    "layer": lambda case, entry: entry.name,
    "times": lambda case, entry: f"x{entry.times}" if entry.times else "",
    "MACs": lambda case, entry: short_count(entry.macs),
}
TABLE_BY_KIND: dict[str, Witness] = {
    "kind": lambda case, entry: entry.kind,
    "layers": lambda case, entry: str(entry.layers),
    "params": TABLE["params"],
    "MACs": TABLE["MACs"],
    "share": TABLE["share"],
}


def told_by(witnesses: dict[str, Witness], case: Case, entries: list[Entry]) -> list[dict[str, str]]:
    return [{name: witness(case, entry) for name, witness in witnesses.items()} for entry in entries]


def analyze_csv(case: Case) -> None:
    for by, expand in FOLDS:
        text = run("analyze", case.path, "--format", "csv", "--by", by, *["--expand"] * expand, *case.options)
        header, rows = of_csv(text)
        assert header == list(CSV)
        assert rows == told_by(CSV, case, case.ledger.folded(by, expand=expand))


def field_record(entry: Entry) -> dict[str, Any] | None:
    field = entry.field
    if field is None:
        return None
    numbers = {"size": field.size, "stride": field.stride, "start": field.start}
    return {**{name: list(value) if value else None for name, value in numbers.items()}, "global": field.is_global}


def row_record(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "line": entry.line,
        "inputs": list(entry.inputs),
        "input_shapes": [list(shape) for shape in entry.input_shapes],
        "output_shape": list(entry.shape or ()),
        **{cost: getattr(entry, cost) for cost in COSTS},
        "receptive_field": field_record(entry),
        **{amount: getattr(entry, amount) for amount in TRAFFIC},
        "weights": entry.weights,
        "activations": entry.activations,
    }


def line_record(entry: Entry) -> dict[str, Any]:
    shape = list(entry.shape) if entry.shape else None
    words = {"name": entry.name, "kind": entry.kind, "summary": entry.summary}
    counts = {"layers": entry.layers, "times": entry.times, "output_shape": shape}
    costs = {cost: getattr(entry, cost) for cost in (*COSTS, *TRAFFIC)}
    formats = {"weights": entry.weights, "activations": entry.activations}
    return {**words, **counts, **costs, **formats, "receptive_field": field_record(entry)}


def report_record(case: Case) -> dict[str, Any]:
    size, layer, tensors = case.peak
    return {
        "model": case.net.name,
        "spec": case.path,
        "inputs": {"input": list(case.net.input)},
        "totals": case.totals,
        "layers": [row_record(entry) for entry in case.ledger.entries],
        "peak_activation": {"layer": layer, "bytes": size, "tensors": tensors},
        "misaligned": case.net.misaligned,
    }


PROSE = {"kernels", "macs", "flops", "params", "peak_activation_bytes", "bytes", "receptive_field"}
"""What a report says in words of what it counts."""


def without_head(document: dict[str, Any], case: Case) -> dict[str, Any]:
    """A document without what is the same in all; that is looked at here."""
    document = dict(document)
    assert document.pop("schema_version") == 1
    assert re.fullmatch(r"\d+(\.\d+)+\S*", document.pop("convcalc_version"))
    convention = document.pop("convention")
    assert {name: value for name, value in convention.items() if name not in PROSE} == {
        "batch": case.batch, "dtype": in_words(case.dtype), "fused": False, "device": "",
    }  # fmt: skip
    return document


def analyze_json(case: Case) -> None:
    document = of_json(run("analyze", case.path, "--format", "json", *case.options))
    assert without_head(document, case) == report_record(case)
    for by in ("block", "kind"):
        document = of_json(run("analyze", case.path, "--format", "json", "--by", by, *case.options))
        lines = [line_record(entry) for entry in case.ledger.folded(by)]
        assert without_head(document, case) == {**report_record(case), "lines": lines}


def summing_up(case: Case, text: str) -> None:
    """The line of the totals, and what is said below it."""
    totals, field, (size, layer, tensors) = case.totals, case.net.field, case.peak
    texts = [
        f"params {digits(totals['params'])} (buffers {digits(totals['buffers'])})",
        f"MACs {digits(totals['macs'])}",
        f"field {seen(field)}" + (f", stride {one_or_each(field.stride)}" if field.stride else ""),
        f"weights {short_bytes(totals['weight_bytes'])}",
        f"peak activations {short_bytes(size)} at {layer}",
    ]
    line = next(line for line in text.split("\n") if "peak activations" in line).strip("*")
    assert re.split(r" {3}| · ", line) == texts
    assert f"alive at the peak: {', '.join(tensors[:5])}" in text
    weights, activations = (formats_of(case.dtype)[role] for role in ("weights", "activations"))
    factors = f"{weights} x {activations}"
    amounts = f"{factors} {short_count(totals['macs'])}; bit operations {short_count(totals['bit_operations'])}"
    assert (f"MACs by weight x activation: {amounts}" in text) == (factors != "float32 x float32")
    assert f"· batch {case.batch} · {in_words(case.dtype)}" in text


def analyze_markdown(case: Case) -> None:
    for by, expand in FOLDS:
        text = run("analyze", case.path, "--format", "markdown", "--by", by, *["--expand"] * expand, *case.options)
        ((header, rows),) = of_markdown(text)
        assert header == list(MARKDOWN)
        wanted = told_by(MARKDOWN, case, case.ledger.folded(by, expand=expand))
        assert [dict(zip(header, row, strict=True)) for row in rows] == wanted
        assert text.startswith(f"### {case.net.name} ({axes(case.net.input)})\n")
        summing_up(case, text)


EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(text: str) -> int:
    """Its length in eighths of a character."""
    return sum(EIGHTHS.index(character) for character in text)


def analyze_table(case: Case) -> None:
    for by, expand in FOLDS:
        text = run("analyze", case.path, "--by", by, *["--expand"] * expand, *case.options)
        title, *lines = text.splitlines()
        assert title == f"{case.net.name}   {axes(case.net.input)}   {case.path}"
        end = next(place for place, line in enumerate(lines) if line.startswith("params "))
        entries = case.ledger.folded(by, expand=expand)
        header, rows = of_grid(lines[:end])
        witnesses = dict(TABLE_BY_KIND if by == "kind" else TABLE)
        if by != "kind" and not any(entry.times for entry in entries):
            del witnesses["times"]
        names = ["bar" if not name and place > 2 else name or "times" for place, name in enumerate(header)]
        assert [name for name in names if name != "bar"] == [*sorted_as(witnesses, names)]
        cells = [dict(zip(names, row, strict=True)) for row in rows]
        bars = [bar(row.pop("bar")) for row in cells]
        assert cells == told_by(witnesses, case, entries)
        longest, most = max(bars), max(entry.macs for entry in entries)
        assert longest % 8 == 0
        for entry, length in zip(entries, bars, strict=True):
            assert abs(length * most - longest * entry.macs) * 2 <= most
        summing_up(case, text)


def sorted_as(witnesses: dict[str, Witness], names: list[str]) -> list[str]:
    """The columns of the witnesses in the order that is printed; those that are not printed at the end."""
    return sorted(witnesses, key=lambda name: names.index(name) if name in names else len(names))


# ---- the zoo -------------------------------------------------------------------------------------------------------


def listed(case: Case, format_: str) -> str:
    """The list of a zoo that has this network alone."""
    from convcalc.language.source import Source

    text = case.net.text + "source: A. Author (2017), Nets; more\nvariables: {width: 3}\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convcalc.analysis.zoo.names", lambda: ["net"])
        patch.setattr("convcalc.language.read", lambda spec: Source(spec, text))
        return run("zoo", "--format", format_)


TOTALS = (*COSTS, "weight_bytes", "activation_bytes", "peak_activation_bytes", "buffer_bytes", "bit_operations")


def total(name: str, case: Case) -> str:
    return str(case.totals[name])


ZOO: dict[str, Callable[[Case], str]] = {
    "name": lambda case: case.net.name,
    "spec": lambda case: "zoo:net",
    "inputs": lambda case: axes(case.net.input),
    "outputs": lambda case: axes(case.net.entries[-1].shape),
    **{name: partial(total, name) for name in TOTALS},
    "field_size": lambda case: axes(case.net.field.size),
    "field_stride": lambda case: axes(case.net.field.stride),
    "field_start": lambda case: axes(case.net.field.start),
    "field_global": lambda case: str(case.net.field.is_global).lower(),
    "variables": lambda case: "width=3",
    "source": lambda case: "A. Author (2017), Nets; more",
}


def zoo_csv(case: Case) -> None:
    header, rows = of_csv(listed(case, "csv"))
    assert header == list(ZOO)
    assert rows == [{name: witness(case) for name, witness in ZOO.items()}]


def zoo_json(case: Case) -> None:
    (network,) = of_json(listed(case, "json"))["networks"]
    without_head({"schema_version": 1, "convcalc_version": "1.0", "convention": network.pop("convention")}, case)
    field = field_record(Entry("", "", field=case.net.field))
    assert network == {
        "name": "net", "spec": "zoo:net", "source": "A. Author (2017), Nets; more",
        "inputs": {"input": list(case.net.input)},
        "outputs": {case.net.last: list(case.net.entries[-1].shape or ())},
        "variables": {"width": 3}, "totals": case.totals, "receptive_field": field,
    }  # fmt: skip


def zoo_row(case: Case) -> dict[str, str]:
    totals = case.totals
    return {
        "network": "net",
        "input": axes(case.net.input),
        "params": digits(totals["params"]),
        "MACs": digits(totals["macs"]),
        "field": seen(case.net.field),
        "peak": short_bytes(totals["peak_activation_bytes"]),
        "variables": "width=3",
    }


def zoo_markdown(case: Case) -> None:
    ((header, rows),) = of_markdown(listed(case, "markdown"))
    wanted = zoo_row(case)
    assert header == ["peak activations" if name == "peak" else name for name in wanted]
    assert [[cell.strip("`") for cell in row] for row in rows] == [list(wanted.values())]


def zoo_table(case: Case) -> None:
    header, rows = of_grid(listed(case, "table").splitlines()[:2])
    assert [dict(zip(header, row, strict=True)) for row in rows] == [{**zoo_row(case), "source": "A. Author (2017)"}]
