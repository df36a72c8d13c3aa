"""Images as they enter a network and as maps are drawn, against Pillow, NumPy and colour science of its own."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from convcalc.imaging import colours
from convcalc.imaging.drawing import alone, drawn, halves, largest, over
from convcalc.imaging.preprocessing import PRESETS, Preprocessing, frame_of, prepared
from convcalc.imaging.reading import NoImage, opened


def pixels(height: int = 6, width: int = 8, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def saved(folder: Path, image: Image.Image, name: str = "image.png", **settings: Any) -> str:
    path = folder / name
    image.save(path, **settings)
    return str(path)


def read(path: str, shape: tuple[int, ...], **how: Any) -> Any:
    preprocessing = Preprocessing(**how)
    return prepared(opened(path), frame_of("image", shape, preprocessing.layout), preprocessing)


def test_pixels_are_as_they_are_in_the_file(tmp_path: Path) -> None:
    array = pixels()
    result = read(saved(tmp_path, Image.fromarray(array)), (3, 6, 8))
    assert_array_equal(result.array, (array / np.float32(255)).transpose(2, 0, 1))
    assert result.array.dtype == np.float32
    assert_array_equal(result.picture, array)
    assert result.steps == ("divided by 255", "channels, rows, columns")


@pytest.mark.parametrize("layout", ["", "hwc"])
def test_channels_may_be_last(tmp_path: Path, layout: Any) -> None:
    array = pixels()
    result = read(saved(tmp_path, Image.fromarray(array)), (6, 8, 3), layout=layout, divisor=1.0)
    assert_array_equal(result.array, array)
    assert (result.layout, result.steps) == ("hwc", ("0 to 255", "rows, columns, channels"))


def test_imagenet_is_what_torchvision_documents(tmp_path: Path) -> None:
    array = pixels()
    path = saved(tmp_path, Image.fromarray(array))
    result = prepared(opened(path), frame_of("image", (3, 6, 8)), PRESETS["imagenet"])
    for channel, (mean, deviation) in enumerate(((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))):
        assert_allclose(result.array[channel], (array[:, :, channel] / 255 - mean) / deviation, atol=1e-6)
    expected = "divided by 255, less (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225)"
    assert result.steps[0] == expected


def test_blue_may_be_first(tmp_path: Path) -> None:
    array = pixels()
    result = read(saved(tmp_path, Image.fromarray(array)), (3, 6, 8), order="bgr", divisor=1.0, mean=(1.0, 2.0, 3.0))
    assert_array_equal(result.array, array[:, :, ::-1].transpose(2, 0, 1) - np.array([1, 2, 3])[:, None, None])
    assert_array_equal(result.picture, array)


def test_grey_is_in_all_channels_and_colour_becomes_grey(tmp_path: Path) -> None:
    grey = pixels()[:, :, 0]
    result = read(saved(tmp_path, Image.fromarray(grey)), (3, 6, 8), divisor=1.0)
    assert_array_equal(result.array, np.broadcast_to(grey, (3, 6, 8)))
    assert "grey in all three channels" in result.steps
    array = pixels()
    result = read(saved(tmp_path, Image.fromarray(array)), (1, 6, 8), divisor=1.0)
    assert_allclose(result.array[0], array @ np.array([0.299, 0.587, 0.114]), atol=0.51)
    assert "made grey: 0.299 red, 0.587 green, 0.114 blue" in result.steps


def test_transparent_pixels_are_laid_on_white(tmp_path: Path) -> None:
    array, alpha = pixels(), pixels(seed=1)[:, :, :1]
    image = Image.fromarray(np.concatenate([array, alpha], 2))
    result = read(saved(tmp_path, image), (3, 6, 8), divisor=1.0)
    share = alpha / 255
    assert_allclose(result.picture, array * share + 255 * (1 - share), atol=1.01)
    assert result.steps[0] == "laid on white where it is transparent"


def test_a_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = Image.new("P", (8, 6), 1)
    image.putpalette([10, 20, 30, 200, 100, 50])
    path = saved(tmp_path, image, transparency=0)
    assert_array_equal(read(path, (3, 6, 8)).picture, np.broadcast_to([200, 100, 50], (6, 8, 3)))


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_sixteen_bits_keep_what_is_finer_than_a_byte(tmp_path: Path, name: str) -> None:
    deep = np.random.default_rng(0).integers(0, 2**16, (6, 8)).astype(np.uint16)
    result = read(saved(tmp_path, Image.fromarray(deep), name), (1, 6, 8))
    assert_allclose(result.array[0], deep / 65535, atol=1e-6)
    assert result.steps[0] == "16 bits a pixel divided by 257"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_its_camera_was(tmp_path: Path, orientation: int) -> None:
    upright = pixels()
    moved = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(np.ascontiguousarray(moved[orientation])), exif=exif)
    result = read(path, (3, 6, 8))
    assert_array_equal(result.picture, upright)
    assert ("turned upright, as its EXIF data say" in result.steps) == (orientation != 1)


def test_another_size_is_refused_unless_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(pixels(30, 40)))
    with pytest.raises(NoImage, match=r"an image of 16x20 .*, the image is 30x40: --resize stretch .* --crop"):
        read(path, (3, 16, 20))
    result = read(path, (3, 16, 20), resize="stretch", filter="bicubic")
    expected = Image.fromarray(pixels(30, 40)).resize((20, 16), Image.Resampling.BICUBIC)
    assert_array_equal(result.picture, np.asarray(expected))
    assert result.steps[0] == "resized from 30x40 to 16x20, bicubic with antialiasing"
    steps = read(path, (3, 16, 20), resize="stretch", filter="nearest").steps
    assert steps[0] == "resized from 30x40 to 16x20, the nearest pixel of each"
    with pytest.raises(NoImage, match=r"it is then 20x26: --crop cuts the middle out"):
        read(path, (3, 16, 20), resize="20")


@pytest.mark.parametrize(("height", "width"), [(30, 40), (40, 30), (31, 31), (500, 333)])
def test_the_middle_is_that_of_torchvision(tmp_path: Path, height: int, width: int) -> None:
    """Shorter side to 20, the longer cut off to a whole number, and the middle by Python's own rounding."""
    image = Image.fromarray(pixels(height, width))
    size = (20, int(20 * height / width)) if width <= height else (int(20 * width / height), 20)
    smaller = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - 16) / 2), round((size[1] - 16) / 2)
    result = read(saved(tmp_path, image), (3, 16, 16), resize="20", crop=True)
    assert_array_equal(result.picture, np.asarray(smaller.crop((left, top, left + 16, top + 16))))
    assert "cut to the 16x16 in its middle" in result.steps


@pytest.mark.parametrize("resize", ["0", "-1", "x", "3x4x5", "1000000", "stretched", "4.5", "9" * 5000])
def test_a_size_that_is_none_is_refused(tmp_path: Path, resize: str) -> None:
    with pytest.raises(NoImage, match="--resize: expected stretch"):
        read(saved(tmp_path, Image.fromarray(pixels())), (3, 16, 16), resize=resize)


def test_numbers_are_for_each_channel(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(pixels()))
    with pytest.raises(NoImage, match="--mean: expected 3 numbers, or 1, found 2"):
        read(path, (3, 6, 8), mean=(1.0, 2.0))
    with pytest.raises(NoImage, match="--std: expected 1 number, as the network takes grey images, found 3"):
        read(path, (1, 6, 8), std=(1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((10,), "three axes, channels, height and width, found 10"),
        ((3, 4, 4, 4), "three axes.*found 3x4x4x4"),
        ((4, 8, 8), "1 or 3 channels in its shape, found 4x8x8"),
    ],
)
def test_what_takes_no_image_is_named(shape: tuple[int, ...], expected: str) -> None:
    with pytest.raises(NoImage, match=f"input `odd` takes no image: expected {expected}"):
        frame_of("odd", shape)
    with pytest.raises(NoImage, match="channels last in its shape"):
        frame_of("odd", (3, 8, 8), "hwc")


def broken(folder: Path, name: str) -> str:
    """A file of that name that is no image."""
    path = folder / f"{name}.png"
    good = io.BytesIO()
    Image.fromarray(pixels(64, 64)).save(good, "PNG")
    contents = {
        "text": b"not an image",
        "empty": b"",
        "cut": good.getvalue()[:2000],
        "head": good.getvalue()[:20],
        "flipped": bytes(byte ^ (1 if place > 3000 else 0) for place, byte in enumerate(good.getvalue())),
    }
    if name == "folder":
        path.mkdir()
    elif name != "absent":
        path.write_bytes(contents[name])
    return str(path)


@pytest.mark.parametrize("name", ["text", "empty", "cut", "head", "flipped", "folder", "absent"])
def test_what_is_no_image_is_said_to_be(tmp_path: Path, name: str) -> None:
    path = broken(tmp_path, name)
    with pytest.raises(NoImage) as error:
        opened(path)
    assert str(error.value).startswith(f"{path}: ")
    assert len(str(error.value)) < len(path) + 160


@pytest.mark.parametrize("share", [1.5, 3])
def test_an_image_that_would_fill_the_memory_is_refused(
    tmp_path: Path, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Pillow warns of, and what it refuses."""
    path = saved(tmp_path, Image.new("L", (60, 50)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(3000 / share))
    with pytest.raises(NoImage, match=f"its pixels are more than {int(3000 / share):,}"):
        opened(path)


def test_thirty_two_bits_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(np.full((4, 4), 70_000, np.int32)), "deep.tif")
    with pytest.raises(NoImage, match="8 or 16 bits"):
        opened(path)


def test_of_several_pictures_the_first(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 4), value) for value in (10, 200)]
    path = saved(tmp_path, frames[0], "two.gif", save_all=True, append_images=frames[1:])
    assert opened(path).notes[0] == "the first of 2 pictures"
    assert (np.asarray(opened(path).image.convert("L")) == 10).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_tiny_images_are_read_and_drawn(tmp_path: Path, shape: tuple[int, int]) -> None:
    result = read(saved(tmp_path, Image.fromarray(pixels(*shape))), (3, *shape))
    picture = Image.open(io.BytesIO(drawn(result.picture, np.ones(shape, np.float32))))
    assert picture.size == (2 * shape[1] * (448 // max(shape)) + 8, shape[0] * (448 // max(shape)))


def lab(table: Any) -> Any:
    """CIELAB of sRGB bytes, white D65, from the definitions."""
    share = table / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = linear @ np.array(matrix).T / np.array([0.95047, 1, 1.08883])
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


@pytest.mark.parametrize("half", ["heat", "more", "less"])
def test_colours_grow_lighter_all_the_way_in_steps_like_to_the_eye(half: str) -> None:
    """In CIELAB, which they are not made in: lightness never falls, and no stretch is much faster than others."""
    amounts = np.linspace(0, 1, 33)
    table = colours.heat(amounts) if half == "heat" else colours.signed(amounts if half == "more" else -amounts)
    points = lab(table.astype(float))
    assert (np.diff(points[:, 0]) > 0).all()
    assert points[0, 0] < 10
    assert points[-1, 0] > 80
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    assert steps.max() < 3 * steps.min()


def test_signs_are_told_apart_and_equal_amounts_are_equally_light() -> None:
    amounts = np.linspace(0.2, 1, 9)
    warm, cold = (lab(colours.signed(sign * amounts).astype(float)) for sign in (1, -1))
    assert np.abs(warm[:, 0] - cold[:, 0]).max() < 8
    assert (np.linalg.norm(warm - cold, axis=1) > 25).all()
    assert_array_equal(colours.signed(np.zeros(1)), colours.signed(np.array([-0.0])))


def test_a_picture_has_the_image_and_the_map_beside_it() -> None:
    picture = pixels(40, 30)
    amounts = np.zeros((40, 30), np.float32)
    amounts[10:14, 20:25] = 2.5
    image = Image.open(io.BytesIO(drawn(picture, amounts, "what it is")))
    image.load()
    assert (image.format, image.mode, image.info["Description"]) == ("PNG", "RGB", "what it is")
    array, times = np.asarray(image), 448 // 40
    assert array.shape == (40 * times, 2 * 30 * times + 8, 3)
    assert_array_equal(array[::times, : 30 * times : times], picture)
    assert (array[:, 30 * times : 30 * times + 8] == 255).all()
    right = array[::times, 30 * times + 8 :: times]
    assert_array_equal(right[10:14, 20:25], np.broadcast_to(colours.heat(np.ones(1)), (4, 5, 3)))
    grey = picture @ np.array([0.299, 0.587, 0.114]) * 0.55
    outside = amounts == 0
    assert_allclose(right[outside], np.repeat(grey[outside][:, None], 3, 1), atol=0.51)


def test_each_channel_has_a_panel_of_its_own() -> None:
    picture, values = pixels(448, 300), np.zeros((3, 448, 300), np.float32)
    values[0, 5, 5], values[1, 5, 5] = 1, -1
    array = np.asarray(Image.open(io.BytesIO(drawn(picture, values))))
    assert array.shape == (448, 4 * 300 + 3 * 8, 3)
    warm, cold, plain = (array[5, panel * 308 + 5] for panel in (1, 2, 3))
    assert warm[0] > warm[2]
    assert cold[2] > cold[0]
    assert plain[0] == plain[1] == plain[2]


def test_the_scale_ends_where_one_pixel_of_a_hundred_is_beyond() -> None:
    values = np.arange(1000, dtype=np.float32).reshape(20, 50)
    assert largest(values) == pytest.approx(np.percentile(values[values > 0], 99))
    padded = np.pad(values, 100)
    assert largest(padded) == largest(values)
    assert largest(-values) == largest(values)
    spike = np.zeros((20, 50), np.float32)
    spike[3, 3] = 7
    assert largest(spike) == 7
    assert largest(np.zeros((4, 4))) == 0
    assert (over(pixels(4, 4), np.zeros((4, 4))) <= 141).all()


def test_a_map_alone_is_its_colours() -> None:
    values = np.array([[0, 1], [0.5, 1]], np.float32)
    array = np.asarray(Image.open(io.BytesIO(alone(values))))
    assert_array_equal(array[::224, ::224], colours.heat(values))


def test_halves_are_means_of_squares() -> None:
    picture = np.repeat(np.repeat(pixels(8, 16), 8, 0), 8, 1)
    assert_array_equal(halves(picture, 16, 4), pixels(8, 16))
    assert halves(pixels(200, 100), 64, 24).shape == (48, 24, 3)
    assert halves(pixels(1, 100), 64, 24).shape == (2, 64, 3)
