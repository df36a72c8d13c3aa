"""TensorFlow Lite files made for tests: subgraphs of tensors and operators, written as a flatbuffer.

A table is a dict from the number of a field to what is in it: `("i", 3)` a number of that type, a str, a table, a list
of tables, `("*i", [1, 2])` a list of numbers, or bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from convcalc.imports.tflite.schema import OPERATORS, OPTIONS, TYPES

OPTIONS_TYPE = 1
"""Any type of options but none: readers know these by their operator."""

_TYPES = {name: number for number, (name, _) in TYPES.items()}


class _Writer:
    """Writes forwards: a table before what it leads to, so that every distance is ahead."""

    def __init__(self) -> None:
        self.out = bytearray()

    def align(self, size: int, ahead: int = 0) -> None:
        while (len(self.out) + ahead) % size:
            self.out.append(0)

    def led_to(self, place: int) -> None:
        struct.pack_into("<I", self.out, place, len(self.out) - place)

    def value(self, value: Any) -> None:
        """What a field leads to."""
        if isinstance(value, dict):
            self.table(value)
        elif isinstance(value, str):
            self.entries(value.encode(), 1, len(value.encode()))
            self.out.append(0)
        elif isinstance(value, bytes):
            self.align(16, 4)
            self.entries(value, 1, len(value))
        elif isinstance(value, tuple):
            letter, numbers = value[0][1:], list(value[1])
            self.align(8, 4)
            self.entries(struct.pack(f"<{len(numbers)}{letter}", *numbers), 8, len(numbers))
        else:
            self.entries(bytes(4 * len(value)), 4, len(value))
            first = len(self.out) - 4 * len(value)
            for number, item in enumerate(value):
                self.align(8)
                place = first + 4 * number
                if isinstance(item, dict):
                    struct.pack_into("<I", self.out, place, self.table(item) - place)
                else:
                    self.led_to(place)
                    self.value(item)

    def entries(self, data: bytes, size: int, count: int) -> None:
        if size < 8:
            self.align(4)
        self.out += struct.pack("<I", count) + data

    def table(self, fields: dict[int, Any]) -> int:
        """Its layout, then the table; gives where the table begins."""
        self.align(8)
        length = 4 + 2 * (max(fields, default=-1) + 1)
        layout = len(self.out)
        self.out += bytes(length)
        self.align(8)
        at = len(self.out)
        self.out += struct.pack("<i", at - layout)
        places, later = {}, []
        for field, value in fields.items():
            letter = value[0] if isinstance(value, tuple) and not value[0].startswith("*") else "I"
            self.align(struct.calcsize(letter))
            places[field] = len(self.out)
            if letter == "I" and not (isinstance(value, tuple) and value[0] == "I"):
                later.append((len(self.out), value))
                self.out += bytes(4)
            else:
                self.out += struct.pack(f"<{letter}", value[1])
        slots = [places.get(field, at) - at for field in range((length - 4) // 2)]
        struct.pack_into(f"<HH{len(slots)}H", self.out, layout, length, len(self.out) - at, *slots)
        for place, value in later:
            if isinstance(value, dict):
                struct.pack_into("<I", self.out, place, self.table(value) - place)
            else:
                self.align(16 if isinstance(value, bytes) else 8 if isinstance(value, tuple) else 4, 4)
                self.align(4)
                self.led_to(place)
                self.value(value)
        return at


def flatbuffer(fields: dict[int, Any], mark: bytes = b"TFL3") -> bytes:
    writer = _Writer()
    writer.out += bytes(4) + mark
    at = writer.table(fields)
    struct.pack_into("<I", writer.out, 0, at)
    return bytes(writer.out)


class Graph:
    """A subgraph that is being made; tensors are numbers."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.tensors: list[dict[int, Any]] = []
        self.operators: list[dict[int, Any]] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.shapes: list[tuple[int, ...]] = []

    def tensor(
        self, shape: Sequence[int], name: str = "", kind: str = "float32", signature: Sequence[int] | None = None,
        buffer: int = 0, **more: Any,
    ) -> int:  # fmt: skip
        table: dict[int, Any] = {
            0: ("*i", shape),
            1: ("b", _TYPES[kind]),
            2: ("I", buffer),
            3: name or f"t{len(self.tensors)}",
        }
        if signature is not None:
            table[7] = ("*i", signature)
        if more.get("variable"):
            table[5] = ("b", 1)
        self.tensors.append(table)
        self.shapes.append(tuple(shape))
        return len(self.tensors) - 1

    def input(self, shape: Sequence[int], name: str = "x", **more: Any) -> int:
        self.inputs.append(self.tensor(shape, name, **more))
        return self.inputs[-1]

    def constant(self, values: Any, name: str = "", kind: str = "float32") -> int:
        array = np.asarray(values)
        letter = TYPES[_TYPES[kind]][1]
        self.file.buffers.append({0: array.astype(np.dtype(letter)).tobytes()})
        return self.tensor(array.shape, name, kind, buffer=len(self.file.buffers) - 1)

    def integers(self, values: Any) -> int:
        return self.constant(values, kind="int32")

    def add(self, op: str, inputs: Sequence[int], shape: Sequence[int] | None, name: str = "", **options: Any) -> int:
        """An operator with one output of that shape, or none; gives the output."""
        outputs = [] if shape is None else [self.tensor(shape, name, **options.pop("out", {}))]
        self.operate(op, inputs, outputs, **options)
        return outputs[0] if outputs else -1

    def operate(self, op: str, inputs: Sequence[int], outputs: Sequence[int], custom: str = "", **options: Any) -> None:
        layout = {}
        for entry in OPTIONS.get(op, "").split():
            name, number, *letters = entry.partition("=")[0].split(":")
            layout[name] = int(number), (letters or ["i"])[0]
        fields: dict[int, Any] = {}
        for option, value in options.items():
            slot, letter = layout[option]
            fields[slot] = value if letter == "t" else (f"{'*i' if letter == '*' else letter}", value)
        code = self.file.code(op, custom)
        table = {0: ("I", code), 1: ("*i", inputs), 2: ("*i", outputs), 3: ("B", OPTIONS_TYPE), 4: fields}
        self.operators.append(table)

    def table(self) -> dict[int, Any]:
        return {
            0: self.tensors, 1: ("*i", self.inputs), 2: ("*i", self.outputs), 3: self.operators, 4: "main",
        }  # fmt: skip


class File:
    """A file with its subgraphs."""

    def __init__(self) -> None:
        self.buffers: list[dict[int, Any]] = [{}]
        self.codes: list[tuple[str, str]] = []
        self.graphs: list[Graph] = [Graph(self)]

    @property
    def graph(self) -> Graph:
        return self.graphs[0]

    def subgraph(self) -> Graph:
        self.graphs.append(Graph(self))
        return self.graphs[-1]

    def code(self, op: str, custom: str = "") -> int:
        if (op, custom) not in self.codes:
            self.codes.append((op, custom))
        return self.codes.index((op, custom))

    def bytes(self) -> bytes:
        codes = []
        for op, custom in self.codes:
            number = OPERATORS.index(op)
            codes.append({0: ("b", min(number, 127)), 3: ("i", number)} | ({1: custom} if custom else {}))
        return flatbuffer(
            {0: ("I", 3), 1: codes, 2: [graph.table() for graph in self.graphs], 3: "made for a test", 4: self.buffers}
        )
