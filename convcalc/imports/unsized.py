"""What is not counted of a model: which operators, and what stands behind them without a size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from math import prod

from convcalc import steps
from convcalc.imports.arrays import Array
from convcalc.imports.drafts import BEHIND, NO_KIND, UNKNOWN, Builder, Draft
from convcalc.imports.errors import RefusedOperator, brief, plain

_MOST_NAMED = 12
"""Types of operators that are named in a sentence; the others are counted."""


def lacking(drafts: Sequence[Draft]) -> list[RefusedOperator]:
    """The operators that no kind expresses, but for those that only stand behind another."""
    return list(
        dict.fromkeys(
            RefusedOperator(draft.origins[-1].title, draft.origins[-1].operator, draft.reason)
            for draft in drafts
            if draft.kind == UNKNOWN and draft.reason != BEHIND
        )
    )


def missing(drafts: Sequence[Draft], array_of: Callable[[Hashable], Array | None]) -> str:
    """What is not counted, as a sentence; empty where everything is."""
    unknown = [draft for draft in drafts if draft.kind == UNKNOWN]
    if not unknown:
        return ""
    types = {(refused.node, refused.operator): refused.operator for refused in lacking(unknown)}
    counts = Counter(types.values()).most_common()
    listed = ", ".join(f"{count} {brief(plain(operator))}" for operator, count in counts[:_MOST_NAMED])
    more = len(counts) - _MOST_NAMED
    if more > 0:
        listed += f" and {more} more type{'s' * (more > 1)}"
    reasons = {refused.reason for refused in lacking(unknown)}
    if len(counts) == len(reasons) == 1 and not reasons & {NO_KIND, ""}:
        listed += f" ({reasons.pop()})"
    many = len(types) != 1
    text = f"{len(types)} operator{'s are' if many else ' is'} not counted, as no layer kind expresses "
    text += f"{'them' if many else 'it'}: {listed}"
    behind = len({id(draft.origins[-1]) for draft in unknown if draft.reason == BEHIND})
    if behind:
        those = "operators" if many else "operator"
        text += f"; nor {'are' if behind > 1 else 'is'} {behind} more behind the {those}, of unknown size"
    held = _held(unknown, [draft for draft in drafts if draft.kind != UNKNOWN], array_of)
    if held:
        text += f"; {'they hold' if many else 'it holds'} {held:,} numbers, which are not among the params"
    return f"{text}; every total is at least what is said (--strict says where and why)"


def _held(unknown: Sequence[Draft], others: Sequence[Draft], array_of: Callable[[Hashable], Array | None]) -> int:
    """How many numbers of the file only drafts that are unknown have."""
    counted = {name for draft in others for name in draft.weights}
    names = dict.fromkeys(name for draft in unknown for name in draft.weights if name not in counted)
    arrays = [array for name in names if (array := array_of(name)) is not None]
    return sum(size for array in arrays if (size := prod(array.shape)) > 1)


def together(builder: Builder, drafts: list[Draft], leaving: Sequence[Draft]) -> tuple[list[Draft], list[Draft]]:
    """The drafts with each group of unknown ones without a size, one behind the other, as a single one.

    Nobody reads 60 lines of which nothing is known.
    """
    groups = [members for members in _groups(drafts) if len(members) > 1]
    if not groups:
        return drafts, list(leaving)
    replaced: dict[Draft, Draft] = {}
    for members in groups:
        replaced |= dict.fromkeys(members, _single(builder, members))
    kept = [*dict.fromkeys(replaced.get(draft, draft) for draft in drafts)]
    for draft in kept:
        if any(source in replaced for source in draft.inputs):
            draft.inputs = [*dict.fromkeys(replaced.get(source, source) for source in draft.inputs)]
    return _in_order(kept), [*dict.fromkeys(replaced.get(draft, draft) for draft in leaving)]


def _single(builder: Builder, members: Sequence[Draft]) -> Draft:
    """One unknown draft in place of several."""
    within = set(members)
    sources = dict.fromkeys(source for member in members for source in member.inputs if source not in within)
    origins = {id(origin): origin for member in members for origin in member.origins}
    return builder.layer(UNKNOWN, {}, list(sources), tuple(origins.values()))


def _in_order(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts as they were, but each behind those that it reads."""
    placed: dict[Draft, None] = {}
    for first in drafts:
        waiting = [first]
        while waiting:
            draft = waiting[-1]
            before = [source for source in draft.inputs if source not in placed]
            if before:
                waiting += reversed(before)
            else:
                placed[waiting.pop()] = None
    return list(placed)


def _groups(drafts: Sequence[Draft]) -> list[list[Draft]]:
    """Unknown drafts without a size, each with those that read it, in order.

    One that reads its group through something that has a size as well begins another: the two would go in a circle.
    """
    group_of: dict[Draft, int] = {}
    groups: dict[int, list[Draft]] = {}
    behind: dict[Draft, frozenset[int]] = {}  # the groups that a draft reads through something that has a size
    seen: dict[int, frozenset[int]] = {}  # the same of a group
    for place, draft in enumerate(drafts):
        direct = {group_of[source] for source in draft.inputs if source in group_of}
        through: frozenset[int] = frozenset().union(*(behind[source] for source in draft.inputs))
        steps.spend(len(through) + len(direct))
        if draft.kind != UNKNOWN or not draft.is_unsized:
            behind[draft] = through | direct
            continue
        through = through.union(*(seen[group] for group in direct))
        own = min(direct - through, default=place)
        groups.setdefault(own, []).append(draft)
        group_of[draft] = own
        behind[draft] = seen[own] = through | (direct - {own})
    return list(groups.values())
