"""What a view writes, to a pipe or on a console of some width."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

import convcalc
from convcalc.analysis.lines import lines
from convcalc.views.analyze.shared import Analyzed
from convcalc.views.output import Output


def piped(view: Any, result: Any) -> str:
    """The text behind a pipe that reads UTF-8."""
    data = io.BytesIO()
    stream = io.TextIOWrapper(data, "utf-8", errors="replace", newline="")
    out = Output(stream)
    view.write(result, out)
    out.end()
    stream.flush()
    return data.getvalue().decode()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_console(view: Any, result: Any, width: int, *, is_terminal: bool = False) -> str:
    """The text on a console without colours; `is_terminal`: one that a person looks at."""
    stream = _Terminal() if is_terminal else io.StringIO()
    out = Output(stream)
    forced = True if is_terminal else None
    out.console = out.pen = Console(
        file=stream, width=width, markup=False, highlight=False, force_terminal=forced, color_system=None, _environ={}
    )
    view.write(result, out)
    return stream.getvalue()


def analyzed(report: convcalc.Report, spec: str, *, expand: bool = False) -> Analyzed:
    """A report as the table of analyze gets it."""
    return Analyzed(spec, report, lines(report, expand=expand), [], is_folded=False)
