"""Failing inputs made smaller, part by part, as long as they fail alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import yaml

from fuzz.commands import MODEL

Fails = Callable[[bytes], bool]


class Enough(Exception):
    """No more trials are to be made."""


def shrunk(file: str, data: bytes, fails: Fails, keep: Callable[[bytes], None], trials: int = 3000) -> bytes:
    """The smallest input that was found to fail; `keep` gets each one on the way, should a trial end the process."""
    smallest, left = data, trials

    def still(candidate: bytes) -> bool:
        nonlocal smallest, left
        if candidate == smallest or len(candidate) > len(smallest) + 20:
            return False
        if left == 0:
            raise Enough
        left -= 1
        if not fails(candidate):
            return False
        smallest = candidate
        keep(candidate)
        return True

    ways = (_model, _bytes) if file == MODEL else (_tree, _lines, _tokens, _bytes)
    try:
        size = -1
        while size != len(smallest):
            size = len(smallest)
            for way in ways:
                way(smallest, still)
    except Enough:
        pass
    return smallest


def _without(items: Sequence[Any], still: Callable[[Sequence[Any]], bool]) -> Sequence[Any]:
    """The items that are needed, tried in parts of half as many each time (Zeller and Hildebrandt 2002, ddmin)."""
    size = len(items)
    while size:
        start = 0
        while start < len(items):
            fewer = [*items[:start], *items[start + size :]]
            if still(fewer):
                items = fewer
            else:
                start += size
        size //= 2
    return items


def _lines(data: bytes, still: Fails) -> None:
    _without(data.splitlines(keepends=True), lambda lines: still(b"".join(lines)))


def _tokens(data: bytes, still: Fails) -> None:
    """Words and signs; then numbers and words that are long, by short ones."""
    tokens = _without(re.findall(rb"\w+|\s+|.", data, re.DOTALL), lambda kept: still(b"".join(kept)))
    for place, token in enumerate(tokens):
        for plain in (b"1", b"a"):
            if len(token) > 1 and still(b"".join([*tokens[:place], plain, *tokens[place + 1 :]])):
                tokens = [*tokens[:place], plain, *tokens[place + 1 :]]
                break


def _bytes(data: bytes, still: Fails) -> None:
    if len(data) < 3000:
        _without([data[place : place + 1] for place in range(len(data))], lambda kept: still(b"".join(kept)))


def _tree(data: bytes, still: Fails) -> None:
    """Keys, items and values of a spec that is YAML."""
    try:
        tree = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError):
        return

    def tried() -> bool:
        try:
            return still(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, default_flow_style=None).encode())
        except (yaml.YAMLError, UnicodeEncodeError, RecursionError):
            return False

    for node in list(_nodes(tree)):
        for key in [*node] if isinstance(node, dict) else range(len(node))[::-1]:
            value = node.pop(key)
            if tried():
                continue
            _put_back(node, key, value)
            if isinstance(value, dict | list) and not value:
                continue
            for plain in (1, "relu"):
                node[key] = plain
                if value != plain and tried():
                    break
                node[key] = value


def _put_back(node: Any, key: Any, value: Any) -> None:
    """At its place: the order of keys is that of the text."""
    if isinstance(node, list):
        node.insert(key, value)
        return
    node[key] = value


def _nodes(tree: Any) -> Iterator[Any]:
    """Mappings and lists, the outer ones first."""
    if isinstance(tree, dict | list):
        yield tree
        for inner in list(tree.values() if isinstance(tree, dict) else tree):
            yield from _nodes(inner)


def _model(data: bytes, still: Fails) -> None:
    """Nodes, attributes, arrays and all other fields of a model that can be parsed."""
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    try:
        proto = ModelProto.FromString(data)
    except DecodeError:
        return
    _message(proto, lambda: still(proto.SerializeToString()))


def _message(message: Any, tried: Callable[[], bool]) -> None:
    for field, value in message.ListFields():
        if field.is_repeated:
            _items(value, tried)
            for item in value if field.message_type is not None else ():
                _message(item, tried)
            continue
        before = value.SerializeToString() if field.message_type is not None else value
        message.ClearField(field.name)
        if tried():
            continue
        if field.message_type is None:
            setattr(message, field.name, before)
        else:
            getattr(message, field.name).MergeFromString(before)
            _message(getattr(message, field.name), tried)


def _items(items: Any, tried: Callable[[], bool]) -> None:
    """Those of a repeated field that are needed."""

    def still(fewer: Sequence[Any]) -> bool:
        kept = list(items)
        _replace(items, fewer)
        if tried():
            return True
        _replace(items, kept)
        return False

    _without([_copy(item) for item in items], still)


def _copy(item: Any) -> Any:
    if not hasattr(item, "CopyFrom"):
        return item
    copy = type(item)()
    copy.CopyFrom(item)
    return copy


def _replace(items: Any, others: Sequence[Any]) -> None:
    others = [_copy(item) for item in others]
    del items[:]
    items.extend(others)
