"""Inputs of every kind by number: the same number is the same input everywhere."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import msgspec

from fuzz import commands
from fuzz.commands import BASELINE, CONFIGURATION, MODEL, SPEC, Arguments, Failure
from fuzz.models import model
from fuzz.mutations import mutated
from fuzz.specs import ODD, on_bits, spec

CONFIGURED = """\
[lint]
select = ["CC1", "CC2", "dead-taps"]
ignore = ["CC306"]
per-file-ignores = {"legacy/**" = ["CC2"], "*.yaml" = ["CC301"]}
severity = {CC204 = "error", CC208 = "off"}
device = "a100"
dtype = "float16"
object-size = 32
fail-level = "warning"
budgets = {"*" = {macs = "300M", params = 1000, as = "thop"}}
"""


def configuration(draw: random.Random) -> bytes:
    """A convcalc.toml."""
    text = CONFIGURED
    for _ in range(draw.choice((0, 1, 2))):
        lines = text.splitlines()
        place = draw.randrange(len(lines))
        lines[place] = f"{lines[place].partition('=')[0]}= {_toml(draw.choice(ODD))}"
        text = "\n".join(lines)
    text = mutated(text, draw) if draw.random() < 0.4 else text
    data = text.encode("utf-8", "surrogatepass")
    return on_bits(data, draw) if draw.random() < 0.1 else data


def _toml(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return "{a = 1}"
    return "9" * 5000 if value is None else json.dumps(value)


def baseline(draw: random.Random) -> bytes:
    """A file of known findings."""
    fields = {"code": "CC202", "path": commands.OTHER, "layer": "stem", "count": 1}
    entries = [fields | {draw.choice(list(fields)): draw.choice(ODD)} for _ in range(draw.choice((0, 1, 3)))]
    document: Any = {"version": 1, "findings": entries}
    document |= {draw.choice(list(document)): draw.choice(ODD)} if draw.random() < 0.3 else {}
    text = json.dumps(document, indent=1)
    text = mutated(text, draw) if draw.random() < 0.3 else text
    data = text.encode("utf-8", "surrogatepass")
    return on_bits(data, draw) if draw.random() < 0.1 else data


KINDS: dict[str, tuple[str, Callable[[random.Random], bytes]]] = {
    "specs": (SPEC, spec),
    "models": (MODEL, model),
    "configurations": (CONFIGURATION, configuration),
    "baselines": (BASELINE, baseline),
}
"""What an input is called, the file that it is put into, and who makes it."""


class Input(msgspec.Struct, frozen=True):
    """An input with the command lines that are tried on it."""

    file: str
    data: bytes
    draw: random.Random

    def put(self) -> None:
        """Write it into the folder that is worked in."""
        commands.put(self.file, self.data)

    def arguments(self) -> Arguments:
        """One more command line."""
        return commands.drawn(self.file, self.data, self.draw)

    def tried(self, arguments: Arguments) -> tuple[str, Failure | None]:
        """What the command makes of it."""
        return commands.tried(self.file, self.data, arguments)


def numbered(kind: str, number: int, seed: str = "") -> Input:
    """The input of a number; where it cannot be made, the fuzzer is at fault and says so."""
    draw = random.Random(f"{seed}{kind}:{number}")
    file, make = KINDS[kind]
    return Input(file, make(draw), draw)
