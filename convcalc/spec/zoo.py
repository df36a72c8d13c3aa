"""The zoo: specs of published networks that ship with convcalc, each called ``zoo:NAME`` wherever a file is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from convcalc.spec.suggestions import did_you_mean

SCHEME = "zoo:"
_PACKAGE = Path(__file__).parent.parent


@cache
def folder() -> Path:
    """Where the specs are: beside the package in the repository, in the package where it was built from there."""
    inside = _PACKAGE / "zoo"
    return inside if inside.is_dir() else _PACKAGE.parent / "specs" / "zoo"


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
    meant = did_you_mean(name.removesuffix(".yaml"), names())
    there = f"the zoo has {', '.join(names())}"
    return f"{meant} {there}" if meant else there
