"""Aggregation networks of yolov9, and the tensors that its auxiliary branches hand over."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.bottlenecks import in_a_row, three
from convcalc.imports.yolo.modules.convolutions import Kernel, conv, padded, reparameterised
from convcalc.imports.yolo.place import At


def _rep_bottleneck(at: At, x: Draft, c2: int) -> Draft:
    y = conv(at / "cv2", reparameterised(at / "cv1", x, c2), c2, 3)
    return at.add(x, y) if x.shape[0] == c2 else y


def _rep_csp(at: At, x: Draft, c2: int, n: int = 1) -> Draft:
    return three(at, x, c2, 0.5, lambda at, y: in_a_row(at, y, n, lambda at, y: _rep_bottleneck(at, y, y.shape[0])))


def rep_elan(at: At, x: Draft, c2: int, c3: int, c4: int, n: int = 1) -> Draft:
    """Halves, and what leaves each of two stages."""
    parts = at.halves(conv(at / "cv1", x, c3))
    for name in ("cv2", "cv3"):
        inner = _rep_csp(at / name / 0, parts[-1], c4, n)
        parts.append(conv(at / name / 1, inner, c4, 3))
    return conv(at / "cv4", at.concat(parts), c2)


def _elan(at: At, x: Draft, c2: int, c3: int, c4: int) -> Draft:
    parts = at.halves(conv(at / "cv1", x, c3))
    for name in ("cv2", "cv3"):
        parts.append(conv(at / name, parts[-1], c4, 3))
    return conv(at / "cv4", at.concat(parts), c2)


def handed_over(
    at: At, x: Draft, c2s: list[int], k: Kernel = 1, s: int = 1, p: Kernel | None = None, g: int = 1
) -> list[Draft]:
    """One convolution, cut into the channels that each reader gets."""
    y = (at / "conv").conv(x, sum(c2s), k, s, padded(k) if p is None else p, g)
    return at.parts(y, c2s) if len(c2s) > 1 else [y]


def fused(at: At, xs: list[Draft | list[Draft]], idx: list[int]) -> Draft:
    """One tensor of each list that enters, brought to the size of the last and added to it."""
    *lists, last = xs
    if isinstance(last, list) or len(idx) != len(lists):
        raise Inexpressible(f"{len(idx)} places for {len(lists)} lists and a map behind them")
    chosen = []
    for tensors, place in zip(lists, idx, strict=True):
        if not isinstance(tensors, list) or not -len(tensors) <= place < len(tensors):
            raise Inexpressible(f"place {place} of what enters, which has no such tensor")
        chosen.append(at.resized(tensors[place], last.shape[1:]))
    return at.add(*chosen, last)


MODULES = {
    "CBFuse": KnownModule(fused),
    "CBLinear": KnownModule(handed_over),
    "ELAN1": KnownModule(_elan, scaled=True),
    "RepNCSPELAN4": KnownModule(rep_elan, scaled=True),
}
