"""Networks written to ONNX files: with their arrays, without, or with them in a file beside where one is too small."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import Any

from convcalc import files
from convcalc.exports.onnx.write import OPSET, Arrays, FileTooLarge, model, numbers, with_arrays
from convcalc.network import Network


def save(
    network: Network,
    path: str,
    arrays: Arrays | None,
    *,
    dtype: str = "float32",
    batch: int | str = 1,
    opset: int = OPSET,
    stand_ins: bool = False,
    force: bool = False,
) -> list[str]:
    """Write the network; the files that were written, the model first.

    `stand_ins` is as for `model`.

    A file beside it is always a new one, so that a model that is written over has its numbers until it is replaced.

    Raises:
        CannotWrite: layers have no ONNX form, or the opset is none that can be written.
        Unwritable: a file is there and `force` is not set, or cannot be written.
    """
    form: Any = {"dtype": dtype, "batch": batch, "opset": opset, "stand_ins": stand_ins}
    if arrays is None:
        written = model(network, **form)
        files.write(path, [written.SerializeToString()], force=force)
        return [path]
    try:
        files.write(path, with_arrays(network, arrays, **form), force=force)
    except FileTooLarge:
        files.check(path, force=force)
        beside = _name_beside(path, force=force)
        written = model(network, **form, weights_file=os.path.basename(beside))
        _write_both(path, written.SerializeToString(), beside, numbers(network, written, arrays, dtype), force=force)
        return [path, beside]
    return [path]


def _write_both(path: str, model: bytes, beside: str, arrays: Iterable[files.Part], *, force: bool) -> None:
    """Write a model and the file that it needs, or neither."""
    with files.ended_in_order():
        try:
            files.write(beside, arrays)
        except files.Unwritable:  # what may be there is somebody else's
            raise
        except BaseException:
            _remove(beside)
            raise
        before = _identity(path)
        try:
            files.write(path, [model], force=force)
        except BaseException:
            if _identity(path) == before:
                _remove(beside)
            raise


def _identity(path: str) -> tuple[int, int] | None:
    """Which file is there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _name_beside(path: str, *, force: bool) -> str:
    """The file for the numbers: that of the model's name, with a number where one is there and the model may be new."""
    beside, number = f"{path}.data", 1
    while force and os.path.lexists(beside):
        number += 1
        beside = f"{path}.{number}.data"
    return beside
