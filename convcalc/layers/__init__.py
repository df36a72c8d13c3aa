"""The layer kinds: one file each, found by being there.

A kind is a frozen record of the fields a person writes, with the formulas of its costs. It gets the shapes that
enter it, channels first and without the batch axis, and says the shape that leaves, the weights it owns and the
work it does. Formulas are written for any kind of number (see `convcalc.arithmetic.number`): no ``if`` on a size.

`load(name)` imports a kind when a spec first names it; `names()` lists the folder.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import random
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import msgspec
from msgspec.structs import replace

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.meeting import merged
from convcalc.arithmetic.number import product
from convcalc.fields import FieldType

if TYPE_CHECKING:
    from convcalc.tensors.engine import Engine as Engine
else:  # NumPy is imported when something runs on tensors
    Engine = Any

Array = Any
"""A NumPy array, of any dtype."""

Arrays = Mapping[str, Array]
"""Arrays of a layer by name."""

Fields = Any
"""The fields of a layer by name, as a person wrote them."""

Shape = tuple[int, ...]
"""Sizes of a tensor, channels first, no batch axis."""

Weights = dict[str, Shape]

if TYPE_CHECKING:

    class OnnxGraph(Protocol):
        """What a kind writes its ONNX form into: operators on tensors [batch, channels, *positions]."""

        dtype: str

        def node(self, op: str, *inputs: str, **attributes: Any) -> str:
            """Add an operator; its output. An empty input is one that is left out, an empty attribute is not said."""

        def weight(self, name: str) -> str:
            """One of the layer's own arrays."""

        def constant(self, values: Any, dtype: str | None = None) -> str:
            """Numbers: unless told, whole ones as indices and others in the dtype of the network."""

else:
    OnnxGraph = Any


class NoOnnxForm(ValueError):
    """ONNX has no exact words for a layer; the message says why."""


class Check(msgspec.Struct, frozen=True):
    """A condition that must hold before the formulas mean anything; a bool for ints, a mask for arrays.

    `field` is the one to blame (none: the layer). `message`, called with `arguments`, says what was found and which
    values are legal, and `advice` what to write; they are called only where the condition does not hold.
    """

    holds: bool
    code: str
    field: str
    message: Callable[..., str]
    arguments: tuple[object, ...] = ()
    advice: Callable[..., str] | None = None


class Unprobed(Exception):
    """A layer cannot be probed in the form asked for; the message says why."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """The base of every layer kind: one input, the same shape out, nothing learned, nothing counted."""

    inputs: ClassVar[tuple[int, int | None]] = (1, 1)
    """How many tensors enter: at least, at most (None: any number)."""

    costed: ClassVar[bool] = True
    """Whether what it costs is known. Where it is not, its formulas say nothing, and every total is a least one."""

    holds_output: ClassVar[bool] = False
    """Whether the output is an array of its own: counted with the weights or buffers, and no activation."""

    if TYPE_CHECKING:  # each kind names the shapes it takes; this is what they have in common
        checks: ClassVar[Callable[..., Iterator[Check]]]
        shape: ClassVar[Callable[..., Shape]]
        weights: ClassVar[Callable[..., Weights]]
        buffers: ClassVar[Callable[..., Weights]]
        macs: ClassVar[Callable[..., int]]
        elementwise_ops: ClassVar[Callable[..., int]]
        reference: ClassVar[Callable[..., Any]]
        onnx: ClassVar[Callable[..., str]]
    else:

        def checks(self, *inputs):
            """What must hold of the fields and the input shapes."""
            return iter(())

        def shape(self, *inputs):
            """The output's shape."""
            return inputs[0]

        def weights(self, *inputs):
            """Shapes of the learnable arrays, by name."""
            return {}

        def buffers(self, *inputs):
            """Shapes of the arrays that are kept but not learned, by name."""
            return {}

        def macs(self, *inputs):
            """Multiplications whose product is added to a sum, batch 1, taps on padding included."""
            return 0

        def elementwise_ops(self, *inputs):
            """All other arithmetic: bias adds, normalisation, activation, pooling, interpolation."""
            return 0

        def onnx(self, graph, inputs, shapes):
            """The layer as ONNX operators, for tensors with the batch in front, of any size; the tensor that leaves.

            What ONNX has no exact words for is said by several operators, or raises `NoOnnxForm`.
            """
            raise NoOnnxForm("no ONNX form is written for this kind")

        @staticmethod
        def reference(engine, fields, weights, *inputs):
            """The layer run on arrays [batch, channels, *positions], from what a person wrote and nothing else.

            `engine` holds the primitives (`convcalc.tensors.engine.Engine`), `fields` the fields as written, `weights`
            the arrays by name, buffers among them. No formula of the kind may be used: what runs here is what they
            are held against.
            """
            raise NotImplementedError

    def params(self, *inputs: Shape) -> int:
        """Learnable parameters: the sizes of the weights, added up."""
        return _total(self.weights(*inputs))

    def own_params(self, borrowed: Collection[str], *inputs: Shape) -> int:
        """As `params`, without the weights that are another layer's."""
        return _total({name: shape for name, shape in self.weights(*inputs).items() if name not in borrowed})

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        """The fields that meet in the output, position by position, where several tensors enter."""
        return fields

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        """What the output sees of the network's input; here the union over the paths."""
        return fields[0] if len(fields) == 1 else merged(self.paths(fields, inputs), self.shape(*inputs))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        """The layer as its receptive field speaks of it: on an axis without ends, with nothing moved by data.

        `axis` is the tensor's axis that holds the positions, if one does. What is given as a size on it becomes a
        ratio or a distance from the ends, so that the axis can be lengthened. Raises `Unprobed` if there is no
        such form.
        """
        return self

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        """The layer on tensors of one channel, with one position on every spatial axis but `axis`.

        Fields of one an axis and of channels say it themselves; what rearranges axes or channels has a form of its own.
        Raises `Unprobed` if there is none.
        """
        spatial = axis - 1 if axis else None
        types = field_types(type(self)).items()
        return replace(self, **{name: of.thin(getattr(self, name), spatial) for name, of in types})

    def drops(self, axis: int, inputs: tuple[Shape, ...]) -> bool:
        """Whether `axis`, of one position, leaves without being summed over: it sees what it saw, and has no place."""
        return False

    def own_path(self) -> Kind | None:
        """What is left of a layer that sees all positions if only what a position sees of itself counts."""
        return None

    def summary(self) -> str:
        """The fields that matter, in a few characters, for a table."""
        return ""

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        """A generated configuration with input shapes that it accepts."""
        return cls(), (tuple(draw.randint(1, 9) for _ in range(draw.randint(1, 4))),)


class StandIn(Kind, frozen=True, kw_only=True):
    """A layer in another form, for the probe: `run` is called as `reference` is, with the layer as its fields.

    `own` is the same for what it sees of itself.
    """

    of: Kind
    run: Callable[..., Array]
    own: Callable[..., Array] | None = None

    def weights(self, *inputs: Shape) -> Weights:
        return self.of.weights(*inputs)

    def buffers(self, *inputs: Shape) -> Weights:
        return self.of.buffers(*inputs)

    def macs(self, *inputs: Shape) -> int:
        return self.of.macs(*inputs)

    def elementwise_ops(self, *inputs: Shape) -> int:
        return self.of.elementwise_ops(*inputs)

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return replace(self, of=self.of.thin(axis, inputs))

    def own_path(self) -> Kind | None:
        return self.of.own_path() if self.own is None else StandIn(of=self.of, run=self.own)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, *inputs: Array) -> Array:
        return fields.run(engine, fields.of, weights, *inputs)


def _total(arrays: Weights) -> int:
    sizes = [product(shape) for shape in arrays.values()]
    return sum(sizes[1:], sizes[0]) if sizes else 0


def page(kind: type[Kind]) -> str:
    """The kind's page of the manual: the docstring of its file, or of its class where a file holds a family."""
    family = ".family." in kind.__module__
    return inspect.getdoc(kind if family else sys.modules[kind.__module__]) or ""


def names() -> list[str]:
    """Every kind there is, sorted."""
    return list(_names())


@cache
def _names() -> tuple[str, ...]:
    family = [name for module in _families() for name in importlib.import_module(module).KINDS]
    return tuple(sorted([*_files(), *family]))


def load(name: str) -> type[Kind] | None:
    """The kind of that name, None if there is none."""
    return _load(name) if name.isidentifier() and not name.startswith("_") else None


@cache
def _load(name: str) -> type[Kind] | None:
    spec = importlib.util.find_spec(f"{__name__}.{name}")
    if spec is not None and spec.submodule_search_locations is None:
        module = importlib.import_module(f"{__name__}.{name}")
        return next(
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Kind) and value.__module__ == module.__name__
        )
    for family in _families():
        kinds: dict[str, type[Kind]] = importlib.import_module(family).KINDS
        if name in kinds:
            return kinds[name]
    return None


def _files() -> list[str]:
    """Every file of this folder is a kind, but for those that start with an underscore: kinds share these."""
    return [module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_" and not module.ispkg]


def _families() -> list[str]:
    from convcalc.layers import family

    return [f"{family.__name__}.{module.name}" for module in pkgutil.iter_modules(family.__path__)]


@cache
def field_types(kind: type[Kind]) -> dict[str, FieldType]:
    """The fields of a kind with their types, in the order they are written."""
    types: dict[str, FieldType] = {}
    for base in reversed(kind.__mro__):
        for name, annotation in inspect.get_annotations(base).items():
            metadata = getattr(annotation, "__metadata__", ())
            if metadata and isinstance(metadata[-1], FieldType):
                types[name] = metadata[-1]
    return types


@cache
def defaults(kind: type[Kind]) -> dict[str, object]:
    """The fields that need not be written, with what they then are."""
    names, values = kind.__struct_fields__, kind.__struct_defaults__
    given = zip(names[len(names) - len(values) :], values, strict=True)
    return {name: value for name, value in given if value is not msgspec.NODEFAULT}


@cache
def required(kind: type[Kind]) -> tuple[str, ...]:
    """The fields that must be written."""
    return tuple(name for name in field_types(kind) if name not in defaults(kind))
