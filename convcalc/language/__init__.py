"""The spec language: YAML text in, a `Network` out, or everything that is wrong with the text."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.language.document import loads as loads
    from convcalc.language.source import Diagnostic as Diagnostic
    from convcalc.language.source import Source as Source
    from convcalc.language.source import SpecError as SpecError
    from convcalc.language.source import read as read

_HOMES = {"loads": "document", "Diagnostic": "source", "Source": "source", "SpecError": "source", "read": "source"}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    """Import a name when it is first used: reading YAML takes a while to import, and a model file does without."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
