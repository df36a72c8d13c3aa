"""Findings that were there when a team began: they are not reported, and are not to become more.

Mistakes that keep a spec from being worked out are no such findings: they are reported whatever a baseline holds.

A JSON file of entries keyed by code, file and layer with a count, and not by line, so that edits elsewhere in a spec
change nothing. Files are relative to the folder of the baseline.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from convcalc import files, steps
from convcalc.fields import LARGEST
from convcalc.language.source import SpecError, read
from convcalc.linting.options import UsageError
from convcalc.visible import encodable, in_json

VERSION = 1
CHARACTERS_IN_STEP = 20
"""Of a file that is read."""
Key = tuple[str, str, str]
"""Code, file and layer."""


class Baseline:
    """The findings that a baseline file accepts."""

    def __init__(self, path: str, counts: Mapping[Key, int]) -> None:
        self.path = path
        self.folder = os.path.dirname(os.path.abspath(path))
        self.counts = counts

    def count(self, key: Key) -> int:
        """How many findings are known, of a file whose path is relative to the current folder."""
        code, path, layer = key
        return self.counts.get((code, relative(path, self.folder), layer), 0)

    def stale(self, codes: Iterable[str], path: str, seen: Mapping[Key, int]) -> list[tuple[Key, int]]:
        """The entries of a file, of the rules that ran, for which fewer were seen, with how many fewer."""
        ran, file = set(codes), relative(path, self.folder)
        own = [key for key in self.counts if key[0] in ran and key[1] == file]
        fewer = ((key, self.counts[key] - seen.get((key[0], path, key[2]), 0)) for key in own)
        return [(key, count) for key, count in fewer if count > 0]


def relative(path: str, folder: str) -> str:
    """A path as it is kept: from the baseline's folder, with slashes."""
    return path if path == "<stdin>" else os.path.relpath(os.path.abspath(path), folder).replace(os.sep, "/")


def read_baseline(path: str) -> Baseline:
    """The baseline in a file.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    import json

    try:
        text = read(path).text
        steps.spend(len(text) // CHARACTERS_IN_STEP)
        document = json.loads(text)
    except (SpecError, ValueError, RecursionError, steps.OutOfSteps) as error:
        reason = error.problems[0].message if isinstance(error, SpecError) else f"cannot be read: {error}"
        raise UsageError(f"baseline {path} {reason}") from None
    try:
        return Baseline(path, _counts(document, path))
    except (KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(
            f'baseline {path}: expected {{"version": {VERSION}, "findings": [...]}} with code, path, layer '
            "and count; write it again with --write-baseline FILE --force"
        ) from None


def _counts(document: Any, path: str) -> Counter[Key]:
    """The findings that a baseline's document holds; any of several errors where it is none."""
    counts: Counter[Key] = Counter()
    version = document["version"]
    if type(version) is not int or version != VERSION:
        raise UsageError(f"baseline {path}: expected version {VERSION}, found {str(version)[:20]}")
    for entry in document["findings"]:
        counts[_text(entry["code"]), _text(entry["path"]), _text(entry["layer"])] += _count(entry.get("count", 1))
    return counts


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return encodable(value)  # JSON can hold halves of characters


def _count(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= LARGEST:
        raise TypeError
    return value


def write_baseline(path: str, findings: Mapping[Key, int], *, force: bool = False) -> Baseline:
    """Write a baseline of findings whose files are relative to the current folder.

    Raises:
        Unwritable: the file is there and `force` is not set, or it cannot be written.
    """
    import json

    folder = os.path.dirname(os.path.abspath(path))
    counts = {(code, relative(file, folder), layer): count for (code, file, layer), count in findings.items()}
    entries = [
        {"code": code, "path": file, "layer": layer, "count": counts[code, file, layer]}
        for code, file, layer in sorted(counts, key=lambda key: (key[1], key[0], key[2]))
    ]
    lines = ",\n".join(f"  {in_json(json.dumps(entry, ensure_ascii=False))}" for entry in entries)
    text = f'{{"version": {VERSION}, "findings": [{f"{chr(10)}{lines}{chr(10)}" if lines else ""}]}}\n'
    data = text.encode(errors="backslashreplace")
    if _counts(json.loads(data), path) != {tuple(map(encodable, key)): count for key, count in counts.items()}:
        raise files.Unwritable(f"cannot write {path}: the findings would not be read again as they are")
    files.write(path, [data], force=force)
    return Baseline(path, counts)
