"""How a network is named: a file, or zoo:NAME, and behind an @ input sizes and variables other than the spec's own.

``net.yaml@input=3x112x112,width=0.5`` is net.yaml with these; ``input.image=3x64x64`` is the shape of one of several
inputs. A value is written as in a spec, so ``depths=[2,2]`` is a list. A file that has such a name is that file.
"""

from __future__ import annotations

import os
import re

import msgspec
from msgspec.structs import replace

from convcalc.fields import LARGEST
from convcalc.language.source import Diagnostic, Source, SpecError
from convcalc.language.zoo import is_in_zoo
from convcalc.layers import Shape
from convcalc.visible import encodable

START = re.compile(r"@(?=(?:input\.[^=,@]+|[^\W\d]\w*)=)")
"""What stands before settings; an @ that a name has is followed by something else, or the file is there."""
INPUT = "input"


class Named(msgspec.Struct, frozen=True):
    """A network as it is named by `text`, and what that means.

    `places` are indices in `text` of the names of inputs and variables, by the option that says the same.
    """

    text: str
    path: str
    inputs: dict[str, Shape] = {}
    variables: dict[str, str] = {}
    places: dict[tuple[str, str], int] = {}

    @property
    def is_set(self) -> bool:
        """Whether it is other than the spec says."""
        return bool(self.inputs or self.variables)

    def placed(self, problem: Diagnostic) -> Diagnostic:
        """A problem with an input size or variable from here, where it stands in `text`."""
        place = self.places.get((problem.path, re.split("[=]", problem.text)[0]))
        if place is None:
            return problem
        text = readable(self.text)
        columns = problem.column + place, problem.end_column + place
        return replace(problem, path=text, text=text, column=columns[0], end_column=columns[1])


def named(text: str) -> Named:
    """What a name of a network means.

    Raises:
        SpecError: the settings behind the @ are not written as such.
    """
    start = _start(text)
    if start is None:
        return Named(text, text)
    inputs: dict[str, Shape] = {}
    variables: dict[str, str] = {}
    places: dict[tuple[str, str], int] = {}
    place = start + 1
    for part in split(text[start + 1 :], ","):
        key, _, value = part.partition("=")
        if not START.match(f"@{part}") or not value:
            message = "expected NAME=VALUE behind the @, with commas between several"
            raise _wrong(text, place, len(part), f"{message}, found `{readable(part)}`")
        name = key.removeprefix(f"{INPUT}.")
        is_input = key == INPUT or name != key
        option = "--input" if is_input else "--set"
        if (option, name) in places:
            raise _wrong(text, place, len(part), f"`{key}` is there twice")
        places[option, name] = place + len(key) - len(name)
        if not is_input:
            variables[name] = readable(value)
        elif (shape := sizes(value)) is not None:
            inputs[name] = shape
        else:
            problem = f"{key}: expected sizes like 3x224x224, found `{readable(value)}`"
            raise _wrong(text, place + len(key) + 1, len(value), problem)
        place += len(part) + 1
    return Named(text, text[:start], inputs, variables, places)


def file_of(text: str) -> str:
    """The name without settings, whether these are well written or not."""
    return text[: _start(text)]


def _start(text: str) -> int | None:
    """Where the @ before settings is: behind the longest name that is there, or else the first that may be one."""
    if "@" not in text or os.path.exists(text):
        return None
    places = [match.start() for match in re.finditer("@", text)]
    if text.startswith("-@") or is_in_zoo(text):
        return places[0]
    there = [place for place in places if os.path.exists(text[:place])]
    return max(there) if there else next((match.start() for match in START.finditer(text)), None)


def sizes(text: str) -> Shape | None:
    """The sizes of ``3x224x224``, None where the text is something else."""
    parts = text.split("x")
    numbers = tuple(int(part) if part.isascii() and part.isdigit() and len(part) <= 10 else 0 for part in parts)
    return numbers if all(0 < number <= LARGEST for number in numbers) else None


def split(text: str, mark: str) -> list[str]:
    """The parts of a text between marks that stand in no brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote or character in "'\"":
            quote = "" if character == quote else quote or character
        else:
            depth += (character in "([{") - (character in ")]}")
        if character == mark and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def readable(text: str) -> str:
    """An argument as a text: bytes that were none are written as escapes."""
    return encodable(text)


def _wrong(text: str, start: int, length: int, message: str) -> SpecError:
    place = readable(text)
    return SpecError([Source(place, place).diagnostic("CC011", start, start + max(length, 1), message)])
