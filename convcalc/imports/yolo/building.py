"""From rows to layers, by the rules that the programs have for channels, depth and width."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, TypeGuard

from convcalc import steps
from convcalc.fields import LARGEST
from convcalc.imports import Buffer, ReadOptions
from convcalc.imports.arrays import checked
from convcalc.imports.assembly import assembled
from convcalc.imports.drafts import BEHIND, Builder, Draft
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit, plain
from convcalc.imports.record import Imported
from convcalc.imports.yolo import FORMAT, arguments, scales
from convcalc.imports.yolo.document import Document, ModuleRow, read
from convcalc.imports.yolo.modules import KnownModule, modules
from convcalc.imports.yolo.place import At, ModelValues, RowOrigin
from convcalc.imports.yolo.user_blocks import UserBlocks
from convcalc.layers import Shape
from convcalc.steps import OutOfSteps

_SIZE = 640
"""Height and width where none are asked for: what these networks are trained and compared with."""

_ROW = 100
"""Steps that a row takes beside its layers."""

_MOST_REPEATS = 1_000

_SETTABLE = ("nc", "ch")

Value = Draft | list[Draft]


def of_bytes(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The record of a model."""
    try:
        return _imported(buffer, source, options)
    except OutOfSteps:
        raise OverLimit from None


def _imported(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    document = read(buffer[:], source)
    values = _set(document.values, options)
    scale, note = _scale(document, source, options.scale)
    builder = Builder()
    shape = _entering(values, options)
    model = _model(builder, values, scale)
    x = builder.input("images", shape)
    blocks = UserBlocks(options.blocks) if options.blocks else None
    leaving = _Rows(model, document.rows, x, blocks).built()
    parts = assembled(builder, leaving, strict=options.strict)
    notes = [note, *_notes(options, shape, model, values), *parts.notes]
    return Imported(
        name="",
        inputs=parts.inputs,
        layers=parts.layers,
        outputs=parts.outputs,
        source=source,
        format=f"{FORMAT}, scale {scale}" if scale and document.values.get("scales") else FORMAT,
        unit="row",
        notes=tuple(filter(None, notes)),
        entering=parts.entering,
        missing=parts.missing,
    )


def _set(values: dict[str, Any], options: ReadOptions) -> dict[str, Any]:
    """The values of the file, with those that `--set` gives in place of its own."""
    given = dict(values)
    for name, numbers in options.values.items():
        if name not in _SETTABLE or len(numbers) != 1 or not _is_count(numbers[0]):
            raise CannotImport(f"--set {plain(name)}: a file of this format takes whole numbers for nc and ch")
        given[name] = numbers[0]
    return given


def _scale(document: Document, source: str, wanted: str) -> tuple[str, str]:
    scales_ = document.values.get("scales") or {}
    if not isinstance(scales_, dict):
        raise CannotImport(f"`scales`: expected the scales by name, found {arguments.described(scales_)}")
    return scales.chosen(scales_, source, wanted, str(document.values.get("scale") or ""))


def _model(builder: Builder, values: dict[str, Any], scale: str) -> ModelValues:
    scaled = (values.get("scales") or {}).get(scale)
    if scaled is None:
        multiples = [values.get("depth_multiple", 1.0), values.get("width_multiple", 1.0), inf]
    else:
        multiples = [*scaled] if isinstance(scaled, list) else [scaled]
    where = f"scale {plain(scale)}" if scaled is not None else "depth_multiple and width_multiple"
    if len(multiples) == 2:
        multiples.append(inf)
    if len(multiples) != 3 or not all(map(_is_factor, multiples)):
        raise CannotImport(f"{where}: expected depth, width and the most channels, all above 0")
    act = values.get("activation") or "nn.SiLU()"
    if not isinstance(act, str):
        raise CannotImport(
            f"`activation`: expected the call of a class, as in nn.ReLU(), found {arguments.described(act)}"
        )
    depth, width, most = multiples
    return ModelValues(builder, "anchors" in values, depth, width, most, values, act, scale)


def _is_factor(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value <= LARGEST or value == inf


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST


def _entering(values: dict[str, Any], options: ReadOptions) -> Shape:
    """The shape of the one input: as asked for, or as these networks are mostly used."""
    channels = values.get("channels", values.get("ch", 3))
    if not _is_count(channels):
        raise CannotImport(f"`ch`: expected how many channels the images have, found {arguments.described(channels)}")
    names = set(options.sizes) - {"", "images"}
    if names:
        raise CannotImport(f"--input names {plain(', '.join(sorted(names)))}; the model's one input is images")
    stated = options.sizes.get("", options.sizes.get("images"))
    if stated is None:
        return channels, _SIZE, _SIZE
    shape = tuple(stated[1:] if len(stated) == 4 and stated[0] == 1 else stated)
    if len(shape) != 3:
        raise CannotImport(f"--input gives {len(stated)} sizes, where images have channels, height and width")
    return checked(shape)


def _notes(options: ReadOptions, shape: Shape, model: ModelValues, values: dict[str, Any]) -> list[str]:
    notes = []
    if not options.sizes:
        sizes = "x".join(map(str, shape))
        notes.append(f"the file says no size of the images; the figures are for {sizes} (--input says another)")
    if model.constants:
        notes.append(
            f"{model.constants} of the params are the numbers 0, 1, 2, ... by which distances are averaged; "
            "the program counts them, and training leaves them as they are"
        )
    return [*notes, *dict.fromkeys(model.notes)]


class _Rows:
    """The rows of a file on their way to layers; `values` are what leaves each."""

    def __init__(self, model: ModelValues, rows: Sequence[ModuleRow], x: Draft, blocks: UserBlocks | None) -> None:
        self.model, self.rows, self.x, self.blocks = model, rows, x, blocks
        self.values: list[Value] = []
        anchors = model.values.get("anchors")
        classes = model.values.get("nc")
        boxes = len(anchors[0]) // 2 if isinstance(anchors, list) and _is_lists(anchors) else anchors
        self.unscaled = boxes * (classes + 5) if _is_count(boxes) and _is_count(classes) else 0
        """Channels that yolov5 leaves as they are: those of what it once had as its output."""

    def built(self) -> list[Draft]:
        """What leaves the last row."""
        for row in self.rows:
            steps.spend(_ROW)
            try:
                self.values.append(self._row(row))
            except Inexpressible as error:
                raise CannotImport(f"{row.place}: {error}") from None
            except CannotImport as error:
                raise type(error)(f"{row.place}: {error}", error.operators) from None
            except (ArithmeticError, IndexError, ValueError):  # of numbers that a file may say and no program takes
                raise CannotImport(f"{row.place}: these arguments do not fit what enters") from None
        last = self.values[-1]
        return last if isinstance(last, list) else [last]

    def _row(self, row: ModuleRow) -> Value:
        sources = [self._source(row, place) for place in _places(row.sources)]
        origin = RowOrigin(str(row.index), row.module, ("model", str(row.index)))
        at = At(self.model, origin)
        drafts = [draft for source in sources for draft in (source if isinstance(source, list) else [source])]
        module = modules(self.model.anchored).get(row.module)
        if any(draft.is_unsized for draft in drafts):
            return self.model.builder.unknown(None, drafts, origin, BEHIND)
        if self.blocks is not None and row.module in self.blocks.definitions:
            return self.blocks.built(at, row.module, drafts, self._arguments(row), self._repeats(row))
        if module is None:
            reason = "a module that is not known; --blocks FILE may define it"
            return self.model.builder.unknown(None, drafts, origin, reason)
        return self._module(at, row, module, sources)

    def _source(self, row: ModuleRow, place: int) -> Value:
        index = row.index + place if place < 0 else place
        if index == -1 and row.index == 0:
            return self.x
        if not 0 <= index < row.index:
            there = f"rows 0 to {row.index - 1} are before it" if row.index else "before it is the input alone, -1"
            raise CannotImport(f"it reads {place}; {there}")
        return self.values[index]

    def _module(self, at: At, row: ModuleRow, module: KnownModule, sources: list[Value]) -> Value:
        model = self.model
        given, repeats = self._arguments(row), self._repeats(row)
        if module.scaled and given and _is_count(given[0]) and given[0] != self.unscaled:
            given[0] = model.scaled(given[0])
        if module.repeats is not None:
            given.insert(module.repeats, repeats)
            repeats = 1
        given = arguments.checked(module, row.module, given)
        if arguments.takes_many(module):
            several: Value = module.build(at, self._many(module, sources), *given)
            return several
        (x,) = sources if len(sources) == 1 else (None,)
        if not isinstance(x, Draft):
            raise CannotImport(f"it reads one tensor, found {len(sources) if x is None else len(x)}")
        leaving: Value = x
        for place in range(repeats):
            if isinstance(leaving, list):
                raise CannotImport(f"{repeats} in a row, where each makes several tensors")
            leaving = module.build(at / place if repeats > 1 else at, leaving, *given)
        return leaving

    def _arguments(self, row: ModuleRow) -> list[Any]:
        names = {**self.model.values, "nc": self.model.values.get("nc", 80)}
        return [arguments.value(argument, names) for argument in row.arguments]

    def _repeats(self, row: ModuleRow) -> int:
        """How often a module stands in a row, for the depth of the model; halves are rounded to the even number."""
        repeats = max(round(row.repeats * self.model.depth), 1) if row.repeats > 1 else 1
        if repeats > _MOST_REPEATS:
            raise CannotImport(f"{repeats:,} in a row, where at most {_MOST_REPEATS:,} are read")
        return repeats

    def _many(self, module: KnownModule, sources: list[Value]) -> list[Any]:
        if not arguments.takes_lists(module) and any(isinstance(source, list) for source in sources):
            raise CannotImport("it reads tensors, where a row that it names makes several")
        return sources


def _places(sources: int | list[int]) -> list[int]:
    return sources if isinstance(sources, list) else [sources]


def _is_lists(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, list) for item in value)
