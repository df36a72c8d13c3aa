"""Networks as a .cfg of Darknet: a section for each layer, in order; what a .cfg cannot say is named."""

from __future__ import annotations

from convcalc.network import Network

FORMAT = "a Darknet .cfg"
SUFFIX = ".cfg"


def write(network: Network) -> str:
    """The .cfg of a network.

    Raises:
        CannotWrite: it has layers that a .cfg does not say, all of them named.
    """
    from convcalc.exports.darknet.writing import text

    return text(network)
