"""What an export is refused for: layers that a format has no words for, named one by one."""

from __future__ import annotations

from typing import NamedTuple


class Unwritten(NamedTuple):
    """A layer that a format cannot say, and why."""

    layer: str
    kind: str
    line: int
    reason: str


class CannotWrite(ValueError):
    """A network that cannot be written; `layers` are those that the format cannot say, if that is why."""

    def __init__(self, message: str, layers: tuple[Unwritten, ...] = ()) -> None:
        super().__init__(message)
        self.layers = layers
