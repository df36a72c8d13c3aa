"""A layer with the element-wise layers behind it that run in the same kernel: one layer, as far as costs go."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from msgspec.structs import asdict

from convcalc.layers import Arrays, Engine, Fields, Kind, OnnxGraph, Shape, Weights


class Merged(msgspec.Struct, frozen=True):
    """A layer that runs in the kernel of the one before: `prefix` is what its arrays' names begin with there."""

    prefix: str
    kind: str
    config: Kind


class Kernel(Kind, frozen=True, kw_only=True):
    """What a kernel adds to the kind of its first layer, `head`. `then` are the others, in order; all keep the shape.

    The field `then` stands in the class that is made of both: two bases with fields cannot be one class.
    """

    head: ClassVar[type[Any]]
    is_activation = True
    is_normalisation = is_clamp = is_inert = False
    if TYPE_CHECKING:
        then: tuple[Merged, ...]

    def weights(self, *inputs: Shape) -> Weights:
        own, output = self.head.weights(self, *inputs), self.shape(*inputs)
        behind = [(part.prefix, part.config.weights(output)) for part in self.then]
        return {**own, **{f"{prefix}.{name}": shape for prefix, held in behind for name, shape in held.items()}}

    def macs(self, *inputs: Shape) -> int:
        macs: int = self.first.macs(*inputs)  # which may go through all arrays of the layer, and none of others
        return macs

    def activation_macs(self, *inputs: Shape) -> int:
        macs: int = self.first.activation_macs(*inputs)
        return macs

    def elementwise_ops(self, *inputs: Shape) -> int:
        output = self.shape(*inputs)
        own: int = self.head.elementwise_ops(self, *inputs)
        return own + sum(part.config.elementwise_ops(output) for part in self.then)

    def bounds(self) -> tuple[float, float]:
        return self.then[-1].config.bounds()

    def centres_channels(self, x: Shape) -> bool:
        return False

    def no_op(self, x: Shape) -> str:
        return ""

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return self.first.thin(axis, inputs)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        """The first layer alone: what runs behind it sees the same."""
        return self.first.unbounded(axis, inputs)

    @property
    def first(self) -> Kind:
        """The first layer, without the others."""
        first: Kind = self.head(**{name: value for name, value in asdict(self).items() if name != "then"})
        return first

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        y: str = self.head.onnx(self.first, graph, inputs, shapes)
        output = self.shape(*shapes)
        for part in self.then:
            y = part.config.onnx(_Prefixed(graph, part.prefix), (y,), (output,))
        return y

    def summary(self) -> str:
        return " + ".join([self.head.summary(self), *(part.kind for part in self.then)]).lstrip()


class _Prefixed:
    """A graph that a layer writes into, with its arrays under their names in the kernel."""

    def __init__(self, graph: Any, prefix: str) -> None:
        self._graph = graph
        self._prefix = prefix

    def weight(self, name: str) -> str:
        return str(self._graph.weight(f"{self._prefix}.{name}"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graph, name)


def kernel(config: Kind, then: tuple[Merged, ...]) -> Kind:
    """A layer with others behind it as one; the layer itself where there is none."""
    if not then:
        return config
    made: Kind = _class(type(config))(**asdict(config), then=then)
    return made


@cache
def _class(head: type[Kind]) -> Any:
    def reference(engine: Engine, fields: Fields, weights: Arrays, *inputs: Any) -> Any:
        y = head.reference(engine, fields, weights, *inputs)
        for part in fields.then:
            y = part.config.reference(engine, part.config, _Held(weights, part.prefix), y)
        return y

    namespace = {"head": head, "reference": staticmethod(reference), "__module__": __name__}
    return msgspec.defstruct(
        f"{head.__name__}Kernel",
        [("then", tuple[Merged, ...], ())],
        bases=(Kernel, head),
        namespace=namespace,
        frozen=True,
        kw_only=True,
    )


class _Held(dict[str, Any]):
    """The arrays of a layer, read from those of the kernel."""

    def __init__(self, arrays: Arrays, prefix: str) -> None:
        super().__init__()
        self.arrays = arrays
        self.prefix = prefix

    def __getitem__(self, name: str) -> Any:
        return self.arrays[f"{self.prefix}.{name}"]
