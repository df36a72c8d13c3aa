"""Specs of the repository and of tests, analysed, and what a spec expects of itself."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from textwrap import dedent

import msgspec

import convcalc
from convcalc.language.document import loads
from convcalc.language.source import Source

SPECS = Path(__file__).parent.parent / "specs"
DATA = Path(__file__).parent / "data"


entries = cache(convcalc.zoo)
"""Every network of the zoo as it is listed, analysed once."""


@cache
def report_of(path: str, size: tuple[int, ...] | None = None, /, **variables: str) -> convcalc.Report:
    """The report of ``specs/<path>.yaml``, at its own input size unless told."""
    inputs = {"input": size} if size is not None else None
    return convcalc.analyze(convcalc.load(str(SPECS / f"{path}.yaml"), inputs=inputs, variables=variables))


@cache
def report_of_text(text: str) -> convcalc.Report:
    """The report of a spec written in a test."""
    return convcalc.analyze(loads(Source("<test>", dedent(text))))


def rows(name: str) -> list[dict[str, str]]:
    """A table of tests/data; lines that start with # are comments."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def shape(text: str) -> tuple[int, ...]:
    """``3x224x224`` as numbers."""
    return tuple(map(int, text.split("x")))


def figures(report: convcalc.Report) -> dict[str, object]:
    """Every figure that a spec can expect."""
    nodes, field = report.network.nodes, report.receptive_field
    return {
        **msgspec.structs.asdict(report.totals),
        "output": nodes[report.network.outputs[0]].shape,
        "receptive_field": field.size if field is not None else None,
    }


def unmet(report: convcalc.Report) -> dict[str, tuple[object, object]]:
    """What the spec expects and does not get: name, expected, found."""
    result = figures(report)
    differing = {}
    for name, expected in report.network.expect.items():
        size = result[name]
        same_everywhere = isinstance(size, tuple) and isinstance(expected, int) and set(size) == {expected}
        if size != expected and not same_everywhere:
            differing[name] = expected, size
    return differing


def field_of(report: convcalc.Report, layer: str | None = None) -> tuple[int, int, int]:
    """Size, stride and padding (the start, negated) behind a layer or block, which are alike on all axes."""
    field = report.receptive_field
    if layer is not None:
        inside = [row for row in report.layers if row.name == layer or row.name.startswith(f"{layer}.")]
        field = inside[-1].receptive_field
    assert field is not None
    assert field.size is not None
    assert field.stride is not None
    assert field.start is not None
    ((size, stride, start),) = set(zip(field.size, field.stride, field.start, strict=True))
    assert size is not None
    assert start is not None
    return size, stride, -start
