"""What `convcalc compare` puts side by side: specs that are read, and variants that are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from convcalc.analysis.analyze import analyze
from convcalc.analysis.compare import compare
from convcalc.analysis.report import Report
from convcalc.analysis.theory import theory
from convcalc.cli.loading import network_of
from convcalc.opening import read, read_at
from convcalc.spec import Diagnostic, Source, SpecError, loads
from convcalc.spec.rewrite import CannotApply, Rewriter, with_figures
from convcalc.spec.variants import Variant, VariantError, parsed, read_blocks
from convcalc.views.comparison.records import Entry, Sides


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
        network = network_of(source, self.inputs, self.variables)
        return analyze(network, batch=self.batch, dtype=self.dtype)


class Side(msgspec.Struct, frozen=True):
    """One spec that is to be compared: what could be worked out of it, and its mistakes."""

    label: str
    report: Report | None
    errors: tuple[Diagnostic, ...] = ()


class Uncompared(SpecError):
    """Specs of which some have mistakes; `sides` are all of them, the base first."""

    def __init__(self, sides: Sequence[Side]) -> None:
        super().__init__([error for side in sides for error in side.errors])
        self.sides = sides


class NothingToReplace(Exception):
    """No layer is a standard convolution, of those that are asked for."""


def of_specs(files: Sequence[str], revision: str | None, settings: Settings) -> Sides:
    """Specs against the first, or one against itself as it was at a revision.

    Raises:
        Uncompared: some have mistakes.
        Incomparable: their inputs differ.
    """
    sides: list[Side] = []
    revisions = [revision, None] if revision is not None else [None] * len(files)
    for at, file in zip(revisions, files if revision is None else [files[0]] * 2, strict=True):
        label = (file if at is None else f"{at}:{file}").encode(errors="replace").decode()
        sides.append(_side(label, file, at, settings))
    if any(side.errors for side in sides):
        raise Uncompared(sides)
    (label, base), *heads = [(side.label, side.report) for side in sides if side.report is not None]
    entries = [Entry(name, compare(base, head, allow_input_change=settings.allow_input_change)) for name, head in heads]
    return Sides(base, label, label, tuple(entries), variants=False)


def _side(label: str, file: str, revision: str | None, settings: Settings) -> Side:
    try:
        return Side(label, settings.report(settings.read(file, revision)))
    except SpecError as error:
        network = error.network
        report = analyze(network, batch=settings.batch, dtype=settings.dtype) if network is not None else None
        return Side(label, report, tuple(error.diagnostics))


class Made(msgspec.Struct, frozen=True):
    """Variants side by side, and the text of each that could be made."""

    sides: Sides
    sources: dict[str, Source]


def of_variants(file: str, wanted: str, layers: Sequence[str], blocks: str | None, settings: Settings) -> Made:
    """A spec against its variants.

    Raises:
        SpecError: the spec or the blocks have mistakes.
        VariantError, UnknownLayer: there is no such variant, block or layer.
        NothingToReplace: no layer of those that are asked for is a standard convolution.
    """
    source = settings.read(file)
    base = settings.report(source)
    more = read_blocks(read(blocks)) if blocks is not None else {}
    rewriter = Rewriter(source, base.network, more)
    twice = sorted(set(more) & set(rewriter.outline.own))
    if twice:
        raise VariantError(f"block `{twice[0]}` is defined both in {blocks} and in {file}")
    sources: dict[str, Source] = {}
    variants = parsed(wanted, rewriter.outline, more)
    entries = [_entry(rewriter, variant, layers, base, settings, sources) for variant in variants]
    if all(entry is None for entry in entries):
        named = f" among {', '.join(layers)}" if layers else ""
        raise NothingToReplace(
            f"no layer to replace{named}: none is a convolution of groups 1 with a kernel larger than 1, those apart "
            "that composites like separable_conv are made of"
        )
    nothing = "no layer to replace: what it would replace is what it is made of"
    known = [entry or Entry(variant.label, reason=nothing) for entry, variant in zip(entries, variants, strict=True)]
    path = file.encode(errors="replace").decode()
    return Made(Sides(base, "standard", path, tuple(known), variants=True), sources)


def _entry(
    rewriter: Rewriter,
    variant: Variant,
    patterns: Sequence[str],
    base: Report,
    settings: Settings,
    sources: dict[str, Source],
) -> Entry | None:
    """One variant; None where it has nothing to replace."""
    chosen, notes = rewriter.chosen(variant, patterns)
    if not chosen:
        return None
    try:
        source, network = rewriter.rewritten(variant, chosen, settings.inputs, settings.variables)
    except CannotApply as error:
        return Entry(variant.label, reason=str(error), notes=notes)
    sources[variant.label] = source
    head = analyze(network, batch=settings.batch, dtype=settings.dtype)
    comparison = compare(base, head)
    names = {node.name for nodes in chosen.values() for node in nodes}
    replaced = tuple(change for change in comparison.layers if change.base is not None and change.base.name in names)
    expected = theory(comparison, replaced, variant.name, variant.given)
    return Entry(variant.label, comparison, "", replaced, expected, notes)


def up_to_date(source: Source) -> Source:
    """A spec that expects what it has. With other inputs and variables than its own that could not be said."""
    try:
        report = analyze(loads(source))
    except SpecError:
        return source
    totals = {name: str(number) for name, number in msgspec.structs.asdict(report.totals).items()}
    seen = report.receptive_field
    size = seen.size if seen is not None and seen.size is not None and None not in seen.size else None
    shape = report.network.nodes[report.network.outputs[0]].shape if report.network.outputs else ()
    return with_figures(source, {**totals, "output": _listed(shape), "receptive_field": _once(size) if size else None})


def _once(sizes: Sequence[object]) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else _listed(sizes)


def _listed(sizes: Sequence[object]) -> str:
    return f"[{', '.join(map(str, sizes))}]"
