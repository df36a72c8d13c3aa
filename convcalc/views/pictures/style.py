"""Style sheets of the page in pictures that are files of their own, with their colours written in."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent / "styles"
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_PROPERTY = re.compile(r"--([\w-]+):\s*([^;]+);")
_USE = re.compile(r"var\(--([\w-]+)\)")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


def in_both(name: str) -> str:
    """The rules of a style sheet with the colours of the light page, and for whoever prefers it with those of the dark.

    Not every program that shows SVG knows custom properties, and a picture in a text has no switch of its own.
    """
    light = dict(_PROPERTY.findall(_read("page.css")))
    dark = light | dict(_PROPERTY.findall(_read("dark.css")))
    rules = [(selector.strip(), body.strip()) for selector, body in _RULE.findall(_read(name))]
    lines = [f"{selector} {{ {_filled(body, light)} }}" for selector, body in rules]
    others = [(selector, _changed(body, light, dark)) for selector, body in rules]
    darker = [f"{selector} {{ {body} }}" for selector, body in others if body]
    return "\n".join([*lines, "@media (prefers-color-scheme: dark) {", *darker, "}"])


def _read(name: str) -> str:
    return _COMMENT.sub("", (HERE / name).read_text("utf-8"))


def _filled(body: str, values: dict[str, str]) -> str:
    return _USE.sub(lambda match: values[match[1]], body)


def _changed(body: str, light: dict[str, str], dark: dict[str, str]) -> str:
    """The declarations that are others in the dark."""
    parts = [part.strip() for part in body.split(";") if part.strip()]
    return " ".join(f"{_filled(part, dark)};" for part in parts if _filled(part, light) != _filled(part, dark))
