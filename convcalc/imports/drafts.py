"""Layers as they are being read: drafts, and the builder that has all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Protocol

import msgspec

from convcalc import steps
from convcalc.imports.arrays import Array, checked
from convcalc.imports.errors import DoesNotFit, Inexpressible
from convcalc.imports.number_formats import Formats
from convcalc.imports.record import FileTensor
from convcalc.language.tree import number
from convcalc.layers import UNSIZED, Shape, Weights, defaults_on, field_types, kind_of
from convcalc.layers._configured import Fault, Faulty, WrongCount, WrongValue
from convcalc.layers._configured import configured as layer_of

INPUT = "input"
"""The kind of a draft that is an input of the network."""

CONFIGURED = 80
"""Steps that it takes to work out a layer unlike those before it."""

NO_KIND = "no kind expresses it"
"""Why a draft is unknown, if there is no better reason."""

BEHIND = "nothing is known of the size of what enters"
"""Why a draft is unknown that a kind might express."""

UNKNOWN = "opaque"
"""The kind of a draft that no kind says."""


class Origin(Protocol):
    """An operator of the file: its name there, or another word for its place, and its type as the format calls it."""

    @property
    def title(self) -> str: ...

    @property
    def operator(self) -> str: ...

    def modules(self) -> list[str]:
        """The modules of the program that it was called in, from the outside in; empty where the file says nothing."""


class Draft(msgspec.Struct, eq=False):
    """A layer to be: `arrays` are those it uses, as its kind calls them, `origins` the operators that it comes from.

    `array_shapes` are the sizes that the kind has for its arrays. Of a draft that is unknown, `reason` is why. `tensor`
    is the one of the file that it makes, the first where several are the same. `is_stated`: its operator says that its
    arrays are learned.
    """

    kind: str
    fields: dict[str, Any]
    inputs: list[Draft]
    shape: Shape
    origins: tuple[Origin, ...] = ()
    arrays: Mapping[str, Array] = {}
    array_shapes: Weights = {}
    name: str = ""
    reason: str = ""
    tensor: FileTensor | None = None
    is_stated: bool = False

    @property
    def is_unsized(self) -> bool:
        """Whether nothing is known of the size of what leaves."""
        return self.shape == UNSIZED

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of the arrays of the file that it uses."""
        return tuple(name for array in self.arrays.values() for name in array.made_of)


class Builder:
    """Makes drafts, and has all of them in order; `notes` are what a person should know of how some were read.

    `learned` says of arrays of the file, by name, whether training makes them; of others that is told by their use.
    `formats` are those that the file has its numbers in.
    """

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.notes: list[str] = []
        self.learned: Mapping[str, bool] = {}
        self.formats = Formats()
        self._known: dict[tuple[Any, ...], tuple[dict[str, Any], Shape, Weights]] = {}

    def layer(
        self,
        kind: str,
        fields: dict[str, Any],
        inputs: Sequence[Draft],
        origins: tuple[Origin, ...] = (),
        arrays: Mapping[str, Array] | None = None,
    ) -> Draft:
        """A layer of a kind; `Inexpressible` if the kind does not take these fields or shapes."""
        shapes = tuple(source.shape for source in inputs)
        key = (kind, repr(fields), shapes)
        if key not in self._known:
            steps.spend(CONFIGURED + 4 * len(inputs))
            self._known[key] = configured(kind, fields, shapes)
        written, shape, array_shapes = self._known[key]
        draft = Draft(kind, written, list(inputs), shape, origins, arrays or {}, array_shapes)
        self.drafts.append(draft)
        return draft

    def input(self, name: str, shape: Shape) -> Draft:
        """An input of the network; all of them come before the first layer."""
        draft = Draft(INPUT, {}, [], shape, name=name)
        self.drafts.append(draft)
        return draft

    def unknown(
        self,
        shape: Shape | None,
        inputs: Sequence[Draft],
        origin: Origin,
        reason: str = NO_KIND,
        arrays: Mapping[str, Array] | None = None,
    ) -> Draft:
        """A layer that no kind expresses, of which only the shape that leaves is known, or not even that."""
        fields = {} if shape is None else {"output_shape": shape}
        draft = self.layer(UNKNOWN, fields, inputs, (origin,), arrays)
        draft.reason = reason
        return draft

    def reshaped(self, x: Draft, shape: Shape, origins: tuple[Origin, ...] = ()) -> Draft:
        """The same elements in another shape; a number alone, which a file may give no axis, has one."""
        shape = shape or (1,)
        if x.shape == shape:
            return x
        if len(shape) == 1:
            return self.layer("flatten", {}, [x], origins)
        return self.layer("reshape", {"sizes": shape}, [x], origins)

    def entering(self) -> list[Draft]:
        """The first input of the network, for what reads none of its own; the inputs are the first drafts."""
        if not self.drafts or self.drafts[0].kind != INPUT:
            raise Inexpressible("a network without an input")
        return self.drafts[:1]


def configured(kind: str, fields: dict[str, Any], shapes: tuple[Shape, ...]) -> tuple[dict[str, Any], Shape, Weights]:
    """The fields that are not at their defaults, the shape that leaves, and those of the layer's arrays."""
    of = kind_of(kind)
    for name, value in fields.items():
        try:
            _check_sayable(value)
        except ValueError as error:
            raise Inexpressible(f"{kind} with {name}: {error}") from None
    try:
        config, shape = layer_of(of, {name: _frozen(value) for name, value in fields.items()}, shapes)
    except Faulty as error:
        first = error.faults[0]
        if type(first) is Fault:
            raise DoesNotFit(f"{kind}: {first.message}") from None
        link = {WrongValue: " with ", WrongCount: " "}.get(type(first), ": ")
        raise Inexpressible(f"{kind}{link}{first.message}") from None
    if any(size < 1 for size in shape) and shape != UNSIZED:
        raise DoesNotFit(f"{kind}: nothing is left of it, its shape is {list(shape)}")
    unwritten = defaults_on(of, len(shapes[0]) - 1)
    written = {
        name: getattr(config, name)
        for name in field_types(of)
        if name in fields and not (name in unwritten and getattr(config, name) == unwritten[name])
    }
    return written, checked(shape), config.arrays(*shapes)


def _check_sayable(value: Any) -> None:
    """Raises ValueError for a number that no spec says: one that is infinite or none, or has too many digits."""
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"expected a finite number, found {value}")
        number(repr(value))


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
