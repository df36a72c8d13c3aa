"""What views of several records have in common."""

from __future__ import annotations

import io
from typing import Any

from convcalc.analysis.report import Report
from convcalc.network import Network
from convcalc.views import view, words
from convcalc.views.output import Output
from convcalc.visible import short

_LONGEST_NAME = 60
"""Characters of a network's name, or of a layer's, in a line that says more."""
_MOST_SHAPES = 3


def brief(name: str) -> str:
    """The beginning of a name."""
    return short(name, _LONGEST_NAME)


def counted(number: int, noun: str) -> str:
    """1 layer, 1,024 layers."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def entering(network: Network) -> str:
    """The shapes of the inputs, as many as a line holds."""
    shapes = [words.shape(node.shape) for node in network.inputs]
    more = [f"{len(shapes) - _MOST_SHAPES} more"] if len(shapes) > _MOST_SHAPES else []
    return short(", ".join([*shapes[:_MOST_SHAPES], *more]), _LONGEST_NAME)


def path_of(network: Network) -> str:
    """How the network was named where it was read; empty where it was put together."""
    return network.origin.path if network.origin is not None else ""


def title(report: Report) -> str:
    """Name, input shapes and path, above a table."""
    return " · ".join(filter(None, words.title(report, path_of(report.network))))


def document(command: str, result: Any) -> bytes:
    """What a command prints of its result as JSON."""
    with io.TextIOWrapper(io.BytesIO(), "utf-8") as stream:
        out = Output(stream)
        view(command, "json").write(result, out)
        out.end()
        stream.seek(0)
        return stream.buffer.read()
