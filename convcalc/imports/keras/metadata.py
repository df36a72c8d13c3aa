"""The configuration of a Keras model in what lies beside a SavedModel of TensorFlow 2: `keras_metadata.pb`.

Every object of Keras is an entry of its own, with its place under the root and its configuration as JSON; that of the
root says the whole model. Tuples are marked in it, which other files of Keras do not do.
"""

from __future__ import annotations

import json
from typing import Any

from convcalc.imports import Buffer, wire
from convcalc.imports.errors import CannotImport, plain

_LONGEST_TEXT = 2**23
"""Bytes of the configuration that are read: the longest have one million."""

_OBJECTS, _PATH, _KIND, _TEXT = 1, 3, 4, 5
"""Fields: the objects of the file; of an object its place, what Keras takes it for, and its configuration."""


def matches(buffer: Buffer) -> bool:
    """Whether a file is one: its first object is the root, which is an object of Keras."""
    head = buffer[:64]
    return head[:1] == b"\n" and b"\x1a\x04root\x22" in head and b"_tf_keras_" in head


def model_config(buffer: Buffer) -> str | None:
    """The configuration of the model as JSON: `class_name`, `config`, `keras_version`, `backend`; None without one.

    Raises:
        CannotImport: the file is broken, or its model is a class of its own.
    """
    try:
        text = _of_root(buffer)
    except wire.Malformed as error:
        raise CannotImport(f"not a whole keras_metadata.pb: {error}; fetch or save it again") from None
    if text is None:
        return None
    try:
        stated = json.loads(text, object_hook=_untupled)
    except (ValueError, RecursionError) as error:
        raise CannotImport(f"keras_metadata.pb: the configuration of the root is not JSON: {error}") from None
    if not isinstance(stated, dict) or not isinstance(stated.get("config"), dict):
        return None
    if "layers" not in stated["config"]:
        raise CannotImport(
            f"keras_metadata.pb: the model is of the class {plain(str(stated.get('class_name')))}, whose layers only "
            "its program puts together; convert the SavedModel to ONNX or TensorFlow Lite"
        )
    return json.dumps({key: stated.get(key) for key in ("class_name", "config", "keras_version", "backend")})


def _of_root(buffer: Buffer) -> str | None:
    """The configuration of the object that has all the others; None where that is no model."""
    for number, kind, start, end in wire.fields(buffer, (0, len(buffer))):
        if number != _OBJECTS or kind != wire.BYTES:
            raise wire.Malformed(f"field {number} at byte {start:,}, where an object was expected")
        parts = wire.parts(buffer, (start, end))
        if wire.last_text(buffer, parts[_PATH]) != "root":
            continue
        if not wire.last_text(buffer, parts[_KIND]).startswith("_tf_keras_") or not parts[_TEXT]:
            return None
        at, last = parts[_TEXT][-1]
        if last - at > _LONGEST_TEXT:
            raise CannotImport(f"keras_metadata.pb: a text of {last - at:,} bytes; at most {_LONGEST_TEXT:,} are read")
        return wire.text(buffer, at, last)
    return None


def _untupled(value: dict[str, Any]) -> Any:
    """A list for what is marked as a tuple, or as the sizes of a tensor."""
    if value.get("class_name") in ("__tuple__", "TensorShape") and isinstance(value.get("items"), list):
        return value["items"]
    return value
