"""What a conversion changed, in a few lines above the layers that differ."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.analysis.compare import Comparison
from convcalc.analysis.conversion import Conversion, Kinds, Norms, Padded
from convcalc.views import words
from convcalc.views.compare import shared

_SIDES = ("base", "head")


def lines(comparison: Comparison) -> list[str]:
    """A line for each thing that differs between two files of one network; none where nothing does.

    same network: all 21 conv match, MACs equal
    19 batch_norm folded in head: -6,208 params, +3,104 of bias, -6,208 buffers
    """
    of = comparison.conversion
    return list(_lines(comparison, of)) if of is not None and comparison.changes else []


def _lines(comparison: Comparison, of: Conversion) -> Iterator[str]:
    if any(of.weighing):
        yield _matching(comparison, of)
    if of.folded[0].kinds:
        yield f"{_counts(of.folded[0].kinds)} folded in head{_costs(of.folded[0], -1)}"
    if of.folded[1].kinds:
        yield f"{_counts(of.folded[1].kinds)} folded in base, apart in head{_costs(of.folded[1], 1)}"
    for blocks, side in zip(of.grouped, reversed(_SIDES), strict=True):
        if blocks:
            yield f"{_counts(blocks)} split in {side}: layer by layer there"
    if any(of.fused):
        parts = [f"{count} in {side} alone" for count, side in zip(of.fused, _SIDES, strict=True) if count]
        yield f"activations fused with the layer before: {'; '.join(parts)}"
    for word in of.words:
        yield f"{word.layers} {word.base} in base {'are' if word.layers > 1 else 'is'} {word.head} in head"
    if any(of.free):
        parts = [f"{_counts(kinds)} in {side} alone" for kinds, side in zip(of.free, _SIDES, strict=True) if kinds]
        yield f"at no cost: {'; '.join(parts)}"
    for number in of.numbers:
        yield f"{number.field} {number.base:g} -> {number.head:g}: {number.layers} {number.kind}"
    yield from map(_padding, of.padded)


def _matching(comparison: Comparison, of: Conversion) -> str:
    first, second = (sum(kinds.values()) for kinds in of.weighing)
    count = sum(of.matching.values())
    equal = (
        "" if comparison.totals.macs.delta else f", MACs equal{' as far as counted' * bool(shared.counted(comparison))}"
    )
    if count == first == second:
        start = "same network: " if of.is_same else ""
        return f"{start}{'all ' * (count > 1)}{_counts(of.matching)} match{'es' * (count == 1)}{equal}"
    sizes = f"{first}" if first == second else f"{first} in base and {second} in head"
    return f"{count} layers with weights match, of {sizes}{equal}"


def _costs(norms: Norms, sign: int) -> str:
    """What the norms cost, and the bias instead of them: of the head less the base."""
    numbers = ((sign * norms.params, "params"), (-sign * norms.bias, "of bias"), (sign * norms.buffers, "buffers"))
    costs = ", ".join(f"{shared.exactly(number)} {what}" for number, what in numbers if number)
    return f": {costs}" if costs else ""


def _padding(padded: Padded) -> str:
    before, after = (words.per_axis(numbers) for numbers in (padded.base, padded.head))
    return f"padding before {before} -> {after}: {words.listed(padded.layers)}"


def _counts(kinds: Kinds) -> str:
    """21 conv and 1 linear."""
    parts = [f"{count} {kind}" for kind, count in kinds.items()]
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
