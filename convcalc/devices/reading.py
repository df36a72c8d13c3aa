"""A device's file to a `Device`, or every mistake in it with its place."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from convcalc.arithmetic.precision import format_of
from convcalc.devices import Device, units
from convcalc.language.parsing import parse
from convcalc.language.source import Diagnostic, Source, SpecError, called, read_small
from convcalc.language.suggestions import did_you_mean
from convcalc.language.tree import Mapping, Node, Scalar, described, span

_MOST_CHANNELS = 2**20

_ADVICE = "`convcalc devices` lists them; a file of your own is named with its ending, as board.yaml"


def unknown(name: str, known: Collection[str]) -> SpecError:
    """That there is no device of a name."""
    meant = did_you_mean(name, known)
    message = f"there is no device `{called(name)}`"
    return SpecError([Diagnostic(called(name), 0, 0, 0, "CC013", message, f"{meant} {_ADVICE}".strip())])


def of_file(path: str) -> Device:
    """The device that a file describes, named as the file is.

    Raises:
        SpecError: it cannot be read, or not as a device.
    """
    name, source = read_small(path, "device")
    return of_text(name, source.path, source.text)


def of_text(name: str, path: str, text: str) -> Device:
    """The device that a text describes; `path` is how its mistakes name it.

    Raises:
        SpecError: it is no device.
    """
    source = Source(path, text)
    parsed = parse(source)
    reader = _DeviceReader(source, list(parsed.problems))
    fields = reader.fields(parsed.root) if parsed.complete else {}
    if reader.problems:
        raise SpecError(sorted(reader.problems, key=lambda problem: (problem.line, problem.column)))
    return Device(name=name, **fields)


class _DeviceReader:
    def __init__(self, source: Source, problems: list[Diagnostic]) -> None:
        self.source = source
        self.problems = problems

    def problem(self, code: str, node: Node, message: str, advice: str = "") -> None:
        start, end = span(node)
        self.problems.append(self.source.diagnostic(code, start, end, message, advice))

    def fields(self, root: Node | None) -> dict[str, Any]:
        """The fields of a file; those that cannot be read are reported and left out."""
        if not isinstance(root, Mapping):
            what = "nothing" if root is None else described(root)
            message = f"expected a device: a mapping of {', '.join(_READERS)}; found {what}"
            self.problems.append(self.source.diagnostic("CC011", root.start if root else 0, 0, message, _EXAMPLE))
            return {}
        fields = {}
        for key, node in root.entries:
            name = str(key.value)
            if name not in _READERS:
                advice = did_you_mean(name, _READERS) or f"it has {', '.join(_READERS)}"
                self.problem("CC010", key, f"a device has no field `{name}`", advice)
                continue
            value = _READERS[name](self, name, node)
            if value is not None:
                fields[name] = value
        if not self.problems and not fields.keys() & {"peak", "bandwidth", "channels"}:
            self.problem("CC012", root, "a device needs `peak`, `bandwidth` or `channels`", _EXAMPLE)
        return fields

    def text(self, name: str, node: Node) -> str | None:
        """What is written, be it a number to YAML or not."""
        if not isinstance(node, Scalar) or node.value is None:
            self.problem("CC011", node, f"{name}: expected a text, found {described(node)}")
            return None
        return node.value if isinstance(node.value, str) else self.source.text[node.start : node.end]

    def amount(self, name: str, node: Node, in_units: dict[str, int], example: str) -> int | None:
        """A figure with its unit."""
        try:
            if not isinstance(node, Scalar):
                raise ValueError(f"expected a number with a unit, as {example}, found {described(node)}")
            if not isinstance(node.value, str | int | bool | None):
                written = self.source.text[node.start : node.end]  # a decimal
                raise ValueError(f"expected a unit behind the number, as {example}, found {written}")
            return units.figure(node.value, in_units, example)
        except ValueError as error:
            self.problem("CC011", node, f"{name}: {error}")
            return None

    def by_format(self, name: str, node: Node, in_units: dict[str, int] | None = None) -> dict[str, int] | None:
        """Figures by the name of a format: operations a second, or how many channels."""
        if not isinstance(node, Mapping):
            example = "{float32: 19.5 TFLOP/s, int8: 624 TOP/s}" if in_units else "{float16: 8, int8: 16}"
            message = f"{name}: expected figures by format, as {example}, found {described(node)}"
            self.problem("CC011", node, message)
            return None
        figures = {}
        for key, value in node.entries:
            try:
                format_name = format_of(key.value).name
            except ValueError as error:
                self.problem("CC011", key, f"{name}: {error}")
                continue
            where = f"{name}.{format_name}"
            if in_units:
                unit = "TOP/s" if format_name.startswith("int") else "TFLOP/s"
                figure = self.amount(where, value, in_units, f"19.5 {unit}")
            else:
                figure = self.count(where, value)
            if figure is not None:
                figures[format_name] = figure
        if not node.entries:
            self.problem("CC011", node, f"{name}: expected figures by format, found an empty mapping")
        return figures

    def count(self, name: str, node: Node) -> int | None:
        """How many, from 1."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_CHANNELS:
            return value
        message = f"{name}: expected a whole number from 1 to {_MOST_CHANNELS}, found {described(node)}"
        self.problem("CC011", node, message)
        return None

    def sources(self, name: str, node: Node) -> dict[str, str] | None:
        """Where the figures are from, by field."""
        if not isinstance(node, Mapping):
            message = f"{name}: expected where each figure is from, by field, found {described(node)}"
            self.problem("CC011", node, message)
            return None
        texts = {}
        for key, value in node.entries:
            if key.value not in FIGURES:
                advice = did_you_mean(key.value, FIGURES) or f"there are {', '.join(FIGURES)}"
                self.problem("CC010", key, f"{name}: there is no figure `{key.value}`", advice)
            elif (text := self.text(f"{name}.{key.value}", value)) is not None:
                texts[str(key.value)] = text
        return texts


_bytes = partial(_DeviceReader.amount, in_units=units.BYTES, example="512 KiB")
FIGURES = {
    "peak": partial(_DeviceReader.by_format, in_units=units.OPERATIONS),
    "bandwidth": partial(_DeviceReader.amount, in_units=units.BYTES_A_SECOND, example="1555 GB/s"),
    "cache": _bytes,
    "sram": _bytes,
    "flash": _bytes,
    "channels": _DeviceReader.by_format,
}
"""The fields of a device that have a source, each with what reads it."""
_READERS: dict[str, Any] = {
    "about": _DeviceReader.text,
    "category": _DeviceReader.text,
    **FIGURES,
    "sources": _DeviceReader.sources,
}
_EXAMPLE = "the least is as `peak: {float32: 19.5 TFLOP/s}` and `bandwidth: 1555 GB/s`"
