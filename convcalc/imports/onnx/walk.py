"""From an ONNX file to layers: every node folded, translated, or found to be unknown, in one walk."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import prod

from msgspec.structs import replace

from convcalc import steps
from convcalc.imports import Buffer, Sizes, Values
from convcalc.imports.arrays import Array
from convcalc.imports.assembly import assembled
from convcalc.imports.drafts import BEHIND, Builder, Draft
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit, plain
from convcalc.imports.makings import Making
from convcalc.imports.onnx import FORMAT, constants, kept_batches
from convcalc.imports.onnx import constant_folding as fold
from convcalc.imports.onnx.batches import passes
from convcalc.imports.onnx.control import BODIES, deciding_alone
from convcalc.imports.onnx.declarations import Declarations
from convcalc.imports.onnx.declared import operator_of
from convcalc.imports.onnx.element_types import ElementTypes
from convcalc.imports.onnx.entering import entered
from convcalc.imports.onnx.fillings import Fillings
from convcalc.imports.onnx.given_inputs import deciding, given, types_alone
from convcalc.imports.onnx.inlining import ordered, read_names, without_unread, written_out
from convcalc.imports.onnx.nodes import Attributes, GraphNode
from convcalc.imports.onnx.operators import older
from convcalc.imports.onnx.places import folded, places_of
from convcalc.imports.onnx.reading import Model, Tensor, ValueInfo, cut_off, parse
from convcalc.imports.onnx.rounding import Rounding
from convcalc.imports.onnx.samples import Batch, Mixed, Places, SamplesMeet, laid
from convcalc.imports.onnx.sequences import SEQUENCES
from convcalc.imports.onnx.tables import table_of
from convcalc.imports.onnx.unknown import CONTRADICTIONS, UnknownOperators, assumptions
from convcalc.imports.onnx.values import Call, Value, constant_value, viewed, without
from convcalc.imports.onnx.worked_out import WorkedOut, pay
from convcalc.imports.record import FileTensor, Imported, Unused
from convcalc.imports.spelling import PlaceOf
from convcalc.imports.wire import Malformed
from convcalc.layers import Shape
from convcalc.steps import OutOfSteps

_NODE = 20
"""Steps that a node takes, beside what is paid for where it is worked out."""

_NEWEST_OPSET = 28
"""The newest version of ONNX's operators that is known."""

_WALKED = {**BODIES, **SEQUENCES}
"""Operators that the walk itself does."""


def of_bytes(
    buffer: Buffer,
    source: str,
    inputs: Sizes | None = None,
    *,
    values: Values | None = None,
    strict: bool = True,
) -> Imported:
    """The layers of the model in a file's bytes, for these input sizes and values of inputs.

    Operators that no kind expresses become layers of the kind `opaque` only where `strict` is not set.

    Raises:
        CannotImport: it is none, axes are open, or `strict` is set and operators are expressed by no kind, all of them
            in one.
    """
    return of_model(parse(buffer), source, inputs, values=values, strict=strict)


def of_model(
    model: Model, source: str, inputs: Sizes | None = None, *, values: Values | None = None, strict: bool = True
) -> Imported:
    """The layers of a model that was read."""
    sizes = inputs or {}
    try:
        return Walk(model, sizes, values=values).record(source, strict=strict)
    except OutOfSteps:
        raise OverLimit from None
    except SamplesMeet as error:
        try:
            return Walk(model, sizes, error.how, values).record(source, strict=strict)
        except OutOfSteps:
            raise OverLimit from None
    except Malformed as error:  # of a part that is read only where it is needed
        raise cut_off(error) from None


class Walk:
    """The walk over the nodes of a model. `how` samples of its batch meet: then it is an axis like others.

    `values` are the tensors that have been worked out, by name; a graph within a node has those of its own in front
    (see `scope`). `assumed` are nodes whose output was taken to be as large as what enters.
    """

    def __init__(self, model: Model, sizes: Sizes, how: str = "", values: Values | None = None) -> None:
        self.model, self.sizes, self.how, self.given = model, sizes, how, values or {}
        self.unknown = UnknownOperators(self)
        self.declared = Declarations(model)
        self.builder = Builder()
        self.values: ChainMap[str, Value] = ChainMap()
        self.nodes: list[GraphNode] = []
        self.batch = Batch(1)
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.assumed: list[str] = []
        self.decisions: list[Draft] = []
        self.open_batches: list[str] = []
        if model.opset > _NEWEST_OPSET:
            self.notes.append(f"opset {model.opset} is newer than {_NEWEST_OPSET}, as which it is read")
        if "" not in model.opsets and any(not node.domain for node in model.graph.nodes):
            self.notes.append("no opset is stated: read as opset 1, which every file had before they stated any")
        self.fillings = Fillings(model.graph)
        self.read: set[str] = set()
        self.element_types = ElementTypes(model.graph.initialisers, self.builder.formats)
        self._worked_out = WorkedOut()
        self._scopes: tuple[tuple[str, int], ...] = ()
        self._calls = 0

    def go(self) -> None:
        """Make a draft of everything that the outputs need."""
        graph = self.model.graph
        outputs = [output.name for output in graph.outputs]
        if not outputs:
            raise CannotImport("the graph has no output")
        infos = [info for info in graph.inputs if info.name not in graph.initialisers]
        there = {*graph.initialisers, *(info.name for info in infos)}
        self.rounding = Rounding(self.called(graph.nodes), graph)
        self.nodes = nodes = without_unread(ordered(self.rounding.nodes, there, outputs), outputs)
        steps.spend(_NODE * len(infos))
        for info in infos:
            self.element_types.enter(info.name, info.element_type)
        self.element_types.trained = {**self.element_types.trained, **self.rounding.trained()}
        self.element_types.readers = lambda: self._readers
        self._enter(infos)
        for node in nodes:
            try:
                self.step(node)
            except OutOfSteps:
                raise OverLimit(f"{node.operator} at {node.title}") from None

    @cached_property
    def _readers(self) -> Counter[str]:
        """How often each tensor is read, leaving the graph among it."""
        counts = Counter(name for node in self.nodes for name in node.inputs)
        counts.update(output.name for output in self.model.graph.outputs)
        return counts

    def _enter(self, infos: Sequence[ValueInfo]) -> None:
        """Give the inputs of the model their values; of one that is no tensor, nothing is known."""
        constants_given = types_alone(self.model.graph, infos, self.nodes) | given(infos, self.given)
        entering = [info for info in infos if info.name not in constants_given]
        inputs = entered(self.builder, self.model.graph, entering, self.nodes, self.sizes, self.how)
        self.values.update(inputs.values)
        self.values.update(constants_given)
        self.batch = Batch(inputs.count, is_stated=inputs.is_batch)
        self.open_batches = inputs.open_batches
        for name, value in inputs.values.items():
            self._name(name, value)
        self.declared.bind(infos, {name: self.batch.full(value) for name, value in self.values.items()})
        self.warnings += inputs.warnings
        if not entering:
            self.builder.input("nothing", (1,))
            self.notes.append("no tensor enters the graph; an input of one number stands for that")

    @property
    def is_within(self) -> bool:
        """Whether what is walked is a graph within a node."""
        return bool(self._scopes)

    def is_there(self, name: str) -> bool:
        """Whether a tensor is known by that name here."""
        return name in self.values or name in self.model.graph.initialisers

    def value_or_none(self, name: str) -> Value | None:
        """The tensor of that name, None also where it has not been worked out; it does not count as read."""
        value = self.values.get(name)
        tensor = self.model.graph.initialisers.get(name) if value is None else None
        return value if tensor is None else constant_value(constants.of_tensor(tensor, name))

    def called(self, nodes: Sequence[GraphNode]) -> list[GraphNode]:
        """Some nodes with the functions that they call written out."""
        out = written_out(self.model, nodes, self._calls)
        self._calls += len(out)
        return out

    def deciding(self, name: str) -> list[str]:
        """The inputs that decide what a tensor is, of those that may be given a value."""
        return deciding(self.model.graph, self.nodes, name)

    @contextmanager
    def scope(self, place: tuple[str, int]) -> Iterator[None]:
        """What is worked out within is that of a graph within a node, and forgotten behind."""
        kept = self.values, self._scopes
        self.values, self._scopes = self.values.new_child(), (*self._scopes, place)
        try:
            yield
        finally:
            self.values, self._scopes = kept

    def lodge(self, tensor: Tensor, node: GraphNode) -> Value:
        """An initialiser of a graph within a node, which gets another name where it has that of another."""
        initialisers, name = self.model.graph.initialisers, tensor.name
        while initialisers.setdefault(name, tensor) is not tensor and not tensor.is_same(initialisers[name]):
            name = f"{node.title}/{name}"
        self.read.add(name)
        return constant_value(constants.of_tensor(tensor, name))

    def does(self, node: GraphNode, op: str, values: Sequence[Value], **attributes: object) -> Value:
        """What an operator makes of tensors, done as a part of what a node does.

        Raises:
            Inexpressible: no kind expresses it.
        """
        self._calls += 1
        names = [f"{node.title}/{op}{self._calls}/{place}" for place in range(len(values) + 1)]
        part = replace(node, op=op, domain="", inputs=names[1:], outputs=names[:1], attributes=Attributes(attributes))
        call = Call(self.builder, part, list(values), self.model.opset, self._declared)
        samples = self._samples(call)
        outputs = self._outputs(call)
        return outputs[0] if samples is None else laid(outputs, samples)[0]

    def value(self, name: str) -> Value | None:
        """The tensor of that name; None for an input that is left out."""
        if not name:
            return None
        value = self.values.get(name)
        if value is None:
            tensor = self.model.graph.initialisers.get(name)
            if tensor is None:
                raise CannotImport(f"no node makes the tensor {plain(name)}, and it is neither input nor initialiser")
            value = self.values[name] = constant_value(constants.of_tensor(tensor, name))
        self.read.add(name)
        return value

    def step(self, node: GraphNode, depth: int = 0) -> None:
        """Give the outputs of a node their values."""
        steps.spend(_NODE + 2 * (len(node.inputs) + len(node.outputs)))
        inputs = [self.value(name) for name in node.inputs]
        inputs = self.fillings.left_out(node, inputs)
        samples: Places = None
        try:
            walked = _WALKED.get(node.op) if not node.domain else None
            if walked is not None:
                outputs: Sequence[Value] = walked(self, node, inputs, depth)
            else:
                call = Call(self.builder, node, inputs, self.model.opset, self._declared)
                call = older.modern(call) if call.opset < older.FIRST_TODAY else call
                samples = self._samples(call)
                outputs = self._outputs(call)
        except Inexpressible as error:
            outputs = self.unknown.outputs(node, inputs, str(error), samples)
        except SamplesMeet:
            raise
        except CannotImport as error:
            if depth:
                raise
            raise CannotImport(f"{node.operator} at {node.title}: {error}") from None
        except CONTRADICTIONS:
            reason = "its attributes and inputs do not go together as ONNX has it"
            outputs = self.unknown.outputs(node, inputs, reason, samples)
        else:
            if samples is not None:
                outputs = laid(outputs, samples)
        self.element_types.step(node)
        for name, value in zip(node.outputs, outputs, strict=False):
            if name:
                self.values[name] = value
                self._compare(node, name, value)
                self._name(name, value)

    def _name(self, name: str, value: Value) -> None:
        """Say of a draft which tensor of the file it makes."""
        draft = value.source
        if draft is not None and draft.tensor is None and draft.shape == (without(value.shape, value.batch) or (1,)):
            draft.tensor = FileTensor(name, self.batch.full(value), value.batch)

    def _declared(self, tensor: str) -> Shape | None:
        """The shape that the file has for a tensor, of all samples."""
        value = None if self.sizes else self.declared.value(tensor, self.batch.count)
        return None if value is None else self.batch.full(value)

    def _compare(self, node: GraphNode, name: str, value: Value) -> None:
        """Note where the file declares another shape; with sizes that were asked for, it speaks of others."""
        if not self.sizes and value.known:
            own_batch = value.batch == 0 or bool(self.open_batches)  # often that of an export long ago
            self.declared.compare(node, name, self.batch.full(value), 1 if own_batch else 0)

    def _samples(self, call: Call) -> Places:
        """The axis along which the samples of a batch leave a node."""
        if self.batch.count == 1 or call.node.operator in ("Shape", "Size"):
            return None
        if not all(value.known for value in call.values()):
            return None
        entering = [
            f"axis {value.samples} of {plain(name)} {list(self.batch.full(value))}"
            for name, value in zip(call.node.inputs, call.inputs, strict=True)
            if value is not None and value.samples is not None
        ]
        try:
            return passes(self.batch, call)
        except Mixed as error:
            how = f"{call.node.operator} at {call.node.title} {error} ({' and '.join(dict.fromkeys(entering))})"
            raise SamplesMeet(how, self.batch.count) from None

    def _outputs(self, call: Call) -> Sequence[Value]:
        node, there = call.node, call.values()
        if any(not value.known for value in there):
            is_expressible = operator_of(node.operator) or fold.is_folded(node)
            raise Inexpressible(
                BEHIND if is_expressible and all(value.sources for value in there if not value.known) else ""
            )
        if node.op == "Shape" and there and not node.domain:
            return [constant_value(fold.shape_of(self.batch.full(there[0]), node.attributes))]
        if node.op == "Size" and there and not node.domain:
            return [constant_value(constants.whole([prod(self.batch.full(there[0]))], ()))]
        if all(value.constant is not None for value in there):
            folded = fold.folded(call)
            if folded is not None:
                values = self._worked_out.values(call, folded, self._scopes)
                pay(there, 16)
                pay(values, 2)
                return values
        operator = operator_of(node.operator)
        if operator is None:
            raise Inexpressible("")
        shapes = [value.shape for value in there if value.source is not None]
        if not shapes:
            return self._worked_out.values(call, fold.of_translation(call, operator), self._scopes)
        if any(0 in shape for shape in shapes):
            raise Inexpressible("it works on a tensor that holds nothing")
        outputs = kept_batches.applied(operator, call)
        return outputs if isinstance(outputs, list) else [outputs]

    def record(self, source: str, *, strict: bool) -> Imported:
        """Walk, and put what was found together."""
        self.go()
        if self.batch.count > 1 and not self.batch.is_stated:
            raise SamplesMeet("", self.batch.count)
        place_of = self.code_places()
        assembly = assembled(self.builder, self._leaving(), array_of=self._stored, place_of=place_of, strict=strict)
        self.notes += [*assembly.notes, *self.builder.notes, *self.rounding.notes(assembly.drafts)]
        self.warnings += assumptions(self.assumed, assembly.drafts)
        self._note_folded_norms(assembly.drafts)
        self.notes += self.fillings.notes(assembly.params)
        return Imported(
            name=plain(self.model.graph.name),
            inputs=assembly.inputs,
            layers=assembly.layers,
            outputs=assembly.outputs,
            source=source,
            format=f"{FORMAT} of opset {self.model.opset}",
            unit="node",
            producer=self.model.producer,
            unused=self._unused(),
            runtime="onnxruntime",
            entering=assembly.entering,
            notes=tuple(self.notes),
            warnings=(*self.warnings, *self.declared.differences()),
            missing=assembly.missing,
            assumptions=(*assembly.assumptions, *folded(assembly.drafts)),
        )

    def code_places(self) -> PlaceOf | None:
        """Where in a program each node was called, as far as the file says."""
        return places_of(self.nodes, self.model.producer)

    def _leaving(self) -> list[Draft]:
        """The drafts of what leaves; a constant that leaves is noted and left out."""
        leaving = []
        for output in self.model.graph.outputs:
            value = self.value(output.name)
            if value is not None and value.constant is not None:
                self.notes.append(f"output {plain(output.name)} is a constant, and is left out")
            elif value is not None and value.known:
                has_batch_inside = value.batch not in (0, None) and value.shape[0] == 1
                leaving.append(viewed(self.builder, value, 0) if has_batch_inside else value.draft)
            elif value is not None:
                leaving += value.sources
        decisions = deciding_alone(self.builder.drafts, self.decisions, leaving)
        if decisions:
            self.notes.append("what decides which branch of an If is taken is written as an output, to be counted")
        leaving += decisions
        if not leaving:
            self.warnings.append("nothing that leaves depends on what enters, so that nothing is counted")
        return leaving

    def _stored(self, name: Hashable) -> Array | None:
        if not isinstance(name, str):
            return table_of(name, self._making)
        tensor = self.model.graph.initialisers.get(name)
        if tensor is not None:
            return constants.of_tensor(tensor, tensor.name)
        value = self.values.get(name)
        return None if value is None else value.constant

    def _making(self, name: str) -> Making | None:
        array = self._stored(name)
        return None if array is None else array.making

    def _note_folded_norms(self, drafts: list[Draft]) -> None:
        """Batch norm that PyTorch's exporter folded into convolutions, by the name that it gives their bias."""
        folded = [draft for draft in drafts if f"{(*draft.weights, '')[0]}_bias" in draft.weights[1:]]
        if folded:
            channels = sum(draft.shape[0] for draft in folded)
            self.notes.append(
                f"the exporter folded batch norm into {len(folded)} convolutions: {channels:,} parameters fewer than "
                "the network had, where each norm had a scale and a shift and none of the convolutions a bias"
            )

    def _unused(self) -> tuple[Unused, ...]:
        graph = self.model.graph
        used = self.read | {output.name for output in graph.outputs}
        used.update(name for node in graph.nodes if node.op in BODIES for name in read_names(node))
        unused = graph.initialisers.keys() - used
        return tuple(
            Unused(plain(name), graph.initialisers[name].dims) for name in graph.initialisers if name in unused
        )
