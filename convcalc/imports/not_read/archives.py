"""What is told by the names in an archive; nothing is unpacked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from convcalc.imports import Buffer, archives
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.not_read.signatures import FROM_PROGRAM

_MOST_NAMES = 5_000
"""Files of an archive whose names are looked at."""

_CONTENTS = (
    (
        r"[^/]+/code/.*\.py",
        "a TorchScript program, which is not run; export the model with torch.export.save (.pt2) or torch.onnx.export",
    ),
    (
        r"[^/]+/data\.pkl|pytorch_model\.bin",
        f"a checkpoint of PyTorch: weights, and a pickle, which is not opened; {FROM_PROGRAM}",
    ),
    (
        r"(.*/)?com\.apple\.CoreML/.*|(.*\.mlpackage|.*\.mlmodelc)/.*",
        "a Core ML package; give the model that it was converted from, or export that to ONNX",
    ),
    (r"nnp_version\.txt|.*\.nntxt", "a model of NNabla (.nnp); convert it to ONNX (nnabla_cli convert)"),
    (r"(.*/)?saved_model\.pb", "a ZIP archive with a SavedModel of TensorFlow; convert it to ONNX (tf2onnx)"),
    (
        r"(.*/)?[^/]+\.(onnx|h5|hdf5|keras|tflite|cfg|prototxt|pt2|param|mlmodel)",
        "a ZIP archive, not {{expected}}; unpack it and give {name}",
    ),
)
"""Names of files that archives have, and what these are then; the first that any file has."""


def words(buffer: Buffer, head: bytes) -> str:
    """See `convcalc.imports.not_read.words`."""
    if head.startswith(b"PK\x03\x04"):
        return _of_zip(buffer)
    if head[257:262] == b"ustar":
        return "a TAR archive, not {expected}; if that is in it, unpack it"
    return ""


def _of_zip(buffer: Buffer) -> str:
    names = list(_names(buffer))
    for pattern, answer in _CONTENTS:
        for name in names:
            if re.fullmatch(pattern, name, re.DOTALL):
                return answer.format(name=_braced(plain(name))) if "{name}" in answer else answer
    if names and all(name.endswith(".npy") for name in names):
        return "an archive of NumPy (.npz): weights without layers; give the file that describes the network"
    if not names:
        return "a ZIP archive that is not whole, as its directory is missing: fetch it again"
    return "a ZIP archive, not {expected}; if that is in it, unpack it"


def _braced(name: str) -> str:
    """A name as it may stand in words that are formatted."""
    return name.replace("{", "{{").replace("}", "}}")


def _names(buffer: Buffer) -> Iterator[str]:
    """The first names in an archive, as far as it is whole."""
    with suppress(CannotImport):
        yield from islice(archives.names(buffer), _MOST_NAMES)
