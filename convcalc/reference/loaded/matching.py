"""Arrays of a file matched with those of a network, by name: ``layer1.0.conv1.weight``.

A name is that of the layer, a dot, and that of its array as the kind has it, which is PyTorch's where PyTorch has the
layer; a layer with one array may go without the latter. All names of a file, or all of a network, may begin with
the same word more (``module.``, ``model.``): then it is left out, and a note says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from convcalc.imports.errors import plain
from convcalc.imports.onnx.stored import NoNumbers
from convcalc.language.suggestions import did_you_mean
from convcalc.layers import Array, Shape
from convcalc.network import Network, Node
from convcalc.reference.loaded.archives import Archive, Entry
from convcalc.reference.loaded.problems import UNREADABLE, WeightProblems
from convcalc.reference.loaded.recurrent import IN_PARTS, assembled, parts_of

_IGNORED = ("num_batches_tracked",)
"""What PyTorch keeps beside its arrays, and no layer uses."""

_MOST_NOTED = 5

_FRACTIONS = ("float16", "float32", "float64", "float128", "longdouble", "bfloat16")
_NUMBERS = (*_FRACTIONS, "int", "uint", "bool")
"""How names of types begin that weights are made of, and constants."""


class _Misfit(NoNumbers):
    """An array that is not the one of the network; `advice` is what a person can do."""

    def __init__(self, problem: str, advice: str = "is it of another network, or another version of this one?") -> None:
        super().__init__(problem)
        self.advice = advice


class WantedArray(NamedTuple):
    """An array that a network needs: the layer's place in `Network.nodes`, the array's name in it, and its shape."""

    place: int
    array: str
    shape: Shape


class Match(NamedTuple):
    """What an archive has for a network: arrays by layer, what is told of names, and the entries that nobody reads."""

    arrays: dict[int, dict[str, Array]]
    notes: tuple[str, ...]
    unused: tuple[str, ...]


def matched(network: Network, archive: Archive, path: str, dtype: np.dtype[np.generic]) -> Match:
    """The arrays of every layer that has its own.

    Raises:
        SpecError: some are not there or have other shapes, all of them in one.
    """
    entries = {name: entry for name, entry in archive.entries.items() if name.rpartition(".")[2] not in _IGNORED}
    names = _Names(network, entries)
    problems, arrays = WeightProblems(path), dict[int, dict[str, Array]]()
    for index, node in enumerate(network.layers, network.input_count):
        for array, shape in network.arrays_of(node).items():
            read = _read(network, names, archive, WantedArray(index, array, shape), problems, dtype)
            if read is not None:
                arrays.setdefault(index, {})[array] = read
    unused = [name for name in entries if name not in names.used]
    if problems:
        left = f"; left over are {listed(unused)}" if unused else ""
        problems.raise_any(f"names are LAYER.ARRAY, as in `{names.example()}`{left}")
    return Match(arrays, names.notes, tuple(unused))


class _Names:
    """Which entry of a file is meant by which array; `used` are those that were asked for."""

    def __init__(self, network: Network, entries: Mapping[str, Entry]) -> None:
        self.network, self.entries = network, entries
        self.used: set[str] = set()
        self._wanted = [f"{node.name}.{array}" for node in network.layers for array in network.arrays_of(node)]
        self.added, self.removed = self._prefixes()
        self.notes: tuple[str, ...] = ()
        if self.added:
            self.notes = (f"the names of the file begin with `{plain(self.added)}`, which is left out",)
        elif self.removed:
            self.notes = (f"the names of the network begin with `{plain(self.removed)}`, which the file leaves out",)

    def example(self) -> str:
        """The name of an array that the network has, as it is in the file."""
        return self._in_file(self._wanted[0]) if self._wanted else "conv1.weight"

    def _in_file(self, name: str) -> str:
        return self.added + name.removeprefix(self.removed)

    def _prefixes(self) -> tuple[str, str]:
        """What the file's names have before those of the network, and what these have before the file's."""
        direct = sum(name in self.entries for name in self._wanted)
        tails = {name: place for place, name in enumerate(self._wanted)}
        added = Counter(before for name in self.entries for before, tail in _cut(name) if tail in tails)
        removed = Counter(before for name in self._wanted for before, tail in _cut(name) if tail in self.entries)
        best, count = max(added.items(), key=lambda item: item[1], default=("", 0))
        other, others = max(removed.items(), key=lambda item: item[1], default=("", 0))
        if direct >= max(count, others):
            return "", ""
        return (best, "") if count >= others else ("", other)

    def entry(self, node: Node, array: str) -> str | None:
        """The entry for an array of a layer, by its own name or, where it has no other, by the layer's alone."""
        name = self._in_file(f"{node.name}.{array}")
        alone = self._in_file(node.name)
        if name not in self.entries and alone in self.entries and len(self.network.arrays_of(node)) == 1:
            name = alone
        if name not in self.entries:
            return None
        self.used.add(name)
        return name

    def parts(self, node: Node, array: str) -> list[str] | None:
        """The entries that PyTorch has in the place of one of a recurrent layer."""
        names = [self._in_file(f"{node.name}.{part}") for part in parts_of(node.config, array)]
        if not names or any(name not in self.entries for name in names):
            return None
        self.used.update(names)
        return names

    def lacking(self, node: Node, array: str) -> str:
        """What may have been meant by an array that is not there."""
        name = self._in_file(f"{node.name}.{array}")
        return did_you_mean(name, [entry for entry in self.entries if entry not in self.used])


def _cut(name: str) -> Iterator[tuple[str, str]]:
    """A name cut behind each of its dots."""
    start = name.find(".")
    while start >= 0:
        yield name[: start + 1], name[start + 1 :]
        start = name.find(".", start + 1)


def _read(
    network: Network,
    names: _Names,
    archive: Archive,
    wanted: WantedArray,
    problems: WeightProblems,
    dtype: np.dtype[np.generic],
) -> Array | None:
    """One array, None where it is another layer's, or where a problem was noted."""
    node = network.nodes[wanted.place]
    label = f"{node.name}.{wanted.array}"
    try:
        parts = names.parts(node, wanted.array) if node.kind in IN_PARTS else None
        if parts is not None:
            for part in parts:
                _check_part(names.entries[part], part, wanted.shape)
            arrays = [_number_array(archive, part) for part in parts]
            return as_weight(assembled(node.kind, wanted.array, arrays), wanted.shape, dtype)
        name = names.entry(node, wanted.array)
        if name is None:
            if node.shared is None and wanted.array not in node.borrowed_names:
                problems.add(f"{label} of shape {list(wanted.shape)} is not there", names.lacking(node, wanted.array))
            return None
        _check_shape(names.entries[name], wanted.shape)
        _check_type(names.entries[name], is_constant=wanted.array == "constant")
        return as_weight(_number_array(archive, name), wanted.shape, dtype, is_constant=wanted.array == "constant")
    except _Misfit as error:
        problems.add(f"{label}: {error}", error.advice)
    except NoNumbers as error:
        problems.add(f"{label}: {error}", "write or copy the file again")
    return None


def _number_array(archive: Archive, name: str) -> Array:
    try:
        return archive.read(name)
    except NoNumbers:
        raise
    except MemoryError:
        raise NoNumbers("it does not fit into memory") from None
    except (*UNREADABLE, OSError) as error:
        raise NoNumbers(f"it cannot be read: {error}") from None


def _check_shape(entry: Entry, shape: Shape) -> None:
    """Raises NoNumbers for an entry that has other sizes, before a number of it is read."""
    if not _same_sizes(entry.shape, shape):
        turned = "; it is that shape turned over" if entry.shape == shape[::-1] else ""
        raise _Misfit(f"shape {list(shape)} is expected, and the file has {list(entry.shape)}{turned}")


def _check_part(entry: Entry, name: str, shape: Shape) -> None:
    """Raises NoNumbers for a part of an array that is larger than the array, before a number of it is read."""
    if not 0 <= prod(entry.shape) <= prod(shape):
        raise _Misfit(f"shape {list(shape)} is expected, and the file has {plain(name)} of {list(entry.shape)}")
    _check_type(entry)


def _check_type(entry: Entry, *, is_constant: bool = False) -> None:
    """Raises NoNumbers for an entry that no weight is made of, before a number of it is read.

    An element of a type that holds text or raw bytes may have any size.
    """
    if entry.dtype != "object" and not entry.dtype.startswith(_NUMBERS if is_constant else _FRACTIONS):
        raise _not_numbers(entry.dtype)


def _not_numbers(dtype: str) -> _Misfit:
    problem = f"numbers with a fraction are expected, and it has those of type {plain(dtype)}"
    return _Misfit(problem, "write it as float32, multiplied by its scale if it has one")


def _same_sizes(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two shapes differ in nothing but axes of one position."""
    return [size for size in first if size != 1] == [size for size in second if size != 1]


def as_weight(array: Array, shape: Shape, dtype: np.dtype[np.generic], *, is_constant: bool = False) -> Array:
    """An array of a file as a layer uses it: of its shape and type, none copied that need not be.

    Axes of one position may stand elsewhere. Whole numbers are constants; a weight of them has a scale that is not
    known here.

    Raises:
        NoNumbers: it has other sizes, or is no array of numbers that a layer could use.
    """
    if array.dtype.name == "bfloat16":
        array = (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if array.dtype.kind not in "fiub" or (array.dtype.kind != "f" and not is_constant):
        raise _not_numbers(array.dtype.name)
    if not _same_sizes(array.shape, shape):
        raise _Misfit(f"shape {list(shape)} is expected, and it has {list(array.shape)}")
    with np.errstate(over="ignore"):  # what is beyond a type is infinite in it
        weight: Array = array.reshape(shape).astype(dtype, copy=False)
    is_repeated = any(step == 0 and size > 1 for step, size in zip(weight.strides, shape, strict=True))
    return weight.copy() if is_repeated or not weight.flags.aligned else weight


def listed(names: Iterable[str]) -> str:
    """Names of a file as a sentence has them, the first of many, and how many more there are."""
    every = [*names]
    more = f" and {len(every) - _MOST_NOTED} more" if len(every) > _MOST_NOTED else ""
    return ", ".join(map(plain, every[:_MOST_NOTED])) + more
