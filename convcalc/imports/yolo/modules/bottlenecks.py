"""Bottlenecks, and the stages of them that a part of the channels goes through."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.convolutions import conv, crossed, ghost_bottleneck, reparameterised
from convcalc.imports.yolo.modules.pools import spp
from convcalc.imports.yolo.place import At

Inner = Callable[[At, Draft], Draft]
Kernels = Sequence[int | list[int]]


def bottleneck(
    at: At, x: Draft, c2: int, shortcut: bool = True, g: int = 1, k: Kernels = (3, 3), e: float = 0.5
) -> Draft:
    """Two convolutions, and what entered added to what leaves where both have as many channels."""
    y = conv(at / "cv1", x, int(c2 * e), k[0])
    y = conv(at / "cv2", y, c2, k[1], g=g)
    return at.add(x, y) if shortcut and x.shape[0] == c2 else y


def _row(at: At, x: Draft, c2: int, shortcut: bool = True, g: int = 1, k: Kernels = (3, 3), e: float = 0.5) -> Draft:
    if len(k) != 2:
        raise Inexpressible("a bottleneck has two kernels")
    return bottleneck(at, x, c2, shortcut, g, k, e)


def _row_of_yolov5(at: At, x: Draft, c2: int, shortcut: bool = True, g: int = 1, e: float = 0.5) -> Draft:
    return bottleneck(at, x, c2, shortcut, g, (1, 3), e)


def in_a_row(at: At, x: Draft, n: int, inner: Inner) -> Draft:
    """So many of one module, one behind the other."""
    for place in range(n):
        x = inner(at / place, x)
    return x


def three(at: At, x: Draft, c2: int, e: float, inner: Inner) -> Draft:
    """The frame of C3: one half of the channels goes through what is within, the other around it."""
    hidden = int(c2 * e)
    first = inner(at / "m", conv(at / "cv1", x, hidden))
    return conv(at / "cv3", at.concat([first, conv(at / "cv2", x, hidden)]), c2)


def collected(at: At, x: Draft, c2: int, n: int, e: float, inner: Inner) -> Draft:
    """The frame of C2f: both halves, and what leaves each of what is within."""
    parts = at.halves(conv(at / "cv1", x, 2 * int(c2 * e)))
    for place in range(n):
        parts.append(inner(at / "m" / place, parts[-1]))
    return conv(at / "cv2", at.concat(parts), c2)


def _c1(at: At, x: Draft, c2: int, n: int = 1) -> Draft:
    y = conv(at / "cv1", x, c2)
    return at.add(in_a_row(at / "m", y, n, lambda at, y: conv(at, y, c2, 3)), y)


def _c2(at: At, x: Draft, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5) -> Draft:
    hidden = int(c2 * e)
    first, second = at.halves(conv(at / "cv1", x, 2 * hidden))
    first = in_a_row(at / "m", first, n, lambda at, y: bottleneck(at, y, hidden, shortcut, g, e=1.0))
    return conv(at / "cv2", at.concat([first, second]), c2)


def _c2f(at: At, x: Draft, c2: int, n: int = 1, shortcut: bool = False, g: int = 1, e: float = 0.5) -> Draft:
    return collected(at, x, c2, n, e, lambda at, y: bottleneck(at, y, y.shape[0], shortcut, g, e=1.0))


def _c3(at: At, x: Draft, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5) -> Draft:
    def inner(at: At, y: Draft) -> Draft:
        return in_a_row(at, y, n, lambda at, y: bottleneck(at, y, y.shape[0], shortcut, g, (1, 3), 1.0))

    return three(at, x, c2, e, inner)


def c3k(at: At, x: Draft, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5, k: int = 3) -> Draft:
    """C3 with two kernels of one size."""

    def inner(at: At, y: Draft) -> Draft:
        return in_a_row(at, y, n, lambda at, y: bottleneck(at, y, y.shape[0], shortcut, g, (k, k), 1.0))

    return three(at, x, c2, e, inner)


def _c3x(at: At, x: Draft, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5) -> Draft:
    def crossing(at: At, y: Draft) -> Draft:
        if at.model.anchored:
            return crossed(at, y, y.shape[0], 3, 1, g, 1.0, shortcut)
        return bottleneck(at, y, y.shape[0], shortcut, g, ([1, 3], [3, 1]), 1.0)

    return three(at, x, c2, e, lambda at, y: in_a_row(at, y, n, crossing))


def _c3_spp(
    at: At,
    x: Draft,
    c2: int,
    k: list[int] | tuple[int, ...] = (5, 9, 13),
    n: int = 1,
    shortcut: bool = True,
    g: int = 1,
    e: float = 0.5,
) -> Draft:
    return three(at, x, c2, e, lambda at, y: spp(at, y, y.shape[0], k))


def _c3_ghost(at: At, x: Draft, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5) -> Draft:
    return three(at, x, c2, e, lambda at, y: in_a_row(at, y, n, lambda at, y: ghost_bottleneck(at, y, y.shape[0])))


def bottleneck_csp(at: At, x: Draft, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5) -> Draft:
    """As in the paper: the convolutions before the norm are bare."""
    kernels = (1 if at.model.anchored else 3, 3)
    hidden = int(c2 * e)
    y = conv(at / "cv1", x, hidden)
    y = in_a_row(at / "m", y, n, lambda at, y: bottleneck(at, y, hidden, shortcut, g, kernels, 1.0))
    y = (at / "cv3").conv(y, hidden, bias=False)
    joined = at.concat([y, (at / "cv2").conv(x, hidden, bias=False)])
    joined = (at / "act").activation((at / "bn").norm(joined), "nn.SiLU()")
    return conv(at / "cv4", joined, c2)


def rep_c3(at: At, x: Draft, c2: int, n: int = 3, e: float = 1.0) -> Draft:
    """The two ways meet in a sum."""
    hidden = int(c2 * e)
    y = in_a_row(at / "m", conv(at / "cv1", x, hidden), n, lambda at, y: reparameterised(at, y, hidden))
    y = at.add(y, conv(at / "cv2", x, hidden))
    return conv(at / "cv3", y, c2) if hidden != c2 else y


def inverted(at: At, x: Draft, c2: int, shortcut: bool = True, e: float = 0.5, lk: bool = False) -> Draft:
    """Depthwise and 1x1 convolutions in turn, with `lk` a 7x7 and a 3x3 in the middle."""
    hidden = 2 * int(c2 * e)
    y = conv(at / "cv1.0", x, x.shape[0], 3, g=x.shape[0])
    y = conv(at / "cv1.1", y, hidden)
    if lk:
        middle = at / "cv1.2"
        wide = conv(middle / "conv", y, hidden, 7, 1, 3, hidden, act=False)
        narrow = conv(middle / "conv1", y, hidden, 3, 1, 1, hidden, act=False)
        y = (middle / "act").activation(middle.add(wide, narrow), "nn.SiLU()")
    else:
        y = conv(at / "cv1.2", y, hidden, 3, g=hidden)
    y = conv(at / "cv1.3", y, c2)
    y = conv(at / "cv1.4", y, c2, 3, g=c2)
    return at.add(x, y) if shortcut and x.shape[0] == c2 else y


def _c2f_cib(
    at: At, x: Draft, c2: int, n: int = 1, shortcut: bool = False, lk: bool = False, g: int = 1, e: float = 0.5
) -> Draft:
    at.model.modern = True
    return collected(at, x, c2, n, e, lambda at, y: inverted(at, y, y.shape[0], shortcut, 1.0, lk))


MODULES = {
    "Bottleneck": KnownModule(_row, scaled=True),
    "BottleneckCSP": KnownModule(bottleneck_csp, scaled=True, repeats=1),
    "C1": KnownModule(_c1, scaled=True, repeats=1),
    "C2": KnownModule(_c2, scaled=True, repeats=1),
    "C2f": KnownModule(_c2f, scaled=True, repeats=1),
    "C2fCIB": KnownModule(_c2f_cib, scaled=True, repeats=1),
    "C3": KnownModule(_c3, scaled=True, repeats=1),
    "C3Ghost": KnownModule(_c3_ghost, scaled=True, repeats=1),
    "C3SPP": KnownModule(_c3_spp, scaled=True),
    "C3x": KnownModule(_c3x, scaled=True, repeats=1),
    "RepC3": KnownModule(rep_c3, scaled=True, repeats=1),
}
ANCHORED = {"Bottleneck": KnownModule(_row_of_yolov5, scaled=True)}
