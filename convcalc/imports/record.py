"""What a model file says, as layers of our kinds: what the readable spec is written from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from convcalc.arithmetic.precision import PartialPrecision
from convcalc.imports.elements import Elements
from convcalc.imports.makings import Making
from convcalc.layers import Kind, Shape, defaults_on, kind_of

if TYPE_CHECKING:
    from convcalc.imports import Buffer


class FileTensor(msgspec.Struct, frozen=True):
    """A tensor of the file by its name there, its shape as it was read, all samples of a batch in it.

    `batch` is the axis that is left out of ours, None where none is.
    """

    name: str
    shape: Shape
    batch: int | None = None


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer: `fields` as a person would write them, those at their defaults left out.

    `name` is a path with dots (`layer1.0.conv1`), taken from the graph's own names and unlike every other. `inputs`
    are names of layers before it, or of inputs of the network. `share` is an earlier layer whose weights it uses, all
    of them; `arrays` are single ones of its own that are another layer's, with the name of that layer and its array.
    `operators` are the titles of those operators of the file that it stands for, and `tensor` is the one of the file's
    that leaves it, None where none is just that. `elements` are those of the file's arrays that its own have, and
    `makings` how the numbers of its own come from those of the file, where it is known.
    `precision` are the formats that the file has its numbers in, as far as it says. `call` is what the code of the
    program calls for it, empty where that is what is taken anyway (see `convcalc.counters.calls`).
    """

    name: str
    kind: str
    fields: dict[str, object] = {}
    inputs: tuple[str, ...]
    share: str | None = None
    arrays: dict[str, tuple[str, str]] = {}
    shape: Shape
    operators: tuple[str, ...] = ()
    tensor: FileTensor | None = None
    elements: dict[str, Elements] = {}
    makings: dict[str, Making] = {}
    precision: PartialPrecision | None = None
    call: str = ""

    def config(self, shapes: Sequence[Shape]) -> Kind:
        """The layer as its kind has it, for the shapes that enter; its fields were found right when it was read."""
        kind = kind_of(self.kind)
        return kind(**{**defaults_on(kind, len(shapes[0]) - 1), **self.fields})


class Unused(msgspec.Struct, frozen=True):
    """An array of the file that no layer uses, and so is not counted."""

    name: str
    shape: Shape


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """A model: inputs, layers in an order in which they can run, and what leaves, all without the batch axis.

    `source` is the file as it was named. `format` is what it is, as in "an example model of version 2", `producer` what
    wrote it, with its version, where the file says so, and `unit` what is put before the title of an operator: "node".
    `notes` are sentences on what a reader of the figures must know: weights that could not be told from constants.
    `path` is where the file is, empty where it was read from elsewhere; what can be read once alone is kept as
    `content`. `runtime` is the one that runs it, and `entering` are its inputs as it has them.
    `warnings` are those without which the figures may be misread: a batch that was not 1, shapes that the file declares
    and that are others. `missing` says in a sentence what is not counted, empty where all is. `assumptions` are
    sentences on what is taken of the program's code and is not in the file.
    """

    name: str
    inputs: dict[str, Shape]
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    source: str
    format: str
    producer: str = ""
    unit: str = ""
    unused: tuple[Unused, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    path: str = ""
    content: Buffer | None = None
    runtime: str = ""
    entering: dict[str, FileTensor] = {}
    missing: str = ""
    assumptions: tuple[str, ...] = ()

    @property
    def uncosted(self) -> tuple[Layer, ...]:
        """The layers whose own cost is not known."""
        return tuple(layer for layer in self.layers if layer.kind == "opaque")
