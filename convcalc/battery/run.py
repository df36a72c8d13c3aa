"""The battery: every layer kind, every shipped block and some small networks, in generated configurations.

Everything that is claimed of them is measured, and the identities of each must hold. What does not is made smaller,
until it is a spec that a person can read.
"""

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from convcalc.battery.cases import Case, generated, groups
from convcalc.battery.findings import COLUMNS, Checked, Column, Mismatch, checked
from convcalc.battery.identities import identities
from convcalc.battery.shrink import MOST_TRIES, shrunk
from convcalc.language import SpecError, writing
from convcalc.language.suggestions import did_you_mean
from convcalc.layers import load
from convcalc.reference.against import require_packages
from convcalc.reference.execution import failure

CASES = 60
"""Cases of each kind, where no other number is asked for."""


class Counterexample(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest spec found on which something is wrong; `case` counts from 0, `layer` may be empty."""

    case: int
    column: Column
    layer: str
    message: str
    spec: str


class Tally(msgspec.Struct, frozen=True):
    """Cases of which a column had something to check, and those where it was wrong."""

    checked: int
    disagreements: int


class KindResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one kind, block or network. `identities` are the claims that were tried on it."""

    name: str
    group: str
    cases: int
    columns: dict[Column, Tally]
    identities: tuple[str, ...]
    counterexample: Counterexample | None

    @property
    def agrees(self) -> bool:
        """Whether nothing was wrong."""
        return self.counterexample is None


class Battery(msgspec.Struct, frozen=True, kw_only=True):
    """What came of all; the same seed and number of cases yield the same.

    `runtime` is what the values were held against, empty for nothing.
    """

    seed: int
    cases: int
    runtime: str
    results: tuple[KindResult, ...]
    gradients: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """What was looked at."""
        asked: tuple[Column, ...] = ("gradients",) if self.gradients else ()
        return (*COLUMNS, *asked, "values") if self.runtime else (*COLUMNS, *asked)

    @property
    def agrees(self) -> bool:
        """Whether nothing was wrong."""
        return all(result.agrees for result in self.results)


class NoSuchKind(ValueError):
    """There is no kind, block or network of that name."""


Progress = Callable[[str, int, int], None]
"""Called with what is being tried, how many are done and how many there are."""


def battery(
    kinds: Iterable[str] | None = None,
    cases: int = CASES,
    seed: int = 0,
    *,
    against: str | None = None,
    gradients: bool = False,
    most_tries: int = MOST_TRIES,
    progress: Progress | None = None,
) -> Battery:
    """Try kinds, blocks and networks (all of them unless named) in as many cases each.

    `against` is one of `convcalc.reference.verify.RUNTIMES`, which the values are held against too. With
    `gradients` what comes back is held against differences. `most_tries` bounds
    the specs that are tried to make a counter-example smaller.

    Raises:
        NoSuchKind: one that is named is none of them.
        MissingPackage: a package that the runtime takes is not installed.
    """
    if against is not None:
        require_packages()
    trial = Battery(seed=seed, cases=cases, runtime=against or "", results=(), gradients=gradients)
    known = {name: group for group, names in groups().items() for name in names}
    named = list(known) if kinds is None else list(kinds)
    for name in named:
        if name not in known:
            raise NoSuchKind(f"there is no kind, block or network `{name}`; {did_you_mean(name, known)}".rstrip("; "))
    results = []
    for done, name in enumerate(named):
        if progress is not None:
            progress(name, done, len(named))
        results.append(_tried(name, known[name], trial, most_tries))
    return msgspec.structs.replace(trial, results=tuple(results))


def _tried(name: str, group: str, trial: Battery, most_tries: int) -> KindResult:
    seen, wrong = Counter[Column](), Counter[Column]()
    counterexample = None
    for number in range(trial.cases):
        own = zlib.crc32(f"{trial.seed}/{name}/{number}".encode())
        try:
            case = generated(name, random.Random(own))
        except Exception as error:  # the formulas take part in it
            seen["shape"] += 1
            wrong["shape"] += 1
            counterexample = counterexample or _ungenerated(name, number, error)
            continue
        result = _checked(case, own, trial)
        seen.update(result.columns)
        wrong.update({finding.column for finding in result.findings})
        if counterexample is None and result.findings:
            first = min(result.findings, key=lambda finding: trial.columns.index(finding.column))
            counterexample = _smallest(case, number, own, first, trial, most_tries)
    return KindResult(
        name=name,
        group=group,
        cases=trial.cases,
        columns={column: Tally(seen[column], wrong[column]) for column in trial.columns},
        identities=tuple(identity.claim for identity in identities().get(name, ())),
        counterexample=counterexample,
    )


def _ungenerated(name: str, number: int, error: Exception) -> Counterexample:
    message = f"no configuration can be generated: {failure(error)}"
    return Counterexample(
        case=number, column="shape", layer="", message=message, spec=f"# {name}, {LABELS['shape']}: {message}\n"
    )


def _checked(case: Case, seed: int, trial: Battery, only: Column | None = None) -> Checked:
    """What is wrong with a case, were it only that a configuration is not accepted which should be."""
    try:
        network = case.network()
    except SpecError as error:
        problem = f"a configuration that fits is refused: {error.diagnostics[0].message}"
    except Exception as error:  # a formula that fails is one that is wrong
        problem = f"a formula fails: {failure(error)}"
    else:
        runtime = trial.runtime or None
        return checked(network, case.subject, seed, only, against=runtime, gradients=trial.gradients)
    return Checked(frozenset({"shape"}), (Mismatch("shape", "", problem),))


def _smallest(case: Case, number: int, seed: int, first: Mismatch, trial: Battery, most_tries: int) -> Counterexample:
    def same(candidate: Case) -> Mismatch | None:
        findings = _checked(candidate, seed, trial, first.column).findings
        return next((finding for finding in findings if finding.column == first.column), None)

    small = shrunk(case, lambda candidate: same(candidate) is not None, most_tries)
    finding = same(small) or first
    is_layer = len(small.document["layers"]) == 1 and load(case.subject) is not None
    where = f" of {finding.layer}" if finding.layer and not is_layer else ""
    comment = f"{case.subject}, {LABELS[finding.column]}{where}: {finding.message}"
    return Counterexample(
        case=number,
        column=finding.column,
        layer=finding.layer,
        message=finding.message,
        spec=writing.text(small.document, [comment]),
    )


LABELS: dict[Column, str] = {
    "shape": "shape",
    "params": "params",
    "macs": "MACs",
    "elementwise_ops": "element-wise ops",
    "receptive_field": "receptive field",
    "identities": "identities",
    "gradients": "gradients",
    "values": "values",
}
"""What the columns are called for people."""
