"""Views: ``views/<command>/<format>.py`` writes what a command found, and is found by being there.

Each has one entry, ``write(result, out)``. A format whose documents hold mistakes too has ``write_failure`` beside it;
otherwise they are on standard error alone. What the formats of a command share is in its ``shared.py``.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any


def format_names(command: str, default: str) -> tuple[str, ...]:
    """The formats of a command, the default first; nothing of them is imported."""
    folder = importlib.import_module(f"{__name__}.{command}")
    names = {module.name for module in pkgutil.iter_modules(folder.__path__) if module.name[0] != "_"}
    return (default, *sorted(names - {default, "shared"}))


def view(command: str, format: str) -> Any:  # noqa: A002  # what it is
    """The module that writes a command's results in a format."""
    return importlib.import_module(f"{__name__}.{command}.{format}")
