"""What came of the battery as JSON: stable names, raw integers."""

from __future__ import annotations

from typing import Any

from convcalc.battery.run import Battery, KindResult
from convcalc.version import __version__
from convcalc.views.formats.json import encoded

SCHEMA_VERSION = 1


def encode(found: Battery) -> bytes:
    """The whole record; `checked` are the cases of which there was something to check."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "convcalc_version": __version__,
        "agrees": found.agrees,
        "seed": found.seed,
        "cases": found.cases,
        **({"against": found.runtime} if found.runtime else {}),
        "results": [_result(result) for result in found.results],
    }
    return encoded(document)


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
