"""What a layer of the file is handed when it is read: its bottoms, its parameters, and what it may make of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from convcalc.imports.arrays import PlainArray
from convcalc.imports.caffe.layers import NetLayer
from convcalc.imports.caffe.text import TextMessage
from convcalc.imports.drafts import Builder, Draft
from convcalc.imports.elements import all_of
from convcalc.imports.errors import CannotImport, Inexpressible
from convcalc.layers import Shape


class CaffeOrigin(NamedTuple):
    """Where a draft comes from: a layer of the file; `path` is what the draft is named by."""

    title: str
    operator: str
    path: tuple[str, ...]

    def modules(self) -> list[str]:
        """The parts of the name by which it is known."""
        return list(self.path)


class CaffeLayer:
    """A layer to be read. `following` is the one that alone reads its only top, if there is just one."""

    def __init__(
        self, builder: Builder, layer: NetLayer, bottoms: Sequence[Draft], batch: int, following: NetLayer | None
    ) -> None:
        self.builder, self.layer, self.bottoms, self.batch = builder, layer, bottoms, batch
        self.following = following
        self.merged = False
        """Whether what is read stands for `following` too."""
        self.path = tuple(part for part in re.split(r"[/\\]", layer.name) if part)
        self.origins: tuple[CaffeOrigin, ...] = (CaffeOrigin(layer.name, layer.type, self.path),)

    @property
    def x(self) -> Draft:
        """The first bottom."""
        if not self.bottoms:
            raise CannotImport(f"{self.layer.place} has no bottom")
        return self.bottoms[0]

    def count(self, least: int, most: int | None = None) -> None:
        """Refuse a number of bottoms that Caffe does not take."""
        many = len(self.bottoms)
        if many < least or (most is not None and many > most):
            expected = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} to {most}"
            raise CannotImport(f"{self.layer.place} has {many} bottoms, where {expected} were expected")

    def parameters(self, name: str) -> TextMessage:
        """The message of parameters of that name, empty where it is left out."""
        return self.layer.message.message(name)

    def error(self, what: str) -> CannotImport:
        """The error of a file that is wrong about this layer."""
        return CannotImport(f"{self.layer.place}: {what}")

    def axis(self, message: TextMessage, default: int = 1, field: str = "axis", x: Draft | None = None) -> int:
        """An axis that is named, counted without the batch."""
        rank = len((x or self.x).shape) + 1
        number = message.whole(field, default, least=-(2**31) + 1)
        if not -rank <= number < rank:
            raise self.error(f"{field} {number} of a blob of {rank} axes")
        if number % rank == 0:
            raise Inexpressible(f"its {field} is the batch")
        return number % rank - 1

    def made(self, kind: str, fields: dict[str, Any], *inputs: Draft) -> Draft:
        """A draft with the layer's name, and its arrays if its kind has any."""
        try:
            draft = self.builder.layer(kind, fields, inputs or (self.x,), self.origins)
        except Inexpressible as error:
            raise self.error(str(error)) from None
        if draft.array_shapes:
            draft.arrays = {
                name: PlainArray(shape, (key := self._array(place, name),), all_of(key, shape))
                for place, (name, shape) in enumerate(draft.array_shapes.items())
            }
        return draft

    def learned(self, sizes: Shape, place: int) -> Draft:
        """Numbers that are added, the array of the layer at that place."""
        draft = self.helper("parameter", {"sizes": sizes})
        key = self._array(place, "bias")
        draft.arrays = {"weight": PlainArray(sizes, (key,), all_of(key, sizes))}
        draft.is_stated = True
        return draft

    def opaque(self, shape: Shape, reason: str) -> Draft:
        """A draft of which the size is known, and that no kind expresses."""
        return self.builder.unknown(shape, self.bottoms, self.origins[0], reason)

    def helper(self, kind: str, fields: dict[str, Any], *inputs: Draft) -> Draft:
        """A draft that is a step on the way, and has its kind for a name."""
        draft = self.made(kind, fields, *inputs)
        draft.origins = tuple(origin._replace(path=()) for origin in self.origins)
        return draft

    def flat(self, x: Draft, axis: int) -> Draft:
        """The axes from one on laid out as one."""
        if axis == len(x.shape):  # behind the last
            return self.helper("reshape", {"sizes": (*x.shape, 1)}, x)
        return x if axis == len(x.shape) - 1 else self.helper("flatten", {"start_axis": axis}, x)

    def reshaped(self, x: Draft, shape: Shape) -> Draft:
        """The same elements in another shape, as a step on the way."""
        if prod(x.shape) != prod(shape):
            raise self.error(f"{list(x.shape)} has not as many elements as {list(shape)}")
        return x if x.shape == shape else self.helper("reshape", {"sizes": shape}, x)

    def _array(self, place: int, name: str) -> str:
        """What an array of the layer is called: as the file names it, so that others use it too, or by the layer."""
        names = [param.text("name") for param in self.layer.message.messages("param")]
        if place < len(names) and names[place]:
            return names[place]
        return ".".join([*(re.sub(r"\W", "_", part, flags=re.ASCII) for part in self.path), name])
