"""An image as the input of a network: its size, the order of its axes, and what its numbers are divided by.

Nothing is done that nobody asked for: an image of another size is refused. All that is done is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import msgspec
import numpy as np

from convcalc.imaging.reading import NoImage, Opened

if TYPE_CHECKING:
    from PIL.Image import Image

Array = Any
Layout = Literal["chw", "hwc"]
Filter = Literal["bilinear", "bicubic", "lanczos", "nearest"]

LARGEST_SIDE = 1 << 15
"""Pixels of a side that an image is resized to, at most."""


class Preprocessing(msgspec.Struct, frozen=True):
    """What is done to an image: pixels are divided by `divisor`, then `mean` is taken off and `std` divided by.

    `mean` and `std` have a number for each channel of the network, or one for all. `resize` is ``stretch`` for the
    network's own size, a number for the shorter side, ``HxW``, or empty: the image has the right size. `crop` cuts
    the middle out. `layout` is where the channels of the input are, empty where its shape says so.
    """

    divisor: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    order: Literal["rgb", "bgr"] = "rgb"
    layout: Layout | Literal[""] = ""
    resize: str = ""
    crop: bool = False
    filter: Filter = "bilinear"


PRESETS: dict[str, Preprocessing] = {
    "imagenet": Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    "unit": Preprocessing(),
    "symmetric": Preprocessing(mean=(0.5,), std=(0.5,)),
    "raw": Preprocessing(divisor=1.0),
}
"""Preprocessing by name: that of networks trained on ImageNet, 0 to 1, -1 to 1, and 0 to 255."""


class Prepared(NamedTuple):
    """An image as a network takes it.

    `array` has the input's shape, float32. `picture` is what it shows, [height, width, 3], a byte a number. `steps`
    say what was done, in order.
    """

    array: Array
    picture: Array
    layout: Layout
    steps: tuple[str, ...]


class ImageInput(NamedTuple):
    """An input that takes images, by its axes."""

    layout: Layout
    channels: int
    height: int
    width: int


def frame_of(name: str, shape: Sequence[int], layout: Layout | Literal[""] = "") -> ImageInput:
    """How an input of that shape takes an image; without a `layout` its channels are where 1 or 3 of them are.

    Raises:
        NoImage: it takes none.
    """
    text = "x".join(map(str, shape)) or "a single number"
    if len(shape) != 3:
        raise NoImage(f"input `{name}` takes no image: expected three axes, channels, height and width, found {text}")
    channels_first: dict[Layout, bool] = {"chw": True, "hwc": False}
    for kind in (layout,) if layout else channels_first:
        channels, *sizes = shape if channels_first[kind] else (shape[2], *shape[:2])
        if channels in (1, 3):
            return ImageInput(kind, channels, *sizes)
    where = {"chw": "first ", "hwc": "last "}.get(layout, "")
    raise NoImage(f"input `{name}` takes no image: expected 1 or 3 channels {where}in its shape, found {text}")


def prepared(source: Opened, frame: ImageInput, how: Preprocessing) -> Prepared:
    """Make of an image what an input takes.

    Raises:
        NoImage: the image has another size and nobody asked for it to be resized, or mean and deviation are not for
            so many channels.
    """
    mean = _for_channels(how.mean, frame.channels, "--mean")
    deviation = _for_channels(how.std, frame.channels, "--std")
    image, sizing = _sized(source.image, frame, how)
    pixels, mixing = _channels(image, frame.channels)
    steps = [*source.notes, *sizing, *mixing]
    shown = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).round().clip(0, 255).astype(np.uint8)
    if how.order == "bgr" and frame.channels == 3:
        pixels = pixels[:, :, ::-1]
        steps.append("blue first")
    with np.errstate(all="ignore"):  # what is not finite then is refused where the array is used
        array = (pixels / np.float32(how.divisor) - mean) / deviation
    steps.append(_arithmetic(how))
    if frame.layout == "chw":
        array = array.transpose(2, 0, 1)
    steps.append({"chw": "channels, rows, columns", "hwc": "rows, columns, channels"}[frame.layout])
    return Prepared(np.ascontiguousarray(array, np.float32), shown, frame.layout, tuple(steps))


def _for_channels(numbers: Sequence[float], channels: int, option: str) -> Array:
    if len(numbers) not in (1, channels):
        count = f"{channels} numbers, or 1" if channels > 1 else "1 number, as the network takes grey images"
        raise NoImage(f"{option}: expected {count}, found {len(numbers)}")
    return np.array(numbers, np.float32)


def _arithmetic(how: Preprocessing) -> str:
    """The formula that pixels went through, with its numbers."""
    parts = ["0 to 255" if how.divisor == 1 else f"divided by {how.divisor:g}"]
    if any(how.mean):
        parts.append(f"less {_numbers(how.mean)}")
    if any(number != 1 for number in how.std):
        parts.append(f"divided by {_numbers(how.std)}")
    return ", ".join(parts)


def _numbers(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers) if len(numbers) == 1 else f"({_numbers_of(numbers)})"


def _numbers_of(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _sized(image: Image, frame: ImageInput, how: Preprocessing) -> tuple[Image, list[str]]:
    """The image in the size of the network, and what was done for it."""
    steps = []
    wanted = (frame.width, frame.height)
    if how.resize:
        size = _new_size(how.resize, image.size, wanted)
        if size != image.size:
            filtered = "the nearest pixel of each" if how.filter == "nearest" else f"{how.filter} with antialiasing"
            steps.append(f"resized from {_size(image.size)} to {_size(size)}, {filtered}")
            image = image.resize(size, _resampling(how.filter))
    if how.crop and image.size != wanted and image.width >= frame.width and image.height >= frame.height:
        left, top = (round((have - want) / 2) for have, want in zip(image.size, wanted, strict=True))
        image = image.crop((left, top, left + frame.width, top + frame.height))
        steps.append(f"cut to the {_size(wanted)} in its middle")
    if image.size != wanted:
        raise NoImage(_other_size(image, frame, how))
    return image, steps


def _other_size(image: Image, frame: ImageInput, how: Preprocessing) -> str:
    wanted = (frame.width, frame.height)
    shorter = max(min(wanted), math.ceil(min(wanted) * 8 / 7))
    advice = (
        f"--resize stretch makes it so large, --resize {shorter} --crop keeps its proportions and cuts the middle out"
    )
    state = "it is then" if how.resize else "the image is"
    if how.resize and not how.crop:
        advice = f"--crop cuts the middle out, {advice}"
    return f"expected an image of {_size(wanted)} (height x width), {state} {_size(image.size)}: {advice}"


def _new_size(resize: str, size: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """The size, width first, that an image is resized to."""
    if resize == "stretch":
        return wanted
    try:
        numbers = [int(part) for part in resize.split("x")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not all(0 < number <= LARGEST_SIDE for number in numbers):
        expected = f"stretch, the pixels of the shorter side, or HEIGHTxWIDTH, of {LARGEST_SIDE} at most"
        raise NoImage(f"--resize: expected {expected}, found {resize!r}")
    if len(numbers) == 2:
        return numbers[1], numbers[0]
    factor = numbers[0] / min(size)
    longer = int(max(size) * factor)
    if longer > LARGEST_SIDE:
        raise NoImage(f"--resize {resize}: the longer side would have {longer} pixels, of {LARGEST_SIDE} at most")
    return (numbers[0], longer) if size[0] <= size[1] else (longer, numbers[0])


def _resampling(name: Filter) -> Any:
    from PIL import Image

    return Image.Resampling[name.upper()]


def _size(size: tuple[int, int]) -> str:
    """Height first, as shapes have it."""
    return f"{size[1]}x{size[0]}"


def _channels(image: Image, channels: int) -> tuple[Array, list[str]]:
    """The pixels as float32 [height, width, channels], and how grey and colour became the other."""
    steps = []
    if channels == 1 and image.mode == "RGB":
        image = image.convert("L")
        steps.append("made grey: 0.299 red, 0.587 green, 0.114 blue")
    pixels = np.asarray(image, np.float32)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
        if channels == 3:
            steps.append("grey in all three channels")
            pixels = np.repeat(pixels, 3, 2)
    return cast("Array", pixels), steps
