"""Networks as Keras configs: what `keras.models.model_from_json` builds, with channels last."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.network import Network

FORMAT = "a Keras config"
SUFFIX = ".json"


def write(network: Network) -> str:
    """The text of a config; see `convcalc.exports.Exporter`."""
    from convcalc.exports.keras_json.model import config

    return config(network)
