"""What another tool counts."""

from __future__ import annotations

from convcalc.analysis.counts import ToolCount
from convcalc.views import words


def line(counted: ToolCount) -> str:
    """The tool's number and ours."""
    figure = f"{counted.choice.counter.name} {counted.choice.figure.word}"
    return (
        f"{figure} {words.at_least(words.exact(counted.count), len(counted.unknown))}, ours {words.exact(counted.ours)}"
    )
