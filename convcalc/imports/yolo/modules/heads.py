"""Heads without anchors, by their names in ultralytics and yolov9."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import pi
from typing import Any, NamedTuple

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.yolo.modules import Module
from convcalc.imports.yolo.modules import anchors as with_anchors
from convcalc.imports.yolo.modules.convolutions import conv
from convcalc.imports.yolo.modules.prototypes import prototypes
from convcalc.imports.yolo.place import At
from convcalc.imports.yolo.towers import decoded, extra, raw, style_of

MOST = 300
"""Boxes that a head chooses which needs no suppression of others."""


def classify(at: At, x: Draft, c2: int, k: int = 1, s: int = 1, p: int | None = None, g: int = 1) -> Draft:
    y = conv(at / "conv", x, 1280, k, s, p, g)
    y = (at / "linear").linear(at.layer("flatten", {}, (at / "pool").layer("global_avg_pool", {}, y)), c2)
    return at.layer("softmax", {}, y)


class Extra(NamedTuple):
    """What a head says of each position beside box and classes: how many numbers, and what becomes of them."""

    numbers: int
    finished: Callable[[At, Draft], Draft] = lambda at, y: y
    turns: bool = False
    """Whether it is the angle of the box."""


def head(at: At, xs: Sequence[Draft], nc: int, more: Extra | None = None, name: str = "") -> list[Draft]:
    """A head, or both of one that is there a second time, so as to choose boxes without suppressing others."""
    style = style_of(at, nc, name)

    def copy(prefix: str) -> Draft:
        others = []
        if more is not None:
            others = [more.finished(at, extra(at / f"{prefix}cv4", xs, more.numbers))]
        angle = others[0] if more is not None and more.turns else None
        return decoded(at, xs, nc, style, (f"{prefix}cv2", f"{prefix}cv3"), "dfl", others, angle)

    if not at.model.is_double and name != "light":
        return [copy("")]
    chosen = best(at, copy("one2one_"), nc)
    training = list(raw(at, xs, nc, style, ("cv2", "cv3")))
    if more is not None:
        training.append(extra(at / "cv4", xs, more.numbers))
    at.model.notes.append(
        "the head is there twice, and one of the two is for training alone; "
        "both are counted, as the program does before it fuses the network"
    )
    return [chosen, at.concat(training)]


def best(at: At, y: Draft, nc: int) -> Draft:
    """The boxes with the highest scores, each with its score, its class and what else is said of it."""
    y = at.permute(y, 1, 0)
    boxes, scores, *others = at.parts(y, [size for size in (4, nc, y.shape[1] - 4 - nc) if size], 1)
    count = min(MOST, y.shape[0])
    places = at.layer("top_k", {"k": count}, at.layer("reduce", {"axes": (1,), "operation": "max"}, scores))
    boxes, scores, *others = (at.layer("gather", {}, tensor, places) for tensor in (boxes, scores, *others))
    flat = at.layer("flatten", {}, scores)
    places = at.layer("top_k", {"k": count}, flat)
    score = at.reshape(at.layer("gather", {}, flat, places), count, 1)
    rows = at.layer("elementwise", {"operation": "floor"}, at.affine(places, 1 / nc))
    classes = at.layer("sub", {}, places, at.affine(rows, nc))
    boxes, *others = (at.layer("gather", {}, tensor, rows) for tensor in (boxes, *others))
    return at.concat([boxes, score, at.reshape(classes, count, 1), *others], 1)


def detect(at: At, xs: list[Draft], nc: int, anchors: int | list[Any] | None = None) -> list[Draft]:
    if anchors is not None:
        return [with_anchors.detect(at, xs, nc, anchors)]
    return head(at, xs, nc)


def twice_chosen(at: At, xs: list[Draft], nc: int) -> list[Draft]:
    """yolov10's, which is double whatever the file says."""
    return head(at, xs, nc, name="light")


def segment(at: At, xs: list[Draft], nc: int, *arguments: Any) -> list[Draft]:
    """Masks as mixtures of prototypes; with anchors, as yolov5 has them, these are the first argument."""
    numbers = [number for number in arguments if isinstance(number, int)]
    if len(arguments) == 3 or isinstance(next(iter(arguments), None), list):
        return with_anchors.segment(at, xs, nc, arguments[0], *numbers[-2:])
    nm, npr = (*numbers, *(32, 256)[len(numbers) :])
    masks = prototypes(at / "proto", xs[0], at.model.scaled(npr), nm)
    return [*head(at, xs, nc, Extra(nm)), masks]


def keypoints(at: At, xs: list[Draft], nc: int, kpt_shape: list[int] | tuple[int, ...] = (17, 3)) -> list[Draft]:
    """Points as far from their position as said, with a third number for whether each can be seen."""
    if len(kpt_shape) != 2:
        raise Inexpressible("expected how many keypoints and how many numbers of each")
    points, numbers = kpt_shape

    def finished(at: At, y: Draft) -> Draft:
        y = at.reshape(y, points, numbers, -1)
        if numbers < 3:
            return at.reshape(at.affine(y, 2, -0.5), points * numbers, -1)
        places, seen = at.parts(y, (2, 1), 1)
        y = at.concat([at.affine(places, 2, -0.5), at.activation(seen, "nn.Sigmoid()")], 1)
        return at.reshape(y, points * numbers, -1)

    return head(at, xs, nc, Extra(points * numbers, finished))


def oriented(at: At, xs: list[Draft], nc: int, ne: int = 1) -> list[Draft]:
    def angle(at: At, y: Draft) -> Draft:
        return at.affine(at.activation(y, "nn.Sigmoid()"), pi, -pi / 4)

    return head(at, xs, nc, Extra(ne, angle, turns=True))


def several(heads: int, name: str) -> Module:
    """yolov9's, for branches of which only the last is kept after training: as many maps for each."""

    def build(at: At, xs: list[Draft], nc: int) -> list[Draft]:
        count = len(xs) // heads
        if count * heads != len(xs) or not xs:
            raise Inexpressible(f"{len(xs)} maps for {heads} heads")
        style = style_of(at, nc, name)
        return [
            decoded(
                at,
                xs[place * count : (place + 1) * count],
                nc,
                style,
                (f"cv{2 + 2 * place}", f"cv{3 + 2 * place}"),
                f"dfl{place + 1}" if place else "dfl",
            )
            for place in range(heads)
        ]

    return Module(build)


MODULES = {
    "Classify": Module(classify),
    "DDetect": several(1, "grouped"),
    "Detect": Module(detect),
    "DualDDetect": several(2, "grouped"),
    "DualDetect": several(2, ""),
    "OBB": Module(oriented),
    "Pose": Module(keypoints),
    "Segment": Module(segment),
    "TripleDDetect": several(3, "grouped"),
    "TripleDetect": several(3, ""),
    "v10Detect": Module(twice_chosen),
}
