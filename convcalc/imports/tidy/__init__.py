"""Layers that stand for one layer together, found from the last of them backwards and made that one layer.

Exporters take activations and normalisations apart, or leave the bias of a layer to an addition behind it. Rules put
them together again: one file a group of rules, found by being there. Such a file has `RULES`, which are rules by the
kind of the last draft, in the order in which they are tried, and `ORDER`: the number of the walk over all drafts in
which that is done, and the place of the file among those of the same walk. A rule looks at a draft and what leads up to
it, and gives the one draft that says the same; what it stood for goes away where nothing else reads it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache

from convcalc.imports.drafts import Builder, Draft
from convcalc.imports.tidy.walk import Patterns, Rule, needed


def tidied(builder: Builder, leaving: Sequence[Draft]) -> tuple[list[Draft], list[Draft]]:
    """The drafts that what leaves needs, in order, with patterns made one; and what leaves."""
    for rules in walks():
        if not rules.keys().isdisjoint(draft.kind for draft in builder.drafts):
            leaving = Patterns(builder, leaving, rules).go()
    return needed(builder.drafts, leaving), list(leaving)


@cache
def walks() -> list[dict[str, tuple[Rule, ...]]]:
    """The rules of each walk, by the kind of the last draft, in the order in which they are tried."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    walks: dict[int, dict[str, tuple[Rule, ...]]] = {}
    for module in sorted((module for module in modules if hasattr(module, "RULES")), key=lambda module: module.ORDER):
        rules = walks.setdefault(module.ORDER[0], {})
        for kind, more in module.RULES.items():
            rules[kind] = (*rules.get(kind, ()), *more)
    return [*walks.values()]
