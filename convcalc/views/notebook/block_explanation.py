"""How a block adds up, in a line."""

from __future__ import annotations

from convcalc.analysis.explain import BlockExplanation
from convcalc.views import words
from convcalc.views.notebook import shared


def line(explanation: BlockExplanation) -> str:
    """The sums of its parts."""
    uncosted = len(explanation.uncosted_layers)
    sums = (("params", explanation.params), ("MACs", explanation.macs))
    figures = [f"{name} {words.at_least(words.exact(number), uncosted)}" for name, number in sums]
    parts = [shared.counted(len(explanation.parts), "part"), *figures]
    return f"{shared.brief(explanation.name)}: {explanation.kind}, {', '.join(parts)}"
