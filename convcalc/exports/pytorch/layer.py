"""What a layer is written as, and what the functions that write the kinds are given."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from convcalc.exports.pytorch.syntax import Argument, EnteringTensor, Expression, LiteralValue, Own, PythonCall
from convcalc.layers import Shape


class Unsayable(ValueError):
    """What a format has no words for, within one layer; the message says why."""


class LayerCode(msgspec.Struct, frozen=True):
    """A layer in PyTorch: what is made of the tensors that enter, and what it holds for that.

    `held` are the attributes, by the `part` that `Own` names, each what makes it. `arrays` says where those arrays of
    the layer are that are not called as here, as what stands behind the attribute. `imports` are lines that it needs.
    """

    forward: Expression
    held: Mapping[str, Expression] = {}
    arrays: Mapping[str, str] = {}
    buffers: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()

    @property
    def is_module(self) -> bool:
        """Whether it is one module called with one tensor, which nn.Sequential can do."""
        return self.forward == MODULE and set(self.held) == {""} and not self.buffers


class TorchSite(msgspec.Struct, frozen=True):
    """A layer with the shapes that enter and leave it, without the batch."""

    config: Any
    shapes: tuple[Shape, ...]
    shape: Shape
    into: tuple[str, ...] = ()

    @property
    def x(self) -> Shape:
        """The shape of the first tensor that enters."""
        return self.shapes[0]

    @property
    def rank(self) -> int:
        """The spatial axes of the first tensor."""
        return len(self.shapes[0]) - 1

    def axis(self, axis: int) -> int:
        """An axis with the batch in front."""
        return axis + 1 if axis >= 0 else axis


x, y = EnteringTensor(0), EnteringTensor(1)
own = Own()
MODULE = PythonCall(own, (Argument(x),))


def module(made: Expression, **more: Any) -> LayerCode:
    """A layer that is one of torch's modules."""
    return LayerCode(MODULE, {"": made}, **more)


def function(forward: Expression, **more: Any) -> LayerCode:
    """A layer that holds nothing."""
    return LayerCode(forward, **more)


def per_axis(sizes: Sequence[Any]) -> Any:
    """One number where all axes have the same, as torch takes it."""
    return sizes[0] if len(set(sizes)) == 1 else tuple(sizes)


def axes_named(rank: int, what: str) -> int:
    """The number of axes in the name of a function or a module of torch.

    Raises:
        Unsayable: there is none for so many.
    """
    if rank not in (1, 2, 3):
        raise Unsayable(f"torch has {what} for 1 to 3 axes, not for {rank}")
    return rank


def number(value: Any, label: str, default: Any = msgspec.UNSET) -> LiteralValue:
    """A number that may differ from use to use."""
    return LiteralValue(value, label, default)


Writer = Callable[[TorchSite], LayerCode]


@cache
def writers() -> dict[str, Writer]:
    """What writes the kinds, by kind: all that the files in `kinds` list."""
    from convcalc.exports.pytorch import kinds

    written: dict[str, Writer] = {}
    for file in pkgutil.iter_modules(kinds.__path__):
        module = importlib.import_module(f"{kinds.__name__}.{file.name}")
        written |= module.KINDS
    return written


def code_of(kind: str, site: TorchSite) -> LayerCode:
    """A layer as PyTorch has it.

    Raises:
        Unsayable: it has no words for it.
    """
    writer = writers().get(kind)
    if writer is None:
        reason = "torch has no such operation" if site.config.costed else "nothing says what it computes"
        raise Unsayable(reason)
    return writer(site)
