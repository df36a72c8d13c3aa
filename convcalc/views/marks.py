"""Agreement in one character, where the terminal has it."""

from __future__ import annotations

import msgspec


class Marks(msgspec.Struct, frozen=True):
    """What stands for agreement, for disagreement, and for what was not measured."""

    agrees: str
    differs: str
    unmeasured: str

    def of(self, agrees: bool | None) -> str:
        """The mark of an answer, None for none."""
        return self.unmeasured if agrees is None else self.agrees if agrees else self.differs


def marks(encoding: str | None) -> Marks:
    """The marks that can be written in an encoding."""
    try:
        "✓✗·".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return Marks("ok", "NO", "-")
    return Marks("✓", "✗", "·")
