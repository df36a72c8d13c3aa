"""Options that commands share, and what their texts mean."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, TypeVar

import typer

from convcalc.cli import completion, values
from convcalc.cli.completion import beginning
from convcalc.fields import LARGEST
from convcalc.language.named import readable as readable  # commands take it from here
from convcalc.views import format_names

Number = TypeVar("Number", int, float)

_LONGEST_LIST = 8
"""Numbers that an option takes, at most."""


def option(metavar: str, help: str, *flags: str, **settings: Any) -> Any:  # noqa: A002  # Typer's word
    """An option that takes a text."""
    return typer.Option(*flags, metavar=metavar, help=help, **settings)


Inputs = Annotated[list[str] | None, typer.Option(metavar="[NAME=]CxHxW", help="Replace an input shape.")]
Variables = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Replace the value of a variable.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse a model with operators that no layer kind expresses, naming them all.")
]
Scale = Annotated[
    str, option("NAME", "Which network, of a model file that describes several: n, s, m.", show_default=False)
]
Blocks = Annotated[str, option("FILE", "A spec whose blocks are modules that a model file names.", show_default=False)]
VariantNames = Annotated[
    str | None,
    option(
        "NAME[:KEY=VALUE]",
        "What to put in place of standard convolutions; several with commas, or all: standard, depthwise, "
        "pointwise, separable, spatial_separable, dilated, grouped, transposed, deformable_v1, deformable_v2, "
        "squeeze_excite, bottleneck, ghost, or a block or kind.",
        "--variant",
        autocompletion=completion.variants,
    ),
]
ReplacedLayers = Annotated[list[str] | None, option("NAME|GLOB", "Replace only these layers.", "--layer")]
KeptLayers = Annotated[list[str] | None, option("NAME|GLOB", "Replace all but these layers.", "--except")]
VariantBlocks = Annotated[
    str | None,
    option("FILE", "A spec whose blocks may serve as variants, or are modules that a model file names.", "--blocks"),
]
AllowInputChange = Annotated[bool, typer.Option("--allow-input-change", help="Compare under different input sizes.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that exists.")]
Batch = Annotated[
    int | None,
    typer.Option(min=1, max=LARGEST, help="Batch size; MACs and activations grow with it. By default 1."),
]


def _precision(text: str | None) -> str | None:
    from convcalc.arithmetic.precision import precision

    if text is None:
        return None
    try:
        precision(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return text


def _formats(incomplete: str) -> list[str]:
    from convcalc.arithmetic.precision import NAMES

    return beginning(incomplete, NAMES)


Dtype = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        callback=_precision,
        autocompletion=_formats,
        help="Format of all numbers, or weights=int8,activations=int8,bias=int32. By default float32.",
    ),
]
Fused = Annotated[
    bool | None,
    typer.Option(
        "--fused/--no-fused",
        show_default=False,
        help="Merge the layers that a runtime merges: norms folded, activations in place.",
    ),
]


def _device(name: str | None) -> str | None:
    """The device as it was named, once it is known that it can be read; what is wrong with it ends the command."""
    if name is not None:
        from convcalc.cli.output import reject
        from convcalc.devices import load
        from convcalc.language import SpecError

        try:
            load(name)
        except SpecError as error:
            reject(error.diagnostics)
    return name


DeviceName = Annotated[
    str | None,
    option(
        "NAME|FILE",
        "What it runs on, for bounds of time; `convcalc devices` lists them.",
        show_default=False,
        callback=_device,
        autocompletion=completion.devices,
    ),
]


CountAs = Annotated[
    str,
    option(
        "TOOL[:OPTION=VALUE]",
        "What that tool counts, beside ours; `convcalc counts --list` lists them.",
        show_default=False,
        autocompletion=completion.counter,
    ),
]


def format_option(command: str, default: str, help: str = "Format of the output.") -> Any:  # noqa: A002  # Typer's word
    """The option for one of the formats that the command has views for."""
    names = format_names(command, default)

    def checked(name: str | None) -> str | None:
        if name is None or name in names:
            return name
        raise typer.BadParameter(f"expected one of {', '.join(names)}, found {name!r}")

    def completed(incomplete: str) -> list[str]:
        return beginning(incomplete, names)

    return typer.Option(help=help, metavar=f"<{'|'.join(names)}>", callback=checked, autocompletion=completed)


COLORS = ("macs", "params", "bytes", "field", "bound")
"""What the nodes of a graph can be coloured by: see `convcalc.amounts` of the scripts."""


def color_option() -> Any:
    """The option for what the graph of a network is coloured by."""

    def checked(word: str | None) -> str | None:
        if word is None or word in COLORS:
            return word
        raise typer.BadParameter(f"expected one of {', '.join(COLORS)}, found {word!r}")

    return typer.Option(
        "--color-by",
        help="What the graph is coloured by; bytes are those moved. By default macs.",
        metavar=f"<{'|'.join(COLORS)}>",
        callback=checked,
        autocompletion=lambda incomplete: beginning(incomplete, COLORS),
        show_default=False,
    )


def shapes(texts: list[str]) -> dict[str, tuple[int, ...]]:
    """`3x224x224` or `NAME=3x224x224`, as shapes by input name."""
    try:
        return values.shapes(texts)
    except values.Misread as error:
        raise typer.BadParameter(str(error), param_hint="--input") from None


def amount(text: str | None, option: str) -> int | None:
    """`8GiB` or `100M` as a number, None where the option was not given."""
    from convcalc.language.quantities import amount as read
    from convcalc.language.tree import number

    if text is None:
        return None
    try:
        return read(number(text) if text.isdigit() else text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def numbers(text: str | None, option: str, kind: type[Number]) -> tuple[Number, ...] | None:
    """`0.5,0.5` as numbers of a kind, None where the option was not given."""
    if text is None:
        return None
    try:
        given = tuple(kind(part) for part in text.split(","))
    except ValueError:
        given = ()
    if not given or len(given) > _LONGEST_LIST or any(abs(number) > 1e9 or number != number for number in given):
        example = "112,112" if kind is int else "0.485,0.456,0.406"
        raise typer.BadParameter(f"expected numbers such as {example}, found {text!r}", param_hint=option)
    return given


def processors() -> int:
    """How many this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def assignments(texts: list[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping."""
    try:
        return values.assignments(texts)
    except values.Misread as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None
