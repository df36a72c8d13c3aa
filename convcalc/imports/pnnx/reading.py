"""The lines of a file as a graph of PyTorch's operators, which is then read as one that PyTorch exported."""

from __future__ import annotations

import re
from typing import Any

from convcalc import steps
from convcalc.imports import Buffer, ReadOptions
from convcalc.imports.errors import CannotImport, OverLimit, plain
from convcalc.imports.ncnn.text import WrittenLayer, lines_of, whole_number
from convcalc.imports.pnnx import FORMAT
from convcalc.imports.pnnx.expressions import PnnxFormula, expression_of
from convcalc.imports.pnnx.operators import operator_of
from convcalc.imports.record import Imported
from convcalc.imports.torch_export.graph import TensorMeta, TensorName, TorchGraph, TorchOperation
from convcalc.imports.torch_export.walk import record_of

_DTYPES = {"f32": 7, "f64": 8, "f16": 6, "i32": 4, "i64": 5, "i16": 3, "i8": 2, "u8": 1, "bool": 12, "bf16": 13}

_KEPT = {"running_mean", "running_var"}

_ONE_INPUT = {"cat", "stack", "concat", "einsum"}
"""Operators of which all that enters is one list."""


def of_bytes(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The record of the network in a file."""
    try:
        reading = _Reading()
        for line in lines_of(buffer).lines:
            reading.take(line)
    except steps.OutOfSteps:
        raise OverLimit from None
    return record_of(reading.graph(), source, FORMAT, options)


class _Reading:
    """What the lines so far have said."""

    def __init__(self) -> None:
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.operations: list[TorchOperation] = []
        self.tensors: dict[str, TensorMeta] = {}
        self.arrays: dict[str, str] = {}
        self.learned: dict[str, bool] = {}

    def graph(self) -> TorchGraph:
        return TorchGraph(
            self.inputs, self.outputs, self.operations, self.tensors, self.arrays, self.learned, "PyTorch, by pnnx"
        )

    def take(self, line: WrittenLayer) -> None:
        """A line more."""
        arguments, names = self._arguments(line)
        if line.type == "pnnx.Input":
            self.inputs += line.tops
        elif line.type == "pnnx.Output":
            self.outputs += line.bottoms
        elif line.type == "pnnx.Attribute":
            own = f"{line.name}.data"
            if own in self.tensors and line.tops:
                self.arrays[line.tops[0]] = own
                self.tensors.setdefault(line.tops[0], self.tensors[own])
        elif line.type == "pnnx.Expression":
            self._work_out(line, str(arguments.get("expr", "")))
        else:
            self._call(line, arguments, names)

    def _arguments(self, line: WrittenLayer) -> tuple[dict[str, Any], dict[str, str]]:
        """The arguments by name, and the names of what enters by blob."""
        arguments: dict[str, Any] = {}
        names: dict[str, str] = {}
        for word in line.words:
            key, equals, text = word.partition("=")
            if not equals or not key:
                raise CannotImport(f"{line.place}: expected name=value, found {plain(word)!r}")
            if key[0] == "#":
                self._sized(key[1:], text)
            elif key[0] == "@":
                own = f"{line.name}.{key[1:]}"
                self._sized(own, text)
                if own in self.tensors:
                    self.arrays[own] = own
                    self.learned[own] = key[1:] not in _KEPT
                    arguments[key[1:]] = TensorName(own)
            elif key[0] == "$":
                names[text] = key[1:]
            else:
                arguments[key] = _value(text)
        if line.type == "pnnx.Attribute":
            self.learned = {name: value for name, value in self.learned.items() if not name.startswith(f"{line.name}.")}
        return arguments, names

    def _sized(self, name: str, text: str) -> None:
        """What is written of a tensor: sizes, and its element type behind."""
        match = re.fullmatch(r"\(([0-9?,a-zA-Z_%*+-]*)\)([a-z0-9]*)", text)
        if match is None:
            return
        sizes = [size for size in match[1].split(",") if size]
        dims = [whole_number(size) for size in sizes]
        shape = tuple(f"{name}_{axis}" if size is None else size for axis, size in enumerate(dims))
        self.tensors[name] = TensorMeta(shape, _DTYPES.get(match[2], 7))

    def _rank(self, name: str) -> int:
        meta = self.tensors.get(name)
        return 0 if meta is None else len(meta.dims)

    def _call(self, line: WrittenLayer, arguments: dict[str, Any], names: dict[str, str]) -> None:
        rank = self._rank(line.bottoms[0]) - 2 if line.bottoms else 0
        word = line.type.rpartition(".")[2]
        entering: dict[str, Any] = {}
        for place, blob in enumerate(line.bottoms):
            name = names.get(blob) or ("self" if place == 0 else "other" if place == 1 else f"input{place}")
            entering[name] = TensorName(blob)
        if word in _ONE_INPUT:
            entering = {"tensors": [TensorName(blob) for blob in line.bottoms]}
        stated = operator_of(line.type, arguments | entering, rank)
        if stated is None:
            self._emit(line.name, line.type, entering, line.tops)
            return
        name, own = stated
        if name in ("lstm", "gru", "rnn_tanh"):
            own = _recurrent(own)
        if name.startswith("conv") and own.get("padding_mode", "zeros") != "zeros":
            own = self._padded(line, own)
        self._emit(line.name, f"torch.ops.aten.{name}.default", own, line.tops)

    def _padded(self, line: WrittenLayer, arguments: dict[str, Any]) -> dict[str, Any]:
        """A convolution whose padding is other than zeros: that is an operator before it."""
        pads = arguments.get("padding")
        first = next((name for name in ("input", "self") if name in arguments), "self")
        if not isinstance(pads, list) or not all(isinstance(size, int) for size in pads):
            return arguments
        x = arguments[first]
        both = [size for size in reversed(pads) for _ in range(2)]
        blob = f"{line.name}/padded"
        meta = self.tensors.get(x.name)
        if meta is not None and len(meta.dims) == len(pads) + 2:
            sizes = zip(meta.dims[2:], pads, strict=True)
            inner = [size + 2 * pad if isinstance(size, int) else f"{blob}_{pad}" for size, pad in sizes]
            self.tensors[blob] = TensorMeta((*meta.dims[:2], *inner), meta.dtype)
        own = {"self": x, "pad": both, "mode": arguments["padding_mode"]}
        self._emit(f"{line.name}.pad", "torch.ops.aten.pad.default", own, (blob,))
        return arguments | {first: TensorName(blob), "padding": [0] * len(pads)}

    def _emit(self, name: str, target: str, arguments: dict[str, Any], outputs: tuple[str, ...]) -> None:
        path = tuple(part for part in name.split(".") if part)
        self.operations.append(TorchOperation(name, target, arguments, outputs, path))

    def _work_out(self, line: WrittenLayer, text: str) -> None:
        """Arithmetic on tensors in one line, as an operator each."""
        expression = expression_of(text, len(line.bottoms))
        if expression is None or expression.operator == "":
            self._emit(
                line.name, line.type, {f"x{i}": TensorName(blob) for i, blob in enumerate(line.bottoms)}, line.tops
            )
            return
        self._step(line, expression, line.tops[:1])

    def _step(self, line: WrittenLayer, expression: PnnxFormula, outputs: tuple[str, ...]) -> Any:
        """The operators of an expression, those within first; what it is as an argument."""
        if expression.place is not None:
            return TensorName(line.bottoms[expression.place])
        if expression.number is not None:
            return expression.number
        values = [self._step(line, part, ()) for part in expression.parts]
        blob = outputs[0] if outputs else f"{line.name}/{len(self.operations)}"
        arguments: dict[str, Any] = dict(zip(("self", "other"), values, strict=False))
        if expression.operator == "pow":
            arguments = dict(zip(("self", "exponent"), values, strict=False))
        if blob not in self.tensors:
            metas = [
                self.tensors[value.name]
                for value in values
                if isinstance(value, TensorName) and value.name in self.tensors
            ]
            if metas:
                self.tensors[blob] = max(metas, key=lambda meta: len(meta.dims))
        self._emit(line.name, f"torch.ops.aten.{expression.operator}.default", arguments, (blob,))
        return TensorName(blob)


def _recurrent(arguments: dict[str, Any]) -> dict[str, Any]:
    """A recurrent module with its arrays in the order in which the operator takes them."""
    ways = ("", "_reverse") if arguments.get("bidirectional") is True else ("",)
    biased = arguments.get("bias") is not False
    kinds = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if biased else ()))
    layers = arguments.get("num_layers", 1)
    count = layers if isinstance(layers, int) and 0 < layers < 1000 else 1
    params = [arguments.get(f"{kind}_l{layer}{way}") for layer in range(count) for way in ways for kind in kinds]
    own: dict[str, Any] = {
        name: arguments[name] for name in ("bidirectional", "num_layers", "batch_first") if name in arguments
    }
    own["input"] = arguments.get("input", arguments.get("self"))
    return own | {"params": params, "has_biases": biased}


def _value(text: str) -> Any:
    """A number, a word or a list of them."""
    if text[:1] in ("(", "["):
        return [_value(part) for part in text.strip("()[]").split(",") if part]
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    number = whole_number(text)
    if number is not None:
        return number
    if len(text) < 40 and re.fullmatch(r"[+-]?[0-9.]+(?:e[+-]?[0-9]{1,3})?", text):
        try:
            return float(text)
        except ValueError:
            return text
    return text.strip('"')
