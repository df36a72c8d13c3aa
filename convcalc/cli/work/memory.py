"""What `convcalc memory` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from convcalc import steps
from convcalc.cli.output import ExitCode, end, show_errors
from convcalc.language.named import readable
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.analysis.terms import HowRun
    from convcalc.language import Diagnostic
    from convcalc.opening import How
    from convcalc.planning.records import Running


def memory(
    files: Sequence[str],
    *,
    format: str,  # noqa: A002  # the option's name
    order: Running,
    top: int | None,
    expand: bool,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    terms: HowRun,
    how: How,
) -> None:
    """Print the memory of each file over time."""
    from convcalc.cli.loading import load
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished
    from convcalc.planning.plan import memory as plan
    from convcalc.views import view
    from convcalc.views.memory.shared import Planned

    writer, out = view("memory", format), Output(sys.stdout)
    code = ExitCode.DONE

    def fail(file: str, errors: list[Diagnostic]) -> None:
        nonlocal code
        if hasattr(writer, "write_failure"):
            writer.write_failure(readable(file), errors, out)
        show_errors(errors)
        code = ExitCode.BAD_INPUT

    for file in files:
        try:
            with steps.afresh():
                planned = plan(load(file, inputs, variables, **how), order=order, **terms)
                writer.write(Planned(readable(file), planned, top, expand), out)
        except SpecError as error:
            fail(file, error.diagnostics)
        except steps.OutOfSteps:
            fail(file, [unfinished(readable(file))])
    out.end()
    end(code)
