"""An explanation as JSON: stable names, raw integers, formulas as texts."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from convcalc.analysis.explain import BlockExplanation, Explanation, Formula, LayerExplanation
from convcalc.analysis.symbolic import KindExplanation
from convcalc.views.explain.shared import Explained
from convcalc.views.formats.json import HEAD
from convcalc.views.formulas import formula_text
from convcalc.views.output import Output


def write(result: Explained, out: Output) -> None:
    """One object, which says under `layer`, `block`, `layers` or `kind` what is explained.

    In a formula's text `·` is multiplication, `//` division rounded down; `ceil`, `max`, `min` and `gcd` are functions.
    """
    explained = result.explanation
    if isinstance(explained, KindExplanation):
        out.record({**HEAD, "kind": _kind(explained)})
        return
    what = {"model": result.model, "spec": result.spec, "convention": {"batch": 1}}
    out.record({**HEAD, **what, **_content(explained)})


def _kind(kind: KindExplanation) -> dict[str, Any]:
    legend = [{"symbol": symbol.symbol, "meaning": symbol.meaning} for symbol in kind.legend]
    return {**asdict(kind), "legend": legend, "formulas": [_in_symbols(formula) for formula in kind.formulas]}


def _content(explained: Explanation) -> dict[str, Any]:
    if isinstance(explained, LayerExplanation):
        return {"layer": {**asdict(explained), "formulas": [_formula(formula) for formula in explained.formulas]}}
    if isinstance(explained, BlockExplanation):
        return {"block": explained}
    return {"layers": [{**asdict(line), "macs": line.macs and _formula(line.macs)} for line in explained.layers]}


def _formula(formula: Formula) -> dict[str, Any]:
    numbers = formula_text(formula.term, numbers=True)
    return {**_in_symbols(formula), "numbers": numbers, "value": formula.value, "axes": formula.axes}


def _in_symbols(formula: Formula) -> dict[str, Any]:
    return {"quantity": formula.quantity, "symbol": formula.symbol, "symbols": formula_text(formula.term)}
