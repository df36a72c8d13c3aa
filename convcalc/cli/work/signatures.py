"""What `convcalc analyze --signatures` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Unpack

from convcalc import steps
from convcalc.analysis.terms import HowRun
from convcalc.cli.output import reject, show
from convcalc.language.named import readable


def signatures(
    files: Sequence[str],
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    *,
    strict: bool,
    scale: str,
    blocks: str,
    **running: Unpack[HowRun],
) -> None:
    """Print the signatures of all files' layers in one table."""
    from convcalc.analysis.analyze import analyze
    from convcalc.analysis.signatures import signatures as signatures_of
    from convcalc.cli.loading import load
    from convcalc.devices import NoPeak
    from convcalc.language.source import Diagnostic, SpecError, unfinished

    counts: dict[str, int] = {}
    for file in files:
        try:
            with steps.afresh():
                network = load(file, inputs, variables, strict=strict, scale=scale, blocks=blocks)
                for name, places in signatures_of(analyze(network, **running)).items():
                    counts[name] = counts.get(name, 0) + len(places)
        except SpecError as error:
            reject(error.diagnostics)
        except NoPeak as error:
            reject([Diagnostic(readable(file), 0, 0, 0, "CC013", str(error))])
        except steps.OutOfSteps:
            reject([unfinished(readable(file))])
    show("signatures", "csv", counts)
