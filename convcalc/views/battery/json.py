"""What came of the battery as JSON: stable names, raw integers."""

from __future__ import annotations

from convcalc.views.battery.shared import BatteryRun
from convcalc.views.formats.json import HEAD
from convcalc.views.output import Output

_RESULT = ("name", "group", "agrees", "cases", "columns", "identities", "counterexample")


def write(run: BatteryRun, out: Output) -> None:
    """All of it; `checked` are the cases of which there was something to check."""
    battery = run.battery
    document = {
        **HEAD,
        "agrees": battery.agrees,
        "seed": battery.seed,
        "cases": battery.cases,
        **({"against": battery.runtime} if battery.runtime else {}),
        "results": [{name: getattr(result, name) for name in _RESULT} for result in battery.results],
    }
    out.record(document)
