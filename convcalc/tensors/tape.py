"""A tape: what primitives did to arrays, so that gradients can be followed back through it.

An array that gradients are asked of enters a layer as `Traced`. What a primitive makes of it is traced too, and the
tape has, for every array that the primitive read, how the gradient of what left becomes one of what entered: a `Pull`,
with the arrays that it needs for that and no others. Whatever nobody asks of is neither written down nor kept.

A primitive is written plainly, for arrays; its adjoint stands below it (see `primitive` and `adjoint_of`). What only
moves elements is in `convcalc.tensors.moving`, and reached by NumPy's own names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, wraps
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from convcalc.tensors.duals import NotDifferentiable, slope

Array = Any

Function = TypeVar("Function", bound=Callable[..., Any])


class Pull:
    """How the gradient of what left a primitive becomes that of one array that entered, by what is kept for it."""

    __slots__ = ("function", "kept")

    def __init__(self, function: Callable[..., Array], *kept: Array) -> None:
        self.function, self.kept = function, kept

    def __call__(self, gradient: Array) -> Array:
        arrays = (array.make() if isinstance(array, _Again) else array for array in self.kept)
        return self.function(gradient, *arrays)


Pulls = Sequence[Pull | None]
"""For each argument of a primitive its pull; None for one that is no array, or that no gradient comes to."""


class _Again(NamedTuple):
    """An array that is made again from another when it is needed, rather than kept."""

    source: Array
    making: Callable[[Array], Array]

    def make(self) -> Array:
        return self.making(self.source)


class _Record(NamedTuple):
    """What one primitive made: for each traced array that it read its place on the tape, its pull, and its owner."""

    pulls: tuple[tuple[int, Pull, bool], ...]


class Flown(NamedTuple):
    """What has come back to the beginning of a tape: gradients by the place of what entered."""

    gradients: Mapping[int, Array]
    macs_of_inputs: int
    macs_of_arrays: int


class Tape:
    """The records of what was done, in order, and the way back through them."""

    def __init__(self) -> None:
        self._records: list[_Record | None] = []

    def enter(self, array: Array, *, wanted: bool = True, own: bool = False) -> Traced:
        """An array that a layer reads, as one that is traced.

        `wanted`: its gradient is asked for. `own`: it is the layer's own, and did not come from another.
        """
        return Traced(self, array, self._placed(None) if wanted else None, own=own)

    def _placed(self, record: _Record | None) -> int:
        self._records.append(record)
        return len(self._records) - 1

    def made(self, value: Array, operands: Sequence[Any], pulls: Pulls, *, own: bool) -> Traced:
        """What was made of operands, written down where a gradient is wanted of one of them."""
        again = {id(operand.value): operand.again for operand in operands if _is_made_again(operand)}
        rows = []
        for operand, pull in zip(operands, pulls, strict=False):
            if isinstance(operand, Traced) and operand.place is not None and pull is not None:
                pull.kept = tuple(again.get(id(array), array) for array in pull.kept)
                rows.append((operand.place, pull, operand.own))
        return Traced(self, value, self._placed(_Record(tuple(rows))) if rows else None, own=own)

    @property
    def kept(self) -> Iterator[Array]:
        """The arrays that are held for the way back, some of them several times."""
        for record in self._records:
            for _, pull, _ in record.pulls if record is not None else ():
                yield from (array.source if isinstance(array, _Again) else array for array in pull.kept)

    def keep_for(self, last: int | None) -> None:
        """Drop the records of whatever `last`, a place, was not made of: no gradient comes there."""
        leading = {last}
        for place in reversed(range(len(self._records))):
            record = self._records[place]
            if place not in leading:
                self._records[place] = None
            elif record is not None:
                leading.update(source for source, _, _ in record.pulls)

    def back(self, last: int | None, gradient: Array, multiplied: Callable[[], int]) -> Flown:
        """Follow the gradient of `last`, a place, to what entered; each record is dropped when it has been followed.

        `multiplied` is how many multiplications have been counted so far.
        """
        if last is None:
            return Flown({}, 0, 0)
        waiting: dict[int, Array] = {last: gradient}
        macs = {False: 0, True: 0}
        for place in reversed(range(last + 1)):
            record = self._records[place]
            if record is None:
                continue
            self._records[place] = None
            gradient = waiting.pop(place, None)
            for source, pull, own in record.pulls if gradient is not None else ():
                before = multiplied()
                arrived = pull(gradient)
                macs[own] += multiplied() - before
                waiting[source] = arrived if source not in waiting else waiting[source] + arrived
        return Flown(waiting, macs[False], macs[True])


def _is_made_again(operand: Any) -> bool:
    return isinstance(operand, Traced) and operand.again is not None


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that gradients can be followed back to; it is used as the array is.

    `place` is where it stands on the tape, None where no gradient is wanted of it. `own`: it is an array of the layer's
    own, or made of such alone. `again` makes it from what is there anyway.
    """

    def __init__(self, tape: Tape, value: Array, place: int | None, *, own: bool) -> None:
        self.tape, self.value, self.place, self.own = tape, value, place, own
        self.again: _Again | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    @property
    def ndim(self) -> int:
        return int(self.value.ndim)

    @property
    def size(self) -> int:
        return int(self.value.size)

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def __getitem__(self, at: Any) -> Any:
        return _METHODS["__getitem__"](self, at)

    def __getattr__(self, name: str) -> Any:
        """A method that moves elements is the function of that name."""
        if name in _METHODS:
            return partial(_METHODS[name], self)
        raise AttributeError(f"an array that gradients are asked of has no `{name}` that they come back through")

    @property
    def T(self) -> Any:  # noqa: N802  # as NumPy has it
        return _METHODS["transpose"](self)

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **named: Any) -> Any:
        """What is worked out of a layer's own arrays: a function of elements that is not counted."""
        if method != "__call__" or named:
            raise NotDifferentiable(f"{ufunc.__name__}.{method} outside of a primitive")
        return _of_elements(ufunc, *operands)

    def __array_function__(self, function: Any, types: Any, arguments: Any, named: Any) -> Any:
        """A function of NumPy that moves elements, or whose value no gradient comes back through."""
        if function in _FUNCTIONS:
            return _FUNCTIONS[function](*arguments, **named)
        if function in CONSTANT:
            return function(*plain(arguments), **{name: plain(value) for name, value in named.items()})
        raise NotDifferentiable(f"{function.__name__} outside of a primitive")


CONSTANT = {
    *(np.zeros_like, np.ones_like, np.full_like, np.empty_like, np.shape, np.ndim),
    *(np.argmax, np.argmin, np.argsort),
}
"""Functions of NumPy through whose value no gradient comes: new arrays, sizes and places."""

_METHODS: dict[str, Callable[..., Any]] = {}
_FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def plain(value: Any) -> Any:
    """The arrays themselves, wherever traced ones stand in lists of arguments."""
    if isinstance(value, Traced):
        return value.value
    if isinstance(value, list | tuple):
        items = [plain(item) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value


_ADJOINTS: dict[Callable[..., Any], Callable[..., Pulls]] = {}


def primitive(forward: Function) -> Function:
    """A method of an engine that is written down where an array that it gets is traced.

    It gives one array. One of whole numbers, or of truths, is given as it is: nothing comes back through it.
    """
    return _primitive(forward, is_cheap=False)


def cheap_primitive(forward: Function) -> Function:
    """As `primitive`, for one whose first array is kept, where what it made of it is needed: it is then made again."""
    return _primitive(forward, is_cheap=True)


def _primitive(forward: Function, *, is_cheap: bool) -> Function:

    @wraps(forward)
    def run(engine: Any, *arguments: Any, **named: Any) -> Any:
        if not any(type(value) is Traced for value in arguments):
            return forward(engine, *arguments, **named)
        adjoint = partial(_ADJOINTS[run], engine)
        made = _recorded(partial(forward, engine), adjoint, arguments, named, own=False)
        if is_cheap and isinstance(made, Traced):
            made.again = _Again(plain(arguments[0]), lambda x: forward(engine, x, *plain(arguments[1:]), **named))
        return made

    return cast("Function", run)


def mover(forward: Function) -> Function:
    """As `primitive`, for a function that is not counted. What it makes of a layer's own arrays is own too."""

    @wraps(forward)
    def run(*arguments: Any, **named: Any) -> Any:
        traced = [value for value in arguments if type(value) is Traced]
        if not traced:
            return forward(*arguments, **named)
        own = all(value.own for value in traced)
        return _recorded(forward, _ADJOINTS[run], arguments, named, own=own)

    return cast("Function", run)


def called(*names: Any) -> Callable[[Function], Function]:
    """Where a traced array is asked for one of these, this is what runs: a text is a method, else NumPy's function."""

    def registered(function: Function) -> Function:
        for name in names:
            (_METHODS if isinstance(name, str) else _FUNCTIONS)[name] = function
        return function

    return registered


def adjoint_of(forward: Callable[..., Any]) -> Callable[[Function], Function]:
    """The adjoint of a primitive: called with what it gave and what it got, it has the pull of each argument."""

    def beside(adjoint: Function) -> Function:
        _ADJOINTS[forward] = adjoint
        return adjoint

    return beside


def _recorded(
    forward: Callable[..., Array],
    adjoint: Callable[..., Pulls],
    arguments: tuple[Any, ...],
    named: Mapping[str, Any],
    *,
    own: bool,
) -> Any:
    bare = [value.value if type(value) is Traced else value for value in arguments]
    y = forward(*bare, **named)
    if y.dtype.kind != "f":
        return y
    traced = [value for value in arguments if type(value) is Traced]
    is_wanted = any(value.place is not None for value in traced)
    pulls = adjoint(y, *bare, **named) if is_wanted else ()
    return traced[0].tape.made(y, arguments, pulls, own=own)


@mover
def _of_elements(ufunc: Any, *operands: Array) -> Array:
    return ufunc(*operands)


@adjoint_of(_of_elements)
def _through_elements(y: Array, ufunc: Any, *operands: Array) -> Pulls:
    return [None, *(through_function(ufunc, place, operands) for place in range(len(operands)))]


def _at_once(function: Callable[..., Array], *arrays: Array) -> Array:
    return function(*arrays)


def through_function(
    function: Callable[..., Array], place: int, operands: Sequence[Any], apply: Callable[..., Array] = _at_once
) -> Pull | None:
    """The pull of one operand of a function of elements: its slope there is worked out again on the way back.

    `apply` calls a function of elements, perhaps on one block of them after the other.
    """
    if not isinstance(operands[place], np.ndarray):
        return None
    shape = operands[place].shape

    def scaled(gradient: Array, *operands: Array) -> Array:
        return gradient * slope(function, place, operands)

    def pulled(gradient: Array, *operands: Array) -> Array:
        return summed_to(apply(scaled, gradient, *operands), shape)

    return Pull(pulled, *operands)


def summed_to(gradient: Array, shape: Sequence[int]) -> Array:
    """The gradient of an operand of that shape that was broadcast: all places where it stood, added up."""
    if gradient.shape == tuple(shape):
        return gradient
    added = gradient.ndim - len(shape)
    spread = [axis for axis, size in enumerate(shape, start=added) if size == 1 != gradient.shape[axis]]
    return gradient.sum((*range(added), *spread), keepdims=True).reshape(shape)
