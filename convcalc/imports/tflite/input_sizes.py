"""The sizes of a model's inputs: those asked for, those of the file, and what is said where one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

import msgspec

from convcalc.imports import Sizes
from convcalc.imports.arrays import checked
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.tflite.model import LiteTensor
from convcalc.layers import Shape

_USUAL = {2: 16_000, 3: 128, 4: 224, 5: 224}
"""Sizes to put in an example for an open axis, by how many axes there are: a second of sound, steps, pixels."""


class Entering(msgspec.Struct, frozen=True):
    """An input as it enters: its shape as the file has it, and whether that was asked for."""

    name: str
    tensor: LiteTensor
    shape: Shape
    is_asked: bool


def name_of(tensor: LiteTensor) -> str:
    """What an input is called, without what TensorFlow puts around the name that a person gave."""
    name = tensor.name.removeprefix("serving_default_")
    return plain(name.removesuffix(":0")) or f"input_{tensor.index}"


def entering(tensors: Sequence[LiteTensor], sizes: Sizes) -> list[Entering]:
    """The inputs with their sizes; an open axis in front is a batch and 1, others are asked for."""
    names = [name_of(tensor) for tensor in tensors]
    given = dict(sizes)
    if "" in given and len(tensors) == 1:
        given = {names[0]: given.pop(""), **given}
    by_name = {alias: name for tensor, name in zip(tensors, names, strict=True) for alias in (tensor.name, name)}
    wrong = [name for name in given if name not in by_name]
    if wrong:
        stated = "no name" if wrong == [""] else ", ".join(map(plain, wrong))
        raise CannotImport(f"--input names {stated}; the model's inputs are {', '.join(names)}")
    stated_sizes = {by_name[name]: tuple(size) for name, size in given.items()}
    entered, missing = [], []
    for name, tensor in zip(names, tensors, strict=True):
        stated_size = stated_sizes.get(name)
        shape = _own(tensor) if stated_size is None else _given(name, tensor, stated_size)
        if shape is None:
            missing.append((name, tensor))
        else:
            checked(shape, f"input {name}")
            if 0 in shape:
                raise CannotImport(f"input {name} of shape {list(shape)} holds nothing: give its sizes with --input")
            entered.append(Entering(name, tensor, shape, stated_size is not None and shape != tensor.shape))
    if missing:
        raise CannotImport(_open(missing))
    return entered


def _own(tensor: LiteTensor) -> Shape | None:
    """The shape that the file has; None where an axis other than the batch is open."""
    is_open = [size < 0 for size in tensor.signature]
    if any(is_open[1:]) or (len(is_open) == 1 and is_open[0]):
        return None
    return (1, *tensor.shape[1:]) if is_open and is_open[0] else tensor.shape


def _given(name: str, tensor: LiteTensor, sizes: Shape) -> Shape:
    """The sizes that were asked for, with the batch or without; those of a map in the file's order or channels first.

    The latter is how the file's spec has them.
    """
    signature = tensor.signature
    if len(sizes) == len(signature) - 1:
        sizes = (max(signature[0], 1), *sizes)
    if len(sizes) != len(signature):
        raise CannotImport(f"input {name} has {len(signature)} axes, {_shown(tensor)}, and --input gives {len(sizes)}")
    channels = signature[-1]
    if len(signature) > 3 and sizes[-1] != channels > 0 and sizes[1] == channels:
        return (sizes[0], *sizes[2:], channels)
    return sizes


def _shown(tensor: LiteTensor) -> str:
    return f"[{', '.join('?' if size < 0 else str(size) for size in tensor.signature)}]"


def _open(missing: list[tuple[str, LiteTensor]]) -> str:
    """What is missing, and options that give it, which can be used as they are."""
    inputs = ", ".join(f"input {name} {_shown(tensor)}" for name, tensor in missing)
    options = []
    for name, tensor in missing:
        rank = len(tensor.signature)
        usual = [_USUAL.get(rank, 16)] * rank
        if rank > 1:
            usual[0] = 1
        if rank > 3:
            usual[-1] = 3
        sizes = [own if size < 0 else size for size, own in zip(tensor.signature, usual, strict=True)]
        options.append(f"--input {quote(f'{name}={_joined(sizes)}')}")
    its = "its" if len(missing) == 1 else "their"
    return f"axes of no fixed size: {inputs}: give {its} sizes, as in {' '.join(options)}"


def _joined(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
