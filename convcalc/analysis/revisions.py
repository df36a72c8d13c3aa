"""Files against themselves as they were at a revision of git."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, Unpack

import msgspec

from convcalc import steps
from convcalc.analysis.analyze import analyze
from convcalc.analysis.compare import Incomparable, UnlikeTerms, compare
from convcalc.analysis.report import Report
from convcalc.analysis.sides import Candidate, Load, Sides
from convcalc.analysis.terms import HowRun
from convcalc.language import Diagnostic, Source, SpecError
from convcalc.language.named import file_of, readable
from convcalc.language.revision import NoRevision, NotThere, renamed_from
from convcalc.language.source import unfinished
from convcalc.network import Network

ON_ONE_TERMS = "a spec's `deploy` says so, and --fused, --no-fused, --batch, --dtype and --device hold for both"
"""What to do about two networks that are deployed on unlike terms."""

Status = Literal["changed", "unchanged", "added", "deleted", "failed"]


class Revised(msgspec.Struct, frozen=True):
    """What became of one file since a revision.

    `sides` where it was there and is: with one candidate. `report` where it is or was there alone. `was` is what it was
    called, where it was moved. A file that failed has a `reason`, and the `problems` of its text on either side.
    """

    path: str
    status: Status
    sides: Sides | None = None
    report: Report | None = None
    was: str = ""
    reason: str = ""
    problems: tuple[Diagnostic, ...] = ()


class Opener(msgspec.Struct, frozen=True):
    """How a file is opened: `load` as it is now; `read_at`, of a revision and a file, and `network_of` as it was."""

    load: Load
    read_at: Callable[[str, str], Source]
    network_of: Callable[[Source], Network]


def since(
    revision: str,
    files: Sequence[str],
    opener: Opener,
    *,
    allow_input_change: bool = False,
    **how: Unpack[HowRun],
) -> list[Revised]:
    """Each file against itself at a revision; a mistake in one does not keep the others from being compared.

    Raises:
        SpecError: there is no such revision.
    """
    report = partial(analyze, **how)
    revised = []
    for file in files:
        with steps.afresh():
            revised.append(_revised(revision, file, opener, report, allow_input_change=allow_input_change))
    moved = {os.path.normpath(file.was) for file in revised if file.was}
    return [file for file in revised if file.status != "deleted" or os.path.normpath(file.path) not in moved]


def _revised(
    revision: str, file: str, opener: Opener, report: Callable[[Network], Report], *, allow_input_change: bool
) -> Revised:
    path = readable(file)
    try:
        base, was = _base(revision, file, opener)
        if base is not None and not was and not os.path.exists(file_of(file)):
            return Revised(path, "deleted", report=report(opener.network_of(base)))
        head = report(opener.load(file))
        if base is None:
            return Revised(path, "added", report=head)
        before = report(opener.network_of(base))
        comparison = compare(before, head, allow_input_change=allow_input_change)
    except NoRevision:
        raise
    except steps.OutOfSteps:
        problem = unfinished(path)
        return Revised(path, "failed", reason=problem.message, problems=(problem,))
    except SpecError as error:
        problems = tuple(error.diagnostics)
        return Revised(path, "failed", reason=problems[0].message, problems=problems)
    except UnlikeTerms as error:
        return Revised(path, "failed", reason=f"{error}; {ON_ONE_TERMS}")
    except Incomparable as error:
        return Revised(path, "failed", reason=f"{error}; --allow-input-change compares them all the same")
    label = f"{readable(revision)}:{was or path}"
    sides = Sides(before, label, label, (Candidate(path, comparison),), variants=False)
    is_same = not comparison.changes and before.totals == head.totals and len(set(comparison.outputs)) == 1
    return Revised(path, "unchanged" if is_same and not was else "changed", sides, was=was)


def _base(revision: str, file: str, opener: Opener) -> tuple[Source | None, str]:
    """The text of a file at the revision, None where it is new, and what it was called there if otherwise.

    Raises:
        SpecError: it is there neither now nor then, or cannot be read.
    """
    try:
        return opener.read_at(revision, file), ""
    except NotThere:
        path = file_of(file)
        if not os.path.exists(path):
            raise
        was = renamed_from(revision, path)
        suffix = file[len(path) :]
        return (opener.read_at(revision, f"{was}{suffix}"), f"{readable(was)}{suffix}") if was else (None, "")
