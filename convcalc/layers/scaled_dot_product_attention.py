"""Scaled dot-product attention of query, key and value that are projected elsewhere, with nothing learned of its own.

Example:
    inputs: {query: [8, 16, 64], key: [2, 20, 64], value: [2, 20, 32]}
    layers:
      - scaled_dot_product_attention: {from: [query, key, value]}
    # output 8x16x32, params 0, macs 245760

The last two axes are tokens and features, the one before them the heads. Query may have so many times the heads of key
and value, which consecutive ones share. For every head and every pair of a query and a key there are as many MACs as
query and value have features, and softmax's exponential, sum and division; one operation for a `scale` that is not 1,
three for a `softcap` (which divides, takes tanh and multiplies), and one that adds what is masked: a fourth input,
`is_causal` and windows make one mask together. A masked pair costs what others do: the products are worked out before
the mask is added, so that a local window saves nothing, as ONNX's Attention is defined and ONNX Runtime works it out.

The mask is a tensor of numbers that are added, one a pair, or 1 on an axis along which it is repeated. With
`is_causal` a query sees the keys up to its own place; with `left_window` and `right_window` those up to so many before
and behind it. `offset` is the place of the first query: the keys that were there before. Each output sees all tokens.

Source: Vaswani et al. 2017; Ainslie et al. 2023 (heads that are shared); Beltagy et al. 2020 (windows); PyTorch
torch.nn.functional.scaled_dot_product_attention; ONNX Attention (opset 25), whose places are counted so.
"""

import random
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, ClassVar

from msgspec.structs import replace

from convcalc import steps
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Flag, Real, Whole, optional
from convcalc.layers import (
    Array,
    Arrays,
    Check,
    Engine,
    Fields,
    Kept,
    Kind,
    NoOnnxForm,
    OnnxGraph,
    Shape,
    StandIn,
    Wanted,
)
from convcalc.layers._cases import draw_axes, draw_flag
from convcalc.layers._kept import PLACE
from convcalc.layers._merges import matrices_met, repeated_along
from convcalc.layers._onnx import shaped

WITH_ATTENTION = 23
"""The first opset of ONNX with an operator for it."""

_PLACES_A_STEP = 60


class ScaledDotProductAttention(Kind, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (3, 4)

    scale: Annotated[float, Real("what scores are multiplied by; 0: 1 / sqrt(features)")] = 0.0
    softcap: Annotated[float, Real("scores are held within so much by tanh; 0: they are not", minimum=0)] = 0.0
    is_causal: Annotated[bool, Flag("a query sees no key behind its own place")] = False
    left_window: Annotated[int | None, optional(Whole("keys seen before a query's place; null: all"))] = None
    right_window: Annotated[int | None, optional(Whole("keys seen behind a query's place; null: all"))] = None
    offset: Annotated[int, Whole("the place of the first query among the keys")] = 0

    def checks(self, query: Shape, key: Shape, value: Shape, mask: Shape | None = None) -> Iterator[Check]:
        given = (query, key, value)
        ranks = (len(query) > 1) & (len(query) == len(key)) & (len(query) == len(value))
        yield Check(ranks, "CC103", "", _no_tokens, given)
        if len(query) < 2 or not len(query) == len(key) == len(value):
            return
        yield Check(query[-1] == key[-1], "CC103", "", _unlike, ("features of query and key", query[-1], key[-1]))
        for first, second in zip(key[:-1], value[:-1], strict=True):
            yield Check(first == second, "CC103", "", _unlike, ("heads or tokens of key and value", first, second))
        for axis, (own, other) in enumerate(zip(query[:-2], key[:-2], strict=True)):
            shared = own % other == 0 if axis == len(query) - 3 else own == other
            yield Check(shared | (other == 1), "CC103", "", _no_share, (axis, own, other))
        if self.left_window is not None:
            sees = self.offset + query[-2] - 1 - self.left_window < key[-2]
            yield Check(sees, "CC011", "left_window", _sees_nothing, (self.left_window, self.offset, query, key))
        if mask is not None:
            pairs = (*query[:-1], key[-2])
            yield Check(len(mask) == len(pairs), "CC103", "", _no_mask, (mask, pairs))
            for size, wanted in zip(mask, pairs, strict=False):
                yield Check((size == wanted) | (size == 1), "CC103", "", _no_mask, (mask, pairs))

    def shape(self, query: Shape, key: Shape, value: Shape, mask: Shape | None = None) -> Shape:
        return (*query[:-1], value[-1])

    def macs(self, query: Shape, key: Shape, value: Shape, mask: Shape | None = None) -> int:
        return product(query[:-1]) * key[-2] * (query[-1] + value[-1])

    def _is_placed(self) -> bool:
        """Whether places decide what is seen."""
        return self.is_causal or self.left_window is not None or self.right_window is not None

    def elementwise_ops(self, query: Shape, key: Shape, value: Shape, mask: Shape | None = None) -> int:
        is_masked = mask is not None or self._is_placed()
        of_pair = 3 + (self.scale != 1) + 3 * (self.softcap != 0) + is_masked
        return of_pair * product(query[:-1]) * key[-2]

    def kept(self, wanted: Wanted, query: Shape, key: Shape, value: Shape, *masks: Shape) -> Kept:
        """Query, key and value; scores before softcap and before the mask, and the shares of softmax; a mask.

        Heads that are shared are copied for those that share them.
        """
        of_query, of_key, of_value, *of_mask = wanted.inputs
        of_products, of_scores = of_query or of_key, of_query or of_key or True in of_mask
        is_masked = len(masks) > 0 or self._is_placed()
        times = (self.softcap != 0) * of_products + is_masked * of_scores + (of_scores or of_value)
        rows, keys = product(query[:-1]), key[-2]
        shared = self._shares_heads(query, key)
        copies = (
            query[-3] * product(key[:-3]) * keys * (key[-1] * of_query + value[-1] * of_scores) if len(key) > 2 else 0
        )
        are_all_shared = shared if isinstance(shared, bool) else shared.all()
        is_own = not are_all_shared
        inputs = (0,) * of_key + (1,) * (of_query and is_own) + (2,) * (of_scores and is_own)
        return Kept(
            inputs=inputs + (3,) * (of_scores and len(masks) > 0),
            numbers=rows * keys * times + shared * copies,
            shared_bytes=query[-2] * keys * (is_masked and of_scores)
            + shared * PLACE * (query[-3] * (of_key + of_value) if len(key) > 2 else 0),
        )

    def _shares_heads(self, query: Shape, key: Shape) -> bool:
        """Whether there are fewer heads of key and value than of query."""
        return len(query) > 2 and query[-3] != key[-3]

    def gradient_macs(self, wanted: Wanted, query: Shape, key: Shape, value: Shape, *masks: Shape) -> tuple[int, int]:
        """Through the second product to value and shares, and from these through the first to query and key."""
        *beside, queries, features = query
        pairs = product((*beside, queries, key[-2]))
        of_query, of_key, of_value, *of_mask = wanted.inputs
        of_scores = of_query or of_key or True in of_mask
        return pairs * (value[-1] * (of_value + of_scores) + features * (of_query + of_key)), 0

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        last = len(inputs[0]) - 1
        summed = [[last], [last - 1, last], [last - 1], [last]]
        if last > 1 and inputs[0][last - 2] != inputs[1][last - 2]:
            # Heads that are shared are not at the place of those that share them.
            fields = tuple(field.whole([last - 2]) for field in fields)
            summed = [[last], [last - 2, last - 1, last], [last - 2, last - 1], [last]]
        return matrices_met(fields, inputs, self.shape(*inputs), summed)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        # All tokens are said to be seen; of the single one that the probe leaves, a window might see none.
        seeing = replace(self, is_causal=False, left_window=None, right_window=None, offset=0)
        is_shared = axis == len(inputs[0]) - 3 and inputs[0][axis] != inputs[1][axis]
        if axis is not None and axis < len(inputs[0]) - 2 and {x[axis] for x in inputs} == {1}:
            return StandIn(of=seeing, run=partial(_standing_at_each, axis))
        if axis is None or (axis < len(inputs[0]) - 2 and not is_shared):
            return repeated_along(seeing, axis, inputs)
        return StandIn(of=seeing, run=_seeing_all)  # queries could not meet keys that were lengthened with them

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return self

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        query, key, value, *masks = inputs
        *before, queries, features = shapes[0]
        if self._is_placed():
            masks.append(self._mask_of_places(graph, queries, shapes[1][-2]))
        scale = self.scale or features**-0.5
        if graph.opset >= WITH_ATTENTION and len(before) == 1:
            mask = [graph.node("Add", *masks) if len(masks) > 1 else masks[0]] if masks else []
            return graph.node("Attention", query, key, value, *mask, scale=scale, softcap=self.softcap)
        rank = len(shapes[0]) + 1
        turned = graph.node("Transpose", key, perm=[*range(rank - 2), rank - 1, rank - 2])
        scores = self._met(graph, query, turned, shapes[0], (*shapes[1][:-2], features, shapes[1][-2]))
        if scale != 1:
            scores = graph.node("Mul", scores, graph.constant(scale))
        if self.softcap:
            tanh = graph.node("Tanh", graph.node("Div", scores, graph.constant(self.softcap)))
            scores = graph.node("Mul", tanh, graph.constant(self.softcap))
        if masks:
            scores = graph.node("Add", scores, graph.node("Add", *masks) if len(masks) > 1 else masks[0])
        shares = graph.node("Softmax", scores, axis=rank - 1)
        return self._met(graph, shares, value, (*before, queries, shapes[1][-2]), shapes[2])

    @staticmethod
    def _met(graph: OnnxGraph, x: str, y: str, shape: Shape, other: Shape) -> str:
        """A product with matrices that several heads share."""
        heads, shared = (shape[-3], other[-3]) if len(shape) > 2 else (1, 1)
        if shared in (1, heads):
            return graph.node("MatMul", x, y)
        apart = shaped(graph, x, [*shape[:-3], shared, heads // shared, *shape[-2:]])
        beside = graph.node("Unsqueeze", y, graph.constant([len(other) - 1]))
        return shaped(graph, graph.node("MatMul", apart, beside), [*shape[:-1], other[-1]])

    def _mask_of_places(self, graph: OnnxGraph, queries: int, keys: int) -> str:
        import numpy as np

        if not steps.afford(queries * keys // _PLACES_A_STEP):
            raise NoOnnxForm(f"a mask of {queries} x {keys} places is too large to be written down")
        return graph.constant(np.where(_seen(np, self, queries, keys), 0.0, -np.inf), graph.dtype)

    def summary(self) -> str:
        windows = [f"{window}" if window is not None else "" for window in (self.left_window, self.right_window)]
        window = f"window {windows[0]}:{windows[1]}" if any(windows) else ""
        return ", ".join(filter(None, ["causal" if self.is_causal else "", window]))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        before = draw_axes(draw, draw.choice((0, 1, 1, 1, 2)), 4)
        heads = (*before[:-1], before[-1] * draw.choice((1, 1, 2))) if before else ()
        queries, keys, features, of_value = draw_axes(draw, 4, 6, 2)
        offset = draw.choice((0, 0, max(keys - queries, 0)))
        nearest = max(offset + queries - keys, 0)
        given: dict[str, Any] = {
            "scale": draw.choice((0.0, 0.0, 0.5, 1.0)),
            "softcap": draw.choice((0.0, 0.0, 2.0)),
            "is_causal": draw_flag(draw),
            "left_window": draw.choice((None, nearest, nearest + 1)),
            "right_window": draw.choice((None, 0, 2)),
            "offset": offset,
        }
        shapes = [(*heads, queries, features), (*before, keys, features), (*before, keys, of_value)]
        if draw_flag(draw):
            pairs = (*heads, queries, keys)
            shapes.append(tuple(draw.choice((size, size, 1)) for size in pairs))
        return cls(**given), tuple(shapes)

    @staticmethod
    def reference(
        engine: Engine, fields: Fields, weights: Arrays, query: Array, key: Array, value: Array, *masks: Array
    ) -> Array:
        np = engine.numpy
        if query.ndim > 3 and query.shape[-3] != key.shape[-3]:
            key, value = (np.repeat(array, query.shape[-3] // array.shape[-3], -3) for array in (key, value))
        scores = engine.matmul(query, key.swapaxes(-1, -2))
        factor, cap = fields.scale or query.shape[-1] ** -0.5, fields.softcap
        if fields.scale != 1:
            scores = engine.chained([np.multiply], scores, factor)
        if cap:
            scores = engine.elementwise(np.tanh, engine.chained([np.divide], scores, cap))
            scores = engine.chained([np.multiply], scores, cap)
        if masks or fields.is_causal or (fields.left_window, fields.right_window) != (None, None):
            seen = _seen(np, fields, *scores.shape[-2:])
            scores = engine.elementwise(partial(_masked, np), scores, seen, *masks)
        return engine.matmul(engine.softmax(scores, -1, masked=True).astype(value.dtype), value)


def _masked(np: Any, scores: Array, seen: Array, mask: Array = 0) -> Array:
    return np.where(seen, scores + mask, -np.inf)


def _seen(np: Any, fields: Any, queries: int, keys: int) -> Array:
    """Which keys each query sees by its place."""
    apart = np.arange(keys) - (np.arange(queries)[:, None] + fields.offset)
    right = 0 if fields.is_causal else fields.right_window
    seen = np.ones((queries, keys), bool)
    if fields.left_window is not None:
        seen &= apart >= -fields.left_window
    return seen if right is None else seen & (apart <= right)


def _standing_at_each(axis: int, engine: Engine, fields: Fields, weights: Arrays, *inputs: Array) -> Array:
    """The layer where all have one position on the axis: what does not grow with the others is at each of theirs."""
    count = max(x.shape[axis + 1] for x in inputs)
    alike = [x if x.shape[axis + 1] == count else engine.numpy.repeat(x, count, axis + 1) for x in inputs]
    return type(fields).reference(engine, fields, weights, *alike)


def _seeing_all(engine: Engine, fields: Fields, weights: Arrays, *inputs: Array) -> Array:
    """Every element as the sum of all that enters, of each head where none are shared."""
    query, key, value = inputs[:3]
    axes = (-2, -1) if query.ndim < 4 or query.shape[-3] == key.shape[-3] else (-3, -2, -1)
    total = sum(x.sum(axes, keepdims=True) for x in inputs)
    laid = engine.numpy.zeros((*query.shape[:-1], value.shape[-1]))
    return laid + total


def _no_tokens(query: Shape, key: Shape, value: Shape) -> str:
    return (
        f"query of shape {list(query)}, key of {list(key)} and value of {list(value)}; legal here: three of as many "
        "axes, [heads, tokens, features]"
    )


def _unlike(what: str, first: object, second: object) -> str:
    return f"{what} must be as many, found {first} and {second}"


def _no_share(axis: int, own: int, other: int) -> str:
    return (
        f"query has {own} on axis {axis}, key {other}; legal here: as many, or on the axis of heads a divisor of "
        "query's"
    )


def _sees_nothing(window: int, offset: int, query: Shape, key: Shape) -> str:
    least = offset + query[-2] - key[-2]
    return f"left_window {window} leaves the last of {query[-2]} queries no key of {key[-2]}; legal here: from {least}"


def _no_mask(mask: Shape, pairs: Shape) -> str:
    shapes = f"mask of shape {list(mask)} for scores of shape {list(pairs)}"
    return f"{shapes}; legal here: as many axes, each of the same size or 1"
