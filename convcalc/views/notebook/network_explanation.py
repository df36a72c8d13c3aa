"""The MACs of every layer, in a line."""

from __future__ import annotations

from convcalc.analysis.explain import NetworkExplanation
from convcalc.views import words
from convcalc.views.notebook import shared


def line(explanation: NetworkExplanation) -> str:
    """How many layers there are, and their MACs as far as they are known."""
    known = sum(layer.macs.value for layer in explanation.layers if layer.macs is not None)
    layers = shared.counted(len(explanation.layers), "layer")
    return f"{shared.brief(explanation.name)}: {layers}, MACs {words.exact(known)}"
