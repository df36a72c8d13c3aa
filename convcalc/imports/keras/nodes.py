"""How a layer was called: what entered, in the two ways in which versions of Keras write it down."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from convcalc.imports.errors import CannotImport
from convcalc.imports.keras.configs import open_shape

OpenShape = tuple[int | None, ...] | None

_DEEPEST = 20
"""Lists within lists of what enters a layer."""


class NamedTensor(NamedTuple):
    """A tensor by the layer of the same model that makes it, the how-manieth call of it, and its place there.

    `shape` is the file's for it, without the batch, where it says one.
    """

    layer: str
    call: int
    place: int
    shape: OpenShape = None


class PlaceRange(NamedTuple):
    """A range of places, as Python writes one."""

    start: Any
    stop: Any
    step: Any


class WrittenCall(NamedTuple):
    """One call of a layer: what it is called with, in order and by name; tensors are references."""

    arguments: list[Any]
    keywords: dict[str, Any]


def node_of(written: Any, names: Collection[str]) -> WrittenCall:
    """The call that is written down; `names` are the layers that it may refer to."""
    if isinstance(written, dict) and "args" in written:
        arguments, by_name = _value(written["args"], names), _value(written.get("kwargs") or {}, names)
        if isinstance(arguments, list) and isinstance(by_name, dict):
            return WrittenCall(arguments, by_name)
        raise CannotImport("a call whose args are no list, or whose kwargs have no names")
    keywords: dict[str, Any] = {}
    entering = _entering(written, names, keywords)
    if isinstance(entering, list) and len(entering) == 1 and isinstance(entering[0], NamedTensor):
        entering = entering[0]
    return WrittenCall([entering], keywords)


def references(value: Any) -> list[NamedTensor]:
    """All tensors within what a layer was called with, or what leaves a model, in order."""
    if isinstance(value, NamedTensor):
        return [value]
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [reference for item in within for reference in references(item)]


def put_in(value: Any, put: Callable[[NamedTensor], Any]) -> Any:
    """The same with something else in place of each tensor."""
    if isinstance(value, NamedTensor):
        return put(value)
    if isinstance(value, dict):
        return {name: put_in(item, put) for name, item in value.items()}
    return [put_in(item, put) for item in value] if isinstance(value, list) else value


def leaving(written: Any, names: Collection[str]) -> list[NamedTensor]:
    """The tensors that enter or leave a model, which a file lists as it lists what enters a layer."""
    return references(_entering(written, names, {}))


def _entering(written: Any, names: Collection[str], keywords: dict[str, Any], depth: int = 0) -> Any:
    """What enters, of Keras 1 and 2: `[name, call, place, keywords]` for each tensor, in lists of any depth."""
    if depth > _DEEPEST:
        raise CannotImport("what enters is nested too deep")
    if isinstance(written, list) and len(written) >= 3 and isinstance(written[0], str):
        if len(written) > 3 and isinstance(written[3], dict):
            keywords.update({name: _value(value, names) for name, value in written[3].items()})
        return written[2] if written[0] == "_CONSTANT_VALUE" else _reference(written, None)
    if isinstance(written, list):
        return [_entering(item, names, keywords, depth + 1) for item in written]
    if isinstance(written, dict):
        return {name: _entering(item, names, keywords, depth + 1) for name, item in written.items()}
    return written


def _value(written: Any, names: Collection[str], depth: int = 0) -> Any:
    """A value as it is written among the arguments of a call."""
    if depth > _DEEPEST:
        raise CannotImport("an argument is nested too deep")
    if isinstance(written, dict):
        kind, config = written.get("class_name"), written.get("config")
        if kind == "__keras_tensor__" and isinstance(config, dict):
            return _reference(config.get("keras_history"), open_shape(config.get("shape")))
        if {"start", "stop", "step"} <= written.keys():
            return PlaceRange(*(_value(written[name], names, depth + 1) for name in ("start", "stop", "step")))
        if kind == "__slice__" and isinstance(config, dict):
            return PlaceRange(*(_value(config.get(name), names, depth + 1) for name in ("start", "stop", "step")))
        if kind == "__ellipsis__":
            return Ellipsis
        if kind in ("__tensor__", "__numpy__") and isinstance(config, dict):
            return config.get("value")
        return {name: _value(item, names, depth + 1) for name, item in written.items()}
    if isinstance(written, list):
        if len(written) == 3 and isinstance(written[0], str) and written[0] in names and _are_whole(written[1:]):
            return _reference(written, None)
        return [_value(item, names, depth + 1) for item in written]
    return written


def _are_whole(values: list[Any]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in values)


def _reference(history: Any, shape: OpenShape) -> NamedTensor:
    if not isinstance(history, list) or len(history) < 3 or not isinstance(history[0], str):
        raise CannotImport("a tensor that no layer is named for")
    if not _are_whole(history[1:3]):
        raise CannotImport(f"a tensor of layer {history[0]}, whose call and place are no whole numbers")
    return NamedTensor(history[0], history[1], history[2], shape)
