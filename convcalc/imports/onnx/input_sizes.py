"""The sizes of a model's inputs: those asked for, those of the file, and what is said where one is missing."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from shlex import quote

from convcalc.imports import Sizes
from convcalc.imports.arrays import checked
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.onnx.reading import FLOATING, Dimension, ValueInfo

Shape = tuple[int, ...]

_BATCH = re.compile(r"(?i)n|b|bs|bsz|n_?samples|num_?samples|.*batch.*")
"""Names that axes have which are a batch."""

_LENGTH = re.compile(r"(?i)t|l|s|.*(seq|len|time|frame|token|step|window|patch|chunk|point|sample_rate).*")
"""Names of axes along which what is read goes on: no batch, wherever they are."""

_NUMBER = re.compile(r"[0-9]{1,9}")

_TOKENS, _SECOND = 128, 16_000
"""Words of a text, and numbers of a second of sound, which has a row of these alone."""

_USUAL = (
    (re.compile(r"(?i)h|w|.*(height|width|rows?|col(umn)?s?)"), 224),
    (re.compile(r"(?i)c|.*channels?"), 3),
    (_LENGTH, _TOKENS),
)
"""Sizes to put in an example, by the name of the axis."""


def is_batch(dimension: Dimension) -> bool:
    """Whether the file calls an axis a batch, or leaves it open without a name that says otherwise."""
    return dimension is None or (isinstance(dimension, str) and not _LENGTH.fullmatch(dimension))


def is_named_batch(dimension: Dimension) -> bool:
    """Whether the file calls an axis a batch in so many words."""
    return isinstance(dimension, str) and _BATCH.fullmatch(dimension) is not None


def asked_for(infos: Sequence[ValueInfo], sizes: Sizes) -> Sizes:
    """The sizes that were asked for, by the names of the inputs.

    Raises:
        CannotImport: there is no input of such a name, or no name is given and there are several.
    """
    names = {info.name for info in infos}
    if "" in sizes and len(infos) == 1:
        return {infos[0].name: sizes[""]}
    if "" in sizes and "input" in names:
        return {"input": sizes[""]}
    unknown = set(sizes) - names
    if unknown:
        inputs = ", ".join(f"{plain(info.name)} {dims_text(info.dims)}" for info in infos)
        stated = ", ".join(sorted(unknown - {""})) or "no input"
        raise CannotImport(f"--input names {stated}; the model's are {inputs}")
    return sizes


def resolved(infos: Sequence[ValueInfo], sizes: Sizes, read: Collection[str]) -> dict[str, Shape]:
    """The shapes of the inputs that have one; an axis that is open has the size that its name has elsewhere.

    An axis in front that is open is 1, and any that is called a batch. `read` are the inputs that something reads: of
    others the sizes do not matter.
    """
    known = _sizes_of_names(infos, sizes)
    shapes: dict[str, Shape] = {}
    missing = []
    for info in infos:
        if info.name not in sizes and not info.is_tensor:
            continue
        shape = _shape(info, sizes.get(info.name), known)
        if shape is not None:
            shapes[info.name] = checked(shape, f"input {plain(info.name)}")
        elif info.name in read:
            missing.append(info)
    if missing:
        raise CannotImport(_open(missing, known))
    return shapes


def _sizes_of_names(infos: Sequence[ValueInfo], sizes: Sizes) -> dict[str, int]:
    """The size of every axis that has a name, as far as sizes or the name tell."""
    known: dict[str, int] = {}
    for info in infos:
        dims, stated = info.dims or [], sizes.get(info.name, ())
        for dimension, size in zip(reversed(dims), reversed(stated), strict=False):
            if isinstance(dimension, str):
                known.setdefault(dimension, size)
    behind = {size for info in infos for size in (info.dims or [])[1:] if isinstance(size, str)}
    for info in infos:
        for place, dimension in enumerate(info.dims or ()):
            if not isinstance(dimension, str):
                continue
            is_first = place == 0 and len(info.dims or ()) > 1
            is_in_front = is_first and (dimension not in behind or is_named_batch(dimension))
            if is_in_front or "batch" in dimension.lower():
                known.setdefault(dimension, 1)
    _add_sums(infos, known)
    return known


def _add_sums(infos: Sequence[ValueInfo], known: dict[str, int]) -> None:
    """The size of every axis whose name is a sum of others, as `past_length + length`, where those are known."""
    for info in infos:
        for dimension in info.dims or ():
            if isinstance(dimension, str) and "+" in dimension:
                terms = [term.strip() for term in dimension.split("+")]
                sizes = [int(term) if _NUMBER.fullmatch(term) else known.get(term) for term in terms]
                if None not in sizes:
                    known.setdefault(dimension, sum(size for size in sizes if size is not None))


def _shape(info: ValueInfo, stated: Sequence[int] | None, known: Mapping[str, int]) -> Shape | None:
    """The shape of an input, None where an axis is open."""
    dims = info.dims
    if stated is not None:
        if dims is not None and len(stated) == len(dims) - 1:
            first = dims[0]
            return (first if isinstance(first, int) else known.get(first or "", 1), *stated)
        if dims is not None and len(stated) != len(dims):
            declared = f"input {plain(info.name)} has {len(dims)} axes, {dims_text(dims)}"
            raise CannotImport(f"{declared}, and --input gives {len(stated)}")
        return tuple(stated)
    if dims is None:
        return None
    shape: list[int] = []
    for place, dimension in enumerate(dims):
        size = known.get(dimension) if isinstance(dimension, str) else dimension
        if size is None and place == 0 and len(dims) > 1 and dimension is None:
            size = 1
        if size is None:
            return None
        shape.append(size)
    return tuple(shape)


def dims_text(dims: Sequence[Dimension] | None) -> str:
    """Sizes as the file has them, with the names of those that are open."""
    return "of unknown shape" if dims is None else f"[{', '.join('?' if size is None else str(size) for size in dims)}]"


def _open(infos: Sequence[ValueInfo], known: Mapping[str, int]) -> str:
    """What is missing, and options that give it, which can be used as they are."""
    open_inputs = ", ".join(f"input {plain(info.name)} {dims_text(info.dims)}" for info in infos)
    examples = dict(known)
    for info in infos:
        for place, dimension in enumerate(info.dims or ()):
            if isinstance(dimension, str) and "+" not in dimension:
                examples.setdefault(dimension, _usual(info.dims or (), place, known))
    _add_sums(infos, examples)
    options = " ".join(f"--input {quote(f'{plain(info.name)}={_example(info, examples)}')}" for info in infos)
    return f"axes of no fixed size: {open_inputs}: give {'its' if len(infos) == 1 else 'their'} sizes, as in {options}"


def _example(info: ValueInfo, known: Mapping[str, int]) -> str:
    dims: Sequence[Dimension] = info.dims if info.dims is not None else [None] * 4
    sizes = [_usual(dims, place, known) for place in range(len(dims))]
    if len(dims) == 2 and sizes[1] == _TOKENS and not isinstance(dims[1], int) and info.element_type in FLOATING:
        sizes[1] = _SECOND
    return "x".join(map(str, sizes))


def _usual(dims: Sequence[Dimension], place: int, known: Mapping[str, int]) -> int:
    """A size that such an axis often has."""
    dimension, rank = dims[place], len(dims)
    if isinstance(dimension, int):
        return dimension
    name = dimension or ""
    if name in known:
        return known[name]
    if is_named_batch(dimension) or (place == 0 and rank > 1):
        return 1
    by_name = next((size for pattern, size in _USUAL if pattern.fullmatch(name)), None)
    if by_name is not None:
        return by_name
    if place == 1 and rank >= 4:
        return 3
    return 224 if rank >= 4 else _TOKENS
