"""What linting returns."""

from __future__ import annotations

import msgspec

from convcalc.language.source import Diagnostic, Source
from convcalc.network import Network
from convcalc.presenting import Presented, Printed
from convcalc.rules._subject import Fix


class Finding(Diagnostic, frozen=True, kw_only=True):
    """A diagnostic of a rule: with the rule's name, the layer it is about, and what would mend it.

    `layer` is the full name of the first layer, empty where it is about the whole spec; `others` are the further
    layers of the same written one that it holds for.
    """

    name: str = ""
    layer: str = ""
    others: tuple[str, ...] = ()
    fix: Fix | None = None

    @property
    def more(self) -> int:
        """How many layers it holds for beside the first."""
        return len(self.others)


class Linted(Printed, msgspec.Struct, frozen=True):
    """One file: what was found, in the order of the text, and how many findings are suppressed.

    `network` is None where nothing could be worked out, `source` where the file cannot be read.
    """

    path: str
    findings: tuple[Finding, ...]
    suppressed: int = 0
    source: Source | None = None
    network: Network | None = None


class Crash(msgspec.Struct, frozen=True):
    """A rule that raised: on which file, at which layer (empty where it is not known), and what."""

    code: str
    name: str
    path: str
    layer: str
    error: str
    message: str

    @property
    def sentence(self) -> str:
        """The crash in a sentence, as the command reports it."""
        layer = f", layer {self.layer}" if self.layer else ""
        detail = f": {self.message}" if self.message else ""
        return f"internal error in rule {self.code} ({self.name}) on {self.path}{layer}: {self.error}{detail}"


class Run(Presented, msgspec.Struct, frozen=True):
    """All files. `severities` are those of the rules that ran on any, by code, sorted.

    `failed` says whether there is a finding at or above the level that fails; `crashed` are the rules that raised.
    """

    files: tuple[Linted, ...]
    severities: dict[str, str]
    failed: bool
    crashed: tuple[Crash, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        return [finding for file in self.files for finding in file.findings]
