"""From an ONNX file to layers: every node folded, translated, or found to be unknown, in one walk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

from convcalc.onnx import constants, fold
from convcalc.onnx.building import INPUT, UNKNOWN, Builder, Call, Draft, Value, constant_value, without
from convcalc.onnx.calling import named
from convcalc.onnx.errors import CannotImport, Inexpressible, Unknown, brief, plain
from convcalc.onnx.imported import Imported, Layer, Unused
from convcalc.onnx.inlining import MOST_CALLS, ordered, read_names, written_out
from convcalc.onnx.operators import operators
from convcalc.onnx.patterns import tidied
from convcalc.onnx.reading import Dimension, Graph, Model, Node, Subgraph, ValueInfo, cut_off, parse, read
from convcalc.onnx.wire import Malformed

MOST_FOLDED = 20_000_000
"""Numbers that are worked out, and worked with, in all."""

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
    walk = Walk(model, dict(inputs or {}))
    try:
        walk.go()
        return walk.result(source, allow_unknown=allow_unknown)
    except Malformed as error:  # of a part that is read only where it is needed
        raise cut_off(error) from None


class Walk:
    """The walk over the nodes of a model."""

    def __init__(self, model: Model, sizes: dict[str, Sequence[int]]) -> None:
        self.model, self.sizes = model, sizes
        self.builder = Builder()
        self.values: dict[str, Value] = {}
        self.batch = 1
        self.folded = 0
        self.notes: list[str] = []
        if model.opset > NEWEST_OPSET:
            self.notes.append(f"opset {model.opset} is newer than {NEWEST_OPSET}, as which it is read")
        self.read: set[str] = set()
        self.blocked: list[Unknown] = []
        self.before_blocked: list[Draft] = []
        self._stated: dict[str, ValueInfo] | None = None

    def go(self) -> None:
        """Make a draft of everything that the outputs need."""
        graph = self.model.graph
        outputs = [output.name for output in graph.outputs]
        if not outputs:
            raise CannotImport("the graph has no output")
        entering = [info for info in graph.inputs if info.name not in graph.initialisers]
        known = {*graph.initialisers, *(info.name for info in entering)}
        nodes = ordered(written_out(self.model), known, outputs)
        if any(node.op == "QuantizeLinear" for node in nodes):
            self.notes.append("quantised: the layers are those between the roundings, which are left out")
        self._enter(entering, nodes)
        for node in nodes:
            self.step(node)

    def _enter(self, infos: list[ValueInfo], nodes: list[Node]) -> None:
        unknown = set(self.sizes) - {info.name for info in infos} - {""}
        if unknown or ("" in self.sizes and len(infos) != 1):
            found = ", ".join(f"{plain(info.name)} {_shown(info.dims)}" for info in infos)
            raise CannotImport(f"--input names {', '.join(sorted(unknown)) or 'no input'}; the model's are {found}")
        unbatched = {
            name for node in nodes if node.op == "Unsqueeze" for name in node.inputs[:1] if self._first_axis(node)
        }
        open_axes = [info for info in infos if not self._is_given(info)]
        if open_axes:
            raise CannotImport(_open(open_axes))
        for info in infos:
            shape, batch = self._sizes(info, info.name in unbatched)
            draft = Draft(INPUT, {}, [], without(shape, batch))
            draft.name = info.name
            self.builder.drafts.append(draft)
            self.values[info.name] = Value(shape, draft, batch, None, info.element_type)

    def _first_axis(self, node: Node) -> bool:
        """Whether an Unsqueeze puts an axis in front: of an input that has no batch."""
        axes = node.attributes.integers("axes")
        if axes is None and len(node.inputs) > 1 and node.inputs[1] in self.model.graph.initialisers:
            axes = [int(number) for number in self.model.graph.initialisers[node.inputs[1]].numbers() or ()]
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

    def _sizes(self, info: ValueInfo, unbatched: bool) -> tuple[tuple[int, ...], int | None]:
        """The shape of an input, and which axis is the batch."""
        dims: list[Dimension] = list(self.sizes.get(info.name, self.sizes.get("", info.dims or ())))
        if info.dims is not None and len(dims) == len(info.dims) - 1:
            dims = [1, *dims]
        if info.dims is not None and len(dims) != len(info.dims):
            found = f"input {plain(info.name)} has {len(info.dims)} axes, {_shown(info.dims)}"
            raise CannotImport(f"{found}, and --input gives {len(dims)}")
        shape = constants.checked([size if isinstance(size, int) else 1 for size in dims], f"input {plain(info.name)}")
        if 0 in shape:
            raise CannotImport(f"input {plain(info.name)} of shape {list(shape)} holds nothing")
        if not shape:
            return (1,), None
        if len(shape) == 1 or (unbatched and isinstance(dims[0], int) and shape[0] != 1):
            return shape, None
        if shape[0] != 1:
            self.batch = shape[0]
            self.notes.append(f"input {plain(info.name)} has a batch of {shape[0]}; the figures are for a batch of 1")
        return (1, *shape[1:]), 0

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
        inputs = [self.value(name) for name in node.inputs]
        try:
            made = self._made(node, inputs)
        except Inexpressible as error:
            made = self._unknown(node, inputs, str(error))
        except CannotImport:
            raise
        except CONTRADICTIONS:
            made = self._unknown(node, inputs, "its attributes and inputs do not go together as ONNX has it")
        except (LookupError, ArithmeticError, TypeError, ValueError) as error:
            if isinstance(error, CannotImport):
                raise
            made = self._unknown(node, inputs, "its inputs or attributes are not as ONNX has them")
        for name, value in zip(node.outputs, made, strict=False):
            if name:
                self.values[name] = value

    def _made(self, node: Node, inputs: list[Value | None]) -> Sequence[Value]:
        there = [value for value in inputs if value is not None]
        if any(not value.known for value in there):
            if node.op == "Shape":
                raise Inexpressible("the shape of what is not known")
            return self._unnamed(node, there)
        if node.op == "Shape" and there and not node.domain:
            return [constant_value(fold.shape_of(there[0].shape, node.attributes))]
        if node.op == "Size" and there and not node.domain:
            return [constant_value(constants.whole([prod(there[0].shape)], ()))]
        if all(value.constant is not None for value in there):
            self._count(node, there)
            found = fold.folded(
                node, [None if value is None else value.constant for value in inputs], self.model.opset, self.batch
            )
            if found is not None:
                made = [constant_value(each) for each in found]
                self._count(node, made)
                return made
        operator = operators().get(node.operator)
        if operator is None:
            raise Inexpressible("")
        if not any(value.source is not None for value in there):
            raise Inexpressible("it makes something of constants alone")
        if any(0 in value.shape for value in there if value.source is not None):
            raise Inexpressible("it works on a tensor that holds nothing")
        found_values = operator(Call(self.builder, node, inputs, self.model.opset, self.batch))
        return found_values if isinstance(found_values, list) else [found_values]

    def _count(self, node: Node, values: list[Value]) -> None:
        self.folded += sum(len(value.constant.numbers or ()) for value in values if value.constant is not None)
        if self.folded > MOST_FOLDED:
            raise CannotImport(f"constants of more than {MOST_FOLDED:,} numbers to work out, at {node.title}")

    def _unnamed(self, node: Node, inputs: list[Value]) -> list[Value]:
        """The outputs of what reads something unknown."""
        if not (node.operator in operators() or fold.is_folded(node) or node.op in PARTS):
            self.blocked.append(Unknown(node.title, node.operator, "no kind says it"))
        self.before_blocked += [value.source for value in inputs if value.source is not None]
        return [self._as_stated(name) or Value((), None) for name in node.outputs]

    def _unknown(self, node: Node, inputs: list[Value | None], reason: str) -> list[Value]:
        """A draft for an operator that no kind says; it may yet be a part of something that one does."""
        entering = [value.source for value in inputs if value is not None and value.source is not None]
        weights = tuple(
            name for value in inputs if value is not None and value.constant for name in value.constant.made_of
        )
        found = []
        for name in node.outputs or [""]:
            shape = self._shape_of_unknown(node, inputs, name)
            if shape is None or 0 in shape:
                self.blocked.append(Unknown(node.title, node.operator, reason or "no kind says it"))
                self.before_blocked += entering
                found.append(Value((), None))
                continue
            batch = 0 if len(shape) > 1 and shape[0] == 1 else None
            sources = entering or self.builder.drafts[:1]
            own = without(shape, batch)
            draft = Draft(UNKNOWN, {"output_shape": list(own)}, sources, own, (node,), weights)
            draft.reason = reason or "no kind says it"
            self.builder.drafts.append(draft)
            found.append(Value(shape, draft, batch))
        return found

    def _shape_of_unknown(self, node: Node, inputs: list[Value | None], name: str) -> tuple[int, ...] | None:
        if node.op in SAME_SHAPE:
            try:
                return constants.broadcast([value.shape for value in inputs if value is not None and value.known])
            except Inexpressible:
                return None
        value = self._as_stated(name)
        return None if value is None else value.shape

    def _as_stated(self, name: str) -> Value | None:
        """What the file says of a tensor, if it says all."""
        if self._stated is None:
            self._stated = self.model.stated()
        info = self._stated.get(name)
        if info is None or info.dims is None or not info.dims:
            return None
        first, *others = info.dims
        if not all(isinstance(size, int) and size > 0 for size in others):
            return None
        leading = first if isinstance(first, int) and first > 0 and first != self.batch else 1
        return Value(constants.checked([leading, *(size for size in others if isinstance(size, int))]))

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
        drafts, leaving = tidied(self.builder, [*leaving, *self.before_blocked])
        self._refuse(drafts, allow_unknown=allow_unknown)
        names = named(drafts, self.model.graph.initialisers)
        shares = self._shares(drafts)
        self._say_what_is_folded(drafts)
        layers = tuple(
            Layer(
                name=names[draft],
                kind=draft.kind,
                fields=draft.fields,
                inputs=tuple(names[each] for each in draft.inputs),
                share=names[shares[draft]] if draft in shares else None,
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
                    self.builder.viewed(value, 0)
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
            shapes = "; the shapes that leave these are not in the file (onnx.shape_inference may add them)"
            raise CannotImport(_listed(every) + shapes, every)
        if unknown and not allow_unknown:
            raise CannotImport(_listed(tuple(unknown)), tuple(unknown))

    def _shares(self, drafts: list[Draft]) -> dict[Draft, Draft]:
        """Layers whose weights are all those of an earlier one of their kind."""
        owners: dict[tuple[str, tuple[str, ...], object], Draft] = {}
        found: dict[Draft, Draft] = {}
        users: Counter[str] = Counter()
        for draft in drafts:
            if not draft.weights or draft.kind == UNKNOWN:
                continue
            key = (draft.kind, draft.weights, draft.shape if draft.kind == "parameter" else None)
            owner = owners.setdefault(key, draft)
            if owner is not draft:
                found[draft] = owner
            else:
                users.update(set(draft.weights))
        several = [name for name, count in users.items() if count > 1]
        if several:
            more = f" and {len(several) - 5} more" if len(several) > 5 else ""
            names = ", ".join(map(plain, several[:5]))
            self.notes.append(f"counted once for each of several layers that use it differently: {names}{more}")
        return found

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
    "Abs", "Acos", "Acosh", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "Ceil", "Cos", "Cosh", "CumSum",
    "Div", "Equal", "Erf", "Exp", "Floor", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Log",
    "Max", "Mean", "Min", "Mod", "Not", "Or", "Pow", "Reciprocal", "Round", "Shrink", "Sign", "Sin", "Sinh", "Sqrt",
    "Tan", "ThresholdedRelu", "Where", "Xor", "Hardmax", "LpNormalization", "MeanVarianceNormalization",
}  # fmt: skip
"""Operators no kind says whose output has the shape of what enters, or of all that enters together."""


PARTS = {"Erf"}
"""Operators no kind says alone, which may be part of one that is."""


def _listed(unknown: tuple[Unknown, ...]) -> str:
    said = "; ".join(
        f"{brief(each.operator)} at {brief(each.node)} ({brief(each.reason)})" for each in unknown[:MOST_SAID]
    )
    more = f"; and {len(unknown) - MOST_SAID} more" if len(unknown) > MOST_SAID else ""
    count = "1 operator" if len(unknown) == 1 else f"{len(unknown)} operators"
    return f"{count} that no layer kind says: {said}{more}"


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
