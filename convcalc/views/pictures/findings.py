"""What `convcalc lint` finds, at the layers and blocks of a page."""

from __future__ import annotations

from collections.abc import Iterable

from convcalc.linting.records import Finding
from convcalc.network import Network
from convcalc.views.formats.json import Record, filled
from convcalc.visible import visible


def findings(network: Record, shown: Network, of_lint: Iterable[Finding]) -> list[Record]:
    """The findings as the scripts read them, in the order of the spec; `network` is the record of what is `shown`.

    ``at`` are the ids of what a finding is about: "n12" is nodes[12], "p3" is parts[3]. A layer that runs in the kernel
    of another is found at that. It is empty where it is about the spec, or about a layer that is no more when fused.
    """
    ids = _ids(network, shown)
    return [
        {
            "code": finding.code,
            "rule": finding.name,
            "severity": finding.severity,
            "message": visible(finding.message),
            "at": [*dict.fromkeys(ids[name] for name in (finding.layer, *finding.others) if name in ids)],
            **filled(help=visible(finding.help), line=finding.line, layer=visible(finding.layer)),
        }
        for finding in of_lint
    ]


def _ids(network: Record, shown: Network) -> dict[str, str]:
    """The id of every layer and block, by its name."""
    ids = {name: f"n{index}" for index, node in enumerate(shown.nodes) for name in (*node.merged, node.name)}
    blocks = {group.name for group in shown.groups} - set(ids)
    places = {(part["name"], part["kind"]): f"p{place}" for place, part in enumerate(network["parts"])}
    for group in shown.groups:
        own = places.get((visible(group.name), visible(group.kind)))
        if own is not None and group.name in blocks:
            ids[group.name] = own
    return ids
