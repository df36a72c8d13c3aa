"""What lint finds in a network that a command shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from convcalc import steps

if TYPE_CHECKING:
    from convcalc.analysis.terms import HowRun
    from convcalc.linting.records import Finding
    from convcalc.network import Network


def linted(file: str, network: Network, terms: HowRun) -> tuple[Finding, ...]:
    """The findings that `convcalc lint` has with the same options: as configured, without what is suppressed.

    The text is the one that the network was read from, so that no file is read twice, and standard input once.

    Raises:
        SpecError: the configuration of lint has mistakes.
    """
    from convcalc.linting.options import Options
    from convcalc.linting.run import Linter

    origin = network.origin
    if origin is None:
        return ()
    words = cast("dict[str, Any]", terms)  # from the command line they are no more than that
    options = Options(inputs=origin.inputs, variables=origin.variables, **words)
    with steps.afresh():
        return Linter(options).file(file, origin.source).findings
