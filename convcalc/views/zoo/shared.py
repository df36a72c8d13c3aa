"""What there is to show of the list of the zoo, whatever the format."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convcalc.analysis.report import Convention
from convcalc.analysis.zoo import ZooNetwork
from convcalc.language.writing import value_text
from convcalc.views import words


def inputs(network: ZooNetwork) -> str:
    """The shapes that enter."""
    return ", ".join(words.shape(shape) for shape in network.inputs.values())


def variables(network: ZooNetwork) -> list[str]:
    """What `--set` takes, with the values that the spec has: width=96, depths=[3, 3, 9, 3]."""
    return [f"{name}={value_text(value)}" for name, value in network.variables.items()]


def publication(network: ZooNetwork) -> str:
    """Who published it, under which title and when; the first statement of the source where it says otherwise."""
    cited = re.match(r".*?\(\d{4}\)", network.source)
    return cited[0] if cited else re.split(r"[;:] |\. (?=[A-Z])", network.source)[0].rstrip(".")


def convention(networks: Sequence[ZooNetwork]) -> str:
    """What is counted in all of them."""
    return words.convention(networks[0].convention if networks else Convention())
