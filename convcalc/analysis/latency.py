"""Times of layers that somebody has measured: a table by signature, and what a network takes by it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping

import msgspec

from convcalc.analysis.report import Report
from convcalc.analysis.signatures import signatures
from convcalc.language.source import Diagnostic, Source, SpecError, read

COLUMNS = ("signature", "layers", "ms")
"""Of the table that is to be filled in: the times are the last, in milliseconds."""
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{0,20})?([eE][-+]?[0-9]{1,2})?")
_PICOSECONDS = 10**9
"""In a millisecond."""


class Latency(msgspec.Struct, frozen=True):
    """What a table says of a network: the sum of its times, for so many of its layers.

    `missing` are the layers whose signatures have no time, `below_bound` those whose time is less than the device can
    do: then the table is of another device, or the bound is wrong.
    """

    ps: int
    measured: int
    layers: int
    missing: tuple[str, ...]
    below_bound: tuple[str, ...]


def latency(report: Report, times: Mapping[str, int]) -> Latency:
    """What a network takes by a table of picoseconds."""
    total = measured = layers = 0
    missing: list[int] = []
    below: list[int] = []
    for name, places in signatures(report).items():
        layers += len(places)
        if name not in times:
            missing += places
            continue
        measured += len(places)
        total += times[name] * len(places)
        bounds = ((place, report.layers[place].bound) for place in places)
        below += [place for place, bound in bounds if bound is not None and times[name] < bound.ps]
    named = [tuple(report.layers[place].name for place in sorted(places)) for places in (missing, below)]
    return Latency(total, measured, layers, *named)


def read_table(path: str) -> dict[str, int]:
    """The times of a table, in picoseconds, by signature; a line without a time says nothing.

    Raises:
        SpecError: it cannot be read, or has mistakes; all of them.
    """
    source = read(path)
    reader = _Times(source)
    times = reader.times()
    if reader.problems:
        raise SpecError(reader.problems)
    return times


class _Times:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []

    def problem(self, line: int, message: str, advice: str = "") -> None:
        text, first = self.source.line_at(line)
        self.problems.append(self.source.diagnostic("CC011", first, first + len(text), message, advice))

    def times(self) -> dict[str, int]:
        """As `read_table`; mistakes are reported and left out."""
        rows = self._rows()
        line, header = next(rows, (1, []))
        places = [header.index(name) if name in header else -1 for name in ("signature", "ms")]
        if -1 in places or header.count("ms") > 1 or header.count("signature") > 1:
            names = ", ".join(header) or "nothing"
            advice = "`convcalc analyze NET --signatures` prints a table to fill in; times are in milliseconds"
            self.problem(line, f"expected a first line with the columns signature and ms, found {names}", advice)
            return {}
        times: dict[str, int] = {}
        lines: dict[str, int] = {}
        for line, row in rows:
            if len(row) != len(header):
                self.problem(line, f"expected {len(header)} cells, as the first line has, found {len(row)}")
                continue
            name, text = (row[place].strip() for place in places)
            if name in lines:
                self.problem(line, f"the signature is in line {lines[name]} already; one time each is expected")
                continue
            lines[name] = line
            if text:
                self._add(times, line, name, text)
        return times

    def _add(self, times: dict[str, int], line: int, name: str, text: str) -> None:
        from fractions import Fraction

        time = Fraction(text) * _PICOSECONDS if _NUMBER.fullmatch(text) else Fraction(0)
        if time <= 0:
            self.problem(line, f"ms: expected milliseconds as a number above 0, found {text}")
        else:
            times[name] = int(time)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not empty, each with the line in which it begins."""
        reader = csv.reader(io.StringIO(self.source.text, newline=""), strict=True)
        line = 1
        try:
            for row in reader:
                if row:
                    yield line, [cell.strip() for cell in row]
                line = reader.line_num + 1
        except csv.Error as error:
            self.problem(line, f"not valid CSV: {error}")
