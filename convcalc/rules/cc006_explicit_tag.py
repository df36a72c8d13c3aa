"""A YAML tag.

`!!str`, `!!python/object` and the like: types follow from the fields, and a tag can make an unwary reader run code.

False positives: none.

Source: YAML 1.2; PyYAML's documentation on loading untrusted input.

Flagged:
    input: [3, 32, 32]
    layers: [!!str relu] # <- CC006

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._subject import Problem, Subject

SEVERITY = "error"


def check(subject: Subject) -> Iterator[Problem]:
    """What the loader has found."""
    return subject.spec_findings("CC006")
