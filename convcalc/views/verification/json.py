"""Verified networks as JSON: every number claimed and measured, stable names, raw integers."""

from __future__ import annotations

from typing import Any

import msgspec

from convcalc.reference.verify import Verification
from convcalc.spec.source import Diagnostic
from convcalc.version import __version__

SCHEMA_VERSION = 1


def document(found: Verification, spec: str) -> dict[str, Any]:
    """The record of one network."""
    return {
        **_head(found.network.name, spec),
        "agrees": found.agrees,
        "dtype": found.dtype,
        "seed": found.seed,
        "inputs": {node.name: node.shape for node in found.network.inputs},
        "totals": {name: _figure(figure) for name, figure in found.totals.items()},
        "expectations": [
            {**msgspec.structs.asdict(expectation), "agrees": expectation.agrees} for expectation in found.expectations
        ],
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "line": layer.line,
                "agrees": layer.agrees,
                "output_shape": _figure(layer.output_shape),
                "params": _figure(layer.params),
                "macs": _figure(layer.macs),
                "receptive_field": layer.receptive_field,
                "finite": layer.finite,
                "problem": layer.problem,
            }
            for layer in found.layers
        ],
    }


def failure(spec: str, errors: list[Diagnostic]) -> dict[str, Any]:
    """The record of a spec that could not be read."""
    return {**_head("", spec), "agrees": None, "errors": errors}


def refusal(name: str, spec: str, message: str) -> dict[str, Any]:
    """The record of a network that was not run."""
    return {**_head(name, spec), "agrees": None, "refused": message}


def _head(model: str, spec: str) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "convcalc_version": __version__, "model": model, "spec": spec}


def _figure(figure: Any) -> dict[str, Any]:
    return {"claimed": figure.claimed, "measured": figure.measured, "agrees": figure.agrees}


def encode(documents: list[dict[str, Any]]) -> bytes:
    """One spec as an object, several as an array of them."""
    whole: Any = documents[0] if len(documents) == 1 else documents
    return msgspec.json.format(msgspec.json.encode(whole, enc_hook=str), indent=1)
