"""Verified networks as JSON: every number claimed and measured, stable names, raw integers."""

from __future__ import annotations

import math
from typing import Any

from msgspec.structs import asdict

from convcalc.reference.against import ValueCheck
from convcalc.reference.fields.field_checks import UNAFFORDABLE
from convcalc.reference.model_file import TensorCheck
from convcalc.reference.verified import GRADIENT_MACS, Figure, GradientCheck, LayerResult, Verification
from convcalc.views.formats.json import HEAD
from convcalc.views.output import Output
from convcalc.views.verify.shared import NotVerified, Verified


def write(verified: Verified, out: Output) -> None:
    """One network."""
    out.record(document(verified.verification, verified.spec))


def write_failure(failure: NotVerified, out: Output) -> None:
    """A spec that could not be read, or a network that was not run."""
    what = {"errors": failure.errors} if failure.errors else {"refused": failure.reason}
    out.record({**HEAD, "model": failure.model, "spec": failure.spec, "agrees": None, **what})


def document(verification: Verification, spec: str) -> dict[str, Any]:
    """The record of one network."""
    return {
        **HEAD,
        "model": verification.network.name,
        "spec": spec,
        "agrees": verification.agrees,
        "dtype": verification.dtype,
        "seed": verification.seed,
        "fused": verification.fusion is not None,
        "inputs": {node.name: node.shape for node in verification.network.inputs},
        "totals": {name: _figure(figure) for name, figure in verification.totals.items()},
        "expectations": [{**asdict(figure), "agrees": figure.agrees} for figure in verification.expectations],
        **_other_runtime(verification),
        **_of_network(verification),
        "layers": [_layer(layer) for layer in verification.layers],
    }


_FIGURES = ("output_shape", "params", "buffers", "macs", "elementwise_ops")


def _layer(layer: LayerResult) -> dict[str, Any]:
    return {
        **{name: getattr(layer, name) for name in ("name", "kind", "line", "agrees")},
        **{name: _figure(getattr(layer, name)) for name in _FIGURES},
        **({"in_place": _figure(layer.in_place)} if layer.written is not None else {}),
        "receptive_field": layer.receptive_field,
        **({"against": _comparison(layer.against)} if layer.against is not None else {}),
        **({"as_written": _comparison(layer.written)} if layer.written is not None else {}),
        **({"folded": _comparison(layer.folded)} if layer.folded is not None else {}),
        **({"gradients": _gradients(layer.gradients)} if layer.gradients is not None else {}),
        "finite": layer.finite,
        "problem": layer.problem,
    }


def _of_network(verification: Verification) -> dict[str, Any]:
    if not verification.has_gradients:
        return {}
    macs = {name: _figure(figure) for name, figure in verification.gradient_macs.items()}
    check = verification.gradients
    return {"gradients": {**macs, "agrees": check and check.agrees, "reason": check.reason if check else UNAFFORDABLE}}


def _gradients(check: GradientCheck) -> dict[str, Any]:
    return {
        **{name: _figure(getattr(check, name)) for name in GRADIENT_MACS},
        "compared": check.compared,
        "agrees": check.agrees,
        "wrong": check.wrong,
        "reason": check.reason,
    }


def _other_runtime(verification: Verification) -> dict[str, Any]:
    if not verification.runtime:
        return {}
    if verification.file is not None:
        file = verification.file
        tensors = [{**asdict(tensor), **_comparison(tensor)} for tensor in file.tensors]
        of_file = {"agrees": file.agrees, "reason": file.reason, "filled": file.filled, "tensors": tensors}
        return {"against": verification.runtime, "file": of_file}
    nodes = verification.network.nodes
    outputs = [{"name": nodes[output.place].name, **_comparison(output)} for output in verification.outputs]
    return {"against": verification.runtime, "outputs": outputs}


def _comparison(comparison: ValueCheck | TensorCheck) -> dict[str, Any]:
    """The difference is null where nothing was compared, and where a number is none."""
    compared = comparison.agrees is not None and not comparison.reason
    return {
        "difference": comparison.difference if compared and math.isfinite(comparison.difference) else None,
        "tolerance": comparison.tolerance if compared else None,
        "agrees": comparison.agrees,
        "reason": comparison.reason,
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {"claimed": figure.claimed, "measured": figure.measured, "agrees": figure.agrees}
