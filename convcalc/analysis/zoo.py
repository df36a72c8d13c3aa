"""The figures of every network of the zoo."""

from __future__ import annotations

import msgspec

from convcalc import language
from convcalc.analysis.analyze import as_written
from convcalc.analysis.report import Convention, ReceptiveField, Totals
from convcalc.language.zoo import SCHEME, names
from convcalc.layers import Shape
from convcalc.presenting import Printed


class ZooNetwork(Printed, msgspec.Struct, frozen=True, kw_only=True):
    """A network of the zoo: its figures, and the variables that make its relatives of it."""

    name: str
    spec: str
    source: str
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    variables: dict[str, object]
    convention: Convention
    totals: Totals
    receptive_field: ReceptiveField | None


def zoo() -> list[ZooNetwork]:
    """Every network of the zoo, sorted by name.

    >>> {network.name: network.totals.macs for network in convcalc.zoo()}["resnet50"]
    4089184256
    """
    return [_zoo_network(name) for name in names()]


def _zoo_network(name: str) -> ZooNetwork:
    spec = f"{SCHEME}{name}"
    network = language.loads(language.read(spec))
    report = as_written(network)
    return ZooNetwork(
        name=name,
        spec=spec,
        source=network.source,
        inputs={node.name: node.shape for node in network.inputs},
        outputs={network.nodes[index].name: network.nodes[index].shape for index in network.outputs},
        variables=network.variables,
        convention=report.convention,
        totals=report.totals,
        receptive_field=report.receptive_field,
    )
