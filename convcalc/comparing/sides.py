"""What is put side by side: a network and its variants, or specs against the first of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

import msgspec

from convcalc import steps
from convcalc.analysis.analyze import analyze
from convcalc.analysis.compare import Change, Comparison, compare
from convcalc.analysis.report import Report
from convcalc.analysis.theory import Theory
from convcalc.language import Diagnostic, Source, SpecError
from convcalc.language.named import readable
from convcalc.language.replacing import Skipped
from convcalc.language.source import unfinished
from convcalc.network import Network
from convcalc.opening import network_of, read, read_at


class Entry(msgspec.Struct, frozen=True):
    """One network that is compared: a variant or a spec. `reason`: it could not be had, and why.

    `replaced` are the layers that a variant took the place of, `skipped` those where it could not stand, `notes` what
    else a reader should know.
    """

    label: str
    comparison: Comparison | None = None
    reason: str = ""
    replaced: tuple[Change, ...] = ()
    theory: Theory | None = None
    notes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


class Sides(msgspec.Struct, frozen=True):
    """The base with its label and path, and what it is compared with; `variants`: these are its variants."""

    base: Report
    label: str
    path: str
    entries: tuple[Entry, ...]
    variants: bool


Shapes = Mapping[str, tuple[int, ...]]
Texts = Mapping[str, str]


class Settings(msgspec.Struct, frozen=True):
    """What holds for all networks that are compared; `load` makes the network of a text that was read."""

    inputs: Shapes
    variables: Texts
    batch: int
    dtype: str
    allow_input_change: bool
    load: Callable[[Source, Shapes, Texts], Network] = network_of

    def read(self, file: str, revision: str | None = None) -> Source:
        """A spec or a model, as it is or as it was at a revision.

        Raises:
            SpecError: it cannot be read.
        """
        return read(file, self.inputs) if revision is None else read_at(revision, file, self.inputs)

    def report(self, source: Source) -> Report:
        """The costs of a spec.

        Raises:
            SpecError: it has mistakes.
        """
        return analyze(self.load(source, self.inputs, self.variables), batch=self.batch, dtype=self.dtype)


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


def of_specs(files: Sequence[str], settings: Settings) -> Sides:
    """Specs against the first. Other input sizes that one is named with are meant.

    Raises:
        Uncompared: some have mistakes.
        Incomparable: their inputs differ.
    """
    sides = [_side(file, settings) for file in files[:2]]
    for file in files[2:]:  # two are a pair
        with steps.afresh():
            sides.append(_side(file, settings))
    if any(side.errors for side in sides):
        raise Uncompared(sides)
    (base, first), *heads = [(side.report, side) for side in sides if side.report is not None]
    entries = []
    for head, side in heads:
        allowed = settings.allow_input_change or side.is_resized or first.is_resized
        with steps.afresh() if len(heads) > 1 else nullcontext():
            entries.append(Entry(side.label, compare(base, head, allow_input_change=allowed)))
    return Sides(base, first.label, first.label, tuple(entries), variants=False)


def _side(file: str, settings: Settings) -> Side:
    label = readable(file)
    try:
        source = settings.read(file)
        report = settings.report(source)
    except steps.OutOfSteps:
        return Side(label, None, (unfinished(label),))
    except SpecError as error:
        network = error.network
        partial = analyze(network, batch=settings.batch, dtype=settings.dtype) if network is not None else None
        return Side(label, partial, tuple(error.diagnostics))
    return Side(label, report, is_resized=source.named is not None and bool(source.named.inputs))
