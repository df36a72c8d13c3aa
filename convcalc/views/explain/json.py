"""An explanation as JSON: stable names, raw integers, formulas as texts."""

from __future__ import annotations

from typing import Any

from convcalc.analysis.explain import BlockExplanation, Explanation, LayerExplanation
from convcalc.analysis.symbolic import KindExplanation
from convcalc.views.explain.shared import Explained
from convcalc.views.formats.json import HEAD
from convcalc.views.output import Output


def write(result: Explained, out: Output) -> None:
    """One object, which says under `layer`, `block`, `layers` or `kind` what is explained.

    In a formula's text `·` is multiplication, `//` division rounded down; `ceil`, `max`, `min` and `gcd` are functions.
    """
    explained = result.explanation
    if isinstance(explained, KindExplanation):
        out.record({**HEAD, "kind": explained})
        return
    what = {"model": result.model, "spec": result.spec, "convention": {"batch": 1}}
    out.record({**HEAD, **what, **_content(explained)})


def _content(explained: Explanation) -> dict[str, Any]:
    if isinstance(explained, LayerExplanation):
        return {"layer": explained}
    return {"block": explained} if isinstance(explained, BlockExplanation) else {"layers": explained.layers}
