"""What is put side by side: a network and its variants, or specs against the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from convcalc.analysis.analyze import analyze
from convcalc.analysis.compare import Change, Comparison, compare
from convcalc.analysis.report import Report
from convcalc.analysis.theory import Theory
from convcalc.opening import read, read_at
from convcalc.spec import Diagnostic, Source, SpecError, loads
from convcalc.spec.named import readable
from convcalc.spec.replacing import Skipped


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


class Settings(msgspec.Struct, frozen=True):
    """What holds for all networks that are compared."""

    inputs: Mapping[str, tuple[int, ...]]
    variables: Mapping[str, str]
    batch: int
    dtype: str
    allow_input_change: bool

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
        network = loads(source, inputs=self.inputs, variables=self.variables)
        return analyze(network, batch=self.batch, dtype=self.dtype)


def of_specs(files: Sequence[str], settings: Settings) -> Sides:
    """Specs against the first. Other input sizes that one is named with are meant.

    Raises:
        SpecError: with the mistakes of all of them.
        Incomparable: their inputs differ.
    """
    reports: list[Report] = []
    resized: list[bool] = []
    problems: list[Diagnostic] = []
    for file in files:
        try:
            source = settings.read(file)
            reports.append(settings.report(source))
            resized.append(source.named is not None and bool(source.named.inputs))
        except SpecError as error:
            problems += error.diagnostics
    if problems:
        raise SpecError(problems)
    base, *heads = reports
    entries = []
    for file, head, is_resized in zip(files[1:], heads, resized[1:], strict=True):
        allowed = settings.allow_input_change or is_resized or resized[0]
        entries.append(Entry(readable(file), compare(base, head, allow_input_change=allowed)))
    return Sides(base, readable(files[0]), readable(files[0]), tuple(entries), variants=False)
