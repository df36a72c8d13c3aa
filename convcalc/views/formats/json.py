"""Records as JSON: every text exact, with escapes for what acts or hides."""

from __future__ import annotations

from typing import Any

import msgspec

from convcalc.version import __version__
from convcalc.visible import encodable, in_json

_SCHEMA_VERSION = 1


Record = dict[str, Any]
HEAD: Record = {"schema_version": _SCHEMA_VERSION, "convcalc_version": __version__}
"""How the JSON of a command begins."""


def filled(**fields: Any) -> Record:
    """The fields that a record has only where there is something in them."""
    return {name: value for name, value in fields.items() if value not in (None, "", (), False)}


def encoded(document: Any) -> bytes:
    """A record, or several in a list, indented; what JSON has no form for, as a stride of 1/2, is a text."""
    try:
        compact = msgspec.json.encode(document, enc_hook=str)
    except UnicodeEncodeError:  # half a surrogate pair, which no file can hold
        compact = msgspec.json.encode(_encodable(msgspec.to_builtins(document, enc_hook=str)))
    indented = msgspec.json.format(compact, indent=1)
    return in_json(indented.decode()).encode()


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list | tuple) else value
