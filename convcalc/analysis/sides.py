"""What is put side by side: a network and its variants, or specs against the first of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Unpack

import msgspec

from convcalc import steps
from convcalc.analysis.analyze import analyze
from convcalc.analysis.compare import Change, Comparison, compare
from convcalc.analysis.report import Report
from convcalc.analysis.terms import HowRun
from convcalc.analysis.theory import Theory
from convcalc.devices import NoPeak
from convcalc.language import Diagnostic, Source, SpecError
from convcalc.language.named import readable
from convcalc.language.replacing import Skipped
from convcalc.language.source import unfinished
from convcalc.network import Network
from convcalc.presenting import Presented, Printed

Load = Callable[[str], Network]
"""Opens a network by its name; what cannot be opened is a `SpecError`."""


class Candidate(Printed, msgspec.Struct, frozen=True):
    """A network that is compared with the base: a variant, or another spec.

    `comparison` holds both reports and every layer that is not the same; where it is None, `reason` says why the
    network could not be had. `replaced` are the layers that a variant took the place of, `skipped` those where it
    could not stand, `theory` what the literature says it costs, `source` its spec, and `notes` what else a reader
    should know.
    """

    label: str
    comparison: Comparison | None = None
    reason: str = ""
    replaced: tuple[Change, ...] = ()
    theory: Theory | None = None
    notes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    source: Source | None = None

    @property
    def report(self) -> Report | None:
        """The costs of the network, None where it could not be had."""
        return self.comparison.head if self.comparison is not None else None

    @property
    def changes(self) -> tuple[Change, ...]:
        """The layers that are not the same in the base."""
        return self.comparison.changes if self.comparison is not None else ()


class Sides(Presented, msgspec.Struct, frozen=True):
    """The base with its label and path, and what it is compared with; `variants`: these are its variants."""

    base: Report
    label: str
    path: str
    candidates: tuple[Candidate, ...]
    variants: bool


class Side(msgspec.Struct, frozen=True):
    """One spec that is to be compared: what could be worked out of it, and its mistakes."""

    label: str
    report: Report | None
    errors: tuple[Diagnostic, ...] = ()
    is_resized: bool = False


class Uncompared(SpecError):
    """Specs of which some have mistakes; `sides` are all of them, the base first."""

    def __init__(self, sides: Sequence[Side]) -> None:
        super().__init__([error for side in sides for error in side.errors])
        self.sides = sides


def of_specs(files: Sequence[str], load: Load, *, allow_input_change: bool = False, **how: Unpack[HowRun]) -> Sides:
    """Specs against the first. Input sizes that one of them is named with may differ from the others'.

    Raises:
        Uncompared: some have mistakes.
        Incomparable: their inputs differ.
    """
    sides = []
    for place, file in enumerate(files):
        with steps.afresh() if place > 1 else nullcontext():  # two are a pair
            sides.append(_side(file, load, how))
    if any(side.errors for side in sides):
        raise Uncompared(sides)
    (base, first), *heads = [(side.report, side) for side in sides if side.report is not None]
    candidates = []
    for head, side in heads:
        allowed = allow_input_change or side.is_resized or first.is_resized
        with steps.afresh() if len(heads) > 1 else nullcontext():
            candidates.append(Candidate(side.label, compare(base, head, allow_input_change=allowed)))
    return Sides(base, first.label, first.label, tuple(candidates), variants=False)


def _side(file: str, load: Load, how: HowRun) -> Side:
    label = readable(file)
    try:
        network = load(file)
        report = analyze(network, **how)
    except steps.OutOfSteps:
        return Side(label, None, (unfinished(label),))
    except NoPeak as error:
        return Side(label, None, (Diagnostic(label, 0, 0, 0, "CC013", str(error)),))
    except SpecError as error:
        partial = analyze(error.network, **how) if error.network is not None else None
        return Side(label, partial, tuple(error.diagnostics))
    named = network.origin.named if network.origin is not None else None
    return Side(label, report, is_resized=named is not None and bool(named.inputs))
