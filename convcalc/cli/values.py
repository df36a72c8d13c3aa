"""What the texts of options mean that several commands have, whoever reads the command line."""

from __future__ import annotations

from convcalc.language.named import readable, sizes


class Misread(ValueError):
    """A text that means nothing; `str` says what was expected and what was found."""


def shapes(texts: list[str]) -> dict[str, tuple[int, ...]]:
    """`3x224x224` or `NAME=3x224x224`, as shapes by input name.

    Raises:
        Misread: one of them is something else.
    """
    return dict(map(_shape, texts))


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, equals, written = text.rpartition("=")
    shape = sizes(written)
    if shape is None or (equals and not name):
        raise Misread(f"expected sizes like 3x224x224, or NAME=3x224x224, found {text!r}")
    return name or "input", shape


def assignments(texts: list[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping.

    Raises:
        Misread: one of them is something else.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals or not value:
            raise Misread(f"expected NAME=VALUE, found {text!r}")
        values[readable(name)] = readable(value)
    return values
