"""The battery: every layer kind, every shipped block and some small networks, in generated configurations.

Everything that is claimed of them is measured, and the identities of each must hold. What does not is made smaller,
until it is a spec that a person can read.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterable

import msgspec

from convcalc.network import Network
from convcalc.reference.cases import Case, generated, groups
from convcalc.reference.findings import COLUMNS, Checked, Column, Finding, checked
from convcalc.reference.identities import identities
from convcalc.reference.shrink import MOST_TRIES, shrunk
from convcalc.spec import SpecError, writing
from convcalc.spec.suggestions import did_you_mean

CASES = 40
"""Cases of a kind, unless told."""


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
    """What came of all; the same seed and number of cases yield the same."""

    seed: int
    cases: int
    results: tuple[KindResult, ...]

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
    most_tries: int = MOST_TRIES,
    progress: Progress | None = None,
) -> Battery:
    """Try kinds, blocks and networks (all of them unless named) in as many cases each.

    `most_tries` bounds the specs that are tried to make a counter-example smaller.

    Raises:
        NoSuchKind: one that is named is none of them.
    """
    known = {name: group for group, names in groups().items() for name in names}
    named = list(known) if kinds is None else list(kinds)
    for name in named:
        if name not in known:
            raise NoSuchKind(f"there is no kind, block or network `{name}`; {did_you_mean(name, known)}".rstrip("; "))
    results = []
    for done, name in enumerate(named):
        if progress is not None:
            progress(name, done, len(named))
        results.append(_tried(name, known[name], cases, seed, most_tries))
    return Battery(seed=seed, cases=cases, results=tuple(results))


def _tried(name: str, group: str, cases: int, seed: int, most_tries: int) -> KindResult:
    seen = dict.fromkeys(COLUMNS, 0)
    wrong = dict.fromkeys(COLUMNS, 0)
    counterexample = None
    for number in range(cases):
        own = zlib.crc32(f"{seed}/{name}/{number}".encode())
        case = generated(name, random.Random(own))
        found = _checked(case, own)
        for column in found.columns:
            seen[column] += 1
        for column in {finding.column for finding in found.findings}:
            wrong[column] += 1
        if counterexample is None and found.findings:
            counterexample = _smallest(case, number, own, found.findings, most_tries)
    return KindResult(
        name=name,
        group=group,
        cases=cases,
        columns={column: Tally(seen[column], wrong[column]) for column in COLUMNS},
        identities=tuple(identity.claim for identity in identities().get(name, ())),
        counterexample=counterexample,
    )


def _checked(case: Case, seed: int, only: Column | None = None) -> Checked:
    network = _network(case)
    if isinstance(network, str):
        return Checked(frozenset({"shape"}), (Finding("shape", "", network),))
    return checked(network, case.subject, seed, only)


def _network(case: Case) -> Network | str:
    """The network, or why a configuration that should be accepted is not."""
    try:
        return case.network()
    except SpecError as error:
        return f"a configuration that fits is refused: {error.diagnostics[0].message}"
    except Exception as error:  # a formula that fails is one that is wrong
        return f"a formula fails: {type(error).__name__}: {error}"


def _smallest(case: Case, number: int, seed: int, findings: tuple[Finding, ...], most_tries: int) -> Counterexample:
    first = min(findings, key=lambda finding: COLUMNS.index(finding.column))

    def same(candidate: Case) -> Finding | None:
        found = _checked(candidate, seed, first.column).findings
        return next((finding for finding in found if finding.column == first.column), None)

    small = shrunk(case, lambda candidate: same(candidate) is not None, most_tries)
    finding = same(small) or first
    comments = [f"{case.subject}, {LABELS[finding.column]}", finding.message]
    return Counterexample(
        case=number,
        column=finding.column,
        layer=finding.layer,
        message=finding.message,
        spec=writing.text(small.document, comments),
    )


LABELS: dict[Column, str] = {
    "shape": "shape",
    "params": "params",
    "macs": "MACs",
    "receptive_field": "receptive field",
    "identities": "identities",
}
"""What the columns are called for people."""
