"""From an ONNX file to layers: every node folded, translated, or found to be unknown, in one walk."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import prod
from pathlib import Path

from msgspec.structs import replace

from convcalc import steps
from convcalc.imports.drafts import INPUT, UNKNOWN, Builder, Draft
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit, Unknown, brief, plain
from convcalc.imports.naming import named
from convcalc.imports.onnx import constant_folding as fold
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.batches import Batch, Mixed
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.elements import all_of
from convcalc.imports.onnx.inlining import MOST_CALLS, ordered, read_names, written_out
from convcalc.imports.onnx.operators import operators
from convcalc.imports.onnx.reading import Dimension, Graph, Model, Node, Subgraph, ValueInfo, cut_off, parse, read
from convcalc.imports.onnx.values import Call, Value, constant_value, viewed, without
from convcalc.imports.onnx.wire import Malformed
from convcalc.imports.record import Imported, Layer, Unused
from convcalc.imports.sharing import Sharing, Use, sharing
from convcalc.imports.tidy.patterns import tidied
from convcalc.steps import OutOfSteps

NODE, LAYER, ARRAY = 20, 15, 5
"""Steps that a node, a layer and an array of one take, beside what is paid for where it is worked out."""

LEAST_OPSET, NEWEST_OPSET = 7, 28
"""Versions of ONNX's operators that are known; before 7 they broadcast in other ways."""

CONTRADICTIONS = (ArithmeticError, AssertionError, LookupError, StopIteration, TypeError, ValueError)
"""What comes of a node with fewer axes, sizes or inputs than its other parts speak of, or with a step of zero."""

MOST_SAID = 20
"""Operators that are named in an error; the others are counted."""


def imported(
    path: str | Path,
    inputs: Mapping[str, Sequence[int]] | None = None,
    *,
    allow_unknown: bool = False,
) -> Imported:
    """The layers of the model in a file. `inputs`: sizes by the input's name, the batch first; "" if there is one.

    Raises `CannotImport`: for a file that is none, for axes that are open, and for operators that no kind says, all
    of them in one. With `allow_unknown` these become layers of the kind `opaque`.
    """
    return of_model(read(path), str(path), inputs, allow_unknown=allow_unknown)


def of_bytes(data: bytes, source: str, inputs: Mapping[str, Sequence[int]] | None = None) -> Imported:
    """The same for the bytes of a file."""
    return of_model(parse(data), source, inputs)


def of_model(
    model: Model, source: str, inputs: Mapping[str, Sequence[int]] | None = None, *, allow_unknown: bool = False
) -> Imported:
    """The layers of a model that was read."""
    known = model.opsets.get("", 0)
    if known < LEAST_OPSET and (known or any(not node.domain for node in model.graph.nodes)):
        found = f"opset {known}" if known else "no opset"
        raise CannotImport(
            f"{found}, where {LEAST_OPSET} to {NEWEST_OPSET} are read; onnx.version_converter brings it to a newer one"
        )
    try:
        return _walked(model, source, dict(inputs or {}), allow_unknown=allow_unknown)
    except OutOfSteps:
        raise OverLimit from None
    except SamplesMeet as error:
        try:
            return _walked(model, source, dict(inputs or {}), allow_unknown=allow_unknown, meeting=error)
        except (CannotImport, OutOfSteps):
            raise error from None
    except Malformed as error:  # of a part that is read only where it is needed
        raise cut_off(error) from None


def _walked(
    model: Model,
    source: str,
    inputs: dict[str, Sequence[int]],
    *,
    allow_unknown: bool,
    meeting: SamplesMeet | None = None,
) -> Imported:
    walk = Walk(model, inputs, meeting)
    walk.go()
    return walk.result(source, allow_unknown=allow_unknown)


class SamplesMeet(CannotImport):
    """A model whose batch is more than samples beside one another; `how` says where and in what way they meet."""

    def __init__(self, how: str, count: int) -> None:
        self.how = how
        super().__init__(
            f"{how}: figures for one sample of the batch of {count} would be wrong; cut the model in two there and "
            f"read both parts, or export it with these {count} on an axis behind a batch of 1"
        )


class Walk:
    """The walk over the nodes of a model. `meeting`: how samples of its batch meet, then an axis like others."""

    def __init__(self, model: Model, sizes: dict[str, Sequence[int]], meeting: SamplesMeet | None = None) -> None:
        self.model, self.sizes, self.meeting = model, sizes, meeting
        self.builder = Builder()
        self.values: dict[str, Value] = {}
        self.batch = Batch(1)
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.differing: list[str] = []
        self.open_batches: list[str] = []
        if model.opset > NEWEST_OPSET:
            self.notes.append(f"opset {model.opset} is newer than {NEWEST_OPSET}, as which it is read")
        self.read: set[str] = set()
        self.blocked: list[Unknown] = []
        self.before_blocked: list[Draft] = []
        self._stated: dict[str, ValueInfo] | None = None
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
        known = {*graph.initialisers, *(info.name for info in entering)}
        nodes = ordered(written_out(self.model), known, outputs)
        if any(node.op == "QuantizeLinear" for node in nodes):
            self.notes.append(
                "quantised: the layers are those between the roundings, which are left out; one that cuts off all "
                "below 0 behind a layer is read as relu"
            )
        self._enter(entering, nodes)
        for node in nodes:
            try:
                self.step(node)
            except OutOfSteps:
                raise OverLimit(f"{node.operator} at {node.title}") from None

    def _enter(self, infos: list[ValueInfo], nodes: list[Node]) -> None:
        unknown = set(self.sizes) - {info.name for info in infos} - {""}
        if unknown or ("" in self.sizes and len(infos) != 1):
            found = ", ".join(f"{plain(info.name)} {_shown(info.dims)}" for info in infos)
            raise CannotImport(f"--input names {', '.join(sorted(unknown)) or 'no input'}; the model's are {found}")
        steps.spend(NODE * len(infos))
        unbatched = {
            name for node in nodes if node.op == "Unsqueeze" for name in node.inputs[:1] if self._first_axis(node)
        }
        open_axes = [info for info in infos if not self._is_given(info)]
        if open_axes:
            raise CannotImport(_open(open_axes))
        shapes = {info.name: self._sizes(info) for info in infos}
        batched = {
            name for name, shape in shapes.items() if len(shape) > 1 and not (name in unbatched and shape[0] != 1)
        }
        counts = {shapes[name][0] for name in batched} or {1}
        if len(counts) == 1 and self.meeting is None:  # one batch for all inputs
            self.batch = Batch(*counts)
        for info in infos:
            self._enter_one(info, shapes[info.name], info.name in batched)
        if self.meeting is not None:
            self.warnings.append(f"axis 0 of the inputs, of {counts.pop()}, is no batch: {self.meeting.how}")
        self.open_batches = [
            info.name for info in infos if info.dims and not isinstance(info.dims[0], int) and shapes[info.name][0] == 1
        ]

    def _enter_one(self, info: ValueInfo, shape: tuple[int, ...], batched: bool) -> None:
        name, count = info.name, self.batch.count
        batch = samples = None
        if batched and shape[0] == count:
            batch, samples, shape = 0, 0 if count > 1 else None, (1, *shape[1:])
        if samples is not None:
            self.warnings.append(f"input {plain(name)} has a batch of {count}; the figures are for a batch of 1")
        draft = Draft(INPUT, {}, [], without(shape, batch))
        draft.name = name
        self.builder.drafts.append(draft)
        self.values[name] = Value(shape, draft, batch, None, info.element_type, samples)

    def _first_axis(self, node: Node) -> bool:
        """Whether an Unsqueeze puts an axis in front: of an input that has no batch."""
        axes = node.attributes.get("axes")
        if axes is None and len(node.inputs) > 1 and node.inputs[1] in self.model.graph.initialisers:
            axes = list(self.model.graph.initialisers[node.inputs[1]].numbers() or ())
        return axes == [0]

    def _is_given(self, info: ValueInfo) -> bool:
        if info.name in self.sizes or "" in self.sizes:
            return True
        if not info.is_tensor or info.dims is None:
            return False
        first, *others = info.dims or [1]
        return all(isinstance(size, int) and size > 0 for size in others) and (
            bool(others) or (isinstance(first, int) and first > 0)
        )

    def _sizes(self, info: ValueInfo) -> tuple[int, ...]:
        """The shape of an input; a batch that is open is 1."""
        dims: list[Dimension] = list(self.sizes.get(info.name, self.sizes.get("", info.dims or ())))
        if info.dims is not None and len(dims) == len(info.dims) - 1:
            dims = [info.dims[0], *dims]
        if info.dims is not None and len(dims) != len(info.dims):
            found = f"input {plain(info.name)} has {len(info.dims)} axes, {_shown(info.dims)}"
            raise CannotImport(f"{found}, and --input gives {len(dims)}")
        shape = constants.checked([size if isinstance(size, int) else 1 for size in dims], f"input {plain(info.name)}")
        if 0 in shape:
            raise CannotImport(f"input {plain(info.name)} of shape {list(shape)} holds nothing")
        return shape or (1,)

    def value(self, name: str) -> Value | None:
        """The tensor of that name; None for an input that is left out."""
        if not name:
            return None
        found = self.values.get(name)
        if found is None:
            tensor = self.model.graph.initialisers.get(name)
            if tensor is None:
                raise CannotImport(f"no node makes the tensor {plain(name)}, and it is neither input nor initialiser")
            found = self.values[name] = constant_value(constants.of_tensor(tensor, name))
        self.read.add(name)
        return found

    def step(self, node: Node, depth: int = 0) -> None:
        """Give the outputs of a node their values."""
        if node.op == "If" and not node.domain:
            self._branch(node, depth)
            return
        steps.spend(NODE + 2 * (len(node.inputs) + len(node.outputs)))
        inputs = [self.value(name) for name in node.inputs]
        call = Call(self.builder, node, inputs, self.model.opset)
        samples = None
        try:
            samples = self._samples(call)
            made = self._made(call)
        except Inexpressible as error:
            made = self._unknown(node, inputs, str(error), samples)
        except SamplesMeet:
            raise
        except CannotImport as error:
            raise CannotImport(f"{node.operator} at {node.title}: {error}") from None
        except CONTRADICTIONS:
            made = self._unknown(node, inputs, "its attributes and inputs do not go together as ONNX has it", samples)
        else:
            made = [replace(value, samples=samples) for value in made] if samples is not None else made
        for name, value in zip(node.outputs, made, strict=False):
            if name:
                self.values[name] = value
                self._compare(node, name, value)

    def _compare(self, node: Node, name: str, value: Value) -> None:
        """Whether the file declares another shape; sizes of its own are for the inputs that it declares alone."""
        info = self._stated_of(name)
        if self.sizes or info is None or info.dims is None or not value.known:
            return
        shape = self.batch.full(value)
        first = 1 if value.batch == 0 or self.open_batches else 0  # a batch is often that of an export long ago
        pairs = list(zip(info.dims, shape, strict=False))[first:]
        open_or_same = all(not isinstance(size, int) or size in (0, own) for size, own in pairs)
        if info.dims and (len(info.dims) != len(shape) or not open_or_same):
            said = (
                f"{plain(name)}, which {node.operator} at {node.title} makes: declared {_shown(info.dims)}, worked out "
            )
            self.differing.append(f"{said}{list(shape)}")

    def _differences(self) -> list[str]:
        """What the file declares and is not so; what follows from the first is counted."""
        if not self.differing:
            return []
        others = len(self.differing) - 1
        more = f" (and of {others} {'tensor' if others == 1 else 'tensors'} more)" if others else ""
        return [f"the file declares another shape than is worked out of {self.differing[0]}{more}"]

    def _samples(self, call: Call) -> int | None:
        """The axis along which the samples of a batch leave a node."""
        if call.node.operator in ("Shape", "Size"):
            return None
        if not all(value.known for value in call.inputs if value is not None):
            return None
        entering = [
            f"axis {value.samples} of {plain(name)} {list(self.batch.full(value))}"
            for name, value in zip(call.node.inputs, call.inputs, strict=True)
            if value is not None and value.samples is not None
        ]
        try:
            return self.batch.passes(call)
        except Mixed as error:
            how = f"{call.node.operator} at {call.node.title} {error} ({' and '.join(dict.fromkeys(entering))})"
            raise SamplesMeet(how, self.batch.count) from None

    def _made(self, call: Call) -> Sequence[Value]:
        node, inputs = call.node, call.inputs
        there = [value for value in inputs if value is not None]
        if any(not value.known for value in there):
            if node.op == "Shape":
                raise Inexpressible("the shape of what is not known")
            return self._unnamed(node, there)
        if node.op == "Shape" and there and not node.domain:
            return [constant_value(fold.shape_of(self.batch.full(there[0]), node.attributes))]
        if node.op == "Size" and there and not node.domain:
            return [constant_value(constants.whole([prod(self.batch.full(there[0]))], ()))]
        if all(value.constant is not None for value in there):
            found = fold.folded(call)
            if found is not None:
                made = [constant_value(self._identified(node, inputs, place, each)) for place, each in enumerate(found)]
                self._spend(there, 16)
                self._spend(made, 2)
                return made
        operator = operators().get(node.operator)
        if operator is None:
            raise Inexpressible("")
        if not any(value.source is not None for value in there):
            raise Inexpressible("it makes something of constants alone")
        if any(0 in value.shape for value in there if value.source is not None):
            raise Inexpressible("it works on a tensor that holds nothing")
        found_values = operator(call)
        return found_values if isinstance(found_values, list) else [found_values]

    def _identified(self, node: Node, inputs: list[Value | None], place: int, constant: Constant) -> Constant:
        """A constant that is worked out of several, as a tensor of its own: the same where the same is done again."""
        if constant.elements is not None or not constant.is_float or place >= len(node.outputs):
            return constant
        tensor: Hashable = node.outputs[place]
        if constant.made_of:
            attributes = repr([item for item in node.attributes.items() if isinstance(item[1], int | float | list)])
            operands = tuple(
                each and each.constant and (each.shape, each.constant.elements or each.constant.numbers)
                for each in inputs
            )
            key = node.op, place, attributes, operands
            tensor = self._worked_out.setdefault(key, len(self._worked_out))
        return replace(constant, elements=all_of(tensor, constant.shape))

    def _spend(self, values: list[Value], share: int) -> None:
        """Pay for constants that were worked with, so many of their numbers a step."""
        operands = [value.constant for value in values if value.constant is not None]
        steps.spend(sum(constant.count_read // share + len(constant.made_of) // 8 for constant in operands))

    def _unnamed(self, node: Node, inputs: list[Value]) -> list[Value]:
        """The outputs of what reads something unknown."""
        if not (node.operator in operators() or fold.is_folded(node) or node.op in PARTS):
            self.blocked.append(Unknown(node.title, node.operator, "no kind expresses it"))
        self.before_blocked += [value.source for value in inputs if value.source is not None]
        return [self._as_stated(name) or Value((), None) for name in node.outputs]

    def _unknown(self, node: Node, inputs: list[Value | None], reason: str, samples: int | None = None) -> list[Value]:
        """A draft for an operator that no kind says; it may yet be a part of something that one does."""
        entering = [value.source for value in inputs if value is not None and value.source is not None]
        arrays = {
            f"input{place}": value.constant
            for place, value in enumerate(inputs, start=1)
            if value is not None and value.constant is not None
        }
        if reason and node.op in COUNTING and self.open_batches:
            reason += f"; the open batch of {plain(self.open_batches[0])} is read as 1, and --input gives another"
        found = []
        for name in node.outputs or [""]:
            value = self._shape_of_unknown(node, inputs, name, samples)
            shape = value.shape if value is not None else ()
            if value is None or 0 in shape:
                self.blocked.append(Unknown(node.title, node.operator, reason or "no kind expresses it"))
                self.before_blocked += entering
                found.append(Value((), None))
                continue
            shape = shape or (1,)
            batch = 0 if len(shape) > 1 and shape[0] == 1 else None
            sources = entering or self.builder.entering()
            draft = self.builder.layer(UNKNOWN, {"output_shape": without(shape, batch)}, sources, (node,), arrays)
            draft.reason = reason or "no kind expresses it"
            found.append(replace(value, shape=shape, source=draft, batch=batch))
        return found

    def _shape_of_unknown(self, node: Node, inputs: list[Value | None], name: str, samples: int | None) -> Value | None:
        shapes = [value.shape for value in inputs if value is not None and value.known]
        if node.op in SAME_SHAPE and shapes:
            try:
                shape = constants.broadcast(shapes)
            except Inexpressible:
                return None
            return None if samples is not None and samples >= len(shape) else Value(shape, samples=samples)
        return self._as_stated(name)

    def _stated_of(self, name: str) -> ValueInfo | None:
        if self._stated is None:
            self._stated = self.model.stated()
        return self._stated.get(name)

    def _as_stated(self, name: str) -> Value | None:
        """What the file says of a tensor, if it says all."""
        info = self._stated_of(name)
        if info is None or info.dims is None or not info.dims:
            return None
        first, *others = info.dims
        if not all(isinstance(size, int) and size > 0 for size in others):
            return None
        leading = first if isinstance(first, int) and first > 0 else 1
        samples = 0 if leading == self.batch.count > 1 else None
        return Value(
            constants.checked(
                [leading if samples is None else 1, *(size for size in others if isinstance(size, int))],
                f"tensor {plain(name)}",
            ),
            samples=samples,
        )

    def _branch(self, node: Node, depth: int) -> None:
        """The branch that is taken, where that is known."""
        condition = self.value(node.inputs[0]) if node.inputs else None
        numbers = condition.constant.numbers if condition is not None and condition.constant else None
        graph = node.attributes.get("then_branch" if numbers and numbers[0] else "else_branch")
        if not numbers or not isinstance(graph, Subgraph) or depth >= MOST_CALLS:
            made = self._unknown(node, [condition], "which branch is taken depends on data")
        else:
            made = self._inner(graph.read(), depth)
        for name, value in zip(node.outputs, made, strict=False):
            self.values[name] = value

    def _inner(self, graph: Graph, depth: int) -> list[Value]:
        self.model.graph.initialisers.update(graph.initialisers)
        outputs = [output.name for output in graph.outputs]
        for node in ordered(graph.nodes, set(self.values), outputs):
            self.step(node, depth + 1)
        return [self.value(name) or Value((), None) for name in outputs]

    def result(self, source: str, *, allow_unknown: bool) -> Imported:
        """The layers that the outputs need, named, with those that share weights."""
        leaving = self._leaving()
        arrays = sum(len(array.made_of) for draft in self.builder.drafts for array in draft.arrays.values())
        steps.spend(LAYER * len(self.builder.drafts) + ARRAY * arrays)
        drafts, leaving = tidied(self.builder, [*leaving, *self.before_blocked])
        self._refuse(drafts, allow_unknown=allow_unknown)
        shared = self._sharing(drafts)
        names = named(drafts, self.model.graph.initialisers)
        self._say_what_is_folded(drafts)
        layers = tuple(
            Layer(
                name=names[draft],
                kind=draft.kind,
                fields=draft.fields,
                inputs=tuple(names[each] for each in draft.inputs),
                share=names[shared.layers[draft]] if draft in shared.layers else None,
                arrays={name: (names[use.draft], use.array) for name, use in shared.arrays.get(draft, {}).items()},
                shape=draft.shape,
                operators=tuple(node.title for node in draft.nodes),
            )
            for draft in drafts
            if draft.kind != INPUT
        )
        entering = {names[draft]: draft.shape for draft in drafts if draft.kind == INPUT}
        return Imported(
            name=plain(self.model.graph.name),
            inputs=entering,
            layers=layers,
            outputs=tuple(dict.fromkeys(names[draft] for draft in leaving)),
            source=source,
            producer=self.model.producer,
            opset=self.model.opset,
            unused=self._unused(),
            notes=tuple(self.notes),
            warnings=(*self.warnings, *self._differences()),
        )

    def _leaving(self) -> list[Draft]:
        """The drafts of what leaves; a constant that leaves is said and left out."""
        found = []
        for output in self.model.graph.outputs:
            value = self.value(output.name)
            if value is None or not value.known:
                continue
            if value.source is None:
                self.notes.append(f"output {plain(output.name)} is a constant, and is left out")
            else:
                found.append(
                    viewed(self.builder, value, 0)
                    if value.batch not in (0, None) and value.shape[0] == 1
                    else value.source
                )
        if not found and not self.blocked:
            raise CannotImport("nothing that leaves depends on what enters")
        return found

    def _refuse(self, drafts: list[Draft], *, allow_unknown: bool) -> None:
        """Name every operator that no kind says."""
        unknown = [
            Unknown(draft.nodes[-1].title, draft.nodes[-1].operator, draft.reason)
            for draft in drafts
            if draft.kind == UNKNOWN
        ]
        unknown = list(dict.fromkeys(unknown))
        if self.blocked:
            every = tuple(dict.fromkeys([*unknown, *self.blocked]))
            shapes = "; what leaves these has no axis, or no shape in the file (onnx.shape_inference may add it)"
            raise CannotImport(_listed(every) + shapes, every)
        if unknown and not allow_unknown:
            raise CannotImport(_listed(tuple(unknown)), tuple(unknown))

    def _sharing(self, drafts: list[Draft]) -> Sharing:
        """How the layers share weights; what is not counted again is said, and what is counted more than once."""
        shared = sharing(self.builder, drafts, self._initialiser)
        sizes = [
            prod(draft.array_shapes[name])
            for draft, arrays in shared.arrays.items()
            for name, owner in arrays.items()
            if not Use(draft, name, owner.elements).repeats
        ]
        if sizes:
            arrays = "1 array is" if len(sizes) == 1 else f"{len(sizes)} arrays are"
            self.notes.append(
                f"{arrays} another layer's too and counted there, {sum(sizes):,} parameters in all; "
                "exporters also merge arrays of equal numbers, such as those of a network that is not trained"
            )
        several = dict.fromkeys(
            name for uses in shared.contested.values() for use in uses for name in use.draft.weights
        )
        if several:
            more = f" and {len(several) - 5} more" if len(several) > 5 else ""
            names = ", ".join(map(plain, [*several][:5]))
            self.notes.append(f"counted once for each of several layers that use parts of it: {names}{more}")
        return shared

    def _initialiser(self, name: Hashable) -> Constant | None:
        tensor = self.model.graph.initialisers.get(name) if isinstance(name, str) else None
        return None if tensor is None else constants.of_tensor(tensor, tensor.name)

    def _say_what_is_folded(self, drafts: list[Draft]) -> None:
        """Batch norm that PyTorch's exporter folded into convolutions, by the name that it gives their bias."""
        folded = [draft for draft in drafts if f"{(*draft.weights, '')[0]}_bias" in draft.weights[1:]]
        if folded:
            channels = sum(draft.shape[0] for draft in folded)
            self.notes.append(
                f"the exporter folded batch norm into {len(folded)} convolutions: {channels:,} parameters fewer than "
                "the network had, where each norm had a scale and a shift and none of the convolutions a bias"
            )

    def _unused(self) -> tuple[Unused, ...]:
        inner = {name for node in self.model.graph.nodes if node.op == "If" for name in read_names(node)}
        outputs = {output.name for output in self.model.graph.outputs}
        return tuple(
            Unused(plain(name), tensor.dims)
            for name, tensor in self.model.graph.initialisers.items()
            if name not in self.read and name not in inner and name not in outputs
        )


SAME_SHAPE = {
    "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "Ceil", "Celu", "Clip", "Cos",
    "Cosh", "CumSum", "Div", "Elu", "Equal", "Erf", "Exp", "Floor", "Greater", "GreaterOrEqual", "HardSigmoid",
    "Hardmax", "IsInf", "IsNaN", "LRN", "LeakyRelu", "Less", "LessOrEqual", "Log", "LpNormalization", "Max", "Mean",
    "MeanVarianceNormalization", "Min", "Mod", "Mul", "Not", "Or", "Pow", "Reciprocal", "Round", "Shrink", "Sign",
    "Sin", "Sinh", "Sqrt", "Sub", "Tan", "ThresholdedRelu", "Where", "Xor",
}  # fmt: skip
"""Operators whose output has the shape of what enters, or of all that enters together, where no kind says them."""


COUNTING = {"Reshape", "Slice", "Split", "Gather", "Expand", "Concat", "Resize"}
"""Operators whose own numbers may speak of a batch of another size."""

PARTS = {"Erf"}
"""Operators no kind says alone, which may be part of one that is."""


def _listed(unknown: tuple[Unknown, ...]) -> str:
    said = "; ".join(
        f"{brief(each.operator)} at {brief(each.node)} ({brief(each.reason)})" for each in unknown[:MOST_SAID]
    )
    more = f"; and {len(unknown) - MOST_SAID} more" if len(unknown) > MOST_SAID else ""
    count = "1 operator" if len(unknown) == 1 else f"{len(unknown)} operators"
    return f"{count} that no layer kind expresses: {said}{more}"


def _shown(dims: Sequence[Dimension] | None) -> str:
    return "of unknown shape" if dims is None else f"[{', '.join('?' if size is None else str(size) for size in dims)}]"


def _open(infos: list[ValueInfo]) -> str:
    parts = []
    for info in infos:
        example = "x".join(
            str(size) if isinstance(size, int) and size > 0 else "1" if place == 0 else ("3" if place == 1 else "224")
            for place, size in enumerate(info.dims or [None] * 4)
        )
        parts.append(
            f"input {plain(info.name)} {_shown(info.dims)}: give its sizes, as in --input {plain(info.name)}={example}"
        )
    return f"axes of no fixed size: {'; '.join(parts)}"
