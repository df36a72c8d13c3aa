"""Heads of yolov9: for the branches of a network of which only the last is kept after training, and for its masks."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.convolutions import conv
from convcalc.imports.yolo.modules.prototypes import prototypes
from convcalc.imports.yolo.place import At
from convcalc.imports.yolo.towers import decoded, extra, style_of


def _branch(at: At, xs: Sequence[Draft], nc: int, name: str, place: int, others: Sequence[Draft] = ()) -> Draft:
    """One of several heads, with lists of their own."""
    names = (f"cv{2 + 2 * place}", f"cv{3 + 2 * place}")
    return decoded(at, xs, nc, style_of(at, nc, name), names, f"dfl{place + 1}" if place else "dfl", others)


def _shared_out(xs: Sequence[Draft], heads: int) -> list[Sequence[Draft]]:
    """As many maps for each head."""
    count = len(xs) // heads
    if not count or count * heads != len(xs):
        raise Inexpressible(f"{len(xs)} maps for {heads} heads")
    return [xs[place * count : (place + 1) * count] for place in range(heads)]


def _several(heads: int, name: str) -> KnownModule:
    def build(at: At, xs: list[Draft], nc: int) -> list[Draft]:
        return [_branch(at, own, nc, name, place) for place, own in enumerate(_shared_out(xs, heads))]

    return KnownModule(build)


def masked(heads: int) -> KnownModule:
    """Behind the maps there is one more for each head, of which its prototypes are made."""

    def build(at: At, xs: list[Draft], nc: int, nm: int = 32, npr: int = 256) -> list[Draft]:
        made = []
        maps, last = xs[:-heads], xs[-heads:]
        for place, own in enumerate(_shared_out(maps, heads)):
            coefficients = extra(at / f"cv{2 + 2 * heads + place}", own, nm)
            made.append(_branch(at, own, nc, "grouped", place, [coefficients]))
        for place, x in enumerate(last):
            made.append(conv(at / (f"proto{place + 1}" if place else "proto"), x, nm))
        return made

    return KnownModule(build)


def panoptic(at: At, xs: list[Draft], nc: int, sem_nc: int = 93, nm: int = 32, npr: int = 256) -> list[Draft]:
    """Masks of things, and a class for each position; the width is that of the masks, as the program has it."""
    nm, first = at.model.scaled(nm), xs[0]
    y = conv(at / "uconv.cv1", first, first.shape[0] // 4, 3)
    y = (at / "uconv.cv2").conv(y, sem_nc + nc)
    stuff = (at / "uconv.up").layer("upsample", {"scale_factor": 2, "mode": "bilinear", "align_corners": True}, y)
    boxes = _branch(at, xs, nc, "", 0, [extra(at / "cv4", xs, nm)])
    return [boxes, prototypes(at / "proto", first, npr, nm), stuff]


MODULES = {
    "DDetect": _several(1, "grouped"),
    "DSegment": masked(1),
    "DualDDetect": _several(2, "grouped"),
    "DualDSegment": masked(2),
    "DualDetect": _several(2, ""),
    "Panoptic": KnownModule(panoptic),
    "TripleDDetect": _several(3, "grouped"),
    "TripleDetect": _several(3, ""),
}
