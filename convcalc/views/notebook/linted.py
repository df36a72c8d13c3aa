"""What lint found in a file."""

from __future__ import annotations

from convcalc.linting.records import Linted
from convcalc.views.notebook import shared


def line(linted: Linted) -> str:
    """How many findings there are, and how many are suppressed."""
    suppressed = f", {linted.suppressed:,} suppressed" if linted.suppressed else ""
    return f"{shared.brief(linted.path)}: {shared.counted(len(linted.findings), 'finding')}{suppressed}"
