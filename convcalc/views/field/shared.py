"""What a view of an effective field gets, and what there is to say of it, whatever the format."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from convcalc.views import words
from convcalc.visible import short

if TYPE_CHECKING:
    from convcalc.reference.fields.effective_field import EffectiveField

ALL = "every position"


class Looked(msgspec.Struct, frozen=True):
    """The effective field of a layer of a spec."""

    path: str
    field: EffectiveField


def title(looked: Looked) -> tuple[str, str, str]:
    """Name, input shapes, and the path of the spec."""
    network = looked.field.network
    shapes = ", ".join(
        f"{short(node.name)} {words.shape(node.shape)}" if len(network.inputs) > 1 else words.shape(node.shape)
        for node in network.inputs
    )
    return short(network.name), shapes, "<stdin>" if looked.path == "-" else looked.path


def subject(field: EffectiveField) -> str:
    """The layer, and which of its positions is looked at."""
    name = f"{short(field.layer)}   {field.kind}   {words.shape(field.output_shape)}"
    if not field.position:
        return f"{name}   all of it: it has no positions of its own"
    place, sizes = ("x".join(map(str, numbers)) for numbers in (field.position, field.position_sizes))
    return f"{name}   position {place} of {sizes}"


def heading(looked: Looked) -> str:
    """What a picture is of, in a line."""
    name, shapes, _ = title(looked)
    return f"{name} {shapes} · {subject(looked.field).replace('   ', ' · ')}"


def facts(field: EffectiveField) -> list[tuple[str, str]]:
    """What is known of the field, each with what it is called."""
    lines = [("theory", _theory(field)), ("effective", _effective(field)), ("spread", _spread(field))]
    lines.append(("Luo et al.", f"{field.counted_side:.1f}: {_root(field)} the positions above 4.55 % of the largest"))
    lines.append(("reads", _reads(field)))
    lines += [("", note) for note in notes(field)]
    return lines


def _theory(field: EffectiveField) -> str:
    seen = field.receptive_field
    if seen.size is None or not any(seen.size):
        return f"{ALL} of the input" if seen.is_global else "not worked out"
    stride = f", stride {words.per_axis(seen.stride)}" if seen.stride and set(seen.stride) - {None} else ""
    start = f", start {words.per_axis(seen.start)}" if seen.start else ""
    return f"{_box(seen.size)}{stride}{start}{', and beside it every position' if seen.is_global else ''}"


def _box(sizes: tuple[int | None, ...]) -> str:
    return "x".join("all" if size is None else str(size) for size in sizes)


def _effective(field: EffectiveField) -> str:
    positions = 1
    for middle, size in zip(field.middles, field.sizes, strict=True):
        low, high = middle - (field.side - 1) / 2, middle + (field.side - 1) / 2
        positions *= math.floor(min(high, size - 1)) - math.ceil(max(low, 0)) + 1
    box = _box((field.side,) * len(field.sizes))
    larger = positions > field.span_positions
    share = "more than the field has" if larger else f"{_share(positions, field.span_positions)} of the positions"
    return f"{box} around its middle hold 95.45 % of the gradient, {share}"


def _share(part: int, total: int) -> str:
    return words.share(part, total) or "0 %"


def _spread(field: EffectiveField) -> str:
    sides, spreads = (" x ".join(texts) for texts in (map(str, field.sides), (f"{d:.1f}" for d in field.deviations)))
    axes = "" if len(field.sides) == 1 else " axis by axis"
    return f"standard deviation {spreads}; 95.45 % within {sides}{axes}"


def _root(field: EffectiveField) -> str:
    return ("as many as", "root of", "cube root of")[min(len(field.sizes), 3) - 1]


def _reads(field: EffectiveField) -> str:
    count, total = words.exact(field.reads), words.exact(field.span_positions)
    if not field.is_placed:
        return f"{count} of {total} positions of the input; where on it the theoretical field lies is not worked out"
    if field.span_positions == field.reads == 1:
        return "the one position of the theoretical field that is on the input"
    if field.reads == field.span_positions:
        return f"all {total} positions of the theoretical field that are on the input"
    holes = _share(field.span_positions - field.reads, field.span_positions)
    return f"{count} of {total} positions of the theoretical field: {holes} are holes"


def notes(field: EffectiveField) -> list[str]:
    """What a reader must know beside the figures."""
    lines = []
    if field.is_cut:
        spans = ", ".join(ALL if span is None else f"{span[0]} to {span[1]}" for span in field.spans)
        lines.append(f"cut by the border: the theoretical field is {spans}, and the input {words.shape(field.sizes)}")
    if field.outside > 0:
        percent = f"{100 * field.outside:.1f}" if field.outside >= 0.001 else "<0.1"
        lines.append(f"{percent} % of the gradient comes from outside of it, by paths from all positions")
    if field.other_inputs:
        others = ", ".join(short(name) for name in field.other_inputs[:5])
        lines.append(f"of the input {short(field.input)}; gradients come to {others} too: see --of")
    return lines


def convention(field: EffectiveField) -> str:
    """What the figures are a mean of."""
    runs = f"{field.runs} run{'s' if field.runs > 1 else ''}"
    weights = f"{runs} with random weights and inputs" if field.weights == "random" else f"{runs} with random inputs"
    given = "" if field.weights == "random" else f" · weights of {short(field.weights)}"
    signs = "random signs" if field.signs == "random" else "equal signs"
    return (
        f"mean of absolute gradients over {weights}, seed {field.seed}{given} · output channels with {signs}, "
        f"input channels summed · {field.dtype}"
    )


def shows_input(field: EffectiveField) -> bool:
    """Whether so much comes from outside of the theoretical field that all of the input is drawn in its place."""
    return field.outside >= 0.01 or None in field.spans


def legend(field: EffectiveField, wide: int, high: int, *, coloured: bool) -> str:
    """How the picture in characters is to be read, of which one is so many positions wide and high."""
    is_profile = len(field.sizes) == 1
    tall = "" if is_profile else f" and {high} high"
    scale = f"a character is {wide} position{'s' if wide > 1 else ''} wide{tall}"
    size = "" if wide == high == 1 and not is_profile else f"{scale} · "
    what = "height is the share of the largest" if is_profile else "brightness is the root of the share of the largest"
    blank = "" if is_profile else "; black is 0" if coloured else "; blank is 0"
    marks = "┬ ┴" if is_profile else "┬ ┴ ├ ┤"
    frame = "the input" if shows_input(field) else "theoretical field, dashed where cut"
    return f"{size}frame: {frame} · {marks}: 95.45 % · {what}{blank}"
