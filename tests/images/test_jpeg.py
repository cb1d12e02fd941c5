import io

import numpy as np
import pytest
from image_builders import noise, smooth
from PIL import Image

from experiments.images import embedded_images, jpeg_version


def psnr(x, y):
    return 10 * np.log10(255**2 / np.mean((x.astype(np.float64) - y.astype(np.float64)) ** 2))


@pytest.mark.parametrize(
    ("name", "psnr_db"), [("astronaut", 26.8419), ("coffee", 26.0300), ("chelsea", 28.4673)]
)
def test_quality_10_has_the_pinned_psnr(name, psnr_db):
    image = next(image for image in embedded_images() if image.name == name)
    decoded, _ = jpeg_version(image.pixels, 10)
    assert psnr(image.pixels, decoded) == pytest.approx(psnr_db, abs=0.01)


@pytest.mark.parametrize("pixels", [smooth(33, 47), noise()[..., 0]])
def test_it_is_what_pillow_makes_of_a_file(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=35)
    decoded, size = jpeg_version(pixels, 35)
    assert np.array_equal(decoded, np.array(Image.open(buffer)))
    assert (decoded.shape, decoded.dtype) == (pixels.shape, np.uint8)
    assert size == len(buffer.getvalue())


def test_color_is_4_2_0_at_every_quality():
    # One column in two is red, the other blue: chroma of half the columns cannot keep that.
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 255
    decoded, _ = jpeg_version(stripes, 100)
    assert np.abs(decoded.astype(int) - stripes).max() > 100


def test_any_memory_layout_gives_the_same_bytes():
    pixels = smooth()
    turned = np.ascontiguousarray(pixels[:, ::-1])
    for one, other in [(pixels[:, ::-1], turned), (np.asfortranarray(pixels), pixels)]:
        assert jpeg_version(one, 50)[1] == jpeg_version(other, 50)[1]
        assert np.array_equal(jpeg_version(one, 50)[0], jpeg_version(other, 50)[0])


@pytest.mark.parametrize("quality", [0, 101, -3])
def test_a_quality_off_the_scale_is_refused(quality):
    with pytest.raises(ValueError) as caught:
        jpeg_version(smooth(), quality)
    assert str(caught.value) == f"jpeg_version: quality={quality} must be from 1 to 100"


@pytest.mark.parametrize("quality", [10.0, "10", True, None])
def test_a_quality_that_is_no_integer_is_refused(quality):
    with pytest.raises(TypeError) as caught:
        jpeg_version(smooth(), quality)
    assert str(caught.value) == f"jpeg_version: quality={quality!r} must be an integer"


def test_pixels_of_another_kind_are_refused():
    with pytest.raises(ValueError) as caught:
        jpeg_version(smooth() / 255, 10)
    assert str(caught.value) == (
        "jpeg_version: pixels of shape (40, 50, 3) and type float64 must be uint8 of shape "
        "(H, W) or (H, W, 3)"
    )
