"""The layers of a config as they are added, each call with the tensors that enter it and their layout."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from convcalc.layers import Shape


class CannotSay(ValueError):
    """Keras has no words for a layer; the message says why."""


class KerasTensor(msgspec.Struct, frozen=True):
    """A tensor of a config: which call of which layer gives it, and its shape as a spec has it.

    `is_last` says whether the channels, which a spec has first, are its last axis, as in every map of Keras. With one
    axis there is no difference.
    """

    layer: str
    call: int
    shape: Shape
    is_last: bool

    @property
    def laid(self) -> Shape:
        """The sizes in Keras' order, without the batch."""
        return (*self.shape[1:], self.shape[0]) if self.is_last else self.shape

    def axis(self, axis: int) -> int:
        """Keras' number of an axis, the batch counted."""
        axis %= len(self.shape)
        if not self.is_last:
            return axis + 1
        return len(self.shape) if axis == 0 else axis


class KerasGraph:
    """Collects layers. `names` are those of the spec; what is added beside its layers has others."""

    def __init__(self, names: Collection[str]) -> None:
        self.taken = frozenset(names)
        self.layers: dict[str, dict[str, Any]] = {}

    def input(self, name: str, shape: Shape, *, is_last: bool) -> KerasTensor:
        """A tensor that enters the model."""
        tensor = KerasTensor(name, 0, shape, is_last and len(shape) > 1)
        stated = {"batch_shape": [None, *tensor.laid], "dtype": "float32", "sparse": False, "name": name}
        self.layers[name] = _layer("InputLayer", name, stated)
        return tensor

    def call(
        self,
        class_name: str,
        name: str,
        entering: Sequence[KerasTensor],
        shape: Shape,
        *,
        is_last: bool | None = None,
        as_list: bool = False,
        **stated: Any,
    ) -> KerasTensor:
        """Call a layer, a new one unless there is one of that name, and the tensor that leaves in the same layout."""
        layer = self.layers.setdefault(name, _layer(class_name, name, {"name": name, "trainable": True, **stated}))
        arguments = [_reference(tensor) for tensor in entering]
        layer["inbound_nodes"].append({"args": [arguments] if as_list else arguments, "kwargs": {}})
        last = entering[0].is_last if is_last is None else is_last
        return KerasTensor(name, len(layer["inbound_nodes"]) - 1, shape, last and len(shape) > 1)

    def free(self, name: str) -> str:
        """A name that no layer has."""
        number, named = 2, name
        while named in self.layers or named in self.taken:
            named, number = f"{name}_{number}", number + 1
        return named

    def turned(self, tensor: KerasTensor, *, is_last: bool, name: str) -> KerasTensor:
        """The tensor with its channels there, by a layer that moves them where they are not."""
        rank = len(tensor.shape)
        if tensor.is_last == is_last or rank < 2:
            return tensor
        dims = [*range(2, rank + 1), 1] if is_last else [rank, *range(1, rank)]
        named = self.free(f"{name}_permute")
        return self.call("Permute", named, [tensor], tensor.shape, is_last=is_last, dims=dims)


def _layer(class_name: str, name: str, stated: dict[str, Any]) -> dict[str, Any]:
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": stated,
        "registered_name": None,
        "name": name,
        "inbound_nodes": [],
    }


def _reference(tensor: KerasTensor) -> dict[str, Any]:
    history = [tensor.layer, tensor.call, 0]
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, *tensor.laid], "dtype": "float32", "keras_history": history},
    }
