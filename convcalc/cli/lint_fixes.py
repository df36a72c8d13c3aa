"""`convcalc lint --fix` and `--diff`."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcalc.cli.options import console
from convcalc.cli.output import say, to_stdout

if TYPE_CHECKING:
    from convcalc.linting.fix import Fixed
    from convcalc.linting.records import Finding, Linted, Run
    from convcalc.linting.run import Linter


def fixes(linter: Linter, paths: Sequence[str], run: Run) -> dict[str, Fixed]:
    """What the fixes make of each file, by the path as it was given; a file that is named twice is there once."""
    from convcalc.language.source import Source
    from convcalc.linting.fix import fixed

    found: dict[str, Fixed] = {}
    targets = set()
    for path, linted in zip(paths, run.files, strict=False):
        if _target(path) in targets:
            continue
        targets.add(_target(path))

        def again(source: Source, path: str = path) -> Linted:
            return linter.file(path, source)

        mended = fixed(linted, again)
        if mended is not None:
            found[path] = mended
    return found


def show(found: dict[str, Fixed]) -> bool:
    """Print what would change, and nothing else; whether anything would."""
    from convcalc.views.lint import diff

    changed = [fixed for fixed in found.values() if fixed.mended]
    for fixed in changed:
        if sys.stdout.isatty():
            diff.show(console(), fixed.before, fixed.after)
        else:
            to_stdout([_logged(diff.text(fixed.before, fixed.after)).encode()])
    _say("would fix", found)
    return bool(changed)


def _logged(difference: str) -> str:
    """A difference as it is printed: where GitHub Actions reads what is printed, it takes no line for a command.

    A line of a spec that starts with ``::`` stands behind a blank, which its runner leaves out; what `patch` reads may
    not be changed, but may stand between lines that it passes over.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return difference
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{difference}::{token}::\n"


def mended(linter: Linter, paths: Sequence[str], run: Run) -> tuple[Run, list[str]]:
    """Make fixes; the run over what is left, and what could not be written, as sentences."""
    found = fixes(linter, paths, run)
    problems = _write(found)
    targets = {_target(path): fixed.linted for path, fixed in found.items()}
    files = [targets.get(_target(path), linted) for path, linted in zip(paths, run.files, strict=False)]
    return linter.finished(files), problems


def _target(path: str) -> str:
    return path if path == "-" else os.path.realpath(path)


def _write(found: dict[str, Fixed]) -> list[str]:
    """Write what is fixed, that from standard input to standard output; returns what cannot be written, as sentences.

    What could not be written is not fixed, and taken out of `found`.
    """
    from convcalc.files import Unwritable
    from convcalc.linting.fix import write as replace

    problems = []
    for path, fixed in list(found.items()):
        try:
            if path == "-":
                to_stdout([fixed.after.text.encode()])
            elif fixed.mended:
                replace(path, fixed.before, fixed.after)
        except Unwritable as error:
            problems.append(str(error))
            del found[path]
    _say("fixed", found)
    return problems


def _say(what: str, found: dict[str, Fixed]) -> None:
    from convcalc.views.lint.common import counted, place

    numbers = [len(fixed.mended) for fixed in found.values() if fixed.mended]
    if numbers:
        say(f"{what} {counted(sum(numbers), 'finding')} in {counted(len(numbers), 'file')}")
    for fixed in found.values():
        alike: dict[tuple[str, str], list[Finding]] = {}
        for refused in fixed.refused:
            alike.setdefault((refused.finding.code, refused.reason), []).append(refused.finding)
        for (code, reason), findings in alike.items():
            more = f", and {len(findings) - 1:,} more" if len(findings) > 1 else ""
            say(f"{place(findings[0])}: {code} is not fixed{more}: {reason}")
