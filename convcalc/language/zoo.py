"""The zoo: specs of published networks that ship with convcalc, each called ``zoo:NAME`` wherever a file is."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from convcalc import shipped
from convcalc.language.suggestions import did_you_mean

SCHEME = "zoo:"
_MEMBER = re.compile(r"[A-Za-z][\w-]*-[A-Za-z]*\d+\b")
"""How a comment names another member of a family: EfficientNet-B1."""


@cache
def folder() -> Path:
    """The folder of the zoo's specs, in the package or beside it."""
    return shipped.folder("zoo", "specs/zoo")


@cache
def names() -> tuple[str, ...]:
    """Every network of the zoo, sorted."""
    return tuple(sorted(path.stem for path in folder().glob("*.yaml")))


def is_in_zoo(path: str) -> bool:
    """Whether a path names a network of the zoo and no file; ``./zoo:x`` is a file."""
    return path.startswith(SCHEME)


def file_of(path: str) -> Path | None:
    """The file of ``zoo:NAME``, None if there is no network of that name."""
    name = path.removeprefix(SCHEME)
    return folder() / f"{name}.yaml" if name in names() else None


def advice(name: str) -> str:
    """What there is, for who asked for what is not, and what may have been meant."""
    name = name.removesuffix(".yaml")
    there = f"the zoo has {', '.join(names())}"
    if family := _family_of(name):
        return f"it is {SCHEME}{family} with other variables by --set, which `convcalc zoo {family}` lists; {there}"
    meant = did_you_mean(name, names())
    return f"{meant} {there}" if meant else there


def _family_of(name: str) -> str | None:
    """The network whose spec names another member of its family in a comment: resnet50 for ResNet-101."""
    if _folded(name) in map(_folded, names()):  # one of its own, spelled in another way
        return None
    for network in names():
        comments = re.findall(r"#.*", (folder() / f"{network}.yaml").read_text("utf-8"))
        if _folded(name) in map(_folded, _MEMBER.findall(" ".join(comments))):
            return network
    return None


def _folded(name: str) -> str:
    """A name however it is spelled: resnet101 for ResNet-101 and resnet_101."""
    return re.sub(r"[\W_]", "", name).lower()
