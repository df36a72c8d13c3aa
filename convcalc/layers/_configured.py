"""From the fields of a layer, as they are written, to its record and the shape that leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from convcalc.arithmetic.varying import at_point
from convcalc.fields import FieldError
from convcalc.layers import Kind, Shape, defaults_on, field_types


class Fault(msgspec.Struct, frozen=True):
    """Why a layer cannot be: what the problem goes by, the field to blame (none: the layer), and what to write."""

    code: str
    field: str
    message: str
    advice: str = ""


class WrongValue(Fault, frozen=True):
    """A field is not of its type."""


class MissingField(Fault, frozen=True):
    """A field that must be written is not."""


class WrongCount(Fault, frozen=True):
    """Too few tensors enter, or too many; the message goes on from the name of the kind."""


class Faulty(ValueError):
    """A kind does not take these fields or tensors: every field that is wrong, or the first thing that is not."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults


def configured(
    kind: type[Kind], written: Mapping[str, Any], shapes: tuple[Shape, ...], base: Kind | None = None
) -> tuple[Kind, Shape]:
    """A layer's record, from its fields as they are written and the shapes that enter, and the shape that leaves.

    Fields that are not written are those of `base`, if it is of the same kind, or else the kind's defaults.

    Raises:
        Faulty: the kind does not take these fields, or not these shapes.
    """
    types, rank = field_types(kind), len(shapes[0]) - 1
    fields: dict[str, Any] = dict(defaults_on(kind, rank))
    faults: list[Fault] = []
    if isinstance(base, kind):
        fields = {name: getattr(base, name) for name in types}
    for name, value in written.items():
        try:
            fields[name] = types[name].accept(value, rank)
        except FieldError as error:
            faults.append(WrongValue("CC011", name, f"{name}: {error}"))
    faults += [
        MissingField("CC012", name, f"{name} is missing")
        for name in types
        if name not in fields and name not in written
    ]
    if faults:
        raise Faulty(*faults)
    config = kind(**fields)
    problem = fault(config, shapes)
    if problem is not None:
        raise Faulty(problem)
    return config, config.shape(*shapes)


def fault(config: Kind, shapes: tuple[Shape, ...]) -> Fault | None:
    """Why a layer does not take these shapes, None if it does: how many they are, or the first check that fails.

    The checks that follow may rest on it.
    """
    least, most = config.inputs
    if len(shapes) < least or (most is not None and len(shapes) > most):
        wanted = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} to {most}"
        return WrongCount("CC013", "", f"takes {wanted} input{'' if wanted == '1' else 's'}, found {len(shapes)}")
    for check in config.checks(*shapes):
        if not check.holds:
            arguments = at_point(check.arguments)
            advice = check.advice(*arguments) if check.advice is not None else ""
            return Fault(check.code, check.field, check.message(*arguments), advice)
    return None
