"""What an operator is read as, and those whose kinds say so themselves: see `Kind.onnx_operators`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.operators import Operator, operators
from convcalc.imports.onnx.operators.activations import onto_itself
from convcalc.imports.onnx.operators.pools import global_pool, pooled
from convcalc.imports.onnx.values import Call, Value
from convcalc.imports.written_numbers import tidy
from convcalc.layers import Kind, load, names

Attributes = Mapping[str, tuple[str, Any]]
"""For each field the attribute that says it, and what it is where the attribute is left out."""


def operator_of(name: str) -> Operator | None:
    """The translation of an operator type: that of `convcalc.imports.onnx.operators`, or else the one a kind declares.

    Most models have only the former, so the kinds are not imported before one is missing.
    """
    return operators().get(name) or declared().get(name)


@cache
def declared() -> dict[str, Operator]:
    """The operators that any kind declares, by type. All kinds are imported for it."""
    return {
        operator: partial(_read, name=name, kind=kind, attributes=attributes)
        for name in names()
        if (kind := load(name)) is not None
        for operator, attributes in kind.onnx_operators.items()
    }


def _read(call: Call, name: str, kind: type[Kind], attributes: Attributes) -> Value:
    if any(call.node.outputs[1:]) or any(value is not None for value in call.inputs[1:]):
        raise Inexpressible("more than one tensor enters or leaves")
    fields = {field: _field(call, *attribute) for field, attribute in attributes.items()}
    if kind.is_pool:
        return (pooled if kind.is_windowed else global_pool)(call, name, fields)
    if kind.is_elementwise:
        return onto_itself(call, name, fields)
    return call.out(call.layer(name, fields, call.map()))


def _field(call: Call, attribute: str, default: Any) -> Any:
    """An attribute, of the type of its default."""
    if isinstance(default, str):
        return call.attributes.text(attribute, default)
    if isinstance(default, float):
        return tidy(call.attributes.real(attribute, default))
    return type(default)(call.attributes.integer(attribute, default))
