"""From written fields to a kind's record and the shape that leaves it."""

from __future__ import annotations

from typing import Any

from convcalc import steps
from convcalc.arithmetic.number import product
from convcalc.arithmetic.precision import PartialPrecision
from convcalc.fields import FieldError, Optional, PaddingType, PerAxis, ScaleFactor
from convcalc.language.bits import BITS, HELD, combined
from convcalc.language.expressions import SHAPE_OF, ExpressionError, Unknown
from convcalc.language.names import SEVERAL_INPUTS, Names
from convcalc.language.overrides import Overrides
from convcalc.language.site import Failed, Problems, Site, Tensor
from convcalc.language.values import CompiledValue
from convcalc.language.written import MERGES
from convcalc.layers import UNSIZED, Kind, Shape, field_types
from convcalc.layers._configured import Fault, Faulty, MissingField, WrongCount, configured
from convcalc.network import Node

MOST_ELEMENTS = 2**63 - 1
"""Elements of one tensor."""
_STEPS_OF_NAMES = 2
VALUES_IN_STEP = 50
"""Of a table of values that is copied and soon forgotten."""
CHARACTERS_IN_STEP = 50
"""Of the values of a layer, written out and kept."""

Fields = tuple[tuple[str, Any], ...]


class Configurator:
    """Evaluates fields over the nodes built so far; equal fields on equal inputs are worked out once."""

    def __init__(self, nodes: list[Node], names: Names, problems: Problems) -> None:
        self.nodes = nodes
        self.names = names
        self.problems = problems
        self.overrides = Overrides()
        self._known: dict[Any, tuple[Kind, Shape]] = {}

    def value(self, site: Site, source: Tensor, field: str, value: CompiledValue) -> Any:
        """What a field says, where `source` is what enters the layer."""
        if value.constant:
            return value.written
        if source is None:
            raise Failed  # nothing is known of what enters
        return self.evaluated(site, field, value, self.names_in(site, source, field))

    def names_in(self, site: Site, source: int, field: str) -> dict[str, Any]:
        """The values of the names that a field's expression may use."""
        shape, call = self.nodes[source].shape, site.call
        steps.spend(_STEPS_OF_NAMES + len(call.values) // VALUES_IN_STEP)
        names = dict(call.values)
        names["in_channels"] = shape[0]
        if call.input is not None and call.input != SEVERAL_INPUTS:
            names["input_channels"] = self.nodes[call.input].shape[0]
        names["rank"] = len(shape) - 1
        names[SHAPE_OF] = lambda name: self._shape_of(site, name, field)
        if site.index is not None:
            names["index"] = site.index
        return names

    def evaluated(self, site: Site, field: str, value: CompiledValue, names: dict[str, Any]) -> Any:
        """What a field says, given the values of names."""
        try:
            return value.evaluate(names)
        except Unknown:
            raise Failed from None
        except ExpressionError as error:
            raise self.problems.fail(site, "CC011", f"{field}: {error}", field) from None

    def _shape_of(self, site: Site, name: str, field: str) -> Shape:
        """The shape of what a layer gives, or of an input, that an expression names."""
        is_input = self.names.is_input(name, site)
        full = None if is_input else self.names.lookup(name, site)
        if full is None and not is_input:
            advice = self.names.close(name, site)
            message = f"{field}: there is no layer `{name}` above{advice and f'; {advice}'}"
            raise self.problems.fail(site, "CC013", message, field)
        tensor = self.names.input(name, site) if full is None else self.names.tensors[full]
        if tensor is None:
            raise Failed
        return self.nodes[tensor].shape

    def precision(self, site: Site, source: Tensor) -> PartialPrecision | None:
        """The formats that a layer, or else the block it stands in, has of its own."""
        written, around = site.layer.bits, site.call.precision
        if not written:
            return around
        formats = {}
        for role, value in written.items():
            field = f"{BITS}.{role}"
            try:
                formats[role] = HELD.accept(self.value(site, source, field, value), 1)
            except FieldError as error:
                raise self.problems.fail(site, "CC011", f"{field}: {error}", field) from None
        return combined(PartialPrecision(**formats), around)

    def precision_of_shared(
        self, site: Site, precision: PartialPrecision | None, owner: Node
    ) -> PartialPrecision | None:
        """The formats of a layer that uses the weights of another: these are held as that one holds them."""
        own, held = precision or PartialPrecision(), owner.precision or PartialPrecision()
        for role in ("weights", "bias"):
            if role in site.layer.bits and getattr(own, role) != getattr(held, role):
                theirs = getattr(held, role) or "the format of the network"
                message = f"{BITS}: found {getattr(own, role)} for {role}, which are those of {owner.name}: {theirs}"
                raise self.problems.fail(site, "CC103", message, f"{BITS}.{role}", f"say it in {owner.name}")
        shared = PartialPrecision(held.weights, own.activations, held.bias)
        return None if shared == PartialPrecision() else shared

    def layer(self, site: Site, inputs: tuple[int, ...], shared: int | None) -> tuple[Kind, Shape]:
        """The record of a layer's fields and its output shape; fields not written are those of the layer shared."""
        shapes = tuple(self.nodes[source].shape for source in inputs)
        if UNSIZED in shapes and site.layer.kind is not None and site.layer.kind.costed:
            unsized = self.nodes[inputs[shapes.index(UNSIZED)]].name
            message = f"nothing is known of the size of what {unsized} gives, which it reads"
            raise self.problems.fail(site, "CC101", message, "from", f"give {unsized} its output_shape")
        values, written = self._values(site, inputs[0])
        if self.overrides.by_name and site.layer.kind is not None:
            values = tuple((dict(values) | self.overrides.of(site, field_types(site.layer.kind))).items())
            written = repr(values)
        key = (site.layer.kind, written, repr(shapes), shared)  # a text tells sizes that vary from all others
        if key not in self._known:
            base = None
            if shared is not None:
                base = self.nodes[shared].config
                self._check_rank(site, self.nodes[shared], len(shapes[0]) - 1)
            self._known[key] = self._configured(site, dict(values), shapes, base)
        return self._known[key]

    def _check_rank(self, site: Site, owner: Node, rank: int) -> None:
        """That fields with a value for each axis are taken over for as many axes."""
        its = len(self.nodes[owner.inputs[0]].shape) - 1
        types = field_types(type(owner.config)).values()
        per_axis = (type_.of if isinstance(type_, Optional) else type_ for type_ in types)
        if its != rank and any(isinstance(type_, PerAxis | PaddingType | ScaleFactor) for type_ in per_axis):
            message = f"share: {owner.name} is for {its} spatial axes, and what enters this layer has {rank}"
            raise self.problems.fail(site, "CC103", message)

    def _values(self, site: Site, source: int) -> tuple[Fields, str]:
        """The fields as evaluated, and a text that tells them from all others (True and 1 are equal, but not here)."""
        layer = site.layer
        if layer.constants is not None:
            return layer.constants
        values = tuple((field, self.value(site, source, field, value)) for field, value in layer.fields.items())
        constants = values, repr(values)
        steps.spend(len(constants[1]) // CHARACTERS_IN_STEP)
        if all(value.constant for value in layer.fields.values()):
            layer.constants = constants
        return constants

    def _configured(
        self, site: Site, fields: dict[str, Any], shapes: tuple[Shape, ...], base: Kind | None
    ) -> tuple[Kind, Shape]:
        kind = site.layer.kind
        if kind is None:
            raise Failed
        try:
            config, output = configured(kind, fields, shapes, base)
        except Faulty as error:
            for fault in error.faults:
                self._report(site, fault, too_few=len(shapes) < kind.inputs[0])
            raise Failed from None
        if product(output) > MOST_ELEMENTS:
            raise self.problems.fail(site, "CC008", "its output has 2^63 elements or more, and a tensor may have fewer")
        return config, output

    def _report(self, site: Site, fault: Fault, *, too_few: bool) -> None:
        """Report why a layer cannot be; fields that are missing have been reported where they should stand."""
        message, kind = fault.message, site.layer.kind_name
        if isinstance(fault, WrongCount):
            message = f"{kind} {message}"
            if too_few:
                names = ", ".join("abcdef"[: site.layer.kind.inputs[0]]) if site.layer.kind else "a, b"
                message += f"; name them (from: [{names}]){' or write `branches`' if kind in MERGES else ''}"
        if not isinstance(fault, MissingField):
            self.problems.fail(site, fault.code, message, fault.field, fault.advice)
