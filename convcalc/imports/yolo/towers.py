"""What heads without anchors are built of: towers on each map, and boxes from the distances that these say.

What leaves are boxes relative to their position, centre and size in strides of its map. Placing them on the image is
left out: the grid is made where the network runs, and is nothing that a file says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from typing import NamedTuple

from convcalc.imports.drafts import Draft
from convcalc.imports.yolo.modules.convolutions import conv, depthwise
from convcalc.imports.yolo.place import At

Extra = Callable[[At, Sequence[Draft]], Draft]
"""What a head says of each position beside box and classes."""


class Style(NamedTuple):
    """How a head's towers are built: the bins of a distance, groups of the tower for boxes, the one for classes.

    The tower for classes has at least as many channels as classes, up to `most`.
    """

    bins: int
    groups: int
    classes: Callable[..., Draft]
    classes_held: int
    most: int


def tower(at: At, x: Draft, hidden: int, out: int, g: int = 1) -> Draft:
    """Two 3x3 convolutions, and a bare one to what is said of a position."""
    y = conv(at / 0, x, hidden, 3)
    y = conv(at / 1, y, hidden, 3, g=g)
    return (at / 2).conv(y, out, g=g)


def light_tower(at: At, x: Draft, hidden: int, out: int) -> Draft:
    """The same with depthwise convolutions."""
    y = conv(at / "0.1", depthwise(at / "0.0", x, x.shape[0], 3), hidden)
    y = conv(at / "1.1", depthwise(at / "1.0", y, hidden, 3), hidden)
    return (at / 2).conv(y, out)


def style_of(at: At, nc: int, name: str = "") -> Style:
    """The style of a head: `grouped` or `light` by its name, else as the rest of the file has it."""
    bins = 16 if at.model.anchored else at.model.whole("reg_max", 16)
    if at.model.anchored:
        return Style(bins, 4 if name == "grouped" else 1, tower, 2 * nc, 128)
    return Style(bins, 1, light_tower if name == "light" or at.model.modern else tower, nc, 100)


def on_maps(at: At, xs: Sequence[Draft], build: Callable[[At, Draft], Draft]) -> Draft:
    """What is built on every map, all positions on one axis."""
    return at.concat([at.flat(build(at / place, x)) for place, x in enumerate(xs)], 1)


def extra(at: At, xs: Sequence[Draft], out: int) -> Draft:
    """Other numbers of each position: masks, keypoints, angles."""
    hidden = max(xs[0].shape[0] // 4, out)
    return on_maps(at, xs, partial(tower, hidden=hidden, out=out))


def raw(at: At, xs: Sequence[Draft], nc: int, style: Style, names: Sequence[str]) -> tuple[Draft, Draft]:
    """The distributions over the distances of the sides, and what is said of each class."""
    first = xs[0].shape[0]
    hidden = ceil(max(first // 4, style.bins * 4, 16) / style.groups) * style.groups
    sides = partial(tower, hidden=hidden, out=4 * style.bins, g=style.groups)
    classes = partial(style.classes, hidden=max(first, min(style.classes_held, style.most)), out=nc)
    return on_maps(at / names[0], xs, sides), on_maps(at / names[1], xs, classes)


def distances(at: At, sides: Draft, bins: int) -> Draft:
    """The means of distributions over 0, 1, 2, ..., by a convolution that is never trained."""
    if bins == 1:
        return sides
    spread = at.layer("softmax", {}, at.permute(at.reshape(sides, 4, bins, -1), 1, 0, 2))
    at.model.constants += bins
    return at.reshape((at / "conv").conv(spread, 1, bias=False), 4, -1)


def box(at: At, sides: Draft, angle: Draft | None = None) -> Draft:
    """Centre and size from the distances to the sides; with an angle, turned by it."""
    first, second = at.halves(sides)
    centre = at.affine(at.layer("sub", {}, second, first), 0.5)
    if angle is not None:
        cos, sin = (at.layer("elementwise", {"operation": name}, angle) for name in ("cos", "sin"))
        x, y = at.halves(centre)
        across = at.layer("sub", {}, at.mul(x, cos), at.mul(y, sin))
        centre = at.concat([across, at.add(at.mul(x, sin), at.mul(y, cos))])
    return at.concat([centre, at.add(first, second)])


def decoded(
    at: At,
    xs: Sequence[Draft],
    nc: int,
    style: Style,
    names: Sequence[str] = ("cv2", "cv3"),
    dfl: str = "dfl",
    others: Sequence[Draft] = (),
    angle: Draft | None = None,
) -> Draft:
    """Box, classes and whatever else is said of every position."""
    sides, classes = raw(at, xs, nc, style, names)
    boxes = box(at, distances(at / dfl, sides, style.bins), angle)
    return at.concat([boxes, at.activation(classes, "nn.Sigmoid()"), *others])
