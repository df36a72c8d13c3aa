"""From templates to a network: blocks opened, repeats unrolled, names resolved, shapes worked out in document order.

A layer that fails has no shape; what depends on it is passed over in silence, so that one mistake is one message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from convcalc.arithmetic.number import product
from convcalc.fields import FieldError
from convcalc.layers import Kind, Shape, defaults, field_types
from convcalc.network import Group, Node
from convcalc.spec.expressions import ExpressionError, Unknown
from convcalc.spec.source import Diagnostic
from convcalc.spec.template import Block, Layer, Reference, Value, did_you_mean
from convcalc.spec.tree import Scalar

MOST_LAYERS = 250_000
"""Layers, blocks and repetitions together."""
MOST_ELEMENTS = 2**63 - 1
"""Elements of one tensor."""

Tensor = int | None
"""Index of the node whose output it is; None where its shape is unknown."""

SEVERAL_INPUTS = -1
"""Stands for the input of a network that has several: which one is meant must be said."""


class Call:
    """A place where layers stand: the values and names they see, and where they were called from."""

    __slots__ = ("caller", "in_channels", "input", "layer", "prefixes", "shared", "values")

    def __init__(
        self,
        values: dict[str, Any],
        input_: Tensor,
        prefixes: tuple[str, ...] = ("",),
        *,
        in_channels: int | None = None,
        caller: Call | None = None,
        layer: Layer | None = None,
        shared: str | None = None,
    ) -> None:
        self.values = values
        self.input = input_
        self.prefixes = prefixes  # of the names in reach, innermost first
        self.in_channels = in_channels  # of the block; None outside blocks
        self.caller = caller
        self.layer = layer  # that called the block
        self.shared = shared  # prefix of the layers whose weights are used


class _Failed(Exception):
    pass


class TooManyLayers(Exception):
    """The limit on layers is reached."""


class Builder:
    """Collects the nodes of a network; `variables` are the spec's own."""

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}
        self.nodes: list[Node] = []
        self.groups: list[Group] = []
        self.names: dict[str, Tensor] = {}
        self.problems: list[Diagnostic] = []
        self.repeats: dict[str, int] = {}
        self.calls: dict[str, tuple[Block, dict[str, Any]]] = {}
        self.steps = 0
        self._memo: dict[Any, tuple[Kind, Shape]] = {}
        self._reported: set[tuple[str, int, str]] = set()

    def problem(self, call: Call, layer: Layer, code: str, name: str, message: str, field: str = "") -> None:
        """Report something about a layer, at the field to blame, in the user's own text.

        Inside a block that ships with convcalc it is the call of the block, or its argument, that is marked.
        """
        while layer.source.shipped and call.layer is not None and call.caller is not None:
            value = layer.fields.get(field)
            argument = getattr(value.written, "name", None) if value is not None else None
            field = argument if argument is not None and argument in call.layer.fields else ""
            layer, call = call.layer, call.caller
        node = layer.fields[field].node if field in layer.fields else layer.key
        if field in {"repeat", "when"}:
            node = getattr(layer, field).node
        end = node.end if isinstance(node, Scalar) else node.start + 1
        self._report(layer, code, node.start, end, f"{name}: {message}")

    def _report(self, layer: Layer, code: str, start: int, end: int, message: str, advice: str = "") -> None:
        # A layer that is repeated fails every time; it is said once.
        key = (layer.source.path, start, code)
        if key not in self._reported:
            self._reported.add(key)
            self.problems.append(layer.source.diagnostic(code, start, end, message, advice))

    def step(self, call: Call, layer: Layer, name: str) -> None:
        """Count a layer, a block or a repetition against the limit."""
        self.steps += 1
        if self.steps > MOST_LAYERS:
            field = "repeat" if layer.repeat is not None else ""
            limit = f"more than {MOST_LAYERS:,} layers, the most a network may have"
            self.problem(call, layer, "CC008", name, limit, field)
            raise TooManyLayers

    def sequence(self, layers: Iterable[Layer], call: Call, current: Tensor) -> Tensor:
        """Build layers one behind the other; returns the output of the last."""
        for layer in layers:
            name = call.prefixes[0] + layer.name
            try:
                current = self._layer(layer, call, current, name)
            except _Failed:
                current = None
            self.names[name] = current
        return current

    def _layer(self, layer: Layer, call: Call, current: Tensor, name: str) -> Tensor:
        if layer.repeat is None:
            return self._once(layer, call, current, name)
        times = self.repeats[name] = self._repeats(layer, call, current, name)
        first = len(self.nodes)
        for index in range(times):
            self.step(call, layer, name)
            inner = f"{name}.{index}"
            current = self._once(layer, call, current, inner, index)
            self.names[inner] = current
        self.groups.append(Group(name, layer.kind_name, first, len(self.nodes), times, layer.line))
        return current

    def _repeats(self, layer: Layer, call: Call, current: Tensor, name: str) -> int:
        source = self._resolve(layer.sources[0], layer, call, current, name) if layer.sources else current
        value = self._evaluate(layer, call, source, name, "repeat", layer.repeat)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.problem(call, layer, "CC011", name, f"repeat: expected a whole number from 0, found {value}", "repeat")
            raise _Failed
        return value

    def _once(self, layer: Layer, call: Call, current: Tensor, name: str, index: int | None = None) -> Tensor:
        if layer.broken or (layer.kind is None and layer.block is None):
            return None
        self.step(call, layer, name)
        if layer.sources is not None:
            sources = [self._resolve(reference, layer, call, current, name) for reference in layer.sources]
        else:
            sources = [self._known(current, layer, call, name)]
        if layer.when is not None and not self._when(layer, call, sources[0], name, index):
            return current  # as if it were not written
        if layer.branches is not None:
            sources = self._branches(layer, call, sources, name, index)
        if any(source is None for source in sources):
            return None
        inputs = tuple(source for source in sources if source is not None)
        if layer.block is not None:
            return self._block(layer, layer.block, call, inputs, name, index)
        return self._node(layer, call, inputs, name, index)

    def _when(self, layer: Layer, call: Call, source: Tensor, name: str, index: int | None) -> bool:
        value = self._evaluate(layer, call, source, name, "when", layer.when, index)
        if not isinstance(value, bool):
            self.problem(call, layer, "CC011", name, f"when: expected true or false, found {value}", "when")
            raise _Failed
        return value

    def _branches(self, layer: Layer, call: Call, sources: list[Tensor], name: str, index: int | None) -> list[Tensor]:
        if len(sources) != 1:
            self.problem(call, layer, "CC013", name, "all branches start from one tensor; `from` names several")
            raise _Failed
        inner = call
        if index is not None:
            inner = Call(
                {**call.values, "index": index},
                call.input,
                (f"{name}.", *call.prefixes),
                in_channels=call.in_channels,
                caller=call.caller,
                layer=call.layer,
                shared=call.shared and f"{call.shared}{name.removeprefix(call.prefixes[0])}.",
            )
        assert layer.branches is not None  # noqa: S101  # for the type checker
        return [self.sequence(branch, inner, sources[0]) for branch in layer.branches]

    def _known(self, source: Tensor, layer: Layer, call: Call, name: str) -> Tensor:
        if source == SEVERAL_INPUTS:
            inputs = ", ".join(node.name for node in self.nodes if node.config is None)
            self.problem(call, layer, "CC013", name, f"there are several inputs; name one in `from`: {inputs}")
            raise _Failed
        return source

    def _resolve(self, reference: Reference, layer: Layer, call: Call, current: Tensor, name: str) -> Tensor:
        if reference.name in ("previous", "input"):
            return self._known(current if reference.name == "previous" else call.input, layer, call, name)
        found = self.full_name(reference.name, call)
        if found is not None:
            return self.names[found]
        start = call.prefixes[0]
        advice = did_you_mean(
            reference.name, [known.removeprefix(start) for known in self.names if known.startswith(start)]
        )
        node, message = reference.node, f"{name}: there is no layer `{reference.name}` above"
        self._report(layer, "CC013", node.start, node.end, message, advice)
        raise _Failed

    def full_name(self, name: str, call: Call) -> str | None:
        """The name from the outside of a layer that can be named here; that of one around it which has failed."""
        for prefix in call.prefixes:
            if prefix + name in self.names:
                return prefix + name
            outer = name
            while "." in outer:
                outer = outer.rpartition(".")[0]
                if prefix + outer in self.names and self.names[prefix + outer] is None:
                    return prefix + outer
        return None

    def _names(self, call: Call, source: Tensor, index: int | None) -> dict[str, Any]:
        names = dict(call.values)
        if source is not None:
            shape = self.nodes[source].shape
            names["in_channels"] = shape[0]
            names["rank"] = len(shape) - 1
            names["input_channels"] = shape[0] if call.in_channels is None else call.in_channels
        if index is not None:
            names["index"] = index
        return names

    def _evaluate(
        self,
        layer: Layer,
        call: Call,
        source: Tensor,
        name: str,
        field: str,
        value: Value | None,
        index: int | None = None,
    ) -> Any:
        assert value is not None  # noqa: S101  # for the type checker
        if value.constant:
            return value.written
        if source is None:
            raise _Failed  # nothing is known of what enters
        names = self._names(call, source, index)
        if field == "when" and call.in_channels is not None:
            names["in_channels"] = call.in_channels  # a block decides at its door what it consists of
        try:
            return value.evaluate(names)
        except Unknown:
            raise _Failed from None
        except ExpressionError as error:
            self.problem(call, layer, "CC011", name, f"{field}: {error}", field)
            raise _Failed from None

    def _block(
        self, layer: Layer, block: Block, call: Call, inputs: tuple[int, ...], name: str, index: int | None
    ) -> Tensor:
        if len(inputs) != 1:
            self.problem(call, layer, "CC013", name, f"a block has one input, found {len(inputs)}")
            raise _Failed
        owner = self._owner(layer, call, name, index)
        given = self._shared_call(layer, block, call, name, owner)
        values = {key: self.variables[key] for key in block.variables}
        for parameter, default in block.parameters.items():
            written = layer.fields.get(parameter)
            if written is not None:
                values[parameter] = self._evaluate(layer, call, inputs[0], name, parameter, written, index)
            elif parameter in given:
                values[parameter] = given[parameter]
            elif default is not None:
                inner = Call(values, inputs[0], caller=call, layer=layer)
                values[parameter] = self._evaluate(layer, inner, inputs[0], name, parameter, default)
            else:
                raise _Failed  # it is missing, which has been reported
        self.calls[name] = block, values
        inside = Call(
            values,
            inputs[0],
            (f"{name}.",),
            in_channels=self.nodes[inputs[0]].shape[0],
            caller=call,
            layer=layer,
            shared=owner and f"{owner}.",
        )
        first = len(self.nodes)
        output = self.sequence(block.layers, inside, inputs[0])
        self.groups.append(Group(name, layer.kind_name, first, len(self.nodes), None, layer.line))
        return output

    def _owner(self, layer: Layer, call: Call, name: str, index: int | None) -> str | None:
        """The name of the layer whose weights are used: that of `share`, or its like in the block that is shared."""
        if layer.share is None:
            return call.shared and call.shared + name.removeprefix(call.prefixes[0])
        self._resolve(layer.share, layer, call, None, name)
        owner = self.full_name(layer.share.name, call)
        if owner is None or self.names[owner] is None:
            raise _Failed  # nothing is known of it
        if owner in self.repeats:
            last = self.repeats[owner] - 1
            if index is None or index > last:
                message = f"share: {layer.share.name} is repeated; name one of {layer.share.name}.0 to .{last}"
                self.problem(call, layer, "CC013", name, message)
                raise _Failed
            owner = f"{owner}.{index}"
        return owner

    def _shared_call(self, layer: Layer, block: Block, call: Call, name: str, owner: str | None) -> dict[str, Any]:
        """The arguments of the block whose weights are used; those that are not written are taken over."""
        if layer.share is None or owner is None:
            return {}
        found, values = self.calls.get(owner, (None, {}))
        if found is not block:
            self.problem(
                call, layer, "CC013", name, f"share: expected a {layer.kind_name} above, found {self._what(owner)}"
            )
            raise _Failed
        return values

    def _what(self, name: str) -> str:
        """The kind or block of a layer."""
        if name in self.calls:
            return self.calls[name][0].name
        index = self.names.get(name)
        return (
            self.nodes[index].kind if index is not None and self.nodes[index].name == name else "one that is left out"
        )

    def _node(self, layer: Layer, call: Call, inputs: tuple[int, ...], name: str, index: int | None) -> Tensor:
        shapes = tuple(self.nodes[source].shape for source in inputs)
        shared = self._shared(layer, call, name, index)
        config, output = self._config_and_shape(layer, call, inputs, shapes, name, index, shared)
        if shared is not None:
            self._check_shared(layer, call, config, shapes, shared, name)
        self.nodes.append(Node(name, layer.kind_name, config, inputs, output, self._line(layer, call), shared))
        return len(self.nodes) - 1

    def _line(self, layer: Layer, call: Call) -> int:
        while layer.source.shipped and call.layer is not None and call.caller is not None:
            layer, call = call.layer, call.caller
        return layer.line

    def _config_and_shape(
        self,
        layer: Layer,
        call: Call,
        inputs: tuple[int, ...],
        shapes: tuple[Shape, ...],
        name: str,
        index: int | None,
        shared: int | None,
    ) -> tuple[Kind, Shape]:
        """The fields and the output shape, worked out once for equal fields and inputs."""
        values, written = self._values(layer, call, inputs[0], name, index)
        key = (layer.kind, written, shapes, shared)
        found = self._memo.get(key)
        if found is None:
            base = self.nodes[shared].config if shared is not None else None
            config = self._config(layer, call, values, len(shapes[0]) - 1, name, base)
            found = self._memo[key] = config, self._shape(layer, call, config, shapes, name)
        return found

    def _values(
        self, layer: Layer, call: Call, source: int, name: str, index: int | None
    ) -> tuple[tuple[tuple[str, Any], ...], str]:
        """The fields as evaluated, and a text that tells them from all others (True and 1 are equal, but not here)."""
        if layer.constants is not None:
            return layer.constants
        values = tuple(
            (field, self._evaluate(layer, call, source, name, field, value, index))
            for field, value in layer.fields.items()
        )
        found = values, repr(values)
        if all(value.constant for value in layer.fields.values()):
            layer.constants = found
        return found

    def _config(
        self,
        layer: Layer,
        call: Call,
        values: tuple[tuple[str, Any], ...],
        rank: int,
        name: str,
        base: Kind | None,
    ) -> Kind:
        kind = layer.kind
        assert kind is not None  # noqa: S101  # for the type checker
        types, standard = field_types(kind), defaults(kind)
        fields = {field: types[field].expand(default, rank) for field, default in standard.items() if field in types}
        if isinstance(base, kind):
            fields = {field: getattr(base, field) for field in types}
        failed = False
        for field, value in values:
            try:
                fields[field] = types[field].accept(value, rank)
            except FieldError as error:
                self.problem(call, layer, "CC011", name, f"{field}: {error}", field)
                failed = True
        if failed or any(field not in fields for field in types):
            raise _Failed
        return kind(**fields)

    def _shape(self, layer: Layer, call: Call, config: Kind, shapes: tuple[Shape, ...], name: str) -> Shape:
        least, most = config.inputs
        if len(shapes) < least or (most is not None and len(shapes) > most):
            wanted = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} to {most}"
            advice = "; name them: from: [a, b]" if least > len(shapes) else ""
            message = f"{layer.kind_name} takes {wanted} input{'' if wanted == '1' else 's'}, found {len(shapes)}"
            self.problem(call, layer, "CC013", name, message + advice)
            raise _Failed
        failed = False
        for check in config.checks(*shapes):
            if not check.holds:
                failed = True
                self.problem(call, layer, check.code, name, check.message(*check.arguments), check.field)
                break  # those that follow may rest on this one
        if failed:
            raise _Failed
        output = config.shape(*shapes)
        if product(output) > MOST_ELEMENTS:
            self.problem(
                call, layer, "CC008", name, "its output has more than 2^63 - 1 elements, the most a tensor may"
            )
            raise _Failed
        return output

    def _shared(self, layer: Layer, call: Call, name: str, index: int | None) -> int | None:
        owner = self._owner(layer, call, name, index)
        found = self.names.get(owner) if owner is not None else None
        if owner is None or found is None:
            return None
        node = self.nodes[found]
        if node.name == owner and node.kind == layer.kind_name:
            return found if node.shared is None else node.shared
        if layer.share is None:
            return None  # left out in the block that is shared, and so with weights of its own
        self.problem(
            call, layer, "CC013", name, f"share: expected a {layer.kind_name} above, found {self._what(owner)}"
        )
        raise _Failed

    def _check_shared(
        self, layer: Layer, call: Call, config: Kind, shapes: tuple[Shape, ...], shared: int, name: str
    ) -> None:
        owner = self.nodes[shared]
        assert owner.config is not None  # noqa: S101  # for the type checker: inputs have no weights to share
        owned = owner.config.weights(*(self.nodes[source].shape for source in owner.inputs))
        needed = config.weights(*shapes)
        if owned != needed:
            message = f"share: the weights of {owner.name} are {_listed(owned)}, this layer needs {_listed(needed)}"
            self.problem(call, layer, "CC103", name, message)
            raise _Failed


def _listed(weights: dict[str, Shape]) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in weights.items()) or "none"


def input_nodes(inputs: dict[str, Shape], lines: dict[str, int]) -> Iterator[Node]:
    """The nodes that stand for the network's inputs."""
    for name, shape in inputs.items():
        yield Node(name, "input", None, (), shape, lines[name])
