"""Image files, brought into one form: upright, without transparency, grey or red, green and blue, 0 to 255.

Pillow reads them, and its guard against files that unpack to more than fits in memory stays as it is: what it warns of
is refused here.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple, cast

from convcalc.extras import require

if TYPE_CHECKING:
    from PIL.Image import Image

WHITE = (255, 255, 255)
"""What transparent pixels are laid on."""


class NoImage(ValueError):
    """A file or an array that no network can look at; the message says what was expected and what to do."""


class Opened(NamedTuple):
    """An image of mode L or RGB, or F where its numbers are finer than a byte; `notes` say what was done to it."""

    image: Image
    notes: tuple[str, ...]


def opened(path: str) -> Opened:
    """Read an image file.

    Raises:
        NoImage: it is no image, is cut off, or unpacks to more than Pillow's guard lets pass.
        NotInstalled: there is no Pillow.
    """
    require("images", "PIL", purpose="reading an image")
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # of metadata that is not looked at
            with Image.open(path) as image:
                return _in_one_form(image, path)
    except UnidentifiedImageError:
        raise NoImage(
            f"{path}: expected an image that Pillow reads, such as PNG or JPEG, found something else"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        problem = f"its pixels are more than {Image.MAX_IMAGE_PIXELS or 0:,}, which may be there to fill the memory"
        raise NoImage(f"{path}: {problem}; make it smaller with another program") from None
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise NoImage(f"{path}: cannot be read: {error.strerror}") from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        OverflowError,
    ) as error:  # what decoders raise for damaged files
        if isinstance(error, NoImage):
            raise
        raise NoImage(f"{path}: the image cannot be read to its end: {error}; copy or write the file again") from None


def _in_one_form(image: Image, path: str) -> Opened:
    from PIL import ImageOps
    from PIL.Image import alpha_composite, new

    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        notes.append(f"the first of {frames} pictures")
    image.load()
    upright = ImageOps.exif_transpose(image)
    if _orientation(image) != 1:
        notes.append("turned upright, as its EXIF data say")
    if upright.mode.startswith("I;16") or (upright.mode == "I" and _fits_16_bits(upright)):
        notes.append("16 bits a pixel divided by 257")
        return Opened(upright.convert("I").convert("F").point(lambda value: value * (1 / 257) + 0), tuple(notes))
    if upright.mode in ("I", "F"):
        raise NoImage(f"{path}: expected pixels of 8 or 16 bits, found {upright.mode} with 32: save it as PNG")
    if upright.has_transparency_data:
        notes.append("laid on white where it is transparent")
        layers = upright.convert("RGBA")
        upright = alpha_composite(new("RGBA", layers.size, (*WHITE, 255)), layers)
        upright = upright.convert("L" if image.mode == "LA" else "RGB")
    elif upright.mode == "1":
        upright = upright.convert("L")
    elif upright.mode not in ("L", "RGB"):
        notes.append(f"{upright.mode} made RGB")
        upright = upright.convert("RGB")
    return Opened(upright, tuple(notes))


def _orientation(image: Image) -> int:
    """How the camera was held, 1 for upright and for what no camera would write."""
    from PIL.ExifTags import Base

    value = image.getexif().get(Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def _fits_16_bits(image: Image) -> bool:
    lowest, highest = cast("tuple[float, float]", image.getextrema())  # it has the one channel
    return bool(lowest >= 0 and highest < 2**16)
