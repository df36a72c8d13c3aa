"""Which of the arrays that only scale or shift a tensor are learned, told by where in the network they do it.

The weights of a layer are learned whatever their numbers are and wherever a file stores them. Of an array that meets a
tensor element by element no operator says what it is: the scale of a norm, a bias, an embedding of positions, or the
mean of all images, the anchors of a detector. It is learned where training could have made it and what is beside it:

- it lies along the outputs of the layer with weights that it follows, as a bias does; or
- there are weights before it and behind it.

What is left are the constants of the way in and of the way out, which is said together with what they would come to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import prod

from convcalc.imports.drafts import INPUT, UNKNOWN, Builder, Draft
from convcalc.imports.errors import plain
from convcalc.imports.naming import is_made_up, says_parameter

_MEETING = {"add", "sub", "mul", "div", "max", "min", "elementwise"}
"""Kinds that scale or shift a tensor by another."""

_MOVING = {"reshape", "flatten", "permute", "slice", "split", "identity", "dropout", "affine", "upsample"}
"""Kinds behind which a tensor is still the one that a layer with weights made."""

_MOST_MOVES = 16
_MOST_NAMED = 3


class Roles:
    """What the parameters among some drafts are; `constants` and `tables` are those that are said.

    `tables` are counted as learned: arrays within the network, along several axes, whose names tell nothing.
    """

    def __init__(self, builder: Builder, drafts: list[Draft]) -> None:
        self.builder, self.drafts = builder, drafts
        self.constants: list[tuple[str, int]] = []
        self.tables: list[tuple[str, int]] = []
        self._readers: defaultdict[Draft, list[Draft]] = defaultdict(list)
        for draft in drafts:
            for source in draft.inputs:
                self._readers[source].append(draft)
        self._stored = {name for draft in drafts for name in draft.weights if draft.kind != "parameter"}
        self._open = {draft for draft in drafts if self._is_open(draft)}
        self._behind: set[Draft] = set()
        for draft in reversed(drafts):
            if any(reader in self._behind or self._is_weighted(reader) for reader in self._readers[draft]):
                self._behind.add(draft)
        self._before: set[Draft] = set()

    def settle(self) -> None:
        """Make those constants that are not learned."""
        for draft in list(self.drafts):
            if draft in self._open and draft.kind == "scale":
                self._settle_scale(draft)
            elif draft.kind == "parameter" and self._stated(draft) is not None:
                self._settle_as_stated(draft)
            elif draft.kind == "parameter" and "learned" not in draft.fields:
                self._settle_parameter(draft)
            if self._is_weighted(draft) or any(source in self._before for source in draft.inputs):
                self._before.add(draft)

    def _is_open(self, draft: Draft) -> bool:
        """Whether an array only scales or shifts, and is not called what only a parameter is called."""
        stated = self._stated(draft)
        if draft.kind == "scale":
            return stated is False or not (stated or draft.is_stated or any(map(says_parameter, draft.weights)))
        if stated is not None or draft.kind != "parameter" or "learned" in draft.fields or draft.is_stated:
            return False
        if any(map(says_parameter, draft.weights)):
            return False
        uses = self._uses(draft)
        return bool(uses) and all(reader.kind in _MEETING for reader in uses)

    def _stated(self, draft: Draft) -> bool | None:
        """Whether the file says that the arrays of a draft are learned; None where it says neither."""
        learned = {self.builder.learned.get(name) for name in draft.weights}
        return learned.pop() if len(learned) == 1 else None

    def _settle_as_stated(self, draft: Draft) -> None:
        is_learned = "learned" not in draft.fields
        if self._stated(draft) == is_learned:
            return
        if is_learned:
            self._make_constant(draft)
            return
        draft.fields = {name: value for name, value in draft.fields.items() if name != "learned"}
        draft.arrays = dict(zip(("weight",), draft.arrays.values(), strict=False))
        draft.array_shapes = dict(zip(("weight",), draft.array_shapes.values(), strict=False))

    def _uses(self, draft: Draft, depth: int = 0) -> list[Draft]:
        """Who reads a tensor, however it is moved."""
        uses: list[Draft] = []
        for reader in self._readers[draft]:
            moved = reader.kind in _MOVING and depth < _MOST_MOVES
            uses += self._uses(reader, depth + 1) if moved else [reader]
        return uses

    def _is_weighted(self, draft: Draft) -> bool:
        """Whether a layer has something that is learned beyond doubt."""
        if draft in self._open or draft.kind == INPUT or "learned" in draft.fields:
            return False
        return any(name not in ("running_mean", "running_var") for name in draft.arrays)

    def _settle_parameter(self, draft: Draft) -> None:
        (array,) = draft.arrays.values()
        is_stored = array.elements is None or array.elements.tensor in array.made_of
        if not is_stored and array.made_of and self._stored.issuperset(array.made_of):
            self._make_constant(draft)  # it is counted in those layers
            return
        if draft not in self._open:
            return
        uses = self._uses(draft)
        along = [size for size in draft.shape if size > 1]
        within = any(self._is_within(draft, use) for use in uses)
        if not within and not any(self._follows(draft, use, along) for use in uses):
            self.constants.append((_name(draft), prod(draft.shape)))
            self._make_constant(draft)
            return
        self._open.discard(draft)
        if len(along) > 1 and all(map(is_made_up, draft.weights)):
            self.tables.append((_name(draft), prod(draft.shape)))

    def _is_within(self, draft: Draft, use: Draft) -> bool:
        """Whether there are weights before and behind the place where it is used."""
        others = [source for source in use.inputs if source is not draft]
        return use in self._behind and any(source in self._before for source in others)

    def _follows(self, draft: Draft, use: Draft, along: list[int]) -> bool:
        """Whether it lies along the outputs of the layer that it follows."""
        if len(along) > 1:
            return False
        return any(_outputs(source, self._open) == prod(draft.shape) for source in use.inputs if source is not draft)

    def _settle_scale(self, draft: Draft) -> None:
        x = draft.inputs[0]
        is_stated = self._stated(draft) is False
        within = draft in self._behind and x in self._before
        if not is_stated and (within or _outputs(x, self._open) == draft.shape[0]):
            self._open.discard(draft)
            return
        size = sum(prod(shape) for shape in draft.array_shapes.values())
        if not is_stated:
            self.constants.append((_name(draft), size))
        place = self.drafts.index(draft)
        builder, arrays, origins = self.builder, dict(draft.arrays), draft.origins
        made = []
        for kind, array in (("mul", arrays.get("weight")), ("add", arrays.get("bias"))):
            if array is not None:
                fields = {"sizes": (draft.shape[0],), "learned": False}
                constant = builder.layer("parameter", fields, builder.entering(), (), {"constant": array})
                x = builder.layer(kind, {}, [x, constant], origins)
                made += [constant, x]
        *before, last = made
        draft.kind, draft.fields, draft.inputs = last.kind, last.fields, last.inputs
        draft.arrays, draft.array_shapes = {}, {}
        self.drafts[place:place] = before
        self._open.discard(draft)

    def _make_constant(self, draft: Draft) -> None:
        draft.fields = {**draft.fields, "learned": False}
        (draft.arrays,) = [{"constant": array} for array in draft.arrays.values()]
        (draft.array_shapes,) = [{"constant": shape} for shape in draft.array_shapes.values()]
        self._open.discard(draft)

    def notes(self, params: int) -> list[str]:
        """What nobody can know from the file, with both figures."""
        notes = []
        if self.constants:
            count = sum(size for _, size in self.constants)
            notes.append(
                f"{count:,} numbers that only scale or shift what enters or leaves are counted as constants "
                f"({_listed(self.constants)}); were they learned, there would be {params + count:,} parameters"
            )
        if self.tables:
            count = sum(size for _, size in self.tables)
            notes.append(
                f"{count:,} numbers that are added or multiplied within the network are counted as parameters "
                f"({_listed(self.tables)}); were they constants, there would be {params - count:,} parameters"
            )
        return notes


def _outputs(draft: Draft, unsettled: set[Draft]) -> int | None:
    """How many outputs the layer with weights has that a tensor was made by; None where no such layer made it."""
    for _ in range(_MOST_MOVES):
        if draft.kind not in _MOVING:
            break
        draft = draft.inputs[0]
    if draft.kind in _MEETING:  # with a learned array, as a bias that was written behind the layer
        arrays = [source for source in draft.inputs if source.kind == "parameter" and "learned" not in source.fields]
        return prod(arrays[0].shape) if len(arrays) == 1 and arrays[0] not in unsettled else None
    if not draft.arrays or draft in unsettled or draft.kind in ("parameter", UNKNOWN):
        return None
    return draft.shape[-1] if draft.kind in ("linear", "layer_norm", "attention") else draft.shape[0]


def _name(draft: Draft) -> str:
    return next(iter(draft.weights), "")


def _listed(arrays: Sequence[tuple[str, int]]) -> str:
    names = list(dict.fromkeys(plain(name) for name, _ in arrays))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
