"""A graph of PyTorch's operators in ONNX's, which say the same: one rule a family, and then one walk for both.

What PyTorch and ONNX do to tensors is nearly the same, and all that is hard about it is done once: batches that a spec
does not have, sizes that are worked out, weights that are shared, layers that were taken apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod

from msgspec.structs import replace

from convcalc.imports import ReadOptions
from convcalc.imports.drafts import Origin
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit
from convcalc.imports.onnx.constants import of_tensor
from convcalc.imports.onnx.reading import FLOAT, Graph, Model, Tensor, ValueInfo
from convcalc.imports.onnx.samples import SamplesMeet
from convcalc.imports.onnx.values import Call, Value, constant_value, viewed
from convcalc.imports.onnx.walk import Walk
from convcalc.imports.record import Imported, Unused
from convcalc.imports.spelling import CodePlace, PlaceOf
from convcalc.imports.torch_export.graph import Dimension, TorchGraph
from convcalc.imports.torch_export.translation import ELEMENT_TYPES, TorchNode, Translation
from convcalc.imports.torch_export.whole_layers import LAYERS
from convcalc.steps import OutOfSteps

OPSET = 24
"""The version of ONNX's operators in whose words PyTorch's are put."""


_PRODUCTS = {"Conv", "Gemm", "MatMul"}
_VIEWS = {"Cast", "Flatten", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"}


class _Stored(Tensor):
    """An array of the file: its sizes, and its numbers where they stand in the graph itself."""

    __slots__ = ("_stated",)

    def __init__(self, name: str, dims: tuple[int, ...], element_type: int, numbers: tuple[float, ...] | None) -> None:
        self.name, self.dims, self.element_type, self.external = name, dims, element_type, False
        self.place = (0, 0)
        self._stated = numbers

    @property
    def count_read(self) -> int:
        return len(self._stated or ())

    def is_same(self, other: Tensor) -> bool:
        return self is other

    def numbers(self) -> tuple[float, ...] | None:
        return self._stated

    def view(self) -> Sequence[float]:
        return self._stated or ()


class _Translated(Graph):
    """A graph that was put in other words."""

    __slots__ = ("infos",)

    def __init__(self, translation: Translation, graph: TorchGraph) -> None:
        self.name, self.nodes, self.stated = "", translation.nodes, []
        self.initialisers = {name: _Stored(name, *stored) for name, stored in translation.stored.items()}
        self.infos = {name: _info(name, meta.dims, meta.dtype) for name, meta in graph.tensors.items()}
        self.inputs = [self.infos[name] for name in graph.inputs if name in self.infos]
        self.outputs = [self.infos[name] for name in graph.outputs if name in self.infos]


class _Stated(Model):
    """A network that was put in other words, with the sizes that the file has for every tensor."""

    def stated(self) -> dict[str, ValueInfo]:
        graph = self.graph
        return graph.infos if isinstance(graph, _Translated) else {}


def _info(name: str, dims: tuple[Dimension, ...], dtype: int) -> ValueInfo:
    return ValueInfo(name, list(dims), ELEMENT_TYPES.get(dtype, 1), is_tensor=True)


class _TorchWalk(Walk):
    """The walk over these nodes, with the layers that PyTorch has as one and ONNX has not."""

    def _outputs(self, call: Call) -> Sequence[Value]:
        layer = LAYERS.get(call.node.op)
        if layer is None:
            if self._is_done_anew(call):
                self._enter_first(call)
            return super()._outputs(call)
        if any(not value.known for value in call.values()):
            raise Inexpressible("nothing is known of the size of what enters")
        outputs = layer(call)
        return outputs if isinstance(outputs, list) else [outputs]

    def value(self, name: str) -> Value | None:
        """The tensor of that name; buffers that say which places of learned tables are meant are held whole."""
        if name in self._places and name not in self.values:
            tensor = self.model.graph.initialisers[name]
            draft = viewed(self.builder, constant_value(of_tensor(tensor, name)), None)
            self.values[name] = Value(tensor.dims, draft, None, None, tensor.element_type)
        return super().value(name)

    def code_places(self) -> PlaceOf | None:
        """Where each operator was called. Modules call others if operators are called in these, or in one like them."""
        nodes = [node for node in self.model.graph.nodes if isinstance(node, TorchNode)]
        paths = {".".join(node.path[:-length]) for node in nodes for length in range(1, len(node.path) + 1)}
        places = [node.place for node in nodes if node.place is not None]
        calling = {place.module for place in places if place.path in paths}

        def place_of(origin: Origin) -> CodePlace | None:
            place = origin.place if isinstance(origin, TorchNode) else None
            if place is None or place.path in paths or place.module in calling:
                return place
            return replace(place, is_leaf=True)

        return place_of

    @cached_property
    def _places(self) -> set[str]:
        """The buffers of whole numbers that choose from learned tables, however they are cut or laid out before."""
        graph, learned = self.model.graph, self.builder.learned
        makers = {name: node for node in graph.nodes for name in node.outputs}
        places = set()
        for node in graph.nodes:
            if node.op == "Gather" and learned.get(node.inputs[0]):
                name = node.inputs[1]
                while name in makers and makers[name].op in _VIEWS:
                    name = makers[name].inputs[0]
                tensor = graph.initialisers.get(name)
                if tensor is not None and learned.get(name) is False and tensor.dims:
                    places.add(name)
        return places

    def _is_done_anew(self, call: Call) -> bool:
        """Whether what is made of constants is no array that layers could have: the module makes it whenever it is run.

        Swin's second version multiplies for its biases of positions, a recurrent layer that was decomposed multiplies
        its first state, of zeros, and MViT adds positions in time to positions in space.
        """
        if any(value.constant is None for value in call.values()):
            return False
        if call.node.op in _PRODUCTS:
            return any(map(self._learned_of, call.values()[1:]))
        are_learned = call.node.op == "Add" and all(map(self._learned_of, call.values()))
        return are_learned and any(map(_repeats, call.values()))

    def _enter_first(self, call: Call) -> None:
        """Let the first constant enter as a tensor."""
        first = call.value(0)
        if first.shape:
            batch = 0 if first.shape[0] == 1 and len(first.shape) > 1 else None
            draft = viewed(self.builder, first, batch)
            call.inputs[0] = Value(first.shape, draft, batch, None, first.element_type)

    def _learned_of(self, value: Value) -> list[str]:
        """The parameters of the file that a constant is made of."""
        made_of = () if value.constant is None else value.constant.made_of
        return [name for name in made_of if self.builder.learned.get(name)]


def _repeats(value: Value) -> bool:
    """Whether a constant has some elements of an array several times."""
    constant = value.constant
    return constant is not None and constant.elements is not None and constant.elements.count < prod(constant.shape)


def record_of(graph: TorchGraph, source: str, what: str, options: ReadOptions) -> Imported:
    """The record of a graph.

    Raises:
        CannotImport: sizes are open, an operator does not go with its arguments, or a size that is worked out is
            another than the file has for it.
    """
    try:
        translation = Translation(graph)
        translation.go()
        translated = _Translated(translation, graph)
        if not translated.outputs:
            raise CannotImport("no tensor leaves the graph")
        model = _Stated(b"", translated, {"": OPSET}, graph.producer, {})
        imported = _walked(model, translation, source, options)
    except OutOfSteps:
        raise OverLimit from None
    differing = [text for text in imported.warnings if text.startswith("the file declares another shape")]
    if differing:
        raise CannotImport(f"{differing[0]}: please report it")
    warnings, notes = _miscounted(imported, translation)
    notes = [*(note for note in imported.notes if "exporters" not in note), *notes]
    warnings = [*imported.warnings, *warnings]
    unused = tuple(array for array in imported.unused if _is_worth_a_word(array, graph))
    changed = {"notes": tuple(notes), "warnings": tuple(warnings), "unused": unused}
    return replace(imported, format=what, runtime="", **changed)


def _is_worth_a_word(array: Unused, graph: TorchGraph) -> bool:
    """Whether it is an array of the file, and not the number of batches, which every norm has for training."""
    is_counter = array.name.rpartition(".")[2] == "num_batches_tracked"
    return bool(array.shape) and array.name in graph.arrays.values() and not is_counter


def _counted(imported: Imported) -> tuple[int, int]:
    """How many numbers the layers have in parameters and in buffers."""
    shapes = dict(imported.inputs) | {layer.name: layer.shape for layer in imported.layers}
    params = buffers = 0
    for layer in imported.layers:
        if layer.share is None and layer.kind != "opaque":
            entering = [shapes[name] for name in layer.inputs]
            config = layer.config(entering)
            for name, shape in config.weights(*entering).items():
                params += 0 if name in layer.arrays else prod(shape)
            for name, shape in config.buffers(*entering).items():
                buffers += 0 if name in layer.arrays else prod(shape)
    return params, buffers


def _miscounted(imported: Imported, translation: Translation) -> tuple[list[str], list[str]]:
    """What is to be warned of and noted where other arrays are counted than the module has.

    Parameters differ where they are worked on before they are used; buffers, where some are made as the network runs.
    """
    if imported.missing:
        return [], []
    params, buffers = _counted(imported)
    graph, stored = translation.graph, translation.stored
    used = {name for node in translation.nodes for name in node.inputs if name in stored}
    held = sum(prod(stored[name][0]) for name in used if graph.learned.get(name))
    kept = sum(prod(stored[name][0]) for name in used if name in graph.buffers)
    warnings, notes = [], []
    if params != held:
        figures = f"the operators read {held:,} parameters of the file, and {params:,} are counted"
        warnings.append(f"{figures}: some are worked on before they are used, which a spec cannot say")
    if buffers > kept:
        made = f"{buffers - kept:,} of the {buffers:,} numbers that are counted as buffers"
        notes.append(f"{made} are made as the network runs, such as masks and first states: no module keeps them")
    return warnings, notes


def _walked(model: Model, translation: Translation, source: str, options: ReadOptions) -> Imported:
    def walk(how: str = "") -> Imported:
        walking = _TorchWalk(model, options.sizes, how, options.values)
        graph = translation.graph
        walking.builder.learned = graph.learned
        walking.element_types.stated = {
            name: ELEMENT_TYPES.get(meta.dtype, FLOAT) for name, meta in graph.tensors.items()
        }
        walking.element_types.restored, walking.element_types.trained = translation.held, translation.rounded
        return walking.record(source, strict=options.strict)

    try:
        return walk()
    except SamplesMeet as error:
        return walk(error.how)
