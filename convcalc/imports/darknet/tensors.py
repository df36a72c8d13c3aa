"""What Darknet knows of a tensor between two layers, and what the layers of a section are made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from convcalc.imports.arrays import Array, PlainArray, checked
from convcalc.imports.darknet.sections import CfgSection
from convcalc.imports.drafts import BEHIND, Builder, Draft
from convcalc.imports.elements import all_of
from convcalc.imports.errors import CannotImport
from convcalc.layers import Shape

Fields = dict[str, Any]


class CfgTensor(msgspec.Struct, frozen=True):
    """A tensor: `image` is its shape where a layer that reads maps can read it, as [channels, height, width].

    What is fully connected is an image of one position, and what a softmax leaves is none.
    """

    draft: Draft
    image: Shape | None

    @property
    def is_unknown(self) -> bool:
        return self.draft.is_unsized


class CfgOrigin(msgspec.Struct, frozen=True):
    """What a draft comes from: the number of the section, its type, and what the draft is called."""

    title: str
    operator: str
    name: str

    def modules(self) -> list[str]:
        return [self.name]


class CfgLayer(msgspec.Struct, frozen=True):
    """A section that is being read as a layer, which is an origin of drafts: what they are titled is its number.

    `current` is the tensor before it, `before` those of all layers before it. `in_steps` is whether the network has
    a sequence enter, whose features are on the last axis, `is_yolors` whether it is for YOLOR's program and not for
    Darknet itself. `convolutions` are who has the filters of the convolutions
    before it, and their shape. `warnings` are those of the whole network.
    """

    section: CfgSection
    index: int
    builder: Builder
    current: CfgTensor
    before: Sequence[CfgTensor]
    in_steps: bool
    is_yolors: bool
    convolutions: dict[int, tuple[str, Shape]]
    warnings: list[str]

    @property
    def title(self) -> str:
        return str(self.index)

    @property
    def operator(self) -> str:
        return self.section.type

    def modules(self) -> list[str]:
        return [f"{self.section.type}{self.index}"]

    # ---- drafts ------------------------------------------------------------------------------------------------------

    def draft(
        self,
        kind: str,
        fields: Fields,
        inputs: Sequence[Draft],
        arrays: Mapping[str, Shape] | None = None,
        path: str = "",
    ) -> Draft:
        """A layer of a kind, with arrays by these names and of these shapes; `path` is that of who has them."""
        prefix = path or f"{kind}{self.index}"
        made = {name: _array(f"{prefix}.{name}", shape) for name, shape in (arrays or {}).items()}
        return self.builder.layer(kind, fields, inputs, (CfgOrigin(self.title, self.operator, prefix),), made)

    def unknown(self, image: Shape | None, reason: str, inputs: Sequence[Draft] = ()) -> CfgTensor:
        """What leaves where no kind says the layer, of which the shape alone is known, or not even that."""
        shape = None if image is None else checked(image)
        return CfgTensor(self.builder.unknown(shape, inputs or [self.current.draft], self, reason), image)

    def behind(self, tensors: Sequence[CfgTensor]) -> CfgTensor:
        """What leaves where nothing is known of the size of something that enters."""
        return self.unknown(None, BEHIND, [tensor.draft for tensor in tensors])

    # ---- what enters -------------------------------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """Where the layer is, in words that an error begins with."""
        return f"{self.section.place()}, layer {self.index}"

    def image(self, tensor: CfgTensor | None = None) -> Draft:
        """The tensor as a map."""
        entering = tensor or self.current
        if entering.image is None:
            shape = list(entering.draft.shape)
            raise CannotImport(f"{self.place}: a map is read, of channels, height and width, and {shape} enters")
        return self.builder.reshaped(entering.draft, entering.image, (self,))

    def flat(self) -> Draft:
        """The tensor before the layer as a row of numbers, or of a sequence as one for each step."""
        draft = self.current.draft
        return draft if self.in_steps else self.builder.reshaped(draft, (size_of(draft.shape),), (self,))

    def at(self, index: int, key: str) -> CfgTensor:
        """What leaves an earlier layer; a number below 0 counts backwards from this one."""
        place = self.index + index if index < 0 else index
        if not 0 <= place < self.index:
            raise CannotImport(
                f"{self.section.place(key)}, layer {self.index}, reads layer {place}, and those before it are "
                f"{f'0 to {self.index - 1}' if self.index else 'none'}"
            )
        return self.before[place]


def size_of(shape: Shape) -> int:
    """How many elements a tensor has."""
    count = 1
    for size in shape:
        count *= size
    return count


def of_map(draft: Draft) -> CfgTensor:
    """The tensor that a layer on maps leaves."""
    return CfgTensor(draft, draft.shape)


def _array(name: str, shape: Shape) -> Array:
    return PlainArray(shape, (name,), all_of(name, shape))
