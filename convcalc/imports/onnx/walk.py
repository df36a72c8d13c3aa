"""From an ONNX file to layers: every node folded, translated, or found to be unknown, in one walk."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import prod

from msgspec.structs import replace

from convcalc import steps
from convcalc.imports import Buffer, Sizes
from convcalc.imports.assembly import assembled
from convcalc.imports.drafts import NO_KIND, Builder, Draft
from convcalc.imports.elements import all_of
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit, RefusedOperator, plain
from convcalc.imports.onnx import FORMAT, constants, kept_batches
from convcalc.imports.onnx import constant_folding as fold
from convcalc.imports.onnx.batches import passes
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.declarations import Declarations
from convcalc.imports.onnx.declared import operator_of
from convcalc.imports.onnx.entering import entered
from convcalc.imports.onnx.inlining import MOST_CALLS, ordered, read_names, written_out
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.operators import older
from convcalc.imports.onnx.reading import Model, Subgraph, cut_off, parse
from convcalc.imports.onnx.rounding import Rounding
from convcalc.imports.onnx.samples import Batch, Mixed, Places, SamplesMeet, laid
from convcalc.imports.onnx.values import Call, Value, constant_value, viewed, without
from convcalc.imports.onnx.wire import Malformed
from convcalc.imports.record import FileTensor, Imported, Unused
from convcalc.steps import OutOfSteps

_NODE = 20
"""Steps that a node takes, beside what is paid for where it is worked out."""

_NEWEST_OPSET = 28
"""The newest version of ONNX's operators that is known."""

_CONTRADICTIONS = (ArithmeticError, AssertionError, LookupError, StopIteration, TypeError, ValueError)
"""What comes of a node with fewer axes, sizes or inputs than its other parts speak of, or with a step of zero."""


def of_bytes(buffer: Buffer, source: str, inputs: Sizes | None = None, *, allow_unknown: bool = False) -> Imported:
    """The layers of the model in a file's bytes, for these input sizes.

    Raises:
        CannotImport: it is none, axes are open, or operators are expressed by no kind, all of them in one; with
            `allow_unknown` these become layers of the kind `opaque`.
    """
    return of_model(parse(buffer), source, inputs, allow_unknown=allow_unknown)


def of_model(model: Model, source: str, inputs: Sizes | None = None, *, allow_unknown: bool = False) -> Imported:
    """The layers of a model that was read."""
    sizes = inputs or {}
    try:
        return Walk(model, sizes).record(source, allow_unknown=allow_unknown)
    except OutOfSteps:
        raise OverLimit from None
    except SamplesMeet as error:
        try:
            return Walk(model, sizes, error.how).record(source, allow_unknown=allow_unknown)
        except OutOfSteps:
            raise OverLimit from None
    except Malformed as error:  # of a part that is read only where it is needed
        raise cut_off(error) from None


class Walk:
    """The walk over the nodes of a model. `how` samples of its batch meet: then it is an axis like others."""

    def __init__(self, model: Model, sizes: Sizes, how: str = "") -> None:
        self.model, self.sizes, self.how = model, sizes, how
        self.declared = Declarations(model)
        self.builder = Builder()
        self.values: dict[str, Value] = {}
        self.batch = Batch(1)
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.open_batches: list[str] = []
        if model.opset > _NEWEST_OPSET:
            self.notes.append(f"opset {model.opset} is newer than {_NEWEST_OPSET}, as which it is read")
        if "" not in model.opsets and any(not node.domain for node in model.graph.nodes):
            self.notes.append("no opset is stated: read as opset 1, which every file had before they stated any")
        self.read: set[str] = set()
        self.blocked: list[RefusedOperator] = []
        self.before_blocked: list[Draft] = []
        self._worked_out: dict[Hashable, int] = {}

    def go(self) -> None:
        """Make a draft of everything that the outputs need."""
        graph = self.model.graph
        outputs = [output.name for output in graph.outputs]
        if not outputs:
            raise CannotImport("the graph has no output")
        entering = [info for info in graph.inputs if info.name not in graph.initialisers]
        if not entering:
            raise CannotImport("the graph has no input")
        there = {*graph.initialisers, *(info.name for info in entering)}
        self.rounding = Rounding(written_out(self.model), graph)
        nodes = ordered(self.rounding.nodes, there, outputs)
        steps.spend(_NODE * len(entering))
        inputs = entered(self.builder, graph, entering, nodes, self.sizes, self.how)
        self.values |= inputs.values
        self.batch = Batch(inputs.count, is_stated=inputs.is_batch)
        self.open_batches = inputs.open_batches
        self.warnings += inputs.warnings
        for name, value in inputs.values.items():
            self._name(name, value)
        for node in nodes:
            try:
                self.step(node)
            except OutOfSteps:
                raise OverLimit(f"{node.operator} at {node.title}") from None

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
        if node.op == "If" and not node.domain:
            self._branch(node, depth)
            return
        steps.spend(_NODE + 2 * (len(node.inputs) + len(node.outputs)))
        inputs = [self.value(name) for name in node.inputs]
        call = Call(self.builder, node, inputs, self.model.opset)
        samples = None
        try:
            call = older.modern(call) if call.opset < older.FIRST_TODAY else call
            samples = self._samples(call)
            outputs = self._outputs(call)
        except Inexpressible as error:
            outputs = self._unknown(node, inputs, str(error), samples)
        except SamplesMeet:
            raise
        except CannotImport as error:
            raise CannotImport(f"{node.operator} at {node.title}: {error}") from None
        except _CONTRADICTIONS:
            reason = "its attributes and inputs do not go together as ONNX has it"
            outputs = self._unknown(node, inputs, reason, samples)
        else:
            if samples is not None:
                outputs = laid(outputs, samples)
        for name, value in zip(node.outputs, outputs, strict=False):
            if name:
                self.values[name] = value
                self._compare(node, name, value)
                self._name(name, value)

    def _name(self, name: str, value: Value) -> None:
        """Say of a draft which tensor of the file it makes."""
        draft = value.source
        if draft is not None and draft.tensor is None and draft.shape == without(value.shape, value.batch):
            draft.tensor = FileTensor(name, self.batch.full(value), value.batch)

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
            if node.op == "Shape":
                raise Inexpressible("the shape of what is not known")
            return self._unnamed(node, there)
        if node.op == "Shape" and there and not node.domain:
            return [constant_value(fold.shape_of(self.batch.full(there[0]), node.attributes))]
        if node.op == "Size" and there and not node.domain:
            return [constant_value(constants.whole([prod(self.batch.full(there[0]))], ()))]
        if all(value.constant is not None for value in there):
            folded = fold.folded(call)
            if folded is not None:
                values = [constant_value(self._identified(call, *placed)) for placed in enumerate(folded)]
                self._spend(there, 16)
                self._spend(values, 2)
                return values
        operator = operator_of(node.operator)
        if operator is None:
            raise Inexpressible("")
        shapes = [value.shape for value in there if value.source is not None]
        if not shapes:
            raise Inexpressible("it makes something of constants alone")
        if any(0 in shape for shape in shapes):
            raise Inexpressible("it works on a tensor that holds nothing")
        outputs = kept_batches.applied(operator, call)
        return outputs if isinstance(outputs, list) else [outputs]

    def _identified(self, call: Call, place: int, constant: Constant) -> Constant:
        """A constant that is worked out of several, as a tensor of its own: the same where the same is done again."""
        node = call.node
        if constant.elements is not None or not constant.is_float or place >= len(node.outputs):
            return constant
        tensor: Hashable = node.outputs[place]
        if constant.made_of:
            attributes = repr([item for item in node.attributes.items() if isinstance(item[1], int | float | list)])
            operands = tuple(
                value and value.constant and (value.shape, value.constant.elements or value.constant.numbers)
                for value in call.inputs
            )
            key = node.op, place, attributes, operands
            tensor = self._worked_out.setdefault(key, len(self._worked_out))
        return replace(constant, elements=all_of(tensor, constant.shape))

    def _spend(self, values: list[Value], share: int) -> None:
        """Pay for constants that were worked with, so many of their numbers a step."""
        operands = [value.constant for value in values if value.constant is not None]
        steps.spend(sum(constant.count_read // share + len(constant.made_of) // 8 for constant in operands))

    def _unnamed(self, node: GraphNode, inputs: list[Value]) -> list[Value]:
        """The outputs of what reads something unknown."""
        if not (operator_of(node.operator) or fold.is_folded(node) or node.op in _PARTS):
            self.blocked.append(RefusedOperator(node.title, node.operator, NO_KIND))
        self.before_blocked += [value.source for value in inputs if value.source is not None]
        return [self.declared.value(name, self.batch.count) or Value((), None) for name in node.outputs]

    def _unknown(self, node: GraphNode, inputs: list[Value | None], reason: str, samples: Places = None) -> list[Value]:
        """A draft for an operator that no kind says; it may yet be a part of something that one does."""
        entering = [value.source for value in inputs if value is not None and value.source is not None]
        arrays = {
            f"input{place}": value.constant
            for place, value in enumerate(inputs, start=1)
            if value is not None and value.constant is not None
        }
        if reason and node.op in _COUNTING and self.open_batches:
            reason += f"; the open batch of {plain(self.open_batches[0])} is read as 1, and --input gives another"
        outputs = []
        for name in node.outputs or [""]:
            value = self._shape_of_unknown(node, inputs, name, samples)
            shape = value.shape if value is not None else ()
            if value is None or 0 in shape:
                self.blocked.append(RefusedOperator(node.title, node.operator, reason or NO_KIND))
                self.before_blocked += entering
                outputs.append(Value((), None))
                continue
            shape = shape or (1,)
            batch = 0 if len(shape) > 1 and shape[0] == 1 else None
            sources = entering or self.builder.entering()
            own, function = without(shape, batch), _PARTS.get(node.op, "")
            draft = self.builder.unknown(own, sources, node, reason or NO_KIND, function, arrays)
            outputs.append(replace(value, shape=shape, source=draft, batch=batch))
        return outputs

    def _shape_of_unknown(
        self, node: GraphNode, inputs: list[Value | None], name: str, samples: Places
    ) -> Value | None:
        shapes = [value.shape for value in inputs if value is not None and value.known]
        if node.op in _SAME_SHAPE and shapes:
            try:
                shape = constants.broadcast(shapes)
            except Inexpressible:
                return None
            place = samples if isinstance(samples, int) else None
            return None if place is not None and place >= len(shape) else Value(shape, samples=place)
        return self.declared.value(name, self.batch.count)

    def _branch(self, node: GraphNode, depth: int) -> None:
        """The branch that is taken, where that is known."""
        condition = self.value(node.inputs[0]) if node.inputs else None
        numbers = condition.constant.numbers if condition is not None and condition.constant else None
        branch = node.attributes.get("then_branch" if numbers and numbers[0] else "else_branch")
        if not numbers or not isinstance(branch, Subgraph) or depth >= MOST_CALLS:
            outputs = self._unknown(node, [condition], "which branch is taken depends on data")
        else:
            graph = branch.read()
            self.model.graph.initialisers |= graph.initialisers
            names = [output.name for output in graph.outputs]
            for inner in ordered(graph.nodes, set(self.values), names):
                self.step(inner, depth + 1)
            outputs = [self.value(name) or Value((), None) for name in names]
        self.values |= zip(node.outputs, outputs, strict=False)

    def record(self, source: str, *, allow_unknown: bool) -> Imported:
        """Walk, and put what was found together."""
        self.go()
        if self.batch.count > 1 and not self.batch.is_stated:
            raise SamplesMeet("", self.batch.count)
        leaving = self._leaving()
        assembly = assembled(
            self.builder,
            [*leaving, *self.before_blocked],
            array_of=self._initialiser,
            blocked=self.blocked,
            why_blocked="what leaves these has no axis, or no shape in the file (onnx.shape_inference may add it)",
            allow_unknown=allow_unknown,
        )
        self.notes += assembly.notes
        self.notes += self.rounding.notes(assembly.drafts)
        self._note_folded_norms(assembly.drafts)
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
        )

    def _leaving(self) -> list[Draft]:
        """The drafts of what leaves; a constant that leaves is noted and left out."""
        leaving = []
        for output in self.model.graph.outputs:
            value = self.value(output.name)
            if value is None or not value.known:
                continue
            if value.source is None:
                self.notes.append(f"output {plain(output.name)} is a constant, and is left out")
                continue
            has_batch_inside = value.batch not in (0, None) and value.shape[0] == 1
            leaving.append(viewed(self.builder, value, 0) if has_batch_inside else value.source)
        if not leaving and not self.blocked:
            raise CannotImport("nothing that leaves depends on what enters")
        return leaving

    def _initialiser(self, name: Hashable) -> Constant | None:
        tensor = self.model.graph.initialisers.get(name) if isinstance(name, str) else None
        return None if tensor is None else constants.of_tensor(tensor, tensor.name)

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
        used.update(name for node in graph.nodes if node.op == "If" for name in read_names(node))
        unused = graph.initialisers.keys() - used
        return tuple(
            Unused(plain(name), graph.initialisers[name].dims) for name in graph.initialisers if name in unused
        )


_SAME_SHAPE = {
    "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "Ceil", "Celu", "Clip", "Cos",
    "Cosh", "CumSum", "Div", "Elu", "Equal", "Erf", "Exp", "Floor", "Greater", "GreaterOrEqual", "HardSigmoid",
    "Hardmax", "IsInf", "IsNaN", "LRN", "LeakyRelu", "Less", "LessOrEqual", "Log", "LpNormalization", "Max", "Mean",
    "MeanVarianceNormalization", "Min", "Mod", "Mul", "Not", "Or", "Pow", "Reciprocal", "Round", "Shrink", "Sign",
    "Sin", "Sinh", "Sqrt", "Sub", "Tan", "ThresholdedRelu", "Where", "Xor",
}  # fmt: skip
"""Operators whose output has the shape of what enters, or of all that enters together, where no kind says them."""


_COUNTING = {"Reshape", "Slice", "Split", "Gather", "Expand", "Concat", "Resize", "Conv", "QLinearConv"}
"""Operators whose own numbers may speak of a batch of another size, or of an axis that is none."""

_PARTS = {"Erf": "erf"}
"""Operators that no kind says alone, which may be a part of one that does, and what rules of `tidy` call them."""
