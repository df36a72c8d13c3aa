"""`convcalc lint --fix` and `--diff`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcalc.cli.output import say
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.linting.fix import Fixed
    from convcalc.linting.records import Finding, Linted, Run
    from convcalc.linting.run import Linter


def fixes(linter: Linter, paths: Sequence[str], run: Run) -> dict[str, Fixed]:
    """What the fixes make of each file, by the path as it was given; a file that is named twice is there once."""
    from convcalc.language.source import Source
    from convcalc.linting.fix import fixed

    fixed_files: dict[str, Fixed] = {}
    targets = set()
    for path, linted in zip(paths, run.files, strict=False):
        if _target(path) in targets:
            continue
        targets.add(_target(path))

        def again(source: Source, path: str = path) -> Linted:
            return linter.file(path, source)

        mended = fixed(linted, again)
        if mended is not None:
            fixed_files[path] = mended
    return fixed_files


def show(fixed_files: dict[str, Fixed]) -> bool:
    """Print what would change, and nothing else; whether anything would."""
    from convcalc.views import diff

    changed = [file for file in fixed_files.values() if file.mended]
    for file in changed:
        diff.write(file.before, file.after, Output(sys.stdout))
    _say("would fix", fixed_files)
    return bool(changed)


def mended(linter: Linter, paths: Sequence[str], run: Run) -> tuple[Run, list[str]]:
    """Make fixes; the run over what is left, and what could not be written, as sentences."""
    fixed_files = fixes(linter, paths, run)
    problems = _write(fixed_files)
    targets = {_target(path): fixed.linted for path, fixed in fixed_files.items()}
    files = [targets.get(_target(path), linted) for path, linted in zip(paths, run.files, strict=False)]
    return linter.finished(files), problems


def _target(path: str) -> str:
    return path if path == "-" else os.path.realpath(path)


def _write(fixed_files: dict[str, Fixed]) -> list[str]:
    """Write what is fixed, that from standard input to standard output; returns what cannot be written, as sentences.

    What could not be written is not fixed, and taken out of `fixed_files`.
    """
    from convcalc.files import Unwritable
    from convcalc.linting.fix import write as replace

    problems = []
    for path, fixed in list(fixed_files.items()):
        try:
            if path == "-":
                Output(sys.stdout).data([fixed.after.text.encode()])
            elif fixed.mended:
                replace(path, fixed.before, fixed.after)
        except Unwritable as error:
            problems.append(str(error))
            del fixed_files[path]
    _say("fixed", fixed_files)
    return problems


def _say(what: str, fixed_files: dict[str, Fixed]) -> None:
    from convcalc.views.lint.shared import counted, place

    numbers = [len(fixed.mended) for fixed in fixed_files.values() if fixed.mended]
    if numbers:
        say(f"{what} {counted(sum(numbers), 'finding')} in {counted(len(numbers), 'file')}")
    for fixed in fixed_files.values():
        alike: dict[tuple[str, str], list[Finding]] = {}
        for refused in fixed.refused:
            alike.setdefault((refused.finding.code, refused.reason), []).append(refused.finding)
        for (code, reason), findings in alike.items():
            more = f", and {len(findings) - 1:,} more" if len(findings) > 1 else ""
            say(f"{place(findings[0])}: {code} is not fixed{more}: {reason}")
