"""From the drafts that a reader made to the record: tidied, refused where no kind says them, shared and named."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import prod

import msgspec

from convcalc import steps
from convcalc.imports.arrays import Array
from convcalc.imports.drafts import INPUT, Builder, Draft
from convcalc.imports.errors import plain, refusal
from convcalc.imports.naming import named
from convcalc.imports.record import Layer
from convcalc.imports.sharing import Sharing, Use, sharing
from convcalc.imports.tidy import tidied
from convcalc.imports.unsized import lacking, missing, together
from convcalc.layers import Shape

_LAYER, _ARRAY = 15, 5
"""Steps that a layer and an array of one take, beside what is paid for where it is worked out."""


class Assembly(msgspec.Struct, frozen=True):
    """The parts of a record that come from drafts, and these as they are in the end."""

    drafts: list[Draft]
    inputs: dict[str, Shape]
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    notes: list[str]
    missing: str


def assembled(
    builder: Builder,
    leaving: Sequence[Draft],
    *,
    array_of: Callable[[Hashable], Array | None] = lambda tensor: None,  # of a file without arrays
    strict: bool = False,
) -> Assembly:
    """The layers that `leaving` needs, named, with those that share weights, and what is not counted.

    `array_of` gives an array of the file by its identity.

    Raises:
        CannotImport: `strict` is set, and some operators are expressed by no kind, all of them in one.
    """
    arrays = sum(len(array.made_of) for draft in builder.drafts for array in draft.arrays.values())
    steps.spend(_LAYER * len(builder.drafts) + _ARRAY * arrays)
    drafts, leaving = tidied(builder, leaving)
    unknown = lacking(drafts)
    if unknown and strict:
        raise refusal(unknown)
    not_counted = missing(drafts, array_of)
    drafts, leaving = together(builder, drafts, leaving)
    shared = sharing(builder, drafts, array_of)
    names = named(drafts)
    layers = tuple(
        Layer(
            name=names[draft],
            kind=draft.kind,
            fields=draft.fields,
            inputs=tuple(names[source] for source in draft.inputs),
            share=names[shared.layers[draft]] if draft in shared.layers else None,
            arrays={name: (names[use.draft], use.array) for name, use in shared.arrays.get(draft, {}).items()},
            shape=draft.shape,
            operators=tuple(origin.title for origin in draft.origins),
        )
        for draft in drafts
        if draft.kind != INPUT
    )
    entering = {names[draft]: draft.shape for draft in drafts if draft.kind == INPUT}
    outputs = tuple(dict.fromkeys(names[draft] for draft in leaving))
    return Assembly(drafts, entering, layers, outputs, _notes(shared), not_counted)


def _notes(shared: Sharing) -> list[str]:
    """What is not counted again, and what is counted more than once."""
    notes = []
    sizes = [
        prod(draft.array_shapes[name])
        for draft, arrays in shared.arrays.items()
        for name, owner in arrays.items()
        if not Use(draft, name, owner.elements).repeats
    ]
    if sizes:
        arrays = "1 array is" if len(sizes) == 1 else f"{len(sizes)} arrays are"
        notes.append(
            f"{arrays} another layer's too and counted there, {sum(sizes):,} parameters in all; "
            "exporters also merge arrays of equal numbers, such as those of a network that is not trained"
        )
    several = [*dict.fromkeys(name for uses in shared.contested.values() for use in uses for name in use.draft.weights)]
    if several:
        more = f" and {len(several) - 5} more" if len(several) > 5 else ""
        names = ", ".join(map(plain, several[:5]))
        notes.append(f"counted once for each of several layers that use parts of it: {names}{more}")
    return notes
