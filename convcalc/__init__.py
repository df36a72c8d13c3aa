"""Exact costs of convolutional networks, from a YAML spec.

>>> report = convcalc.analyze(convcalc.load("specs/zoo/resnet50.yaml"))
>>> report.totals.macs
4089184256
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from convcalc.version import __version__

if TYPE_CHECKING:
    from convcalc.analysis.analyze import analyze
    from convcalc.analysis.compare import Comparison, Incomparable, compare
    from convcalc.analysis.explain import explain
    from convcalc.analysis.report import Report
    from convcalc.analysis.sides import Candidate, Sides
    from convcalc.analysis.variants import variants
    from convcalc.analysis.zoo import ZooNetwork, zoo
    from convcalc.language.source import Diagnostic, SpecError
    from convcalc.linting.records import Finding
    from convcalc.linting.run import lint
    from convcalc.network import Network
    from convcalc.opening import load
    from convcalc.reference.verified import Verification
    from convcalc.reference.verify import verify
    from convcalc.views.formulas import formula_latex, formula_text

__all__ = [
    "Candidate",
    "Comparison",
    "Diagnostic",
    "Finding",
    "Incomparable",
    "Network",
    "Report",
    "Sides",
    "SpecError",
    "Verification",
    "ZooNetwork",
    "__version__",
    "analyze",
    "compare",
    "explain",
    "formula_latex",
    "formula_text",
    "lint",
    "load",
    "variants",
    "verify",
    "zoo",
]

_HOMES = {
    "Candidate": "convcalc.analysis.sides",
    "Comparison": "convcalc.analysis.compare",
    "Diagnostic": "convcalc.language.source",
    "Finding": "convcalc.linting.records",
    "Incomparable": "convcalc.analysis.compare",
    "Network": "convcalc.network",
    "Report": "convcalc.analysis.report",
    "Sides": "convcalc.analysis.sides",
    "SpecError": "convcalc.language.source",
    "Verification": "convcalc.reference.verified",
    "ZooNetwork": "convcalc.analysis.zoo",
    "analyze": "convcalc.analysis.analyze",
    "compare": "convcalc.analysis.compare",
    "explain": "convcalc.analysis.explain",
    "formula_latex": "convcalc.views.formulas",
    "formula_text": "convcalc.views.formulas",
    "lint": "convcalc.linting.run",
    "load": "convcalc.opening",
    "variants": "convcalc.analysis.variants",
    "verify": "convcalc.reference.verify",
    "zoo": "convcalc.analysis.zoo",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the command line starts without most of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'convcalc' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
