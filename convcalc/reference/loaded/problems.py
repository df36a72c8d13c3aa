"""What is wrong with the weights in a file, collected so that a person sees all of it at once."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from convcalc.imports.errors import brief
from convcalc.language.source import Diagnostic, SpecError

CODE = "CC001"

_MOST_LISTED = 20
"""Arrays that are named in an error; the others are counted."""


UNREADABLE = (
    *(ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, struct.error),
    *(zipfile.BadZipFile, zlib.error),
)
"""What reading a file raises whose bytes are not as its format has them."""


class WeightProblems:
    """Sentences on arrays of a file, which become one error; `path` is the file as it was named."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._listed: list[tuple[str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._listed)

    def add(self, problem: str, advice: str = "") -> None:
        """Note what is wrong with an array, and what a person can do."""
        self._listed.append((problem, advice))

    def raise_any(self, advice: str = "") -> None:
        """Raise SpecError with what was noted, if there is any; `advice` stands where no other does."""
        if not self._listed:
            return
        shown = [_diagnostic(self.path, problem, own or advice) for problem, own in self._listed[:_MOST_LISTED]]
        left = len(self._listed) - len(shown)
        if left:
            shown.append(_diagnostic(self.path, f"and {left:,} more arrays", ""))
        raise SpecError(shown)

    @contextmanager
    def of_file(self) -> Iterator[None]:
        """Whatever goes wrong within is the file's fault, and said to be."""
        try:
            yield
        except OSError as error:
            raise refused(self.path, f"cannot be read: {error.strerror or error}") from None
        except UNREADABLE as error:
            raise refused(self.path, f"its arrays cannot be read: {error}", "write or copy the file again") from None


def refused(path: str, problem: str, advice: str = "") -> SpecError:
    """The error for a file as a whole."""
    return SpecError([_diagnostic(path, problem, advice)])


def _diagnostic(path: str, problem: str, advice: str) -> Diagnostic:
    return Diagnostic(path, 0, 0, 0, CODE, brief(problem, 500), advice)
