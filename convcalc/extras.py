"""Packages that are not needed by most, and what to install where one is missing."""

from __future__ import annotations

from importlib.util import find_spec


class NotInstalled(ImportError):
    """A package of an extra is not there; the message says how to get it."""


def require(extra: str, *packages: str, purpose: str) -> None:
    """See that packages are there, which importing them would take longer to tell.

    Raises:
        NotInstalled: one of them is not.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise NotInstalled(f"{missing[0]} is not installed, which {purpose} takes: pip install 'convcalc[{extra}]'")
