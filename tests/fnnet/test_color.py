"""RGB and YCbCr: loops, known colours, Pillow, scikit-image, and the grey images of LIVE1."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts_measures import COLOURS
from PIL import Image
from public_names import public_names
from skimage.color import rgb2ycbcr

import fnnet as fn

every_colour = pytest.mark.parametrize("row", COLOURS, ids=lambda row: row.name)


def colours(shape=(2, 3, 4, 3)):
    return np.random.default_rng(3).random(shape)


def test_every_conversion_has_a_row():
    rows = {row.name for row in COLOURS} | {row.inverse for row in COLOURS}
    assert rows == {name for name in public_names(fn.ops) if "ycbcr" in name}


@every_colour
def test_values_equal_the_printed_formulas_in_numpy_and_jax(row):
    x = colours()
    expected = row.oracle(x)
    ours = row.forward(x)
    assert type(ours) is np.ndarray and ours.dtype == np.float64
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(row.forward(255 * x, peak=255.0), 255 * expected, atol=1e-12 * 255)
    narrow = jax.jit(row.forward)(jnp.asarray(x, jnp.float32))
    assert narrow.dtype == jnp.float32
    np.testing.assert_allclose(narrow, expected, atol=1e-6)
    with jax.enable_x64(True):
        for form in (row.forward, jax.jit(row.forward), jax.vmap(row.forward)):
            wide = form(jnp.asarray(x))
            assert wide.dtype == jnp.float64
            np.testing.assert_allclose(wide, ours, rtol=0, atol=1e-15)


@every_colour
def test_there_and_back_is_exact_to_rounding(row):
    x = colours()
    for peak in (1.0, 255.0):
        there = row.forward(peak * x, peak=peak)
        np.testing.assert_allclose(row.backward(there, peak=peak), peak * x, atol=1e-12 * peak)
    back = row.backward(row.forward(jnp.asarray(x, jnp.float32)))
    np.testing.assert_allclose(back, x, atol=1e-6)


@every_colour
def test_half_precision_is_kept_and_computed_in_float32(row):
    x = jnp.asarray(colours(), jnp.bfloat16)
    y = row.forward(x)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y, row.forward(x.astype(jnp.float32)).astype(jnp.bfloat16))


@every_colour
def test_gradients_are_the_matrix(row):
    with jax.enable_x64(True):
        jacobian = jax.jacobian(row.forward)(jnp.asarray([0.2, 0.5, 0.9]))
    columns = [row.oracle(unit) - row.oracle(np.zeros(3)) for unit in np.eye(3)]
    np.testing.assert_allclose(jacobian, np.transpose(columns), atol=1e-12)


def test_known_colours():
    black, white, red = np.zeros(3), np.ones(3), np.array([1.0, 0, 0])
    levels = lambda f, x: (255 * f(x)).round(9).tolist()  # noqa: E731
    full, studio = fn.ops.rgb_to_ycbcr, fn.ops.rgb_to_ycbcr_studio
    assert levels(full, black) == [0, 128, 128]
    assert levels(full, white) == [255, 128, 128]
    assert levels(full, red) == [76.245, round(128 - 127.5 * 0.299 / 0.886, 9), 255.5]
    assert levels(studio, black) == [16, 128, 128]
    assert levels(studio, white) == [235, 128, 128]
    assert levels(studio, red) == [81.481, 90.203, 240]


def test_full_range_equals_pillow_s_to_a_rounding_step():
    x = np.random.default_rng(4).integers(0, 256, (40, 50, 3), np.uint8)
    theirs = np.asarray(Image.fromarray(x).convert("YCbCr"))
    ours = fn.ops.rgb_to_ycbcr(x.astype(np.float64), peak=255.0)
    assert np.abs(ours - theirs).max() <= 1


def test_studio_range_equals_scikit_image_s():
    x = colours()
    ours = fn.ops.rgb_to_ycbcr_studio(255 * x, peak=255.0)
    np.testing.assert_allclose(ours, rgb2ycbcr(x), rtol=1e-12)


def test_rounded_luma_is_the_grey_live1_of_the_literature(data_root):
    # The images as the literature distributes them: exact arithmetic decides all pixels but 32,
    # which are ties; those go as doubles do, added left to right, with weights times (1 / 255).
    # The formula as printed gives another level in 21 of them.
    weights = [65.481, 128.553, 24.966]
    levels_at_ties = []  # of the published images, and of the formula as printed
    for path in sorted((data_root / "live1" / "originals").iterdir()):
        with Image.open(path) as image:
            x = np.asarray(image.convert("RGB")).astype(np.float64)
        ours = np.floor(fn.ops.rgb_to_ycbcr_studio(x, peak=255.0)[..., 0] + 0.5)
        parts = x @ [65481.0, 128553.0, 24966.0] + 16 * 255000 + 127500  # whole: nothing is lost
        tie = parts % 255000 == 0
        assert (ours == parts // 255000)[~tie].all(), path
        for colour, level in zip(x[tie].tolist(), ours[tie], strict=True):
            r, g, b = (c * (w * (1 / 255)) for c, w in zip(colour, weights, strict=True))
            assert level == math.floor(((r + g) + b) + 16 + 0.5)
            r, g, b = (c * w for c, w in zip(colour, weights, strict=True))
            levels_at_ties.append((level, math.floor(16 + (r + g + b) / 255 + 0.5)))
    assert len(levels_at_ties) == 32
    assert sum(published != printed for published, printed in levels_at_ties) == 21


@every_colour
def test_what_is_no_colour_is_refused_in_a_sentence(row):
    for f in (row.forward, row.backward, jax.jit(row.forward)):
        for make in (np.zeros, jnp.zeros):
            with pytest.raises(fn.LayerError) as error:
                f(make((2, 3, 8, 8)))
            assert str(error.value) == (
                "expects colours (..., 3), got shape (2, 3, 8, 8); channels come last: did they "
                "come first?"
            )
            with pytest.raises(fn.LayerError) as error:
                f(make((2, 8, 1)))
            assert str(error.value) == "expects colours (..., 3), got shape (2, 8, 1)"
            with pytest.raises(fn.LayerError) as error:
                f(make((8, 8, 3), np.uint8))
            assert str(error.value) == (
                "expects floating-point values, got uint8; grey levels are divided by 255 first"
            )
