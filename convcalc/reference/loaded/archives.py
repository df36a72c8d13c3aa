"""Files of arrays by name: NPZ, safetensors, and ONNX models as holders of initialisers.

Each tells names, shapes and types without reading a number, so that an archive that would unpack to more than memory
holds is refused by what it says of itself, and only arrays that a network has are read at all.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from convcalc.extras import require
from convcalc.imports.onnx.stored import NoNumbers, TensorFile, TensorRecord, initialisers
from convcalc.layers import Array, Shape
from convcalc.reference.loaded.problems import WeightProblems, refused

FORMATS = "NPZ (.npz), safetensors (.safetensors) or an ONNX model (.onnx)"
"""What can be read, as an error lists it."""

_MOST_ENTRIES = 1_000_000
"""Arrays of an archive: more are no weights."""

_PICKLED = {".pt", ".pth", ".bin", ".pkl", ".ckpt"}

_ADVICE = "in Python: numpy.savez(FILE, **{name: array.numpy() for name, array in model.state_dict().items()})"


class Entry(NamedTuple):
    """An array of an archive as it says of itself: its shape, and its type in NumPy's words."""

    shape: Shape
    dtype: str


class Archive(Protocol):
    """Arrays by name, read one by one."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All that there are, in the order of the file."""

    def read(self, name: str) -> Array:
        """One of them.

        Raises:
            NoNumbers: it is not as it says, or its type is none that NumPy has.
        """


@contextmanager
def opened(path: str) -> Iterator[Archive]:
    """The archive in a file, for as long as it is needed.

    Raises:
        SpecError: there is none, or it is of another format.
        NotInstalled: it takes a package that is not there.
    """
    with ExitStack() as stack:
        with WeightProblems(path).of_file():
            archive = _archive(path, stack)
        yield archive


def _archive(path: str, stack: ExitStack) -> Archive:
    with Path(path).open("rb") as file:
        head = file.read(16)
    suffix = Path(path).suffix
    if head.startswith(b"PK") and suffix not in _PICKLED:
        return _Npz(stack.enter_context(zipfile.ZipFile(path)))
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**40:
        return _safetensors(path, stack)
    if suffix in _PICKLED or head.startswith(b"\x80"):
        raise refused(path, "a file of Python objects, which may run code when it is read, and is not read", _ADVICE)
    from convcalc.imports import onnx

    if not onnx.matches(head, Path(path).name):
        raise refused(path, f"of a format that is not known; expected {FORMATS}")
    with Path(path).open("rb") as file:
        buffer = mmap(file.fileno(), 0, access=ACCESS_READ)
    return _Initialisers(TensorFile(buffer, path))


class _Npz:
    """What `numpy.savez` writes: a ZIP file with an array in each file of it."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        names = [name for name in packed.namelist() if name.endswith(".npy")]
        if len(names) > _MOST_ENTRIES:
            raise ValueError(f"it has {len(names):,} arrays, where at most {_MOST_ENTRIES:,} are expected")
        if not names:
            raise ValueError("it is a ZIP file without an array; numpy.savez writes one for each name")
        self.entries = {name.removesuffix(".npy"): self._entry(name) for name in names}

    def _entry(self, name: str) -> Entry:
        with self._packed.open(name) as file:
            version = np.lib.format.read_magic(file)
            read: Any = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            if version not in read:
                raise ValueError(f"{name} is of version {version[0]}.{version[1]}, which holds no plain numbers")
            try:
                shape, _, dtype = read[version](file)
            except ValueError:  # NumPy's own words may advise to trust the file
                raise ValueError(f"{name} begins as no array of NumPy's does") from None
        return Entry(shape, "object" if dtype.hasobject else dtype.name)

    def read(self, name: str) -> Array:
        entry = self.entries[name]
        if entry.dtype == "object":
            raise NoNumbers("it holds Python objects, which may run code when they are read, and are not read")
        with self._packed.open(f"{name}.npy") as file:
            array: Array = np.lib.format.read_array(file, allow_pickle=False)
        return array


class _Safetensors:
    """What the package of that name writes; it has checked the file's header before anything of it is used here."""

    def __init__(self, opened_file: Any, path: str) -> None:
        self._file, self._path = opened_file, path
        self.entries = {}
        for name in opened_file.keys():  # noqa: SIM118  # it is no mapping
            part = opened_file.get_slice(name)
            self.entries[name] = Entry(tuple(part.get_shape()), _DTYPES.get(part.get_dtype(), part.get_dtype().lower()))

    def read(self, name: str) -> Array:
        if self.entries[name].dtype == "bfloat16":
            return self._bits(name).reshape(self.entries[name].shape)
        array: Array = self._file.get_tensor(name)
        return array

    def _bits(self, name: str) -> Array:
        """The numbers of a type that NumPy has only where another package brings it: the first halves of float32."""
        with Path(self._path).open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            start, end = msgspec.json.decode(file.read(size))[name]["data_offsets"]
            file.seek(8 + size + start)
            return (np.frombuffer(file.read(end - start), "<u2").astype(np.uint32) << 16).view(np.float32)


_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"} | {
    f"{letter}{bits}": f"{'u' if letter == 'U' else ''}int{bits}" for letter in "IU" for bits in (8, 16, 32, 64)
}
"""NumPy's words for its types."""


def _safetensors(path: str, stack: ExitStack) -> Archive:
    require("safetensors", "safetensors", purpose="a file of this format")
    from safetensors import SafetensorError, safe_open

    try:
        return _Safetensors(stack.enter_context(safe_open(path, framework="numpy")), path)
    except SafetensorError as error:
        raise ValueError(str(error)) from None


class _Initialisers:
    """The arrays that an ONNX model stores, by their names there."""

    def __init__(self, file: TensorFile) -> None:
        self._file = file
        self._records: dict[str, TensorRecord] = {record.name: record for record in initialisers(file.buffer)}
        self.entries = {name: Entry(record.dims, record.type_name) for name, record in self._records.items()}

    def read(self, name: str) -> Array:
        return np.array(self._file.of(self._records[name]))
