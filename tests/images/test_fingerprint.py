"""The fingerprint: what it finds again, what it does not mix up, and that it never changes."""

import time
import tracemalloc

import numpy as np
import pytest
from image_builders import noise, smooth
from PIL import Image

from experiments.images import embedded_images, jpeg_version
from experiments.images.fingerprint import BITS, FORM, LIMIT, fingerprint, near_pairs

PHOTOGRAPHS = embedded_images()
# Two views of one scene, which the limit takes for one.
STEREO = {"motorcycle_left", "motorcycle_right"}


def list_pairs(*args, **options):
    return list(near_pairs(*args, **options))


def resize(pixels, factor, method=Image.Resampling.LANCZOS):
    height, width = pixels.shape[:2]
    return np.array(
        Image.fromarray(pixels).resize((round(width * factor), round(height * factor)), method)
    )


def crop(pixels, share):
    """Take a share of the height and width off each side."""
    top, left = (round(share * side) for side in pixels.shape[:2])
    return pixels[top : pixels.shape[0] - top, left : pixels.shape[1] - left]


def grey(pixels):
    return np.repeat(np.array(Image.fromarray(pixels).convert("L"))[..., None], 3, axis=-1)


def levels(pixels, change):
    return np.clip(change(pixels.astype(np.float64)), 0, 255).astype(np.uint8)


CHANGES = {
    "half": lambda p: resize(p, 0.5),
    "half, aliased": lambda p: resize(p, 0.5, Image.Resampling.NEAREST),
    "three quarters": lambda p: resize(p, 0.75, Image.Resampling.BILINEAR),
    "one and a half": lambda p: resize(p, 1.5),
    "squeezed": lambda p: np.array(Image.fromarray(p).resize((300, 300))),
    "JPEG 5": lambda p: jpeg_version(p, 5)[0],
    "grey": grey,
    "green alone": lambda p: np.repeat(p[..., 1:2], 3, axis=-1),
    "brighter": lambda p: levels(p, lambda x: x + 40),
    "darker": lambda p: levels(p, lambda x: x / 3),
    "gamma": lambda p: levels(p, lambda x: 255 * (x / 255) ** 0.6),
    "contrast": lambda p: levels(p, lambda x: 1.5 * x - 64),
    "mirrored": lambda p: p[:, ::-1],
    "upside down": lambda p: p[::-1],
    "turned": lambda p: np.rot90(p),
    "turned and mirrored": lambda p: np.rot90(p, 3)[::-1],
    "cropped": lambda p: crop(p, 0.03),
    "last row black": lambda p: np.concatenate([p[:-1], 0 * p[-1:]]),
    "all": lambda p: np.rot90(jpeg_version(grey(resize(crop(p, 0.01), 0.6)), 20)[0][::-1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_photograph_is_found_again_among_others(change):
    changed = [fingerprint(CHANGES[change](image.pixels)) for image in PHOTOGRAPHS]
    found = list_pairs(changed, [image.fingerprint for image in PHOTOGRAPHS])
    names = [{PHOTOGRAPHS[i].name, PHOTOGRAPHS[j].name} for i, j, _ in found]
    for image in PHOTOGRAPHS:
        assert {image.name} in names
    assert all(len(pair) == 1 or pair == STEREO for pair in names)


def eight(pixels):
    """Every mirrored and turned form of an image."""
    return [np.rot90(way, turns) for way in (pixels, pixels[:, ::-1]) for turns in range(4)]


@pytest.mark.parametrize("size", [(40, 50), (64, 64), (300, 17), (16, 16)])
def test_mirrored_and_turned_forms_are_no_distance_away(size):
    forms = [fingerprint(form) for form in eight(noise(*size))]
    assert len(set(forms)) == 8
    assert list_pairs(forms[:1], forms) == [(0, index, 0) for index in range(8)]


def test_the_distance_is_the_least_over_all_forms():
    one, other = [noise(32, 40, seed=seed) for seed in range(4)], [noise(30, 30, seed=9)]
    found = list_pairs([fingerprint(p) for p in one], [fingerprint(p) for p in other], limit=BITS)
    expected = []
    for index, pixels in enumerate(one):
        values = [
            int(fingerprint(form), 16) ^ int(fingerprint(other[0]), 16) for form in eight(pixels)
        ]
        expected.append((index, 0, min(value.bit_count() for value in values)))
    assert found == expected


def test_chance_pairs_are_far_from_the_limit():
    prints = [fingerprint(noise(20, 20, seed=seed)) for seed in range(60)]
    distances = [d for i, j, d in near_pairs(prints, prints, limit=BITS) if i < j]
    assert len(distances) == 60 * 59 // 2 and min(distances) > LIMIT + 10


@pytest.mark.parametrize("size", [(48, 37), (300, 20), (65, 129)])
def test_bits_are_signs_of_the_dct_of_the_averaged_luma(size):
    pixels = noise(*size)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    # Each pixel as 64x64 equal ones: boxes then have whole numbers of pixels.
    boxes = luma.repeat(64, axis=0).reshape(64, size[0], size[1]).mean(axis=1)
    boxes = boxes.repeat(64, axis=1).reshape(64, 64, size[1]).mean(axis=2)
    angles = np.pi / 128 * np.outer(np.arange(16), 2 * np.arange(64) + 1)
    spectrum = np.cos(angles) @ boxes @ np.cos(angles).T
    spectrum[0, 0] = 0
    digits = np.frombuffer(bytes.fromhex(fingerprint(pixels)), np.uint8)
    bits = np.unpackbits(digits).reshape(16, 16).astype(bool)
    clear = np.abs(spectrum) > 1024 * 0.02
    assert clear.sum() > 200
    np.testing.assert_array_equal(bits[clear], spectrum[clear] > 0)
    assert not bits[0, 0]


@pytest.mark.parametrize(
    "pixels",
    [
        noise(1, 1),
        noise(15, 400),
        noise(2, 70_000),
        np.zeros((40, 30, 3), np.uint8),
        np.full((70_000, 16, 3), 255, np.uint8),
        np.full((33, 47, 3), (200, 3, 77), np.uint8),
        smooth(),
        smooth(480, 640),
        np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (100, 1, 3)),
    ],
    ids=lambda pixels: "x".join(map(str, pixels.shape)),
)
def test_plain_and_tiny_images_look_like_nothing_else(pixels):
    plain = fingerprint(pixels)
    assert plain == f"{pixels.shape[1]}x{pixels.shape[0]}"
    assert FORM.fullmatch(plain)
    assert list_pairs([plain, plain], [plain, fingerprint(noise())], limit=BITS) == []


def test_nothing_to_compare_gives_nothing():
    assert list_pairs([], []) == list_pairs(["1x1"], ["1x1"]) == []


PINNED = {
    "astronaut": "42d692764c9f550f3228bd90dfb9c09bcc15b60a7b35b5e29cf34a51b50a67ad",
    "chelsea": "31ac5ffae6df46225131214897e25edba410e16552ca376ab8c835425c074265",
    "coffee": "3b2483cc209e37f26cf10fc336bc37cf72c29f277249330e62cf9d36733c773c",
    "motorcycle_left": "45110711c6314b0f925a70e8a88573692176cd42694b95138428b48ce58f7dd9",
    "motorcycle_right": "55900711c3916bc1936e7876aee5f3b5313bcd6a2d6a9589878c96e5e4c5549c",
}


def test_fingerprints_in_old_records_stay_valid():
    assert {image.name: image.fingerprint for image in PHOTOGRAPHS} == PINNED


@pytest.mark.slow
def test_ten_thousand_against_ten_thousand_take_seconds_and_little_memory():
    draws = np.random.default_rng(0)
    prints = [draws.bytes(32).hex() for _ in range(10_000)]
    tracemalloc.start()
    began = time.perf_counter()
    found = list_pairs(prints, prints, limit=0)
    seconds, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [(index, index, 0) for index in range(10_000)]
    assert seconds < 20
    assert peak < 50e6
