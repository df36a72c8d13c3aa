"""A model as calls of layers in an order in which they can run, with the models within it written out.

A model that is called twice is written out twice, its layers being the same: so they share weights and cost twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from convcalc import steps
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.keras.configs import open_shape
from convcalc.imports.keras.nodes import NamedTensor, OpenShape, WrittenCall, leaving, node_of, put_in, references
from convcalc.imports.keras.older import modern

MODELS = {"Functional", "Model", "Sequential", "Graph"}
"""Classes that are made of layers."""

INPUT = "InputLayer"

_DEEPEST = 40
"""Models within models."""

_NODE = 30
"""Steps that a call of a layer takes, beside what is paid for where it is worked out."""

_MODEL, _LAYER = 200, 60
"""Steps that a model takes that is written out, and each layer of it that is read."""

_OWN = {"keras", "tf_keras", "tensorflow", "keras_core", "tf", "builtins", "keras_preprocessing"}
"""Packages whose classes are those that Keras has; of others a class may have the same name."""


class KerasLayer(msgspec.Struct, eq=False):
    """A layer of the file. `path` are the names of the models that it is in, and its own."""

    path: tuple[str, ...]
    class_name: str
    module: str
    config: dict[str, Any]
    built: OpenShape = None

    @property
    def title(self) -> str:
        return "/".join(self.path)

    @property
    def operator(self) -> str:
        function = self.config.get("function")
        is_function = self.class_name.endswith("OpLambda") and isinstance(function, str)
        return f"tf.{function}" if is_function else self.class_name

    def modules(self) -> list[str]:
        return list(self.path)


class Leaving(NamedTuple):
    """A tensor: the call that makes it, and its place there."""

    step: PlacedCall
    place: int


class PlacedCall(msgspec.Struct, eq=False):
    """A call of a layer. `lead` axes in front of what enters are places that it is called at each, as TimeDistributed.

    `stated` are the shapes that the file has for what leaves, by place, and `readers` the calls that read it.
    """

    layer: KerasLayer
    arguments: list[Any] = []
    keywords: dict[str, Any] = {}
    lead: int = 0
    stated: dict[int, OpenShape] = {}
    readers: list[PlacedCall] = []


def layer_of(written: Any, path: tuple[str, ...] = ()) -> KerasLayer:
    """A layer as the file writes it."""
    where = f"in {plain('/'.join(path))}" if path else "in the model"
    if not isinstance(written, dict) or not isinstance(written.get("class_name"), str):
        raise CannotImport(f"a layer {where} has no class_name")
    config = written.get("config")
    if isinstance(config, list):  # of a Sequential, up to Keras 2.2
        config = {"layers": config}
    if not isinstance(config, dict):
        raise CannotImport(f"a {plain(written['class_name'])} {where} has no config")
    name = written.get("name") or config.get("name")
    registered = written.get("registered_name")
    module = written.get("module") or (registered if isinstance(registered, str) and ">" in registered else "")
    built = written.get("build_config")
    shape = open_shape(built.get("input_shape")) if isinstance(built, dict) else None
    class_name, config = modern(written["class_name"], config)
    if not isinstance(name, str):
        name = class_name.lower()
    if isinstance(module, str) and module.split(".")[0].split(">")[0] not in _OWN and module:
        class_name = f"{module.split('>')[0]}>{class_name}" if ">" not in class_name else class_name
    return KerasLayer((*path, name), class_name, module if isinstance(module, str) else "", config, shape)


def titled(layer: KerasLayer) -> str:
    """A model as a complaint calls it; the outermost has no name within itself."""
    return f"model {plain(layer.title)}" if layer.title else "the model"


def written_layers(layer: KerasLayer) -> list[Any]:
    """The layers of a model as the file writes them."""
    layers = layer.config.get("layers")
    if not isinstance(layers, list) or not layers:
        raise CannotImport(f"{titled(layer)} has no layers")
    return layers


class CallGraph:
    """The calls of a model that is being written out; `inputs` are those of the layers that only let tensors in."""

    def __init__(self) -> None:
        self.steps: list[PlacedCall] = []
        self.inputs: list[PlacedCall] = []

    def enter(self, layer: KerasLayer) -> Leaving:
        """An input of the network."""
        step = PlacedCall(layer, stated={})
        self.steps.append(step)
        self.inputs.append(step)
        return Leaving(step, 0)

    def call(self, layer: KerasLayer, arguments: list[Any], keywords: dict[str, Any], lead: int) -> PlacedCall:
        """A call of a layer that is none of layers."""
        steps.spend(_NODE)
        step = PlacedCall(layer, arguments, keywords, lead, {}, [])
        for tensor in tensors((arguments, keywords)):
            tensor.step.readers.append(step)
        self.steps.append(step)
        return step

    def apply(
        self, layer: KerasLayer, arguments: list[Any], keywords: dict[str, Any], lead: int = 0, depth: int = 0
    ) -> Any:
        """What leaves a layer or a model that is called: a function of the place of what leaves."""
        if depth > _DEEPEST:
            raise CannotImport(f"models within models, more than {_DEEPEST} deep at {plain(layer.title)}")
        if layer.class_name in ("TimeDistributed", "keras.layers>TimeDistributed"):
            within = layer_of(layer.config.get("layer"), layer.path[:-1])
            within.path = (*layer.path[:-1], layer.path[-1])
            return self.apply(within, arguments, keywords, lead + 1, depth + 1)
        if layer.class_name in MODELS and isinstance(layer.config.get("layers"), list):
            entering = tensors(arguments)
            if layer.class_name == "Sequential":
                return self.sequential(layer, entering, lead, depth)
            return self.functional(layer, entering, lead, depth)
        return self.call(layer, arguments, keywords, lead)

    def sequential(self, layer: KerasLayer, entering: Sequence[Leaving], lead: int = 0, depth: int = 0) -> Any:
        """What leaves layers that are called one behind the other."""
        result: Any = list(entering)
        steps.spend(_MODEL + _LAYER * len(written_layers(layer)))
        for written in written_layers(layer):
            inner = layer_of(written, layer.path)
            if inner.class_name == INPUT:
                continue
            arguments = [_tensor(result, 0)] if len(all_of_result(result)) == 1 else [all_of_result(result)]
            result = self.apply(inner, arguments, {}, lead, depth + 1)
        return result

    def functional(
        self, layer: KerasLayer, entering: Sequence[Leaving], lead: int = 0, depth: int = 0
    ) -> list[Leaving]:
        """What leaves a model whose layers are called by what is written down for each."""
        return _Functional(self, layer, lead, depth).leaving(entering)


class _Functional:
    """The calls of one model of layers with names."""

    def __init__(self, graph: CallGraph, layer: KerasLayer, lead: int, depth: int) -> None:
        self.graph, self.layer, self.lead, self.depth = graph, layer, lead, depth
        self.layers: dict[str, KerasLayer] = {}
        written_by_name: dict[str, list[Any]] = {}
        steps.spend(_MODEL + _LAYER * len(written_layers(layer)))
        for written in written_layers(layer):
            inner = layer_of(written, layer.path)
            if inner.path[-1] in self.layers:
                raise CannotImport(f"two layers are called {plain(inner.title)}")
            self.layers[inner.path[-1]] = inner
            nodes = written.get("inbound_nodes")
            written_by_name[inner.path[-1]] = nodes if isinstance(nodes, list) else []
        self.nodes = {name: self._nodes(name, nodes) for name, nodes in written_by_name.items()}
        self.outputs = leaving(layer.config.get("output_layers"), self.layers)
        if not self.outputs:
            raise CannotImport(f"{titled(layer)} has no output_layers")
        is_of_three = any(isinstance(node, dict) for nodes in written_by_name.values() for node in nodes)
        self._count_from_zero(is_of_three)
        self.results: dict[tuple[str, int], Any] = {}

    def _nodes(self, name: str, written: list[Any]) -> list[WrittenCall]:
        try:
            return [node_of(node, self.layers) for node in written]
        except CannotImport as error:
            raise CannotImport(f"layer {plain(self.layers[name].title)}: {error}") from None

    def _count_from_zero(self, is_of_three: bool) -> None:
        """Number the calls of models within from 0: often their own making counts as the call before the first.

        Keras 2 does so wherever a call is named. Keras 3 does so in `output_layers` alone, and there of a Functional.
        """
        calls = [*node_references(self.nodes)]
        highest: dict[str, int] = {}
        for reference in calls if is_of_three else [*calls, *self.outputs]:
            highest[reference.layer] = max(highest.get(reference.layer, 0), reference.call)
        models = {name: self.nodes[name] for name, inner in self.layers.items() if inner.class_name in MODELS}
        first = {name: int(highest.get(name, 0) == len(nodes)) for name, nodes in models.items()}
        last = {name: int(self.layers[name].class_name != "Sequential") for name in models} if is_of_three else first

        def counted(reference: NamedTensor, before: Mapping[str, int]) -> NamedTensor:
            return reference._replace(call=max(reference.call - before.get(reference.layer, 0), 0))

        self.outputs = [counted(reference, last) for reference in self.outputs]
        for name, nodes in self.nodes.items():
            put = partial(counted, before=first)
            self.nodes[name] = [WrittenCall(put_in(node.arguments, put), put_in(node.keywords, put)) for node in nodes]

    def leaving(self, entering: Sequence[Leaving]) -> list[Leaving]:
        """Write out the calls in the order of the file, those that one needs before it."""
        inputs = leaving(self.layer.config.get("input_layers"), self.layers)
        names = [reference.layer for reference in inputs]
        names = names or [name for name, inner in self.layers.items() if inner.class_name == INPUT]
        if len(entering) != len(names):
            raise CannotImport(
                f"{titled(self.layer)} is called with {len(entering)} tensors and has {len(names)} inputs"
            )
        for name, tensor in zip(names, entering, strict=True):
            self.results[name, 0] = [tensor]
        for name, calls in self.nodes.items():
            for number in range(len(calls)):
                self._work_out((name, number))
        return [self._tensor(reference) for reference in self.outputs]

    def _work_out(self, key: tuple[str, int]) -> None:
        """Write out a call behind those that it needs."""
        waiting, begun = [key], set[tuple[str, int]]()
        while waiting:
            name, number = current = waiting[-1]
            if current in self.results:
                waiting.pop()
                continue
            node = self._node(name, number)
            needed = dict.fromkeys((reference.layer, reference.call) for reference in references(list(node)))
            lacking = [needs for needs in needed if needs not in self.results]
            steps.spend(1 + len(needed))
            if not lacking:
                arguments, keywords = put_in(node.arguments, self._tensor), put_in(node.keywords, self._tensor)
                layer = self.layers[name]
                self.results[current] = self.graph.apply(layer, arguments, keywords, self.lead, self.depth + 1)
                waiting.pop()
                continue
            if current in begun:
                raise CannotImport(f"layer {plain(self.layers[name].title)} needs what it makes itself")
            begun.add(current)
            waiting += reversed(lacking)

    def _node(self, name: str, number: int) -> WrittenCall:
        calls = self.nodes.get(name)
        if calls is None:
            raise CannotImport(f"{titled(self.layer)} has no layer {plain(name)}, which another one reads")
        if not 0 <= number < len(calls):
            title = plain(self.layers[name].title)
            raise CannotImport(f"layer {title} is called {len(calls)} times, and call {number} of it is read")
        return calls[number]

    def _tensor(self, reference: NamedTensor) -> Leaving:
        key = (reference.layer, reference.call)
        if key not in self.results:
            self._work_out(key)
        tensor = _tensor(self.results[key], reference.place)
        if tensor is None:
            title = plain(self.layers[reference.layer].title)
            raise CannotImport(f"output {reference.place} of model {title} is read, which it has not")
        if reference.shape is not None and not self.lead:
            tensor.step.stated.setdefault(tensor.place, reference.shape)
        return tensor


def node_references(nodes: Mapping[str, Sequence[WrittenCall]]) -> Iterator[NamedTensor]:
    """All tensors that calls are written down with."""
    for calls in nodes.values():
        for node in calls:
            yield from references([node.arguments, node.keywords])


def _tensor(result: Any, place: int) -> Leaving | None:
    """The tensor at a place of what leaves a call: a layer may make any number."""
    if isinstance(result, PlacedCall):
        return Leaving(result, place)
    return result[place] if place < len(result) else None


def all_of_result(result: Any) -> list[Leaving]:
    """What leaves a call, of a layer the first tensor alone."""
    return [Leaving(result, 0)] if isinstance(result, PlacedCall) else list(result)


def tensors(value: Any) -> list[Leaving]:
    """All tensors within what a layer is called with, in order."""
    if isinstance(value, Leaving):
        return [value]
    within = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [tensor for item in within for tensor in tensors(item)]
