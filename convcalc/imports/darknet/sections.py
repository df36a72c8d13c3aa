"""The text of a .cfg: sections, each with a type in brackets and options by name.

As Darknet reads it: all white space inside a line vanishes, a comment is a line of its own, the first of two equal keys
wins, and a number ends where its digits do (C's atoi and atof). A key without a value, or with an empty one, leaves
the default in force.
"""

from __future__ import annotations

import re

import msgspec

from convcalc import steps
from convcalc.imports import Buffer
from convcalc.imports.errors import CannotImport, brief, plain

MOST_BYTES = 2 << 20
"""Bytes of a .cfg that is read; the longest of both families has 80 thousand."""

_LINE = 2
"""Steps that a line takes."""

_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_MOST = 2**31 - 1


class CfgOption(msgspec.Struct, frozen=True):
    """What stands behind a key, None where nothing does, and the line that it is on."""

    text: str | None
    line: int


class CfgSection(msgspec.Struct, frozen=True):
    """A section: its type as the file writes it, without the brackets, and its options."""

    type: str
    line: int
    options: dict[str, CfgOption]

    def text(self, key: str, default: str = "") -> str:
        """What stands behind a key."""
        option = self.options.get(key)
        return default if option is None or option.text is None else option.text

    def has(self, key: str) -> bool:
        """Whether a key has something behind it."""
        option = self.options.get(key)
        return option is not None and option.text is not None

    def integer(self, key: str, default: int, least: int = -_MOST) -> int:
        """The whole number behind a key; what begins with no digits is 0, as in C."""
        if not self.has(key):
            return default
        return self._integer(key, self.text(key), least)

    def integers(self, key: str) -> list[int]:
        """The whole numbers behind a key, with commas between them."""
        texts = self.text(key).split(",")
        steps.spend(len(texts))
        return [self._integer(key, text, -_MOST) for text in texts]

    def decimal(self, key: str, default: float) -> float:
        """The number behind a key."""
        if not self.has(key):
            return default
        match = _NUMBER.match(self.text(key)[:50])
        return float(match[0]) if match else 0.0

    def place(self, key: str = "") -> str:
        """Where the section is, or one of its options, in words that an error begins with."""
        option = self.options.get(key)
        return f"line {option.line if option else self.line}: [{plain(self.type)}]"

    def _integer(self, key: str, text: str, least: int) -> int:
        match = _WHOLE.match(text)
        value = int(match[0]) if match and len(match[0]) <= 11 else 0 if match is None else _MOST + 1
        if abs(value) > _MOST:
            raise CannotImport(f"{self.place(key)} has {key}={plain(brief(text))}, which is no number of 32 bits")
        if value < least:
            raise CannotImport(
                f"{self.place(key)} has {key}={plain(brief(text))}, where a whole number from {least} is expected"
            )
        return value


def sections_of(buffer: Buffer) -> list[CfgSection]:
    """The sections of a file in order.

    Raises:
        CannotImport: it is too large, or its first line that tells anything opens no section.
    """
    if len(buffer) > MOST_BYTES:
        raise CannotImport(f"a .cfg of {len(buffer):,} bytes, where at most {MOST_BYTES:,} are read")
    lines = buffer[:].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").split("\n")
    steps.spend(_LINE * len(lines))
    sections: list[CfgSection] = []
    for number, line in enumerate(lines, start=1):
        text = "".join(line.split())
        if not text or text[0] in "#;":
            continue
        if text[0] == "[":
            sections.append(CfgSection(text[1:].partition("]")[0], number, {}))
        elif not sections:
            raise CannotImport(f"line {number}: {plain(brief(text))} stands before the first section, [net]")
        else:
            key, is_set, value = text.partition("=")
            if not is_set or value:
                sections[-1].options.setdefault(key, CfgOption(value if is_set else None, number))
    return sections
