"""What `convcalc saliency` does."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from convcalc.cli.loading import load_or_end
from convcalc.cli.output import fail, refuse, reject, save, show
from convcalc.cli.work.progress import layers_done, working
from convcalc.cli.work.targets import ending
from convcalc.language.named import file_of, readable

if TYPE_CHECKING:
    from typing import Unpack

    from convcalc.imaging.preprocessing import Prepared, Preprocessing
    from convcalc.imaging.reading import Opened
    from convcalc.network import Network
    from convcalc.opening import How
    from convcalc.reference.saliency import Saliency

ENDINGS = (".png", ".npy")


class Asking(msgspec.Struct, frozen=True):
    """What the command was given; `changed` are the fields of the preset that are given by options of their own."""

    file: str
    image: str
    class_index: int | None
    outputs: tuple[str, ...]
    channels: Any
    smooth: int
    noise: float
    noise_seed: int | None
    layer: str | None
    position: tuple[int, ...] | None
    input_name: str | None
    preset: str
    changed: dict[str, Any]
    weights: str | None
    seed: int | None
    most_bytes: int | None
    format: str
    force: bool


def saliency(asked: Asking, inputs: list[str] | None, variables: list[str] | None, **how: Unpack[How]) -> None:
    """Run the network there and back, write the files, and show what the map is of."""
    from convcalc.views.saliency.shared import ShownSaliency

    _check_targets(asked)
    opened = _opened(asked.image)
    network = load_or_end(asked.file, inputs, variables, **how)
    prepared = _prepared(asked, network, opened)
    result = _run(asked, network, prepared)
    for path in asked.outputs:
        save(path, _parts(path, result, prepared), force=asked.force)
    shown = ShownSaliency(
        result,
        readable(asked.file),
        readable(asked.image),
        (opened.image.height, opened.image.width),
        prepared.steps,
        prepared.picture,
        tuple(map(readable, asked.outputs)),
    )
    show("saliency", asked.format, shown)


def _check_targets(asked: Asking) -> None:
    """End the command where a file would not be written."""
    sources = [file_of(asked.file), asked.image, *([asked.weights] if asked.weights else [])]
    for path in asked.outputs:
        if ending(path) not in ENDINGS:
            fail(f"-o: expected a name that ends in {' or '.join(ENDINGS)}, found {readable(path)}")
        refuse(path, force=asked.force, sources=sources)
    if len(set(map(os.path.realpath, asked.outputs))) < len(asked.outputs):
        fail("-o names the same file twice")


def _opened(path: str) -> Opened:
    from convcalc.extras import NotInstalled
    from convcalc.imaging.reading import NoImage, opened

    try:
        return opened(path)
    except (NoImage, NotInstalled) as error:
        fail(str(error))


def _how(asked: Asking) -> Preprocessing:
    from convcalc.imaging.preprocessing import PRESETS

    return replace(PRESETS[asked.preset], **{name: value for name, value in asked.changed.items() if value is not None})


def _prepared(asked: Asking, network: Network, opened: Opened) -> Prepared:
    from convcalc.imaging.preprocessing import frame_of, prepared
    from convcalc.imaging.reading import NoImage
    from convcalc.reference.saliency import Unanswered, image_input

    how = _how(asked)
    try:
        name = image_input(network, asked.input_name)
        shape = next(node.shape for node in network.inputs if node.name == name)
        frame = frame_of(name, shape, how.layout)
    except (Unanswered, NoImage) as error:
        fail(f"{readable(asked.file)}: {error}")
    try:
        return prepared(opened, frame, how)
    except NoImage as error:
        fail(f"{readable(asked.image)}: {error}")


def _run(asked: Asking, network: Network, prepared: Prepared) -> Saliency:
    from convcalc.extras import NotInstalled
    from convcalc.language import SpecError
    from convcalc.reference.memory import MOST_BYTES, TooLarge, free_bytes
    from convcalc.reference.saliency import NoScore, Unanswered
    from convcalc.reference.saliency import saliency as work_out

    free = free_bytes()
    allowed = asked.most_bytes if asked.most_bytes is not None else (MOST_BYTES if free is None else free)
    settings: dict[str, Any] = {"position": asked.position, "input_name": asked.input_name, "layer": asked.layer}
    try:
        with layers_done(f"saliency of {network.name}") as progress:
            return work_out(
                network,
                prepared.array,
                class_index=asked.class_index,
                channels=asked.channels,
                smooth=asked.smooth,
                noise=asked.noise,
                noise_seed=asked.noise_seed,
                weights=asked.weights,
                seed=asked.seed,
                layout=prepared.layout,
                most_bytes=allowed,
                progress=progress,
                **settings,
            )
    except SpecError as error:
        reject(error.diagnostics)
    except TooLarge as error:
        fail(f"{readable(asked.file)}: {_too_large(error)}")
    except (NoScore, Unanswered) as error:
        fail(f"{readable(asked.file)}: {error}")
    except NotInstalled as error:
        fail(str(error))


def _too_large(error: Any) -> str:
    from convcalc.views.words import binary

    enough = -(-error.needed // 2**30)
    return (
        f"running it there and back needs about {binary(error.needed)} of memory, and it may take "
        f"{binary(error.allowed)}; --max-memory {enough}GiB runs it all the same, a smaller --input needs less"
    )


def _parts(path: str, result: Saliency, prepared: Prepared) -> Iterable[bytes]:
    """The bytes of a file: the map's numbers, or the picture with it."""
    from io import BytesIO

    if ending(path) == ".npy":
        import numpy as np

        stream = BytesIO()
        np.save(stream, result.map, allow_pickle=False)
        return [stream.getvalue()]
    from convcalc.imaging.drawing import drawn
    from convcalc.views.saliency.shared import headline
    from convcalc.visible import visible

    about = visible(f"{result.network.name}: {headline(result)}; {'; '.join(prepared.steps)}")
    with working("drawing the map"):
        return [drawn(prepared.picture, result.map, about)]
