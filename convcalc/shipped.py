"""Folders that ship with convcalc: inside the package where it is installed, beside it in the repository."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent


def folder(name: str, in_repository: str) -> Path:
    """Where the files are that an installation has in the package as `name`."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / in_repository
