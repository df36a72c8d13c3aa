"""The devices that a network may run on: one file each, found by being there.

A device is a file such as ``a100.yaml``: its name is that of the file. `names()` lists the folder, `load(word)` reads
one of them, or a file of the user's.
"""

from __future__ import annotations

import msgspec

from convcalc.arithmetic.precision import Format


class Device(msgspec.Struct, frozen=True, kw_only=True):
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


def names() -> list[str]:
    """Every device there is, sorted."""
    raise NotImplementedError


def load(word: str) -> Device:
    """The device of that name, or that of a file.

    Raises:
        SpecError: there is none, or the file cannot be read as one.
    """
    raise NotImplementedError


def takes(device: Device, format: Format) -> bool:  # noqa: A002  # the word for it
    """Whether a peak of the format is published."""
    return format.name in device.peak
