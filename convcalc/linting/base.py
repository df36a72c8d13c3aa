"""What a spec was before: at a revision of git, or in another file."""

from __future__ import annotations

import os

from convcalc.analysis.analyze import as_written
from convcalc.analysis.report import Report
from convcalc.language.document import loads
from convcalc.language.revision import NotThere
from convcalc.language.source import STDIN, SpecError, is_stream
from convcalc.language.zoo import is_in_zoo
from convcalc.linting.options import Options, UsageError
from convcalc.opening import read, read_at


def base_of(options: Options, path: str, files: int) -> Report | str:
    """The report of the base of a spec; else why there is none, which is nothing to say where the spec is new.

    Raises:
        UsageError: there is no such revision, the file is no spec, or one file is the base of several.
    """
    base = str(options.base)
    is_file = os.path.isfile(base) or is_in_zoo(base) or (is_stream(base) and base != STDIN)
    if is_file and files > 1:
        raise UsageError(f"--base {base} is one spec, and cannot be the base of {files}; name a revision")
    if not is_file and path == "-":
        raise UsageError("--base is for files; standard input was nothing at a revision")
    try:
        given = options.inputs, options.variables
        how = options.how
        source = read(base, *given, **how) if is_file else read_at(base, path, *given, **how)
    except NotThere:
        return ""
    except SpecError as error:
        raise UsageError(f"--base {base}: {error.diagnostics[0].message}") from None
    try:
        return as_written(loads(source, inputs=options.inputs, variables=options.variables))
    except SpecError as error:
        problem = error.diagnostics[0]
        if is_file:  # nobody gates by a base that was never one
            raise UsageError(f"--base {base}: line {problem.line}: {problem.message}") from None
        return f"{source.path}:{problem.line}: {problem.message}"
