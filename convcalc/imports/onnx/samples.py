"""Where the samples of a batch are, tensor by tensor, and that nothing makes them meet.

A network of ours has no batch, so every operator is translated for one sample. Of a file whose batch is fixed at more
than one, that is right only while the samples stay apart: `Value.samples` is the axis along which they lie,
`Value.shape` is that of one sample, with 1 on that axis, or, where a reshape put other axes behind the samples in it,
what they hold. Rules say for every operator along which axis they leave (`batches`); what takes elements of several
samples together, chooses among them or lays them in another order is `Mixed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from msgspec.structs import replace

from convcalc import steps
from convcalc.imports.errors import CannotImport
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.values import Value, constant_value

Shape = tuple[int, ...]

Places = int | tuple[int | None, ...] | None
"""The axis along which samples leave a node; of several outputs, where these differ, that of each."""


class Mixed(Exception):
    """Samples meet; the message says how."""


class SamplesMeet(CannotImport):
    """A model whose first axis is no batch of samples beside one another; `how` says where and in what way they meet.

    `how` is "" where nothing says that it is a batch, though nothing makes its positions meet.
    """

    def __init__(self, how: str, count: int) -> None:
        self.how = f"no batch: {how}" if how else "kept, for nothing in the graph says that it is a batch"
        super().__init__(f"axis 0 of the inputs, a batch of {count} to all appearances, is {self.how}")


class Batch:
    """The samples of a model: how many, 1 where the batch carries nothing that must be watched.

    `is_stated`: the file says that they are samples, by the name of their axis, by an operator that is defined for a
    batch of them, or in repeating for each what training made once.
    """

    def __init__(self, count: int, *, is_stated: bool = False) -> None:
        self.count, self.is_stated = count, is_stated

    def note_repeated(self, value: Value) -> None:
        """Take notice of what is the same for every sample: a class token, if training made it."""
        if value.constant is not None and constants.is_learned(value.constant):
            self.is_stated = True

    def full(self, value: Value) -> Shape:
        """The shape that the file gives a tensor, of all samples."""
        axis = value.samples
        if axis is None:
            return value.shape
        return (*value.shape[:axis], value.shape[axis] * self.count, *value.shape[axis + 1 :])

    def of_one(self, value: Value, axis: int) -> Value:
        """A tensor that is not of samples, where it meets them along an axis: the same for each, or `Mixed`."""
        size, constant = value.shape[axis], value.constant
        if size == 1:
            return value
        if size % self.count == 0 and constant is not None and constant.numbers is not None:
            steps.spend(15 * self.count + len(constant.numbers) // 2)
            share, ranges = size // self.count, [range(length) for length in value.shape]
            cuts = [range(start, start + share) for start in range(0, size, share)]
            parts = [constants.sliced(constant, [*ranges[:axis], cut, *ranges[axis + 1 :]]) for cut in cuts]
            if all(part.numbers == parts[0].numbers for part in parts):
                if constant.only_number is None:
                    self.note_repeated(value)
                return constant_value(parts[0])
        raise Mixed(f"has other numbers for each sample, in its input of shape {list(value.shape)}")


def samples_of(value: Value) -> int:
    """The axis along which the samples of a tensor lie, which it must have."""
    if value.samples is None:
        raise Mixed("reads from a tensor that is not of samples what another, of samples, says")
    return value.samples


def laid(values: Sequence[Value], places: Places) -> list[Value]:
    """The outputs of a node, with where the samples of each are."""
    own = places if isinstance(places, tuple) else (places,) * len(values)
    return [replace(value, samples=place) for value, place in zip_longest(values, own[: len(values)])]
