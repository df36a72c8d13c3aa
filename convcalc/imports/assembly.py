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
from convcalc.imports.record import FileTensor, Layer
from convcalc.imports.roles import Roles
from convcalc.imports.sharing import Sharing, Use, sharing
from convcalc.imports.spelling import PlaceOf, calls, taken
from convcalc.imports.tidy import tidied
from convcalc.imports.unsized import lacking, missing, together
from convcalc.layers import Shape

_LAYER, _ARRAY = 15, 5
"""Steps that a layer and an array of one take, beside what is paid for where it is worked out."""


class Assembly(msgspec.Struct, frozen=True):
    """The parts of a record that come from drafts, and these as they are in the end."""

    drafts: list[Draft]
    inputs: dict[str, Shape]
    entering: dict[str, FileTensor]
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    params: int
    notes: list[str]
    missing: str
    assumptions: list[str]


def assembled(
    builder: Builder,
    leaving: Sequence[Draft],
    *,
    array_of: Callable[[Hashable], Array | None] | None = None,
    place_of: PlaceOf | None = None,
    strict: bool = False,
) -> Assembly:
    """The layers that `leaving` needs, named, with those that share weights, and what is not counted.

    `array_of` gives an array of the file by its identity; a file without arrays states itself which layers share them.
    `place_of` gives where in a program an operator was called, for a file that says so.

    Raises:
        CannotImport: `strict` is set, and some operators are expressed by no kind, all of them in one.
    """
    arrays = sum(len(array.made_of) for draft in builder.drafts for array in draft.arrays.values())
    steps.spend(_LAYER * len(builder.drafts) + _ARRAY * arrays)
    drafts, leaving = tidied(builder, leaving)
    unknown = lacking(drafts)
    if unknown and strict:
        raise refusal(unknown)
    stored = array_of or (lambda tensor: None)
    not_counted = missing(drafts, stored)
    drafts, leaving = together(builder, drafts, leaving)
    roles = Roles(builder, drafts)
    roles.settle()
    shared = sharing(builder, drafts, stored)
    names = named(drafts)
    held = builder.formats.of_layers(drafts)
    called = {} if place_of is None else calls(drafts, place_of)
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
            tensor=draft.tensor,
            elements={name: array.elements for name, array in draft.arrays.items() if array.elements is not None},
            makings={name: array.making for name, array in draft.arrays.items() if array.making is not None},
            precision=held[draft],
            call=called[draft].text if draft in called else "",
        )
        for draft in drafts
        if draft.kind != INPUT
    )
    inputs = {names[draft]: draft for draft in drafts if draft.kind == INPUT}
    shapes = {name: draft.shape for name, draft in inputs.items()}
    entering = {name: draft.tensor for name, draft in inputs.items() if draft.tensor is not None}
    outputs = tuple(dict.fromkeys(names[draft] for draft in leaving))
    params = _params(drafts, shared)
    notes = [*_notes(shared, _MERGED if array_of else ""), *roles.notes(params)]
    return Assembly(drafts, shapes, entering, layers, outputs, params, notes, not_counted, taken(called))


_BUFFERS = {"running_mean", "running_var", "constant"}
"""Arrays that are kept and not learned."""


def _params(drafts: Sequence[Draft], shared: Sharing) -> int:
    """How many parameters the layers have, each counted once."""
    return sum(
        prod(shape)
        for draft in drafts
        if draft not in shared.layers
        for name, shape in draft.array_shapes.items()
        if name not in _BUFFERS and name not in shared.arrays.get(draft, {})
    )


_MERGED = "; exporters also merge arrays of equal numbers, such as those of a network that is not trained"
"""Where layers are known to share by their arrays alone."""


def _notes(shared: Sharing, merged: str) -> list[str]:
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
        notes.append(f"{arrays} another layer's too and counted there, {sum(sizes):,} parameters in all{merged}")
    norms = [draft for draft in shared.layers if "running_mean" in draft.arrays or draft.kind.endswith("_norm")]
    count = sum(prod(shape) for draft in norms for name, shape in draft.array_shapes.items() if name not in _BUFFERS)
    if count:
        which = "1 norm has" if len(norms) == 1 else f"{len(norms)} norms have"
        notes.append(f"{which} the arrays of another, counted there, {count:,} parameters in all{merged}")
    several = [*dict.fromkeys(name for uses in shared.contested.values() for use in uses for name in use.draft.weights)]
    if several:
        more = f" and {len(several) - 5} more" if len(several) > 5 else ""
        names = ", ".join(map(plain, several[:5]))
        notes.append(f"counted once for each of several layers that use parts of it: {names}{more}")
    return notes
