"""A network that is compared with others: what its MACs are, and against the base."""

from __future__ import annotations

from convcalc.analysis.sides import Candidate
from convcalc.views import words
from convcalc.views.compare import shared as compared
from convcalc.views.notebook import shared


def line(candidate: Candidate) -> str:
    """MACs and params, or why it could not be had."""
    if candidate.report is None:
        return f"{shared.brief(candidate.label)}: {shared.brief(candidate.reason)}"
    totals = candidate.report.totals
    params = f"params {words.exact(totals.params)}, MACs {words.exact(totals.macs)}"
    return f"{shared.brief(candidate.label)}: {params}, {compared.against(candidate.comparison)}"
