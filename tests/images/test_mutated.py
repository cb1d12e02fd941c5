"""Files of strangers: whatever their bytes are, an image or one sentence comes back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from image_builders import encode, noise, smooth
from PIL import Image

PROGRAM = """
import sys
from pathlib import Path
from experiments.images import ImageError, read_image

read = refused = 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    print(path.name, flush=True)
    try:
        image = read_image(path)
    except ImageError as error:
        assert str(error).startswith(f"{path}: "), error
        assert "\\n" not in str(error), error
        refused += 1
    else:
        height, width, channels = image.pixels.shape
        assert channels == 3 and image.pixels.dtype == "uint8"
        assert 0 < height * width <= 2**26
        read += 1
print(read, refused)
"""


def seeds():
    """Small files that together reach most of what read_image decides."""
    exif = Image.Exif()
    exif[0x0112] = 6
    info = {"exif": exif, "icc_profile": bytes(200)}
    grey16 = (noise(20, 24, 1)[..., 0].astype(np.uint16)) * 257
    return [
        ("jpg", encode(smooth(40, 48), "JPEG", **info)),
        ("jpg", encode(smooth(40, 48), "JPEG", progressive=True)),
        ("jpg", encode(smooth(40, 48), "JPEG", mode="CMYK")),
        ("jpg", encode(smooth(40, 48)[..., 0], "JPEG")),
        ("png", encode(smooth(40, 48), "PNG", **info)),
        ("png", encode(noise(20, 24, 4), "PNG")),
        ("png", encode(grey16, "PNG")),
        ("png", encode(Image.fromarray(smooth(40, 48)).quantize(16), "PNG", transparency=3)),
        ("webp", encode(smooth(40, 48), "WEBP", **info)),
        ("bmp", encode(smooth(40, 48), "BMP")),
        ("ppm", encode(smooth(40, 48), "PPM")),
    ]


def mutate(content, rng):
    """Change some bytes, cut, insert, repeat or clear a piece."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 8)):
        at = int(rng.integers(len(content)))
        size = int(rng.integers(1, 40))
        kind = rng.integers(8)
        if kind < 4:
            content[at] = rng.integers(256)
        elif kind == 4:
            content[at : at + size] = bytes(len(content[at : at + size]))
        elif kind == 5:
            content[at:at] = rng.bytes(size)
        elif kind == 6:
            content[at:at] = content[at : at + size]
        elif len(content) > 2 * size:
            del content[at : at + size]
    return bytes(content)


def read_mutated(folder, count, seed):
    """Read `count` mutated files in a child process; give how many were read and refused."""
    rng, originals = np.random.default_rng(seed), seeds()
    for index in range(count):
        suffix, content = originals[index % len(originals)]
        (folder / f"{index:05d}.{suffix}").write_bytes(mutate(content, rng))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(folder)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=30 + count / 10,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, ""), f"at {lines[-1:]}: {done.stderr}"
    return [int(word) for word in lines[-1].split()]


def test_100_mutated_files_are_read_or_refused(tmp_path):
    read, refused = read_mutated(tmp_path, 100, seed=1)
    assert read + refused == 100
    assert min(read, refused) >= 10  # both ways out were taken


@pytest.mark.slow
def test_2000_mutated_files_are_read_or_refused(tmp_path):
    read, refused = read_mutated(tmp_path, 2000, seed=2)
    assert read + refused == 2000
    assert min(read, refused) >= 200
