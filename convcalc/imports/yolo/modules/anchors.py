"""Heads with anchors: for each shape of a box a position says how the box differs from it. Of yolov5, v3 and v7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.prototypes import prototypes
from convcalc.imports.yolo.place import At


def anchor_count(anchors: Any, levels: int) -> int:
    """How many boxes a position says; anchors are a number, or widths and heights for every level."""
    if isinstance(anchors, int) and anchors > 0:
        return anchors
    if isinstance(anchors, list) and len(anchors) == levels and all(isinstance(level, list) for level in anchors):
        counts = {len(level) for level in anchors}
        if len(counts) == 1 and (count := counts.pop()) > 1 and count % 2 == 0:
            return count // 2
    raise Inexpressible(f"anchors: expected a number, or for each of {levels} maps as many widths and heights")


def boxes(at: At, maps: Sequence[Draft], nc: int, anchors: int, masks: int = 0) -> Draft:
    """What each anchor of each position says, decoded up to the place of the position."""
    rows = []
    for place, x in enumerate(maps):
        numbers, *size = x.shape
        y = at.permute(at.reshape(x, anchors, numbers // anchors, *size), 0, 2, 3, 1)
        scores = 5 + nc
        seen, *coefficients = at.parts(y, (scores, masks), 3) if masks else (y,)
        centre, sides, rest = at.parts(at.activation(seen, "nn.Sigmoid()"), (2, 2, 1 + nc), 3)
        shape = (at / "anchors" / place).layer("parameter", {"sizes": (anchors, 1, 1, 2), "learned": False}, x)
        sides = at.mul(at.layer("pow", {"exponent": 2}, at.affine(sides, 2)), shape)
        y = at.concat([at.affine(centre, 2, -0.5), sides, rest, *coefficients], 3)
        rows.append(at.reshape(y, -1, scores + masks))
    return at.concat(rows, 0)


def detect(at: At, xs: list[Draft], nc: int, anchors: Any) -> Draft:
    """A bare convolution on each map, whose numbers are boxes."""
    count = anchor_count(anchors, len(xs))
    maps = [(at / "m" / place).conv(x, count * (nc + 5)) for place, x in enumerate(xs)]
    return boxes(at, maps, nc, count)


def segment(at: At, xs: list[Draft], nc: int, anchors: Any, nm: int = 32, npr: int = 256) -> list[Draft]:
    """The same with the coefficients of masks, and the prototypes that these mix."""
    count = anchor_count(anchors, len(xs))
    maps = [(at / "m" / place).conv(x, count * (nc + 5 + nm)) for place, x in enumerate(xs)]
    return [boxes(at, maps, nc, count, nm), prototypes(at / "proto", xs[0], at.model.scaled(npr), nm)]


def implicit(at: At, xs: list[Draft], nc: int, anchors: Any) -> Draft:
    """yolov7's, with a number added to each channel that enters, and one multiplied to each that leaves."""
    count = anchor_count(anchors, len(xs))
    maps = []
    for place, x in enumerate(xs):
        added = (at / "ia" / place).layer("parameter", {"sizes": (x.shape[0], 1, 1)}, x)
        y = (at / "m" / place).conv(at.add(x, added), count * (nc + 5))
        maps.append((at / "im" / place).layer("scale", {}, y))
    return boxes(at, maps, nc, count)


MODULES = {"IDetect": KnownModule(implicit)}
