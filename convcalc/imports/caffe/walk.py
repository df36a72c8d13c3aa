"""From a Caffe prototxt to layers: every layer of the phase TEST translated, or found to be unknown, in one walk."""

from __future__ import annotations

from convcalc.imports import Buffer, ReadOptions
from convcalc.imports.assembly import assembled
from convcalc.imports.caffe import FORMAT
from convcalc.imports.caffe.blobs import CaffeLayer
from convcalc.imports.caffe.entering import CaffeInputs, declared_of, entering_of
from convcalc.imports.caffe.layers import BlobWiring, NetLayer, Top, layers_of
from convcalc.imports.caffe.operators import table
from convcalc.imports.caffe.operators.sized import READS_FIRST
from convcalc.imports.caffe.text import MOST_BYTES, TextMessage, parsed
from convcalc.imports.caffe.training import without_training
from convcalc.imports.drafts import BEHIND, INPUT, NO_KIND, Builder, Draft
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit, plain
from convcalc.imports.record import Imported
from convcalc.steps import OutOfSteps

_MOST_NAMED = 6


def of_bytes(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of a network in a file's bytes; see `convcalc.imports.Reader`."""
    if len(buffer) > MOST_BYTES:
        raise CannotImport(f"a text of {len(buffer):,} bytes, where a Caffe prototxt has at most {MOST_BYTES:,}")
    try:
        text = bytes(buffer[:]).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CannotImport(f"{FORMAT} is text, and byte {error.start} is not UTF-8") from None
    try:
        return _CaffeWalk(parsed(text), options).record(source)
    except OutOfSteps:
        raise OverLimit from None


def _needed(layer: NetLayer) -> int | None:
    """How many of a layer's first bottoms say how large its output is; None for all."""
    return 1 if layer.type in READS_FIRST else None


def _sized(layer: NetLayer) -> tuple[str, ...]:
    """The bottoms whose sizes a layer needs: of a type that is not known, none."""
    return layer.bottoms[: _needed(layer)] if layer.type in table() else ()


class _CaffeWalk:
    def __init__(self, net: TextMessage, options: ReadOptions) -> None:
        self.net, self.options = net, options
        self.builder = Builder()
        self.layers, self.left_out = without_training(layers_of(net))
        self.drafts: dict[Top, Draft] = {}
        self.merged: set[int] = set()

    def record(self, source: str) -> Imported:
        """What the walk comes to."""
        declared = declared_of(self.net, self.layers)
        self.layers = [layer for layer in self.layers if layer.bottoms]  # the others make what enters
        newest = {entry.name: place for place, entry in enumerate(declared)}
        wiring = BlobWiring([entry.name for entry in declared], self.layers)
        entering = entering_of(declared, self.layers, self.options.sizes, _sized)
        if not entering.shapes:
            raise CannotImport("no layer that is known reads an input")
        for name, shape in entering.shapes.items():
            self.drafts[-1, newest[name]] = self.builder.input(name, shape)
        for place, layer in enumerate(self.layers):
            try:
                self._step(place, layer, wiring, entering)
            except OutOfSteps:
                raise OverLimit(layer.place) from None
        leaving = [self.drafts[top] for top in wiring.open]
        leaving = [*dict.fromkeys(draft for draft in leaving if draft.kind != INPUT)]
        if not leaving:
            raise CannotImport("no layer is left that makes an output")
        parts = assembled(self.builder, leaving, strict=self.options.strict)
        return Imported(
            name=self.net.text("name"),
            inputs=parts.inputs,
            layers=parts.layers,
            outputs=parts.outputs,
            source=source,
            format=FORMAT,
            unit="layer",
            entering=parts.entering,
            notes=(*self._notes(entering), *parts.notes),
            missing=parts.missing,
        )

    def _step(self, place: int, layer: NetLayer, wiring: BlobWiring, entering: CaffeInputs) -> None:
        """Make the drafts of a layer's tops."""
        bottoms = [self.drafts[source] for source in wiring.sources[place] if source in self.drafts]
        bottoms = bottoms or self.builder.entering()
        if place in self.merged:
            self.drafts[place, 0] = bottoms[0]
            return
        readers = wiring.readers.get((place, 0), [])
        following = self.layers[readers[0]] if len(readers) == 1 and len(layer.tops) == 1 else None
        call = CaffeLayer(self.builder, layer, bottoms, entering.batch, following)
        drafts = self._read(call)
        if call.merged:
            self.merged.add(readers[0])
        for which in range(len(layer.tops)):
            self.drafts[place, which] = drafts[min(which, len(drafts) - 1)]

    def _read(self, call: CaffeLayer) -> list[Draft]:
        if any(draft.is_unsized for draft in call.bottoms[: _needed(call.layer)]):
            return [self.builder.unknown(None, call.bottoms, call.origins[0], BEHIND)]
        read = table().get(call.layer.type)
        reason = NO_KIND
        if read is not None:
            before = len(self.builder.drafts)
            try:
                made = read(call)
                return made if isinstance(made, list) else [made]
            except Inexpressible as error:
                reason = str(error)
                del self.builder.drafts[before:]
        elif call.layer.type == "Python":
            python = call.parameters("python_param")
            reason = f"it is Python: {plain(python.text('module'))}.{plain(python.text('layer'))}"
        return [self.builder.unknown(None, call.bottoms, call.origins[0], reason)]

    def _notes(self, entering: CaffeInputs) -> list[str]:
        notes = list(entering.notes)
        if self.left_out:
            listed = ", ".join(f"{plain(layer.name)} ({plain(layer.type)})" for layer in self.left_out[:_MOST_NAMED])
            more = f" and {len(self.left_out) - _MOST_NAMED} more" if len(self.left_out) > _MOST_NAMED else ""
            notes.append(f"left out, as what only training and testing need: {listed}{more}")
        norms = [layer for layer in self.layers if layer.type == "BatchNorm"]
        if norms:
            more = "1 number" if len(norms) == 1 else f"{len(norms):,} numbers"
            notes.append(
                "beside a mean and a variance a channel Caffe keeps one factor for both in each BatchNorm: a "
                f".caffemodel holds {more} more than the parameters and buffers"
            )
        return notes
