"""A network against its variants."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc import steps
from convcalc.analysis.analyze import analyze
from convcalc.analysis.compare import compare
from convcalc.analysis.report import Report
from convcalc.analysis.theory import theory
from convcalc.comparing.sides import Entry, Settings, Sides
from convcalc.language import Diagnostic, Source, SpecError, loads
from convcalc.language.named import readable
from convcalc.language.replacing import replaced
from convcalc.language.rewrite import CannotApply, Rewriter, with_figures
from convcalc.language.trimming import without_unused_parameters
from convcalc.language.variants import Variant, VariantError, parsed, read_blocks
from convcalc.opening import read

MOST_NOTES = 3
"""Layers of which it is said why none is replaced."""


class NothingToReplace(Exception):
    """No layer is a standard convolution, of those that are asked for."""


class Made(msgspec.Struct, frozen=True):
    """Variants side by side, the text that they are made from, and that of each that could be made."""

    sides: Sides
    original: Source
    sources: dict[str, Source]


def of_variants(
    file: str,
    wanted: str,
    layers: Sequence[str],
    blocks: str | None,
    settings: Settings,
    excluded: Sequence[str] = (),
) -> Made:
    """A spec against its variants, put in place of `layers`, or of all, apart from those that are `excluded`.

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
    entries: list[Entry | None] = []
    for variant in variants:
        try:
            entries.append(_entry(rewriter, variant, (layers, excluded), base, settings, sources))
        except steps.OutOfSteps as error:
            entries.append(Entry(variant.label, reason=f"it takes {error}"))
    if all(entry is None for entry in entries):
        named = f" among {', '.join(layers)}" if layers else ""
        named += f" except {', '.join(excluded)}" if excluded else ""
        _, notes = rewriter.chosen(variants[0], layers, excluded)
        others = f"; and {len(notes) - MOST_NOTES} more" if len(notes) > MOST_NOTES else ""
        expected = "expected a convolution of groups 1 with a kernel larger than 1 that is no part of a composite"
        raise NothingToReplace(f"no layer to replace{named}: {'; '.join(notes[:MOST_NOTES]) or expected}{others}")
    nothing = "no layer to replace: what it would replace is what it is made of"
    known = [entry or Entry(variant.label, reason=nothing) for entry, variant in zip(entries, variants, strict=True)]
    return Made(Sides(base, "standard", readable(file), tuple(known), variants=True), source, sources)


def _entry(
    rewriter: Rewriter,
    variant: Variant,
    patterns: tuple[Sequence[str], Sequence[str]],
    base: Report,
    settings: Settings,
    sources: dict[str, Source],
) -> Entry | None:
    """One variant; None where it has nothing to replace."""
    chosen, notes = rewriter.chosen(variant, *patterns)
    if not chosen:
        return None
    try:
        replacement = replaced(rewriter, variant, chosen, settings.inputs, settings.variables)
    except CannotApply as error:
        return Entry(variant.label, reason=str(error), notes=notes)
    head = analyze(replacement.network, batch=settings.batch, dtype=settings.dtype)
    comparison = compare(base, head)
    names = set(replacement.replaced)
    changes = tuple(change for change in comparison.layers if change.base is not None and change.base.name in names)
    expected = theory(comparison, changes, variant.name, variant.given)
    sources[variant.label] = replacement.source
    return Entry(variant.label, comparison, "", changes, expected, notes, replacement.skipped)


class DoesNotReadBack(Exception):
    """A text that is not written, as it does not describe the network that was compared; the message says why."""


def written(made: Made) -> str:
    """The text of the one variant there is, which expects what it has.

    Raises:
        DoesNotReadBack: see there.
    """
    ((label, source),) = made.sources.items()
    head = next(entry.comparison.head for entry in made.sides.entries if entry.label == label and entry.comparison)
    text = with_figures(source, _figures(analyze(head.network))).text
    again, warnings = Source(source.path, text), list[Diagnostic]()
    try:
        network = loads(again, warn=warnings.extend)
    except SpecError as error:
        raise DoesNotReadBack(error.problems[0].message) from None
    report = analyze(network, batch=head.convention.batch, dtype=head.convention.dtype)
    for name, number in msgspec.structs.asdict(head.totals).items():
        if getattr(report.totals, name) != number:
            raise DoesNotReadBack(f"{name} would be {getattr(report.totals, name):,}, {number:,} was compared")
    return without_unused_parameters(again, network, warnings, made.original).text


def _figures(report: Report) -> dict[str, str | None]:
    """What a spec may expect, as it is written there; None for a figure that there is none of."""
    size = report.figures["receptive_field"]
    seen = _once(size) if size is not None and None not in size and len(size) > 0 else None
    return {name: str(value) for name, value in msgspec.structs.asdict(report.totals).items()} | {
        "output": _listed(report.figures["output"] or ()),
        "receptive_field": seen,
    }


def _once(sizes: Sequence[object]) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else _listed(sizes)


def _listed(sizes: Sequence[object]) -> str:
    return f"[{', '.join(map(str, sizes))}]"
