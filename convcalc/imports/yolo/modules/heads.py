"""Heads without anchors, by their names in ultralytics and yolov9."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import pi
from typing import Any, NamedTuple

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules import anchors as with_anchors
from convcalc.imports.yolo.modules.convolutions import conv
from convcalc.imports.yolo.modules.prototypes import prototypes
from convcalc.imports.yolo.place import At
from convcalc.imports.yolo.towers import decoded, extra, on_maps, raw, style_of

MOST = 300
"""Boxes that a head chooses which needs no suppression of others."""


def _classify(at: At, x: Draft, c2: int, k: int = 1, s: int = 1, p: int | None = None, g: int = 1) -> Draft:
    y = conv(at / "conv", x, 1280, k, s, p, g)
    y = (at / "linear").linear(at.layer("flatten", {}, (at / "pool").layer("global_avg_pool", {}, y)), c2)
    return at.layer("softmax", {}, y)


class Extra(NamedTuple):
    """What a head says of each position beside box and classes: how many numbers, and what becomes of them."""

    numbers: int
    finished: Callable[[At, Draft], Draft] = lambda at, y: y
    turns: bool = False
    """Whether it is the angle of the box."""
    towers: Callable[[At, Sequence[Draft], str], Draft] | None = None
    """What stands on the maps, where it is none of the usual towers."""

    def on_maps(self, at: At, xs: Sequence[Draft], name: str) -> Draft:
        return extra(at / name, xs, self.numbers) if self.towers is None else self.towers(at, xs, name)


def head(at: At, xs: Sequence[Draft], nc: int, more: Extra | None = None, name: str = "") -> list[Draft]:
    """A head, or both of one that is there a second time, so as to choose boxes without suppressing others."""
    style = style_of(at, nc, name)

    def copy(prefix: str) -> Draft:
        others = []
        if more is not None:
            others = [more.finished(at, more.on_maps(at, xs, f"{prefix}cv4"))]
        angle = others[0] if more is not None and more.turns else None
        return decoded(at, xs, nc, style, (f"{prefix}cv2", f"{prefix}cv3"), "dfl", others, angle)

    if not at.model.is_double and name != "light":
        return [copy("")]
    chosen = best(at, copy("one2one_"), nc)
    training = list(raw(at, xs, nc, style, ("cv2", "cv3")))
    if more is not None:
        training.append(more.on_maps(at, xs, "cv4"))
    at.model.notes.append(
        "the head is there twice, and one of the two is for training alone; "
        "both are counted, as the program does before it fuses the network"
    )
    return [chosen, at.concat(training)]


def best(at: At, y: Draft, nc: int) -> Draft:
    """The boxes of those positions with the highest scores, each with its score, class and what else is said of it."""
    y = at.permute(y, 1, 0)
    sizes = [size for size in (4, nc, y.shape[1] - 4 - nc) if size]
    boxes, scores, *others = at.parts(y, sizes, 1)
    count = min(MOST, y.shape[0])
    places = at.layer("top_k", {"k": count}, at.layer("reduce", {"axes": (1,), "operation": "max"}, scores))
    boxes, scores, *others = (at.layer("gather", {}, tensor, places) for tensor in (boxes, scores, *others))
    return chosen(at, [boxes, *others], scores, count)


def chosen(at: At, rows: Sequence[Draft], scores: Draft, count: int) -> Draft:
    """Of rows with a score for each class so many pairs of the two: the row, its score, its class."""
    nc = scores.shape[1]
    scores = at.layer("flatten", {}, scores)
    places = at.layer("top_k", {"k": count}, scores)
    score = at.reshape(at.layer("gather", {}, scores, places), count, 1)
    numbers = at.layer("elementwise", {"operation": "floor"}, at.affine(places, 1 / nc))
    classes = at.layer("sub", {}, places, at.affine(numbers, nc))
    boxes, *others = (at.layer("gather", {}, tensor, numbers) for tensor in rows)
    return at.concat([boxes, score, at.reshape(classes, count, 1), *others], 1)


def _detect(at: At, xs: list[Draft], nc: int, anchors: int | list[Any] | None = None) -> list[Draft]:
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


def segment_26(at: At, xs: list[Draft], nc: int, nm: int = 32, npr: int = 256) -> list[Draft]:
    """Prototypes of all maps together; another output of theirs is for training alone."""
    npr, first = at.model.scaled(npr), xs[0].shape[0]
    proto = at / "proto"
    y = xs[0]
    for place, x in enumerate(xs[1:]):
        smaller = conv(proto / "feat_refine" / place, x, first)
        y = proto.add(y, proto.layer("upsample", {"scale_factor": 2 ** (place + 1)}, smaller))
    masks = prototypes(proto, conv(proto / "feat_fuse", y, npr, 3), npr, nm)
    at.model.left_out(at, (first + npr) * npr * 9 + 4 * npr + nc * (npr + 1), 4 * npr)
    return [*head(at, xs, nc, Extra(nm)), masks]


def keypoints(at: At, xs: list[Draft], nc: int, kpt_shape: list[int] | tuple[int, ...] = (17, 3)) -> list[Draft]:
    """Points as far from their position as said, with a third number for whether each can be seen."""
    points, numbers = _keypoints(kpt_shape)

    def finished(at: At, y: Draft) -> Draft:
        return _seen(at, y, points, numbers, lambda places: at.affine(places, 2, -0.5))

    return head(at, xs, nc, Extra(points * numbers, finished))


def keypoints_26(at: At, xs: list[Draft], nc: int, kpt_shape: list[int] | tuple[int, ...] = (17, 3)) -> list[Draft]:
    """yolo26's: how sure a point is, and what learns from that, are for training alone."""
    points, numbers = _keypoints(kpt_shape)
    hidden = max(xs[0].shape[0] // 4, points * (numbers + 2))

    def towers(at: At, xs: Sequence[Draft], name: str) -> Draft:
        def build(place: At, x: Draft) -> Draft:
            index = place.origin.path[-1]
            y = conv(place / 1, conv(place / 0, x, hidden, 3), hidden, 3)
            return (at / f"{name}_kpts" / index).conv(y, points * numbers)

        return on_maps(at / name, xs, build)

    def finished(at: At, y: Draft) -> Draft:
        return _seen(at, y, points, numbers, lambda places: places)

    copies = 2 if at.model.is_double else 1
    at.model.left_out(at, copies * len(xs) * 2 * points * (hidden + 1) + _FLOW, 2 + 2 * 2 + 6 * 2)
    return head(at, xs, nc, Extra(points * numbers, finished, towers=towers))


_FLOW = 6 * (2 * (2 * 64 + 64 + 64 * 64 + 64 + 64 * 2 + 2))
"""Parameters of the flow by which yolo26 learns keypoints: six steps of two nets, 2 to 64 to 64 to 2 features."""


def _keypoints(shape: Sequence[int]) -> tuple[int, int]:
    if len(shape) != 2 or shape[0] < 1 or shape[1] not in (2, 3):
        raise Inexpressible("expected how many keypoints there are, and 2 or 3 numbers of each")
    return shape[0], shape[1]


def _seen(at: At, y: Draft, points: int, numbers: int, placed: Callable[[Draft], Draft]) -> Draft:
    """Keypoints with their places, and the third number of each as whether it can be seen."""
    y = at.reshape(y, points, numbers, -1)
    places, *seen = at.parts(y, (2, 1), 1) if numbers == 3 else (y,)
    y = at.concat([placed(places), *(at.activation(part, "nn.Sigmoid()") for part in seen)], 1)
    return at.reshape(y, points * numbers, -1)


def _oriented(at: At, xs: list[Draft], nc: int, ne: int = 1) -> list[Draft]:
    def angle(at: At, y: Draft) -> Draft:
        return at.affine(at.activation(y, "nn.Sigmoid()"), pi, -pi / 4)

    return head(at, xs, nc, Extra(ne, angle, turns=True))


def oriented_26(at: At, xs: list[Draft], nc: int, ne: int = 1) -> list[Draft]:
    """yolo26's, which says the angle itself."""
    return head(at, xs, nc, Extra(ne, turns=True))


def semantic(at: At, xs: list[Draft], nc: int = 19) -> Draft:
    """A class for each position of the largest map."""
    first = xs[0].shape[0]
    for x in xs[1:2]:
        at.model.left_out(at, first * x.shape[0] * 9 + 2 * first + nc * (first + 1), 2 * first)
    return (at / "classifier.1").conv(conv(at / "classifier.0", xs[0], first, 3), nc)


def depth(at: At, xs: list[Draft], c_mid: int = 256) -> Draft:
    """How far away each position is: maps brought to one size from the smallest on, and a map of twice that size."""
    maps = [conv(at / "proj" / place, x, c_mid) for place, x in enumerate(xs)]
    y = maps[-1]
    for place in reversed(range(len(xs) - 1)):
        y = at.layer("upsample", {"scale_factor": 2, "mode": "bilinear", "align_corners": True}, y)
        refined = at / "refine" / place
        y = conv(refined / 1, conv(refined / 0, at.add(y, maps[place]), c_mid, 3), c_mid, 3)
    y = conv(at / "head.0", y, c_mid // 2, 3)
    fields = {"out_channels": c_mid // 2, "kernel_size": 2, "stride": 2}
    y = (at / "head.1").layer("conv_transpose", fields, y)
    y = (at / "head.3").conv(conv(at / "head.2", y, c_mid // 4, 3), 1)
    y = at.layer("hard_tanh", {"min_val": -4.0, "max_val": 5.0}, y)
    scale, shift = ((at / name).layer("parameter", {"sizes": (1,), "learned": False}, y) for name in ("cal_a", "cal_b"))
    return at.layer("elementwise", {"operation": "exp"}, at.add(at.mul(y, scale), shift))


MODULES = {
    "Classify": KnownModule(_classify),
    "Depth": KnownModule(depth),
    "Detect": KnownModule(_detect),
    "OBB": KnownModule(_oriented),
    "OBB26": KnownModule(oriented_26),
    "Pose": KnownModule(keypoints),
    "Pose26": KnownModule(keypoints_26),
    "Segment": KnownModule(segment),
    "Segment26": KnownModule(segment_26),
    "SemanticSegment": KnownModule(semantic),
    "v10Detect": KnownModule(twice_chosen),
}
