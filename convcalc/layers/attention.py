"""Multi-head self-attention over tokens: the last axis holds a token's features, the one before it the tokens.

Example:
    input: [16, 64]
    layers:
      - attention: 4
    # output 16x64, params 16640, macs 294912

For L tokens of E features: four products with E x E weights (query, key, value, output), 4·L·E·E MACs, and for every
pair of tokens a product of query and key and one with the value, 2·L·L·E, whatever the heads. Per head and
pair there are four element-wise operations: the scaling, and softmax's exponential, sum and division. Axes
before the tokens are so many attentions beside each other. Each output sees all tokens.

Source: Vaswani et al. 2017; PyTorch nn.MultiheadAttention with query, key and value the same (its weights and names).
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Channels, Flag
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted, Weights
from convcalc.layers._cases import draw_flag, draw_shape
from convcalc.layers._checks import divides
from convcalc.layers._onnx import shaped


class Attention(Kind, frozen=True, kw_only=True):
    mixes_channels = True

    num_heads: Annotated[int, Channels("parts the features are split into, each attending alone", minimum=1)]
    bias: Annotated[bool, Flag("learned numbers added to query, key, value and output")] = True

    def checks(self, x: Shape) -> Iterator[Check]:
        yield Check(len(x) > 1, "CC011", "", _no_tokens, (x,))
        yield divides(self.num_heads, x[-1], "num_heads", "features")

    def weights(self, x: Shape) -> Weights:
        features = x[-1]
        into = {"in_proj_weight": (3 * features, features), "in_proj_bias": (3 * features,)}
        out_of = {"out_proj.weight": (features, features), "out_proj.bias": (features,)}
        return {name: shape for name, shape in (into | out_of).items() if self.bias or name.endswith("weight")}

    def macs(self, x: Shape) -> int:
        *before, tokens, features = x
        projections, pairs = 4 * tokens * features * features, 2 * tokens * tokens * features
        return product((*before, projections + pairs))

    def activation_macs(self, x: Shape) -> int:
        *before, tokens, features = x
        return product((*before, 2 * tokens * tokens * features))

    def elementwise_ops(self, x: Shape) -> int:
        *before, tokens, features = x
        softmax_and_scaling = 4 * self.num_heads * tokens * tokens
        added = 4 * tokens * features if self.bias else 0
        return product((*before, softmax_and_scaling + added))

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Query, key, value and the shares of softmax; for the weights the input and what was attended to."""
        *before, tokens, features = x
        pairs, attended = self.num_heads * tokens * tokens, wanted.weights * tokens * features
        numbers = product((*before, 3 * tokens * features + pairs + attended))
        return Kept(inputs=(0,) if wanted.weights else (), numbers=numbers).if_(wanted.anything)

    def gradient_macs(self, wanted: Wanted, x: Shape) -> tuple[int, int]:
        """Through the output's projection and twice each product of pairs, to the input through what projects it."""
        *before, tokens, features = x
        projection, pairs = tokens * features * features, 2 * tokens * tokens * features
        passing = (projection + 2 * pairs) * wanted.anything + 3 * projection * wanted.of_inputs
        return product((*before, passing)), product((*before, 4 * projection)) * wanted.weights

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        last = len(inputs[0]) - 1
        return fields[0].whole([last - 1, last])

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        *before, tokens, features = shapes[0]
        leading = len(before) + 1
        projected = self._projected(graph, inputs[0], "in_proj_weight", "in_proj_bias")
        heads = shaped(graph, projected, [*before, tokens, 3, self.num_heads, features // self.num_heads])
        places = [*range(leading), leading + 1, leading + 2, leading, leading + 3]
        apart = graph.node("Transpose", heads, perm=places)  # [..., 3, heads, tokens, features of a head]
        query, key, value = (graph.node("Gather", apart, graph.constant(part), axis=leading) for part in range(3))
        turned = graph.node("Transpose", key, perm=[*range(leading + 1), leading + 2, leading + 1])
        scale = graph.constant((features // self.num_heads) ** -0.5)
        scores = graph.node("MatMul", graph.node("Mul", query, scale), turned)
        attended = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), value)
        beside = graph.node("Transpose", attended, perm=[*range(leading), leading + 1, leading, leading + 2])
        return self._projected(graph, shaped(graph, beside, shapes[0]), "out_proj.weight", "out_proj.bias")

    def _projected(self, graph: OnnxGraph, x: str, weight: str, bias: str) -> str:
        y = graph.node("MatMul", x, graph.node("Transpose", graph.weight(weight), perm=[1, 0]))
        return graph.node("Add", y, graph.weight(bias)) if self.bias else y

    def summary(self) -> str:
        return f"{self.num_heads} heads"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        heads = draw.randint(1, 4)
        x = draw_shape(draw, least_rank=1)
        return cls(num_heads=heads, bias=draw_flag(draw)), ((*x[:-1], heads * x[-1]),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, features = engine.numpy, x.shape[-1]
        into = engine.fitting(weights["in_proj_weight"], (3 * features, features))
        out_of = engine.fitting(weights["out_proj.weight"], (features, features))
        projected = engine.matmul(x, into.T)
        if fields.bias:
            projected = engine.elementwise(np.add, projected, engine.fitting(weights["in_proj_bias"], (3 * features,)))
        parts = projected.reshape(*x.shape[:-1], 3, fields.num_heads, -1)
        query, key, value = (parts[..., part, :, :].swapaxes(-2, -3) for part in range(3))
        factor = query.shape[-1] ** -0.5
        scores = engine.chained([np.multiply], engine.matmul(query, key.swapaxes(-1, -2)), factor)
        attended = engine.matmul(engine.softmax(scores, -1), value).swapaxes(-2, -3)
        y = engine.matmul(attended.reshape(x.shape), out_of.T)
        if not fields.bias:
            return y
        return engine.elementwise(np.add, y, engine.fitting(weights["out_proj.bias"], (features,)))


def _no_tokens(x: Shape) -> str:
    legal = "[tokens, features], with any axes before"
    return f"needs an axis of tokens and one of features, found a tensor of shape {list(x)}; legal here: {legal}"
