"""A comparison in fewer lines: one for each block, or for each kind of layer."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from msgspec.structs import replace

from convcalc.analysis.compare import Change, Comparison, Mark
from convcalc.analysis.lines import By, Line, grouped, total
from convcalc.analysis.report import Report


def folded(comparison: Comparison, by: By) -> Comparison:
    """The comparison with its layers added up as `convcalc.analysis.lines.lines` adds them up.

    A block is edited where a layer in it is edited, added or removed, and affected where its layers are that alone;
    so is a kind.
    """
    if by == "kind":
        return replace(comparison, layers=tuple(_by_kind(comparison)))
    return replace(comparison, layers=tuple(_by_block(comparison))) if by == "block" else comparison


def _by_block(comparison: Comparison) -> Iterable[Change]:
    partner = {
        _outermost(change.base): _outermost(change.head)
        for change in reversed(comparison.layers)
        if change.base is not None and change.head is not None
    }

    def key(change: Change) -> Hashable:
        if change.head is not None:
            return "head", _outermost(change.head)
        block = _outermost(change.base)
        return ("head", partner[block]) if block in partner else ("base", block)

    for changes in grouped(comparison.layers, key).values():
        base = _block(comparison.base, [change.base for change in changes if change.base is not None])
        head = _block(comparison.head, [change.head for change in changes if change.head is not None])
        yield changes[0] if len(changes) == 1 else Change(_mark(changes), base, head)


def _outermost(line: Line | None) -> str:
    return line.name.partition(".")[0] if line is not None else ""


def _block(report: Report, lines: Sequence[Line]) -> Line | None:
    if len(lines) < 2 and not any("." in line.name for line in lines):
        return lines[0] if lines else None
    name, last = _outermost(lines[-1]), lines[-1]
    group = next((group for group in reversed(report.network.groups) if group.name == name), None)
    kind, times = (group.kind, group.times) if group is not None else ("", None)
    return total(name, kind, lines, last, times)


def _by_kind(comparison: Comparison) -> Iterable[Change]:
    sides = [_kinds(comparison.layers, side) for side in ("base", "head")]
    marks: dict[str, list[Change]] = {}
    for change in comparison.layers:
        for kind in {line.kind for line in (*_lines(change, "base"), *_lines(change, "head"))}:
            marks.setdefault(kind, []).append(change)
    order = sorted(marks, key=lambda kind: -max(line.macs for side in sides if (line := side.get(kind)) is not None))
    for kind in order:
        base, head = (side.get(kind) for side in sides)
        mark: Mark = "added" if base is None else "removed" if head is None else _mark(marks[kind])
        yield Change(mark, base, head)


def _kinds(changes: Sequence[Change], side: str) -> dict[str, Line]:
    lines = [line for change in changes for line in _lines(change, side)]
    return {kind: total(kind, kind, alike) for kind, alike in grouped(lines, lambda line: line.kind).items()}


def _lines(change: Change, side: str) -> Sequence[Line]:
    """The layers of one side: those of the block where one stands in place of a layer."""
    line: Line | None = getattr(change, side)
    parts: tuple[Line, ...] = getattr(change, f"{side}_parts")
    return parts or ([line] if line is not None else [])


def _mark(changes: Sequence[Change]) -> Mark:
    marks = {change.mark for change in changes}
    if len(marks) == 1:
        return marks.pop()
    mixed: dict[frozenset[Mark], Mark] = {frozenset({"same", mark}): mark for mark in ("affected", "converted")}
    return mixed.get(frozenset(marks), "edited")
