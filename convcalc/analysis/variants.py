"""A network against its variants: other layers in place of its standard convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import msgspec

from convcalc import steps
from convcalc.analysis.analyze import analyze, as_written, on_terms
from convcalc.analysis.compare import matched
from convcalc.analysis.report import Report
from convcalc.analysis.sides import Candidate, Sides
from convcalc.analysis.terms import HowRun
from convcalc.analysis.theory import theory
from convcalc.fields import PerAxis
from convcalc.language import Diagnostic, Source, SpecError, loads
from convcalc.language.coding import without_layers
from convcalc.language.replacing import replaced
from convcalc.language.rewrite import CannotApply, Rewriter, unpublished, with_figures
from convcalc.language.trimming import without_unused_parameters
from convcalc.language.variants import Variant, VariantError, parsed, read_blocks
from convcalc.language.writing import value_text
from convcalc.network import Network, TextOrigin

_MOST_NOTES = 3
"""Layers of which it is said why none is replaced."""
_NOTHING = "no layer to replace: what it would replace is what it is made of"


class NothingToReplace(Exception):
    """No layer is a standard convolution, of those that are asked for."""


def variants(
    network: Network | Source,
    names: str,
    *,
    layers: Sequence[str] = (),
    excluded: Sequence[str] = (),
    blocks: Source | None = None,
    **how: Unpack[HowRun],
) -> Sides:
    """A network read from a spec, or that spec, against its variants: "separable,ghost", "grouped:groups=4" or "all".

    Each takes the place of the standard convolutions, or of those that `layers` names, apart from those that
    `excluded` names; both take globs. `blocks` is a text of block definitions that may be variants too.

    >>> sides = convcalc.variants(convcalc.load("zoo:resnet18"), "separable,ghost")
    >>> {candidate.label: candidate.report.totals.macs for candidate in sides.candidates}
    {'separable': 223042560, 'ghost': 927312896}

    Raises:
        SpecError: the text or the blocks have mistakes.
        VariantError, UnknownLayer: there is no such variant, block or layer.
        NothingToReplace: no layer of those that are asked for is a standard convolution.
    """
    if isinstance(network, Source):
        network = loads(network)
    if not isinstance(network, Network):
        raise TypeError("expected a network, as convcalc.load gives it, or a Source")
    origin = network.origin
    if origin is None:
        raise VariantError("the network was not read from a spec, which is what variants are made of")
    source = origin.source
    base = analyze(network, **how)
    more = read_blocks(blocks) if blocks is not None else {}
    rewriter = Rewriter(source, network, more)
    path = source.named.text if source.named is not None else source.path
    twice = sorted(set(more) & set(rewriter.outline.own))
    if twice and blocks is not None:
        raise VariantError(f"block `{twice[0]}` is defined both in {blocks.path} and in {path}")
    wanted = parsed(names, rewriter.outline, more)
    candidates = []
    for variant in wanted:
        try:
            candidates.append(_candidate(rewriter, variant, (layers, excluded), base, origin))
        except steps.OutOfSteps as error:
            candidates.append(Candidate(variant.label, reason=f"it takes {error}"))
    if all(candidate.reason == _NOTHING for candidate in candidates):
        among = f" among {', '.join(layers)}" if layers else ""
        among += f" except {', '.join(excluded)}" if excluded else ""
        _, notes = rewriter.chosen(wanted[0], layers, excluded)
        others = f"; and {len(notes) - _MOST_NOTES} more" if len(notes) > _MOST_NOTES else ""
        expected = "expected a convolution of groups 1 with a kernel larger than 1 that is no part of a composite"
        raise NothingToReplace(f"no layer to replace{among}: {'; '.join(notes[:_MOST_NOTES]) or expected}{others}")
    return Sides(base, "standard", path, tuple(candidates), variants=True)


def _candidate(
    rewriter: Rewriter,
    variant: Variant,
    patterns: tuple[Sequence[str], Sequence[str]],
    base: Report,
    origin: TextOrigin,
) -> Candidate:
    chosen, notes = rewriter.chosen(variant, *patterns)
    if not chosen:
        return Candidate(variant.label, reason=_NOTHING)
    try:
        replacement = replaced(rewriter, variant, chosen, origin.inputs, origin.variables)
    except CannotApply as error:
        return Candidate(variant.label, reason=str(error), notes=notes)
    comparison = matched(base, on_terms(replacement.network, base.terms))
    names = set(replacement.replaced)
    changes = tuple(change for change in comparison.layers if change.base is not None and change.base.name in names)
    expected = theory(comparison, changes, variant.name, variant.given)
    return Candidate(variant.label, comparison, "", changes, expected, notes, replacement.skipped, replacement.source)


class DoesNotReadBack(Exception):
    """A text that is not written, as it does not describe the network that was compared; the message says why."""


def written(candidate: Candidate, base: Network) -> str:
    """The text of a variant that could be had, which expects what it has; `base` is what it is a variant of.

    Raises:
        DoesNotReadBack: see there.
    """
    head, source = candidate.report, candidate.source
    assert head is not None and source is not None and base.origin is not None  # noqa: S101, PT018  # it could be had
    is_published = head.written.nodes == base.nodes  # standard convolutions for standard ones are the network itself
    source = source if is_published else unpublished(source)
    text = with_figures(source, _figures(as_written(head.written))).text
    again, warnings = Source(source.path, text), list[Diagnostic]()
    try:
        network = loads(again, warn=warnings.extend)
    except SpecError as error:
        raise DoesNotReadBack(error.problems[0].message) from None
    report = on_terms(network, head.terms)
    for name, number in msgspec.structs.asdict(head.totals).items():
        if getattr(report.totals, name) != number:
            raise DoesNotReadBack(f"{name} would be {getattr(report.totals, name):,}, {number:,} was compared")
    _refuse_others(base, network, head.written)
    return without_unused_parameters(again, network, warnings, base.origin.source).text


def code_without_layers(candidate: Candidate, base: Network) -> list[str]:
    """The entries of `code` that are about layers of the network, and about none of the variant, by key."""
    head = candidate.report
    if not base.code or head is None:
        return []
    lost = without_layers(head.written).keys() - without_layers(base).keys()
    return [key for key in base.code if key in lost]


def _refuse_others(base: Network, network: Network, compared: Network) -> None:
    """What a text says beside its layers is what it said before, its layers are those that were compared.

    Raises:
        DoesNotReadBack: they are others.
    """
    for name in ("name", "source", "variables", "budget", "deployment", "code"):
        if getattr(network, name) != getattr(base, name):
            raise DoesNotReadBack(f"its {name} would be {getattr(network, name)!s:.200}")
    for node, other in zip(network.nodes, compared.nodes, strict=True):
        if msgspec.structs.replace(node, line=other.line) != other:
            raise DoesNotReadBack(f"{other.name} would be another layer")
    if network.outputs != compared.outputs:
        raise DoesNotReadBack("other tensors would leave the network")
    lost = {name for name, _ in base.expect.items() if name not in network.expect} - {"receptive_field"}
    if lost:
        raise DoesNotReadBack(f"it would not expect {', '.join(sorted(lost))} any more")


def _figures(report: Report) -> dict[str, str | None]:
    """What a spec may expect, as it is written there; None for a figure that there is none of."""
    figures = dict(report.figures)
    size = figures["receptive_field"]
    figures["receptive_field"] = PerAxis("").written(size) if size and None not in size else None
    figures["output"] = figures["output"] or ()
    return {name: None if figure is None else value_text(figure) for name, figure in figures.items()}
