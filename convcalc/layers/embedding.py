"""Embedding: a learned vector for each word, or whatever else the indices that enter stand for.

Example:
    input: [32]
    layers:
      - embedding: {num_embeddings: 5000, embedding_dim: 64}
    # output 32x64, params 320000, macs 0

The vectors are read and nothing is computed, so that it has parameters and no MACs. The vector is an axis behind those
of the indices. An index is a whole number from 0, negative ones count from the end.

Source: PyTorch nn.Embedding; ONNX Gather of a table that was learned.
"""

import random
from math import prod
from typing import Annotated, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Channels, Whole
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted, Weights
from convcalc.layers._cases import draw_shape
from convcalc.layers._indices import CHOOSES, places
from convcalc.layers._kept import PLACE
from convcalc.layers._onnx import held


class Embedding(Kind, frozen=True, kw_only=True):
    without_gradient: ClassVar[dict[int, str]] = {0: CHOOSES}
    num_embeddings: Annotated[int, Whole("vectors that there are", minimum=1)]
    embedding_dim: Annotated[int, Channels("numbers of a vector", minimum=1)]

    def shape(self, x: Shape) -> Shape:
        return (*x, self.embedding_dim)

    def weights(self, x: Shape) -> Weights:
        return {"weight": (self.num_embeddings, self.embedding_dim)}

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """For the gradient of the table the indices, eight bytes each."""
        return Kept(bytes=PLACE * product(x) if wanted.weights else 0)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0].carrying((*fields[0].carries, ()))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_of_its_index)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Gather", graph.weight("weight"), held(graph, inputs[0], [self.num_embeddings]), axis=0)

    def summary(self) -> str:
        return f"{self.num_embeddings} x {self.embedding_dim}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        most = min(prod(x), 6)  # so that each of them can be read
        return cls(num_embeddings=draw.randint(1, most), embedding_dim=draw.randint(1, 5)), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        table = engine.fitting(weights["weight"], (fields.num_embeddings, fields.embedding_dim))
        return table[engine.aside(lambda x: places(engine, x, fields.num_embeddings), x)]


def _of_its_index(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """Every element as its index."""
    return x[..., None].repeat(fields.embedding_dim, -1)
