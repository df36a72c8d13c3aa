"""The inputs of a network: those at its top, those that are layers, and the sizes they have or are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from shlex import quote
from typing import NamedTuple

from convcalc.imports import Sizes
from convcalc.imports.arrays import checked
from convcalc.imports.caffe.layers import NetLayer
from convcalc.imports.caffe.text import TextMessage
from convcalc.imports.errors import CannotImport, plain
from convcalc.layers import Shape

_USUAL = 224
"""A size to put in an example."""


class DeclaredInput(NamedTuple):
    """An input as the file has it: `dims` with the batch, None for each that is not said, and who would say it."""

    name: str
    dims: tuple[int | None, ...] | None
    place: str

    @property
    def shape(self) -> Shape | None:
        """The sizes without the batch, if all are said."""
        if self.dims is None or None in self.dims[1:]:
            return None
        sizes = tuple(size for size in self.dims[1:] if size is not None)
        return sizes or tuple(size for size in self.dims if size is not None)


class CaffeInputs(NamedTuple):
    """The inputs that something reads with their shapes, by their names in the file, whose batch `batch` is."""

    shapes: dict[str, Shape]
    batch: int
    notes: list[str]


def declared_of(net: TextMessage, layers: list[NetLayer]) -> list[DeclaredInput]:
    """Every input there is, in its order."""
    declared = _at_the_top(net)
    for layer in layers:
        if not layer.bottoms:
            declared += _of_layer(layer)
    return declared


def entering_of(
    declared: list[DeclaredInput], layers: list[NetLayer], sizes: Sizes, sized: Callable[[NetLayer], tuple[str, ...]]
) -> CaffeInputs:
    """The inputs that the layers read, each with its size; `sized` has the bottoms of a layer whose sizes it needs.

    Raises:
        CannotImport: an input has no size in the file, and none is asked for.
    """
    read = {name for layer in layers for name in layer.bottoms}
    used = [entry for entry in {entry.name: entry for entry in declared}.values() if entry.name in read]
    if not used:
        raise CannotImport("the network has no input that any of its layers reads")
    stated = _asked_for(used, sizes)
    needed = {name for layer in layers for name in sized(layer)}
    shapes, missing = {}, []
    for entry in used:
        shape = _given(entry, stated[entry.name]) if entry.name in stated else entry.shape
        if shape is None and entry.name not in needed:
            continue
        if shape is None:
            missing.append(entry)
        elif not all(shape):
            raise CannotImport(f"input {plain(entry.name)} has the shape {list(shape)}: a size of 0 holds nothing")
        else:
            shapes[entry.name] = checked(shape, f"input {plain(entry.name)}")
    if missing:
        raise _open(missing)
    batch = max((entry.dims[0] or 1 for entry in used if entry.dims and len(entry.dims) > 1), default=1)
    notes = [f"a batch of {batch:,} stands in the file: the figures are for one of it"] if batch > 1 else []
    return CaffeInputs(shapes, batch, notes)


def _at_the_top(net: TextMessage) -> list[DeclaredInput]:
    names, dims, shapes = net.texts("input"), net.wholes("input_dim"), net.messages("input_shape")
    if dims and shapes:
        raise CannotImport("the file gives its inputs both `input_dim` and `input_shape`")
    if (shapes and len(shapes) != len(names)) or (dims and len(dims) != 4 * len(names)):
        given = f"{len(shapes)} `input_shape`" if shapes else f"{len(dims)} `input_dim`"
        raise CannotImport(f"the file has {len(names)} inputs and {given}; each has one shape, or four sizes")
    declared = []
    for place, name in enumerate(names):
        own: tuple[int, ...] | None = tuple(dims[4 * place : 4 * place + 4]) or None
        if shapes:
            own = tuple(shapes[place].wholes("dim")) or None
        declared.append(DeclaredInput(name, own, "the file gives it no size"))
    return declared


def _of_layer(layer: NetLayer) -> list[DeclaredInput]:
    """The inputs that a layer without bottoms makes: an image, and beside it labels or whatever else."""
    message = layer.message
    if layer.type == "Parameter":
        raise CannotImport(f"{layer.place}: a blob that is learned by itself, and has no batch, is not read")
    if layer.type in ("Input", "DummyData"):
        param = message.message("input_param" if layer.type == "Input" else "dummy_data_param")
        shapes = [tuple(shape.wholes("dim")) or None for shape in param.messages("shape")] or _apart(param) or [None]
        return [
            DeclaredInput(top, shapes[min(place, len(shapes) - 1)], "the file gives it no size")
            for place, top in enumerate(layer.tops)
        ]
    dims, place = _of_data(layer)
    return [DeclaredInput(top, dims if which == 0 else None, place) for which, top in enumerate(layer.tops)]


def _apart(param: TextMessage) -> list[tuple[int, ...] | None]:
    """The sizes of dummy data as older files have them, a field for each axis."""
    axes = [param.wholes(name) for name in ("num", "channels", "height", "width")]
    return list(zip(*axes, strict=False)) if all(axes) else []


def _of_data(layer: NetLayer) -> tuple[tuple[int | None, ...], str]:
    """What a layer that reads images says of their size, and who knows the rest."""
    message = layer.message
    memory = message.message("memory_data_param")
    if layer.type == "MemoryData" and memory.has("channels"):
        sizes = [memory.whole(name, 0) for name in ("channels", "height", "width")]
        return (memory.whole("batch_size", 1), *sizes), ""
    crop = message.message("transform_param").whole("crop_size", 0)
    for param in ("data_param", "image_data_param", "window_data_param"):
        crop = crop or message.message(param).whole("crop_size", 0)
    if layer.type == "ImageData":
        images = message.message("image_data_param")
        sides = [crop or images.whole(name, 0) or None for name in ("new_height", "new_width")]
        channels = 3 if images.flag("is_color", default=True) else 1
        return (None, channels, *sides), f"{layer.place} takes it from images"
    if layer.type == "WindowData":
        return (None, 3, crop or None, crop or None), f"{layer.place} takes it from images"
    resized = message.message("transform_param").message("resize_param")
    sides = [crop or resized.whole(side, 0) or None for side in ("height", "width")]
    return (None, None, *sides), f"{layer.place} takes it from data, which alone says what is open"


def _asked_for(declared: list[DeclaredInput], sizes: Sizes) -> Sizes:
    """The sizes that were asked for, by the names of the inputs."""
    names = [entry.name for entry in declared]
    if "" in sizes and (len(names) == 1 or sum(entry.shape is None for entry in declared) == 1):
        alone = names[0] if len(names) == 1 else next(entry.name for entry in declared if entry.shape is None)
        sizes = {name: value for name, value in sizes.items() if name} | {alone: sizes[""]}
    if unknown := set(sizes) - set(names):
        stated = ", ".join(sorted(unknown - {""})) or "no input"
        inputs = ", ".join(f"{plain(entry.name)} {_text(entry)}" for entry in declared)
        raise CannotImport(f"--input names {stated}; the model's are {inputs}")
    return sizes


def _given(entry: DeclaredInput, sizes: Sequence[int]) -> Shape:
    """Sizes that were asked for, without the batch if they have it."""
    stated = tuple(sizes)
    rank = 4 if entry.dims is None else len(entry.dims)
    if len(stated) == rank and rank > 1:
        return stated[1:]
    if len(stated) != max(rank - 1, 1) and entry.dims is not None:
        declared = f"input {plain(entry.name)} has {rank} axes, {_text(entry)}"
        raise CannotImport(f"{declared}, and --input gives {len(stated)}")
    return stated


def _text(entry: DeclaredInput) -> str:
    if entry.dims is None:
        return "of unknown shape"
    return f"[{', '.join('?' if size is None else str(size) for size in entry.dims)}]"


def _open(missing: list[DeclaredInput]) -> CannotImport:
    """What is missing, and options that give it, which can be used as they are."""
    options = " ".join(f"--input {quote(f'{plain(entry.name)}={_example(entry)}')}" for entry in missing)
    listed = "; ".join(f"input {plain(entry.name)} {_text(entry)}: {entry.place}" for entry in missing)
    whose = "its" if len(missing) == 1 else "their"
    return CannotImport(f"axes of no fixed size: {listed}: give {whose} sizes, as in {options}")


def _example(entry: DeclaredInput) -> str:
    dims = entry.dims or (None,) * 4
    usual = (1, 3, *(_USUAL,) * (len(dims) - 2))
    return "x".join(str(size or usual[place]) for place, size in enumerate(dims) if place)
