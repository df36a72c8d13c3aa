"""Where the samples of a batch are, tensor by tensor, and that nothing makes them meet.

A network of ours has no batch, so every operator is translated for one sample. Of a file whose batch is fixed at more
than one, that is right only while the samples stay apart: `Value.samples` is the axis along which they lie,
`Value.shape` is that of one sample, with 1 on that axis, or, where a reshape put other axes behind the samples in it,
what they hold. Rules say for every operator along which axis they leave (`batches`); what takes elements of several
samples together, chooses among them or lays them in another order is `Mixed`.
"""

from __future__ import annotations

from convcalc import steps
from convcalc.imports.errors import CannotImport
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.values import Value, constant_value

Shape = tuple[int, ...]


class Mixed(Exception):
    """Samples meet; the message says how."""


class SamplesMeet(CannotImport):
    """A model whose batch is more than samples beside one another; `how` says where and in what way they meet."""

    def __init__(self, how: str, count: int) -> None:
        self.how = how
        super().__init__(
            f"{how}: figures for one sample of the batch of {count} would be wrong; cut the model in two there and "
            f"read both parts, or export it with these {count} on an axis behind a batch of 1"
        )


class Batch:
    """The samples of a model: how many, 1 where the batch carries nothing that must be watched."""

    def __init__(self, count: int) -> None:
        self.count = count

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
                return constant_value(parts[0])
        raise Mixed(f"has other numbers for each sample, in its input of shape {list(value.shape)}")


def samples_of(value: Value) -> int:
    """The axis along which the samples of a tensor lie, which it must have."""
    if value.samples is None:
        raise Mixed("reads from a tensor that is not of samples what another, of samples, says")
    return value.samples
