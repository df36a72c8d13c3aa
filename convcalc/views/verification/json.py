"""Verified networks as JSON: every number claimed and measured, stable names, raw integers."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from convcalc.language.source import Diagnostic
from convcalc.reference.against import ValueCheck
from convcalc.reference.verified import Verification
from convcalc.version import __version__
from convcalc.views.formats.json import encoded

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
        **_other_runtime(found),
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
                **({"against": _comparison(layer.against)} if layer.against is not None else {}),
                "finite": layer.finite,
                "problem": layer.problem,
            }
            for layer in found.layers
        ],
    }


def _other_runtime(found: Verification) -> dict[str, Any]:
    if not found.runtime:
        return {}
    nodes = found.network.nodes
    outputs = [{"name": nodes[output.place].name, **_comparison(output)} for output in found.outputs]
    return {"against": found.runtime, "outputs": outputs}


def _comparison(comparison: ValueCheck) -> dict[str, Any]:
    """The difference is null where nothing was compared, and where a number is none."""
    compared = comparison.agrees is not None
    return {
        "difference": comparison.difference if compared and math.isfinite(comparison.difference) else None,
        "tolerance": comparison.tolerance if compared else None,
        "agrees": comparison.agrees,
        "reason": comparison.reason,
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
    return encoded(documents[0] if len(documents) == 1 else documents)
