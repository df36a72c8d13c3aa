"""A TensorFlow Lite file as records: subgraphs, operators, and of tensors where their numbers lie."""

from __future__ import annotations

import struct
from functools import cached_property
from math import prod
from typing import Any

from convcalc import steps
from convcalc.imports import Buffer
from convcalc.imports.errors import CannotImport, OverLimit
from convcalc.imports.not_read import refusal
from convcalc.imports.tflite import FORMAT, MARK
from convcalc.imports.tflite import schema as names
from convcalc.imports.tflite.flatbuffer import BrokenBuffer, Table, number, root
from convcalc.steps import OutOfSteps

MOST_NUMBERS = 65_536
"""Numbers of a constant that are read; a longer one is a weight."""

_RECORD = 8
"""The price of a record that is kept."""

_MOST_AXES = 64
"""Axes that a tensor of a file may have; how many are counted is said elsewhere."""


class LiteTensor:
    """A tensor: its sizes and type, and where its numbers lie if it is a constant.

    `signature` has -1 for the axes whose size is open, where the file says so; `shape` then has a 1 in their place.
    """

    def __init__(self, model: LiteModel, table: Table, index: int) -> None:
        steps.spend(_RECORD)
        self.model, self.index, self._table = model, index, table
        self.shape = table.numbers(0) if table.vector(0, 4)[1] <= _MOST_AXES else ()
        self.type = table.integer(1, "b")
        self.buffer = table.integer(2, "I")
        self.is_variable = table.integer(5, "b") != 0
        signature = table.numbers(7) if table.vector(7, 4)[1] <= _MOST_AXES else ()
        self.signature = signature if len(signature) == len(self.shape) else self.shape
        if any(size < 0 for size in self.shape):
            self.signature = self.shape
            self.shape = tuple(max(size, 1) for size in self.shape)

    @cached_property
    def name(self) -> str:
        """What the file calls it: the operator of TensorFlow's graph that made it, several with semicolons between."""
        return self._table.text(3)

    @property
    def is_sparse(self) -> bool:
        """Whether zeros of it are left out of the file."""
        return self._table.has(6)

    @property
    def type_name(self) -> str:
        """The type of its elements, in a word."""
        return names.TYPES.get(self.type, (f"type {self.type}", ""))[0]

    @cached_property
    def data(self) -> tuple[int, int]:
        """The first byte of its numbers and the first behind them; equal where it is no constant."""
        return self.model.data(self.buffer)

    @property
    def is_constant(self) -> bool:
        """Whether its numbers are in the file."""
        start, end = self.data
        return start < end or (self.buffer > 0 and 0 in self.shape and not self.is_variable)

    @cached_property
    def numbers(self) -> tuple[int | float, ...] | None:
        """Its numbers where they are few, those that were rounded as the numbers that they stand for."""
        letter, (start, end), count = names.TYPES.get(self.type, ("", ""))[1], self.data, prod(self.shape)
        if not letter or self.is_sparse or count > MOST_NUMBERS or end - start != count * struct.calcsize(letter):
            return None
        steps.spend(count)
        raw = struct.unpack(f"<{count}{letter}", self.model.buffer[start:end])
        scaled = self._scale() if self.type in names.SMALL else None
        return raw if scaled is None else tuple((value - scaled[1]) * scaled[0] for value in raw)

    @cached_property
    def is_zero(self) -> bool:
        """Whether all its numbers are 0, as those of a bias that a converter filled in."""
        start, end = self.data
        steps.spend((end - start) // 64)
        return start < end and end - start <= 4 * MOST_NUMBERS and not any(self.model.buffer[start:end])

    def _scale(self) -> tuple[float, int] | None:
        table = self._table.table(4)
        if table is None or table.vector(2, 4)[1] != 1:
            return None
        zero = table.numbers(3, "q") if table.vector(3, 8)[1] == 1 else (0,)
        return table.numbers(2, "f")[0], zero[0]


class Operator:
    """An operator of a subgraph: `place` is its number there."""

    def __init__(self, model: LiteModel, table: Table, place: int) -> None:
        steps.spend(_RECORD)
        self.place = place
        code = table.integer(0, "I")
        if code >= len(model.codes):
            raise BrokenBuffer(f"operator {place} is of code {code}, of {len(model.codes)}")
        self.type, self.custom = model.codes[code]
        self.inputs, self.outputs = table.numbers(1), table.numbers(2)
        self._options = table.table(4) if table.integer(3, "B") else None
        if self._options is None and table.integer(11, "B"):
            self._options = table.table(12)

    @property
    def operator(self) -> str:
        """Its type as the format calls it, and of a custom one its name."""
        return self.custom if self.type == names.CUSTOM else self.type

    @cached_property
    def _layout(self) -> dict[str, tuple[int, str, float]]:
        layout = {}
        for entry in names.OPTIONS.get(self.type, "").split():
            field, _, default = entry.partition("=")
            name, slot, *letter = field.split(":")
            layout[name] = int(slot), (letter or ["i"])[0], float(default or 0)
        return layout

    def option(self, name: str) -> Any:
        """One of its options, at its default where it is left out."""
        slot, letter, default = self._layout[name]
        if letter == "*":
            return () if self._options is None else self._options.numbers(slot)
        if letter == "t":
            return "" if self._options is None else self._options.text(slot)
        value = default if self._options is None else self._options.number(slot, letter, default)
        return value if letter == "f" else int(value)

    @property
    def activation(self) -> str:
        """What it does with its result at once, in a word."""
        code = self.option("activation") if "activation" in self._layout else 0
        return names.ACTIVATIONS[code] if 0 <= code < len(names.ACTIVATIONS) else f"activation {code}"


class LiteSubgraph:
    """A graph: tensors, operators in the order in which they run, what enters and what leaves."""

    def __init__(self, model: LiteModel, table: Table) -> None:
        self._model, self._table = model, table
        start, self.count = table.vector(0, 4)
        self._tensors: dict[int, LiteTensor] = {}
        self._start = start
        self.inputs, self.outputs = table.numbers(1), table.numbers(2)
        self.name = table.text(4)

    @cached_property
    def operators(self) -> list[Operator]:
        """Its operators; of another model's subgraphs they are read only where these are called."""
        return [Operator(self._model, table, place) for place, table in enumerate(self._table.tables(3))]

    def tensor(self, index: int) -> LiteTensor:
        """A tensor by its number."""
        if not 0 <= index < self.count:
            raise BrokenBuffer(f"tensor {index} of {self.count}")
        if index not in self._tensors:
            at = self._start + 4 * index
            place = at + number(self._model.buffer, at, "I")
            self._tensors[index] = LiteTensor(self._model, Table(self._model.buffer, place), index)
        return self._tensors[index]


class LiteModel:
    """A file: its subgraphs, of which the first is the network."""

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        table = root(buffer)
        self.version = table.integer(0, "I")
        self.codes = [_code(code) for code in table.tables(1)]
        self.producer = table.text(3).removesuffix(".")
        self.metadata = {entry.text(0): entry.integer(1, "I") for entry in table.tables(6)}
        self.subgraphs = [LiteSubgraph(self, subgraph) for subgraph in table.tables(2)]
        self._buffers = table.vector(4, 4)

    def data(self, buffer: int) -> tuple[int, int]:
        """Where the bytes of a buffer begin and end; the first is always empty. Large files have them at the end."""
        start, count = self._buffers
        if not 0 < buffer < count:
            return 0, 0
        at = start + 4 * buffer
        table = Table(self.buffer, at + number(self.buffer, at, "I"))
        first, size = table.vector(0, 1)
        if not size and table.has(1):
            first, size = table.integer(1, "Q"), table.integer(2, "Q")
            if size and (first < 8 or first + size > len(self.buffer)):
                raise BrokenBuffer(
                    f"buffer {buffer} of {size:,} bytes at {first:,}, which go on behind the end of the file"
                )
        return first, first + size


def _code(table: Table) -> tuple[str, str]:
    """The operator that a code stands for, and the name of a custom one."""
    place = max(table.integer(0, "b"), table.integer(3))
    name = names.OPERATORS[place] if 0 <= place < len(names.OPERATORS) else f"operator {place}"
    return name, table.text(1) if name == names.CUSTOM else ""


def parse(buffer: Buffer) -> LiteModel:
    """The model in the bytes of a file, or a `CannotImport` that says what these are."""
    if buffer[4:8] != MARK:
        raise refusal(buffer, "", FORMAT) or CannotImport(f"not {FORMAT}: bytes 4 to 7 are not {MARK.decode()}")
    try:
        model = LiteModel(buffer)
    except BrokenBuffer as error:
        raise cut_off(error) from None
    except OutOfSteps:
        raise OverLimit from None
    if not model.subgraphs:
        raise CannotImport(f"not {FORMAT} that can be read: it holds no graph")
    return model


def cut_off(error: BrokenBuffer) -> CannotImport:
    """The error for a file that breaks off, or in which bytes are wrong."""
    return CannotImport(f"not a whole TensorFlow Lite model: {error}; convert it again, or copy it anew")
