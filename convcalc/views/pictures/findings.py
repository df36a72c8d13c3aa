"""What `convcalc lint` finds, at the layers and blocks of a page."""

from __future__ import annotations

from collections.abc import Iterable

from convcalc.linting.records import Finding
from convcalc.views.formats.json import Record, filled
from convcalc.visible import visible


def findings(network: Record, of_lint: Iterable[Finding]) -> list[Record]:
    """The findings as the scripts read them, in the order of the spec; `network` is the record of the network.

    ``at`` are the ids of what a finding is about: "n12" is nodes[12], "p3" is parts[3]. It is empty where it is about
    the spec, or about something that this network does not have, as a layer that runs in the kernel of another.
    """
    ids = {item["name"]: f"{letter}{index}"
           for letter, items in (("p", network["parts"]), ("n", network["nodes"]))
           for index, item in enumerate(items)}  # fmt: skip
    return [
        {
            "code": finding.code,
            "rule": finding.name,
            "severity": finding.severity,
            "message": visible(finding.message),
            "at": [ids[name] for name in map(visible, (finding.layer, *finding.others)) if name in ids],
            **filled(help=visible(finding.help), line=finding.line, layer=visible(finding.layer)),
        }
        for finding in of_lint
    ]
