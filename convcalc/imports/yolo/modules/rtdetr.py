"""The decoder of RT-DETR: queries chosen among all positions, and boxes that every layer corrects."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.yolo.modules import KnownModule
from convcalc.imports.yolo.modules.heads import chosen
from convcalc.imports.yolo.modules.transformers import attended, normalised
from convcalc.imports.yolo.place import At


def perceptron(at: At, x: Draft, sizes: Sequence[int]) -> Draft:
    """Linear layers with ReLU between them."""
    for place, size in enumerate(sizes):
        x = at.layer("relu", {}, x) if place else x
        x = (at / "layers" / place).linear(x, size)
    return x


def logit(at: At, x: Draft) -> Draft:
    """What the sigmoid makes x of."""
    odds = at.layer("div", {}, x, at.affine(x, -1, 1))
    return at.layer("elementwise", {"operation": "log"}, odds)


def sampled(at: At, query: Draft, tokens: Draft, box: Draft, sizes: Sequence[Sequence[int]], nh: int, np: int) -> Draft:
    """Attention that reads each map at a few places near the box of a query, for every head at its own."""
    count, features = query.shape
    levels = len(sizes)
    values = at.permute((at / "value_proj").linear(tokens, features), 1, 0)
    offsets = at.reshape((at / "sampling_offsets").linear(query, nh * levels * np * 2), count, nh * levels, np, 2)
    weights = at.reshape((at / "attention_weights").linear(query, nh * levels * np), count, nh, levels * np)
    weights = at.layer("softmax", {"axis": 2}, weights)
    centre, size = (at.reshape(part, count, 1, 1, 2) for part in at.parts(box, (2, 2), 1))
    places = at.affine(at.add(at.mul(offsets, at.affine(size, 0.5 / np)), centre), 2, -1)
    grids = [at.reshape(part, count, np, 2) for part in at.parts(places, [1] * nh * levels, 1)]
    positions = [height * width for height, width in sizes]
    maps = [at.reshape(part, features, *size) for part, size in zip(at.parts(values, positions, 1), sizes, strict=True)]
    by_level = [at.parts(one_map, [features // nh] * nh) for one_map in maps]
    seen = []
    for head, weight in enumerate(at.parts(weights, [1] * nh, 1)):
        read = [
            at.layer("grid_sample", {}, by_level[level][head], grids[head * levels + level]) for level in range(levels)
        ]
        weighed = at.mul(at.concat(read, 2), at.reshape(weight, 1, count, levels * np))
        seen.append(at.layer("reduce", {"axes": (2,), "operation": "sum"}, weighed))
    return (at / "output_proj").linear(at.permute(at.concat(seen), 1, 0), features)


def decoder(
    at: At,
    xs: list[Draft],
    nc: int = 80,
    hd: int = 256,
    nq: int = 300,
    ndp: int = 4,
    nh: int = 8,
    ndl: int = 6,
    d_ffn: int = 1024,
    dropout: float = 0.0,
    act: None = None,
    eval_idx: int = -1,
    nd: int = 100,
    label_noise_ratio: float = 0.5,
    box_noise_scale: float = 1.0,
    learnt_init_query: bool = False,
) -> Draft:
    """What needs no suppression of boxes; the classes that layers before the last would say are for training alone."""
    last = eval_idx % ndl if ndl else -1
    if min(hd, nq, ndp, nh, ndl) < 1 or hd % nh or not xs:
        raise Inexpressible(f"a decoder of {ndl} layers with {hd} features in {nh} heads")
    tokens, sizes = _tokens(at, xs, hd)
    features = normalised(at / "enc_output.1", (at / "enc_output.0").linear(tokens, hd))
    scores = (at / "enc_score_head").linear(features, nc)
    count = min(nq, tokens.shape[0])
    best = at.layer("top_k", {"k": count}, at.layer("reduce", {"axes": (1,), "operation": "max"}, scores))
    y = at.layer("gather", {}, features, best)
    box = at.activation(perceptron(at / "enc_bbox_head", y, (hd, hd, 4)), "nn.Sigmoid()")
    if learnt_init_query:
        y = (at / "tgt_embed").layer("parameter", {"sizes": (count, hd)}, y)
    for place in range(last + 1):
        layer = at / "decoder.layers" / place
        where = perceptron(at / "query_pos_head", box, (2 * hd, hd))
        asking = layer.add(y, where)
        y = normalised(layer / "norm1", layer.add(y, attended(layer / "self_attn", asking, asking, y, nh)))
        cross = sampled(layer / "cross_attn", layer.add(y, where), tokens, box, sizes, nh, ndp)
        y = normalised(layer / "norm2", layer.add(y, cross))
        inner = layer.layer("relu", {}, (layer / "linear1").linear(y, d_ffn))
        y = normalised(layer / "norm3", layer.add(y, (layer / "linear2").linear(inner, hd)))
        moved = perceptron(at / "dec_bbox_head" / place, y, (hd, hd, 4))
        box = at.activation(at.add(moved, logit(at, box)), "nn.Sigmoid()")
    classes = at.activation((at / "dec_score_head" / last).linear(y, nc), "nn.Sigmoid()")
    at.model.left_out(at, nc * hd + (ndl - 1) * nc * (hd + 1))
    return chosen(at, [box], classes, count)


def _tokens(at: At, xs: Sequence[Draft], features: int) -> tuple[Draft, list[Sequence[int]]]:
    """The positions of all maps, and the sizes of these."""
    tokens = []
    for place, x in enumerate(xs):
        projected = at / "input_proj" / place
        tokens.append(at.tokens((projected / 1).norm((projected / 0).conv(x, features, bias=False))))
    return at.concat(tokens), [x.shape[1:] for x in xs]


MODULES = {"RTDETRDecoder": KnownModule(decoder)}
