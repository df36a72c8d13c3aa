"""Text in HTML, in which GitHub still sees the names of people."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from convcalc.extras import require
from convcalc.visible import LONGEST, short, visible


def escaped(text: str, longest: int = LONGEST) -> str:
    """The beginning of a text, between tags."""
    return escape(visible(short(text, longest))).replace("@", "&#64;")


def safe(text: str) -> Any:
    """A text that is markup, a style or a script of our own, or data in which nothing is markup.

    Raises:
        NotInstalled: Jinja2 is not there, with which this comes.
    """
    _require_jinja()
    from markupsafe import Markup

    return Markup(text)  # noqa: S704  # that is what it is for


def rendered(folder: Path, template: str, **values: Any) -> str:
    """A page of Jinja2: every text is escaped, and what acts or hides in it is made visible.

    Raises:
        NotInstalled: Jinja2 is not there.
    """
    _require_jinja()
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def _require_jinja() -> None:
    require("report", "jinja2", purpose="a page")


def _visible(value: Any) -> Any:
    return visible(value) if type(value) is str else value
