"""Derivatives of element functions by dual numbers: a value, and its slope with regard to one operand.

A function of elements is run once on a `Dual` in place of one of its operands. NumPy's own protocols carry the slope
along, so that a function is written once and its derivative is never written down: what is stated here is the partial
derivatives of NumPy's functions, one table, and what becomes of slopes where elements are chosen (`numpy.where`).

Where a function has a kink, what it is made of decides, and that is PyTorch's choice:

- `absolute` has slope 0 at 0, `maximum` and `minimum` share the slope of equal operands, half to each: the mean of both
  sides. A smooth function that is put together of such kinks, as a sigmoid that cannot overflow is, so has its own
  derivative there;
- `clip` passes the slope at its bounds, as `torch.clamp` does;
- `where` passes the slope of what is taken and nothing of the other operand, were it infinite or no number;
- what makes steps (comparisons, `floor`, `rint`, `sign`, tests, what works on bits) has slope 0 everywhere: of it comes
  a plain array;
- a function that takes a side at its kink, such as `relu`, says so by `Dual.through`.

A slope of 0 stays 0 whatever it is multiplied by, so that 0 times the infinite slope of a root at 0 is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

Array = Any

Partial = Callable[..., Any]
"""From the result of a function and its operands to the derivative with regard to one operand."""


class NotDifferentiable(TypeError):
    """An element function does what has no known derivative; the message names NumPy's function."""


def slope(function: Callable[..., Array], place: int, operands: Sequence[Array]) -> Array:
    """The derivative of a function of elements with regard to the operand at `place`, as an array like its result.

    `operands` are arrays that broadcast, and plain numbers, as where the function is run. The result has the shape and
    the dtype that the function gives for them (float32 stays float32), and may be a view of one number. `function` is
    called once or twice, best on blocks that stay in cache: there are several arrays on the way.

    Raises:
        NotDifferentiable: the function does something to the operand that the table does not know.
    """
    with np.errstate(all="ignore"):  # slopes may be infinite; what the function itself warns of, it did when it was run
        slopes = _run(Dual, function, place, operands)
        if np.isnan(np.min(slopes, initial=math.inf)):
            slopes = _run(_CarefulDual, function, place, operands)
    return slopes


def _run(kind: type[Dual], function: Callable[..., Array], place: int, operands: Sequence[Array]) -> Array:
    result = function(*operands[:place], kind(operands[place], 1), *operands[place + 1 :])
    if not isinstance(result, Dual):
        return np.broadcast_to(np.zeros((), np.result_type(result, operands[place])), np.shape(result))
    slopes = np.asarray(result.slope, result.value.dtype)
    return slopes if slopes.shape == result.value.shape else np.broadcast_to(slopes, result.value.shape)


class Dual(NDArrayOperatorsMixin):
    """An array and the slope of each of its elements, which goes along with whatever NumPy makes of it.

    `slope` is an array that broadcasts to the value, or a Python number: 1 for the operand that is varied. What has no
    slope any more is a plain array and no `Dual`. It can be broken into pieces, shaped and chosen from by the few
    functions that element functions use; whatever else is tried raises `NotDifferentiable`.
    """

    __slots__ = ("slope", "value")

    def __init__(self, value: Array, slope: Array | float) -> None:
        self.value = value
        self.slope = slope

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the value, which the slope has too."""
        return self.value.dtype  # type: ignore[no-any-return]

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the value; a slope that is the same along an axis may have 1 there."""
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """How many axes the value has."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements the value has."""
        return math.prod(self.shape)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **how: Any) -> Any:
        if method != "__call__" or how:
            raise NotDifferentiable(f"no derivative is known of numpy.{_name(ufunc, method)} with {_options(how)}")
        result = ufunc(*map(_value, operands))
        if ufunc in STEPS:
            return result
        partials = PARTIALS.get(ufunc)
        if partials is None:
            raise NotDifferentiable(f"no derivative is known of numpy.{ufunc.__name__}")
        values = tuple(map(_value, operands))
        sloped = [(partial, of.slope) for partial, of in zip(partials, operands, strict=True) if isinstance(of, Dual)]
        parts = [self._times(partial(result, *values), before) for partial, before in sloped]
        return type(self)(result, parts[0] if len(parts) == 1 else parts[0] + parts[1])

    def __array_function__(self, function: Any, types: Any, arguments: Any, named: Any) -> Any:
        rule = CHOOSING.get(function)
        if rule is None:
            raise NotDifferentiable(f"no derivative is known of numpy.{function.__name__}")
        return rule(*arguments, **named)

    def __array__(self, *how: Any, **named: Any) -> Array:
        raise NotDifferentiable("an element function makes a plain array of what it is given, and loses its slope")

    def __bool__(self) -> bool:
        raise NotDifferentiable("an element function asks whether its operand is true, for all elements at once")

    @staticmethod
    def _times(partial: Any, before: Any) -> Any:
        """The chain rule; a Python number 1, on either side, costs nothing."""
        if type(before) is int and before == 1:
            return partial
        return before if type(partial) is int and partial == 1 else partial * before

    def through(self, function: Callable[[Array], Array], partial: Partial) -> Dual:
        """What a function makes of the value that knows its derivative: `partial`, of its result and its operand.

        It is how a function of elements says which side of a kink counts, or what NumPy cannot know.
        """
        result = function(self.value)
        return type(self)(result, self._times(partial(result, self.value), self.slope))

    def astype(self, dtype: Any, **how: Any) -> Any:
        """Another type of numbers; in one that is not floating there is no slope, and so a plain array."""
        value = self.value.astype(dtype, **how)
        if value.dtype.kind not in "fO":
            return value
        slopes = self.slope if isinstance(self.slope, int) else np.asarray(self.slope).astype(dtype, copy=False)
        return type(self)(value, slopes)

    def clip(self, least: Any = None, most: Any = None) -> Any:
        """As `numpy.clip`."""
        return _clipped(self, least, most)

    def reshape(self, *shape: Any) -> Dual:
        """The elements in another shape, each with its slope."""
        return type(self)(self.value.reshape(*shape), self._slopes().reshape(*shape))

    def __getitem__(self, place: Any) -> Dual:
        """Some of the elements, each with its slope."""
        return type(self)(self.value[place], self._slopes()[place])

    def _slopes(self) -> Array:
        """A slope for every element, as an array of the type of the value."""
        return np.broadcast_to(np.asarray(self.slope, self.dtype), self.shape)


class _CarefulDual(Dual):
    """One whose slope of 0 stays 0 whatever it is multiplied by; slower, for where there is something infinite."""

    __slots__ = ()

    @staticmethod
    def _times(partial: Any, before: Any) -> Any:
        made = np.multiply(partial, before)
        zero = np.equal(partial, 0) | np.equal(before, 0)
        return np.where(zero, np.zeros((), made.dtype), made)


def _value(operand: Any) -> Any:
    return operand.value if isinstance(operand, Dual) else operand


def _name(ufunc: np.ufunc, method: str) -> str:
    return ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"


def _options(how: dict[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in how) or "no option"


def _chosen(condition: Any, x: Any, y: Any) -> Any:
    """`numpy.where`: the slope of what is taken, and nothing of the other, whatever it is."""
    taken = np.where(_value(condition), _value(x), _value(y))
    if not (isinstance(x, Dual) or isinstance(y, Dual)):
        return taken
    kind = type(x) if isinstance(x, Dual) else type(y)
    slopes = (np.asarray(of.slope if isinstance(of, Dual) else 0, taken.dtype) for of in (x, y))
    return kind(taken, np.where(_value(condition), *slopes))


def _clipped(x: Any, least: Any = None, most: Any = None, **how: Any) -> Any:
    """`numpy.clip`: the slope where the element stays within its bounds, or on one."""
    for name in ("a_min", "min"):  # NumPy has two names of either bound
        least = how.pop(name, least)
    for name in ("a_max", "max"):
        most = how.pop(name, most)
    if how or isinstance(least, Dual) or isinstance(most, Dual):
        raise NotDifferentiable("no derivative is known of numpy.clip with regard to its bounds, or with options")
    within = True if least is None else x.value >= least
    within = within if most is None else within & (x.value <= most)
    zero = np.zeros((), x.dtype)
    return type(x)(np.clip(x.value, least, most), np.where(within, np.asarray(x.slope, x.dtype), zero))


def _filled(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function that takes the shape of what it is given, and nothing else."""
    return lambda x, *arguments, **named: function(_value(x), *arguments, **named)


CHOOSING: dict[Any, Callable[..., Any]] = {
    np.where: _chosen,
    np.clip: _clipped,
    np.zeros_like: _filled(np.zeros_like),
    np.ones_like: _filled(np.ones_like),
    np.full_like: _filled(np.full_like),
    np.empty_like: _filled(np.empty_like),
    np.shape: _filled(np.shape),
    np.ndim: _filled(np.ndim),
    np.size: _filled(np.size),
}
"""NumPy's functions, other than those of elements, that a `Dual` can be given."""

STEPS = frozenset(
    {
        *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
        *(np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.isnan, np.isinf, np.isfinite, np.signbit),
        *(np.floor, np.ceil, np.trunc, np.rint, np.sign, np.floor_divide, np.heaviside),
        *(np.invert, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift),
    }
)
"""What has slope 0 wherever it has one."""


def _of_larger(y: Array, a: Array, b: Array) -> Array:
    return _share(np.greater, y, a, b)


def _of_smaller(y: Array, a: Array, b: Array) -> Array:
    return _share(np.less, y, a, b)


def _share(is_chosen: np.ufunc, y: Array, a: Array, b: Array) -> Array:
    """1 where a is what is taken, a half where b is equal."""
    share = is_chosen(a, b).astype(y.dtype)
    equal = np.equal(a, b)
    if equal.any():
        np.putmask(share, equal, 0.5)
    return share


def _of_base(y: Array, base: Array, exponent: Any) -> Array:
    """Of a power: 0 where the exponent is 0, as nothing then depends on the base."""
    if np.ndim(exponent) == 0:
        return 0 * base if exponent == 0 else exponent * base ** (exponent - 1)
    return np.where(exponent == 0, np.zeros((), y.dtype), exponent * base ** (exponent - 1))


def _of_exponent(y: Array, base: Array, exponent: Array) -> Array:
    """Of a power: 0 where it is that of 0, which stays what it is as long as the exponent is not below 0."""
    stays = np.equal(base, 0) & np.greater_equal(exponent, 0)
    return np.where(stays, np.zeros((), y.dtype), y * np.log(base))


PARTIALS: dict[np.ufunc, tuple[Partial, ...]] = {
    np.positive: (lambda y, x: 1,),
    np.negative: (lambda y, x: -1,),
    np.add: (lambda y, a, b: 1, lambda y, a, b: 1),
    np.subtract: (lambda y, a, b: 1, lambda y, a, b: -1),
    np.multiply: (lambda y, a, b: b, lambda y, a, b: a),
    np.divide: (lambda y, a, b: 1 / b, lambda y, a, b: -y / b),
    np.reciprocal: (lambda y, x: -y * y,),
    np.square: (lambda y, x: 2 * x,),
    np.sqrt: (lambda y, x: 0.5 / y,),
    np.cbrt: (lambda y, x: 1 / (3 * y * y),),
    np.power: (_of_base, _of_exponent),
    np.float_power: (_of_base, _of_exponent),
    np.absolute: (lambda y, x: np.sign(x),),
    np.fabs: (lambda y, x: np.sign(x),),
    np.maximum: (_of_larger, lambda y, a, b: _of_larger(y, b, a)),
    np.minimum: (_of_smaller, lambda y, a, b: _of_smaller(y, b, a)),
    np.fmod: (lambda y, a, b: 1, lambda y, a, b: -np.trunc(a / b)),
    np.remainder: (lambda y, a, b: 1, lambda y, a, b: -np.floor(a / b)),
    np.exp: (lambda y, x: y,),
    np.exp2: (lambda y, x: math.log(2) * y,),
    np.expm1: (lambda y, x: np.exp(x),),
    np.log: (lambda y, x: 1 / x,),
    np.log2: (lambda y, x: 1 / (math.log(2) * x),),
    np.log10: (lambda y, x: 1 / (math.log(10) * x),),
    np.log1p: (lambda y, x: 1 / (1 + x),),
    np.logaddexp: (lambda y, a, b: np.exp(a - y), lambda y, a, b: np.exp(b - y)),
    np.sin: (lambda y, x: np.cos(x),),
    np.cos: (lambda y, x: -np.sin(x),),
    np.tan: (lambda y, x: 1 + y * y,),
    np.arcsin: (lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)),),
    np.arccos: (lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)),),
    np.arctan: (lambda y, x: 1 / (1 + x * x),),
    np.arctan2: (lambda y, a, b: b / (a * a + b * b), lambda y, a, b: -a / (a * a + b * b)),
    np.hypot: (lambda y, a, b: a / y, lambda y, a, b: b / y),
    np.sinh: (lambda y, x: np.cosh(x),),
    np.cosh: (lambda y, x: np.sinh(x),),
    np.tanh: (lambda y, x: 1 - y * y,),
    np.arcsinh: (lambda y, x: 1 / np.hypot(x, 1),),
    np.arccosh: (lambda y, x: 1 / np.sqrt((x - 1) * (x + 1)),),
    np.arctanh: (lambda y, x: 1 / ((1 - x) * (1 + x)),),
}
"""Of every function its derivatives with regard to each operand, from its result and its operands."""
