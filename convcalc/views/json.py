"""A report as JSON: stable names, raw integers."""

from __future__ import annotations

from typing import Any

import msgspec

from convcalc.analysis.lines import Line
from convcalc.analysis.report import Convention, Peak, Report, Row, Totals
from convcalc.language.source import Diagnostic
from convcalc.layers import Shape
from convcalc.version import __version__
from convcalc.views.formats.json import encoded

SCHEMA_VERSION = 1


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON of one report; the sums over `layers` equal the `totals`.

    Where it is not known what some layers cost, `uncosted_layers` names them, and what is counted in `totals` is
    `at_least` so much; the bytes of activations are exact all the same.
    """

    schema_version: int = msgspec.field(default_factory=lambda: SCHEMA_VERSION)
    convcalc_version: str = msgspec.field(default_factory=lambda: __version__)
    model: str
    spec: str
    convention: Convention | None
    inputs: dict[str, Shape]
    at_least: bool = False
    uncosted_layers: tuple[str, ...] = ()
    totals: Totals | None
    layers: tuple[Row, ...]
    peak_activation: Peak | None
    misaligned: tuple[str, ...]
    lines: list[Line] | None = None
    errors: list[Diagnostic] | None = None


def document(report: Report, spec: str, lines: list[Line] | None, errors: list[Diagnostic] | None) -> Document:
    """The record to encode; a spec with errors has no totals."""
    return Document(
        model=report.network.name,
        spec=spec,
        convention=report.convention,
        inputs={node.name: node.shape for node in report.network.inputs},
        at_least=bool(report.uncosted),
        uncosted_layers=report.uncosted,
        totals=None if errors else report.totals,
        layers=report.layers,
        peak_activation=report.peak,
        misaligned=report.misaligned,
        lines=lines,
        errors=errors,
    )


def failure(spec: str, errors: list[Diagnostic]) -> Document:
    """The record of a spec of which nothing could be worked out."""
    return Document(
        model="",
        spec=spec,
        convention=None,
        inputs={},
        totals=None,
        layers=(),
        peak_activation=None,
        misaligned=(),
        errors=errors,
    )


def encode(documents: list[Document]) -> bytes:
    """One spec as an object, several as an array of them."""
    whole: Any = documents[0] if len(documents) == 1 else documents
    return encoded(whole)
