"""Running rules over files: reading, rules, what is suppressed, the baseline, each finding once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import msgspec

from convcalc import rules, steps
from convcalc.analysis.report import Report
from convcalc.language.document import Reading, examine
from convcalc.language.named import file_of
from convcalc.language.source import Diagnostic, Source, SpecError, unfinished
from convcalc.layers import Shape
from convcalc.linting.baseline import Baseline, Key, read_baseline, write_baseline
from convcalc.linting.configuration import Configuration, Finder
from convcalc.linting.options import Options, growths
from convcalc.linting.records import Crash, Finding, Linted, Run
from convcalc.linting.selection import selected
from convcalc.network import Network
from convcalc.opening import read
from convcalc.rules._subject import Problem, RuleSettings, Subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from convcalc.language.tree import Span
    from convcalc.linting.regions import Around, Region
    from convcalc.linting.suppressions import Suppression, Word

LAST = ("CC901", "CC902", "CC903")
"""Rules about the other rules' findings."""
_FINDING_STEPS = 40
_ADVICE_STEPS = 60
"""Of a word that stands for no rule."""
"""Steps that a finding takes until it is shown."""


def lint(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    select: Iterable[str] | None = None,
    ignore: Iterable[str] = (),
    device: str | None = None,
    dtype: str | None = None,
    fused: bool | None = None,
    batch: int | None = None,
    object_size: int | None = None,
    fail_level: str | None = None,
    config: str | None = None,
    baseline: str | None = None,
    base: str | None = None,
    max_regression: Iterable[str] = (),
    inputs: Mapping[str, Shape] | None = None,
    variables: Mapping[str, object] | None = None,
    strict: bool = False,
    scale: str = "",
    blocks: str = "",
) -> Run:
    """What the rules find in specs.

    Rules are named by code, name or prefix (`CC206`, `dead-taps`, `CC2`). What is not given is as configured in the
    `convcalc.toml` or `pyproject.toml` nearest to each file; `config` names one for all of them. `max_regression` holds
    texts such as `macs=5%`, against `base`, a revision of git or a spec. `device`, `dtype`, `fused` and `batch` are how
    the network is deployed, as for `convcalc.analyze`.

    Raises:
        ValueError: an argument that means nothing.
        SpecError: the configuration has mistakes.
    """
    options = Options(
        select=None if select is None else tuple(select),
        ignore=tuple(ignore),
        device=device,
        dtype=dtype,
        fused=fused,
        batch=batch,
        object_size=object_size,
        fail_level=fail_level,
        config=config,
        baseline=baseline,
        base=base,
        growth=growths(max_regression),
        inputs=inputs,
        variables=variables,
        strict=strict,
        scale=scale,
        blocks=blocks,
    )
    return Linter(options).run(each_once([paths] if isinstance(paths, str | os.PathLike) else paths))


def each_once(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """The files as they are first named: patterns that overlap name some of them twice."""
    by_place: dict[str, str] = {}
    for named in paths:
        path = os.fspath(named)
        by_place.setdefault(path if path == "-" else os.path.abspath(path), path)
    return list(by_place.values())


class Linter:
    """Lints files one by one, and keeps what concerns all of them."""

    def __init__(self, options: Options) -> None:
        options.check()
        self.options = options
        self.finder = Finder(options.config)
        self.baseline: Baseline | None = read_baseline(options.baseline) if options.baseline is not None else None
        self.crashed: dict[str, list[Crash]] = {}
        self.severities: dict[str, str] = {}
        self.seen: dict[str, Counter[Key]] = {}
        self.mistakes: dict[str, Counter[Key]] = {}
        self.files = 1

    def run(self, paths: Sequence[str | os.PathLike[str]]) -> Run:
        """Lint all files.

        Raises:
            SpecError: the configuration has mistakes.
            UsageError: an option means nothing for these files.
        """
        self.files = len(paths)
        return self.finished([self._alone(os.fspath(path)) for path in paths])

    def _alone(self, path: str) -> Linted:
        """One of several files, each of which may take all the steps of a run."""
        with steps.afresh():
            return self.file(path)

    def file(self, path: str, source: Source | None = None) -> Linted:
        """Lint one file, with another text than its own where one is given. Done again, it counts once.

        Raises:
            SpecError, UsageError: as in `run`.
        """
        named, path = path, file_of(path)
        configuration = self.finder.of(path)
        severities = selected(self.options, configuration, path)
        self.severities = severities | self.severities
        try:
            source = source or read(named, self.options.inputs, self.options.variables, **self.options.how)
            return self._examined(path, source, severities, configuration)
        except (SpecError, steps.OutOfSteps) as error:
            diagnostics = error.diagnostics if isinstance(error, SpecError) else [unfinished(path)]
            with steps.afresh():  # those of the file may be gone
                nothing = examine(Source(diagnostics[0].path, ""))
                file = _File(self, nothing.source, severities, configuration, nothing, RuleSettings(), diagnostics)
                return msgspec.structs.replace(file.linted(), source=None, network=None)

    def _examined(self, path: str, source: Source, severities: dict[str, str], configuration: Configuration) -> Linted:
        """The findings of a text that could be read."""
        examined = examine(source, inputs=self.options.inputs, variables=self.options.variables)
        diagnostics = examined.diagnostics
        base: Report | str = ""
        if self.options.base is not None:  # only who asks for it pays for it
            from convcalc.linting.base import base_of

            base = base_of(self.options, path, self.files)
        settings = self._settings(configuration, path, base if isinstance(base, Report) else None)
        file = _File(self, source, severities, configuration, examined, settings, diagnostics)
        if isinstance(base, str) and base:
            start, end = examined.places.top("layers")
            message = f"growth cannot be told, because the base has mistakes: {base}"
            file.subject.noticed["CC505"] = [Problem(None, start, end, message, severity="info")]
        if file.subject.device_problem is not None:
            file.subject.noticed["CC013"] = [file.subject.device_problem]
        return file.linted()

    def _settings(self, configuration: Configuration, path: str, base: Report | None) -> RuleSettings:
        options = self.options
        return RuleSettings(
            asked=options.deployed,
            configured=configuration.how,
            object_size=configuration.object_size if options.object_size is None else options.object_size,
            budgets=configuration.budgets_of(path) if configuration.budgets else {},
            configuration=configuration.path,
            base=base,
            base_name=str(options.base),
            growth=options.growth,
        )

    def finished(self, files: Sequence[Linted]) -> Run:
        """The result for all files: their findings, stale entries of the baseline, whether the run failed."""
        files = [*files, *self._stale(files)]
        failed = any(self._fails(file) for file in files)
        crashed = tuple(crash for crashes in self.crashed.values() for crash in crashes)
        return Run(tuple(files), dict(sorted(self.severities.items())), failed, crashed)

    def _fails(self, file: Linted) -> bool:
        level = self.options.fail_level or self.finder.of(file.path).fail_level
        least = rules.SEVERITIES.index(level)
        return any(rules.SEVERITIES.index(finding.severity) >= least for finding in file.findings)

    def write_baseline(self, path: str, *, force: bool = False) -> int:
        """Keep the findings of all files as a baseline, which is that of this linter from then on.

        Returns how many there are. Mistakes that keep a spec from being worked out are not among them.

        Raises:
            Unwritable: the file is there and `force` is not set, or it cannot be written.
        """
        kept: Counter[Key] = Counter()
        for file, seen in self.seen.items():
            kept += seen - self.mistakes[file]
        self.baseline = write_baseline(path, kept, force=force)
        return sum(kept.values())

    def _stale(self, files: Sequence[Linted]) -> list[Linted]:
        """The baseline as a file of its own, where it knows more than there is."""
        severity = self.severities.get("CC903")
        if self.baseline is None or severity is None:
            return []
        findings = []
        for path in dict.fromkeys(file.path for file in files):
            seen = self.seen.get(path, Counter())
            for (code, file, layer), count in self.baseline.stale(self.severities, path, seen):
                where = f"layer {layer} of {file}" if layer else file
                what, are = ("findings", "are") if count > 1 else ("finding", "is")
                message = f"{count} {what} of {code} in {where} {are} no more"
                advice = "write it again with --write-baseline FILE --force"
                diagnostic = Diagnostic(self.baseline.path, 0, 0, 0, "CC903", message, advice)
                findings.append(_finding(diagnostic, severity=severity, name=rules.names()["CC903"]))
        return [Linted(self.baseline.path, tuple(findings))] if findings else []


def subject_of(source: Source, examined: Reading, settings: RuleSettings, problems: Sequence[Diagnostic]) -> Subject:
    """What rules look at: a spec that has been read, and what is wrong with it."""
    network = examined.network or _NOTHING
    return Subject(source, network, examined.places, tuple(problems), settings, tuple(examined.warnings))


_NOTHING = Network("", "", (), 0, (), (), {}, {}, {})


class _Found(msgspec.Struct, frozen=True):
    """A problem of a rule, before it is a finding."""

    code: str
    problem: Problem
    severity: str
    layer: str

    @property
    def is_mistake(self) -> bool:
        """Whether it is an error of the loader: the other rules have not seen all of the network."""
        diagnostic = self.problem.diagnostic
        return diagnostic is not None and diagnostic.severity == "error"


class _File:
    def __init__(
        self,
        linter: Linter,
        source: Source,
        severities: dict[str, str],
        configuration: Configuration,
        examined: Reading,
        settings: RuleSettings,
        diagnostics: Sequence[Diagnostic],
    ) -> None:
        self.linter = linter
        self.source = source
        self.severities = severities
        self.configured = configuration.severity
        self.network, self.places = examined.network, examined.places
        self.subject = subject_of(source, examined, settings, diagnostics)
        self.ran = set(severities)
        self.unfinished: list[str] = []
        self.suppressed = 0

    def linted(self) -> Linted:
        """Run the rules, and leave out what is suppressed or in the baseline."""
        self.linter.crashed[self.source.path] = []
        seen = self.linter.seen[self.source.path] = Counter()
        self.linter.mistakes[self.source.path] = Counter()
        suppressing, malformed = self._suppressions()
        hits = [hit for code in self.severities if code not in LAST for hit in self._of_rule(code)]
        hits += self._about_unfinished()
        steps.spend(len(hits) * _FINDING_STEPS)
        speaking = _by_code(suppressing)
        kept = [hit for hit in hits if not self._is_suppressed(hit, speaking)]
        kept += self._about_suppressions(suppressing, speaking, malformed)
        kept = [hit for hit in kept if not self._is_known(hit, seen)]
        findings = sorted(self._folded(kept), key=lambda hit: (hit.line, hit.column, hit.code))
        return Linted(self.source.path, tuple(findings), self.suppressed, self.source, self.network)

    # ---- rules ----

    def _of_rule(self, code: str) -> list[_Found]:
        rule = rules.load(code)
        assert rule is not None  # noqa: S101  # for the type checker: what is selected is there
        hits: list[_Found] = []
        self.subject.at = None
        try:
            steps.spend(len(self.subject.network.nodes))
            hits.extend(self._found(code, problem) for problem in rule.check(self.subject))
        except steps.OutOfSteps:
            self.ran.discard(code)
            self.unfinished.append(code)
        except Exception as error:  # whatever a rule does, the others still run
            self.ran.discard(code)
            at, what = self.subject.at, str(error).partition("\n")[0]
            layer = self.subject.network.nodes[at].name if at is not None else ""
            self.linter.crashed[self.source.path].append(
                Crash(code, rule.name, self.source.path, layer, type(error).__name__, what)
            )
        return hits

    def _about_unfinished(self) -> Iterator[_Found]:
        """That rules were cut short, which must not look as if there was nothing to find."""
        if self.unfinished:
            diagnostic = unfinished(self.source.path, f"{', '.join(self.unfinished)}:")
            yield self._found("CC008", Problem(None, 0, 0, diagnostic.message, diagnostic.help, diagnostic=diagnostic))

    def _found(self, code: str, problem: Problem) -> _Found:
        configured = self.configured.get(code)
        severity = problem.severity or (problem.diagnostic.severity if problem.diagnostic is not None else "")
        return _Found(code, problem, configured or severity or self.severities[code], self._layer(problem))

    def _layer(self, problem: Problem) -> str:
        """The full name of the layer that a problem is about, as far as it can be told."""
        if problem.layer or problem.index is not None:
            return problem.layer or self.subject.network.nodes[problem.index or 0].name
        if problem.diagnostic is None:
            return ""
        places = self._positions(problem)
        around = self._around.innermost(places[0]) if places else None
        return around.name if around is not None else ""

    @cached_property
    def _around(self) -> Around:
        from convcalc.linting.regions import Around

        return Around(self.regions)

    @cached_property
    def regions(self) -> list[Region]:
        """The layers as the text has them, with what each suppresses."""
        from convcalc.linting.regions import regions

        return regions(self.places.outline)

    # ---- what is not reported ----

    def _suppressions(self) -> tuple[list[Suppression], list[Span]]:
        if "convcalc:" not in self.source.text and "ignore" not in self.source.text:
            return [], []
        from convcalc.linting.suppressions import suppressions

        return suppressions(self.source, self.regions)

    def _positions(self, problem: Problem) -> list[int]:
        """Where a problem stands: its mark, and every call of a block on the way to it."""
        if problem.diagnostic is not None:
            diagnostic = problem.diagnostic
            if not diagnostic.line or diagnostic.path != self.source.path:
                return []
            return [self.source.line_at(diagnostic.line)[1] + diagnostic.column - 1]
        positions = [problem.start]
        if problem.index is not None:
            calls = self.places.calls(problem.index)
            positions += [call.key.start for call in calls if call.source is self.source]
        return positions

    def _is_suppressed(self, hit: _Found, speaking: Mapping[str, list[Suppression]]) -> bool:
        if suppressing := speaking.get(hit.code):
            steps.spend(len(suppressing))
            places = self._positions(hit.problem)
            taken = [suppression.takes(hit.code, places) for suppression in suppressing]
            if any(taken):  # all were asked, so that each that would is used
                self.suppressed += 1
                return True
        if hit.problem.index is None:
            return False
        shipped = (call for call in self.places.calls(hit.problem.index) if call.source.shipped)
        words = (str(word.value) for call in shipped for word in call.ignored)
        return any(hit.code in rules.chosen(word) for word in words)

    def _is_known(self, hit: _Found, seen: Counter[Key]) -> bool:
        """Whether a finding is in the baseline, which no mistake ever is; `seen` counts them all."""
        key, baseline = (hit.code, self.source.path, hit.layer), self.linter.baseline
        seen[key] += 1
        if hit.is_mistake:
            self.linter.mistakes[self.source.path][key] += 1
            return False
        if baseline is None or seen[key] > baseline.count(key):
            return False
        self.suppressed += 1
        return True

    def _about_suppressions(
        self, suppressing: list[Suppression], speaking: Mapping[str, list[Suppression]], malformed: list[Span]
    ) -> Iterator[_Found]:
        noticed = self.subject.noticed
        words = [(suppression, word) for suppression in suppressing for word in suppression.words]
        unknown = [word for _, word in words if not rules.chosen(word.text)]
        steps.spend(_ADVICE_STEPS * len(unknown))
        noticed["CC902"] = [_unknown(word) for word in unknown]
        noticed["CC902"] += [_malformed(suppression) for suppression in malformed]
        for code in ("CC902", "CC901"):
            if code == "CC901":
                noticed[code] = [_unused(word) for suppression, word in words if self._is_unused(suppression, word)]
            if code in self.severities:
                yield from (hit for hit in self._of_rule(code) if not self._is_suppressed(hit, speaking))

    def _is_unused(self, suppression: Suppression, word: Word) -> bool:
        """Whether nothing was found for a word, though all that it stands for ran, on all there is."""
        codes = set(rules.chosen(word.text)) - set(LAST)
        if word in suppression.used or not codes or not self.subject.complete:
            return False
        if len(codes) > 1:  # of a prefix, what is off by default need not run
            codes = {code for code in codes if (rule := rules.load(code)) is not None and rule.severity != "off"}
        return codes <= self.ran

    # ---- what is reported ----

    def _folded(self, hits: Iterable[_Found]) -> Iterator[Finding]:
        """Each thing once: what holds as much for several layers that stand at one place is said of the first."""
        groups: dict[tuple[str, str, int, int, int | None], list[_Found]] = {}
        for number, hit in enumerate(hits):
            alone = number if hit.problem.index is None else None
            key = hit.code, hit.severity, hit.problem.start, hit.problem.end, alone
            groups.setdefault(key, []).append(hit)
        for group in groups.values():
            yield self._finding(group[0], tuple(dict.fromkeys(hit.layer for hit in group))[1:])

    def _finding(self, hit: _Found, others: tuple[str, ...]) -> Finding:
        problem, name, more = hit.problem, rules.names()[hit.code], len(others)
        diagnostic = problem.diagnostic
        if diagnostic is None:
            layers = f"; and {more} more layer{'s' if more > 1 else ''} of this block" if more else ""
            message = f"{problem.message}{layers}"
            diagnostic = self.source.diagnostic(hit.code, problem.start, problem.end, message, problem.help)
        return _finding(diagnostic, severity=hit.severity, name=name, layer=hit.layer, others=others, fix=problem.fix)


def _by_code(suppressing: list[Suppression]) -> Mapping[str, list[Suppression]]:
    if not suppressing:
        return {}
    from convcalc.linting.suppressions import by_code

    return by_code(suppressing)


def _unknown(word: Word) -> Problem:
    return Problem(None, word.start, word.end, f"there is no rule `{word.text}`", rules.did_you_mean(word.text))


def _malformed(comment: Span) -> Problem:
    message = "a comment to suppress a finding names the rules in brackets"
    return Problem(None, *comment, message, "write # convcalc: ignore[CC206] and the reason")


def _unused(word: Word) -> Problem:
    message = f"`{word.text}` suppresses nothing: there is no such finding here"
    return Problem(None, word.start, word.end, message, "remove it")


def _finding(diagnostic: Diagnostic, **changes: object) -> Finding:
    fields = {field: getattr(diagnostic, field) for field in Diagnostic.__struct_fields__}
    return Finding(**{**fields, **changes})
