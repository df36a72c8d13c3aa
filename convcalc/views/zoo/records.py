"""What the list of the zoo holds of each network, and how it is said."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from convcalc.analysis.report import Convention, ReceptiveField, Report, Totals
from convcalc.fields import shown
from convcalc.layers import Shape
from convcalc.views import words


class Entry(msgspec.Struct, frozen=True, kw_only=True):
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


def entry(name: str, spec: str, report: Report) -> Entry:
    """The record of one network."""
    network = report.network
    return Entry(
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


def inputs(found: Entry) -> str:
    """The shapes that enter."""
    return ", ".join(words.shape(shape) for shape in found.inputs.values())


def variables(entry: Entry) -> list[str]:
    """What `--set` takes, with the values that the spec has: width=96, depths=[3, 3, 9, 3]."""
    return [f"{name}={shown(value)}" for name, value in entry.variables.items()]


def publication(found: Entry) -> str:
    """Who published it, under which title and when; the first statement of the source where it says otherwise."""
    said = found.source
    cited = re.match(r".*?\(\d{4}\)", said)
    return cited[0] if cited else re.split(r"[;:] |\. (?=[A-Z])", said)[0].rstrip(".")


def convention(entries: Sequence[Entry]) -> str:
    """What is counted in all of them."""
    said = entries[0].convention if entries else Convention()
    return f"{said.macs} · batch {said.batch} · {said.dtype}"
