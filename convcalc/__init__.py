"""Exact costs of convolutional networks, from a YAML spec.

>>> report = convcalc.analyze(convcalc.load("specs/zoo/resnet50.yaml"))
>>> report.totals.macs
4089184256
"""

from convcalc.analysis.analyze import analyze
from convcalc.analysis.report import Report
from convcalc.network import Network
from convcalc.spec import Diagnostic, SpecError, load

__all__ = ["Diagnostic", "Network", "Report", "SpecError", "analyze", "load"]
__version__ = "0.1.0"
