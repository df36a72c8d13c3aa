"""What `compare` prints, of two specs, of several and of files since a revision, held against ledgers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from ledger import COSTS, Entry, Ledger, in_words
from printed import (
    along,
    axes,
    between,
    digits,
    growth,
    kind,
    of_csv,
    of_grid,
    of_json,
    of_markdown,
    rounded,
    run,
    seen,
    short_bytes,
    short_count,
    signed,
)
from witnesses import Case, line_record, report_record, without_head

COMPARED = (*COSTS, "weight_bytes", "activation_bytes", "peak_activation_bytes", "buffer_bytes", "bit_operations")
"""The totals that are told of both sides; without a device there is no bound among them."""
MARKS = {"same": "", "edited": "~", "affected": "≈", "added": "+", "removed": "-"}


@dataclass(frozen=True)
class Pair:
    """A line before and after, None where it is not there."""

    mark: str
    base: Entry | None
    head: Entry | None

    @property
    def line(self) -> Entry:
        entry = self.head or self.base
        assert entry is not None
        return entry

    def count(self, side: str, cost: str) -> int:
        entry: Entry | None = getattr(self, side)
        return getattr(entry, cost) if entry is not None else 0

    def change(self, cost: str) -> int:
        return self.count("head", cost) - self.count("base", cost)

    def both(self, write: Callable[[Entry], str]) -> str:
        texts = [write(entry) for entry in (self.base, self.head) if entry is not None]
        return between(texts[0], texts[-1])

    def growth(self, cost: str) -> str:
        return growth(self.count("base", cost), self.count("head", cost))


def pairs(base: Ledger, head: Ledger, by: str = "layer") -> list[Pair]:
    """Every line of both, by its name, in the order of the base and behind it what has come."""
    lines = [base.folded(by, expand=by == "layer"), head.folded(by, expand=by == "layer")]
    names = dict.fromkeys(entry.name for entry in chain(*lines))
    result = []
    for name in names:
        before, after = (next((entry for entry in entries if entry.name == name), None) for entries in lines)
        inside = [
            layer_mark(base, head, entry.name)
            for entry in chain(base.entries, head.entries)
            if name in (entry.name, entry.name.partition(".")[0], entry.kind if by == "kind" else "")
        ]
        mark = inside[0] if len(set(inside)) == 1 else "affected" if set(inside) == {"same", "affected"} else "edited"
        if by == "kind" and (before is None or after is None):
            mark = "added" if before is None else "removed"
        result.append(Pair(mark, before, after))
    return result


def layer_mark(base: Ledger, head: Ledger, name: str) -> str:
    before, after = (next((entry for entry in net.entries if entry.name == name), None) for net in (base, head))
    if before is None or after is None:
        return "added" if before is None else "removed"
    if before.body != after.body:
        return "edited"
    numbers = [[getattr(entry, cost) for cost in COSTS] for entry in (before, after)]
    fields = [(entry.shape, entry.field and (entry.field.size, entry.field.stride, entry.field.start))
              for entry in (before, after)]  # fmt: skip
    return "same" if numbers[0] == numbers[1] and fields[0] == fields[1] else "affected"


def in_order(rows: list[Any], name: Callable[[Any], str]) -> dict[str, Any]:
    """Rows by their name, which each has once."""
    named = {name(row): row for row in rows}
    assert len(named) == len(rows)
    return named


# ---- two specs -----------------------------------------------------------------------------------------------------

SIDE: dict[str, Callable[[Entry], str]] = {
    "name": lambda entry: entry.name,
    "kind": lambda entry: entry.kind,
    "output_shape": lambda entry: axes(entry.shape),
    **{
        cost: lambda entry, cost=cost: str(getattr(entry, cost))  # type: ignore[misc]
        for cost in (*COSTS, "input_bytes", "weight_bytes", "output_bytes", "bit_operations")
    },
    "field_size": lambda entry: along(entry.field, "size"),
    "uncosted": lambda entry: "0",
}


def exact_percent(before: int, after: int) -> str:
    if not before:
        return "" if after else "0.0000"
    return str(rounded(Decimal(100 * (after - before)) / before, 4)).replace(",", "")


def two_csv(base: Case, head: Case) -> None:
    for by in ("layer", "block", "kind"):
        text = run("compare", base.path, head.path, "--format", "csv", "--by", by, *base.options)
        header, rows = of_csv(text)
        wanted = [pair for pair in pairs(base.ledger, head.ledger, by) if pair.mark != "same"]
        records = []
        for pair in wanted:
            sides = {f"{side}_{name}": write(entry) if (entry := getattr(pair, side)) is not None else ""
                     for side in ("base", "head") for name, write in SIDE.items()}  # fmt: skip
            changes = {}
            for cost in ("params", "macs"):
                changes[f"{cost}_delta"] = str(pair.change(cost))
                changes[f"{cost}_percent"] = exact_percent(pair.count("base", cost), pair.count("head", cost))
            records.append({"mark": pair.mark, **sides, **changes})
        assert header == list(records[0])
        name = lambda row: row["head_name"] or row["base_name"]  # noqa: E731
        assert in_order(rows, name) == in_order(records, name)


def delta(before: int, after: int) -> dict[str, Any]:
    share = float(100 * Fraction(after - before, before)) if before else None if after else 0.0
    return {"base": before, "head": after, "delta": after - before, "percent": share and pytest.approx(share)}


def diff_record(base: Case, head: Case) -> dict[str, Any]:
    layers = []
    for pair in pairs(base.ledger, head.ledger):
        if pair.mark != "same":
            before, after = (entry and line_record(entry) for entry in (pair.base, pair.head))
            costs = {cost: delta(pair.count("base", cost), pair.count("head", cost)) for cost in ("params", "macs")}
            layers.append({"mark": pair.mark, "base": before, "head": after, **costs})
    return {
        "totals": {name: delta(base.totals[name], head.totals[name]) for name in COMPARED},
        "outputs": [[base.net.last], [head.net.last]],
        "layers": layers,
    }


def assert_diff(result: dict[str, Any], base: Case, head: Case) -> None:
    wanted = diff_record(base, head)
    name = lambda record: (record["head"] or record["base"])["name"]  # noqa: E731
    assert in_order(result["layers"], name) == in_order(wanted["layers"], name)
    assert {**result, "layers": []} == {**wanted, "layers": []}


def two_json(base: Case, head: Case) -> None:
    document = of_json(run("compare", base.path, head.path, "--format", "json", *base.options))
    document = without_head(document, base)
    assert set(document) == {"base", "head", "diff"}
    for side, case in (("base", base), ("head", head)):
        assert without_head(document[side], case) == report_record(case)
    assert_diff(document["diff"], base, head)


def total_rows(base: Case, head: Case) -> list[list[str]]:
    rows = []
    for label, name, write in (
        ("params", "params", digits), ("buffers", "buffers", digits), ("MACs", "macs", digits),
        ("element-wise ops", "elementwise_ops", digits), ("weights", "weight_bytes", short_bytes),
        ("peak activations", "peak_activation_bytes", short_bytes),
    ):  # fmt: skip
        before, after = base.totals[name], head.totals[name]
        more = f"{'+' if after > before else '-'}{write(abs(after - before))}" if after != before else "unchanged"
        rows.append([label, write(before), write(after), more, growth(before, after)])
    if in_words(base.dtype) != "float32":
        before, after = base.totals["bit_operations"], head.totals["bit_operations"]
        rows.append(["bit operations", digits(before), digits(after), signed(after - before) or "unchanged",
                     growth(before, after)])  # fmt: skip
    fields = [seen(case.net.field) for case in (base, head)]
    return [*rows, ["field", *fields, "unchanged" if fields[0] == fields[1] else "", ""]]


def layer_cells(pair: Pair, sign: Callable[[int], str]) -> dict[str, str]:
    """What both tables say of a line."""
    return {
        "mark": MARKS[pair.mark],
        "name": pair.line.name,
        "kind": pair.both(kind),
        "output": pair.both(lambda entry: axes(entry.shape)),
        "params": digits(pair.count("head", "params")),
        "params change": sign(pair.change("params")),
        "params %": pair.growth("params"),
        "MACs": digits(pair.count("head", "macs")),
        "MACs change": sign(pair.change("macs")),
        "MACs %": pair.growth("macs"),
        "field": pair.both(lambda entry: seen(entry.field)),
    }


IN_MARKDOWN = (
    "mark", "name", "kind", "output", "params", "params change", "MACs", "MACs change", "MACs %", "field",
)  # fmt: skip


def headline(base: Case, head: Case) -> str:
    parts = []
    for label, name in (("MACs", "macs"), ("params", "params")):
        before, after = base.totals[name], head.totals[name]
        texts = [short_count(before), short_count(after)]
        texts = texts if texts[0] != texts[1] else [digits(before), digits(after)]
        grown = f", {growth(before, after)}" if growth(before, after) else ""
        unchanged = f"{label} {short_count(after)} unchanged"
        parts.append(unchanged if before == after else f"{label} {texts[0]} -> {texts[1]}{grown}")
    fields = [seen(case.net.field) for case in (base, head)]
    parts.append(f"field {fields[1]} unchanged" if fields[0] == fields[1] else f"field {between(*fields)}")
    return "; ".join(parts)


def two_markdown(base: Case, head: Case) -> None:
    for by in ("layer", "block"):
        text = run("compare", base.path, head.path, "--format", "markdown", "--by", by, *base.options)
        (header, totals), *layers = of_markdown(text)
        assert (header, totals) == (["", "base", "head", "change", "%"], total_rows(base, head))
        assert f"### {base.net.name}: {headline(base, head)}\n" in text
        assert all(
            header == ["", by, "kind", "output", "params", "change", "MACs", "change", "%", "field"]
            for header, _ in layers
        )
        rows = in_order([row for _, rows in layers for row in rows], lambda row: row[1])
        wanted = in_order([layer_cells(pair, signed) for pair in pairs(base.ledger, head.ledger, by)],
                          lambda row: row["name"])  # fmt: skip
        assert rows == {name: [cells[column] for column in IN_MARKDOWN] for name, cells in wanted.items()}


def short_signed(number: int) -> str:
    return f"{'+' if number > 0 else '-'}{short_count(abs(number))}" if number else ""


def two_table(base: Case, head: Case) -> None:
    for by in ("layer", "block", "kind"):
        text = run("compare", base.path, head.path, "--by", by, *base.options)
        totals, _, layers = text.partition("\n\n")
        title, *lines = totals.splitlines()
        assert title.split("   ")[1:] == [axes(base.net.input), f"{base.path} -> {head.path}"]
        assert of_grid(lines) == (["total", "base", "head", "change", ""], total_rows(base, head))
        header, rows = of_grid(layers.splitlines()[:-2])
        columns = ["mark", "name", "kind", "output", "params change", "params %", "MACs change", "MACs %", "field"]
        if by == "kind":
            columns = [column for column in columns if column not in ("kind", "output", "field")]
        heads = {"mark": "", "name": by, "params change": "params", "MACs change": "MACs"}
        assert header == [heads.get(column, "%" if column.endswith("%") else column) for column in columns]
        changed = [pair for pair in pairs(base.ledger, head.ledger, by) if pair.mark != "same"]
        cells = in_order([layer_cells(pair, short_signed) for pair in changed], lambda row: row["name"])
        assert in_order(rows, lambda row: row[1]) == {
            name: [row[column].removesuffix(" %") for column in columns] for name, row in cells.items()
        }


# ---- several -------------------------------------------------------------------------------------------------------

RANKED = {"params": "params", "macs": "MACs", "weight_bytes": "weights", "peak_activation_bytes": "peak"}


def smallest(cases: list[Case], case: Case) -> list[str]:
    """The amounts of which it has the least, unless more than half of all have as little."""
    result = []
    for name in RANKED:
        numbers = [other.totals[name] for other in cases]
        if case.totals[name] == min(numbers) and 2 * sum(number == min(numbers) for number in numbers) <= len(numbers):
            result.append(name)
    return result


def factor(before: int, after: int) -> str:
    if before == after:
        return "same MACs"
    ratio = Decimal(max(before, after)) / min(before, after)
    text = rounded(ratio, 0 if ratio >= 100 else 1 if ratio >= 10 else 2)
    return f"{'<1.01' if text == '1.00' else text}x {'fewer' if after < before else 'more'} MACs"


def several_cells(cases: list[Case], case: Case) -> dict[str, str]:
    stars = smallest(cases, case)
    star = {name: " *" if name in stars else "" for name in RANKED}
    totals, is_base = case.totals, case is cases[0]
    return {
        "spec": case.path,
        "params": digits(totals["params"]) + star["params"],
        "MACs": digits(totals["macs"]) + star["macs"],
        "weights": short_bytes(totals["weight_bytes"]) + star["weight_bytes"],
        "peak": short_bytes(totals["peak_activation_bytes"]) + star["peak_activation_bytes"],
        "field": seen(case.net.field),
        "against": "" if is_base else factor(cases[0].totals["macs"], totals["macs"]),
    }


def several_csv(*cases: Case) -> None:
    header, rows = of_csv(run("compare", *(case.path for case in cases), "--format", "csv", *cases[0].options))
    listed, records = list(cases), []
    for case in cases:
        before, after = cases[0].totals["macs"], case.totals["macs"]
        records.append({
            "label": case.path, "smallest": " ".join(smallest(listed, case)),
            **{name: str(case.totals[name]) for name in COMPARED}, "bound_ps": "",
            "field_size": axes(case.net.field.size), "macs_delta": str(after - before),
            "macs_percent": exact_percent(before, after), "reason": "", "uncosted": "0", "replaced": "", "skipped": "",
        })  # fmt: skip
    assert header == list(records[0])
    assert rows == records


def several_json(*cases: Case) -> None:
    document = of_json(run("compare", *(case.path for case in cases), "--format", "json", *cases[0].options))
    document = without_head(document, cases[0])
    assert set(document) == {"base", "heads"}
    assert without_head(document["base"], cases[0]) == report_record(cases[0])
    for record, case in zip(document["heads"], cases[1:], strict=True):
        assert without_head(record.pop("head"), case) == report_record(case)
        assert_diff(record.pop("diff"), cases[0], case)
        assert record == {
            "label": case.path, "reason": None, "replaced": [], "skipped": [], "theory": None, "notes": [],
        }  # fmt: skip


def several_table(*cases: Case) -> None:
    text = run("compare", *(case.path for case in cases), *cases[0].options)
    lines = text.splitlines()
    header, rows = of_grid(lines[1 : 2 + len(cases)])
    assert header == ["spec", "params", "MACs", "weights", "peak", "field", f"against {cases[0].path}"]
    assert rows == [list(several_cells(list(cases), case).values()) for case in cases]
    assert ("* the smallest of its column" in text) == any(smallest(list(cases), case) for case in cases)


def several_markdown(*cases: Case) -> None:
    text = run("compare", *(case.path for case in cases), "--format", "markdown", *cases[0].options)
    (header, rows), *_ = of_markdown(text)
    assert header == ["spec", "params", "MACs", "weights", "peak activations", "field", f"against {cases[0].path}"]
    starred = [[f"{cell.strip('*')} *" if cell.startswith("**") else cell for cell in row] for row in rows]
    assert starred == [list(several_cells(list(cases), case).values()) for case in cases]
    assert f"{len(cases) - 1} specs compared" in text
    for case in cases[1:]:
        assert f"<summary>{case.path}: {headline(cases[0], case).replace('>', '&gt;')}</summary>" in text.replace(
            "->", "-&gt;"
        )


# ---- since a revision ----------------------------------------------------------------------------------------------


def since(base: Case, head: Case, *options: str) -> str:
    """What is printed of a file that changed, one that did not, one that is new and one that is gone, in a git."""
    folder = Path(base.path).parent / "repository"
    git = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    if not folder.exists():
        folder.mkdir()
        for name in ("changed", "same", "gone"):
            (folder / f"{name}.yaml").write_text(base.net.text, "utf-8")
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
            subprocess.run([*git, *words], check=True, capture_output=True)
        (folder / "gone.yaml").unlink()
        for name in ("changed", "new"):
            (folder / f"{name}.yaml").write_text(head.net.text, "utf-8")
    here = os.getcwd()
    os.chdir(folder)
    try:
        files = [f"{name}.yaml" for name in ("changed", "same", "new", "gone")]
        return run("compare", "--base", "HEAD", *files, *options, *base.options)
    finally:
        os.chdir(here)


def sides(base: Case, head: Case) -> dict[str, tuple[str, Case | None, Case | None]]:
    return {
        "changed.yaml": ("changed", base, head),
        "same.yaml": ("unchanged", base, base),
        "new.yaml": ("added", None, head),
        "gone.yaml": ("deleted", base, None),
    }


def since_csv(base: Case, head: Case) -> None:
    header, rows = of_csv(since(base, head, "--format", "csv"))
    records = []
    for path, (status, before, after) in sides(base, head).items():
        numbers = {f"{name}_{side}": str(case.totals[name]) if case else ""
                   for name in ("params", "macs", "peak_activation_bytes")
                   for side, case in (("base", before), ("head", after))}  # fmt: skip
        both = before is not None and after is not None
        count = sum(pair.mark != "same" for pair in pairs(before.ledger, after.ledger)) if before and after else 0
        last = {"layers_changed": str(count) if both else "", "reason": ""}
        records.append({"spec": path, "status": status, "moved_from": "", **numbers, **last})
    assert header == list(records[0])
    assert rows == records


def since_json(base: Case, head: Case) -> None:
    for record in of_json(since(base, head, "--format", "json")):
        status, before, after = sides(base, head)[record["spec"]]
        assert (record["status"], record["revision"]) == (status, "HEAD")
        for side, case in (("base", before), ("head", after)):
            if case is None:
                assert record[side] is None
                continue
            result = without_head(record[side], case)
            assert {**result, "spec": case.path} == report_record(case)
        if before and after:
            assert_diff(record["diff"], before, after)


def since_rows(base: Case, head: Case) -> list[list[str]]:
    rows = []
    for path, (status, before, after) in sides(base, head).items():
        case = after or before
        assert case is not None
        cells = [{"changed": "~", "unchanged": "", "added": "+", "deleted": "-"}[status], path]
        for name in ("params", "macs"):
            first, last = (side.totals[name] if side else 0 for side in (before, after))
            both = before is not None and after is not None
            cells += [digits(case.totals[name]), signed(last - first) if both else ""]
            cells += [growth(first, last) if both else ""]
        fields = [seen(side.net.field) for side in (before, after) if side]
        rows.append([*cells, between(fields[0], fields[-1]), {"added": "new", "deleted": "deleted"}.get(status, "")])
    return rows


def since_markdown(base: Case, head: Case) -> None:
    (header, rows), *_ = of_markdown(since(base, head, "--format", "markdown"))
    assert header == ["", "spec", "params", "change", "%", "MACs", "change", "%", "field", ""]
    assert rows == [row for row in since_rows(base, head) if row[1] != "same.yaml"]


def since_table(base: Case, head: Case) -> None:
    text = since(base, head)
    lines = text.splitlines()
    at = next(place for place, line in enumerate(lines) if line.endswith("unchanged since HEAD"))
    assert lines[at] == "1 changed, 1 added, 1 deleted, 1 unchanged since HEAD"
    header, rows = of_grid(lines[at + 1 : at + 6])
    assert header == ["", "spec", "params", "change", "%", "MACs", "change", "%", "field"]
    assert rows == [row[:-1] for row in since_rows(base, head)]
