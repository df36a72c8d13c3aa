"""What a layer is called in a table of measured times: all that its time can depend on but the device.

A signature has a layer's kind, the shapes that enter, the fields that are not as they are by default, the batch, the
formats of its numbers, and what else runs in its kernel. Layers of one signature do the same work, wherever they stand
and whatever they are called; two that differ in it may differ in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import asdict

from convcalc.analysis.report import Report
from convcalc.analysis.terms import Terms
from convcalc.arithmetic.precision import Format
from convcalc.layers import Kind, Shape, defaults_on
from convcalc.network import Network, Node


def signatures(report: Report) -> dict[str, list[int]]:
    """The signatures of a network's layers, in the order in which they come first, each with the layers' places.

    What gives what it gets, and what holds an array, runs nowhere and has none.
    """
    places: dict[str, list[int]] = {}
    for place, node in enumerate(report.network.layers):
        if not node.config.is_inert and not node.config.holds_output:
            places.setdefault(signature(report.network, node, report.terms), []).append(place)
    return places


def signature(network: Network, node: Node, terms: Terms) -> str:
    """``conv 3x224x224 out_channels=64 kernel_size=7x7 stride=2x2 | batch 1 | float32 | relu``."""
    formats, shapes = terms.formats(node), network.shapes_into(node)
    entering = [terms.formats(network.nodes[source]).activations for source in node.inputs]
    inputs = (_input(shape, own, formats.activations) for shape, own in zip(shapes, entering, strict=True))
    then = getattr(node.config, "then", ())
    config: Kind = node.config.first if then else node.config  # type: ignore[attr-defined]  # a kernel has it
    parts = [
        " ".join([node.kind, *inputs, *_fields(config, shapes)]),
        f"batch {terms.batch}",
        str(formats).replace(",", ""),
        *(" ".join([part.prefix.rstrip("0123456789"), *_fields(part.config, (node.shape,))]) for part in then),
    ]
    return " | ".join(parts)


def _input(shape: Shape, own: Format, expected: Format) -> str:
    sizes = "x".join(map(str, shape))
    return sizes if own == expected else f"{sizes}:{own}"


def _fields(config: Kind, shapes: tuple[Shape, ...]) -> Iterator[str]:
    """The fields that are not as they are by default, so that a field that comes later changes no signature."""
    usual = defaults_on(type(config), max(0, len(shapes[0]) - 1) if shapes else 0)
    for name, value in asdict(config).items():
        if name not in usual or usual[name] != value:
            yield f"{name}={_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, tuple):
        is_plain = not any(isinstance(part, tuple) for part in value)
        return ("x" if is_plain else ";").join(map(_text, value)) or "()"
    return str(value)
