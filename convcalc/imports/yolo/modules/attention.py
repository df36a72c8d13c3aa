"""Attention over the positions of a map, by convolutions: PSA of yolov10 and 11, areas of yolo12."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.bottlenecks import bottleneck, c3k, collected, in_a_row
from convcalc.imports.yolo.modules.convolutions import conv
from convcalc.imports.yolo.place import At


def attention(at: At, x: Draft, heads: int, ratio: float = 0.5) -> Draft:
    """Keys have fewer features than values, to which a depthwise convolution adds their places."""
    channels, *size = x.shape
    features = channels // heads
    keys = int(features * ratio)
    qkv = conv(at / "qkv", x, channels + 2 * keys * heads, act=False)
    query, key, value = at.parts(at.reshape(qkv, heads, 2 * keys + features, -1), (keys, keys, features), 1)
    seen = at.layer("scaled_dot_product_attention", {}, *(at.permute(part, 0, 2, 1) for part in (query, key, value)))
    seen = at.reshape(at.permute(seen, 0, 2, 1), channels, *size)
    places = conv(at / "pe", at.reshape(value, channels, *size), channels, 3, g=channels, act=False)
    return conv(at / "proj", at.add(seen, places), channels, act=False)


def _psa_block(at: At, x: Draft, heads: int, ratio: float = 0.5) -> Draft:
    channels = x.shape[0]
    x = at.add(x, attention(at / "attn", x, heads, ratio))
    return at.add(x, conv(at / "ffn.1", conv(at / "ffn.0", x, 2 * channels), channels, act=False))


def c2_psa(at: At, x: Draft, c2: int, n: int = 1, e: float = 0.5) -> Draft:
    """Half of the channels go through attention; as many leave as entered."""
    hidden = int(x.shape[0] * e)
    first, second = at.halves(conv(at / "cv1", x, 2 * hidden))
    second = in_a_row(at / "m", second, n, lambda at, y: _psa_block(at, y, max(hidden // 64, 1)))
    return conv(at / "cv2", at.concat([first, second]), x.shape[0])


def _psa(at: At, x: Draft, c2: int, e: float = 0.5) -> Draft:
    hidden = int(x.shape[0] * e)
    first, second = at.halves(conv(at / "cv1", x, 2 * hidden))
    second = _psa_block(at, second, max(hidden // 64, 1))
    return conv(at / "cv2", at.concat([first, second]), x.shape[0])


def _c2f_psa(at: At, x: Draft, c2: int, n: int = 1, e: float = 0.5) -> Draft:
    return collected(at, x, c2, n, e, lambda at, y: _psa_block(at, y, max(y.shape[0] // 64, 1)))


def c3k2(
    at: At,
    x: Draft,
    c2: int,
    n: int = 1,
    c3k_: bool = False,
    e: float = 0.5,
    attn: bool = False,
    g: int = 1,
    shortcut: bool = True,
) -> Draft:
    """C2f of bottlenecks, of whole C3k, or of bottlenecks with attention."""
    at.model.modern = True
    is_whole = c3k_ or at.model.scale in {"m", "l", "x"}

    def inner(at: At, y: Draft) -> Draft:
        channels = y.shape[0]
        if attn:
            y = bottleneck(at / 0, y, channels, shortcut, g)
            return _psa_block(at / 1, y, max(channels // 64, 1))
        return c3k(at, y, channels, 2, shortcut, g) if is_whole else bottleneck(at, y, channels, shortcut, g)

    return collected(at, x, c2, n, e, inner)


def area_attention(at: At, x: Draft, heads: int, area: int) -> Draft:
    """Positions see those of their own area, one of so many equal parts of the map."""
    channels, *size = x.shape
    features = channels // heads
    qkv = at.tokens(conv(at / "qkv", x, 3 * features * heads, act=False))
    count = qkv.shape[0] // area
    groups = at.permute(at.reshape(qkv, area, count, heads, 3 * features), 0, 2, 1, 3)
    query, key, value = at.parts(at.reshape(groups, area * heads, count, 3 * features), [features] * 3, 2)
    seen = at.layer("scaled_dot_product_attention", {}, query, key, value)

    def as_map(y: Draft) -> Draft:
        y = at.permute(at.reshape(y, area, heads, count, features), 1, 3, 0, 2)
        return at.reshape(y, heads * features, *size)

    places = conv(at / "pe", as_map(value), channels, 7, 1, 3, channels, act=False)
    return conv(at / "proj", at.add(as_map(seen), places), channels, act=False)


def _area_block(at: At, x: Draft, heads: int, ratio: float, area: int) -> Draft:
    channels = x.shape[0]
    x = at.add(x, area_attention(at / "attn", x, heads, area))
    y = conv(at / "mlp.0", x, int(channels * ratio))
    return at.add(x, conv(at / "mlp.1", y, channels, act=False))


def a2c2f(
    at: At,
    x: Draft,
    c2: int,
    n: int = 1,
    a2: bool = True,
    area: int = 1,
    residual: bool = False,
    mlp_ratio: float = 2.0,
    e: float = 0.5,
    g: int = 1,
    shortcut: bool = True,
) -> Draft:
    """Blocks of attention within areas, or C3k; the largest scales add what entered."""
    at.model.modern = True
    if at.model.scale in {"l", "x"}:
        residual, mlp_ratio = True, 1.2
    hidden = int(c2 * e)

    def inner(at: At, y: Draft) -> Draft:
        if not a2:
            return c3k(at, y, hidden, 2, shortcut, g)
        return in_a_row(at, y, 2, lambda at, y: _area_block(at, y, hidden // 32, mlp_ratio, area))

    parts = [conv(at / "cv1", x, hidden)]
    for place in range(n):
        parts.append(inner(at / "m" / place, parts[-1]))
    y = conv(at / "cv2", at.concat(parts), c2)
    return at.add(x, at.layer("scale", {}, y)) if a2 and residual else y


MODULES = {
    "A2C2f": KnownModule(a2c2f, scaled=True, repeats=1),
    "C2PSA": KnownModule(c2_psa, scaled=True, repeats=1),
    "C2fPSA": KnownModule(_c2f_psa, scaled=True, repeats=1),
    "C3k2": KnownModule(c3k2, scaled=True, repeats=1),
    "PSA": KnownModule(_psa, scaled=True),
}
