"""A spec as it was at a revision, from git.

Git is run without a shell, with every argument in its place: what begins with a dash cannot become an option.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from convcalc.language.named import readable
from convcalc.language.source import Diagnostic, SpecError
from convcalc.language.zoo import is_in_zoo

_LONGEST_WAIT = 60
"""Seconds that git may take."""


class NotThere(SpecError):
    """The revision is there, the file is not."""


class NoRevision(SpecError):
    """Git knows no revision of that name."""


def bytes_at(revision: str, path: str | os.PathLike[str]) -> tuple[str, bytes]:
    """What a file is called at a revision of the repository that it is in, and what was in it.

    Raises:
        SpecError: no git, no repository, no such revision, or no such file there.
    """
    if is_in_zoo(os.fspath(path)):
        raise _failed(str(path), "a network of the zoo ships with convcalc and has no revisions; name a file")
    file = Path(path)
    label = readable(f"{revision}:{path}")
    folder = file.parent
    while not folder.is_dir() and folder != folder.parent:  # a folder that was there at the revision alone
        folder = folder.parent
    if _git(label, folder, "rev-parse", "--is-inside-work-tree").returncode:
        where = folder if str(folder) != "." else "this folder"
        raise _failed(label, f"{where} is in no git repository, so there is no revision to compare with")
    commit = _commit(label, folder, revision)
    inside = os.path.relpath(file, folder).replace(os.sep, "/")
    content = _git(label, folder, "cat-file", "blob", f"{commit}:./{inside}")
    if content.returncode:
        raise NotThere(_failed(label, f"there is no file {path} at revision {revision}").diagnostics)
    return label, content.stdout


def renamed_from(revision: str, path: str | os.PathLike[str]) -> str:
    """What a file that git knows was called at a revision; nothing where it was not moved since.

    Raises:
        SpecError: git cannot be run, or there is no such revision.
    """
    label, folder = readable(f"{revision}:{path}"), os.path.dirname(path) or "."
    top = os.fsdecode(_git(label, Path(folder), "rev-parse", "--show-toplevel").stdout.rstrip(b"\n"))
    commit = _commit(label, Path(folder), revision)
    options = ("--name-status", "-z", "--find-renames", "--diff-filter=R", "--no-ext-diff")
    listed = _git(label, Path(top), "diff", *options, commit, "--").stdout
    _, *names = os.fsdecode(listed).split("\0")  # a score, the old name and the new one, again and again
    here = os.path.relpath(os.path.realpath(path), os.path.realpath(top)).replace(os.sep, "/")
    was = next((old for old, new in zip(names[::3], names[1::3], strict=False) if new == here), None)
    return os.path.relpath(os.path.join(top, was)) if was is not None else ""


def _commit(label: str, folder: Path, revision: str) -> str:
    commit = _git(label, folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit.returncode:
        advice = "`git branch -a` and `git tag` list names of revisions"
        raise NoRevision(_failed(label, f"there is no revision `{revision}`", advice).diagnostics)
    return commit.stdout.decode().strip()


def _git(label: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(  # noqa: S603  # no shell, and no argument that is an option
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_LONGEST_WAIT, check=False
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _failed(label, f"git cannot be run: {reason}") from None


def _failed(label: str, message: str, advice: str = "") -> SpecError:
    return SpecError([Diagnostic(label, 0, 0, 0, "CC001", message, advice)])
