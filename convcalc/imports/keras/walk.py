"""From the config of a model to the record of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcalc.imports import ReadOptions
from convcalc.imports.assembly import assembled
from convcalc.imports.drafts import BEHIND, NO_KIND, Builder
from convcalc.imports.errors import CannotImport, DoesNotFit, Inexpressible, OverLimit, plain
from convcalc.imports.keras.calls import LayerCall, ordered_tensors, unknown_of
from convcalc.imports.keras.configs import open_shape
from convcalc.imports.keras.containers import WEIGHTS
from convcalc.imports.keras.functions import function_rule
from convcalc.imports.keras.graphs import (
    INPUT,
    MODELS,
    CallGraph,
    KerasLayer,
    Leaving,
    PlacedCall,
    all_of_result,
    layer_of,
    tensors,
    written_layers,
)
from convcalc.imports.keras.inputs import entry, shapes_of, stated_shape, wants_map
from convcalc.imports.keras.layers import rules
from convcalc.imports.keras.nodes import leaving
from convcalc.imports.keras.policies import policy_of
from convcalc.imports.layouts import OrderedTensor, as_it_lies, as_map
from convcalc.imports.record import FileTensor, Imported, Unused
from convcalc.layers import Shape
from convcalc.steps import OutOfSteps

_MOST_DIFFERENCES = 3

_CONTRADICTIONS = (TypeError, ValueError, IndexError, KeyError, AttributeError, ZeroDivisionError, OverflowError)
"""What a rule meets in a config that says something else than Keras writes."""


def of_config(config: dict[str, Any], container: str, source: str, options: ReadOptions) -> Imported:
    """The layers of the model that a config describes.

    Raises:
        CannotImport: it describes none, sizes are open, or `strict` is set and layers are expressed by no kind.
    """
    try:
        return _Walk(config, options).record(container, source)
    except OutOfSteps:
        raise OverLimit from None
    except RecursionError:
        raise CannotImport("the config is nested too deep") from None


class _Walk:
    """The walk over the calls of a model; `results` are the tensors that each made, by place."""

    def __init__(self, config: dict[str, Any], options: ReadOptions) -> None:
        self.config, self.options = config, options
        self.builder = Builder()
        self.graph = CallGraph()
        self.results: dict[PlacedCall, list[OrderedTensor]] = {}
        self.differences: list[str] = []
        self.kept: dict[str, Unused] = {}
        self.version = _major(config)
        self.layer = layer_of(config)
        if self.layer.class_name not in MODELS:
            raise CannotImport(
                f"a {plain(self.layer.class_name)}, which is neither a Functional nor a Sequential model: a model of a "
                "class of its own does not say how its layers are connected"
            )
        self.layer.path = ()

    def record(self, container: str, source: str) -> Imported:
        """Walk, and put what was found together."""
        leaving = self._written_out()
        self._enter()
        for step in self.graph.steps:
            if step.layer.class_name != INPUT or step not in self.results:
                self.results[step] = self._made(step)
        drafts = [self._value(tensor).draft for tensor in leaving]
        parts = assembled(self.builder, drafts, strict=self.options.strict)
        buffers = sum(
            prod(shape)
            for draft in {draft.weights: draft for draft in parts.drafts if draft.arrays}.values()
            for name, shape in draft.array_shapes.items()
            if name.startswith("running_") or name == "constant"
        )
        name = self.layer.config.get("name")
        return Imported(
            name=plain(name) if isinstance(name, str) else "",
            inputs=parts.inputs,
            layers=parts.layers,
            outputs=parts.outputs,
            source=source,
            format=f"a Keras model ({container})",
            producer=self._producer(),
            unit="layer",
            unused=tuple(self.kept.values()),
            entering=parts.entering,
            notes=(*parts.notes, *self.builder.notes, *self._totals(parts.params, buffers, parts.missing)),
            warnings=tuple(self._warnings(parts.params + buffers + self._unused(), parts.missing)),
            missing=parts.missing,
        )

    def _written_out(self) -> list[Leaving]:
        """The calls of the model, and what leaves it."""
        if self.layer.class_name != "Sequential":
            inputs = self._input_layers()
            return self.graph.functional(self.layer, [self.graph.enter(layer) for layer in inputs])
        name, shape = entry(self.layer)
        layer = KerasLayer((name,), INPUT, "", {"batch_shape": None if shape is None else [None, *shape]})
        result = self.graph.sequential(self.layer, [self.graph.enter(layer)])
        return all_of_result(result)

    def _input_layers(self) -> list[KerasLayer]:
        layers = [layer_of(written) for written in written_layers(self.layer)]
        by_name = {layer.path[-1]: layer for layer in layers}
        names = [reference.layer for reference in leaving(self.layer.config.get("input_layers"), by_name)]
        if missing := [name for name in names if name not in by_name]:
            raise CannotImport(f"input_layers names {plain(missing[0])}, and no layer is called so")
        return [by_name[name] for name in names] or [layer for layer in layers if layer.class_name == INPUT]

    def _enter(self) -> None:
        """Make the inputs of the network."""
        inputs = []
        for step in self.graph.inputs:
            shape = stated_shape(step.layer.config)
            inputs.append((step.layer.path[-1], shape, wants_map(step, 3 if shape is None else len(shape))))
        for step, (name, _, is_map), sizes in zip(
            self.graph.inputs, inputs, shapes_of(inputs, self.options.sizes), strict=True
        ):
            draft = self.builder.input(name, sizes or (1,))
            if 0 in sizes:
                raise CannotImport(f"input {plain(name)} holds nothing, its shape is {list(sizes)}")
            tensor = as_map(draft) if is_map and len(sizes) > 1 else as_it_lies(draft)
            draft.tensor = FileTensor(name, tensor.shape)
            self.results[step] = [tensor]
        if not inputs:
            raise CannotImport("the model has no input")

    def _value(self, tensor: Leaving) -> OrderedTensor:
        made = self.results[tensor.step]
        if tensor.place < len(made):
            return made[tensor.place]
        layer = tensor.step.layer
        raise CannotImport(f"output {tensor.place} of layer {plain(layer.title)} is read, which makes {len(made)}")

    def _made(self, step: PlacedCall) -> list[OrderedTensor]:
        """What leaves a call."""
        arguments, keywords = self._with_values(step.arguments), self._with_values(step.keywords)
        entering = ordered_tensors([arguments, keywords])
        self.builder.formats.operator(step.layer.title, policy_of(step.layer.config.get("dtype")).leaving)
        try:
            if any(tensor.draft.is_unsized for tensor in entering):
                raise Inexpressible(BEHIND)
            call = LayerCall(
                self.builder,
                step,
                arguments,
                keywords,
                version=self.version,
                kept=self.kept,
            )
            rule = function_rule(step.layer) or rules().get(step.layer.class_name)
            if rule is None:
                raise Inexpressible("")
            made = rule(call)
            leaving = [made] if isinstance(made, OrderedTensor) else list(made)
        except DoesNotFit as error:
            raise CannotImport(f"layer {plain(step.layer.title)}: {error}") from None
        except Inexpressible as error:
            return self._unknown(step, entering, str(error))
        except OutOfSteps:
            raise OverLimit(f"layer {plain(step.layer.title)}") from None
        except CannotImport:
            raise
        except _CONTRADICTIONS as error:
            raise CannotImport(
                f"layer {plain(step.layer.title)}: its config is none of {step.layer.class_name}: {error}"
            ) from None
        self._compare(step, leaving)
        return leaving

    def _with_values(self, value: Any) -> Any:
        """What a layer is called with, with the tensors that were made."""
        if isinstance(value, Leaving):
            return self._value(value)
        if isinstance(value, dict):
            return {name: self._with_values(item) for name, item in value.items()}
        return [self._with_values(item) for item in value] if isinstance(value, list) else value

    def _unknown(self, step: PlacedCall, entering: Sequence[OrderedTensor], reason: str) -> list[OrderedTensor]:
        """What leaves a layer that no kind expresses, of the sizes that the file has for it."""
        places = max([0, *(tensor.place for reader in step.readers for tensor in _read_of(reader, step))])
        made = []
        for place in range(min(places, 63) + 1):
            shape = self._stated(step, place)
            made.append(unknown_of(self.builder, step, entering, shape, reason or NO_KIND))
        return made

    def _stated(self, step: PlacedCall, place: int) -> Shape | None:
        """The shape that the file has for what leaves a call, None where it has none, or one with an open size."""
        shape = step.stated.get(place)
        if shape is None:
            stated = step.layer.config.get("output_shape") if step.layer.class_name == "Lambda" else None
            shape = open_shape([None, *stated]) if isinstance(stated, list) and not step.lead else None
        for reader in step.readers:
            if shape is None and place == 0 and len(_read_of(reader, step)) == 1 and not reader.lead:
                shape = reader.layer.built if len(_all_read(reader)) == 1 else None
        if shape is None or None in shape or self.options.sizes or step.lead:
            return None
        return tuple(size for size in shape if size is not None)

    def _compare(self, step: PlacedCall, made: Sequence[OrderedTensor]) -> None:
        """Note where the file states another shape; with sizes that were asked for, it speaks of others."""
        if self.options.sizes:
            return
        for place, stated in step.stated.items():
            if stated is None or place >= len(made) or made[place].draft.is_unsized:
                continue
            shape = made[place].shape
            fits = len(stated) == len(shape) or (not stated and shape == (1,))
            if not fits or any(size not in (None, there) for size, there in zip(stated, shape, strict=False)):
                self.differences.append(
                    f"layer {plain(step.layer.title)} makes {list(shape)}, and the file states {list(stated)}"
                )

    def _producer(self) -> str:
        version, backend = self.config.get("keras_version"), self.config.get("backend")
        words = [
            f"Keras {version}" if isinstance(version, str) else "",
            f"on {backend}" if isinstance(backend, str) else "",
        ]
        return plain(" ".join(filter(None, words)))

    def _unused(self) -> int:
        return sum(prod(array.shape) for array in self.kept.values())

    def _totals(self, params: int, buffers: int, missing: str) -> list[str]:
        """The total that Keras prints, where it is not the count of what is learned."""
        unused = self._unused()
        if not buffers + unused:
            return []
        least = "at least " if missing else ""
        statistics = f"{buffers:,} statistics of norms, which are kept and not learned"
        more = f", and {unused:,} more that inference does not need" if unused else ""
        total = f"the total of Keras' summary is {least}{params + buffers + unused:,}"
        return [f"{total}: {params:,} parameters, {statistics}{more}"]

    def _warnings(self, total: int, missing: str) -> list[str]:
        more = len(self.differences) - _MOST_DIFFERENCES
        listed = self.differences[:_MOST_DIFFERENCES]
        warnings = [f"{'; '.join(listed)}{f'; and {more} more' if more > 0 else ''}"] if listed else []
        stored = _stored(self.config.get(WEIGHTS))
        if stored is not None and stored != total and not missing and not self.options.sizes:
            warnings.append(f"the file's list of weights has {stored:,} numbers, and the layers have {total:,}")
        return warnings


def _major(config: dict[str, Any]) -> int:
    version = config.get("keras_version")
    if isinstance(version, str) and version.split(".")[0] in ("1", "2", "3", "4"):
        return int(version[0])
    return 3 if isinstance(config.get("module"), str) and "keras_tensor" in str(config)[:100_000] else 2


def _read_of(reader: PlacedCall, step: PlacedCall) -> list[Leaving]:
    return [tensor for tensor in _all_read(reader) if tensor.step is step]


def _all_read(reader: PlacedCall) -> list[Leaving]:
    return tensors((reader.arguments, reader.keywords))


def _stored(manifest: Any) -> int | None:
    """How many numbers a list of weights has; None where there is none."""
    if not isinstance(manifest, list):
        return None
    total = 0
    for group in manifest:
        weights = group.get("weights") if isinstance(group, dict) else None
        for weight in weights if isinstance(weights, list) else ():
            shape = weight.get("shape") if isinstance(weight, dict) else None
            if not isinstance(shape, list) or not all(isinstance(size, int) for size in shape):
                return None
            total += prod(shape)
    return total
