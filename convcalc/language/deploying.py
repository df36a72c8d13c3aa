"""How a network runs, as the `deploy` of a spec says it; what is asked for on the command line wins.

    deploy: {fused: true, dtype: {weights: int8, activations: int8, bias: int32}, batch: 4, device: cortex-m7}

Only plain values stand here: a network has one deployment at every point of a sweep.
"""

from __future__ import annotations

from typing import Any

from convcalc.arithmetic.number import whole
from convcalc.arithmetic.precision import ROLES, format_of, precision, precision_of
from convcalc.fields import LARGEST, shown
from convcalc.language.limits import entries
from convcalc.language.parsing import parse
from convcalc.language.source import Source
from convcalc.language.tree import Mapping, Node, Scalar, Span, described, span
from convcalc.language.values import ValueReader
from convcalc.network import Deployment

FIELDS = {
    "fused": "with the layers merged that a runtime merges: true or false",
    "dtype": "the format of its numbers, or {weights: int8, activations: int8, bias: int32}",
    "batch": "how many samples run at once",
    "device": "what it runs on: a name that `convcalc devices` lists, or a file",
}


def deployment(reader: ValueReader, node: Node | None) -> Deployment:
    """What is written; what cannot be read is reported and left out."""
    written = {str(key.value): value for key, value in entries(reader, node, "deploy", tuple(FIELDS))}
    read = {"fused": _fused, "dtype": _dtype, "batch": _batch, "device": _device}
    values: dict[str, Any] = {name: read[name](reader, value) for name, value in written.items()}
    if "dtype" in values:
        values["precision"] = values.pop("dtype")
    return Deployment(**values)


def place_of(source: Source, field: str) -> Span:
    """What is marked for a field of a spec's `deploy`: its value."""
    root = parse(source).root
    written = root.find("deploy") if isinstance(root, Mapping) else None
    node = written.find(field) if isinstance(written, Mapping) else None
    return (0, 1) if node is None else span(node)


def _fused(reader: ValueReader, node: Node) -> Any:
    value = _scalar(node)
    if isinstance(value, bool):
        return value
    return _refuse(reader, node, "fused", "true or false")


def _batch(reader: ValueReader, node: Node) -> Any:
    number = whole(_scalar(node))
    if number is not None and 1 <= number <= LARGEST:
        return int(number)
    return _refuse(reader, node, "batch", f"a whole number from 1 to {LARGEST}")


def _device(reader: ValueReader, node: Node) -> Any:
    value = _scalar(node)
    if isinstance(value, str) and value:
        return value
    return _refuse(reader, node, "device", "the name of a device or of a file", "`convcalc devices` lists them")


def _dtype(reader: ValueReader, node: Node) -> Any:
    if not isinstance(node, Mapping):
        value = _scalar(node)
        if value is None:
            return _refuse(reader, node, "dtype", "a format", "dtype: {weights: int8, activations: int8, bias: int32}")
        if isinstance(value, str) and "=" in value:
            return _refuse(reader, node, "dtype", "a format, or a mapping", f"dtype: {{{value.replace('=', ': ')}}}")
        return precision(str(value)) if _format(reader, node, "dtype") is not None else None
    if not node.entries:
        return _refuse(reader, node, "dtype", f"formats of {', '.join(ROLES)}")
    written = entries(reader, node, "dtype", ROLES)
    formats = {str(role.value): _format(reader, value, f"dtype.{role.value}") for role, value in written}
    return precision_of({role: name for role, name in formats.items() if name is not None})


def _format(reader: ValueReader, node: Node, place: str) -> str | None:
    """The name of a format, as it is written."""
    value = _scalar(node)
    try:
        return format_of(value).name
    except ValueError as error:
        text = str(error) if isinstance(value, str) else f"expected a format such as int8, found {_found(node)}"
        reader.problem("CC011", node, f"{place}: {text}")
        return None


def _scalar(node: Node) -> Any:
    return node.value if isinstance(node, Scalar) else None


def _found(node: Node) -> str:
    return shown(node.value) if isinstance(node, Scalar) else described(node)


def _refuse(reader: ValueReader, node: Node, field: str, expected: str, advice: str = "") -> Any:
    if not advice and isinstance(_scalar(node), str):
        advice = "only plain values stand under `deploy`"
    reader.problem("CC011", node, f"{field}: expected {expected}, found {_found(node)}", advice)
    return None
