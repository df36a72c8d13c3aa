"""What is told by what a text says."""

from __future__ import annotations

import re

from convcalc.imports import Buffer
from convcalc.imports.not_read.messages import TO_TENSORFLOW_LITE

_JSON = (
    (r'\{\s*"nodes"\s*:\s*\[\s*\{\s*"(op|name|attrs?)"', "a model of MXNet (symbol.json); export it to ONNX (mx.onnx)"),
    (r'\{\s*"base_code"\s*:\s*\{\s*"magic"\s*:\s*"pir"', "a model of PaddlePaddle; convert it to ONNX (paddle2onnx)"),
    (
        r'\{(?s:.{0,4000})"(architectures?|model_type|_class_name|auto_map)"\s*:',
        "a configuration that names an architecture (Hugging Face, timm), not layers; build it and export it to ONNX",
    ),
    (r'\{\s*"cells"\s*:|\{(?s:.{0,4000})"nbformat"', "a notebook, not {expected}; save the model that it builds"),
)
"""Beginnings of JSON, and what it is."""

_PLAIN = (
    (
        r"\[[a-z_]+\]\s*\n\s*\w+\s*=",
        "a .cfg without a [net] before its sections; if they are Darknet's, write it, with width, height and channels",
    ),
    (
        r"\d+[ \t]+\d+\s*\n\s*[A-Za-z]\w*[ \t]+\S+[ \t]+\d+[ \t]+\d+[ \t]+\S",
        "a .param of ncnn without its first line, 7767517, as the first versions wrote it; convert the model once more",
    ),
    (
        r"(?=(?s:.*)^(train|val)\s*:)(?=(?s:.*)^names\s*:)(?!(?s:.*)^(layers|backbone)\s*:)",
        "a data set's YAML, which says where images are; give that of a model, which has `backbone` and `head`",
    ),
    (r"<!DOCTYPE\s+html|<html|<head", "a page of HTML, not {expected}: fetch the file itself"),
    (r"<", "XML, not {expected}"),
    (r"version\s+\d+\.\d+\s*;(?s:.*?)\bgraph\s+\w+\s*\(", "a model of NNEF; convert it to ONNX"),
    (
        r"classes\s*=\s*\d+\s*\n(?s:.*)^\s*(train|valid|names)\s*=",
        "a .data file of Darknet, which says where data is; give the .cfg, which has the layers",
    ),
    (
        r"(?s:.*)^model_checkpoint_path\s*:",
        "the list of checkpoints of TensorFlow: weights without layers; save the model itself",
    ),
    (r"node\s*\{\s*name\s*:", f"a GraphDef of TensorFlow as text; {TO_TENSORFLOW_LITE}"),
    (
        r"(?s:.*)^ir_version\s*:\s*\d+\s*$(?s:.*)^(graph|opset_import)\s*\{",
        "an ONNX model as text; load it with onnx.load and save it as .onnx",
    ),
    (
        r"(?s:.*)^(import|from)\s+(torch|tensorflow|keras|jax|flax|mxnet|paddle|caffe)\b",
        "a Python program, which is not run; export the model that it builds to ONNX, or save it (Keras: model.save)",
    ),
)
"""Beginnings of other texts, without comments, and what these are."""


def words(_: Buffer, head: bytes) -> str:
    """See `convcalc.imports.not_read.words`."""
    if not is_text(head):
        return ""
    lines = head.decode(errors="ignore").removeprefix("\ufeff").splitlines(keepends=True)
    text = "".join(line for line in lines if not line.lstrip().startswith("#")).lstrip()
    for pattern, answer in _JSON if re.match(r"\{|\[\s*[^\sa-z]", text) else _PLAIN:
        if re.match(pattern, text, re.MULTILINE | re.IGNORECASE):
            return answer
    return ""


def is_text(head: bytes) -> bool:
    """Whether a file is text, by its beginning: UTF-8 without control characters."""
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode()
    return not any(character < " " and character not in "\t\n\r\f" for character in text)
