"""The nodes of a graph, and their attributes."""

from __future__ import annotations

import ast
from typing import NoReturn

import msgspec

from convcalc import steps
from convcalc.imports.errors import Inexpressible, plain
from convcalc.imports.makings import Setting

Number = int | float

_LONGEST_SCOPES = 10_000
"""Characters of a list of modules."""


class Attributes(dict[str, object]):
    """A node's attributes: numbers, texts, lists, `Tensor` and `Subgraph`, by name.

    Raises `Inexpressible` where one of another type is asked for than there is.
    """

    def integer(self, name: str, default: int = 0) -> int:
        """An attribute that must be a whole number."""
        value = self.get(name, default)
        return value if isinstance(value, int) else _reject(name, "a whole number")

    def real(self, name: str, default: float = 0.0) -> float:
        """An attribute that must be a number, whole or not."""
        value = self.get(name, default)
        return float(value) if isinstance(value, int | float) else _reject(name, "a number")

    def text(self, name: str, default: str = "") -> str:
        """An attribute that must be a text."""
        value = self.get(name, default)
        return value if isinstance(value, str) else _reject(name, "a text")

    def integers(self, name: str) -> list[int] | None:
        """An attribute that must be a list of whole numbers; None if it is not there."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(item, int) for item in value):
            return list(value)
        return _reject(name, "a list of whole numbers")

    def settings(self) -> dict[str, Setting]:
        """Those that are numbers, texts or lists of numbers, which is all that an operation on numbers needs."""
        settings: dict[str, Setting] = {}
        for name, value in self.items():
            if isinstance(value, int | float | str):
                settings[name] = value
            elif isinstance(value, list) and all(isinstance(item, int | float) for item in value):
                settings[name] = tuple(value)
        return settings


def _reject(name: str, expected: str) -> NoReturn:
    raise Inexpressible(f"attribute {plain(name)} is not {expected}")


class GraphNode(msgspec.Struct):
    """One operator.

    `scopes` is what PyTorch's newer exporter says of the modules it was called in, `classes` of what these are, and
    `line` is the line of the program.
    """

    op: str
    domain: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: Attributes
    scopes: str = ""
    classes: str = ""
    line: str = ""

    @property
    def title(self) -> str:
        """Its name, or that of its output if it has none."""
        return plain(self.name or next(filter(None, self.outputs), "without a name"))

    @property
    def operator(self) -> str:
        """Its type, with the domain if it is not ONNX's own."""
        return plain(f"{self.domain}.{self.op}") if self.domain else plain(self.op)

    def modules(self) -> list[str]:
        """The modules of the program that it was called in, from the outside in."""
        stated = _listed(self.scopes)
        if len(stated) > 1:
            return stated[-2].split(".") if stated[-2] else []
        parts = [part for part in self.name.split("/") if part][:-1]
        path: list[str] = []
        for part in parts:  # PyTorch names the child of a sequence by its parent and its place
            if path and part.startswith(f"{path[-1]}."):
                path.pop()
            path.append(part)
        return [piece for part in path for piece in part.split(".")]

    @property
    def module(self) -> str:
        """The class of the innermost module that it was called in; empty where the file does not say it."""
        return ["", "", *_listed(self.classes)][-2]

    @property
    def aten(self) -> str:
        """PyTorch's operator that it stands for, as in "relu"; empty where the file does not say it."""
        return (_listed(self.classes) or [""])[-1].removeprefix("aten.").partition(".")[0]


def _listed(text: str) -> list[str]:
    """A list of texts as Python writes it; empty where it is none."""
    if not 0 < len(text) < _LONGEST_SCOPES:
        return []
    steps.spend(len(text) // 4)
    if text.startswith("['") and text.endswith("']") and "\\" not in text and '"' not in text:  # as nearly all are
        return text[2:-2].split("', '")
    try:
        stated = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(item) for item in stated] if isinstance(stated, list) else []


class AttributeReference(msgspec.Struct, frozen=True):
    """An attribute of a node in a function that is an attribute of the function's call."""

    name: str
