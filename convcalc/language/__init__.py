"""The spec language: YAML text in, a `Network` out, or everything that is wrong with the text."""

from convcalc.language.document import loads
from convcalc.language.source import Diagnostic, Source, SpecError, read

__all__ = ["Diagnostic", "Source", "SpecError", "loads", "read"]
