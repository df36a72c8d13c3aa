"""An explanation as JSON: stable names, raw integers, formulas as texts."""

from __future__ import annotations

from typing import Any

from convcalc.analysis.explain import BlockExplanation, Explanation, LayerExplanation
from convcalc.analysis.symbolic import KindExplanation
from convcalc.version import __version__
from convcalc.views.formats.json import encoded

SCHEMA_VERSION = 1


def encode(explained: Explanation | KindExplanation, *, model: str = "", spec: str = "") -> bytes:
    """One object, which says under `layer`, `block`, `layers` or `kind` what is explained.

    In a formula's text `·` is multiplication, `//` division rounded down; `ceil`, `max`, `min` and `gcd` are functions.
    """
    document: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "convcalc_version": __version__}
    if isinstance(explained, KindExplanation):
        document["kind"] = explained
    else:
        document |= {"model": model, "spec": spec, "convention": {"batch": 1}}
        document |= _content(explained)
    return encoded(document)


def _content(explained: Explanation) -> dict[str, Any]:
    if isinstance(explained, LayerExplanation):
        return {"layer": explained}
    return {"block": explained} if isinstance(explained, BlockExplanation) else {"layers": explained.layers}
