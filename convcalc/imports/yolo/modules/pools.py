"""Pyramids of pools, and pools as they stand in a row of their own."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.convolutions import conv
from convcalc.imports.yolo.place import At


def spp(at: At, x: Draft, c2: int, k: list[int] | tuple[int, ...] = (5, 9, 13)) -> Draft:
    """Pools of several sizes beside each other."""
    y = conv(at / "cv1", x, x.shape[0] // 2)
    pools = [(at / "m" / place).max_pool(y, size, 1, size // 2) for place, size in enumerate(k)]
    return conv(at / "cv2", at.concat([y, *pools]), c2)


def sppf(at: At, x: Draft, c2: int, k: int = 5, n: int = 3, shortcut: bool = False) -> Draft:
    """Pools of one size one behind the other."""
    parts = [conv(at / "cv1", x, x.shape[0] // 2)]
    for _ in range(n):
        parts.append((at / "m").max_pool(parts[-1], k, 1, k // 2))
    y = conv(at / "cv2", at.concat(parts), c2)
    return at.add(y, x) if shortcut and x.shape[0] == c2 else y


def _spp_elan(at: At, x: Draft, c2: int, c3: int, k: int = 5) -> Draft:
    parts = [conv(at / "cv1", x, c3)]
    for place in range(2, 5):
        parts.append((at / f"cv{place}").max_pool(parts[-1], k, 1, k // 2))
    return conv(at / "cv5", at.concat(parts), c2)


def spp_csp(
    at: At,
    x: Draft,
    c2: int,
    n: int = 1,
    shortcut: bool = False,
    g: int = 1,
    e: float = 0.5,
    k: list[int] | tuple[int, ...] = (5, 9, 13),
) -> Draft:
    """yolov7's: a pyramid within one of two ways."""
    hidden = int(2 * c2 * e)
    y = conv(at / "cv1", x, hidden)
    y = conv(at / "cv4", conv(at / "cv3", y, hidden, 3), hidden)
    pools = [(at / "m" / place).max_pool(y, size, 1, size // 2) for place, size in enumerate(k)]
    y = conv(at / "cv6", conv(at / "cv5", at.concat([y, *pools]), hidden), hidden, 3)
    return conv(at / "cv7", at.concat([y, conv(at / "cv2", x, hidden)]), c2)


def _max_pooled(at: At, x: Draft, k: int = 2) -> Draft:
    return at.max_pool(x, k, k, 0)


def _kept_pool(at: At, x: Draft, k: int = 3, s: int = 1) -> Draft:
    return at.max_pool(x, k, s, k // 2)


MODULES = {
    "SPP": KnownModule(spp, scaled=True),
    "SPPF": KnownModule(sppf, scaled=True),
    "SPPELAN": KnownModule(_spp_elan, scaled=True),
    "SPPCSPC": KnownModule(spp_csp, scaled=True, repeats=1),
    "MP": KnownModule(_max_pooled),
    "SP": KnownModule(_kept_pool),
}
