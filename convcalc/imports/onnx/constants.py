"""Constants of a graph, worked out exactly where their numbers are known: what exporters compute shapes with.

A constant has a shape, and its numbers if they are few and in the file; weights have a shape alone, and remember which
initialisers they are made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from convcalc import steps
from convcalc.imports.arrays import checked
from convcalc.imports.elements import Elements, all_of, contiguous
from convcalc.imports.errors import Inexpressible, plain
from convcalc.imports.makings import Making, Setting, StoredNumbers, known_numbers, made, unmade
from convcalc.imports.naming import is_made_up, says_parameter
from convcalc.imports.onnx import arithmetic
from convcalc.imports.onnx.nodes import Attributes, Number
from convcalc.imports.onnx.reading import BOOL, FLOAT, FLOATING, FORMATS, INT64, MOST_NUMBERS, Tensor

Shape = tuple[int, ...]
Numbers = arithmetic.Numbers


class Constant(msgspec.Struct, frozen=True):
    """`made_of` are stored arrays, none where it follows from sizes alone.

    Its numbers are those worked out, else those of `tensor`, read when asked for.

    `elements` says which of a tensor's it has, None where each is made of several, or it is not known which they are.
    `recipe` makes the layers that work it out, for where it is no weight: of a product with weights, whose cost counts.
    `parts` are the constants that were laid end to end on an axis, which stands first. `derived` is how its numbers are
    made where that is not what the others say.
    """

    shape: Shape
    element_type: int = INT64
    worked_out: Numbers | None = None
    made_of: tuple[str, ...] = ()
    tensor: Tensor | None = None
    elements: Elements | None = None
    recipe: Callable[..., Any] | None = None
    parts: tuple[int, tuple[Constant, ...]] | None = None
    derived: Making | None = None

    @property
    def numbers(self) -> Numbers | None:
        """In the order they lie; None where they are not known."""
        return self.worked_out if self.tensor is None else self.tensor.numbers()

    @property
    def is_made(self) -> bool:
        """Whether it is known how its numbers come about."""
        return self.worked_out is not None or self.tensor is not None or self.derived is not None

    @property
    def making(self) -> Making | None:
        """How its numbers come from those of the file; None where it is not known."""
        if self.derived is None and self.tensor is not None:
            return StoredNumbers(self.tensor.place, self.shape)
        if self.derived is None and self.worked_out is not None:
            letter = FORMATS.get(self.element_type, "f" if self.is_float else "q")
            return known_numbers(self.worked_out, self.shape, {"e": "f", "?": "b"}.get(letter, letter))
        return self.derived

    @property
    def count_read(self) -> int:
        """How many numbers it holds in memory."""
        return len(self.worked_out or ()) if self.tensor is None else self.tensor.count_read

    @property
    def is_float(self) -> bool:
        """Whether it holds numbers with a fraction."""
        return self.element_type in FLOATING

    def integers(self) -> list[int]:
        """Its numbers, which must be known."""
        if self.numbers is None:
            raise Inexpressible("a size or axis that is computed from data")
        steps.spend(len(self.numbers) // 3)
        return [int(number) for number in self.numbers]

    @property
    def only_number(self) -> Number | None:
        """The number that all of its are; None where they differ, are not known or there is none."""
        numbers = self.numbers or ()
        steps.spend(len(numbers) // 8)
        return numbers[0] if numbers and all(number == numbers[0] for number in numbers) else None


def is_learned(constant: Constant) -> bool:
    """Whether training may have made a constant: it is an array with fractions that the file stores, and no mask.

    One number alone is none, whatever dots its name has, unless its name is what only a parameter is called, and it has
    an axis: the bias of a layer with one output.
    """
    if not constant.made_of or not constant.is_float:
        return False
    return math.prod(constant.shape) != 1 or (bool(constant.shape) and says_parameter(constant.made_of[0]))


def is_filling(constant: Constant) -> bool:
    """Whether a stored array is one number repeated, and has no name but what exporters make up."""
    stored = constant.made_of and constant.is_float
    return bool(stored) and all(map(is_made_up, constant.made_of)) and constant.only_number is not None


def of_tensor(tensor: Tensor, name: str = "", where: str = "initialiser") -> Constant:
    """A tensor of the file, by what it is called there."""
    what = f"{where} {plain(name)}" if name else "a constant"
    shape, made_of = checked(tensor.dims, what), (name,) if name else ()
    return Constant(shape, tensor.element_type, None, made_of, tensor, all_of(name, shape) if name else None)


def whole(numbers: Sequence[int], shape: Shape | None = None) -> Constant:
    """A constant of whole numbers, of one axis unless a shape is given."""
    return Constant((len(numbers),) if shape is None else shape, INT64, tuple(numbers))


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """The shape of several that meet, aligned at the last axis."""
    rank = max(map(len, shapes), default=0)
    sizes = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, start=rank - len(shape)):
            if size != 1 and sizes[axis] not in (1, size):
                raise Inexpressible(f"shapes {' and '.join(str(list(shape)) for shape in shapes)} that do not fit")
            if size != 1:
                sizes[axis] = size
    return tuple(sizes)


def _derived(
    operation: str,
    of: Sequence[Constant],
    shape: Shape,
    numbers: Numbers | None,
    settings: dict[str, Setting] | None = None,
) -> Making | None:
    """How what an operation makes of constants is made, where its numbers do not say it."""
    if numbers is not None and all(constant.derived is None for constant in of):
        return None
    return made(operation, [constant.making for constant in of], shape, settings)


def times(constant: Constant, factor: float) -> Constant:
    """A weight with all of its numbers multiplied by one, for layers that use it; what it is told by stays."""
    if factor == 1:
        return constant
    number = Constant((), constant.element_type, (factor,))
    scaled = made("Mul", [constant.making, number.making], constant.shape)
    return msgspec.structs.replace(constant, derived=scaled or unmade("multiplied in too many steps", constant.shape))


def _view(
    constant: Constant,
    shape: Sequence[int],
    offsets: Iterable[Sequence[int]],
    elements: Elements | None,
    operation: str,
    settings: dict[str, Setting] | None = None,
) -> Constant:
    """Elements of a constant laid anew: `offsets` are, axis by axis, how far each place is from the first element.

    `operation` is what does it, with its settings.
    """
    shape, numbers = checked(shape), constant.numbers
    if math.prod(shape) > MOST_NUMBERS:
        numbers = None
    elif numbers is not None:
        places = [0] if math.prod(shape) else []
        for along in offsets if places else ():
            places = [place + offset for place in places for offset in along]
        numbers = tuple(numbers[place] for place in places)
    derived = _derived(operation, [constant], shape, numbers, settings)
    return Constant(shape, constant.element_type, numbers, constant.made_of, None, elements, derived=derived)


def expanded(constant: Constant, shape: Shape) -> Constant:
    """A constant repeated to a shape it fits."""
    if constant.shape == shape:
        return constant
    lacking = len(shape) - len(constant.shape)
    own = zip(constant.shape, contiguous(constant.shape), strict=True)
    steps = [*[0] * lacking, *(0 if size == 1 else step for size, step in own)]
    offsets = ([step * place for place in range(size)] for size, step in zip(shape, steps, strict=True))
    repeated = _view(constant, shape, offsets, laid_anew([constant], shape), "expanded")
    return repeated if math.prod(constant.shape) != 1 else msgspec.structs.replace(repeated, made_of=())


def tiled(constant: Constant, times: Sequence[int]) -> Constant:
    """A constant laid end to end with itself, so many times on each axis."""
    shape = tuple(size * time for size, time in zip(constant.shape, times, strict=True))
    sizes = zip(constant.shape, contiguous(constant.shape), times, strict=True)
    offsets = ([step * place for place in range(size)] * time for size, step, time in sizes)
    return _view(constant, shape, offsets, laid_anew([constant], shape), "tiled", {"times": tuple(times)})


def laid_anew(constants: Sequence[Constant], shape: Shape) -> Elements | None:
    """The elements where all of those that the constants have are taken, some of them several times perhaps.

    None of what training did not make: what repeats it is a constant of its own. None either where fewer are taken.
    """
    first = constants[0].elements
    if first is None or not constants[0].is_float or math.prod(shape) < first.count or first.count == 1:
        return None
    if any(constant.elements is None or constant.elements.identity != first.identity for constant in constants):
        return None
    return msgspec.structs.replace(first, layout=None)


def reshaped(constant: Constant, shape: Shape) -> Constant:
    """The same elements in the same order."""
    elements, numbers = constant.elements and constant.elements.reshaped(shape), constant.numbers
    derived = _derived("reshaped", [constant], shape, numbers)
    return Constant(shape, constant.element_type, numbers, constant.made_of, None, elements, derived=derived)


def transposed(constant: Constant, order: Sequence[int]) -> Constant:
    """A constant with its axes in another order."""
    steps, elements = contiguous(constant.shape), constant.elements and constant.elements.transposed(order)
    offsets = (range(0, constant.shape[axis] * steps[axis], steps[axis]) for axis in order)
    shape = [constant.shape[axis] for axis in order]
    return _view(constant, shape, offsets, elements, "transposed", {"order": tuple(order)})


def sliced(constant: Constant, ranges: Sequence[range]) -> Constant:
    """A range of places on each axis."""
    shape = tuple(map(len, ranges))
    elements = constant.elements and (constant.elements.sliced(ranges) or laid_anew([constant], shape))
    along = zip(ranges, contiguous(constant.shape), strict=True)
    offsets = ([place * step for place in places] for places, step in along)
    bounds = tuple(bound for places in ranges for bound in (places.start, len(places), places.step))
    return _view(constant, shape, offsets, elements, "sliced", {"bounds": bounds})


def gathered(constant: Constant, indices: Constant, axis: int) -> Constant:
    """Places of one axis, named by an array of them, whose shape takes the axis' place."""
    before, after = constant.shape[:axis], constant.shape[axis + 1 :]
    shape, made_of = checked((*before, *indices.shape, *after)), together([constant, indices])
    elements = laid_anew([constant], shape)
    if indices.numbers is None:
        derived = _derived("gathered", [constant, indices], shape, None, {"axis": axis})
        return Constant(shape, constant.element_type, None, made_of, None, elements, derived=derived)
    places = places_of(indices, constant.shape[axis])
    even, ranges = regular(places), list(map(range, constant.shape))
    if even is not None and constant.elements is not None:
        return reshaped(sliced(constant, [*ranges[:axis], even, *ranges[axis + 1 :]]), shape)
    along = zip([*ranges[:axis], places, *ranges[axis + 1 :]], contiguous(constant.shape), strict=True)
    offsets = ([place * step for place in places] for places, step in along)
    laid = _view(constant, (*before, len(places), *after), offsets, elements, "gathered")
    derived = _derived("gathered", [constant, indices], shape, laid.numbers, {"axis": axis})
    return msgspec.structs.replace(laid, shape=shape, made_of=made_of, derived=derived)


def places_of(indices: Constant, size: int) -> list[int]:
    """Places of an axis of so many, which may be counted from its end."""
    places = [index + size if index < 0 else index for index in indices.integers()]
    if not all(0 <= place < size for place in places):
        raise Inexpressible(f"an index outside of an axis of {size}")
    return places


def regular(places: Sequence[int]) -> range | None:
    """Places that are equally far apart, as a range; None where they are not, or there are none."""
    step = places[1] - places[0] if len(places) > 1 else 1
    if not places or not step:
        return None
    even = range(places[0], places[0] + step * len(places), step)
    return even if even == places or [*even] == places else None


def concatenated(parts: Sequence[Constant], axis: int) -> Constant:
    """Constants laid end to end on an axis."""
    first = parts[0].shape
    shape = checked((*first[:axis], sum(part.shape[axis] for part in parts), *first[axis + 1 :]))
    made_of, elements, laid = together(parts), laid_anew(parts, shape), (axis, tuple(parts))
    if math.prod(shape) > MOST_NUMBERS or any(part.numbers is None for part in parts):
        derived = _derived("joined", parts, shape, None, {"axis": axis})
        return Constant(shape, parts[0].element_type, None, made_of, None, elements, parts=laid, derived=derived)
    numbers: list[Number] = []
    for block in range(math.prod(first[:axis]) if math.prod(shape) else 0):
        for part in parts:
            length = math.prod(part.shape[axis:])
            numbers += (part.numbers or ())[block * length : (block + 1) * length]
    derived = _derived("joined", parts, shape, tuple(numbers), {"axis": axis})
    return Constant(shape, parts[0].element_type, tuple(numbers), made_of, None, elements, parts=laid, derived=derived)


def filled(shape: Shape, number: Number, element_type: int) -> Constant:
    """A constant of that shape with the same number at every position."""
    shape = checked(shape)
    if math.prod(shape) <= MOST_NUMBERS:
        return Constant(shape, element_type, (number,) * math.prod(shape))
    everywhere = _derived("expanded", [Constant((), element_type, (number,))], shape, None)
    return Constant(shape, element_type, derived=everywhere)


def cast(constant: Constant, element_type: int) -> Constant:
    """A constant as another element type; its numbers are not known where that does not hold them.

    Whole numbers of more bits than weights are rounded to are places and sizes, and do not become learned by it.
    """
    numbers = constant.numbers and arithmetic.converted(constant.numbers, element_type)
    made_of = constant.made_of if constant.is_float or constant.element_type in _QUANTISED else ()
    derived = _derived("Cast", [constant], constant.shape, numbers, {"to": element_type})
    return Constant(constant.shape, element_type, numbers, made_of, None, constant.elements, derived=derived)


_QUANTISED = {2, 3, 21, 22}
"""Element types of weights that are quantised: whole numbers of 8 and 4 bits."""


def elementwise(op: str, inputs: Sequence[Constant], attributes: Attributes | None = None) -> Constant:
    """An operation on constants that meet element by element."""
    shape = broadcast([constant.shape for constant in inputs])
    typed = inputs[1] if op == "Where" else inputs[0]
    element_type = BOOL if op in arithmetic.TRUTHS else typed.element_type
    numbers = None
    if math.prod(shape) <= MOST_NUMBERS and all(constant.numbers is not None for constant in inputs):
        laid = [expanded(constant, shape).numbers or () for constant in inputs]
        numbers = _worked_out(map(arithmetic.function_of(op, attributes or Attributes()), *laid), element_type)
    several = [constant for constant in inputs if constant.elements is not None and math.prod(constant.shape) > 1]
    is_by_number = len(several) == 1 and several[0].shape == shape
    elements = several[0].elements if is_by_number else None
    derived = _derived(op, inputs, shape, numbers, (attributes or Attributes()).settings())
    return Constant(shape, element_type, numbers, sources(inputs), None, elements, derived=derived)


def _worked_out(results: Iterable[Number], element_type: int) -> Numbers | None:
    """Results as the element type holds them; None where one of them is no number."""
    try:
        numbers = arithmetic.stored(results, element_type)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return numbers if numbers is not None and all(map(arithmetic.is_known, numbers)) else None


def reduced(op: str, constant: Constant, axes: Sequence[int], keepdims: bool) -> Constant:
    """The sum, product, mean or extreme of a constant over some axes."""
    kept = [axis for axis in range(len(constant.shape)) if axis not in axes]
    shape = tuple(
        1 if axis in axes else size for axis, size in enumerate(constant.shape) if keepdims or axis not in axes
    )
    numbers: Numbers | None = None
    if constant.numbers is not None and 0 not in constant.shape:
        laid = transposed(constant, [*kept, *axes]).numbers or ()
        length = math.prod(constant.shape[axis] for axis in axes)
        parts = (list(laid[start : start + length]) for start in range(0, len(laid), length))
        numbers = _worked_out(map(arithmetic.REDUCED[op], parts), constant.element_type)
    derived = _derived(op, [constant], shape, numbers, {"axes": tuple(axes)})
    return Constant(shape, constant.element_type, numbers, constant.made_of, derived=derived)


def counted(start: Constant, stop: Constant, step: Constant) -> Constant:
    """Numbers from one up to another."""
    ends = [end.numbers for end in (start, stop, step)]
    if any(numbers is None or len(numbers) != 1 for numbers in ends):
        raise Inexpressible("a range whose ends are computed from data")
    (first, last, by) = (numbers[0] for numbers in ends if numbers)
    length = max(0, math.ceil((last - first) / by)) if by else 0
    if length > MOST_NUMBERS:
        derived = _derived("counted", [start, step], checked((length,)), None)
        return Constant(checked((length,)), start.element_type, derived=derived)
    return Constant((length,), start.element_type, tuple(first + index * by for index in range(length)))


def stated(attributes: Attributes, name: str = "") -> Constant:
    """The tensor or numbers in the attribute of a Constant node of that name, which are stored as initialisers are.

    Raises:
        Inexpressible: it is neither.
    """
    for attribute, value in attributes.items():
        if isinstance(value, Tensor):
            return of_tensor(value, name, "constant")
        if attribute == "value_int" and isinstance(value, int):
            return whole([value], ())
        if attribute == "value_float" and isinstance(value, int | float):
            return Constant((), FLOAT, (float(value),))
        if attribute in ("value_ints", "value_floats") and isinstance(value, list):
            made_of = (name,) if attribute == "value_floats" and name else ()
            return Constant((len(value),), INT64 if attribute == "value_ints" else FLOAT, tuple(value), made_of)
    raise Inexpressible("a constant that is no tensor of numbers")


def together(constants: Sequence[Constant]) -> tuple[str, ...]:
    """The stored arrays that some constants are made of, in order."""
    return tuple(dict.fromkeys(name for constant in constants for name in constant.made_of))


def sources(constants: Sequence[Constant]) -> tuple[str, ...]:
    """The stored arrays that something worked out of constants is made of; single numbers do not count beside arrays.

    None where one of the arrays was worked out from sizes, as a grid of positions is, unless it is one number repeated.
    """
    arrays = [constant for constant in constants if math.prod(constant.shape) != 1]
    if any(not constant.made_of and constant.only_number is None for constant in arrays):
        return ()
    return together(arrays or constants)
