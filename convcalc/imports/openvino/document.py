"""The XML of a network: its layers with their attributes and the sizes of what enters and leaves, and its edges.

Nothing that the text refers to is opened, and no entity is expanded: a document that declares any is refused.
"""

from __future__ import annotations

from xml.parsers import expat

import msgspec

from convcalc import steps
from convcalc.fields import MOST_AXES
from convcalc.imports import Buffer
from convcalc.imports.errors import CannotImport, plain

_LARGEST = 64 * 2**20
"""Bytes of a document: one of 1,000 layers has about 1 MB."""

_DEEPEST = 100
"""Elements within each other; a loop in a loop has some 20."""

_CHUNK = 2**18
_ELEMENT = 2
_VERSIONS = (10, 11)

Dimension = int | None
Place = tuple[str, str]
"""A layer and one of its ports, by their numbers."""


class IrPort(msgspec.Struct):
    """What leaves a layer, or enters it: its sizes, None where one is open."""

    number: str
    precision: str
    names: str
    dims: list[Dimension] = []


class IrLayer(msgspec.Struct):
    """A layer with what its element `data` says."""

    number: str
    name: str
    type: str
    version: str
    line: int
    data: dict[str, str] = {}
    inputs: list[IrPort] = []
    outputs: list[IrPort] = []

    @property
    def place(self) -> str:
        """Where it stands, for an error."""
        return f"line {self.line}: {plain(self.type)} {plain(self.name)}"


class IrNet(msgspec.Struct):
    """A network. `edges` say of each place that something enters where it leaves."""

    name: str = ""
    version: int = 0
    layers: dict[str, IrLayer] = {}
    edges: dict[Place, Place] = {}
    producer: str = ""


def net_of(buffer: Buffer) -> IrNet:
    """The network that a document says.

    Raises:
        CannotImport: it is no such document, or is broken, with the line.
    """
    if len(buffer) > _LARGEST:
        raise CannotImport(f"the file has {len(buffer):,} bytes, where at most {_LARGEST:,} are read")
    reading = _DocumentReading()
    try:
        for start in range(0, len(buffer), _CHUNK):
            steps.spend(_CHUNK // 1000)
            reading.parser.Parse(bytes(buffer[start : start + _CHUNK]), False)
        reading.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise CannotImport(f"line {error.lineno}: no whole XML: {plain(expat.errors.messages[error.code])}") from None
    except (UnicodeError, ValueError) as error:
        if isinstance(error, CannotImport):
            raise
        raise CannotImport(f"line {reading.parser.CurrentLineNumber}: no XML: {plain(str(error))}") from None
    return reading.net


class _DocumentReading:
    """What has been read so far. Graphs within a layer are passed over: it is their layer that is sized."""

    def __init__(self) -> None:
        self.net = IrNet()
        self.path: list[str] = []
        self.layer: IrLayer | None = None
        self.port: IrPort | None = None
        self.text = ""
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refuse

    @property
    def _line(self) -> int:
        return self.parser.CurrentLineNumber

    def _refuse(self, *declared: object) -> None:
        raise CannotImport(f"line {self._line}: a document type is declared, which no such file has: not read")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        steps.spend(_ELEMENT)
        self.path.append(tag)
        if len(self.path) > _DEEPEST:
            raise CannotImport(f"line {self._line}: more than {_DEEPEST} elements within each other")
        match self.path:
            case ["net"]:
                self._begin(attributes)
            case ["net", "layers", "layer"]:
                self._begin_layer(attributes)
            case ["net", "layers", "layer", "data"] if self.layer is not None:
                self.layer.data = attributes
            case ["net", "layers", "layer", "input" | "output" as side, "port"] if self.layer is not None:
                get = attributes.get
                self.port = IrPort(get("id", ""), get("precision", "FP32"), get("names", ""), [])
                (self.layer.inputs if side == "input" else self.layer.outputs).append(self.port)
            case ["net", "layers", "layer", "input" | "output", "port", "dim"]:
                self.text = ""
            case ["net", "edges", "edge"]:
                self._edge(attributes)
            case [root, *_] if root != "net":
                raise CannotImport(f"line {self._line}: <net> was expected, found <{plain(root)}>")
            case ["net", _, word]:
                self._producer(word, attributes)

    def _begin(self, attributes: dict[str, str]) -> None:
        version = attributes.get("version", "")
        if not version.isdecimal() or len(version) > 9:
            raise CannotImport(f"line {self._line}: version {plain(version)!r} of the IR, where a number is expected")
        self.net.version, self.net.name = int(version), attributes.get("name", "")
        if self.net.version not in _VERSIONS:
            what = "written before 2020" if self.net.version < _VERSIONS[0] else "newer than is known"
            raise CannotImport(
                f"version {self.net.version} of the IR, {what}; versions 10 and 11 are read: convert the model that "
                "it was made from again, or read that itself"
            )

    def _begin_layer(self, attributes: dict[str, str]) -> None:
        get = attributes.get
        number = get("id", "")
        if number in self.net.layers:
            raise CannotImport(f"line {self._line}: a second layer with the id {plain(number)}")
        self.layer = IrLayer(number, get("name", ""), get("type", ""), get("version", ""), self._line, {}, [], [])
        self.net.layers[number] = self.layer

    def _edge(self, attributes: dict[str, str]) -> None:
        get = attributes.get
        place = get("to-layer", ""), get("to-port", "")
        if place in self.net.edges:
            raise CannotImport(f"line {self._line}: a second edge to port {plain(place[1])} of layer {plain(place[0])}")
        self.net.edges[place] = get("from-layer", ""), get("from-port", "")

    def _producer(self, word: str, attributes: dict[str, str]) -> None:
        """What wrote the file: the last of the words that files have for it."""
        value = attributes.get("value", "")
        if attributes.get("name") == "OpenVINO Runtime" or word in ("MO_version", "Runtime_version"):
            name = "OpenVINO model optimizer" if word == "MO_version" else "OpenVINO"
            self.net.producer = self.net.producer or plain(f"{name} {value}")

    def _characters(self, text: str) -> None:
        if self.path[-1:] == ["dim"]:
            self.text += text[:20]

    def _end(self, tag: str) -> None:
        if tag == "dim" and self.port is not None and len(self.path) == 6 and self.path[0] == "net":
            self._dimension()
        self.path.pop()
        if len(self.path) == 3 and tag in ("input", "output"):
            self.port = None
        if tag == "layer" and len(self.path) == 2:
            self.layer = None

    def _dimension(self) -> None:
        port, text = self.port, self.text.strip()
        if port is None:
            return
        is_open = text in ("-1", "?") or ".." in text
        if not is_open and not (text.isascii() and text.isdecimal() and len(text) < 16):
            raise CannotImport(f"line {self._line}: size {plain(text)!r}, where a whole number is expected, or -1")
        port.dims.append(None if is_open else int(text))
        if len(port.dims) > MOST_AXES:
            raise CannotImport(f"line {self._line}: more than {MOST_AXES} axes")


def is_fixed(dims: list[Dimension]) -> bool:
    """Whether all sizes are said."""
    return all(size is not None for size in dims)
