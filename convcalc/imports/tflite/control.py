"""Control flow: subgraphs that are called, the branch that is taken, the bodies of loops as often as they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcalc import steps
from convcalc.imports.drafts import UNKNOWN, Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.tflite.values import LiteCall, LiteValue
from convcalc.imports.tidy.walk import needed
from convcalc.layers import kind_of
from convcalc.layers._configured import configured

if TYPE_CHECKING:
    from convcalc.imports.tflite.walk import LiteScope, LiteWalk

_MOST_DEPTH = 8
"""How deep subgraphs may call each other."""

MOST_OPERATORS = 10_000
"""Operators of a body, as often as it runs, that are written out."""


def inlined(
    walk: LiteWalk, call: LiteCall, scope: LiteScope, number: int, values: Sequence[LiteValue | None], run: str = ""
) -> list[LiteValue]:
    """What leaves a subgraph where these tensors enter it."""
    from convcalc.imports.tflite.walk import LiteScope as ScopeOf

    if not 0 < number < len(walk.model.subgraphs):
        raise Inexpressible(f"subgraph {number} of {len(walk.model.subgraphs)}")
    if scope.depth >= _MOST_DEPTH:
        raise Inexpressible(f"subgraphs within subgraphs, {_MOST_DEPTH} deep")
    graph = walk.model.subgraphs[number]
    if len(graph.inputs) != len(values):
        raise Inexpressible(f"{len(values)} tensors for a subgraph that takes {len(graph.inputs)}")
    inner = ScopeOf(graph, number, f"{call.origin.title}{run}/", scope.depth + 1)
    for index, value in zip(graph.inputs, values, strict=True):
        if value is not None:
            inner.values[index] = value
    walk.run(inner)
    left = [walk.value(inner, index) for index in graph.outputs]
    if any(value is None for value in left):
        raise Inexpressible("a subgraph from which nothing leaves")
    return [value for value in left if value is not None]


def _call(walk: LiteWalk, call: LiteCall, scope: LiteScope) -> list[LiteValue]:
    return inlined(walk, call, scope, call.option("subgraph"), call.values)


def _branch(walk: LiteWalk, call: LiteCall, scope: LiteScope) -> list[LiteValue]:
    """The branch that is taken, where that is known; else the dearer one."""
    condition, *values = call.values
    branches = [call.option("then"), call.option("else")]
    number = condition.constant.number if condition is not None and condition.constant is not None else None
    if number is not None:
        return inlined(walk, call, scope, branches[0 if number else 1], values)
    results = []
    for branch in branches:
        first = len(walk.builder.drafts)
        left = inlined(walk, call, scope, branch, values)
        leaving = [value.tensor.draft for value in left if value.tensor is not None]
        own = set(walk.builder.drafts[first:])
        results.append((_cost([draft for draft in needed(walk.builder.drafts, leaving) if draft in own]), left))
    if condition is not None and condition.tensor is not None:
        walk.deciding.append(condition.tensor.draft)
    (then, _), (other, _) = results
    taken = 0 if then >= other else 1
    if then != other or [value.shape for value in results[0][1]] != [value.shape for value in results[1][1]]:
        walk.warnings.append(
            f"which branch IF at {call.origin.title} takes is decided by data: counted is the dearer one, "
            f"{('then', 'else')[taken]} ({results[taken][0][0]:,} MACs); the other takes {results[1 - taken][0][0]:,}"
        )
    return results[taken][1]


def _cost(drafts: Sequence[Draft]) -> tuple[int, int]:
    """The MACs of some layers, and how many of them there are."""
    macs = 0
    for draft in drafts:
        if draft.kind != UNKNOWN and draft.arrays:
            shapes = tuple(source.shape for source in draft.inputs)
            config, _ = configured(kind_of(draft.kind), draft.fields, shapes)
            macs += config.macs(*shapes)
    return macs, len(drafts)


def _loop(walk: LiteWalk, call: LiteCall, scope: LiteScope) -> list[LiteValue]:
    """A body as often as its condition holds, which what counts the steps says."""
    condition, body = call.option("cond"), call.option("body")
    values: list[LiteValue | None] = list(call.values)
    runs = 0
    while True:
        (holds, *_) = inlined(walk, call, scope, condition, values, f"?{runs}")
        number = holds.constant.number if holds.constant is not None else None
        if number is None:
            raise Inexpressible("how often its body runs is decided by data")
        if not number:
            return [value for value in values if value is not None]
        runs += 1
        steps.spend(len(values) + 1)
        if not 0 < body < len(walk.model.subgraphs):
            raise Inexpressible(f"subgraph {body} of {len(walk.model.subgraphs)}")
        if runs * max(len(walk.model.subgraphs[body].operators), 1) > MOST_OPERATORS:
            raise Inexpressible("its body runs more often than is written out")
        values = [*inlined(walk, call, scope, body, values, f".{runs}")]


OPERATORS = {"CALL": _call, "STABLEHLO_COMPOSITE": _call, "IF": _branch, "WHILE": _loop}
