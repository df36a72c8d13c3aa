"""Exact costs of convolutional networks, from a YAML spec.

>>> report = convcalc.analyze(convcalc.load("specs/zoo/resnet50.yaml"))
>>> report.totals.macs
4089184256
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from convcalc.version import __version__ as __version__

if TYPE_CHECKING:
    from convcalc.analysis.analyze import analyze as analyze
    from convcalc.analysis.compare import Comparison as Comparison
    from convcalc.analysis.compare import Incomparable as Incomparable
    from convcalc.analysis.compare import compare as compare
    from convcalc.analysis.counts import ToolCount as ToolCount
    from convcalc.analysis.explain import explain as explain
    from convcalc.analysis.learning.records import Training as Training
    from convcalc.analysis.learning.training import training as training
    from convcalc.analysis.report import Report as Report
    from convcalc.analysis.sides import Candidate as Candidate
    from convcalc.analysis.sides import Sides as Sides
    from convcalc.analysis.tools import counts as counts
    from convcalc.analysis.variants import variants as variants
    from convcalc.analysis.zoo import ZooNetwork as ZooNetwork
    from convcalc.analysis.zoo import zoo as zoo
    from convcalc.language.document import loads as loads
    from convcalc.language.source import Diagnostic as Diagnostic
    from convcalc.language.source import SpecError as SpecError
    from convcalc.linting.records import Finding as Finding
    from convcalc.linting.run import lint as lint
    from convcalc.network import Network as Network
    from convcalc.opening import load as load
    from convcalc.planning.plan import memory as memory
    from convcalc.planning.records import MemoryPlan as MemoryPlan
    from convcalc.reference.fields.effective import effective_field as effective_field
    from convcalc.reference.fields.effective_field import EffectiveField as EffectiveField
    from convcalc.reference.loaded.load import LoadedWeights as LoadedWeights
    from convcalc.reference.loaded.load import load_weights as load_weights
    from convcalc.reference.saliency import Saliency as Saliency
    from convcalc.reference.saliency import saliency as saliency
    from convcalc.reference.verified import Verification as Verification
    from convcalc.reference.verify import verify as verify
    from convcalc.sweeping.compiled import compiled as compiled
    from convcalc.sweeping.record import Sweep as Sweep
    from convcalc.sweeping.run import sweep as sweep
    from convcalc.views.formulas import formula_latex as formula_latex
    from convcalc.views.formulas import formula_text as formula_text

_HOMES = {
    "Candidate": "convcalc.analysis.sides",
    "Comparison": "convcalc.analysis.compare",
    "Diagnostic": "convcalc.language.source",
    "EffectiveField": "convcalc.reference.fields.effective_field",
    "Finding": "convcalc.linting.records",
    "Incomparable": "convcalc.analysis.compare",
    "LoadedWeights": "convcalc.reference.loaded.load",
    "MemoryPlan": "convcalc.planning.records",
    "Network": "convcalc.network",
    "Report": "convcalc.analysis.report",
    "Saliency": "convcalc.reference.saliency",
    "Sides": "convcalc.analysis.sides",
    "SpecError": "convcalc.language.source",
    "Sweep": "convcalc.sweeping.record",
    "ToolCount": "convcalc.analysis.counts",
    "Training": "convcalc.analysis.learning.records",
    "Verification": "convcalc.reference.verified",
    "ZooNetwork": "convcalc.analysis.zoo",
    "__version__": "convcalc.version",
    "analyze": "convcalc.analysis.analyze",
    "compare": "convcalc.analysis.compare",
    "compiled": "convcalc.sweeping.compiled",
    "counts": "convcalc.analysis.tools",
    "effective_field": "convcalc.reference.fields.effective",
    "explain": "convcalc.analysis.explain",
    "formula_latex": "convcalc.views.formulas",
    "formula_text": "convcalc.views.formulas",
    "lint": "convcalc.linting.run",
    "load": "convcalc.opening",
    "load_weights": "convcalc.reference.loaded.load",
    "loads": "convcalc.language.document",
    "memory": "convcalc.planning.plan",
    "saliency": "convcalc.reference.saliency",
    "sweep": "convcalc.sweeping.run",
    "training": "convcalc.analysis.learning.training",
    "variants": "convcalc.analysis.variants",
    "verify": "convcalc.reference.verify",
    "zoo": "convcalc.analysis.zoo",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the command line starts without most of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'convcalc' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
