"""Findings as SARIF 2.1.0, with what GitHub code scanning reads of it.

Each finding is marked within one line: GitHub annotates a pull request only where all lines of a region are in the
diff. Fingerprints hold code, file and layer, so that a finding stays the same when lines above it come or go.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import Any
from urllib.parse import quote

from convcalc import rules
from convcalc.linting.records import Finding, Linted, Run
from convcalc.version import __version__
from convcalc.views.lint import shared
from convcalc.views.output import Output
from convcalc.visible import short, visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note", "off": "none"}
_IMPORTANCE = {"error": "error", "warning": "warning", "info": "recommendation"}
LONGEST = 1024
"""Characters of a description that GitHub takes."""
_TAGS = {"0": "spec", "1": "shapes", "2": "geometry", "3": "structure", "4": "device", "5": "budget", "9": "lint"}
"""What a rule is about, by the first digit of its code."""

_Object = dict[str, Any]


def write(run: Run, out: Output) -> None:
    """The log of one run."""
    findings = [(file, finding) for file in run.files for finding in file.findings]
    severities = {**{finding.code: "warning" for _, finding in findings}, **run.severities}
    places = {code: place for place, code in enumerate(sorted(severities))}
    driver = {
        "name": "convcalc",
        "semanticVersion": __version__,
        "rules": [_rule(code, severities[code]) for code in places],
    }
    alike: Counter[str] = Counter()
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "automationDetails": {"id": "convcalc/"},
                "invocations": [_invocation(run)],
                "results": [_result(file, finding, places[finding.code], alike) for file, finding in findings],
            }
        ],
    }
    out.record(log)


def _invocation(run: Run) -> _Object:
    notes = [{"level": "error", "message": {"text": _message(crash.sentence)}} for crash in run.crashed]
    return {"executionSuccessful": not notes, **({"toolExecutionNotifications": notes} if notes else {})}


def _rule(code: str, severity: str) -> _Object:
    rule = rules.load(code)
    page = rule.page if rule is not None else ""
    title, _, rest = page.partition("\n")
    paragraph = " ".join(rest.strip().partition("\n\n")[0].split())
    return {
        "id": code,
        **({"name": rule.name} if rule is not None else {}),
        "shortDescription": {"text": _described(title) or code},
        "fullDescription": {"text": _described(paragraph) or _described(title) or code},
        "help": {"text": page or code, "markdown": _as_markdown(page) or code},
        "defaultConfiguration": {"level": LEVELS.get(severity, "warning")},
        "properties": {
            "precision": "very-high",
            "problem.severity": _IMPORTANCE.get(severity, "recommendation"),
            "tags": [_TAGS.get(code[2:3], "lint")],
        },
    }


def _described(text: str) -> str:
    return short(text, LONGEST)


def _as_markdown(page: str) -> str:
    """A page of the manual with its examples fenced."""
    fenced = re.sub(
        r"((?:^ {4}.*\n?|^\n(?= {4}))+)", lambda example: f"\n{_fence(example[0])}\n", page, flags=re.MULTILINE
    )
    return re.sub(r"\n{3,}", "\n\n", fenced)


def _fence(example: str) -> str:
    lines = example.rstrip("\n").split("\n")
    return "\n".join(["```yaml", *(line.removeprefix("    ") for line in lines), "```"])


def _message(text: str) -> str:
    """A text in which no viewer takes anything for a placeholder or a link."""
    return re.sub(r"\{(\d+)\}", r"{{\1}}", visible(text)).replace("](", "] (") or "?"


def _fingerprint(finding: Finding, uri: str, alike: Counter[str]) -> str:
    """What a finding is known by; `alike` counts those with the same code, file and layer."""
    identity = "\0".join((finding.code, uri, finding.layer or finding.message))
    digest = hashlib.sha256(identity.encode(errors="replace")).hexdigest()[:16]
    alike[digest] += 1
    return f"{digest}:{alike[digest]}"


def _result(file: Linted, finding: Finding, place: int, alike: Counter[str]) -> _Object:
    uri = quote(shared.from_root(finding.path), safe="/", errors="replace")
    advice = f"\nhelp: {_message(finding.help)}" if finding.help else ""
    region = _region(finding.line or 1, finding.column or 1, finding.line or 1, finding.end_column or 1)
    location: _Object = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
    if finding.layer:
        location["logicalLocations"] = [{"fullyQualifiedName": visible(finding.layer), "kind": "member"}]
    return {
        "ruleId": finding.code,
        "ruleIndex": place,
        "level": LEVELS.get(finding.severity, "note"),
        "message": {"text": _message(finding.message) + advice},
        "locations": [location],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(finding, uri, alike)},
        **_fixes(file, finding, uri),
    }


def _fixes(file: Linted, finding: Finding, uri: str) -> _Object:
    if finding.fix is None or file.source is None:
        return {}
    changes = [
        {
            "deletedRegion": _region(change.line, change.column, change.end_line, change.end_column),
            "insertedContent": {"text": change.text},
        }
        for change in (shared.change(file.source, edit) for edit in finding.fix.edits)
    ]
    artifact = {"artifactLocation": {"uri": uri}, "replacements": changes}
    return {"fixes": [{"description": {"text": _message(finding.fix.title)}, "artifactChanges": [artifact]}]}


def _region(line: int, column: int, end_line: int, end_column: int) -> _Object:
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
