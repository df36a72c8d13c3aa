"""What `convcalc import` does."""

from __future__ import annotations

from collections.abc import Mapping

from convcalc.cli.output import STDOUT, refuse, reject, save
from convcalc.language.named import readable


def import_(
    file: str,
    *,
    output: str = STDOUT,
    flat: bool = False,
    force: bool = False,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    strict: bool = False,
    scale: str = "",
    blocks: str = "",
) -> None:
    """Write the spec of a model file."""
    from convcalc import imports
    from convcalc.cli.loading import show_warnings
    from convcalc.imports.errors import CannotImport
    from convcalc.language import Diagnostic, SpecError
    from convcalc.language.zoo import is_in_zoo
    from convcalc.opening import model_inputs, model_values
    from convcalc.readable.text import text

    if is_in_zoo(file):
        advice = "`convcalc zoo NAME` prints one, and `convcalc export` makes a model of it"
        message = f"names a spec of the zoo, expected {imports.formats()}"
        reject([Diagnostic(readable(file), 0, 0, 0, "CC001", message, advice)])
    refuse(output, force=force, sources=[file])
    try:
        sizes, values = model_inputs(inputs), model_values(variables)
        imported = imports.read_file(file, imports.ReadOptions(sizes, values, strict, scale, blocks))
        spec = text(imported, flat=flat)
    except CannotImport as error:
        advice = "without --strict they are layers of unknown cost" if error.operators else ""
        reject([Diagnostic(readable(file), 0, 0, 0, error.code, str(error), advice)])
    except SpecError as error:
        reject(error.diagnostics)
    show_warnings(readable(file), filter(None, [imported.missing]))
    save(output, [spec.encode()], force=force)
