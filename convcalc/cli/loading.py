"""Networks as the commands load them: what may not be what is meant is said on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from convcalc.cli.output import reject
from convcalc.views.output import console, pen

if TYPE_CHECKING:
    from typing import Unpack

    from convcalc.language import Diagnostic, Source
    from convcalc.network import Network
    from convcalc.opening import How


def load(file: str, inputs: Mapping[str, tuple[int, ...]], variables: Mapping[str, str], **how: Unpack[How]) -> Network:
    """The network of a spec or a model.

    Raises:
        SpecError: as `convcalc.load`.
    """
    from convcalc import opening
    from convcalc.language.source import Source

    opened = opening.network_or_spec(file, inputs, variables, **how)
    if isinstance(opened, Source):
        return network_of(opened, inputs, variables)
    show_warnings(file, opened.warnings)
    return opened


def load_or_end(file: str, inputs: list[str] | None, variables: list[str] | None, **how: Unpack[How]) -> Network:
    """The network of a file and of what `--input` and `--set` say, or the end of the command with what is wrong."""
    from convcalc import steps
    from convcalc.cli.options import assignments, shapes
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished

    try:
        return load(file, shapes(inputs or []), assignments(variables or []), **how)
    except SpecError as error:
        reject(error.diagnostics)
    except steps.OutOfSteps:
        reject([unfinished(file)])


def network_of(source: Source, inputs: Mapping[str, tuple[int, ...]], variables: Mapping[str, str]) -> Network:
    """The network of a text that has been read.

    Raises:
        SpecError: it has mistakes.
    """
    from convcalc import opening

    network = opening.network_of(source, inputs, variables, partial(_warn, source, inputs, variables))
    show_warnings(source.path, network.warnings)
    return network


def show_warnings(path: str, warnings: Iterable[str]) -> None:
    """What a reader of the figures must know of the file that they come from, on standard error."""
    for warning in warnings:
        from convcalc.views.formats import terminal

        pen(sys.stderr).print(terminal.line(f"{path}: warning: {warning}"), soft_wrap=True)


def _warn(
    source: Source,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    warnings: list[Diagnostic],
) -> None:
    """Show warnings, but for those that are suppressed or configured away as findings of lint."""
    from convcalc import rules, steps
    from convcalc.language import SpecError
    from convcalc.linting.options import Options
    from convcalc.linting.run import Linter
    from convcalc.views import diagnostics

    others = tuple(code for code in rules.codes() if code not in {warning.code for warning in warnings})
    options = Options(ignore=others, inputs=inputs, variables=variables)
    with suppress(SpecError, steps.OutOfSteps):  # of lint's configuration, which is for lint to say
        warnings = list(Linter(options).file(source.path, source).findings)
    diagnostics.show(console(sys.stderr), [warning for warning in warnings if warning.severity != "info"])
