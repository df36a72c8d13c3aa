"""Findings that were there when a team began: they are not reported, and are not to become more.

Mistakes that keep a spec from being worked out are no such findings: they are reported whatever a baseline holds.

A JSON file of entries keyed by code, file and layer with a count, and not by line, so that edits elsewhere in a spec
change nothing. Files are relative to the folder of the baseline.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from convcalc import files
from convcalc.linting.options import UsageError
from convcalc.visible import in_json

VERSION = 1
Key = tuple[str, str, str]
"""Code, file and layer."""


class Baseline:
    """The entries of one file."""

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
        found = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"baseline {path} cannot be read: {reason}") from None
    counts: Counter[Key] = Counter()
    try:
        if found["version"] != VERSION:
            raise UsageError(f"baseline {path}: expected version {VERSION}, found {found['version']!r}")
        for entry in found["findings"]:
            count = entry.get("count", 1)
            if not isinstance(count, int):
                raise TypeError
            counts[str(entry["code"]), str(entry["path"]), str(entry["layer"])] += count
    except (KeyError, TypeError, AttributeError):
        raise UsageError(
            f'baseline {path}: expected {{"version": {VERSION}, "findings": [...]}} with code, path, layer and count; '
            "write it again with --write-baseline FILE --force"
        ) from None
    return Baseline(path, counts)


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
    files.write(path, [text.encode(errors="backslashreplace")], force=force)
    return Baseline(path, counts)
