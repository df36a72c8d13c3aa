"""The walk over the sections of a .cfg, each of which is a layer that reads the one before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from convcalc import steps
from convcalc.imports import Buffer, ReadOptions
from convcalc.imports.arrays import checked
from convcalc.imports.assembly import Assembly, assembled
from convcalc.imports.darknet import FORMAT, activations, heads, joins, pools, weighted
from convcalc.imports.darknet.sections import CfgSection, sections_of
from convcalc.imports.darknet.tensors import CfgLayer, CfgTensor
from convcalc.imports.drafts import Builder, Draft
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit, plain
from convcalc.imports.record import Imported
from convcalc.layers import Shape

_LAYER = 30
"""Steps that a section takes."""

_SECTIONS: dict[str, Callable[[CfgLayer], CfgTensor]] = {
    **activations.SECTIONS,
    **heads.SECTIONS,
    **joins.SECTIONS,
    **pools.SECTIONS,
    **weighted.SECTIONS,
}

_RECURRENT = {"rnn", "lstm", "gru"}
"""Sections of networks that a sequence enters, unless they have maps enter."""

_OF_YOLOR = {"implicit_add", "implicit_mul", "shift_channels", "control_channels"}
"""Sections that only YOLOR's program has."""

_NOT_READING = {"route", "implicit", "implicit_add", "implicit_mul"}
"""Sections that do not read the layer before them."""

_INPUT = "input"


def of_bytes(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of the network in a file's bytes."""
    try:
        return _record(CfgWalk(sections_of(buffer), options), source, options)
    except steps.OutOfSteps:
        raise OverLimit from None


class CfgWalk:
    """The walk over the sections of a network; `tensors` are what leaves each, by its number."""

    def __init__(self, sections: Sequence[CfgSection], options: ReadOptions) -> None:
        self.net, *self.layers = sections
        if self.net.type not in ("net", "network"):
            raise CannotImport(f"{self.net.place()} is the first section, where [net] or [network] is expected")
        if not self.layers:
            raise CannotImport(f"{self.net.place()} is the only section: there are no layers behind it")
        self.builder = Builder()
        self.warnings: list[str] = []
        is_recurrent = any(section.type in _RECURRENT for section in self.layers)
        self.in_steps = is_recurrent and not all(self._stated_image())
        self.is_yolors = any(section.type in _OF_YOLOR for section in self.layers)
        shape = self._entering(options)
        self.input = CfgTensor(self.builder.input(_INPUT, shape), shape if len(shape) == 3 else None)
        self.tensors: list[CfgTensor] = []
        self._convolutions: dict[int, tuple[str, Shape]] = {}
        for section in self.layers:
            steps.spend(_LAYER)
            self.tensors.append(self._tensor(section))

    def _tensor(self, section: CfgSection) -> CfgTensor:
        """What leaves a section."""
        index = len(self.tensors)
        current = self.tensors[-1] if self.tensors else self.input
        layer = CfgLayer(
            section,
            index,
            self.builder,
            current,
            self.tensors,
            self.in_steps,
            self.is_yolors,
            self._convolutions,
            self.warnings,
        )
        reader = _SECTIONS.get(section.type)
        if reader is None:
            return layer.unknown(None, "no section that is known")
        if current.is_unknown and section.type not in _NOT_READING:
            return layer.behind([current])
        try:
            return reader(layer)
        except Inexpressible as error:
            raise CannotImport(f"{layer.place}: {error}") from None

    def _entering(self, options: ReadOptions) -> Shape:
        """The shape of what enters: a map, a row of numbers, or where a layer is recurrent a row for each step."""
        if len(options.sizes) > 1 or set(options.sizes) - {"", _INPUT}:
            names = ", ".join(sorted(map(plain, options.sizes)))
            raise CannotImport(f"--input names {names}; one tensor enters the network, called {_INPUT}")
        sizes = tuple(next(iter(options.sizes.values()), ())) or self._stated()
        rank = 2 if self.in_steps else 3
        if len(sizes) == rank + 1:
            if sizes[0] != 1:
                self.warnings.append(f"the input has a batch of {sizes[0]}; the figures are for a batch of 1")
            sizes = sizes[1:]
        if len(sizes) not in (1, rank) or (self.in_steps and len(sizes) == 1):
            expected = "steps x numbers" if self.in_steps else "channels x height x width, or a count of numbers"
            raise CannotImport(f"--input has {len(sizes)} sizes, where {expected} is expected")
        if min(sizes) < 1:
            raise CannotImport(f"an input of shape {list(sizes)}, where a size is at least 1")
        return checked(sizes, "the input")

    def _stated(self) -> Shape:
        """The shape of what enters as the file has it."""
        net = self.net
        image = self._stated_image()
        count = net.integer("inputs", prod(image), 0)
        if self.in_steps and count:
            return (net.integer("time_steps", 1, 1), count)
        if all(image):
            return image
        if not count:
            example = "64x256" if self.in_steps else "3x416x416"
            raise CannotImport(
                f"{net.place()} says no size of what enters, by width, height and channels or by inputs; give it, "
                f"as in --input {example}"
            )
        return (count,)

    def _stated_image(self) -> Shape:
        return tuple(self.net.integer(key, 0, 0) for key in ("channels", "height", "width"))

    def leaving(self) -> list[Draft]:
        """What nothing reads: the heads of detectors, the last layer, and what was made for training alone."""
        read = {id(source) for draft in self.builder.drafts for source in draft.inputs}
        kept = [tensor.draft for tensor in self.tensors if id(tensor.draft) not in read]
        ends = {"yolo", "Gaussian_yolo", "region", "detection", "iseg"}
        heads_read = [
            tensor.draft for tensor, section in zip(self.tensors, self.layers, strict=True) if section.type in ends
        ]
        return list(dict.fromkeys([*heads_read, *kept]))


def _record(walk: CfgWalk, source: str, options: ReadOptions) -> Imported:
    leaving = walk.leaving()
    order = {id(draft): place for place, draft in enumerate(walk.builder.drafts)}
    parts = assembled(walk.builder, sorted(leaving, key=lambda draft: order[id(draft)]), strict=options.strict)
    return Imported(
        name="",
        inputs=parts.inputs,
        layers=parts.layers,
        outputs=parts.outputs,
        source=source,
        format=FORMAT,
        unit="layer",
        notes=tuple(_notes(walk, parts)),
        warnings=tuple(walk.warnings),
        missing=parts.missing,
    )


def _notes(walk: CfgWalk, parts: Assembly) -> list[str]:
    """What a .weights file of the network holds beside what is learned, and how some sections were read."""
    notes = [] if parts.missing or not parts.params else _of_weights(walk, parts)
    bits = sum(bool(section.integer("xnor", 0) or section.integer("binary", 0)) for section in walk.layers)
    if bits:
        layers = "1 xnor or binary layer is" if bits == 1 else f"{bits} xnor or binary layers are"
        notes.append(
            f"{layers} counted like the others, a MAC for each product of bits; AlexeyAB's Darknet prints a 32nd "
            "of them"
        )
    return [*notes, *dict.fromkeys(walk.builder.notes)]


def _of_weights(walk: CfgWalk, parts: Assembly) -> list[str]:
    """How many numbers a .weights file of the network has."""
    held = 2 * sum(layer.shape[0] for layer in parts.layers if layer.kind == "batch_norm" and layer.share is None)
    of_norms = f"; {held:,} of them are means and variances of norms, which are not learned" if held else ""
    notes = [f"a .weights file of this network holds {parts.params + held:,} numbers{of_norms}"]
    unsaved = sum(
        tensor.draft.shape[0]
        for tensor, section in zip(walk.tensors, walk.layers, strict=True)
        if section.type == "batchnorm"
    )
    if unsaved:
        notes.append(f"pjreddie's Darknet does not save the {unsaved:,} shifts of [batchnorm]")
    return notes
