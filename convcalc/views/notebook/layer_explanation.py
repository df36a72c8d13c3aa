"""A layer's formulas, in a line."""

from __future__ import annotations

from convcalc.analysis.explain import LayerExplanation
from convcalc.views import words
from convcalc.views.notebook import shared


def line(explanation: LayerExplanation) -> str:
    """What the layer is, and of what there are formulas."""
    quantities = ", ".join(dict.fromkeys(formula.quantity for formula in explanation.formulas))
    layer = f"{explanation.kind} {explanation.summary}".rstrip()
    shape = words.shape(explanation.output_shape)
    return f"{shared.brief(explanation.name)}: {layer} -> {shape}, formulas of {quantities or 'nothing'}"
