"""One walk over the drafts: each rule looks at a draft and what leads up to it, and may put one in place of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import permutations
from typing import Any

from convcalc.imports.arrays import Array
from convcalc.imports.drafts import INPUT, Builder, Draft
from convcalc.imports.errors import Inexpressible

Rule = Callable[["Patterns", Draft], Draft | None]


class Patterns:
    """One walk over the drafts. `uses` counts who reads each, so that what is read elsewhere is not taken away."""

    def __init__(self, builder: Builder, leaving: Sequence[Draft], rules: Mapping[str, tuple[Rule, ...]]) -> None:
        self.builder, self.leaving, self.rules = builder, leaving, rules
        self.drafts = needed(builder.drafts, leaving)
        self.uses = Counter(source for draft in self.drafts for source in draft.inputs)
        self.uses.update(leaving)
        self._kept = set(self.drafts)

    def go(self) -> list[Draft]:
        """What leaves; the builder then has the drafts that are left, and perhaps some that nothing reads."""
        replaced: dict[Draft, Draft] = {}
        self.builder.drafts = []
        for draft in self.drafts:
            draft.inputs = [replaced.get(source, source) for source in draft.inputs]
            replacement = self._replaced(draft)
            if replacement is None:
                self.builder.drafts.append(draft)
            else:
                replaced[draft] = replacement
        return [replaced.get(draft, draft) for draft in self.leaving]

    def _replaced(self, draft: Draft) -> Draft | None:
        """What the first rule that fits makes of a draft; shapes changed again and again are looked at again."""
        replacement = None
        while True:
            result = self._by_first_rule(draft)
            if result is None:
                return replacement
            self._take_over(draft, result)
            if result.kind not in ("reshape", "flatten") or result in self._kept:
                return result
            replacement = draft = result

    def _by_first_rule(self, draft: Draft) -> Draft | None:
        for rule in self.rules.get(draft.kind, ()):
            with suppress(Inexpressible):
                result = rule(self, draft)
                if result is not None:
                    return result
        return None

    def _take_over(self, old: Draft, new: Draft) -> None:
        if new.tensor is None and new.shape == old.shape:
            new.tensor = old.tensor
        if new in self._kept or new in self.uses:  # one that was there before
            self.uses[new] += self.uses[old]
        else:
            self.uses[new] = self.uses[old]
            self.uses.update(new.inputs)
        self.uses[old] = 0
        released = [old]
        while released:
            for source in released.pop().inputs:
                self.uses[source] -= 1
                if self.uses[source] == 0:
                    released.append(source)

    def alone(self, draft: Draft) -> bool:
        """Whether no more than one draft reads it."""
        return self.uses[draft] == 1

    def layer(
        self,
        kind: str,
        fields: dict[str, Any],
        x: Draft,
        old: Sequence[Draft],
        arrays: Mapping[str, Array] | None = None,
    ) -> Draft:
        """A layer in place of some, that of all their operators; the last of these names it where no array does."""
        origins = tuple(origin for draft in old for origin in draft.origins)
        return self.builder.layer(kind, fields, [x], origins, arrays)


def both_ways(drafts: Sequence[Draft]) -> Iterable[tuple[Draft, ...]]:
    """Two drafts in both orders; nothing where there are not two."""
    return permutations(drafts) if len(drafts) == 2 else ()


def needed(drafts: list[Draft], leaving: Sequence[Draft]) -> list[Draft]:
    """The drafts that what leaves is worked out of, and all inputs, in order."""
    read = set(leaving)
    for draft in reversed(drafts):
        if draft in read:
            read.update(draft.inputs)
    return [draft for draft in drafts if draft in read or draft.kind == INPUT]
