"""A convolution with its norm and activation, and what is little more than one."""

from __future__ import annotations

from math import gcd
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.place import Act, At

Kernel = int | list[int]


def padded(k: Any, d: int = 1) -> Any:
    """The padding that keeps a map's size at stride 1 for an odd kernel."""
    return [(d * (size - 1) + 1) // 2 for size in k] if isinstance(k, list | tuple) else (d * (k - 1) + 1) // 2


def conv(
    at: At,
    x: Draft,
    c2: int,
    k: Kernel = 1,
    s: Kernel = 1,
    p: Kernel | None = None,
    g: int = 1,
    d: int | Act = 1,
    act: Act = True,
) -> Draft:
    """Convolution without a bias, batch norm, activation; programs without dilation have the activation before it."""
    dilation = 1
    if isinstance(d, int) and not isinstance(d, bool):
        dilation = d
    else:
        act = d
    padding = padded(k, dilation) if p is None else p
    y = (at / "conv").conv(x, c2, k, s, padding, g, dilation=dilation, bias=False)
    return (at / "act").act((at / "bn").norm(y), act)


def depthwise(at: At, x: Draft, c2: int, k: Kernel = 1, s: Kernel = 1, d: int | Act = 1, act: Act = True) -> Draft:
    """A convolution in as many groups as both numbers of channels allow."""
    return conv(at, x, c2, k, s, None, gcd(x.shape[0], c2), d, act)


def focus(
    at: At, x: Draft, c2: int, k: Kernel = 1, s: Kernel = 1, p: Kernel | None = None, g: int = 1, act: Act = True
) -> Draft:
    """Every second position into the channels, then a convolution; the order of these channels is of no account."""
    y = at.layer("pixel_unshuffle", {"downscale_factor": 2}, x)
    return conv(at / "conv", y, c2, k, s, p, g, 1, act)


def light(at: At, x: Draft, c2: int, k: int = 1, act: Act = "nn.ReLU()") -> Draft:
    """A 1x1 convolution, then a depthwise one with an activation."""
    y = conv(at / "conv1", x, c2, act=False)
    return relu_conv(at / "conv2", y, c2, k, g=c2, act=act)


def relu_conv(
    at: At, x: Draft, c2: int, k: Kernel = 1, s: int = 1, p: Kernel | None = None, g: int = 1, act: Act = "nn.ReLU()"
) -> Draft:
    """As `conv`, with an activation of its own, whatever that of the model is."""
    y = (at / "conv").conv(x, c2, k, s, padded(k) if p is None else p, g, bias=False)
    y = (at / "bn").norm(y)
    return (at / "act").activation(y, act) if isinstance(act, str) else y


def _transposed(
    at: At, x: Draft, c2: int, k: int = 2, s: int = 2, p: int = 0, bn: bool = True, act: Act = True
) -> Draft:
    fields = {"out_channels": c2, "kernel_size": k, "stride": s, "padding": p, "bias": not bn}
    y = (at / "conv_transpose").layer("conv_transpose", fields, x)
    return (at / "act").act((at / "bn").norm(y) if bn else y, act)


def ghost(at: At, x: Draft, c2: int, k: int = 1, s: int = 1, g: int = 1, act: Act = True) -> Draft:
    """Half of the channels by a convolution, the other half by depthwise ones of these."""
    half = c2 // 2
    y = conv(at / "cv1", x, half, k, s, None, g, act=act)
    return at.concat([y, conv(at / "cv2", y, half, 5, 1, None, half, act=act)])


def ghost_bottleneck(at: At, x: Draft, c2: int, k: int = 3, s: int = 1) -> Draft:
    """Two ghost convolutions, and with a stride of 2 a depthwise one between them."""
    half = c2 // 2
    y = ghost(at / "conv.0", x, half)
    if s == 2:
        y = depthwise(at / "conv.1", y, half, k, s, act=False)
    y = ghost(at / "conv.2", y, c2, act=False)
    if s != 2:
        return at.add(y, x)
    shortcut = depthwise(at / "shortcut.0", x, x.shape[0], k, s, act=False)
    return at.add(y, conv(at / "shortcut.1", shortcut, c2, act=False))


def reparameterised(
    at: At,
    x: Draft,
    c2: int,
    k: int = 3,
    s: int = 1,
    p: int = 1,
    g: int = 1,
    d: int = 1,
    act: Act = True,
    bn: bool = False,
) -> Draft:
    """A 3x3 and a 1x1 convolution beside each other, as they are before they are made one."""
    y = [
        conv(at / "conv1", x, c2, k, s, p, g, act=False),
        conv(at / "conv2", x, c2, 1, s, p - k // 2, g, act=False),
    ]
    if bn and c2 == x.shape[0] and s == 1:
        y.append((at / "bn").norm(x))
    return (at / "act").act(at.add(*y), act)


def _rep_row(
    at: At,
    x: Draft,
    c1: int,
    c2: int,
    k: int = 3,
    s: int = 1,
    p: int = 1,
    g: int = 1,
    d: int = 1,
    act: Act = True,
    bn: bool = False,
) -> Draft:
    """As ultralytics has it in a row, which says the channels that enter too."""
    if c1 != x.shape[0]:
        raise Inexpressible(f"made for {c1} channels, where {x.shape[0]} enter")
    return reparameterised(at, x, c2, k, s, p, g, d, act, bn)


def _rep_vgg(
    at: At, x: Draft, c2: int, k: int = 3, s: int = 1, p: int | None = None, g: int = 1, act: Act = True
) -> Draft:
    """yolov7's: beside the two convolutions a norm of what enters, where it has the size of what leaves."""
    padding = padded(k) if p is None else p
    beside = [
        (at / name / 1).norm((at / name / 0).conv(x, c2, size, s, inner, g, bias=False))
        for name, size, inner in (("rbr_dense", k, padding), ("rbr_1x1", 1, padding - k // 2))
    ]
    if c2 == x.shape[0] and s == 1:
        beside.append((at / "rbr_identity").norm(x))
    return (at / "act").act(at.add(*beside), act)


def downsampling(at: At, x: Draft, c2: int, k: int, s: int) -> Draft:
    """Channels first, then positions."""
    y = conv(at / "cv1", x, c2)
    return conv(at / "cv2", y, c2, k, s, None, c2, act=False)


def _average_down(at: At, x: Draft, c2: int) -> Draft:
    y = at.layer("avg_pool", {"kernel_size": 2, "stride": 1}, x)
    return conv(at / "cv1", y, c2, 3, 2, 1)


def two_ways_down(at: At, x: Draft, c2: int) -> Draft:
    """Half of the channels by a strided convolution, the other half by a pool."""
    first, second = at.halves(at.layer("avg_pool", {"kernel_size": 2, "stride": 1}, x))
    pooled = at.max_pool(second, 3, 2, 1)
    return at.concat([conv(at / "cv1", first, c2 // 2, 3, 2, 1), conv(at / "cv2", pooled, c2 // 2)])


def crossed(
    at: At,
    x: Draft,
    c2: int,
    k: int = 3,
    s: int = 1,
    g: int = 1,
    e: float = 1.0,
    shortcut: bool = False,
) -> Draft:
    """1 x k, then k x 1."""
    y = conv(at / "cv1", x, int(c2 * e), [1, k], [1, s])
    y = conv(at / "cv2", y, c2, [k, 1], [s, 1], None, g)
    return at.add(x, y) if shortcut and x.shape[0] == c2 else y


MODULES = {
    "Conv": KnownModule(conv, scaled=True),
    "DWConv": KnownModule(depthwise, scaled=True),
    "ConvTranspose": KnownModule(_transposed, scaled=True),
    "Focus": KnownModule(focus, scaled=True),
    "GhostConv": KnownModule(ghost, scaled=True),
    "GhostBottleneck": KnownModule(ghost_bottleneck, scaled=True),
    "RepConv": KnownModule(_rep_row),
    "SCDown": KnownModule(downsampling, scaled=True),
    "AConv": KnownModule(_average_down, scaled=True),
    "ADown": KnownModule(two_ways_down, scaled=True),
    "CrossConv": KnownModule(crossed, scaled=True),
}
ANCHORED = {"RepConv": KnownModule(_rep_vgg, scaled=True)}
