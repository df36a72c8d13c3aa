"""The devices that a network may run on: one file each, found by being there.

A device is a file such as ``a100.yaml``: its name is that of the file. `names()` lists the folder, `load(word)` reads
one of them, or a file of the user's.
"""

from __future__ import annotations

import os
from functools import cache, cached_property
from pathlib import Path

import msgspec

from convcalc.arithmetic.precision import Format, format_of

FOLDER = Path(__file__).parent
ENDINGS = (".yaml", ".yml")
"""What the name of a file ends in; so does a word that names one, or it has a folder in it."""

CATEGORIES = (
    "data-centre GPU",
    "desktop GPU",
    "laptop",
    "CPU",
    "edge GPU",
    "edge accelerator",
    "phone NPU",
    "FPGA",
    "MCU NPU",
    "microcontroller",
)
"""The sorts of device that ship, in the order they are listed."""


class Device(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a network may run on.

    `peak` is operations a second, two a MAC, by the name of a format; `bandwidth` bytes a second between the arithmetic
    and the memory in which tensors lie. `cache` bytes may stay with the arithmetic and not cross again. `sram` is the
    memory that activations must fit into and `flash` that for weights, where these are small. `channels` are how many
    the device works on at once, by format; `sources` says where each of these figures is from. What is not published
    is None, or not there.
    """

    name: str
    about: str = ""
    category: str = ""
    peak: dict[str, int] = {}
    bandwidth: int | None = None
    cache: int | None = None
    sram: int | None = None
    flash: int | None = None
    channels: dict[str, int] = {}
    sources: dict[str, str] = {}

    @cached_property
    def chosen(self) -> dict[tuple[str, str], str]:
        """What `multiplying` has worked out, by the names of the formats."""
        return {}


class NoPeak(ValueError):
    """A format in which a device does not multiply, as far as is published."""

    def __init__(self, device: Device, format: Format) -> None:  # noqa: A002  # the word for it
        there = ", ".join(device.peak or device.channels)
        super().__init__(f"{device.name} has no {format}; it has {there}")


def names() -> list[str]:
    """Every device there is, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def is_file(word: str) -> bool:
    """Whether a word names a file, and no device that ships."""
    return word.lower().endswith(ENDINGS) or os.sep in word or "/" in word


def load(word: str) -> Device:
    """The device of that name, or that of a file.

    Raises:
        SpecError: there is none, or the file cannot be read as one.
    """
    from convcalc.devices import reading

    return reading.of_file(word) if is_file(word) else shipped(word)


@cache
def shipped(name: str) -> Device:
    """The device of that name.

    Raises:
        SpecError: there is none.
    """
    from convcalc.devices import reading

    path = FOLDER / f"{name}.yaml"
    if name not in names():
        raise reading.unknown(name, names())
    return reading.of_text(name, f"{name} (shipped device)", path.read_text("utf-8"))


_FLOATS = ("fp4", "fp8", "float16", "tf32", "float32", "float64")
"""Each holds those before it; `bfloat16` stands where `float16` does, and neither holds the other."""


def _wider(first: Format, second: Format) -> Format:
    """The format in which numbers of both are multiplied.

    That of the two that holds the other; a whole number and a float meet in the float, float16 and bfloat16 in float32.
    """
    if first.is_integer or second.is_integer:
        if first.is_integer and second.is_integer:
            return first if first.bits >= second.bits else second
        return second if first.is_integer else first
    ranks = [_FLOATS.index("float16" if name == "bfloat16" else name) for name in (first.name, second.name)]
    if ranks[0] == ranks[1] and first != second:
        return format_of("float32")
    return first if ranks[0] >= ranks[1] else second


def multiplying(device: Device, first: Format, second: Format) -> str:
    """The format in which the device multiplies numbers of two formats, as `peak` and `channels` name it.

    Whole numbers fit into wider ones: of the formats that are wide enough it is the fastest.

    Raises:
        NoPeak: there is none.
    """
    known = device.chosen.get((first.name, second.name))
    if known is None:
        known = device.chosen[first.name, second.name] = _fastest(device, _wider(first, second))
    return known


def _fastest(device: Device, wanted: Format) -> str:
    there = device.peak or device.channels
    if wanted.name in there and not wanted.is_integer:
        return wanted.name
    whole_numbers = [known for known in map(format_of, there) if known.is_integer and known.bits >= wanted.bits]
    if not wanted.is_integer or not whole_numbers:
        raise NoPeak(device, wanted)
    return max(whole_numbers, key=lambda known: (device.peak.get(known.name, 0), -known.bits)).name
