"""Stages of other families that files use as backbones: PP-HGNet and ResNet."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.convolutions import conv, light, relu_conv
from convcalc.imports.yolo.place import At


def stem(at: At, x: Draft, cm: int, c2: int) -> Draft:
    """A pool and two 2x2 convolutions beside each other, padded below and on the right."""
    y = relu_conv(at / "stem1", x, cm, 3, 2)
    y = at.layer("pad", {"padding": ((0, 1), (0, 1))}, y)
    beside = relu_conv(at / "stem2a", y, cm // 2, 2, 1, 0)
    beside = at.layer("pad", {"padding": ((0, 1), (0, 1))}, beside)
    beside = relu_conv(at / "stem2b", beside, cm, 2, 1, 0)
    pooled = (at / "pool").max_pool(y, 2, 1, 0, ceil_mode=True)
    y = relu_conv(at / "stem3", at.concat([pooled, beside]), cm, 3, 2)
    return relu_conv(at / "stem4", y, c2)


def stage(
    at: At,
    x: Draft,
    cm: int,
    c2: int,
    k: int = 3,
    n: int = 6,
    lightconv: bool = False,
    shortcut: bool = False,
    act: str = "nn.ReLU()",
) -> Draft:
    """Convolutions in a row, all of which are joined."""
    parts = [x]
    for place in range(n):
        inner = light if lightconv else relu_conv
        parts.append(inner(at / "m" / place, parts[-1], cm, k, act=act))
    y = relu_conv(at / "sc", at.concat(parts), c2 // 2, act=act)
    y = relu_conv(at / "ec", y, c2, act=act)
    return at.add(y, x) if shortcut and x.shape[0] == c2 else y


def _residual(at: At, x: Draft, c2: int, s: int = 1, e: int = 4) -> Draft:
    y = conv(at / "cv2", conv(at / "cv1", x, c2), c2, 3, s, 1)
    y = conv(at / "cv3", y, e * c2, act=False)
    if s != 1 or x.shape[0] != e * c2:
        x = conv(at / "shortcut.0", x, e * c2, 1, s, act=False)
    return (at / "relu").activation(at.add(y, x), "nn.ReLU()")


def residuals(at: At, x: Draft, c1: int, c2: int, s: int = 1, is_first: bool = False, n: int = 1, e: int = 4) -> Draft:
    """The stem of a ResNet, or a stage of bottlenecks; its channels are those of the row whatever the width."""
    if is_first:
        y = conv(at / "layer.0", x, c2, 7, 2, 3)
        return (at / "layer.1").max_pool(y, 3, 2, 1)
    for place in range(n):
        x = _residual(at / "layer" / place, x, c2, s if place == 0 else 1, e)
    return x


MODULES = {
    "HGStem": KnownModule(stem),
    "HGBlock": KnownModule(stage, repeats=3),
    "ResNetLayer": KnownModule(residuals),
}
