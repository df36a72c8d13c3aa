"""A call of a layer as a rule sees it: its config, the tensors that enter, and the layers of ours that it becomes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from convcalc.imports.arrays import Array, PlainArray
from convcalc.imports.drafts import Builder, Draft
from convcalc.imports.elements import all_of
from convcalc.imports.errors import Inexpressible, plain
from convcalc.imports.keras.configs import Config
from convcalc.imports.keras.graphs import PlacedCall
from convcalc.imports.keras.inputs import wants_map
from convcalc.imports.keras.policies import policy_of
from convcalc.imports.layouts import OrderedTensor, arranged, as_it_lies, met
from convcalc.imports.record import Unused

_WORD = re.compile(r"\W+", re.ASCII)


class LayerCall:
    """One call of a layer; `arguments` and `keywords` are what it is called with, and `tensors` those of these."""

    def __init__(
        self,
        builder: Builder,
        step: PlacedCall,
        arguments: list[Any],
        keywords: dict[str, Any],
        *,
        version: int,
        config: Mapping[str, Any] | None = None,
        kept: dict[str, Unused] | None = None,
    ) -> None:
        self.builder, self.step, self.version = builder, step, version
        self.arguments, self.keywords = arguments, keywords
        self.tensors = ordered_tensors([arguments, keywords])
        self.config = Config(step.layer.title, step.layer.config if config is None else config)
        self.policy = policy_of(self.config.get("dtype"))
        self.origins = (step.layer,)
        self.lead = step.lead
        self.kept = {} if kept is None else kept

    @property
    def wants_map(self) -> bool:
        """Whether what leaves is read as a map."""
        return wants_map(self.step, 3)

    @property
    def x(self) -> OrderedTensor:
        """The tensor that enters, the first where several do."""
        if not self.tensors:
            raise Inexpressible("no tensor enters it")
        return self.tensors[0]

    def inner(self, config: Mapping[str, Any]) -> LayerCall:
        """The same call of a layer that is written within this one."""
        return LayerCall(
            self.builder, self.step, self.arguments, self.keywords,
            version=self.version, config=config, kept=self.kept,
        )  # fmt: skip

    # ---- layers of ours ----------------------------------------------------------------------------------------------

    def layer(
        self,
        kind: str,
        fields: dict[str, Any],
        *inputs: Draft,
        names: Mapping[str, str] | None = None,
        within: str = "",
    ) -> Draft:
        """A layer of ours; `names` says what the file calls its arrays, and `within` is the part of the layer it is."""
        draft = self.builder.layer(kind, fields, inputs, self.origins)
        draft.arrays = {
            array: self.array((names or {}).get(array, array), shape, within)
            for array, shape in draft.array_shapes.items()
        }
        return draft

    def array(self, name: str, shape: Sequence[int], within: str = "") -> Array:
        """What the file holds for the layer under a name; where that is used twice it is shared."""
        path = (*self.step.layer.path, *filter(None, (within,)), name)
        dotted = ".".join(_WORD.sub("_", word).strip("_") or "layer" for word in path)
        self.builder.formats.array(dotted, self.policy.of_array(name))
        return PlainArray(tuple(shape), (dotted,), all_of(path, shape))

    def parameter(self, name: str, sizes: Sequence[int], within: str = "") -> Draft:
        """An array that is learned and meets a tensor."""
        fields = {"sizes": tuple(sizes)}
        draft = self.builder.layer("parameter", fields, self.builder.entering(), self.origins)
        draft.arrays = {"weight": self.array(name, sizes, within)}
        draft.is_stated = True
        return draft

    def constant(self, sizes: Sequence[int], name: str = "") -> Draft:
        """Numbers that are not learned: those of the file by that name, or of the config, where the shape is all."""
        size = tuple(sizes) or (1,)
        fields = {"sizes": size, "learned": False}
        draft = self.builder.layer("parameter", fields, self.builder.entering(), self.origins)
        if name:
            draft.arrays = {"constant": self.array(name, size)}
        return draft

    def unused(self, name: str, shape: Sequence[int]) -> None:
        """An array that the file holds and nothing at inference needs."""
        title = f"{self.config.title}/{name}"
        self.kept[title] = Unused(plain(title), tuple(shape))

    def unknown(self, tensor: OrderedTensor, reason: str) -> OrderedTensor:
        """What no kind expresses, of the shape of what enters."""
        draft = self.builder.unknown(tensor.draft.shape, [tensor.draft], self.step.layer, reason)
        return OrderedTensor(draft, tensor.order)

    def unknown_of(self, shape: Sequence[int], reason: str) -> OrderedTensor:
        """What no kind expresses, of a shape as the file has it."""
        return unknown_of(self.builder, self.step, self.tensors, shape, reason)

    # ---- axes --------------------------------------------------------------------------------------------------------

    def map_order(self, rank: int, last: bool) -> tuple[int, ...]:
        """The file's order of the axes of a map that we have as channels, the leading axes, and positions."""
        lead, positions = tuple(range(1, 1 + self.lead)), tuple(range(1 + self.lead, rank))
        return (*lead, *positions, 0) if last else (*lead, 0, *positions)

    @property
    def is_last(self) -> bool:
        """Whether the channels of maps are the last axis."""
        return self.config.text("data_format", "dim_ordering").replace("C", "_c") not in ("channels_first", "th")

    def map(self, tensor: OrderedTensor | None = None, rank: int | None = None) -> Draft:
        """A tensor with its channels first, then the axes that it is called at each place of, then its positions."""
        x = tensor or self.x
        self.check_rank(x, None if rank is None else rank + 1)
        return arranged(self.builder, x, self.map_order(len(x.order), self.is_last), self.origins)

    def check_rank(self, x: OrderedTensor, axes: int | None) -> None:
        """Complain of a tensor of another number of axes, the batch and the leading axes not counted."""
        if (axes is not None and len(x.order) - self.lead != axes) or len(x.order) <= self.lead:
            expected = "more axes" if axes is None else f"{axes + self.lead} axes without the batch"
            raise Inexpressible(f"a tensor of shape {list(x.shape)} enters, where {expected} are expected")

    def from_map(self, draft: Draft) -> OrderedTensor:
        """A map of ours as the file has it."""
        return OrderedTensor(draft, self.map_order(len(draft.shape), self.is_last))

    def over_lead(self, values: Any, neutral: Any) -> tuple[Any, ...]:
        """Values for each axis of positions, with one that does nothing for each leading axis."""
        return (*([neutral] * self.lead), *values)

    def in_order(self, tensor: OrderedTensor | None = None) -> Draft:
        """A tensor with its axes as the file has them."""
        x = tensor or self.x
        return arranged(self.builder, x, range(len(x.order)), self.origins)

    def axis(self, value: Any, rank: int, name: str = "axis") -> int:
        """The axis that a config names, where 0 is the batch, as one of a tensor without it and with leading axes."""
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.config.wrong(name, "an axis", value)
        at = value + rank if value < 0 else value - 1 + self.lead
        if not self.lead <= at < rank:
            raise Inexpressible(f"{name} {value} of a tensor of {rank} axes without the batch")
        return at

    def axes(self, value: Any, rank: int, name: str = "axis") -> list[int]:
        """Several axes, in ascending order."""
        values = value if isinstance(value, list) else [value]
        return sorted({self.axis(item, rank, name) for item in values})

    def with_first(self, tensor: OrderedTensor, axis: int) -> OrderedTensor:
        """The tensor with an axis of the file's as the channels."""
        if tensor.order[axis] == 0:
            return tensor
        rank = len(tensor.order)
        others = [at for at in range(rank) if at != axis]
        order = tuple(0 if at == axis else 1 + others.index(at) for at in range(rank))
        return OrderedTensor(arranged(self.builder, tensor, order, self.origins), order)

    def with_last(self, tensor: OrderedTensor) -> OrderedTensor:
        """The tensor with the last axis of the file's as ours."""
        return tensor if tensor.order[-1] == len(tensor.order) - 1 else as_it_lies(self.in_order(tensor))

    def met(self, tensors: Sequence[OrderedTensor]) -> tuple[list[Draft], tuple[int, ...]]:
        """Tensors made ready to be taken element by element."""
        return met(self.builder, tensors, self.origins)


def ordered_tensors(value: Any) -> list[OrderedTensor]:
    """All tensors within what a layer is called with, in order."""
    if isinstance(value, OrderedTensor):
        return [value]
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for item in within for tensor in ordered_tensors(item)]


def unknown_of(
    builder: Builder,
    step: PlacedCall,
    tensors: Sequence[OrderedTensor],
    shape: Sequence[int] | None,
    reason: str,
) -> OrderedTensor:
    """What no kind expresses, of a shape as the file has it, or of none that is known."""
    drafts = [tensor.draft for tensor in tensors] or builder.entering()
    sizes = None if shape is None else tuple(shape) or (1,)
    if sizes is None or len(sizes) < 2 or not wants_map(step, len(sizes)):
        return as_it_lies(builder.unknown(sizes, drafts, step.layer, reason))
    draft = builder.unknown((sizes[-1], *sizes[:-1]), drafts, step.layer, reason)
    return OrderedTensor(draft, (*range(1, len(sizes)), 0))
