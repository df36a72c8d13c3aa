"""A page: a template, with styles and scripts written into it, so that it is one file and asks for no other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from convcalc.views.formats import html
from convcalc.views.formats.json import HEAD, Record, embedded
from convcalc.views.pictures.licences import licences

HERE = Path(__file__).parent


def page(template: str, data: Record, *, styles: Iterable[str], scripts: Iterable[str], **values: Any) -> str:
    """The text of a page.

    `data` is what its scripts read. `styles` and `scripts` are files of `styles` and of `scripts` or `vendored`, in the
    order in which they are written; `values` is what the template names beside these.

    Raises:
        NotInstalled: Jinja2 is not there.
    """
    names = tuple(scripts)
    return html.rendered(
        HERE / "templates",
        template,
        data=html.safe(embedded(data)),
        styles=[html.safe(_text(f"styles/{name}")) for name in styles],
        dark=html.safe(_text("styles/dark.css")),
        scripts=[html.safe(_text(name)) for name in names],
        licences=tuple(licences(names)),
        version=HEAD["convcalc_version"],
        schema=HEAD["schema_version"],
        **values,
    )


def _text(name: str) -> str:
    return (HERE / name).read_text("utf-8")
