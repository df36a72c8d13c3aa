"""What commands print, taken apart into cells, and numbers as people read them; nothing of convcalc's views is used."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from command_line import application
from ledger import Entry, Field, Shape
from typer.testing import CliRunner

Rows = list[dict[str, str]]


def run(*arguments: str) -> str:
    """What a command prints."""
    result = CliRunner().invoke(application(), list(arguments), env={"GITHUB_ACTIONS": None})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def saved(folder: Path, text: str, name: str = "net.yaml") -> str:
    (folder / name).write_text(text, "utf-8")
    return str(folder / name)


def of_json(text: str) -> Any:
    return json.loads(text)


def of_csv(text: str) -> tuple[list[str], Rows]:
    """Header and rows."""
    header, *rows = csv.reader(text.splitlines())
    return header, [dict(zip(header, row, strict=True)) for row in rows]


def of_markdown(text: str) -> list[tuple[list[str], list[list[str]]]]:
    """The header and the rows of every table."""
    tables: list[tuple[list[str], list[list[str]]]] = []
    lines = text.split("\n")
    for line, below in pairwise(lines):
        cells = [html.unescape(re.sub(r"\\(.)", r"\1", cell.strip())) for cell in line.strip("|").split("|")]
        if re.fullmatch(r"\|[:|-]+\|", below):
            tables.append((cells, []))
        elif line.startswith("| "):
            tables[-1][1].append(cells)
    return tables


def of_grid(lines: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """A table on a terminal: its columns are apart where every line has two blanks or more."""
    width = max(map(len, lines))
    padded = [line.ljust(width) for line in lines]
    blank = [all(line[at] == " " for line in padded) for at in range(width)]
    starts, at = [0], 0
    while at < width:
        gap = at
        while gap < width and blank[gap]:
            gap += 1
        if gap - at >= 2 and gap < width:
            starts.append(gap)
        at = max(gap, at + 1)
    ends = [*starts[1:], width]
    header, *rows = [[line[a:b].strip() for a, b in zip(starts, ends, strict=True)] for line in padded]
    return header, rows


# ---- numbers as people read them -----------------------------------------------------------------------------------


def digits(number: int) -> str:
    """All digits, three by three from the end."""
    text, parts = str(abs(number)), list[str]()
    while text:
        text, part = text[:-3], text[-3:]
        parts.insert(0, part)
    return f"{'-' if number < 0 else ''}{','.join(parts)}"


def signed(number: int) -> str:
    return f"{'+' if number > 0 else ''}{digits(number)}" if number else ""


def rounded(number: Decimal, places: int) -> str:
    value = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    head, point, tail = str(abs(value)).partition(".")
    return ("-" if value.is_signed() else "") + digits(int(head)) + point + tail


def short_count(number: int) -> str:
    """All digits below ten million; then in millions, in billions, in thousands of billions."""
    if number < 10_000_000:
        return digits(number)
    power, suffix, places = (12, "T", 2) if number >= 10**12 else (9, "G", 2) if number >= 10**9 else (6, "M", 1)
    return f"{rounded(Decimal(number).scaleb(-power), places)} {suffix}"


def short_bytes(number: int) -> str:
    suffixes, value = ["B", "KiB", "MiB", "GiB", "TiB"], Decimal(number)
    while value >= 1024 and len(suffixes) > 1:
        value, suffixes = value / 1024, suffixes[1:]
    return f"{number} B" if suffixes[0] == "B" else f"{rounded(value, 1)} {suffixes[0]}"


def percent(part: int, total: int) -> str:
    """A share of a total."""
    if not part:
        return ""
    share = Decimal(100 * part) / Decimal(total)
    return "<0.1 %" if share < Decimal("0.1") else f"{rounded(share, 1)} %"


def growth(before: int, after: int) -> str:
    """A change in percent of what was before."""
    if before in (0, after):
        return ""
    change = Decimal(100 * (after - before)) / Decimal(before)
    sign = "+" if change > 0 else "-"
    return f"{sign}<0.1 %" if abs(change) < Decimal("0.05") else f"{sign}{rounded(abs(change), 1)} %"


def axes(numbers: Shape | None) -> str:
    return "x".join(map(str, numbers)) if numbers else ""


def along(field: Field | None, name: str) -> str:
    """The size, the stride or the start of a field."""
    return axes(getattr(field, name)) if field is not None else ""


def one_or_each(numbers: Shape) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else axes(numbers)


def seen(field: Field | None) -> str:
    """35, 35x9, 35 + all, all."""
    if field is None:
        return ""
    local = one_or_each(field.size) if field.size else ""
    return " + ".join(filter(None, [local, "all" if field.is_global else ""]))


def kind(entry: Entry) -> str:
    return f"{entry.kind} {entry.summary}".strip()


def between(before: str, after: str) -> str:
    return after if before == after else f"{before} -> {after}"
