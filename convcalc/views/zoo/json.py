"""The zoo as JSON: stable names, raw integers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc.version import __version__
from convcalc.views.formats import json
from convcalc.views.zoo.records import Entry

SCHEMA_VERSION = 1


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of the list."""

    networks: Sequence[Entry]
    schema_version: int = msgspec.field(default_factory=lambda: SCHEMA_VERSION)
    convcalc_version: str = msgspec.field(default_factory=lambda: __version__)


def encoded(entries: Sequence[Entry]) -> bytes:
    """All networks in one object."""
    return json.encoded(Document(networks=entries))
