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
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import msgspec
from msgspec.structs import asdict, replace

from convcalc.arithmetic.field import Field, at_input
from convcalc.arithmetic.meeting import merged
from convcalc.arithmetic.number import product
from convcalc.fields import FieldType
from convcalc.layers._cases import draw_shape

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

OnnxFields = Mapping[str, Mapping[str, tuple[str, Any]]]
"""For an ONNX operator, each field with the attribute that says it, and what the attribute is where it is left out."""

Merging = Literal["", "sum", "product", "extreme", "end to end"]
"""How tensors are brought together: added, multiplied, the largest or the least of them, or laid end to end."""

if TYPE_CHECKING:

    class OnnxGraph(Protocol):
        """What a kind writes its ONNX form into: operators on tensors [batch, channels, *positions]."""

        dtype: str
        opset: int

        def node(self, op: str, *inputs: str, **attributes: Any) -> str:
            """Add an operator, as the newest opset has it; its output.

            An empty input is one that is left out, an empty attribute is not said.
            """

        def several(self, op: str, *inputs: str, count: int, **attributes: Any) -> list[str]:
            """As `node`, for an operator with so many outputs."""

        def weight(self, name: str) -> str:
            """One of the layer's own arrays."""

        def constant(self, values: Any, dtype: str | None = None) -> str:
            """An array of numbers; without a dtype, integers are indices and others are in the network's dtype."""

else:
    OnnxGraph = Any


UNSIZED: Shape = (0,)
"""The shape of a tensor of which it is not known: nothing is counted of it."""


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


class Wanted(msgspec.Struct, frozen=True):
    """Which gradients are asked of a layer on the way back.

    `inputs` has one entry for each tensor that enters: whether its gradient is wanted. `weights`: whether those of the
    layer's learned arrays are. Buffers have none.
    """

    inputs: tuple[bool, ...]
    weights: bool

    @property
    def of_inputs(self) -> bool:
        """Whether the gradient of any tensor that enters is."""
        return True in self.inputs

    @property
    def anything(self) -> bool:
        """Whether any gradient is, where the layer has learned arrays."""
        return self.weights or self.of_inputs


class Kept(msgspec.Struct, frozen=True):
    """What a layer keeps from its way forward for the way back, besides its weights, which live anyway.

    `inputs` are the places of the tensors that it keeps of those that enter, and `output` says whether it keeps the one
    that leaves: memory that others may keep as well. What it made on the way and keeps for itself is `numbers` of the
    network's format and `bytes` (masks of one byte an element, indices), for each sample of a batch; `shared_numbers`
    and `shared_bytes` are those that all samples share, however many there are.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    numbers: int = 0
    bytes: int = 0
    shared_numbers: int = 0
    shared_bytes: int = 0

    def beside(self, element: int, batch: int = 1) -> int:
        """Bytes of what is kept beside tensors that enter or leave, where a number has `element` bytes."""
        shared = self.shared_numbers * element + self.shared_bytes
        return batch * (self.numbers * element + self.bytes) + shared

    def if_(self, condition: bool) -> Kept:
        """This, if a gradient is wanted that asks for it; otherwise nothing."""
        return self if condition else Kept()


class Unprobed(Exception):
    """A layer cannot be probed in the form asked for; the message says why."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """The base of every layer kind: one input, the same shape out, nothing learned, nothing counted."""

    inputs: ClassVar[tuple[int, int | None]] = (1, 1)
    """How many tensors enter: at least, at most (None: any number)."""

    costed: ClassVar[bool] = True
    """Whether what it costs is known. Where it is not, its formulas say nothing, and every total is a lower bound."""

    holds_output: ClassVar[bool] = False
    """Whether the output is an array of its own: counted with the weights or buffers, and no activation."""

    is_windowed: ClassVar[bool] = False
    """Whether each position of the output looks through a window at the input: `windows(x)` has one for each axis."""

    is_transposed: ClassVar[bool] = False
    """Whether each position of the input writes through a window to the output: `windows()` has one for each axis."""

    is_convolution: ClassVar[bool] = False
    """Whether learned weights multiply what is under a window, and the products are added up."""

    moves_taps: ClassVar[bool] = False
    """Whether an input says where the taps of a window are; `windows(x)` has them where they are unmoved."""

    is_pool: ClassVar[bool] = False
    """Whether it sums up positions of each channel by itself: those under a window, in a cell, or all of them."""

    is_linear: ClassVar[bool] = False
    """Whether it multiplies the last axis by a matrix of learned weights."""

    is_activation: ClassVar[bool] = False
    """Whether it makes a function nonlinear, so that the layers around it do not amount to a single one."""

    is_normalisation: ClassVar[bool] = False
    """Whether it divides what enters by a measure of how large it is, now or in training."""

    scales_channels: ClassVar[bool] = False
    """Whether each channel is multiplied by a number of its own, and another added, once training is over."""

    is_inert: ClassVar[bool] = False
    """Whether it gives what it gets once training is over."""

    is_elementwise: ClassVar[bool] = False
    """Whether each element that leaves is made from one of each tensor that enters."""

    is_view: ClassVar[bool] = False
    """Whether the elements leave as they lie, in the order in which they enter, and only the shape is another."""

    is_map: ClassVar[bool] = False
    """Whether what leaves has channels first and positions behind, whatever has been read into the axes before."""

    keeps_axes: ClassVar[bool] = False
    """Whether it moves, cuts or joins what is on the axes, and leaves the axes themselves where they are."""

    resamples: ClassVar[bool] = False
    """Whether the positions of each channel are copied or interpolated to other ones."""

    merges: ClassVar[Merging] = ""
    """How any number of tensors are brought together; empty: it does not do that."""

    is_clamp: ClassVar[bool] = False
    """Whether what lies within `bounds()` leaves as it is."""

    mixes_channels: ClassVar[bool] = False
    """Whether learned weights make each channel that leaves from all that enter, or from all of its group."""

    identities: ClassVar[tuple[Callable[..., Any], ...]] = ()
    """Ways to the same tensor that the kind's file brings along: see `convcalc.battery.identities`.

    Each takes a bench, a configuration and the shapes that enter.
    """

    onnx_operators: ClassVar[OnnxFields] = {}
    """The ONNX operators that are this kind and nothing else, each with its attributes.

    What a pool's window needs (`kernel_size`, `stride`, ...) goes without saying. This is for kinds whose fields are
    ONNX's attributes; operators that take more to translate have a function in `convcalc.imports.onnx.operators`.
    """

    onnx_form: ClassVar[str] = ""
    """The ONNX operator that it is written as, with its fields as the attributes unless its `onnx` says otherwise."""

    samples: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """The values that a generated case takes for fields; those that are not here have their defaults."""

    without_gradient: ClassVar[Mapping[int, str]] = {}
    """Inputs, by their place, that no gradient comes to whatever the fields are, and why: see `no_gradient`."""

    least_rank: ClassVar[int] = 0
    """The spatial axes that a generated case has at least."""

    if TYPE_CHECKING:  # each kind names the shapes it takes; this is what they have in common
        checks: ClassVar[Callable[..., Iterator[Check]]]
        shape: ClassVar[Callable[..., Shape]]
        weights: ClassVar[Callable[..., Weights]]
        buffers: ClassVar[Callable[..., Weights]]
        macs: ClassVar[Callable[..., int]]
        activation_macs: ClassVar[Callable[..., int]]
        elementwise_ops: ClassVar[Callable[..., int]]
        kept: ClassVar[Callable[..., Kept]]
        gradient_macs: ClassVar[Callable[..., tuple[int, int]]]
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

        def activation_macs(self, *inputs):
            """Those of the MACs whose factors are both tensors, and neither an array of the layer's own."""
            return 0 if self.weights(*inputs) else self.macs(*inputs)

        def elementwise_ops(self, *inputs):
            """All other arithmetic: bias adds, normalisation, activation, pooling, interpolation."""
            return 0

        def kept(self, wanted, *inputs):
            """What stays in memory from the way forward until the way back, for the gradients that are `wanted`.

            Nothing: the gradients follow from sizes, fields and weights alone.
            """
            return Kept()

        def gradient_macs(self, wanted, *inputs):
            """MACs of the way back, batch 1: of gradients of what enters or is made on the way, and of own arrays.

            As many as on the way forward for each, which holds where what enters meets own arrays in one product.
            """
            macs = self.macs(*inputs)
            return macs * wanted.of_inputs, macs * (wanted.weights and len(self.weights(*inputs)) > 0)

        def onnx(self, graph, inputs, shapes):
            """The layer as ONNX operators, for tensors with the batch in front, of any size; the tensor that leaves.

            What ONNX has no exact words for is said by several operators, or raises `NoOnnxForm`.
            """
            if not self.onnx_form:
                raise NoOnnxForm("no ONNX form is written for this kind")
            return graph.node(self.onnx_form, *inputs, **asdict(self))

        @staticmethod
        def reference(engine, fields, weights, *inputs):
            """The layer run on arrays [batch, channels, *positions], from what a person wrote and nothing else.

            `engine` holds the primitives (`convcalc.tensors.engine.Engine`), `fields` the fields as written, `weights`
            the arrays by name, buffers among them. No formula of the kind may be used: what runs here is what they
            are held against.
            """
            raise NotImplementedError

    def arrays(self, *inputs: Shape) -> Weights:
        """Shapes of all arrays that the layer has, learned or not, by name."""
        return {**self.weights(*inputs), **self.buffers(*inputs)}

    def params(self, *inputs: Shape) -> int:
        """Learnable parameters: the sizes of the weights, added up."""
        return self.own_params((), *inputs)

    def own_params(self, borrowed: Collection[str], *inputs: Shape) -> int:
        """As `params`, without the weights that are another layer's."""
        return sum(product(shape) for name, shape in self.weights(*inputs).items() if name not in borrowed)

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

    def bounds(self) -> tuple[float, float]:
        """The least and the most that can leave, whatever enters."""
        return -inf, inf

    @property
    def follows_values(self) -> bool:
        """Whether how much there is to do depends on the numbers that enter; then `elementwise_ops` are the most."""
        return False

    @property
    def dropped(self) -> float:
        """The share of the elements that training sets to zero."""
        return 0.0

    def centres_channels(self, x: Shape) -> bool:
        """Whether the mean of each channel is subtracted, so that a number added to a channel before makes nothing."""
        return False

    def cut(self, x: Shape) -> dict[int, tuple[int, int]]:
        """How many positions are cut off before and after, by axis; negative where as many are added."""
        return {}

    def no_gradient(self, place: int) -> str:
        """Why no gradient comes to the tensor that enters at this place, or none but 0; empty where one does."""
        return self.without_gradient.get(place, "")

    def no_op(self, x: Shape) -> str:
        """Why this layer, with these fields, gives what enters; empty where it does not, or is there to say so."""
        return ""

    def summary(self) -> str:
        """The fields that matter, in a few characters, for a table."""
        return ""

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        """A generated configuration with input shapes that it accepts."""
        return cls(**cls.sampled(draw)), (draw_shape(draw, cls.least_rank),)

    @classmethod
    def sampled(cls, draw: random.Random) -> dict[str, Any]:
        """Generated values for the fields that `samples` names."""
        return {name: draw.choice(values) for name, values in cls.samples.items()}


class Input(Kind, frozen=True, kw_only=True):
    """What enters a network, of these sizes. It costs nothing, and a spec has it under `input`, never as a layer."""

    sizes: Shape

    inputs: ClassVar[tuple[int, int | None]] = (0, 0)

    def shape(self) -> Shape:
        return self.sizes

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return at_input(len(self.sizes) - 1, self.sizes[1:])


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
        thin = self.of.thin(axis, inputs)
        return thin if isinstance(thin, StandIn) else replace(self, of=thin)

    def own_path(self) -> Kind | None:
        return self.of.own_path() if self.own is None else StandIn(of=self.of, run=self.own)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, *inputs: Array) -> Array:
        return fields.run(engine, fields.of, weights, *inputs)


def page(kind: type[Kind]) -> str:
    """The kind's page of the manual: the docstring of its file, or of its class where a file holds a family."""
    family = ".families." in kind.__module__
    return inspect.getdoc(kind if family else sys.modules[kind.__module__]) or ""


def names() -> list[str]:
    """Every kind there is, sorted."""
    return list(_names())


@cache
def _names() -> tuple[str, ...]:
    """Every file of this folder is a kind, but for those that start with an underscore: kinds share these."""
    files = [module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_" and not module.ispkg]
    return tuple(sorted([*files, *_in_families()]))


@cache
def load(name: str) -> type[Kind] | None:
    """The kind of that name, None if there is none."""
    if not name.isidentifier() or name.startswith("_"):
        return None
    spec = importlib.util.find_spec(f"{__name__}.{name}")
    if spec is None or spec.submodule_search_locations is not None:
        return _in_families().get(name)
    return next(_kinds_of(f"{__name__}.{name}"))


def kind_of(name: str) -> type[Kind]:
    """As `load`, for a name that is a kind's in any case.

    Raises:
        LookupError: it is not.
    """
    kind = load(name)
    if kind is None:
        raise LookupError(name)
    return kind


def _kinds_of(module: str) -> Iterator[type[Kind]]:
    """The kinds that are written in a file."""
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, type) and issubclass(value, Kind) and value.__module__ == module:
            yield value


@cache
def _in_families() -> dict[str, type[Kind]]:
    """The kinds of files that hold several, by name: leaky_relu is the class LeakyRelu."""
    folder = f"{__name__}.families"
    modules = pkgutil.iter_modules(importlib.import_module(folder).__path__)
    kinds = [kind for module in modules for kind in _kinds_of(f"{folder}.{module.name}")]
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in kinds}


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


@cache
def defaults_on(kind: type[Kind], rank: int) -> dict[str, Any]:
    """The fields that need not be written, with what they then are on `rank` spatial axes."""
    types, values = field_types(kind), defaults(kind)
    return {name: types[name].expand(value, rank) for name, value in values.items() if name in types}
