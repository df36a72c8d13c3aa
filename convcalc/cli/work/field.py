"""What `convcalc field` does."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from convcalc import steps
from convcalc.cli.options import amount, processors
from convcalc.cli.output import STDOUT, ExitCode, fail, refuse, reject, save, say, show
from convcalc.cli.work.progress import layers_done
from convcalc.cli.work.targets import ending
from convcalc.language.named import file_of, readable

if TYPE_CHECKING:
    from convcalc.network import Network
    from convcalc.opening import How
    from convcalc.reference.fields.effective_field import EffectiveField
    from convcalc.reference.loaded.load import LoadedWeights
    from convcalc.views.field.shared import Looked

ENDINGS = (".svg", ".png", ".npy")
"""What maps are written as."""
RANDOM = "random"
"""What `--weights` names for those that are drawn; a file of that name is ``./random``."""


def field(
    file: str,
    layer: str | None,
    *,
    outputs: Sequence[str],
    force: bool,
    position: tuple[int, ...] | None,
    weights: str | None,
    max_memory: str | None,
    threads: int | None,
    format: str,  # noqa: A002  # the option's name
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    how: How,
    settings: dict[str, Any],
) -> None:
    """Print the effective field of a layer, and write its map to the files of `outputs`.

    `settings` are arguments of `convcalc.effective_field`.
    """
    _check(outputs, [file_of(file), *([weights] if weights not in (None, RANDOM) else [])], force=force)
    most_bytes = _most_bytes(max_memory)
    used = threads or processors()
    for library in ("OPENBLAS", "OMP", "MKL"):  # read when NumPy is imported, which nothing has done yet
        os.environ[f"{library}_NUM_THREADS"] = str(used)
    from convcalc.cli.loading import load
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished
    from convcalc.views.field.shared import Looked

    try:
        with steps.afresh():
            network = load(file, inputs, variables, **how)
            drawn = _weights(network, weights, settings["dtype"], most_bytes)
            settings |= {"position": position, "threads": used, "weights": drawn}
            looked = Looked(readable(file), _effective_field(network, readable(file), layer, most_bytes, settings))
    except SpecError as error:
        reject(error.diagnostics)
    except steps.OutOfSteps:
        reject([unfinished(readable(file))])
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
    for output in outputs:
        save(output, _written(looked, output), force=force)
    if STDOUT not in outputs:
        show("field", format, looked)


def _check(outputs: Sequence[str], sources: Sequence[str], *, force: bool) -> None:
    """End the command where it is certain beforehand that a file would not be written."""
    for output in outputs:
        if ending(output) not in ENDINGS:
            fail(f"-o writes {', '.join(ENDINGS)}: expected a name that ends so, found {readable(output)}")
        refuse(output, force=force, sources=sources)
    if len({os.path.realpath(output) for output in outputs}) < len(outputs):
        fail("-o names the same file twice")


def _most_bytes(text: str | None) -> int:
    """What the run may take: what is asked for, or the limit that `verify` has, or what is free."""
    from convcalc.reference.memory import MOST_BYTES, free_bytes

    asked = amount(text, "--max-memory")
    if asked is not None:
        return asked
    free = free_bytes()
    return MOST_BYTES if free is None else min(free, MOST_BYTES)


def _weights(network: Network, source: str | None, dtype: str, most_bytes: int) -> LoadedWeights | None:
    """The weights of a file, or the model's own; None for random ones.

    Raises:
        SpecError: they do not fit the network, or cannot be read.
    """
    from convcalc.extras import NotInstalled
    from convcalc.reference.loaded.load import lacks_weights, load_weights
    from convcalc.reference.memory import TooLarge

    if source == RANDOM or (source is None and lacks_weights(network)):
        return None
    try:
        return load_weights(network, source, dtype=dtype, most_bytes=most_bytes)
    except TooLarge as error:
        _too_large(network, network.name, error)
    except NotInstalled as error:
        fail(str(error))


def _effective_field(
    network: Network, file: str, layer: str | None, most_bytes: int, settings: dict[str, Any]
) -> EffectiveField:
    """The field, or the end of the command with why there is none."""
    from convcalc.reference.fields.effective import effective_field
    from convcalc.reference.fields.position import NoEffectiveField
    from convcalc.reference.memory import TooLarge

    try:
        with layers_done(network.name) as progress:
            return effective_field(network, layer, most_bytes=most_bytes, progress=progress, **settings)
    except TooLarge as error:
        _too_large(network, file, error)
    except NoEffectiveField as error:
        fail(f"{file}: {error}")


def _too_large(network: Network, file: str, error: Any) -> NoReturn:
    from convcalc.views.words import binary

    fail(
        f"{file}: {network.name} is not run: it needs about {binary(error.needed)} of memory and may take "
        f"{binary(error.allowed)}; --max-memory {-(-error.needed // 2**30)}GiB runs it all the same, a smaller "
        "--input or an earlier layer needs less"
    )


def _written(looked: Looked, output: str) -> Iterator[bytes]:
    """The content of a file, by what its name ends in."""
    from convcalc.views.field import shared
    from convcalc.views.pictures.heat.drawing import svg
    from convcalc.views.pictures.heat.panels import panels
    from convcalc.views.pictures.heat.pixels import image

    if ending(output) == ".npy":
        import numpy as np

        numbers = io.BytesIO()
        np.save(numbers, looked.field.mass, allow_pickle=False)
        yield numbers.getvalue()
    elif ending(output) == ".png":
        yield image(list(panels(looked.field)))[0]
    else:
        facts = [*shared.facts(looked.field), *(("", part) for part in shared.convention(looked.field).split(" · "))]
        yield svg(looked.field, shared.heading(looked), facts).encode(errors="replace")
