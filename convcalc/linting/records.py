"""What linting returns."""

from __future__ import annotations

import msgspec

from convcalc.network import Network
from convcalc.rules._subject import Fix
from convcalc.spec.source import Diagnostic, Source


class Finding(Diagnostic, frozen=True, kw_only=True):
    """A diagnostic of a rule: with the rule's name, the layer it is about, and what would mend it.

    `layer` is the full name of the first layer, empty where it is about the whole spec; `more` is how many further
    layers of the same written one it holds for.
    """

    name: str = ""
    layer: str = ""
    more: int = 0
    fix: Fix | None = None


class Linted(msgspec.Struct, frozen=True):
    """One file: what was found, in the order of the text, and how many findings are suppressed.

    `network` is None where nothing could be worked out, `source` where the file cannot be read.
    """

    path: str
    findings: tuple[Finding, ...]
    suppressed: int = 0
    source: Source | None = None
    network: Network | None = None


class Run(msgspec.Struct, frozen=True):
    """All files, and the codes of the rules that ran on any.

    `failed` says whether there is a finding at or above the level that fails; `crashed` are rules that raised, as
    sentences.
    """

    files: tuple[Linted, ...]
    codes: tuple[str, ...]
    failed: bool
    crashed: tuple[str, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """Those of all files."""
        return [finding for file in self.files for finding in file.findings]
