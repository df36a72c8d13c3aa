"""What can stand in place of a standard convolution: a kind or a block with a convolution's fields.

A variant is nothing but the name of one, with the few fields that it has beside a convolution's or says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from convcalc import layers
from convcalc.language import library, tree
from convcalc.language.named import split
from convcalc.language.outline import Definition, Outline, definitions
from convcalc.language.parsing import parse
from convcalc.language.source import Source, SpecError
from convcalc.language.suggestions import did_you_mean
from convcalc.language.template import Block, Compiler


class Shipped(msgspec.Struct, frozen=True):
    """A variant by name: `target` is the kind or block, `about` its line in the manual.

    `fields` are values that differ from the convolution's, in the spec language; ``{out_channels}`` stands for the
    convolution's own. `options` are names for fields under which the variant is mostly written. `dropped` are fields
    that it does not have by its nature. `keeps_size`: padding follows the dilation, so that sizes stay.
    """

    target: str
    about: str
    fields: Mapping[str, str] = {}
    options: Mapping[str, str] = {}
    dropped: tuple[str, ...] = ()
    keeps_size: bool = False


VARIANTS: dict[str, Shipped] = {
    "standard": Shipped("conv", "as it is: the row to compare with"),
    "depthwise": Shipped(
        "depthwise_conv",
        "each channel by itself; depth_multiplier filters for each, so many that out_channels stay unless given",
        fields={"depth_multiplier": "{out_channels} / in_channels"},
        dropped=("out_channels",),
    ),
    "pointwise": Shipped(
        "pointwise_conv",
        "one tap, which needs no padding",
        dropped=("kernel_size", "padding", "padding_mode", "dilation"),
    ),
    "separable": Shipped("separable_conv", "depthwise, then pointwise; depth_multiplier 1"),
    "spatial_separable": Shipped("spatial_separable_conv", "one convolution an axis: Kx1, then 1xK"),
    "dilated": Shipped(
        "conv",
        "taps `rate` apart; padding follows, so that the size stays unless padding is given",
        fields={"dilation": "2"},
        options={"rate": "dilation"},
        keeps_size=True,
    ),
    "grouped": Shipped("conv", "channels in `groups` parts", fields={"groups": "2"}),
    "transposed": Shipped("conv_transpose", "input and output exchanged"),
    "deformable_v1": Shipped("deform_conv_v1", "each tap looks where a learned offset moves it; offset_groups 1"),
    "deformable_v2": Shipped("deform_conv_v2", "as v1, each tap weighed by a learned mask; offset_groups 1"),
    "squeeze_excite": Shipped("squeeze_excite_conv", "the convolution with a gate behind it; reduction 16"),
    "bottleneck": Shipped("bottleneck_conv", "1x1 to a `reduction`-th of the channels, the kernel, 1x1; reduction 4"),
    "ghost": Shipped("ghost_conv", "one of `ratio` channels convolved, the rest cheap copies; ratio 2"),
}
NOT_INSIDE = {variant.target for variant in VARIANTS.values()}
"""Blocks that are a convolution of another kind already: what they are made of is not replaced."""


class VariantError(ValueError):
    """There is no such variant, or it is not written as one; the message says what there is."""


class Variant(msgspec.Struct, frozen=True):
    """A variant as it is asked for. `label` is how; `target` the kind or block; the rest as in `Shipped`."""

    name: str
    label: str
    target: str
    fields: Mapping[str, str]
    given: frozenset[str]
    dropped: tuple[str, ...]
    keeps_size: bool


def parsed(text: str, outline: Outline, more: Mapping[str, Definition]) -> list[Variant]:
    """The variants of ``NAME[:key=value[:key=value]]``, several with commas between; ``all`` is every shipped one.

    A name that is not in `VARIANTS` is a block of the spec, one of `more`, a shipped block or a kind.

    Raises:
        VariantError: no such name, or not of this form.
    """
    variants: dict[str, Variant] = {}
    for part in split(text, ","):
        labels = [part.strip()] if part.strip() != "all" else list(VARIANTS)
        for label in labels:
            if not label:
                raise VariantError(f"expected a name on both sides of each comma, found `{text}`")
            variant = _variant(label, outline, more)
            variants.setdefault(variant.label, variant)
    return list(variants.values())


def _variant(text: str, outline: Outline, more: Mapping[str, Definition]) -> Variant:
    name, *options = split(text, ":")
    shipped = VARIANTS.get(name)
    if shipped is None:
        if not exists(name, outline, more):
            own = [*VARIANTS, *outline.own, *more]
            advice = did_you_mean(name, [*own, *library.block_names()]) or f"there are {', '.join(own)}"
            raise VariantError(f"there is no variant or block `{name}`; {advice}")
        if "out_channels" not in parameters(name, outline, more):
            raise VariantError(f"`{name}` has no field `out_channels`, and so cannot stand for a convolution")
        shipped = Shipped(name, "")
    given: dict[str, str] = {}
    for option in options:
        key, equals, value = (part.strip() for part in option.partition("="))
        if not equals or not value or not re.fullmatch(r"\w+", key):
            raise VariantError(f"expected {name}:key=value, found `{text}`")
        field = shipped.options.get(key, key)
        if field in given:
            raise VariantError(f"{name}: `{key}` is given twice in `{text}`")
        given[field] = value
    known = parameters(shipped.target, outline, more)
    for key in given:
        if key not in known:
            legal = [*shipped.options, *known]
            advice = did_you_mean(key, legal) or f"it has {', '.join(legal)}"
            raise VariantError(f"{name} has no option `{key}`; {advice}")
    fields = {**shipped.fields, **given}
    keeps_size = shipped.keeps_size and "padding" not in given
    return Variant(name, text, shipped.target, fields, frozenset(given), shipped.dropped, keeps_size)


def exists(name: str, outline: Outline, more: Mapping[str, Definition]) -> bool:
    """Whether there is a kind or block of that name."""
    return name in more or outline.block(name) is not None or layers.load(name) is not None


def parameters(target: str, outline: Outline, more: Mapping[str, Definition]) -> dict[str, object]:
    """The fields of a kind or block with their defaults as texts or values; None where one must be written."""
    block = more.get(target) or outline.block(target)
    if block is not None:
        texts = {name: block.source.text[node.start : node.end] for name, node in block.parameters.items()}
        return {**texts, **dict.fromkeys(block.required())}
    kind = layers.load(target)
    if kind is None:
        raise VariantError(f"there is no layer kind or block `{target}`")
    return {name: layers.defaults(kind).get(name) for name in layers.field_types(kind)}


def required(target: str, outline: Outline, more: Mapping[str, Definition]) -> list[str]:
    """The fields of a kind or block that must be written."""
    block = more.get(target) or outline.block(target)
    return block.required() if block is not None else list(layers.required(layers.kind_of(target)))


def read_blocks(source: Source) -> dict[str, Definition]:
    """The blocks of a file that holds a mapping of block definitions, such as a spec has under `blocks`.

    Raises:
        SpecError: with everything that is wrong with them.
    """
    parsed = parse(source)
    root, problems = parsed.root, list(parsed.problems)
    own: dict[str, Block] = {}
    compiler = Compiler(source, lambda name: own.get(name) or library.block(name), lambda: [*own, *library.names()])
    if not isinstance(root, tree.Mapping):
        if not problems:
            start = root.start if root is not None else 0
            message = "expected a mapping from names to blocks, each with `layers`"
            problems.append(source.diagnostic("CC012", start, start + 1, message))
        raise SpecError(problems)
    library.read_blocks(root.entries, own, compiler)
    if problems or compiler.problems:
        raise SpecError([*problems, *compiler.problems])
    return definitions(source, root)
