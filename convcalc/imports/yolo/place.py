"""A place in the program that a file describes: the module there, and the layers that it is made of."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

import msgspec

from convcalc import steps
from convcalc.imports.arrays import PlainArray
from convcalc.imports.drafts import Builder, Draft
from convcalc.imports.elements import all_of
from convcalc.imports.errors import CannotImport, Inexpressible, plain

Act = bool | str | None
"""What follows a convolution: true is the default of the model, false and none nothing, a text the call of a class."""

_CALL = re.compile(r"(?:torch\.)?nn\.(\w+)\(([^()]*)\)")
_ARGUMENT = re.compile(r"(?:(\w+)\s*=\s*)?([-+\w.]+)")

_ACTIVATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "SiLU": ("silu", ()),
    "ReLU": ("relu", ()),
    "ReLU6": ("relu6", ()),
    "LeakyReLU": ("leaky_relu", ("negative_slope",)),
    "PReLU": ("prelu", ("num_parameters",)),
    "ELU": ("elu", ("alpha",)),
    "CELU": ("celu", ("alpha",)),
    "SELU": ("selu", ()),
    "GELU": ("gelu", ()),
    "Mish": ("mish", ()),
    "Hardswish": ("hard_swish", ()),
    "Hardsigmoid": ("hard_sigmoid", ()),
    "Hardtanh": ("hard_tanh", ("min_val", "max_val")),
    "Sigmoid": ("sigmoid", ()),
    "Softplus": ("softplus", ("beta", "threshold")),
    "Softsign": ("softsign", ()),
    "Tanh": ("tanh", ()),
    "Identity": ("identity", ()),
}
"""The kind of each class of activations, and the fields that its arguments are, in order."""

_MOST_LAYERS = 50_000
_LAYER = 20
"""Steps that a layer takes, also where it is like others."""

_ONLY_IN_PLACE = {"inplace"}


class RowOrigin(NamedTuple):
    """The row of the file that a layer comes from, and the module within it."""

    title: str
    operator: str
    path: tuple[str, ...]

    def modules(self) -> list[str]:
        return list(self.path)


class ModelValues(msgspec.Struct, eq=False):
    """What counts for all modules.

    `anchored`: the file is of yolov5 and what came of it, whose modules have the names of ultralytics' and are now and
    then others. `modern`: a module before has been seen with which heads classify by depthwise convolutions.
    `constants` are params that are never trained, and `notes` what a reader of the figures must know of modules.
    """

    builder: Builder
    anchored: bool
    depth: float
    width: float
    most_channels: float
    values: dict[str, Any]
    act: str
    scale: str
    modern: bool = False
    constants: int = 0
    notes: list[str] = []

    @property
    def is_double(self) -> bool:
        """Whether heads are there twice, so that the second chooses boxes without suppressing others."""
        return bool(self.values.get("end2end")) and not self.anchored

    def left_out(self, at: At, params: int, buffers: int = 0) -> None:
        """Note parameters of a module that only training uses."""
        more = f" and {buffers:,} more buffers" if buffers else ""
        has = f"{plain(at.origin.operator)} has {params:,} more params{more}"
        self.notes.append(f"{has} that only training uses; they are not counted")

    def whole(self, name: str, default: int) -> int:
        """A whole number that the file says, or else has always been."""
        value = self.values.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise Inexpressible(f"`{name}`: expected a whole number from 1, found {plain(str(value))}")
        return value

    def scaled(self, channels: int) -> int:
        """Channels for the width of the model, a multiple of 8."""
        return ceil(min(channels, self.most_channels) * self.width / 8) * 8


class At(msgspec.Struct, eq=False):
    """A module: `at / "conv"` is the one of that name within it."""

    model: ModelValues
    origin: RowOrigin

    def __truediv__(self, name: str | int) -> At:
        origin = self.origin
        return At(self.model, origin._replace(path=(*origin.path, *str(name).split("."))))

    def layer(self, kind: str, fields: dict[str, Any], *inputs: Draft) -> Draft:
        """A layer, whose arrays have the names that they have in the program."""
        steps.spend(_LAYER)
        if len(self.model.builder.drafts) >= _MOST_LAYERS:
            raise CannotImport(f"more than {_MOST_LAYERS:,} layers")
        draft = self.model.builder.layer(kind, fields, inputs, (self.origin,))
        module = ".".join(self.origin.path)
        draft.arrays = {
            name: PlainArray(shape, (f"{module}.{name}",), all_of(f"{module}.{name}", shape))
            for name, shape in draft.array_shapes.items()
        }
        return draft

    def act(self, x: Draft, act: Act = True) -> Draft:
        """An activation, of which ultralytics' arguments cannot give a class."""
        if not act or (isinstance(act, str) and not self.model.anchored):
            return x
        y = self.activation(x, self.model.act if act is True else act)
        if act is True:  # the same object everywhere, whose slopes are learned once
            y.arrays = {
                name: PlainArray(array.shape, array.made_of, all_of(name, array.shape))
                for name, array in y.arrays.items()
            }
        return y

    def activation(self, x: Draft, call: str) -> Draft:
        """What the call of a class of activations does."""
        try:
            kind, fields = _activation(call)
        except Inexpressible as error:
            return self.model.builder.unknown(x.shape, [x], self.origin, str(error))
        return self.layer(kind, fields, x)

    def conv(self, x: Draft, channels: int, k: Any = 1, s: Any = 1, p: Any = 0, g: int = 1, **fields: Any) -> Draft:
        """A convolution alone, with a bias."""
        window = {"kernel_size": k, "stride": s, "padding": p, "groups": g}
        return self.layer("conv", {"out_channels": channels, **window, **fields}, x)

    def norm(self, x: Draft) -> Draft:
        """Batch norm as these programs set it up."""
        return self.layer("batch_norm", {"eps": 0.001, "momentum": 0.03}, x)

    def linear(self, x: Draft, features: int, *, bias: bool = True) -> Draft:
        return self.layer("linear", {"out_features": features, "bias": bias}, x)

    def concat(self, xs: Sequence[Draft], axis: int = 0) -> Draft:
        return self.layer("concat", {"axis": axis}, *xs) if len(xs) > 1 else xs[0]

    def add(self, *xs: Draft) -> Draft:
        return self.layer("add", {}, *xs) if len(xs) > 1 else xs[0]

    def mul(self, *xs: Draft) -> Draft:
        return self.layer("mul", {}, *xs)

    def affine(self, x: Draft, factor: float, addend: float = 0) -> Draft:
        return self.layer("affine", {"factor": factor, "addend": addend}, x)

    def halves(self, x: Draft) -> list[Draft]:
        """The first and the second half of the channels."""
        return [self.layer("split", {"sections": 2, "part": part}, x) for part in range(2)]

    def parts(self, x: Draft, sizes: Sequence[int], axis: int = 0) -> list[Draft]:
        """Parts of an axis of these sizes."""
        if sum(sizes) != x.shape[axis]:
            raise Inexpressible(f"parts of {list(sizes)} of an axis of {x.shape[axis]}")
        starts = [sum(sizes[:place]) for place in range(len(sizes))]
        return [
            self.layer("slice", {"axis": axis, "start": start, "end": start + size}, x)
            for start, size in zip(starts, sizes, strict=True)
        ]

    def reshape(self, x: Draft, *sizes: int) -> Draft:
        return self.layer("reshape", {"sizes": sizes}, x)

    def permute(self, x: Draft, *axes: int) -> Draft:
        return self.layer("permute", {"axes": axes}, x)

    def flat(self, x: Draft) -> Draft:
        """All positions on one axis."""
        return self.reshape(x, x.shape[0], -1)

    def tokens(self, x: Draft) -> Draft:
        """Positions before channels, as attention has them."""
        return self.permute(self.flat(x), 1, 0)

    def resized(self, x: Draft, size: Sequence[int]) -> Draft:
        """A map of another size, each position the nearest."""
        return x if x.shape[1:] == tuple(size) else self.layer("upsample", {"size": tuple(size)}, x)

    def max_pool(self, x: Draft, k: int, s: int, p: int, *, ceil_mode: bool = False) -> Draft:
        return self.layer("max_pool", {"kernel_size": k, "stride": s, "padding": p, "ceil_mode": ceil_mode}, x)


def _activation(call: str) -> tuple[str, dict[str, Any]]:
    match = _CALL.fullmatch(call.strip())
    known = _ACTIVATIONS.get(match[1]) if match else None
    if match is None or known is None:
        raise Inexpressible(f"the activation {plain(call)}, where one of torch.nn is known: nn.ReLU()")
    kind, names = known
    fields: dict[str, Any] = {}
    for place, text in enumerate(filter(None, map(str.strip, match[2].split(",")))):
        argument = _ARGUMENT.fullmatch(text)
        name = (argument[1] or (names[place] if place < len(names) else "inplace")) if argument else ""
        if argument is None or name not in {*names, *_ONLY_IN_PLACE}:
            raise Inexpressible(f"the activation {plain(call)}: {plain(text)} is no argument of it")
        if name not in _ONLY_IN_PLACE:
            try:
                fields[name] = literal_eval(argument[2])
            except (ValueError, SyntaxError):
                raise Inexpressible(f"the activation {plain(call)}: {plain(text)} is no number") from None
    return kind, fields
