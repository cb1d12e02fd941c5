"""Downscaling: sizes, content, no aliasing."""

import numpy as np
import pytest
from image_builders import noise, smooth

from experiments.images import downscaled, downscaled_shape


def test_an_image_is_downscaled_in_both_directions_alike():
    pixels = smooth(101, 60)
    assert downscaled(pixels, 1) is pixels
    assert downscaled(pixels, 2.5).shape == downscaled_shape(pixels.shape, 2.5) == (40, 24, 3)
    assert downscaled(pixels, 1000).shape == (1, 1, 3)
    # A smooth image keeps its content.
    assert np.abs(downscaled(pixels, 2.5).astype(int) - smooth(40, 24)).max() <= 6


def test_downscaling_does_not_alias():
    # Noise averages out; taking every fourth pixel would keep its spread of 74.
    small = downscaled(noise(400, 400), 4)
    assert small.std() < 25
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    inner = downscaled(stripes, 2)[8:-8, 8:-8]
    assert inner.min() >= 120
    assert inner.max() <= 135


@pytest.mark.parametrize("factor", [0.5, 0, -1, float("nan")])
def test_enlarging_is_refused(factor):
    with pytest.raises(ValueError, match="must be at least 1"):
        downscaled(noise(), factor)
