"""What a command was given, as the words of a command line that give it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from convcalc.language.named import INPUT
from convcalc.views import words

if TYPE_CHECKING:
    from convcalc.layers import Shape


def given_options(
    inputs: Mapping[str, Shape], variables: Mapping[str, str], running: Mapping[str, Any], how: Mapping[str, Any]
) -> Iterator[str]:
    """Options for sizes of inputs, for variables, for the terms on which it runs, and for model files.

    Of `running` and `how` an option that is None, or of the latter empty, was not given.
    """
    for name, shape in inputs.items():
        sizes = words.shape(shape)
        yield from ("--input", sizes if name == INPUT else f"{name}={sizes}")
    yield from repeated("--set", [f"{name}={text}" for name, text in variables.items()])
    for name, value in running.items():
        if value is False:
            yield f"--no-{name}"
        elif value is not None:
            yield from (f"--{name}",) if value is True else (f"--{name}", str(value))
    for name, value in how.items():
        if value:
            yield from (f"--{name}",) if value is True else (f"--{name}", value)


def repeated(option: str, texts: Iterable[str]) -> Iterator[str]:
    """The option before each of the texts."""
    for text in texts:
        yield from (option, text)
