"""Layers that stand for one layer together."""

from __future__ import annotations

from convcalc.onnx.building import Builder, Draft


def tidied(builder: Builder, leaving: list[Draft]) -> tuple[list[Draft], list[Draft]]:
    """The drafts that what leaves needs, in order, and what leaves."""
    from convcalc.onnx.building import INPUT

    needed = set(leaving)
    for draft in reversed(builder.drafts):
        if draft in needed:
            needed.update(draft.inputs)
    return [draft for draft in builder.drafts if draft in needed or draft.kind == INPUT], leaving
