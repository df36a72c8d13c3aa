"""Workflow commands of GitHub Actions."""

from __future__ import annotations

from collections.abc import Mapping

from convcalc.visible import visible


def command(kind: str, properties: Mapping[str, str], *lines: str) -> str:
    """One command, with a message of some lines, which is one line of the log."""
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {listed}::{'%0A'.join(map(_data, lines))}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
