"""What came of the battery as JSON: stable names, raw integers."""

from __future__ import annotations

from typing import Any

from convcalc.battery.run import KindResult
from convcalc.views.battery.shared import BatteryRun
from convcalc.views.formats.json import HEAD
from convcalc.views.output import Output


def write(run: BatteryRun, out: Output) -> None:
    """All of it; `checked` are the cases of which there was something to check."""
    battery = run.battery
    document = {
        **HEAD,
        "agrees": battery.agrees,
        "seed": battery.seed,
        "cases": battery.cases,
        **({"against": battery.runtime} if battery.runtime else {}),
        "results": [_result(result) for result in battery.results],
    }
    out.record(document)


def _result(result: KindResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "group": result.group,
        "agrees": result.agrees,
        "cases": result.cases,
        "columns": result.columns,
        "identities": result.identities,
        "counterexample": result.counterexample,
    }
