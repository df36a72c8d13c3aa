"""From a TensorFlow Lite file to layers: every operator folded, translated, or found to be unknown, in one walk."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

from convcalc import steps
from convcalc.imports import Buffer, ReadOptions
from convcalc.imports.arrays import Array, PlainArray
from convcalc.imports.assembly import assembled
from convcalc.imports.drafts import BEHIND, NO_KIND, Draft
from convcalc.imports.drafts import Builder as DraftBuilder
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit, plain
from convcalc.imports.layouts import OrderedTensor, as_it_lies, channels_last, in_file_order
from convcalc.imports.number_formats import format_named
from convcalc.imports.record import Imported
from convcalc.imports.tflite import control, dilation, variables
from convcalc.imports.tflite.flatbuffer import BrokenBuffer
from convcalc.imports.tflite.folding import RULES, folded
from convcalc.imports.tflite.input_sizes import Entering, entering
from convcalc.imports.tflite.model import LiteModel, LiteSubgraph, LiteTensor, Operator, cut_off, parse
from convcalc.imports.tflite.notes import format_of, notes_of
from convcalc.imports.tflite.operators import operators
from convcalc.imports.tflite.origins import LiteOrigin, path_of
from convcalc.imports.tflite.values import LiteCall, LiteValue, UnknownOfShape, laid, of_constant, of_tensor
from convcalc.layers import Shape
from convcalc.steps import OutOfSteps

_OPERATOR = 20
"""Steps that an operator takes, beside what is paid for where it is worked out."""

_MOST_WARNINGS = 3

_WALKED = {**control.OPERATORS, **variables.OPERATORS}
"""Operators that the walk itself does."""

_CONTRADICTIONS = (ArithmeticError, LookupError, ValueError, TypeError)
"""What is raised where the options of an operator and what enters it do not go together."""


def of_bytes(buffer: Buffer, source: str, options: ReadOptions) -> Imported:
    """The layers of the model in a file's bytes, as they were asked for.

    Raises:
        CannotImport: it is none, axes are open, or `options.strict` is set and operators are expressed by no kind.
    """
    try:
        return LiteWalk(parse(buffer), options).record(source)
    except OutOfSteps:
        raise OverLimit from None
    except BrokenBuffer as error:  # of a part that is read only where it is needed
        raise cut_off(error) from None


class LiteScope:
    """A subgraph on a walk: the tensors of it that have been worked out, by number, and what its operators stand in."""

    def __init__(self, graph: LiteSubgraph, number: int, title: str = "", depth: int = 0) -> None:
        self.graph, self.number, self.title, self.depth = graph, number, title, depth
        self.values: dict[int, LiteValue] = {}


class LiteWalk:
    """The walk over the operators of a model.

    `dilated` are the distances of the taps of a convolution whose map was dealt out, while it is made, `deciding` what
    decides which branch is taken, which is worked out though nothing of it leaves, `reshapes` are the drafts of other
    shapes by what they were made of, and `widened` those of maps that are sequences, with these.
    """

    def __init__(self, model: LiteModel, options: ReadOptions) -> None:
        self.model, self.options = model, options
        self.builder = DraftBuilder()
        self.warnings: list[str] = []
        self.variables = variables.Variables()
        self.is_resized = False
        self.dilated: dilation.Distances | None = None
        self.operators: list[Operator] = []
        self.widened: dict[Draft, tuple[Draft, int]] = {}
        self.deciding: list[Draft] = []
        self.reshapes: dict[tuple[Draft, Shape], Draft] = {}
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._arrays: dict[str, PlainArray] = {}
        self._differences: list[str] = []

    # ---- what layers ask for -----------------------------------------------------------------------------------------

    def array_name(self, key: str, path: Sequence[str], role: str) -> str:
        """What a tensor of the file is called: after the layer that uses it first."""
        if key not in self._names:
            words = [re.sub(r"\W+", "_", word, flags=re.ASCII).strip("_") for word in path]
            words = [*filter(None, words), role]
            name, number = ".".join(words) if len(words) > 1 else f"{role} of {key}", 1
            while name in self._taken:
                number += 1
                name = ".".join([*words[:-1], f"{role}_{number}"])
            self._taken.add(name)
            self._names[key] = name
        return self._names[key]

    # ---- the walk ----------------------------------------------------------------------------------------------------

    def go(self) -> tuple[list[Entering], list[Draft]]:
        """Make a draft of everything in the first subgraph; gives what enters it and what leaves."""
        graph = self.model.subgraphs[0]
        scope = LiteScope(graph, 0)
        self.variables.scan(graph)
        entered = entering([graph.tensor(index) for index in graph.inputs], self.options.sizes)
        self.is_resized = any(input_.is_asked for input_ in entered)
        maps = _maps(graph)
        for input_ in entered:
            scope.values[input_.tensor.index] = self._input(input_.name, input_.shape, input_.tensor.index in maps)
        self.variables.enter(self, graph)
        if not self.builder.drafts:
            self.builder.input("nothing", (1,))
            self.builder.notes.append("no tensor enters the graph; an input of one number stands for that")
        self.run(scope)
        leaving = [self._leaving(scope, index) for index in graph.outputs]
        outputs = [draft for draft in leaving if draft is not None]
        if not outputs:
            self.warnings.append("nothing that leaves depends on what enters, so that nothing is counted")
        outputs += [draft for draft in self.deciding if draft not in outputs]
        return entered, [*outputs, *self.variables.leaving(self, outputs)]

    def _input(self, name: str, shape: Shape, is_map: bool) -> LiteValue:
        """An input of the network, channels first where it is a map, and without an axis of one sample in front."""
        batch = 0 if len(shape) > 1 and shape[0] == 1 else None
        own = shape if batch is None else shape[1:]
        order = channels_last(len(own)) if is_map or len(own) > 2 else tuple(range(len(own)))
        sizes = tuple(own[order.index(place)] for place in range(len(own)))
        draft = self.builder.input(name, sizes or (1,))
        if batch is None and len(shape) > 3:
            self.warnings.append(f"input {name} has a batch of {shape[0]}; the figures are for all {shape[0]} samples")
        return laid(OrderedTensor(draft, order), batch)

    def _leaving(self, scope: LiteScope, index: int) -> Draft | None:
        value = self.value(scope, index)
        if value is None or value.tensor is None:
            name = plain(scope.graph.tensor(index).name)
            self.builder.notes.append(f"output {name} is a constant, and is left out")
            return None
        tensor = value.tensor
        return in_file_order(self.builder, tensor) if len(tensor.order) == 2 else tensor.draft

    def run(self, scope: LiteScope) -> None:
        """Work out every tensor of a subgraph."""
        for operator in scope.graph.operators:
            try:
                self.step(scope, operator)
            except OutOfSteps:
                raise OverLimit(f"{operator.operator} at {scope.title}{operator.place}") from None

    def value(self, scope: LiteScope, index: int) -> LiteValue | None:
        """The tensor of that number; None for an input that is left out."""
        if index < 0:
            return None
        value = scope.values.get(index)
        if value is None:
            tensor = scope.graph.tensor(index)
            if not tensor.is_constant:
                if tensor.is_variable:
                    return LiteValue(tensor.shape)
                raise CannotImport(
                    f"nothing makes tensor {index} ({plain(tensor.name)}), and it is neither an input nor a constant"
                )
            is_filter = sum(size > 1 for size in tensor.shape) > 1
            key = f"buffer {tensor.buffer}" if is_filter else f"tensor {scope.number}.{index}"
            value = scope.values[index] = of_constant(of_tensor(tensor, key))
        return value

    def step(self, scope: LiteScope, operator: Operator) -> None:
        """Give the outputs of an operator their values."""
        steps.spend(_OPERATOR + 2 * (len(operator.inputs) + len(operator.outputs)))
        self.operators.append(operator)
        values = [self.value(scope, index) for index in operator.inputs]
        outputs = [scope.graph.tensor(index) for index in operator.outputs]
        title = f"{scope.title}{operator.place}"
        names = outputs[0].name if outputs else ""
        filters = scope.graph.tensor(operator.inputs[1]).name if len(values) > 1 and operator.inputs[1] >= 0 else ""
        path = path_of(names, operator.type) or path_of(filters, operator.type)
        call = LiteCall(self, operator, values, LiteOrigin(title, operator.operator, path), outputs)
        try:
            walked = _WALKED.get(operator.type)
            made: Sequence[LiteValue] = walked(self, call, scope) if walked else self._made(call)
        except UnknownOfShape as error:
            made = self._unknown(call, str(error), error.shape)
        except Inexpressible as error:
            made = self._unknown(call, str(error))
        except (CannotImport, OutOfSteps):
            raise
        except _CONTRADICTIONS:
            made = self._unknown(call, "its options and what enters it do not go together")
        if outputs:
            self.builder.formats.operator(title, format_named(outputs[0].type_name))
        for index, tensor, value in zip(operator.outputs, outputs, made, strict=False):
            scope.values[index] = value
            self._compare(call, tensor, value)

    def _made(self, call: LiteCall) -> Sequence[LiteValue]:
        there = [value for value in call.values if value is not None]
        operator = operators().get(call.node.type)
        if any(not value.known for value in there):
            raise Inexpressible(BEHIND if operator or call.node.type in RULES else NO_KIND)
        if any(value.spread is not None for value in there):
            put_off = dilation.put_off(call)
            if put_off is not None:
                return [put_off]
            call.values = [value and dilation.dealt(call, value) for value in call.values]
        if call.node.type == "SHAPE" or (there and all(value.constant is not None for value in there)):
            constants = folded(call)
            if constants is not None:
                return [of_constant(constant) for constant in constants]
        if operator is None:
            raise Inexpressible(NO_KIND)
        if any(0 in value.shape for value in there if value.tensor is not None):
            raise Inexpressible("it works on a tensor that holds nothing")
        made = operator(call)
        return made if isinstance(made, list) else [made]

    def _unknown(self, call: LiteCall, reason: str, known: Shape | None = None) -> list[LiteValue]:
        """Layers that no kind expresses, of the shape that is known, or else of those that the file has."""
        drafts = [value.tensor.draft for value in call.values if value is not None and value.tensor is not None]
        inputs = list(dict.fromkeys(drafts)) or self.builder.entering()
        constants = [value.constant for value in call.values if value is not None and value.constant is not None]
        arrays = {}
        for place, constant in enumerate(constants):
            if constant.is_float and constant.elements is not None:
                array = call.array(f"array_{place}", constant)
                arrays[f"array_{place}"] = self._arrays[array.made_of[0]] = array
        values = []
        for tensor in call.outputs:
            shape = known or self._stored(tensor)
            if shape is None:
                draft = self.builder.unknown(None, inputs, call.origin, reason, arrays)
                values.append(laid(as_it_lies(draft), None))
                continue
            batch = 0 if len(shape) > 1 and shape[0] == 1 else None
            own = shape if batch is None else shape[1:]
            order = channels_last(len(own)) if len(own) > 2 else tuple(range(len(own)))
            sizes = tuple(own[order.index(place)] for place in range(len(own)))
            draft = self.builder.unknown(sizes, inputs, call.origin, reason, arrays)
            values.append(laid(OrderedTensor(draft, order), batch))
        return values

    def _stored(self, tensor: LiteTensor) -> Shape | None:
        """The shape that the file has for a tensor; None where it may be another: an open axis, or other sizes."""
        is_open = self.is_resized or any(size < 0 for size in tensor.signature[1:])
        if is_open or not tensor.shape or 0 in tensor.shape:
            return None
        return tensor.shape

    def stored(self, tensor: LiteTensor) -> Shape:
        """As the file has it.

        Raises:
            Inexpressible: the file does not say it.
        """
        shape = self._stored(tensor)
        if shape is None:
            raise Inexpressible("the shape that leaves is worked out from what enters")
        return shape

    def _compare(self, call: LiteCall, tensor: LiteTensor, value: LiteValue) -> None:
        """Keep in mind where the file has another shape."""
        if self.is_resized or not value.known or value.handle or value.spread is not None or not tensor.shape:
            return
        sizes = [max(size, -1) for size in tensor.signature]
        fits = len(sizes) == len(value.shape) and all(
            size in (-1, own) for size, own in zip(sizes, value.shape, strict=True)
        )
        if not fits:
            self._differences.append(
                f"{call.origin.operator} at {call.origin.title}: the file has the shape {list(tensor.shape)}, "
                f"and {list(value.shape)} is worked out"
            )

    # ---- the record --------------------------------------------------------------------------------------------------

    def record(self, source: str) -> Imported:
        """Walk, and put what was found together."""
        _, leaving = self.go()
        assembly = assembled(self.builder, leaving, array_of=self._array, strict=self.options.strict)
        differences = self._differences[:_MOST_WARNINGS]
        if len(self._differences) > _MOST_WARNINGS:
            differences.append(f"{len(self._differences) - _MOST_WARNINGS} more shapes are not those of the file")
        return Imported(
            name=plain(self.model.subgraphs[0].name),
            inputs=assembly.inputs,
            layers=assembly.layers,
            outputs=assembly.outputs,
            source=source,
            format=format_of(self),
            unit="operator",
            producer=plain(self.model.producer),
            entering=assembly.entering,
            notes=(*assembly.notes, *self.builder.notes, *notes_of(self, assembly)),
            warnings=(*self.warnings, *differences),
            missing=assembly.missing,
        )

    def _array(self, name: Hashable) -> Array | None:
        return self._arrays.get(str(name))


def _maps(graph: LiteSubgraph) -> set[int]:
    """The tensors that go into operators of maps, however many axes of one position are put in before."""
    maps: set[int] = set()
    for operator in reversed(graph.operators):
        first, leads = operator.inputs[:1], operator.type in _LEADING and not maps.isdisjoint(operator.outputs)
        if leads and operator.type == "RESHAPE" and first[0] >= 0:
            before, after = (graph.tensor(index).shape for index in (first[0], operator.outputs[0]))
            leads = [size for size in before if size > 1] == [size for size in after if size > 1]
        if leads or operator.type in _OF_MAPS:
            maps.update(operator.inputs if operator.type == "CONCATENATION" else first)
    return maps


_OF_MAPS = {"CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D"}
_LEADING = {
    "EXPAND_DIMS",
    "RESHAPE",
    "QUANTIZE",
    "DEQUANTIZE",
    "PAD",
    "PADV2",
    "MIRROR_PAD",
    "SPACE_TO_BATCH_ND",
    "CONCATENATION",
}
