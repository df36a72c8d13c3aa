"""Networks written to ONNX files: with their arrays, without, or with them in a file beside where one is too small."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from onnx import ModelProto

from convcalc.network import Network
from convcalc.onnx.write import OPSET, Arrays, TooLarge, model


def save(
    network: Network,
    path: Path,
    arrays: Arrays | None,
    *,
    dtype: str = "float32",
    batch: int | str = 1,
    opset: int = OPSET,
    overwrite: bool = False,
) -> list[Path]:
    """Write the network; the files that were written, the model first.

    Raises:
        CannotWrite: layers have no ONNX form, or the opset is none that can be written.
        FileExistsError: a file is there, and `overwrite` is not set.
    """
    try:
        written = model(network, arrays, dtype=dtype, batch=batch, opset=opset)
    except TooLarge:
        assert arrays is not None  # noqa: S101  # for the type checker: only arrays are too large
        beside = path.with_name(f"{path.name}.data")
        written = model(network, None, dtype=dtype, batch=batch, opset=opset, weights_file=beside.name)
        if not overwrite and path.exists():
            raise FileExistsError(str(path)) from None
        _put(beside, _numbers(network, written, arrays, dtype), overwrite)
        _put(path, [written.SerializeToString()], overwrite)
        return [path, beside]
    _put(path, [written.SerializeToString()], overwrite)
    return [path]


def _put(path: Path, parts: Iterable[bytes], overwrite: bool) -> None:
    try:
        file = path.open("wb" if overwrite else "xb")
    except FileExistsError:
        raise FileExistsError(str(path)) from None
    with file:
        for part in parts:
            file.write(part)


def _numbers(network: Network, written: ModelProto, arrays: Arrays, dtype: str) -> Iterable[bytes]:
    """The arrays, one after the other, as the model says they lie."""
    places = {node.name: place for place, node in enumerate(network.nodes)}
    for tensor in written.graph.initializer:
        owner, _, name = str(tensor.name).rpartition(".")
        array = arrays(places[owner])[name]
        yield np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<")).tobytes()
