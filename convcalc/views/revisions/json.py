"""Files against a revision as JSON: an array, each as one comparison is, with what became of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc.analysis.lines import By
from convcalc.comparing.revisions import Revised, Status
from convcalc.language.source import Diagnostic
from convcalc.version import __version__
from convcalc.views import json
from convcalc.views.comparison.json import SCHEMA_VERSION, Diff, heads
from convcalc.views.formats import json as formats


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file: base is null where it is new, head where it is deleted, both where it failed."""

    schema_version: int = msgspec.field(default_factory=lambda: SCHEMA_VERSION)
    convcalc_version: str = msgspec.field(default_factory=lambda: __version__)
    spec: str
    revision: str
    status: Status
    base: json.Document | None
    head: json.Document | None
    diff: Diff | None = None
    moved_from: str = ""
    reason: str = ""
    errors: list[Diagnostic] | None = None


def encoded(files: Sequence[Revised], revision: str, by: By) -> bytes:
    """The text of all files, an object where there is one."""
    documents = [_document(file, revision, by) for file in files]
    return formats.encoded(documents[0] if len(documents) == 1 else documents)


def _document(file: Revised, revision: str, by: By) -> Document:
    base = head = diff = None
    if file.sides is not None:
        base = json.document(file.sides.base, file.sides.path, None, None)
        (compared,) = heads(file.sides, by)
        head, diff = compared.head, compared.diff
    elif file.report is not None:
        alone = json.document(file.report, file.path, None, None)
        base, head = (alone, None) if file.status == "deleted" else (None, alone)
    return Document(
        spec=file.path,
        revision=revision,
        status=file.status,
        base=base,
        head=head,
        diff=diff,
        moved_from=file.was,
        reason=file.reason,
        errors=list(file.problems) or None,
    )
