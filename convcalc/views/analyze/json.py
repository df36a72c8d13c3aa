"""A report as JSON: stable names, raw integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcalc.analysis.lines import Line
from convcalc.analysis.report import Report
from convcalc.language.source import Diagnostic
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.formats.json import HEAD, Record, filled
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.analysis.latency import Latency


def write(analyzed: Analyzed, out: Output) -> None:
    """Every layer; the lines beside them where these are something else."""
    lines = analyzed.lines if analyzed.is_folded else None
    out.record(document(analyzed.report, analyzed.path, lines, analyzed.errors, analyzed.latency))


def write_failure(path: str, errors: list[Diagnostic], out: Output) -> None:
    """A spec of which nothing could be worked out."""
    out.record(failure(path, errors))


def document(
    report: Report,
    spec: str,
    lines: list[Line] | None = None,
    errors: list[Diagnostic] | None = None,
    latency: Latency | None = None,
) -> Record:
    """A report; the sums over `layers` equal the `totals`, which a spec with errors has none of.

    Where it is not known what some layers cost, `uncosted_layers` names them, and what is counted in `totals` is
    `at_least` so much; the bytes of activations are exact where the layers have a size, and that is [0] where they have
    none. `warnings` are what must be known of a model that the figures come from.
    """
    return {
        **HEAD,
        "model": report.network.name,
        "spec": spec,
        "convention": report.convention,
        "inputs": {node.name: node.shape for node in report.network.inputs},
        **filled(at_least=bool(report.uncosted), uncosted_layers=report.uncosted, warnings=report.network.warnings),
        "totals": None if errors else report.totals,
        "layers": report.layers,
        "peak_activation": report.peak,
        "misaligned": report.misaligned,
        **filled(lines=lines, latency=latency, errors=errors or None, count_as=_counted(report)),
    }


def _counted(report: Report) -> Record | None:
    """What another tool counts, layer by layer, where one is asked for."""
    if report.counted is None:
        return None
    from convcalc.views.tool_counts import layers_record

    return layers_record(report.written, report.counted)


def failure(spec: str, errors: list[Diagnostic]) -> Record:
    """A spec of which nothing could be worked out."""
    absent: Record = {"convention": None, "inputs": {}, "totals": None, "layers": (), "peak_activation": None}
    return {**HEAD, "model": "", "spec": spec, **absent, "misaligned": (), "errors": errors}
