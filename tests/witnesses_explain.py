"""What `explain` prints of layers, blocks and networks, held against a ledger."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ledger import COSTS, Entry, Part
from printed import axes, digits, kind, of_grid, of_json, of_markdown, one_or_each, run
from witnesses import Case, field_record

COUNTED = COSTS[:-1]
LABELS = {"params": "params", "buffers": "buffers", "macs": "MACs", "elementwise_ops": "element-wise ops"}


def head_of(document: dict[str, Any], case: Case) -> dict[str, Any]:
    """A document without its head, which is looked at here."""
    document = dict(document)
    assert (document.pop("schema_version"), document.pop("convention")) == (1, {"batch": 1})
    assert document.pop("convcalc_version")
    assert (document.pop("model"), document.pop("spec")) == (case.net.name, case.path)
    return document


# ---- blocks --------------------------------------------------------------------------------------------------------


def inside(case: Case, part: Part) -> list[Entry]:
    return [case.net.part(name) for name in part.inside]


def block_json(case: Case) -> None:
    for part in case.net.parts:
        document = head_of(of_json(run("explain", case.path, part.name, "--format", "json")), case)
        entry = case.net.part(part.name)
        parts = [
            {"name": own.name, "kind": own.kind, "output_shape": list(own.shape or ()),
             **{cost: getattr(own, cost) for cost in COUNTED}}
            for own in inside(case, part)
        ]  # fmt: skip
        assert document == {
            "block": {
                "name": part.name, "kind": part.kind, "description": "", "source": "", "times": part.times,
                "parts": parts, **{cost: getattr(entry, cost) for cost in COUNTED},
                "receptive_field": field_record(entry),
            }
        }  # fmt: skip


def part_cells(own: Entry) -> list[str]:
    return [own.name, own.kind, axes(own.shape), *(digits(getattr(own, cost)) for cost in ("params", "macs")),
            digits(own.elementwise_ops)]  # fmt: skip


PART_COLUMNS = ["part", "kind", "output", "params", "MACs", "element-wise ops"]


def sums(case: Case, part: Part) -> dict[str, str]:
    """What each cost adds up from, without what is 0 in all."""
    result = {}
    for cost in COUNTED:
        shares = [getattr(own, cost) for own in inside(case, part) if getattr(own, cost)]
        if shares or cost in ("params", "macs"):
            added = [" + ".join(map(digits, shares))] if len(shares) > 1 else []
            result[LABELS[cost]] = " = ".join([*added, digits(getattr(case.net.part(part.name), cost))])
    return result


def local(entry: Entry) -> str:
    field = entry.field
    assert field is not None
    assert field.size
    assert field.stride
    assert field.start
    parts = zip(("size", "stride", "start"), (field.size, field.stride, field.start), strict=True)
    return ", ".join(f"{name} {one_or_each(numbers)}" for name, numbers in parts)


def block_text(case: Case) -> None:
    for part in case.net.parts:
        text = run("explain", case.path, part.name)
        title, table, added = text.rstrip("\n").split("\n\n")
        assert title.startswith(f"{part.name}   {part.kind}{f' x{part.times}' if part.times else ''}   {case.path}")
        assert of_grid(table.splitlines()) == (PART_COLUMNS, [part_cells(own) for own in inside(case, part)])
        rows = dict(re.split(r" {2,}", line, maxsplit=1) for line in added.splitlines())
        assert rows == {**sums(case, part), "field": local(case.net.part(part.name))}


def block_markdown(case: Case) -> None:
    for part in case.net.parts:
        text = run("explain", case.path, part.name, "--format", "markdown")
        ((header, rows),) = of_markdown(text)
        assert (header, rows) == (PART_COLUMNS, [part_cells(own) for own in inside(case, part)])
        added = dict(line[2:].split(": ", 1) for line in text.splitlines() if line.startswith("- "))
        wanted = {name: f"`{value}`" for name, value in sums(case, part).items()}
        assert added == {**wanted, "field": local(case.net.part(part.name))}


def plain(latex: str) -> str:
    """LaTeX as a person reads it."""
    text = re.sub(r"\\text\{([^{}]*)\}", r"\1", latex.replace("{,}", ",").replace(r"\_", "_")).replace("&", "")
    return " ".join(text.split())


def latex_rows(text: str) -> list[list[str]]:
    """The rows of every aligned environment."""
    blocks = re.findall(r"\\begin\{align\*\}\n(.*?)\\end\{align\*\}", text, re.DOTALL)
    return [[plain(row).strip() for row in re.split(r"\\\\\n", block)] for block in blocks]


def block_latex(case: Case) -> None:
    for part in case.net.parts:
        text = run("explain", case.path, part.name, "--format", "latex")
        parts, added = latex_rows(text)
        assert parts == [
            f"{own.name} ({own.kind}) : {digits(own.params)} params, {digits(own.macs)} MACs"
            for own in inside(case, part)
        ]
        assert added == [f"{name} = {value}" for name, value in sums(case, part).items()]
        assert rf"\paragraph{{{part.name}: {part.kind}{f' x{part.times}' if part.times else ''}}}" in text


# ---- layers --------------------------------------------------------------------------------------------------------


def values(entry: Entry, quantity: str, axis: int | None) -> int:
    """What a formula of a layer must come to."""
    shape, field = entry.shape or (), entry.field
    if quantity == "output size":
        return shape[axis or 0]
    if quantity in COSTS:
        return int(getattr(entry, quantity))
    if quantity == "output channels":
        return shape[0]
    assert field is not None
    numbers = {"field size": field.size, "field stride": field.stride, "field start": field.start}[quantity]
    assert numbers is not None
    return numbers[axis or 0]


def layers_with_positions(case: Case) -> Iterable[Entry]:
    return (entry for entry in case.net.entries if len(entry.shape or ()) > 1 and entry.field and entry.field.size)


def layer_json(case: Case) -> None:
    for entry in case.net.entries:
        record = head_of(of_json(run("explain", case.path, entry.name, "--format", "json")), case)["layer"]
        assert (record["name"], record["kind"], record["summary"]) == (entry.name, entry.kind, entry.summary)
        assert record["inputs"] == list(entry.inputs)
        assert record["input_shapes"] == [list(shape) for shape in entry.input_shapes]
        assert record["output_shape"] == list(entry.shape or ())
        assert record["receptive_field"] == field_record(entry)
        known = {"macs", "params", "elementwise_ops", *(["buffers"] if entry.buffers else [])}
        if entry.field and entry.field.size and not case.net.meets_before(entry.name):
            known |= {"field size", "field stride", "field start"}
        assert known <= {formula["quantity"] for formula in record["formulas"]}
        for formula in record["formulas"]:
            for axis in formula["axes"] or [None]:
                assert formula["value"] == values(entry, formula["quantity"], axis), (entry.name, formula)


def printed_values(case: Case, entry: Entry) -> list[tuple[str, str]]:
    """Quantities with what they come to, in the order in which JSON has them; their values are the ledger's.

    Where positions see windows of several forms the field has no formula, and numbers alone.
    """
    formulas = of_json(run("explain", case.path, entry.name, "--format", "json"))["layer"]["formulas"]
    shown = [(formula["quantity"], formula["axes"]) for formula in formulas if formula["symbol"] != formula["symbols"]]
    rows = [
        (SHORT.get(quantity, quantity), digits(values(entry, quantity, (places or [None])[0])))
        for quantity, places in shown
    ]
    has_formula = any(quantity == "field size" for quantity, _ in shown)
    return rows if has_formula else [*rows, ("field", local(entry))]


SHORT = {"output channels": "channels", "macs": "MACs", "elementwise_ops": "element-wise ops"}


def layer_text(case: Case) -> None:
    for entry in layers_with_positions(case):
        text = run("explain", case.path, entry.name)
        shapes = f"{', '.join(map(axes, entry.input_shapes))} -> {axes(entry.shape)}"
        assert text.startswith(f"{'   '.join([entry.name, kind(entry), shapes, case.path])}\n")
        rows = [re.match(r"([a-zA-Z -]+?) {2,}(?:.* = )?(-?[\d,]+|size .*)$", line)
                for line in text.split("\n\n")[-1].splitlines()]  # fmt: skip
        assert [(row[1], row[2]) for row in rows if row] == printed_values(case, entry)


def layer_markdown(case: Case) -> None:
    for entry in layers_with_positions(case):
        text = run("explain", case.path, entry.name, "--format", "markdown")
        ((header, rows),) = of_markdown(text)
        assert header == ["", "formula", "in numbers", "value"]
        assert [(row[0], row[-1]) for row in rows] == printed_values(case, entry)
        shapes = ", ".join(map(axes, entry.input_shapes))
        assert text.startswith(f"### {entry.name}: {kind(entry)}, {shapes} → {axes(entry.shape)}\n")


def layer_latex(case: Case) -> None:
    for entry in layers_with_positions(case):
        (rows,) = latex_rows(run("explain", case.path, entry.name, "--format", "latex"))
        lasts: list[str] = []
        for row in rows:  # a formula goes on in rows that begin with =
            value = row.rpartition("= ")[2]
            lasts = [*lasts[:-1], value] if row.startswith("=") else [*lasts, value]
        assert lasts == [value for _, value in printed_values(case, entry)]


# ---- networks ------------------------------------------------------------------------------------------------------


def network_rows(case: Case) -> list[list[str]]:
    return [[entry.name, kind(entry), digits(entry.macs)] for entry in case.net.entries]


def network_json(case: Case) -> None:
    document = head_of(of_json(run("explain", case.path, "--format", "json")), case)
    assert set(document) == {"layers"}
    for record, entry in zip(document["layers"], case.net.entries, strict=True):
        assert set(record) == {"name", "kind", "summary", "macs"}
        assert (record["name"], record["kind"], record["summary"]) == (entry.name, entry.kind, entry.summary)
        assert (record["macs"]["quantity"], record["macs"]["value"]) == ("macs", entry.macs)


def network_text(case: Case) -> None:
    title, *lines = run("explain", case.path).splitlines()
    assert title == f"{case.net.name}   {case.path}"
    header, rows = of_grid(lines)
    assert header == ["layer", "kind", "MACs", ""]
    assert [row[:3] for row in rows] == network_rows(case)


def network_markdown(case: Case) -> None:
    ((header, rows),) = of_markdown(run("explain", case.path, "--format", "markdown"))
    assert header == ["layer", "kind", "MACs", "value"]
    assert [[*row[:2], row[3]] for row in rows] == network_rows(case)


def network_latex(case: Case) -> None:
    (rows,) = latex_rows(run("explain", case.path, "--format", "latex"))
    wanted = [(entry.name, digits(entry.macs)) for entry in case.net.entries]
    assert [(row.partition(" :")[0], re.split(r"= |: ", row)[-1]) for row in rows] == wanted
