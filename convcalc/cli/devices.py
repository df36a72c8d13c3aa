"""`convcalc devices`."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli import completion
from convcalc.cli.options import format_option
from convcalc.cli.output import reject, show


def devices(
    names: Annotated[
        list[str] | None, typer.Argument(help="Devices, or files that describe one.", autocompletion=completion.devices)
    ] = None,
    format: Annotated[str, format_option("devices", "table")] = "table",  # noqa: A002  # the option's name
) -> None:
    """What a network can be held against with --device; with a name, every figure and where it is from.

    A device of your own is a YAML file with the same fields, as board.yaml: `convcalc help devices` has an example.
    """
    from convcalc import devices as registry
    from convcalc.language import SpecError
    from convcalc.views.devices.shared import ListedDevices

    known = []
    errors = []
    for name in names or registry.names():
        try:
            known.append(registry.load(name))
        except SpecError as error:
            errors += error.diagnostics
    if errors:
        reject(errors)
    if not names:
        known.sort(key=lambda device: (registry.CATEGORIES.index(device.category), device.name))
    show("devices", format, ListedDevices(known, bool(names)))
