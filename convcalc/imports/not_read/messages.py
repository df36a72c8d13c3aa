"""What is told by the first fields of a protocol buffer, which has no signature."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from convcalc.imports import Buffer, wire
from convcalc.imports.wire import BYTES, VARINT, Malformed, Place

_MOST_FIELDS = 500
"""Fields of a message that are looked at."""

TO_TENSORFLOW_LITE = "convert it to ONNX (python -m tf2onnx.convert) or TensorFlow Lite (tf.lite.TFLiteConverter)"

_OPERATOR = re.compile(r"[A-Z_]\w*(>\w+)?")
"""What TensorFlow's operators are called."""

_LOWEST_KIND = 200
"""The first field of Core ML that holds a model of some kind; formats that begin alike have none so high."""

_LARGEST_VERSION = 2**32
"""What is larger is a sum over a file."""

_CAFFE_LAYERS = 100


class _Field(NamedTuple):
    number: int
    wire: int
    start: int
    end: int


def words(buffer: Buffer, head: bytes) -> str:
    """See `convcalc.imports.not_read.words`."""
    if not head or head[0] not in b"\x08\x0a\x12\xa2":
        return ""
    fields = _fields(buffer, (0, len(buffer)))
    if len(fields) < 2:
        return ""
    if (fields[0].number, fields[0].wire) == (1, VARINT):
        return _with_version(buffer, fields)
    if (fields[0].number, fields[0].wire) == (1, BYTES) and (answer := _with_first_message(buffer, fields)):
        return answer
    if _is_caffe(buffer, fields):
        return (
            "a caffemodel, Caffe's weights; give the .prototxt that belongs to it, or make one: read it into "
            "caffe_pb2.NetParameter, clear the blobs of its layers, print it"
        )
    return ""


def _with_version(buffer: Buffer, fields: list[_Field]) -> str:
    """A message that begins with the version of its format, as ONNX does, or with a number."""
    second = fields[1]
    numbers = {field.number for field in fields}
    if any(field.number >= _LOWEST_KIND for field in fields) and second.number == 2:
        return "a Core ML model; give the model that it was converted from, or export that to ONNX"
    if numbers == {1, 2} and second.wire == BYTES and buffer[second.start : second.start + 1] in (b"\n", b"\x12"):
        return (
            "a SavedModel of TensorFlow; give the keras_metadata.pb beside it if there is one, else convert it to ONNX "
            "(python -m tf2onnx.convert --saved-model) or TensorFlow Lite"
        )
    if second.wire == VARINT and fields[0].start > _LARGEST_VERSION < second.start:
        return "the fingerprint of a SavedModel; give the keras_metadata.pb beside it, or convert it to ONNX"
    if numbers & {8, 9} and (1, VARINT) in {(field.number, field.wire) for field in fields} and second.wire == VARINT:
        return "a tensor in ONNX's form, without layers; give the model"
    return ""


def _with_first_message(buffer: Buffer, fields: list[_Field]) -> str:
    inner = _fields(buffer, (fields[0].start, fields[0].end))
    if len(inner) < 2:
        return ""
    first, second = inner[:2]
    if first.wire == second.wire == VARINT and (first.number, second.number) == (1, 2):
        return "a model of PaddlePaddle (.pdmodel); convert it to ONNX (paddle2onnx)"
    if (first.number, second.number) == (1, 2) and _OPERATOR.fullmatch(_text(buffer, second)):
        return f"a GraphDef of TensorFlow (a frozen graph); {TO_TENSORFLOW_LITE}"
    numbers = {field.number for field in fields}
    if numbers >= {1, 2} and numbers & {3, 4} and any(field.number in (5, 6) for field in inner):
        return (
            "the graph beside a checkpoint of TensorFlow 1 (.meta); freeze it and convert it to ONNX "
            "(python -m tf2onnx.convert --checkpoint)"
        )
    return ""


def _is_caffe(buffer: Buffer, fields: list[_Field]) -> bool:
    """Whether there are layers as Caffe has them, of today, which have a name and a type, or those before."""
    for field in fields:
        if field.wire != BYTES or field.number not in (2, _CAFFE_LAYERS):
            continue
        inner = _fields(buffer, (field.start, field.end))
        if field.number == _CAFFE_LAYERS:
            return [part.number for part in inner[:2]] == [1, 2]
        return any((part.number, part.wire) == (5, VARINT) for part in inner) and any(
            part.number in (3, 4) for part in inner
        )
    return False


def _fields(buffer: Buffer, place: Place) -> list[_Field]:
    """The first fields of a message, up to where it is none."""
    fields: list[_Field] = []
    with suppress(Malformed):
        fields.extend(_Field(*field) for field in islice(wire.fields(buffer, place), _MOST_FIELDS))
    return fields


def _text(buffer: Buffer, field: _Field) -> str:
    return wire.text(buffer, field.start, min(field.end, field.start + 100)) if field.wire == BYTES else ""
