"""Memory over time as JSON: stable names, raw integers."""

from __future__ import annotations

from convcalc.language.source import Diagnostic
from convcalc.views.formats.json import HEAD, Record, filled
from convcalc.views.memory.shared import Planned
from convcalc.views.output import Output


def write(planned: Planned, out: Output) -> None:
    """Every layer in the order of `order`, and every part of the arena."""
    memory = planned.memory
    out.record(
        {
            **HEAD,
            "model": memory.network.name,
            "spec": planned.path,
            "convention": memory.convention,
            "order": memory.running,
            "inputs": {node.name: node.shape for node in memory.network.inputs},
            "peak_activation_bytes": memory.peak_activation_bytes,
            "peak_activation": memory.peak,
            "layers": memory.moments,
            "arena": memory.arena,
            "orders": {
                "written_bytes": memory.orders.written_bytes,
                "smallest_bytes": memory.orders.smallest_bytes,
                "at_least_bytes": memory.orders.at_least_bytes,
                "is_exact": memory.orders.is_exact,
                "layers": memory.orders.layers,
            },
            **filled(room=memory.room, warnings=memory.network.warnings),
        }
    )


def write_failure(path: str, errors: list[Diagnostic], out: Output) -> None:
    """A spec of which nothing could be worked out."""
    absent: Record = {
        "convention": None,
        "order": None,
        "inputs": {},
        "peak_activation_bytes": None,
        "peak_activation": None,
    }
    out.record(
        {**HEAD, "model": "", "spec": path, **absent, "layers": (), "arena": None, "orders": None, "errors": errors}
    )
