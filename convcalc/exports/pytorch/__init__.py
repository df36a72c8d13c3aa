"""Networks as PyTorch code that a person could have written: blocks as classes, repeats as nn.Sequential."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.network import Network

FORMAT = "PyTorch code"
SUFFIX = ".py"


def write(network: Network) -> str:
    """The text of a module; see `convcalc.exports.Exporter`."""
    from convcalc.exports.pytorch.module import source

    return source(network).text
