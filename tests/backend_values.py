"""What the layers that were read of a test of the ONNX package make of its data, by their references alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from backend_suite import BackendCase, Reading, better, entering, read

import convcalc
from convcalc.imports.drafts import INPUT, Draft
from convcalc.imports.onnx.values import Value
from convcalc.layers import defaults_on, kind_of
from convcalc.reference.execution import run_layer
from convcalc.tensors.engine import Engine


class NotInFile(LookupError):
    """A number is needed that the file does not have."""


def reading_of(case: BackendCase, path: Path) -> Reading | None:
    """A test as it is read, with the values that are needed; None where something is not known."""
    path.write_bytes(case.model.SerializeToString())
    try:
        reading = read(path, {}, {})
    except convcalc.SpecError:
        return None
    if reading.network.uncosted:
        reading = better(reading, path, case)
    return None if reading.network.uncosted else reading


def differences(case: BackendCase, reading: Reading) -> list[str]:
    """The outputs that are other numbers than the test's.

    Raises:
        NotInFile: an array of a layer's own, or an input, is not known.
    """
    tensors = _entering(case, reading)
    wrong = []
    for info, expected in zip(case.model.graph.output, case.outputs, strict=True):
        value = reading.walk.value(info.name)
        assert value is not None
        theirs = np.asarray(expected, dtype=np.float64)
        ours = _of_file(value, tensors).reshape(theirs.shape)
        if not np.allclose(ours, theirs, rtol=2e-3, atol=2e-3, equal_nan=True):
            wrong.append(info.name)
    return wrong


def _entering(case: BackendCase, reading: Reading) -> dict[int, Any]:
    """The inputs of the network by their drafts, samples in front."""
    arrays, tensors = entering(case), {}
    for name, array in arrays.items():
        value = reading.walk.values.get(name)
        if value is None or value.source is None:
            continue
        x = array.astype(np.float64)
        in_front = x[None] if value.samples is None else np.moveaxis(x, value.samples, 0)
        tensors[id(value.source)] = in_front.reshape(len(in_front), *value.source.shape)
    return tensors


def _of_file(value: Value, tensors: dict[int, Any]) -> Any:
    """A tensor as the file has it."""
    if value.constant is not None:
        if value.constant.numbers is None:
            raise NotInFile
        return np.array(value.constant.numbers, dtype=np.float64)
    y = _made(value.draft, tensors)
    return y if value.samples is None else np.moveaxis(y.reshape(len(y), *value.shape), 0, value.samples)


def _made(draft: Draft, tensors: dict[int, Any]) -> Any:
    """What a layer makes, samples in front."""
    if id(draft) not in tensors:
        if draft.kind == INPUT:
            raise NotInFile
        inputs = [_made(source, tensors) for source in draft.inputs]
        count = max(map(len, inputs))
        inputs = [np.repeat(x, count, 0) if len(x) < count else x for x in inputs]
        kind = kind_of(draft.kind)
        config = kind(**{**defaults_on(kind, len(draft.inputs[0].shape) - 1), **draft.fields})
        tensors[id(draft)], _ = run_layer(Engine(), config, _arrays(draft), inputs)
    return tensors[id(draft)]


def _arrays(draft: Draft) -> Mapping[str, Any]:
    arrays = {}
    for name, shape in draft.array_shapes.items():
        numbers = getattr(draft.arrays.get(name), "numbers", None)
        if numbers is None:
            raise NotInFile
        arrays[name] = np.array(numbers, dtype=np.float64).reshape(shape)
    return arrays
