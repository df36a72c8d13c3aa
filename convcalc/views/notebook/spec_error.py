"""What is wrong with a spec, where it is printed."""

from __future__ import annotations

from convcalc.language.source import SpecError
from convcalc.views import diagnostics
from convcalc.visible import short, visible

_LONGEST = 200


def line(error: SpecError) -> str:
    """Every mistake as the command line prints it where nobody reads along: its place, its line, what to do."""
    return diagnostics.text(error.diagnostics)


def brief(error: SpecError) -> str:
    """How many mistakes there are, and the first."""
    count = len(error.problems)
    if not count:
        return "SpecError()"
    first = error.problems[0]
    place = f"{first.path}:{first.line}:{first.column}" if first.line else first.path
    text = short(visible(f"{place}: {first.code}: {first.message}"), _LONGEST)
    return f"SpecError({count} mistake{'s' * (count > 1)}, {text})"
