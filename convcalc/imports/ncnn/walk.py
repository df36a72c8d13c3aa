"""From the layers of a file, in order, to a record: every blob is the draft that makes it."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc import steps
from convcalc.imports import Buffer, ReadOptions
from convcalc.imports.assembly import assembled
from convcalc.imports.drafts import BEHIND, Builder, Draft
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit, plain
from convcalc.imports.ncnn import FORMAT
from convcalc.imports.ncnn.input_sizes import EnteringBlobs
from convcalc.imports.ncnn.nodes import NcnnLayer, hinted, node_of
from convcalc.imports.ncnn.operators import NcnnCall, operator_of
from convcalc.imports.ncnn.rounded import is_rounded, leaving
from convcalc.imports.ncnn.text import lines_of
from convcalc.imports.record import Imported

_NODE = 30
"""Steps that it takes to look at a layer, beside what is paid for where it is worked out."""


def of_bytes(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The record of the network in a file."""
    try:
        text = lines_of(buffer)
        walk = NcnnWalk([node_of(line) for line in text.lines], options)
    except steps.OutOfSteps:
        raise OverLimit from None
    walk.go()
    parts = assembled(walk.builder, walk.leaving(), strict=options.strict)
    return Imported(
        name="",
        inputs=parts.inputs,
        layers=parts.layers,
        outputs=parts.outputs,
        source=source,
        format=FORMAT,
        unit="layer",
        notes=(*parts.notes, *walk.notes(), *walk.builder.notes),
        warnings=(*text.warnings, *walk.warnings),
        missing=parts.missing,
    )


class NcnnWalk:
    """The layers one after the other; `blobs` are what those so far have made."""

    def __init__(self, nodes: Sequence[NcnnLayer], options: ReadOptions) -> None:
        self.nodes = nodes
        self.builder = Builder()
        self.blobs: dict[str, Draft] = {}
        self.read: set[str] = set()
        self.warnings: list[str] = []
        self._inputs = EnteringBlobs(nodes, options.sizes)

    def go(self) -> None:
        """Make a draft of everything.

        Raises:
            CannotImport: a size is open, or a layer is not what it can be, with its line.
        """
        for name, shape in self._inputs.shapes().items():
            self.blobs[name] = self.builder.input(name, shape)
        if any(map(is_rounded, self.nodes)):
            for node in self.nodes:
                self.builder.formats.operator(node.title, leaving(node))
        for node in self.nodes:
            try:
                steps.spend(_NODE + len(node.line.bottoms) + len(node.line.tops))
                self._step(node)
            except steps.OutOfSteps:
                raise OverLimit(node.line.place) from None
            except CannotImport as error:
                raise CannotImport(f"{node.line.place}: {error}") from None

    def _step(self, node: NcnnLayer) -> None:
        line = node.line
        if line.type == "Input":
            return
        entering = [self._blob(name) for name in line.bottoms]
        outputs = self._outputs(node, entering)
        if len(outputs) < len(line.tops):
            raise CannotImport(f"{len(line.tops)} blobs leave, where such a layer makes {len(outputs)}")
        for place, (name, draft) in enumerate(zip(line.tops, outputs, strict=False)):
            if name in self.blobs:
                raise CannotImport(f"blob {plain(name)} is made twice")
            self.blobs[name] = draft
            self._compare(node, place, draft)

    def _blob(self, name: str) -> Draft:
        self.read.add(name)
        if name not in self.blobs:
            raise CannotImport(f"it reads blob {plain(name)}, which a layer behind it makes")
        return self.blobs[name]

    def _outputs(self, node: NcnnLayer, entering: list[Draft]) -> Sequence[Draft]:
        """What a layer makes; opaque where no kind says it."""
        operator = operator_of(node.line.type)
        try:
            if any(draft.is_unsized for draft in entering):
                raise Inexpressible(BEHIND)
            if operator is None:
                raise Inexpressible(f"{node.operator} is no layer that is known: a custom one, or newer")
            outputs = operator(NcnnCall(self.builder, node, entering))
            return [outputs] if isinstance(outputs, Draft) else outputs
        except Inexpressible as error:
            return [self._unknown(node, place, entering, str(error)) for place in range(len(node.line.tops))]

    def _unknown(self, node: NcnnLayer, place: int, entering: list[Draft], reason: str) -> Draft:
        """A layer that no kind expresses, in the size that the file notes for it if there is such a note."""
        inputs = entering or self.builder.entering()
        shape = None if self._inputs.are_other else hinted(node, place)
        return self.builder.unknown(shape, inputs, node, reason)

    def _compare(self, node: NcnnLayer, place: int, draft: Draft) -> None:
        """Warn where the file notes another size, if what enters has the size that it has there."""
        noted = hinted(node, place)
        if self._inputs.are_other or noted is None or draft.is_unsized or draft.shape == noted:
            return
        self.warnings.append(
            f"{node.line.place}: the file notes {list(noted)} for what leaves, found {list(draft.shape)}"
        )

    def leaving(self) -> list[Draft]:
        """What no layer reads."""
        leaving = []
        for node in self.nodes:
            tops = node.line.tops
            places = tops[:1] if node.line.type in ("LSTM", "GRU", "RNN") else tops
            leaving += [self.blobs[name] for name in places if name not in self.read]
        return list(dict.fromkeys(leaving))

    def notes(self) -> list[str]:
        """What a reader of the figures must know."""
        quantised = sum(map(is_rounded, self.nodes))
        if not quantised:
            return []
        layers = "1 layer is" if quantised == 1 else f"{quantised} layers are"
        return [f"{layers} worked out in int8: the scales that go with the weights are not among the params"]
