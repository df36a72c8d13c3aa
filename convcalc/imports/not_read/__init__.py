"""Files that are no model which is read: what they are, by what is in them, and what to give instead.

Nothing here is read beyond what tells a file: no pickle is opened, nothing is unpacked.
"""

from __future__ import annotations

import os

from convcalc.imports import HEAD, Buffer
from convcalc.imports.errors import CannotImport


def words(buffer: Buffer, name: str) -> str:
    """What a file is and what to do, as an error goes on behind "this is"; empty where nothing tells.

    `name` decides where what is in the file does not, as with weights that are numbers and nothing else.
    """
    from convcalc.imports.not_read import archives, messages, names, signatures, texts

    head = bytes(buffer[:HEAD])
    for look in (signatures.words, archives.words, messages.words, texts.words):
        if answer := look(buffer, head):
            return answer
    return names.words(head, name)


_FOLDERS = (
    (
        "saved_model.pb",
        "a SavedModel of TensorFlow; give the keras_metadata.pb in it if it has one, else convert it to ONNX (tf2onnx)",
    ),
    (
        "Data/com.apple.CoreML",
        "a Core ML package; give the model that it was converted from, or export that to ONNX",
    ),
    ("coremldata.bin", "a compiled Core ML model; export the model that it was converted from to ONNX"),
    (
        "model.safetensors",
        "a folder with weights, which have no layers; build the model in its program and export it to ONNX",
    ),
)
"""What is in folders that stand for a model, and what these are."""


def of_folder(path: str) -> str:
    """As `words`, for what may be a folder."""
    if not os.path.isdir(path):
        return ""
    return next((answer for name, answer in _FOLDERS if os.path.exists(os.path.join(path, name))), "")


def refusal(buffer: Buffer, name: str, expected: str) -> CannotImport | None:
    """The error for a file that is not the model that was expected; None where nothing tells what it is."""
    if answer := words(buffer, name):
        return CannotImport(f"this is {answer.format(expected=expected)}")
    from convcalc.imports.not_read.texts import is_text

    if is_text(buffer[:HEAD]):
        return CannotImport(f"this is text, not {expected}; if it is a spec, call it .yaml")
    return None
