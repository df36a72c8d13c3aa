"""Records as JSON: every text exact, with escapes for what acts or hides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
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
    return in_json(msgspec.json.format(_compact(document), indent=1).decode()).encode()


def streamed(head: Record, field: str, rows: Iterable[Any]) -> Iterator[bytes]:
    """A record whose last field is a list, an item a line, in parts: of a million, a thousand are in memory."""
    yield encoded(head).removesuffix(b"\n}") + b",\n " + encoded(field) + b": ["
    separator, lines = "\n  ", iter(rows)
    while part := list(islice(lines, 1_000)):
        yield (separator + ",\n  ".join(in_json(_compact(row).decode()) for row in part)).encode()
        separator = ",\n  "
    yield b"\n ]\n}\n"


def _compact(document: Any) -> bytes:
    try:
        return msgspec.json.encode(document, enc_hook=str)
    except UnicodeEncodeError:  # half a surrogate pair, which no file can hold
        return msgspec.json.encode(_encodable(msgspec.to_builtins(document, enc_hook=str)))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list | tuple) else value


LARGEST_OF_SCRIPTS = 2**53 - 1
"""The largest number that a script reads exactly."""
_OF_MARKUP = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def embedded(document: Any) -> str:
    """A record for the scripts of a page, in which nothing is markup; numbers too large for them are texts."""
    return msgspec.json.encode(readable(document)).decode().translate(_OF_MARKUP)


def readable(document: Any) -> Any:
    """A record of dictionaries, lists, texts and numbers for scripts, where those too large for them are texts."""
    return _encodable(_readable(msgspec.to_builtins(document, enc_hook=str)))


def _readable(value: Any) -> Any:
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_OF_SCRIPTS else str(value)
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, list | tuple) else value
