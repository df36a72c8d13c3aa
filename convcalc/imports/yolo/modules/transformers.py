"""Transformers over the positions of a map: C3TR of yolov5, the encoder of RT-DETR."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.bottlenecks import three
from convcalc.imports.yolo.modules.convolutions import conv
from convcalc.imports.yolo.place import At


def attended(at: At, query: Draft, key: Draft, value: Draft, heads: int) -> Draft:
    """Multi-head attention with projections of its own, whose heads are parts of the features."""
    features = query.shape[-1]
    if features % heads:
        raise Inexpressible(f"{features} features in {heads} heads")
    parts = [
        at.permute(at.reshape((at / name).linear(x, features), x.shape[0], heads, -1), 1, 0, 2)
        for name, x in (("q_proj", query), ("k_proj", key), ("v_proj", value))
    ]
    seen = at.layer("scaled_dot_product_attention", {}, *parts)
    return (at / "out_proj").linear(at.reshape(at.permute(seen, 1, 0, 2), -1, features), features)


def normalised(at: At, x: Draft) -> Draft:
    """Layer norm over the features."""
    return at.layer("layer_norm", {}, x)


def encoder(
    at: At,
    x: Draft,
    cm: int = 2048,
    num_heads: int = 8,
    dropout: float = 0,
    act: str | None = None,
    normalize_before: bool = False,
) -> Draft:
    """A layer of a transformer; sines of the places, which are made where it runs, are left out."""
    channels, *size = x.shape
    tokens = at.tokens(x)
    y = normalised(at / "norm1", tokens) if normalize_before else tokens
    y = at.add(tokens, attended(at / "ma", y, y, y, num_heads))
    if not normalize_before:
        y = normalised(at / "norm1", y)
    inner = normalised(at / "norm2", y) if normalize_before else y
    inner = (at / "act").activation((at / "fc1").linear(inner, cm), act or "nn.GELU()")
    y = at.add(y, (at / "fc2").linear(inner, channels))
    if not normalize_before:
        y = normalised(at / "norm2", y)
    return at.reshape(at.permute(y, 1, 0), channels, *size)


def block(at: At, x: Draft, c2: int, num_heads: int, num_layers: int) -> Draft:
    """Layers without norms, as yolov5 has them."""
    if x.shape[0] != c2:
        x = conv(at / "conv", x, c2)
    size = x.shape[1:]
    y = at.tokens(x)
    y = at.add(y, (at / "linear").linear(y, c2))
    for place in range(num_layers):
        layer = at / "tr" / place
        query, key, value = ((layer / name).linear(y, c2, bias=False) for name in "qkv")
        y = layer.add(attended(layer / "ma", query, key, value, num_heads), y)
        inner = (layer / "fc1").linear(y, c2, bias=False)
        y = layer.add((layer / "fc2").linear(inner, c2, bias=False), y)
    return at.reshape(at.permute(y, 1, 0), c2, *size)


def _c3_tr(at: At, x: Draft, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5) -> Draft:
    return three(at, x, c2, e, lambda at, y: block(at, y, y.shape[0], 4, n))


MODULES = {
    "AIFI": KnownModule(encoder),
    "C3TR": KnownModule(_c3_tr, scaled=True, repeats=1),
}
