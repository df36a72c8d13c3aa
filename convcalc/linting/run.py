"""Running rules over files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from convcalc import rules
from convcalc.linting.records import Crash, Finding, Linted, Run
from convcalc.network import Network
from convcalc.rules import Rule
from convcalc.rules._subject import Problem, Settings, Subject
from convcalc.spec.document import Examined, examine
from convcalc.spec.source import Diagnostic, Source, SpecError, read


def lint(paths: Iterable[str | os.PathLike[str]]) -> Run:
    """What the rules find in specs."""
    chosen = [rule for code in rules.codes() if (rule := rules.load(code)) is not None and rule.severity != "off"]
    crashed: list[Crash] = []
    files = tuple(_file(path, chosen, crashed) for path in paths)
    failed = any(finding.severity in {"warning", "error"} for file in files for finding in file.findings)
    return Run(files, {rule.code: rule.severity for rule in chosen}, failed, tuple(crashed))


def _file(path: str | os.PathLike[str], chosen: Sequence[Rule], crashed: list[Crash]) -> Linted:
    try:
        source = read(path)
    except SpecError as error:
        return Linted(error.diagnostics[0].path, tuple(_said(problem) for problem in error.diagnostics))
    return linted(source, chosen, crashed)


def linted(source: Source, chosen: Sequence[Rule], crashed: list[Crash]) -> Linted:
    """What the rules find in a text that is already read."""
    examined = examine(source)
    subject = subject_of(source, examined)
    found = [(rule, problem) for rule in chosen for problem in _problems(rule, subject, crashed)]
    findings = sorted(_folded(subject, found), key=lambda finding: (finding.line, finding.column, finding.code))
    return Linted(source.path, tuple(findings), 0, source, examined.network)


NOTHING = Network("", "", (), 0, (), (), {}, {}, {})


def subject_of(source: Source, examined: Examined, settings: Settings | None = None) -> Subject:
    """What rules look at."""
    network = examined.network or NOTHING
    return Subject(source, network, examined.places, tuple(examined.problems), settings or Settings())


def _problems(rule: Rule, subject: Subject, crashed: list[Crash]) -> list[Problem]:
    found: list[Problem] = []
    subject.at = None
    try:
        found.extend(rule.check(subject))
    except Exception as error:  # noqa: BLE001, RUF100  # whatever a rule does, the others still run
        layer = subject.network.nodes[subject.at].name if subject.at is not None else ""
        what = str(error).partition("\n")[0]
        crashed.append(Crash(rule.code, rule.name, subject.source.path, layer, type(error).__name__, what))
    return found


def _folded(subject: Subject, found: list[tuple[Rule, Problem]]) -> list[Finding]:
    """Each thing once: what holds for several layers that stand at one place is said of the first."""
    groups: dict[tuple[str, int, int], list[tuple[Rule, Problem]]] = {}
    findings = []
    for rule, problem in found:
        if problem.index is None:
            findings.append(_finding(subject, rule, problem, 0))
        else:
            groups.setdefault((rule.code, problem.start, problem.end), []).append((rule, problem))
    for group in groups.values():
        more = len({problem.index for _, problem in group}) - 1
        findings.append(_finding(subject, *group[0], more))
    return findings


def _finding(subject: Subject, rule: Rule, problem: Problem, more: int) -> Finding:
    if problem.diagnostic is not None:
        return _said(problem.diagnostic)
    message = problem.message + (f"; and {more} more layer{'s' if more > 1 else ''} of this block" if more else "")
    found = subject.source.diagnostic(rule.code, problem.start, problem.end, message, problem.help)
    layer = subject.network.nodes[problem.index].name if problem.index is not None else ""
    return _of(
        found, severity=problem.severity or rule.severity, name=rule.name, layer=layer, more=more, fix=problem.fix
    )


def _said(problem: Diagnostic) -> Finding:
    return _of(problem, name=rules.names().get(problem.code, ""))


def _of(diagnostic: Diagnostic, **changes: object) -> Finding:
    fields = {field: getattr(diagnostic, field) for field in diagnostic.__struct_fields__}
    return Finding(**{**fields, **changes})
